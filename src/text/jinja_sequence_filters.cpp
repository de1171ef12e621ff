#include <algorithm>
#include <unordered_set>

#include "text/jinja_access.h"
#include "text/jinja_args.h"
#include "text/jinja_filters.h"
#include "text/jinja_ops.h"
#include "text/jinja_text.h"

namespace sobre::jinja {

namespace {

/// What values are compared by: strings in lower case unless case matters.
Value compared_as(Runtime& rt, const Value& v, bool case_sensitive) {
  if (case_sensitive || v.str() == nullptr) return v;
  TextBuilder out(rt.budget);
  change_case(out, *v.str(), CaseChange::kLower);
  return out.finish(rt);
}

/// Keys of all items: one attribute path (none: the item itself).
Result<std::vector<Value>> keys_of(Runtime& rt, const std::vector<Value>& items, const Value& path, bool case_sensitive,
                                   const std::optional<Value>& fallback = {}) {
  std::vector<Value> keys;
  for (const Value& item : items) {
    if (rt.budget.broken()) break;
    rt.budget.spend_steps(1);
    TRY(const Value key, get_path(rt, item, path, fallback));
    keys.push_back(compared_as(rt, key, case_sensitive));
  }
  keys.resize(items.size());
  return keys;
}

Result<Value> filter_length(Runtime& rt, const Value& v, const Args& args) {
  TRY_VOID(no_arguments("length", args));
  TRY(const int64_t n, length(rt, v));
  return Value::integer(n);
}

Result<Value> filter_default(Runtime& rt, const Value& v, const Args& args) {
  TRY(const Bound a, bind("default", "default_value boolean", 0, args));
  const bool replaced = v.undefined() != nullptr || (a.flag(1, false) && !truthy(v));
  if (!replaced) return v;
  return a.has(0) ? a[0] : rt.heap.text(std::string());
}

Result<Value> filter_first(Runtime& rt, const Value& v, const Args& args) {
  TRY_VOID(no_arguments("first", args));
  if (Iterator* it = v.iterator(); it != nullptr && it->next < it->items.size()) return it->items[it->next++];
  if (v.str() != nullptr && truthy(v)) return get_item(rt, v, Value::integer(0));
  TRY(const std::vector<Value> items, iterate(rt, v));
  return items.empty() ? rt.heap.undefined("No first item, sequence was empty.") : items.front();
}

Result<Value> filter_last(Runtime& rt, const Value& v, const Args& args) {
  TRY_VOID(no_arguments("last", args));
  if (v.iterator() != nullptr || !is_iterable(v)) return fail("'{}' object is not reversible", type_name(v));
  if (v.str() != nullptr && truthy(v)) return get_item(rt, v, Value::integer(-1));
  TRY(const std::vector<Value> items, iterate(rt, v));
  return items.empty() ? rt.heap.undefined("No last item, sequence was empty.") : items.back();
}

Result<Value> filter_list(Runtime& rt, const Value& v, const Args& args) {
  TRY_VOID(no_arguments("list", args));
  TRY(std::vector<Value> items, iterate(rt, v));
  return rt.heap.list(std::move(items));
}

Result<Value> filter_items(Runtime& rt, const Value& v, const Args& args) {
  TRY_VOID(no_arguments("items", args));
  if (v.undefined() != nullptr) return rt.heap.iterator({});
  if (v.dict() == nullptr) return rt.heap.iterator({}, "generator", Error{"Can only get item pairs from a mapping."});
  TRY(std::vector<Value> items, iterate(rt, static_cast<const View*>(rt.heap.make(View{v.dict(), View::Part::kItems}))));
  return rt.heap.iterator(std::move(items));
}

Result<Value> filter_reverse(Runtime& rt, const Value& v, const Args& args) {
  TRY_VOID(no_arguments("reverse", args));
  if (v.str() != nullptr) return get_slice(rt, v, Value(), Value(), Value::integer(-1));
  if (!is_iterable(v)) return fail("argument must be iterable");
  TRY(std::vector<Value> items, iterate(rt, v));
  std::reverse(items.begin(), items.end());
  if (v.iterator() != nullptr) return rt.heap.list(std::move(items));
  return rt.heap.iterator(std::move(items), "reversed");
}

Result<Value> filter_join(Runtime& rt, const Value& v, const Args& args) {
  TRY(const Bound a, bind("join", "d attribute", 0, args));
  TRY(const std::vector<Value> items, iterate(rt, v));
  const Str empty;
  const Str* separator = &empty;
  if (a.has(0)) {
    TRY(separator, to_str(rt, a[0]));
  }
  TextBuilder out(rt.budget);
  for (size_t i = 0; i < items.size() && !rt.budget.broken(); ++i) {
    rt.budget.spend_steps(1);
    TRY(const Value item, get_path(rt, items[i], a.or_none(1), {}));
    TRY(const Str* s, to_str(rt, item));
    if (i > 0) out.add(*separator);
    out.add(*s);
  }
  return out.finish(rt);
}

Result<Value> filter_sum(Runtime& rt, const Value& v, const Args& args) {
  TRY(const Bound a, bind("sum", "attribute start", 0, args));
  Value total = a.has(1) ? a[1] : Value::integer(0);
  if (total.str() != nullptr) return fail("sum() can't sum strings [use ''.join(seq) instead]");
  TRY(const std::vector<Value> items, iterate(rt, v));
  for (const Value& item : items) {
    if (rt.budget.broken()) break;
    rt.budget.spend_steps(1);
    TRY(const Value part, get_path(rt, item, a.or_none(0), {}));
    TRY(total, operate(rt, Arithmetic::kAdd, total, part));
  }
  return total;
}

Result<Value> extreme(Runtime& rt, const Value& v, const Args& args, bool largest) {
  TRY(const Bound a, bind(largest ? "max" : "min", "case_sensitive attribute", 0, args));
  TRY(const std::vector<Value> items, iterate(rt, v));
  if (items.empty()) return rt.heap.undefined("No aggregated item, sequence was empty.");
  TRY(const std::vector<Value> keys, keys_of(rt, items, a.or_none(1), a.flag(0, false)));
  size_t best = 0;
  for (size_t i = 1; i < items.size() && !rt.budget.broken(); ++i) {
    TRY(const bool better, largest ? less(rt, keys[best], keys[i]) : less(rt, keys[i], keys[best]));
    if (better) best = i;
  }
  return items[best];
}

Result<Value> filter_max(Runtime& rt, const Value& v, const Args& args) { return extreme(rt, v, args, true); }
Result<Value> filter_min(Runtime& rt, const Value& v, const Args& args) { return extreme(rt, v, args, false); }

Result<Value> filter_unique(Runtime& rt, const Value& v, const Args& args) {
  TRY(const Bound a, bind("unique", "case_sensitive attribute", 0, args));
  TRY(const std::vector<Value> items, iterate(rt, v));
  TRY(const std::vector<Value> keys, keys_of(rt, items, a.or_none(1), a.flag(0, false)));
  std::unordered_set<std::string> seen;
  std::vector<Value> out;
  for (size_t i = 0; i < items.size() && !rt.budget.broken(); ++i) {
    TRY(std::string form, hash_key(keys[i]));
    rt.budget.spend_bytes(form.size());
    if (seen.insert(std::move(form)).second) out.push_back(items[i]);
  }
  return rt.heap.iterator(std::move(out));
}

/// sort's attribute may be several paths separated by commas. The keys are lists even when it is one, for lists compare equal
/// elements without asking for their order: [None, None] can be sorted.
Result<std::vector<Value>> sort_keys_of(Runtime& rt, const std::vector<Value>& items, const Value& attribute,
                                        bool case_sensitive) {
  std::vector<Value> paths = {attribute};
  if (const Str* all = attribute.str()) {
    const std::string comma = ",";
    paths = pieces(rt, *all, split_text(all->bytes, &comma, -1)).list()->items;
  }
  std::vector<std::vector<Value>> columns;
  for (const Value& path : paths) {
    TRY(std::vector<Value> column, keys_of(rt, items, path, case_sensitive));
    columns.push_back(std::move(column));
    if (rt.budget.broken()) return columns.front();
  }
  std::vector<Value> keys;
  for (size_t i = 0; i < items.size(); ++i) {
    std::vector<Value> key;
    for (const auto& column : columns) key.push_back(column[i]);
    keys.push_back(rt.heap.list(std::move(key)));
  }
  return keys;
}

Result<Value> filter_sort(Runtime& rt, const Value& v, const Args& args) {
  TRY(const Bound a, bind("sort", "reverse case_sensitive attribute", 0, args));
  TRY(std::vector<Value> items, iterate(rt, v));
  TRY(const std::vector<Value> keys, sort_keys_of(rt, items, a.or_none(2), a.flag(1, false)));
  TRY(items, sorted(rt, std::move(items), keys, a.flag(0, false)));
  return rt.heap.list(std::move(items));
}

Result<Value> filter_dictsort(Runtime& rt, const Value& v, const Args& args) {
  TRY(const Bound a, bind("dictsort", "case_sensitive by reverse", 0, args));
  TRY(const Str* by, a.text(1));
  const std::string name = by != nullptr ? by->bytes : "key";
  if (name != "key" && name != "value") return fail("You can only sort by either \"key\" or \"value\"");
  if (v.undefined() != nullptr) return use_of_undefined(*v.undefined());
  if (v.dict() == nullptr) return fail("'{}' object has no attribute 'items'", type_name(v));
  TRY(std::vector<Value> items, iterate(rt, static_cast<const View*>(rt.heap.make(View{v.dict(), View::Part::kItems}))));
  TRY(const std::vector<Value> keys, keys_of(rt, items, Value::integer(name == "key" ? 0 : 1), a.flag(0, false)));
  TRY(items, sorted(rt, std::move(items), keys, a.flag(2, false)));
  return rt.heap.list(std::move(items));
}

Result<Value> filter_groupby(Runtime& rt, const Value& v, const Args& args) {
  TRY(const Bound a, bind("groupby", "attribute default case_sensitive", 1, args));
  TRY(std::vector<Value> items, iterate(rt, v));
  const bool case_sensitive = a.flag(2, false);
  const std::optional<Value> fallback = a.or_none(1).is_none() ? std::nullopt : a.optional(1);
  TRY(std::vector<Value> keys, keys_of(rt, items, a[0], case_sensitive, fallback));
  TRY(items, sorted(rt, std::move(items), keys, false));
  TRY(keys, sorted(rt, keys, keys, false));
  std::vector<Value> groups;
  for (size_t begin = 0; begin < items.size() && !rt.budget.broken();) {
    size_t end = begin + 1;
    for (; end < items.size(); ++end) {
      TRY(const bool same, equal(rt, keys[begin], keys[end]));
      if (!same) break;
    }
    TRY(const Value grouper, get_path(rt, items[begin], a[0], fallback));
    std::vector<Value> members(items.begin() + static_cast<ptrdiff_t>(begin), items.begin() + static_cast<ptrdiff_t>(end));
    groups.push_back(rt.heap.group(grouper, rt.heap.list(std::move(members))));
    begin = end;
  }
  return rt.heap.list(std::move(groups));
}

/// map(attribute="a.b", default=x), or map("filter", arguments...).
Result<Value> filter_map(Runtime& rt, const Value& v, const Args& args) {
  if (!truthy(v)) return rt.heap.iterator({});
  TRY(const std::vector<Value> items, iterate(rt, v));
  const bool by_attribute = args.positional.empty() && !args.named.empty();
  if (!by_attribute && args.positional.empty()) return fail("map requires a filter argument");
  Bound named;
  Args rest;
  if (by_attribute) {
    TRY(named, bind("map", "attribute default", 1, args));
  } else {
    rest.positional.assign(args.positional.begin() + 1, args.positional.end());
    rest.named = args.named;
  }
  std::vector<Value> out;
  std::optional<Error> error;
  for (size_t i = 0; i < items.size() && !error && !rt.budget.broken(); ++i) {
    rt.budget.spend_steps(1);
    Result<Value> mapped;
    if (by_attribute)
      mapped = get_path(rt, items[i], named[0], named.or_none(1).is_none() ? std::nullopt : named.optional(1));
    else if (args.positional[0].str() != nullptr)
      mapped = call_filter(rt, args.positional[0].str()->bytes, items[i], rest);
    else
      mapped = fail("map wants the name of a filter");
    if (mapped)
      out.push_back(*mapped);
    else
      error = mapped.error();
  }
  return rt.heap.iterator(std::move(out), "generator", std::move(error));
}

/// What select and its kin have in common: a test (or truth) on each item, or on an attribute of it.
Result<Value> choose(Runtime& rt, const Value& v, const Args& args, bool keep, bool by_attribute) {
  if (!truthy(v)) return rt.heap.iterator({});
  TRY(const std::vector<Value> items, iterate(rt, v));
  const size_t skip = by_attribute ? 1 : 0;
  if (args.positional.size() < skip) return fail("Missing parameter for attribute name");
  const bool has_test = args.positional.size() > skip;
  Args rest;
  if (has_test) rest.positional.assign(args.positional.begin() + static_cast<ptrdiff_t>(skip) + 1, args.positional.end());
  rest.named = args.named;
  const auto chosen = [&](const Value& item) -> Result<bool> {
    TRY(const Value looked_at, by_attribute ? get_path(rt, item, args.positional[0], {}) : Result<Value>(item));
    if (!has_test) return truthy(looked_at) == keep;
    if (args.positional[skip].str() == nullptr) return fail("the name of a test is wanted");
    TRY(const bool holds, call_test(rt, args.positional[skip].str()->bytes, looked_at, rest));
    return holds == keep;
  };
  std::vector<Value> out;
  std::optional<Error> error;
  for (size_t i = 0; i < items.size() && !error && !rt.budget.broken(); ++i) {
    rt.budget.spend_steps(1);
    const Result<bool> take = chosen(items[i]);
    if (!take) error = take.error();
    if (take && *take) out.push_back(items[i]);
  }
  return rt.heap.iterator(std::move(out), "generator", std::move(error));
}

Result<Value> filter_select(Runtime& rt, const Value& v, const Args& a) { return choose(rt, v, a, true, false); }
Result<Value> filter_reject(Runtime& rt, const Value& v, const Args& a) { return choose(rt, v, a, false, false); }
Result<Value> filter_selectattr(Runtime& rt, const Value& v, const Args& a) { return choose(rt, v, a, true, true); }
Result<Value> filter_rejectattr(Runtime& rt, const Value& v, const Args& a) { return choose(rt, v, a, false, true); }

Result<Value> filter_batch(Runtime& rt, const Value& v, const Args& args) {
  TRY(const Bound a, bind("batch", "linecount fill_with", 1, args));
  TRY(const int64_t size, a.integer(0, 1));
  TRY(const std::vector<Value> items, iterate(rt, v));
  std::vector<Value> rows, row;
  for (const Value& item : items) {
    if (static_cast<int64_t>(row.size()) == size) rows.push_back(rt.heap.list(std::exchange(row, {})));
    row.push_back(item);
  }
  if (!row.empty()) {
    const auto wanted = static_cast<size_t>(std::clamp<int64_t>(size, 0, 100'000));
    if (!a.or_none(1).is_none() && row.size() < wanted) row.resize(wanted, a[1]);
    rows.push_back(rt.heap.list(std::move(row)));
  }
  return rt.heap.iterator(std::move(rows));
}

Result<Value> filter_slice(Runtime& rt, const Value& v, const Args& args) {
  TRY(const Bound a, bind("slice", "slices fill_with", 1, args));
  TRY(const int64_t count, a.integer(0, 1));
  TRY(const std::vector<Value> items, iterate(rt, v));
  if (count <= 0 || count > 100'000) return fail("slice: {} slices are not between 1 and 100000", count);
  const size_t slices = static_cast<size_t>(count), each = items.size() / slices, longer = items.size() % slices;
  std::vector<Value> out;
  size_t at = 0;
  for (size_t i = 0; i < slices; ++i) {
    const size_t size = each + (i < longer ? 1 : 0);
    std::vector<Value> part(items.begin() + static_cast<ptrdiff_t>(at), items.begin() + static_cast<ptrdiff_t>(at + size));
    at += size;
    if (!a.or_none(1).is_none() && i >= longer) part.push_back(a[1]);
    out.push_back(rt.heap.list(std::move(part)));
  }
  return rt.heap.iterator(std::move(out));
}

Result<Value> filter_attr(Runtime& rt, const Value& v, const Args& args) {
  TRY(const Bound a, bind("attr", "name", 1, args));
  TRY(const Str* name, a.text(0));
  if (name == nullptr) return fail("attr wants the name of an attribute");
  return get_attribute_only(rt, v, name->bytes);
}

constexpr FilterEntry kSequenceFilters[] = {
    {"attr", filter_attr},       {"batch", filter_batch},     {"count", filter_length},
    {"d", filter_default},       {"default", filter_default}, {"dictsort", filter_dictsort},
    {"first", filter_first},     {"groupby", filter_groupby}, {"items", filter_items},
    {"join", filter_join},       {"last", filter_last},       {"length", filter_length},
    {"list", filter_list},       {"map", filter_map},         {"max", filter_max},
    {"min", filter_min},         {"reject", filter_reject},   {"rejectattr", filter_rejectattr},
    {"reverse", filter_reverse}, {"select", filter_select},   {"selectattr", filter_selectattr},
    {"slice", filter_slice},     {"sort", filter_sort},       {"sum", filter_sum},
    {"unique", filter_unique},
};

}  // namespace

std::span<const FilterEntry> sequence_filters() { return kSequenceFilters; }

}  // namespace sobre::jinja
