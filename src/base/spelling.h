// Names in messages about files that people write: made printable, and the known name that an unknown one comes nearest to.
// Pure functions; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sobre {

/// A copy of at most 100 bytes on one line, control characters replaced by spaces.
[[nodiscard]] std::string printable(std::string_view text);

/// "; did you mean \"NAME\"?" with the known name that is few changes of letters away, or nothing.
[[nodiscard]] std::string nearest_name(std::string_view name, const std::vector<std::string_view>& known);

}  // namespace sobre
