// How automata are made: from patterns (Thompson's construction, then subsets), from words, and as products.
#include <algorithm>
#include <map>
#include <unordered_map>

#include "text/regex_dfa.h"

namespace sobre {
namespace {

constexpr size_t kMaxNfaStates = 60'000;
constexpr uint64_t kMaxSubsetWork = 20'000'000;  // members of all subsets together

struct NfaState {
  enum class Kind : uint8_t { kSet, kSplit, kBegin, kEnd, kAccept } kind = Kind::kAccept;
  uint32_t set = 0;
  std::vector<uint32_t> next;
};

/// Builds backwards: each part is given the state that follows it.
class NfaBuilder {
 public:
  explicit NfaBuilder(const RegexTree& tree) : tree_(tree) {}

  Result<void> build(bool search) {
    uint32_t end = add({.kind = NfaState::Kind::kAccept, .next = {}});
    if (search) end = any_loop(end);
    TRY(const uint32_t body, make(tree_.root, end));
    start = search ? any_loop(body) : body;
    return {};
  }

  std::vector<NfaState> states;
  std::vector<CodeSet> extra_sets;  // numbered after the tree's
  uint32_t start = 0;

  const CodeSet& set(uint32_t i) const { return i < tree_.sets.size() ? tree_.sets[i] : extra_sets[i - tree_.sets.size()]; }

 private:
  uint32_t add(NfaState state) {
    states.push_back(std::move(state));
    return static_cast<uint32_t>(states.size() - 1);
  }
  uint32_t any_loop(uint32_t next) {
    if (extra_sets.empty()) extra_sets.push_back(CodeSet{{0, kLastCode}});
    const uint32_t loop = add({.kind = NfaState::Kind::kSplit, .next = {next}});
    const uint32_t any = add({.kind = NfaState::Kind::kSet, .set = static_cast<uint32_t>(tree_.sets.size()), .next = {loop}});
    states[loop].next.push_back(any);
    return loop;
  }

  Result<uint32_t> make(uint32_t index, uint32_t next) {
    if (states.size() > kMaxNfaStates) return fail("regular expression: too large when its counts are written out");
    const RegexNode& node = tree_.nodes[index];
    using Kind = RegexNode::Kind;
    switch (node.kind) {
      case Kind::kEmpty:
        return next;
      case Kind::kSet:
        return add({.kind = NfaState::Kind::kSet, .set = node.set, .next = {next}});
      case Kind::kBegin:
        return add({.kind = NfaState::Kind::kBegin, .next = {next}});
      case Kind::kEnd:
        return add({.kind = NfaState::Kind::kEnd, .next = {next}});
      case Kind::kConcat: {
        for (size_t i = node.children.size(); i-- > 0;) {
          TRY(next, make(node.children[i], next));
        }
        return next;
      }
      case Kind::kAlternate: {
        NfaState split{.kind = NfaState::Kind::kSplit, .next = {}};
        for (const uint32_t child : node.children) {
          TRY(const uint32_t way, make(child, next));
          split.next.push_back(way);
        }
        return add(std::move(split));
      }
      case Kind::kRepeat:
        break;
    }
    return repeat(node, next);
  }

  Result<uint32_t> repeat(const RegexNode& node, uint32_t next) {
    const uint32_t child = node.children[0];
    if (node.max == RegexNode::kNoBound) {
      const uint32_t loop = add({.kind = NfaState::Kind::kSplit, .next = {next}});
      TRY(const uint32_t body, make(child, loop));
      states[loop].next.push_back(body);
      next = loop;
    } else {
      const uint32_t out = next;
      for (uint32_t i = node.min; i < node.max; ++i) {
        TRY(const uint32_t body, make(child, next));
        if (body == next) break;  // the part is empty
        next = add({.kind = NfaState::Kind::kSplit, .next = {body, out}});
      }
    }
    for (uint32_t i = 0; i < node.min; ++i) {
      TRY(const uint32_t body, make(child, next));
      if (body == next) break;
      next = body;
    }
    return next;
  }

  const RegexTree& tree_;
};

/// The classical construction by subsets of NFA states.
class Subsets {
 public:
  Subsets(const NfaBuilder& nfa, CompileBudget& budget) : nfa_(nfa), budget_(budget), mark_(nfa.states.size(), 0) {}

  Result<Dfa> build() {
    TRY_VOID(reach(closure({nfa_.start}, true, false), true));
    TRY_VOID(expand(start_set_, accepting_[0]));
    for (size_t i = 1; i < queue_.size(); ++i) TRY_VOID(expand(queue_[i]->first, accepting_[i]));
    return builder_.finish(budget_);
  }

 private:
  using Set = std::vector<uint32_t>;

  Set closure(Set seeds, bool at_start, bool at_end) {
    Set out;
    ++stamp_;
    for (const uint32_t s : seeds) mark_[s] = stamp_;
    while (!seeds.empty()) {
      const uint32_t s = seeds.back();
      seeds.pop_back();
      const NfaState& state = nfa_.states[s];
      using Kind = NfaState::Kind;
      const bool follow =
          state.kind == Kind::kSplit || (state.kind == Kind::kBegin && at_start) || (state.kind == Kind::kEnd && at_end);
      if (follow) {
        for (const uint32_t next : state.next) {
          if (mark_[next] != stamp_) mark_[next] = stamp_, seeds.push_back(next);
        }
      }
      if (state.kind != Kind::kSplit && state.kind != Kind::kBegin) out.push_back(s);
    }
    std::sort(out.begin(), out.end());
    return out;
  }

  Result<int32_t> reach(Set set, bool at_start) {
    const auto [entry, fresh] = numbers_.try_emplace(std::move(set), static_cast<int32_t>(queue_.size()));
    if (!fresh && !at_start) return entry->second;
    TRY_VOID(budget_.spend(1));
    work_ += entry->first.size() + 1;
    if (work_ > kMaxSubsetWork) return fail("regular expression: too many combinations of its parts");
    queue_.push_back(&*entry);
    bool accepts = false;
    for (const uint32_t s : closure(entry->first, at_start, true)) {
      accepts |= nfa_.states[s].kind == NfaState::Kind::kAccept;
    }
    accepting_.push_back(accepts);
    // At the start ^ may hold, so its set is not one that is met again.
    const auto number = static_cast<int32_t>(queue_.size() - 1);
    if (at_start) start_set_ = entry->first, numbers_.erase(entry), queue_[0] = nullptr;
    return number;
  }

  Result<void> expand_edges(const Set& set) {
    cuts_.clear();
    for (const uint32_t s : set) {
      if (nfa_.states[s].kind != NfaState::Kind::kSet) continue;
      for (const CodeRange& range : nfa_.set(nfa_.states[s].set).ranges()) {
        cuts_.push_back({range.first, nfa_.states[s].next[0], true});
        cuts_.push_back({range.last + 1, nfa_.states[s].next[0], false});
      }
    }
    std::sort(cuts_.begin(), cuts_.end(), [](const Cut& a, const Cut& b) { return a.at < b.at; });
    std::map<uint32_t, int> active;
    for (size_t i = 0; i < cuts_.size();) {
      const char32_t at = cuts_[i].at;
      if (at > 0 && !active.empty()) {
        Set seeds;
        for (const auto& [s, count] : active) seeds.push_back(s);
        TRY(const int32_t to, reach_cached(seeds));
        builder_.edge(at - 1, to);
      } else if (at > 0) {
        builder_.edge(at - 1, Dfa::kDead);
      }
      for (; i < cuts_.size() && cuts_[i].at == at; ++i) {
        int& count = active[cuts_[i].state];
        count += cuts_[i].begins ? 1 : -1;
        if (count == 0) active.erase(cuts_[i].state);
      }
    }
    return {};
  }
  Result<int32_t> reach_cached(const Set& seeds) {
    const auto found = targets_.find(seeds);
    if (found != targets_.end()) return found->second;
    TRY(const int32_t to, reach(closure(seeds, false, false), false));
    targets_.emplace(seeds, to);
    return to;
  }

  Result<void> expand(const Set& set, bool accepts) {
    builder_.begin_state(accepts ? 0 : -1);
    return expand_edges(set);
  }

  struct Cut {
    char32_t at;
    uint32_t state;
    bool begins;
  };
  const NfaBuilder& nfa_;
  CompileBudget& budget_;
  DfaBuilder builder_;
  std::vector<uint32_t> mark_;
  uint32_t stamp_ = 0;
  uint64_t work_ = 0;
  Set start_set_;
  std::map<Set, int32_t> numbers_, targets_;
  std::vector<const std::pair<const Set, int32_t>*> queue_;
  std::vector<uint8_t> accepting_;
  std::vector<Cut> cuts_;
};

}  // namespace

Result<Dfa> regex_dfa(const RegexTree& tree, bool search, CompileBudget& budget) {
  NfaBuilder nfa(tree);
  TRY_VOID(nfa.build(search));
  return Subsets(nfa, budget).build();
}

Result<Dfa> words_dfa(std::vector<std::pair<std::u32string, int32_t>> words, CompileBudget& budget) {
  std::sort(words.begin(), words.end());
  // A state is the range of words with one beginning; states are numbered as they are found.
  struct Range {
    size_t begin, end, depth;
  };
  std::vector<Range> states{{0, words.size(), 0}};
  DfaBuilder builder;
  for (size_t s = 0; s < states.size(); ++s) {
    TRY_VOID(budget.spend(1));
    Range range = states[s];
    int32_t label = -1;
    while (range.begin < range.end && words[range.begin].first.size() == range.depth) label = words[range.begin++].second;
    builder.begin_state(label);
    while (range.begin < range.end) {
      const char32_t code = words[range.begin].first[range.depth];
      size_t end = range.begin;
      while (end < range.end && words[end].first[range.depth] == code) ++end;
      if (code > 0) builder.edge(code - 1, Dfa::kDead);
      builder.edge(code, static_cast<int32_t>(states.size()));
      states.push_back({range.begin, end, range.depth + 1});
      range.begin = end;
    }
  }
  return builder.finish(budget);
}

Result<Dfa> length_dfa(uint64_t min, int64_t max, CompileBudget& budget) {
  DfaBuilder builder;
  const bool bounded = max >= 0;
  if (bounded && static_cast<uint64_t>(max) < min) return builder.finish(budget);
  const uint64_t last = bounded ? static_cast<uint64_t>(max) : min;
  TRY_VOID(budget.spend(last + 1));
  for (uint64_t i = 0; i <= last; ++i) {
    builder.begin_state(i >= min ? 0 : -1);
    if (i < last || !bounded) builder.edge(kLastCode, static_cast<int32_t>(std::min(i + 1, last)));
  }
  return builder.finish(budget);
}

Result<Dfa> product_dfa(std::span<const Dfa* const> parts, const ProductLabel& label, CompileBudget& budget, bool all) {
  struct Hash {
    size_t operator()(const std::vector<int32_t>& v) const {
      uint64_t h = 0xcbf29ce484222325;
      for (const int32_t x : v) h = (h ^ static_cast<uint32_t>(x)) * 0x100000001b3, h ^= h >> 29;
      return h;
    }
  };
  const size_t n = parts.size();
  std::unordered_map<std::vector<int32_t>, int32_t, Hash> numbers;
  std::vector<std::vector<int32_t>> states;
  const auto reach = [&](const std::vector<int32_t>& tuple) -> Result<int32_t> {
    const auto [entry, fresh] = numbers.try_emplace(tuple, static_cast<int32_t>(states.size()));
    if (fresh) {
      TRY_VOID(budget.spend(1));
      states.push_back(tuple);
    }
    return entry->second;
  };
  std::vector<int32_t> tuple, labels(n);
  for (const Dfa* part : parts) {
    if (all && part->empty()) return Dfa();
    tuple.push_back(part->start());
  }
  TRY_VOID(reach(tuple));
  DfaBuilder builder;
  std::vector<std::span<const Dfa::Edge>> edges(n);
  for (size_t s = 0; s < states.size(); ++s) {
    const std::vector<int32_t> state = states[s];
    for (size_t i = 0; i < n; ++i) {
      labels[i] = parts[i]->label(state[i]);
      edges[i] = state[i] < 0 ? std::span<const Dfa::Edge>() : parts[i]->edges(state[i]);
    }
    builder.begin_state(label(labels));
    char32_t first = 0;
    while (first <= kLastCode) {
      char32_t last = kLastCode;
      for (size_t i = 0; i < n; ++i) {
        while (!edges[i].empty() && edges[i].front().last < first) edges[i] = edges[i].subspan(1);
        tuple[i] = edges[i].empty() ? Dfa::kDead : edges[i].front().to;
        if (!edges[i].empty()) last = std::min(last, edges[i].front().last);
      }
      if (all && std::find(tuple.begin(), tuple.end(), Dfa::kDead) != tuple.end()) {
        builder.edge(last, Dfa::kDead);
      } else {
        TRY(const int32_t to, reach(tuple));
        builder.edge(last, to);
      }
      first = last + 1;
    }
  }
  return builder.finish(budget);
}

}  // namespace sobre
