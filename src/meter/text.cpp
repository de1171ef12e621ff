#include "meter/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>

namespace sobre {

namespace {

constexpr size_t kShownBytes = 60;

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

bool is_plain_text(std::string_view text) { return is_valid_utf8(text) && std::none_of(text.begin(), text.end(), is_control); }

std::string_view cut_utf8(std::string_view text, size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0) == 0x80) --bytes;
  return text.substr(0, bytes);
}

std::string shown(std::string_view value) {
  const std::string valid = repair_utf8(value.substr(0, kShownBytes));
  std::string out = "\"";
  for (const char c : valid) out += is_control(c) || c == '"' ? '?' : c;
  return out + (value.size() > kShownBytes ? "...\"" : "\"");
}

std::string shown_json(const Json& value) {
  if (const std::string* text = value.as_string()) return shown(*text);
  std::string dumped = value.is_array() ? "a list" : value.is_object() ? "an object" : value.dump();
  return dumped;
}

bool same_letters(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

std::optional<double> parse_decimal(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::optional<int64_t> parse_day(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  const auto number = [&](size_t at, size_t digits) {
    int value = 0;
    for (const char c : text.substr(at, digits)) value = c >= '0' && c <= '9' && value >= 0 ? value * 10 + (c - '0') : -1;
    return value;
  };
  const int year = number(0, 4), month = number(5, 2), day = number(8, 2);
  if (year < 1970 || month < 1 || day < 1) return std::nullopt;
  const std::chrono::year_month_day date(std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day)));
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date).time_since_epoch().count();
}

std::string day_text(int64_t days) {
  constexpr int64_t kLastDay = 2'932'896;  // 9999-12-31
  if (days < 0 || days > kLastDay) return fmt::format("day {}", days);
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(days))};
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                     static_cast<unsigned>(date.day()));
}

std::string time_text(int64_t time_us) {
  const int64_t day = day_of(time_us);
  const int64_t rest = time_us - day * kMicrosPerDay;
  const int64_t seconds = rest / 1'000'000;
  return fmt::format("{}T{:02}:{:02}:{:02}.{:06}Z", day_text(day), seconds / 3600, seconds / 60 % 60, seconds % 60,
                     rest % 1'000'000);
}

bool is_currency(std::string_view text) {
  return text.size() == 3 && std::all_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

Result<std::string> read_text_member(const Json& entry, const char* key, size_t max_bytes, const std::string& where) {
  const Json* value = entry.find(key);
  if (value == nullptr) return fail("{}: \"{}\" is missing", where, key);
  const std::string* text = value->as_string();
  if (text == nullptr || text->empty() || text->size() > max_bytes || !is_plain_text(*text))
    return fail("{}: \"{}\" is {}; it must be text of 1 to {} bytes on one line", where, key, shown_json(*value), max_bytes);
  return *text;
}

Result<double> read_number_member(const Json& entry, const char* key, double min, double max, const std::string& where) {
  const Json* value = entry.find(key);
  if (value == nullptr) return fail("{}: \"{}\" is missing", where, key);
  const std::optional<double> number = value->is_number() ? value->as_double() : std::nullopt;
  if (!number || !(*number >= min && *number <= max))
    return fail("{}: \"{}\" is {}; it must be a number from {} to {}", where, key, shown_json(*value), min, max);
  return *number;
}

Result<void> check_members(const Json& entry, std::string_view known, const std::string& where) {
  if (!entry.is_object()) return fail("{}: an object is expected, here is {}", where, shown_json(entry));
  for (const auto& [key, value] : *entry.as_object()) {
    bool found = false;
    for (std::string_view rest = known; !rest.empty() && !found;) {
      const size_t comma = std::min(rest.find(", "), rest.size());
      found = rest.substr(0, comma) == key;
      rest.remove_prefix(std::min(comma + 2, rest.size()));
    }
    if (!found) return fail("{}: {} is no member; those are {}", where, shown(key), known);
  }
  return {};
}

int line_of_element(std::string_view json, int depth, size_t index) {
  int line = 1, level = 0;
  size_t element = 0;
  bool in_string = false, in_element = false;
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    const bool blank = c == ' ' || c == '\t' || c == '\r' || c == '\n';
    if (c == '\n') ++line;
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
      continue;
    }
    if (level == depth && c == ',') {
      ++element;
      in_element = false;
    } else if (level == depth && !blank && !in_element) {
      if (element == index) return line;
      in_element = true;
    }
    if (c == '"') in_string = true;
    if (c == '{' || c == '[') ++level;
    if (c == '}' || c == ']') --level;
  }
  return line;
}

}  // namespace sobre
