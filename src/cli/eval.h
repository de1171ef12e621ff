// `sobre eval`: how often a model's greedy answers are right, on the office tasks or on what a recipe held back. Main thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/load.h"

namespace sobre {

struct EvalFlags {
  ModelFlags model;
  std::vector<std::string> tasks;      // none: all office tasks
  std::vector<int> levels;             // none: 1, 2, 3
  std::vector<std::string> languages;  // none: all
  int count = 100;                     // items of each task, level and language
  uint64_t seed = 1;
  bool validation = false;   // the validation split in place of the test split
  std::string recipe;        // what this recipe held back, in place of the office tasks
  std::string system_file;   // a system message for every question
  int shots = 0;             // examples from the recipe's training rows before each question
  int max_tokens = 320;      // of an answer
  std::string answers_file;  // JSONL of every answer; empty: none
  std::string zone;          // the grid, for CO2e per right answer; empty: none is said
  bool json = false;
};

[[nodiscard]] Result<void> eval_command(const EvalFlags& flags);

}  // namespace sobre
