// GGUF: metadata under "ARCHITECTURE.", names and conventions of ggml-org/llama.cpp's converters. The file says nothing of some
// mechanisms (SmolLM3's layers without rope, Gemma's embedding scale): its readers know them from the architecture, and so does
// this.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "model/family_common.h"
#include "tensor/dtype.h"

namespace sobre {

namespace {

class GgufTensors final : public TensorDirectory {
 public:
  explicit GgufTensors(const GgufFile& file) : file_(file) {}
  [[nodiscard]] const std::vector<int64_t>* shape(const std::string& name) const override {
    const TensorView* tensor = file_.find_tensor(name);
    return tensor == nullptr ? nullptr : &tensor->shape;
  }

 private:
  const GgufFile& file_;
};

// Reads the keys of one architecture, "llama." before each.
class Keys {
 public:
  Keys(const GgufFile& file, std::string_view architecture) : file_(file), prefix_(std::string(architecture) + ".") {}

  [[nodiscard]] const GgufFile& file() const { return file_; }
  [[nodiscard]] std::string full(std::string_view key) const { return prefix_ + std::string(key); }

  Result<int64_t> integer(std::string_view key, int64_t min, int64_t max, std::optional<int64_t> fallback = {}) const {
    TRY(const std::optional<int64_t> value, file_.get_int(full(key), min, max));
    if (!value && !fallback)
      return fail("{}: the key {} is missing; it must be from {} to {}", file_.name(), full(key), min, max);
    return value ? *value : *fallback;
  }

  Result<double> number(std::string_view key, double min, double max, std::optional<double> fallback = {}) const {
    TRY(const std::optional<double> value, file_.get_double(full(key)));
    if (!value && !fallback)
      return fail("{}: the key {} is missing; it must be from {} to {}", file_.name(), full(key), min, max);
    const double number = value ? *value : *fallback;
    if (!(number >= min && number <= max))
      return fail("{}: {} is {}; allowed are {} to {}", file_.name(), full(key), number, min, max);
    return number;
  }

  Result<std::string> text(std::string_view key, std::string_view fallback) const {
    TRY(const std::optional<std::string> value, file_.get_string(full(key)));
    return value.value_or(std::string(fallback));
  }

  Result<bool> flag(std::string_view key, bool fallback) const {
    TRY(const std::optional<bool> value, file_.get_bool(full(key)));
    return value.value_or(fallback);
  }

  // One number for all layers, or an array of one per layer.
  Result<std::vector<int64_t>> per_layer(std::string_view key, size_t layers, int64_t max,
                                         std::optional<int64_t> fallback = {}) const {
    const GgufValue* value = file_.find(full(key));
    const auto* array = value == nullptr ? nullptr : std::get_if<GgufArray>(value);
    if (array == nullptr) {
      TRY(const int64_t one, integer(key, 1, max, fallback));
      return std::vector<int64_t>(layers, one);
    }
    if (array->ints.size() != layers) {
      return fail("{}: {} has {} whole numbers for {} layers", file_.name(), full(key), array->ints.size(), layers);
    }
    for (const int64_t n : array->ints) {
      if (n < 1 || n > max) return fail("{}: {} has {}; allowed are 1 to {}", file_.name(), full(key), n, max);
    }
    return array->ints;
  }

 private:
  const GgufFile& file_;
  std::string prefix_;
};

struct Architecture {
  std::string_view name;    // general.architecture
  std::string_view family;  // DecoderSpec::family
  QkOrder qk_order;
  bool qk_norm = false;
  Result<void> (*read)(const Keys& keys, CheckpointPlan& plan) = nullptr;  // what only this architecture has
};

// rope_freqs.weight: the divisors that carry llama3 scaling. Empty when the file has none.
Result<std::vector<float>> read_divisors(const GgufFile& file) {
  const TensorView* tensor = file.find_tensor("rope_freqs.weight");
  if (tensor == nullptr) return std::vector<float>();
  if (tensor->dtype != DType::kF32 || tensor->shape.size() != 1 || tensor->shape[0] > kMaxHeadDim) {
    return fail("{}: rope_freqs.weight is {} {}; a list of at most {} F32 values is expected", file.name(),
                dtype_info(tensor->dtype).name, shape_text(tensor->shape), kMaxHeadDim);
  }
  std::vector<float> divisors(static_cast<size_t>(tensor->shape[0]));
  if (!divisors.empty()) dequantize_row(DType::kF32, tensor->data.data(), tensor->shape[0], divisors.data());
  return divisors;
}

// YaRN as llama.cpp evaluates it: mscale is 1, mscale_all_dim the log multiplier, and attn_factor multiplies the result.
Result<void> read_yarn_keys(const Keys& keys, RopeConfig& rope) {
  rope.kind = RopeConfig::Kind::kYarn;
  TRY(rope.beta_fast, keys.number("rope.scaling.yarn_beta_fast", 0.001, 1e6, 32));
  TRY(rope.beta_slow, keys.number("rope.scaling.yarn_beta_slow", 0.001, 1e6, 1));
  TRY(rope.mscale_all_dim, keys.number("rope.scaling.yarn_log_multiplier", 0, 100, 0));
  rope.mscale = 1;
  TRY(const double extrapolation, keys.number("rope.scaling.yarn_ext_factor", -1, 1, 1));
  if (extrapolation != 1 && extrapolation != -1) {
    return fail("{}: {} is {}; only 1 is supported", keys.file().name(), keys.full("rope.scaling.yarn_ext_factor"),
                extrapolation);
  }
  return {};
}

Result<RopeConfig> read_rope_keys(const Keys& keys, int head_dim, int64_t context) {
  RopeConfig rope;
  rope.head_dim = head_dim;
  TRY(const int64_t rotated, keys.integer("rope.dimension_count", 2, kMaxHeadDim, head_dim));
  if (rotated != head_dim) {
    return fail("{}: {} is {} for heads of {}; partial rotation is not supported", keys.file().name(),
                keys.full("rope.dimension_count"), rotated, head_dim);
  }
  TRY(rope.theta, keys.number("rope.freq_base", kMinTheta, kMaxTheta, 10000));
  TRY(const double legacy, keys.number("rope.scale_linear", 0, kMaxRopeFactor, 0));
  TRY(const double factor, keys.number("rope.scaling.factor", 0, kMaxRopeFactor, legacy));
  rope.factor = factor == 0 ? 1 : factor;
  TRY(rope.original_context, keys.integer("rope.scaling.original_context_length", 1, kMaxContext, context));
  TRY(const std::string type, keys.text("rope.scaling.type", "linear"));
  if (type == "yarn") {
    TRY_VOID(read_yarn_keys(keys, rope));
  } else if (type == "linear") {
    rope.kind = RopeConfig::Kind::kLinear;
  } else if (type == "none") {
    rope.factor = 1;
  } else {
    return fail("{}: {} \"{}\" is not supported; supported are none, linear and yarn", keys.file().name(),
                keys.full("rope.scaling.type"), type);
  }
  return rope;
}

Result<void> read_ropes(const Keys& keys, DecoderSpec& spec) {
  const int head_dim = spec.layers.front().head_dim;
  TRY(const RopeConfig config, read_rope_keys(keys, head_dim, spec.max_context));
  TRY(const std::vector<float> divisors, read_divisors(keys.file()));
  TRY(RopeSpec rope, make_rope(config, divisors));
  TRY(const double attention, keys.number("rope.scaling.attn_factor", 0.001, 1000, 1));
  rope.magnitude = static_cast<float>(static_cast<double>(rope.magnitude) * attention);
  spec.ropes.push_back(std::move(rope));
  spec.max_context = static_cast<int>(scaled_context(config, spec.max_context));
  return {};
}

// One window on all layers where the file states one.
Result<void> read_uniform_window(const Keys& keys, CheckpointPlan& plan) {
  TRY(const int64_t window, keys.integer("attention.sliding_window", 0, kMaxContext, 0));
  for (LayerSpec& layer : plan.spec.layers) layer.window = static_cast<int>(window);
  return {};
}

Result<void> read_mistral3(const Keys& keys, CheckpointPlan& plan) {
  DecoderSpec& spec = plan.spec;
  TRY(const double beta, keys.number("attention.temperature_scale", 0, kMaxScale, 0));
  if (beta > 0) {
    TRY(const int64_t context, keys.integer("rope.scaling.original_context_length", 1, kMaxContext));
    spec.query_scale_beta = static_cast<float>(beta);
    spec.query_scale_context = static_cast<int>(context);
  }
  return read_uniform_window(keys, plan);
}

Result<void> read_smollm3(const Keys& /*keys*/, CheckpointPlan& plan) {
  constexpr size_t kInterval = 4;  // nothing in the file says so
  for (size_t i = kInterval - 1; i < plan.spec.layers.size(); i += kInterval) plan.spec.layers[i].rope = -1;
  return {};
}

// Which layers slide: an array of one flag per layer, or a period whose last layer is full.
Result<std::vector<bool>> read_sliding_pattern(const Keys& keys, size_t layers) {
  const GgufValue* value = keys.file().find(keys.full("attention.sliding_window_pattern"));
  const auto* array = value == nullptr ? nullptr : std::get_if<GgufArray>(value);
  std::vector<bool> sliding(layers);
  if (array != nullptr) {
    if (array->ints.size() != layers) {
      return fail("{}: {} has {} flags for {} layers", keys.file().name(), keys.full("attention.sliding_window_pattern"),
                  array->ints.size(), layers);
    }
    for (size_t i = 0; i < layers; ++i) sliding[i] = array->ints[i] != 0;
    return sliding;
  }
  TRY(const int64_t period, keys.integer("attention.sliding_window_pattern", 1, kMaxLayers, 6));
  for (size_t i = 0; i < layers; ++i) sliding[i] = (static_cast<int64_t>(i) + 1) % period != 0;
  return sliding;
}

Result<void> read_gemma3(const Keys& keys, CheckpointPlan& plan) {
  DecoderSpec& spec = plan.spec;
  for (const char* key : {"attn_logit_softcapping", "final_logit_softcapping"}) {
    TRY(const double cap, keys.number(key, 0, 1e9, 0));
    if (cap != 0) return fail("{}: {} is {}; soft-capping is not supported", keys.file().name(), keys.full(key), cap);
  }
  spec.embedding_scale = static_cast<float>(std::sqrt(static_cast<double>(spec.d_model)));
  TRY(const int64_t window, keys.integer("attention.sliding_window", 0, kMaxContext, 0));
  TRY(const std::vector<bool> sliding, read_sliding_pattern(keys, spec.layers.size()));
  RopeConfig local;
  local.head_dim = spec.layers.front().head_dim;
  TRY(local.theta, keys.number("rope.freq_base_swa", kMinTheta, kMaxTheta, 10000));
  TRY(const int local_rope, add_rope(spec, local));
  // The 27B model alone scales its scores by width / heads; the file does not say so.
  const bool is_27b = spec.n_layers() == 62;
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    LayerSpec& layer = spec.layers[i];
    layer.attn_post_norm = layer.ffn_post_norm = true;
    layer.activation = Activation::kGeluTanh;
    const int width_per_head = spec.d_model / layer.n_heads;
    if (is_27b) layer.score_scale = static_cast<float>(1 / std::sqrt(static_cast<double>(width_per_head)));
    if (window == 0 || !sliding[i]) continue;
    layer.window = static_cast<int>(window);
    layer.rope = local_rope;
  }
  return {};
}

// Absent (or 0, for older writers) means that a multiplier does not apply.
Result<double> read_multiplier(const Keys& keys, std::string_view key, double unset) {
  TRY(const double value, keys.number(key, 0, kMaxScale, 0));
  return value == 0 ? unset : value;
}

Result<void> read_granite(const Keys& keys, CheckpointPlan& plan) {
  DecoderSpec& spec = plan.spec;
  TRY(const double logits, keys.number("logit_scale", kMinScale, kMaxScale));
  TRY(const double embedding, read_multiplier(keys, "embedding_scale", 1));
  TRY(const double residual, read_multiplier(keys, "residual_scale", 1));
  TRY(const double attention, read_multiplier(keys, "attention.scale", 0));
  TRY(const bool rotated,
      keys.flag("rope.scaling.finetuned", true));  // the converter's way to say whether there is rope at all
  spec.logit_divisor = static_cast<float>(logits);
  spec.embedding_scale = static_cast<float>(embedding);
  spec.residual_scale = static_cast<float>(residual);
  for (LayerSpec& layer : spec.layers) {
    if (attention > 0) layer.score_scale = static_cast<float>(attention);
    layer.rope = rotated ? 0 : -1;
  }
  return {};
}

constexpr std::array<Architecture, 7> kArchitectures = {{
    {"llama", "llama", QkOrder::kInterleaved, false, read_uniform_window},
    {"mistral3", "ministral3", QkOrder::kInterleaved, false, read_mistral3},
    {"smollm3", "smollm3", QkOrder::kInterleaved, false, read_smollm3},
    {"qwen2", "qwen2", QkOrder::kHalfSplit, false, read_uniform_window},
    {"qwen3", "qwen3", QkOrder::kHalfSplit, true, read_uniform_window},
    {"gemma3", "gemma3", QkOrder::kHalfSplit, true, read_gemma3},
    {"granite", "granite", QkOrder::kInterleaved, false, read_granite},
}};

Result<const Architecture*> find_architecture(const GgufFile& file) {
  TRY(const std::optional<std::string> name, file.get_string("general.architecture"));
  if (!name) return fail("{}: the key general.architecture is missing", file.name());
  for (const Architecture& a : kArchitectures) {
    if (a.name == *name) return &a;
  }
  std::string supported;
  for (const Architecture& a : kArchitectures) supported += (supported.empty() ? "" : ", ") + std::string(a.name);
  return fail("{}: general.architecture \"{}\" is not supported; supported are {}", file.name(), *name, supported);
}

Result<CheckpointPlan> read_gguf_layers(const Keys& keys, const Architecture& architecture) {
  Dims dims;
  TRY(dims.width, keys.integer("embedding_length", 1, kMaxWidth));
  TRY(dims.layers, keys.integer("block_count", 1, kMaxLayers));
  TRY(dims.context, keys.integer("context_length", 1, kMaxContext));
  TRY(dims.eps, keys.number("attention.layer_norm_rms_epsilon", kMinEps, kMaxEps));
  const auto layers = static_cast<size_t>(dims.layers);
  TRY(const std::vector<int64_t> heads, keys.per_layer("attention.head_count", layers, kMaxHeads));
  TRY(const std::vector<int64_t> kv_heads, keys.per_layer("attention.head_count_kv", layers, kMaxHeads, heads.front()));
  TRY(const std::vector<int64_t> ffn, keys.per_layer("feed_forward_length", layers, kMaxFfn));
  const int64_t derived = std::max<int64_t>(dims.width / heads.front(), 2);
  TRY(dims.head_dim, keys.integer("attention.key_length", 2, kMaxHeadDim, derived));
  TRY(const int64_t value_dim, keys.integer("attention.value_length", 2, kMaxHeadDim, derived));
  if (value_dim != dims.head_dim) {
    return fail("{}: keys of {} and values of {} per head differ, which is not supported", keys.file().name(), dims.head_dim,
                value_dim);
  }
  TRY(const int64_t experts, keys.integer("expert_count", 0, 1 << 20, 0));
  if (experts > 0)
    return fail("{}: {} is {}; mixtures of experts are not supported", keys.file().name(), keys.full("expert_count"), experts);
  CheckpointPlan plan = uniform_plan(architecture.family, dims, Activation::kSilu);
  for (size_t i = 0; i < layers; ++i) {
    LayerSpec& layer = plan.spec.layers[i];
    layer.n_heads = static_cast<int>(heads[i]);
    layer.n_kv_heads = static_cast<int>(kv_heads[i]);
    layer.ffn_dim = static_cast<int>(ffn[i]);
    layer.qk_norm = architecture.qk_norm;
  }
  plan.qk_order = architecture.qk_order;
  return plan;
}

NameScheme gguf_names() {
  NameScheme names;
  names.layers = "blk.";
  names.attn_norm = "attn_norm";
  names.attn_post_norm = "post_attention_norm";
  names.ffn_norm = "ffn_norm";
  names.ffn_post_norm = "post_ffw_norm";
  names.q = "attn_q";
  names.k = "attn_k";
  names.v = "attn_v";
  names.o = "attn_output";
  names.q_norm = "attn_q_norm";
  names.k_norm = "attn_k_norm";
  names.gate = "ffn_gate";
  names.up = "ffn_up";
  names.down = "ffn_down";
  names.fused_qkv = "attn_qkv";
  names.embedding = "token_embd.weight";
  names.final_norm = "output_norm.weight";
  names.heads = {"output.weight"};
  return names;
}

Result<CheckpointPlan> read_gguf_plan(const Keys& keys, const Architecture& architecture) {
  TRY(CheckpointPlan plan, read_gguf_layers(keys, architecture));
  TRY_VOID(read_ropes(keys, plan.spec));
  TRY_VOID(architecture.read(keys, plan));
  TRY_VOID(check_spec(plan.spec));
  const GgufTensors tensors(keys.file());
  TRY_VOID(bind_tensors(plan, gguf_names(), {.bias = BiasRule::kPresent, .tied = false}, &tensors));
  plan.ignored_prefixes = {"rope_freqs.weight"};  // read above
  return plan;
}

}  // namespace

Result<CheckpointPlan> plan_from_gguf(const GgufFile& file) {
  TRY(const Architecture* architecture, find_architecture(file));
  return read_gguf_plan(Keys(file, architecture->name), *architecture);
}

}  // namespace sobre
