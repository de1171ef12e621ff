// Which values exist at all, and how long their shortest texts are; what objects and arrays still need while they are written.
#include <algorithm>
#include <bit>

#include "text/json_schema_expand.h"

namespace sobre {

static constexpr uint64_t kGroupNameCost = 8;  // a name of a group, with its quotes: a guess that only ranks

static const ChildChoice* cheapest(const SchemaProgram& program, const std::vector<ChildChoice>& choices, uint32_t wanted) {
  const ChildChoice* best = nullptr;
  for (const ChildChoice& c : choices) {
    const uint64_t cost = program.formulas[c.formula].cost;
    if (cost == kNoCost || (c.counts & wanted) != wanted) continue;
    if (best == nullptr || cost < program.formulas[best->formula].cost) best = &c;
  }
  return best;
}

namespace {

/// The search for the properties an object needs.
class ObjectSearch {
 public:
  ObjectSearch(const SchemaProgram& program, const ObjectShape& shape, const ObjectProgress& progress)
      : program_(program), shape_(shape), table_(*program.tables[shape.table]), progress_(progress), used_(table_.words, 0) {}

  /// Properties needed at least; `plan` becomes the next one.
  uint64_t need(ObjectPlan* plan) {
    const uint32_t unmet = ((1U << shape_.exists) - 1) & ~progress_.met;
    uint64_t required = 0;
    for (size_t w = 0; w < table_.words; ++w) {
      for (uint64_t bits = shape_.required[w] & ~progress_.seen[w]; bits != 0; bits &= bits - 1) {
        const size_t label = w * 64 + static_cast<size_t>(std::countr_zero(bits));
        const ChildChoice* choice = cheapest(program_, shape_.classes[label], 0);
        if (choice == nullptr) return kNoCost;
        if (plan != nullptr && plan->label < 0 && unmet == 0) *plan = {static_cast<int32_t>(label), *choice};
        ++required;
      }
    }
    const uint64_t extra = unmet == 0 ? 0 : witnesses(unmet, plan);
    if (extra == kNoCost) return kNoCost;
    uint64_t total = required + extra;
    const uint64_t missing = shape_.min > progress_.count ? shape_.min - progress_.count : 0;
    if (missing > total) {
      if (available() < missing) return kNoCost;
      if (plan != nullptr && plan->label < 0) fill(plan);
      total = missing;
    }
    if (shape_.max >= 0 && progress_.count + total > static_cast<uint64_t>(shape_.max)) return kNoCost;
    return total;
  }

 private:
  bool seen(size_t label) const { return (progress_.seen[label / 64] >> (label % 64) & 1) != 0; }
  bool required(size_t label) const { return (shape_.required[label / 64] >> (label % 64) & 1) != 0; }
  bool used(size_t label) const { return (used_[label / 64] >> (label % 64) & 1) != 0; }
  /// Names of a class that are left.
  uint64_t left(size_t label) const {
    if (table_.labels[label].name >= 0) return seen(label) || used(label) ? 0 : 1;
    const auto g =
        static_cast<size_t>(std::lower_bound(table_.groups.begin(), table_.groups.end(), label) - table_.groups.begin());
    const uint32_t count = table_.counts[static_cast<size_t>(table_.dfa.start()) * table_.groups.size() + g];
    if (count == Dfa::kMany) return kNoCost;
    const uint64_t taken = uint64_t{progress_.extras[g]} + (g < taken_.size() ? taken_[g] : 0);
    return count > taken ? count - taken : 0;
  }
  uint64_t available() const {
    uint64_t total = 0;
    for (size_t l = 0; l < shape_.classes.size(); ++l) {
      if (cheapest(program_, shape_.classes[l], 0) == nullptr) continue;
      const uint64_t names = left(l);
      if (names == kNoCost) return kNoCost;
      total += names;
    }
    return total;
  }
  void fill(ObjectPlan* plan) const {
    uint64_t best = kNoCost;
    for (size_t l = 0; l < shape_.classes.size(); ++l) {
      const ChildChoice* choice = cheapest(program_, shape_.classes[l], 0);
      if (choice == nullptr || left(l) == 0) continue;
      const uint64_t cost = program_.formulas[choice->formula].cost + name_cost(l);
      if (cost < best) best = cost, *plan = {static_cast<int32_t>(l), *choice};
    }
  }
  uint64_t name_cost(size_t label) const {
    const int32_t name = table_.labels[label].name;
    return name < 0 ? kGroupNameCost : table_.names[static_cast<size_t>(name)].size();
  }

  /// Properties beyond the required ones so that every unmet rule has its own: each rule's is a required name, or a further
  /// one.
  uint64_t witnesses(uint32_t unmet, ObjectPlan* plan) {
    const uint32_t rule = unmet & (~unmet + 1);
    uint64_t best = kNoCost;
    for (size_t l = 0; l < shape_.classes.size(); ++l) {
      if (left(l) == 0) continue;
      for (const ChildChoice& choice : shape_.classes[l]) {
        if ((choice.counts & rule) == 0 || program_.formulas[choice.formula].cost == kNoCost) continue;
        const uint64_t own = required(l) ? 0 : 1;
        uint64_t rest = 0;
        const uint32_t still = unmet & ~choice.counts;
        if (still != 0) {
          take(l, 1);
          rest = witnesses(still, nullptr);
          take(l, -1);
        }
        if (rest == kNoCost || own + rest >= best) continue;
        best = own + rest;
        if (plan != nullptr) *plan = {static_cast<int32_t>(l), choice};
      }
    }
    return best;
  }
  void take(size_t label, int by) {
    if (table_.labels[label].name >= 0) {
      used_[label / 64] ^= uint64_t{1} << (label % 64);
      return;
    }
    taken_.resize(table_.groups.size(), 0);
    const auto g =
        static_cast<size_t>(std::lower_bound(table_.groups.begin(), table_.groups.end(), label) - table_.groups.begin());
    taken_[g] += static_cast<uint32_t>(by);
  }

  const SchemaProgram& program_;
  const ObjectShape& shape_;
  const KeyTable& table_;
  const ObjectProgress& progress_;
  std::vector<uint64_t> used_;
  std::vector<uint32_t> taken_;
};

}  // namespace

uint64_t object_need(const SchemaProgram& program, const ObjectShape& shape, const ObjectProgress& progress) {
  return ObjectSearch(program, shape, progress).need(nullptr);
}

ObjectPlan object_next(const SchemaProgram& program, const ObjectShape& shape, const ObjectProgress& progress) {
  ObjectPlan plan;
  const uint64_t need = ObjectSearch(program, shape, progress).need(&plan);
  return need == 0 || need == kNoCost ? ObjectPlan{} : plan;
}

uint64_t object_cost(const SchemaProgram& program, const ObjectShape& shape) {
  const KeyTable& table = *program.tables[shape.table];
  std::vector<uint64_t> seen(table.words, 0);
  std::vector<uint32_t> extras(table.groups.size() + 1, 0);
  ObjectProgress progress{seen.data(), extras.data(), 0, 0};
  uint64_t cost = 2;
  while (true) {
    const uint64_t need = object_need(program, shape, progress);
    if (need == kNoCost) return kNoCost;
    if (need == 0) return cost;
    const ObjectPlan plan = object_next(program, shape, progress);
    const auto label = static_cast<size_t>(plan.label);
    const int32_t name = table.labels[label].name;
    cost = add_cost(cost, program.formulas[plan.choice.formula].cost);
    cost = add_cost(
        cost, (progress.count > 0 ? 1 : 0) + 3 + (name < 0 ? kGroupNameCost : table.names[static_cast<size_t>(name)].size()));
    if (cost > kMaxShortest * 2) return add_cost(cost, add_cost(need, need));
    if (name >= 0) {
      seen[label / 64] |= uint64_t{1} << (label % 64);
    } else {
      ++extras[static_cast<size_t>(std::lower_bound(table.groups.begin(), table.groups.end(), label) - table.groups.begin())];
    }
    progress.met |= plan.choice.counts;
    ++progress.count;
  }
}

static uint64_t place_cost(const SchemaProgram& program, const ArrayShape& shape, uint64_t index) {
  const auto& choices = shape.places[std::min<uint64_t>(index, shape.places.size() - 1)];
  const ChildChoice* choice = cheapest(program, choices, 0);
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

/// Gives place `place` a value of its own, if need be by moving other places' (Kuhn's algorithm for matchings).
static bool match_place(const ArrayShape& shape, uint64_t place, uint64_t seen, uint64_t& tried, std::vector<int64_t>& owner) {
  for (const ChildChoice& choice : shape.places[std::min<uint64_t>(place, shape.places.size() - 1)]) {
    const uint64_t bit = uint64_t{1} << choice.counts;
    if ((seen & bit) != 0 || (tried & bit) != 0) continue;
    tried |= bit;
    int64_t& other = owner[choice.counts];
    if (other < 0 || match_place(shape, static_cast<uint64_t>(other), seen, tried, owner)) {
      other = static_cast<int64_t>(place);
      return true;
    }
  }
  return false;
}

bool unique_fits(const ArrayShape& shape, uint64_t index, uint64_t seen) {
  constexpr uint64_t kValues = 64;
  if (shape.min > kValues) return false;
  std::vector<int64_t> owner(kValues, -1);  // of the values: the place they go to
  for (; index < shape.min; ++index) {
    uint64_t tried = 0;
    if (!match_place(shape, index, seen, tried, owner)) return false;
  }
  return true;
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

static uint64_t formula_cost(SchemaProgram& program, const Formula& f) {
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
    if (!shape.rules.empty()) fill_rest(program, shape);
    offer(add_cost(1, array_need(program, shape, 0, std::vector<uint32_t>(shape.rules.size(), 0))));
  }
  for (const uint32_t o : f.objects) offer(object_cost(program, program.objects[o]));
  return cost;
}

Result<void> SchemaCompiler::settle_costs(size_t first) {
  // Costs only fall; values that are found in one round make others possible in the next.
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t i = program_.formulas.size(); i-- > first;) {
      TRY_VOID(budget_.tick());
      const uint64_t cost = formula_cost(program_, program_.formulas[i]);
      if (cost < program_.formulas[i].cost) program_.formulas[i].cost = cost, changed = true;
    }
  }
  return {};
}

void SchemaCompiler::prune(size_t first) {
  SchemaProgram& p = program_;
  for (size_t i = first; i < p.formulas.size(); ++i) {
    Formula& f = p.formulas[i];
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
  }
}

uint64_t SchemaProgram::memory_bytes() const {
  uint64_t bytes =
      formulas.size() * sizeof(Formula) + numbers.size() * sizeof(NumberTexts) + strings.size() * sizeof(StringShape);
  for (const Dfa& dfa : dfas) bytes += dfa.memory_bytes();
  for (const ArrayShape& shape : arrays) {
    bytes += sizeof(shape) + shape.rest.size() * 8;
    for (const auto& place : shape.places) bytes += sizeof(place) + place.size() * sizeof(ChildChoice);
  }
  for (const ObjectShape& shape : objects) {
    bytes += sizeof(shape) + shape.required.size() * 8;
    for (const auto& choices : shape.classes) bytes += sizeof(choices) + choices.size() * sizeof(ChildChoice);
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
