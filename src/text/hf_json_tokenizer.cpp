// Hugging Face's tokenizer.json: vocabulary, added tokens, model.
#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "text/bpe.h"
#include "text/byte_level.h"
#include "text/hf_json_parts.h"

namespace sobre {
namespace {

using hf::bool_member;
using hf::member;
using hf::string_member;

struct Entry {
  std::string_view text;
  int32_t id;
};

/// Everything that is read before the table can be made.
struct Vocabulary {
  std::vector<Entry> entries;  // of the model
  std::vector<double> scores;  // Unigram: one per entry
  std::vector<AddedToken> added;
  std::vector<uint8_t> normalized;  // by added token: searched after normalising
};

Result<int32_t> read_id(const Json& json, std::string_view token) {
  const auto id = json.as_int();
  if (!id || *id < 0 || *id >= kMaxVocabularySize) {
    return fail("token '{}': its id is not an integer from 0 to {}", token, kMaxVocabularySize - 1);
  }
  return static_cast<int32_t>(*id);
}

Result<std::string> model_type(const Json& model) {
  if (member(model, "type") != nullptr) return hf::type_of(model, "model");
  // Files of 2020 do not name it.
  if (member(model, "merges") != nullptr) return std::string("BPE");
  const Json* vocab = member(model, "vocab");
  if (vocab != nullptr && vocab->as_array() != nullptr) return std::string("Unigram");
  return fail("model: no type");
}

/// A score as the reference reads it: its JSON parser rounds twice (digits to double, then divided by a power of ten), and the
/// last bit decides between segmentations of equal scores. Files hold the shortest digits, so those of the value are the same.
double score_as_read(double score) {
  const std::string shortest = fmt::format("{}", score);
  uint64_t digits = 0;
  int exponent = 0, written = 0;
  bool fraction = false;
  size_t i = 0;
  for (; i < shortest.size() && shortest[i] != 'e'; ++i) {
    if (shortest[i] == '.') fraction = true;
    if (shortest[i] < '0' || shortest[i] > '9') continue;
    if (++written > 19) return score;
    digits = digits * 10 + static_cast<uint64_t>(shortest[i] - '0');
    exponent -= fraction;
  }
  if (i < shortest.size()) exponent += std::atoi(shortest.c_str() + i + 1);
  if (exponent < -300 || exponent > 300) return score;
  const double power = std::pow(10.0, std::abs(exponent));
  const double value = exponent < 0 ? static_cast<double>(digits) / power : static_cast<double>(digits) * power;
  return score < 0 ? -value : value;
}

Result<void> read_vocab_list(const Json::Array& list, Vocabulary& out) {
  if (list.size() > static_cast<size_t>(kMaxVocabularySize)) {
    return fail("a vocabulary of {} tokens; at most {} are supported", list.size(), kMaxVocabularySize);
  }
  for (const Json& item : list) {
    const Json::Array* pair = item.as_array();
    const auto score = pair != nullptr && pair->size() == 2 ? (*pair)[1].as_double() : std::nullopt;
    if (!score || (*pair)[0].as_string() == nullptr)
      return fail("model Unigram: entry {} is not [piece, score]", out.entries.size());
    out.entries.push_back({*(*pair)[0].as_string(), static_cast<int32_t>(out.entries.size())});
    out.scores.push_back(score_as_read(*score));
  }
  return {};
}

// Ids may leave gaps (tokens that were taken out), but a few entries must not claim millions of ids: a table is as long as its
// largest id.
Result<void> check_gaps(const Vocabulary& v) {
  constexpr size_t kAllowed = 65'536;
  const size_t limit = 2 * (v.entries.size() + v.added.size()) + kAllowed;
  const auto check = [&](std::string_view text, int32_t id) -> Result<void> {
    if (static_cast<size_t>(id) < limit) return {};
    return fail("token '{}': its id {} is far beyond what {} tokens need (below {} here)", text, id,
                v.entries.size() + v.added.size(), limit);
  };
  for (const Entry& e : v.entries) TRY_VOID(check(e.text, e.id));
  for (const AddedToken& t : v.added) TRY_VOID(check(t.content, t.id));
  return {};
}

Result<void> read_vocab(const Json& model, const std::string& type, Vocabulary& out) {
  const Json* vocab = member(model, "vocab");
  if (vocab == nullptr) return fail("model: no vocab");
  if (type == "Unigram") {
    if (vocab->as_array() == nullptr) return fail("model Unigram: vocab is not a list");
    return read_vocab_list(*vocab->as_array(), out);
  }
  if (vocab->as_object() == nullptr) return fail("model {}: vocab is not an object", type);
  out.entries.reserve(vocab->as_object()->size());
  for (const auto& [text, id_json] : *vocab->as_object()) {
    TRY(const int32_t id, read_id(id_json, text));
    out.entries.push_back({text, id});
  }
  return {};
}

Result<void> read_added_tokens(const Json* list, Vocabulary& out) {
  if (list == nullptr) return {};
  if (list->as_array() == nullptr) return fail("added_tokens is not a list");
  for (const Json& item : *list->as_array()) {
    constexpr std::string_view kWhere = "added_tokens";
    AddedToken token;
    TRY(token.content, string_member(item, kWhere, "content", ""));
    if (token.content.empty()) continue;
    const Json* id = member(item, "id");
    if (id == nullptr) return fail("{}: '{}' has no id", kWhere, token.content);
    TRY(token.id, read_id(*id, token.content));
    TRY(token.special, bool_member(item, kWhere, "special", false));
    TRY(token.single_word, bool_member(item, kWhere, "single_word", false));
    TRY(token.strip_left, bool_member(item, kWhere, "lstrip", false));
    TRY(token.strip_right, bool_member(item, kWhere, "rstrip", false));
    TRY(const bool normalized, bool_member(item, kWhere, "normalized", !token.special));
    out.added.push_back(std::move(token));
    out.normalized.push_back(normalized);
  }
  return {};
}

/// Lays the spellings out by id. An added token that is in the model's vocabulary keeps the id it has there.
Result<void> fill_table(Vocabulary& vocabulary, Tokenizer::Impl& impl) {
  std::vector<std::string_view> by_id;
  const auto place = [&by_id](std::string_view text, int32_t id) -> Result<void> {
    const auto i = static_cast<size_t>(id);
    if (i >= by_id.size()) by_id.resize(i + 1);
    if (!by_id[i].empty() && by_id[i] != text) return fail("tokens '{}' and '{}' share the id {}", by_id[i], text, id);
    by_id[i] = text;
    return {};
  };
  size_t bytes = 0;
  for (const Entry& e : vocabulary.entries) {
    TRY_VOID(place(e.text, e.id));
    bytes += e.text.size();
  }
  TokenTable model_only;
  model_only.reserve(by_id.size(), bytes);
  for (const std::string_view text : by_id) model_only.add(text);
  TRY_VOID(model_only.build_index());
  std::vector<int32_t> fresh;  // ids that the model does not know
  for (AddedToken& token : vocabulary.added) {
    const int32_t known = model_only.find(token.content);
    if (known != kNoToken) {
      token.id = known;
      continue;
    }
    TRY_VOID(place(token.content, token.id));
    fresh.push_back(token.id);
  }
  if (fresh.empty()) {
    impl.table = std::move(model_only);
  } else {
    impl.table.reserve(by_id.size(), bytes);
    for (const std::string_view text : by_id) impl.table.add(text);
    TRY_VOID(impl.table.build_index());
  }
  impl.special.assign(by_id.size(), 0);
  for (const AddedToken& token : vocabulary.added) {
    if (token.special) impl.special[static_cast<size_t>(token.id)] = 1;
  }
  impl.never_text = impl.special;
  for (const int32_t id : fresh) impl.never_text[static_cast<size_t>(id)] = 1;
  return {};
}

/// Tokens that normalising changes are respelled: the reference decodes them so.
Result<void> build_added_tokens(Vocabulary vocabulary, Tokenizer::Impl& impl) {
  std::vector<AddedToken> raw, normalized;
  for (size_t i = 0; i < vocabulary.added.size(); ++i) {
    AddedToken& token = vocabulary.added[i];
    if (vocabulary.normalized[i] && token.content.size() <= AddedTokens::kMaxContent) {  // else refused below
      token.content = impl.normalizer.run(std::move(token.content));
      if (token.content != impl.table[token.id]) impl.respelled[token.id] = token.content;
    }
    (vocabulary.normalized[i] ? normalized : raw).push_back(std::move(token));
  }
  TRY(impl.raw_added, AddedTokens::build(std::move(raw)));
  std::reverse(normalized.begin(), normalized.end());  // of those that normalising makes equal the last one counts
  TRY(impl.normalized_added, AddedTokens::build(std::move(normalized)));
  return {};
}

/// The id of model.unk_token, which may be null.
Result<int32_t> read_unk(const Json& model, const TokenTable& table, std::string_view fallback) {
  TRY(const std::string unk, string_member(model, "model", "unk_token", fallback));
  if (unk.empty()) return kNoToken;
  const int32_t id = table.find(unk);
  if (id == kNoToken) return fail("model: unk_token '{}' is not in the vocabulary", unk);
  return id;
}

/// The two halves of a merge: ["a", "b"], or "a b" in older files.
Result<std::pair<std::string_view, std::string_view>> read_merge(const Json& json, size_t index) {
  if (const std::string* line = json.as_string(); line != nullptr) {
    const size_t space = line->find(' ');
    if (space == std::string::npos || line->find(' ', space + 1) != std::string::npos) {
      return fail("merge {}: '{}' is not two tokens", index, *line);
    }
    return std::pair(std::string_view(*line).substr(0, space), std::string_view(*line).substr(space + 1));
  }
  const Json::Array* pair = json.as_array();
  if (pair == nullptr || pair->size() != 2 || (*pair)[0].as_string() == nullptr || (*pair)[1].as_string() == nullptr) {
    return fail("merge {}: not a pair of strings", index);
  }
  return std::pair(std::string_view(*(*pair)[0].as_string()), std::string_view(*(*pair)[1].as_string()));
}

Result<std::vector<BpeMerge>> read_merges(const Json& model, const TokenTable& table, size_t prefix_size) {
  const Json* list = member(model, "merges");
  if (list == nullptr || list->as_array() == nullptr) return fail("model BPE: merges is not a list");
  std::vector<BpeMerge> merges;
  merges.reserve(list->as_array()->size());
  std::string joined;
  for (size_t i = 0; i < list->as_array()->size(); ++i) {
    const Json& json = (*list->as_array())[i];
    if (i == 0 && json.as_string() != nullptr && json.as_string()->starts_with("#version")) continue;
    TRY(const auto halves, read_merge(json, i));
    const auto [left, right] = halves;
    if (right.size() < prefix_size) return fail("merge {}: '{}' lacks the continuing_subword_prefix", i, right);
    joined.assign(left).append(right.substr(prefix_size));
    const BpeMerge merge{table.find(left), table.find(right), table.find(joined)};
    if (merge.left == kNoToken || merge.right == kNoToken || merge.result == kNoToken) {
      return fail("merge {}: '{}', '{}' or what they make is not in the vocabulary", i, left, right);
    }
    merges.push_back(merge);
  }
  return merges;
}

/// Indexes the byte strings of a byte-level vocabulary: of the model's tokens that are neither special nor spelled with
/// characters beyond the alphabet.
Result<void> index_bytes(Tokenizer::Impl& impl) {
  std::vector<uint8_t> hidden = impl.never_text;
  std::string bytes;
  for (int32_t id = 0; id < impl.table.size(); ++id) {
    bytes.clear();
    if (!append_bytes_of_chars(bytes, impl.table[id])) hidden[static_cast<size_t>(id)] = 1;
  }
  return impl.pieces.build_index(TokenTable::Duplicates::kFirst, &hidden);
}

Result<void> build_bpe(const Json& model, hf::PreTokenizerPlan& plan, Tokenizer::Impl& impl) {
  BpeOptions options;
  TRY(options.unk, read_unk(model, impl.table, ""));
  TRY(options.continuing_prefix, string_member(model, "model BPE", "continuing_subword_prefix", ""));
  TRY(options.word_suffix, string_member(model, "model BPE", "end_of_word_suffix", ""));
  TRY(options.fuse_unk, bool_member(model, "model BPE", "fuse_unk", false));
  TRY(options.byte_fallback, bool_member(model, "model BPE", "byte_fallback", false));
  TRY(options.whole_words, bool_member(model, "model BPE", "ignore_merges", false));
  if (const Json* dropout = member(model, "dropout"); dropout != nullptr && dropout->as_double() != 0.0) {
    return fail("model BPE: dropout is for training; only null or 0 is supported");
  }
  TRY(const std::vector<BpeMerge> merges, read_merges(model, impl.table, options.continuing_prefix.size()));
  options.byte_symbols = plan.bytes_at_end && impl.decode.byte_runs == DecodeRules::ByteRuns::kJoined &&
                         !options.byte_fallback && options.continuing_prefix.empty() && options.word_suffix.empty();
  options.last_merge_counts = true;
  if (plan.bytes_at_end && !options.byte_symbols) TRY_VOID(plan.steps.add(ByteCharsStep{}));
  if (options.byte_symbols) TRY_VOID(index_bytes(impl));
  impl.kind = plan.byte_level ? "byte-level BPE" : impl.table.find("\xE2\x96\x81") != kNoToken ? "SentencePiece BPE" : "BPE";
  TRY(impl.model,
      Bpe::from_merges(options.byte_symbols ? impl.pieces : impl.table, impl.never_text, merges, std::move(options)));
  return {};
}

Result<void> build_unigram(const Json& model, std::vector<double> scores, Tokenizer::Impl& impl) {
  Unigram::Options options;
  TRY(options.byte_fallback, bool_member(model, "model Unigram", "byte_fallback", false));
  if (const Json* unk = member(model, "unk_id"); unk != nullptr) {
    const auto id = unk->as_int();
    if (!id || *id < 0 || static_cast<size_t>(*id) >= scores.size())
      return fail("model Unigram: unk_id is not in the vocabulary");
    options.unk = static_cast<int32_t>(*id);
  }
  if (scores.size() < impl.special.size()) {  // tokens that were added after training
    options.absent.assign(impl.special.size(), 0);
    std::fill(options.absent.begin() + static_cast<std::ptrdiff_t>(scores.size()), options.absent.end(), uint8_t{1});
    scores.resize(impl.special.size(), 0.0);
  }
  impl.kind = "Unigram";
  TRY(impl.model, Unigram::build(impl.table, impl.special, std::move(scores), std::move(options)));
  return {};
}

Result<void> build_word_piece(const Json& model, Tokenizer::Impl& impl) {
  WordPiece::Options options;
  TRY(options.unk, read_unk(model, impl.table, "[UNK]"));
  TRY(options.continuing_prefix, string_member(model, "model WordPiece", "continuing_subword_prefix", "##"));
  if (const Json* max = member(model, "max_input_chars_per_word"); max != nullptr) {
    const auto value = max->as_uint();
    if (!value) return fail("model WordPiece: max_input_chars_per_word is not a number of characters");
    options.max_chars = static_cast<size_t>(std::min<uint64_t>(*value, 1 << 20));
  }
  impl.kind = "WordPiece";
  TRY(impl.model, WordPiece::build(impl.table, impl.never_text, std::move(options)));
  return {};
}

Result<void> build_model(const Json& model, const std::string& type, std::vector<double> scores, hf::PreTokenizerPlan plan,
                         Tokenizer::Impl& impl) {
  if (type != "BPE" && plan.bytes_at_end) TRY_VOID(plan.steps.add(ByteCharsStep{}));
  if (type == "BPE") {
    TRY_VOID(build_bpe(model, plan, impl));
  } else if (type == "Unigram") {
    TRY_VOID(build_unigram(model, std::move(scores), impl));
  } else if (type == "WordPiece") {
    TRY_VOID(build_word_piece(model, impl));
  } else if (type == "WordLevel") {
    TRY(const int32_t unk, read_unk(model, impl.table, "<unk>"));
    impl.kind = "WordLevel";
    impl.model = std::make_unique<WordLevel>(impl.table, impl.never_text, unk);
  } else {
    return fail("model '{}' is not supported (BPE, Unigram, WordPiece and WordLevel are)", type);
  }
  impl.pre_tokenizer = std::move(plan.steps);
  return {};
}

}  // namespace

Result<Tokenizer> Tokenizer::from_hf_json(std::string_view json) {
  TRY(const Json root, Json::parse(json));
  if (!root.is_object()) return fail("tokenizer.json: not an object");
  TRY(const std::string version, string_member(root, "tokenizer.json", "version", "1.0"));
  if (version != "1.0") return fail("tokenizer.json: version '{}' is not supported, only 1.0", version);
  const Json* model = member(root, "model");
  if (model == nullptr) return fail("tokenizer.json: no model");
  auto impl = std::make_unique<Impl>();
  TRY(const std::string type, model_type(*model));
  Vocabulary vocabulary;
  TRY_VOID(read_vocab(*model, type, vocabulary));
  TRY_VOID(read_added_tokens(member(root, "added_tokens"), vocabulary));
  TRY_VOID(check_gaps(vocabulary));
  TRY_VOID(fill_table(vocabulary, *impl));
  TRY(impl->normalizer, hf::read_normalizer(member(root, "normalizer")));
  TRY(hf::PreTokenizerPlan plan, hf::read_pre_tokenizer(member(root, "pre_tokenizer")));
  std::vector<double> scores = std::move(vocabulary.scores);
  TRY_VOID(build_added_tokens(std::move(vocabulary), *impl));
  TRY_VOID(hf::read_decoder(member(root, "decoder"), *impl));
  TRY_VOID(build_model(*model, type, std::move(scores), std::move(plan), *impl));
  TRY_VOID(hf::read_post_processor(member(root, "post_processor"), *impl));
  return Impl::wrap(std::move(impl));
}

}  // namespace sobre
