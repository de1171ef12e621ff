#include "text/regex_dfa.h"

#include <algorithm>
#include <queue>

#include "text/unicode.h"

namespace sobre {

Result<void> CompileBudget::spend(uint64_t states) {
  used_ += states;
  if (used_ > max_states_) return fail("the automaton needs more than {} states, the limit", max_states_);
  return tick();
}

Result<void> CompileBudget::tick(uint64_t ticks) {
  ticks_ += ticks;
  if (ticks_ < 64) return {};
  ticks_ = 0;
  if (std::chrono::steady_clock::now() > deadline_) {
    return fail("compiling takes longer than {} ms, the limit", max_time_ms_);
  }
  return {};
}

int32_t Dfa::step(int32_t state, char32_t code) const {
  if (state < 0) return kDead;
  const auto span = edges(state);
  const auto edge = std::partition_point(span.begin(), span.end(), [code](const Edge& e) { return e.last < code; });
  return edge == span.end() ? kDead : edge->to;
}

bool Dfa::any(int32_t state, char32_t first, char32_t last) const {
  if (state < 0 || first > last) return false;
  const auto span = edges(state);
  auto edge = std::partition_point(span.begin(), span.end(), [first](const Edge& e) { return e.last < first; });
  for (; edge != span.end(); ++edge) {
    if (edge->to >= 0) return true;
    if (edge->last >= last) return false;
  }
  return false;
}

int32_t Dfa::run(std::u32string_view word) const {
  int32_t state = start_;
  for (const char32_t code : word) state = step(state, code);
  return label(state);
}

void Dfa::append_cheapest(int32_t state, std::u32string& out) const {
  while (costs_[static_cast<size_t>(state)] > 0 || !accepts(state)) {
    char32_t first = 0;
    int32_t next = kDead;
    char32_t code = 0;
    uint32_t best = kMany;
    for (const Edge& edge : edges(state)) {
      if (edge.to >= 0) {
        const char32_t candidate = cheapest_code(first, edge.last);
        const uint32_t cost = text_cost(candidate) + costs_[static_cast<size_t>(edge.to)];
        if (cost < best) best = cost, next = edge.to, code = candidate;
      }
      first = edge.last + 1;
    }
    CHECK(next >= 0);
    out += code;
    state = next;
  }
}

uint64_t Dfa::memory_bytes() const {
  return first_.size() * 4 + edges_.size() * sizeof(Edge) + labels_.size() * 4 + words_.size() * 4 + costs_.size() * 4 +
         open_.size();
}

uint32_t text_cost(char32_t code) {
  if (code < 0x20) return code == '\b' || code == '\f' || code == '\n' || code == '\r' || code == '\t' ? 2 : 6;
  if (code < 0x80) return code == '"' || code == '\\' ? 2 : 1;
  return code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}

char32_t cheapest_code(char32_t first, char32_t last) {
  for (const char32_t liked : {U'a', U'A', U'0'}) {
    if (first <= liked && liked <= last) return liked;
  }
  char32_t best = first;
  for (char32_t code = std::max<char32_t>(first, 0x20); code <= std::min<char32_t>(last, 0x7E); ++code) {
    if (text_cost(code) == 1) return code;
    if (text_cost(code) < text_cost(best)) best = code;
  }
  for (const char32_t control : {U'\t', U'\n', U'\r', U'\b', U'\f'}) {
    if (first <= control && control <= last && text_cost(control) < text_cost(best)) best = control;
  }
  if (text_cost(best) == 6 && last >= 0x7F) return std::max<char32_t>(first, 0x7F);
  return best;
}

void DfaBuilder::append(char32_t last, int32_t to) {
  if (edges_.size() > first_.back() && edges_.back().to == to) {
    edges_.back().last = last;
  } else {
    edges_.push_back({last, to});
  }
}

void DfaBuilder::close_state() {
  if (open_state_) edge(kLastCode, Dfa::kDead);
  open_state_ = false;
}

void DfaBuilder::begin_state(int32_t label) {
  close_state();
  first_.push_back(static_cast<uint32_t>(edges_.size()));
  labels_.push_back(label);
  open_state_ = true;
}

void DfaBuilder::edge(char32_t last, int32_t to) {
  const bool any = edges_.size() > first_.back();
  const char32_t from = any ? edges_.back().last + 1 : 0;
  if (any && last < from) return;
  if (from < 0xD800) append(std::min<char32_t>(last, 0xD7FF), to);
  if (last < 0xD800) return;
  if (from <= 0xDFFF) append(0xDFFF, Dfa::kDead);
  if (last > 0xDFFF) append(last, to);
}

std::vector<uint8_t> DfaBuilder::live_states() const {
  const size_t n = labels_.size();
  std::vector<uint32_t> heads(n + 1, 0);
  for (const Dfa::Edge& edge : edges_) {
    if (edge.to >= 0) ++heads[static_cast<size_t>(edge.to) + 1];
  }
  for (size_t i = 0; i < n; ++i) heads[i + 1] += heads[i];
  std::vector<uint32_t> sources(heads[n]), at(heads.begin(), heads.end() - 1);
  for (size_t s = 0; s < n; ++s) {
    const size_t end = s + 1 < n ? first_[s + 1] : edges_.size();
    for (size_t e = first_[s]; e < end; ++e) {
      if (edges_[e].to >= 0) sources[at[static_cast<size_t>(edges_[e].to)]++] = static_cast<uint32_t>(s);
    }
  }
  std::vector<uint8_t> live(n, 0);
  std::vector<uint32_t> work;
  for (size_t s = 0; s < n; ++s) {
    if (labels_[s] >= 0) live[s] = 1, work.push_back(static_cast<uint32_t>(s));
  }
  while (!work.empty()) {
    const uint32_t s = work.back();
    work.pop_back();
    for (uint32_t i = heads[s]; i < heads[s + 1]; ++i) {
      if (!live[sources[i]]) live[sources[i]] = 1, work.push_back(sources[i]);
    }
  }
  return live;
}

Result<Dfa> DfaBuilder::finish(CompileBudget& budget) {
  close_state();
  TRY_VOID(budget.tick());
  Dfa dfa;
  if (labels_.empty()) return dfa;
  const std::vector<uint8_t> live = live_states();
  if (!live[0]) return dfa;
  std::vector<int32_t> number(labels_.size(), Dfa::kDead);
  int32_t next = 0;
  for (size_t s = 0; s < labels_.size(); ++s) {
    if (live[s]) number[s] = next++;
  }
  dfa.start_ = 0;
  for (size_t s = 0; s < labels_.size(); ++s) {
    if (!live[s]) continue;
    dfa.labels_.push_back(labels_[s]);
    const size_t end = s + 1 < labels_.size() ? first_[s + 1] : edges_.size();
    const size_t begin = dfa.edges_.size();
    for (size_t e = first_[s]; e < end; ++e) {
      const int32_t to = edges_[e].to < 0 ? Dfa::kDead : number[static_cast<size_t>(edges_[e].to)];
      if (dfa.edges_.size() > begin && dfa.edges_.back().to == to) {
        dfa.edges_.back().last = edges_[e].last;
      } else {
        dfa.edges_.push_back({edges_[e].last, to});
      }
    }
    dfa.first_.push_back(static_cast<uint32_t>(dfa.edges_.size()));
  }
  analyse_words(dfa);
  analyse_costs(dfa);
  analyse_open(dfa);
  return dfa;
}

namespace {

struct Reverse {
  std::vector<uint32_t> heads, edge_of, source_of;  // edges into a state
};

}  // namespace

static Reverse reverse_edges(const Dfa& dfa) {
  Reverse r;
  r.heads.assign(dfa.size() + 1, 0);
  const auto n = static_cast<int32_t>(dfa.size());
  for (int32_t s = 0; s < n; ++s) {
    for (const Dfa::Edge& edge : dfa.edges(s)) {
      if (edge.to >= 0) ++r.heads[static_cast<size_t>(edge.to) + 1];
    }
  }
  for (size_t i = 0; i < dfa.size(); ++i) r.heads[i + 1] += r.heads[i];
  r.edge_of.resize(r.heads.back());
  r.source_of.resize(r.heads.back());
  std::vector<uint32_t> at(r.heads.begin(), r.heads.end() - 1);
  for (int32_t s = 0; s < n; ++s) {
    const auto span = dfa.edges(s);
    for (size_t e = 0; e < span.size(); ++e) {
      if (span[e].to < 0) continue;
      const uint32_t slot = at[static_cast<size_t>(span[e].to)]++;
      r.edge_of[slot] = static_cast<uint32_t>(e);
      r.source_of[slot] = static_cast<uint32_t>(s);
    }
  }
  return r;
}

void DfaBuilder::analyse_words(Dfa& dfa) const {
  const size_t n = dfa.size();
  dfa.words_.assign(n, Dfa::kMany);
  const Reverse reverse = reverse_edges(dfa);
  std::vector<uint32_t> missing(n, 0);
  std::vector<int32_t> work;
  for (size_t s = 0; s < n; ++s) {
    for (const Dfa::Edge& edge : dfa.edges(static_cast<int32_t>(s))) missing[s] += edge.to >= 0;
    if (missing[s] == 0) work.push_back(static_cast<int32_t>(s));
  }
  // States that reach no cycle, last ones first; the others keep kMany.
  while (!work.empty()) {
    const int32_t s = work.back();
    work.pop_back();
    uint64_t total = dfa.accepts(s) ? 1 : 0;
    char32_t first = 0;
    for (const Dfa::Edge& edge : dfa.edges(s)) {
      if (edge.to >= 0) total += uint64_t{edge.last - first + 1} * dfa.words(edge.to);
      total = std::min<uint64_t>(total, Dfa::kMany);
      first = edge.last + 1;
    }
    dfa.words_[static_cast<size_t>(s)] = static_cast<uint32_t>(total);
    const auto u = static_cast<size_t>(s);
    for (uint32_t i = reverse.heads[u]; i < reverse.heads[u + 1]; ++i) {
      if (--missing[reverse.source_of[i]] == 0) work.push_back(static_cast<int32_t>(reverse.source_of[i]));
    }
  }
}

void DfaBuilder::analyse_costs(Dfa& dfa) {
  const size_t n = dfa.size();
  dfa.costs_.assign(n, Dfa::kMany);
  const Reverse reverse = reverse_edges(dfa);
  using Item = std::pair<uint32_t, uint32_t>;  // cost, state
  std::priority_queue<Item, std::vector<Item>, std::greater<>> queue;
  for (size_t s = 0; s < n; ++s) {
    if (dfa.labels_[s] >= 0) dfa.costs_[s] = 0, queue.emplace(0, static_cast<uint32_t>(s));
  }
  while (!queue.empty()) {
    const auto [cost, s] = queue.top();
    queue.pop();
    if (cost > dfa.costs_[s]) continue;
    for (uint32_t i = reverse.heads[s]; i < reverse.heads[s + 1]; ++i) {
      const uint32_t source = reverse.source_of[i], e = dfa.first_[source] + reverse.edge_of[i];
      const char32_t first = e == dfa.first_[source] ? 0 : dfa.edges_[e - 1].last + 1;
      const uint32_t total = cost + text_cost(cheapest_code(first, dfa.edges_[e].last));
      if (total < dfa.costs_[source]) dfa.costs_[source] = total, queue.emplace(total, source);
    }
  }
}

void DfaBuilder::analyse_open(Dfa& dfa) {
  const size_t n = dfa.size();
  dfa.open_.assign(n, 1);
  const Reverse reverse = reverse_edges(dfa);
  std::vector<uint32_t> work;
  for (size_t s = 0; s < n; ++s) {
    char32_t first = 0;
    for (const Dfa::Edge& edge : dfa.edges(static_cast<int32_t>(s))) {
      const bool surrogates = first == 0xD800 && edge.last == 0xDFFF;
      if (edge.to < 0 && !surrogates) dfa.open_[s] = 0;
      first = edge.last + 1;
    }
    if (!dfa.open_[s]) work.push_back(static_cast<uint32_t>(s));
  }
  while (!work.empty()) {
    const uint32_t s = work.back();
    work.pop_back();
    for (uint32_t i = reverse.heads[s]; i < reverse.heads[s + 1]; ++i) {
      const uint32_t source = reverse.source_of[i];
      if (dfa.open_[source]) dfa.open_[source] = 0, work.push_back(source);
    }
  }
}

const Dfa& universal_dfa() {
  static const Dfa dfa = [] {
    CompileBudget budget(10, 1000);
    DfaBuilder builder;
    builder.begin_state(0);
    builder.edge(kLastCode, 0);
    return *builder.finish(budget);
  }();
  return dfa;
}

std::u32string to_codes(std::string_view text) {
  std::u32string codes;
  for (size_t pos = 0; pos < text.size();) {
    const Utf8Char c = decode_utf8(text, pos);
    codes += c.status == Utf8Status::kOk ? c.code : char32_t{0xFFFD};
    pos += c.size;
  }
  return codes;
}

}  // namespace sobre
