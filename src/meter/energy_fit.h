// What a unit of modelled work costs on this host, learned from windows: joules = a * prompt operations + b * weight bytes + c
// * bytes of keys and values, by non-negative least squares that forget. One per model; used by one thread at a time.
#pragma once

#include <array>
#include <cstddef>

namespace sobre {

/// Work of a window, a step or a request.
struct ModelledWork {
  double prompt_operations = 0;  // multiplications and additions for prompt tokens, matrices and attention
  double weight_bytes = 0;       // read for answers' tokens, shared by the answers of a step
  double kv_bytes = 0;           // keys and values read for answers' tokens

  ModelledWork& operator+=(const ModelledWork& other) {
    prompt_operations += other.prompt_operations;
    weight_bytes += other.weight_bytes;
    kv_bytes += other.kv_bytes;
    return *this;
  }
};

class EnergyFit {
 public:
  /// A window's work and its active energy in joules. A window without work or energy is ignored.
  void observe(const ModelledWork& work, double joules);
  /// Joules by the fit so far; by fixed proportions before anything has been observed. Only ratios matter to attribution.
  [[nodiscard]] double prefill_joules(const ModelledWork& work) const;
  [[nodiscard]] double decode_joules(const ModelledWork& work) const;
  /// Root of the mean squared error of the remembered windows over their mean energy; 0 before the second one.
  [[nodiscard]] double residual() const;
  /// Joules per operation, per weight byte, per byte of keys and values.
  [[nodiscard]] std::array<double, 3> coefficients() const;

 private:
  static constexpr size_t kTerms = 3;
  using Terms = std::array<double, kTerms>;
  void solve();

  int observed_ = 0;
  double weight_ = 0, joules_ = 0, joules_squared_ = 0;  // sums over what is remembered
  std::array<Terms, kTerms> squares_{};                  // of products of the scaled terms
  Terms products_{};                                     // and with the joules
  Terms scale_{1, 1, 1};                                 // joules per typical unit, after kTypical
};

/// The x >= 0 that makes x' A x - 2 b' x least, for a symmetric positive definite A (3 by 3): every set of positive terms is
/// solved, the best that is feasible is taken. The normal equations of non-negative least squares.
[[nodiscard]] std::array<double, 3> solve_non_negative(const std::array<std::array<double, 3>, 3>& a,
                                                       const std::array<double, 3>& b);

}  // namespace sobre
