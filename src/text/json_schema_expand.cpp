// Formulas opened into branches: the conjunctions of JSON Schema, and its choices.
#include "text/json_schema_expand.h"

#include <algorithm>

namespace sobre {

static constexpr int kMaxInPlace = 200;           // references followed at one place
static constexpr uint64_t kMaxBranches = 20'000;  // of one compilation
static constexpr size_t kMaxFormulas = 20'000;
static constexpr int kMaxLookAhead = 3;
static constexpr size_t kMaxSplit = 8;  // alternatives whose validity unevaluated... depends on

uint32_t SchemaCompiler::enter(uint32_t scope, uint32_t resource) {
  if (!reader_.has_dynamic()) return 0;
  std::vector<uint32_t> path = scopes_[scope];
  if (std::find(path.begin(), path.end(), resource) != path.end()) return scope;
  path.push_back(resource);
  const auto [entry, fresh] = scope_numbers_.try_emplace(path, static_cast<uint32_t>(scopes_.size()));
  if (fresh) scopes_.push_back(std::move(path));
  return entry->second;
}

Literal SchemaCompiler::literal(int32_t node, uint32_t scope, bool negative) {
  const SchemaNode& n = reader_.node(node);
  if (n.boolean) return n.value != negative ? kTrueLiteral : kFalseLiteral;
  SchemaAtom atom{node, enter(scope, n.resource), {}};
  const auto [entry, fresh] = atom_numbers_.try_emplace(std::move(atom), static_cast<uint32_t>(atoms_.size()));
  if (fresh) atoms_.push_back(entry->first);
  return entry->second * 2 + (negative ? 1 : 0);
}

Literal SchemaCompiler::any_literal(std::vector<Literal> any) {
  std::sort(any.begin(), any.end());
  any.erase(std::unique(any.begin(), any.end()), any.end());
  std::erase(any, kFalseLiteral);
  if (any.empty()) return kFalseLiteral;
  if (any[0] == kTrueLiteral) return kTrueLiteral;
  if (any.size() == 1) return any[0];
  const auto [entry, fresh] =
      atom_numbers_.try_emplace(SchemaAtom{-1, 0, std::move(any)}, static_cast<uint32_t>(atoms_.size()));
  if (fresh) atoms_.push_back(entry->first);
  return entry->second * 2;
}

Result<uint32_t> SchemaCompiler::formula_of(std::vector<Literal> literals) {
  std::sort(literals.begin(), literals.end());
  literals.erase(std::unique(literals.begin(), literals.end()), literals.end());
  std::erase(literals, kTrueLiteral);
  bool contradiction = !literals.empty() && literals[0] == kFalseLiteral;
  for (size_t i = 1; i < literals.size(); ++i) contradiction |= (literals[i] ^ 1U) == literals[i - 1];
  if (contradiction) literals = {kFalseLiteral};
  const auto number = static_cast<uint32_t>(program_.formulas.size());
  const auto [entry, fresh] = formula_numbers_.try_emplace(literals, number);
  if (fresh) {
    if (literals_.size() >= kMaxFormulas) return fail("schema: more than {} different subschemas, the limit", kMaxFormulas);
    TRY_VOID(budget_.spend(1));
    literals_.push_back(literals);
    states_.push_back(contradiction ? State::kOpen : State::kNew);
    program_.formulas.emplace_back();
    program_.formulas.back().anything = literals.empty();
  }
  return entry->second;
}

Result<uint32_t> SchemaCompiler::compile() {
  first_formula_ = program_.formulas.size();
  atoms_.emplace_back();  // kTrueLiteral and kFalseLiteral
  scopes_.emplace_back();
  scope_numbers_[{}] = 0;
  TRY(const int32_t node, reader_.read());
  TRY_VOID(check_endless());
  TRY(const uint32_t root, formula_of({literal(node, 0)}));
  for (size_t i = 0; i < literals_.size(); ++i) TRY_VOID(expand(static_cast<uint32_t>(first_formula_ + i)));
  TRY_VOID(settle_costs(first_formula_));
  const uint64_t cost = program_.formulas[root].cost;
  if (cost > kMaxShortest) {
    std::string keywords;
    const Json* json = reader_.root().is_object() ? &reader_.root() : nullptr;
    if (json == nullptr) return fail("schema false: no value satisfies it");
    for (const auto& [key, value] : *json->as_object()) keywords += (keywords.empty() ? "" : ", ") + key.substr(0, 40);
    keywords = keywords.substr(0, 200);
    if (cost == kNoCost) return fail("schema: no value satisfies its keywords together ({})", keywords);
    return fail("schema: its shortest value has {} bytes; {} is the limit ({})", cost, kMaxShortest, keywords);
  }
  TRY_VOID(prune(first_formula_));
  return root;
}

/// References that lead back to the same place of the instance have no meaning.
Result<void> SchemaCompiler::check_endless() {
  enum class Mark : uint8_t { kNone, kOn, kDone };
  std::vector<Mark> marks(reader_.size(), Mark::kNone);
  std::vector<std::pair<int32_t, bool>> work;
  const auto successors = [&](const SchemaNode& n, const auto& visit) {
    for (const int32_t i : n.refs) visit(i);
    for (const int32_t i : n.all_of) visit(i);
    for (const int32_t i : n.nots) visit(i);
    for (const auto& list : n.any_of)
      for (const int32_t i : list) visit(i);
    for (const auto& list : n.one_of)
      for (const int32_t i : list) visit(i);
    for (const auto& [name, i] : n.dependent_schemas) visit(i);
    for (const int32_t i : {n.if_, n.then_, n.else_})
      if (i >= 0) visit(i);
    if (n.dynamic_target >= 0 && n.dynamic_name.empty()) visit(n.dynamic_target);
  };
  for (int32_t root = 0; root < static_cast<int32_t>(marks.size()); ++root) {
    work.emplace_back(root, false);
    while (!work.empty()) {
      const auto [n, leaving] = work.back();
      work.pop_back();
      Mark& mark = marks[static_cast<size_t>(n)];
      if (leaving) {
        mark = Mark::kDone;
        continue;
      }
      if (mark != Mark::kNone) continue;
      mark = Mark::kOn;
      work.emplace_back(n, true);
      int32_t loop = -1;
      successors(reader_.node(n), [&](int32_t next) {
        if (marks[static_cast<size_t>(next)] == Mark::kOn) loop = next;
        work.emplace_back(next, false);
      });
      if (loop >= 0) {
        return fail("keyword $ref at \"{:.200}\": leads back to itself without end", reader_.node(n).pointer);
      }
    }
  }
  return {};
}

Result<void> SchemaCompiler::expand(uint32_t formula) {
  State& state = states_[formula - first_formula_];
  if (state != State::kNew) return {};
  state = State::kOpening;
  std::vector<Branch> stack(1);
  for (const Literal l : literals_[formula - first_formula_]) stack[0].tasks.push_back({l, 0, 0});
  while (!stack.empty()) {
    Branch branch = std::move(stack.back());
    stack.pop_back();
    if (++branches_ > kMaxBranches) {
      const SchemaAtom& atom = atoms_[literals_[formula - first_formula_].front() / 2];
      return fail("anyOf, oneOf, not or if at \"{:.200}\": more than {} combinations, the limit",
                  atom.node >= 0 ? reader_.node(atom.node).pointer : "", kMaxBranches);
    }
    TRY_VOID(budget_.spend(1));
    while (branch.types != 0 && !branch.tasks.empty()) {
      const SchemaTask task = branch.tasks.back();
      branch.tasks.pop_back();
      TRY_VOID(add(branch, task));
    }
    if (branch.types == 0) continue;
    if (branch.choices.empty()) {
      TRY_VOID(finish(branch, formula));
      continue;
    }
    const SchemaChoice choice = std::move(branch.choices.front());
    branch.choices.pop_front();
    TRY(const std::vector<Alternative> ways, choice());
    for (size_t i = ways.size(); i-- > 0;) {
      Branch copy = branch;
      TRY_VOID(ways[i](copy));
      if (copy.types != 0) stack.push_back(std::move(copy));
    }
  }
  states_[formula - first_formula_] = State::kOpen;
  return {};
}

/// Whether a formula has no shape at all, as far as a short look shows.
Result<bool> SchemaCompiler::surely_empty(uint32_t formula) {
  if (literals_[formula - first_formula_] == std::vector<Literal>{kFalseLiteral}) return true;
  if (states_[formula - first_formula_] == State::kNew && look_ahead_ < kMaxLookAhead) {
    ++look_ahead_;
    auto done = expand(formula);
    --look_ahead_;
    TRY_VOID(std::move(done));
  }
  if (states_[formula - first_formula_] != State::kOpen) return false;
  const Formula& f = program_.formulas[formula];
  return f.literals == 0 && f.numbers.empty() && f.number_words.empty() && f.strings.empty() && f.arrays.empty() &&
         f.objects.empty();
}

Result<bool> SchemaCompiler::disjoint(Literal a, Literal b) {
  TRY(const uint32_t both, formula_of({a, b}));
  return surely_empty(both);
}

Result<void> SchemaCompiler::add(Branch& branch, const SchemaTask& task) {
  if (task.literal == kTrueLiteral) return {};
  if (task.literal == kFalseLiteral) return branch.types = 0, Result<void>();
  const std::pair<Literal, uint32_t> key(task.literal, task.collectors);
  if (std::find(branch.done.begin(), branch.done.end(), key) != branch.done.end()) return {};
  const bool negative = (task.literal & 1) != 0;
  for (const auto& [l, collectors] : branch.done) {
    if ((l ^ 1U) == task.literal) return branch.types = 0, Result<void>();
  }
  branch.done.push_back(key);
  const SchemaAtom atom = atoms_[task.literal / 2];
  if (atom.node < 0) {
    if (negative) {
      for (const Literal l : atom.any) branch.tasks.push_back({l ^ 1U, 0, task.depth + 1});
    } else {
      branch.choices.emplace_back([any = atom.any, task]() -> Result<std::vector<Alternative>> {
        std::vector<Alternative> ways;
        for (const Literal l : any) {
          ways.emplace_back([l, task](Branch& b) { return b.tasks.push_back({l, 0, task.depth + 1}), Result<void>(); });
        }
        return ways;
      });
    }
    return {};
  }
  const SchemaNode& node = reader_.node(atom.node);
  if (task.depth > kMaxInPlace) return fail("keyword $ref at \"{:.200}\": leads back to itself without end", node.pointer);
  return negative ? add_negative(branch, node, task, atom.scope) : add_positive(branch, node, task, atom.scope);
}

Result<void> SchemaCompiler::add_positive(Branch& branch, const SchemaNode& node, const SchemaTask& task, uint32_t scope) {
  branch.types &= node.types;
  if (node.integer_only) branch.numbers.multiples.push_back({false, "1", 0});
  if (node.scalars) {
    branch.types &= node.scalars->types;
    if (branch.numbers.values) {
      std::erase_if(*branch.numbers.values, [&](const Decimal& d) {
        return std::find(node.scalars->numbers.begin(), node.scalars->numbers.end(), d) == node.scalars->numbers.end();
      });
    } else {
      branch.numbers.values = node.scalars->numbers;
    }
    branch.strings.dfas.push_back(node.scalars->strings);
  }
  if (node.numbers.min) branch.numbers.add_min(*node.numbers.min, node.numbers.min_exclusive);
  if (node.numbers.max) branch.numbers.add_max(*node.numbers.max, node.numbers.max_exclusive);
  for (const Decimal& m : node.numbers.multiples) branch.numbers.multiples.push_back(m);
  if (node.min_length) branch.strings.min = std::max(branch.strings.min, *node.min_length);
  if (node.max_length) branch.limit(branch.strings.max, *node.max_length);
  if (node.pattern >= 0) branch.strings.dfas.push_back(node.pattern);
  TRY(const uint32_t collectors, add_collector(branch, node, task.collectors, scope));
  TRY_VOID(add_arrays(branch, node, collectors, scope));
  TRY_VOID(add_objects(branch, node, collectors, scope));
  return add_in_place(branch, node, {task.literal, collectors, task.depth + 1}, scope);
}

/// A schema with unevaluated... listens to itself and to all in place below it.
Result<uint32_t> SchemaCompiler::add_collector(Branch& branch, const SchemaNode& node, uint32_t collectors, uint32_t scope) {
  if (node.unevaluated_items < 0 && node.unevaluated_properties < 0) return collectors;
  if (branch.collectors.size() >= 32)
    return fail("keyword unevaluatedProperties at \"{}\": more than 32 at one place", node.pointer);
  // It evaluates all the rest itself.
  for (size_t i = 0; i < branch.collectors.size(); ++i) {
    if ((collectors >> i & 1) == 0) continue;
    if (node.unevaluated_items >= 0) branch.collectors[i].all_items = true;
    if (node.unevaluated_properties >= 0) branch.collectors[i].all_properties = true;
  }
  Collector collector;
  if (node.unevaluated_items >= 0) collector.items = literal(node.unevaluated_items, scope);
  if (node.unevaluated_properties >= 0) collector.properties = literal(node.unevaluated_properties, scope);
  branch.collectors.push_back(std::move(collector));
  return collectors | 1U << (branch.collectors.size() - 1);
}

Result<void> SchemaCompiler::add_arrays(Branch& branch, const SchemaNode& node, uint32_t collectors, uint32_t scope) {
  ArrayRules& rules = branch.arrays;
  for (size_t i = 0; i < node.prefix_items.size(); ++i) rules.at.emplace_back(i, literal(node.prefix_items[i], scope));
  if (node.items >= 0) rules.from.emplace_back(node.prefix_items.size(), literal(node.items, scope));
  if (node.min_items) rules.min = std::max(rules.min, *node.min_items);
  if (node.max_items) branch.limit(rules.max, *node.max_items);
  if (node.unique_items) rules.unique = true, rules.unique_place = node.pointer;
  if (node.contains >= 0 && (node.min_contains > 0 || node.max_contains)) {
    if (node.max_contains && *node.max_contains > 1'000'000)
      return fail("keyword maxContains at \"{}\": above 1000000", node.pointer);
    const int64_t max = node.max_contains ? static_cast<int64_t>(*node.max_contains) : -1;
    rules.counts.push_back({0, literal(node.contains, scope), node.min_contains, max});
  }
  for (size_t i = 0; i < branch.collectors.size(); ++i) {
    if ((collectors >> i & 1) == 0) continue;
    Collector& collector = branch.collectors[i];
    collector.prefix = std::max<uint64_t>(collector.prefix, node.prefix_items.size());
    if (node.items >= 0) collector.all_items = true;
    if (node.contains >= 0) collector.contained.push_back(literal(node.contains, scope));
  }
  return {};
}

Result<void> SchemaCompiler::add_objects(Branch& branch, const SchemaNode& node, uint32_t collectors, uint32_t scope) {
  ObjectRules& rules = branch.objects;
  for (const auto& [name, child] : node.properties) rules.names.emplace_back(name, literal(child, scope));
  for (const auto& [dfa, child] : node.pattern_properties) rules.patterns.emplace_back(dfa, literal(child, scope));
  OtherNames others;
  for (const auto& [name, child] : node.properties) others.names.push_back(name);
  for (const auto& [dfa, child] : node.pattern_properties) others.patterns.push_back(dfa);
  for (size_t i = 0; i < branch.collectors.size(); ++i) {
    if ((collectors >> i & 1) == 0) continue;
    Collector& collector = branch.collectors[i];
    collector.evaluated.names.insert(collector.evaluated.names.end(), others.names.begin(), others.names.end());
    collector.evaluated.patterns.insert(collector.evaluated.patterns.end(), others.patterns.begin(), others.patterns.end());
    if (node.additional >= 0) collector.all_properties = true;
  }
  if (node.additional >= 0) rules.rests.emplace_back(std::move(others), literal(node.additional, scope));
  for (const std::string& name : node.required) rules.required.push_back(name);
  if (node.min_properties) rules.min = std::max(rules.min, *node.min_properties);
  if (node.max_properties) branch.limit(rules.max, *node.max_properties);
  if (node.property_names >= 0) {
    TRY(const uint32_t language, formula_of({literal(node.property_names, scope)}));
    TRY(const int32_t names, string_language(language));
    rules.name_patterns.push_back(names);
  }
  return {};
}

int32_t SchemaCompiler::dynamic_node(const SchemaNode& node, uint32_t scope) const {
  if (node.dynamic_name.empty()) return node.dynamic_target;
  for (const uint32_t resource : scopes_[scope]) {
    const int32_t found = reader_.dynamic_anchor(resource, node.dynamic_name);
    if (found >= 0) return found;
  }
  return node.dynamic_target;
}

static Alternative with_tasks(std::vector<SchemaTask> tasks) {
  return [tasks = std::move(tasks)](Branch& b) {
    b.tasks.insert(b.tasks.end(), tasks.begin(), tasks.end());
    return Result<void>();
  };
}

Result<void> SchemaCompiler::add_in_place(Branch& branch, const SchemaNode& node, const SchemaTask& task, uint32_t scope) {
  const auto push = [&](int32_t child) { branch.tasks.push_back({literal(child, scope), task.collectors, task.depth}); };
  for (const int32_t child : node.refs) push(child);
  for (const int32_t child : node.all_of) push(child);
  if (node.dynamic_target >= 0) push(dynamic_node(node, scope));
  for (const int32_t child : node.nots) branch.tasks.push_back({literal(child, scope, true), 0, task.depth});
  for (const auto& list : node.any_of) {
    std::vector<Literal> members;
    for (const int32_t child : list) members.push_back(literal(child, scope));
    if (task.collectors == 0) {
      branch.choices.emplace_back([members, task]() -> Result<std::vector<Alternative>> {
        std::vector<Alternative> ways;
        for (const Literal l : members) ways.push_back(with_tasks({{l, 0, task.depth}}));
        return ways;
      });
      continue;
    }
    if (members.size() > kMaxSplit) {
      return fail("keyword anyOf at \"{:.200}\": more than {} schemas together with unevaluatedProperties or unevaluatedItems",
                  node.pointer, kMaxSplit);
    }
    branch.choices.emplace_back([members, task]() -> Result<std::vector<Alternative>> {
      std::vector<Alternative> ways;
      for (uint32_t valid = 1; valid < 1U << members.size(); ++valid) {
        std::vector<SchemaTask> tasks;
        for (size_t i = 0; i < members.size(); ++i) {
          const bool holds = (valid >> i & 1) != 0;
          tasks.push_back({holds ? members[i] : members[i] ^ 1U, holds ? task.collectors : 0, task.depth});
        }
        ways.push_back(with_tasks(std::move(tasks)));
      }
      return ways;
    });
  }
  for (const auto& list : node.one_of) {
    std::vector<Literal> members;
    for (const int32_t child : list) members.push_back(literal(child, scope));
    branch.choices.emplace_back([this, members, task] { return one_of_ways(members, task); });
  }
  add_if(branch, node, task, scope);
  add_dependents(branch, node, task, scope);
  return {};
}

Result<std::vector<Alternative>> SchemaCompiler::one_of_ways(const std::vector<Literal>& members, const SchemaTask& task) {
  std::vector<Alternative> ways;
  for (size_t i = 0; i < members.size(); ++i) {
    std::vector<SchemaTask> tasks{{members[i], task.collectors, task.depth}};
    for (size_t j = 0; j < members.size(); ++j) {
      if (j == i) continue;
      TRY(const bool apart, disjoint(members[i], members[j]));
      if (!apart) tasks.push_back({members[j] ^ 1U, 0, task.depth});
    }
    ways.push_back(with_tasks(std::move(tasks)));
  }
  return ways;
}

void SchemaCompiler::add_if(Branch& branch, const SchemaNode& node, const SchemaTask& task, uint32_t scope) {
  if (node.if_ < 0 || (node.then_ < 0 && node.else_ < 0 && task.collectors == 0)) return;
  const Literal test = literal(node.if_, scope);
  const Literal then = node.then_ < 0 ? kTrueLiteral : literal(node.then_, scope);
  const Literal other = node.else_ < 0 ? kTrueLiteral : literal(node.else_, scope);
  branch.choices.emplace_back([=]() -> Result<std::vector<Alternative>> {
    return std::vector<Alternative>{with_tasks({{test, task.collectors, task.depth}, {then, task.collectors, task.depth}}),
                                    with_tasks({{test ^ 1U, 0, task.depth}, {other, task.collectors, task.depth}})};
  });
}

void SchemaCompiler::add_dependents(Branch& branch, const SchemaNode& node, const SchemaTask& task, uint32_t scope) {
  const auto absent = [](const std::string& name) -> Alternative {
    return [name](Branch& b) { return b.objects.names.emplace_back(name, kFalseLiteral), Result<void>(); };
  };
  for (const auto& [name, needed] : node.dependent_required) {
    if (needed.empty()) continue;
    branch.choices.emplace_back([name, needed, absent]() -> Result<std::vector<Alternative>> {
      return std::vector<Alternative>{absent(name), [name, needed](Branch& b) {
                                        b.types &= kObjectBit;
                                        b.objects.required.push_back(name);
                                        b.objects.required.insert(b.objects.required.end(), needed.begin(), needed.end());
                                        return Result<void>();
                                      }};
    });
  }
  for (const auto& [name, child] : node.dependent_schemas) {
    const Literal l = literal(child, scope);
    branch.choices.emplace_back([name, l, task, absent]() -> Result<std::vector<Alternative>> {
      return std::vector<Alternative>{absent(name), [name, l, task](Branch& b) {
                                        b.types &= kObjectBit;
                                        b.objects.required.push_back(name);
                                        b.tasks.push_back({l, task.collectors, task.depth});
                                        return Result<void>();
                                      }};
    });
  }
}

}  // namespace sobre
