// The middle of compiling a schema: formulas are opened into branches, each a conjunction of plain rules. Used by
// json_schema_*.cpp alone; one thread.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "text/json_schema.h"
#include "text/json_schema_node.h"

namespace sobre {

/// A schema that must hold or must not: the number of an atom, times two, plus one for "must not".
using Literal = uint32_t;
inline constexpr Literal kTrueLiteral = 0, kFalseLiteral = 1;

struct SchemaAtom {
  int32_t node = -1;   // -1: one of `any` holds
  uint32_t scope = 0;  // the dynamic scope the node is met in
  std::vector<Literal> any;
  friend auto operator<=>(const SchemaAtom&, const SchemaAtom&) = default;
};

struct StringRules {
  std::vector<int32_t> dfas;
  uint64_t min = 0;
  int64_t max = -1;
};

struct ItemCount {
  uint64_t offset = 0;  // items before it do not count
  Literal literal = kTrueLiteral;
  uint64_t min = 0;
  int64_t max = -1;
};

struct ArrayRules {
  std::vector<std::pair<uint64_t, Literal>> at, from;
  std::vector<ItemCount> counts;
  uint64_t min = 0;
  int64_t max = -1;
  bool unique = false;
  std::string unique_place;
};

/// Names other than these.
struct OtherNames {
  std::vector<std::string> names;
  std::vector<int32_t> patterns;
};

struct PropertyExists {
  bool other = false;  // a name that is none of `others`; else one that matches `pattern`
  OtherNames others;
  int32_t pattern = -1;
  Literal literal = kTrueLiteral;
};

struct ObjectRules {
  std::vector<std::pair<std::string, Literal>> names;
  std::vector<std::pair<int32_t, Literal>> patterns;
  std::vector<std::pair<OtherNames, Literal>> rests;
  std::vector<std::string> required;
  std::vector<int32_t> name_patterns;  // every name matches these
  std::vector<PropertyExists> exists;
  uint64_t min = 0;
  int64_t max = -1;
};

/// What subschemas in place have evaluated, for one schema with unevaluatedProperties or unevaluatedItems.
struct Collector {
  Literal properties = kTrueLiteral, items = kTrueLiteral;
  bool all_properties = false, all_items = false;
  OtherNames evaluated;
  uint64_t prefix = 0;
  std::vector<Literal> contained;
};

struct SchemaTask {
  Literal literal = kTrueLiteral;
  uint32_t collectors = 0;  // bits: who hears what it evaluates
  int depth = 0;
  friend bool operator==(const SchemaTask&, const SchemaTask&) = default;
};

struct Branch;
using Alternative = std::function<Result<void>(Branch&)>;
/// A disjunction, opened when nothing simpler is left.
using SchemaChoice = std::function<Result<std::vector<Alternative>>()>;

struct Branch {
  uint8_t types = kAllTypes;
  NumberRules numbers;
  StringRules strings;
  ArrayRules arrays;
  ObjectRules objects;
  std::vector<Collector> collectors;
  std::vector<SchemaTask> tasks;
  std::deque<SchemaChoice> choices;
  std::vector<std::pair<Literal, uint32_t>> done;

  void limit(int64_t& max, uint64_t bound) const {
    if (max < 0 || bound < static_cast<uint64_t>(max)) max = static_cast<int64_t>(bound);
  }
};

class SchemaCompiler {
 public:
  SchemaCompiler(const Json& schema, int max_depth, CompileBudget& budget, SchemaProgram& program)
      : program_(program), budget_(budget), reader_(schema, max_depth, program.dfas, budget) {}
  Result<uint32_t> compile();

 private:
  // Formulas.
  Literal literal(int32_t node, uint32_t scope, bool negative = false);
  Literal any_literal(std::vector<Literal> any);
  uint32_t enter(uint32_t scope, uint32_t resource);
  Result<uint32_t> formula_of(std::vector<Literal> literals);
  Result<void> expand(uint32_t formula);
  Result<bool> surely_empty(uint32_t formula);
  Result<bool> disjoint(Literal a, Literal b);
  Result<void> check_endless();

  // Branches (json_schema_expand.cpp and json_schema_negate.cpp).
  Result<void> add(Branch& branch, const SchemaTask& task);
  Result<void> add_positive(Branch& branch, const SchemaNode& node, const SchemaTask& task, uint32_t scope);
  Result<void> add_arrays(Branch& branch, const SchemaNode& node, uint32_t collectors, uint32_t scope);
  Result<void> add_objects(Branch& branch, const SchemaNode& node, uint32_t collectors, uint32_t scope);
  Result<void> add_in_place(Branch& branch, const SchemaNode& node, const SchemaTask& task, uint32_t scope);
  void add_if(Branch& branch, const SchemaNode& node, const SchemaTask& task, uint32_t scope);
  void add_dependents(Branch& branch, const SchemaNode& node, const SchemaTask& task, uint32_t scope);
  Result<uint32_t> add_collector(Branch& branch, const SchemaNode& node, uint32_t collectors, uint32_t scope);
  Result<void> add_negative(Branch& branch, const SchemaNode& node, const SchemaTask& task, uint32_t scope);
  void negate_scalars(std::vector<Alternative>& ways, const SchemaNode& node);
  void negate_arrays(std::vector<Alternative>& ways, const SchemaNode& node, uint32_t scope);
  void negate_objects(std::vector<Alternative>& ways, const SchemaNode& node, uint32_t scope);
  void negate_in_place(std::vector<Alternative>& ways, const SchemaNode& node, uint32_t scope, int depth);
  Result<std::vector<Alternative>> one_of_ways(const std::vector<Literal>& members, const SchemaTask& task);
  int32_t dynamic_node(const SchemaNode& node, uint32_t scope) const;

  // Shapes (json_schema_shape.cpp).
  Result<void> finish(Branch& branch, uint32_t formula);
  void finish_collectors(Branch& branch);
  Result<void> finish_numbers(const Branch& branch, uint32_t formula);
  Result<void> finish_strings(const Branch& branch, uint32_t formula);
  Result<void> finish_arrays(const Branch& branch, uint32_t formula);
  Result<void> finish_objects(const Branch& branch, uint32_t formula);
  Result<void> make_unique(ArrayShape& shape, const std::string& place);
  Result<bool> make_unique_strings(ArrayShape& shape);
  Result<std::vector<Json>> values_of(uint32_t formula, const std::string& place);
  Result<std::vector<ChildChoice>> choices_of(const std::vector<Literal>& base,
                                              const std::vector<std::pair<Literal, bool>>& rules, uint32_t applies);
  Result<int32_t> intersection(std::vector<int32_t> dfas, uint64_t min, int64_t max);
  Result<int32_t> string_language(uint32_t formula);
  Result<uint32_t> table_of(const std::vector<std::string>& names, const std::vector<int32_t>& patterns);

  // Costs (json_schema_cost.cpp).
  Result<void> settle_costs(size_t first);
  Result<void> prune(size_t first);

  SchemaProgram& program_;
  CompileBudget& budget_;
  SchemaReader reader_;
  std::vector<SchemaAtom> atoms_;
  std::map<SchemaAtom, uint32_t> atom_numbers_;
  std::vector<std::vector<uint32_t>> scopes_;
  std::map<std::vector<uint32_t>, uint32_t> scope_numbers_;
  std::map<std::vector<Literal>, uint32_t> formula_numbers_;
  std::vector<std::vector<Literal>> literals_;  // of the formulas, from first_formula_ on
  enum class State : uint8_t { kNew, kOpening, kOpen };
  std::vector<State> states_;
  size_t first_formula_ = 0;
  int look_ahead_ = 0;
  uint64_t branches_ = 0;
  std::map<std::string, uint32_t> shape_numbers_;
  std::map<std::string, int32_t> dfa_numbers_;
  std::map<std::string, uint32_t> table_numbers_;
};

}  // namespace sobre
