// `sobre train`: a run of a recipe, or a recorded one done again. Main thread.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "kernels/kernels.h"

namespace sobre {

struct TrainFlags {
  std::string recipe;         // RECIPE.toml; empty with --replay
  std::string replay_folder;  // a recorded run
  std::string replay_out;     // where the weights after it are written; empty: nowhere
  bool restart = false;
  std::optional<Isa> isa;
  int threads = 0;  // 0: as many as the process may use
};

[[nodiscard]] Result<void> train_command(const TrainFlags& flags);

}  // namespace sobre
