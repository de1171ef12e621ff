#include "text/jinja_value.h"

#include <cmath>

#include "text/jinja_text.h"

namespace sobre::jinja {

namespace {

constexpr size_t kMaxTupleKeyBytes = 1 << 20;  // of the canonical form: one tuple may hold another many times
constexpr size_t kIndexedFrom = 12;            // entries; below that a scan is faster than hashing

/// One block for every 256 bytes: a step stands for about as much work as evaluating a small expression.
constexpr uint64_t steps_for_bytes(size_t n) { return n / 256; }

}  // namespace

void Budget::spend_steps(uint64_t n) {
  if (n > steps_) {
    if (broken_ == nullptr) broken_ = "it takes too many steps";
    steps_ = 0;
    return;
  }
  steps_ -= n;
}

void Budget::spend_bytes(uint64_t n) {
  if (n > bytes_) {
    if (broken_ == nullptr) broken_ = "its values take too much memory";
    bytes_ = 0;
    return;
  }
  bytes_ -= n;
}

Value Heap::text(std::string bytes) { return text(Str{std::move(bytes), {}, false}); }

Value Heap::text(Str str) {
  budget_.spend_bytes(str.bytes.size() + str.input.size() * sizeof(TextSpan));
  budget_.spend_steps(steps_for_bytes(str.bytes.size()));
  return static_cast<const Str*>(make(std::move(str)));
}

Value Heap::list(std::vector<Value> items) {
  charge_items(items.size());
  return static_cast<const List*>(make(List{std::move(items), false, false}));
}

Value Heap::tuple(std::vector<Value> items) {
  charge_items(items.size());
  return static_cast<const List*>(make(List{std::move(items), true, false}));
}

Value Heap::group(Value grouper, Value members) {
  charge_items(2);
  return static_cast<const List*>(make(List{{grouper, members}, true, true}));
}

Value Heap::dict(Dict dict) { return static_cast<const Dict*>(make(std::move(dict))); }

Value Heap::iterator(std::vector<Value> items, std::string_view type, std::optional<Error> error) {
  charge_items(items.size());
  return make(Iterator{std::move(items), 0, type, std::move(error)});
}

Value Heap::undefined(std::string message, bool refused) {
  budget_.spend_bytes(message.size());
  return static_cast<const Undefined*>(make(Undefined{std::move(message), refused}));
}

template <>
std::deque<Str>& Heap::slot<Str>() {
  return strs_;
}
template <>
std::deque<List>& Heap::slot<List>() {
  return lists_;
}
template <>
std::deque<Dict>& Heap::slot<Dict>() {
  return dicts_;
}
template <>
std::deque<Iterator>& Heap::slot<Iterator>() {
  return iterators_;
}
template <>
std::deque<Undefined>& Heap::slot<Undefined>() {
  return undefineds_;
}
template <>
std::deque<Range>& Heap::slot<Range>() {
  return ranges_;
}
template <>
std::deque<View>& Heap::slot<View>() {
  return views_;
}
template <>
std::deque<Namespace>& Heap::slot<Namespace>() {
  return namespaces_;
}
template <>
std::deque<Method>& Heap::slot<Method>() {
  return methods_;
}
template <>
std::deque<Cycler>& Heap::slot<Cycler>() {
  return cyclers_;
}
template <>
std::deque<Joiner>& Heap::slot<Joiner>() {
  return joiners_;
}

std::unexpected<Error> too_deep() { return fail("values are nested deeper than {} levels", kMaxValueDepth); }

std::string_view type_name(const Value& v) {
  switch (v.kind()) {
    case Kind::kUndefined:
      return "Undefined";
    case Kind::kNone:
      return "NoneType";
    case Kind::kBool:
      return "bool";
    case Kind::kInt:
      return "int";
    case Kind::kFloat:
      return "float";
    case Kind::kStr:
      return v.str()->markup ? "Markup" : "str";
    case Kind::kList:
      return "list";
    case Kind::kTuple:
      return v.list()->group ? "_GroupTuple" : "tuple";
    case Kind::kDict:
      return "dict";
    case Kind::kRange:
      return "range";
    case Kind::kIterator:
      return v.iterator()->type;
    case Kind::kView: {
      constexpr std::string_view kNames[] = {"dict_items", "dict_keys", "dict_values"};
      return kNames[static_cast<size_t>(v.view()->part)];
    }
    case Kind::kNamespace:
      return "Namespace";
    case Kind::kLoop:
      return "LoopContext";
    case Kind::kMacro:
      return "Macro";
    case Kind::kFunction:
      return "function";
    case Kind::kMethod:
      return "builtin_function_or_method";
    case Kind::kCycler:
      return "Cycler";
    case Kind::kJoiner:
      return "Joiner";
  }
  return "object";
}

std::string type_title(const Value& v) {
  switch (v.kind()) {
    case Kind::kNone:
      return "None";
    case Kind::kStr:
      if (v.str()->markup) return "markupsafe.Markup object";
      break;
    case Kind::kNamespace:
      return "jinja2.utils.Namespace object";
    case Kind::kLoop:
      return "jinja2.runtime.LoopContext object";
    case Kind::kMacro:
      return "jinja2.runtime.Macro object";
    case Kind::kCycler:
      return "jinja2.utils.Cycler object";
    case Kind::kJoiner:
      return "jinja2.utils.Joiner object";
    case Kind::kTuple:
      if (v.list()->group) return "jinja2.filters._GroupTuple object";
      break;
    default:
      break;
  }
  return std::string(type_name(v)) + " object";
}

bool truthy(const Value& v) {
  switch (v.kind()) {
    case Kind::kUndefined:
    case Kind::kNone:
      return false;
    case Kind::kBool:
    case Kind::kInt:
      return *v.integer() != 0;
    case Kind::kFloat:
      return v.as_double() != 0;
    case Kind::kStr:
      return !v.str()->bytes.empty();
    case Kind::kList:
    case Kind::kTuple:
      return !v.list()->items.empty();
    case Kind::kDict:
      return !v.dict()->entries.empty();
    case Kind::kRange:
      return v.range()->size != 0;
    case Kind::kView:
      return !v.view()->dict->entries.empty();
    default:
      return true;
  }
}

std::unexpected<Error> use_of_undefined(const Undefined& u) { return std::unexpected(Error{u.message}); }

Value undefined_name(Runtime& rt, std::string_view name) { return rt.heap.undefined(fmt::format("'{}' is undefined", name)); }

Value undefined_attribute(Runtime& rt, const Value& of, std::string_view name) {
  return rt.heap.undefined(fmt::format("'{}' has no attribute {}", type_title(of), repr_of(clipped(name, 200))));
}

namespace {

Result<void> append_key(std::string& out, const Value& key, int depth) {
  if (depth > kMaxValueDepth) return too_deep();
  if (const Str* s = key.str()) {
    out += fmt::format("s{}:", s->bytes.size());
    out += s->bytes;
    return {};
  }
  if (const auto i = key.integer()) {
    out += fmt::format("i{};", *i);
    return {};
  }
  if (key.is(Kind::kFloat)) {
    const double d = key.as_double();
    if (std::fabs(d) < 9e18 && d == std::floor(d))
      out += fmt::format("i{};", static_cast<int64_t>(d));
    else
      out += fmt::format("f{};", d);
    return {};
  }
  if (key.is(Kind::kTuple)) {
    out += '(';
    for (const Value& item : key.list()->items) {
      TRY_VOID(append_key(out, item, depth + 1));
      if (out.size() > kMaxTupleKeyBytes) return fail("a tuple is too large for a key: more than {} bytes", kMaxTupleKeyBytes);
    }
    out += ')';
    return {};
  }
  if (key.is(Kind::kList) || key.is(Kind::kDict)) return fail("unhashable type: '{}'", type_name(key));
  if (key.is_none()) {
    out += 'n';
    return {};
  }
  if (key.is(Kind::kUndefined)) {
    out += 'u';
    return {};
  }
  out += fmt::format("o{};", key.identity());
  return {};
}

}  // namespace

Result<std::string> hash_key(const Value& key) {
  std::string out;
  TRY_VOID(append_key(out, key, 0));
  return out;
}

namespace {

constexpr size_t kAbsent = SIZE_MAX;

size_t place_of(Runtime& rt, const Dict& dict, std::string_view key) {
  rt.budget.spend_steps(steps_for_bytes(key.size()));
  if (!dict.index.empty()) {
    const auto it = dict.index.find(fmt::format("s{}:{}", key.size(), key));
    return it == dict.index.end() ? kAbsent : it->second;
  }
  for (size_t i = 0; i < dict.entries.size(); ++i) {
    const Str* s = dict.entries[i].first.str();
    if (s != nullptr && s->bytes == key) return i;
  }
  return kAbsent;
}

Result<size_t> place_of(Runtime& rt, const Dict& dict, const Value& key) {
  if (key.str() != nullptr) return place_of(rt, dict, std::string_view(key.str()->bytes));
  TRY(const std::string wanted, hash_key(key));
  rt.budget.spend_steps(steps_for_bytes(wanted.size()));
  if (!dict.index.empty()) {
    const auto it = dict.index.find(wanted);
    return it == dict.index.end() ? kAbsent : it->second;
  }
  for (size_t i = 0; i < dict.entries.size(); ++i) {
    if (dict.entries[i].first.str() != nullptr) continue;
    TRY(const std::string present, hash_key(dict.entries[i].first));
    if (present == wanted) return i;
  }
  return kAbsent;
}

}  // namespace

const Value* find(Runtime& rt, const Dict& dict, std::string_view key) {
  const size_t i = place_of(rt, dict, key);
  return i == kAbsent ? nullptr : &dict.entries[i].second;
}

Result<const Value*> find(Runtime& rt, const Dict& dict, const Value& key) {
  TRY(const size_t i, place_of(rt, dict, key));
  return i == kAbsent ? nullptr : &dict.entries[i].second;
}

Result<void> put(Runtime& rt, Dict& dict, const Value& key, const Value& value) {
  TRY(const size_t i, place_of(rt, dict, key));
  if (i != kAbsent) {
    dict.entries[i].second = value;
    return {};
  }
  dict.entries.emplace_back(key, value);
  rt.budget.spend_bytes(sizeof(dict.entries[0]));
  if (dict.entries.size() < kIndexedFrom) return {};
  for (size_t k = dict.index.size(); k < dict.entries.size(); ++k) {
    TRY(std::string form, hash_key(dict.entries[k].first));
    rt.budget.spend_bytes(form.size() + 2 * sizeof(form));
    dict.index.emplace(std::move(form), k);
  }
  return {};
}

Result<int64_t> length(Runtime& rt, const Value& v) {
  switch (v.kind()) {
    case Kind::kUndefined:
      return 0;
    case Kind::kStr:
      rt.budget.spend_steps(steps_for_bytes(v.str()->bytes.size()));
      return static_cast<int64_t>(count_chars(v.str()->bytes));
    case Kind::kList:
    case Kind::kTuple:
      return static_cast<int64_t>(v.list()->items.size());
    case Kind::kDict:
      return static_cast<int64_t>(v.dict()->entries.size());
    case Kind::kRange:
      return v.range()->size;
    case Kind::kView:
      return static_cast<int64_t>(v.view()->dict->entries.size());
    default:
      return fail("object of type '{}' has no len()", type_name(v));
  }
}

bool is_iterable(const Value& v) {
  switch (v.kind()) {
    case Kind::kUndefined:
    case Kind::kStr:
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kDict:
    case Kind::kRange:
    case Kind::kIterator:
    case Kind::kView:
      return true;
    default:
      return false;
  }
}

namespace {

std::vector<Value> characters(Runtime& rt, const Str& s) {
  std::vector<Value> out;
  for (size_t i = 0; i < s.bytes.size() && !rt.budget.broken();) {
    const size_t end = i + char_size(s.bytes, i);
    out.push_back(rt.heap.text(substr(s, i, end)));
    i = end;
  }
  return out;
}

std::vector<Value> view_items(Runtime& rt, const Dict& dict, View::Part part) {
  std::vector<Value> out;
  out.reserve(dict.entries.size());
  for (const auto& [key, value] : dict.entries) {
    if (part == View::Part::kItems)
      out.push_back(rt.heap.tuple({key, value}));
    else
      out.push_back(part == View::Part::kKeys ? key : value);
  }
  return out;
}

Result<std::vector<Value>> rest_of(Iterator& it) {
  std::vector<Value> out(it.items.begin() + static_cast<ptrdiff_t>(it.next), it.items.end());
  it.next = it.items.size();
  if (it.error) return std::unexpected(*it.error);
  return out;
}

}  // namespace

Result<std::vector<Value>> iterate(Runtime& rt, const Value& v) {
  std::vector<Value> out;
  switch (v.kind()) {
    case Kind::kUndefined:
      break;
    case Kind::kStr:
      out = characters(rt, *v.str());
      break;
    case Kind::kList:
    case Kind::kTuple:
      out = v.list()->items;
      break;
    case Kind::kDict:
      out = view_items(rt, *v.dict(), View::Part::kKeys);
      break;
    case Kind::kView:
      out = view_items(rt, *v.view()->dict, v.view()->part);
      break;
    case Kind::kRange:
      for (int64_t i = 0; i < v.range()->size; ++i) out.push_back(Value::integer(v.range()->start + i * v.range()->step));
      break;
    case Kind::kIterator: {
      TRY(out, rest_of(*v.iterator()));
      break;
    }
    default:
      return fail("'{}' object is not iterable", type_name(v));
  }
  rt.budget.spend_steps(out.size() / 16);
  return out;
}

}  // namespace sobre::jinja
