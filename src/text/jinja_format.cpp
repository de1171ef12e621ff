#include "text/jinja_format.h"

#include <optional>

#include "text/jinja_access.h"
#include "text/jinja_format_spec.h"
#include "text/jinja_ops.h"
#include "text/jinja_text.h"

namespace sobre::jinja {

namespace {

bool is_digit_char(char c) { return c >= '0' && c <= '9'; }

/// One run of the % operator: reads the format from left to right and takes arguments as it goes.
class PercentFormatter {
 public:
  PercentFormatter(Runtime& rt, const Str& format, const Value& arguments)
      : rt_(rt), format_(format), text_(format.bytes), arguments_(arguments), out_(rt.budget) {}

  Result<Value> run() {
    while (at_ < text_.size()) {
      const size_t percent = std::min(text_.find('%', at_), text_.size());
      out_.add(format_, at_, percent);
      at_ = percent;
      if (at_ < text_.size()) TRY_VOID(conversion());
    }
    const bool all_used = arguments_.is(Kind::kTuple) ? next_ >= arguments_.list()->items.size() : used_ || is_mapping();
    if (!all_used) return fail("not all arguments converted during string formatting");
    return out_.finish(rt_, format_.markup);
  }

 private:
  [[nodiscard]] bool is_mapping() const { return arguments_.dict() != nullptr || arguments_.is(Kind::kList); }

  Result<Value> argument() {
    if (mapped_) return *mapped_;
    if (arguments_.is(Kind::kTuple)) {
      if (next_ >= arguments_.list()->items.size()) return fail("not enough arguments for format string");
      return arguments_.list()->items[next_++];
    }
    if (used_) return fail("not enough arguments for format string");
    used_ = true;
    return arguments_;
  }

  Result<void> take_mapping_key() {
    mapped_.reset();
    if (at_ >= text_.size() || text_[at_] != '(') return {};
    const size_t close = text_.find(')', at_);
    if (close == std::string_view::npos) return fail("incomplete format key");
    if (arguments_.dict() == nullptr) return fail("format requires a mapping");
    const std::string_view key = text_.substr(at_ + 1, close - at_ - 1);
    const Value* v = find(rt_, *arguments_.dict(), key);
    if (v == nullptr) return fail("format key {} is missing", repr_of(clipped(key, 100)));
    mapped_ = *v;
    at_ = close + 1;
    return {};
  }

  /// A number or * for one from the arguments.
  Result<int64_t> take_size(int64_t limit, std::string_view what) {
    if (at_ < text_.size() && text_[at_] == '*') {
      ++at_;
      TRY(const Value v, argument());
      if (!v.is_int()) return fail("* wants int");
      if (*v.integer() > limit || *v.integer() < -limit) return fail("format {} above the limit of {}", what, limit);
      return *v.integer();
    }
    int64_t n = 0;
    for (; at_ < text_.size() && is_digit_char(text_[at_]); ++at_) {
      n = n * 10 + (text_[at_] - '0');
      if (n > limit) return fail("format {} above the limit of {}", what, limit);
    }
    return n;
  }

  Result<void> conversion();
  Result<void> convert(char type, FormatSpec& spec, const Value& v);
  Result<void> convert_number(char type, FormatSpec& spec, const Value& v);

  Runtime& rt_;
  const Str& format_;
  std::string_view text_;
  const Value& arguments_;
  TextBuilder out_;
  size_t at_ = 0, next_ = 0;
  bool used_ = false;
  std::optional<Value> mapped_;
};

Result<void> PercentFormatter::conversion() {
  ++at_;
  TRY_VOID(take_mapping_key());
  FormatSpec spec;
  spec.align = '>';
  bool zero = false;
  for (; at_ < text_.size(); ++at_) {
    const char c = text_[at_];
    if (c == '-')
      spec.align = '<';
    else if (c == '+' || (c == ' ' && spec.sign != '+'))
      spec.sign = c;
    else if (c == '#')
      spec.alternate = true;
    else if (c == '0')
      zero = true;
    else if (c != ' ')
      break;
  }
  TRY(spec.width, take_size(kMaxFormatWidth, "width"));
  if (spec.width < 0) {
    spec.align = '<';
    spec.width = -spec.width;
  }
  if (at_ < text_.size() && text_[at_] == '.') {
    ++at_;
    TRY(spec.precision, take_size(kMaxFormatPrecision, "precision"));
    spec.precision = std::max<int64_t>(spec.precision, 0);
  }
  while (at_ < text_.size() && (text_[at_] == 'h' || text_[at_] == 'l' || text_[at_] == 'L')) ++at_;
  if (at_ >= text_.size()) return fail("incomplete format");
  const char type = text_[at_++];
  if (type == '%') return out_.add("%"), Result<void>();
  if (zero && spec.align != '<' && std::string_view("diouxXeEfFgG").find(type) != std::string_view::npos) {
    spec.align = '=';
    spec.fill.assign(1, '0');
  }
  TRY(const Value v, argument());
  return convert(type, spec, v);
}

Result<void> PercentFormatter::convert(char type, FormatSpec& spec, const Value& v) {
  switch (type) {
    case 's':
    case 'r':
    case 'a': {
      TRY(const Str* s, type == 's' ? to_str(rt_, v) : to_repr(rt_, v));
      if (format_.markup) s = escaped(rt_, *s).str();
      return format_text(out_, *s, spec), Result<void>();
    }
    case 'c':
      if (v.str() != nullptr && count_chars(v.str()->bytes) == 1) return format_text(out_, *v.str(), spec), Result<void>();
      if (!v.is_int()) return fail("%c requires int or char");
      [[fallthrough]];
    case 'd':
    case 'i':
    case 'u':
    case 'x':
    case 'X':
    case 'o':
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G':
      return convert_number(type, spec, v);
    default:
      return fail("unsupported format character '{}' (0x{:x}) at index {}", type, static_cast<unsigned char>(type), at_ - 1);
  }
}

Result<void> PercentFormatter::convert_number(char type, FormatSpec& spec, const Value& v) {
  if (v.undefined() != nullptr) return use_of_undefined(*v.undefined());
  const bool wants_float = std::string_view("eEfFgG").find(type) != std::string_view::npos;
  if (!v.is_number() && wants_float) return fail("must be real number, not {}", type_name(v));
  if (!v.is_number()) return fail("%{} format: a real number is required, not {}", type, type_name(v));
  spec.type = type == 'i' || type == 'u' ? 'd' : type;
  if (wants_float) return format_float(out_, v.as_double(), spec);
  if (v.is(Kind::kFloat)) {
    if (spec.type != 'd') return fail("%{} format: an integer is required, not float", type);
    TRY(const int64_t i, truncated(v.as_double()));
    return format_integer(out_, i, spec);
  }
  return format_integer(out_, *v.integer(), spec);
}

}  // namespace

Result<Value> format_percent(Runtime& rt, const Str& format, const Value& arguments) {
  return PercentFormatter(rt, format, arguments).run();
}

namespace {

/// One run of str.format().
class BraceFormatter {
 public:
  BraceFormatter(Runtime& rt, const Args& args) : rt_(rt), args_(args) {}

  /// Formats the range of `format` into `out`. Fields inside a format specification are formatted one level down.
  Result<void> run(TextBuilder& out, const Str& format, int depth);

 private:
  Result<void> field(TextBuilder& out, const Str& format, size_t begin, size_t end, int depth);
  Result<Value> lookup(std::string_view path);
  Result<Value> first_value(std::string_view name);
  Result<void> put(TextBuilder& out, const Value& v, const FormatSpec& spec, bool plain, bool markup);

  Runtime& rt_;
  const Args& args_;
  size_t automatic_ = 0;
};

/// The brace that closes the field opened before `at`; brackets of an item may hold braces.
size_t closing_brace(std::string_view text, size_t at) {
  for (int open = 1; at < text.size(); ++at) {
    if (text[at] == '{') ++open;
    if (text[at] == '}' && --open == 0) return at;
  }
  return std::string_view::npos;
}

Result<void> BraceFormatter::run(TextBuilder& out, const Str& format, int depth) {
  if (depth > 1) return fail("Max string recursion exceeded");
  const std::string_view text = format.bytes;
  for (size_t at = 0; at < text.size();) {
    const size_t brace = std::min(text.find_first_of("{}", at), text.size());
    out.add(format, at, brace);
    if (brace == text.size()) break;
    if (brace + 1 < text.size() && text[brace + 1] == text[brace]) {
      out.add(format, brace, brace + 1);
      at = brace + 2;
      continue;
    }
    if (text[brace] == '}') return fail("Single '}}' encountered in format string");
    const size_t close = closing_brace(text, brace + 1);
    if (close == std::string_view::npos) return fail("expected '}}' before end of string");
    TRY_VOID(field(out, format, brace + 1, close, depth));
    at = close + 1;
  }
  return {};
}

Result<Value> BraceFormatter::first_value(std::string_view name) {
  size_t index = 0;
  const bool numeric = !name.empty() && name.size() < 9 && name.find_first_not_of("0123456789") == std::string_view::npos;
  if (name.empty())
    index = automatic_++;
  else if (numeric)
    for (const char c : name) index = index * 10 + static_cast<size_t>(c - '0');
  if (name.empty() || numeric) {
    if (index < args_.positional.size()) return args_.positional[index];
    return fail("Replacement index {} out of range for positional args tuple", index);
  }
  for (const auto& [key, value] : args_.named)
    if (key == name) return value;
  return fail("format has no argument {}", repr_of(clipped(name, 100)));
}

Result<Value> BraceFormatter::lookup(std::string_view path) {
  const size_t name_end = std::min(path.find_first_of(".["), path.size());
  TRY(Value v, first_value(path.substr(0, name_end)));
  path.remove_prefix(name_end);
  while (!path.empty()) {
    if (path[0] == '.') {
      const size_t end = std::min(path.find_first_of(".[", 1), path.size());
      TRY(v, get_attribute(rt_, v, path.substr(1, end - 1)));
      path.remove_prefix(end);
      continue;
    }
    const size_t end = path.find(']');
    if (path[0] != '[' || end == std::string_view::npos) return fail("Missing ']' in format string");
    const std::string key(path.substr(1, end - 1));
    const bool numeric = !key.empty() && key.size() < 18 && key.find_first_not_of("0123456789") == std::string::npos;
    TRY(v, get_item(rt_, v, numeric ? Value::integer(std::stoll(key)) : rt_.heap.text(key)));
    path.remove_prefix(end + 1);
  }
  return v;
}

Result<void> BraceFormatter::put(TextBuilder& out, const Value& v, const FormatSpec& spec, bool plain, bool markup) {
  if (!plain && v.is_int()) return format_integer(out, *v.integer(), spec);
  if (!plain && v.is(Kind::kFloat)) return format_float(out, v.as_double(), spec);
  if (!plain && v.str() == nullptr) return fail("unsupported format string passed to {}.__format__", type_name(v));
  if (!plain && spec.type != 0 && spec.type != 's') return fail("Unknown format code '{}' for object of type 'str'", spec.type);
  TRY(const Str* s, to_str(rt_, v));
  if (markup) s = escaped(rt_, *s).str();
  format_text(out, *s, spec);
  return {};
}

Result<void> BraceFormatter::field(TextBuilder& out, const Str& format, size_t begin, size_t end, int depth) {
  const std::string_view text = std::string_view(format.bytes).substr(begin, end - begin);
  size_t path_end = 0;
  for (bool bracket = false; path_end < text.size() && (bracket || (text[path_end] != '!' && text[path_end] != ':'));
       ++path_end)
    bracket = text[path_end] == '[' || (bracket && text[path_end] != ']');
  TRY(Value v, lookup(text.substr(0, path_end)));
  size_t at = path_end;
  if (at < text.size() && text[at] == '!') {
    const char conversion = at + 1 < text.size() ? text[at + 1] : ' ';
    if (conversion != 's' && conversion != 'r' && conversion != 'a') return fail("Unknown conversion specifier {}", conversion);
    TRY(const Str* s, conversion == 's' ? to_str(rt_, v) : to_repr(rt_, v));
    v = s;
    at += 2;
    if (at < text.size() && text[at] != ':') return fail("expected ':' after conversion specifier");
  }
  std::string spec_text;
  if (at < text.size()) {
    TextBuilder inner(rt_.budget);
    TRY_VOID(run(inner, substr(format, begin + at + 1, end), depth + 1));
    spec_text = inner.take().bytes;
  }
  TRY(const FormatSpec spec, parse_format_spec(spec_text));
  return put(out, v, spec, spec_text.empty(), format.markup);
}

}  // namespace

Result<Value> format_braces(Runtime& rt, const Str& format, const Args& args) {
  TextBuilder out(rt.budget);
  BraceFormatter formatter(rt, args);
  TRY_VOID(formatter.run(out, format, 0));
  return out.finish(rt, format.markup);
}

namespace {

constexpr std::string_view kDays[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
constexpr std::string_view kMonths[] = {"January", "February", "March",     "April",   "May",      "June",
                                        "July",    "August",   "September", "October", "November", "December"};

/// Days from the first of January, and the day of the week (0 is Sunday).
struct DayOf {
  int year_day = 0, week_day = 0;
};

bool is_leap(int year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

DayOf day_of(const LocalTime& t) {
  constexpr int kBefore[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
  const int year_day = kBefore[t.month - 1] + t.day - 1 + (t.month > 2 && is_leap(t.year) ? 1 : 0);
  const int years = t.year - 1;
  const int64_t days = int64_t{365} * years + years / 4 - years / 100 + years / 400 + year_day;  // since Monday, 1 January 1
  return {year_day, static_cast<int>((days + 1) % 7)};
}

/// ISO 8601: the year that the week belongs to, and its number.
std::pair<int, int> iso_week(const LocalTime& t, const DayOf& d) {
  const int monday_based = (d.week_day + 6) % 7;
  int week = (d.year_day - monday_based + 10) / 7;
  const auto weeks_in = [](int year) {
    const DayOf last = day_of({year, 12, 31, 0, 0, 0});
    return last.week_day == 4 || (last.week_day == 5 && is_leap(year)) ? 53 : 52;
  };
  if (week < 1) return {t.year - 1, weeks_in(t.year - 1)};
  if (week > weeks_in(t.year)) return {t.year + 1, 1};
  return {t.year, week};
}

struct TimeField {
  int64_t number = 0;
  int width = 0;  // 0: text
  char padding = '0';
  std::string text;
};

/// The codes that give a number; nothing for others.
std::optional<TimeField> number_field(const LocalTime& t, const DayOf& d, char code) {
  const int hour12 = t.hour % 12 == 0 ? 12 : t.hour % 12;
  switch (code) {
    case 'Y':
      return TimeField{t.year, 1, '0', {}};
    case 'C':
      return TimeField{t.year / 100, 2, '0', {}};
    case 'y':
      return TimeField{t.year % 100, 2, '0', {}};
    case 'm':
      return TimeField{t.month, 2, '0', {}};
    case 'd':
      return TimeField{t.day, 2, '0', {}};
    case 'e':
      return TimeField{t.day, 2, ' ', {}};
    case 'H':
      return TimeField{t.hour, 2, '0', {}};
    case 'k':
      return TimeField{t.hour, 2, ' ', {}};
    case 'I':
      return TimeField{hour12, 2, '0', {}};
    case 'l':
      return TimeField{hour12, 2, ' ', {}};
    case 'M':
      return TimeField{t.minute, 2, '0', {}};
    case 'S':
      return TimeField{t.second, 2, '0', {}};
    case 'f':
      return TimeField{0, 6, '0', {}};
    case 'j':
      return TimeField{d.year_day + 1, 3, '0', {}};
    case 'u':
      return TimeField{d.week_day == 0 ? 7 : d.week_day, 1, '0', {}};
    case 'w':
      return TimeField{d.week_day, 1, '0', {}};
    case 'U':
      return TimeField{(d.year_day + 7 - d.week_day) / 7, 2, '0', {}};
    case 'W':
      return TimeField{(d.year_day + 7 - (d.week_day + 6) % 7) / 7, 2, '0', {}};
    case 'V':
      return TimeField{iso_week(t, d).second, 2, '0', {}};
    case 'G':
      return TimeField{iso_week(t, d).first, 4, '0', {}};
    case 'g':
      return TimeField{iso_week(t, d).first % 100, 2, '0', {}};
    default:
      return std::nullopt;
  }
}

Result<TimeField> time_field(const LocalTime& t, char code) {
  const DayOf d = day_of(t);
  if (const std::optional<TimeField> number = number_field(t, d, code)) return *number;
  const auto text = [](std::string s) { return TimeField{0, 0, ' ', std::move(s)}; };
  const int hour12 = t.hour % 12 == 0 ? 12 : t.hour % 12;
  switch (code) {
    case 'B':
      return text(std::string(kMonths[t.month - 1]));
    case 'b':
    case 'h':
      return text(std::string(kMonths[t.month - 1].substr(0, 3)));
    case 'A':
      return text(std::string(kDays[d.week_day]));
    case 'a':
      return text(std::string(kDays[d.week_day].substr(0, 3)));
    case 'p':
      return text(t.hour < 12 ? "AM" : "PM");
    case 'P':
      return text(t.hour < 12 ? "am" : "pm");
    case 'F':
      return text(fmt::format("{:04}-{:02}-{:02}", t.year, t.month, t.day));
    case 'D':
    case 'x':
      return text(fmt::format("{:02}/{:02}/{:02}", t.month, t.day, t.year % 100));
    case 'T':
    case 'X':
      return text(fmt::format("{:02}:{:02}:{:02}", t.hour, t.minute, t.second));
    case 'R':
      return text(fmt::format("{:02}:{:02}", t.hour, t.minute));
    case 'r':
      return text(fmt::format("{:02}:{:02}:{:02} {}", hour12, t.minute, t.second, t.hour < 12 ? "AM" : "PM"));
    case 'c':
      return text(fmt::format("{} {} {:2} {:02}:{:02}:{:02} {}", kDays[d.week_day].substr(0, 3),
                              kMonths[t.month - 1].substr(0, 3), t.day, t.hour, t.minute, t.second, t.year));
    case 'z':
    case 'Z':
      return text("");
    case 'n':
      return text("\n");
    case 't':
      return text("\t");
    case '%':
      return text("%");
    default:
      return fail("strftime_now: the code %{} is not supported", code);
  }
}

}  // namespace

Result<std::string> format_time(const LocalTime& time, std::string_view format) {
  if (time.month < 1 || time.month > 12 || time.day < 1 || time.day > 31 || time.year < 1 || time.year > 9999)
    return fail("strftime_now: {}-{}-{} is no date", time.year, time.month, time.day);
  std::string out;
  for (size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') {
      out += format[i];
      continue;
    }
    // glibc's flags: no padding, spaces, zeros, upper case.
    const char flag =
        i + 1 < format.size() && std::string_view("-_0^").find(format[i + 1]) != std::string_view::npos ? format[++i] : 0;
    if (++i >= format.size()) {
      out += '%';
      break;
    }
    TRY(TimeField field, time_field(time, format[i]));
    if (field.width == 0) {
      if (flag == '^')
        for (char& c : field.text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
      out += field.text;
      continue;
    }
    const char padding = flag == '_' ? ' ' : flag == '0' ? '0' : field.padding;
    const std::string digits = fmt::format("{}", field.number);
    const auto width = static_cast<size_t>(flag == '-' ? 0 : field.width);
    if (digits.size() < width) out.append(width - digits.size(), padding);
    out += digits;
  }
  return out;
}

}  // namespace sobre::jinja
