// Which values exist at all, and how long their shortest texts are; what arrays still need while they are written.
#include <algorithm>
#include <array>
#include <bit>
#include <map>
#include <tuple>

#include "text/json_schema_expand.h"

namespace sobre {

static uint64_t place_cost(const SchemaProgram& program, const ArrayShape& shape, uint64_t index) {
  const auto& choices = shape.places[std::min<uint64_t>(index, shape.places.size() - 1)];
  const ChildChoice* choice = cheapest_choice(program, choices);
  return choice == nullptr ? kNoCost : add_cost(program.formulas[choice->formula].cost, index > 0 ? 1 : 0);
}

static size_t rest_index(const ArrayShape& shape, uint64_t index, const std::vector<uint32_t>& counts) {
  uint64_t at = std::min(index, shape.steady);
  for (size_t r = 0; r < shape.rules.size(); ++r) {
    at = at * (uint64_t{clip_count(shape.rules[r], UINT32_MAX)} + 1) + clip_count(shape.rules[r], counts[r]);
  }
  return at;
}

uint64_t array_need(const SchemaProgram& program, const ArrayShape& shape, uint64_t index,
                    const std::vector<uint32_t>& counts) {
  if (shape.names >= 0) return object_cost(program, program.objects[static_cast<size_t>(shape.names)]);
  if (shape.unique && !unique_fits(shape, index, 0)) return kNoCost;
  if (shape.max >= 0 && index > static_cast<uint64_t>(shape.max)) return kNoCost;
  if (!shape.rules.empty()) return shape.rest[rest_index(shape, index, counts)];
  uint64_t cost = 1;
  const uint64_t last = shape.places.size() - 1;
  for (; index < shape.min && index <= last; ++index) cost = add_cost(cost, place_cost(program, shape, index));
  if (index >= shape.min || cost == kNoCost) return cost;
  const uint64_t each = place_cost(program, shape, index), times = shape.min - index;
  return each == kNoCost || each > kNoCost / 2 / times ? kNoCost : add_cost(cost, each * times);
}

namespace {

/// Values for the places of an array of unique ones, by Kuhn's algorithm for matchings.
class UniqueValues {
 public:
  UniqueValues(const ArrayShape& shape, uint64_t seen) : shape_(shape), seen_(seen) { owners_.fill(-1); }

  /// Values that may go to a place.
  [[nodiscard]] uint64_t of(uint64_t place) const {
    return shape_.values[std::min<uint64_t>(place, shape_.values.size() - 1)] & ~seen_;
  }
  /// Gives each place from `index` up to the least number of items a value of its own.
  bool match_from(uint64_t index) {
    for (; index < shape_.min; ++index) {
      uint64_t tried = 0;
      if (!match(index, tried)) return false;
    }
    return true;
  }
  /// Whether the places that were given values can do without this one.
  [[nodiscard]] bool spares(uint64_t value) const {
    const int64_t owner = owners_[value];
    if (owner < 0) return true;
    UniqueValues other = *this;
    uint64_t tried = uint64_t{1} << value;
    return other.match(static_cast<uint64_t>(owner), tried);
  }

 private:
  /// Gives a place a value, if need be by moving other places'.
  bool match(uint64_t place, uint64_t& tried) {
    for (uint64_t bits = of(place) & ~tried; bits != 0; bits = of(place) & ~tried) {
      tried |= bits & (~bits + 1);
      int64_t& owner = owners_[static_cast<size_t>(std::countr_zero(bits))];
      if (owner < 0 || match(static_cast<uint64_t>(owner), tried)) {
        owner = static_cast<int64_t>(place);
        return true;
      }
    }
    return false;
  }

  const ArrayShape& shape_;
  uint64_t seen_;
  std::array<int64_t, kMaxUniqueValues> owners_;  // of the values: the place they go to; -1: none
};

}  // namespace

void note_unique_values(ArrayShape& shape) {
  shape.values.clear();
  for (const auto& choices : shape.places) {
    uint64_t values = 0;
    for (const ChildChoice& choice : choices) values |= uint64_t{1} << choice.counts;
    shape.values.push_back(values);
  }
}

bool unique_fits(const ArrayShape& shape, uint64_t index, uint64_t seen) {
  return shape.min <= kMaxUniqueValues && UniqueValues(shape, seen).match_from(index);
}

uint64_t unique_next(const ArrayShape& shape, uint64_t index, uint64_t seen) {
  if (shape.min > kMaxUniqueValues) return 0;
  UniqueValues values(shape, seen);
  const uint64_t here = values.of(index), rest = index + 1;
  if (rest >= shape.min) return here;
  if (rest + 1 >= shape.values.size()) {  // all places that follow take the same values: enough of them must be left
    const uint64_t later = values.of(rest), needed = shape.min - rest;
    const auto left = static_cast<uint64_t>(std::popcount(later));
    return left > needed ? here : left == needed ? here & ~later : 0;
  }
  if (!values.match_from(rest)) return 0;
  uint64_t next = here;
  for (uint64_t bits = here; bits != 0; bits &= bits - 1) {
    if (!values.spares(static_cast<uint64_t>(std::countr_zero(bits)))) next &= ~(bits & (~bits + 1));
  }
  return next;
}

/// Fills the table of an array with counted rules, from its end to its beginning. Steady places lead to higher counts only.
static void fill_rest(const SchemaProgram& program, ArrayShape& shape) {
  std::vector<uint32_t> sizes, counts(shape.rules.size());
  uint64_t combinations = 1;
  for (const CountRule& rule : shape.rules) {
    sizes.push_back(clip_count(rule, UINT32_MAX) + 1);
    combinations *= sizes.back();
  }
  for (uint64_t n = shape.steady + 1; n-- > 0;) {
    for (uint64_t c = combinations; c-- > 0;) {
      uint64_t rest = c;
      bool closes = n >= shape.min;
      for (size_t r = sizes.size(); r-- > 0;) {
        counts[r] = static_cast<uint32_t>(rest % sizes[r]);
        rest /= sizes[r];
        closes &= counts[r] >= shape.rules[r].min;
      }
      uint64_t best = closes ? 1 : kNoCost;
      const bool full = shape.max >= 0 && n >= static_cast<uint64_t>(shape.max);
      const auto& choices = shape.places[std::min<uint64_t>(n, shape.places.size() - 1)];
      for (const ChildChoice& choice : choices) {
        if (full || program.formulas[choice.formula].cost == kNoCost) continue;
        std::vector<uint32_t> next = counts;
        bool fits = true;
        for (size_t r = 0; r < sizes.size(); ++r) {
          if ((choice.counts >> r & 1) == 0) continue;
          if (shape.rules[r].max >= 0 && next[r] >= static_cast<uint64_t>(shape.rules[r].max)) fits = false;
          next[r] = clip_count(shape.rules[r], uint64_t{next[r]} + 1);
        }
        if (!fits || (n == shape.steady && next == counts)) continue;
        const uint64_t after = shape.rest[rest_index(shape, n + 1, next)];
        best = std::min(best, add_cost(add_cost(program.formulas[choice.formula].cost, n > 0 ? 1 : 0), after));
      }
      shape.rest[n * combinations + c] = best;
    }
  }
}

static constexpr uint64_t kStepsPerTick = 16;  // the clock is looked at every 64 ticks

static Result<uint64_t> formula_cost(SchemaProgram& program, const Formula& f, CompileBudget& budget) {
  uint64_t cost = kNoCost;
  const auto offer = [&](uint64_t c) { cost = std::min(cost, c); };
  if (f.literals != 0) offer(f.literals & (kNullBit | kTrueBit) ? 4 : 5);
  if (!f.numbers.empty()) offer(1);
  for (const int32_t w : f.number_words) offer(program.dfas[static_cast<size_t>(w)].cost(0));
  for (const uint32_t s : f.strings) {
    const StringShape& shape = program.strings[s];
    offer(2 + (shape.dfa >= 0 ? program.dfas[static_cast<size_t>(shape.dfa)].cost(0) : shape.min));
  }
  for (const uint32_t a : f.arrays) {
    ArrayShape& shape = program.arrays[a];
    if (!shape.rules.empty()) {
      TRY_VOID(budget.tick(shape.rest.size() / kStepsPerTick));
      fill_rest(program, shape);
    }
    offer(add_cost(1, array_need(program, shape, 0, std::vector<uint32_t>(shape.rules.size(), 0))));
  }
  for (const uint32_t o : f.objects) {
    TRY_VOID(budget.tick(program.objects[o].classes.size() / kStepsPerTick));
    offer(object_cost(program, program.objects[o]));
  }
  return cost;
}

Result<void> SchemaCompiler::settle_costs(size_t first) {
  // Costs only fall; values that are found in one round make others possible in the next.
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t i = program_.formulas.size(); i-- > first;) {
      TRY_VOID(budget_.tick());
      TRY(const uint64_t cost, formula_cost(program_, program_.formulas[i], budget_));
      if (cost < program_.formulas[i].cost) program_.formulas[i].cost = cost, changed = true;
    }
  }
  return {};
}

/// Numbers the classes of names so that those an object's needs cannot tell apart share one.
static void number_kinds(const KeyTable& table, ObjectShape& shape) {
  std::map<std::tuple<bool, bool, uint32_t, size_t>, uint32_t> numbers;
  shape.kinds.clear();
  size_t group = 0;
  for (size_t l = 0; l < shape.classes.size(); ++l) {
    const bool single = table.labels[l].name >= 0;
    // Each group of finitely many names runs out at its own time.
    bool endless = single;
    if (!single) endless = table.counts[static_cast<size_t>(table.dfa.start()) * table.groups.size() + group++] == Dfa::kMany;
    uint32_t sets = 0;
    for (const ChildChoice& choice : shape.classes[l]) sets |= 1U << choice.counts;
    const bool required = (shape.required[l / 64] >> (l % 64) & 1) != 0;
    const auto next = static_cast<uint32_t>(numbers.size());
    shape.kinds.push_back(numbers.try_emplace({single, required, sets, endless ? 0 : l + 1}, next).first->second);
  }
}

Result<void> SchemaCompiler::prune(size_t first) {
  SchemaProgram& p = program_;
  for (size_t i = first; i < p.formulas.size(); ++i) {
    Formula& f = p.formulas[i];
    for (const uint32_t o : f.objects) TRY_VOID(budget_.tick(p.objects[o].classes.size() / kStepsPerTick));
    std::erase_if(f.arrays, [&](uint32_t a) {
      return array_need(p, p.arrays[a], 0, std::vector<uint32_t>(p.arrays[a].rules.size(), 0)) == kNoCost;
    });
    std::erase_if(f.objects, [&](uint32_t o) { return object_cost(p, p.objects[o]) == kNoCost; });
  }
  const auto impossible = [&](const ChildChoice& c) { return p.formulas[c.formula].cost == kNoCost; };
  for (ArrayShape& shape : p.arrays) {
    for (size_t place = 0; place < shape.places.size(); ++place) {
      std::erase_if(shape.places[place], impossible);
      if (!shape.places[place].empty()) continue;
      if (shape.max < 0 || static_cast<uint64_t>(shape.max) > place) shape.max = static_cast<int64_t>(place);
    }
    if (shape.unique) note_unique_values(shape);
  }
  for (ObjectShape& shape : p.objects) {
    for (auto& choices : shape.classes) std::erase_if(choices, impossible);
    uint64_t required = 0;
    for (const uint64_t bits : shape.required) required += static_cast<uint64_t>(std::popcount(bits));
    const KeyTable& table = *p.tables[shape.table];
    bool endless = false;
    for (size_t g = 0; g < table.groups.size(); ++g) {
      const auto start = static_cast<size_t>(table.dfa.start());
      endless |= !shape.classes[table.groups[g]].empty() && table.counts[start * table.groups.size() + g] == Dfa::kMany;
    }
    shape.simple = shape.exists == 0 && shape.max < 0 && (shape.min <= required || endless);
    if (!shape.simple) number_kinds(table, shape);
  }
  return {};
}

uint64_t SchemaProgram::memory_bytes() const {
  uint64_t bytes =
      formulas.size() * sizeof(Formula) + numbers.size() * sizeof(NumberTexts) + strings.size() * sizeof(StringShape);
  for (const Dfa& dfa : dfas) bytes += dfa.memory_bytes();
  for (const ArrayShape& shape : arrays) {
    bytes += sizeof(shape) + (shape.rest.size() + shape.values.size()) * 8;
    for (const auto& place : shape.places) bytes += sizeof(std::vector<ChildChoice>) + place.size() * sizeof(ChildChoice);
  }
  for (const ObjectShape& shape : objects) {
    bytes += sizeof(shape) + shape.required.size() * 8 + shape.kinds.size() * 4;
    for (const auto& choices : shape.classes) bytes += sizeof(std::vector<ChildChoice>) + choices.size() * sizeof(ChildChoice);
  }
  for (const auto& table : tables) {
    bytes += table->dfa.memory_bytes() + (table->reach.size() + table->names.size() * 4) * 8 + table->counts.size() * 5;
  }
  return bytes;
}

Result<uint32_t> compile_schema(const Json& schema, int max_depth, CompileBudget& budget, SchemaProgram& program) {
  return SchemaCompiler(schema, max_depth, budget, program).compile();
}

}  // namespace sobre
