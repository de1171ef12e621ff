#include "base/random.h"

#include <gtest/gtest.h>

namespace sobre {
namespace {

// Known answers published with the Random123 library.
TEST(Random, PhiloxGivesThePublishedAnswers) {
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}), (std::array<uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
            (std::array<uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (std::array<uint32_t, 4>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Random, UnitsAreSpreadAndDependOnAllThreeNumbers) {
  double sum = 0;
  for (uint64_t i = 0; i < 10000; ++i) {
    const double u = random_unit(5, 1, i);
    ASSERT_GE(u, 0.0);
    ASSERT_LT(u, 1.0);
    sum += u;
  }
  EXPECT_NEAR(sum / 10000, 0.5, 0.02);
  EXPECT_NE(random_unit(5, 1, 7), random_unit(6, 1, 7));
  EXPECT_NE(random_unit(5, 1, 7), random_unit(5, 2, 7));
  EXPECT_NE(random_unit(5, 1, 7), random_unit(5, 1, 8));
}

}  // namespace
}  // namespace sobre
