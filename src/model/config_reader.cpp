#include "model/config_reader.h"

#include <cmath>

namespace sobre {

std::string brief(const Json& value) {
  constexpr size_t kLongest = 60;
  if (value.is_array()) return "a list";
  if (value.is_object()) return "an object";
  std::string text = value.dump();
  if (text.size() > kLongest) {
    size_t cut = kLongest;
    while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0U) == 0x80U) --cut;  // never inside a UTF-8 sequence
    text.resize(cut);
    text += "...";
  }
  return text;
}

const Json* ConfigReader::find(std::string_view key) const {
  const Json* value = object_->find(key);
  return value == nullptr || value->is_null() ? nullptr : value;
}

Result<int64_t> ConfigReader::integer(std::string_view key, int64_t min, int64_t max, std::optional<int64_t> fallback) const {
  const Json* value = find(key);
  if (value == nullptr && fallback) return *fallback;
  if (value == nullptr) return fail("{}: {} is missing; it must be a whole number from {} to {}", where_, key, min, max);
  const std::optional<int64_t> number = value->is_integer() ? value->as_int() : std::nullopt;
  if (!number || *number < min || *number > max) {
    return fail("{}: {} is {}; allowed are whole numbers from {} to {}", where_, key, brief(*value), min, max);
  }
  return *number;
}

Result<double> ConfigReader::number(std::string_view key, double min, double max, std::optional<double> fallback) const {
  const Json* value = find(key);
  if (value == nullptr && fallback) return *fallback;
  if (value == nullptr) return fail("{}: {} is missing; it must be a number from {} to {}", where_, key, min, max);
  const std::optional<double> number = value->is_number() ? value->as_double() : std::nullopt;
  if (!number || !std::isfinite(*number) || *number < min || *number > max) {
    return fail("{}: {} is {}; allowed are numbers from {} to {}", where_, key, brief(*value), min, max);
  }
  return *number;
}

Result<bool> ConfigReader::flag(std::string_view key, bool fallback) const {
  const Json* value = find(key);
  if (value == nullptr) return fallback;
  const std::optional<bool> flag = value->as_bool();
  if (!flag) return fail("{}: {} is {}; allowed are true and false", where_, key, brief(*value));
  return *flag;
}

Result<std::string> ConfigReader::text(std::string_view key, std::string_view fallback) const {
  const Json* value = find(key);
  if (value == nullptr) return std::string(fallback);
  const std::string* text = value->as_string();
  if (text == nullptr) return fail("{}: {} is {}; it must be a string", where_, key, brief(*value));
  return *text;
}

Result<std::optional<ConfigReader>> ConfigReader::object(std::string_view key) const {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_object()) return fail("{}: {} is {}; it must be an object", where_, key, brief(*value));
  return ConfigReader(*value, where_ + ": " + std::string(key));
}

Result<const Json::Array*> ConfigReader::array(std::string_view key) const {
  const Json* value = find(key);
  if (value == nullptr) return nullptr;
  const Json::Array* array = value->as_array();
  if (array == nullptr) return fail("{}: {} is {}; it must be a list", where_, key, brief(*value));
  return array;
}

}  // namespace sobre
