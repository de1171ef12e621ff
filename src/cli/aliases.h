// Names that the user gave to models: aliases.toml in the configuration folder, NAME = "TARGET" lines. Read afresh by each
// command. Main thread.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sobre {

/// Alias to target. `path` may not exist: none. Errors: a file that is not of this form (which entry).
[[nodiscard]] Result<std::map<std::string, std::string>> read_aliases(const std::string& path);
/// Writes all of them through a rename, in the order of their names; makes the folder.
[[nodiscard]] Result<void> write_aliases(const std::string& path, const std::map<std::string, std::string>& aliases);

/// Letters, digits, '.', '_', '-', a letter or digit first, at most 64: what an alias may be. It is never a path.
[[nodiscard]] Result<void> check_alias(std::string_view name);

}  // namespace sobre
