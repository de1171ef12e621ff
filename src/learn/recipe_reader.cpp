#include "learn/recipe_reader.h"

#include <algorithm>
#include <utility>

#include "base/spelling.h"

namespace sobre {

namespace {

constexpr size_t kMaxTextBytes = 4096, kMaxItems = 1024;

bool is_line(std::string_view text) {
  return text.size() <= kMaxTextBytes &&
         std::none_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; });
}

}  // namespace

Result<TableReader> TableReader::open(const toml::node& node, const std::string& file, const std::string& name,
                                      const std::vector<std::string_view>& known) {
  const toml::table* table = node.as_table();
  if (table == nullptr)
    return fail("{}:{}: {} is {}; it must be a table", file, node.source().begin.line, name, toml_kind(node));
  for (const auto& [key, value] : *table) {
    if (std::find(known.begin(), known.end(), key.str()) != known.end()) continue;
    return fail("{}:{}: {}.{}: unknown key{}", file, value.source().begin.line, name, printable(key.str()),
                nearest_name(key.str(), known));
  }
  return TableReader(*table, file, name);
}

std::string TableReader::place(std::string_view key) const {
  const toml::node* value = node(key);
  const auto line = value == nullptr ? table_->source().begin.line : value->source().begin.line;
  return fmt::format("{}:{}: {}.{}", *file_, line, name_, key);
}

std::string TableReader::place() const { return fmt::format("{}:{}: {}", *file_, table_->source().begin.line, name_); }

std::unexpected<Error> TableReader::wrong_type(std::string_view key, std::string_view wanted) const {
  return fail("{} is {}; it must be {}", place(key), toml_kind(*node(key)), wanted);
}

Result<void> TableReader::text(std::string_view key, std::string& out) const {
  if (!has(key)) return {};
  auto value = node(key)->value_exact<std::string>();
  if (!value) return wrong_type(key, "a text in quotes");
  if (value->empty()) return fail("{} is empty", place(key));
  if (!is_line(*value)) return fail("{} is not one line of at most {} bytes", place(key), kMaxTextBytes);
  out = std::move(*value);
  return {};
}

Result<void> TableReader::choice(std::string_view key, const std::vector<std::string_view>& names, size_t& out) const {
  if (!has(key)) return {};
  std::string value;
  TRY_VOID(text(key, value));
  const auto found = std::find(names.begin(), names.end(), value);
  std::string all;
  for (const std::string_view name : names) all += fmt::format("{}\"{}\"", all.empty() ? "" : ", ", name);
  if (found == names.end()) return fail("{} is \"{}\"; it must be one of: {}", place(key), printable(value), all);
  out = static_cast<size_t>(found - names.begin());
  return {};
}

Result<void> TableReader::whole(std::string_view key, uint64_t low, uint64_t high, uint64_t& out) const {
  if (!has(key)) return {};
  const auto value = node(key)->value_exact<int64_t>();
  if (!value) return wrong_type(key, fmt::format("a whole number from {} to {}", low, high));
  if (*value < 0 || static_cast<uint64_t>(*value) < low || static_cast<uint64_t>(*value) > high)
    return fail("{} is {}; it must be from {} to {}", place(key), *value, low, high);
  out = static_cast<uint64_t>(*value);
  return {};
}

Result<void> TableReader::whole(std::string_view key, int low, int high, int& out) const {
  auto value = static_cast<uint64_t>(out);
  TRY_VOID(whole(key, static_cast<uint64_t>(low), static_cast<uint64_t>(high), value));
  out = static_cast<int>(value);
  return {};
}

Result<void> TableReader::number(std::string_view key, double low, double high, double& out, bool above) const {
  if (!has(key)) return {};
  const std::string range = fmt::format("{} {} {} {}", above ? "above" : "from", low, above ? "and at most" : "to", high);
  const auto integer = node(key)->value_exact<int64_t>();
  const auto value = integer ? std::optional(static_cast<double>(*integer)) : node(key)->value_exact<double>();
  if (!value) return wrong_type(key, fmt::format("a number {}", range));
  const bool good = *value >= low && *value <= high && !(above && *value == low);  // NaN is in no range
  if (!good) return fail("{} is {}; it must be {}", place(key), *value, range);
  out = *value;
  return {};
}

Result<const toml::array*> TableReader::list(std::string_view key, std::string_view wanted) const {
  const toml::array* array = node(key)->as_array();
  if (array == nullptr) return wrong_type(key, wanted);
  if (array->empty()) return fail("{} is an empty list", place(key));
  if (array->size() > kMaxItems) return fail("{} has {} items; at most {} are allowed", place(key), array->size(), kMaxItems);
  return array;
}

Result<void> TableReader::texts(std::string_view key, std::vector<std::string>& out) const {
  if (!has(key)) return {};
  TRY(const toml::array* array, list(key, "a list of texts"));
  out.clear();
  for (const toml::node& item : *array) {
    auto value = item.value_exact<std::string>();
    if (!value || value->empty() || !is_line(*value))
      return fail("{}: item {} must be a text of one line", place(key), out.size() + 1);
    out.push_back(std::move(*value));
  }
  return {};
}

Result<void> TableReader::wholes(std::string_view key, int low, int high, std::vector<int>& out) const {
  if (!has(key)) return {};
  TRY(const toml::array* array, list(key, "a list of whole numbers"));
  out.clear();
  for (const toml::node& item : *array) {
    const auto value = item.value_exact<int64_t>();
    if (!value || *value < low || *value > high)
      return fail("{}: item {} must be a whole number from {} to {}", place(key), out.size() + 1, low, high);
    out.push_back(static_cast<int>(*value));
  }
  return {};
}

Result<void> TableReader::require(std::string_view key, std::string_view what) const {
  if (has(key)) return {};
  return fail("{}: the key \"{}\" is missing: {}", place(), key, what);
}

Result<Json> toml_to_json(const toml::node& node, const std::string& file) {
  if (const toml::table* table = node.as_table()) {
    Json out{Json::Object()};
    for (const auto& [key, value] : *table) {
      TRY(Json item, toml_to_json(value, file));
      out.set(std::string(key.str()), std::move(item));
    }
    return out;
  }
  if (const toml::array* array = node.as_array()) {
    Json::Array out;
    for (const toml::node& value : *array) {
      TRY(Json item, toml_to_json(value, file));
      out.push_back(std::move(item));
    }
    return Json(std::move(out));
  }
  if (const auto text = node.value_exact<std::string>()) return Json(*text);
  if (const auto flag = node.value_exact<bool>()) return Json(*flag);
  if (const auto integer = node.value_exact<int64_t>()) return Json(*integer);
  if (const auto number = node.value_exact<double>()) return Json(*number);
  return fail("{}:{}: a date or time; write it as a text", file, node.source().begin.line);
}

}  // namespace sobre
