// Mistral's own layout: params.json beside consolidated.safetensors, with interleaved rotary pairs and w1/w2/w3 names.
#include <algorithm>
#include <optional>

#include "model/config_reader.h"
#include "model/family_common.h"

namespace sobre {

namespace {

Result<void> refuse_other_architectures(const ConfigReader& params) {
  TRY(const std::string type, params.text("model_type", "transformer"));
  if (type != "transformer" && type != "mistral") {
    return fail("{}: model_type \"{}\" is not supported; supported is transformer", params.where(), type);
  }
  for (const std::string_view key : {"moe", "q_lora_rank", "kv_lora_rank"}) {
    if (params.find(key) != nullptr)
      return fail("{}: {} is not supported; only dense models with plain attention are", params.where(), key);
  }
  TRY(const bool biases, params.flag("use_biases", false));
  if (biases) return fail("{}: use_biases true is not supported; only false is", params.where());
  TRY(const std::optional<ConfigReader> quant, params.object("quantization"));
  if (!quant) return {};
  TRY(const std::string format, quant->text("qformat_weight", ""));
  if (format != "fp8_e4m3")
    return fail("{}: qformat_weight \"{}\" is not supported; supported is fp8_e4m3", quant->where(), format);
  return {};
}

Result<void> read_yarn_block(const ConfigReader& yarn, RopeConfig& rope) {
  rope.kind = RopeConfig::Kind::kYarn;
  TRY(rope.factor, yarn.number("factor", 1, kMaxRopeFactor));
  TRY(rope.original_context, yarn.integer("original_max_position_embeddings", 1, kMaxContext));
  TRY(rope.beta_fast, yarn.number("beta", 0.001, 1e6, 32));
  TRY(rope.beta_slow, yarn.number("alpha", 0.001, 1e6, 1));
  TRY(const bool scaled, yarn.flag("apply_scale", true));
  if (!scaled) rope.attention_factor = 1;
  return {};
}

// The key the windows stand under, if any: releases have used both.
std::string_view window_key(const ConfigReader& params) {
  return params.find("sliding_window") != nullptr ? "sliding_window" : "_sliding_window";
}

Result<RopeConfig> read_rope(const ConfigReader& params, int head_dim) {
  RopeConfig rope;
  rope.head_dim = head_dim;
  // Files of the first releases state no theta: models with a sliding window were trained with 1e4, the others with 1e6.
  const double unstated = params.find(window_key(params)) != nullptr ? 1e4 : 1e6;
  TRY(rope.theta, params.number("rope_theta", kMinTheta, kMaxTheta, unstated));
  TRY(const std::optional<ConfigReader> yarn, params.object("yarn"));
  if (yarn) TRY_VOID(read_yarn_block(*yarn, rope));
  return rope;
}

Result<void> read_windows(const ConfigReader& params, DecoderSpec& spec) {
  const std::string_view key = window_key(params);
  const Json* value = params.find(key);
  if (value == nullptr) return {};
  if (value->is_array()) return read_window_list(params, key, spec);
  TRY(const int64_t window, params.integer(key, 1, kMaxContext));
  for (LayerSpec& layer : spec.layers) layer.window = static_cast<int>(window);
  return {};
}

Result<Dims> read_params_dims(const ConfigReader& params) {
  Dims dims;
  TRY(dims.width, params.integer("dim", 1, kMaxWidth));
  TRY(dims.layers, params.integer("n_layers", 1, kMaxLayers));
  TRY(dims.heads, params.integer("n_heads", 1, kMaxHeads));
  TRY(dims.kv_heads, params.integer("n_kv_heads", 1, kMaxHeads, dims.heads));
  TRY(dims.head_dim, params.integer("head_dim", 2, kMaxHeadDim, std::max<int64_t>(dims.width / dims.heads, 2)));
  TRY(dims.ffn, params.integer("hidden_dim", 1, kMaxFfn));
  TRY(dims.vocab, params.integer("vocab_size", 1, kMaxVocab, 0));
  TRY(dims.eps, params.number("norm_eps", kMinEps, kMaxEps));
  // Often not stated at all; the releases that say nothing reach at least this far.
  TRY(const int64_t stated, params.integer("max_seq_len", 1, kMaxContext, 32768));
  TRY(dims.context, params.integer("max_position_embeddings", 1, kMaxContext, stated));
  return dims;
}

NameScheme mistral_names() {
  NameScheme names;
  names.layers = "layers.";
  names.attn_norm = "attention_norm";
  names.ffn_norm = "ffn_norm";
  names.q = "attention.wq";
  names.k = "attention.wk";
  names.v = "attention.wv";
  names.o = "attention.wo";
  names.gate = "feed_forward.w1";
  names.down = "feed_forward.w2";
  names.up = "feed_forward.w3";
  names.embedding = "tok_embeddings.weight";
  names.final_norm = "norm.weight";
  names.heads = {"output.weight"};
  return names;
}

Result<CheckpointPlan> read_params_spec(const ConfigReader& params) {
  TRY(const Dims dims, read_params_dims(params));
  TRY(const std::optional<ConfigReader> scaling, params.object("llama_4_scaling"));
  CheckpointPlan plan = uniform_plan(scaling ? "ministral3" : "mistral", dims, Activation::kSilu);
  DecoderSpec& spec = plan.spec;
  TRY(const RopeConfig rope, read_rope(params, static_cast<int>(dims.head_dim)));
  TRY([[maybe_unused]] const int index, add_rope(spec, rope));
  spec.max_context = static_cast<int>(scaled_context(rope, spec.max_context));
  TRY_VOID(read_windows(params, spec));
  if (!scaling) return plan;
  TRY(const double beta, scaling->number("beta", 0, kMaxScale));
  TRY(const int64_t context, scaling->integer("original_max_position_embeddings", 1, kMaxContext));
  spec.query_scale_beta = static_cast<float>(beta);
  spec.query_scale_context = static_cast<int>(context);
  return plan;
}

}  // namespace

Result<CheckpointPlan> read_mistral_family(const Json& json, const TensorDirectory* tensors) {
  if (!json.is_object()) return fail("params.json: {} stands where an object is expected", brief(json));
  const ConfigReader params(json, "params.json");
  TRY_VOID(refuse_other_architectures(params));
  TRY(CheckpointPlan plan, read_params_spec(params));
  BindRules rules;
  TRY(rules.tied, params.flag("tied_embeddings", false));
  TRY_VOID(check_spec(plan.spec));
  TRY_VOID(bind_tensors(plan, mistral_names(), rules, tensors));
  plan.qk_order = QkOrder::kInterleaved;
  for (const char* prefix : {"vision_encoder.", "vision_language_adapter.", "patch_merger.", "pre_mm_projector_norm."}) {
    plan.ignored_prefixes.emplace_back(prefix);
  }
  plan.ignored_parts = {"fake_quantizer", ".qscale_act"};
  plan.fp8_scale_suffixes = {"qscale_weight"};
  return plan;
}

}  // namespace sobre
