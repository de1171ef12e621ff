// Reads the fields of a request's object with their types and ranges. The first fault is kept, everything after it reads as
// absent: parsers go straight on and ask once at the end. A null member counts as absent. One per object, used by one thread.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "serve/api_error.h"

namespace sobre {

class RequestFields {
 public:
  /// `object` must outlive this. `place` stands before the names in errors ("messages[0].").
  explicit RequestFields(const Json& object, std::string place = "") : object_(object), place_(std::move(place)) {}

  /// The member; null when it is absent or JSON null, or after a fault.
  [[nodiscard]] const Json* find(std::string_view name) const;
  /// Finite numbers from `low` to `high`.
  [[nodiscard]] std::optional<double> number(std::string_view name, double low, double high);
  /// Whole numbers, written as such.
  [[nodiscard]] std::optional<int64_t> integer(std::string_view name, int64_t low, int64_t high);
  [[nodiscard]] bool flag(std::string_view name, bool otherwise = false);
  [[nodiscard]] const std::string* text(std::string_view name, uint64_t max_bytes = 1 << 20);
  [[nodiscard]] const Json* object(std::string_view name);
  [[nodiscard]] const Json::Array* list(std::string_view name, size_t max_entries);

  /// Keeps a fault of this field: "name: reason".
  void refuse(std::string_view name, std::string_view reason, std::string_view code = "");
  void refuse(ApiError error);
  /// Refuses fields that would change the answer and are not supported, where they are given with another value than the
  /// neutral one.
  struct Unsupported {
    const char* name;
    const char* neutral;  // as JSON; null: any value is refused
    const char* instead;  // what to do; may be null
  };
  void refuse_unsupported(std::initializer_list<Unsupported> fields);

  [[nodiscard]] bool ok() const { return !error_; }
  [[nodiscard]] const ApiError& error() const { return *error_; }

 private:
  const Json& object_;
  std::string place_;
  std::optional<ApiError> error_;
};

/// A value as an error may quote it: at most some dozens of bytes.
[[nodiscard]] std::string short_json(const Json& value);

}  // namespace sobre
