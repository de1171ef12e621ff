// Weights: every matrix of a model packed into the kernels' forms, norms and biases as f32. Made while loading, const
// afterwards.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/threads.h"
#include "kernels/kernels.h"
#include "model/checkpoint.h"

namespace sobre {

/// How weights are held. kAuto: quantised types and GGUF floats as the file has them, safetensors floats as 8-bit blocks.
/// kF32: everything in f32, with f32 arithmetic throughout. kQ4 is the form of Q4_1, kQ8 of Q8_0.
enum class WeightMode { kAuto, kF32, kBF16, kQ8, kQ4 };
[[nodiscard]] std::string_view weight_mode_name(WeightMode mode);

struct LayerWeights {
  std::vector<float> attn_norm, attn_post_norm, ffn_norm, ffn_post_norm;  // [d_model]; empty when absent
  std::vector<float> q_norm, k_norm;                                      // [head_dim]
  PackedMatrix q, k, v, o;  // [heads * head_dim, d_model], o: [d_model, heads * head_dim]
  std::vector<float> q_bias, k_bias, v_bias, o_bias;
  PackedMatrix gate, up, down;  // [ffn, d_model], down: [d_model, ffn]
};

struct Weights {
  PackedMatrix embedding;  // [vocab, d_model]; also the head when tied
  PackedMatrix head;       // empty when tied
  std::vector<float> final_norm;
  std::vector<LayerWeights> layers;

  [[nodiscard]] uint64_t bytes() const;
  /// Bytes read to produce one token: every matrix once, one embedding row.
  [[nodiscard]] uint64_t bytes_per_token() const;
};

/// Reads and packs everything the plan names, in parallel on `pool`; source pages are released as they are done.
[[nodiscard]] Result<Weights> load_weights(const Checkpoint& checkpoint, WeightMode mode, const Kernels& kernels,
                                           ThreadPool& pool, const std::function<void(double)>& progress);

}  // namespace sobre
