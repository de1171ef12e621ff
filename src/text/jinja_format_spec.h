// One formatted value: what a conversion of % or a replacement field of str.format() says about it. Used by jinja_format.
#pragma once

#include <string_view>

#include "text/jinja_text.h"
#include "text/jinja_value.h"

namespace sobre::jinja {

struct FormatSpec {
  std::string fill = " ";  // one character
  char align = 0;          // < > ^ =, or 0 for the default of the type
  char sign = '-';         // - + or space
  bool alternate = false;  // 0x, 0o, 0b
  int64_t width = 0;
  char grouping = 0;       // , or _
  int64_t precision = -1;  // absent
  char type = 0;           // as in str.format(); 0 for the default of the type
};

/// Widths and precisions that a template may ask for.
inline constexpr int64_t kMaxFormatWidth = 1'000'000;
inline constexpr int64_t kMaxFormatPrecision = 400;

/// The format specification of str.format(): [[fill]align][sign][#][0][width][grouping][.precision][type].
[[nodiscard]] Result<FormatSpec> parse_format_spec(std::string_view text);

void format_text(TextBuilder& out, const Str& s, const FormatSpec& spec);
[[nodiscard]] Result<void> format_integer(TextBuilder& out, int64_t i, const FormatSpec& spec);
[[nodiscard]] Result<void> format_float(TextBuilder& out, double d, const FormatSpec& spec);

}  // namespace sobre::jinja
