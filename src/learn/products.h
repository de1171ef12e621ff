// The matrix products of training: row-major, each call on the calling thread alone (the team of threads divides the work).
// The only header that knows which library does them. Leading dimensions count elements; shapes may be zero.
#pragma once

#include <cstdint>
#include <string>

#include "kernels/kernels.h"

namespace sobre {

/// Makes the library leave threads to its caller. Every thread calls it before its first product.
void use_callers_threads();

/// Keeps the products to this instruction set, or to the nearest below it that the library knows; no bfloat16 below AVX-512.
/// For a process whose user chose a set, before its first product (the library looks once).
void limit_products(Isa isa);

/// What the factors of a product are rounded to before they are multiplied; all of memory and every sum is f32.
enum class ProductType : uint8_t { kF32, kBf16 };

/// Whether this processor (AVX-512 BF16) and this library, as it is limited, multiply bfloat16, twice as fast as f32. kBf16
/// needs it (CHECK).
[[nodiscard]] bool has_bf16_products();
/// Bytes that each thread keeps for the rounded factors of products that have at most so many elements.
[[nodiscard]] constexpr uint64_t bf16_scratch_bytes(uint64_t elements) { return 2 * elements; }

/// c [m, n] = beta c + a [m, k] * b [n, k] transposed.
void multiply_nt(ProductType type, int64_t m, int64_t n, int64_t k, const float* a, int64_t lda, const float* b, int64_t ldb,
                 float beta, float* c, int64_t ldc);
/// c [m, n] = beta c + a [m, k] * b [k, n].
void multiply_nn(ProductType type, int64_t m, int64_t n, int64_t k, const float* a, int64_t lda, const float* b, int64_t ldb,
                 float beta, float* c, int64_t ldc);
/// c [m, n] = beta c + a [k, m] transposed * b [k, n].
void multiply_tn(ProductType type, int64_t m, int64_t n, int64_t k, const float* a, int64_t lda, const float* b, int64_t ldb,
                 float beta, float* c, int64_t ldc);

/// "oneDNN 2.6.3", or "oneDNN 2.6.3 in bf16": checkpoints record it, since another version may round otherwise.
[[nodiscard]] std::string products_library(ProductType type);

}  // namespace sobre
