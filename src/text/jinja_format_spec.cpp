#include "text/jinja_format_spec.h"

#include <algorithm>
#include <cmath>

#include "text/jinja_number.h"

namespace sobre::jinja {

namespace {

bool is_digit_char(char c) { return c >= '0' && c <= '9'; }

Result<int64_t> take_number(std::string_view& text, int64_t limit, std::string_view what) {
  int64_t n = 0;
  while (!text.empty() && is_digit_char(text[0])) {
    n = n * 10 + (text[0] - '0');
    if (n > limit) return fail("format {} above the limit of {}", what, limit);
    text.remove_prefix(1);
  }
  return n;
}

bool is_align(char c) { return c == '<' || c == '>' || c == '^' || c == '='; }

bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

Result<FormatSpec> parse_format_spec(std::string_view text) {
  const std::string_view whole = text;
  FormatSpec spec;
  const size_t first = text.empty() ? 0 : char_size(text, 0);
  if (first < text.size() && is_align(text[first])) {
    spec.fill = text.substr(0, first);
    spec.align = text[first];
    text.remove_prefix(first + 1);
  } else if (!text.empty() && is_align(text[0])) {
    spec.align = text[0];
    text.remove_prefix(1);
  }
  if (!text.empty() && (text[0] == '+' || text[0] == '-' || text[0] == ' ')) {
    spec.sign = text[0];
    text.remove_prefix(1);
  }
  spec.alternate = take(text, '#');
  if (take(text, '0') && spec.align == 0) {
    spec.fill = "0";
    spec.align = '=';
  }
  TRY(spec.width, take_number(text, kMaxFormatWidth, "width"));
  if (!text.empty() && (text[0] == ',' || text[0] == '_')) {
    spec.grouping = text[0];
    text.remove_prefix(1);
  }
  if (take(text, '.')) {
    if (text.empty() || !is_digit_char(text[0])) return fail("Format specifier missing precision");
    TRY(spec.precision, take_number(text, kMaxFormatPrecision, "precision"));
  }
  if (!text.empty()) {
    spec.type = text[0];
    text.remove_prefix(1);
  }
  if (!text.empty()) return fail("Invalid format specifier '{}'", clipped(whole, 100));
  return spec;
}

namespace {

struct Padding {
  size_t left = 0, right = 0;
};

Padding padding_for(size_t chars, const FormatSpec& spec, char default_align) {
  const auto width = static_cast<size_t>(spec.width);
  if (chars >= width) return {};
  const size_t missing = width - chars;
  switch (spec.align != 0 ? spec.align : default_align) {
    case '<':
      return {0, missing};
    case '^':
      return {missing / 2, missing - missing / 2};
    default:
      return {missing, 0};
  }
}

/// Digits of an integer part, grouped from the right.
std::string grouped(std::string_view digits, char separator, size_t every) {
  std::string out;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % every == 0) out += separator;
    out += digits[i];
  }
  return out;
}

/// Writes sign, prefix and digits with padding; '=' pads between sign and digits.
void put_number(TextBuilder& out, bool negative, std::string_view prefix, std::string_view body, const FormatSpec& spec) {
  std::string head(negative ? "-" : spec.sign == '-' ? "" : std::string(1, spec.sign));
  head += prefix;
  const Padding padding = padding_for(head.size() + body.size(), spec, '>');
  const bool inside = spec.align == '=';
  if (!inside) out.repeat(spec.fill, padding.left);
  out.add(head);
  if (inside) out.repeat(spec.fill, padding.left);
  out.add(body);
  out.repeat(spec.fill, padding.right);
}

/// With zeros as padding, groups reach into the padding: 0001234 with width 9 is 0,001,234.
std::string grouped_body(std::string digits, std::string_view rest, const FormatSpec& spec, size_t head, size_t every) {
  if (spec.grouping == 0) return digits.append(rest);
  if (spec.align == '=' && spec.fill == "0") {
    const auto width = static_cast<size_t>(spec.width);
    while (head + rest.size() + digits.size() + (digits.size() - 1) / every < width) digits.insert(digits.begin(), '0');
  }
  return grouped(digits, spec.grouping, every).append(rest);
}

}  // namespace

void format_text(TextBuilder& out, const Str& s, const FormatSpec& spec) {
  const size_t end = spec.precision < 0 ? s.bytes.size() : char_offset(s.bytes, static_cast<size_t>(spec.precision));
  const Padding padding = padding_for(count_chars(std::string_view(s.bytes).substr(0, end)), spec, '<');
  out.repeat(spec.fill, padding.left);
  out.add(s, 0, end);
  out.repeat(spec.fill, padding.right);
}

Result<void> format_integer(TextBuilder& out, int64_t i, const FormatSpec& spec) {
  const uint64_t magnitude = i < 0 ? 0 - static_cast<uint64_t>(i) : static_cast<uint64_t>(i);
  std::string digits;
  std::string_view prefix;
  switch (spec.type) {
    case 0:
    case 'd':
    case 'n':
      digits = fmt::format("{}", magnitude);
      break;
    case 'x':
      digits = fmt::format("{:x}", magnitude), prefix = "0x";
      break;
    case 'X':
      digits = fmt::format("{:X}", magnitude), prefix = "0X";
      break;
    case 'o':
      digits = fmt::format("{:o}", magnitude), prefix = "0o";
      break;
    case 'b':
      digits = fmt::format("{:b}", magnitude), prefix = "0b";
      break;
    case 'c':
      if (i < 0 || i > 0x10FFFF) return fail("%c arg not in range(0x110000)");
      out.add_code(static_cast<char32_t>(i), false);
      return {};
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G':
    case '%':
      return format_float(out, static_cast<double>(i), spec);
    default:
      return fail("Unknown format code '{}' for object of type 'int'", spec.type);
  }
  if (!spec.alternate) prefix = {};
  // A precision asks for at least so many digits (only % can ask for one).
  if (spec.precision > static_cast<int64_t>(digits.size()))
    digits.insert(0, static_cast<size_t>(spec.precision) - digits.size(), '0');
  const size_t head = prefix.size() + (i < 0 || spec.sign != '-' ? 1 : 0);
  const size_t every = prefix.empty() && (spec.type == 0 || spec.type == 'd' || spec.type == 'n') ? 3 : 4;
  put_number(out, i < 0, prefix, grouped_body(digits, "", spec, head, every), spec);
  return {};
}

Result<void> format_float(TextBuilder& out, double d, const FormatSpec& spec) {
  const double magnitude = std::fabs(d);
  const int precision = static_cast<int>(spec.precision < 0 ? 6 : spec.precision);
  std::string body;
  if (!std::isfinite(d)) {
    const bool upper = spec.type == 'E' || spec.type == 'F' || spec.type == 'G';
    body = std::isnan(d) ? (upper ? "NAN" : "nan") : (upper ? "INF" : "inf");
    if (spec.type == '%') body += '%';
    put_number(out, std::signbit(d) && !std::isnan(d), "", body, spec);
    return {};
  }
  switch (spec.type) {
    case 0:
      body = spec.precision < 0 ? float_text(magnitude) : fmt::format("{:.{}g}", magnitude, std::max(precision, 1));
      if (body.find_first_of(".e") == std::string::npos) body += ".0";
      break;
    case 'e':
      body = fmt::format("{:.{}e}", magnitude, precision);
      break;
    case 'E':
      body = fmt::format("{:.{}E}", magnitude, precision);
      break;
    case 'f':
    case 'F':
      body = fmt::format("{:.{}f}", magnitude, precision);
      break;
    case 'n':
    case 'g':
      body = fmt::format("{:.{}g}", magnitude, std::max(precision, 1));
      break;
    case 'G':
      body = fmt::format("{:.{}G}", magnitude, std::max(precision, 1));
      break;
    case '%':
      body = fmt::format("{:.{}f}%", magnitude * 100, precision);
      break;
    default:
      return fail("Unknown format code '{}' for object of type 'float'", spec.type);
  }
  const size_t whole = std::min(body.find_first_not_of("0123456789"), body.size());
  const size_t head = std::signbit(d) || spec.sign != '-' ? 1 : 0;
  put_number(out, std::signbit(d), "", grouped_body(body.substr(0, whole), body.substr(whole), spec, head, 3), spec);
  return {};
}

}  // namespace sobre::jinja
