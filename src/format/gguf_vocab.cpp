#include <array>
#include <cmath>

#include "format/gguf.h"

namespace sobre {
namespace {

constexpr size_t kMaxTokens = 1 << 24;  // ids are int32, and no vocabulary has more than a few hundred thousand

/// The array under a key; null when absent. Errors: no array, or none of that kind of elements.
Result<const GgufArray*> find_array(const GgufFile& file, std::string_view key, std::string_view kind) {
  const GgufValue* value = file.find(key);
  if (value == nullptr) return nullptr;
  const GgufArray* array = std::get_if<GgufArray>(value);
  if (array != nullptr) {
    const uint32_t type = array->element_type;
    const bool strings = type == GgufType::kString, floats = type == GgufType::kF32 || type == GgufType::kF64;
    if (kind == (strings ? "strings" : floats ? "numbers" : type == GgufType::kBool ? "bools" : "integers")) return array;
  }
  return fail("{}: {} is no array of {}", file.name(), key, kind);
}

Result<void> read_tokens(const GgufFile& file, VocabData& vocab) {
  TRY(const GgufArray* tokens, find_array(file, "tokenizer.ggml.tokens", "strings"));
  if (tokens == nullptr || tokens->strings.empty()) return fail("{}: tokenizer.ggml.tokens is missing or empty", file.name());
  if (tokens->size() > kMaxTokens) return fail("{}: {} tokens, the limit is {}", file.name(), tokens->size(), kMaxTokens);
  vocab.tokens = tokens->strings;
  TRY(const GgufArray* merges, find_array(file, "tokenizer.ggml.merges", "strings"));
  if (merges != nullptr) vocab.merges = merges->strings;
  return {};
}

Result<void> check_length(const GgufFile& file, std::string_view key, size_t n, const VocabData& vocab) {
  if (n == vocab.tokens.size()) return {};
  return fail("{}: {} has {} elements, expected one for each of the {} tokens", file.name(), key, n, vocab.tokens.size());
}

Result<void> read_scores(const GgufFile& file, VocabData& vocab) {
  static constexpr std::string_view kKey = "tokenizer.ggml.scores";
  TRY(const GgufArray* scores, find_array(file, kKey, "numbers"));
  if (scores == nullptr) return {};
  TRY_VOID(check_length(file, kKey, scores->size(), vocab));
  vocab.scores.reserve(scores->size());
  for (const double score : scores->floats) {
    if (std::isnan(score)) return fail("{}: {}[{}] is not a number", file.name(), kKey, vocab.scores.size());
    vocab.scores.push_back(static_cast<float>(score));
  }
  return {};
}

Result<void> read_types(const GgufFile& file, VocabData& vocab) {
  static constexpr std::string_view kKey = "tokenizer.ggml.token_type";
  TRY(const GgufArray* types, find_array(file, kKey, "integers"));
  if (types == nullptr) return {};
  TRY_VOID(check_length(file, kKey, types->size(), vocab));
  vocab.types.reserve(types->size());
  for (const int64_t type : types->ints) {
    if (type < static_cast<int64_t>(TokenType::kNormal) || type > static_cast<int64_t>(TokenType::kByte)) {
      return fail("{}: {}[{}] is {}, expected 1 to 6", file.name(), kKey, vocab.types.size(), type);
    }
    vocab.types.push_back(static_cast<TokenType>(type));
  }
  return {};
}

Result<void> read_charsmap(const GgufFile& file, VocabData& vocab) {
  static constexpr std::string_view kKey = "tokenizer.ggml.precompiled_charsmap";
  TRY(const GgufArray* bytes, find_array(file, kKey, "integers"));
  if (bytes == nullptr) return {};
  if (bytes->element_type != GgufType::kU8 && bytes->element_type != GgufType::kI8)
    return fail("{}: {} is no array of bytes", file.name(), kKey);
  vocab.precompiled_charsmap.reserve(bytes->size());
  for (const int64_t byte : bytes->ints) vocab.precompiled_charsmap.push_back(static_cast<char>(byte));
  return {};
}

Result<void> read_special_ids(const GgufFile& file, VocabData& vocab) {
  struct Field {
    std::string_view key;
    std::optional<int32_t> VocabData::* id;
  };
  static constexpr std::array<Field, 9> kFields = {{
      {"tokenizer.ggml.bos_token_id", &VocabData::bos},
      {"tokenizer.ggml.eos_token_id", &VocabData::eos},
      {"tokenizer.ggml.eot_token_id", &VocabData::eot},
      {"tokenizer.ggml.eom_token_id", &VocabData::eom},
      {"tokenizer.ggml.unknown_token_id", &VocabData::unk},
      {"tokenizer.ggml.seperator_token_id", &VocabData::sep},  // spelled so in the format
      {"tokenizer.ggml.padding_token_id", &VocabData::pad},
      {"tokenizer.ggml.cls_token_id", &VocabData::cls},
      {"tokenizer.ggml.mask_token_id", &VocabData::mask},
  }};
  constexpr int64_t kNoId = 0xFFFFFFFF;
  const auto last = static_cast<int64_t>(vocab.tokens.size()) - 1;
  for (const Field& field : kFields) {
    TRY(const auto id, file.get_int(field.key, -1, kNoId));
    if (!id || *id == -1 || *id == kNoId) continue;  // both are written for "none"
    if (*id > last) return fail("{}: {} is {}; the vocabulary has {} tokens", file.name(), field.key, *id, last + 1);
    vocab.*field.id = static_cast<int32_t>(*id);
  }
  return {};
}

}  // namespace

Result<VocabData> GgufFile::vocab() const {
  VocabData vocab;
  TRY(const auto model, get_string("tokenizer.ggml.model"));
  vocab.model = model.value_or("missing");
  if (!model || vocab.model == "none")
    return fail("{}: the file has no vocabulary (tokenizer.ggml.model is {})", name_, vocab.model);
  TRY(const auto pre, get_string("tokenizer.ggml.pre"));
  vocab.pre = pre.value_or("");
  TRY_VOID(read_tokens(*this, vocab));
  TRY_VOID(read_scores(*this, vocab));
  TRY_VOID(read_types(*this, vocab));
  TRY_VOID(read_charsmap(*this, vocab));
  TRY_VOID(read_special_ids(*this, vocab));
  TRY(vocab.add_bos, get_bool("tokenizer.ggml.add_bos_token"));
  TRY(vocab.add_eos, get_bool("tokenizer.ggml.add_eos_token"));
  TRY(vocab.add_space_prefix, get_bool("tokenizer.ggml.add_space_prefix"));
  TRY(vocab.remove_extra_whitespaces, get_bool("tokenizer.ggml.remove_extra_whitespaces"));
  return vocab;
}

}  // namespace sobre
