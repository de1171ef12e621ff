// Log probabilities of tokens: log softmax of the model's logits, with our own exp and log (the same bits on every instruction
// set). No state, any thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/scheduler.h"

namespace sobre {

/// Fills token.logprob (of token.id) and token.top (the `n` likeliest, best first, equal ones by lower id). `logits`: [vocab].
void add_logprobs(std::span<const float> logits, int n, GenerationToken& token);

}  // namespace sobre
