// Mistral's tekken.json: byte strings with ranks (tiktoken's algorithm) after a block of control tokens.
#include <algorithm>
#include <array>

#include "text/bpe.h"
#include "text/hf_json_parts.h"

namespace sobre {
namespace {

using hf::member;

/// The control tokens of files that do not list their own.
constexpr std::array<std::string_view, 20> kDefaultSpecial = {"<unk>",
                                                              "<s>",
                                                              "</s>",
                                                              "[INST]",
                                                              "[/INST]",
                                                              "[AVAILABLE_TOOLS]",
                                                              "[/AVAILABLE_TOOLS]",
                                                              "[TOOL_RESULTS]",
                                                              "[/TOOL_RESULTS]",
                                                              "[TOOL_CALLS]",
                                                              "[IMG]",
                                                              "<pad>",
                                                              "[IMG_BREAK]",
                                                              "[IMG_END]",
                                                              "[PREFIX]",
                                                              "[MIDDLE]",
                                                              "[SUFFIX]",
                                                              "[SYSTEM_PROMPT]",
                                                              "[/SYSTEM_PROMPT]",
                                                              "[TOOL_CONTENT]"};

constexpr size_t kAllowedGaps = 65'536;

Result<size_t> count_member(const Json& config, std::string_view key) {
  const Json* value = member(config, key);
  const auto count = value != nullptr ? value->as_int() : std::nullopt;
  if (!count || *count < 0 || *count > kMaxVocabularySize) {
    return fail("tekken.json: config.{} is not a number from 0 to {}", key, kMaxVocabularySize);
  }
  return static_cast<size_t>(*count);
}

/// The spellings of the tokens before the text ones. All of them are control tokens, whatever their is_control says: so the
/// reference decodes them.
Result<std::vector<std::string>> read_special(const Json* list, size_t count) {
  std::vector<std::string> special(count);
  for (size_t i = 0; i < count; ++i) special[i] = fmt::format("<SPECIAL_{}>", i);
  if (list == nullptr) {
    for (size_t i = 0; i < std::min(count, kDefaultSpecial.size()); ++i) special[i] = kDefaultSpecial[i];
    return special;
  }
  if (list->as_array() == nullptr) return fail("tekken.json: special_tokens is not a list");
  for (const Json& item : *list->as_array()) {
    const Json* rank_json = member(item, "rank");
    const auto rank = rank_json != nullptr ? rank_json->as_int() : std::nullopt;
    if (!rank || *rank < 0 || static_cast<size_t>(*rank) >= count) {
      return fail("tekken.json: a special token without a rank below {}", count);
    }
    std::string& entry = special[static_cast<size_t>(*rank)];
    TRY(entry, hf::string_member(item, "tekken.json: special token", "token_str", entry));
  }
  return special;
}

/// Appends the text tokens; their ids follow the special ones, so that order is rank.
Result<void> read_text_tokens(const Json::Array& vocab, size_t count, Tokenizer::Impl& impl) {
  std::array<bool, 256> seen{};
  for (size_t i = 0; i < count; ++i) {
    const Json* rank = member(vocab[i], "rank");
    if (rank == nullptr || rank->as_int() != static_cast<int64_t>(i))
      return fail("tekken.json: vocab entry {}: rank is not {}", i, i);
    TRY(const std::string encoded, hf::string_member(vocab[i], "tekken.json: vocab", "token_bytes", ""));
    const auto bytes = hf::decode_base64(encoded);
    if (!bytes) return fail_in(fmt::format("tekken.json: vocab entry {}", i), bytes.error());
    if (bytes->empty()) return fail("tekken.json: vocab entry {} is empty", i);
    if (bytes->size() == 1) seen[static_cast<unsigned char>((*bytes)[0])] = true;
    impl.table.add(*bytes);
    impl.pieces.add(*bytes);
  }
  const auto missing = std::find(seen.begin(), seen.end(), false) - seen.begin();
  if (missing < 256) return fail("tekken.json: no token for the byte {}", missing);
  return {};
}

}  // namespace

Result<Tokenizer> Tokenizer::from_tekken(std::string_view json) {
  TRY(const Json root, Json::parse(json));
  const Json *config = member(root, "config"), *vocab = member(root, "vocab");
  if (config == nullptr || vocab == nullptr || vocab->as_array() == nullptr) return fail("tekken.json: no config or no vocab");
  TRY(const size_t size, count_member(*config, "default_vocab_size"));
  TRY(const size_t n_special, count_member(*config, "default_num_special_tokens"));
  if (n_special > size) return fail("tekken.json: {} special tokens in a vocabulary of {}", n_special, size);
  // Tokens that are numbered but not listed cost room all the same.
  const Json* listed = member(root, "special_tokens");
  const size_t names = listed != nullptr && listed->as_array() != nullptr ? listed->as_array()->size() : 0;
  const size_t most = 2 * (names + vocab->as_array()->size()) + kAllowedGaps;
  if (n_special > most)
    return fail("tekken.json: {} special tokens are far beyond what {} listed ones need (at most {} here)", n_special, names,
                most);
  const size_t n_text = std::min(vocab->as_array()->size(), size - n_special);
  auto impl = std::make_unique<Impl>();
  TRY(const std::vector<std::string> special, read_special(member(root, "special_tokens"), n_special));
  for (size_t i = 0; i < n_special; ++i) {
    impl->table.add(special[i]);
    impl->pieces.add(special[i]);
    const auto id = static_cast<int32_t>(i);
    if (special[i] == "<s>") impl->bos = id;
    if (special[i] == "</s>") impl->eos = id;
  }
  TRY_VOID(read_text_tokens(*vocab->as_array(), n_text, *impl));
  std::vector<uint8_t> hidden(n_special + n_text, 0);
  std::fill_n(hidden.begin(), n_special, uint8_t{1});
  TRY_VOID(impl->table.build_index(TokenTable::Duplicates::kFirst));
  TRY_VOID(impl->pieces.build_index(TokenTable::Duplicates::kFirst, &hidden));
  impl->special = hidden;
  std::vector<AddedToken> controls;
  for (size_t i = 0; i < n_special; ++i) controls.push_back({special[i], static_cast<int32_t>(i), true});
  TRY(impl->template_added, AddedTokens::build(std::move(controls)));
  impl->byte_token.assign(n_special + n_text, 0);
  if (impl->bos) impl->prefix.push_back(*impl->bos);
  TRY(const std::string pattern, hf::string_member(*config, "tekken.json: config", "pattern", ""));
  auto step = SplitStep::regex(pattern, SplitBehavior::kIsolated, false);
  if (!step) return fail_in("tekken.json: config.pattern", step.error());
  TRY_VOID(impl->pre_tokenizer.add(std::move(*step)));
  BpeOptions options;
  options.byte_symbols = options.whole_words = true;
  std::vector<uint32_t> ranks(n_special + n_text, Bpe::kNoRank);
  for (size_t i = n_special; i < ranks.size(); ++i) ranks[i] = static_cast<uint32_t>(i);
  impl->kind = "byte-level BPE";
  impl->model = Bpe::from_ranks(impl->pieces, impl->special, std::move(ranks), {}, std::move(options));
  return Impl::wrap(std::move(impl));
}

}  // namespace sobre
