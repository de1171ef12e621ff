#include "text/jinja_access.h"

#include <algorithm>
#include <charconv>

#include "text/jinja_loop.h"
#include "text/jinja_macro.h"
#include "text/jinja_methods.h"
#include "text/jinja_ops.h"
#include "text/jinja_text.h"

namespace sobre::jinja {

namespace {

Value refused(Runtime& rt, const Value& v, std::string_view name) {
  return rt.heap.undefined(
      fmt::format("access to attribute {} of {} object is unsafe.", repr_of(clipped(name, 100)), repr_of(type_name(v))), true);
}

/// Names that every object of Python has and that a sandbox hides.
bool is_private(std::string_view name) { return name.size() > 4 && name.starts_with("__") && name.ends_with("__"); }

std::optional<Value> macro_attribute(Runtime& rt, const Macro& macro, std::string_view name) {
  const MacroBody& body = *macro.body;
  if (name == "name") return body.name.empty() ? Value() : Value(rt.heap.text(body.name));
  if (name == "catch_kwargs") return Value::boolean(body.uses_kwargs);
  if (name == "catch_varargs") return Value::boolean(body.uses_varargs);
  if (name == "caller") return Value::boolean(body.uses_caller);
  if (name != "arguments") return std::nullopt;
  std::vector<Value> names;
  for (const std::string& parameter : body.parameters) names.push_back(rt.heap.text(parameter));
  return rt.heap.tuple(std::move(names));
}

/// An attribute proper; nothing when the type has none of that name.
Result<std::optional<Value>> own_attribute(Runtime& rt, const Value& v, std::string_view name) {
  if (Namespace* ns = v.name_space()) {
    const Value* found = find(rt, ns->attributes, name);
    if (found != nullptr) return std::optional<Value>(*found);
  }
  if (is_private(name)) return std::optional<Value>(refused(rt, v, name));
  if (Loop* loop = v.loop()) {
    TRY(const std::optional<Value> attribute, loop_attribute(rt, *loop, name));
    if (attribute) return attribute;
  }
  if (const Macro* macro = v.macro()) {
    const std::optional<Value> attribute = macro_attribute(rt, *macro, name);
    if (attribute) return attribute;
  }
  if (const List* group = v.list(); group != nullptr && group->group && (name == "grouper" || name == "list"))
    return std::optional<Value>(group->items[name == "list" ? 1 : 0]);
  if (const Cycler* cycler = v.cycler(); cycler != nullptr && name == "current")
    return std::optional<Value>(cycler->items[cycler->position]);
  const MethodEntry* method = find_method(v, name);
  if (method == nullptr) return std::optional<Value>();
  if (method->call == nullptr) return std::optional<Value>(refused(rt, v, name));
  return std::optional<Value>(static_cast<const Method*>(rt.heap.make(Method{v, method})));
}

/// An item proper; nothing where Python raises TypeError or LookupError.
std::optional<Value> own_item(Runtime& rt, const Value& v, const Value& key) {
  if (const Dict* dict = v.dict()) {
    const auto found = find(rt, *dict, key);
    return found && *found != nullptr ? std::optional<Value>(**found) : std::nullopt;
  }
  const auto index = key.integer();
  if (!index || (v.str() == nullptr && v.list() == nullptr && v.range() == nullptr)) return std::nullopt;
  const auto size = length(rt, v);
  const int64_t n = size ? *size : 0;
  if (*index >= n || *index < -n) return std::nullopt;
  const int64_t i = *index < 0 ? *index + n : *index;
  if (v.list() != nullptr) return v.list()->items[static_cast<size_t>(i)];
  if (const Range* r = v.range()) return Value::integer(r->start + i * r->step);
  const Str& s = *v.str();
  rt.budget.spend_steps(s.bytes.size() / 256);
  const size_t begin = char_offset(s.bytes, static_cast<size_t>(i));
  return rt.heap.text(substr(s, begin, begin + char_size(s.bytes, begin)));
}

Value missing_item(Runtime& rt, const Value& v, const Value& key) {
  if (key.str() != nullptr) return undefined_attribute(rt, v, key.str()->bytes);
  const auto shown = to_repr(rt, key);
  return rt.heap.undefined(fmt::format("{} has no element {}", type_title(v), shown ? clipped((*shown)->bytes, 100) : "?"));
}

}  // namespace

Result<Value> get_attribute_only(Runtime& rt, const Value& v, std::string_view name) {
  if (v.undefined() != nullptr) return use_of_undefined(*v.undefined());
  TRY(const std::optional<Value> own, own_attribute(rt, v, name));
  return own ? *own : undefined_attribute(rt, v, name);
}

Result<Value> get_attribute(Runtime& rt, const Value& v, std::string_view name) {
  if (v.undefined() != nullptr) return use_of_undefined(*v.undefined());
  TRY(const std::optional<Value> own, own_attribute(rt, v, name));
  if (own) return *own;
  if (const Dict* dict = v.dict()) {
    const Value* item = find(rt, *dict, name);
    if (item != nullptr) return *item;
  }
  return undefined_attribute(rt, v, name);
}

Result<Value> get_item(Runtime& rt, const Value& v, const Value& key) {
  if (v.undefined() != nullptr) return use_of_undefined(*v.undefined());
  if (const std::optional<Value> item = own_item(rt, v, key)) return *item;
  if (const Str* name = key.str()) {
    TRY(const std::optional<Value> own, own_attribute(rt, v, name->bytes));
    if (own) return *own;
  }
  return missing_item(rt, v, key);
}

namespace {

struct SliceBounds {
  int64_t start = 0, step = 1, count = 0;
};

Result<SliceBounds> resolve_slice(int64_t n, const Value& start, const Value& stop, const Value& step) {
  for (const Value* v : {&start, &stop, &step})
    if (!v->is_none() && !v->is_int()) return fail("slice indices must be integers or None or have an __index__ method");
  SliceBounds out;
  if (!step.is_none()) out.step = std::max(*step.integer(), -INT64_MAX);
  if (out.step == 0) return fail("slice step cannot be zero");
  const bool back = out.step < 0;
  const int64_t low = back ? -1 : 0, high = back ? n - 1 : n;
  const auto bound = [&](const Value& v, int64_t absent) {
    if (v.is_none()) return absent;
    const int64_t i = *v.integer();
    return std::clamp(i < 0 ? std::max(i, -n - 1) + n : std::min(i, n), low, high);
  };
  out.start = bound(start, back ? high : low);
  const int64_t end = bound(stop, back ? low : high);
  const int64_t distance = back ? out.start - end : end - out.start;
  const uint64_t stride = static_cast<uint64_t>(back ? -out.step : out.step);
  if (distance > 0) out.count = static_cast<int64_t>((static_cast<uint64_t>(distance) - 1) / stride) + 1;
  return out;
}

/// Starts of the characters of a text, and its end.
std::vector<size_t> char_starts(std::string_view text) {
  std::vector<size_t> starts;
  for (size_t i = 0; i < text.size(); i += char_size(text, i)) starts.push_back(i);
  starts.push_back(text.size());
  return starts;
}

Value slice_text(Runtime& rt, const Str& s, const SliceBounds& b) {
  rt.budget.spend_steps(s.bytes.size() / 256);
  if (b.count == 0) return rt.heap.text(Str{{}, {}, s.markup});
  if (b.step == 1) {
    const size_t begin = char_offset(s.bytes, static_cast<size_t>(b.start));
    const size_t size = char_offset(std::string_view(s.bytes).substr(begin), static_cast<size_t>(b.count));
    return rt.heap.text(substr(s, begin, begin + size));
  }
  const std::vector<size_t> starts = char_starts(s.bytes);
  TextBuilder out(rt.budget);
  for (int64_t i = 0; i < b.count; ++i) {
    const auto at = static_cast<size_t>(b.start + i * b.step);
    out.add(s, starts[at], starts[at + 1]);
  }
  return out.finish(rt, s.markup);
}

}  // namespace

Result<Value> get_slice(Runtime& rt, const Value& v, const Value& start, const Value& stop, const Value& step) {
  if (v.undefined() != nullptr) return use_of_undefined(*v.undefined());
  if (v.dict() != nullptr) return fail("unhashable type: 'slice'");
  if (v.str() == nullptr && v.list() == nullptr && v.range() == nullptr)
    return fail("'{}' object is not subscriptable", type_name(v));
  TRY(const int64_t n, length(rt, v));
  TRY(const SliceBounds b, resolve_slice(n, start, stop, step));
  if (v.str() != nullptr) return slice_text(rt, *v.str(), b);
  if (const Range* r = v.range()) {
    const int64_t first = r->start + b.start * r->step, stride = r->step * b.step;
    return static_cast<const Range*>(rt.heap.make(Range{first, first + b.count * stride, stride, b.count}));
  }
  std::vector<Value> items;
  items.reserve(static_cast<size_t>(b.count));
  for (int64_t i = 0; i < b.count; ++i) items.push_back(v.list()->items[static_cast<size_t>(b.start + i * b.step)]);
  return v.is(Kind::kList) ? rt.heap.list(std::move(items)) : rt.heap.tuple(std::move(items));
}

Result<Value> get_path(Runtime& rt, const Value& v, const Value& path, const std::optional<Value>& fallback) {
  const auto or_fallback = [&](const Value& found) { return fallback && found.undefined() != nullptr ? *fallback : found; };
  if (path.is_none()) return v;
  Value at = v;
  if (path.str() == nullptr) {
    TRY(at, get_item(rt, v, path));
    return or_fallback(at);
  }
  std::string_view rest = path.str()->bytes;
  for (bool more = true; more;) {
    const size_t dot = std::min(rest.find('.'), rest.size());
    const std::string_view part = rest.substr(0, dot);
    int64_t index = 0;
    const bool numeric = !part.empty() && part.find_first_not_of("0123456789") == std::string_view::npos &&
                         std::from_chars(part.data(), part.data() + part.size(), index).ec == std::errc();
    TRY(at, get_item(rt, at, numeric ? Value::integer(index) : rt.heap.text(std::string(part))));
    at = or_fallback(at);
    more = dot < rest.size();
    if (more) rest.remove_prefix(dot + 1);
  }
  return at;
}

}  // namespace sobre::jinja
