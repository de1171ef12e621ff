// ConfigReader: typed, range-checked reads of one object of a checkpoint's config. Every number a family takes from a file
// passes through here, so that a message names the file, the key, the value and what is allowed. Used by the families while
// loading; a view of a Json that must outlive it, no state of its own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace sobre {

class ConfigReader {
 public:
  /// `where` stands in messages: "config.json", "config.json: text_config".
  ConfigReader(const Json& object, std::string where) : object_(&object), where_(std::move(where)) {}

  [[nodiscard]] const std::string& where() const { return where_; }
  /// The member, or null when it is absent or a JSON null: configs use both for "not set".
  [[nodiscard]] const Json* find(std::string_view key) const;
  /// Whether the key stands there at all, even as null (some defaults apply to absent keys only).
  [[nodiscard]] bool has(std::string_view key) const { return object_->find(key) != nullptr; }

  /// A whole number in [min, max]. Without a fallback the key must be there.
  [[nodiscard]] Result<int64_t> integer(std::string_view key, int64_t min, int64_t max,
                                        std::optional<int64_t> fallback = {}) const;
  /// A finite number in [min, max].
  [[nodiscard]] Result<double> number(std::string_view key, double min, double max, std::optional<double> fallback = {}) const;
  [[nodiscard]] Result<bool> flag(std::string_view key, bool fallback) const;
  [[nodiscard]] Result<std::string> text(std::string_view key, std::string_view fallback) const;
  /// A nested object; nothing when it is not set.
  [[nodiscard]] Result<std::optional<ConfigReader>> object(std::string_view key) const;
  /// An array; null when it is not set.
  [[nodiscard]] Result<const Json::Array*> array(std::string_view key) const;

 private:
  const Json* object_;
  std::string where_;
};

/// A value as it stands in a message: its JSON, cut to a bearable length.
[[nodiscard]] std::string brief(const Json& value);

}  // namespace sobre
