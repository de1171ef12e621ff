#include "engine/step_pace.h"

#include <algorithm>
#include <cstddef>

namespace sobre {

namespace {

// Weight of what was observed before, at each new step.
constexpr double kRemember = 0.97;
// Steps before the fit is trusted.
constexpr int kEnough = 3;
// Time is shared by how many wait for a prompt and how many for a token, but a prompt may always double a decode step's time:
// one long prompt beside many answers keeps their longest wait for a token under three times the usual one. Where decoding is
// faster than this, a prompt may take this long, since tiny chunks waste the kernels' width.
constexpr double kLeastExtraS = 0.010;
// Who waits for a first token counts this often against who waits for the next one: a page that is still empty is felt more.
constexpr double kWaitingWeight = 3;
constexpr int kUnknownChunk = 64;
// An f32 multiplication of attention costs about this many of the integer ones of a matrix.
constexpr double kAttentionCost = 4;

}  // namespace

StepPace::StepPace(const DecoderSpec& spec, int max_tokens, double max_step_s)
    : max_tokens_(max_tokens), max_step_s_(max_step_s) {
  double attention = 0;
  for (const LayerSpec& l : spec.layers) {
    const double d = spec.d_model, q = static_cast<double>(l.n_heads) * l.head_dim,
                 kv = static_cast<double>(l.n_kv_heads) * l.head_dim;
    matrices_ += 2 * d * (q + kv) + 3 * d * l.ffn_dim;
    attention += 2 * q * kAttentionCost;
  }
  if (attention > 0) attention_positions_ = std::max(1.0, matrices_ / attention);
}

int StepPace::prompt_tokens(int decoding, int waiting, int position) const {
  if (observed_ < kEnough || seconds_[2] <= 0) return std::min(max_tokens_, decoding > 0 ? kUnknownChunk : max_tokens_);
  double extra_s = max_step_s_;
  if (decoding > 0) {
    const double decode_s = seconds_[0] + seconds_[1] * decoding;
    const double most = std::max(max_step_s_ - decode_s, decode_s / 2);
    const double share = std::max(1.0, kWaitingWeight * waiting / decoding);
    extra_s = std::min(std::max(decode_s * share, kLeastExtraS), most);
  }
  const double tokens = extra_s / (seconds_[2] * work(position));
  return static_cast<int>(std::clamp(tokens, static_cast<double>(kLeastPrompt), static_cast<double>(max_tokens_)));
}

void StepPace::observe(int decoding, double prompt_work, double seconds) {
  const std::array<double, 3> x{1.0, static_cast<double>(decoding), prompt_work};
  for (size_t i = 0; i < 3; ++i) {
    for (size_t j = 0; j < 3; ++j) squares_[i][j] = kRemember * squares_[i][j] + x[i] * x[j];
    products_[i] = kRemember * products_[i] + x[i] * seconds;
  }
  ++observed_;
  solve();
}

// Least squares with each coefficient at least 0: a coefficient that would be negative is left out and the others are fitted
// again. What has not varied (always the same number of answers, say) is held down by a small weight on the squares.
void StepPace::solve() {
  std::array<bool, 3> out{};
  for (int round = 0; round < 3; ++round) {
    std::array<std::array<double, 4>, 3> m{};
    for (size_t i = 0; i < 3; ++i) {
      for (size_t j = 0; j < 3; ++j) m[i][j] = out[i] || out[j] ? 0 : squares_[i][j];
      m[i][i] = out[i] ? 1 : m[i][i] * 1.001 + 1e-9;
      m[i][3] = out[i] ? 0 : products_[i];
    }
    for (size_t i = 0; i < 3; ++i) {
      for (size_t k = 0; k < 3; ++k) {
        if (k == i) continue;
        const double factor = m[k][i] / m[i][i];
        for (size_t j = i; j < 4; ++j) m[k][j] -= factor * m[i][j];
      }
    }
    bool good = true;
    for (size_t i = 0; i < 3; ++i) {
      seconds_[i] = m[i][3] / m[i][i];
      if (seconds_[i] < 0) {
        out[i] = true;
        seconds_[i] = 0;
        good = false;
      }
    }
    if (good) return;
  }
}

}  // namespace sobre
