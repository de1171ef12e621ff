// What objects need while they are written: required names, properties that fulfil rules, and the least number of them.
#include <algorithm>
#include <array>
#include <bit>
#include <tuple>

#include "text/json_schema.h"

namespace sobre {

static constexpr uint64_t kGroupNameCost = 8;  // a name of a group, with its quotes: a guess that only ranks

const ChildChoice* cheapest_choice(const SchemaProgram& program, const std::vector<ChildChoice>& choices) {
  const ChildChoice* best = nullptr;
  for (const ChildChoice& c : choices) {
    const uint64_t cost = program.formulas[c.formula].cost;
    if (cost == kNoCost) continue;
    if (best == nullptr || cost < program.formulas[best->formula].cost) best = &c;
  }
  return best;
}

namespace {

uint64_t name_cost(const KeyTable& table, size_t label) {
  const int32_t name = table.labels[label].name;
  return name < 0 ? kGroupNameCost : table.names[static_cast<size_t>(name)].size();
}

size_t group_of(const KeyTable& table, size_t label) {
  return static_cast<size_t>(std::lower_bound(table.groups.begin(), table.groups.end(), label) - table.groups.begin());
}

/// The search for the properties an object needs.
class ObjectSearch {
 public:
  ObjectSearch(const SchemaProgram& program, const ObjectShape& shape, const ObjectProgress& progress)
      : program_(program), shape_(shape), table_(*program.tables[shape.table]), progress_(progress) {}

  /// Properties needed at least; `plan` becomes the next one.
  uint64_t need(ObjectPlan* plan) {
    const uint32_t unmet = ((1U << shape_.exists) - 1) & ~progress_.met;
    uint64_t required = 0;
    for (size_t w = 0; w < table_.words; ++w) {
      for (uint64_t bits = shape_.required[w] & ~progress_.seen[w]; bits != 0; bits &= bits - 1) {
        const size_t label = w * 64 + static_cast<size_t>(std::countr_zero(bits));
        const ChildChoice* choice = cheapest_choice(program_, shape_.classes[label]);
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

  /// Names of a class that are left.
  uint64_t left(size_t label) const {
    if (table_.labels[label].name >= 0) return (progress_.seen[label / 64] >> (label % 64) & 1) != 0 ? 0 : 1;
    const size_t g = group_of(table_, label);
    const uint32_t count = table_.counts[static_cast<size_t>(table_.dfa.start()) * table_.groups.size() + g];
    if (count == Dfa::kMany) return kNoCost;
    return count > progress_.extras[g] ? count - progress_.extras[g] : 0;
  }

 private:
  bool required(size_t label) const { return (shape_.required[label / 64] >> (label % 64) & 1) != 0; }
  uint64_t available() const {
    uint64_t total = 0;
    for (size_t l = 0; l < shape_.classes.size(); ++l) {
      if (cheapest_choice(program_, shape_.classes[l]) == nullptr) continue;
      const uint64_t names = left(l);
      if (names == kNoCost) return kNoCost;
      total += names;
    }
    return total;
  }
  void fill(ObjectPlan* plan) const {
    uint64_t best = kNoCost;
    for (size_t l = 0; l < shape_.classes.size(); ++l) {
      const ChildChoice* choice = cheapest_choice(program_, shape_.classes[l]);
      if (choice == nullptr || left(l) == 0) continue;
      const uint64_t cost = program_.formulas[choice->formula].cost + name_cost(table_, l);
      if (cost < best) best = cost, *plan = {static_cast<int32_t>(l), *choice};
    }
  }

  /// Properties beyond the required ones so that every unmet rule has its own: each rule's is a required name, or a further
  /// one.
  uint64_t witnesses(uint32_t unmet, ObjectPlan* plan) {
    gather(unmet);
    const uint64_t best = rest(unmet);
    if (plan == nullptr || best == kNoCost) return best;
    const uint32_t rule = unmet & (~unmet + 1);
    for (size_t l = 0; l < shape_.classes.size(); ++l) {
      if (left(l) == 0) continue;
      for (const ChildChoice& choice : shape_.classes[l]) {
        if ((choice.counts & rule) == 0 || program_.formulas[choice.formula].cost == kNoCost) continue;
        taken_[taken_count_++] = l;
        const uint64_t after = rest(unmet & ~choice.counts);
        --taken_count_;
        if (add_cost(after, required(l) ? 0 : 1) != best) continue;
        *plan = {static_cast<int32_t>(l), choice};
        return best;
      }
    }
    return best;
  }

  /// Finds for each set of unmet rules classes whose property can fulfil all of it. A set's property competes with those of at
  /// most kMaxCountedRules - 1 other sets, so as many names as there are rules are enough; the required ones, which come
  /// anyway, are better than any other.
  void gather(uint32_t unmet) {
    std::array<uint64_t, kSets> names{};
    for (const bool wanted : {true, false}) {
      for (size_t l = 0; l < shape_.classes.size(); ++l) {
        if (required(l) != wanted) continue;
        uint32_t sets = 0;
        for (const ChildChoice& choice : shape_.classes[l]) {
          const uint32_t counts = choice.counts & unmet;
          if (program_.formulas[choice.formula].cost == kNoCost || (sets >> counts & 1) != 0) continue;
          for (uint32_t part = counts; part != 0; part = (part - 1) & counts) sets |= 1U << part;
        }
        const uint64_t many = sets == 0 ? 0 : left(l);
        for (; many != 0 && sets != 0; sets &= sets - 1) {
          const auto set = static_cast<size_t>(std::countr_zero(sets));
          if (names[set] >= kMaxCountedRules) continue;
          names[set] += std::min<uint64_t>(many, kMaxCountedRules);
          offers_[set].list[offers_[set].count++] = {l, many, wanted ? 0U : 1U};
        }
      }
    }
  }
  /// The least number of further names, beside those taken, that fulfil `unmet`: the rules in every way to share them out.
  uint64_t rest(uint32_t unmet) {
    if (unmet == 0) return 0;
    const uint32_t rule = unmet & (~unmet + 1), others = unmet ^ rule;
    uint64_t best = kNoCost;
    for (uint32_t more = others;; more = (more - 1) & others) {
      const Offers& offers = offers_[rule | more];
      for (size_t i = 0; i < offers.count && best > 0; ++i) {
        const Offer& offer = offers.list[i];
        const auto used = std::count(taken_.begin(), taken_.begin() + static_cast<ptrdiff_t>(taken_count_), offer.label);
        if (static_cast<uint64_t>(used) >= offer.left) continue;
        taken_[taken_count_++] = offer.label;
        best = std::min(best, add_cost(rest(others & ~more), offer.own));
        --taken_count_;
      }
      if (more == 0) return best;
    }
  }

  static constexpr size_t kSets = size_t{1} << kMaxCountedRules;
  struct Offer {
    size_t label = 0;
    uint64_t left = 0;  // names of the class
    uint64_t own = 0;   // 0: required, so it comes anyway
  };
  struct Offers {
    std::array<Offer, kMaxCountedRules> list;
    size_t count = 0;
  };

  const SchemaProgram& program_;
  const ObjectShape& shape_;
  const KeyTable& table_;
  const ObjectProgress& progress_;
  std::array<Offers, kSets> offers_;  // by set of rules (bits)
  std::array<size_t, kMaxCountedRules + 1> taken_{};
  size_t taken_count_ = 0;
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

namespace {

/// The properties that object_next() would choose one after the other, each scan over the names made once.
class ObjectCost {
 public:
  ObjectCost(const SchemaProgram& program, const ObjectShape& shape)
      : program_(program),
        shape_(shape),
        table_(*program.tables[shape.table]),
        seen_(table_.words, 0),
        extras_(table_.groups.size() + 1, 0),
        progress_{seen_.data(), extras_.data(), 0, 0} {}

  uint64_t cost() {
    if (object_need(program_, shape_, progress_) == kNoCost) return kNoCost;
    while (progress_.met != (1U << shape_.exists) - 1) {
      const ObjectPlan plan = object_next(program_, shape_, progress_);
      if (plan.label < 0) return kNoCost;
      add(static_cast<size_t>(plan.label), plan.choice, 1);
    }
    for (size_t l = 0; l < shape_.classes.size(); ++l) {
      if ((shape_.required[l / 64] & ~seen_[l / 64]) >> (l % 64) & 1) {
        add(l, *cheapest_choice(program_, shape_.classes[l]), 1);
      }
    }
    if (progress_.count < shape_.min) fill();
    return cost_;
  }

 private:
  /// `times` properties of a class.
  void add(size_t label, const ChildChoice& choice, uint64_t times) {
    const uint64_t each = add_cost(program_.formulas[choice.formula].cost, name_cost(table_, label) + 3);
    const uint64_t commas = progress_.count == 0 ? times - 1 : times;
    cost_ = add_cost(cost_, each > kNoCost / 2 / times ? kNoCost : each * times + commas);
    if (table_.labels[label].name >= 0) {
      seen_[label / 64] |= uint64_t{1} << (label % 64);
    } else {
      extras_[group_of(table_, label)] += static_cast<uint32_t>(std::min<uint64_t>(times, Dfa::kMany));
    }
    progress_.met |= choice.counts;
    progress_.count += times;
  }
  /// The cheapest ones, up to the least number.
  void fill() {
    const ObjectSearch search(program_, shape_, progress_);
    std::vector<std::tuple<uint64_t, size_t, const ChildChoice*>> ways;
    for (size_t l = 0; l < shape_.classes.size(); ++l) {
      const ChildChoice* choice = cheapest_choice(program_, shape_.classes[l]);
      if (choice == nullptr || search.left(l) == 0) continue;
      ways.emplace_back(program_.formulas[choice->formula].cost + name_cost(table_, l), l, choice);
    }
    std::sort(ways.begin(), ways.end());
    for (const auto& [cost, label, choice] : ways) {
      if (progress_.count >= shape_.min) return;
      add(label, *choice, std::min(search.left(label), shape_.min - progress_.count));
    }
  }

  const SchemaProgram& program_;
  const ObjectShape& shape_;
  const KeyTable& table_;
  std::vector<uint64_t> seen_;
  std::vector<uint32_t> extras_;
  ObjectProgress progress_;
  uint64_t cost_ = 2;
};

}  // namespace

uint64_t object_cost(const SchemaProgram& program, const ObjectShape& shape) { return ObjectCost(program, shape).cost(); }

}  // namespace sobre
