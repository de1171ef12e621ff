#include "text/token_table.h"

#include <algorithm>

namespace sobre {

void TokenTable::reserve(size_t n, size_t bytes) {
  ends_.reserve(n);
  arena_.reserve(bytes);
}

void TokenTable::add(std::string_view token) {
  arena_.append(token);
  ends_.push_back(arena_.size());
}

Result<void> TokenTable::build_index(Duplicates duplicates, const std::vector<uint8_t>* hidden) {
  if (ends_.size() > static_cast<size_t>(kMaxVocabularySize)) {
    return fail("a vocabulary of {} tokens; at most {} are supported", ends_.size(), kMaxVocabularySize);
  }
  size_t capacity = 16;
  while (capacity < ends_.size() * 2) capacity *= 2;
  slots_.assign(capacity, Slot{});
  mask_ = capacity - 1;
  longest_ = 0;
  for (int32_t id = 0; id < size(); ++id) {
    const std::string_view token = (*this)[id];
    if (token.empty() || (hidden != nullptr && (*hidden)[static_cast<size_t>(id)])) continue;
    longest_ = std::max(longest_, token.size());
    const uint64_t hash = hash_bytes(token.data(), token.size());
    const auto tag = static_cast<uint32_t>(hash >> 32);
    size_t i = hash & mask_;
    for (int probes = 0; slots_[i].id != kNoToken; i = (i + 1) & mask_) {
      if (slots_[i].tag == tag && (*this)[slots_[i].id] == token) break;
      if (++probes > FlatMap<int>::kMaxProbes) return fail("the vocabulary's strings collide in the index: made on purpose?");
    }
    if (slots_[i].id == kNoToken || duplicates == Duplicates::kLast) slots_[i] = {tag, id};
  }
  return {};
}

}  // namespace sobre
