// The tree of a parsed template. Built by the parser, completed by the resolver (names become places in frames), then const:
// any number of threads may render it. Depth is bounded by the parser; chains of operators, filters, attributes and elif are
// lists, not nests, so that walking the tree takes a bounded stack.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "text/jinja_filters.h"
#include "text/jinja_lexer.h"
#include "text/jinja_ops.h"
#include "text/jinja_value.h"

namespace sobre::jinja {

struct Expr;
struct Statement;
using ExprPtr = std::unique_ptr<Expr>;
using Body = std::vector<std::unique_ptr<Statement>>;

/// Where a name lives: so many frames outwards, and its slot there.
struct Place {
  uint32_t hops = 0, slot = 0;
};

/// How a slot gets its first value when the frame is entered.
struct Load {
  enum class From : uint8_t {
    kNowhere,   // unset until it is assigned
    kOutside,   // set by who enters the frame: parameters, loop targets
    kVariable,  // a variable of the render, or a global function
    kOuter,     // the value of an outer frame at that moment
  };
  From from = From::kNowhere;
  Place outer;
  std::string name;
};

/// The names of one frame: what the template's root, a loop's body, a macro and the like have for themselves.
struct Scope {
  std::vector<Load> slots;
};

struct CallArgs {
  std::vector<ExprPtr> positional;
  std::vector<std::pair<std::string, ExprPtr>> named;
  ExprPtr more_positional;  // *expression
  ExprPtr more_named;       // **expression
};

/// One link of a chain: base.name[index](arguments)|filter is test.
struct Link {
  enum class Kind : uint8_t { kAttribute, kItem, kSlice, kCall, kFilter, kTest };
  Kind kind = Kind::kAttribute;
  Position at;
  std::string name;                // attribute, filter, test
  ExprPtr index;                   // kItem
  ExprPtr start, stop, step;       // kSlice; null where absent
  std::unique_ptr<CallArgs> args;  // kCall, kFilter, kTest
  bool negated = false;            // is not
  const FilterEntry* filter = nullptr;
  const TestEntry* test = nullptr;
};

enum class ExprKind : uint8_t {
  kNone,
  kBool,
  kInt,
  kFloat,
  kText,  // of the template: never from input
  kName,
  kNamespaceAttribute,  // name.attribute as a target (links[0] is the attribute); an expression nowhere else
  kTuple,
  kList,
  kDict,   // items: key, value, key, value
  kChain,  // items[0], then links
  kNegative,
  kPositive,
  kNot,
  kAnd,
  kOr,
  kArithmetic,  // items, with an operator between each two, from left to right
  kConcat,
  kCompare,    // items, with a comparison between each two
  kCondition,  // items: test, value, and the other value where there is one
  kCaptured,   // the text of the block that a filter is applied to
};

struct Expr {
  ExprKind kind = ExprKind::kNone;
  Position at;
  Str text;             // kText; the name of kName and kNamespaceAttribute
  int64_t integer = 0;  // kInt, kBool
  double number = 0;
  Place place;  // of the name
  std::vector<ExprPtr> items;
  std::vector<Link> links;
  std::vector<Arithmetic> operators;
  std::vector<Comparison> comparisons;
};

/// What is assigned to: a name, namespace.attribute, or several of them.
struct Target {
  enum class Kind : uint8_t { kName, kAttribute, kTuple };
  Kind kind = Kind::kName;
  Position at;
  std::string name, attribute;
  Place place;
  std::vector<Target> items;
};

struct Output {
  std::vector<ExprPtr> parts;
};

struct If {
  std::vector<std::pair<ExprPtr, Body>> branches;
  Body otherwise;
};

struct For {
  Target target;
  Target test_target;  // the same names, in the frame of the test
  ExprPtr iterable, test;
  bool recursive = false;
  Body body, otherwise;
  Scope body_scope, test_scope, else_scope;
  Place loop;  // of `loop` in the body's frame
};

struct Set {
  Target target;
  ExprPtr value;
};

struct SetBlock {
  Target target;
  ExprPtr filter;  // null, or a chain on kCaptured
  Body body;
  Scope scope;
};

/// A macro, or the body of a call block (which has no name).
struct MacroBody {
  std::string name;
  std::vector<std::string> parameters;
  std::vector<Place> places;      // of the parameters
  std::vector<ExprPtr> defaults;  // of the last parameters
  Body body;
  Scope scope;
  bool uses_caller = false, uses_kwargs = false, uses_varargs = false;  // beyond the parameters
  Place caller, kwargs, varargs;
};

struct MacroStatement {
  MacroBody macro;
  Target target;
};

struct CallBlock {
  MacroBody body;
  ExprPtr call;  // null for generation blocks, which are called where they stand
};

struct FilterBlock {
  ExprPtr filter;
  Body body;
  Scope scope;
};

struct With {
  std::vector<Target> targets;
  std::vector<ExprPtr> values;
  ExprPtr autoescape;  // of an autoescape block
  Body body;
  Scope scope;
};

struct Block {
  std::string name;
  bool scoped = false;
  Body body;
  Scope scope;
};

struct Jump {
  bool is_break = false;
};

/// A statement that needs other templates: an error where it is reached.
struct Unsupported {
  std::string name;
};

struct Statement {
  Position at;
  std::variant<Output, If, For, Set, SetBlock, MacroStatement, CallBlock, FilterBlock, With, Block, Jump, Unsupported> node;
};

struct Tree {
  Body body;
  Scope scope;
  bool has_blocks = false;  // then assignments of the root are kept by name as well
};

}  // namespace sobre::jinja
