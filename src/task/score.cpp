#include <optional>

#include "base/json.h"
#include "task/noise.h"
#include "task/task.h"

namespace sobre {

namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\v' || c == '\f'; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

std::string_view last_line(std::string_view text) {
  text = trimmed(text);
  const size_t end = text.rfind('\n');
  return end == std::string_view::npos ? text : trimmed(text.substr(end + 1));
}

// Small letters, each run of spaces one space, no full stop at the end.
std::string plain(std::string_view text) {
  text = trimmed(text);
  if (text.ends_with('.')) text = trimmed(text.substr(0, text.size() - 1));
  std::string out;
  for (const char c : text) {
    if (!is_space(c)) {
      out += c;
    } else if (out.back() != ' ') {
      out += ' ';
    }
  }
  return office::lower_case(out);
}

std::string without_spaces(std::string_view text) {
  std::string out = plain(text);
  std::erase(out, ' ');
  return out;
}

// Keys and strings as plain(), so that == of the JSON is all there is to compare.
Json plain_values(const Json& json) {
  if (const std::string* text = json.as_string()) return Json(plain(*text));
  if (const Json::Array* list = json.as_array()) {
    Json::Array out;
    for (const Json& entry : *list) out.push_back(plain_values(entry));
    return Json(std::move(out));
  }
  if (const Json::Object* object = json.as_object()) {
    Json::Object out;  // two keys that differ in case stay two, so they are never taken for one
    for (const auto& [key, value] : *object) out.emplace_back(plain(key), plain_values(value));
    return Json(std::move(out));
  }
  return json;
}

std::optional<Json> read_values(std::string_view text) {
  text = trimmed(text);
  if (text.ends_with('.')) text.remove_suffix(1);
  const Result<Json> json = Json::parse(text);
  return json ? std::optional<Json>(plain_values(*json)) : std::nullopt;
}

}  // namespace

bool same_text(std::string_view expected, std::string_view answer) { return plain(expected) == plain(answer); }

bool score(std::string_view task, std::string_view expected, std::string_view answer) {
  const std::string_view said = last_line(answer);
  if (task == "extract" || task == "forms") {
    const std::optional<Json> wanted = read_values(expected), given = read_values(said);
    return wanted && given && *wanted == *given;
  }
  if (task == "arithmetic" || task == "problems" || task == "dates") return without_spaces(said) == without_spaces(expected);
  return plain(said) == plain(expected);
}

}  // namespace sobre
