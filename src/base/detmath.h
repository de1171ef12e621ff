// Mathematical functions whose results are the same bits on every machine: + - * / sqrt, fma and conversions only, no libm.
// Used wherever a value flows into a logit or a sampled token (RoPE tables, scaling rules, sampling). Double precision, error
// below 1e-14 relative (1e-15 absolute near zeros of sin and cos) over the stated ranges. Pure functions, any thread.
#pragma once

namespace sobre::detmath {

/// e^x for |x| <= 700; below -745.2 gives 0, above 709.79 infinity.
[[nodiscard]] double exp(double x);
/// Natural logarithm of a positive finite x (0 gives -infinity).
[[nodiscard]] double log(double x);
/// x^y for x > 0 (0^y is 0, 1 or infinity; NaN for negative x).
[[nodiscard]] double pow(double x, double y);
/// For |x| up to 1e8 radians; NaN beyond 2^27.
[[nodiscard]] double sin(double x);
[[nodiscard]] double cos(double x);

}  // namespace sobre::detmath
