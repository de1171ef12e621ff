// A run of a recipe from beginning to end: its checkpoint, its log, its curves, and the model it leaves. One thread; events
// tell what happens. All files lie in recipe.output.folder: the model itself, and under training/ what the run keeps for
// itself.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/threads.h"
#include "kernels/kernels.h"
#include "learn/model_files.h"
#include "learn/recipe_feed.h"
#include "learn/trainer.h"

namespace sobre {

struct RunOptions {
  std::string init;       // the path that recipe.model.init resolves to; empty: a random start
  std::string processor;  // its name, for the checkpoint's environment
  bool restart = false;   // begin anew, whatever is there
  const Kernels* kernels = nullptr;
  std::shared_ptr<ThreadPool> threads;
  OfficeOpener office;
  std::function<void()> began;                   // all is read and the first step is next; may be empty
  std::function<bool()> cancelled;               // asked after every step; may be empty
  std::function<void(const std::string&)> note;  // a line for people: what was found, what is written; may be empty
  /// After every step: where the run stands, of how many steps, what its last validation gave (if any).
  std::function<void(const Trainer::Step&, uint64_t total, double elapsed_s, std::optional<double> validation)> progress;
};

struct RunReport {
  bool finished = false;  // false: cancelled; the same command goes on
  uint64_t steps = 0, total = 0, tokens = 0;
  double elapsed_s = 0;   // of training, over all starts
  double operations = 0;  // of the matrix products
  double loss = 0;        // of the last step
  std::optional<double> validation;
  uint64_t parameters = 0, trained = 0;
  uint64_t rows = 0, skipped = 0;  // drawn of the data; of them too long
  std::string gguf;                // path; empty: none was asked for
};

/// Starts the run, or goes on where its checkpoint stands. Errors: those of the recipe's parts; a finished run, or a checkpoint
/// of another recipe (or with another config, tokenizer or template), where restart is not set; more memory than there is (both
/// figures); an output folder that is the initial model's; documents longer than the model was made for. Whatever goes wrong,
/// the last complete checkpoint stays; a restart takes its place only when the first step is next.
[[nodiscard]] Result<RunReport> run_training(const Recipe& recipe, const RunOptions& options);

/// Bytes that the run will hold at most: weights, gradients, moments, work space; or, where that is more, the weights twice
/// while the model it starts from is loaded.
[[nodiscard]] Result<uint64_t> training_memory(const Recipe& recipe, const TrainedModel& model, int threads);

}  // namespace sobre
