// Decides where each name of a template lives, once, before anything is rendered. As in Jinja, a frame has its own copy of
// every name that it assigns anywhere; `if` makes no frame, everything else with a body does. Used by ChatTemplate::parse.
#pragma once

#include "text/jinja_ast.h"

namespace sobre::jinja {

/// Fills the places and scopes of a parsed tree. An error names a filter or test that does not exist, where it would be reached
/// (inside `if`, it only counts when it is reached).
[[nodiscard]] Result<void> resolve_names(Tree& tree);

}  // namespace sobre::jinja
