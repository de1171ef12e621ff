// Deterministic automata over code points: what patterns, lengths, constants and property names of strings become. Complete
// boolean algebra by products; surrogates are never read. Built under a budget; const afterwards, any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "text/regex_parser.h"

namespace sobre {

/// What one compilation may still spend. One thread.
class CompileBudget {
 public:
  CompileBudget(uint32_t max_states, int max_time_ms)
      : max_states_(max_states),
        max_time_ms_(max_time_ms),
        deadline_(std::chrono::steady_clock::now() + std::chrono::milliseconds(max_time_ms)) {}
  /// Counts states (or work of that size). Errors name the limit.
  [[nodiscard]] Result<void> spend(uint64_t states);
  /// Looks at the clock now and then: once in 64 ticks, of which long work makes several.
  [[nodiscard]] Result<void> tick(uint64_t ticks = 1);

 private:
  uint64_t used_ = 0;
  uint32_t max_states_;
  int max_time_ms_;
  uint64_t ticks_ = 0;
  std::chrono::steady_clock::time_point deadline_;
};

class Dfa {
 public:
  struct Edge {
    char32_t last;  // the edge covers the code points after the edge before it, up to this one
    int32_t to;     // kDead: none
  };
  static constexpr int32_t kDead = -1;
  static constexpr uint32_t kMany = UINT32_MAX;  // words: no bound, or beyond counting

  /// The state after one more code point, kDead where no word goes on. `state` may be kDead.
  [[nodiscard]] int32_t step(int32_t state, char32_t code) const;
  /// Whether some code point of first..last goes on.
  [[nodiscard]] bool any(int32_t state, char32_t first, char32_t last) const;
  [[nodiscard]] std::span<const Edge> edges(int32_t state) const {
    const auto s = static_cast<size_t>(state);
    return {edges_.data() + first_[s], first_[s + 1] - first_[s]};
  }
  /// What is accepted here: a label, or -1.
  [[nodiscard]] int32_t label(int32_t state) const { return state < 0 ? -1 : labels_[static_cast<size_t>(state)]; }
  [[nodiscard]] bool accepts(int32_t state) const { return label(state) >= 0; }
  [[nodiscard]] int32_t start() const { return start_; }
  [[nodiscard]] bool empty() const { return start_ == kDead; }
  [[nodiscard]] size_t size() const { return labels_.size(); }
  /// How many words are accepted from here.
  [[nodiscard]] uint32_t words(int32_t state) const { return state < 0 ? 0 : words_[static_cast<size_t>(state)]; }
  /// The cost (text_cost) of the cheapest word from here.
  [[nodiscard]] uint32_t cost(int32_t state) const { return costs_[static_cast<size_t>(state)]; }
  /// Every text goes on from here for ever: no word is a dead end.
  [[nodiscard]] bool open(int32_t state) const { return state >= 0 && open_[static_cast<size_t>(state)]; }
  /// Appends a cheapest word from here.
  void append_cheapest(int32_t state, std::u32string& out) const;
  /// The label of a whole word, or -1.
  [[nodiscard]] int32_t run(std::u32string_view word) const;
  [[nodiscard]] uint64_t memory_bytes() const;

  friend class DfaBuilder;

 private:
  int32_t start_ = kDead;
  std::vector<uint32_t> first_{0};
  std::vector<Edge> edges_;
  std::vector<int32_t> labels_;
  std::vector<uint32_t> words_, costs_;
  std::vector<uint8_t> open_;
};

/// Bytes of a code point in a JSON string, written as briefly as may be.
[[nodiscard]] uint32_t text_cost(char32_t code);
/// The cheapest code point of first..last; printable ones first.
[[nodiscard]] char32_t cheapest_code(char32_t first, char32_t last);

/// Makes a Dfa state by state: state 0 is the start. For each state in order: begin_state, then its edges, ascending.
class DfaBuilder {
 public:
  void begin_state(int32_t label);
  /// Code points up to `last` go to `to` (any state number, begun or not). What is not covered is dead.
  void edge(char32_t last, int32_t to);
  /// Takes dead ends away and counts.
  [[nodiscard]] Result<Dfa> finish(CompileBudget& budget);

 private:
  void append(char32_t last, int32_t to);
  void close_state();
  std::vector<uint8_t> live_states() const;
  void analyse_words(Dfa& dfa) const;
  static void analyse_costs(Dfa& dfa);
  static void analyse_open(Dfa& dfa);

  bool open_state_ = false;
  std::vector<uint32_t> first_;
  std::vector<Dfa::Edge> edges_;
  std::vector<int32_t> labels_;
};

/// All strings, one state, label 0.
[[nodiscard]] const Dfa& universal_dfa();
/// Words in which the pattern is found somewhere (`search`), or that it matches wholly. Label 0.
[[nodiscard]] Result<Dfa> regex_dfa(const RegexTree& tree, bool search, CompileBudget& budget);
/// The words given, each with its label (the last one's where a word comes twice).
[[nodiscard]] Result<Dfa> words_dfa(std::vector<std::pair<std::u32string, int32_t>> words, CompileBudget& budget);
/// Strings of min..max code points (max -1: no bound).
[[nodiscard]] Result<Dfa> length_dfa(uint64_t min, int64_t max, CompileBudget& budget);
/// The product of automata: `label` gives a word's label from its labels in all parts (-1: not accepted). `all`: only words
/// that all parts go on with (label is not asked of others).
using ProductLabel = std::function<int32_t(std::span<const int32_t>)>;
[[nodiscard]] Result<Dfa> product_dfa(std::span<const Dfa* const> parts, const ProductLabel& label, CompileBudget& budget,
                                      bool all = false);

/// UTF-8 to code points; invalid bytes become U+FFFD.
[[nodiscard]] std::u32string to_codes(std::string_view text);

}  // namespace sobre
