// JSON values, in our own small type: objects keep the order of their keys, integers stay integers.
// Parsing goes through nlohmann-json's SAX interface in json.cpp alone, with limits; duplicate keys are an error.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace sobre {

struct JsonLimits {
  uint64_t max_bytes = 256ull << 20;
  int max_depth = 64;
  uint64_t max_values = 40'000'000;
};

/// Appends valid UTF-8 as a JSON string, quotes included: for text written by hand where a tree would cost more than the
/// answer.
void append_json_string(std::string& out, std::string_view text);

/// How dump() writes. The defaults are Python's json.dumps(x, ensure_ascii=False). Both separators are used as given, with an
/// indent too (where Python's own default for items is then "," alone).
struct JsonStyle {
  int indent = -1;  // -1: one line
  std::string item_separator = ", ";
  std::string key_separator = ": ";
  bool sort_keys = false;
};

class Json {
 public:
  using Array = std::vector<Json>;
  using Member = std::pair<std::string, Json>;
  using Object = std::vector<Member>;

  Json() : value_(nullptr) {}
  Json(std::nullptr_t) : value_(nullptr) {}
  Json(bool b) : value_(b) {}
  Json(int i) : value_(static_cast<int64_t>(i)) {}
  Json(int64_t i) : value_(i) {}
  Json(uint64_t u) : value_(u) {}
  Json(double d) : value_(d) {}
  Json(const char* s) : value_(std::string(s)) {}
  Json(std::string s) : value_(std::move(s)) {}
  Json(std::string_view s) : value_(std::string(s)) {}
  Json(Array a) : value_(std::move(a)) {}
  Json(Object o) : value_(std::move(o)) {}

  /// Parses one JSON text (RFC 8259, UTF-8 checked). Errors name the byte offset and the limit.
  [[nodiscard]] static Result<Json> parse(std::string_view text, const JsonLimits& limits = {});

  [[nodiscard]] std::string dump(const JsonStyle& style = {}) const;

  [[nodiscard]] bool is_null() const { return std::holds_alternative<std::nullptr_t>(value_); }
  [[nodiscard]] bool is_bool() const { return std::holds_alternative<bool>(value_); }
  /// An integer as written (no fraction, no exponent) that fits int64 or uint64.
  [[nodiscard]] bool is_integer() const {
    return std::holds_alternative<int64_t>(value_) || std::holds_alternative<uint64_t>(value_);
  }
  [[nodiscard]] bool is_double() const { return std::holds_alternative<double>(value_); }
  [[nodiscard]] bool is_number() const { return is_integer() || is_double(); }
  [[nodiscard]] bool is_string() const { return std::holds_alternative<std::string>(value_); }
  [[nodiscard]] bool is_array() const { return std::holds_alternative<Array>(value_); }
  [[nodiscard]] bool is_object() const { return std::holds_alternative<Object>(value_); }

  /// Typed views; nothing when the value is of another type or out of the range of the result.
  [[nodiscard]] std::optional<bool> as_bool() const;
  [[nodiscard]] std::optional<int64_t> as_int() const;
  [[nodiscard]] std::optional<uint64_t> as_uint() const;
  [[nodiscard]] std::optional<double> as_double() const;  // integers too
  [[nodiscard]] const std::string* as_string() const { return std::get_if<std::string>(&value_); }
  [[nodiscard]] const Array* as_array() const { return std::get_if<Array>(&value_); }
  [[nodiscard]] const Object* as_object() const { return std::get_if<Object>(&value_); }
  [[nodiscard]] Array* as_array() { return std::get_if<Array>(&value_); }
  [[nodiscard]] Object* as_object() { return std::get_if<Object>(&value_); }

  /// Member of an object; null pointer when absent or when this is no object. A JSON null member is returned as such.
  [[nodiscard]] const Json* find(std::string_view key) const;

  /// Sets or replaces a member (this must be an object).
  void set(std::string key, Json value);

  friend bool operator==(const Json& a, const Json& b);  // numbers by value, objects without regard to order

 private:
  std::variant<std::nullptr_t, bool, int64_t, uint64_t, double, std::string, Array, Object> value_;
};

/// Receives the parts of one JSON text in their order: for readers that keep only what they need, so that a hostile text costs
/// no tree. An error that a function returns ends the walk and is passed on. Duplicate keys are the handler's to find.
class JsonHandler {
 public:
  virtual ~JsonHandler() = default;
  [[nodiscard]] virtual Result<void> begin_object() = 0;
  [[nodiscard]] virtual Result<void> key(std::string_view name) = 0;  // of the object begun last; its value follows
  [[nodiscard]] virtual Result<void> end_object() = 0;
  [[nodiscard]] virtual Result<void> begin_array() = 0;
  [[nodiscard]] virtual Result<void> end_array() = 0;
  [[nodiscard]] virtual Result<void> scalar(Json value) = 0;  // null, bool, number or string
};

/// Walks one JSON text with the checks and limits of Json::parse, duplicate keys excepted. Errors name the byte offset.
[[nodiscard]] Result<void> walk_json(std::string_view text, const JsonLimits& limits, JsonHandler& handler);

}  // namespace sobre
