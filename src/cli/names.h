// Names of models: a path as it is, or a name of the catalogue, whose file is fetched into the user's cache when it is not
// there, or which came with the program. Reads the environment (XDG_CACHE_HOME, XDG_CONFIG_HOME, XDG_STATE_HOME, HOME). Main
// thread.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace sobre {

/// The path of a model: `name` itself where such a file or folder exists, else the catalogue's file of that name, fetched at
/// the first use (progress on stderr). Errors: a name that is neither (with those that are known), a fetch that fails.
[[nodiscard]] Result<std::string> resolve_model(const std::string& name);

/// The names of the bundled models whose files are where the program looks for them, the largest first: `models` beside the
/// program, ../share/sobre/models from there, or the source tree it was built in.
[[nodiscard]] std::vector<std::string> bundled_models();
/// The model for who names none: the largest bundled one. Error: there is none.
[[nodiscard]] Result<std::string> default_model();

/// The sampling that the catalogue recommends for a name; an empty object for paths and names that are unknown.
[[nodiscard]] Json recommended_sampling(const std::string& name);

/// $XDG_CACHE_HOME/sobre, else ~/.cache/sobre. Not created here.
[[nodiscard]] Result<std::string> cache_folder();
/// $XDG_STATE_HOME/sobre, else ~/.local/state/sobre; empty when there is no home.
[[nodiscard]] std::string state_folder();

}  // namespace sobre
