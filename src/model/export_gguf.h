// From any checkpoint to a GGUF file that Sobre and llama.cpp read: the inverse of family_gguf.cpp. A GGUF keeps its metadata
// and names and gets new tensor types; a folder (Hugging Face, Mistral) gets GGUF's names, metadata, vocabulary and row order.
// export_gguf.cpp writes tensors, export_gguf_keys.cpp the architecture's keys, export_gguf_vocab.cpp the tokenizer.
// Used by `sobre quantize`, one thread; tensors are converted by a team of its own. No state.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "format/gguf.h"
#include "model/checkpoint.h"

namespace sobre {

/// The type most matrices get. The mixes raise the tensors that suffer most, as llama.cpp's files of these names do.
enum class QuantRecipe : uint8_t {
  kF32,
  kF16,
  kBF16,
  kQ4_0,
  kQ4_1,
  kQ5_0,
  kQ5_1,
  kQ8_0,
  kQ2_K,
  kQ3_K,
  kQ4_K,
  kQ5_K,
  kQ6_K,
  kIQ4_NL,
  kQ4_K_M,
  kQ5_K_M,
};
[[nodiscard]] std::optional<QuantRecipe> quant_recipe_from_name(std::string_view name);  // any case
[[nodiscard]] std::string_view quant_recipe_name(QuantRecipe recipe);
/// All names, in the order of the enumeration.
[[nodiscard]] std::vector<std::string> quant_recipe_names();

/// What a matrix is to the model, as far as recipes care.
enum class MatrixRole : uint8_t { kEmbedding, kHead, kAttentionValue, kFfnDown, kOther };

/// The type that a recipe gives a matrix of `layer` of `layers` (layer -1: embedding or head) whose rows have `cols` elements.
/// Types whose blocks do not divide the rows fall back as llama.cpp does: Q2_K and Q3_K to Q4_0, Q4_K to Q5_0, Q5_K to Q5_1,
/// Q6_K to Q8_0; rows that are no multiple of 32 either, to F16. `tied_embedding`: the embedding is the head too.
[[nodiscard]] DType recipe_type(QuantRecipe recipe, MatrixRole role, bool tied_embedding, int layer, int layers, int64_t cols);

struct ExportOptions {
  QuantRecipe recipe = QuantRecipe::kQ8_0;
  int threads = 0;                                              // 0: as many as the process may use
  std::function<void(uint64_t done, uint64_t total)> progress;  // bytes written; called on the calling thread; may be empty
};

struct ExportReport {
  uint64_t bytes = 0;                  // of tensor data
  std::vector<std::string> fallbacks;  // tensors whose rows did not suit the recipe's type, one short line each
  std::vector<std::string> warnings;   // what the file cannot say
};

/// The file behind a GGUF checkpoint, which may be named by the folder that holds it.
[[nodiscard]] std::string gguf_path(const std::string& path);

/// Writes the checkpoint to `out`, whole or not at all. Errors: those of reading, an architecture or mechanism that GGUF has no
/// way to express, a tokenizer that GGUF has no name for.
[[nodiscard]] Result<ExportReport> export_gguf(const Checkpoint& checkpoint, const std::string& out,
                                               const ExportOptions& options);

/// The GGUF architecture a spec is written as ("llama", "qwen3"), and its order of q and k rows. Error: none can express it.
struct GgufArchitecture {
  std::string_view name;
  QkOrder qk_order;
};
[[nodiscard]] Result<GgufArchitecture> gguf_architecture(const DecoderSpec& spec);

/// What of a checkpoint is not to be written unchanged, because GGUF's readers imply other values.
struct GgufAdjustments {
  float q_norm_factor = 1;           // folded into q_norm: readers imply a score scale of 1 / sqrt(head_dim)
  std::vector<float> rope_divisors;  // rope_freqs.weight; empty: none
};

/// Adds "general.*" and the architecture's keys. `config`: the checkpoint's config.json or params.json, for the rope settings
/// that a spec no longer holds. Warnings go to `report`.
[[nodiscard]] Result<GgufAdjustments> add_gguf_keys(const CheckpointPlan& plan, CheckpointKind kind, const Json& config,
                                                    const std::string& name, GgufWriter& writer, ExportReport& report);

/// Adds the tokenizer.* keys of a folder: vocabulary, merges or scores, types, special ids, chat template. A folder without
/// tokenizer gets tokenizer.ggml.model "none".
[[nodiscard]] Result<void> add_gguf_vocab(const Checkpoint& checkpoint, const TextAssets& text, GgufWriter& writer,
                                          ExportReport& report);

}  // namespace sobre
