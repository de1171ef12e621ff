// What chat and plain completions ask for alike: model, sampling, limits, stop strings, form, streaming. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "engine/sampler.h"
#include "serve/api.h"
#include "serve/request_fields.h"
#include "serve/request_format.h"

namespace sobre {

struct CommonRequest {
  std::string model;  // empty: the first
  bool stream = false, include_usage = false;
  int n = 1;
  std::optional<int> max_tokens;
  // What the client left out is the model's recommendation.
  std::optional<double> temperature, top_p, min_p, repetition_penalty, presence_penalty, frequency_penalty;
  std::optional<int> top_k, penalty_window;
  std::optional<int64_t> seed;
  std::vector<std::pair<int32_t, float>> logit_bias;
  std::vector<std::string> stops;
  bool ignore_eos = false, reuse_prefix = true;
  int top_logprobs = -1;  // -1: no log probabilities
  std::optional<AnswerFormat> format;
};

/// The request's object out of its body; `with_ids`: it may hold lists of token ids. Errors: no JSON, no object, limits.
[[nodiscard]] ApiResult<Json> parse_body(std::string_view body, const ApiLimits& limits, bool with_ids);

/// The fields that both kinds share (not the log probabilities). `least_max_tokens`: what max_tokens may be at least.
void read_common(RequestFields& fields, const ApiLimits& limits, int least_max_tokens, CommonRequest& out);

/// How an answer is sampled: `recommended` with what the client gave. `seed` counts where the request has none.
[[nodiscard]] SamplingOptions sampling_of(const CommonRequest& request, const SamplingOptions& recommended, uint64_t seed);

}  // namespace sobre
