#include "model/export_hf.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "text/hf_json_writer.h"
#include "text/tokenizer.h"

namespace sobre {

namespace {

// Architectures of GGUF, and what a config calls them.
struct Architecture {
  std::string_view gguf, model_type, name;
};
constexpr Architecture kArchitectures[] = {
    {"llama", "llama", "LlamaForCausalLM"}, {"qwen2", "qwen2", "Qwen2ForCausalLM"}, {"qwen3", "qwen3", "Qwen3ForCausalLM"}};

// A number as a config would have it: whole ones without a fraction's noise from f32.
Json plain_number(double x) {
  const double whole = std::round(x);
  if (std::fabs(x - whole) < 1e-6 * std::fabs(x)) return Json(whole);
  double power = 1;
  for (int digits = 0; digits < 12; ++digits, power *= 10) {
    const double shorter = std::round(x * power) / power;
    if (static_cast<float>(shorter) == static_cast<float>(x)) return Json(shorter);
  }
  return Json(x);
}

bool same_layers(const DecoderSpec& a, const DecoderSpec& b) {
  if (a.layers.size() != b.layers.size()) return false;
  for (size_t i = 0; i < a.layers.size(); ++i) {
    const LayerSpec &x = a.layers[i], &y = b.layers[i];
    if (x.n_heads != y.n_heads || x.n_kv_heads != y.n_kv_heads || x.head_dim != y.head_dim || x.ffn_dim != y.ffn_dim ||
        x.window != y.window || x.qk_norm != y.qk_norm || x.attn_post_norm != y.attn_post_norm ||
        (x.rope < 0) != (y.rope < 0) || x.activation != y.activation ||
        std::fabs(x.score_scale - y.score_scale) > 1e-6F * x.score_scale)
      return false;
    if (x.rope < 0) continue;
    const RopeSpec &p = a.ropes[static_cast<size_t>(x.rope)], &q = b.ropes[static_cast<size_t>(y.rope)];
    const auto near = [](float u, float v) { return std::fabs(u - v) <= 1e-5F * u; };
    if (p.magnitude != q.magnitude ||
        !std::equal(p.inv_freq.begin(), p.inv_freq.end(), q.inv_freq.begin(), q.inv_freq.end(), near))
      return false;
  }
  return true;
}

// Whether a config says all that a spec holds.
bool says_all(const DecoderSpec& config, const DecoderSpec& spec) {
  return config.d_model == spec.d_model && config.vocab_size == spec.vocab_size && config.tied_head == spec.tied_head &&
         config.norm_eps == spec.norm_eps && config.embedding_scale == spec.embedding_scale &&
         config.residual_scale == spec.residual_scale && config.logit_divisor == spec.logit_divisor &&
         config.query_scale_beta == spec.query_scale_beta && same_layers(config, spec);
}

Json token_id(const std::optional<int32_t>& id) { return id ? Json(static_cast<int64_t>(*id)) : Json(); }

}  // namespace

Json plain_config(const Json& config, std::string_view type) {
  Json out{Json::Object()};
  for (const auto& [key, value] : *config.as_object()) {
    if (key == "quantization_config" || key == "torch_dtype" || key == "dtype") continue;
    out.set(key, key == "text_config" && value.is_object() ? plain_config(value, type) : value);
  }
  out.set("torch_dtype", type);
  return out;
}

Result<Json> hf_config_from_gguf(const GgufFile& file, const CheckpointPlan& plan) {
  TRY(const std::optional<std::string> architecture, file.get_string("general.architecture"));
  const auto* known = std::find_if(std::begin(kArchitectures), std::end(kArchitectures),
                                   [&](const Architecture& a) { return architecture && a.gguf == *architecture; });
  if (known == std::end(kArchitectures) || plan.spec.layers.empty())
    return fail("{}: a model of the architecture '{}' is not trained from a GGUF file; start from its Hugging Face folder",
                file.name(), architecture.value_or("?"));
  TRY(const std::optional<double> theta, file.get_double(*architecture + ".rope.freq_base"));
  const DecoderSpec& s = plan.spec;
  const LayerSpec& l = s.layers.front();
  Json c{Json::Object{}};
  c.set("architectures", Json(Json::Array{Json(known->name)}));
  c.set("model_type", known->model_type);
  c.set("hidden_size", s.d_model);
  c.set("intermediate_size", l.ffn_dim);
  c.set("num_hidden_layers", s.n_layers());
  c.set("num_attention_heads", l.n_heads);
  c.set("num_key_value_heads", l.n_kv_heads);
  c.set("head_dim", l.head_dim);
  c.set("hidden_act", "silu");
  c.set("max_position_embeddings", s.max_context);
  c.set("rms_norm_eps", plain_number(static_cast<double>(s.norm_eps)));
  c.set("rope_theta", plain_number(theta.value_or(10000)));
  c.set("tie_word_embeddings", s.tied_head);
  c.set("vocab_size", s.vocab_size);
  if (known->model_type == "llama") c.set("attention_bias", !plan.layers.front().q_bias.name.empty());
  if (const auto vocab = file.vocab()) {
    c.set("bos_token_id", token_id(vocab->bos));
    c.set("eos_token_id", token_id(vocab->eos));
  }
  c.set("torch_dtype", "float32");
  const Result<CheckpointPlan> again = plan_new_checkpoint(c);
  if (!again || !says_all(again->spec, s))
    return fail("{}: it has settings that a config of '{}' does not say; start from the model's Hugging Face folder",
                file.name(), known->model_type);
  return c;
}

Result<std::map<std::string, std::string>> hf_tokenizer_from_gguf(const GgufFile& file) {
  TRY(const VocabData vocab, file.vocab());
  auto tokenizer = hf_tokenizer_json(vocab);
  // Not every vocabulary of a GGUF file can be said in JSON (tokens twice, tokens that are no UTF-8): before anything is
  // trained.
  const auto read_again = tokenizer ? Tokenizer::from_hf_json(*tokenizer) : std::unexpected(tokenizer.error());
  if (!read_again) return fail("{}: {}; start from the model's Hugging Face folder", file.name(), read_again.error().message);
  Json config{Json::Object{}}, map{Json::Object{}};
  // The class that takes all of tokenizer.json as it is; SmolLM2's own files name GPT-2's.
  config.set("tokenizer_class", vocab.pre == "smollm" ? "GPT2Tokenizer" : "PreTrainedTokenizerFast");
  const std::pair<const char*, std::optional<int32_t>> specials[] = {
      {"bos_token", vocab.bos}, {"eos_token", vocab.eos}, {"pad_token", vocab.pad}, {"unk_token", vocab.unk}};
  for (const auto& [key, id] : specials) {
    if (!id) continue;
    config.set(key, vocab.tokens[static_cast<size_t>(*id)]);
    map.set(key, vocab.tokens[static_cast<size_t>(*id)]);
  }
  if (vocab.add_bos) config.set("add_bos_token", *vocab.add_bos);
  TRY(const std::optional<std::string> chat, file.get_string("tokenizer.chat_template"));
  if (chat) config.set("chat_template", *chat);
  const JsonStyle style{.indent = 2, .item_separator = ","};
  return std::map<std::string, std::string>{{"tokenizer.json", std::move(*tokenizer)},
                                            {"tokenizer_config.json", config.dump(style) + "\n"},
                                            {"special_tokens_map.json", map.dump(style) + "\n"}};
}

}  // namespace sobre
