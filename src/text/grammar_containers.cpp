// The automaton between values: items of arrays, and what opens, parts and closes containers.
#include <algorithm>

#include "text/grammar_machine.h"

namespace sobre {

using Mode = Thread::Mode;

const Frame* Machine::after_item(const Frame& f, const ChildChoice& choice) {
  const ArrayShape& shape = p_.arrays[f.shape];
  Frame next = f;
  const uint64_t matters = std::max<uint64_t>(shape.places.size() - 1, shape.min);
  next.count = !shape.rules.empty() ? std::min(f.count + 1, shape.steady)
               : shape.max >= 0     ? f.count + 1
                                    : std::min(f.count + 1, matters);
  if (shape.unique) {
    const uint64_t bit = uint64_t{1} << choice.counts, now = f.seen->as<uint64_t>()[0] | bit;
    if ((next_values(f) & bit) == 0) return nullptr;
    next.seen = store_.blob(&now, sizeof(now));
  }
  if (shape.rules.empty()) return store_.frame(next);
  std::vector<uint32_t> counts(f.counts->as<uint32_t>().begin(), f.counts->as<uint32_t>().end());
  for (size_t r = 0; r < counts.size(); ++r) {
    if ((choice.counts >> r & 1) == 0) continue;
    // Without a maximum a rule that holds already need not be fulfilled again.
    const uint64_t most = shape.rules[r].max >= 0 ? static_cast<uint64_t>(shape.rules[r].max) : shape.rules[r].min;
    if (counts[r] >= most) return nullptr;
    counts[r] = clip_count(shape.rules[r], uint64_t{counts[r]} + 1);
  }
  if (array_need(p_, shape, next.count, counts) == kNoCost) return nullptr;
  next.counts = store_.blob(counts.data(), counts.size() * sizeof(uint32_t));
  return store_.frame(next);
}

/// The values that an array of unique ones can take next.
uint64_t Machine::next_values(const Frame& f) {
  const auto [entry, fresh] = store_.values.try_emplace(&f, 0);
  if (fresh) entry->second = unique_next(p_.arrays[f.shape], f.count, f.seen->as<uint64_t>()[0]);
  return entry->second;
}

bool Machine::may_add_item(const Frame& f) {
  const ArrayShape& shape = p_.arrays[f.shape];
  if (shape.max >= 0 && f.count >= static_cast<uint64_t>(shape.max)) return false;
  const auto& choices = shape.places[std::min<uint64_t>(f.count, shape.places.size() - 1)];
  return std::any_of(choices.begin(), choices.end(), [&](const ChildChoice& c) { return after_item(f, c) != nullptr; });
}

/// Whether a value of the array begins with this byte. Unique values are scalars, which make no frames of their own.
bool Machine::takes(const Frame& f, const ChildChoice& choice, uint8_t byte) {
  Thread value;
  value.mode = Mode::kValue;
  value.a = choice.formula;
  value.frame = &f;
  Threads begun;
  step_value(value, byte, begun);
  return !begun.empty();
}

void Machine::begin_items(const Frame& f, uint8_t byte, Threads& out) {
  const ArrayShape& shape = p_.arrays[f.shape];
  if (shape.max >= 0 && f.count >= static_cast<uint64_t>(shape.max)) return;
  for (const ChildChoice& choice : shape.places[std::min<uint64_t>(f.count, shape.places.size() - 1)]) {
    // Of many values few begin with this byte; what comes after the others is not asked for.
    if (shape.unique && !takes(f, choice, byte)) continue;
    const Frame* after = after_item(f, choice);
    if (after == nullptr) continue;
    Thread value;
    value.mode = Mode::kValue;
    value.a = choice.formula;
    value.frame = after;
    step_value(value, byte, out);
  }
}

void Machine::step_container(const Thread& t, uint8_t byte, Threads& out) {
  const Frame& f = *t.frame;
  Thread next = t;
  const bool object = f.kind == Frame::Kind::kObject;
  switch (t.mode) {
    case Mode::kObjectOpen:
    case Mode::kObjectNext:
    case Mode::kObjectName:
      if (byte == '"') return begin_key(t.frame, out);
      if (byte == static_cast<uint8_t>(f.list != 0 ? ']' : '}') && t.mode == Mode::kObjectOpen && closes(f))
        return done(f.up, out);
      if (byte == ' ' && t.mode == Mode::kObjectNext) return next.mode = Mode::kObjectName, push(out, next);
      return;
    case Mode::kColon:
      if (byte == ':') return next.mode = Mode::kSpaceValue, push(out, next);
      return;
    case Mode::kArrayOpen:
      if (byte == ']' && closes(f)) return done(f.up, out);
      return begin_items(f, byte, out);
    case Mode::kArrayNext:
      if (byte == ' ') return next.mode = Mode::kArrayItem, push(out, next);
      return begin_items(f, byte, out);
    case Mode::kArrayItem:
      return begin_items(f, byte, out);
    case Mode::kDone:
      if (byte == ',' && (object ? may_add_key(t.frame) : may_add_item(f))) {
        next.mode = object ? Mode::kObjectNext : Mode::kArrayNext;
        return push(out, next);
      }
      if (byte == static_cast<uint8_t>(object && f.list == 0 ? '}' : ']') && closes(f)) return done(f.up, out);
      return;
    default:
      return;
  }
}

}  // namespace sobre
