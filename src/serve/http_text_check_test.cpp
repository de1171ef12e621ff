// The expectations of the text tests.
#include <algorithm>
#include <charconv>
#include <regex>

#include "serve/http_text_testing.h"

namespace sobre {

namespace {

constexpr std::string_view kOperators[] = {"==", "!=", "<=", ">=", "!~", "~", "<", ">", "absent", "present", "size", "type"};

std::string_view trimmed(std::string_view s) {
  while (!s.empty() && s.front() == ' ') s.remove_prefix(1);
  while (!s.empty() && s.back() == ' ') s.remove_suffix(1);
  return s;
}

std::string shown(const std::optional<Json>& value) {
  if (!value) return "nothing";
  const std::string text = value->dump();
  return text.size() > 400 ? text.substr(0, 400) + "..." : text;
}

/// RFC 6901.
std::optional<Json> at_pointer(const Json& root, std::string_view pointer) {
  const Json* at = &root;
  while (!pointer.empty()) {
    pointer.remove_prefix(1);
    const size_t end = std::min(pointer.find('/'), pointer.size());
    std::string key;
    for (size_t i = 0; i < end; ++i) {
      const bool escape = pointer[i] == '~' && i + 1 < end;
      key += !escape ? pointer[i] : pointer[i + 1] == '1' ? '/' : '~';
      if (escape) ++i;
    }
    pointer.remove_prefix(end);
    if (const Json::Array* array = at->as_array()) {
      size_t index = 0;
      const auto [last, error] = std::from_chars(key.data(), key.data() + key.size(), index);
      if (key == "-1" && !array->empty()) {
        index = array->size() - 1;
      } else if (error != std::errc() || last != key.data() + key.size()) {
        return std::nullopt;
      }
      if (index >= array->size()) return std::nullopt;
      at = &(*array)[index];
    } else if (at = at->find(key); at == nullptr) {
      return std::nullopt;
    }
  }
  return *at;
}

/// The data of the server-sent events of a body. Errors: lines that are neither data, nor comments, nor empty.
Result<std::vector<std::string>> events_of(std::string_view body) {
  std::vector<std::string> events;
  while (!body.empty()) {
    const size_t end = body.find("\n\n");
    if (end == std::string_view::npos) return fail("the stream of events ends inside \"{}\"", body.substr(0, 200));
    const std::string_view event = body.substr(0, end);
    body.remove_prefix(end + 2);
    if (event.starts_with(':')) continue;
    if (!event.starts_with("data: ") || event.find('\n') != std::string_view::npos) {
      return fail("\"{}\" is no event of one data line", event.substr(0, 200));
    }
    events.emplace_back(event.substr(6));
  }
  return events;
}

/// event N [POINTER]; N from the end when negative.
Result<std::optional<Json>> event_subject(std::string_view rest, const std::vector<std::string>& events) {
  int64_t n = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), n);
  if (error != std::errc()) return fail("event needs a number");
  const std::string_view pointer = trimmed(rest.substr(static_cast<size_t>(end - rest.data())));
  const int64_t index = n < 0 ? static_cast<int64_t>(events.size()) + n : n;
  if (index < 0 || index >= static_cast<int64_t>(events.size())) return std::optional<Json>();
  const std::string& event = events[static_cast<size_t>(index)];
  if (pointer.empty()) return std::optional<Json>(Json(event));
  TRY(const Json json, Json::parse(event));
  return at_pointer(json, pointer);
}

/// join POINTER: the texts there, of all events one after another; list POINTER: the values in an array.
Result<std::optional<Json>> gathered_subject(std::string_view pointer, const std::vector<std::string>& events, bool join) {
  std::string text;
  Json::Array values;
  for (const std::string& event : events) {
    if (event == "[DONE]") continue;
    TRY(const Json json, Json::parse(event));
    const auto value = at_pointer(json, pointer);
    if (!value) continue;
    if (const std::string* piece = value->as_string()) text += *piece;
    values.push_back(*value);
  }
  return std::optional<Json>(join ? Json(text) : Json(values));
}

Result<bool> compare(const Json& found, std::string_view op, const Json& wanted) {
  if (op == "==") return found == wanted;
  if (op == "!=") return !(found == wanted);
  const auto a = found.as_double(), b = wanted.as_double();
  if (!a || !b) return fail("{} compares numbers; found {}", op, shown(found));
  return op == "<" ? *a < *b : op == ">" ? *a > *b : op == "<=" ? *a <= *b : *a >= *b;
}

std::string_view type_of(const Json& value) {
  return value.is_null()      ? "null"
         : value.is_bool()    ? "boolean"
         : value.is_integer() ? "integer"
         : value.is_double()  ? "number"
         : value.is_string()  ? "string"
         : value.is_array()   ? "array"
                              : "object";
}

Result<bool> holds(const std::optional<Json>& found, std::string_view op, std::string_view operand) {
  if (op == "absent") return !found;
  if (!found) return false;
  if (op == "present") return true;
  if (op == "type") return type_of(*found) == operand || (operand == "number" && found->is_number());
  if (op == "~" || op == "!~") {
    const std::string* text = found->as_string();
    const std::string searched = text != nullptr ? *text : found->dump();
    return std::regex_search(searched, std::regex(std::string(operand), std::regex::ECMAScript)) == (op == "~");
  }
  if (op == "size") {
    const uint64_t size = found->is_array()    ? found->as_array()->size()
                          : found->is_object() ? found->as_object()->size()
                          : found->is_string() ? found->as_string()->size()
                                               : 0;
    const size_t digits = operand.find_first_of("0123456789");
    if (digits == std::string_view::npos) return fail("size needs a number");
    TRY(const Json wanted, Json::parse(operand.substr(digits)));
    const std::string_view relation = trimmed(operand.substr(0, digits));
    return compare(Json(size), relation.empty() ? "==" : relation, wanted);
  }
  TRY(const Json wanted, Json::parse(operand));
  return compare(*found, op, wanted);
}

struct Parts {
  std::string_view subject, op, operand;
};

/// The first operator that stands alone.
Result<Parts> split(std::string_view line) {
  size_t at = 0;
  while ((at = line.find(' ', at)) != std::string_view::npos) {
    const std::string_view rest = line.substr(++at);
    const std::string_view word = rest.substr(0, std::min(rest.find(' '), rest.size()));
    if (std::find(std::begin(kOperators), std::end(kOperators), word) == std::end(kOperators)) continue;
    return Parts{trimmed(line.substr(0, at)), word, trimmed(rest.substr(word.size()))};
  }
  return fail("no expectation: \"{}\"", line);
}

bool is_header_line(std::string_view line) {
  const size_t colon = line.find(':');
  return colon != std::string_view::npos && colon > 0 && line.substr(0, colon).find_first_of(" /\"") == std::string_view::npos;
}

}  // namespace

Result<std::optional<Json>> find_http_subject(std::string_view subject, const HttpTextAnswer& answer) {
  if (subject == "body") return std::optional<Json>(Json(answer.body));
  if (subject == "chunks") return std::optional<Json>(Json(answer.chunks));
  if (subject == "json" || subject.starts_with('/')) {
    const auto json = Json::parse(answer.body);
    if (!json) return fail("the body is no JSON ({}): {}", json.error().message, answer.body.substr(0, 400));
    return at_pointer(*json, subject == "json" ? std::string_view() : subject);
  }
  for (const std::string_view word : {"events", "event ", "join ", "list "}) {
    if (!subject.starts_with(word)) continue;
    TRY(const std::vector<std::string> events, events_of(answer.body));
    if (subject == "events") return std::optional<Json>(Json(static_cast<uint64_t>(events.size())));
    const std::string_view rest = trimmed(subject.substr(word.size()));
    if (word == "event ") return event_subject(rest, events);
    return gathered_subject(rest, events, word == "join ");
  }
  if (subject.find(' ') != std::string_view::npos) return fail("unknown subject \"{}\"", subject);
  for (const auto& [name, value] : answer.headers) {
    if (name == subject) return std::optional<Json>(Json(value));
  }
  return std::optional<Json>();
}

Result<void> check_http_expectation(std::string_view line, const HttpTextAnswer& answer) {
  Parts parts;
  std::string quoted;
  if (is_header_line(line)) {
    const size_t colon = line.find(':');
    quoted = Json(trimmed(line.substr(colon + 1))).dump();
    parts = {line.substr(0, colon), "==", quoted};
  } else {
    TRY(parts, split(line));
  }
  TRY(const auto found, find_http_subject(parts.subject, answer));
  TRY(const bool good, holds(found, parts.op, parts.operand));
  if (good) return {};
  return fail("expected {}; found {}", line, shown(found));
}

}  // namespace sobre
