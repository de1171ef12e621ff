// AVX2 with FMA and F16C: two ymm hold the 16 lanes. vpmaddubsw saturates int16, so sums in int16 stop where they could
// overflow: a pair of products is at most 2 * 15 * 127 = 3,810 for 4-bit weights (8 sums fit), 7,874 for 5 bits (4 fit), 16,002
// for 6 bits (2 fit), and 2 * 128 * 127 = 32,512 for 8 bits, taken as |w| with the sign moved to the activation (1 fits).
#include <immintrin.h>
#include <stdint.h>

#include "kernels/plain.h"

namespace {

constexpr int kW = 8;                     // lanes of a register
constexpr int kZero8Log2 = -1;            // log2 of the zero point of stored 8-bit weights; -1: none
constexpr int kTileCols = 4;              // activation rows whose sums fit the registers
constexpr bool kDotByGroups = true;       // 8-bit products of several rows group by group
constexpr bool kPairParts = true;         // pair_dots is there
constexpr int64_t kPrefetchBytes = 4096;  // a third more from memory on Zen 3
constexpr int kPrefetchLocality = 3;

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

// sums[p][c] += the products of a block's 32 values of part p with row c's at offset `at`. Group by group: few registers are
// held.
template <int Bits, int C>
inline __attribute__((always_inline)) void pair_dots(Vi (*sums)[C], const uint8_t* block, const int8_t* const* q, int64_t at) {
  if constexpr (Bits == 8) {
    for (int g = 0; g < 8; ++g) {
      __asm__ volatile("" : "+r"(block));  // as below
      const __m256i w0 = b_load(block + 64 * g), w1 = b_load(block + 64 * g + 32);
      const __m256i abs0 = _mm256_abs_epi8(w0), abs1 = _mm256_abs_epi8(w1);
      for (int c = 0; c < C; ++c) {
        const __m256i x = four_activations(q[c] + at + 4 * g);
        sums[0][c] = widen_add(sums[0][c], _mm256_maddubs_epi16(abs0, _mm256_sign_epi8(x, w0)));
        sums[1][c] = widen_add(sums[1][c], _mm256_maddubs_epi16(abs1, _mm256_sign_epi8(x, w1)));
        __asm__("" : "+x"(sums[0][c]), "+x"(sums[1][c]));  // as below
      }
    }
    return;
  }
  __m256i pairs[2][C];
  for (int g = 0; g < 4; ++g) {
    __asm__ volatile(""
                     : "+r"(block));  // else the compiler takes all groups' weights out of the loop over terms and spills them
    const __m256i v0 = b_load(block + 64 * g), v1 = b_load(block + 64 * g + 32);
    const __m256i low0 = b_and(v0, 0x0F), low1 = b_and(v1, 0x0F);
    const __m256i high0 = b_and(b_shr<4>(v0), 0x0F), high1 = b_and(b_shr<4>(v1), 0x0F);
    for (int c = 0; c < C; ++c) {
      const __m256i x = four_activations(q[c] + at + 4 * g), y = four_activations(q[c] + at + 16 + 4 * g);
      const __m256i a0 = _mm256_add_epi16(_mm256_maddubs_epi16(low0, x), _mm256_maddubs_epi16(high0, y));
      const __m256i a1 = _mm256_add_epi16(_mm256_maddubs_epi16(low1, x), _mm256_maddubs_epi16(high1, y));
      pairs[0][c] = g == 0 ? a0 : _mm256_add_epi16(pairs[0][c], a0);
      pairs[1][c] = g == 0 ? a1 : _mm256_add_epi16(pairs[1][c], a1);
      __asm__("" : "+x"(pairs[0][c]), "+x"(pairs[1][c]));  // added now, not all at the end: that would take 64 registers
    }
  }
  for (int c = 0; c < C; ++c) {
    sums[0][c] = widen_add(sums[0][c], pairs[0][c]);
    sums[1][c] = widen_add(sums[1][c], pairs[1][c]);
  }
}

#include "kernels/isa/gemm.inc"
//
#include "kernels/isa/elementwise.inc"
//
#include "kernels/isa/training.inc"
//
#include "kernels/isa/attention.inc"

}  // namespace

#define SOBRE_KERNEL_TABLE sobre_kernels_avx2
#include "kernels/isa/table.inc"
