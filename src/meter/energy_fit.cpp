#include "meter/energy_fit.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace sobre {

namespace {

// The terms in numbers of like size, and what they are taken to cost before anything is known: 10 W for 1e12 operations or for
// 2e10 bytes a second, which is the balance of the processors of the day.
constexpr std::array<double, 3> kTypical{1e-11, 5e-10, 5e-10};
// Weight of the windows before, at each new one: some hundred windows, half a minute of work.
constexpr double kRemember = 0.995;
// How strongly terms that the windows do not tell apart are held to the common proportion, of a window's own weight.
constexpr double kRidge = 1e-3;
// What a kind of work costs at least, of the one factor that fits all windows together.
constexpr double kLeastScale = 1e-3;

using Terms = std::array<double, 3>;
using Matrix = std::array<Terms, 3>;

Terms terms_of(const ModelledWork& work) {
  return {work.prompt_operations * kTypical[0], work.weight_bytes * kTypical[1], work.kv_bytes * kTypical[2]};
}

// Gaussian elimination over the terms of `set`, with pivots; the others are 0. False: singular.
bool solve_set(const Matrix& a, const Terms& b, unsigned set, Terms& x) {
  std::array<std::array<double, 4>, 3> rows{};
  std::array<size_t, 3> index{};
  size_t n = 0;
  for (size_t i = 0; i < 3; ++i) {
    if ((set >> i & 1u) != 0) index[n++] = i;
  }
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < n; ++j) rows[i][j] = a[index[i]][index[j]];
    rows[i][n] = b[index[i]];
  }
  for (size_t k = 0; k < n; ++k) {
    size_t best = k;
    for (size_t i = k + 1; i < n; ++i) {
      if (std::abs(rows[i][k]) > std::abs(rows[best][k])) best = i;
    }
    std::swap(rows[k], rows[best]);
    if (!(std::abs(rows[k][k]) > 0)) return false;
    for (size_t i = k + 1; i < n; ++i) {
      const double f = rows[i][k] / rows[k][k];
      for (size_t j = k; j <= n; ++j) rows[i][j] -= f * rows[k][j];
    }
  }
  x = {};
  for (size_t k = n; k-- > 0;) {
    double sum = rows[k][n];
    for (size_t j = k + 1; j < n; ++j) sum -= rows[k][j] * x[index[j]];
    x[index[k]] = sum / rows[k][k];
  }
  return true;
}

double objective(const Matrix& a, const Terms& b, const Terms& x) {
  double value = 0;
  for (size_t i = 0; i < 3; ++i) {
    for (size_t j = 0; j < 3; ++j) value += x[i] * a[i][j] * x[j];
    value -= 2 * b[i] * x[i];
  }
  return value;
}

}  // namespace

Terms solve_non_negative(const Matrix& a, const Terms& b) {
  Terms best{};
  double least = 0;  // of x = 0
  for (unsigned set = 1; set < 8; ++set) {
    Terms x;
    if (!solve_set(a, b, set, x)) continue;
    if (std::any_of(x.begin(), x.end(), [](double v) { return !(v >= 0); })) continue;
    const double value = objective(a, b, x);
    if (value < least) {
      least = value;
      best = x;
    }
  }
  return best;
}

void EnergyFit::observe(const ModelledWork& work, double joules) {
  const Terms x = terms_of(work);
  if (!(joules > 0) || !(x[0] + x[1] + x[2] > 0)) return;
  for (size_t i = 0; i < kTerms; ++i) {
    for (size_t j = 0; j < kTerms; ++j) squares_[i][j] = kRemember * squares_[i][j] + x[i] * x[j];
    products_[i] = kRemember * products_[i] + x[i] * joules;
  }
  weight_ = kRemember * weight_ + 1;
  joules_ = kRemember * joules_ + joules;
  joules_squared_ = kRemember * joules_squared_ + joules * joules;
  ++observed_;
  solve();
}

// Least squares, with a small pull of every term to the one factor that fits all windows together.
void EnergyFit::solve() {
  double trace = 0, all = 0, fitted = 0;
  for (size_t i = 0; i < kTerms; ++i) {
    trace += squares_[i][i];
    fitted += products_[i];
    for (size_t j = 0; j < kTerms; ++j) all += squares_[i][j];
  }
  const double common = fitted / all, pull = kRidge * trace / weight_;
  Matrix a = squares_;
  Terms b = products_;
  for (size_t i = 0; i < kTerms; ++i) {
    a[i][i] += pull;
    b[i] += pull * common;
  }
  scale_ = solve_non_negative(a, b);
  // No kind of work is free: a window with nothing else in it would be charged to nobody.
  for (double& scale : scale_) scale = std::max(scale, kLeastScale * common);
}

double EnergyFit::prefill_joules(const ModelledWork& work) const { return terms_of(work)[0] * scale_[0]; }

double EnergyFit::decode_joules(const ModelledWork& work) const {
  const Terms x = terms_of(work);
  return x[1] * scale_[1] + x[2] * scale_[2];
}

double EnergyFit::residual() const {
  if (observed_ < 2) return 0;
  const double squared = joules_squared_ + objective(squares_, products_, scale_);
  return std::sqrt(std::max(0.0, squared / weight_)) / (joules_ / weight_);
}

std::array<double, 3> EnergyFit::coefficients() const {
  return {kTypical[0] * scale_[0], kTypical[1] * scale_[1], kTypical[2] * scale_[2]};
}

}  // namespace sobre
