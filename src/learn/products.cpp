#include "learn/products.h"

#include <dnnl.h>
#include <fmt/format.h>

#include <vector>

#include "base/result.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

extern "C" {
void omp_set_num_threads(int);  // of the OpenMP run-time library that oneDNN uses
// Exported by oneDNN beside dnnl_sgemm, in no header of it: null where a version lacks it.
__attribute__((weak)) dnnl_status_t dnnl_gemm_bf16bf16f32(char transa, char transb, dnnl_dim_t m, dnnl_dim_t n, dnnl_dim_t k,
                                                          float alpha, const uint16_t* a, dnnl_dim_t lda, const uint16_t* b,
                                                          dnnl_dim_t ldb, float beta, float* c, dnnl_dim_t ldc);
}

namespace sobre {

namespace {

struct Factor {
  const float* data;
  int64_t rows, cols, stride;
};

#ifdef __x86_64__

bool cpu_has_bf16() {
  return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
         __builtin_cpu_supports("avx512vl") != 0 && __builtin_cpu_supports("avx512bf16") != 0;
}

// Rounds to nearest even; subnormal numbers become zero.
__attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16"))) void round_row(const float* x, int64_t n, uint16_t* y) {
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const __m256bh rounded = _mm512_cvtneps_pbh(_mm512_loadu_ps(x + i));
    __builtin_memcpy(y + i, &rounded, 32);
  }
  if (i == n) return;
  const __mmask16 rest = static_cast<__mmask16>((1U << (n - i)) - 1);
  const __m256bh rounded = _mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(rest, x + i));
  __builtin_memcpy(y + i, &rounded, static_cast<size_t>(n - i) * 2);
}

#else

bool cpu_has_bf16() { return false; }
void round_row(const float*, int64_t, uint16_t*) { CHECK(false); }

#endif

// The factor without gaps between its rows. What it writes is the thread's own and kept for its next product.
const uint16_t* rounded(const Factor& factor, std::vector<uint16_t>& scratch) {
  const auto size = static_cast<size_t>(factor.rows * factor.cols);
  if (scratch.size() < size) scratch.resize(size);
  for (int64_t r = 0; r < factor.rows; ++r)
    round_row(factor.data + r * factor.stride, factor.cols, scratch.data() + r * factor.cols);
  return scratch.data();
}

// c = beta c + op(a) op(b); the letters as in BLAS, the factors as they lie in memory.
void multiply(ProductType type, char op_a, char op_b, int64_t m, int64_t n, int64_t k, const Factor& a, const Factor& b,
              float beta, float* c, int64_t ldc) {
  if (m == 0 || n == 0) return;
  if (type == ProductType::kF32) {
    CHECK(dnnl_sgemm(op_a, op_b, m, n, k, 1.0F, a.data, a.stride, b.data, b.stride, beta, c, ldc) == dnnl_success);
    return;
  }
  CHECK(has_bf16_products());
  static thread_local std::vector<uint16_t> scratch_a, scratch_b;
  CHECK(dnnl_gemm_bf16bf16f32(op_a, op_b, m, n, k, 1.0F, rounded(a, scratch_a), a.cols, rounded(b, scratch_b), b.cols, beta, c,
                              ldc) == dnnl_success);
}

}  // namespace

void use_callers_threads() { omp_set_num_threads(1); }

void limit_products(Isa isa) {
  if (isa == Isa::kAvx512 || isa == Isa::kNeon) return;  // the most that is chosen here anyway
  const dnnl_cpu_isa_t most = isa == Isa::kScalar ? dnnl_cpu_isa_sse41 : dnnl_cpu_isa_avx2;
  // Refused only where it is too late or the library was built without limits: its products are right in either case.
  (void)dnnl_set_max_cpu_isa(isa == Isa::kAvxVnni ? dnnl_cpu_isa_avx2_vnni : most);
}

bool has_bf16_products() {
  static const bool has = [] {
    const auto most = static_cast<unsigned>(dnnl_get_effective_cpu_isa()), needed = unsigned{dnnl_cpu_isa_avx512_core_bf16};
    return cpu_has_bf16() && dnnl_gemm_bf16bf16f32 != nullptr && (most & needed) == needed;
  }();
  return has;
}

void multiply_nt(ProductType type, int64_t m, int64_t n, int64_t k, const float* a, int64_t lda, const float* b, int64_t ldb,
                 float beta, float* c, int64_t ldc) {
  multiply(type, 'N', 'T', m, n, k, {a, m, k, lda}, {b, n, k, ldb}, beta, c, ldc);
}

void multiply_nn(ProductType type, int64_t m, int64_t n, int64_t k, const float* a, int64_t lda, const float* b, int64_t ldb,
                 float beta, float* c, int64_t ldc) {
  multiply(type, 'N', 'N', m, n, k, {a, m, k, lda}, {b, k, n, ldb}, beta, c, ldc);
}

void multiply_tn(ProductType type, int64_t m, int64_t n, int64_t k, const float* a, int64_t lda, const float* b, int64_t ldb,
                 float beta, float* c, int64_t ldc) {
  multiply(type, 'T', 'N', m, n, k, {a, k, m, lda}, {b, k, n, ldb}, beta, c, ldc);
}

std::string products_library(ProductType type) {
  const dnnl_version_t* v = dnnl_version();
  return fmt::format("oneDNN {}.{}.{}{}", v->major, v->minor, v->patch, type == ProductType::kBf16 ? " in bf16" : "");
}

}  // namespace sobre
