#include "serve/request_fields.h"

#include <fmt/format.h>

#include <cmath>

#include "text/unicode.h"

namespace sobre {

namespace {

constexpr size_t kMaxQuoted = 60;

const char* type_name(const Json& value) {
  if (value.is_bool()) return "a boolean";
  if (value.is_number()) return "a number";
  if (value.is_string()) return "a string";
  if (value.is_array()) return "a list";
  return value.is_object() ? "an object" : "null";
}

/// A whole number, also one that is written with a fraction of zero: JSON has one kind of number, and some clients write all of
/// theirs as 16.0. Only as far as doubles tell whole numbers apart.
std::optional<int64_t> whole_number(const Json& value) {
  constexpr double kExact = 9007199254740992;  // 2^53
  if (!value.is_double()) return value.as_int();
  const double x = value.as_double().value_or(0.5);
  if (!(x >= -kExact && x <= kExact) || x != std::trunc(x)) return std::nullopt;
  return static_cast<int64_t>(x);
}

}  // namespace

std::string short_json(const Json& value) {
  if (value.is_array() || value.is_object()) return type_name(value);
  const std::string* s = value.as_string();
  if (s == nullptr) return value.dump();
  if (s->size() <= kMaxQuoted) return value.dump();
  return Json(repair_utf8(std::string_view(*s).substr(0, kMaxQuoted))).dump() + "...";
}

const Json* RequestFields::find(std::string_view name) const {
  if (error_) return nullptr;
  const Json* value = object_.find(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

std::optional<double> RequestFields::number(std::string_view name, double low, double high) {
  const Json* value = find(name);
  if (value == nullptr) return std::nullopt;
  const auto x = value->as_double();
  if (!x) {
    refuse(name, fmt::format("it is {}, not a number from {} to {}", type_name(*value), low, high));
  } else if (!std::isfinite(*x) || *x < low || *x > high) {
    refuse(name, fmt::format("{} is out of range; allowed are {} to {}", *x, low, high));
  } else {
    return x;
  }
  return std::nullopt;
}

std::optional<int64_t> RequestFields::integer(std::string_view name, int64_t low, int64_t high) {
  const Json* value = find(name);
  if (value == nullptr) return std::nullopt;
  const auto x = whole_number(*value);
  if (!x && !value->is_integer()) {
    refuse(name, fmt::format("{} is not a whole number from {} to {}", short_json(*value), low, high));
  } else if (!x || *x < low || *x > high) {
    refuse(name, fmt::format("{} is out of range; allowed are {} to {}", value->dump(), low, high));
  } else {
    return x;
  }
  return std::nullopt;
}

bool RequestFields::flag(std::string_view name, bool otherwise) {
  const Json* value = find(name);
  if (value == nullptr) return otherwise;
  if (const auto b = value->as_bool()) return *b;
  refuse(name, fmt::format("{} is neither true nor false", short_json(*value)));
  return otherwise;
}

const std::string* RequestFields::text(std::string_view name, uint64_t max_bytes) {
  const Json* value = find(name);
  if (value == nullptr) return nullptr;
  const std::string* s = value->as_string();
  if (s == nullptr) {
    refuse(name, fmt::format("it is {}, not a string", type_name(*value)));
  } else if (s->size() > max_bytes) {
    refuse(name, fmt::format("{} bytes; at most {} are allowed", s->size(), max_bytes));
    s = nullptr;
  }
  return s;
}

const Json* RequestFields::object(std::string_view name) {
  const Json* value = find(name);
  if (value == nullptr || value->is_object()) return value;
  refuse(name, fmt::format("it is {}, not an object", type_name(*value)));
  return nullptr;
}

const Json::Array* RequestFields::list(std::string_view name, size_t max_entries) {
  const Json* value = find(name);
  if (value == nullptr) return nullptr;
  const Json::Array* array = value->as_array();
  if (array == nullptr) {
    refuse(name, fmt::format("it is {}, not a list", type_name(*value)));
  } else if (array->size() > max_entries) {
    refuse(name, fmt::format("{} entries; at most {} are allowed", array->size(), max_entries));
    array = nullptr;
  }
  return array;
}

void RequestFields::refuse(std::string_view name, std::string_view reason, std::string_view code) {
  const std::string param = fmt::format("{}{}", place_, name);
  refuse(bad_request(fmt::format("{}: {}", param, reason), param, std::string(code)));
}

void RequestFields::refuse(ApiError error) {
  if (!error_) error_ = std::move(error);
}

void RequestFields::refuse_unsupported(std::initializer_list<Unsupported> fields) {
  for (const Unsupported& field : fields) {
    const Json* value = find(field.name);
    if (value == nullptr) continue;
    if (field.neutral != nullptr) {
      const Result<Json> neutral = Json::parse(field.neutral);
      CHECK(neutral);
      if (*value == *neutral) continue;
    }
    refuse(field.name,
           fmt::format("it is not supported{}{}", field.instead == nullptr ? "" : "; ",
                       field.instead == nullptr ? "" : field.instead),
           "unsupported_parameter");
  }
}

}  // namespace sobre
