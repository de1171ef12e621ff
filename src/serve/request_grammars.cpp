#include "serve/request_grammars.h"

namespace sobre {

std::shared_ptr<const Grammar> RequestGrammars::find(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->grammar;
}

Result<std::shared_ptr<const Grammar>> RequestGrammars::get(const std::string& key, const GrammarNode& root) {
  if (auto kept = find(key)) return kept;
  TRY(std::shared_ptr<const Grammar> grammar, Grammar::compile(root, limits_));
  keep(key, grammar);
  return grammar;
}

void RequestGrammars::keep(const std::string& key, const std::shared_ptr<const Grammar>& grammar) {
  const uint64_t bytes = key.size() + grammar->memory_bytes();
  const std::lock_guard lock(mutex_);
  // Two requests may have compiled the same; a grammar too large for the cache lives with its request alone.
  if (bytes > max_bytes_ / 2 || by_key_.contains(key)) return;
  entries_.push_front({key, grammar, bytes});
  by_key_.emplace(key, entries_.begin());
  bytes_ += bytes;
  while (entries_.size() > max_entries_ || bytes_ > max_bytes_) {
    bytes_ -= entries_.back().bytes;
    by_key_.erase(entries_.back().key);
    entries_.pop_back();
  }
}

size_t RequestGrammars::entries() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

}  // namespace sobre
