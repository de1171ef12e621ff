// Attributes, items and slices as a sandboxed environment gives them: nothing that would change a value or reach into
// the interpreter can be got at. Used by the evaluator, filters that take attribute names, and str.format().
#pragma once

#include <optional>
#include <string_view>

#include "text/jinja_value.h"

namespace sobre::jinja {

/// value.name: a method or attribute, then an item; undefined when there is neither. An error on undefined values.
[[nodiscard]] Result<Value> get_attribute(Runtime& rt, const Value& v, std::string_view name);
/// value[key]: an item, then, for strings, an attribute; undefined when there is neither. An error on undefined values.
[[nodiscard]] Result<Value> get_item(Runtime& rt, const Value& v, const Value& key);
/// value.name without the items: what the filter attr reads.
[[nodiscard]] Result<Value> get_attribute_only(Runtime& rt, const Value& v, std::string_view name);

/// value[start:stop:step]; none stands for an absent bound.
[[nodiscard]] Result<Value> get_slice(Runtime& rt, const Value& v, const Value& start, const Value& stop, const Value& step);

/// An attribute path as filters take it: "a.b.0", or an integer. Missing parts become `fallback` where it is given.
[[nodiscard]] Result<Value> get_path(Runtime& rt, const Value& v, const Value& path, const std::optional<Value>& fallback);

}  // namespace sobre::jinja
