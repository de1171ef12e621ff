// Methods of values: str, list, tuple, dict, numbers, loop, cycler. Used through attribute access and calls.
#pragma once

#include <string_view>

#include "text/jinja_value.h"

namespace sobre::jinja {

/// A method by name. `call` is null for those that a sandbox hides because they change the value.
struct MethodEntry {
  std::string_view name;
  Result<Value> (*call)(Runtime&, const Value& self, const Args&);
};

/// The method of that name; null when the type has none.
[[nodiscard]] const MethodEntry* find_method(const Value& self, std::string_view name);

/// The methods of str, for find_method.
[[nodiscard]] const MethodEntry* find_str_method(std::string_view name);

}  // namespace sobre::jinja
