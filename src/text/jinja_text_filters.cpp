#include <algorithm>
#include <cmath>

#include "text/jinja_access.h"
#include "text/jinja_args.h"
#include "text/jinja_casing.h"
#include "text/jinja_filters.h"
#include "text/jinja_format.h"
#include "text/jinja_json.h"
#include "text/jinja_ops.h"
#include "text/jinja_text.h"
#include "text/unicode.h"

namespace sobre::jinja {

namespace {

Result<Value> filter_string(Runtime& rt, const Value& v, const Args& args) {
  TRY_VOID(no_arguments("string", args));
  TRY(const Str* s, to_str(rt, v));
  return s;
}

Result<Value> cased(Runtime& rt, const Value& v, const Args& args, std::string_view name, CaseChange change) {
  TRY_VOID(no_arguments(name, args));
  TRY(const Str* s, to_str(rt, v));
  TextBuilder out(rt.budget);
  change_case(out, *s, change);
  return out.finish(rt, s->markup);
}

Result<Value> filter_upper(Runtime& rt, const Value& v, const Args& a) { return cased(rt, v, a, "upper", CaseChange::kUpper); }
Result<Value> filter_lower(Runtime& rt, const Value& v, const Args& a) { return cased(rt, v, a, "lower", CaseChange::kLower); }
Result<Value> filter_capitalize(Runtime& rt, const Value& v, const Args& a) {
  return cased(rt, v, a, "capitalize", CaseChange::kCapitalize);
}

/// Words begin after white space and after - ( { [ <, unlike in str.title().
Result<Value> filter_title(Runtime& rt, const Value& v, const Args& args) {
  TRY_VOID(no_arguments("title", args));
  TRY(const Str* s, to_str(rt, v));
  const auto separates = [](char32_t c) { return is_space(c) || c == '-' || c == '(' || c == '{' || c == '[' || c == '<'; };
  TextBuilder out(rt.budget);
  for (size_t i = 0; i < s->bytes.size() && !rt.budget.broken();) {
    const bool gap = separates(decode_utf8(s->bytes, i).code);
    size_t end = i;
    while (end < s->bytes.size() && separates(decode_utf8(s->bytes, end).code) == gap) end += char_size(s->bytes, end);
    const size_t head = gap ? end : i + char_size(s->bytes, i);
    change_case(out, substr(*s, i, head), CaseChange::kUpper);
    change_case(out, substr(*s, head, end), CaseChange::kLower);
    i = end;
  }
  return out.finish(rt, false);
}

Result<Value> filter_trim(Runtime& rt, const Value& v, const Args& args) {
  TRY(const Bound a, bind("trim", "chars", 0, args));
  TRY(const Str* chars, a.text(0));
  TRY(const Str* s, to_str(rt, v));
  const TextSpan kept = stripped(s->bytes, Side::kBoth, chars != nullptr ? &chars->bytes : nullptr);
  return rt.heap.text(substr(*s, kept.begin, kept.end));
}

Result<Value> filter_replace(Runtime& rt, const Value& v, const Args& args) {
  TRY(const Bound a, bind("replace", "old new count", 2, args));
  TRY(const Str* s, to_str(rt, v));
  TRY(const Str* old, to_str(rt, a[0]));
  TRY(const Str* with, to_str(rt, a[1]));
  int64_t most = -1;
  if (!a.or_none(2).is_none()) {
    TRY(most, a.integer(2, -1));
  }
  TextBuilder out(rt.budget);
  replace_text(out, *s, old->bytes, *with, most);
  return out.finish(rt, false);
}

Result<Value> filter_escape(Runtime& rt, const Value& v, const Args& args) {
  TRY_VOID(no_arguments("escape", args));
  TRY(const Str* s, to_str(rt, v));
  return escaped(rt, *s);
}

Result<Value> filter_forceescape(Runtime& rt, const Value& v, const Args& args) {
  TRY_VOID(no_arguments("forceescape", args));
  TRY(const Str* s, to_str(rt, v));
  TextBuilder out(rt.budget);
  escape_html(out, *s);
  return out.finish(rt, true);
}

Result<Value> filter_safe(Runtime& rt, const Value& v, const Args& args) {
  TRY_VOID(no_arguments("safe", args));
  TRY(const Str* s, to_str(rt, v));
  TextBuilder out(rt.budget);
  out.add(*s);
  return out.finish(rt, true);
}

Result<Value> filter_center(Runtime& rt, const Value& v, const Args& args) {
  TRY(const Bound a, bind("center", "width", 0, args));
  TRY(const int64_t width, a.integer(0, 80));
  TRY(const Str* s, to_str(rt, v));
  const int64_t missing = std::max<int64_t>(width - static_cast<int64_t>(count_chars(s->bytes)), 0);
  const int64_t left = missing / 2 + (missing & width & 1);  // as str.center() does
  TextBuilder out(rt.budget);
  out.repeat(" ", static_cast<size_t>(left));
  out.add(*s);
  out.repeat(" ", static_cast<size_t>(missing - left));
  return out.finish(rt, s->markup);
}

Result<Value> filter_indent(Runtime& rt, const Value& v, const Args& args) {
  TRY(const Bound a, bind("indent", "width first blank", 0, args));
  if (v.undefined() != nullptr) return use_of_undefined(*v.undefined());
  if (v.str() == nullptr) return fail("indent wants a string, not '{}'", type_name(v));
  Str indention;
  if (a.has(0) && a[0].str() != nullptr) {
    indention = *a[0].str();
  } else {
    TRY(const int64_t width, a.integer(0, 4));
    if (width > 1000) return fail("indent: a width of {} is above the limit of 1000", width);
    indention.bytes.assign(static_cast<size_t>(std::max<int64_t>(width, 0)), ' ');
  }
  const bool blank = a.flag(2, false);
  const Str& s = *v.str();
  std::vector<TextSpan> lines = split_lines(s.bytes, false);
  // Jinja appends a newline before it splits, so that text which ends in one, and empty text, have a last empty line.
  const bool open_end = s.bytes.empty() || (!lines.empty() && lines.back().end < s.bytes.size());
  if (open_end) lines.push_back({s.bytes.size(), s.bytes.size()});
  TextBuilder out(rt.budget);
  for (size_t i = 0; i < lines.size() && !rt.budget.broken(); ++i) {
    const bool empty = lines[i].begin == lines[i].end;
    if (i > 0) out.add("\n");
    if (i == 0 ? a.flag(1, false) : blank || !empty) out.add(indention);
    out.add(s, lines[i].begin, lines[i].end);
  }
  return out.finish(rt, s.markup);
}

Result<Value> filter_truncate(Runtime& rt, const Value& v, const Args& args) {
  TRY(const Bound a, bind("truncate", "length killwords end leeway", 0, args));
  if (v.undefined() != nullptr) return v;
  TRY(const int64_t size, a.integer(0, 255));
  TRY(const Str* end, a.text(2));
  const Str dots{"...", {}, false};
  if (end == nullptr) end = &dots;
  int64_t leeway = 5;
  if (!a.or_none(3).is_none()) {
    TRY(leeway, a.integer(3, 5));
  }
  const auto end_size = static_cast<int64_t>(count_chars(end->bytes));
  if (size < end_size) return fail("expected length >= {}, got {}", end_size, size);
  if (leeway < 0) return fail("expected leeway >= 0, got {}", leeway);
  TRY(const int64_t chars, length(rt, v));
  if (chars - leeway <= size) return v;  // whatever has a length
  if (v.str() == nullptr) return fail("truncate wants a string, not '{}'", type_name(v));
  const Str& s = *v.str();
  size_t cut = char_offset(s.bytes, static_cast<size_t>(size - end_size));
  if (!a.flag(1, false))
    cut = std::min(cut, s.bytes.rfind(' ', cut == 0 ? 0 : cut - 1) == std::string::npos ? cut : s.bytes.rfind(' ', cut - 1));
  TextBuilder out(rt.budget);
  out.add(s, 0, cut);
  out.add(*end);
  return out.finish(rt, s.markup);
}

Result<Value> filter_wordcount(Runtime& rt, const Value& v, const Args& args) {
  TRY_VOID(no_arguments("wordcount", args));
  TRY(const Str* s, to_str(rt, v));
  int64_t words = 0;
  bool inside = false;
  for (size_t i = 0; i < s->bytes.size();) {
    const Utf8Char c = decode_utf8(s->bytes, i);
    const bool word = c.code == '_' || is_alnum(c.code);
    words += word && !inside ? 1 : 0;
    inside = word;
    i += c.size;
  }
  return Value::integer(words);
}

void quote_url(TextBuilder& out, const Str& s, bool query) {
  const bool from_input = has_input(s);
  for (const char c : s.bytes) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
                       c == '-' || c == '~' || (c == '/' && !query);
    if (plain)
      out.add(std::string_view(&c, 1), from_input);
    else if (c == ' ' && query)
      out.add("+", from_input);
    else
      out.add(fmt::format("%{:02X}", static_cast<unsigned char>(c)), from_input);
  }
}

Result<Value> filter_urlencode(Runtime& rt, const Value& v, const Args& args) {
  TRY_VOID(no_arguments("urlencode", args));
  TextBuilder out(rt.budget);
  if (v.str() != nullptr || !is_iterable(v)) {
    TRY(const Str* s, to_str(rt, v));
    quote_url(out, *s, false);
    return out.finish(rt);
  }
  const Value pairs =
      v.dict() != nullptr ? Value(static_cast<const View*>(rt.heap.make(View{v.dict(), View::Part::kItems}))) : v;
  TRY(const std::vector<Value> items, iterate(rt, pairs));
  for (size_t i = 0; i < items.size() && !rt.budget.broken(); ++i) {
    TRY(const std::vector<Value> pair, iterate(rt, items[i]));
    if (pair.size() != 2) return fail("urlencode wants pairs");
    TRY(const Str* key, to_str(rt, pair[0]));
    TRY(const Str* value, to_str(rt, pair[1]));
    if (i > 0) out.add("&");
    quote_url(out, *key, true);
    out.add("=");
    quote_url(out, *value, true);
  }
  return out.finish(rt);
}

Result<Value> filter_format(Runtime& rt, const Value& v, const Args& args) {
  if (!args.positional.empty() && !args.named.empty())
    return fail("can't handle positional and keyword arguments at the same time");
  TRY(const Str* s, to_str(rt, v));
  if (args.named.empty()) return format_percent(rt, *s, rt.heap.tuple(args.positional));
  Dict named;
  for (const auto& [name, value] : args.named) TRY_VOID(put(rt, named, rt.heap.text(std::string(name)), value));
  return format_percent(rt, *s, rt.heap.dict(std::move(named)));
}

Result<Value> filter_tojson(Runtime& rt, const Value& v, const Args& args) {
  TRY(const Bound a, bind("tojson", "ensure_ascii indent separators sort_keys", 0, args));
  JsonFormat format;
  format.ascii = a.flag(0, false);
  format.sort_keys = a.flag(3, false);
  if (!a.or_none(1).is_none()) {
    format.item_separator.assign(1, ',');
    if (a[1].str() != nullptr) {
      format.indent = a[1].str()->bytes;
    } else {
      TRY(const int64_t width, a.integer(1, 0));
      if (width > 1000) return fail("tojson: an indent of {} is above the limit of 1000", width);
      format.indent = std::string(static_cast<size_t>(std::max<int64_t>(width, 0)), ' ');
    }
  }
  if (!a.or_none(2).is_none()) {
    const List* pair = a[2].list();
    if (pair == nullptr || pair->items.size() != 2 || pair->items[0].str() == nullptr || pair->items[1].str() == nullptr)
      return fail("tojson: separators must be two strings");
    format.item_separator = pair->items[0].str()->bytes;
    format.key_separator = pair->items[1].str()->bytes;
  }
  return to_json(rt, v, format);
}

Result<Value> filter_int(Runtime&, const Value& v, const Args& args) {
  TRY(const Bound a, bind("int", "default base", 0, args));
  const Value absent = a.has(0) ? a[0] : Value::integer(0);
  TRY(const int64_t base, a.integer(1, 10));
  if (v.undefined() != nullptr) return use_of_undefined(*v.undefined());
  if (const auto i = v.integer()) return Value::integer(*i);
  if (v.is(Kind::kFloat)) {
    if (std::isnan(v.as_double())) return absent;
    TRY(const int64_t i, truncated(v.as_double()));
    return Value::integer(i);
  }
  if (v.str() == nullptr) return absent;
  TRY(const std::optional<int64_t> i, parse_integer(v.str()->bytes, base));
  if (i) return Value::integer(*i);
  const std::optional<double> d = parse_float(v.str()->bytes);
  if (!d || !std::isfinite(*d)) return absent;
  TRY(const int64_t whole, truncated(*d));
  return Value::integer(whole);
}

Result<Value> filter_float(Runtime&, const Value& v, const Args& args) {
  TRY(const Bound a, bind("float", "default", 0, args));
  if (v.undefined() != nullptr) return use_of_undefined(*v.undefined());
  if (v.is_number()) return Value::number(v.as_double());
  const std::optional<double> d = v.str() != nullptr ? parse_float(v.str()->bytes) : std::nullopt;
  if (d) return Value::number(*d);
  return a.has(0) ? a[0] : Value::number(0);
}

Result<Value> filter_abs(Runtime&, const Value& v, const Args& args) {
  TRY_VOID(no_arguments("abs", args));
  if (v.undefined() != nullptr) return use_of_undefined(*v.undefined());
  if (!v.is_number()) return fail("bad operand type for abs(): '{}'", type_name(v));
  if (v.is(Kind::kFloat)) return Value::number(std::fabs(v.as_double()));
  return *v.integer() < 0 ? negate(v) : Result<Value>(Value::integer(*v.integer()));
}

/// round(int, digits): only negative digits change anything; half goes to even.
Result<Value> round_integer(int64_t i, int64_t digits) {
  if (digits >= 0) return Value::integer(i);
  if (digits < -18) return Value::integer(0);
  int64_t unit = 1;
  for (int64_t k = 0; k < -digits; ++k) unit *= 10;
  const int64_t rest = i % unit, whole = i - rest, twice = std::abs(rest) - (unit - std::abs(rest));
  const bool away = twice > 0 || (twice == 0 && (whole / unit) % 2 != 0);
  return calculate(Arithmetic::kAdd, Value::integer(whole), Value::integer(away ? (rest < 0 ? -unit : unit) : 0));
}

Result<Value> filter_round(Runtime&, const Value& v, const Args& args) {
  TRY(const Bound a, bind("round", "precision method", 0, args));
  TRY(const int64_t digits, a.integer(0, 0));
  TRY(const Str* method, a.text(1));
  const std::string name = method != nullptr ? method->bytes : "common";
  if (name != "common" && name != "ceil" && name != "floor") return fail("method must be common, ceil or floor");
  if (v.undefined() != nullptr) return use_of_undefined(*v.undefined());
  if (!v.is_number()) return fail("type {} doesn't define __round__ method", type_name(v));
  if (name == "common") {
    if (v.is_int()) return round_integer(*v.integer(), digits);
    return Value::number(rounded(v.as_double(), digits));
  }
  const double unit = std::pow(10.0, static_cast<double>(digits));
  const double scaled = v.as_double() * unit;
  if (!std::isfinite(scaled)) return fail("cannot convert float infinity to integer");
  return Value::number((name == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / unit);
}

constexpr FilterEntry kTextFilters[] = {
    {"abs", filter_abs},
    {"capitalize", filter_capitalize},
    {"center", filter_center},
    {"e", filter_escape},
    {"escape", filter_escape},
    {"float", filter_float},
    {"forceescape", filter_forceescape},
    {"format", filter_format},
    {"indent", filter_indent},
    {"int", filter_int},
    {"lower", filter_lower},
    {"replace", filter_replace},
    {"round", filter_round},
    {"safe", filter_safe},
    {"string", filter_string},
    {"title", filter_title},
    {"tojson", filter_tojson},
    {"trim", filter_trim},
    {"truncate", filter_truncate},
    {"upper", filter_upper},
    {"urlencode", filter_urlencode},
    {"wordcount", filter_wordcount},
};

}  // namespace

std::span<const FilterEntry> text_filters() { return kTextFilters; }

}  // namespace sobre::jinja
