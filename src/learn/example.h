// What a model learns from: documents of ids, packed into batches.
#pragma once

#include <cstdint>
#include <vector>

namespace sobre {

/// Documents one after the other, as one step (or one accumulated part of a step) sees them. Attention never crosses documents;
/// positions start at 0 in each.
struct TrainBatch {
  std::vector<int32_t> ids;      // [tokens]
  std::vector<int32_t> targets;  // [tokens]: the id to predict after each position; -1: not counted
  std::vector<int32_t> starts;   // [documents + 1], ascending, 0 first, tokens last
};

}  // namespace sobre
