#include "text/jinja_methods.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "text/jinja_args.h"
#include "text/jinja_loop.h"
#include "text/jinja_ops.h"

namespace sobre::jinja {

namespace {

Result<Value> dict_get(Runtime& rt, const Value& self, const Args& args) {
  TRY(const Bound a, bind("get", "key default", 1, args));
  TRY(const Value* v, find(rt, *self.dict(), a[0]));
  return v != nullptr ? *v : a.or_none(1);
}

Result<Value> make_view(Runtime& rt, const Value& self, const Args& args, std::string_view name, View::Part part) {
  TRY_VOID(no_arguments(name, args));
  return static_cast<const View*>(rt.heap.make(View{self.dict(), part}));
}

Result<Value> dict_items(Runtime& rt, const Value& self, const Args& args) {
  return make_view(rt, self, args, "items", View::Part::kItems);
}

Result<Value> dict_keys(Runtime& rt, const Value& self, const Args& args) {
  return make_view(rt, self, args, "keys", View::Part::kKeys);
}

Result<Value> dict_values(Runtime& rt, const Value& self, const Args& args) {
  return make_view(rt, self, args, "values", View::Part::kValues);
}

/// Values never change, so a copy is the value itself.
Result<Value> copy_of(Runtime&, const Value& self, const Args& args) {
  TRY_VOID(no_arguments("copy", args));
  return self;
}

Result<Value> list_count(Runtime& rt, const Value& self, const Args& args) {
  TRY(const Bound a, bind("count", "value", 1, args));
  int64_t n = 0;
  for (const Value& item : self.list()->items) {
    TRY(const bool same, equal(rt, item, a[0]));
    n += same ? 1 : 0;
  }
  return Value::integer(n);
}

Result<Value> list_index(Runtime& rt, const Value& self, const Args& args) {
  TRY(const Bound a, bind("index", "value start stop", 1, args));
  const std::vector<Value>& items = self.list()->items;
  const auto size = static_cast<int64_t>(items.size());
  const auto place = [size](int64_t i) { return std::clamp(i < 0 ? i + size : i, int64_t{0}, size); };
  TRY(const int64_t start, a.integer(1, 0));
  TRY(const int64_t stop, a.integer(2, size));
  for (int64_t i = place(start); i < place(stop); ++i) {
    TRY(const bool same, equal(rt, items[static_cast<size_t>(i)], a[0]));
    if (same) return Value::integer(i);
  }
  if (self.is(Kind::kTuple)) return fail("tuple.index(x): x not in tuple");
  TRY(const Str* shown, to_repr(rt, a[0]));
  return fail("{} is not in list", shown->bytes);
}

Result<Value> is_integer(Runtime&, const Value& self, const Args& args) {
  TRY_VOID(no_arguments("is_integer", args));
  return Value::boolean(std::isfinite(self.as_double()) && self.as_double() == std::floor(self.as_double()));
}

Result<Value> bit_length(Runtime&, const Value& self, const Args& args) {
  TRY_VOID(no_arguments("bit_length", args));
  const int64_t i = *self.integer();
  int64_t n = 0;
  for (uint64_t magnitude = i < 0 ? 0 - static_cast<uint64_t>(i) : static_cast<uint64_t>(i); magnitude != 0; magnitude >>= 1)
    ++n;
  return Value::integer(n);
}

Result<Value> loop_cycle(Runtime&, const Value& self, const Args& args) {
  if (args.positional.empty()) return fail("no items for cycling given");
  return args.positional[self.loop()->index % args.positional.size()];
}

Result<Value> loop_changed(Runtime& rt, const Value& self, const Args& args) {
  Loop& loop = *self.loop();
  bool changed = !loop.last_changed || loop.last_changed->size() != args.positional.size();
  for (size_t i = 0; !changed && i < args.positional.size(); ++i) {
    TRY(const bool same, equal(rt, (*loop.last_changed)[i], args.positional[i]));
    changed = !same;
  }
  if (changed) loop.last_changed = args.positional;
  return Value::boolean(changed);
}

Result<Value> cycler_next(Runtime&, const Value& self, const Args& args) {
  TRY_VOID(no_arguments("next", args));
  Cycler& cycler = *self.cycler();
  const Value v = cycler.items[cycler.position];
  cycler.position = (cycler.position + 1) % cycler.items.size();
  return v;
}

Result<Value> cycler_reset(Runtime&, const Value& self, const Args& args) {
  TRY_VOID(no_arguments("reset", args));
  self.cycler()->position = 0;
  return Value();
}

constexpr MethodEntry kDictMethods[] = {
    {"clear", nullptr}, {"copy", copy_of},    {"get", dict_get},       {"items", dict_items}, {"keys", dict_keys},
    {"pop", nullptr},   {"popitem", nullptr}, {"setdefault", nullptr}, {"update", nullptr},   {"values", dict_values}};
constexpr MethodEntry kListMethods[] = {{"append", nullptr}, {"clear", nullptr},    {"copy", copy_of},   {"count", list_count},
                                        {"extend", nullptr}, {"index", list_index}, {"insert", nullptr}, {"pop", nullptr},
                                        {"remove", nullptr}, {"reverse", nullptr},  {"sort", nullptr}};
constexpr MethodEntry kTupleMethods[] = {{"count", list_count}, {"index", list_index}};
constexpr MethodEntry kIntMethods[] = {{"bit_length", bit_length}};
constexpr MethodEntry kFloatMethods[] = {{"is_integer", is_integer}};
constexpr MethodEntry kLoopMethods[] = {{"changed", loop_changed}, {"cycle", loop_cycle}};
constexpr MethodEntry kCyclerMethods[] = {{"next", cycler_next}, {"reset", cycler_reset}};

std::span<const MethodEntry> methods_of(const Value& self) {
  switch (self.kind()) {
    case Kind::kDict:
      return kDictMethods;
    case Kind::kList:
      return kListMethods;
    case Kind::kTuple:
      return kTupleMethods;
    case Kind::kBool:
    case Kind::kInt:
      return kIntMethods;
    case Kind::kFloat:
      return kFloatMethods;
    case Kind::kLoop:
      return kLoopMethods;
    case Kind::kCycler:
      return kCyclerMethods;
    default:
      return {};
  }
}

}  // namespace

const MethodEntry* find_method(const Value& self, std::string_view name) {
  if (self.str() != nullptr) return find_str_method(name);
  for (const MethodEntry& m : methods_of(self))
    if (m.name == name) return &m;
  return nullptr;
}

}  // namespace sobre::jinja
