#include "text/trie.h"

#include <algorithm>

namespace sobre {

Result<Trie> Trie::build(std::vector<Entry> entries) {
  size_t total = 0;
  for (const Entry& e : entries) {
    total += e.text.size();
    if (e.text.size() > kMaxLength) {
      return fail("a vocabulary entry of {} bytes; at most {} are supported here", e.text.size(), kMaxLength);
    }
  }
  if (total > kMaxTotal) return fail("a vocabulary of {} bytes; at most {} are supported here", total, kMaxTotal);
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    const int order = a.text.compare(b.text);
    return order != 0 ? order < 0 : a.value < b.value;
  });
  Trie trie;
  trie.nodes_.emplace_back();
  // Breadth first over ranges of the sorted entries that share their first `depth` bytes.
  struct Range {
    uint32_t node;
    size_t begin, end, depth;
  };
  std::vector<Range> queue{{kRoot, 0, entries.size(), 0}};
  for (size_t head = 0; head < queue.size(); ++head) {
    const Range range = queue[head];
    size_t i = range.begin;
    for (; i < range.end && entries[i].text.size() == range.depth; ++i) {
      if (range.depth > 0) trie.nodes_[range.node].value = entries[i].value;
    }
    trie.nodes_[range.node].first = static_cast<uint32_t>(trie.nodes_.size());
    while (i < range.end) {
      const char label = entries[i].text[range.depth];
      const size_t begin = i;
      while (i < range.end && entries[i].text[range.depth] == label) ++i;
      queue.push_back({static_cast<uint32_t>(trie.nodes_.size()), begin, i, range.depth + 1});
      trie.nodes_.emplace_back().label = static_cast<uint8_t>(label);
      ++trie.nodes_[range.node].count;
    }
  }
  trie.root_.fill(kNone);
  const Node& root = trie.nodes_[kRoot];
  for (uint32_t child = root.first; child < root.first + root.count; ++child) trie.root_[trie.nodes_[child].label] = child;
  return trie;
}

}  // namespace sobre
