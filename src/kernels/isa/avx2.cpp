// AVX2 with FMA and F16C: two ymm hold the 16 lanes. vpmaddubsw saturates int16, so sums in int16 stop where they could
// overflow: a pair of products is at most 2 * 15 * 127 = 3,810 for 4-bit weights (8 sums fit), 7,874 for 5 bits (4 fit), 16,002
// for 6 bits (2 fit), and 2 * 128 * 127 = 32,512 for 8 bits, taken as |w| with the sign moved to the activation (1 fits).
#include <immintrin.h>
#include <stdint.h>

#include "kernels/plain.h"

namespace {

constexpr int kW = 8;                // lanes of a register
constexpr int kZero8Log2 = -1;       // log2 of the zero point of stored 8-bit weights; -1: none
constexpr int kTileCols = 4;         // activation rows whose sums fit the registers
constexpr bool kDotByGroups = true;  // 8-bit products of several rows group by group

#include "kernels/isa/ymm.inc"

inline Vi widen_add(Vi start, __m256i pairs) { return _mm256_add_epi32(start, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1))); }

// start + the products of N groups of 4 consecutive values, per lane.
template <int Bits, int N>
inline __attribute__((always_inline)) Vi dot(Vi start, const Vb* w, const int8_t* a) {
  if constexpr (Bits == 8) {
    for (int g = 0; g < N; ++g) {
      const __m256i x = _mm256_sign_epi8(four_activations(a + 4 * g), w[g]);
      start = widen_add(start, _mm256_maddubs_epi16(_mm256_abs_epi8(w[g]), x));
    }
    return start;
  }
  constexpr int kFit = Bits == 4 ? 8 : Bits == 5 ? 4 : 2;
  for (int g = 0; g < N; g += kFit) {
    __m256i pairs = _mm256_maddubs_epi16(w[g], four_activations(a + 4 * g));
    for (int i = g + 1; i < g + kFit && i < N; ++i)
      pairs = _mm256_add_epi16(pairs, _mm256_maddubs_epi16(w[i], four_activations(a + 4 * i)));
    start = widen_add(start, pairs);
  }
  return start;
}

#include "kernels/isa/gemm.inc"
//
#include "kernels/isa/elementwise.inc"
//
#include "kernels/isa/attention.inc"

}  // namespace

#define SOBRE_KERNEL_TABLE sobre_kernels_avx2
#include "kernels/isa/table.inc"
