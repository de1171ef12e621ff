#include <algorithm>

#include "text/jinja_access.h"
#include "text/jinja_args.h"
#include "text/jinja_casing.h"
#include "text/jinja_format.h"
#include "text/jinja_methods.h"
#include "text/jinja_ops.h"
#include "text/jinja_text.h"
#include "text/unicode.h"

namespace sobre::jinja {

namespace {

Result<Value> cased(Runtime& rt, const Value& self, const Args& args, std::string_view name, CaseChange change) {
  TRY_VOID(no_arguments(name, args));
  TextBuilder out(rt.budget);
  change_case(out, *self.str(), change);
  return out.finish(rt, self.str()->markup);
}

Result<Value> str_upper(Runtime& rt, const Value& s, const Args& a) { return cased(rt, s, a, "upper", CaseChange::kUpper); }
Result<Value> str_lower(Runtime& rt, const Value& s, const Args& a) { return cased(rt, s, a, "lower", CaseChange::kLower); }
Result<Value> str_title(Runtime& rt, const Value& s, const Args& a) { return cased(rt, s, a, "title", CaseChange::kTitle); }
Result<Value> str_swapcase(Runtime& rt, const Value& s, const Args& a) {
  return cased(rt, s, a, "swapcase", CaseChange::kSwap);
}
Result<Value> str_casefold(Runtime& rt, const Value& s, const Args& a) {
  return cased(rt, s, a, "casefold", CaseChange::kFold);
}
Result<Value> str_capitalize(Runtime& rt, const Value& s, const Args& a) {
  return cased(rt, s, a, "capitalize", CaseChange::kCapitalize);
}

Result<Value> strip_side(Runtime& rt, const Value& self, const Args& args, std::string_view name, Side side) {
  TRY(const Bound a, bind(name, "chars", 0, args));
  TRY(const Str* chars, a.text(0));
  const Str& s = *self.str();
  const TextSpan kept = stripped(s.bytes, side, chars != nullptr ? &chars->bytes : nullptr);
  return rt.heap.text(substr(s, kept.begin, kept.end));
}

Result<Value> str_strip(Runtime& rt, const Value& s, const Args& a) { return strip_side(rt, s, a, "strip", Side::kBoth); }
Result<Value> str_lstrip(Runtime& rt, const Value& s, const Args& a) { return strip_side(rt, s, a, "lstrip", Side::kLeft); }
Result<Value> str_rstrip(Runtime& rt, const Value& s, const Args& a) { return strip_side(rt, s, a, "rstrip", Side::kRight); }

Result<Value> split_side(Runtime& rt, const Value& self, const Args& args, bool from_right) {
  TRY(const Bound a, bind(from_right ? "rsplit" : "split", "sep maxsplit", 0, args));
  TRY(const Str* separator, a.text(0));
  TRY(const int64_t most, a.integer(1, -1));
  if (separator != nullptr && separator->bytes.empty()) return fail("empty separator");
  const std::string* by = separator != nullptr ? &separator->bytes : nullptr;
  const std::string& text = self.str()->bytes;
  rt.budget.spend_steps(text.size() / 256);
  return pieces(rt, *self.str(), from_right ? rsplit_text(text, by, most) : split_text(text, by, most));
}

Result<Value> str_split(Runtime& rt, const Value& self, const Args& args) { return split_side(rt, self, args, false); }
Result<Value> str_rsplit(Runtime& rt, const Value& self, const Args& args) { return split_side(rt, self, args, true); }

Result<Value> str_splitlines(Runtime& rt, const Value& self, const Args& args) {
  TRY(const Bound a, bind("splitlines", "keepends", 0, args));
  return pieces(rt, *self.str(), split_lines(self.str()->bytes, a.flag(0, false)));
}

Result<Value> partition_at(Runtime& rt, const Value& self, const Args& args, bool from_right) {
  TRY(const Bound a, bind(from_right ? "rpartition" : "partition", "sep", 1, args));
  TRY(const Str* separator, a.text(0));
  if (separator == nullptr) return fail("must be str, not NoneType");
  if (separator->bytes.empty()) return fail("empty separator");
  const Str& s = *self.str();
  const size_t size = s.bytes.size();
  size_t at = from_right ? rfind_text(s.bytes, separator->bytes) : find_text(s.bytes, separator->bytes);
  size_t end = at + separator->bytes.size();
  if (at == std::string::npos) at = end = from_right ? 0 : size;
  return rt.heap.tuple({rt.heap.text(substr(s, 0, at)), rt.heap.text(substr(s, at, end)), rt.heap.text(substr(s, end, size))});
}

Result<Value> str_partition(Runtime& rt, const Value& self, const Args& args) { return partition_at(rt, self, args, false); }
Result<Value> str_rpartition(Runtime& rt, const Value& self, const Args& args) { return partition_at(rt, self, args, true); }

/// The part of a string that start and end (in characters) leave, as bytes; nothing when start is beyond the end.
struct Window {
  size_t begin = 0, end = 0;
  bool valid = true;
};

Result<Window> window_of(const Str& s, const Bound& a, size_t first) {
  if (a.or_none(first).is_none() && a.or_none(first + 1).is_none()) return Window{0, s.bytes.size(), true};
  const auto size = static_cast<int64_t>(count_chars(s.bytes));
  const auto bound = [&](size_t i, int64_t absent) -> Result<int64_t> {
    if (a.or_none(i).is_none()) return absent;
    TRY(const int64_t n, a.integer(i, absent));
    return n < 0 ? std::max(n, -size) + size : n;
  };
  TRY(const int64_t start, bound(first, 0));
  TRY(const int64_t stop, bound(first + 1, size));
  if (start > size || start > stop) return Window{0, 0, false};
  return Window{char_offset(s.bytes, static_cast<size_t>(start)),
                char_offset(s.bytes, static_cast<size_t>(std::min(stop, size))), true};
}

Result<const Str*> wanted_text(const Bound& a, size_t i) {
  TRY(const Str* s, a.text(i));
  if (s == nullptr) return fail("must be str, not NoneType");
  return s;
}

/// Place of a substring in characters; -1 when absent.
Result<int64_t> find_place(Runtime& rt, const Value& self, const Args& args, std::string_view name, bool from_right) {
  TRY(const Bound a, bind(name, "sub start end", 1, args));
  TRY(const Str* sub, wanted_text(a, 0));
  const Str& s = *self.str();
  rt.budget.spend_steps(s.bytes.size() / 256);
  TRY(const Window w, window_of(s, a, 1));
  if (!w.valid) return -1;
  const std::string_view part = std::string_view(s.bytes).substr(w.begin, w.end - w.begin);
  const size_t at = from_right ? rfind_text(part, sub->bytes) : find_text(part, sub->bytes);
  if (at == std::string_view::npos) return -1;
  return static_cast<int64_t>(count_chars(std::string_view(s.bytes).substr(0, w.begin + at)));
}

Result<Value> str_find(Runtime& rt, const Value& self, const Args& args) {
  TRY(const int64_t at, find_place(rt, self, args, "find", false));
  return Value::integer(at);
}

Result<Value> str_rfind(Runtime& rt, const Value& self, const Args& args) {
  TRY(const int64_t at, find_place(rt, self, args, "rfind", true));
  return Value::integer(at);
}

Result<Value> str_index(Runtime& rt, const Value& self, const Args& args) {
  TRY(const int64_t at, find_place(rt, self, args, "index", false));
  if (at < 0) return fail("substring not found");
  return Value::integer(at);
}

Result<Value> str_rindex(Runtime& rt, const Value& self, const Args& args) {
  TRY(const int64_t at, find_place(rt, self, args, "rindex", true));
  if (at < 0) return fail("substring not found");
  return Value::integer(at);
}

Result<Value> str_count(Runtime& rt, const Value& self, const Args& args) {
  TRY(const Bound a, bind("count", "sub start end", 1, args));
  TRY(const Str* sub, wanted_text(a, 0));
  const Str& s = *self.str();
  rt.budget.spend_steps(s.bytes.size() / 256);
  TRY(const Window w, window_of(s, a, 1));
  if (!w.valid) return Value::integer(0);
  const std::string_view part = std::string_view(s.bytes).substr(w.begin, w.end - w.begin);
  if (sub->bytes.empty()) return Value::integer(static_cast<int64_t>(count_chars(part)) + 1);
  int64_t n = 0;
  for (size_t at = find_text(part, sub->bytes); at != std::string_view::npos;
       at = find_text(part, sub->bytes, at + sub->bytes.size()))
    ++n;
  return Value::integer(n);
}

/// startswith and endswith: one affix or a tuple of them.
Result<Value> has_affix(Runtime& rt, const Value& self, const Args& args, bool at_end) {
  const std::string_view name = at_end ? "endswith" : "startswith";
  TRY(const Bound a, bind(name, "affix start end", 1, args));
  const Str& s = *self.str();
  TRY(const Window w, window_of(s, a, 1));
  const std::string_view part = std::string_view(s.bytes).substr(w.begin, w.end - w.begin);
  std::vector<Value> affixes{a[0]};
  if (a[0].is(Kind::kTuple)) affixes = a[0].list()->items;
  rt.budget.spend_steps(affixes.size());
  for (const Value& v : affixes) {
    if (v.undefined() != nullptr) return use_of_undefined(*v.undefined());
    if (v.str() == nullptr) return fail("{} first arg must be str or a tuple of str, not {}", name, type_name(v));
    const std::string& affix = v.str()->bytes;
    if (w.valid && (at_end ? part.ends_with(affix) : part.starts_with(affix))) return Value::boolean(true);
  }
  return Value::boolean(false);
}

Result<Value> str_startswith(Runtime& rt, const Value& self, const Args& args) { return has_affix(rt, self, args, false); }
Result<Value> str_endswith(Runtime& rt, const Value& self, const Args& args) { return has_affix(rt, self, args, true); }

Result<Value> str_removeprefix(Runtime& rt, const Value& self, const Args& args) {
  TRY(const Bound a, bind("removeprefix", "prefix", 1, args));
  TRY(const Str* prefix, wanted_text(a, 0));
  const Str& s = *self.str();
  if (!s.bytes.starts_with(prefix->bytes)) return self;
  return rt.heap.text(substr(s, prefix->bytes.size(), s.bytes.size()));
}

Result<Value> str_removesuffix(Runtime& rt, const Value& self, const Args& args) {
  TRY(const Bound a, bind("removesuffix", "suffix", 1, args));
  TRY(const Str* suffix, wanted_text(a, 0));
  const Str& s = *self.str();
  if (!s.bytes.ends_with(suffix->bytes)) return self;
  return rt.heap.text(substr(s, 0, s.bytes.size() - suffix->bytes.size()));
}

Result<Value> str_replace(Runtime& rt, const Value& self, const Args& args) {
  TRY(const Bound a, bind("replace", "old new count", 2, args));
  TRY(const Str* old, wanted_text(a, 0));
  TRY(const Str* with, wanted_text(a, 1));
  TRY(const int64_t most, a.integer(2, -1));
  const Str& s = *self.str();
  if (s.markup) with = escaped(rt, *with).str();
  TextBuilder out(rt.budget);
  replace_text(out, s, old->bytes, *with, most);
  return out.finish(rt, s.markup);
}

Result<Value> str_join(Runtime& rt, const Value& self, const Args& args) {
  TRY(const Bound a, bind("join", "iterable", 1, args));
  if (!is_iterable(a[0])) return fail("can only join an iterable");
  TRY(const std::vector<Value> items, iterate(rt, a[0]));
  const Str& separator = *self.str();
  TextBuilder out(rt.budget);
  for (size_t i = 0; i < items.size() && !rt.budget.broken(); ++i) {
    if (i > 0) out.add(separator);
    const Str* item = items[i].str();
    if (item == nullptr && separator.markup) {
      TRY(item, to_str(rt, items[i]));
    }
    if (item == nullptr) return fail("sequence item {}: expected str instance, {} found", i, type_name(items[i]));
    if (separator.markup) item = escaped(rt, *item).str();
    out.add(*item);
  }
  return out.finish(rt, separator.markup);
}

/// ljust, rjust, center: where the padding goes is all that differs.
Result<Value> justify(Runtime& rt, const Value& self, const Args& args, std::string_view name, Side text_side) {
  TRY(const Bound a, bind(name, "width fillchar", 1, args));
  TRY(const int64_t width, a.integer(0, 0));
  TRY(const Str* fill, a.text(1));
  if (fill != nullptr && count_chars(fill->bytes) != 1) return fail("The fill character must be exactly one character long");
  const Str& s = *self.str();
  const auto size = static_cast<int64_t>(count_chars(s.bytes));
  const int64_t missing = std::max<int64_t>(width - size, 0);
  // Python's center gives the odd character to the left when the width is odd.
  const int64_t left = text_side == Side::kLeft ? 0 : text_side == Side::kRight ? missing : missing / 2 + (missing & width & 1);
  TextBuilder out(rt.budget);
  const std::string padding = fill != nullptr ? fill->bytes : " ";
  const bool from_input = fill != nullptr && has_input(*fill);
  out.repeat(padding, static_cast<size_t>(left), from_input);
  out.add(s);
  out.repeat(padding, static_cast<size_t>(missing - left), from_input);
  return out.finish(rt, s.markup);
}

Result<Value> str_ljust(Runtime& rt, const Value& s, const Args& a) { return justify(rt, s, a, "ljust", Side::kLeft); }
Result<Value> str_rjust(Runtime& rt, const Value& s, const Args& a) { return justify(rt, s, a, "rjust", Side::kRight); }
Result<Value> str_center(Runtime& rt, const Value& s, const Args& a) { return justify(rt, s, a, "center", Side::kBoth); }

Result<Value> str_zfill(Runtime& rt, const Value& self, const Args& args) {
  TRY(const Bound a, bind("zfill", "width", 1, args));
  TRY(const int64_t width, a.integer(0, 0));
  const Str& s = *self.str();
  const int64_t missing = width - static_cast<int64_t>(count_chars(s.bytes));
  const size_t sign = s.bytes.starts_with('-') || s.bytes.starts_with('+') ? 1 : 0;
  TextBuilder out(rt.budget);
  out.add(s, 0, sign);
  out.repeat("0", static_cast<size_t>(std::max<int64_t>(missing, 0)));
  out.add(s, sign, s.bytes.size());
  return out.finish(rt, s.markup);
}

Result<Value> str_expandtabs(Runtime& rt, const Value& self, const Args& args) {
  TRY(const Bound a, bind("expandtabs", "tabsize", 0, args));
  TRY(const int64_t size, a.integer(0, 8));
  const Str& s = *self.str();
  TextBuilder out(rt.budget);
  int64_t column = 0;
  for (size_t i = 0; i < s.bytes.size();) {
    const size_t end = i + char_size(s.bytes, i);
    if (s.bytes[i] == '\t') {
      const int64_t spaces = size > 0 ? size - column % size : 0;
      out.repeat(" ", static_cast<size_t>(spaces));
      column += spaces;
    } else {
      out.add(s, i, end);
      column = s.bytes[i] == '\n' || s.bytes[i] == '\r' ? 0 : column + 1;
    }
    i = end;
  }
  return out.finish(rt, s.markup);
}

Result<Value> str_format(Runtime& rt, const Value& self, const Args& args) { return format_braces(rt, *self.str(), args); }

Result<Value> str_format_map(Runtime& rt, const Value& self, const Args& args) {
  TRY(const Bound a, bind("format_map", "mapping", 1, args));
  if (a[0].dict() == nullptr) return fail("format_map() wants a mapping, not {}", type_name(a[0]));
  Args named;
  for (const auto& [key, value] : a[0].dict()->entries)
    if (key.str() != nullptr) named.named.emplace_back(key.str()->bytes, value);
  return format_braces(rt, *self.str(), named);
}

/// All characters satisfy `holds`, and there is one.
Result<Value> all_chars(const Value& self, const Args& args, std::string_view name, bool (*holds)(char32_t),
                        bool empty = false) {
  TRY_VOID(no_arguments(name, args));
  const std::string& text = self.str()->bytes;
  for (size_t i = 0; i < text.size();) {
    const Utf8Char c = decode_utf8(text, i);
    if (!holds(c.code)) return Value::boolean(false);
    i += c.size;
  }
  return Value::boolean(empty || !text.empty());
}

Result<Value> str_isalpha(Runtime&, const Value& s, const Args& a) { return all_chars(s, a, "isalpha", is_alpha); }
Result<Value> str_isalnum(Runtime&, const Value& s, const Args& a) { return all_chars(s, a, "isalnum", is_alnum); }
Result<Value> str_isdigit(Runtime&, const Value& s, const Args& a) { return all_chars(s, a, "isdigit", is_digit); }
Result<Value> str_isdecimal(Runtime&, const Value& s, const Args& a) { return all_chars(s, a, "isdecimal", is_decimal); }
Result<Value> str_isnumeric(Runtime&, const Value& s, const Args& a) { return all_chars(s, a, "isnumeric", is_numeric); }
Result<Value> str_isspace(Runtime&, const Value& s, const Args& a) { return all_chars(s, a, "isspace", is_space); }
Result<Value> str_isprintable(Runtime&, const Value& s, const Args& a) {
  return all_chars(s, a, "isprintable", [](char32_t c) { return is_printable(c); }, true);
}
Result<Value> str_isascii(Runtime&, const Value& s, const Args& a) {
  return all_chars(s, a, "isascii", [](char32_t c) { return c < 0x80; }, true);
}
Result<Value> str_isidentifier(Runtime&, const Value& s, const Args& a) {
  if (!s.str()->bytes.empty() && is_decimal(decode_utf8(s.str()->bytes, 0).code)) return Value::boolean(false);
  return all_chars(s, a, "isidentifier", [](char32_t c) { return c == '_' || is_alpha(c) || is_decimal(c); });
}

/// isupper and islower: some cased character, and none of the other case.
Result<Value> one_case(const Value& self, const Args& args, std::string_view name, bool (*wanted)(char32_t),
                       bool (*other)(char32_t)) {
  TRY_VOID(no_arguments(name, args));
  const std::string& text = self.str()->bytes;
  bool any = false;
  for (size_t i = 0; i < text.size();) {
    const Utf8Char c = decode_utf8(text, i);
    if (other(c.code) || is_title(c.code)) return Value::boolean(false);
    any = any || wanted(c.code);
    i += c.size;
  }
  return Value::boolean(any);
}

Result<Value> str_isupper(Runtime&, const Value& s, const Args& a) { return one_case(s, a, "isupper", is_upper, is_lower); }
Result<Value> str_islower(Runtime&, const Value& s, const Args& a) { return one_case(s, a, "islower", is_lower, is_upper); }

Result<Value> str_istitle(Runtime&, const Value& self, const Args& args) {
  TRY_VOID(no_arguments("istitle", args));
  const std::string& text = self.str()->bytes;
  bool any = false, previous_cased = false;
  for (size_t i = 0; i < text.size();) {
    const Utf8Char c = decode_utf8(text, i);
    const bool upper = is_upper(c.code) || is_title(c.code);
    if ((upper && previous_cased) || (is_lower(c.code) && !previous_cased)) return Value::boolean(false);
    previous_cased = upper || is_lower(c.code);
    any = any || previous_cased;
    i += c.size;
  }
  return Value::boolean(any);
}

constexpr MethodEntry kStrMethods[] = {
    {"capitalize", str_capitalize},
    {"casefold", str_casefold},
    {"center", str_center},
    {"count", str_count},
    {"endswith", str_endswith},
    {"expandtabs", str_expandtabs},
    {"find", str_find},
    {"format", str_format},
    {"format_map", str_format_map},
    {"index", str_index},
    {"isalnum", str_isalnum},
    {"isalpha", str_isalpha},
    {"isascii", str_isascii},
    {"isdecimal", str_isdecimal},
    {"isdigit", str_isdigit},
    {"isidentifier", str_isidentifier},
    {"islower", str_islower},
    {"isnumeric", str_isnumeric},
    {"isprintable", str_isprintable},
    {"isspace", str_isspace},
    {"istitle", str_istitle},
    {"isupper", str_isupper},
    {"join", str_join},
    {"ljust", str_ljust},
    {"lower", str_lower},
    {"lstrip", str_lstrip},
    {"partition", str_partition},
    {"removeprefix", str_removeprefix},
    {"removesuffix", str_removesuffix},
    {"replace", str_replace},
    {"rfind", str_rfind},
    {"rindex", str_rindex},
    {"rjust", str_rjust},
    {"rpartition", str_rpartition},
    {"rsplit", str_rsplit},
    {"rstrip", str_rstrip},
    {"split", str_split},
    {"splitlines", str_splitlines},
    {"startswith", str_startswith},
    {"strip", str_strip},
    {"swapcase", str_swapcase},
    {"title", str_title},
    {"upper", str_upper},
    {"zfill", str_zfill},
};

}  // namespace

const MethodEntry* find_str_method(std::string_view name) {
  for (const MethodEntry& m : kStrMethods)
    if (m.name == name) return &m;
  return nullptr;
}

}  // namespace sobre::jinja
