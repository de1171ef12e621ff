// What the three readers of families share (HF configs, Mistral's params.json, GGUF): limits, the uniform decoder most families
// start from, and the step that finds every tensor of the finished spec in the file and checks its shape. Internal to
// families*.cpp and family_*.cpp; used once while loading, no state.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "format/tensor_bytes.h"
#include "model/config_reader.h"
#include "model/families.h"
#include "model/rope_config.h"

namespace sobre {

// Bounds of every size a checkpoint may state. Generous (released decoders stay far below), and small enough that any product
// of two of them fits int64 with room.
inline constexpr int64_t kMaxLayers = 1024, kMaxHeads = 1024, kMaxHeadDim = 1024, kMaxWidth = 65536;
inline constexpr int64_t kMaxVocab = int64_t{1} << 22, kMaxFfn = int64_t{1} << 18, kMaxContext = int64_t{1} << 24;
inline constexpr double kMinEps = 1e-12, kMaxEps = 0.1;
inline constexpr double kMinScale = 1e-6, kMaxScale = 1e6;  // embedding, residual, score and logit multipliers

/// Sizes of a decoder whose layers are all alike.
struct Dims {
  int64_t width = 0, layers = 0, heads = 0, kv_heads = 0, head_dim = 0, ffn = 0, context = 0;
  int64_t vocab = 0;  // 0: not stated, the embedding's rows decide
  double eps = 0;
};

/// A plan whose layers are full causal attention with rope 0, scaled by 1 / sqrt(head_dim). No ropes and no names yet.
[[nodiscard]] CheckpointPlan uniform_plan(std::string_view family, const Dims& dims, Activation activation);

/// Adds a rope and returns its index.
[[nodiscard]] Result<int> add_rope(DecoderSpec& spec, const RopeConfig& config);

/// Checks a finished spec: every bound above, divisibility of heads, ropes of the right length. Errors state value and limit.
[[nodiscard]] Result<void> check_spec(const DecoderSpec& spec);

/// How a format spells the tensors of a decoder. Stems lack ".weight" and ".bias"; an empty stem: the format has none.
struct NameScheme {
  std::string layers;  // before the layer's number: "model.layers."
  std::string_view attn_norm, attn_post_norm, ffn_norm, ffn_post_norm;
  std::string_view q, k, v, o, q_norm, k_norm, gate, up, down;
  std::string_view fused_qkv;      // rows of q, then k, then v; used by a layer that has it
  std::string_view fused_gate_up;  // rows of gate, then up; always used when named
  std::string embedding, final_norm;
  std::vector<std::string> heads;  // the first that the file has
};

enum class BiasRule : uint8_t {
  kNone,     // not read
  kQkv,      // q, k and v must have one
  kQkvo,     // o too
  kPresent,  // where the file has one (GGUF states nothing)
};

struct BindRules {
  BiasRule bias = BiasRule::kNone;
  bool tied = false;  // the config says that the head is the embedding
};

/// Fills in every TensorSource of the plan, and tied_head, and vocab_size where it is 0. `tensors` null: a checkpoint still to
/// be made, in which everything that is called for exists. Errors: a missing tensor, a shape other than the spec's.
[[nodiscard]] Result<void> bind_tensors(CheckpointPlan& plan, const NameScheme& scheme, const BindRules& rules,
                                        const TensorDirectory* tensors);

/// Sets the layers' windows from a list of them (null: full attention) that repeats over the layers, as Mistral's own configs
/// have it.
[[nodiscard]] Result<void> read_window_list(const ConfigReader& config, std::string_view key, DecoderSpec& spec);

// The readers proper; `tensors` as in bind_tensors.
[[nodiscard]] Result<CheckpointPlan> read_hf_family(const Json& config, const TensorDirectory* tensors);
[[nodiscard]] Result<CheckpointPlan> read_mistral_family(const Json& params, const TensorDirectory* tensors);

}  // namespace sobre
