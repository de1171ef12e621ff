#include "learn/products.h"

#include <dnnl.h>
#include <fmt/format.h>

#include "base/result.h"

extern "C" void omp_set_num_threads(int);  // of the OpenMP run-time library that oneDNN uses

namespace sobre {

namespace {

void multiply(char transa, char transb, int64_t m, int64_t n, int64_t k, const float* a, int64_t lda, const float* b,
              int64_t ldb, float beta, float* c, int64_t ldc) {
  if (m == 0 || n == 0) return;
  CHECK(dnnl_sgemm(transa, transb, m, n, k, 1.0F, a, lda, b, ldb, beta, c, ldc) == dnnl_success);
}

}  // namespace

void use_callers_threads() { omp_set_num_threads(1); }

void multiply_nt(int64_t m, int64_t n, int64_t k, const float* a, int64_t lda, const float* b, int64_t ldb, float beta,
                 float* c, int64_t ldc) {
  multiply('N', 'T', m, n, k, a, lda, b, ldb, beta, c, ldc);
}

void multiply_nn(int64_t m, int64_t n, int64_t k, const float* a, int64_t lda, const float* b, int64_t ldb, float beta,
                 float* c, int64_t ldc) {
  multiply('N', 'N', m, n, k, a, lda, b, ldb, beta, c, ldc);
}

void multiply_tn(int64_t m, int64_t n, int64_t k, const float* a, int64_t lda, const float* b, int64_t ldb, float beta,
                 float* c, int64_t ldc) {
  multiply('T', 'N', m, n, k, a, lda, b, ldb, beta, c, ldc);
}

std::string products_library() {
  const dnnl_version_t* v = dnnl_version();
  return fmt::format("oneDNN {}.{}.{}", v->major, v->minor, v->patch);
}

}  // namespace sobre
