#include "model/family_common.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

namespace sobre {

namespace {

bool within(double value, double min, double max) { return value >= min && value <= max; }

Result<void> check_layer(const DecoderSpec& spec, const LayerSpec& layer, int index) {
  const auto range = [&](const char* what, int64_t value, int64_t min, int64_t max) -> Result<void> {
    if (value < min || value > max) return fail("layer {}: {} is {}; allowed are {} to {}", index, what, value, min, max);
    return {};
  };
  TRY_VOID(range("the number of heads", layer.n_heads, 1, kMaxHeads));
  TRY_VOID(range("the number of key/value heads", layer.n_kv_heads, 1, kMaxHeads));
  TRY_VOID(range("the head size", layer.head_dim, 2, kMaxHeadDim));
  TRY_VOID(range("the feed-forward width", layer.ffn_dim, 1, kMaxFfn));
  TRY_VOID(range("the sliding window", layer.window, 0, kMaxContext));
  TRY_VOID(range("the rope index", layer.rope, -1, static_cast<int64_t>(spec.ropes.size()) - 1));
  if (layer.head_dim % 2 != 0)
    return fail("layer {}: the head size {} is odd; rotary pairs need an even one", index, layer.head_dim);
  if (layer.n_heads % layer.n_kv_heads != 0) {
    return fail("layer {}: {} heads are no multiple of {} key/value heads", index, layer.n_heads, layer.n_kv_heads);
  }
  if (layer.rope >= 0 &&
      spec.ropes[static_cast<size_t>(layer.rope)].inv_freq.size() * 2 != static_cast<size_t>(layer.head_dim)) {
    return fail("layer {}: rope {} does not fit the head size {}", index, layer.rope, layer.head_dim);
  }
  if (!within(layer.score_scale, kMinScale, kMaxScale)) {
    return fail("layer {}: the attention scale {} is outside {} to {}", index, layer.score_scale, kMinScale, kMaxScale);
  }
  return {};
}

class Binder {
 public:
  Binder(CheckpointPlan& plan, const NameScheme& scheme, const BindRules& rules, const TensorDirectory* tensors)
      : plan_(plan), spec_(plan.spec), scheme_(scheme), rules_(rules), tensors_(tensors) {}

  Result<void> bind() {
    TRY_VOID(bind_ends());
    plan_.layers.resize(spec_.layers.size());
    for (size_t i = 0; i < spec_.layers.size(); ++i) TRY_VOID(bind_layer(i));
    return {};
  }

 private:
  [[nodiscard]] bool has(const std::string& name) const { return tensors_ != nullptr && tensors_->shape(name) != nullptr; }

  // A whole tensor that must be there with this shape.
  Result<TensorSource> need(std::string name, const std::vector<int64_t>& shape) const {
    if (tensors_ == nullptr) return TensorSource{std::move(name)};
    const std::vector<int64_t>* found = tensors_->shape(name);
    if (found == nullptr)
      return fail("the tensor {} {} is missing; a {} model needs it", name, shape_text(shape), spec_.family);
    if (*found != shape) {
      return fail("the tensor {} has the shape {}; the {} config calls for {}", name, shape_text(*found), spec_.family,
                  shape_text(shape));
    }
    return TensorSource{std::move(name)};
  }

  // A norm of the layer where the spec has it.
  Result<TensorSource> need_if(bool wanted, std::string_view stem, int64_t size) const {
    return wanted ? need(weight(stem), {size}) : Result<TensorSource>(TensorSource{});
  }

  // Embedding, final norm and head. A tied checkpoint may hold the shared matrix under either name.
  Result<void> bind_ends() {
    const auto found = std::find_if(scheme_.heads.begin(), scheme_.heads.end(), [&](const std::string& h) { return has(h); });
    const bool has_head = tensors_ == nullptr ? !rules_.tied : found != scheme_.heads.end();
    const std::string head = found != scheme_.heads.end() ? *found : scheme_.heads.front();
    spec_.tied_head = rules_.tied || !has_head;
    const bool under_head = tensors_ != nullptr && spec_.tied_head && has_head && !has(scheme_.embedding);
    const std::string embedding = under_head ? head : scheme_.embedding;
    TRY_VOID(take_vocab(embedding));
    TRY(plan_.embedding, need(embedding, {spec_.vocab_size, spec_.d_model}));
    TRY(plan_.final_norm, need(scheme_.final_norm, {spec_.d_model}));
    if (!spec_.tied_head) {
      TRY(plan_.head, need(head, {spec_.vocab_size, spec_.d_model}));
    } else if (has_head && !under_head) {
      plan_.ignored_prefixes.push_back(head);  // a redundant copy of the embedding
    }
    return {};
  }

  Result<void> take_vocab(const std::string& embedding) {
    if (spec_.vocab_size == 0) {
      if (tensors_ == nullptr) return fail("the config states no vocabulary size");
      const std::vector<int64_t>* shape = tensors_->shape(embedding);
      if (shape == nullptr) return fail("the tensor {} is missing; a {} model needs it", embedding, spec_.family);
      if (shape->size() != 2 || shape->front() < 1 || shape->front() > kMaxVocab) {
        return fail("the tensor {} has the shape {}; expected are 1 to {} rows of {}", embedding, shape_text(*shape), kMaxVocab,
                    spec_.d_model);
      }
      spec_.vocab_size = static_cast<int>(shape->front());
    }
    return {};
  }

  Result<void> bind_layer(size_t index) {
    const LayerSpec& layer = spec_.layers[index];
    LayerNames& names = plan_.layers[index];
    prefix_ = scheme_.layers + std::to_string(index) + ".";
    const std::vector<int64_t> width = {spec_.d_model};
    TRY(names.attn_norm, need(weight(scheme_.attn_norm), width));
    TRY(names.ffn_norm, need(weight(scheme_.ffn_norm), width));
    TRY(names.attn_post_norm, need_if(layer.attn_post_norm, scheme_.attn_post_norm, spec_.d_model));
    TRY(names.ffn_post_norm, need_if(layer.ffn_post_norm, scheme_.ffn_post_norm, spec_.d_model));
    TRY(names.q_norm, need_if(layer.qk_norm, scheme_.q_norm, layer.head_dim));
    TRY(names.k_norm, need_if(layer.qk_norm, scheme_.k_norm, layer.head_dim));
    const int64_t q_rows = int64_t{layer.n_heads} * layer.head_dim;
    TRY(names.o, need(weight(scheme_.o), {spec_.d_model, q_rows}));
    TRY_VOID(bind_qkv(layer, names));
    TRY(names.o_bias, bias(scheme_.o, spec_.d_model, rules_.bias == BiasRule::kQkvo));
    return bind_ffn(layer, names);
  }

  Result<void> bind_qkv(const LayerSpec& layer, LayerNames& names) {
    const int64_t q_rows = int64_t{layer.n_heads} * layer.head_dim;
    const int64_t kv_rows = int64_t{layer.n_kv_heads} * layer.head_dim;
    const bool fused = !scheme_.fused_qkv.empty() && has(weight(scheme_.fused_qkv));
    const bool must = rules_.bias == BiasRule::kQkv || rules_.bias == BiasRule::kQkvo;
    if (fused) {
      TRY(const TensorSource all, need(weight(scheme_.fused_qkv), {q_rows + 2 * kv_rows, spec_.d_model}));
      split_qkv(all.name, q_rows, kv_rows, names.q, names.k, names.v);
    } else {
      TRY(names.q, need(weight(scheme_.q), {q_rows, spec_.d_model}));
      TRY(names.k, need(weight(scheme_.k), {kv_rows, spec_.d_model}));
      TRY(names.v, need(weight(scheme_.v), {kv_rows, spec_.d_model}));
    }
    const std::string fused_bias = prefix_ + std::string(scheme_.fused_qkv) + ".bias";
    if (fused && has(fused_bias)) {
      TRY(const TensorSource all, need(fused_bias, {q_rows + 2 * kv_rows}));
      split_qkv(all.name, q_rows, kv_rows, names.q_bias, names.k_bias, names.v_bias);
      return {};
    }
    TRY(names.q_bias, bias(scheme_.q, q_rows, must));
    TRY(names.k_bias, bias(scheme_.k, kv_rows, must));
    TRY(names.v_bias, bias(scheme_.v, kv_rows, must));
    return {};
  }

  static void split_qkv(const std::string& name, int64_t q_rows, int64_t kv_rows, TensorSource& q, TensorSource& k,
                        TensorSource& v) {
    q = {name, 0, q_rows};
    k = {name, q_rows, kv_rows};
    v = {name, q_rows + kv_rows, kv_rows};
  }

  Result<void> bind_ffn(const LayerSpec& layer, LayerNames& names) {
    TRY(names.down, need(weight(scheme_.down), {spec_.d_model, layer.ffn_dim}));
    if (!scheme_.fused_gate_up.empty()) {
      TRY(const TensorSource both, need(weight(scheme_.fused_gate_up), {2 * int64_t{layer.ffn_dim}, spec_.d_model}));
      names.gate = {both.name, 0, layer.ffn_dim};
      names.up = {both.name, layer.ffn_dim, layer.ffn_dim};
      return {};
    }
    TRY(names.gate, need(weight(scheme_.gate), {layer.ffn_dim, spec_.d_model}));
    TRY(names.up, need(weight(scheme_.up), {layer.ffn_dim, spec_.d_model}));
    if (rules_.bias != BiasRule::kPresent) return {};
    for (const std::string_view stem : {scheme_.gate, scheme_.up, scheme_.down}) {
      const std::string name = prefix_ + std::string(stem) + ".bias";
      if (has(name)) return fail("the tensor {} is there; biases of the feed-forward part are not supported", name);
    }
    return {};
  }

  [[nodiscard]] std::string weight(std::string_view stem) const { return prefix_ + std::string(stem) + ".weight"; }

  Result<TensorSource> bias(std::string_view stem, int64_t size, bool must) const {
    std::string name = prefix_ + std::string(stem) + ".bias";
    if (!must && !(rules_.bias == BiasRule::kPresent && has(name))) return TensorSource{};
    return need(std::move(name), {size});
  }

  CheckpointPlan& plan_;
  DecoderSpec& spec_;
  const NameScheme& scheme_;
  const BindRules& rules_;
  const TensorDirectory* tensors_;
  std::string prefix_;
};

}  // namespace

CheckpointPlan uniform_plan(std::string_view family, const Dims& dims, Activation activation) {
  CheckpointPlan plan;
  plan.spec.family = family;
  plan.spec.d_model = static_cast<int>(dims.width);
  plan.spec.vocab_size = static_cast<int>(dims.vocab);
  plan.spec.max_context = static_cast<int>(dims.context);
  plan.spec.norm_eps = static_cast<float>(dims.eps);
  LayerSpec layer;
  layer.n_heads = static_cast<int>(dims.heads);
  layer.n_kv_heads = static_cast<int>(dims.kv_heads);
  layer.head_dim = static_cast<int>(dims.head_dim);
  layer.ffn_dim = static_cast<int>(dims.ffn);
  layer.score_scale = static_cast<float>(1 / std::sqrt(static_cast<double>(dims.head_dim)));
  layer.activation = activation;
  plan.spec.layers.assign(static_cast<size_t>(dims.layers), layer);
  return plan;
}

Result<int> add_rope(DecoderSpec& spec, const RopeConfig& config) {
  TRY(RopeSpec rope, make_rope(config));
  spec.ropes.push_back(std::move(rope));
  return static_cast<int>(spec.ropes.size()) - 1;
}

Result<void> check_spec(const DecoderSpec& spec) {
  const auto range = [](const char* what, int64_t value, int64_t min, int64_t max) -> Result<void> {
    if (value < min || value > max) return fail("{} is {}; allowed are {} to {}", what, value, min, max);
    return {};
  };
  const auto scale = [](const char* what, float value) -> Result<void> {
    if (!within(value, kMinScale, kMaxScale)) return fail("{} is {}; allowed are {} to {}", what, value, kMinScale, kMaxScale);
    return {};
  };
  TRY_VOID(range("the number of layers", spec.n_layers(), 1, kMaxLayers));
  TRY_VOID(range("the width", spec.d_model, 1, kMaxWidth));
  TRY_VOID(range("the vocabulary", spec.vocab_size, 0, kMaxVocab));
  TRY_VOID(range("the context", spec.max_context, 1, kMaxContext));
  if (!within(spec.norm_eps, kMinEps, kMaxEps))
    return fail("the norm epsilon is {}; allowed are {} to {}", spec.norm_eps, kMinEps, kMaxEps);
  TRY_VOID(scale("the embedding scale", spec.embedding_scale));
  TRY_VOID(scale("the residual scale", spec.residual_scale));
  TRY_VOID(scale("the logit divisor", spec.logit_divisor));
  if (!within(spec.query_scale_beta, 0, kMaxScale)) {
    return fail("the query scale's beta is {}; allowed are 0 to {}", spec.query_scale_beta, kMaxScale);
  }
  TRY_VOID(range("the query scale's context", spec.query_scale_context, spec.query_scale_beta > 0 ? 1 : 0, kMaxContext));
  for (size_t i = 0; i < spec.layers.size(); ++i) TRY_VOID(check_layer(spec, spec.layers[i], static_cast<int>(i)));
  return {};
}

Result<void> bind_tensors(CheckpointPlan& plan, const NameScheme& scheme, const BindRules& rules,
                          const TensorDirectory* tensors) {
  return Binder(plan, scheme, rules, tensors).bind();
}

Result<void> read_window_list(const ConfigReader& config, std::string_view key, DecoderSpec& spec) {
  TRY(const Json::Array* list, config.array(key));
  if (list == nullptr || list->empty() || spec.layers.size() % list->size() != 0) {
    return fail("{}: {} has {} entries; the {} layers must be a multiple of them", config.where(), key,
                list == nullptr ? 0 : list->size(), spec.layers.size());
  }
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    const Json& entry = (*list)[i % list->size()];
    const std::optional<int64_t> window = entry.is_null() ? 0 : entry.as_int();
    if (!window || *window < (entry.is_null() ? 0 : 1) || *window > kMaxContext) {
      return fail("{}: {} has {}; allowed are null and 1 to {}", config.where(), key, brief(entry), kMaxContext);
    }
    spec.layers[i].window = static_cast<int>(*window);
  }
  return {};
}

std::vector<PlannedTensor> planned_tensors(const CheckpointPlan& plan) {
  std::vector<PlannedTensor> list;
  std::map<std::string, size_t, std::less<>> seen;
  // `cols` 0: a vector. Sources that share a tensor add up to its rows.
  const auto add = [&](const TensorSource& source, int64_t rows, int64_t cols) {
    if (source.name.empty()) return;
    const auto [at, fresh] = seen.try_emplace(source.name, list.size());
    if (fresh) list.push_back({source.name, cols > 0 ? std::vector<int64_t>{rows, cols} : std::vector<int64_t>{rows}});
    int64_t& first = list[at->second].shape.front();
    first = std::max(first, source.first_row + rows);
  };
  const DecoderSpec& spec = plan.spec;
  const int64_t width = spec.d_model;
  add(plan.embedding, spec.vocab_size, width);
  for (size_t i = 0; i < plan.layers.size(); ++i) {
    const LayerSpec& l = spec.layers[i];
    const LayerNames& n = plan.layers[i];
    const int64_t q_rows = int64_t{l.n_heads} * l.head_dim;
    const int64_t kv_rows = int64_t{l.n_kv_heads} * l.head_dim;
    for (const TensorSource* norm : {&n.attn_norm, &n.attn_post_norm, &n.ffn_norm, &n.ffn_post_norm}) add(*norm, width, 0);
    for (const TensorSource* norm : {&n.q_norm, &n.k_norm}) add(*norm, l.head_dim, 0);
    add(n.q, q_rows, width);
    add(n.q_bias, q_rows, 0);
    for (const TensorSource* kv : {&n.k, &n.v}) add(*kv, kv_rows, width);
    for (const TensorSource* kv : {&n.k_bias, &n.v_bias}) add(*kv, kv_rows, 0);
    add(n.o, width, q_rows);
    add(n.o_bias, width, 0);
    for (const TensorSource* in : {&n.gate, &n.up}) add(*in, l.ffn_dim, width);
    add(n.down, width, l.ffn_dim);
  }
  add(plan.final_norm, width, 0);
  add(plan.head, spec.vocab_size, width);
  return list;
}

bool is_ignorable(const CheckpointPlan& plan, std::string_view name) {
  const auto starts = [&](const std::string& prefix) { return name.starts_with(prefix); };
  const auto holds = [&](const std::string& part) { return name.find(part) != std::string_view::npos; };
  return std::any_of(plan.ignored_prefixes.begin(), plan.ignored_prefixes.end(), starts) ||
         std::any_of(plan.ignored_parts.begin(), plan.ignored_parts.end(), holds);
}

}  // namespace sobre
