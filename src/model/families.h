// Families: from a checkpoint's config to a DecoderSpec and the names of its tensors. A family is one row of the table in
// families.cpp and one function; nothing else in Sobre knows its name. Facts: the released configs and the reference
// implementations in huggingface/transformers and ggml-org/llama.cpp. Called once while loading; no state.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "format/gguf.h"
#include "model/spec.h"

namespace sobre {

/// Row order of q and k (and their biases) in the checkpoint, per head: half-split (HF, NEOX) or interleaved pairs (Mistral's
/// own files, GGUF "NORM" architectures). Loading turns everything into half-split.
enum class QkOrder { kHalfSplit, kInterleaved };

/// Where a weight comes from: one tensor, or some rows of it (fused projections). Empty name: the model has none.
struct TensorSource {
  std::string name;
  int64_t first_row = 0;
  int64_t rows = -1;  // -1: all
};

struct LayerNames {
  TensorSource attn_norm, attn_post_norm, ffn_norm, ffn_post_norm;
  TensorSource q, k, v, o, q_bias, k_bias, v_bias, o_bias, q_norm, k_norm;
  TensorSource gate, up, down;
};

/// How a checkpoint is to be read: the spec and every tensor's name. Optional tensors that a file lacks stay empty.
struct CheckpointPlan {
  DecoderSpec spec;
  QkOrder qk_order = QkOrder::kHalfSplit;
  TensorSource embedding, final_norm, head;  // head empty: tied
  std::vector<LayerNames> layers;
  /// Tensors that may stay unread without a warning (vision towers, redundant heads): prefixes; and parts that a name may
  /// contain (rotary buffers, activation scales). is_ignorable() asks both.
  std::vector<std::string> ignored_prefixes, ignored_parts;
  /// FP8: suffixes of the scale tensors beside "X.weight" ("weight_scale_inv", "qscale_weight"); values multiply.
  std::vector<std::string> fp8_scale_suffixes;
  /// Rows and columns of a block that shares a scale; none: one scale per weight.
  std::optional<std::pair<int64_t, int64_t>> fp8_block;
};

/// What the file holds, asked by name, so that a plan can follow what is there (tied heads, biases, prefixes).
class TensorDirectory {
 public:
  virtual ~TensorDirectory() = default;
  /// Shape of a tensor (outermost first), or nothing.
  [[nodiscard]] virtual const std::vector<int64_t>* shape(const std::string& name) const = 0;
};

/// From a Hugging Face config.json. Errors: unknown model_type, rope type, activation or quantisation method (the message lists
/// what is supported), a value out of range, lists of the wrong length.
[[nodiscard]] Result<CheckpointPlan> plan_from_hf_config(const Json& config, const TensorDirectory& tensors);
/// From Mistral's params.json.
[[nodiscard]] Result<CheckpointPlan> plan_from_mistral_params(const Json& params, const TensorDirectory& tensors);
/// From a GGUF's metadata.
[[nodiscard]] Result<CheckpointPlan> plan_from_gguf(const GgufFile& file);

/// The plan of a checkpoint still to be written: every tensor that the config calls for, under the names of a fresh HF export.
[[nodiscard]] Result<CheckpointPlan> plan_new_checkpoint(const Json& config);

/// A tensor that a plan reads, with the whole shape it has in the file (fused tensors once).
struct PlannedTensor {
  std::string name;
  std::vector<int64_t> shape;  // outermost first
};
/// Every tensor of the plan in reading order, without duplicates.
[[nodiscard]] std::vector<PlannedTensor> planned_tensors(const CheckpointPlan& plan);
/// Whether a tensor that the plan does not read may be passed over in silence.
[[nodiscard]] bool is_ignorable(const CheckpointPlan& plan, std::string_view name);

/// "llama, mistral, ...": for messages and docs.
[[nodiscard]] std::string supported_families();

}  // namespace sobre
