// AVX-512 with VNNI: one zmm holds the 16 lanes. Weights are stored unsigned; the dot product of unsigned with signed bytes is
// exact in int32.
#include <immintrin.h>
#include <stdint.h>

#include "kernels/plain.h"

namespace {

constexpr int kW = 16;                // lanes of a register
constexpr int kZero8Log2 = 7;         // log2 of the zero point of stored 8-bit weights; -1: none
constexpr int kTileCols = 8;          // activation rows whose sums fit the registers
constexpr bool kDotByGroups = false;  // 8-bit products of several rows group by group
constexpr bool kPairParts = false;
// On Zen 4 the nearest cache has too few requests in flight for its memory; the outer ones give 40 % more.
constexpr int64_t kPrefetchBytes = 16384;
constexpr int kPrefetchLocality = 1;
typedef __m512 Vf;
typedef __m512i Vi;
typedef __m512i Vb;

inline Vf f_load(const float* p) { return _mm512_loadu_ps(p); }
inline void f_store(float* p, Vf x) { _mm512_storeu_ps(p, x); }
inline Vf f_set1(float x) { return _mm512_set1_ps(x); }
inline Vf f_zero() { return _mm512_setzero_ps(); }
inline Vf f_add(Vf a, Vf b) { return _mm512_add_ps(a, b); }
inline Vf f_sub(Vf a, Vf b) { return _mm512_sub_ps(a, b); }
inline Vf f_mul(Vf a, Vf b) { return _mm512_mul_ps(a, b); }
inline Vf f_div(Vf a, Vf b) { return _mm512_div_ps(a, b); }
inline Vf f_fma(Vf a, Vf b, Vf c) { return _mm512_fmadd_ps(a, b, c); }
inline Vf f_max(Vf a, Vf b) { return _mm512_max_ps(a, b); }
inline Vf f_abs(Vf a) { return _mm512_abs_ps(a); }
inline Vf f_neg(Vf a) { return _mm512_xor_ps(a, _mm512_set1_ps(-0.0F)); }
inline Vf f_sqrt(Vf a) { return _mm512_sqrt_ps(a); }
inline Vf f_round(Vf a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
// 2^n for a whole n in [-126, 127]; anything for others
inline Vf f_pow2(Vf n) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127)), 23));
}
inline Vf f_select_gt(Vf a, Vf b, Vf yes, Vf no) { return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_GT_OQ), no, yes); }
inline Vf f_load_f16(const uint16_t* p) { return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i*)(const void*)p)); }
inline Vf f_load_bf16(const uint16_t* p) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i*)(const void*)p)), 16));
}
inline Vf f_load_u8(const uint8_t* p) {
  return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i*)(const void*)p)));
}
inline Vf f_load_i8(const int8_t* p) {
  return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i*)(const void*)p)));
}
inline uint16_t f32_to_f16_bits(float x) { return (uint16_t)_cvtss_sh(x, _MM_FROUND_TO_NEAREST_INT); }

inline Vi i_zero() { return _mm512_setzero_si512(); }
inline Vi i_set1(int32_t x) { return _mm512_set1_epi32(x); }
inline void i_store(int32_t* p, Vi x) { _mm512_storeu_si512(p, x); }
inline Vf i_to_f(Vi x) { return _mm512_cvtepi32_ps(x); }
inline Vi f_to_i(Vf x) { return _mm512_cvtps_epi32(x); }
template <int N>
inline Vi i_shl(Vi x) {
  return _mm512_slli_epi32(x, N);
}

inline Vb b_load(const uint8_t* p) { return _mm512_loadu_si512(p); }
inline Vb b_and(Vb a, int mask) { return _mm512_and_si512(a, _mm512_set1_epi8((char)mask)); }
inline Vb b_or(Vb a, Vb b) { return _mm512_or_si512(a, b); }
template <int N>
inline Vb b_shl(Vb a) {
  return _mm512_slli_epi16(a, N);
}
template <int N>
inline Vb b_shr(Vb a) {
  return _mm512_srli_epi16(a, N);
}

// start + the products of N groups of 4 consecutive values, per lane.
template <int Bits, int N>
inline __attribute__((always_inline)) Vi dot(Vi start, const Vb* w, const int8_t* a) {
  for (int g = 0; g < N; ++g) {
    int32_t four;
    __builtin_memcpy(&four, a + 4 * g, 4);
    start = _mm512_dpbusd_epi32(start, w[g], _mm512_set1_epi32(four));
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

#define SOBRE_KERNEL_TABLE sobre_kernels_avx512
#include "kernels/isa/table.inc"
