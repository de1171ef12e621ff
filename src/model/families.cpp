#include "model/families.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "model/config_reader.h"
#include "model/family_common.h"

namespace sobre {

namespace {

// What a configuration class of the reference takes for keys that a config leaves out. 0: the key must be there, because
// released configs always state it, or because the class's value is not that of the released model (SmolLM3's rope_theta).
struct Defaults {
  Dims dims;
  double theta = 10000;
  std::string_view activation = "silu";
  bool tied = false;
  int64_t window = 0;
};

// How tensors are named: as Llama's; with Gemma's four norms; with Granite 4's fused gate and up.
enum class Layout : uint8_t { kLlama, kGemma, kGraniteShared };

// A family of HF checkpoints. `read` sets what only this family has, on a plan of uniform layers.
struct Family {
  std::string_view name;        // DecoderSpec::family
  std::string_view model_type;  // of the (text) config
  Defaults defaults;
  BiasRule bias = BiasRule::kNone;  // fixed by the class; kNone: attention_bias decides
  bool reads_attention_bias = false;
  std::string_view activation_key = "hidden_act";
  std::string_view ffn_key = "intermediate_size";
  Layout layout = Layout::kLlama;
  Result<void> (*read)(const ConfigReader& config, const Family& family, CheckpointPlan& plan) = nullptr;
};

enum class Attention : uint8_t { kFull, kSliding };

// `layer_types`: one entry per layer; nothing when the config has none.
Result<std::optional<std::vector<Attention>>> read_layer_types(const ConfigReader& config, size_t layers) {
  const std::string_view key = config.find("layer_types") != nullptr ? "layer_types" : "layers_block_type";
  TRY(const Json::Array* list, config.array(key));
  if (list == nullptr) return std::nullopt;
  if (list->size() != layers) return fail("{}: {} has {} entries for {} layers", config.where(), key, list->size(), layers);
  std::vector<Attention> types;
  for (const Json& entry : *list) {
    const std::string* name = entry.as_string();
    if (name != nullptr && (*name == "full_attention" || *name == "attention")) {
      types.push_back(Attention::kFull);
    } else if (name != nullptr && *name == "sliding_attention") {
      types.push_back(Attention::kSliding);
    } else {
      return fail("{}: {} has {}; supported are full_attention and sliding_attention", config.where(), key, brief(entry));
    }
  }
  return types;
}

// Gives every sliding layer its window. A window that is not set leaves the layers full, as the reference does.
void set_windows(DecoderSpec& spec, const std::vector<Attention>& types, int64_t window) {
  for (size_t i = 0; i < spec.layers.size(); ++i)
    spec.layers[i].window = types[i] == Attention::kSliding ? static_cast<int>(window) : 0;
}

// `sliding_window`: absent takes the class's value, null means none.
Result<int64_t> read_window(const ConfigReader& config, int64_t class_value) {
  const bool is_null = config.has("sliding_window") && config.find("sliding_window") == nullptr;
  return config.integer("sliding_window", 1, kMaxContext, is_null ? 0 : class_value);
}

// One rope for all layers: all that plain Llama models have.
Result<void> read_llama(const ConfigReader& config, const Family& family, CheckpointPlan& plan) {
  DecoderSpec& spec = plan.spec;
  TRY(const RopeConfig rope, read_hf_rope(config, family.defaults.theta, spec.layers.front().head_dim, spec.max_context));
  TRY([[maybe_unused]] const int index, add_rope(spec, rope));
  spec.max_context = static_cast<int>(scaled_context(rope, spec.max_context));
  return {};
}

// Mistral and Ministral: `layer_types` where given (Ministral 8B), else one window on all layers or none.
Result<void> read_mistral(const ConfigReader& config, const Family& family, CheckpointPlan& plan) {
  TRY_VOID(read_llama(config, family, plan));
  const Json* window = config.find("sliding_window");
  if (window != nullptr && window->is_array()) return read_window_list(config, "sliding_window", plan.spec);
  TRY(const auto types, read_layer_types(config, plan.spec.layers.size()));
  TRY(const int64_t width, read_window(config, family.defaults.window));
  set_windows(plan.spec, types.value_or(std::vector(plan.spec.layers.size(), Attention::kSliding)), width);
  return {};
}

// Ministral 3: YaRN, and queries that grow with the position.
Result<void> read_ministral3(const ConfigReader& config, const Family& family, CheckpointPlan& plan) {
  DecoderSpec& spec = plan.spec;
  TRY(const std::optional<ConfigReader> nested, hf_rope_object(config));
  if (!nested) return fail("{}: rope_parameters is missing; a ministral3 model needs it", config.where());
  TRY_VOID(read_llama(config, family, plan));
  TRY(const double beta, nested->number("llama_4_scaling_beta", 0, kMaxScale, 0));
  if (beta > 0) {
    TRY(const int64_t context, nested->integer("original_max_position_embeddings", 1, kMaxContext));
    spec.query_scale_beta = static_cast<float>(beta);
    spec.query_scale_context = static_cast<int>(context);
  }
  TRY(const int64_t window, read_window(config, 0));
  set_windows(spec, std::vector(spec.layers.size(), Attention::kSliding), window);
  return {};
}

// Windows of Qwen: off unless use_sliding_window; then on the layers from max_window_layers on.
Result<void> read_qwen_windows(const ConfigReader& config, const Family& family, CheckpointPlan& plan) {
  DecoderSpec& spec = plan.spec;
  TRY(const auto listed, read_layer_types(config, spec.layers.size()));
  TRY(const bool used, config.flag("use_sliding_window", false));
  if (!used) return {};
  TRY(const int64_t window, read_window(config, family.defaults.window));
  TRY(const int64_t first, config.integer("max_window_layers", 0, kMaxLayers, 28));
  std::vector<Attention> types(spec.layers.size(), Attention::kFull);
  for (size_t i = 0; i < types.size(); ++i)
    types[i] = static_cast<int64_t>(i) >= first ? Attention::kSliding : Attention::kFull;
  set_windows(spec, listed.value_or(types), window);
  return {};
}

Result<void> read_qwen2(const ConfigReader& config, const Family& family, CheckpointPlan& plan) {
  TRY_VOID(read_llama(config, family, plan));
  return read_qwen_windows(config, family, plan);
}

Result<void> read_qwen3(const ConfigReader& config, const Family& family, CheckpointPlan& plan) {
  for (LayerSpec& layer : plan.spec.layers) layer.qk_norm = true;
  return read_qwen2(config, family, plan);
}

// SmolLM3: `no_rope_layers` says 1 where rope IS applied; by default every fourth layer has none.
Result<void> read_smollm3(const ConfigReader& config, const Family& family, CheckpointPlan& plan) {
  DecoderSpec& spec = plan.spec;
  TRY_VOID(read_llama(config, family, plan));
  TRY(const Json::Array* list, config.array("no_rope_layers"));
  TRY(const int64_t interval, config.integer("no_rope_layer_interval", 1, kMaxLayers, 4));
  if (list != nullptr && list->size() != spec.layers.size()) {
    return fail("{}: no_rope_layers has {} entries for {} layers", config.where(), list->size(), spec.layers.size());
  }
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    const std::optional<int64_t> rope =
        list == nullptr ? static_cast<int64_t>((static_cast<int64_t>(i) + 1) % interval != 0) : (*list)[i].as_int();
    if (!rope || (*rope != 0 && *rope != 1))
      return fail("{}: no_rope_layers has {}; allowed are 0 and 1", config.where(), brief((*list)[i]));
    spec.layers[i].rope = *rope == 1 ? 0 : -1;
  }
  TRY(const auto listed, read_layer_types(config, spec.layers.size()));
  TRY(const bool used, config.flag("use_sliding_window", false));
  if (!used) return {};
  TRY(const int64_t window, read_window(config, 0));
  std::vector<Attention> types;
  types.reserve(spec.layers.size());
  for (const LayerSpec& layer : spec.layers) types.push_back(layer.rope < 0 ? Attention::kSliding : Attention::kFull);
  set_windows(spec, listed.value_or(types), window);
  return {};
}

// Rope 0: full layers (scaled where the config says so), rope 1: sliding layers, never scaled by the older keys.
Result<void> read_gemma3_ropes(const ConfigReader& config, const Family& family, CheckpointPlan& plan) {
  DecoderSpec& spec = plan.spec;
  const int head_dim = spec.layers.front().head_dim;
  TRY(const RopeConfig full, read_hf_rope(config, family.defaults.theta, head_dim, spec.max_context, "full_attention"));
  TRY([[maybe_unused]] const int first, add_rope(spec, full));
  RopeConfig local;
  local.head_dim = head_dim;
  TRY(const std::optional<ConfigReader> nested, config.object("rope_parameters"));
  if (nested && nested->find("sliding_attention") != nullptr) {
    TRY(local, read_hf_rope(config, 10000, head_dim, spec.max_context, "sliding_attention"));
  } else {
    TRY(local.theta, config.number("rope_local_base_freq", kMinTheta, kMaxTheta, 10000));
  }
  TRY([[maybe_unused]] const int second, add_rope(spec, local));
  spec.max_context = static_cast<int>(scaled_context(full, spec.max_context));
  return {};
}

Result<void> refuse_softcaps(const ConfigReader& config) {
  for (const std::string_view key : {"final_logit_softcapping", "attn_logit_softcapping"}) {
    if (config.find(key) != nullptr) return fail("{}: {} is not supported; only null is", config.where(), key);
  }
  TRY(const bool both_ways, config.flag("use_bidirectional_attention", false));
  if (both_ways)
    return fail("{}: use_bidirectional_attention is not supported; text generation needs causal attention", config.where());
  return {};
}

Result<void> read_gemma3(const ConfigReader& config, const Family& family, CheckpointPlan& plan) {
  DecoderSpec& spec = plan.spec;
  TRY_VOID(refuse_softcaps(config));
  spec.norm_plus_one = true;
  spec.embedding_scale = static_cast<float>(std::sqrt(static_cast<double>(spec.d_model)));
  TRY(const double scalar, config.number("query_pre_attn_scalar", kMinScale, kMaxScale, 256));
  TRY(const auto listed, read_layer_types(config, spec.layers.size()));
  const std::string_view key =
      config.find("sliding_window_pattern") != nullptr ? "sliding_window_pattern" : "_sliding_window_pattern";
  TRY(const int64_t period, config.integer(key, 1, kMaxLayers, 6));
  TRY(const int64_t window, read_window(config, family.defaults.window));
  std::vector<Attention> types;
  types.reserve(spec.layers.size());
  for (int64_t i = 0; i < spec.n_layers(); ++i) types.push_back((i + 1) % period == 0 ? Attention::kFull : Attention::kSliding);
  types = listed.value_or(types);
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    LayerSpec& layer = spec.layers[i];
    layer.qk_norm = layer.attn_post_norm = layer.ffn_post_norm = true;
    layer.score_scale = static_cast<float>(1 / std::sqrt(scalar));
    layer.rope = types[i] == Attention::kFull ? 0 : 1;
  }
  set_windows(spec, types, window);
  return read_gemma3_ropes(config, family, plan);
}

// The four multipliers of Granite; the class's value is 1 for each, also for the attention scale.
Result<void> read_granite(const ConfigReader& config, const Family& family, CheckpointPlan& plan) {
  DecoderSpec& spec = plan.spec;
  TRY_VOID(read_llama(config, family, plan));
  TRY(const double embedding, config.number("embedding_multiplier", kMinScale, kMaxScale, 1));
  TRY(const double residual, config.number("residual_multiplier", kMinScale, kMaxScale, 1));
  TRY(const double attention, config.number("attention_multiplier", kMinScale, kMaxScale, 1));
  TRY(const double logits, config.number("logits_scaling", kMinScale, kMaxScale, 1));
  spec.embedding_scale = static_cast<float>(embedding);
  spec.residual_scale = static_cast<float>(residual);
  spec.logit_divisor = static_cast<float>(logits);
  for (LayerSpec& layer : spec.layers) layer.score_scale = static_cast<float>(attention);
  return {};
}

Result<void> read_granite_hybrid(const ConfigReader& config, const Family& family, CheckpointPlan& plan) {
  TRY(const int64_t experts, config.integer("num_local_experts", 0, 1 << 20, 8));
  if (experts > 0)
    return fail("{}: num_local_experts is {}; mixtures of experts are not supported, only 0 is", config.where(), experts);
  TRY(const auto types, read_layer_types(config, plan.spec.layers.size()));
  if (!types) return fail("{}: layer_types is missing, so all layers would be Mamba, which is not supported", config.where());
  if (std::find(types->begin(), types->end(), Attention::kSliding) != types->end()) {
    return fail("{}: layer_types has sliding_attention; a {} model supports full_attention only", config.where(),
                family.model_type);
  }
  TRY_VOID(read_granite(config, family, plan));
  const auto position_text = config.text("position_embedding_type", "none");
  if (!position_text) return std::unexpected(position_text.error());
  const std::string_view position = *position_text;
  if (position != "rope" && position != "none" && position != "nope") {
    return fail("{}: position_embedding_type \"{}\" is not supported; rope and null are", config.where(), position);
  }
  for (LayerSpec& layer : plan.spec.layers) layer.rope = position == "rope" ? 0 : -1;
  return {};
}

constexpr std::array<Family, 10> kFamilies = {{
    {.name = "llama",
     .model_type = "llama",
     .defaults = {.dims = {.context = 2048, .eps = 1e-6}},
     .reads_attention_bias = true,
     .read = read_llama},
    {.name = "mistral",
     .model_type = "mistral",
     .defaults = {.dims = {.kv_heads = 8, .context = 131072, .eps = 1e-6}, .window = 4096},
     .read = read_mistral},
    {.name = "ministral",
     .model_type = "ministral",
     .defaults = {.dims = {.kv_heads = 8, .context = 131072, .eps = 1e-6}, .window = 4096},
     .read = read_mistral},
    {.name = "ministral3",
     .model_type = "ministral3",
     .defaults = {.dims = {.width = 4096,
                           .layers = 34,
                           .heads = 32,
                           .kv_heads = 8,
                           .head_dim = 128,
                           .ffn = 14336,
                           .context = 262144,
                           .eps = 1e-5},
                  .theta = 0},
     .read = read_ministral3},
    {.name = "smollm3",
     .model_type = "smollm3",
     .defaults = {.dims = {.kv_heads = 4, .context = 32768, .eps = 1e-6}, .theta = 0, .tied = true},
     .reads_attention_bias = true,
     .read = read_smollm3},
    {.name = "qwen2",
     .model_type = "qwen2",
     .defaults = {.dims = {.kv_heads = 32, .context = 32768, .eps = 1e-6}, .window = 4096},
     .bias = BiasRule::kQkv,
     .read = read_qwen2},
    {.name = "qwen3",
     .model_type = "qwen3",
     .defaults = {.dims = {.kv_heads = 32, .head_dim = 128, .context = 32768, .eps = 1e-6}, .window = 4096},
     .reads_attention_bias = true,
     .read = read_qwen3},
    {.name = "gemma3",
     .model_type = "gemma3_text",
     .defaults = {.dims = {.width = 2304,
                           .layers = 26,
                           .heads = 8,
                           .kv_heads = 4,
                           .head_dim = 256,
                           .ffn = 9216,
                           .context = 131072,
                           .eps = 1e-6},
                  .theta = 1e6,
                  .activation = "gelu_pytorch_tanh",
                  .tied = true,
                  .window = 4096},
     .reads_attention_bias = true,
     .activation_key = "hidden_activation",
     .layout = Layout::kGemma,
     .read = read_gemma3},
    {.name = "granite",
     .model_type = "granite",
     .defaults = {.dims = {.context = 2048, .eps = 1e-6}},
     .reads_attention_bias = true,
     .read = read_granite},
    {.name = "granitemoehybrid",
     .model_type = "granitemoehybrid",
     .defaults = {.dims = {.context = 2048, .eps = 1e-6}},
     .reads_attention_bias = true,
     .ffn_key = "shared_intermediate_size",
     .layout = Layout::kGraniteShared,
     .read = read_granite_hybrid},
}};

std::string supported_model_types() {
  std::string text;
  for (const Family& f : kFamilies) text += (text.empty() ? "" : ", ") + std::string(f.model_type);
  return text;
}

// Multimodal wrappers keep the language model's config in text_config; the type it has when it states none.
std::string_view wrapped_model_type(std::string_view wrapper) {
  if (wrapper == "mistral3") return "mistral";
  if (wrapper == "gemma3") return "gemma3_text";
  return {};
}

const Family* find_family(std::string_view model_type) {
  const auto* const found =
      std::find_if(kFamilies.begin(), kFamilies.end(), [&](const Family& f) { return f.model_type == model_type; });
  return found == kFamilies.end() ? nullptr : found;
}

struct TextConfig {
  ConfigReader reader;
  const Family* family;
};

// The language model's part of a config, and its family.
Result<TextConfig> unwrap(const ConfigReader& top) {
  TRY(const std::string outer, top.text("model_type", ""));
  TRY(const std::optional<ConfigReader> inner, top.object("text_config"));
  const bool known = find_family(outer) != nullptr || !wrapped_model_type(outer).empty();
  if (known && !inner && find_family(outer) == nullptr)
    return fail("{}: text_config is missing; a {} model needs it", top.where(), outer);
  const ConfigReader& reader = inner ? *inner : top;
  const std::string_view fallback = wrapped_model_type(outer).empty() ? std::string_view(outer) : wrapped_model_type(outer);
  TRY(const std::string type, reader.text("model_type", fallback));
  const Family* family = known ? find_family(type) : nullptr;
  if (family == nullptr) {
    return fail("{}: model_type \"{}\" is not supported; supported are {}", top.where(), known ? type : outer,
                supported_model_types());
  }
  return TextConfig{reader, family};
}

Result<Dims> read_dims(const ConfigReader& config, const Family& family) {
  const Dims& d = family.defaults.dims;
  const auto size = [&](std::string_view key, int64_t max, int64_t class_value) {
    return config.integer(key, 1, max, class_value > 0 ? std::optional<int64_t>(class_value) : std::nullopt);
  };
  Dims dims;
  TRY(dims.width, size("hidden_size", kMaxWidth, d.width));
  TRY(dims.layers, size("num_hidden_layers", kMaxLayers, d.layers));
  TRY(dims.heads, size("num_attention_heads", kMaxHeads, d.heads));
  TRY(dims.ffn, size(family.ffn_key, kMaxFfn, d.ffn));
  TRY(dims.context, size("max_position_embeddings", kMaxContext, d.context));
  TRY(dims.vocab, config.integer("vocab_size", 1, kMaxVocab, 0));
  // A null means as many as heads; an absent key takes the class's value.
  const bool all_heads = d.kv_heads == 0 || config.has("num_key_value_heads");
  TRY(dims.kv_heads, config.integer("num_key_value_heads", 1, kMaxHeads, all_heads ? dims.heads : d.kv_heads));
  const bool derived = d.head_dim == 0 || (config.has("head_dim") && config.find("head_dim") == nullptr);
  if (derived && config.find("head_dim") == nullptr && dims.width % dims.heads != 0) {
    return fail("{}: hidden_size {} is no multiple of num_attention_heads {}, and head_dim is missing", config.where(),
                dims.width, dims.heads);
  }
  TRY(dims.head_dim, config.integer("head_dim", 2, kMaxHeadDim, derived ? dims.width / dims.heads : d.head_dim));
  TRY(dims.eps, config.number("rms_norm_eps", kMinEps, kMaxEps, d.eps));
  return dims;
}

Result<Activation> read_activation(const ConfigReader& config, const Family& family) {
  TRY(const std::string name, config.text(family.activation_key, family.defaults.activation));
  if (name == "silu" || name == "swish") return Activation::kSilu;
  if (name == "gelu_pytorch_tanh") return Activation::kGeluTanh;
  return fail("{}: {} \"{}\" is not supported; supported are silu and gelu_pytorch_tanh", config.where(), family.activation_key,
              name);
}

Result<BiasRule> read_bias(const ConfigReader& config, const Family& family) {
  TRY(const bool mlp, config.flag("mlp_bias", false));
  if (mlp) return fail("{}: mlp_bias true is not supported; only false is", config.where());
  if (!family.reads_attention_bias) return family.bias;
  TRY(const bool attention, config.flag("attention_bias", false));
  return attention ? BiasRule::kQkvo : BiasRule::kNone;
}

NameScheme hf_names(const Family& family, const TensorDirectory* tensors) {
  NameScheme names;
  names.attn_norm = "input_layernorm";
  names.ffn_norm = "post_attention_layernorm";
  names.q = "self_attn.q_proj";
  names.k = "self_attn.k_proj";
  names.v = "self_attn.v_proj";
  names.o = "self_attn.o_proj";
  names.q_norm = "self_attn.q_norm";
  names.k_norm = "self_attn.k_norm";
  names.gate = "mlp.gate_proj";
  names.up = "mlp.up_proj";
  names.down = "mlp.down_proj";
  if (family.layout == Layout::kGemma) {
    names.attn_post_norm = "post_attention_layernorm";
    names.ffn_norm = "pre_feedforward_layernorm";
    names.ffn_post_norm = "post_feedforward_layernorm";
  } else if (family.layout == Layout::kGraniteShared) {
    names.fused_gate_up = "shared_mlp.input_linear";
    names.down = "shared_mlp.output_linear";
  }
  // Text-only exports, multimodal ones of older and newer transformers, and bare base models.
  std::string body = "model.";
  for (const char* candidate : {"model.", "language_model.model.", "model.language_model.", ""}) {
    if (tensors == nullptr || tensors->shape(std::string(candidate) + "layers.0.input_layernorm.weight") == nullptr) continue;
    body = candidate;
    break;
  }
  names.layers = body + "layers.";
  names.embedding = body + "embed_tokens.weight";
  names.final_norm = body + "norm.weight";
  names.heads = {"lm_head.weight", "language_model.lm_head.weight"};
  return names;
}

// 8-bit floats: one scale per tensor, or per block where blocks divide the matrix evenly.
Result<void> check_fp8_scale(const TensorDirectory& tensors, const TensorSource& weight, const Json::Array* block) {
  const std::vector<int64_t>* shape = tensors.shape(weight.name);
  const std::string name = weight.name.substr(0, weight.name.rfind('.') + 1) + "weight_scale_inv";
  const std::vector<int64_t>* scale = tensors.shape(name);
  if (shape == nullptr || shape->size() != 2 || scale == nullptr) return {};  // not every matrix is converted
  if (block == nullptr) {
    const bool one = std::all_of(scale->begin(), scale->end(), [](int64_t d) { return d == 1; });
    return one ? Result<void>()
               : fail("the tensor {} has the shape {}; one scale per weight is expected", name, shape_text(*scale));
  }
  const int64_t rows = *(*block)[0].as_int();
  const int64_t cols = *(*block)[1].as_int();
  if ((*shape)[0] % rows != 0 || (*shape)[1] % cols != 0) {
    return fail("the tensor {} {} is no multiple of the scale blocks {} x {}, which is not supported", weight.name,
                shape_text(*shape), rows, cols);
  }
  const std::vector<int64_t> expected = {(*shape)[0] / rows, (*shape)[1] / cols};
  if (*scale != expected)
    return fail("the tensor {} has the shape {}; expected is {}", name, shape_text(*scale), shape_text(expected));
  return {};
}

Result<void> read_quantization(const ConfigReader& top, const ConfigReader& text, const TensorDirectory* tensors,
                               CheckpointPlan& plan) {
  TRY(std::optional<ConfigReader> quant, top.object("quantization_config"));
  if (!quant) {
    TRY(quant, text.object("quantization_config"));
  }
  plan.fp8_scale_suffixes = {"weight_scale_inv"};
  plan.ignored_parts.insert(plan.ignored_parts.end(), {".activation_scale", ".input_scale"});
  if (!quant) return {};
  TRY(const std::string method, quant->text("quant_method", ""));
  if (method != "fp8") return fail("{}: quant_method \"{}\" is not supported; supported is fp8", quant->where(), method);
  TRY(const Json::Array* block, quant->array("weight_block_size"));
  if (block != nullptr) {
    bool valid = block->size() == 2;
    for (const Json& side : *block)
      valid = valid && side.is_integer() && side.as_int().value_or(0) >= 1 && *side.as_int() <= kMaxFfn;
    if (!valid) return fail("{}: weight_block_size must be two whole numbers from 1 to {}", quant->where(), kMaxFfn);
    plan.fp8_block.emplace(*(*block)[0].as_int(), *(*block)[1].as_int());
  }
  if (tensors == nullptr) return {};
  for (const LayerNames& l : plan.layers) {
    for (const TensorSource* w : {&l.q, &l.k, &l.v, &l.o, &l.gate, &l.up, &l.down})
      TRY_VOID(check_fp8_scale(*tensors, *w, block));
  }
  return {};
}

}  // namespace

Result<CheckpointPlan> read_hf_family(const Json& json, const TensorDirectory* tensors) {
  if (!json.is_object()) return fail("config.json: {} stands where an object is expected", brief(json));
  const ConfigReader top(json, "config.json");
  TRY(const TextConfig text, unwrap(top));
  const ConfigReader& config = text.reader;
  const Family& family = *text.family;
  TRY(const Dims dims, read_dims(config, family));
  TRY(const Activation activation, read_activation(config, family));
  BindRules rules;
  TRY(rules.bias, read_bias(config, family));
  TRY(rules.tied, config.flag("tie_word_embeddings", family.defaults.tied));
  CheckpointPlan plan = uniform_plan(family.name, dims, activation);
  TRY_VOID(family.read(config, family, plan));
  TRY_VOID(check_spec(plan.spec));
  TRY_VOID(bind_tensors(plan, hf_names(family, tensors), rules, tensors));
  for (const char* part : {"vision_tower.", "multi_modal_projector.", "model.vision_tower.", "model.multi_modal_projector."}) {
    plan.ignored_prefixes.emplace_back(part);
  }
  plan.ignored_parts = {".rotary_emb.inv_freq"};
  TRY_VOID(read_quantization(top, config, tensors, plan));
  return plan;
}

Result<CheckpointPlan> plan_from_hf_config(const Json& config, const TensorDirectory& tensors) {
  return read_hf_family(config, &tensors);
}

Result<CheckpointPlan> plan_new_checkpoint(const Json& config) { return read_hf_family(config, nullptr); }

Result<CheckpointPlan> plan_from_mistral_params(const Json& params, const TensorDirectory& tensors) {
  return read_mistral_family(params, &tensors);
}

std::string supported_families() {
  std::string text;
  for (const Family& f : kFamilies) text += (text.empty() ? "" : ", ") + std::string(f.name);
  return text;
}

}  // namespace sobre
