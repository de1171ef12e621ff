// Operators of the template language: what + and == and `in` mean for any two values, and str() and repr().
// Used by the evaluator and the builtins.
#pragma once

#include "text/jinja_number.h"
#include "text/jinja_value.h"

namespace sobre::jinja {

/// a op b as Python does it; errors are worded as Python's.
[[nodiscard]] Result<Value> operate(Runtime& rt, Arithmetic op, const Value& a, const Value& b);

enum class Comparison : uint8_t { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual, kIn, kNotIn };
[[nodiscard]] Result<bool> compare(Runtime& rt, Comparison op, const Value& a, const Value& b);
/// Deep equality.
[[nodiscard]] Result<bool> equal(Runtime& rt, const Value& a, const Value& b);
[[nodiscard]] Result<bool> less(Runtime& rt, const Value& a, const Value& b);
/// item in container.
[[nodiscard]] Result<bool> contains(Runtime& rt, const Value& container, const Value& item);

/// str(v). Undefined is the empty string; strings are themselves.
[[nodiscard]] Result<const Str*> to_str(Runtime& rt, const Value& v);
/// repr(v): from input as a whole when any string in it is.
[[nodiscard]] Result<const Str*> to_repr(Runtime& rt, const Value& v);

/// A list of strings: ranges of one string.
[[nodiscard]] Value pieces(Runtime& rt, const Str& of, const std::vector<TextSpan>& spans);

/// The string as Markup: escaped unless it is Markup already.
[[nodiscard]] Value escaped(Runtime& rt, const Str& s);

/// Sorts stably by keys; `keys` and `items` go together.
[[nodiscard]] Result<std::vector<Value>> sorted(Runtime& rt, std::vector<Value> items, const std::vector<Value>& keys,
                                                bool reverse);

}  // namespace sobre::jinja
