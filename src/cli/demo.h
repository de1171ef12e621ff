// `sobre demo`: the bundled models on office questions that their training never saw. Main thread.
#pragma once

#include <cstdint>

#include "base/result.h"

namespace sobre {

struct DemoFlags {
  int count = 3;  // questions of each task
  uint64_t seed = 1;
  bool json = false;  // a line of JSON for each answer
};

/// Asks every bundled model the same questions, greedily, one after another, and prints each answer with whether it is right,
/// its speed and its time, and a table of the models. Error: no bundled model is there.
[[nodiscard]] Result<void> demo_command(const DemoFlags& flags);

}  // namespace sobre
