// The keys of sobre.toml: where each stands, what it sets, its range and its comment. One table for reading and for printing.
// Internal to config*.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "serve/config.h"

namespace sobre {

/// A number of bytes: an integer, or text such as "8 MiB".
struct ByteField {
  uint64_t* bytes;
};
/// What a list may hold.
struct ListField {
  std::vector<std::string>* items;
  bool (*allowed)(std::string_view);
  const char* form;
};

struct ConfigField {
  using Value = std::variant<int*, double*, bool*, std::string*, ByteField, ListField, KvType*, WeightMode*,
                             std::optional<Isa>*, std::optional<double>*>;
  std::string_view section, key;
  Value value;
  double low = 0, high = 0;  // of numbers and bytes
  std::string_view comment;
};

/// All keys, by section in the order of printing. They point into `config`.
[[nodiscard]] std::vector<ConfigField> config_fields(ServeConfig& config);

/// "8 MiB" for whole multiples of a unit, else the number of bytes.
[[nodiscard]] std::string print_bytes(uint64_t bytes);
/// The reverse; nothing when it has another form or is too large.
[[nodiscard]] std::optional<uint64_t> parse_bytes(std::string_view text);

/// The names of an enumeration's values, for messages: a, b, c.
[[nodiscard]] std::string kv_names();
[[nodiscard]] std::string weight_names();
[[nodiscard]] std::string isa_names();
[[nodiscard]] std::optional<KvType> kv_from_name(std::string_view name);
[[nodiscard]] std::optional<WeightMode> weight_from_name(std::string_view name);

}  // namespace sobre
