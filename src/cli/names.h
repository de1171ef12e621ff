// Names of models: a path as it is, an alias of the user, a name of the catalogue, whose file came with the program or is
// fetched into the user's cache when it is not there, or a repository of the hub, which is pulled when it is not in the cache.
// Reads the environment (XDG_CACHE_HOME, XDG_CONFIG_HOME, XDG_STATE_HOME, HOME). Main thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "cli/catalogue.h"

namespace sobre {

/// The path of a model: `name` itself where such a file or folder exists, else what the alias, the catalogue's entry or the
/// hub's repository of that name stands for, fetched at the first use (progress on stderr); what is here is used without the
/// network. Errors: a name that is none of these (with those that are known), a fetch that fails.
[[nodiscard]] Result<std::string> resolve_model(const std::string& name);

/// What the ledger calls the model of a path: the digest of the manifest it was pulled by, else that of its files, which are
/// read for it. Error: files that cannot be read.
[[nodiscard]] Result<std::string> model_identity(const std::string& path);

/// What an alias stands for; a name that is none stands for itself. Error: an aliases file that cannot be read.
[[nodiscard]] Result<std::string> alias_target(const std::string& name);
/// The file of aliases; empty when there is no home.
[[nodiscard]] std::string aliases_path();
/// The built-in catalogue with the user's own entries.
[[nodiscard]] Result<Catalogue> known_models();
/// The file of an entry that came with the program, when it is there, whole by its size.
[[nodiscard]] std::optional<std::string> bundled_path(const CatalogueEntry& entry);

/// The names of the bundled models whose files are where the program looks for them, the largest first: `models` beside the
/// program, ../share/sobre/models from there, or the source tree it was built in.
[[nodiscard]] std::vector<std::string> bundled_models();
/// The model for who names none: the largest bundled one. Error: there is none.
[[nodiscard]] Result<std::string> default_model();

/// The sampling that the catalogue recommends for a name; an empty object for paths and names that are unknown.
[[nodiscard]] Json recommended_sampling(const std::string& name);

/// $XDG_CONFIG_HOME/sobre, else ~/.config/sobre; empty when there is no home.
[[nodiscard]] std::string config_folder();
/// $XDG_CACHE_HOME/sobre, else ~/.cache/sobre. Not created here.
[[nodiscard]] Result<std::string> cache_folder();
/// $XDG_STATE_HOME/sobre, else ~/.local/state/sobre; empty when there is no home.
[[nodiscard]] std::string state_folder();

}  // namespace sobre
