// Names that come from files: how they stand in messages, and look-ups among thousands of them without a copy of each.
// Used by the readers of this layer only. Pure functions, any thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sobre {

// Not called quoted(): for std::string arguments std::quoted would be found as well.
/// A name as it may stand in a one-line message: in quotes, at most 80 bytes of it, all but printable ASCII as \xNN.
[[nodiscard]] std::string in_quotes(std::string_view name);

/// The indices 0..items.size()-1 (below 2^32) sorted by name_of(item).
template <class Items, class NameOf>
[[nodiscard]] std::vector<uint32_t> order_by_name(const Items& items, const NameOf& name_of) {
  std::vector<uint32_t> order(items.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return name_of(items[a]) < name_of(items[b]); });
  return order;
}

/// The index of an item whose name occurs twice, if any; `order` from order_by_name.
template <class Items, class NameOf>
[[nodiscard]] std::optional<uint32_t> find_repeated(const Items& items, const std::vector<uint32_t>& order,
                                                    const NameOf& name_of) {
  for (size_t i = 1; i < order.size(); ++i) {
    if (name_of(items[order[i - 1]]) == name_of(items[order[i]])) return order[i];
  }
  return std::nullopt;
}

/// The item of that name, or null; `order` from order_by_name.
template <class Items, class NameOf>
[[nodiscard]] auto find_by_name(const Items& items, const std::vector<uint32_t>& order, const NameOf& name_of,
                                std::string_view name) -> decltype(&items[0]) {
  const auto at = std::lower_bound(order.begin(), order.end(), name,
                                   [&](uint32_t i, std::string_view wanted) { return name_of(items[i]) < wanted; });
  if (at == order.end() || name_of(items[*at]) != name) return nullptr;
  return &items[*at];
}

}  // namespace sobre
