// The quantisers of single blocks, one function per type: from block_elements floats to block_bytes bytes. quantize.cpp has the
// 32-element types and the row loop, quantize_k.cpp the 256-element ones. Used by quantize_row only. Pure and deterministic
// (no libm, no reordered sums), any thread. Inputs that are not finite give unspecified but valid blocks.
#pragma once

#include <bit>
#include <cstdint>

#include "tensor/dtype.h"

namespace sobre::quantize_blocks {

void quantize_q2_k(const float* x, uint8_t* b);
void quantize_q3_k(const float* x, uint8_t* b);
void quantize_q4_k(const float* x, uint8_t* b);
void quantize_q5_k(const float* x, uint8_t* b);
void quantize_q6_k(const float* x, uint8_t* b);

inline float magnitude(float v) { return std::bit_cast<float>(std::bit_cast<uint32_t>(v) & 0x7fffffffu); }

/// v limited to [low, high]; NaN becomes low.
inline float limit(float v, float low, float high) {
  const float at_least = v > low ? v : low;
  return at_least < high ? at_least : high;
}

/// The integer nearest v (ties to even) within [low, high], both far below 2^22; NaN becomes low.
inline int round_within(float v, int low, int high) {
  constexpr float kShift = 0x1.8p23f;  // the sum's last mantissa bit is 1, so the addition rounds to an integer
  const float limited = limit(v, static_cast<float>(low), static_cast<float>(high));
  return static_cast<int>((limited + kShift) - kShift);
}

inline constexpr float kLargestF16 = 65504.0f;
inline constexpr float kSmallestF16 = 0x1p-24f;
/// Values below half the smallest f16 round to zero in every type.
inline constexpr float kNegligible = 0x1p-25f;

/// The f16 nearest to a scale that is not zero, kept off zero and infinity: a block then saturates instead of vanishing or
/// overflowing. Zero and NaN give 0.
inline uint16_t scale_to_f16(float d) {
  const float size = magnitude(d);
  if (!(size > 0.0f)) return 0;
  const float kept = limit(size, kSmallestF16, kLargestF16);
  return f32_to_f16(d < 0.0f ? -kept : kept);
}

/// The f16 nearest to an additive minimum, kept off infinity.
inline uint16_t minimum_to_f16(float m) { return f32_to_f16(limit(m, -kLargestF16, kLargestF16)); }

}  // namespace sobre::quantize_blocks
