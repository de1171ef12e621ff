// The checkpoint of a run: weights, moments, and where the run stands, in one safetensors file that is there whole or not at
// all. Written and read by the trainer's thread.
#pragma once

#include <cstdint>
#include <string>

#include "base/json.h"
#include "base/result.h"
#include "learn/feed.h"
#include "learn/parameters.h"

namespace sobre {

/// Where a run stands after `step` steps.
struct TrainingState {
  uint64_t step = 0;
  uint64_t tokens = 0;      // of all steps so far
  double elapsed_s = 0;     // of training, over all starts
  double operations = 0;    // of the steps' matrix products
  FeedState feed;           // where the next step's batch begins
  std::string run_digest;   // SHA-256 of what decides the run: another one is another run
  std::string environment;  // threads, instruction set, library, processor: others round otherwise
};

/// Writes the checkpoint; the one before it stays until this one is complete. Errors: those of writing, with the path.
[[nodiscard]] Result<void> write_training_state(const std::string& path, const Parameters& parameters,
                                                const TrainingState& state);
/// Reads it back into `parameters`. Errors: damage; tensors that are not those of the parameters.
[[nodiscard]] Result<TrainingState> read_training_state(const std::string& path, Parameters& parameters);
/// The state alone.
[[nodiscard]] Result<TrainingState> peek_training_state(const std::string& path);

}  // namespace sobre
