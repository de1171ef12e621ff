// A queue of waiting work by scope: the scope with the least of its work running goes first, among equals the one served
// longest ago; within a scope in order of arrival. So one busy client cannot starve the others. Used under the scheduler's
// lock.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>

namespace sobre {

template <class Item>
class FairQueue {
 public:
  void push(const std::string& scope, Item item) {
    const auto [at, fresh] = scopes_.try_emplace(scope);
    // One that comes anew, or again, goes behind those that wait already.
    if (fresh) at->second.served = ++clock_;
    at->second.waiting.push_back(std::move(item));
    ++size_;
  }
  [[nodiscard]] size_t size() const { return size_; }
  [[nodiscard]] size_t size(const std::string& scope) const {
    const auto found = scopes_.find(scope);
    return found == scopes_.end() ? 0 : found->second.waiting.size();
  }

  /// The item that goes next; null when none waits. Valid until the next change.
  [[nodiscard]] Item* front() {
    Scope* best = next();
    return best == nullptr ? nullptr : &best->waiting.front();
  }
  /// Takes front() out; its scope now has `weight` more of running work, until finished() gives it back.
  Item pop(int weight) {
    Scope& best = *next();
    Item item = std::move(best.waiting.front());
    best.waiting.pop_front();
    best.running += weight;
    best.served = ++clock_;
    --size_;
    return item;
  }
  void finished(const std::string& scope, int weight) {
    const auto found = scopes_.find(scope);
    if (found == scopes_.end()) return;
    found->second.running -= weight;
    forget(found);
  }
  /// Takes out every item for which `which` is true and hands it to `sink`.
  template <class Which, class Sink>
  void remove_if(Which which, Sink sink) {
    for (auto at = scopes_.begin(); at != scopes_.end();) {
      std::deque<Item> kept;
      for (Item& item : at->second.waiting) {
        if (which(item)) {
          sink(std::move(item));
          --size_;
        } else {
          kept.push_back(std::move(item));
        }
      }
      at->second.waiting = std::move(kept);
      at = forget(at);
    }
  }

 private:
  struct Scope {
    std::deque<Item> waiting;
    int running = 0;
    uint64_t served = 0;
  };
  using Scopes = std::map<std::string, Scope>;

  Scope* next() {
    Scope* best = nullptr;
    for (auto& [name, scope] : scopes_) {
      if (scope.waiting.empty()) continue;
      if (best == nullptr || std::pair(scope.running, scope.served) < std::pair(best->running, best->served)) best = &scope;
    }
    return best;
  }
  // Scopes with nothing waiting or running need no memory. Returns the one after.
  typename Scopes::iterator forget(typename Scopes::iterator at) {
    return at->second.waiting.empty() && at->second.running == 0 ? scopes_.erase(at) : std::next(at);
  }

  Scopes scopes_;
  size_t size_ = 0;
  uint64_t clock_ = 0;
};

}  // namespace sobre
