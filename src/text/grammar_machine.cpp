#include "text/grammar_machine.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace sobre {

using Mode = Thread::Mode;
static constexpr std::string_view kLiterals[] = {"null", "false", "true"};

// ---- threads

void Machine::push(Threads& out, const Thread& thread) const {
  constexpr size_t kLook = 64;
  for (size_t i = out.size(), n = 0; i-- > 0 && n < kLook; ++n) {
    if (out[i] == thread) return;
  }
  if (out.size() < kMaxThreads) out.push_back(thread);
}

void Machine::closure(uint32_t start, Threads& out) {
  store_.marks.resize(g_.ops.size(), 0);
  const uint32_t mark = ++store_.mark;
  std::vector<uint32_t> work{start};
  while (!work.empty()) {
    const uint32_t at = work.back();
    work.pop_back();
    if (store_.marks[at] == mark) continue;
    store_.marks[at] = mark;
    const GrammarOp& op = g_.ops[at];
    Thread t;
    t.a = at;
    switch (op.kind) {
      case GrammarOp::Kind::kAccept:
        t.a = 0;
        push(out, t);
        break;
      case GrammarOp::Kind::kByte:
        t.mode = Mode::kByte;
        push(out, t);
        break;
      case GrammarOp::Kind::kToken:
        t.mode = Mode::kToken;
        push(out, t);
        break;
      case GrammarOp::Kind::kSplit:
        for (size_t i = op.next.size(); i-- > 0;) work.push_back(op.next[i]);
        break;
      case GrammarOp::Kind::kSchema:
      case GrammarOp::Kind::kRegex: {
        Frame frame;
        frame.shape = op.next[0];
        t.frame = store_.frame(frame);
        t.a = op.ref;
        t.mode = op.kind == GrammarOp::Kind::kSchema ? Mode::kValue : Mode::kRegex;
        if (t.mode == Mode::kRegex) {
          const Dfa& dfa = p_.dfas[op.ref];
          t.q = dfa.start();
          if (dfa.accepts(t.q)) work.push_back(op.next[0]);
        }
        push(out, t);
        break;
      }
    }
  }
}

void Machine::done(const Frame* frame, Threads& out) {
  if (frame->kind == Frame::Kind::kReturn) return closure(frame->shape, out);
  Thread t;
  t.mode = Mode::kDone;
  t.frame = frame;
  push(out, t);
}

void Machine::step(const Thread& t, uint8_t byte, Threads& out) {
  switch (t.mode) {
    case Mode::kAccept:
    case Mode::kToken:
      return;
    case Mode::kByte:
      if (g_.ops[t.a].byte == byte) closure(g_.ops[t.a].next[0], out);
      return;
    case Mode::kRegex:
      return step_regex(t, byte, out);
    case Mode::kSpaceValue:
      if (byte == ' ') {
        Thread next = t;
        next.mode = Mode::kValue;
        return push(out, next);
      }
      return step_value(t, byte, out);
    case Mode::kValue:
      return step_value(t, byte, out);
    case Mode::kLiteral:
      return step_literal(t, byte, out);
    case Mode::kNumber:
      return step_number(t, byte, out);
    case Mode::kWord:
      return step_word(t, byte, out);
    case Mode::kString:
      return step_string(t, byte, out);
    case Mode::kKey:
      return step_key(t, byte, out);
    default:
      return step_container(t, byte, out);
  }
}

void Machine::step_token(const Thread& t, int32_t token, Threads& out) {
  if (t.mode == Mode::kToken && g_.ops[t.a].token == token) closure(g_.ops[t.a].next[0], out);
}

// ---- scalars

void Machine::step_value(const Thread& t, uint8_t byte, Threads& out) {
  const Formula& f = p_.formulas[t.a];
  Thread next;
  next.frame = t.frame;
  switch (byte) {
    case 'n':
    case 'f':
    case 't':
      next.a = byte == 'n' ? 0 : byte == 'f' ? 1 : 2;
      if ((f.literals >> next.a & 1) == 0) return;
      next.mode = Mode::kLiteral;
      next.q = 1;
      return push(out, next);
    case '"':
      next.mode = Mode::kString;
      for (const uint32_t s : f.strings) {
        next.a = s;
        next.q = 0;
        push(out, next);
      }
      return;
    case '{':
    case '[': {
      Frame frame;
      frame.up = t.frame;
      const bool object = byte == '{';
      for (const uint32_t shape : object ? f.objects : f.arrays) {
        frame.shape = shape;
        frame.seen = nullptr;
        frame.counts = nullptr;
        frame.list = !object && p_.arrays[shape].names >= 0;
        if (frame.list != 0) frame.shape = static_cast<uint32_t>(p_.arrays[shape].names);
        frame.kind = object || frame.list != 0 ? Frame::Kind::kObject : Frame::Kind::kArray;
        next.mode = frame.kind == Frame::Kind::kObject ? Mode::kObjectOpen : Mode::kArrayOpen;
        if (frame.kind == Frame::Kind::kObject) {
          const std::vector<uint64_t> none(p_.objects[frame.shape].required.size(), 0);
          frame.seen = store_.blob(none.data(), none.size() * sizeof(uint64_t));
        } else if (p_.arrays[shape].unique) {
          const uint64_t none = 0;
          frame.seen = store_.blob(&none, sizeof(none));
        } else if (!p_.arrays[shape].rules.empty()) {
          const std::vector<uint32_t> none(p_.arrays[shape].rules.size(), 0);
          frame.counts = store_.blob(none.data(), none.size() * sizeof(uint32_t));
        }
        next.frame = store_.frame(frame);
        push(out, next);
      }
      return;
    }
    default:
      break;
  }
  if (byte != '-' && (byte < '0' || byte > '9')) return;
  next.mode = Mode::kNumber;
  for (const uint32_t n : f.numbers) {
    next.a = n;
    next.number = {};
    step_number(next, byte, out);
  }
  next.mode = Mode::kWord;
  next.number = {};
  for (const int32_t dfa : f.number_words) {
    next.a = static_cast<uint32_t>(dfa);
    next.q = 0;
    step_word(next, byte, out);
  }
}

void Machine::step_literal(const Thread& t, uint8_t byte, Threads& out) {
  const std::string_view word = kLiterals[t.a];
  if (static_cast<uint8_t>(word[static_cast<size_t>(t.q)]) != byte) return;
  if (static_cast<size_t>(t.q) + 1 == word.size()) return done(t.frame, out);
  Thread next = t;
  ++next.q;
  push(out, next);
}

void Machine::step_number(const Thread& t, uint8_t byte, Threads& out) {
  Thread next = t;
  if (!p_.numbers[t.a].step(next.number, static_cast<char>(byte))) return;
  push(out, next);
  if (p_.numbers[t.a].accepts(next.number)) done(t.frame, out);
}

void Machine::step_word(const Thread& t, uint8_t byte, Threads& out) {
  const Dfa& dfa = p_.dfas[t.a];
  Thread next = t;
  next.q = dfa.step(t.q, byte);
  if (next.q < 0) return;
  if (dfa.words(next.q) > 1 || !dfa.accepts(next.q)) push(out, next);
  if (dfa.accepts(next.q)) done(t.frame, out);
}

static bool any_live(const Dfa& dfa, int32_t q, const Encoding& e) {
  const CodeRanges ranges = possible_codes(e);
  for (int i = 0; i < ranges.count; ++i) {
    if (dfa.any(q, ranges.list[i].first, ranges.list[i].last)) return true;
  }
  return false;
}

void Machine::step_string(const Thread& t, uint8_t byte, Threads& out) {
  const StringShape& shape = p_.strings[t.a];
  const Dfa* dfa = shape.dfa < 0 ? nullptr : &p_.dfas[static_cast<size_t>(shape.dfa)];
  if (t.enc.between() && byte == '"') {
    if (dfa == nullptr ? t.n >= shape.min : dfa->accepts(t.q)) done(t.frame, out);
    return;
  }
  if (dfa == nullptr && shape.max >= 0 && t.n >= static_cast<uint64_t>(shape.max)) return;
  Thread next = t;
  char32_t code = 0;
  switch (read_code(next.enc, byte, true, code)) {
    case EncodingStep::kFail:
      return;
    case EncodingStep::kMore:
      if (dfa != nullptr && !any_live(*dfa, t.q, next.enc)) return;
      break;
    case EncodingStep::kCode:
      if (dfa != nullptr) {
        next.q = dfa->step(t.q, code);
        if (next.q < 0) return;
      } else {
        next.n = shape.max >= 0 ? t.n + 1 : std::min(t.n + 1, shape.min);
      }
      break;
  }
  push(out, next);
}

void Machine::step_regex(const Thread& t, uint8_t byte, Threads& out) {
  const Dfa& dfa = p_.dfas[t.a];
  Thread next = t;
  char32_t code = 0;
  switch (read_code(next.enc, byte, false, code)) {
    case EncodingStep::kFail:
      return;
    case EncodingStep::kMore:
      if (any_live(dfa, t.q, next.enc)) push(out, next);
      return;
    case EncodingStep::kCode:
      break;
  }
  next.q = dfa.step(t.q, code);
  if (next.q < 0) return;
  if (dfa.words(next.q) > 1 || !dfa.accepts(next.q)) push(out, next);
  if (dfa.accepts(next.q)) done(t.frame, out);
}

// ---- objects

ObjectProgress Machine::progress(const Frame& f, std::vector<uint32_t>& extras) const {
  const KeyTable& keys = table(f);
  extras.assign(keys.groups.size() + 1, 0);
  if (f.extras != nullptr) {
    for (const ExtraName& extra : f.extras->as<ExtraName>()) {
      const auto g = std::lower_bound(keys.groups.begin(), keys.groups.end(), extra.label) - keys.groups.begin();
      ++extras[static_cast<size_t>(g)];
    }
  }
  return {f.seen->as<uint64_t>().data(), extras.data(), f.count, f.met};
}

bool Machine::completes(const Frame* f) {
  if (object(*f).simple) return true;
  const auto [entry, fresh] = store_.completions.try_emplace(f, false);
  if (fresh) {
    std::vector<uint32_t> extras;
    entry->second = object_need(p_, object(*f), progress(*f, extras)) != kNoCost;
  }
  return entry->second;
}

bool Machine::closes(const Frame& f) const {
  if (f.kind == Frame::Kind::kArray) {
    const ArrayShape& shape = p_.arrays[f.shape];
    for (size_t r = 0; r < shape.rules.size(); ++r) {
      if (f.counts->as<uint32_t>()[r] < shape.rules[r].min) return false;
    }
    return f.count >= shape.min;
  }
  const ObjectShape& shape = object(f);
  const auto seen = f.seen->as<uint64_t>();
  for (size_t w = 0; w < seen.size(); ++w) {
    if ((shape.required[w] & ~seen[w]) != 0) return false;
  }
  return f.count >= shape.min && f.met == (1U << shape.exists) - 1;
}

const Frame* Machine::after_key(const Frame& f, size_t label, const Blob* name, const ChildChoice& choice) {
  const ObjectShape& shape = object(f);
  Frame next = f;
  next.met |= choice.counts;
  next.count = shape.max >= 0 ? f.count + 1 : std::min(f.count + 1, shape.min);
  if (table(f).labels[label].name >= 0) {
    std::vector<uint64_t> seen(f.seen->as<uint64_t>().begin(), f.seen->as<uint64_t>().end());
    seen[label / 64] |= uint64_t{1} << (label % 64);
    next.seen = store_.blob(seen.data(), seen.size() * sizeof(uint64_t));
  } else {
    std::vector<ExtraName> extras;
    if (f.extras != nullptr) extras.assign(f.extras->as<ExtraName>().begin(), f.extras->as<ExtraName>().end());
    const auto before = [](const ExtraName& a, const Blob* b) {
      const auto x = a.name->as<char32_t>(), y = b->as<char32_t>();
      return std::lexicographical_compare(x.begin(), x.end(), y.begin(), y.end());
    };
    const auto at = std::lower_bound(extras.begin(), extras.end(), name, before);
    extras.insert(at, {name, label});
    next.extras = store_.blob(extras.data(), extras.size() * sizeof(ExtraName));
  }
  return store_.frame(next);
}

const std::vector<uint64_t>& Machine::allowed_labels(const Frame* f) {
  const ObjectShape& shape = object(*f);
  const auto [entry, fresh] = store_.allowed.try_emplace(f);
  std::vector<uint64_t>& bits = entry->second;
  if (!fresh) return bits;
  bits.assign(shape.required.size(), 0);
  const auto seen = f->seen->as<uint64_t>();
  const Blob* dummy = nullptr;
  std::vector<int8_t> known(shape.kinds.size(), -1);  // by kind
  for (size_t l = 0; l < shape.classes.size(); ++l) {
    const bool single = table(*f).labels[l].name >= 0;
    if (shape.classes[l].empty() || (single && (seen[l / 64] >> (l % 64) & 1) != 0)) continue;
    bool fits = shape.simple;
    if (!fits && known[shape.kinds[l]] >= 0) {
      fits = known[shape.kinds[l]] != 0;
    } else if (!fits) {
      for (size_t c = 0; c < shape.classes[l].size() && !fits; ++c) {
        // A name that is not used yet stands for the group; which one makes no difference to what the object needs.
        if (!single && dummy == nullptr) dummy = store_.blob("\xFF\xFF\xFF\xFF", 4);
        fits = completes(after_key(*f, l, dummy, shape.classes[l][c]));
      }
      known[shape.kinds[l]] = fits ? 1 : 0;
    }
    if (fits) bits[l / 64] |= uint64_t{1} << (l % 64);
  }
  return bits;
}

/// Extra names of the object that still agree with this one after `code`.
void Machine::narrow(const Thread& t, char32_t code, uint32_t& first, uint32_t& last) const {
  first = t.first;
  last = t.last;
  if (first >= last) return;
  const auto extras = t.frame->extras->as<ExtraName>();
  const auto letter = [&](uint32_t i) -> int64_t {
    const auto name = extras[i].name->as<char32_t>();
    return t.pos < name.size() ? int64_t{name[t.pos]} : -1;
  };
  while (first < last && letter(first) < int64_t{code}) ++first;
  while (first < last && letter(last - 1) > int64_t{code}) --last;
  if (first >= last) first = last = 0;
}

/// Whether some allowed name goes on from state q that is not among the extra names first..last.
bool Machine::key_live(const Thread& t, int32_t q, uint32_t first, uint32_t last) {
  if (q < 0) return false;
  const KeyTable& keys = table(*t.frame);
  const std::vector<uint64_t>& labels = allowed_labels(t.frame);
  const uint64_t* reach = keys.reach.data() + static_cast<size_t>(q) * keys.words;
  for (size_t g = 0; g < keys.groups.size(); ++g) {
    const uint32_t label = keys.groups[g];
    if ((reach[label / 64] & labels[label / 64]) >> (label % 64) & 1) {
      const uint32_t count = keys.counts[static_cast<size_t>(q) * keys.groups.size() + g];
      if (count == Dfa::kMany) return true;
      uint32_t taken = 0;
      for (uint32_t i = first; i < last; ++i) taken += t.frame->extras->as<ExtraName>()[i].label == label;
      if (count > taken) return true;
    }
  }
  for (size_t w = 0; w < keys.words; ++w) {
    uint64_t bits = reach[w] & labels[w];
    for (; bits != 0; bits &= bits - 1) {
      const size_t label = w * 64 + static_cast<size_t>(std::countr_zero(bits));
      if (keys.labels[label].name >= 0) return true;
    }
  }
  return false;
}

/// The same in the middle of a code point: some code that may still come leads on.
bool Machine::key_partial_live(const Thread& t) {
  const KeyTable& keys = table(*t.frame);
  const CodeRanges ranges = possible_codes(t.enc);
  for (int r = 0; r < ranges.count; ++r) {
    char32_t first = 0;
    for (const Dfa::Edge& edge : keys.dfa.edges(t.q)) {
      const char32_t from = std::max(first, ranges.list[r].first), to = std::min(edge.last, ranges.list[r].last);
      first = edge.last + 1;
      if (edge.to < 0 || from > to) continue;
      // Without regard to names seen, then one code after another: at most one more than there are such names.
      if (!key_live(t, edge.to, 0, 0)) continue;
      const uint64_t tries = std::min<uint64_t>(to - from, uint64_t{t.last} - t.first);
      for (uint64_t i = 0; i <= tries; ++i) {
        uint32_t low = 0, high = 0;
        narrow(t, from + static_cast<char32_t>(i), low, high);
        if (key_live(t, edge.to, low, high)) return true;
      }
    }
  }
  return false;
}

bool Machine::may_add_key(const Frame* frame) {
  Thread t;
  t.frame = frame;
  t.last = frame->extras == nullptr ? 0 : static_cast<uint32_t>(frame->extras->as<ExtraName>().size());
  return key_live(t, table(*frame).dfa.start(), 0, t.last);
}

void Machine::begin_key(const Frame* frame, Threads& out) {
  if (!may_add_key(frame)) return;
  Thread t;
  t.mode = Mode::kKey;
  t.frame = frame;
  t.q = table(*frame).dfa.start();
  t.last = frame->extras == nullptr ? 0 : static_cast<uint32_t>(frame->extras->as<ExtraName>().size());
  push(out, t);
}

const Blob* Machine::name_of(const Thread& t) {
  std::u32string name;
  for (const NameLetter* l = t.text; l != nullptr; l = l->before) name += static_cast<char32_t>(l->code);
  std::reverse(name.begin(), name.end());
  return store_.blob(name.data(), name.size() * sizeof(char32_t));
}

/// The name may end here: its class is allowed, and the object does not have it yet.
bool Machine::name_allowed(const Thread& t) {
  const int32_t label = table(*t.frame).dfa.label(t.q);
  if (label < 0) return false;
  const auto l = static_cast<size_t>(label);
  if ((allowed_labels(t.frame)[l / 64] >> (l % 64) & 1) == 0) return false;
  if (table(*t.frame).labels[l].name >= 0 || t.first >= t.last) return true;
  return t.frame->extras->as<ExtraName>()[t.first].name->as<char32_t>().size() != t.pos;
}

void Machine::step_key(const Thread& t, uint8_t byte, Threads& out) {
  const KeyTable& keys = table(*t.frame);
  if (t.enc.between() && byte == '"') {
    if (!name_allowed(t)) return;
    const auto label = static_cast<size_t>(keys.dfa.label(t.q));
    const Blob* name = keys.labels[label].name >= 0 ? nullptr : name_of(t);
    for (const ChildChoice& choice : object(*t.frame).classes[label]) {
      // A rule that holds already need not be fulfilled again.
      if ((choice.counts & t.frame->met) != 0) continue;
      const Frame* after = after_key(*t.frame, label, name, choice);
      if (!completes(after)) continue;
      Thread next;
      next.mode = t.frame->list != 0 ? Mode::kDone : Mode::kColon;
      next.a = t.frame->list != 0 ? 0 : choice.formula;
      next.frame = after;
      push(out, next);
    }
    return;
  }
  Thread next = t;
  char32_t code = 0;
  switch (read_code(next.enc, byte, true, code)) {
    case EncodingStep::kFail:
      return;
    case EncodingStep::kMore:
      if (key_partial_live(next)) push(out, next);
      return;
    case EncodingStep::kCode:
      break;
  }
  next.q = keys.dfa.step(t.q, code);
  if (next.q < 0) return;
  narrow(t, code, next.first, next.last);
  if (!key_live(t, next.q, next.first, next.last)) return;
  next.pos = next.first < next.last ? t.pos + 1 : 0;
  next.text = keys.groups.empty() ? nullptr : store_.letter(t.text, code);
  push(out, next);
}

bool Machine::key_is_open(const Thread& t) {
  const KeyTable& keys = table(*t.frame);
  const std::vector<uint64_t>& labels = allowed_labels(t.frame);
  for (size_t g = 0; g < keys.groups.size(); ++g) {
    const uint32_t label = keys.groups[g];
    if ((labels[label / 64] >> (label % 64) & 1) == 0) continue;
    if (keys.always[static_cast<size_t>(t.q) * keys.groups.size() + g]) return true;
  }
  return false;
}

}  // namespace sobre
