#include "base/detmath.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace sobre::detmath {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// ln 2 in two parts; the first has 42 bits, so that its product with any exponent is exact.
constexpr double kLn2High = 0x1.62e42fefa3800p-1;
constexpr double kLn2Low = 0x1.ef35793c76730p-45;
constexpr double kInverseLn2 = 0x1.71547652b82fep+0;
// pi / 2 in three parts of 53 bits each, together 159 bits.
constexpr double kHalfPi1 = 0x1.921fb54442d18p+0;
constexpr double kHalfPi2 = 0x1.1a62633145c07p-54;
constexpr double kHalfPi3 = -0x1.f1976b7ed8fbcp-110;
constexpr double kTwoOverPi = 0x1.45f306dc9c883p-1;

/// A value as an unevaluated sum: about twice the precision of a double.
struct Sum {
  double high, low;
};

// a + b exactly.
Sum two_sum(double a, double b) {
  const double sum = a + b;
  const double b_part = sum - a;
  return {sum, (a - (sum - b_part)) + (b - b_part)};
}

// The nearest integer, ties to even, for |x| < 2^51: the sum's last mantissa bit is 1.
double round_to_integer(double x) {
  constexpr double kShift = 0x1.8p52;
  return (x + kShift) - kShift;
}

// 2^k for -1022 <= k <= 1023.
double power_of_two(int64_t k) { return std::bit_cast<double>(static_cast<uint64_t>(k + 1023) << 52); }

template <int N>
double horner(double x, const double (&coefficients)[N]) {
  double value = coefficients[N - 1];
  for (int i = N - 2; i >= 0; --i) value = std::fma(value, x, coefficients[i]);
  return value;
}

// e^(high + low): e^x = 2^k e^r with |r| <= ln 2 / 2, and the Taylor series of e^r (remainder below 2^-57 of the result).
double exp_of(Sum x) {
  // e^709.79 overflows; e^-745.2 is less than half the smallest subnormal.
  if (x.high > 709.79) return kInfinity;
  if (x.high < -745.2) return 0.0;
  if (x.high != x.high) return x.high;
  static constexpr double kSeries[] = {1.0 / 2,       1.0 / 6,        1.0 / 24,        1.0 / 120,
                                       1.0 / 720,     1.0 / 5040,     1.0 / 40320,     1.0 / 362880,
                                       1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800};
  const double k = round_to_integer(x.high * kInverseLn2);
  const double r = std::fma(-k, kLn2Low, std::fma(-k, kLn2High, x.high)) + x.low;
  const double e_r = 1.0 + std::fma(r * r, horner(r, kSeries), r);
  // In two steps: 2^k itself may lie outside the range of normal numbers while the result does not.
  const auto exponent = static_cast<int64_t>(k);
  const int64_t half = exponent / 2;
  return e_r * power_of_two(half) * power_of_two(exponent - half);
}

// ln x for positive finite x, to about 2^-60 of its value. x = 2^k m with m within [sqrt 1/2, sqrt 2) and
// ln m = 2 atanh(s), s = (m - 1) / (m + 1): 2 s in double-double, the rest of the series (under 1 % of it) in double.
Sum log_of(double x) {
  int64_t k = 0;
  if (x < 0x1p-1022) {
    x *= 0x1p54;
    k = -54;
  }
  const auto bits = std::bit_cast<uint64_t>(x);
  k += static_cast<int64_t>(bits >> 52) - 1023;
  double m = std::bit_cast<double>((bits & 0x000fffffffffffffull) | 0x3ff0000000000000ull);
  if (m > 0x1.6a09e667f3bcdp0) {
    m *= 0.5;
    k += 1;
  }
  const double f = m - 1.0;  // exact
  const Sum denominator = two_sum(m, 1.0);
  const double s = f / denominator.high;
  const double s_low = (std::fma(-s, denominator.high, f) - s * denominator.low) / denominator.high;
  static constexpr double kSeries[] = {2.0 / 3,  2.0 / 5,  2.0 / 7,  2.0 / 9,  2.0 / 11, 2.0 / 13,
                                       2.0 / 15, 2.0 / 17, 2.0 / 19, 2.0 / 21, 2.0 / 23};
  const double z = s * s;
  const double tail = s * z * horner(z, kSeries);
  const auto exponent = static_cast<double>(k);
  const Sum head = two_sum(exponent * kLn2High, 2.0 * s);
  const double low = head.low + (std::fma(exponent, kLn2Low, 2.0 * s_low) + tail);
  return two_sum(head.high, low);
}

// x - n pi / 2 with |result| <= pi / 4 (a little more by rounding), and n mod 4.
struct Quadrant {
  Sum r;
  int n;
};
constexpr double kLargestAngle = 0x1p27;  // above 1e8

Quadrant reduce(double x) {
  const double n = round_to_integer(x * kTwoOverPi);
  const double first = std::fma(-n, kHalfPi1, x);  // exact: a multiple of ulp(pi / 2) and below 1
  const double product = n * kHalfPi2;
  const double product_low = std::fma(n, kHalfPi2, -product);
  const Sum second = two_sum(first, -product);
  return {two_sum(second.high, second.low - std::fma(n, kHalfPi3, product_low)), static_cast<int>(static_cast<int64_t>(n) & 3)};
}

// Taylor series on |r| <= pi / 4; the first term left out is below 2^-58 of the result.
double sin_kernel(Sum r) {
  static constexpr double kSeries[] = {-1.0 / 6,        1.0 / 120,        -1.0 / 5040,          1.0 / 362880,
                                       -1.0 / 39916800, 1.0 / 6227020800, -1.0 / 1307674368000, 1.0 / 355687428096000};
  const double z = r.high * r.high;
  // sin(high + low) = sin(high) + low cos(high)
  return r.high + std::fma(r.high * z, horner(z, kSeries), r.low * (1.0 - 0.5 * z));
}

double cos_kernel(Sum r) {
  static constexpr double kSeries[] = {1.0 / 24,        -1.0 / 720,         1.0 / 40320,          -1.0 / 3628800,
                                       1.0 / 479001600, -1.0 / 87178291200, 1.0 / 20922789888000, -1.0 / 6402373705728000};
  const double z = r.high * r.high;
  const double half = 0.5 * z;
  const double lead = 1.0 - half;
  const double lost = (1.0 - lead) - half;  // what rounding 1 - half cut off
  return lead + (lost + std::fma(z * z, horner(z, kSeries), -r.high * r.low));
}

bool reducible(double x) { return x >= -kLargestAngle && x <= kLargestAngle; }

}  // namespace

double exp(double x) { return exp_of({x, 0.0}); }

double log(double x) {
  if (x == 0.0) return -kInfinity;
  if (!(x > 0.0)) return kNaN;
  if (x == kInfinity) return x;
  return log_of(x).high;
}

double pow(double x, double y) {
  if (y == 0.0) return 1.0;
  if (x == 0.0) return y > 0.0 ? 0.0 : kInfinity;
  if (!(x > 0.0)) return kNaN;
  if (x == kInfinity) return y > 0.0 ? kInfinity : 0.0;
  const Sum l = log_of(x);
  const double high = y * l.high;
  if (!(high > -800.0 && high < 800.0)) return exp_of({high, 0.0});  // 0, infinity or NaN
  return exp_of({high, std::fma(y, l.high, -high) + y * l.low});
}

double sin(double x) {
  if (!reducible(x)) return kNaN;
  if (x == 0.0) return x;
  const Quadrant q = reduce(x);
  const double value = (q.n & 1) != 0 ? cos_kernel(q.r) : sin_kernel(q.r);
  return (q.n & 2) != 0 ? -value : value;
}

double cos(double x) {
  if (!reducible(x)) return kNaN;
  const Quadrant q = reduce(x);
  const double value = (q.n & 1) != 0 ? sin_kernel(q.r) : cos_kernel(q.r);
  return ((q.n + 1) & 2) != 0 ? -value : value;
}

}  // namespace sobre::detmath
