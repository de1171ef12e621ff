// RECIPE.toml: what a run of the trainer starts from, learns from, and leaves behind. Plain values, checked as a whole; paths
// that the file gives relative to itself are resolved. Read once on the main thread.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "learn/conversations.h"
#include "learn/schedule.h"
#include "model/export_gguf.h"

namespace sobre {

/// Which weights are trained; the others stay as they are.
struct TrainedParts {
  bool all = true;
  bool embedding = false, head = false, final_norm = false;
  std::vector<std::pair<int, int>> layers;  // first and last of each range
  [[nodiscard]] bool layer(int i) const;
};

struct RecipeModel {
  std::string init;       // "random", or a model as the user named it (folders and files are also looked for beside the recipe)
  Json config;            // of a random start: the keys of a config.json; else null
  std::string tokenizer;  // of a random start: a folder or file; else empty
  TrainedParts train;
};

/// Conversations that the command's generator makes.
struct OfficeSource {
  std::vector<std::string> tasks;
  std::string split;  // "train" or "validation", by the list that the source stands in
  uint64_t seed = 1, count = 0;
  std::vector<int> levels = {1, 2, 3};
  std::vector<std::string> languages = {"en", "fr"};
};

enum class DataKind : uint8_t { kChat, kText, kCsv, kOffice };

struct DataSource {
  DataKind kind = DataKind::kChat;
  std::string path;     // of a file
  CsvColumns columns;   // of kCsv
  OfficeSource office;  // of kOffice
  double weight = 1;
  double held_back = 0;
  uint64_t after = 0;  // rows of all sources before its first
};

struct RecipeData {
  uint64_t seed = 1;
  int max_tokens = 512;        // of one document
  bool skip_too_long = false;  // conversations beyond it are left out instead of an error
  std::string chat_template;   // a file in place of the model's template; empty: the model's
  std::vector<DataSource> train, validation;
};

/// What products are computed in: kAuto is bf16 where the machine multiplies it, else f32.
enum class ProductChoice : uint8_t { kF32, kBf16, kAuto };

/// kMuon: the layers' matrices by Muon, the rest by AdamW (learn/muon.h).
enum class OptimizerKind : uint8_t { kAdamW, kMuon };

struct RecipeTraining {
  uint64_t seed = 1;
  uint64_t tokens = 0, steps = 0, epochs = 0;  // how long: exactly one of them is not 0
  int batch_tokens = 8192;                     // of one step
  int micro_tokens = 8192;                     // computed at once; gradients accumulate
  ScheduleKind schedule = ScheduleKind::kCosine;
  double learning_rate = 1e-3, min_learning_rate = 1e-4;  // the latter where it is not given: a tenth of the former
  uint64_t warmup_steps = 100;
  double decay_part = 0.2;  // of ScheduleKind::kWsd
  double weight_decay = 0.1;
  double beta1 = 0.9, beta2 = 0.95, eps = 1e-8, clip_norm = 1.0;  // clip_norm 0: none
  uint64_t evaluate_every = 200;                                  // steps; 0: only at the end
  uint64_t evaluate_examples = 256;
  double checkpoint_every_s = 300;  // 0: after every step
  ProductChoice products = ProductChoice::kF32;
  OptimizerKind optimizer = OptimizerKind::kAdamW;

  /// The schedule of a run of so many steps.
  [[nodiscard]] Schedule schedule_of(uint64_t total_steps) const {
    return {schedule, learning_rate, min_learning_rate, warmup_steps, total_steps, decay_part};
  }
};

struct RecipeOutput {
  std::string folder;
  std::optional<QuantRecipe> gguf;
};

struct Recipe {
  std::string file;    // where it was read, for messages
  std::string folder;  // the recipe's own
  std::string text;    // all of the file: what tells recipes apart
  RecipeModel model;
  RecipeData data;
  RecipeTraining training;
  RecipeOutput output;
};

/// Reads a recipe of the folder `folder`; `where` begins the messages. Opens no other file: a config that is a file's name
/// stays a text in model.config. Errors name file, line and key: unknown keys (with the nearest known one), missing ones, wrong
/// types, values out of range (with the range), and keys that do not go together.
[[nodiscard]] Result<Recipe> parse_recipe(std::string_view text, const std::string& where, const std::string& folder);
/// The same of a file, and model.config is an object where the start is random.
[[nodiscard]] Result<Recipe> load_recipe(const std::string& path);

}  // namespace sobre
