// AVX2 with AVX-VNNI (processors with VNNI but without AVX-512): as AVX2, with exact dot products of unsigned and signed bytes.
#include <immintrin.h>
#include <stdint.h>

#include "kernels/plain.h"

namespace {

constexpr int kW = 8;                 // lanes of a register
constexpr int kZero8Log2 = 7;         // log2 of the zero point of stored 8-bit weights; -1: none
constexpr int kTileCols = 4;          // activation rows whose sums fit the registers
constexpr bool kDotByGroups = false;  // 8-bit products of several rows group by group
constexpr bool kPairParts = false;
constexpr int64_t kPrefetchBytes = 4096;  // a third more from memory on Zen 3
constexpr int kPrefetchLocality = 3;

#include "kernels/isa/ymm.inc"

// start + the products of N groups of 4 consecutive values, per lane.
template <int Bits, int N>
inline __attribute__((always_inline)) Vi dot(Vi start, const Vb* w, const int8_t* a) {
  for (int g = 0; g < N; ++g) start = _mm256_dpbusd_avx_epi32(start, w[g], four_activations(a + 4 * g));
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

#define SOBRE_KERNEL_TABLE sobre_kernels_avx_vnni
#include "kernels/isa/table.inc"
