#include <algorithm>
#include <bit>
#include <cstring>

#include "tensor/block_bytes.h"
#include "tensor/dtype.h"
#include "tensor/quantize_blocks.h"

namespace sobre {
namespace {

using namespace block_bytes;
using namespace quantize_blocks;

constexpr int kBlock = 32;

// The value farthest from zero, with its sign; 0 when all are negligible.
float extreme_of(const float* x, int n) {
  float extreme = 0.0f;
  for (int i = 0; i < n; ++i) {
    if (magnitude(x[i]) > magnitude(extreme)) extreme = x[i];
  }
  return magnitude(extreme) < kNegligible ? 0.0f : extreme;
}

// The reference quantisers of these formats round with the f32 scale although they store its f16, and give the same bytes as
// we do for ordinary weights. Where f16 is coarse (subnormal) or saturates, rounding with the stored scale loses much less.
float rounding_value(float wanted, uint16_t stored) {
  const float size = magnitude(wanted);
  return size >= 0x1p-14f && size <= kLargestF16 ? wanted : f16_to_f32(stored);
}

float inverse(float d) { return d == 0.0f ? 0.0f : 1.0f / d; }

// Nearest integer, halves away from zero: exact, since v minus its whole part is.
int round_half_away(float v) {
  const int whole = static_cast<int>(v);
  const float rest = v - static_cast<float>(whole);
  return whole + (rest >= 0.5f ? 1 : 0) - (rest <= -0.5f ? 1 : 0);
}

// Codes 0..15 of 32 elements into 16 bytes: elements 0..15 in the low halves.
void store_nibbles(const uint8_t* codes, uint8_t* qs) {
  for (int i = 0; i < 16; ++i) qs[i] = static_cast<uint8_t>((codes[i] & 15) | (codes[i + 16] << 4));
}

uint32_t fifth_bits(const uint8_t* codes) {
  uint32_t bits = 0;
  for (int i = 0; i < kBlock; ++i) bits |= static_cast<uint32_t>(codes[i] >> 4) << i;
  return bits;
}

// Q4_0 and Q5_0: the value farthest from zero becomes exactly the lowest level, -half. Returns d; codes are 0..2*half-1.
uint16_t fit_symmetric(const float* x, int half, uint8_t* codes) {
  const float d = extreme_of(x, kBlock) / static_cast<float>(-half);
  const uint16_t stored = scale_to_f16(d);
  const float id = inverse(rounding_value(d, stored));
  const float top = static_cast<float>(2 * half - 1);
  for (int i = 0; i < kBlock; ++i) {
    codes[i] = static_cast<uint8_t>(limit(x[i] * id + (static_cast<float>(half) + 0.5f), 0.0f, top));
  }
  return stored;
}

// Q4_1 and Q5_1: the levels 0..top span from the least to the greatest value.
struct ScaleAndMinimum {
  uint16_t d, m;
};
ScaleAndMinimum fit_range(const float* x, int top, uint8_t* codes) {
  float least = x[0];
  float greatest = x[0];
  for (int i = 1; i < kBlock; ++i) {
    if (x[i] < least) least = x[i];
    if (x[i] > greatest) greatest = x[i];
  }
  const float span = greatest - least;
  const float d = span < kNegligible ? 0.0f : span / static_cast<float>(top);
  const ScaleAndMinimum stored = {scale_to_f16(d), minimum_to_f16(least)};
  const float id = inverse(rounding_value(d, stored.d));
  const float m = rounding_value(least, stored.m);
  for (int i = 0; i < kBlock; ++i) {
    codes[i] = static_cast<uint8_t>(limit((x[i] - m) * id + 0.5f, 0.0f, static_cast<float>(top)));
  }
  return stored;
}

void quantize_q4_0(const float* x, uint8_t* b) {
  uint8_t codes[kBlock];
  store_u16(b, fit_symmetric(x, 8, codes));
  store_nibbles(codes, b + 2);
}

void quantize_q5_0(const float* x, uint8_t* b) {
  uint8_t codes[kBlock];
  store_u16(b, fit_symmetric(x, 16, codes));
  store_u32(b + 2, fifth_bits(codes));
  store_nibbles(codes, b + 6);
}

void quantize_q4_1(const float* x, uint8_t* b) {
  uint8_t codes[kBlock];
  const ScaleAndMinimum fit = fit_range(x, 15, codes);
  store_u16(b, fit.d);
  store_u16(b + 2, fit.m);
  store_nibbles(codes, b + 4);
}

void quantize_q5_1(const float* x, uint8_t* b) {
  uint8_t codes[kBlock];
  const ScaleAndMinimum fit = fit_range(x, 31, codes);
  store_u16(b, fit.d);
  store_u16(b + 2, fit.m);
  store_u32(b + 4, fifth_bits(codes));
  store_nibbles(codes, b + 8);
}

void quantize_q8_0(const float* x, uint8_t* b) {
  const float d = magnitude(extreme_of(x, kBlock)) / 127.0f;
  const uint16_t stored = scale_to_f16(d);
  const float id = inverse(rounding_value(d, stored));
  store_u16(b, stored);
  for (int i = 0; i < kBlock; ++i) b[2 + i] = static_cast<uint8_t>(round_half_away(limit(x[i] * id, -127.0f, 127.0f)));
}

// The index of the entry of kIq4Values nearest v: the number of midpoints between neighbours that v exceeds.
int nearest_iq4(float v) {
  int index = 0;
  for (int k = 0; k < 15; ++k) index += 2.0f * v > static_cast<float>(kIq4Values[k] + kIq4Values[k + 1]) ? 1 : 0;
  return index;
}

// The scale with the least squared error among those found from several first guesses: each guess assigns levels, and the best
// scale for these levels has a closed form. The guesses put the value farthest from zero on and around the lowest level.
float fit_iq4_scale(const float* x, float extreme) {
  float best = extreme / static_cast<float>(kIq4Values[0]);
  double best_gain = 0.0;
  for (int step = -8; step <= 8; ++step) {
    const float id = static_cast<float>(kIq4Values[0] + 3 * step) / extreme;
    double xq = 0.0;
    double qq = 0.0;
    for (int i = 0; i < kBlock; ++i) {
      const double q = kIq4Values[nearest_iq4(x[i] * id)];
      xq += static_cast<double>(x[i]) * q;
      qq += q * q;
    }
    // sum (x - d q)^2 is least at d = xq / qq, where it is sum x^2 - xq^2 / qq.
    if (qq > 0.0 && xq * xq > best_gain * qq) {
      best_gain = xq * xq / qq;
      best = static_cast<float>(xq / qq);
    }
  }
  return best;
}

void quantize_iq4_nl(const float* x, uint8_t* b) {
  const float extreme = extreme_of(x, kBlock);
  const uint16_t stored = extreme == 0.0f ? uint16_t{0} : scale_to_f16(fit_iq4_scale(x, extreme));
  const float id = inverse(f16_to_f32(stored));
  uint8_t codes[kBlock];
  for (int i = 0; i < kBlock; ++i) codes[i] = static_cast<uint8_t>(nearest_iq4(x[i] * id));
  store_u16(b, stored);
  store_nibbles(codes, b + 2);
}

using QuantizeBlock = void (*)(const float*, uint8_t*);

QuantizeBlock quantize_block(DType type) {
  switch (type) {
    case DType::kQ4_0:
      return quantize_q4_0;
    case DType::kQ4_1:
      return quantize_q4_1;
    case DType::kQ5_0:
      return quantize_q5_0;
    case DType::kQ5_1:
      return quantize_q5_1;
    case DType::kQ8_0:
      return quantize_q8_0;
    case DType::kQ2_K:
      return quantize_q2_k;
    case DType::kQ3_K:
      return quantize_q3_k;
    case DType::kQ4_K:
      return quantize_q4_k;
    case DType::kQ5_K:
      return quantize_q5_k;
    case DType::kQ6_K:
      return quantize_q6_k;
    case DType::kIQ4_NL:
      return quantize_iq4_nl;
    default:
      return nullptr;
  }
}

}  // namespace

bool can_quantize(DType type) {
  return type == DType::kF32 || type == DType::kF16 || type == DType::kBF16 || quantize_block(type) != nullptr;
}

bool all_finite(std::span<const float> x) {
  // Without a branch in the loop: compilers make vectors of it.
  uint32_t worst = 0;
  for (const float value : x) worst = std::max(worst, std::bit_cast<uint32_t>(value) & 0x7F800000U);
  return worst < 0x7F800000U;
}

void quantize_row(DType type, const float* x, int64_t n, std::byte* dst) {
  const DTypeInfo& info = dtype_info(type);
  CHECK(can_quantize(type) && n >= 0 && n % info.block_elements == 0);
  auto* bytes = reinterpret_cast<uint8_t*>(dst);
  if (type == DType::kF32) {
    if (n > 0) std::memcpy(dst, x, static_cast<size_t>(n) * sizeof(float));
  } else if (type == DType::kF16) {
    for (int64_t i = 0; i < n; ++i) store_u16(bytes + 2 * i, f32_to_f16(x[i]));
  } else if (type == DType::kBF16) {
    for (int64_t i = 0; i < n; ++i) store_u16(bytes + 2 * i, f32_to_bf16(x[i]));
  } else {
    const QuantizeBlock quantize = quantize_block(type);
    for (int64_t i = 0; i < n; i += info.block_elements) {
      quantize(x + i, bytes);
      bytes += info.block_bytes;
    }
  }
}

}  // namespace sobre
