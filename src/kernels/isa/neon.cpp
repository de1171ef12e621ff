// NEON with the dot product extension (ARMv8.2): four q registers hold the 16 lanes.
#include <arm_neon.h>
#include <stdint.h>

#include "kernels/plain.h"

namespace {

constexpr int kW = 4;                 // lanes of a register
constexpr int kZero8Log2 = -1;        // log2 of the zero point of stored 8-bit weights; -1: none
constexpr int kTileCols = 4;          // activation rows whose sums fit the registers
constexpr bool kDotByGroups = false;  // 8-bit products of several rows group by group
constexpr bool kPairParts = false;
constexpr int64_t kPrefetchBytes = 4096;
constexpr int kPrefetchLocality = 3;
typedef float32x4_t Vf;
typedef int32x4_t Vi;
typedef uint8x16_t Vb;

inline Vf f_load(const float* p) { return vld1q_f32(p); }
inline void f_store(float* p, Vf x) { vst1q_f32(p, x); }
inline Vf f_set1(float x) { return vdupq_n_f32(x); }
inline Vf f_zero() { return vdupq_n_f32(0); }
inline Vf f_add(Vf a, Vf b) { return vaddq_f32(a, b); }
inline Vf f_sub(Vf a, Vf b) { return vsubq_f32(a, b); }
inline Vf f_mul(Vf a, Vf b) { return vmulq_f32(a, b); }
inline Vf f_div(Vf a, Vf b) { return vdivq_f32(a, b); }
inline Vf f_fma(Vf a, Vf b, Vf c) { return vfmaq_f32(c, a, b); }
inline Vf f_max(Vf a, Vf b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
inline Vf f_abs(Vf a) { return vabsq_f32(a); }
inline Vf f_neg(Vf a) { return vnegq_f32(a); }
inline Vf f_sqrt(Vf a) { return vsqrtq_f32(a); }
inline Vf f_round(Vf a) { return vrndnq_f32(a); }
// 2^n for a whole n in [-126, 127]; anything for others
inline Vf f_pow2(Vf n) { return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(vcvtnq_s32_f32(n), vdupq_n_s32(127)), 23)); }
inline Vf f_select_gt(Vf a, Vf b, Vf yes, Vf no) { return vbslq_f32(vcgtq_f32(a, b), yes, no); }
inline Vf f_load_f16(const uint16_t* p) { return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p))); }
inline Vf f_load_bf16(const uint16_t* p) { return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p), 16)); }
inline Vf f_load_u8(const uint8_t* p) {
  uint32_t four;
  __builtin_memcpy(&four, p, 4);
  return vcvtq_f32_u32(vmovl_u16(vget_low_u16(vmovl_u8(vcreate_u8(four)))));
}
inline Vf f_load_i8(const int8_t* p) {
  uint32_t four;
  __builtin_memcpy(&four, p, 4);
  return vcvtq_f32_s32(vmovl_s16(vget_low_s16(vmovl_s8(vcreate_s8(four)))));
}
inline uint16_t f32_to_f16_bits(float x) {
  const __fp16 h = (__fp16)x;
  uint16_t bits;
  __builtin_memcpy(&bits, &h, 2);
  return bits;
}

inline Vi i_zero() { return vdupq_n_s32(0); }
inline Vi i_set1(int32_t x) { return vdupq_n_s32(x); }
inline void i_store(int32_t* p, Vi x) { vst1q_s32(p, x); }
inline Vf i_to_f(Vi x) { return vcvtq_f32_s32(x); }
inline Vi f_to_i(Vf x) { return vcvtnq_s32_f32(x); }
template <int N>
inline Vi i_shl(Vi x) {
  return vshlq_n_s32(x, N);
}

inline Vb b_load(const uint8_t* p) { return vld1q_u8(p); }
inline Vb b_and(Vb a, int mask) { return vandq_u8(a, vdupq_n_u8((uint8_t)mask)); }
inline Vb b_or(Vb a, Vb b) { return vorrq_u8(a, b); }
template <int N>
inline Vb b_shl(Vb a) {
  return vshlq_n_u8(a, N);
}
template <int N>
inline Vb b_shr(Vb a) {
  return vshrq_n_u8(a, N);
}

// start + the products of N groups of 4 consecutive values, per lane. Weights below 128 are the same signed.
template <int Bits, int N>
inline __attribute__((always_inline)) Vi dot(Vi start, const Vb* w, const int8_t* a) {
  for (int g = 0; g < N; g += 4) {
    const int8x16_t x = vld1q_s8(a + 4 * g);
    start = vdotq_laneq_s32(start, vreinterpretq_s8_u8(w[g]), x, 0);
    start = vdotq_laneq_s32(start, vreinterpretq_s8_u8(w[g + 1]), x, 1);
    start = vdotq_laneq_s32(start, vreinterpretq_s8_u8(w[g + 2]), x, 2);
    start = vdotq_laneq_s32(start, vreinterpretq_s8_u8(w[g + 3]), x, 3);
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

#define SOBRE_KERNEL_TABLE sobre_kernels_neon
#include "kernels/isa/table.inc"
