// JSON Schemas compiled for the automaton: every subschema at a place of a value becomes a formula (a conjunction of schemas
// and their negations), every formula a choice of shapes (what one type of value must look like, without any further choice),
// and every child of a shape a formula again. The boolean keywords (allOf, anyOf, oneOf, not, if, dependent..., unevaluated...)
// are gone then. Formulas without any value are taken out, so the automaton never runs into a dead end.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "text/grammar_number.h"
#include "text/regex_dfa.h"

namespace sobre {

/// Types of JSON values, as bits; the booleans apart.
enum JsonTypeBit : uint8_t {
  kNullBit = 1,
  kFalseBit = 2,
  kTrueBit = 4,
  kNumberBit = 8,
  kStringBit = 16,
  kArrayBit = 32,
  kObjectBit = 64,
  kAllTypes = 127,
};

/// Costs are lengths in bytes of shortest texts; kNoCost: there is none.
inline constexpr uint64_t kNoCost = UINT64_MAX;
inline constexpr uint64_t kMaxShortest = 100'000;  // of a whole schema
inline constexpr size_t kMaxCountedRules = 4;      // of an array, or of an object
inline constexpr size_t kMaxUniqueValues = 64;     // where an array's values are kept apart one by one
[[nodiscard]] constexpr uint64_t add_cost(uint64_t a, uint64_t b) {
  return a == kNoCost || b == kNoCost || a + b < a ? kNoCost : a + b;
}

struct StringShape {
  int32_t dfa = -1;  // -1: all strings; then the bounds below count
  uint64_t min = 0;
  int64_t max = -1;
};

/// A way a child may go: its formula, and which of the shape's counted rules it then fulfils (bits).
struct ChildChoice {
  uint32_t formula = 0;
  uint32_t counts = 0;
};

/// At least `min` and at most `max` (-1: no bound) items satisfy something, counted by the choices.
struct CountRule {
  uint64_t min = 0;
  int64_t max = -1;
};

struct ArrayShape {
  std::vector<std::vector<ChildChoice>> places;  // by index; the last one is for all further items
  uint64_t min = 0;
  int64_t max = -1;
  /// With uniqueItems and finitely many values each choice is one value, and `counts` is its number, below 64.
  bool unique = false;
  std::vector<uint64_t> values;  // where unique: bits of the values, by index as the places
  /// With uniqueItems and strings alone: an object that has the strings as names, and no values.
  int32_t names = -1;
  std::vector<CountRule> rules;
  // With rules: the cost of the rest, by min(index, steady) and the counts (mixed radix).
  uint64_t steady = 0;
  std::vector<uint64_t> rest;
};

/// The names of an object's properties: an automaton whose labels are classes of names. A single is one name of its own.
struct KeyTable {
  Dfa dfa;
  struct Label {
    int32_t name = -1;      // of the list below; -1: a group
    uint64_t patterns = 0;  // which patterns match
  };
  std::vector<Label> labels;
  std::vector<std::string> names;
  size_t words = 0;              // of 64 labels
  std::vector<uint64_t> reach;   // [states, words]: labels a state can come to
  std::vector<uint32_t> groups;  // labels that are groups
  std::vector<uint32_t> counts;  // [states, groups]: names of the group from here
  std::vector<uint8_t> always;   // [states, groups]: no text leads away from the group
};

struct ObjectShape {
  uint32_t table = 0;
  std::vector<std::vector<ChildChoice>> classes;  // by label; empty: such a name is not allowed
  std::vector<uint64_t> required;                 // bits of labels
  uint64_t min = 0;
  int64_t max = -1;
  uint32_t exists = 0;  // how many rules ask for a property; at most kMaxCountedRules
  /// No property can get in the way of another one: any unseen allowed name may come at any time.
  bool simple = true;
  /// Where not simple, by label: classes of one number can stand for each other in what the object needs, as long as a name of
  /// each is left.
  std::vector<uint32_t> kinds;
};

struct Formula {
  uint8_t literals = 0;  // kNullBit, kFalseBit, kTrueBit
  std::vector<uint32_t> numbers, strings, arrays, objects;
  std::vector<int32_t> number_words;  // automata
  uint64_t cost = kNoCost;
  /// Every value at all, and nothing else asked (`true` as a schema).
  bool anything = false;
};

/// All that schemas of one grammar were compiled to.
struct SchemaProgram {
  std::vector<Dfa> dfas;
  std::vector<NumberTexts> numbers;
  std::vector<StringShape> strings;
  std::vector<ArrayShape> arrays;
  std::vector<ObjectShape> objects;
  std::vector<std::unique_ptr<KeyTable>> tables;
  std::vector<Formula> formulas;
  [[nodiscard]] uint64_t memory_bytes() const;
};

/// Adds a schema; the result is its formula. Errors name the keyword and its place.
[[nodiscard]] Result<uint32_t> compile_schema(const Json& schema, int max_depth, CompileBudget& budget, SchemaProgram& program);

/// The choice with the shortest text; null: none has any.
[[nodiscard]] const ChildChoice* cheapest_choice(const SchemaProgram& program, const std::vector<ChildChoice>& choices);

/// What is known of an object while it is written.
struct ObjectProgress {
  const uint64_t* seen = nullptr;    // bits of labels of singles
  const uint32_t* extras = nullptr;  // [groups]: names of the groups seen so far
  uint64_t count = 0;                // properties so far
  uint32_t met = 0;                  // rules fulfilled
};
/// How many more properties an object needs at least; kNoCost: it cannot be completed. Time goes with the number of classes.
[[nodiscard]] uint64_t object_need(const SchemaProgram& program, const ObjectShape& shape, const ObjectProgress& progress);
/// The cost of what an object needs, and which label and choice to take next for it (label -1: none).
struct ObjectPlan {
  int32_t label = -1;
  ChildChoice choice;
};
[[nodiscard]] ObjectPlan object_next(const SchemaProgram& program, const ObjectShape& shape, const ObjectProgress& progress);
/// The cost of a whole object.
[[nodiscard]] uint64_t object_cost(const SchemaProgram& program, const ObjectShape& shape);
/// The cost of what an array needs after `index` items with these counts; kNoCost: it cannot be completed.
[[nodiscard]] uint64_t array_need(const SchemaProgram& program, const ArrayShape& shape, uint64_t index,
                                  const std::vector<uint32_t>& counts);
/// Whether an array of unique values can be completed after `index` items, the values `seen` (bits) among them.
[[nodiscard]] bool unique_fits(const ArrayShape& shape, uint64_t index, uint64_t seen);
/// The values (bits) that the item at `index` can have so that the array can be completed after it. Those `seen` are not.
[[nodiscard]] uint64_t unique_next(const ArrayShape& shape, uint64_t index, uint64_t seen);
/// Sets `values` from the choices.
void note_unique_values(ArrayShape& shape);
/// Where counts stop to matter.
[[nodiscard]] uint32_t clip_count(const CountRule& rule, uint64_t count);

}  // namespace sobre
