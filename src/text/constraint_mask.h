// Masks of an automaton's state over a vocabulary. Used by constraint.cpp; one thread, caches are shared.
#pragma once

#include <memory>
#include <string>

#include "text/constraint_tree.h"
#include "text/grammar_machine.h"

namespace sobre {

class MaskMaker {
 public:
  MaskMaker(const Grammar::Impl& grammar, const std::shared_ptr<const TokenIndex>& index, StateStore& store)
      : g_(grammar), index_(index), x_(index->impl()), machine_(grammar, store) {}

  /// The mask of a state, from the cache where it is there.
  [[nodiscard]] std::shared_ptr<const MaskWords> mask(const Threads& threads);
  /// The same, computed without the cache of whole states: for tests and benches.
  [[nodiscard]] MaskWords compute(const Threads& threads);
  /// Clears the bits of tokens below a tree node whose rest no thread takes: for triggers.
  void clear_forbidden(const Threads& begin, const TokenTree& tree, uint32_t node, MaskWords& mask);

 private:
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
};

}  // namespace sobre
