#include "serve/request_grammars.h"

namespace sobre {

std::shared_ptr<const Grammar> RequestGrammars::find(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  const std::shared_ptr<const Grammar> grammar = found->second->grammar;
  make_room();
  return grammar;
}

Result<std::shared_ptr<const Grammar>> RequestGrammars::get(const std::string& key, const GrammarNode& root) {
  if (auto kept = find(key)) return kept;
  TRY(std::shared_ptr<const Grammar> grammar, Grammar::compile(root, limits_));
  keep(key, grammar);
  return grammar;
}

void RequestGrammars::keep(const std::string& key, const std::shared_ptr<const Grammar>& grammar) {
  const std::lock_guard lock(mutex_);
  // Two requests may have compiled the same; a grammar too large for the cache lives with its request alone.
  if (key.size() + grammar->memory_bytes() > max_bytes_ / 2 || by_key_.contains(key)) return;
  entries_.push_front({key, grammar});
  by_key_.emplace(key, entries_.begin());
  make_room();
}

// Grammars grow by the masks that are kept with them: what counts is what they take now.
void RequestGrammars::make_room() {
  uint64_t bytes = 0;
  size_t kept = 0;
  auto at = entries_.begin();
  for (; at != entries_.end() && kept < max_entries_; ++at, ++kept) {
    bytes += at->key.size() + at->grammar->memory_bytes();
    if (bytes > max_bytes_) break;
  }
  for (auto gone = at; gone != entries_.end(); ++gone) by_key_.erase(gone->key);
  entries_.erase(at, entries_.end());
}

size_t RequestGrammars::entries() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

}  // namespace sobre
