// Frames at run time, and macros, which keep the frame that they were made in. Made by the evaluator; they live as long as the
// render.
#pragma once

#include <optional>
#include <vector>

#include "text/jinja_ast.h"

namespace sobre::jinja {

/// One entered frame. Unset slots are undefined names.
struct Env {
  Env* outer = nullptr;
  std::vector<std::optional<Value>> slots;
};

struct Macro {
  const MacroBody* body = nullptr;
  Env* env = nullptr;  // the frame around the definition
};

}  // namespace sobre::jinja
