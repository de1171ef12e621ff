// TokenTable: the strings of a vocabulary in one arena, by id and by content. Filled once while loading, then const and
// shared by threads. Ids are dense up to size(); an id without a token has an empty string and is never found.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sobre {

/// Ids above this are refused: a vocabulary of 4 million is ten times the largest known one.
inline constexpr int32_t kMaxVocabularySize = 1 << 22;
inline constexpr int32_t kNoToken = -1;

/// Mixes two words by a wide multiplication.
[[nodiscard]] inline uint64_t mix_hash(uint64_t a, uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

[[nodiscard]] inline uint64_t hash_bytes(const char* p, size_t n) {
  uint64_t h = 0x9E3779B97F4A7C15u ^ n, word = 0;
  for (; n >= 8; p += 8, n -= 8) {
    std::memcpy(&word, p, 8);
    h = mix_hash(h ^ word, 0xA0761D6478BD642Fu);
  }
  word = 0;
  for (size_t i = 0; i < n; ++i) word |= static_cast<uint64_t>(static_cast<unsigned char>(p[i])) << (8 * i);
  return mix_hash(h ^ word, 0xE7037ED1A0B428DBu);
}

class TokenTable {
 public:
  /// Which of several ids with the same string find() gives.
  enum class Duplicates : uint8_t { kFirst, kLast };

  /// Appends the next id. An empty string takes an id and is never found.
  void add(std::string_view token);
  /// Room for `n` tokens of `bytes` bytes altogether.
  void reserve(size_t n, size_t bytes);
  /// Makes the index over what was added; ids with `hidden[id]` set (when given) are not found. Errors: more than
  /// kMaxVocabularySize tokens; strings made to collide in the index.
  [[nodiscard]] Result<void> build_index(Duplicates duplicates = Duplicates::kLast,
                                         const std::vector<uint8_t>* hidden = nullptr);

  [[nodiscard]] int32_t size() const { return static_cast<int32_t>(ends_.size()); }
  [[nodiscard]] std::string_view operator[](int32_t id) const {
    const auto i = static_cast<size_t>(id);
    const size_t begin = i == 0 ? 0 : ends_[i - 1];
    return std::string_view(arena_).substr(begin, ends_[i] - begin);
  }
  /// The id of a string, or kNoToken.
  [[nodiscard]] int32_t find(std::string_view token) const {
    if (token.size() > longest_ || slots_.empty()) return kNoToken;
    const uint64_t hash = hash_bytes(token.data(), token.size());
    for (size_t i = hash & mask_;; i = (i + 1) & mask_) {
      const Slot& slot = slots_[i];
      if (slot.id == kNoToken) return kNoToken;
      if (slot.tag == static_cast<uint32_t>(hash >> 32) && (*this)[slot.id] == token) return slot.id;
    }
  }
  /// Bytes of the longest token that can be found.
  [[nodiscard]] size_t longest() const { return longest_; }

 private:
  struct Slot {
    uint32_t tag = 0;
    int32_t id = kNoToken;
  };
  std::string arena_;
  std::vector<uint64_t> ends_;
  std::vector<Slot> slots_;
  size_t mask_ = 0, longest_ = 0;
};

/// A flat map from 64-bit keys to a value, for tables that are filled once.
template <class Value>
class FlatMap {
 public:
  /// Room for `n` keys.
  void reserve(size_t n) {
    size_t capacity = 16;
    while (capacity < n * 2) capacity *= 2;
    slots_.assign(capacity, {kEmpty, {}});
    mask_ = capacity - 1;
  }
  /// Inserts a key that is not kEmpty, unless it is there already. At most as many keys as were reserved. False when the keys
  /// were made to collide (the probe grew too long).
  [[nodiscard]] bool insert(uint64_t key, Value value) {
    size_t i = slot_of(key);
    for (int probes = 0; slots_[i].key != kEmpty; i = (i + 1) & mask_) {
      if (slots_[i].key == key) return true;
      if (++probes > kMaxProbes) return false;
    }
    slots_[i] = {key, value};
    return true;
  }
  [[nodiscard]] const Value* find(uint64_t key) const {
    if (slots_.empty()) return nullptr;
    for (size_t i = slot_of(key);; i = (i + 1) & mask_) {
      if (slots_[i].key == key) return &slots_[i].value;
      if (slots_[i].key == kEmpty) return nullptr;
    }
  }

  static constexpr uint64_t kEmpty = ~uint64_t{0};
  static constexpr int kMaxProbes = 2000;  // an honest table at half load stays below a hundred

 private:
  struct Slot {
    uint64_t key;
    Value value;
  };
  [[nodiscard]] size_t slot_of(uint64_t key) const { return mix_hash(key, 0x9E3779B97F4A7C15u) & mask_; }
  std::vector<Slot> slots_;
  size_t mask_ = 0;
};

}  // namespace sobre
