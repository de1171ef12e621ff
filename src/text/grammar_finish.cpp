// Shortest ways to a complete text: for ending an answer at its token limit, and for tests.
#include <algorithm>
#include <map>
#include <queue>
#include <tuple>

#include "text/grammar_machine.h"

namespace sobre {
namespace {

using Mode = Thread::Mode;

constexpr size_t kMaxTried = 64;  // threads whose completions are compared

class Finisher {
 public:
  Finisher(const Grammar::Impl& grammar, StateStore& store)
      : g_(grammar), p_(grammar.schemas), store_(store), machine_(grammar, store) {}

  std::vector<CompletionPiece> way(const Thread& start) {
    Thread t = start;
    pieces_.assign(1, {});
    out_ = &pieces_.back().bytes;
    const Frame* frame = finish_token(t);
    while (frame != nullptr) frame = leave(frame);
    return std::move(pieces_);
  }

 private:
  /// Ends what the thread is in; the container or return around it is left to do. Null: all is done.
  const Frame* finish_token(const Thread& t) {
    switch (t.mode) {
      case Mode::kAccept:
        return nullptr;
      case Mode::kByte:
      case Mode::kToken:
        return outer(t.a);
      case Mode::kRegex:
        return codes(p_.dfas[t.a], t.q, t.enc, false), t.frame;
      case Mode::kValue:
      case Mode::kSpaceValue:
        return value(t.a), t.frame;
      case Mode::kLiteral: {
        static constexpr std::string_view kWords[] = {"null", "false", "true"};
        *out_ += kWords[t.a].substr(static_cast<size_t>(t.q));
        return t.frame;
      }
      case Mode::kNumber:
        return number(p_.numbers[t.a], t.number), t.frame;
      case Mode::kWord:
        return codes(p_.dfas[t.a], t.q, {}, false), t.frame;
      case Mode::kString:
        return string_rest(t), t.frame;
      case Mode::kKey:
        return key(t);
      case Mode::kColon:
        *out_ += ':';
        value(t.a);
        return t.frame;
      case Mode::kObjectNext:
      case Mode::kObjectName:
        return property(t.frame);
      case Mode::kArrayNext:
      case Mode::kArrayItem:
        return item(t.frame);
      case Mode::kObjectOpen:
      case Mode::kArrayOpen:
        return container(t.frame, true);
      case Mode::kDone:
        return container(t.frame, false);
    }
    return nullptr;
  }
  const Frame* leave(const Frame* frame) {
    if (frame->kind == Frame::Kind::kReturn) return outer(frame->shape);
    return container(frame, false);
  }

  /// The outer grammar from an op on, along falling costs.
  const Frame* outer(uint32_t at) {
    while (true) {
      const GrammarOp& op = g_.ops[at];
      switch (op.kind) {
        case GrammarOp::Kind::kAccept:
          return nullptr;
        case GrammarOp::Kind::kByte:
          *out_ += static_cast<char>(op.byte);
          break;
        case GrammarOp::Kind::kToken:
          pieces_.push_back({"", op.token});
          pieces_.emplace_back();
          out_ = &pieces_.back().bytes;
          break;
        case GrammarOp::Kind::kSchema:
          value(op.ref);
          break;
        case GrammarOp::Kind::kRegex:
          codes(p_.dfas[op.ref], p_.dfas[op.ref].start(), {}, false);
          break;
        case GrammarOp::Kind::kSplit:
          break;
      }
      at = *std::min_element(op.next.begin(), op.next.end(),
                             [&](uint32_t a, uint32_t b) { return g_.ops[a].cost < g_.ops[b].cost; });
    }
  }

  /// The cheapest word of an automaton from a state, maybe in the middle of a code point.
  void codes(const Dfa& dfa, int32_t q, const Encoding& enc, bool json) {
    std::u32string word;
    if (!enc.between()) {
      const auto [code, to] = best_code(dfa, q, enc);
      append_rest(enc, code, json, *out_);
      q = to;
    }
    dfa.append_cheapest(q, word);
    for (const char32_t code : word) append_code(code, json, *out_);
  }
  static std::pair<char32_t, int32_t> best_code(const Dfa& dfa, int32_t q, const Encoding& enc) {
    std::pair<char32_t, int32_t> best{0, Dfa::kDead};
    uint32_t least = Dfa::kMany;
    const CodeRanges ranges = possible_codes(enc);
    for (int r = 0; r < ranges.count; ++r) {
      char32_t first = 0;
      for (const Dfa::Edge& edge : dfa.edges(q)) {
        const char32_t from = std::max(first, ranges.list[r].first), to = std::min(edge.last, ranges.list[r].last);
        first = edge.last + 1;
        if (edge.to < 0 || from > to || dfa.cost(edge.to) >= least) continue;
        least = dfa.cost(edge.to);
        best = {escapable(from, to), edge.to};
      }
    }
    return best;
  }
  /// A code point of the range with a short escape, where there is one.
  static char32_t escapable(char32_t from, char32_t to) {
    for (const char32_t code : {U'\n', U'"', U'/'}) {
      if (from <= code && code <= to) return code;
    }
    return from;
  }

  void string_rest(const Thread& t) {
    const StringShape& shape = p_.strings[t.a];
    if (shape.dfa >= 0) {
      codes(p_.dfas[static_cast<size_t>(shape.dfa)], t.q, t.enc, true);
    } else {
      uint64_t n = t.n;
      if (!t.enc.between()) {
        codes(universal_dfa(), 0, t.enc, true);
        ++n;
      }
      if (n < shape.min) out_->append(shape.min - n, 'a');
    }
    *out_ += '"';
  }

  void number(const NumberTexts& texts, NumberState state) {
    // Every state goes on, and digits are bounded; a digit that ends the number at once is preferred.
    static constexpr std::string_view kOrder = "0123456789-.e+";
    while (!texts.accepts(state)) {
      char next = 0;
      for (const char c : kOrder) {
        NumberState after = state;
        if (!texts.step(after, c)) continue;
        if (next == 0) next = c;
        if (texts.accepts(after)) {
          next = c;
          break;
        }
      }
      CHECK(next != 0);
      *out_ += next;
      CHECK(texts.step(state, next));
    }
  }

  void value(uint32_t formula) {
    const Formula& f = p_.formulas[formula];
    if (!f.numbers.empty()) return number(p_.numbers[f.numbers[0]], {});
    uint64_t best = kNoCost;
    int kind = -1;
    uint32_t which = 0;
    const auto offer = [&](uint64_t cost, int k, uint32_t w) {
      if (cost < best) best = cost, kind = k, which = w;
    };
    for (const int32_t w : f.number_words) offer(p_.dfas[static_cast<size_t>(w)].cost(0), 0, static_cast<uint32_t>(w));
    if (f.literals != 0) offer(f.literals & kNullBit ? 4 : f.literals & kTrueBit ? 4 : 5, 1, 0);
    for (const uint32_t s : f.strings) {
      const StringShape& shape = p_.strings[s];
      offer(2 + (shape.dfa >= 0 ? p_.dfas[static_cast<size_t>(shape.dfa)].cost(0) : shape.min), 2, s);
    }
    for (const uint32_t a : f.arrays) {
      const std::vector<uint32_t> none(p_.arrays[a].rules.size(), 0);
      offer(add_cost(1, array_need(p_, p_.arrays[a], 0, none)), 3, a);
    }
    for (const uint32_t o : f.objects) offer(object_cost(p_, p_.objects[o]), 4, o);
    Thread t;
    t.a = which;
    switch (kind) {
      case 0:
        return codes(p_.dfas[which], 0, {}, false);
      case 1:
        *out_ += f.literals & kNullBit ? "null" : f.literals & kTrueBit ? "true" : "false";
        return;
      case 2:
        *out_ += '"';
        return string_rest(t);
      default:
        break;
    }
    // Containers: as the automaton would begin them.
    Thread begin;
    begin.mode = Mode::kValue;
    begin.a = formula;
    begin.frame = nullptr;
    Threads opened;
    machine_.step(begin, kind == 3 ? '[' : '{', opened);
    for (const Thread& open : opened) {
      const int32_t names = kind == 3 ? p_.arrays[which].names : -1;
      if (open.frame->shape != (names >= 0 ? static_cast<uint32_t>(names) : which)) continue;
      *out_ += kind == 3 ? '[' : '{';
      container(open.frame, true);
      return;
    }
  }

  /// Everything a container still needs, and its end. Returns what is around it.
  const Frame* container(const Frame* frame, bool first) {
    while (!machine_.closes(*frame)) {
      if (!first) *out_ += ',';
      first = false;
      frame = frame->kind == Frame::Kind::kArray ? item(frame) : property(frame);
    }
    *out_ += frame->kind == Frame::Kind::kArray || frame->list != 0 ? ']' : '}';
    return frame->up;
  }

  const Frame* item(const Frame* frame) {
    const ArrayShape& shape = p_.arrays[frame->shape];
    const Frame* best_frame = nullptr;
    const ChildChoice* best = nullptr;
    uint64_t least = kNoCost;
    for (const ChildChoice& choice : shape.places[std::min<uint64_t>(frame->count, shape.places.size() - 1)]) {
      const Frame* after = machine_.after_item(*frame, choice);
      if (after == nullptr) continue;
      uint64_t cost = p_.formulas[choice.formula].cost;
      if (!shape.rules.empty()) {
        const auto counts = after->counts->as<uint32_t>();
        cost = add_cost(cost, array_need(p_, shape, after->count, std::vector<uint32_t>(counts.begin(), counts.end())));
      }
      if (cost < least) least = cost, best = &choice, best_frame = after;
    }
    CHECK(best != nullptr);
    value(best->formula);
    return best_frame;
  }

  /// The next property that an object needs, with its name.
  const Frame* property(const Frame* frame) {
    std::vector<uint32_t> extras;
    const ObjectPlan plan = object_next(p_, machine_.object(*frame), machine_.progress(*frame, extras));
    Thread t;
    t.mode = Mode::kKey;
    t.frame = frame;
    t.q = machine_.table(*frame).dfa.start();
    t.last = frame->extras == nullptr ? 0 : static_cast<uint32_t>(frame->extras->as<ExtraName>().size());
    *out_ += '"';
    return name(t, plan.label, plan.label < 0 ? nullptr : &plan.choice);
  }
  const Frame* key(const Thread& t) { return name(t, -1, nullptr); }

  /// The rest of a name: the shortest one of a class (-1: any that is allowed) that the object does not have, and its value.
  const Frame* name(Thread t, int32_t wanted, const ChildChoice* choice) {
    t = search_name(t, wanted);
    const KeyTable& keys = machine_.table(*t.frame);
    const auto label = static_cast<size_t>(keys.dfa.label(t.q));
    const Blob* blob = keys.labels[label].name >= 0 ? nullptr : machine_.name_of(t);
    const Frame* after = nullptr;
    if (choice != nullptr) {
      after = machine_.after_key(*t.frame, label, blob, *choice);
    } else {
      uint64_t least = kNoCost;
      for (const ChildChoice& c : machine_.object(*t.frame).classes[label]) {
        const Frame* next = machine_.after_key(*t.frame, label, blob, c);
        std::vector<uint32_t> extras;
        const uint64_t need = object_need(p_, machine_.object(*next), machine_.progress(*next, extras));
        const uint64_t cost = need == kNoCost ? kNoCost : add_cost(need * 16, p_.formulas[c.formula].cost);
        if (cost < least) least = cost, choice = &c, after = next;
      }
    }
    CHECK(choice != nullptr && after != nullptr);
    *out_ += '"';
    if (after->list != 0) return after;
    *out_ += ':';
    value(choice->formula);
    return after;
  }

  struct Found {
    uint64_t cost;
    size_t index;
    bool operator>(const Found& other) const { return std::tie(cost, index) > std::tie(other.cost, other.index); }
  };
  /// Dijkstra's search over the states of a name; appends the letters that lead to its end.
  Thread search_name(const Thread& from, int32_t wanted) {
    struct Node {
      Thread t;
      size_t parent;
      char32_t code;
    };
    std::vector<Node> nodes{{from, SIZE_MAX, 0}};
    std::priority_queue<Found, std::vector<Found>, std::greater<>> queue;
    std::map<std::tuple<int32_t, uint32_t, uint32_t, uint32_t>, bool> visited;
    queue.push({0, 0});
    const Dfa& dfa = machine_.table(*from.frame).dfa;
    while (!queue.empty()) {
      const auto [cost, index] = queue.top();
      queue.pop();
      const Thread t = nodes[index].t;
      if (t.enc.between()) {
        if (machine_.name_allowed(t) && (wanted < 0 || dfa.label(t.q) == wanted)) {
          std::u32string letters;
          for (size_t i = index; nodes[i].parent != SIZE_MAX; i = nodes[i].parent) letters += nodes[i].code;
          write_letters(from.enc, letters);
          return t;
        }
        if (!visited.try_emplace({t.q, t.first, t.last, t.pos}, true).second) continue;
      }
      for (const char32_t code : letters_from(dfa, t)) {
        Thread next = t;
        next.enc = {};
        next.q = dfa.step(t.q, code);
        machine_.narrow(t, code, next.first, next.last);
        if (!machine_.key_live(t, next.q, next.first, next.last)) continue;
        next.pos = next.first < next.last ? t.pos + 1 : 0;
        next.text = store_.letter(t.text, code);
        nodes.push_back({next, index, code});
        queue.push({cost + text_cost(code), nodes.size() - 1});
      }
    }
    CHECK(false);
  }
  void write_letters(Encoding enc, std::u32string& letters) {
    std::reverse(letters.begin(), letters.end());
    for (const char32_t code : letters) {
      append_rest(enc, code, true, *out_);
      enc = {};
    }
  }
  /// Per edge the cheapest letters: one more than there are names to stay clear of.
  std::vector<char32_t> letters_from(const Dfa& dfa, const Thread& t) {
    std::vector<char32_t> letters;
    CodeRanges ranges;
    ranges.list[0] = {0, kLastCode};
    ranges.count = 1;
    if (!t.enc.between()) ranges = possible_codes(t.enc);
    for (int r = 0; r < ranges.count; ++r) {
      char32_t first = 0;
      for (const Dfa::Edge& edge : dfa.edges(t.q)) {
        const char32_t from = std::max(first, ranges.list[r].first), to = std::min(edge.last, ranges.list[r].last);
        first = edge.last + 1;
        if (edge.to < 0 || from > to) continue;
        const char32_t best = t.enc.between() ? cheapest_code(from, to) : escapable(from, to);
        letters.push_back(best);
        const uint32_t more = t.last - t.first;
        for (uint32_t i = 1; i <= more && best + i <= to; ++i) letters.push_back(best + i);
        for (uint32_t i = 1; i <= more && best >= from + i; ++i) letters.push_back(best - i);
      }
    }
    return letters;
  }

  const Grammar::Impl& g_;
  const SchemaProgram& p_;
  StateStore& store_;
  Machine machine_;
  std::vector<CompletionPiece> pieces_;
  std::string* out_ = nullptr;
};

}  // namespace

std::vector<CompletionPiece> shortest_way(const Grammar::Impl& grammar, StateStore& store, const Threads& threads) {
  std::vector<CompletionPiece> best;
  size_t least = SIZE_MAX;
  Finisher finisher(grammar, store);
  for (size_t i = 0; i < std::min(threads.size(), kMaxTried); ++i) {
    std::vector<CompletionPiece> way = finisher.way(threads[i]);
    size_t bytes = 0;
    for (const CompletionPiece& piece : way) bytes += piece.bytes.size() + (piece.token >= 0 ? 1 : 0);
    if (bytes < least) least = bytes, best = std::move(way);
  }
  return best;
}

}  // namespace sobre
