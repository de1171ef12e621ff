// Products against sums in double, for odd shapes and rows with gaps; bf16 against f32 factors that were rounded before.
#include "learn/products.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace sobre {
namespace {

// To the nearest with 8 bits of significand, ties to even: bfloat16's values.
float rounded(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, 4);
  bits = (bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000;
  std::memcpy(&x, &bits, 4);
  return x;
}

struct Matrix {
  int64_t rows, cols, stride;
  std::vector<float> values;

  Matrix(int64_t r, int64_t c, int64_t gap, uint32_t seed) : rows(r), cols(c), stride(c + gap) {
    uint32_t x = seed;
    values.resize(static_cast<size_t>(r * stride));
    for (float& v : values) {
      x = x * 1664525U + 1013904223U;
      v = static_cast<float>(x >> 8) / static_cast<float>(1 << 23) - 1;
    }
  }
  [[nodiscard]] double at(int64_t r, int64_t c, ProductType type) const {
    const float v = values[static_cast<size_t>(r * stride + c)];
    return static_cast<double>(type == ProductType::kBf16 ? rounded(v) : v);
  }
};

using Multiply = void (*)(ProductType, int64_t, int64_t, int64_t, const float*, int64_t, const float*, int64_t, float, float*,
                          int64_t);

void expect_product(ProductType type, char which, int64_t m, int64_t n, int64_t k, int64_t gap, float beta) {
  const Matrix a = which == 't' ? Matrix(k, m, gap, 1) : Matrix(m, k, gap, 1);
  const Matrix b = which == 'n' ? Matrix(n, k, gap, 2) : Matrix(k, n, gap, 2);
  Matrix c(m, n, gap, 3);
  const Matrix before = c;
  const Multiply multiply = which == 'n' ? multiply_nt : which == 'p' ? multiply_nn : multiply_tn;
  multiply(type, m, n, k, a.values.data(), a.stride, b.values.data(), b.stride, beta, c.values.data(), c.stride);
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < c.stride; ++j) {
      const double old = before.at(i, j, ProductType::kF32);
      double sum = old;  // of the gap: as it was
      if (j < n) {
        sum = static_cast<double>(beta) * old;
        for (int64_t p = 0; p < k; ++p)
          sum += (which == 't' ? a.at(p, i, type) : a.at(i, p, type)) * (which == 'n' ? b.at(j, p, type) : b.at(p, j, type));
      }
      ASSERT_NEAR(c.at(i, j, ProductType::kF32), sum, 1e-6 * static_cast<double>(k + 2))
          << which << " " << m << " " << n << " " << k << " gap " << gap << " beta " << beta << " at " << i << " " << j;
    }
  }
}

void expect_products(ProductType type) {
  use_callers_threads();
  for (const char which : {'n', 'p', 't'}) {
    for (const float beta : {0.0F, 1.0F}) {
      expect_product(type, which, 1, 1, 1, 0, beta);
      expect_product(type, which, 3, 17, 20, 5, beta);
      expect_product(type, which, 64, 96, 33, 0, beta);
      expect_product(type, which, 65, 31, 128, 3, beta);
      expect_product(type, which, 0, 4, 4, 0, beta);
      expect_product(type, which, 4, 0, 4, 0, beta);
    }
  }
}

TEST(Products, EqualSumsInDouble) { expect_products(ProductType::kF32); }

// In processes of their own, made before this one has multiplied: the library looks at its limit once.
TEST(ProductsDeathTest, KeepToTheSetAskedFor) {
  for (const Isa isa : {Isa::kScalar, Isa::kAvx2, Isa::kAvxVnni, Isa::kAvx512}) {
    const auto limited = [&] {
      limit_products(isa);
      expect_products(ProductType::kF32);
      const bool as_asked = isa == Isa::kAvx512 || !has_bf16_products();
      std::exit(as_asked && !testing::Test::HasFailure() ? 0 : 1);
    };
    EXPECT_EXIT(limited(), testing::ExitedWithCode(0), "") << isa_name(isa);
  }
}

TEST(Products, OfBf16EqualSumsOfRoundedFactors) {
  if (!has_bf16_products()) GTEST_SKIP() << "this processor or its oneDNN does not multiply bfloat16";
  expect_products(ProductType::kBf16);
}

}  // namespace
}  // namespace sobre
