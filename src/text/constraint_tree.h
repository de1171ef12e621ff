// The tokens of a vocabulary as a prefix tree in one array, and what masks need of it. Const once made; any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "text/constraint.h"
#include "text/grammar_encoding.h"

namespace sobre {

using MaskWords = std::vector<uint64_t>;
inline void set_bit(MaskWords& mask, int32_t id) { mask[static_cast<size_t>(id) / 64] |= uint64_t{1} << (id % 64); }

class TokenTree {
 public:
  struct Node {
    uint32_t end;          // the node after this one's subtree
    uint32_t first_token;  // of the tokens that end here or below, in order
    uint32_t own_tokens;   // how many of them end here
    uint16_t depth;        // bytes from the root, 1 at the top
    uint8_t byte;
  };
  TokenTree() = default;
  /// Bytes and ids; empty bytes are the root's own.
  explicit TokenTree(std::vector<std::pair<std::string_view, int32_t>> tokens);
  [[nodiscard]] const std::vector<Node>& nodes() const { return nodes_; }
  [[nodiscard]] const std::vector<int32_t>& tokens() const { return tokens_; }
  [[nodiscard]] const std::vector<int32_t>& root_tokens() const { return root_tokens_; }
  [[nodiscard]] uint16_t depth() const { return depth_; }
  [[nodiscard]] uint32_t tokens_end(const Node& node) const {
    return node.end < nodes_.size() ? nodes_[node.end].first_token : static_cast<uint32_t>(tokens_.size());
  }
  /// The longest token that `text` begins with; -1: none.
  [[nodiscard]] int32_t longest(std::string_view text, size_t& size) const;
  [[nodiscard]] uint64_t bytes() const { return nodes_.size() * sizeof(Node) + (tokens_.size() + root_tokens_.size()) * 4; }

 private:
  std::vector<Node> nodes_;
  std::vector<int32_t> tokens_, root_tokens_;
  uint16_t depth_ = 0;
};

/// What may come in the middle of a string: the tokens that stay inside it, and those that close it, by what they have after
/// the quote.
struct StringMask {
  MaskWords inside;
  TokenTree rest;
  TokenTree closers;       // tokens (whole) that close it and end there or go on with a colon: for names
  TokenTree list_closers;  // the same with what comes after an item
};

struct TokenIndex::Impl {
  const Tokenizer* tokenizer = nullptr;
  int32_t vocab_size = 0;
  std::vector<int32_t> stops;
  TokenTree tree;
  uint32_t max_codes = 0;  // code points of the longest token
  bool two_names = false;  // some token may close a name and hold a whole further one
  [[nodiscard]] std::string_view bytes_of(int32_t id) const { return tokenizer->token_bytes(id); }
  [[nodiscard]] bool is_stop(int32_t id) const;

  /// Masks of strings without further rules, with at least `min` and at most `max` code points to come (clipped by the caller:
  /// kEnough means no bound). Cached.
  static constexpr uint32_t kEnough = UINT32_MAX;
  [[nodiscard]] std::shared_ptr<const StringMask> free_string(const Encoding& enc, uint32_t min, uint32_t max) const;

  mutable std::mutex mutex;
  mutable std::unordered_map<std::string, std::shared_ptr<const StringMask>> free_strings;
};

/// Walks a tree with a state per depth. `step(state, byte)` gives the next state: kStay inside, kClosed the string ended (the
/// rest of the tokens below is `rest`), kDead.
enum class StringStep : uint8_t { kDead, kStay, kClosed };
template <class State, class Step>
std::shared_ptr<const StringMask> make_string_mask(const TokenIndex::Impl& index, const State& begin, Step step) {
  auto mask = std::make_shared<StringMask>();
  mask->inside.assign((static_cast<size_t>(index.vocab_size) + 63) / 64, 0);
  const auto& nodes = index.tree.nodes();
  const auto& tokens = index.tree.tokens();
  std::vector<State> states(size_t{index.tree.depth()} + 1, begin);
  std::vector<std::pair<std::string_view, int32_t>> rest, closers, list_closers;
  for (uint32_t i = 0; i < nodes.size();) {
    const TokenTree::Node& node = nodes[i];
    State& state = states[node.depth] = states[node.depth - 1];
    const StringStep result = step(state, node.byte);
    if (result == StringStep::kStay) {
      for (uint32_t t = 0; t < node.own_tokens; ++t) set_bit(mask->inside, tokens[node.first_token + t]);
      ++i;
      continue;
    }
    if (result == StringStep::kClosed) {
      for (uint32_t t = node.first_token; t < index.tree.tokens_end(node); ++t) {
        const std::string_view bytes = index.bytes_of(tokens[t]);
        rest.emplace_back(bytes.substr(node.depth), tokens[t]);
        const bool whole = bytes.size() == node.depth;
        const char after = whole ? '\0' : bytes[node.depth];
        if (whole || after == ':') closers.emplace_back(bytes, tokens[t]);
        if (whole || after == ',' || after == ']') list_closers.emplace_back(bytes, tokens[t]);
      }
    }
    i = node.end;
  }
  mask->rest = TokenTree(std::move(rest));
  mask->closers = TokenTree(std::move(closers));
  mask->list_closers = TokenTree(std::move(list_closers));
  return mask;
}

/// Ids whose bytes are exactly `bytes`: the tokenizer's own cutting where it gives them back, else longest tokens first.
/// Shorter where the vocabulary cannot write them.
[[nodiscard]] std::vector<int32_t> tokens_of_bytes(const TokenIndex::Impl& index, std::string_view bytes);

}  // namespace sobre
