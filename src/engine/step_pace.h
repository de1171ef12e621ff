// How many prompt tokens a step may read beside running answers, so that nobody waits long for a token: learned from the times
// of the steps before, as time = a + b * decoded tokens + c * prompt work, by least squares that forget. Used by the engine
// thread. Never changes a bit of an answer.
#pragma once

#include <array>

#include "model/spec.h"

namespace sobre {

class StepPace {
 public:
  /// `max_tokens`: tokens of a step at most; `max_step_s`: what a step with running answers should take at most.
  StepPace(const DecoderSpec& spec, int max_tokens, double max_step_s);

  /// Prompt tokens for a step that also decodes `decoding` tokens, read from `position` on, while `waiting` answers wait for
  /// their prompts. At least kLeastPrompt.
  [[nodiscard]] int prompt_tokens(int decoding, int waiting, int position) const;
  /// Work of one prompt token at a position, in units of one at position 0: attention grows with it.
  [[nodiscard]] double work(int position) const { return 1.0 + position / attention_positions_; }
  /// Multiplications and additions of a prompt token at a position; those of attention weighted by what they cost.
  [[nodiscard]] double operations(int position) const { return 2 * matrices_ * work(position); }
  /// What a step took: `decoding` tokens of running answers, and prompt tokens of `prompt_work` in all.
  void observe(int decoding, double prompt_work, double seconds);

  static constexpr int kLeastPrompt = 8;

 private:
  void solve();

  double matrices_ = 0;                // weights that a token is multiplied with, the head left out
  double attention_positions_ = 1000;  // positions whose attention costs as much as the matrices
  int max_tokens_;
  double max_step_s_;
  int observed_ = 0;
  std::array<std::array<double, 3>, 3> squares_{};  // sums of products of (1, decoding, work)
  std::array<double, 3> products_{};                // and with the seconds
  std::array<double, 3> seconds_{};                 // a, b, c
};

}  // namespace sobre
