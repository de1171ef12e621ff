// JSON in and out of the template language. Used by render() and the filter tojson.
#pragma once

#include "base/json.h"
#include "text/jinja_value.h"

namespace sobre::jinja {

/// A value of the heap; its strings count as input where `from_input`. Not charged to the budget: the caller bounds its input.
[[nodiscard]] Result<Value> from_json(Runtime& rt, const Json& json, bool from_input);

struct JsonFormat {
  std::optional<std::string> indent;  // one level; absent: one line
  std::string item_separator = ", ";
  std::string key_separator = ": ";
  bool sort_keys = false;
  bool ascii = false;
};

/// json.dumps(v): from input as a whole when any string in it is.
[[nodiscard]] Result<Value> to_json(Runtime& rt, const Value& v, const JsonFormat& format);

}  // namespace sobre::jinja
