// What objects and arrays of unique values still need, against searches that try everything.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <map>
#include <random>

#include "text/json_schema.h"

namespace sobre {
namespace {

/// Every way to give the unmet rules their properties, one after the other.
class PlainSearch {
 public:
  PlainSearch(const SchemaProgram& program, const ObjectShape& shape, const ObjectProgress& progress)
      : program_(program), shape_(shape), table_(*program.tables[shape.table]), progress_(progress) {
    for (size_t l = 0; l < shape.classes.size(); ++l) left_.push_back(names_left(l));
  }
  uint64_t need(ObjectPlan& plan) {
    const uint32_t unmet = ((1U << shape_.exists) - 1) & ~progress_.met;
    uint64_t total = 0;
    for (size_t l = 0; l < left_.size(); ++l) {
      if (!required(l) || left_[l] == 0) continue;
      const ChildChoice* choice = cheapest_choice(program_, shape_.classes[l]);
      if (choice == nullptr) return kNoCost;
      if (plan.label < 0 && unmet == 0) plan = {static_cast<int32_t>(l), *choice};
      ++total;
    }
    const uint64_t extra = witnesses(unmet, &plan);
    if (extra == kNoCost) return kNoCost;
    total += extra;
    const uint64_t missing = shape_.min > progress_.count ? shape_.min - progress_.count : 0;
    if (missing > total) {
      if (!fill(missing, plan)) return kNoCost;
      total = missing;
    }
    return shape_.max >= 0 && progress_.count + total > static_cast<uint64_t>(shape_.max) ? kNoCost : total;
  }
  uint64_t left(size_t label) const { return left_[label]; }

 private:
  size_t group_of(size_t label) const {
    return static_cast<size_t>(std::find(table_.groups.begin(), table_.groups.end(), label) - table_.groups.begin());
  }
  uint64_t names_left(size_t l) const {
    if (table_.labels[l].name >= 0) return (progress_.seen[l / 64] >> (l % 64) & 1) != 0 ? 0 : 1;
    const size_t g = group_of(l);
    const uint32_t count = table_.counts[static_cast<size_t>(table_.dfa.start()) * table_.groups.size() + g];
    return count == Dfa::kMany ? 1000 : count - std::min(count, progress_.extras[g]);
  }
  bool required(size_t l) const { return (shape_.required[l / 64] >> (l % 64) & 1) != 0; }
  uint64_t witnesses(uint32_t unmet, ObjectPlan* plan) {
    if (unmet == 0) return 0;
    const uint32_t rule = unmet & (~unmet + 1);
    uint64_t best = kNoCost;
    for (size_t l = 0; l < left_.size(); ++l) {
      if (left_[l] == 0) continue;
      for (const ChildChoice& choice : shape_.classes[l]) {
        if ((choice.counts & rule) == 0 || program_.formulas[choice.formula].cost == kNoCost) continue;
        --left_[l];
        const uint64_t cost = add_cost(witnesses(unmet & ~choice.counts, nullptr), required(l) ? 0 : 1);
        ++left_[l];
        if (cost >= best) continue;
        best = cost;
        if (plan != nullptr) *plan = {static_cast<int32_t>(l), choice};
      }
    }
    return best;
  }
  bool fill(uint64_t missing, ObjectPlan& plan) const {
    const bool open = plan.label < 0;
    uint64_t names = 0, best = kNoCost;
    for (size_t l = 0; l < left_.size(); ++l) {
      const ChildChoice* choice = cheapest_choice(program_, shape_.classes[l]);
      if (choice == nullptr || left_[l] == 0) continue;
      names += left_[l];
      const int32_t name = table_.labels[l].name;
      const uint64_t length = name < 0 ? 8 : table_.names[static_cast<size_t>(name)].size();
      const uint64_t cost = program_.formulas[choice->formula].cost + length;
      if (cost < best && open) plan = {static_cast<int32_t>(l), *choice};
      best = std::min(best, cost);
    }
    return names >= missing;
  }

  const SchemaProgram& program_;
  const ObjectShape& shape_;
  const KeyTable& table_;
  const ObjectProgress& progress_;
  std::vector<uint64_t> left_;  // names of each class
};

struct Written {
  explicit Written(const KeyTable& table) : seen(table.words, 0), extras(table.groups.size() + 1, 0) {}
  void add(const KeyTable& table, size_t label, uint32_t counts) {
    if (table.labels[label].name >= 0) {
      seen[label / 64] |= uint64_t{1} << (label % 64);
    } else {
      ++extras[static_cast<size_t>(std::find(table.groups.begin(), table.groups.end(), label) - table.groups.begin())];
    }
    ++count;
    met |= counts;
  }
  ObjectProgress progress() const { return {seen.data(), extras.data(), count, met}; }
  std::vector<uint64_t> seen;
  std::vector<uint32_t> extras;
  uint64_t count = 0;
  uint32_t met = 0;
};

class RandomSchema {
 public:
  explicit RandomSchema(uint64_t seed) : random_(seed) {}
  uint64_t below(uint64_t n) { return random_() % n; }
  std::string object() {
    std::string text = R"({"type": "object", "properties": {)";
    const uint64_t names = below(5);
    for (uint64_t i = 0; i < names; ++i) text += fmt::format("{}\"{}\": {}", i > 0 ? ", " : "", "abcd"[i], value());
    text += "}";
    if (below(2) == 0) text += ", \"additionalProperties\": " + value();
    if (below(3) == 0) text += ", \"patternProperties\": {\"^[xy]$\": " + value() + "}";
    if (names > 0 && below(2) == 0) text += fmt::format(", \"required\": [\"{}\"]", "abcd"[below(names)]);
    if (below(3) == 0) text += fmt::format(", \"minProperties\": {}", below(5));
    if (below(3) == 0) text += fmt::format(", \"maxProperties\": {}", 1 + below(4));
    const uint64_t rules = below(5);
    for (uint64_t i = 0; i < rules; ++i) text += (i == 0 ? R"(, "allOf": [)" : ", ") + rule();
    return text + (rules > 0 ? "]}" : "}");
  }

 private:
  std::string value() {
    static constexpr const char* kValues[] = {
        "{}", "false", R"({"type": "null"})", R"({"type": "boolean"})", R"({"type": ["string", "null"]})", R"({"const": 12})"};
    return kValues[below(std::size(kValues))];
  }
  /// Some property is not of such a value: with "not" inside, it is of one, so that one property cannot do for two rules.
  std::string rule() {
    const std::string lacking = below(2) == 0 ? value() : R"({"not": )" + value() + "}";
    switch (below(5)) {
      case 0:
        return R"({"not": {"patternProperties": {"^[axy]$": )" + lacking + "}}}";
      case 1:
        return R"({"not": {"propertyNames": {"pattern": "^[bx]$"}}})";
      default:
        return R"({"not": {"additionalProperties": )" + lacking + "}}";
    }
  }
  std::mt19937_64 random_;
};

/// What the object's cost would be with one property chosen after the other.
uint64_t plain_cost(const SchemaProgram& program, const ObjectShape& shape) {
  const KeyTable& table = *program.tables[shape.table];
  Written written(table);
  uint64_t cost = 2;
  while (true) {
    ObjectPlan plan;
    const ObjectProgress progress = written.progress();
    const uint64_t need = PlainSearch(program, shape, progress).need(plan);
    if (need == kNoCost) return kNoCost;
    if (need == 0) return cost;
    const auto label = static_cast<size_t>(plan.label);
    const int32_t name = table.labels[label].name;
    cost += program.formulas[plan.choice.formula].cost + 3 + (written.count > 0 ? 1 : 0);
    cost += name < 0 ? 8 : table.names[static_cast<size_t>(name)].size();
    written.add(table, label, plan.choice.counts);
  }
}

void compare_after(const SchemaProgram& program, const ObjectShape& shape, const Written& written, const std::string& source) {
  const ObjectProgress progress = written.progress();
  ObjectPlan plan;
  PlainSearch plain(program, shape, progress);
  const uint64_t need = plain.need(plan);
  ASSERT_EQ(object_need(program, shape, progress), need) << source;
  const ObjectPlan next = object_next(program, shape, progress);
  if (need == 0 || need == kNoCost) plan = {};
  ASSERT_EQ(next.label, plan.label) << source;
  ASSERT_EQ(next.choice.formula, plan.choice.formula) << source;
  ASSERT_EQ(next.choice.counts, plan.choice.counts) << source;
  // Classes of one kind can stand for each other.
  std::map<std::pair<uint32_t, uint32_t>, bool> completes;
  for (size_t l = 0; l < shape.kinds.size(); ++l) {
    for (const ChildChoice& choice : shape.classes[l]) {
      if (plain.left(l) == 0) continue;
      Written after = written;
      after.add(*program.tables[shape.table], l, choice.counts);
      const ObjectProgress further = after.progress();
      ObjectPlan unused;
      const bool can = PlainSearch(program, shape, further).need(unused) != kNoCost;
      ASSERT_EQ(completes.try_emplace({shape.kinds[l], choice.counts}, can).first->second, can) << source;
    }
  }
}

TEST(SchemaNeeds, ObjectsNeedWhatAPlainSearchFinds) {
  RandomSchema random(7);
  uint64_t with_rules = 0;
  for (int i = 0; i < 2000; ++i) {
    const std::string source = random.object();
    SchemaProgram program;
    CompileBudget budget(200'000, 20'000);
    const Json json = *Json::parse(source);
    if (!compile_schema(json, 64, budget, program)) continue;  // no value satisfies it
    for (const ObjectShape& shape : program.objects) {
      with_rules += shape.exists > 1;
      ASSERT_EQ(object_cost(program, shape), plain_cost(program, shape)) << source;
      const KeyTable& table = *program.tables[shape.table];
      for (int k = 0; k < 8; ++k) {
        Written written(table);
        for (size_t l = 0; l < shape.classes.size(); ++l) {
          const uint64_t least = PlainSearch(program, shape, written.progress()).left(l);
          for (uint64_t n = random.below(3); n > 0 && least >= n && !shape.classes[l].empty(); --n) {
            written.add(table, l, shape.classes[l][random.below(shape.classes[l].size())].counts);
          }
        }
        compare_after(program, shape, written, source);
        if (HasFatalFailure()) return;
      }
    }
  }
  EXPECT_GT(with_rules, 200U);
}

bool can_be_unique(const ArrayShape& shape, uint64_t index, uint64_t seen) {
  if (index >= shape.min) return true;
  for (uint64_t bits = shape.values[std::min<uint64_t>(index, shape.values.size() - 1)] & ~seen; bits != 0; bits &= bits - 1) {
    if (can_be_unique(shape, index + 1, seen | (bits & (~bits + 1)))) return true;
  }
  return false;
}

TEST(SchemaNeeds, UniqueValuesLeaveEnoughForTheRest) {
  std::mt19937_64 random(5);
  for (int i = 0; i < 3000; ++i) {
    ArrayShape shape;
    const uint64_t values = 1 + random() % 6;
    for (uint64_t places = 1 + random() % 4; places > 0; --places) {
      std::vector<ChildChoice> choices;
      for (uint32_t v = 0; v < values; ++v) {
        if (random() % 3 != 0) choices.push_back({0, v});
      }
      shape.places.push_back(std::move(choices));
    }
    note_unique_values(shape);
    shape.min = random() % 6;
    const uint64_t index = random() % 3, seen = random() % (uint64_t{1} << values);
    EXPECT_EQ(unique_fits(shape, index, seen), can_be_unique(shape, index, seen));
    uint64_t next = 0;
    for (uint64_t bits = shape.values[std::min<uint64_t>(index, shape.values.size() - 1)] & ~seen; bits != 0;
         bits &= bits - 1) {
      const uint64_t bit = bits & (~bits + 1);
      if (can_be_unique(shape, index + 1, seen | bit)) next |= bit;
    }
    EXPECT_EQ(unique_next(shape, index, seen), next);
  }
}

}  // namespace
}  // namespace sobre
