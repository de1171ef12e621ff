#include "text/jinja_number.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "text/jinja_text.h"

namespace sobre::jinja {

std::string_view symbol_of(Arithmetic op) {
  switch (op) {
    case Arithmetic::kAdd:
      return "+";
    case Arithmetic::kSubtract:
      return "-";
    case Arithmetic::kMultiply:
      return "*";
    case Arithmetic::kDivide:
      return "/";
    case Arithmetic::kFloorDivide:
      return "//";
    case Arithmetic::kModulo:
      return "%";
    case Arithmetic::kPower:
      return "** or pow()";
  }
  return "?";
}

namespace {

std::unexpected<Error> overflow() { return fail("an integer does not fit in 64 bits"); }

Result<Value> integer_power(int64_t base, int64_t exponent) {
  if (exponent < 0) {
    if (base == 0) return fail("0.0 cannot be raised to a negative power");
    return Value::number(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
  }
  if (base == 0 || base == 1) return Value::integer(exponent == 0 ? 1 : base);
  if (base == -1) return Value::integer(exponent % 2 == 0 ? 1 : -1);
  int64_t product = 1;
  for (int64_t i = 0; i < exponent; ++i)
    if (__builtin_mul_overflow(product, base, &product)) return overflow();
  return Value::integer(product);
}

Result<Value> calculate_integers(Arithmetic op, int64_t a, int64_t b) {
  int64_t out = 0;
  switch (op) {
    case Arithmetic::kAdd:
      if (__builtin_add_overflow(a, b, &out)) return overflow();
      return Value::integer(out);
    case Arithmetic::kSubtract:
      if (__builtin_sub_overflow(a, b, &out)) return overflow();
      return Value::integer(out);
    case Arithmetic::kMultiply:
      if (__builtin_mul_overflow(a, b, &out)) return overflow();
      return Value::integer(out);
    case Arithmetic::kPower:
      return integer_power(a, b);
    case Arithmetic::kDivide:
      if (b == 0) return fail("division by zero");
      return Value::number(static_cast<double>(a) / static_cast<double>(b));
    case Arithmetic::kFloorDivide:
    case Arithmetic::kModulo:
      break;
  }
  if (b == 0) return fail("integer {} by zero", op == Arithmetic::kModulo ? "modulo" : "division or modulo");
  if (b == -1) {  // the one quotient that can overflow
    if (op == Arithmetic::kModulo) return Value::integer(0);
    return negate(Value::integer(a));
  }
  const int64_t remainder = a % b;
  const bool adjust = remainder != 0 && (remainder < 0) != (b < 0);
  if (op == Arithmetic::kModulo) return Value::integer(adjust ? remainder + b : remainder);
  return Value::integer(a / b - (adjust ? 1 : 0));
}

double float_modulo(double a, double b) {
  double r = std::fmod(a, b);
  if (r != 0 && (r < 0) != (b < 0)) r += b;
  return r == 0 ? std::copysign(0.0, b) : r;
}

double float_floor_divide(double a, double b) {
  const double quotient = (a - float_modulo(a, b)) / b;
  if (quotient == 0) return std::copysign(0.0, a / b);
  const double floored = std::floor(quotient);
  return quotient - floored > 0.5 ? floored + 1 : floored;
}

Result<Value> float_power(double a, double b) {
  if (a == 0 && b < 0) return fail("0.0 cannot be raised to a negative power");
  if (a < 0 && std::isfinite(b) && b != std::floor(b))
    return fail("a complex number, the power of a negative one, is not supported");
  const double power = std::pow(a, b);
  if (std::isinf(power) && std::isfinite(a) && std::isfinite(b)) return fail("Numerical result out of range");
  return Value::number(power);
}

}  // namespace

Result<Value> calculate(Arithmetic op, const Value& a, const Value& b) {
  if (a.is_int() && b.is_int()) return calculate_integers(op, *a.integer(), *b.integer());
  const double x = a.as_double(), y = b.as_double();
  switch (op) {
    case Arithmetic::kAdd:
      return Value::number(x + y);
    case Arithmetic::kSubtract:
      return Value::number(x - y);
    case Arithmetic::kMultiply:
      return Value::number(x * y);
    case Arithmetic::kPower:
      return float_power(x, y);
    case Arithmetic::kDivide:
      if (y == 0) return fail("float division by zero");
      return Value::number(x / y);
    case Arithmetic::kFloorDivide:
      if (y == 0) return fail("float floor division by zero");
      return Value::number(float_floor_divide(x, y));
    case Arithmetic::kModulo:
      if (y == 0) return fail("float modulo");
      return Value::number(float_modulo(x, y));
  }
  return fail("unknown operation");
}

Result<Value> negate(const Value& v) {
  if (const auto i = v.integer()) {
    int64_t out = 0;
    if (__builtin_sub_overflow(int64_t{0}, *i, &out)) return overflow();
    return Value::integer(out);
  }
  if (v.is(Kind::kFloat)) return Value::number(-v.as_double());
  if (v.undefined() != nullptr) return use_of_undefined(*v.undefined());
  return fail("bad operand type for unary -: '{}'", type_name(v));
}

std::optional<int> compare_numbers(const Value& a, const Value& b) {
  const auto order = [](auto x, auto y) { return x < y ? -1 : x > y ? 1 : 0; };
  if (a.is_int() && b.is_int()) return order(*a.integer(), *b.integer());
  if (std::isnan(a.as_double()) || std::isnan(b.as_double())) return std::nullopt;
  if (a.is(Kind::kFloat) && b.is(Kind::kFloat)) return order(a.as_double(), b.as_double());
  if (a.is(Kind::kFloat)) return -*compare_numbers(b, a);
  // An int and a float: compare with the float's integer part, then with its fraction.
  const int64_t i = *a.integer();
  const double d = b.as_double();
  if (d >= 0x1p63) return -1;
  if (d < -0x1p63) return 1;
  const double whole = std::floor(d);
  const int first = order(i, static_cast<int64_t>(whole));
  return first == 0 && d > whole ? -1 : first;
}

std::string float_text(double d) {
  if (std::isnan(d)) return "nan";
  if (std::isinf(d)) return d < 0 ? "-inf" : "inf";
  char buffer[40];
  const auto [end, ec] = std::to_chars(buffer, buffer + sizeof buffer, d, std::chars_format::scientific);
  std::string_view text(buffer, static_cast<size_t>(end - buffer));
  std::string sign;
  if (text[0] == '-') {
    sign = "-";
    text.remove_prefix(1);
  }
  const size_t e = text.find('e');
  std::string digits(1, text[0]);
  if (e > 2) digits += text.substr(2, e - 2);
  int exponent = 0;
  const char* begin = text.data() + e + (text[e + 1] == '+' ? 2 : 1);
  std::from_chars(begin, text.data() + text.size(), exponent);
  if (exponent < -4 || exponent >= 16) {
    std::string out = sign + digits[0];
    if (digits.size() > 1) out += "." + digits.substr(1);
    return out + fmt::format("e{}{:02}", exponent < 0 ? '-' : '+', std::abs(exponent));
  }
  if (exponent < 0) return sign + "0." + std::string(static_cast<size_t>(-exponent - 1), '0') + digits;
  const size_t whole = static_cast<size_t>(exponent) + 1;
  if (digits.size() <= whole) return sign + digits + std::string(whole - digits.size(), '0') + ".0";
  return sign + digits.substr(0, whole) + "." + digits.substr(whole);
}

namespace {

std::string_view trimmed(std::string_view text) {
  const TextSpan s = stripped(text, Side::kBoth, nullptr);
  return text.substr(s.begin, s.end - s.begin);
}

/// Underscores are allowed between digits only. Nothing where they stand elsewhere.
std::optional<std::string> without_underscores(std::string_view text) {
  const auto is_digit_like = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      out += text[i];
      continue;
    }
    if (i == 0 || i + 1 == text.size() || !is_digit_like(text[i - 1]) || !is_digit_like(text[i + 1])) return std::nullopt;
  }
  return out;
}

/// Takes off the prefix 0x, 0o, 0b that goes with the base (any of them for base 0).
int64_t take_base_prefix(std::string_view& text, int64_t base) {
  if (text.size() > 1 && text[0] == '0') {
    const char c = static_cast<char>(text[1] | 0x20);
    const int64_t named = c == 'x' ? 16 : c == 'o' ? 8 : c == 'b' ? 2 : 0;
    if (named != 0 && (base == 0 || base == named)) {
      text.remove_prefix(text.size() > 2 && text[2] == '_' ? 3 : 2);
      return named;
    }
  }
  return base == 0 ? 10 : base;
}

}  // namespace

Result<std::optional<int64_t>> parse_integer(std::string_view text, int64_t base) {
  if (base != 0 && (base < 2 || base > 36)) return std::optional<int64_t>();
  text = trimmed(text);
  const bool minus = !text.empty() && text[0] == '-';
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  const bool decimal_only = base == 0 && text.size() > 1 && text[0] == '0';
  const int64_t radix = take_base_prefix(text, base);
  const auto digits = without_underscores(text);
  if (!digits || digits->empty()) return std::optional<int64_t>();
  if (decimal_only && radix == 10 && digits->find_first_not_of('0') != std::string::npos) return std::optional<int64_t>();
  int64_t value = 0;
  bool overflowed = false;
  for (const char c : *digits) {
    const char low = static_cast<char>(c | 0x20);
    const int64_t digit = c >= '0' && c <= '9' ? c - '0' : low >= 'a' && low <= 'z' ? low - 'a' + 10 : 99;
    if (digit >= radix) return std::optional<int64_t>();
    overflowed = overflowed || __builtin_mul_overflow(value, radix, &value) || __builtin_sub_overflow(value, digit, &value);
  }
  // The digits are gathered negatively, since the smallest integer has no positive twin.
  if (overflowed || (!minus && value == std::numeric_limits<int64_t>::min())) return overflow();
  return std::optional<int64_t>(minus ? value : -value);
}

std::optional<double> parse_float(std::string_view text) {
  const auto plain = without_underscores(trimmed(text));
  if (!plain || plain->empty()) return std::nullopt;
  std::string_view s = *plain;
  double sign = 1;
  if (s[0] == '-' || s[0] == '+') {
    sign = s[0] == '-' ? -1 : 1;
    s.remove_prefix(1);
  }
  if (s.empty() || s[0] == '-' || s[0] == '+') return std::nullopt;
  // from_chars reads nan(...) too, which Python does not.
  if (s.find('(') != std::string_view::npos) return std::nullopt;
  double d = 0;
  const auto [end, ec] = std::from_chars(s.data(), s.data() + s.size(), d);
  if (end != s.data() + s.size() || ec == std::errc::invalid_argument) return std::nullopt;
  if (ec == std::errc::result_out_of_range) {
    // Which way it left the range is told by the exponent's sign, or by the length of the digits.
    const size_t e = s.find_first_of("eE");
    const bool small =
        e != std::string_view::npos ? s.substr(e + 1).starts_with('-') : s.starts_with("0.") || s.starts_with('.');
    d = small ? 0 : std::numeric_limits<double>::infinity();
  }
  return sign * d;
}

Result<int64_t> truncated(double d) {
  if (std::isnan(d)) return fail("cannot convert float NaN to integer");
  if (std::isinf(d)) return fail("cannot convert float infinity to integer");
  if (d >= 0x1p63 || d < -0x1p63) return overflow();
  return static_cast<int64_t>(d);
}

double rounded(double d, int64_t digits) {
  if (!std::isfinite(d) || digits > 323) return d;
  if (digits < -308) return std::copysign(0.0, d);
  if (digits < 0) {
    const double unit = std::pow(10.0, static_cast<double>(-digits));
    return std::nearbyint(d / unit) * unit;
  }
  const std::string text = fmt::format("{:.{}f}", d, static_cast<int>(digits));
  return parse_float(text).value_or(d);
}

}  // namespace sobre::jinja
