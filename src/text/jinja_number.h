// Numbers as Python has them: 64-bit integers (overflow is an error), floats, and their text. Pure, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "text/jinja_value.h"

namespace sobre::jinja {

enum class Arithmetic : uint8_t { kAdd, kSubtract, kMultiply, kDivide, kFloorDivide, kModulo, kPower };
[[nodiscard]] std::string_view symbol_of(Arithmetic op);

/// Both operands are numbers.
[[nodiscard]] Result<Value> calculate(Arithmetic op, const Value& a, const Value& b);
/// -v; errors name the type.
[[nodiscard]] Result<Value> negate(const Value& v);

/// Less than, equal, greater: exact between ints and floats. Nothing with NaN. Both are numbers.
[[nodiscard]] std::optional<int> compare_numbers(const Value& a, const Value& b);

/// repr(float): the shortest digits that read back as the same number.
[[nodiscard]] std::string float_text(double d);
/// int(text, base) and float(text); nothing where Python raises ValueError. Integers beyond 64 bits are an error.
[[nodiscard]] Result<std::optional<int64_t>> parse_integer(std::string_view text, int64_t base);
[[nodiscard]] std::optional<double> parse_float(std::string_view text);
/// int(float): an error for NaN, infinity and what does not fit.
[[nodiscard]] Result<int64_t> truncated(double d);
/// round(d, digits): half to even on the exact binary value.
[[nodiscard]] double rounded(double d, int64_t digits);

}  // namespace sobre::jinja
