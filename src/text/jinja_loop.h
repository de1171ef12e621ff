// The state of a running for loop, which templates see as `loop`. Made and advanced by the evaluator. Like Python's loops it
// reads ahead only as far as it must: a filtered loop decides on an item when it comes to it, unless `last`, `nextitem` or
// `length` are asked for.
#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "text/jinja_macro.h"
#include "text/jinja_value.h"

namespace sobre::jinja {

struct Loop {
  const std::vector<Value>* items = &own;  // those read so far; all of them once `read_more` is empty
  std::vector<Value> own;
  std::function<Result<bool>()> read_more;  // appends one item to `own`; false when there is none
  size_t index = 0;                         // of the current item
  int depth = 0;                            // calls of this loop by itself around this one
  std::optional<std::vector<Value>> last_changed;
  const For* node = nullptr;  // for calls: only recursive loops can be called
  Env* env = nullptr;         // the frame around the loop
};

/// Whether there is an item at `index`; reads up to it.
[[nodiscard]] Result<bool> has_item(Loop& loop, size_t index);

/// loop.index and the rest; nothing when there is no such attribute. Methods (cycle, changed) come from jinja_methods.
[[nodiscard]] Result<std::optional<Value>> loop_attribute(Runtime& rt, Loop& loop, std::string_view name);

}  // namespace sobre::jinja
