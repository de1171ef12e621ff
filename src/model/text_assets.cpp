#include "model/text_assets.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "base/file.h"

namespace sobre {

namespace fs = std::filesystem;

namespace {

constexpr uint64_t kMaxConfigBytes = 64ull << 20;
constexpr uint64_t kMaxTemplateBytes = 1ull << 20;

bool is_file(const std::string& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

// tokenizer.model, tokenizer.model.v3, ...: the names of SentencePiece files, the last version first.
std::vector<std::string> sentencepiece_files(const std::string& folder) {
  std::vector<std::string> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name == "tokenizer.model" || name.starts_with("tokenizer.model.v")) found.push_back(entry.path().string());
  }
  std::sort(found.rbegin(), found.rend());
  return found;
}

}  // namespace

bool is_text_file(std::string_view name) {
  constexpr std::string_view kNames[] = {
      "tokenizer.json",     "tokenizer_config.json", "special_tokens_map.json", "tekken.json", "chat_template.jinja",
      "chat_template.json", "added_tokens.json",     "generation_config.json",  "vocab.json",  "merges.txt"};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames) || name.starts_with("tokenizer.model");
}

std::string tokenizer_file(const std::string& folder, bool mistral_layout) {
  const std::string hf = folder + "/tokenizer.json", tekken = folder + "/tekken.json";
  const std::vector<std::string> pieces = sentencepiece_files(folder);
  std::vector<std::string> order = {hf, tekken};
  if (mistral_layout) std::swap(order[0], order[1]);
  order.insert(mistral_layout ? order.begin() + 1 : order.end(), pieces.begin(), pieces.end());
  const auto found = std::find_if(order.begin(), order.end(), is_file);
  return found == order.end() ? std::string() : *found;
}

namespace {

// A special token's spelling: a string, or an object with its content.
std::string spelling_of(const Json& config, std::string_view key) {
  const Json* value = config.find(key);
  if (value != nullptr && value->is_object()) value = value->find("content");
  const std::string* text = value == nullptr ? nullptr : value->as_string();
  return text == nullptr ? std::string() : *text;
}

// The default entry of tokenizer_config's chat_template: the string itself, or of a list the one named "default".
Result<std::string> template_in_config(const Json& config) {
  const Json* value = config.find("chat_template");
  if (value == nullptr || value->is_null()) return std::string();
  if (const std::string* text = value->as_string()) return *text;
  if (const Json::Array* list = value->as_array()) {
    for (const Json& entry : *list) {
      const Json* name = entry.find("name");
      const Json* source = entry.find("template");
      if (name != nullptr && source != nullptr && name->as_string() != nullptr && *name->as_string() == "default" &&
          source->as_string() != nullptr) {
        return *source->as_string();
      }
    }
    return std::string();
  }
  return fail("tokenizer_config.json: chat_template is neither a string nor a list of templates");
}

Result<std::string> folder_template(const std::string& folder, const Json& tokenizer_config) {
  const std::string file = folder + "/chat_template.jinja";
  if (is_file(file)) return read_file(file, kMaxTemplateBytes);
  TRY(std::string text, template_in_config(tokenizer_config));
  if (!text.empty()) return text;
  TRY(const Json processor, read_folder_json(folder, "chat_template.json"));
  return template_in_config(processor);
}

void add_stop(TextAssets& assets, std::optional<int64_t> id, int32_t vocab) {
  if (!id || *id < 0 || *id >= vocab) return;
  const auto value = static_cast<int32_t>(*id);
  if (std::find(assets.stop_ids.begin(), assets.stop_ids.end(), value) == assets.stop_ids.end())
    assets.stop_ids.push_back(value);
}

// eos_token_id of a config: absent, one id, or a list.
void add_stops_of(TextAssets& assets, const Json* config, int32_t vocab) {
  const Json* eos = config == nullptr ? nullptr : config->find("eos_token_id");
  if (eos == nullptr) return;
  add_stop(assets, eos->as_int(), vocab);
  if (const Json::Array* list = eos->as_array()) {
    for (const Json& id : *list) add_stop(assets, id.as_int(), vocab);
  }
}

// Whether the tokenizer itself puts BOS before a text.
bool begins_with_bos(const TextAssets& assets) {
  const std::vector<int32_t> ids = assets.tokenizer->encode("", {.add_special = true});
  return assets.bos && !ids.empty() && ids.front() == *assets.bos;
}

std::string token_spelling(const Tokenizer& tokenizer, std::optional<int32_t> id) {
  return id ? std::string(tokenizer.token_text(*id)) : std::string();
}

Result<void> set_template(TextAssets& assets, const std::string& source, const std::string& where) {
  if (source.empty()) return {};
  auto parsed = ChatTemplate::parse(source);
  if (!parsed) return fail_in(where + ": chat template", parsed.error());
  assets.chat_template.emplace(std::move(*parsed));
  return {};
}

Result<void> read_spellings(const std::string& folder, const Json& tokenizer_config, TextAssets& assets) {
  TRY(const Json map, read_folder_json(folder, "special_tokens_map.json"));
  const std::pair<std::string_view, std::string*> fields[] = {{"bos_token", &assets.bos_token},
                                                              {"eos_token", &assets.eos_token},
                                                              {"pad_token", &assets.pad_token},
                                                              {"unk_token", &assets.unk_token}};
  for (const auto& [key, text] : fields) {
    *text = spelling_of(tokenizer_config, key);
    if (text->empty() && tokenizer_config.find(key) == nullptr) *text = spelling_of(map, key);
  }
  return {};
}

// Ends of an answer that chat files rarely list, by spelling; each is a control token of its family and never ordinary text.
constexpr std::array<std::string_view, 9> kTurnEnds = {"<|im_end|>",    "<|eot_id|>",      "<|eom_id|>",
                                                       "<end_of_turn>", "<|end|>",         "<|eot|>",
                                                       "<|endoftext|>", "<|end_of_text|>", "<|return|>"};

void add_turn_ends(TextAssets& assets) {
  const Tokenizer& t = *assets.tokenizer;
  for (const std::string_view text : kTurnEnds) {
    const std::optional<int32_t> id = t.find_token(text);
    if (id && t.is_special(*id)) add_stop(assets, id, t.vocab_size());
  }
}

Result<Json> sampling_defaults(const GgufFile& file) {
  Json out{Json::Object()};
  const std::pair<const char*, const char*> keys[] = {{"general.sampling.temp", "temperature"},
                                                      {"general.sampling.top_p", "top_p"},
                                                      {"general.sampling.min_p", "min_p"},
                                                      {"general.sampling.penalty_repeat", "repetition_penalty"}};
  for (const auto& [key, name] : keys) {
    TRY(const std::optional<double> value, file.get_double(key));
    if (value) out.set(name, *value);
  }
  TRY(const std::optional<int64_t> top_k, file.get_int("general.sampling.top_k", 0, 1 << 24));
  if (top_k) out.set("top_k", *top_k);
  return out;
}

}  // namespace

Result<Json> read_folder_json(const std::string& folder, const std::string& name) {
  const std::string path = folder + "/" + name;
  if (!is_file(path)) return Json();
  TRY(const std::string text, read_file(path, kMaxConfigBytes));
  auto json = Json::parse(text);
  if (!json) return fail_in(path, json.error());
  return std::move(*json);
}

Result<TextAssets> folder_text_assets(const std::string& folder, const Json& config, bool mistral_layout) {
  TextAssets assets;
  assets.generation_defaults = Json::Object();
  const std::string file = tokenizer_file(folder, mistral_layout);
  TRY(const Json tokenizer_config, read_folder_json(folder, "tokenizer_config.json"));
  TRY(const Json generation, read_folder_json(folder, "generation_config.json"));
  if (generation.is_object()) assets.generation_defaults = generation;
  TRY_VOID(read_spellings(folder, tokenizer_config, assets));
  TRY(const std::string source, folder_template(folder, tokenizer_config));
  TRY_VOID(set_template(assets, source, folder));
  if (file.empty()) return assets;
  auto tokenizer = Tokenizer::from_file(file);
  if (!tokenizer) return std::unexpected(tokenizer.error());
  assets.tokenizer.emplace(std::move(*tokenizer));
  const Tokenizer& t = *assets.tokenizer;
  assets.bos = assets.bos_token.empty() ? t.bos() : t.find_token(assets.bos_token);
  if (assets.bos_token.empty()) assets.bos_token = token_spelling(t, assets.bos);
  const std::optional<int32_t> eos = assets.eos_token.empty() ? t.eos() : t.find_token(assets.eos_token);
  if (assets.eos_token.empty()) assets.eos_token = token_spelling(t, eos);
  const Json* wanted = tokenizer_config.find("add_bos_token");
  assets.add_bos = wanted != nullptr && wanted->is_bool() ? *wanted->as_bool() && assets.bos : begins_with_bos(assets);
  add_stops_of(assets, &generation, t.vocab_size());
  add_stops_of(assets, &config, t.vocab_size());
  add_stops_of(assets, config.find("text_config"), t.vocab_size());
  add_stop(assets, eos, t.vocab_size());
  add_turn_ends(assets);
  return assets;
}

Result<TextAssets> gguf_text_assets(const GgufFile& file) {
  TextAssets assets;
  TRY(assets.generation_defaults, sampling_defaults(file));
  TRY(const std::optional<std::string> source, file.get_string("tokenizer.chat_template"));
  if (source) TRY_VOID(set_template(assets, *source, file.name()));
  TRY(const std::optional<std::string> kind, file.get_string("tokenizer.ggml.model"));
  if (!kind || *kind == "none" || *kind == "no_vocab") return assets;
  TRY(VocabData vocab, file.vocab());
  assets.bos = vocab.bos;
  const std::optional<int32_t> ends[] = {vocab.eos, vocab.eot, vocab.eom};
  const std::optional<int32_t> pad = vocab.pad, unk = vocab.unk;
  auto tokenizer = Tokenizer::from_vocab(std::move(vocab));
  if (!tokenizer) return fail_in(file.name(), tokenizer.error());
  assets.tokenizer.emplace(std::move(*tokenizer));
  const Tokenizer& t = *assets.tokenizer;
  assets.bos_token = token_spelling(t, assets.bos);
  assets.eos_token = token_spelling(t, ends[0]);
  assets.pad_token = token_spelling(t, pad);
  assets.unk_token = token_spelling(t, unk);
  assets.add_bos = begins_with_bos(assets);
  for (const auto& id : ends) add_stop(assets, id, t.vocab_size());
  add_turn_ends(assets);
  return assets;
}

}  // namespace sobre
