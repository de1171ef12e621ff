// Masks of an automaton's state over a vocabulary. Used by constraint.cpp; one thread, caches are shared.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>

#include "text/constraint_tree.h"
#include "text/grammar_machine.h"

namespace sobre {

class MaskMaker {
 public:
  /// Steps of threads over bytes that one mask may take: a few tens of milliseconds. The vocabulary once for one thread is what
  /// a state of published schemas takes at most; only what holds tens of patterns side by side comes here.
  static constexpr uint64_t kMaxSteps = 4 << 20, kMaxWalks = 16;

  MaskMaker(const Grammar::Impl& grammar, const std::shared_ptr<const TokenIndex>& index, StateStore& store)
      : g_(grammar),
        index_(index),
        x_(index->impl()),
        machine_(grammar, store),
        left_(std::max(kMaxSteps, kMaxWalks * x_.tree.nodes().size())) {}

  /// The mask of a state, from the cache where it is there. No bit where it takes more than one mask may: spent().
  [[nodiscard]] std::shared_ptr<const MaskWords> mask(const Threads& threads);
  /// The same, computed without the cache of whole states: for tests and benches.
  [[nodiscard]] MaskWords compute(const Threads& threads);
  [[nodiscard]] bool spent() const { return left_ == 0; }
  /// Clears the bits of tokens below a tree node whose rest no thread takes: for triggers.
  void clear_forbidden(const Threads& begin, const TokenTree& tree, uint32_t node, MaskWords& mask);

 private:
  /// Takes steps from what is left; false: it is spent.
  bool take(uint64_t steps) { return (left_ -= std::min(left_, steps)) > 0; }
  void walk(const TokenTree& tree, const Threads& threads, MaskWords& mask);
  bool add_string(const Thread& t, MaskWords& mask);
  bool add_regex(const Thread& t, MaskWords& mask);
  bool add_key(const Thread& t, MaskWords& mask);
  std::shared_ptr<const StringMask> automaton_mask(const Dfa& dfa, const Thread& t, uint32_t number, bool json);
  std::string key_of(const Threads& threads) const;
  void append_frame(const Frame* frame, std::string& key) const;

  const Grammar::Impl& g_;
  const std::shared_ptr<const TokenIndex>& index_;
  const TokenIndex::Impl& x_;
  Machine machine_;
  std::vector<Threads> levels_;
  uint64_t left_;
};

}  // namespace sobre
