// Many prompts answered on one model, greedily, as fast as the scheduler batches them. Main thread.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/scheduler.h"

namespace sobre {

struct ManyAnswer {
  std::string text;
  int tokens = 0;     // of the answer
  std::string error;  // one line; empty: answered
};

/// The answers to `prompts` (ids, as conversation_ids() gives them) in their order. `progress` (may be empty) gets how many are
/// done. Errors: a prompt that the scheduler refuses, named by its number.
[[nodiscard]] Result<std::vector<ManyAnswer>> answer_many(Scheduler& scheduler, std::span<const std::vector<int32_t>> prompts,
                                                          int max_tokens, const std::function<void(uint64_t)>& progress);

}  // namespace sobre
