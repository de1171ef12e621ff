#include "learn/shuffle.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <vector>

namespace sobre {
namespace {

TEST(Permutation, EveryValueOnce) {
  for (uint64_t n = 1; n <= 300; ++n) {
    const Permutation order(n, 11, 3, n % 7);
    std::vector<bool> seen(n);
    for (uint64_t i = 0; i < n; ++i) {
      const uint64_t x = order(i);
      ASSERT_LT(x, n);
      ASSERT_FALSE(seen[x]);
      seen[x] = true;
    }
  }
}

TEST(Permutation, LargeOnesNeedNoMemory) {
  const uint64_t n = (uint64_t{1} << 40) + 12345;
  const Permutation order(n, 1, 2, 3);
  std::set<uint64_t> seen;
  for (uint64_t i = 0; i < 2000; ++i) {
    const uint64_t x = order(n - 1 - i * 7919);
    ASSERT_LT(x, n);
    EXPECT_TRUE(seen.insert(x).second);
  }
}

TEST(Permutation, DependsOnSeedUseAndNumberAndLooksRandom) {
  constexpr uint64_t kN = 1000;
  const Permutation base(kN, 1, 2, 3);
  const Permutation others[] = {
      {kN, 2, 2, 3}, {kN, uint64_t{1} << 40 | 1, 2, 3}, {kN, 1, 3, 3}, {kN, 1, 2, 4}, {kN, 1, 2, uint64_t{1} << 40 | 3}};
  for (const Permutation& other : others) {
    int equal = 0;
    for (uint64_t i = 0; i < kN; ++i) equal += base(i) == other(i) ? 1 : 0;
    EXPECT_LT(equal, 10);  // 1 is expected
  }
  // No trend: the correlation of position and value, of neighbours, and fixed points.
  double trend = 0, neighbours = 0;
  int fixed = 0;
  const double mean = (kN - 1) / 2.0, variance = (kN * kN - 1) / 12.0;
  for (uint64_t i = 0; i < kN; ++i) {
    trend += (static_cast<double>(i) - mean) * (static_cast<double>(base(i)) - mean) / variance / kN;
    neighbours += (static_cast<double>(base((i + 1) % kN)) - mean) * (static_cast<double>(base(i)) - mean) / variance / kN;
    fixed += base(i) == i ? 1 : 0;
  }
  EXPECT_LT(std::fabs(trend), 0.12);
  EXPECT_LT(std::fabs(neighbours), 0.12);
  EXPECT_LT(fixed, 8);
}

TEST(RowSplit, PartsAreApartAndComplete) {
  for (const uint64_t rows : {2u, 3u, 10u, 997u}) {
    for (const double part : {0.0, 0.001, 0.1, 0.5, 0.9}) {
      const RowSplit split(rows, part, 9);
      EXPECT_EQ(split.held() + split.trained(), rows);
      EXPECT_GE(split.trained(), 1u);
      EXPECT_GE(split.held(), part > 0 ? 1u : 0u);
      const double slack = rows >= 100 ? 1 : 2;
      EXPECT_NEAR(static_cast<double>(split.held()), static_cast<double>(rows) * part, slack);
      std::set<uint64_t> seen;
      for (uint64_t i = 0; i < split.held(); ++i) EXPECT_TRUE(seen.insert(split.held_row(i)).second);
      for (uint64_t i = 0; i < split.trained(); ++i) EXPECT_TRUE(seen.insert(split.trained_row(i)).second);
      EXPECT_EQ(seen.size(), rows);
    }
  }
  const RowSplit a(1000, 0.1, 1), b(1000, 0.1, 1), c(1000, 0.1, 2);
  std::set<uint64_t> in_a, in_c;
  for (uint64_t i = 0; i < 100; ++i) {
    EXPECT_EQ(a.held_row(i), b.held_row(i));
    in_a.insert(a.held_row(i));
    in_c.insert(c.held_row(i));
  }
  EXPECT_NE(in_a, in_c);
  EXPECT_EQ(RowSplit(1, 0.5, 1).held(), 0u);
}

}  // namespace
}  // namespace sobre
