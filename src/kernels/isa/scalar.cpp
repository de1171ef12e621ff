// The definition: 16 lanes as an array, one operation at a time. Every other instruction set must give these bits.
#include <stdint.h>

#include "kernels/plain.h"

namespace {

constexpr int kW = 16;                // lanes of a register
constexpr int kZero8Log2 = -1;        // log2 of the zero point of stored 8-bit weights; -1: none
constexpr int kTileCols = 4;          // activation rows whose sums fit the registers
constexpr bool kDotByGroups = false;  // 8-bit products of several rows group by group
constexpr bool kPairParts = false;
constexpr int64_t kPrefetchBytes = 4096;
constexpr int kPrefetchLocality = 3;
struct Vf {
  float v[16];
};
struct Vi {
  int32_t v[16];
};
struct Vb {
  uint8_t v[64];
};

template <class Out, class Op>
inline Out each(Op op) {
  Out r;
  for (int i = 0; i < 16; ++i) r.v[i] = op(i);
  return r;
}

inline float bits_to_f32(uint32_t bits) {
  float x;
  __builtin_memcpy(&x, &bits, 4);
  return x;
}

inline float f16_bits_to_f32(uint16_t h) {
  const uint32_t sign = (uint32_t)(h & 0x8000) << 16;
  const uint32_t exponent = (h >> 10) & 31;
  const uint32_t fraction = h & 0x3FF;
  if (exponent == 31) return bits_to_f32(sign | 0x7F800000 | (fraction << 13) | (fraction != 0 ? 0x400000 : 0));
  if (exponent != 0) return bits_to_f32(sign | ((exponent + 112) << 23) | (fraction << 13));
  const float tiny = (float)fraction * 5.9604644775390625e-8F;  // 2^-24
  return sign != 0 ? -tiny : tiny;
}

inline uint16_t f32_to_f16_bits(float x) {
  uint32_t bits;
  __builtin_memcpy(&bits, &x, 4);
  const uint32_t sign = (bits >> 16) & 0x8000;
  const uint32_t size = bits & 0x7FFFFFFF;
  if (size > 0x7F800000) return (uint16_t)(sign | 0x7E00 | ((size >> 13) & 0x3FF));
  if (size >= 0x477FF000) return (uint16_t)(sign | 0x7C00);  // rounds beyond 65,504
  if (size < 0x38800000) {
    // Subnormal half: adding 0.5 puts the unit of its last place at 2^-24 and rounds to nearest even.
    const float shifted = bits_to_f32(size) + 0.5F;
    uint32_t s;
    __builtin_memcpy(&s, &shifted, 4);
    return (uint16_t)(sign | (s - 0x3F000000));
  }
  return (uint16_t)(sign | ((size - 0x38000000 + 0xFFF + ((size >> 13) & 1)) >> 13));
}

inline Vf f_load(const float* p) {
  return each<Vf>([&](int i) { return p[i]; });
}
inline void f_store(float* p, const Vf& x) {
  for (int i = 0; i < 16; ++i) p[i] = x.v[i];
}
inline Vf f_set1(float x) {
  return each<Vf>([&](int) { return x; });
}
inline Vf f_zero() { return f_set1(0); }
inline Vf f_add(const Vf& a, const Vf& b) {
  return each<Vf>([&](int i) { return a.v[i] + b.v[i]; });
}
inline Vf f_sub(const Vf& a, const Vf& b) {
  return each<Vf>([&](int i) { return a.v[i] - b.v[i]; });
}
inline Vf f_mul(const Vf& a, const Vf& b) {
  return each<Vf>([&](int i) { return a.v[i] * b.v[i]; });
}
inline Vf f_div(const Vf& a, const Vf& b) {
  return each<Vf>([&](int i) { return a.v[i] / b.v[i]; });
}
inline Vf f_fma(const Vf& a, const Vf& b, const Vf& c) {
  return each<Vf>([&](int i) { return __builtin_fmaf(a.v[i], b.v[i], c.v[i]); });
}
inline Vf f_max(const Vf& a, const Vf& b) {
  return each<Vf>([&](int i) { return a.v[i] > b.v[i] ? a.v[i] : b.v[i]; });
}
inline Vf f_abs(const Vf& a) {
  return each<Vf>([&](int i) { return __builtin_fabsf(a.v[i]); });
}
inline Vf f_neg(const Vf& a) {
  return each<Vf>([&](int i) { return -a.v[i]; });
}
inline Vf f_sqrt(const Vf& a) {
  return each<Vf>([&](int i) { return __builtin_sqrtf(a.v[i]); });
}
inline Vf f_round(const Vf& a) {
  return each<Vf>([&](int i) { return __builtin_rintf(a.v[i]); });
}
// 2^n for a whole n in [-126, 127]; anything for others
inline Vf f_pow2(const Vf& n) {
  return each<Vf>(
      [&](int i) { return n.v[i] >= -126 && n.v[i] <= 127 ? bits_to_f32((uint32_t)((int32_t)n.v[i] + 127) << 23) : 0.0F; });
}
inline Vf f_select_gt(const Vf& a, const Vf& b, const Vf& yes, const Vf& no) {
  return each<Vf>([&](int i) { return a.v[i] > b.v[i] ? yes.v[i] : no.v[i]; });
}
inline Vf f_load_f16(const uint16_t* p) {
  return each<Vf>([&](int i) { return f16_bits_to_f32(p[i]); });
}
inline Vf f_load_bf16(const uint16_t* p) {
  return each<Vf>([&](int i) { return bits_to_f32((uint32_t)p[i] << 16); });
}
inline Vf f_load_u8(const uint8_t* p) {
  return each<Vf>([&](int i) { return (float)p[i]; });
}
inline Vf f_load_i8(const int8_t* p) {
  return each<Vf>([&](int i) { return (float)p[i]; });
}

inline Vi i_set1(int32_t x) {
  return each<Vi>([&](int) { return x; });
}
inline Vi i_zero() { return i_set1(0); }
inline void i_store(int32_t* p, const Vi& x) {
  for (int i = 0; i < 16; ++i) p[i] = x.v[i];
}
inline Vf i_to_f(const Vi& x) {
  return each<Vf>([&](int i) { return (float)x.v[i]; });
}
inline Vi f_to_i(const Vf& x) {
  return each<Vi>([&](int i) { return (int32_t)__builtin_rintf(x.v[i]); });
}
template <int N>
inline Vi i_shl(const Vi& x) {
  return each<Vi>([&](int i) { return x.v[i] * (1 << N); });
}

template <class Op>
inline Vb each_byte(Op op) {
  Vb r;
  for (int i = 0; i < 64; ++i) r.v[i] = (uint8_t)op(i);
  return r;
}
inline Vb b_load(const uint8_t* p) {
  return each_byte([&](int i) { return p[i]; });
}
inline Vb b_and(const Vb& a, int mask) {
  return each_byte([&](int i) { return a.v[i] & mask; });
}
inline Vb b_or(const Vb& a, const Vb& b) {
  return each_byte([&](int i) { return a.v[i] | b.v[i]; });
}
template <int N>
inline Vb b_shl(const Vb& a) {
  return each_byte([&](int i) { return a.v[i] << N; });
}
template <int N>
inline Vb b_shr(const Vb& a) {
  return each_byte([&](int i) { return a.v[i] >> N; });
}

// start + the products of N groups of 4 consecutive values, per lane.
template <int Bits, int N>
inline Vi dot(Vi start, const Vb* w, const int8_t* a) {
  for (int g = 0; g < N; ++g) {
    for (int lane = 0; lane < 16; ++lane) {
      for (int i = 0; i < 4; ++i) {
        const int weight = Bits == 8 ? (int)(int8_t)w[g].v[4 * lane + i] : (int)w[g].v[4 * lane + i];
        start.v[lane] += weight * a[4 * g + i];
      }
    }
  }
  return start;
}

template <int Bits, int C>
inline void pair_dots(Vi (*)[C], const uint8_t*, const int8_t* const*, int64_t) {}

#include "kernels/isa/gemm.inc"
//
#include "kernels/isa/elementwise.inc"
//
#include "kernels/isa/training.inc"
//
#include "kernels/isa/attention.inc"

}  // namespace

#define SOBRE_KERNEL_TABLE sobre_kernels_scalar
#include "kernels/isa/table.inc"
