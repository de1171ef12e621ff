#include "text/jinja_filters.h"

#include "text/jinja_args.h"
#include "text/jinja_format.h"
#include "text/jinja_methods.h"
#include "text/jinja_ops.h"
#include "text/jinja_text.h"

namespace sobre::jinja {

namespace {

template <Kind kind>
Result<bool> is_kind(Runtime&, const Value& v, const Args& args) {
  TRY_VOID(no_arguments("the test", args));
  return v.is(kind);
}

Result<bool> is_defined(Runtime&, const Value& v, const Args& args) {
  TRY_VOID(no_arguments("defined", args));
  return v.undefined() == nullptr;
}

Result<bool> is_number_test(Runtime&, const Value& v, const Args& args) {
  TRY_VOID(no_arguments("number", args));
  return v.is_number();
}

Result<bool> is_true(Runtime&, const Value& v, const Args& args) {
  TRY_VOID(no_arguments("true", args));
  return v.is(Kind::kBool) && truthy(v);
}

Result<bool> is_false(Runtime&, const Value& v, const Args& args) {
  TRY_VOID(no_arguments("false", args));
  return v.is(Kind::kBool) && !truthy(v);
}

Result<bool> is_sequence(Runtime&, const Value& v, const Args& args) {
  TRY_VOID(no_arguments("sequence", args));
  return v.undefined() != nullptr || v.str() != nullptr || v.list() != nullptr || v.dict() != nullptr || v.range() != nullptr;
}

Result<bool> is_iterable_test(Runtime&, const Value& v, const Args& args) {
  TRY_VOID(no_arguments("iterable", args));
  return is_iterable(v) || v.is(Kind::kLoop);
}

Result<bool> is_callable(Runtime&, const Value& v, const Args& args) {
  TRY_VOID(no_arguments("callable", args));
  switch (v.kind()) {
    case Kind::kUndefined:
    case Kind::kLoop:
    case Kind::kMacro:
    case Kind::kFunction:
    case Kind::kMethod:
    case Kind::kJoiner:
      return true;
    default:
      return false;
  }
}

Result<bool> is_escaped(Runtime&, const Value& v, const Args& args) {
  TRY_VOID(no_arguments("escaped", args));
  return v.str() != nullptr && v.str()->markup;
}

Result<bool> remainder_is(Runtime& rt, const Value& v, const Value& divisor, int64_t wanted) {
  TRY(const Value rest, operate(rt, Arithmetic::kModulo, v, divisor));
  return equal(rt, rest, Value::integer(wanted));
}

Result<bool> is_odd(Runtime& rt, const Value& v, const Args& args) {
  TRY_VOID(no_arguments("odd", args));
  return remainder_is(rt, v, Value::integer(2), 1);
}

Result<bool> is_even(Runtime& rt, const Value& v, const Args& args) {
  TRY_VOID(no_arguments("even", args));
  return remainder_is(rt, v, Value::integer(2), 0);
}

Result<bool> is_divisible(Runtime& rt, const Value& v, const Args& args) {
  TRY(const Bound a, bind("divisibleby", "num", 1, args));
  return remainder_is(rt, v, a[0], 0);
}

Result<bool> str_method_holds(Runtime& rt, const Value& v, const Args& args, std::string_view method) {
  TRY_VOID(no_arguments(method, args));
  TRY(const Str* s, to_str(rt, v));
  TRY(const Value holds, find_str_method(method)->call(rt, s, {}));
  return truthy(holds);
}

Result<bool> is_lower_test(Runtime& rt, const Value& v, const Args& args) { return str_method_holds(rt, v, args, "islower"); }
Result<bool> is_upper_test(Runtime& rt, const Value& v, const Args& args) { return str_method_holds(rt, v, args, "isupper"); }

Result<bool> is_same(Runtime&, const Value& v, const Args& args) {
  TRY(const Bound a, bind("sameas", "other", 1, args));
  return v.same(a[0]);
}

Result<bool> names_filter(Runtime&, const Value& v, const Args& args) {
  TRY_VOID(no_arguments("filter", args));
  return v.str() != nullptr && find_filter(v.str()->bytes) != nullptr;
}

Result<bool> names_test(Runtime&, const Value& v, const Args& args) {
  TRY_VOID(no_arguments("test", args));
  return v.str() != nullptr && find_test(v.str()->bytes) != nullptr;
}

template <Comparison op>
Result<bool> compares(Runtime& rt, const Value& v, const Args& args) {
  TRY(const Bound a, bind("the test", "other", 1, args));
  return compare(rt, op, v, a[0]);
}

constexpr TestEntry kTests[] = {
    {"!=", compares<Comparison::kNotEqual>},
    {"<", compares<Comparison::kLess>},
    {"<=", compares<Comparison::kLessEqual>},
    {"==", compares<Comparison::kEqual>},
    {">", compares<Comparison::kGreater>},
    {">=", compares<Comparison::kGreaterEqual>},
    {"boolean", is_kind<Kind::kBool>},
    {"callable", is_callable},
    {"defined", is_defined},
    {"divisibleby", is_divisible},
    {"eq", compares<Comparison::kEqual>},
    {"equalto", compares<Comparison::kEqual>},
    {"escaped", is_escaped},
    {"even", is_even},
    {"false", is_false},
    {"filter", names_filter},
    {"float", is_kind<Kind::kFloat>},
    {"ge", compares<Comparison::kGreaterEqual>},
    {"greaterthan", compares<Comparison::kGreater>},
    {"gt", compares<Comparison::kGreater>},
    {"in", compares<Comparison::kIn>},
    {"integer", is_kind<Kind::kInt>},
    {"iterable", is_iterable_test},
    {"le", compares<Comparison::kLessEqual>},
    {"lessthan", compares<Comparison::kLess>},
    {"lower", is_lower_test},
    {"lt", compares<Comparison::kLess>},
    {"mapping", is_kind<Kind::kDict>},
    {"ne", compares<Comparison::kNotEqual>},
    {"none", is_kind<Kind::kNone>},
    {"number", is_number_test},
    {"odd", is_odd},
    {"sameas", is_same},
    {"sequence", is_sequence},
    {"string", is_kind<Kind::kStr>},
    {"test", names_test},
    {"true", is_true},
    {"undefined", is_kind<Kind::kUndefined>},
    {"upper", is_upper_test},
};

}  // namespace

const FilterEntry* find_filter(std::string_view name) {
  for (const auto table : {text_filters(), sequence_filters()})
    for (const FilterEntry& f : table)
      if (f.name == name) return &f;
  return nullptr;
}

const TestEntry* find_test(std::string_view name) {
  for (const TestEntry& t : kTests)
    if (t.name == name) return &t;
  return nullptr;
}

Result<Value> call_filter(Runtime& rt, std::string_view name, const Value& value, const Args& args) {
  const FilterEntry* filter = find_filter(name);
  if (filter == nullptr) return fail("No filter named '{}'.", clipped(name, 100));
  charge_reading(rt, value, args);
  return filter->call(rt, value, args);
}

Result<bool> call_test(Runtime& rt, std::string_view name, const Value& value, const Args& args) {
  const TestEntry* test = find_test(name);
  if (test == nullptr) return fail("No test named '{}'.", clipped(name, 100));
  charge_reading(rt, value, args);
  return test->call(rt, value, args);
}

namespace {

/// The limit of the sandbox of jinja2.
constexpr int64_t kMaxRange = 100'000;

Result<Value> global_range(Runtime& rt, const Args& args) {
  TRY(const Bound a, bind("range", "start stop step", 1, args));
  TRY(const int64_t first, a.integer(0, 0));
  TRY(const int64_t second, a.integer(1, 0));
  TRY(const int64_t step, a.integer(2, 1));
  const int64_t start = a.has(1) ? first : 0, stop = a.has(1) ? second : first;
  if (step == 0) return fail("range() arg 3 must not be zero");
  const bool forward = step > 0;
  uint64_t size = 0;
  if (forward ? start < stop : stop < start) {
    const uint64_t distance = forward ? static_cast<uint64_t>(stop) - static_cast<uint64_t>(start)
                                      : static_cast<uint64_t>(start) - static_cast<uint64_t>(stop);
    const uint64_t stride = forward ? static_cast<uint64_t>(step) : 0 - static_cast<uint64_t>(step);
    size = (distance - 1) / stride + 1;
  }
  if (size > kMaxRange) return fail("Range too big. The sandbox blocks ranges larger than MAX_RANGE ({}).", kMaxRange);
  return static_cast<const Range*>(rt.heap.make(Range{start, stop, step, static_cast<int64_t>(size)}));
}

/// dict(mapping or pairs, name=value...); what namespace() takes as well.
Result<Dict> build_dict(Runtime& rt, std::string_view name, const Args& args) {
  if (args.positional.size() > 1) return fail("{} expected at most 1 argument, got {}", name, args.positional.size());
  Dict dict;
  if (!args.positional.empty()) {
    const Value& from = args.positional[0];
    if (from.undefined() == nullptr && !is_iterable(from)) return fail("'{}' object is not iterable", type_name(from));
    const Value pairs =
        from.dict() != nullptr ? Value(static_cast<const View*>(rt.heap.make(View{from.dict(), View::Part::kItems}))) : from;
    TRY(const std::vector<Value> items, iterate(rt, pairs));
    for (const Value& item : items) {
      if (!is_iterable(item)) return fail("cannot convert dictionary update sequence element to a sequence");
      TRY(const std::vector<Value> pair, iterate(rt, item));
      if (pair.size() != 2) return fail("dictionary update sequence element has length {}; 2 is required", pair.size());
      TRY_VOID(put(rt, dict, pair[0], pair[1]));
    }
  }
  for (const auto& [key, value] : args.named) TRY_VOID(put(rt, dict, rt.heap.text(std::string(key)), value));
  return dict;
}

Result<Value> global_dict(Runtime& rt, const Args& args) {
  TRY(Dict dict, build_dict(rt, "dict", args));
  return rt.heap.dict(std::move(dict));
}

Result<Value> global_namespace(Runtime& rt, const Args& args) {
  TRY(Dict dict, build_dict(rt, "namespace", args));
  return rt.heap.make(Namespace{std::move(dict)});
}

Result<Value> global_cycler(Runtime& rt, const Args& args) {
  if (args.positional.empty()) return fail("at least one item has to be provided");
  rt.budget.spend_bytes(args.positional.size() * sizeof(Value));
  return rt.heap.make(Cycler{args.positional, 0});
}

Result<Value> global_joiner(Runtime& rt, const Args& args) {
  TRY(const Bound a, bind("joiner", "sep", 0, args));
  return rt.heap.make(Joiner{a.has(0) ? a[0] : rt.heap.text(std::string(", ")), false});
}

Result<Value> global_raise(Runtime& rt, const Args& args) {
  TRY(const Bound a, bind("raise_exception", "message", 1, args));
  TRY(const Str* message, to_str(rt, a[0]));
  rt.raised = true;
  return fail("{}", message->bytes);
}

Result<Value> global_strftime(Runtime& rt, const Args& args) {
  TRY(const Bound a, bind("strftime_now", "format", 1, args));
  TRY(const Str* format, a.text(0));
  if (format == nullptr) return fail("strftime_now wants a format");
  TRY(std::string text, format_time(rt.now, format->bytes));
  Str out{std::move(text), {}, false};
  if (has_input(*format) && !out.bytes.empty()) out.input.push_back({0, out.bytes.size()});
  return rt.heap.text(std::move(out));
}

constexpr Function kGlobals[] = {{"range", global_range},          {"dict", global_dict},     {"namespace", global_namespace},
                                 {"cycler", global_cycler},        {"joiner", global_joiner}, {"raise_exception", global_raise},
                                 {"strftime_now", global_strftime}};

}  // namespace

std::span<const Function> global_functions() { return kGlobals; }

}  // namespace sobre::jinja
