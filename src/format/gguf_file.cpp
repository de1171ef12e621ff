#include "format/gguf.h"
#include "format/names.h"

namespace sobre {
namespace {

/// A value as it may stand in a message.
std::string shown(const GgufValue& value) {
  if (const bool* b = std::get_if<bool>(&value)) return *b ? "true" : "false";
  if (const int64_t* i = std::get_if<int64_t>(&value)) return std::to_string(*i);
  if (const uint64_t* u = std::get_if<uint64_t>(&value)) return std::to_string(*u);
  if (const double* d = std::get_if<double>(&value)) return fmt::format("{}", *d);
  if (const std::string* s = std::get_if<std::string>(&value)) return "the string " + in_quotes(*s);
  return fmt::format("an array of {} elements", std::get<GgufArray>(value).size());
}

}  // namespace

const TensorView* GgufFile::find_tensor(std::string_view name) const {
  return find_by_name(tensors_, tensor_order_, [](const TensorView& t) -> std::string_view { return t.name; }, name);
}

const GgufValue* GgufFile::find(std::string_view key) const {
  const auto* entry = find_by_name(metadata_, key_order_, [](const auto& e) -> std::string_view { return e.first; }, key);
  return entry != nullptr ? &entry->second : nullptr;
}

Result<std::optional<std::string>> GgufFile::get_string(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (const std::string* s = std::get_if<std::string>(value)) return *s;
  return fail("{}: {} is {}, expected a string", name_, key, shown(*value));
}

Result<std::optional<int64_t>> GgufFile::get_int(std::string_view key, int64_t min, int64_t max) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (const int64_t* i = std::get_if<int64_t>(value); i != nullptr && *i >= min && *i <= max) return *i;
  const uint64_t* u = std::get_if<uint64_t>(value);
  if (u != nullptr && std::cmp_greater_equal(*u, min) && std::cmp_less_equal(*u, max)) return static_cast<int64_t>(*u);
  return fail("{}: {} is {}, expected an integer from {} to {}", name_, key, shown(*value), min, max);
}

Result<std::optional<double>> GgufFile::get_double(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (const double* d = std::get_if<double>(value)) return *d;
  if (const int64_t* i = std::get_if<int64_t>(value)) return static_cast<double>(*i);
  if (const uint64_t* u = std::get_if<uint64_t>(value)) return static_cast<double>(*u);
  return fail("{}: {} is {}, expected a number", name_, key, shown(*value));
}

Result<std::optional<bool>> GgufFile::get_bool(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (const bool* b = std::get_if<bool>(value)) return *b;
  return fail("{}: {} is {}, expected true or false", name_, key, shown(*value));
}

}  // namespace sobre
