#include "base/detmath.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>

namespace sobre {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr int kPoints = 200'000;

// The relative error of `got` against the wider oracle, in long double.
double relative_error(double got, long double want) {
  if (want == 0.0L) return got == 0.0 ? 0.0 : kInfinity;
  return static_cast<double>(std::fabs((static_cast<long double>(got) - want) / want));
}

TEST(DetmathExp, AgreesWithLibmOverItsRange) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> wide(-700.0, 700.0);
  std::uniform_real_distribution<double> narrow(-2.0, 2.0);
  double worst = 0.0;
  for (int i = 0; i < kPoints; ++i) {
    const double x = i % 2 == 0 ? wide(random) : narrow(random);
    worst = std::max(worst, relative_error(detmath::exp(x), std::exp(static_cast<long double>(x))));
  }
  EXPECT_LT(worst, 4e-16);
  RecordProperty("worst", std::to_string(worst * 0x1p53));
}

TEST(DetmathExp, EdgesAreExact) {
  EXPECT_EQ(detmath::exp(0.0), 1.0);
  EXPECT_EQ(detmath::exp(-0.0), 1.0);
  EXPECT_EQ(detmath::exp(-746.0), 0.0);
  EXPECT_EQ(detmath::exp(-kInfinity), 0.0);
  EXPECT_EQ(detmath::exp(710.0), kInfinity);
  EXPECT_EQ(detmath::exp(kInfinity), kInfinity);
  EXPECT_TRUE(std::isnan(detmath::exp(kNaN)));
  EXPECT_LT(relative_error(detmath::exp(709.7), std::exp(709.7L)), 1e-13);  // 709.7 as double and long double differ
  EXPECT_EQ(detmath::exp(-745.1), std::numeric_limits<double>::denorm_min());
  for (double x = -745.0; x < -700.0; x += 0.37) {
    EXPECT_NEAR(detmath::exp(x), std::exp(x), 0x1p-1074 + 4e-16 * std::exp(x)) << x;
  }
}

TEST(DetmathLog, AgreesWithLibm) {
  std::mt19937_64 random(2);
  std::uniform_real_distribution<double> near_one(0.5, 2.0);
  std::uniform_real_distribution<double> closer(1.0 - 1e-6, 1.0 + 1e-6);
  double worst = 0.0;
  for (int i = 0; i < kPoints; ++i) {
    double x = i % 3 == 0 ? near_one(random) : closer(random);
    if (i % 3 == 1) x = std::bit_cast<double>(random() % 0x7ff0000000000000ull);  // any positive finite value
    if (x == 0.0) continue;
    worst = std::max(worst, relative_error(detmath::log(x), std::log(static_cast<long double>(x))));
  }
  EXPECT_LT(worst, 4e-16);
  RecordProperty("worst", std::to_string(worst * 0x1p53));
}

TEST(DetmathLog, EdgesAreExact) {
  EXPECT_EQ(detmath::log(1.0), 0.0);
  EXPECT_EQ(detmath::log(0.0), -kInfinity);
  EXPECT_EQ(detmath::log(kInfinity), kInfinity);
  EXPECT_TRUE(std::isnan(detmath::log(-1.0)));
  EXPECT_TRUE(std::isnan(detmath::log(kNaN)));
  const double smallest = std::numeric_limits<double>::denorm_min();
  EXPECT_LT(relative_error(detmath::log(smallest), std::log(static_cast<long double>(smallest))), 4e-16);
  const double largest = std::numeric_limits<double>::max();
  EXPECT_LT(relative_error(detmath::log(largest), std::log(static_cast<long double>(largest))), 4e-16);
}

TEST(DetmathPow, AgreesWithLibm) {
  std::mt19937_64 random(3);
  std::uniform_real_distribution<double> exponent(-690.0, 690.0);
  std::uniform_real_distribution<double> log2_base(-1000.0, 1000.0);
  double worst = 0.0;
  for (int i = 0; i < kPoints; ++i) {
    // Any base, with an exponent that keeps the result in range.
    const double x = i % 2 == 0 ? std::exp2(log2_base(random)) : 1.0 + 1e-3 * std::fabs(exponent(random));
    const double log_x = std::log(x);
    if (log_x == 0.0) continue;
    const double y = exponent(random) / log_x;
    worst =
        std::max(worst, relative_error(detmath::pow(x, y), std::pow(static_cast<long double>(x), static_cast<long double>(y))));
  }
  EXPECT_LT(worst, 1e-14);
  RecordProperty("worst", std::to_string(worst * 0x1p53));
}

TEST(DetmathPow, RotaryFrequencies) {
  for (const double theta : {10000.0, 100000.0, 500000.0, 1000000.0}) {
    for (int i = 0; i < 128; ++i) {
      const double y = -2.0 * i / 256.0;
      EXPECT_LT(relative_error(detmath::pow(theta, y), std::pow(static_cast<long double>(theta), static_cast<long double>(y))),
                3e-16);
    }
  }
}

TEST(DetmathPow, EdgesAreExact) {
  EXPECT_EQ(detmath::pow(3.0, 0.0), 1.0);
  EXPECT_EQ(detmath::pow(1.0, 1e300), 1.0);
  EXPECT_EQ(detmath::pow(0.0, 2.0), 0.0);
  EXPECT_EQ(detmath::pow(0.0, -2.0), kInfinity);
  EXPECT_EQ(detmath::pow(2.0, 1e300), kInfinity);
  EXPECT_EQ(detmath::pow(2.0, -1e300), 0.0);
  EXPECT_EQ(detmath::pow(0.5, kInfinity), 0.0);
  EXPECT_EQ(detmath::pow(kInfinity, -1.0), 0.0);
  EXPECT_TRUE(std::isnan(detmath::pow(-1.0, 0.5)));
  EXPECT_TRUE(std::isnan(detmath::pow(2.0, kNaN)));
  EXPECT_EQ(detmath::pow(2.0, 10.0), 1024.0);
  EXPECT_EQ(detmath::pow(10000.0, 0.5), 100.0);
}

TEST(DetmathSinCos, AgreesWithLibm) {
  std::mt19937_64 random(4);
  double worst = 0.0;
  double worst_relative = 0.0;
  for (int i = 0; i < kPoints; ++i) {
    const double range = i % 4 == 0 ? 1e8 : i % 4 == 1 ? 1e4 : i % 4 == 2 ? 10.0 : 1e-3;
    const double x = std::uniform_real_distribution<double>(-range, range)(random);
    const long double s = std::sin(static_cast<long double>(x));
    const long double c = std::cos(static_cast<long double>(x));
    worst = std::max(worst, static_cast<double>(std::fabs(static_cast<long double>(detmath::sin(x)) - s)));
    worst = std::max(worst, static_cast<double>(std::fabs(static_cast<long double>(detmath::cos(x)) - c)));
    worst_relative = std::max({worst_relative, relative_error(detmath::sin(x), s), relative_error(detmath::cos(x), c)});
  }
  EXPECT_LT(worst, 3e-16);
  EXPECT_LT(worst_relative, 4e-16);
  RecordProperty("worst", std::to_string(worst_relative * 0x1p53));
}

TEST(DetmathSinCos, StaysExactNextToMultiplesOfHalfPi) {
  // The doubles nearest n pi / 2: what is left after the reduction is all rounding error of the argument.
  constexpr long double kHalfPi = 1.570796326794896619231321691639751442L;
  std::mt19937_64 random(5);
  double worst = 0.0;
  for (int i = 0; i < 20'000; ++i) {
    const int64_t n = i < 1000 ? i + 1 : static_cast<int64_t>(random() % 63'000'000);
    const auto x = static_cast<double>(static_cast<long double>(n) * kHalfPi);
    worst = std::max(worst, relative_error(detmath::sin(x), std::sin(static_cast<long double>(x))));
    worst = std::max(worst, relative_error(detmath::cos(x), std::cos(static_cast<long double>(x))));
  }
  EXPECT_LT(worst, 4e-16);
}

TEST(DetmathSinCos, Edges) {
  EXPECT_EQ(detmath::sin(0.0), 0.0);
  EXPECT_TRUE(std::signbit(detmath::sin(-0.0)));
  EXPECT_EQ(detmath::cos(0.0), 1.0);
  EXPECT_EQ(detmath::sin(1e-300), 1e-300);
  EXPECT_EQ(detmath::sin(-2.5), -detmath::sin(2.5));
  EXPECT_EQ(detmath::cos(-2.5), detmath::cos(2.5));
  EXPECT_TRUE(std::isnan(detmath::sin(kInfinity)));
  EXPECT_TRUE(std::isnan(detmath::cos(kNaN)));
  EXPECT_TRUE(std::isnan(detmath::sin(1e9)));  // beyond the stated range
}

// The bits themselves: what makes them the same on another machine, compiler or instruction set is this test passing there.
TEST(Detmath, BitsAreThoseOfEveryMachine) {
  uint64_t digest = 0xcbf29ce484222325ull;
  const auto add = [&digest](double v) { digest = (digest ^ std::bit_cast<uint64_t>(v)) * 0x100000001b3ull; };
  for (int i = -2000; i <= 2000; ++i) {
    const double x = 0.37 * i;
    add(detmath::exp(0.9 * x));
    add(detmath::log(std::ldexp(1.0 + 1e-4 * (i + 2000), i / 2)));
    add(detmath::pow(10000.0, 0.05 * x));
    add(detmath::sin(1000.0 * x));
    add(detmath::cos(1e5 * x));
  }
  EXPECT_EQ(digest, 0xaf0b974ae5cc4a2bu) << std::hex << digest;
}

}  // namespace
}  // namespace sobre
