#include "text/jinja_ops.h"

#include <algorithm>
#include <numeric>

#include "text/jinja_args.h"
#include "text/jinja_format.h"
#include "text/jinja_loop.h"
#include "text/jinja_macro.h"
#include "text/jinja_text.h"

namespace sobre::jinja {

namespace {

const Undefined* either_undefined(const Value& a, const Value& b) {
  return a.undefined() != nullptr ? a.undefined() : b.undefined();
}

std::unexpected<Error> unsupported(Arithmetic op, const Value& a, const Value& b) {
  return fail("unsupported operand type(s) for {}: '{}' and '{}'", symbol_of(op), type_name(a), type_name(b));
}

/// str + str; Markup escapes the other side.
Value concatenate(Runtime& rt, const Str& a, const Str& b) {
  TextBuilder out(rt.budget);
  const bool markup = a.markup || b.markup;
  if (markup && !a.markup)
    escape_html(out, a);
  else
    out.add(a);
  if (markup && !b.markup)
    escape_html(out, b);
  else
    out.add(b);
  return out.finish(rt, markup);
}

Result<Value> add(Runtime& rt, const Value& a, const Value& b) {
  if (a.str() != nullptr && b.str() != nullptr) return concatenate(rt, *a.str(), *b.str());
  if (const Undefined* u = either_undefined(a, b)) return use_of_undefined(*u);
  if (a.list() != nullptr && b.list() != nullptr && a.kind() == b.kind()) {
    std::vector<Value> items = a.list()->items;
    items.insert(items.end(), b.list()->items.begin(), b.list()->items.end());
    rt.budget.spend_steps(items.size() / 16);
    return a.is(Kind::kList) ? rt.heap.list(std::move(items)) : rt.heap.tuple(std::move(items));
  }
  if ((a.str() != nullptr && !a.str()->markup) || a.list() != nullptr) {
    const std::string_view kind = a.str() != nullptr ? "str" : a.is(Kind::kList) ? "list" : "tuple";
    return fail("can only concatenate {} (not \"{}\") to {}", kind, type_name(b), kind);
  }
  return unsupported(Arithmetic::kAdd, a, b);
}

/// Sequence * int, either way round. The bytes and items of the result are checked before anything is built.
Result<Value> repeat(Runtime& rt, const Value& sequence, int64_t count) {
  const uint64_t times = count > 0 ? static_cast<uint64_t>(count) : 0;
  if (const Str* s = sequence.str()) {
    TextBuilder out(rt.budget);
    if (!s->bytes.empty() && times > rt.budget.bytes_left() / s->bytes.size()) rt.budget.spend_bytes(UINT64_MAX);
    for (uint64_t i = 0; i < times && !s->bytes.empty() && !rt.budget.broken(); ++i) out.add(*s);
    return out.finish(rt, s->markup);
  }
  std::vector<Value> items;
  const std::vector<Value>& part = sequence.list()->items;
  for (uint64_t i = 0; i < times && !part.empty() && items.size() * sizeof(Value) <= rt.budget.bytes_left(); ++i)
    items.insert(items.end(), part.begin(), part.end());
  return sequence.is(Kind::kList) ? rt.heap.list(std::move(items)) : rt.heap.tuple(std::move(items));
}

}  // namespace

Result<Value> operate(Runtime& rt, Arithmetic op, const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) return calculate(op, a, b);
  if (op == Arithmetic::kAdd) return add(rt, a, b);
  if (op == Arithmetic::kModulo && a.str() != nullptr && b.undefined() == nullptr) {
    charge_reading(rt, a, Args{});
    return format_percent(rt, *a.str(), b);
  }
  if (const Undefined* u = either_undefined(a, b)) return use_of_undefined(*u);
  if (op == Arithmetic::kMultiply) {
    const auto is_sequence = [](const Value& v) { return v.str() != nullptr || v.list() != nullptr; };
    if (is_sequence(a) && b.is_int()) return repeat(rt, a, *b.integer());
    if (is_sequence(b) && a.is_int()) return repeat(rt, b, *a.integer());
    if (is_sequence(a) || is_sequence(b))
      return fail("can't multiply sequence by non-int of type '{}'", type_name(is_sequence(a) ? b : a));
  }
  return unsupported(op, a, b);
}

namespace {

Result<bool> equal_at(Runtime& rt, const Value& a, const Value& b, int depth);

Result<bool> equal_items(Runtime& rt, const std::vector<Value>& a, const std::vector<Value>& b, int depth) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    TRY(const bool same, equal_at(rt, a[i], b[i], depth + 1));
    if (!same) return false;
  }
  return true;
}

Result<bool> equal_dicts(Runtime& rt, const Dict& a, const Dict& b, int depth) {
  if (a.entries.size() != b.entries.size()) return false;
  for (const auto& [key, value] : a.entries) {
    TRY(const Value* other, find(rt, b, key));
    if (other == nullptr) return false;
    TRY(const bool same, equal_at(rt, value, *other, depth + 1));
    if (!same) return false;
  }
  return true;
}

Result<bool> equal_at(Runtime& rt, const Value& a, const Value& b, int depth) {
  if (depth > kMaxValueDepth) return too_deep();
  rt.budget.spend_steps(1);
  if (rt.budget.broken()) return false;
  if (a.is_number() && b.is_number()) return compare_numbers(a, b) == 0;
  if (a.kind() != b.kind()) return false;
  if (a.is_none() || a.undefined() != nullptr) return true;
  if (a.str() != nullptr) {
    if (a.str()->bytes.size() != b.str()->bytes.size()) return false;
    rt.budget.spend_steps(a.str()->bytes.size() / 256);
    return a.str()->bytes == b.str()->bytes;
  }
  if (a.same(b)) return true;
  if (a.list() != nullptr) return equal_items(rt, a.list()->items, b.list()->items, depth);
  if (a.dict() != nullptr) return equal_dicts(rt, *a.dict(), *b.dict(), depth);
  if (const Range* x = a.range()) {
    const Range& y = *b.range();
    return x->size == y.size && (x->size == 0 || (x->start == y.start && (x->size == 1 || x->step == y.step)));
  }
  return false;
}

/// -1, 0, 1 for values that have an order; nothing with NaN. `op` only words the error.
Result<std::optional<int>> order(Runtime& rt, std::string_view op, const Value& a, const Value& b, int depth) {
  if (depth > kMaxValueDepth) return too_deep();
  rt.budget.spend_steps(1);
  if (rt.budget.broken()) return std::optional<int>(0);
  if (a.is_number() && b.is_number()) return compare_numbers(a, b);
  if (a.str() != nullptr && b.str() != nullptr) {
    rt.budget.spend_steps(std::min(a.str()->bytes.size(), b.str()->bytes.size()) / 256);
    const int c = a.str()->bytes.compare(b.str()->bytes);  // bytes of UTF-8 are in the order of the code points
    return std::optional<int>(c < 0 ? -1 : c > 0 ? 1 : 0);
  }
  if (a.list() != nullptr && a.kind() == b.kind()) {
    const std::vector<Value>&x = a.list()->items, &y = b.list()->items;
    for (size_t i = 0; i < std::min(x.size(), y.size()); ++i) {
      TRY(const bool same, equal_at(rt, x[i], y[i], depth + 1));
      if (!same) return order(rt, op, x[i], y[i], depth + 1);
    }
    return std::optional<int>(x.size() < y.size() ? -1 : x.size() > y.size() ? 1 : 0);
  }
  if (const Undefined* u = either_undefined(a, b)) return use_of_undefined(*u);
  return fail("'{}' not supported between instances of '{}' and '{}'", op, type_name(a), type_name(b));
}

}  // namespace

Result<bool> equal(Runtime& rt, const Value& a, const Value& b) { return equal_at(rt, a, b, 0); }

Result<bool> less(Runtime& rt, const Value& a, const Value& b) {
  TRY(const std::optional<int> c, order(rt, "<", a, b, 0));
  return c == -1;
}

Result<bool> compare(Runtime& rt, Comparison op, const Value& a, const Value& b) {
  const auto ordered = [&](std::string_view symbol, auto accepts) -> Result<bool> {
    TRY(const std::optional<int> c, order(rt, symbol, a, b, 0));
    return c.has_value() && accepts(*c);
  };
  switch (op) {
    case Comparison::kEqual:
      return equal(rt, a, b);
    case Comparison::kNotEqual: {
      TRY(const bool same, equal(rt, a, b));
      return !same;
    }
    case Comparison::kLess:
      return ordered("<", [](int c) { return c < 0; });
    case Comparison::kLessEqual:
      return ordered("<=", [](int c) { return c <= 0; });
    case Comparison::kGreater:
      return ordered(">", [](int c) { return c > 0; });
    case Comparison::kGreaterEqual:
      return ordered(">=", [](int c) { return c >= 0; });
    case Comparison::kIn:
      return contains(rt, b, a);
    case Comparison::kNotIn: {
      TRY(const bool in, contains(rt, b, a));
      return !in;
    }
  }
  return false;
}

namespace {

Result<bool> any_equal(Runtime& rt, const std::vector<Value>& items, const Value& item) {
  for (const Value& v : items) {
    TRY(const bool same, equal(rt, v, item));
    if (same) return true;
  }
  return false;
}

/// An iterator is read up to the item that is found.
Result<bool> found_in_iterator(Runtime& rt, Iterator& it, const Value& item) {
  while (it.next < it.items.size()) {
    TRY(const bool same, equal(rt, it.items[it.next++], item));
    if (same) return true;
  }
  if (it.error) return std::unexpected(*it.error);
  return false;
}

}  // namespace

Result<bool> contains(Runtime& rt, const Value& container, const Value& item) {
  switch (container.kind()) {
    case Kind::kUndefined:
      return false;
    case Kind::kStr:
      if (item.str() == nullptr) return fail("'in <string>' requires string as left operand, not {}", type_name(item));
      rt.budget.spend_steps(container.str()->bytes.size() / 256);
      return find_text(container.str()->bytes, item.str()->bytes) != std::string_view::npos;
    case Kind::kList:
    case Kind::kTuple:
      return any_equal(rt, container.list()->items, item);
    case Kind::kDict: {
      TRY(const Value* v, find(rt, *container.dict(), item));
      return v != nullptr;
    }
    case Kind::kIterator:
      return found_in_iterator(rt, *container.iterator(), item);
    case Kind::kView: {
      if (container.view()->part == View::Part::kKeys) return contains(rt, Value(container.view()->dict), item);
      TRY(const std::vector<Value> items, iterate(rt, container));
      return any_equal(rt, items, item);
    }
    case Kind::kRange: {
      const Range& r = *container.range();
      if (!item.is_number() || r.size == 0) return false;
      const double offset = (item.as_double() - static_cast<double>(r.start)) / static_cast<double>(r.step);
      return offset >= 0 && offset < static_cast<double>(r.size) && offset == static_cast<double>(static_cast<int64_t>(offset));
    }
    default:
      return fail("argument of type '{}' is not iterable", type_name(container));
  }
}

namespace {

/// Writes repr() of nested values, charging as it goes.
class ReprWriter {
 public:
  explicit ReprWriter(Runtime& rt) : rt_(rt) {}
  Result<void> write(const Value& v, int depth);
  Str take() {
    Str s{std::move(out_), {}, false};
    if (input_ && !s.bytes.empty()) s.input.push_back({0, s.bytes.size()});
    return s;
  }

 private:
  Result<void> write_items(std::string_view open, const std::vector<Value>& items, std::string_view close, int depth);
  Result<void> write_dict(const Dict& dict, int depth);
  void write_str(const Str& s) {
    put(s.markup ? "Markup(" + repr_of(s.bytes) + ")" : repr_of(s.bytes));
    input_ = input_ || has_input(s);
  }
  void put(std::string_view text) {
    rt_.budget.spend_steps(1);
    if (out_.size() + text.size() > rt_.budget.bytes_left()) return rt_.budget.spend_bytes(UINT64_MAX);
    out_ += text;
  }
  Runtime& rt_;
  std::string out_;
  bool input_ = false;
};

Result<void> ReprWriter::write_items(std::string_view open, const std::vector<Value>& items, std::string_view close,
                                     int depth) {
  put(open);
  for (size_t i = 0; i < items.size() && !rt_.budget.broken(); ++i) {
    if (i > 0) put(", ");
    TRY_VOID(write(items[i], depth + 1));
  }
  put(close);
  return {};
}

Result<void> ReprWriter::write_dict(const Dict& dict, int depth) {
  put("{");
  for (size_t i = 0; i < dict.entries.size() && !rt_.budget.broken(); ++i) {
    if (i > 0) put(", ");
    TRY_VOID(write(dict.entries[i].first, depth + 1));
    put(": ");
    TRY_VOID(write(dict.entries[i].second, depth + 1));
  }
  put("}");
  return {};
}

std::string range_text(const Range& r) {
  if (r.step == 1) return fmt::format("range({}, {})", r.start, r.stop);
  return fmt::format("range({}, {}, {})", r.start, r.stop, r.step);
}

Result<void> ReprWriter::write(const Value& v, int depth) {
  if (depth > kMaxValueDepth) return too_deep();
  switch (v.kind()) {
    case Kind::kNone:
      return put("None"), Result<void>();
    case Kind::kBool:
      return put(truthy(v) ? "True" : "False"), Result<void>();
    case Kind::kInt:
      return put(fmt::format("{}", *v.integer())), Result<void>();
    case Kind::kFloat:
      return put(float_text(v.as_double())), Result<void>();
    case Kind::kStr:
      return write_str(*v.str()), Result<void>();
    case Kind::kList:
      return write_items("[", v.list()->items, "]", depth);
    case Kind::kTuple:
      return write_items("(", v.list()->items, v.list()->items.size() == 1 ? ",)" : ")", depth);
    case Kind::kDict:
      return write_dict(*v.dict(), depth);
    case Kind::kRange:
      return put(range_text(*v.range())), Result<void>();
    case Kind::kView: {
      TRY(const std::vector<Value> items, iterate(rt_, v));
      return write_items(std::string(type_name(v)) + "([", items, "])", depth);
    }
    case Kind::kNamespace:
      put("<Namespace ");
      TRY_VOID(write_dict(v.name_space()->attributes, depth));
      return put(">"), Result<void>();
    case Kind::kUndefined:
      return put("Undefined"), Result<void>();
    case Kind::kMacro: {
      const std::string& name = v.macro()->body->name;
      return put(name.empty() ? "<Macro anonymous>" : fmt::format("<Macro '{}'>", name)), Result<void>();
    }
    case Kind::kLoop: {
      TRY(const std::optional<Value> size, loop_attribute(rt_, *v.loop(), "length"));
      return put(fmt::format("<LoopContext {}/{}>", v.loop()->index + 1, *size->integer())), Result<void>();
    }
    default:
      return put(fmt::format("<{} object>", type_name(v))), Result<void>();
  }
}

}  // namespace

Result<const Str*> to_repr(Runtime& rt, const Value& v) {
  ReprWriter writer(rt);
  TRY_VOID(writer.write(v, 0));
  return rt.heap.text(writer.take()).str();
}

Result<const Str*> to_str(Runtime& rt, const Value& v) {
  if (v.str() != nullptr) return v.str();
  if (v.undefined() != nullptr) return rt.heap.text(std::string()).str();
  return to_repr(rt, v);
}

Value pieces(Runtime& rt, const Str& of, const std::vector<TextSpan>& spans) {
  std::vector<Value> items;
  for (const TextSpan& s : spans) {
    if (rt.budget.broken()) break;
    items.push_back(rt.heap.text(substr(of, s.begin, s.end)));
  }
  return rt.heap.list(std::move(items));
}

Value escaped(Runtime& rt, const Str& s) {
  if (s.markup) return &s;
  TextBuilder out(rt.budget);
  escape_html(out, s);
  return out.finish(rt, true);
}

Result<std::vector<Value>> sorted(Runtime& rt, std::vector<Value> items, const std::vector<Value>& keys, bool reverse) {
  std::vector<size_t> places(items.size());
  std::iota(places.begin(), places.end(), size_t{0});
  // Merge by hand: a comparison may fail, and std::stable_sort must not be given a comparison that changes its mind.
  std::vector<size_t> merged(places.size());
  for (size_t width = 1; width < places.size(); width *= 2) {
    for (size_t begin = 0; begin < places.size(); begin += 2 * width) {
      const size_t middle = std::min(begin + width, places.size()), end = std::min(begin + 2 * width, places.size());
      size_t left = begin, right = middle;
      for (size_t out = begin; out < end; ++out) {
        bool take_right = left == middle;
        if (!take_right && right < end) {
          const Value &a = keys[places[left]], &b = keys[places[right]];
          TRY(take_right, reverse ? less(rt, a, b) : less(rt, b, a));
          if (rt.budget.broken()) return items;
        }
        merged[out] = take_right ? places[right++] : places[left++];
      }
    }
    places.swap(merged);
  }
  std::vector<Value> out;
  out.reserve(items.size());
  for (const size_t p : places) out.push_back(items[p]);
  return out;
}

}  // namespace sobre::jinja
