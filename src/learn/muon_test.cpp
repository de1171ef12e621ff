// Muon's steps against the same rule written plainly in double, and what they promise: singular values near one, the same bits
// for any number of threads, nothing of what is AdamW's.
#include "learn/muon.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <vector>

#include "base/json.h"
#include "learn/adamw.h"
#include "model/families.h"

namespace sobre {
namespace {

using Matrix = std::vector<std::vector<double>>;

CheckpointPlan some_plan() {
  const auto config =
      Json::parse(R"({"model_type": "llama", "hidden_size": 20, "num_hidden_layers": 2, "num_attention_heads": 4,
      "num_key_value_heads": 2, "head_dim": 6, "intermediate_size": 28, "vocab_size": 50, "max_position_embeddings": 64,
      "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "hidden_act": "silu"})");
  return *plan_new_checkpoint(*config);
}

Parameters some_parameters() {
  const auto plan = some_plan();
  Parameters p = std::move(*Parameters::create(plan, {}));
  p.fill_random(7);
  uint32_t x = 4321;
  for (Parameter& each : p.all()) {
    for (int64_t i = 0; i < each.size(); ++i) {
      x = x * 1664525U + 1013904223U;
      each.gradient[i] = static_cast<float>(x >> 8) / static_cast<float>(1 << 23) - 1;
      each.first_moment[i] = each.gradient[i] * 0.5F + 0.01F;
    }
  }
  return p;
}

Matrix product(const Matrix& a, const Matrix& b) {
  Matrix c(a.size(), std::vector<double>(b[0].size()));
  for (size_t i = 0; i < a.size(); ++i) {
    for (size_t k = 0; k < b.size(); ++k) {
      for (size_t j = 0; j < b[0].size(); ++j) c[i][j] += a[i][k] * b[k][j];
    }
  }
  return c;
}

Matrix transposed(const Matrix& a) {
  Matrix t(a[0].size(), std::vector<double>(a.size()));
  for (size_t i = 0; i < a.size(); ++i) {
    for (size_t j = 0; j < a[0].size(); ++j) t[j][i] = a[i][j];
  }
  return t;
}

// The iteration as it is written down: X = a X + (b X X' + c (X X')^2) X.
Matrix plain_orthogonal(Matrix x) {
  double sum = 0;
  for (const auto& row : x) {
    for (const double v : row) sum += v * v;
  }
  for (auto& row : x) {
    for (double& v : row) v /= std::sqrt(sum);
  }
  for (int step = 0; step < 5; ++step) {
    const Matrix gram = product(x, transposed(x)), square = product(gram, gram);
    Matrix poly = gram;
    for (size_t i = 0; i < poly.size(); ++i) {
      for (size_t j = 0; j < poly.size(); ++j) poly[i][j] = -4.7750 * gram[i][j] + 2.0315 * square[i][j];
    }
    const Matrix more = product(poly, x);
    for (size_t i = 0; i < x.size(); ++i) {
      for (size_t j = 0; j < x[0].size(); ++j) x[i][j] = 3.4445 * x[i][j] + more[i][j];
    }
  }
  return x;
}

Matrix matrix_of(const float* values, int64_t rows, int64_t cols) {
  Matrix m(static_cast<size_t>(rows), std::vector<double>(static_cast<size_t>(cols)));
  for (size_t i = 0; i < m.size(); ++i) {
    for (size_t j = 0; j < m[0].size(); ++j) m[i][j] = static_cast<double>(values[i * m[0].size() + j]);
  }
  return m;
}

void step(Parameters& p, int threads, ProductType products = ProductType::kF32) {
  ThreadPool team(threads);
  give_matrices_to_muon(p);
  std::vector<MuonScratch> scratch;
  scratch.reserve(static_cast<size_t>(threads));
  for (int i = 0; i < threads; ++i) scratch.emplace_back(p.all());
  muon_step(p, {}, 0.02, products, scratch, team);
}

TEST(Muon, AStepIsThePlainRule) {
  const Parameters before = some_parameters();
  Parameters after = some_parameters();
  step(after, 2);
  int moved = 0;
  for (size_t n = 0; n < before.all().size(); ++n) {
    const Parameter &a = before.all()[n], &b = after.all()[n];
    const bool in_layer = b.is_matrix && b.name.find("layers") != std::string::npos;
    EXPECT_EQ(b.by_muon, in_layer) << b.name;
    if (!b.by_muon) {
      EXPECT_EQ(std::memcmp(a.value, b.value, static_cast<size_t>(a.size()) * 4), 0) << b.name;
      continue;
    }
    ++moved;
    Matrix along = matrix_of(a.gradient, a.rows, a.cols);
    for (int64_t i = 0; i < a.size(); ++i) {
      const auto g = static_cast<double>(a.gradient[i]), m = 0.95 * static_cast<double>(a.first_moment[i]) + 0.05 * g;
      EXPECT_NEAR(static_cast<double>(b.first_moment[i]), m, 1e-6) << b.name;
      along[static_cast<size_t>(i / a.cols)][static_cast<size_t>(i % a.cols)] = 0.05 * g + 0.95 * m;
    }
    const Matrix x = plain_orthogonal(along);
    const double size = 0.02 * 0.2 * std::sqrt(static_cast<double>(std::max(a.rows, a.cols)));
    for (int64_t i = 0; i < a.size(); ++i) {
      const double expected = static_cast<double>(a.value[i]) * (1 - 0.02 * 0.1) -
                              size * x[static_cast<size_t>(i / a.cols)][static_cast<size_t>(i % a.cols)];
      ASSERT_NEAR(static_cast<double>(b.value[i]), expected, 2e-5) << b.name << " at " << i;
    }
  }
  EXPECT_EQ(moved, 14);
}

TEST(Muon, TakesAsMuchMemoryAsItSays) {
  Parameters p = some_parameters();
  give_matrices_to_muon(p);
  const MuonScratch scratch(p.all());
  const auto floats = static_cast<uint64_t>(scratch.poly + int64_t{20} * 20 - std::min(scratch.x, scratch.next));
  EXPECT_EQ(MuonScratch::most_bytes(some_plan().spec, ProductType::kF32), floats * sizeof(float));
}

TEST(Muon, SingularValuesAreNearOne) {
  Parameters p = some_parameters();
  give_matrices_to_muon(p);
  MuonScratch scratch(p.all());
  for (const ProductType products : {ProductType::kF32, ProductType::kBf16}) {
    if (products == ProductType::kBf16 && !has_bf16_products()) continue;
    use_callers_threads();
    // A diagonal with entries far apart: the singular values are seen at once.
    const std::vector<double> diagonal = {9, 4, 1, 0.5, 0.2, 0.1};
    for (const int64_t cols : {6, 20}) {
      std::fill_n(scratch.x, 20 * 28, 0.0F);
      for (int64_t i = 0; i < 6; ++i) scratch.x[i * cols + i] = static_cast<float>(diagonal[static_cast<size_t>(i)]);
      orthogonalize(6, cols, products, scratch);
      for (int64_t i = 0; i < 6 * cols; ++i) {
        if (i % (cols + 1) == 0 && i / cols < 6) {
          EXPECT_GT(scratch.x[i], 0.6F) << i;
          EXPECT_LT(scratch.x[i], 1.25F) << i;
        } else {
          EXPECT_NEAR(scratch.x[i], 0.0F, 1e-6F) << i;
        }
      }
    }
  }
}

TEST(Muon, TheSameBitsForAnyNumberOfThreads) {
  Parameters one = some_parameters(), three = some_parameters();
  step(one, 1);
  step(three, 3);
  for (size_t n = 0; n < one.all().size(); ++n) {
    const Parameter &a = one.all()[n], &b = three.all()[n];
    EXPECT_EQ(std::memcmp(a.value, b.value, static_cast<size_t>(a.size()) * 4), 0) << a.name;
    EXPECT_EQ(std::memcmp(a.first_moment, b.first_moment, static_cast<size_t>(a.size()) * 4), 0) << a.name;
  }
}

TEST(Muon, AdamWLeavesItsMatricesAlone) {
  Parameters p = some_parameters();
  const Parameters before = some_parameters();
  give_matrices_to_muon(p);
  ThreadPool team(2);
  adamw_step(p, {}, 0.01, 1.0, 1, best_kernels(), team);
  for (size_t n = 0; n < p.all().size(); ++n) {
    const Parameter &a = before.all()[n], &b = p.all()[n];
    EXPECT_EQ(std::memcmp(a.value, b.value, static_cast<size_t>(a.size()) * 4) == 0, b.by_muon) << b.name;
  }
}

}  // namespace
}  // namespace sobre
