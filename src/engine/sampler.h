// Sampling: from logits to a token id. Deterministic: counter-based random numbers on (seed, choice, position), own exp (the
// kernels', the same bits on every instruction set), equal logits rank by lower id. One sampler per answer, used by one thread;
// no allocation after construction.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "base/result.h"

namespace sobre {

struct SamplingOptions {
  double temperature = 1.0;         // 0 (and below 1e-6): greedy
  int top_k = 0;                    // 0: off
  double top_p = 1.0;               // 1: off
  double min_p = 0.0;               // 0: off
  double repetition_penalty = 1.0;  // divides positive, multiplies negative logits of tokens seen (Keskar et al. 2019)
  double presence_penalty = 0.0;    // OpenAI's definitions: over the answer's tokens
  double frequency_penalty = 0.0;
  int penalty_window = 64;  // last tokens that repetition_penalty looks at; -1: all of prompt and answer
  uint64_t seed = 0;
  uint32_t choice = 0;  // index of the answer when several are drawn
  std::vector<std::pair<int32_t, float>> logit_bias;
  std::vector<int32_t> banned;  // ids that are never drawn
};

/// Errors name the option, its value and its range.
[[nodiscard]] Result<void> check_sampling(const SamplingOptions& options, int vocab_size);

class Sampler {
 public:
  /// The options must have passed check_sampling for this vocabulary.
  Sampler(SamplingOptions options, int vocab_size);

  /// The prompt's tokens count for repetition_penalty only.
  void observe_prompt(std::span<const int32_t> ids);
  /// Draws the next token and remembers it. `logits`: [vocab], finite. `position` numbers the tokens of the answer from 0.
  /// Order: bias, penalties, temperature, top-k, top-p, min-p.
  /// `mask` (empty: all): bit i of word i / 64 allows token i; at least one token that is not banned must be allowed.
  [[nodiscard]] int32_t sample(std::span<const float> logits, uint64_t position, std::span<const uint64_t> mask = {});
  /// Remembers a token that was not drawn (forced by a grammar).
  void take(int32_t id);

 private:
  void observe(int32_t id);
  void adjust(std::span<const float> logits, std::span<const uint64_t> mask);
  [[nodiscard]] int32_t draw(uint64_t position);
  [[nodiscard]] int32_t draw_from_all(double unit) const;
  [[nodiscard]] double weight_of_all() const;
  [[nodiscard]] size_t keep_best(size_t n, double mass);
  [[nodiscard]] size_t sort_until(size_t n, double target);

  SamplingOptions options_;
  size_t vocab_;
  std::vector<float> work_;             // [vocab, padded to 16] adjusted logits, then their exponentials
  std::vector<int32_t> order_;          // [vocab] candidates, best first as far as needed
  std::vector<int32_t> answer_counts_;  // [vocab] occurrences in the answer
  std::vector<int32_t> window_counts_;  // [vocab] occurrences within the last penalty_window tokens
  std::vector<int32_t> recent_;         // ring of the last penalty_window tokens, -1 where none yet
  size_t recent_at_ = 0;
};

/// The greedy choice: the largest logit, the lower id on ties.
[[nodiscard]] int32_t argmax(std::span<const float> logits);

}  // namespace sobre
