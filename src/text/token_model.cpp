#include "text/token_model.h"

#include <fmt/format.h>

#include "text/unicode.h"

namespace sobre {

ByteTokens find_byte_tokens(const TokenTable& table) {
  ByteTokens ids{};
  for (size_t b = 0; b < ids.size(); ++b) ids[b] = table.find(fmt::format("<0x{:02X}>", b));
  return ids;
}

std::optional<uint8_t> parse_byte_token(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') return std::nullopt;
  unsigned value = 0;
  for (const char c : token.substr(3, 2)) {
    unsigned digit = 0;
    if (c >= '0' && c <= '9') {
      digit = static_cast<unsigned>(c - '0');
    } else if (c >= 'A' && c <= 'F') {
      digit = static_cast<unsigned>(c - 'A' + 10);
    } else if (c >= 'a' && c <= 'f') {
      digit = static_cast<unsigned>(c - 'a' + 10);
    } else {
      return std::nullopt;
    }
    value = value * 16 + digit;
  }
  return static_cast<uint8_t>(value);
}

WordLevel::WordLevel(const TokenTable& table, const std::vector<uint8_t>& special, int32_t unk)
    : table_(&table), special_(&special), unk_(unk) {}

void WordLevel::encode(std::string_view piece, EncodeScratch&, std::vector<int32_t>& out) const {
  const int32_t id = table_->find(piece);
  if (id != kNoToken && !(*special_)[static_cast<size_t>(id)]) {
    out.push_back(id);
  } else if (unk_ != kNoToken) {
    out.push_back(unk_);
  }
}

Result<Trie> build_token_trie(const TokenTable& table, const std::vector<uint8_t>& special,
                              const std::vector<uint8_t>& absent) {
  std::vector<Trie::Entry> entries;
  entries.reserve(static_cast<size_t>(table.size()));
  for (int32_t id = 0; id < table.size(); ++id) {
    const auto i = static_cast<size_t>(id);
    if (table[id].empty() || special[i] || (!absent.empty() && absent[i])) continue;
    entries.push_back({table[id], id});
  }
  return Trie::build(std::move(entries));
}

WordPiece::WordPiece(Trie trie, Options options) : trie_(std::move(trie)), options_(std::move(options)) {
  word_start_ = trie_.walk(Trie::kRoot, options_.word_prefix);
  continuing_start_ = trie_.walk(Trie::kRoot, options_.continuing_prefix);
}

Result<std::unique_ptr<WordPiece>> WordPiece::build(const TokenTable& table, const std::vector<uint8_t>& special,
                                                    Options options) {
  TRY(Trie trie, build_token_trie(table, special, {}));
  return std::unique_ptr<WordPiece>(new WordPiece(std::move(trie), std::move(options)));
}

void WordPiece::encode(std::string_view piece, EncodeScratch&, std::vector<int32_t>& out) const {
  const size_t before = out.size();
  size_t chars = 0;
  for (size_t pos = 0; pos < piece.size() && chars <= options_.max_chars; pos += utf8_size(piece[pos])) ++chars;
  bool known = chars <= options_.max_chars;
  for (size_t pos = 0; known && pos < piece.size();) {
    uint32_t node = pos == 0 ? word_start_ : continuing_start_;
    size_t best_end = pos;
    int32_t best = kNoToken;
    for (size_t i = pos; i < piece.size() && node != Trie::kNone;) {
      node = trie_.step(node, piece[i++]);
      if (node == Trie::kNone || trie_.value(node) < 0) continue;
      best = trie_.value(node);
      best_end = i;
    }
    known = best != kNoToken;
    if (known) out.push_back(best);
    pos = best_end;
  }
  if (known) return;
  out.resize(before);
  if (options_.unk != kNoToken) out.push_back(options_.unk);
}

}  // namespace sobre
