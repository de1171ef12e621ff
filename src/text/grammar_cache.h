// Masks that were computed before, by the state of the automaton. Shared by all answers of a grammar; any thread. Bounded: when
// it is full it begins anew.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

namespace sobre {

class GrammarCache {
 public:
  static constexpr uint64_t kMaxBytes = 48ull << 20;

  [[nodiscard]] std::shared_ptr<const void> find(const std::string& key) const {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(key);
    return found == entries_.end() ? nullptr : found->second;
  }
  void put(const std::string& key, std::shared_ptr<const void> value, uint64_t bytes) const {
    const std::lock_guard lock(mutex_);
    if (bytes_ + bytes > kMaxBytes) entries_.clear(), bytes_ = 0;
    if (entries_.try_emplace(key, std::move(value)).second) bytes_ += bytes + key.size() + 128;
  }
  [[nodiscard]] uint64_t bytes() const {
    const std::lock_guard lock(mutex_);
    return bytes_;
  }

 private:
  mutable std::mutex mutex_;
  mutable std::unordered_map<std::string, std::shared_ptr<const void>> entries_;
  mutable uint64_t bytes_ = 0;
};

}  // namespace sobre
