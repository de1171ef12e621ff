// Formatting: the % operator, str.format(), and strftime. Used by the builtins and by the operator %.
#pragma once

#include <string_view>

#include "text/jinja_value.h"

namespace sobre::jinja {

/// format % arguments: a tuple, a dict for %(name)s, or one value.
[[nodiscard]] Result<Value> format_percent(Runtime& rt, const Str& format, const Value& arguments);

/// format.format(*args, **kwargs); attributes and items of fields are reached as templates reach them.
[[nodiscard]] Result<Value> format_braces(Runtime& rt, const Str& format, const Args& args);

/// datetime.strftime in the C locale.
[[nodiscard]] Result<std::string> format_time(const LocalTime& time, std::string_view format);

}  // namespace sobre::jinja
