// From a branch, a conjunction of plain rules, to the shapes of each type.
#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "text/json_schema_expand.h"

namespace sobre {

static constexpr size_t kMaxPlaces = 10'000;  // indices of an array that differ
static constexpr uint64_t kMaxRest = 50'000;  // states of an array with counted rules
static constexpr size_t kMaxPatterns = 60;    // patterns of an object's names

static uint32_t add_once(std::vector<uint32_t>& list, uint32_t shape) {
  if (std::find(list.begin(), list.end(), shape) == list.end()) list.push_back(shape);
  return shape;
}

template <class... Args>
static void add_key(std::string& key, const Args&... args) {
  ((key += std::to_string(args), key += ','), ...);
}

Result<void> SchemaCompiler::finish(Branch& branch, uint32_t formula) {
  finish_collectors(branch);
  program_.formulas[formula].literals |= branch.types & (kNullBit | kFalseBit | kTrueBit);
  if (branch.types & kNumberBit) TRY_VOID(finish_numbers(branch, formula));
  if (branch.types & kStringBit) TRY_VOID(finish_strings(branch, formula));
  if (branch.types & kArrayBit) TRY_VOID(finish_arrays(branch, formula));
  if (branch.types & kObjectBit) TRY_VOID(finish_objects(branch, formula));
  return {};
}

void SchemaCompiler::finish_collectors(Branch& branch) {
  for (Collector& collector : branch.collectors) {
    if (!collector.all_properties && collector.properties != kTrueLiteral) {
      branch.objects.rests.emplace_back(collector.evaluated, collector.properties);
    }
    if (!collector.all_items && collector.items != kTrueLiteral) {
      std::vector<Literal> any = collector.contained;
      any.push_back(collector.items);
      branch.arrays.from.emplace_back(collector.prefix, any_literal(std::move(any)));
    }
  }
}

Result<void> SchemaCompiler::finish_numbers(const Branch& branch, uint32_t formula) {
  NumberRules rules = branch.numbers;
  const auto by_value = [](const Decimal& a, const Decimal& b) { return compare(a, b) < 0; };
  for (auto* list : {&rules.multiples, &rules.not_multiples, &rules.excluded}) {
    std::sort(list->begin(), list->end(), by_value);
    list->erase(std::unique(list->begin(), list->end()), list->end());
  }
  std::string key = "n";
  if (rules.min) key += fmt::format("min{}{}", rules.min->text(), rules.min_exclusive ? "x" : "");
  if (rules.max) key += fmt::format("max{}{}", rules.max->text(), rules.max_exclusive ? "x" : "");
  for (const auto* list : {&rules.multiples, &rules.not_multiples, &rules.excluded}) {
    key += ';';
    for (const Decimal& d : *list) key += d.text() + ",";
  }
  if (rules.values) {
    key += "values";
    std::sort(rules.values->begin(), rules.values->end(), by_value);
    for (const Decimal& d : *rules.values) key += d.text() + ",";
  }
  const auto found = shape_numbers_.find(key);
  if (found == shape_numbers_.end()) {
    auto texts = NumberTexts::make(rules);
    if (!texts) return fail("keyword {}", texts.error().message);
    shape_numbers_[key] = static_cast<uint32_t>(program_.numbers.size());
    program_.numbers.push_back(*std::move(texts));
  }
  const uint32_t number = shape_numbers_[key];
  const NumberTexts& texts = program_.numbers[number];
  if (texts.empty()) return {};
  if (!texts.finite()) return add_once(program_.formulas[formula].numbers, number), Result<void>();
  auto& words = dfa_numbers_.try_emplace(key, -1).first->second;
  if (words < 0) {
    std::vector<std::pair<std::u32string, int32_t>> list;
    for (const std::string& word : texts.words()) list.emplace_back(to_codes(word), 0);
    TRY(Dfa dfa, words_dfa(std::move(list), budget_));
    TRY(words, reader_.add_dfa(std::move(dfa)));
  }
  auto& list = program_.formulas[formula].number_words;
  if (std::find(list.begin(), list.end(), words) == list.end()) list.push_back(words);
  return {};
}

/// The automaton of strings that are in all of these and within the bounds; -1: all strings (with bounds that are the
/// caller's).
Result<int32_t> SchemaCompiler::intersection(std::vector<int32_t> dfas, uint64_t min, int64_t max) {
  std::sort(dfas.begin(), dfas.end());
  dfas.erase(std::unique(dfas.begin(), dfas.end()), dfas.end());
  if (dfas.empty()) return -1;
  const bool bounded = min > 0 || max >= 0;
  if (dfas.size() == 1 && !bounded) return dfas[0];
  std::string key = "s";
  add_key(key, min, max);
  for (const int32_t dfa : dfas) add_key(key, dfa);
  const auto found = dfa_numbers_.find(key);
  if (found != dfa_numbers_.end()) return found->second;
  std::vector<const Dfa*> parts;
  parts.reserve(dfas.size() + 1);
  for (const int32_t dfa : dfas) parts.push_back(&program_.dfas[static_cast<size_t>(dfa)]);
  Dfa length;
  if (bounded) {
    // A bound beyond all words, of a finite part, needs no counting.
    auto made = length_dfa(min, max, budget_);
    if (!made) return fail("keyword minLength or maxLength together with pattern, enum or const: {}", made.error().message);
    length = *std::move(made);
    parts.push_back(&length);
  }
  auto product = product_dfa(
      parts,
      [](std::span<const int32_t> labels) {
        return std::all_of(labels.begin(), labels.end(), [](int32_t l) { return l >= 0; }) ? 0 : -1;
      },
      budget_, true);
  if (!product) return fail("keyword pattern, enum, const, minLength or maxLength together: {}", product.error().message);
  TRY(const int32_t number, reader_.add_dfa(*std::move(product)));
  dfa_numbers_[key] = number;
  return number;
}

Result<void> SchemaCompiler::finish_strings(const Branch& branch, uint32_t formula) {
  const StringRules& rules = branch.strings;
  if (rules.max >= 0 && static_cast<uint64_t>(rules.max) < rules.min) return {};
  TRY(const int32_t dfa, intersection(rules.dfas, rules.min, rules.max));
  if (dfa >= 0 && program_.dfas[static_cast<size_t>(dfa)].empty()) return {};
  StringShape shape{dfa, 0, -1};
  if (dfa < 0) shape.min = rules.min, shape.max = rules.max;
  std::string key = "t";
  add_key(key, shape.dfa, shape.min, shape.max);
  const auto [entry, fresh] = shape_numbers_.try_emplace(key, static_cast<uint32_t>(program_.strings.size()));
  if (fresh) program_.strings.push_back(shape);
  add_once(program_.formulas[formula].strings, entry->second);
  return {};
}

/// The language of a formula's strings.
Result<int32_t> SchemaCompiler::string_language(uint32_t formula) {
  TRY_VOID(expand(formula));
  if (states_[formula - first_formula_] != State::kOpen) return fail("keyword propertyNames: refers to itself");
  std::vector<const Dfa*> parts;
  std::vector<Dfa> lengths;
  lengths.reserve(program_.formulas[formula].strings.size());
  for (const uint32_t s : program_.formulas[formula].strings) {
    const StringShape& shape = program_.strings[s];
    if (shape.dfa >= 0) {
      parts.push_back(&program_.dfas[static_cast<size_t>(shape.dfa)]);
      continue;
    }
    auto length = length_dfa(shape.min, shape.max, budget_);
    if (!length) return fail("keyword propertyNames with minLength or maxLength: {}", length.error().message);
    lengths.push_back(*std::move(length));
    parts.push_back(&lengths.back());
  }
  TRY(Dfa dfa, product_dfa(
                   parts,
                   [](std::span<const int32_t> labels) {
                     return std::any_of(labels.begin(), labels.end(), [](int32_t x) { return x >= 0; }) ? 0 : -1;
                   },
                   budget_));
  return reader_.add_dfa(std::move(dfa));
}

/// The ways a child may go: `base` holds, and for each rule that applies its literal holds (and counts) or not. Rules with a
/// maximum (second: true) need to know; for the others "not counted" is enough.
Result<std::vector<ChildChoice>> SchemaCompiler::choices_of(const std::vector<Literal>& base,
                                                            const std::vector<std::pair<Literal, bool>>& rules,
                                                            uint32_t applies) {
  std::vector<ChildChoice> choices;
  for (uint32_t counts = 0; counts < 1U << rules.size(); ++counts) {
    if ((counts & ~applies) != 0) continue;
    std::vector<Literal> literals = base;
    for (size_t r = 0; r < rules.size(); ++r) {
      if ((applies >> r & 1) == 0) continue;
      if ((counts >> r & 1) != 0)
        literals.push_back(rules[r].first);
      else if (rules[r].second)
        literals.push_back(rules[r].first ^ 1U);
    }
    TRY(const uint32_t formula, formula_of(std::move(literals)));
    TRY(const bool empty, surely_empty(formula));
    if (!empty) choices.push_back({formula, counts});
  }
  return choices;
}

uint32_t clip_count(const CountRule& rule, uint64_t count) {
  const uint64_t most = rule.max >= 0 ? std::max(rule.min, static_cast<uint64_t>(rule.max)) : rule.min;
  return static_cast<uint32_t>(std::min(count, most));
}

Result<void> SchemaCompiler::finish_arrays(const Branch& branch, uint32_t formula) {
  const ArrayRules& rules = branch.arrays;
  ArrayShape shape;
  shape.min = rules.min;
  shape.max = rules.max;
  std::vector<std::pair<Literal, bool>> counted;
  std::vector<uint64_t> offsets;
  uint64_t places = 0;
  for (const ItemCount& count : rules.counts) {
    if (count.max >= 0 && static_cast<uint64_t>(count.max) < count.min) return {};
    counted.emplace_back(count.literal, count.max >= 0);
    offsets.push_back(count.offset);
    shape.rules.push_back({count.min, count.max});
    places = std::max(places, count.offset);
  }
  if (counted.size() > kMaxCountedRules)
    return fail("keyword contains or items: more than {} counted at one place", kMaxCountedRules);
  for (const auto& [index, l] : rules.at) places = std::max(places, index + 1);
  for (const auto& [index, l] : rules.from) places = std::max(places, index);
  if (places > kMaxPlaces) return fail("keyword prefixItems: more than {} items", kMaxPlaces);
  std::string key = "a";
  for (uint64_t place = 0; place <= places; ++place) {
    std::vector<Literal> base;
    uint32_t applies = 0;
    for (const auto& [index, l] : rules.at)
      if (index == place) base.push_back(l);
    for (const auto& [index, l] : rules.from)
      if (index <= place) base.push_back(l);
    for (size_t r = 0; r < offsets.size(); ++r) applies |= offsets[r] <= place ? 1U << r : 0U;
    TRY(auto choices, choices_of(base, counted, applies));
    const bool none = choices.empty();
    if (none && (shape.max < 0 || static_cast<uint64_t>(shape.max) > place)) shape.max = static_cast<int64_t>(place);
    for (const ChildChoice& c : choices) add_key(key, c.formula, c.counts);
    key += ';';
    shape.places.push_back(std::move(choices));
    if (none) break;
  }
  if (shape.max >= 0 && static_cast<uint64_t>(shape.max) < shape.min) return {};
  if (rules.unique && (shape.max < 0 || shape.max > 1)) {
    TRY_VOID(make_unique(shape, rules.unique_place));
  }
  if (!shape.rules.empty()) {
    const uint64_t last = shape.places.size() - 1;
    shape.steady = shape.max >= 0 ? static_cast<uint64_t>(shape.max) : std::max(last, shape.min);
    uint64_t states = shape.steady + 1;
    for (const CountRule& rule : shape.rules) {
      states = states > kMaxRest ? states : states * (uint64_t{clip_count(rule, UINT32_MAX)} + 1);
    }
    if (states > kMaxRest)
      return fail("keyword contains, minContains or maxContains: the counts need more than {} states", kMaxRest);
    TRY_VOID(budget_.spend(states));
    shape.rest.assign(states, kNoCost);
  }
  add_key(key, shape.min, shape.max, shape.names, shape.unique ? 1 : 0);
  if (shape.unique) {
    for (const auto& choices : shape.places) {
      for (const ChildChoice& c : choices) add_key(key, c.formula, c.counts);
      key += ';';
    }
  }
  for (const CountRule& rule : shape.rules) add_key(key, rule.min, rule.max);
  const auto [entry, fresh] = shape_numbers_.try_emplace(key, static_cast<uint32_t>(program_.arrays.size()));
  if (fresh) program_.arrays.push_back(std::move(shape));
  add_once(program_.formulas[formula].arrays, entry->second);
  return {};
}

using NameSet = std::unordered_set<std::string_view>;

/// What the rules of a place say of names, by name. Views of the rules.
struct NamedRules {
  explicit NamedRules(const ObjectRules& rules) : required(rules.required.begin(), rules.required.end()) {
    for (const auto& [name, l] : rules.names) literals[name].push_back(l);
    for (const auto& [others, l] : rules.rests) rests.emplace_back(others.names.begin(), others.names.end());
    for (const PropertyExists& e : rules.exists) exists.emplace_back(e.others.names.begin(), e.others.names.end());
  }
  std::unordered_map<std::string_view, std::vector<Literal>> literals;
  NameSet required;
  std::vector<NameSet> rests, exists;  // names that the rule is not about
};

// Every name and pattern that the rules of a place tell keys apart by, sorted, each once.
static void collect_keys(const ObjectRules& rules, std::vector<std::string>& names, std::vector<int32_t>& patterns) {
  for (const auto& [name, l] : rules.names) names.push_back(name);
  for (const std::string& name : rules.required) names.push_back(name);
  for (const auto& [dfa, l] : rules.patterns) patterns.push_back(dfa);
  for (const int32_t dfa : rules.name_patterns) patterns.push_back(dfa);
  const auto add_others = [&](const OtherNames& others) {
    names.insert(names.end(), others.names.begin(), others.names.end());
    patterns.insert(patterns.end(), others.patterns.begin(), others.patterns.end());
  };
  for (const auto& [others, l] : rules.rests) add_others(others);
  for (const PropertyExists& e : rules.exists) {
    add_others(e.others);
    if (!e.other) patterns.push_back(e.pattern);
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  std::sort(patterns.begin(), patterns.end());
  patterns.erase(std::unique(patterns.begin(), patterns.end()), patterns.end());
}

Result<void> SchemaCompiler::finish_objects(const Branch& branch, uint32_t formula) {
  const ObjectRules& rules = branch.objects;
  std::vector<std::string> names;
  std::vector<int32_t> patterns;
  collect_keys(rules, names, patterns);
  if (patterns.size() > kMaxPatterns) return fail("keyword patternProperties: more than {} patterns", kMaxPatterns);
  if (rules.exists.size() > kMaxCountedRules) {
    return fail("keyword additionalProperties, patternProperties or propertyNames under not: more than {} at one place",
                kMaxCountedRules);
  }
  ObjectShape shape;
  TRY(shape.table, table_of(names, patterns));
  const KeyTable& table = *program_.tables[shape.table];
  shape.min = rules.min;
  shape.max = rules.max;
  shape.exists = static_cast<uint32_t>(rules.exists.size());
  shape.required.assign(table.words, 0);
  std::vector<std::pair<Literal, bool>> exists;
  exists.reserve(rules.exists.size());
  for (const PropertyExists& e : rules.exists) exists.emplace_back(e.literal, false);
  const auto matches = [&](const KeyTable::Label& label, int32_t dfa) {
    const auto at = std::lower_bound(patterns.begin(), patterns.end(), dfa) - patterns.begin();
    return (label.patterns >> at & 1) != 0;
  };
  std::string key = "o";
  add_key(key, shape.table, shape.min, shape.max, shape.exists);
  uint64_t found_required = 0;
  const NamedRules named(rules);
  for (size_t l = 0; l < table.labels.size(); ++l) {
    TRY_VOID(budget_.tick());
    const KeyTable::Label& label = table.labels[l];
    const std::string* name = label.name < 0 ? nullptr : &table.names[static_cast<size_t>(label.name)];
    const auto is_other = [&](const OtherNames& others, const NameSet& names_of_others) {
      if (name != nullptr && names_of_others.contains(*name)) return false;
      return std::none_of(others.patterns.begin(), others.patterns.end(), [&](int32_t dfa) { return matches(label, dfa); });
    };
    std::vector<Literal> base;
    if (name != nullptr) {
      if (const auto found = named.literals.find(*name); found != named.literals.end()) base = found->second;
    }
    for (const auto& [dfa, literal] : rules.patterns)
      if (matches(label, dfa)) base.push_back(literal);
    for (size_t r = 0; r < rules.rests.size(); ++r)
      if (is_other(rules.rests[r].first, named.rests[r])) base.push_back(rules.rests[r].second);
    for (const int32_t dfa : rules.name_patterns)
      if (!matches(label, dfa)) base.push_back(kFalseLiteral);
    uint32_t applies = 0;
    for (size_t e = 0; e < rules.exists.size(); ++e) {
      const PropertyExists& rule = rules.exists[e];
      if (rule.other ? is_other(rule.others, named.exists[e]) : matches(label, rule.pattern)) applies |= 1U << e;
    }
    TRY(auto choices, choices_of(base, exists, applies));
    if (name != nullptr && named.required.contains(*name)) {
      if (choices.empty()) return {};
      shape.required[l / 64] |= uint64_t{1} << (l % 64);
      ++found_required;
      key += 'r';
    }
    for (const ChildChoice& c : choices) add_key(key, c.formula, c.counts);
    key += ';';
    shape.classes.push_back(std::move(choices));
  }
  if (shape.max >= 0 && static_cast<uint64_t>(shape.max) < std::max(shape.min, found_required)) return {};
  const auto [entry, fresh] = shape_numbers_.try_emplace(key, static_cast<uint32_t>(program_.objects.size()));
  if (fresh) program_.objects.push_back(std::move(shape));
  add_once(program_.formulas[formula].objects, entry->second);
  return {};
}

}  // namespace sobre
