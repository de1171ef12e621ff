// The matrix products of training: f32, row-major, each call on the calling thread alone (the team of threads divides the
// work). The only header that knows which library does them. Leading dimensions count elements; shapes may be zero.
#pragma once

#include <cstdint>
#include <string>

namespace sobre {

/// Makes the library leave threads to its caller. Every thread calls it before its first product.
void use_callers_threads();

/// c [m, n] = beta c + a [m, k] * b [n, k] transposed.
void multiply_nt(int64_t m, int64_t n, int64_t k, const float* a, int64_t lda, const float* b, int64_t ldb, float beta,
                 float* c, int64_t ldc);
/// c [m, n] = beta c + a [m, k] * b [k, n].
void multiply_nn(int64_t m, int64_t n, int64_t k, const float* a, int64_t lda, const float* b, int64_t ldb, float beta,
                 float* c, int64_t ldc);
/// c [m, n] = beta c + a [k, m] transposed * b [k, n].
void multiply_tn(int64_t m, int64_t n, int64_t k, const float* a, int64_t lda, const float* b, int64_t ldb, float beta,
                 float* c, int64_t ldc);

/// "oneDNN 2.6.3": checkpoints record it, since another version may round otherwise.
[[nodiscard]] std::string products_library();

}  // namespace sobre
