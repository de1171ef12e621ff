// The operations of training: every instruction set against the scalar definition, bit for bit, and the definition against
// formulas and finite differences in double arithmetic.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <random>
#include <vector>

#include "base/checked.h"
#include "kernels/kernels.h"

namespace sobre {
namespace {

using Row = std::vector<float>;
constexpr int64_t kLengths[] = {1, 5, 16, 17, 48, 60, 96, 131};

// n random values in a row padded with zeros.
Row random_row(int64_t n, unsigned seed, float around = 0, float spread = 1) {
  std::mt19937 rng(seed);
  std::normal_distribution<float> normal(around, spread);
  Row x(static_cast<size_t>(round_up(n, 16)), 0.0F);
  for (int64_t i = 0; i < n; ++i) x[static_cast<size_t>(i)] = normal(rng);
  return x;
}

// What every operation gives for rows of n values, one after the other.
Row all_results(const Kernels& k, int64_t n) {
  Row out;
  const auto take = [&](const Row& x) { out.insert(out.end(), x.begin(), x.end()); };
  const Row x = random_row(n, 1), w = random_row(n, 2, 1, 0.2F), dy = random_row(n, 3);
  Row dx = random_row(n, 4), dw = random_row(n, 5);
  k.rms_norm_backward(x.data(), w.data(), dy.data(), n, 1e-5F, dx.data(), dw.data());
  take(dx), take(dw);
  for (const auto operation : {k.silu_mul_backward, k.gelu_mul_backward}) {
    Row dg(x.size(), 0.0F), du(x.size(), 0.0F);
    operation(x.data(), w.data(), dy.data(), dg.data(), du.data(), n);
    take(dg), take(du);
  }
  Row e(x.size(), 0.0F);
  const float most = k.row_max(x.data(), n);
  const float sum = k.exp_shifted(x.data(), most, e.data(), n);
  take(e), take({most, sum, k.dot(x.data(), dy.data(), n)});
  k.softmax_backward(e.data(), dy.data(), 0.3F, e.data(), n);
  take(e);
  const PlainAdamW a{0.5F, 0.9F, 0.95F, 1e-8F, 2e-3F, 1.7F, 1e-4F};
  Row p = w, m = random_row(n, 6), v = random_row(n, 7);
  for (float& value : v) value *= value;
  k.adamw(p.data(), m.data(), v.data(), dy.data(), n, &a);
  take(p), take(m), take(v);
  return out;
}

TEST(TrainingKernels, SameBitsOnEveryInstructionSet) {
  for (const Isa isa : available_isas()) {
    for (const int64_t n : kLengths) {
      const Row expected = all_results(*kernels_for(Isa::kScalar), n), got = all_results(*kernels_for(isa), n);
      ASSERT_EQ(expected.size(), got.size());
      EXPECT_EQ(std::memcmp(expected.data(), got.data(), got.size() * sizeof(float)), 0) << isa_name(isa) << ", n " << n;
    }
  }
}

// The derivative of f by x[i], in double, by central differences.
double slope(const std::function<double(const std::vector<double>&)>& f, const Row& x, int64_t i) {
  std::vector<double> at(x.begin(), x.end());
  const double step = 1e-5;
  at[static_cast<size_t>(i)] += step;
  const double above = f(at);
  at[static_cast<size_t>(i)] -= 2 * step;
  return (above - f(at)) / (2 * step);
}

TEST(TrainingKernels, NormsBackwardIsTheDerivative) {
  const Kernels& k = *kernels_for(Isa::kScalar);
  for (const int64_t n : kLengths) {
    const Row x = random_row(n, 1), w = random_row(n, 2, 1, 0.2F), dy = random_row(n, 3);
    Row dx(x.size(), 0.0F), dw(x.size(), 0.0F);
    k.rms_norm_backward(x.data(), w.data(), dy.data(), n, 1e-5F, dx.data(), dw.data());
    const auto value = [&](const std::vector<double>& xs, const std::vector<double>& ws) {
      double squares = 0, total = 0;
      for (size_t i = 0; i < static_cast<size_t>(n); ++i) squares += xs[i] * xs[i];
      const double r = 1 / std::sqrt(squares / static_cast<double>(n) + 1e-5);
      for (size_t i = 0; i < static_cast<size_t>(n); ++i) total += static_cast<double>(dy[i]) * xs[i] * r * ws[i];
      return total;
    };
    const std::vector<double> xd(x.begin(), x.end()), wd(w.begin(), w.end());
    for (int64_t i = 0; i < n; ++i) {
      const auto at = static_cast<size_t>(i);
      EXPECT_NEAR(static_cast<double>(dx[at]), slope([&](const auto& v) { return value(v, wd); }, x, i), 2e-5) << n;
      EXPECT_NEAR(static_cast<double>(dw[at]), slope([&](const auto& v) { return value(xd, v); }, w, i), 2e-5) << n;
    }
  }
}

TEST(TrainingKernels, ActivationsBackwardIsTheDerivative) {
  const Kernels& k = *kernels_for(Isa::kScalar);
  const int64_t n = 131;
  const Row g = random_row(n, 1, 0, 2), u = random_row(n, 2), d = random_row(n, 3);
  for (const bool gelu : {false, true}) {
    Row dg(g.size(), 0.0F), du(g.size(), 0.0F);
    (gelu ? k.gelu_mul_backward : k.silu_mul_backward)(g.data(), u.data(), d.data(), dg.data(), du.data(), n);
    const auto activation = [&](double x) {
      const double t = gelu ? 2 * std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x) : x;
      return x / (1 + std::exp(-t));
    };
    for (size_t i = 0; i < static_cast<size_t>(n); ++i) {
      const double x = static_cast<double>(g[i]), step = 1e-5;
      const double by_gate = (activation(x + step) - activation(x - step)) / (2 * step);
      EXPECT_NEAR(static_cast<double>(dg[i]), static_cast<double>(d[i] * u[i]) * by_gate, 1e-5) << gelu << " " << g[i];
      EXPECT_NEAR(static_cast<double>(du[i]), static_cast<double>(d[i]) * activation(x), 1e-5) << gelu << " " << g[i];
    }
  }
}

TEST(TrainingKernels, RowsAreSummedAndScaled) {
  const Kernels& k = *kernels_for(Isa::kScalar);
  for (const int64_t n : kLengths) {
    const Row x = random_row(n, 1, -1, 3), y = random_row(n, 2);
    double sum = 0, product = 0;
    float most = x[0];
    for (size_t i = 0; i < static_cast<size_t>(n); ++i) most = std::max(most, x[i]);
    for (size_t i = 0; i < static_cast<size_t>(n); ++i) {
      sum += std::exp(static_cast<double>(x[i]) - static_cast<double>(most));
      product += static_cast<double>(x[i]) * static_cast<double>(y[i]);
    }
    EXPECT_EQ(k.row_max(x.data(), n), most);
    Row e(x.size(), -1.0F);
    EXPECT_NEAR(static_cast<double>(k.exp_shifted(x.data(), most, e.data(), n)), sum, 1e-5 * sum);
    for (size_t i = static_cast<size_t>(n); i < e.size(); ++i) EXPECT_EQ(e[i], -1.0F) << "nothing beyond the row is written";
    EXPECT_NEAR(static_cast<double>(k.dot(x.data(), y.data(), n)), product, 1e-4);
  }
}

TEST(TrainingKernels, AdamWFollowsItsPaper) {
  const Kernels& k = *kernels_for(Isa::kScalar);
  Row w = random_row(17, 1), m(32, 0.0F), v(32, 0.0F);
  std::vector<double> wd(w.begin(), w.end()), md(32, 0.0), vd(32, 0.0);
  const double lr = 1e-2, b1 = 0.9, b2 = 0.95, eps = 1e-8, decay = 0.1;
  for (int t = 1; t <= 5; ++t) {
    const Row g = random_row(17, static_cast<unsigned>(10 + t));
    const PlainAdamW a{1,
                       0.9F,
                       0.95F,
                       1e-8F,
                       static_cast<float>(lr / (1 - std::pow(b1, t))),
                       static_cast<float>(1 / std::sqrt(1 - std::pow(b2, t))),
                       static_cast<float>(lr * decay)};
    k.adamw(w.data(), m.data(), v.data(), g.data(), 17, &a);
    for (size_t i = 0; i < 17; ++i) {
      const auto gi = static_cast<double>(g[i]);
      md[i] = b1 * md[i] + (1 - b1) * gi;
      vd[i] = b2 * vd[i] + (1 - b2) * gi * gi;
      wd[i] -= lr * decay * wd[i];
      wd[i] -= lr * (md[i] / (1 - std::pow(b1, t))) / (std::sqrt(vd[i] / (1 - std::pow(b2, t))) + eps);
      EXPECT_NEAR(static_cast<double>(w[i]), wd[i], 1e-6) << t;
    }
  }
}

}  // namespace
}  // namespace sobre
