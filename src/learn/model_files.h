// What a run starts from, and what it leaves: a model's config, its text side and its weights in, a Hugging Face folder (and a
// GGUF file) out. Main thread.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/json.h"
#include "base/result.h"
#include "base/threads.h"
#include "kernels/kernels.h"
#include "learn/parameters.h"
#include "learn/recipe.h"
#include "model/checkpoint.h"

namespace sobre {

/// A model that is to be trained, but for its weights.
struct TrainedModel {
  Json config;                               // config.json of what is written
  CheckpointPlan plan;                       // of a fresh export with that config
  TextAssets text;                           // with the recipe's chat template, where it names one
  std::map<std::string, std::string> files;  // the tokenizer's files by name, as they are written beside the weights
};

/// What the recipe starts from. `init`: the path that recipe.model.init resolves to; empty for a random start. Errors: a
/// tokenizer with more ids than the config's vocabulary; a model that no config can describe.
[[nodiscard]] Result<TrainedModel> open_trained_model(const Recipe& recipe, const std::string& init);

/// Which parameters the recipe trains. Errors: layers beyond the last; nothing at all.
[[nodiscard]] Result<Trainable> trainable_parts(const TrainedParts& parts, const DecoderSpec& spec);

/// The parameters at the beginning of the run: random by training.seed, or those of `init`.
[[nodiscard]] Result<Parameters> initial_parameters(const Recipe& recipe, const TrainedModel& model, const std::string& init,
                                                    const Kernels& kernels, int threads);

/// Writes model.safetensors (f32), config.json and the tokenizer's files into `folder`, and `NAME-TYPE.gguf` beside them where
/// `gguf` names a type (NAME is the folder's own name). Returns the path of the GGUF file, or an empty text.
[[nodiscard]] Result<std::string> write_trained_model(const std::string& folder, const TrainedModel& model,
                                                      const Parameters& parameters, const std::optional<QuantRecipe>& gguf);

}  // namespace sobre
