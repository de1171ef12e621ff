// DecoderSpec: a decoder-only transformer as data. Families (families.h) turn a checkpoint's config into one; forward() runs
// any. A new mechanism is a new value here and its kernel, never another forward pass. Plain values, const once made.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sobre {

enum class Activation : uint8_t { kSilu, kGeluTanh };

/// Rotary embedding of one base: half-split pairs (i, i + head_dim / 2), angle = position * inv_freq[i] in f32; cos and sin are
/// multiplied by `magnitude` (YaRN's attention factor). Every scaling rule is already inside inv_freq.
struct RopeSpec {
  std::vector<float> inv_freq;  // [head_dim / 2]
  float magnitude = 1.0F;
};

struct LayerSpec {
  int n_heads = 0;
  int n_kv_heads = 0;
  int head_dim = 0;
  int ffn_dim = 0;
  int rope = 0;                 // index into DecoderSpec::ropes; -1: none (SmolLM3's NoPE layers)
  int window = 0;               // sliding window (the query included); 0: full causal attention
  float score_scale = 0;        // multiplies q.k
  bool qk_norm = false;         // RMSNorm of each head of q and k before RoPE
  bool attn_post_norm = false;  // Gemma: norm of the attention branch before the residual add
  bool ffn_post_norm = false;
  Activation activation = Activation::kSilu;
};

struct DecoderSpec {
  std::string family;  // the row of the family table: "llama", "ministral3", ...
  int d_model = 0;
  int vocab_size = 0;  // rows of the embedding
  int max_context = 0;
  float norm_eps = 1e-5F;
  float embedding_scale = 1.0F;
  float residual_scale = 1.0F;  // multiplies each branch before its residual add
  float logit_divisor = 1.0F;
  // Ministral 3: q *= 1 + beta * ln(1 + floor(position / query_scale_context)); off when beta is 0.
  float query_scale_beta = 0.0F;
  int query_scale_context = 0;
  bool tied_head = false;
  bool norm_plus_one = false;  // the checkpoint's norm weights mean 1 + w (HF Gemma); applied while loading
  std::vector<RopeSpec> ropes;
  std::vector<LayerSpec> layers;

  [[nodiscard]] int n_layers() const { return static_cast<int>(layers.size()); }
};

}  // namespace sobre
