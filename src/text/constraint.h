// Constraints: which tokens may come next so that the answer stays in a grammar's language. A TokenIndex is built once per
// tokenizer and shared; a Constraint is the state of one answer, used by one thread. Masks are cached per state of the
// automaton in the grammar's cache (bounded), so that a token costs microseconds.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "text/grammar.h"
#include "text/tokenizer.h"

namespace sobre {

/// The bytes of a tokenizer's tokens as a prefix tree. Const once made; any thread.
class TokenIndex {
 public:
  /// `stop_ids` end an answer: they are allowed exactly where the text so far is complete. The tokenizer must outlive the
  /// index.
  [[nodiscard]] static std::shared_ptr<const TokenIndex> build(const Tokenizer& tokenizer, std::span<const int32_t> stop_ids,
                                                               int32_t vocab_size);
  ~TokenIndex();
  /// Ids a mask has bits for: the model's vocabulary, which may be larger than the tokenizer's.
  [[nodiscard]] int32_t vocab_size() const;

  struct Impl;
  [[nodiscard]] const Impl& impl() const { return *impl_; }

 private:
  explicit TokenIndex(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

/// When a constraint begins. Without triggers: with the first token. With triggers: text is free until it ends with one of them
/// (or one of the control tokens comes); from there on the grammar holds, and the text up to and including the trigger is not
/// part of it. A token that completes a trigger and goes on in a way the grammar forbids is not allowed.
struct ConstraintStart {
  std::vector<std::string> triggers;
  std::vector<int32_t> trigger_tokens;
  [[nodiscard]] bool at_once() const { return triggers.empty() && trigger_tokens.empty(); }
};

class Constraint {
 public:
  Constraint(std::shared_ptr<const Grammar> grammar, std::shared_ptr<const TokenIndex> index, ConstraintStart start = {});
  ~Constraint();
  Constraint(Constraint&&) noexcept;
  Constraint& operator=(Constraint&&) noexcept;

  /// The tokens that may come next: bit i of word i / 64, [ceil(vocab_size / 64)]. Stop ids are in it exactly when the text so
  /// far is complete. Empty only where the vocabulary cannot write what comes next. Valid until the next accept(). While a
  /// trigger is awaited it may be all ones.
  [[nodiscard]] std::span<const uint64_t> mask();
  /// The last mask() was given up, as it would have taken too long for a step that others wait for; it has no bit.
  [[nodiscard]] bool too_costly() const;
  /// Takes the next token. False: it was not allowed (the state is unchanged).
  [[nodiscard]] bool accept(int32_t id);
  /// Appends the ids that must come next whatever the model says, at most `max`: the tokenizer's own cutting of the forced
  /// bytes, without a last token that could be cut otherwise together with what follows. Deterministic. Does not accept them.
  void forced(std::vector<int32_t>& ids, size_t max) const;
  /// The text so far is complete (a stop id would be accepted).
  [[nodiscard]] bool complete() const;
  /// Complete, and nothing else than a stop id may follow: the answer has ended.
  [[nodiscard]] bool ended() const;
  /// The grammar holds (no trigger is awaited).
  [[nodiscard]] bool active() const;
  /// Appends the ids of a shortest (in bytes) way to a complete text. Does not accept them. For tests and for ending an answer
  /// at its token limit.
  void shortest_completion(std::vector<int32_t>& ids) const;

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace sobre
