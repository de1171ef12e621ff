// The vocabulary of a folder as GGUF has it. Byte-level BPE keeps its merges ("gpt2" and the name of its pre-tokenizer);
// SentencePiece-style BPE becomes tokens with scores ("llama"). A tokenizer that neither can express is refused, with the
// reason.
#include <algorithm>
#include <array>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/file.h"
#include "model/export_gguf.h"
#include "model/text_assets.h"
#include "text/byte_level.h"
#include "text/gguf_tokens.h"
#include "text/split_scanners.h"
#include "text/vocab.h"

namespace sobre {

namespace {

constexpr uint64_t kMaxTokenizerBytes = 256ull << 20;
constexpr int64_t kMaxTokenId = 1 << 24;

const Json* at(const Json* object, std::string_view key) {
  const Json* found = object == nullptr ? nullptr : object->find(key);
  return found == nullptr || found->is_null() ? nullptr : found;
}

std::string text_at(const Json* object, std::string_view key) {
  const Json* found = at(object, key);
  const std::string* text = found == nullptr ? nullptr : found->as_string();
  return text == nullptr ? std::string() : *text;
}

bool flag_at(const Json* object, std::string_view key, bool fallback) {
  const Json* found = at(object, key);
  return found == nullptr ? fallback : found->as_bool().value_or(fallback);
}

// The steps of a normalizer, pre-tokenizer or decoder: its members when it is a Sequence, else itself.
std::vector<const Json*> steps_of(const Json* part, std::string_view member) {
  std::vector<const Json*> steps;
  if (part == nullptr) return steps;
  if (text_at(part, "type") != "Sequence") return {part};
  const Json* list = at(part, member);
  if (list == nullptr || list->as_array() == nullptr) return steps;
  for (const Json& step : *list->as_array()) steps.push_back(&step);
  return steps;
}

class HfVocab {
 public:
  HfVocab(const Json& root, std::string where) : root_(root), model_(at(&root, "model")), where_(std::move(where)) {}

  Result<VocabData> read(ExportReport& report) {
    if (text_at(model_, "type") != "BPE" && at(model_, "merges") == nullptr) {
      return fail("{}: a tokenizer model of type \"{}\" has no form in a GGUF of a text model; BPE has", where_,
                  text_at(model_, "type"));
    }
    TRY_VOID(read_tokens());
    TRY_VOID(read_merges());
    if (flag_at(model_, "byte_fallback", false)) {
      set_scores(report);
    } else {
      TRY(vocab_.pre, find_pre());
      vocab_.model = "gpt2";
    }
    return std::move(vocab_);
  }

 private:
  Result<void> put(int64_t id, const std::string& text, TokenType type) {
    if (id < 0 || id > kMaxTokenId) return fail("{}: a token id {}; allowed are 0 to {}", where_, id, kMaxTokenId);
    const auto i = static_cast<size_t>(id);
    if (vocab_.tokens.size() <= i) {
      vocab_.tokens.resize(i + 1);
      vocab_.types.resize(i + 1, TokenType::kUnused);
    }
    vocab_.tokens[i] = text;
    vocab_.types[i] = type;
    return {};
  }

  static bool is_byte_token(const std::string& text) {
    return text.size() == 6 && text.starts_with("<0x") && text.ends_with(">");
  }

  Result<void> read_tokens() {
    const Json* list = at(model_, "vocab");
    if (list == nullptr || list->as_object() == nullptr) return fail("{}: model.vocab is no object", where_);
    const std::string unknown = text_at(model_, "unk_token");
    const bool bytes = flag_at(model_, "byte_fallback", false);
    for (const auto& [text, id] : *list->as_object()) {
      TokenType type = TokenType::kNormal;
      if (bytes && is_byte_token(text)) type = TokenType::kByte;
      if (!unknown.empty() && text == unknown) type = TokenType::kUnknown;
      TRY_VOID(put(id.as_int().value_or(-1), text, type));
      ids_.emplace(text, static_cast<int32_t>(*id.as_int()));
    }
    const Json* added = at(&root_, "added_tokens");
    if (added == nullptr || added->as_array() == nullptr) return {};
    for (const Json& token : *added->as_array()) {
      const Json* id = at(&token, "id");
      const std::string text = text_at(&token, "content");
      const bool is_unknown = !unknown.empty() && text == unknown;
      const TokenType special = is_unknown ? TokenType::kUnknown : TokenType::kControl;
      const bool is_special = flag_at(&token, "special", false);
      TRY_VOID(put(id == nullptr ? -1 : id->as_int().value_or(-1), text, is_special ? special : TokenType::kUserDefined));
      if (is_unknown) vocab_.unk = static_cast<int32_t>(*id->as_int());
    }
    if (!unknown.empty() && !vocab_.unk && ids_.contains(unknown)) vocab_.unk = ids_.at(unknown);
    return {};
  }

  Result<void> read_merges() {
    const Json* list = at(model_, "merges");
    if (list == nullptr || list->as_array() == nullptr) return fail("{}: model.merges is no list", where_);
    for (const Json& merge : *list->as_array()) {
      if (const std::string* line = merge.as_string()) {
        vocab_.merges.push_back(*line);
        continue;
      }
      const Json::Array* pair = merge.as_array();
      const bool good = pair != nullptr && pair->size() == 2 && (*pair)[0].is_string() && (*pair)[1].is_string();
      if (!good) return fail("{}: merge {} is no pair of tokens", where_, vocab_.merges.size());
      vocab_.merges.push_back(*(*pair)[0].as_string() + ' ' + *(*pair)[1].as_string());
    }
    return {};
  }

  // "llama": a pair merges by the score of what it makes, so each token's score is minus the rank of its first merge.
  void set_scores(ExportReport& report) {
    constexpr float kNeverMade = -1e9F;
    vocab_.model = "llama";
    vocab_.scores.assign(vocab_.tokens.size(), kNeverMade);
    size_t pairs = 0;
    std::string joined;
    for (size_t rank = 0; rank < vocab_.merges.size(); ++rank) {
      const std::string& line = vocab_.merges[rank];
      const size_t space = line.find(' ', 1);
      if (space == std::string::npos) continue;
      joined.assign(line, 0, space).append(line, space + 1);
      const auto found = ids_.find(joined);
      if (found == ids_.end()) continue;
      ++pairs;
      float& score = vocab_.scores[static_cast<size_t>(found->second)];
      if (score == kNeverMade) score = -static_cast<float>(rank);
    }
    for (size_t i = 0; i < vocab_.tokens.size(); ++i) {
      if (vocab_.types[i] != TokenType::kNormal) vocab_.scores[i] = 0;
    }
    vocab_.merges.clear();
    vocab_.add_space_prefix = adds_space_prefix();
    const size_t possible = count_possible_pairs();
    if (possible > pairs) {
      report.warnings.push_back(
          fmt::format("{}: {} pairs of tokens make a token without being a merge; GGUF merges them all the same, so some words "
                      "may be cut differently",
                      where_, possible - pairs));
    }
  }

  // Splits of a token into two tokens, between characters.
  [[nodiscard]] size_t count_possible_pairs() const {
    size_t n = 0;
    for (size_t i = 0; i < vocab_.tokens.size(); ++i) {
      const std::string& token = vocab_.tokens[i];
      if (vocab_.types[i] != TokenType::kNormal || vocab_.scores[i] == -1e9F || token.size() > kLongestSplit) continue;
      for (size_t cut = 1; cut < token.size(); ++cut) {
        if ((static_cast<unsigned char>(token[cut]) & 0xC0) == 0x80) continue;
        n += ids_.contains(token.substr(0, cut)) && ids_.contains(token.substr(cut)) ? 1 : 0;
      }
    }
    return n;
  }

  [[nodiscard]] bool adds_space_prefix() const {
    for (const Json* step : steps_of(at(&root_, "normalizer"), "normalizers")) {
      if (text_at(step, "type") == "Prepend") return true;
    }
    for (const Json* step : steps_of(at(&root_, "pre_tokenizer"), "pretokenizers")) {
      if (text_at(step, "type") != "Metaspace") continue;
      const std::string scheme = text_at(step, "prepend_scheme");
      return scheme.empty() ? flag_at(step, "add_prefix_space", true) : scheme != "never";
    }
    return false;
  }

  // GGUF knows pre-tokenizers by name.
  [[nodiscard]] Result<std::string> find_pre() const {
    bool digits = false, plain = false, bytes = false;
    std::string pattern;
    for (const Json* step : steps_of(at(&root_, "pre_tokenizer"), "pretokenizers")) {
      const std::string type = text_at(step, "type");
      if (type == "Digits" && flag_at(step, "individual_digits", false)) {
        digits = true;
      } else if (type == "ByteLevel" && !flag_at(step, "add_prefix_space", true)) {
        bytes = true;
        plain = flag_at(step, "use_regex", true);
      } else if (type == "Split" && pattern.empty() && text_at(step, "behavior") == "Isolated") {
        pattern = text_at(at(step, "pattern"), "Regex");
      } else {
        return fail("{}: the pre-tokenizer step \"{}\" has no form in GGUF with these settings", where_, type);
      }
    }
    const bool whole = flag_at(model_, "ignore_merges", false);
    const bool nfc = text_at(at(&root_, "normalizer"), "type") == "NFC";
    if (bytes && plain && pattern.empty()) return std::string(digits ? "smollm" : "gpt-2");
    if (bytes && !plain && !digits) {
      if (pattern == kLlama3Pattern) return std::string(whole ? "llama-bpe" : "smaug-bpe");
      if (pattern == kQwen2Pattern) return std::string(nfc ? "qwen2" : "stablelm2");
      if (pattern == kTekkenPattern) return std::string("tekken");
    }
    return fail("{}: its pre-tokenizer has no name in GGUF (known are those of GPT-2, SmolLM2, Llama 3, Qwen 2 and tekken)",
                where_);
  }

  const Json& root_;
  const Json* model_;
  std::string where_;
  VocabData vocab_;
  std::unordered_map<std::string, int32_t> ids_;
};

// tekken.json: merges are implied by ranks (ids); readers of GGUF want them written, every way to make a token, best first.
Result<VocabData> tekken_vocab(const std::string& text, const Tokenizer& tokenizer, const std::string& where) {
  TRY(const Json root, Json::parse(text));
  const Json* config = at(&root, "config");
  if (text_at(config, "pattern") != kTekkenPattern) return fail("{}: its pattern has no name in GGUF", where);
  const Json* count = at(config, "default_num_special_tokens");
  const int64_t n_special = count == nullptr ? 0 : count->as_int().value_or(0);
  VocabData vocab;
  vocab.model = "gpt2";
  vocab.pre = "tekken";
  std::unordered_set<std::string_view> made;
  for (int32_t id = 0; id < tokenizer.vocab_size(); ++id) {
    const std::string_view bytes = tokenizer.token_text(id);
    if (id < n_special) {
      vocab.tokens.emplace_back(bytes);
      vocab.types.push_back(tokenizer.is_special(id) ? TokenType::kControl : TokenType::kUserDefined);
      continue;
    }
    std::string shown;
    append_byte_chars(shown, bytes);
    vocab.tokens.push_back(std::move(shown));
    vocab.types.push_back(TokenType::kNormal);
    for (size_t cut = 1; cut < bytes.size() && bytes.size() <= kLongestSplit; ++cut) {
      const std::string_view left = bytes.substr(0, cut), right = bytes.substr(cut);
      if (!made.contains(left) || !made.contains(right)) continue;
      std::string merge;
      append_byte_chars(merge, left);
      merge += ' ';
      append_byte_chars(merge, right);
      vocab.merges.push_back(std::move(merge));
    }
    made.insert(bytes);
  }
  vocab.bos = tokenizer.bos();
  vocab.eos = tokenizer.eos();
  vocab.unk = tokenizer.find_token("<unk>");
  return vocab;
}

Result<VocabData> read_vocab(const std::string& file, const Tokenizer& tokenizer, ExportReport& report) {
  TRY(const std::string text, read_file(file, kMaxTokenizerBytes));
  if (file.ends_with("tekken.json")) return tekken_vocab(text, tokenizer, file);
  if (!file.ends_with(".json")) {
    auto vocab = read_sentencepiece_vocab(text);
    return vocab ? std::move(vocab) : Result<VocabData>(fail_in(file, vocab.error()));
  }
  auto root = Json::parse(text);
  if (!root) return fail_in(file, root.error());
  return HfVocab(*root, file).read(report);
}

// As many tokens as the embedding has rows, every one with a spelling of its own.
void fit_to_rows(VocabData& vocab, size_t rows, ExportReport& report) {
  if (vocab.tokens.size() > rows) {
    report.warnings.push_back(
        fmt::format("{} tokens beyond the {} rows of the embedding are left out", vocab.tokens.size() - rows, rows));
  }
  vocab.tokens.resize(rows);
  // Of the list as it stays: the views last no longer than its strings.
  const std::unordered_set<std::string_view> seen(vocab.tokens.begin(), vocab.tokens.end());
  vocab.types.resize(rows, TokenType::kUnused);
  if (!vocab.scores.empty()) vocab.scores.resize(rows, 0.0F);
  std::vector<std::string> fillers(rows);
  for (size_t i = 0; i < rows; ++i) {
    if (!vocab.tokens[i].empty()) continue;
    fillers[i] = fmt::format("[PAD{}]", i);
    while (seen.contains(fillers[i])) fillers[i] += '_';
  }
  for (size_t i = 0; i < rows; ++i) {
    if (vocab.tokens[i].empty()) vocab.tokens[i] = std::move(fillers[i]);
  }
}

void add_special_ids(const VocabData& vocab, const Tokenizer& tokenizer, const TextAssets& text, GgufWriter& writer) {
  const auto rows = static_cast<int32_t>(vocab.tokens.size());
  const auto add = [&](std::string_view name, std::optional<int32_t> id) {
    if (id && *id >= 0 && *id < rows)
      writer.add_u32(fmt::format("tokenizer.ggml.{}_token_id", name), static_cast<uint32_t>(*id));
  };
  const auto spelled = [&](const std::string& spelling, std::optional<int32_t> otherwise) {
    return spelling.empty() ? otherwise : tokenizer.find_token(spelling);
  };
  std::optional<int32_t> eos = spelled(text.eos_token, vocab.eos);
  if (!eos && !text.stop_ids.empty()) eos = text.stop_ids.front();
  add("bos", text.bos ? text.bos : vocab.bos);
  add("eos", eos);
  add("unknown", spelled(text.unk_token, vocab.unk));
  add("padding", spelled(text.pad_token, {}));
  constexpr std::array<std::string_view, 2> kFurtherEnds = {"eot", "eom"};
  size_t next = 0;
  for (const int32_t id : text.stop_ids) {
    if (eos && id == *eos) continue;
    if (next < kFurtherEnds.size()) add(kFurtherEnds[next++], id);
  }
}

void add_sampling(const Json& defaults, GgufWriter& writer) {
  if (!defaults.is_object()) return;
  constexpr std::pair<std::string_view, std::string_view> kKeys[] = {
      {"temperature", "temp"}, {"top_p", "top_p"}, {"min_p", "min_p"}, {"repetition_penalty", "penalty_repeat"}};
  for (const auto& [from, to] : kKeys) {
    const Json* value = at(&defaults, from);
    const std::optional<double> number = value == nullptr ? std::nullopt : value->as_double();
    if (number && *number >= 0 && *number < 1e6)
      writer.add_f32(fmt::format("general.sampling.{}", to), static_cast<float>(*number));
  }
  const Json* top_k = at(&defaults, "top_k");
  const std::optional<int64_t> k = top_k == nullptr ? std::nullopt : top_k->as_int();
  if (k && *k > 0 && *k < kMaxTokenId) writer.add("general.sampling.top_k", *k, GgufType::kI32);
}

void add_vocab(VocabData vocab, GgufWriter& writer) {
  writer.add_string("tokenizer.ggml.model", vocab.model);
  if (!vocab.pre.empty()) writer.add_string("tokenizer.ggml.pre", vocab.pre);
  GgufArray tokens, scores, types, merges;
  tokens.strings = std::move(vocab.tokens);
  for (const TokenType type : vocab.types) types.ints.push_back(static_cast<int64_t>(type));
  scores.floats.assign(vocab.scores.begin(), vocab.scores.end());
  merges.strings = std::move(vocab.merges);
  writer.add("tokenizer.ggml.tokens", std::move(tokens), GgufType::kString);
  if (!scores.floats.empty()) writer.add("tokenizer.ggml.scores", std::move(scores), GgufType::kF32);
  writer.add("tokenizer.ggml.token_type", std::move(types), GgufType::kI32);
  if (!merges.strings.empty()) writer.add("tokenizer.ggml.merges", std::move(merges), GgufType::kString);
  if (vocab.add_space_prefix) writer.add_bool("tokenizer.ggml.add_space_prefix", *vocab.add_space_prefix);
}

}  // namespace

Result<void> add_gguf_vocab(const Checkpoint& checkpoint, const TextAssets& text, GgufWriter& writer, ExportReport& report) {
  const std::string file = tokenizer_file(checkpoint.path(), checkpoint.kind() == CheckpointKind::kMistralFolder);
  if (text.chat_template) writer.add_string("tokenizer.chat_template", text.chat_template->source());
  add_sampling(text.generation_defaults, writer);
  if (file.empty() || !text.tokenizer) {
    writer.add_string("tokenizer.ggml.model", "none");
    report.warnings.push_back(fmt::format("{}: no tokenizer here, so the file has none", checkpoint.path()));
    return {};
  }
  TRY(VocabData vocab, read_vocab(file, *text.tokenizer, report));
  fit_to_rows(vocab, static_cast<size_t>(checkpoint.plan().spec.vocab_size), report);
  add_special_ids(vocab, *text.tokenizer, text, writer);
  writer.add_bool("tokenizer.ggml.add_bos_token", text.add_bos);
  writer.add_bool("tokenizer.ggml.add_eos_token", false);
  add_vocab(std::move(vocab), writer);
  return {};
}

}  // namespace sobre
