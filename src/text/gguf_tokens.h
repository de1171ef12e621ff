// Which tokens of a GGUF vocabulary are what: for the reader of such vocabularies and for their writer as tokenizer.json. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "text/vocab.h"

namespace sobre {

inline constexpr std::string_view kSpaceMark = "\xE2\x96\x81";  // of SentencePiece: U+2581 stands for a space
inline constexpr size_t kLongestSplit = 256;  // bytes of a token whose two-part splits become merges: each cut is looked at

[[nodiscard]] inline TokenType gguf_token_type(const VocabData& vocab, size_t id) {
  return vocab.types.empty() ? TokenType::kNormal : vocab.types[id];
}

/// By id: control tokens, and whatever begins or ends a text; some files call these plain tokens. The ids must be in range.
[[nodiscard]] inline std::vector<uint8_t> gguf_special_tokens(const VocabData& vocab) {
  std::vector<uint8_t> special(vocab.tokens.size(), 0);
  for (size_t id = 0; id < special.size(); ++id) special[id] = gguf_token_type(vocab, id) == TokenType::kControl ? 1 : 0;
  for (const auto& id : {vocab.bos, vocab.eos, vocab.eot, vocab.eom}) {
    if (id) special[static_cast<size_t>(*id)] = 1;
  }
  return special;
}

/// Whether a token may come out of running text by the model's own rules.
[[nodiscard]] inline bool is_gguf_text(const VocabData& vocab, const std::vector<uint8_t>& special, size_t id) {
  const TokenType t = gguf_token_type(vocab, id);
  return special[id] == 0 && (t == TokenType::kNormal || t == TokenType::kUnused || t == TokenType::kUserDefined);
}

}  // namespace sobre
