// Trie: prefix search over a fixed set of strings, for Unigram and WordPiece. Built once by sorting, then const and shared.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sobre {

class Trie {
 public:
  struct Entry {
    std::string_view text;  // not empty
    int32_t value;          // not negative; of equal texts the largest value counts
  };
  static constexpr uint32_t kRoot = 0;
  static constexpr uint32_t kNone = ~uint32_t{0};
  /// Longer strings are refused, so that a walk costs a bounded number of steps at every position of a text.
  static constexpr size_t kMaxLength = 512;
  static constexpr size_t kMaxTotal = size_t{16} << 20;  // bytes of all strings together

  [[nodiscard]] static Result<Trie> build(std::vector<Entry> entries);

  /// The child of `node` by one byte, or kNone.
  [[nodiscard]] uint32_t step(uint32_t node, char byte) const {
    const auto label = static_cast<uint8_t>(byte);
    if (node == kRoot) return root_[label];
    uint32_t low = nodes_[node].first, high = low + nodes_[node].count;
    while (low < high) {
      const uint32_t middle = (low + high) / 2;
      if (nodes_[middle].label < label) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low < nodes_[node].first + nodes_[node].count && nodes_[low].label == label ? low : kNone;
  }
  /// Follows a whole string from `node`; kNone when it leaves the trie.
  [[nodiscard]] uint32_t walk(uint32_t node, std::string_view text) const {
    for (size_t i = 0; i < text.size() && node != kNone; ++i) node = step(node, text[i]);
    return node;
  }
  /// The value of the string that ends at `node`, or -1.
  [[nodiscard]] int32_t value(uint32_t node) const { return nodes_[node].value; }

 private:
  struct Node {
    uint32_t first = 0;  // its children lie together, by ascending label
    int32_t value = -1;
    uint16_t count = 0;
    uint8_t label = 0;
  };
  std::vector<Node> nodes_;
  std::array<uint32_t, 256> root_{};
};

}  // namespace sobre
