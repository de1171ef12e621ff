// Values of the template language and the heap that owns them. One Runtime lives for one render, on one thread: every value
// made while rendering belongs to its heap and dies with it, so values are plain handles, cycles are harmless and nothing is
// destroyed recursively. All work and all memory is charged to the Runtime's budget; once that is broken, results are
// meaningless and the evaluator stops at its next step.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "text/chat_template.h"

namespace sobre::jinja {

enum class Kind : uint8_t {
  kUndefined,
  kNone,
  kBool,
  kInt,
  kFloat,
  kStr,
  kList,
  kTuple,
  kDict,
  kRange,
  kIterator,
  kView,
  kNamespace,
  kLoop,
  kMacro,
  kFunction,
  kMethod,
  kCycler,
  kJoiner,
};

/// A string of Python: UTF-8, with the ranges that came out of the variables, and whether it is Markup (after |safe, |escape).
struct Str {
  std::string bytes;
  std::vector<TextSpan> input;  // ascending, not touching
  bool markup = false;
};

struct Undefined {
  std::string message;   // what using it says
  bool refused = false;  // an attribute that the sandbox hides
};

struct List;
struct Dict;
struct Range;
struct Iterator;
struct View;
struct Namespace;
struct Loop;
struct Macro;
struct Function;
struct Method;
struct Cycler;
struct Joiner;

/// A handle, copied freely. Strings, lists, tuples and dicts never change once a template can see them.
class Value {
 public:
  Value() : kind_(Kind::kNone), int_(0) {}
  Value(const Undefined* p) : kind_(Kind::kUndefined), undefined_(p) {}
  Value(const Str* p) : kind_(Kind::kStr), str_(p) {}
  Value(const List* p);
  Value(const Dict* p) : kind_(Kind::kDict), dict_(p) {}
  Value(const Range* p) : kind_(Kind::kRange), range_(p) {}
  Value(Iterator* p) : kind_(Kind::kIterator), iterator_(p) {}
  Value(const View* p) : kind_(Kind::kView), view_(p) {}
  Value(Namespace* p) : kind_(Kind::kNamespace), namespace_(p) {}
  Value(Loop* p) : kind_(Kind::kLoop), loop_(p) {}
  Value(const Macro* p) : kind_(Kind::kMacro), macro_(p) {}
  Value(const Function* p) : kind_(Kind::kFunction), function_(p) {}
  Value(const Method* p) : kind_(Kind::kMethod), method_(p) {}
  Value(Cycler* p) : kind_(Kind::kCycler), cycler_(p) {}
  Value(Joiner* p) : kind_(Kind::kJoiner), joiner_(p) {}
  static Value boolean(bool b) { return Value(Kind::kBool, b ? 1 : 0); }
  static Value integer(int64_t i) { return Value(Kind::kInt, i); }
  static Value number(double d) {
    Value v;
    v.kind_ = Kind::kFloat;
    v.float_ = d;
    return v;
  }

  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] bool is(Kind k) const { return kind_ == k; }
  [[nodiscard]] bool is_none() const { return kind_ == Kind::kNone; }
  /// An int of Python: bool is one too.
  [[nodiscard]] bool is_int() const { return kind_ == Kind::kInt || kind_ == Kind::kBool; }
  [[nodiscard]] bool is_number() const { return is_int() || kind_ == Kind::kFloat; }

  /// Views; null (or nothing) for another kind.
  [[nodiscard]] const Undefined* undefined() const { return kind_ == Kind::kUndefined ? undefined_ : nullptr; }
  [[nodiscard]] const Str* str() const { return kind_ == Kind::kStr ? str_ : nullptr; }
  [[nodiscard]] const List* list() const { return kind_ == Kind::kList || kind_ == Kind::kTuple ? list_ : nullptr; }
  [[nodiscard]] const Dict* dict() const { return kind_ == Kind::kDict ? dict_ : nullptr; }
  [[nodiscard]] const Range* range() const { return kind_ == Kind::kRange ? range_ : nullptr; }
  [[nodiscard]] Iterator* iterator() const { return kind_ == Kind::kIterator ? iterator_ : nullptr; }
  [[nodiscard]] const View* view() const { return kind_ == Kind::kView ? view_ : nullptr; }
  [[nodiscard]] Namespace* name_space() const { return kind_ == Kind::kNamespace ? namespace_ : nullptr; }
  [[nodiscard]] Loop* loop() const { return kind_ == Kind::kLoop ? loop_ : nullptr; }
  [[nodiscard]] const Macro* macro() const { return kind_ == Kind::kMacro ? macro_ : nullptr; }
  [[nodiscard]] const Function* function() const { return kind_ == Kind::kFunction ? function_ : nullptr; }
  [[nodiscard]] const Method* method() const { return kind_ == Kind::kMethod ? method_ : nullptr; }
  [[nodiscard]] Cycler* cycler() const { return kind_ == Kind::kCycler ? cycler_ : nullptr; }
  [[nodiscard]] Joiner* joiner() const { return kind_ == Kind::kJoiner ? joiner_ : nullptr; }
  [[nodiscard]] std::optional<int64_t> integer() const { return is_int() ? std::optional(int_) : std::nullopt; }
  /// The value as a float; only for numbers.
  [[nodiscard]] double as_double() const { return kind_ == Kind::kFloat ? float_ : static_cast<double>(int_); }
  /// Same object: what Python's `is` says of the values that can be told apart here.
  [[nodiscard]] bool same(const Value& other) const { return kind_ == other.kind_ && int_ == other.int_; }
  [[nodiscard]] int64_t identity() const { return int_; }

 private:
  Value(Kind kind, int64_t i) : kind_(kind), int_(i) {}
  Kind kind_;
  union {
    int64_t int_;  // also the identity of an object
    double float_;
    const Undefined* undefined_;
    const Str* str_;
    const List* list_;
    const Dict* dict_;
    const Range* range_;
    Iterator* iterator_;
    const View* view_;
    Namespace* namespace_;
    Loop* loop_;
    const Macro* macro_;
    const Function* function_;
    const Method* method_;
    Cycler* cycler_;
    Joiner* joiner_;
  };
};

/// A list or a tuple. A `group` is the tuple that groupby makes, with the names grouper and list.
struct List {
  std::vector<Value> items;
  bool tuple = false;
  bool group = false;
};

inline Value::Value(const List* p) : kind_(p->tuple ? Kind::kTuple : Kind::kList), list_(p) {}

/// Insertion-ordered. `index` (canonical key -> place) exists once there are more than a few entries.
struct Dict {
  std::vector<std::pair<Value, Value>> entries;
  std::unordered_map<std::string, size_t> index;
};

struct Range {
  int64_t start = 0, stop = 0, step = 1;
  int64_t size = 0;
};

/// What map, select, reversed() and their like return: read once. `error` is raised when the items are used up, as a
/// generator of Python raises when it comes to the item that fails.
struct Iterator {
  std::vector<Value> items;
  size_t next = 0;
  std::string_view type = "generator";
  std::optional<Error> error;
};

struct View {
  enum class Part : uint8_t { kItems, kKeys, kValues };
  const Dict* dict = nullptr;
  Part part = Part::kItems;
};

struct Namespace {
  Dict attributes;
};

struct Cycler {
  std::vector<Value> items;
  size_t position = 0;
};

struct Joiner {
  Value separator;
  bool used = false;
};

/// Arguments of a call, a filter or a test (without the value that these are applied to).
struct Args {
  std::vector<Value> positional;
  std::vector<std::pair<std::string_view, Value>> named;
};

/// What is spent while rendering. A broken budget stays broken.
class Budget {
 public:
  Budget(uint64_t steps, uint64_t bytes) : steps_(steps), bytes_(bytes) {}
  void spend_steps(uint64_t n);
  void spend_bytes(uint64_t n);
  [[nodiscard]] bool broken() const { return broken_ != nullptr; }
  /// Which limit was met; only when broken.
  [[nodiscard]] std::string_view reason() const { return broken_; }
  [[nodiscard]] uint64_t bytes_left() const { return bytes_; }

 private:
  uint64_t steps_, bytes_;
  const char* broken_ = nullptr;
};

/// Owner of all values of a render.
class Heap {
 public:
  explicit Heap(Budget& budget) : budget_(budget) {}
  Heap(const Heap&) = delete;
  Heap& operator=(const Heap&) = delete;

  Value text(std::string bytes);  // not from input
  Value text(Str str);
  Value list(std::vector<Value> items);
  Value tuple(std::vector<Value> items);
  Value group(Value grouper, Value members);
  Value dict(Dict dict);
  Value iterator(std::vector<Value> items, std::string_view type = "generator", std::optional<Error> error = {});
  Value undefined(std::string message, bool refused = false);
  template <class T>
  T* make(T value) {
    budget_.spend_bytes(sizeof(T));
    return &slot<T>().emplace_back(std::move(value));
  }

 private:
  template <class T>
  std::deque<T>& slot();
  void charge_items(size_t count) { budget_.spend_bytes(count * sizeof(Value)); }

  Budget& budget_;
  std::deque<Str> strs_;
  std::deque<List> lists_;
  std::deque<Dict> dicts_;
  std::deque<Iterator> iterators_;
  std::deque<Undefined> undefineds_;
  std::deque<Range> ranges_;
  std::deque<View> views_;
  std::deque<Namespace> namespaces_;
  std::deque<Method> methods_;
  std::deque<Cycler> cyclers_;
  std::deque<Joiner> joiners_;
};

/// What builtins need to know of the render they work for.
struct Runtime {
  Runtime(const TemplateLimits& limits, const LocalTime& time)
      : budget(limits.max_steps, limits.max_value_bytes), heap(budget), now(time) {}
  Budget budget;
  Heap heap;
  LocalTime now;
  bool raised = false;  // by raise_exception: the words are the template's own
};

/// A method with the value it belongs to. `entry` points into the tables of jinja_methods.
struct MethodEntry;
struct Method {
  Value self;
  const MethodEntry* entry = nullptr;
};

/// A global function.
struct Function {
  std::string_view name;
  Result<Value> (*call)(Runtime&, const Args&);
};

/// Nesting of values that recursive operations (repr, comparison, tojson) follow.
inline constexpr int kMaxValueDepth = 200;
[[nodiscard]] std::unexpected<Error> too_deep();

/// Python's name of the type: "str", "dict", "NoneType".
[[nodiscard]] std::string_view type_name(const Value& v);
/// The same as messages about undefined names put it: "dict object", "None".
[[nodiscard]] std::string type_title(const Value& v);
[[nodiscard]] bool truthy(const Value& v);
/// The error of using an undefined value.
[[nodiscard]] std::unexpected<Error> use_of_undefined(const Undefined& u);

/// The undefined value for a missing name, attribute or element.
[[nodiscard]] Value undefined_name(Runtime& rt, std::string_view name);
[[nodiscard]] Value undefined_attribute(Runtime& rt, const Value& of, std::string_view name);

/// Canonical form of a key: equal keys have equal forms (1, 1.0 and True are one key). Lists and dicts are refused.
[[nodiscard]] Result<std::string> hash_key(const Value& key);

/// The value at a key; null when absent. Keys that cannot be hashed are an error.
[[nodiscard]] const Value* find(Runtime& rt, const Dict& dict, std::string_view key);
[[nodiscard]] Result<const Value*> find(Runtime& rt, const Dict& dict, const Value& key);
/// Sets or replaces; for dicts under construction, and for namespaces.
[[nodiscard]] Result<void> put(Runtime& rt, Dict& dict, const Value& key, const Value& value);

/// len() of Python.
[[nodiscard]] Result<int64_t> length(Runtime& rt, const Value& v);
/// The items that iterating over the value yields; an Iterator is used up. Strings yield characters, undefined nothing.
[[nodiscard]] Result<std::vector<Value>> iterate(Runtime& rt, const Value& v);
/// Whether iterate() would work.
[[nodiscard]] bool is_iterable(const Value& v);

}  // namespace sobre::jinja
