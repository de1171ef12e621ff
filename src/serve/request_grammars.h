// Compiled grammars, kept for requests that ask for the same again: clients send the same schema or tools with every turn. Any
// thread; compiling happens on the caller's, outside the lock.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "base/result.h"
#include "text/grammar.h"

namespace sobre {

class RequestGrammars {
 public:
  explicit RequestGrammars(const GrammarLimits& limits, size_t max_entries = 128, uint64_t max_bytes = 64 << 20)
      : limits_(limits), max_entries_(max_entries), max_bytes_(max_bytes) {}

  /// The grammar of this key: kept, or compiled and kept. Equal keys mean equal grammars. Errors as Grammar::compile; they are
  /// not kept.
  [[nodiscard]] Result<std::shared_ptr<const Grammar>> get(const std::string& key, const GrammarNode& root);
  /// Without compiling; null when it is not kept.
  [[nodiscard]] std::shared_ptr<const Grammar> find(const std::string& key);
  [[nodiscard]] size_t entries() const;

 private:
  struct Entry {
    std::string key;
    std::shared_ptr<const Grammar> grammar;
  };
  void keep(const std::string& key, const std::shared_ptr<const Grammar>& grammar);
  void make_room();

  GrammarLimits limits_;
  size_t max_entries_;
  uint64_t max_bytes_;
  mutable std::mutex mutex_;
  std::list<Entry> entries_;  // the latest used first
  std::unordered_map<std::string, std::list<Entry>::iterator> by_key_;
};

}  // namespace sobre
