#include "format/names.h"

#include <fmt/core.h>

namespace sobre {

std::string in_quotes(std::string_view name) {
  constexpr size_t kMaxShown = 80;
  std::string shown = "\"";
  for (const char c : name.substr(0, kMaxShown)) {
    if (c >= ' ' && c <= '~') {
      shown += c;
    } else {
      shown += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
  shown += name.size() > kMaxShown ? "...\"" : "\"";
  return shown;
}

}  // namespace sobre
