// Filters, tests and global functions. Used by the evaluator, and by the filters that apply another filter or test by name.
#pragma once

#include <span>
#include <string_view>

#include "text/jinja_value.h"

namespace sobre::jinja {

struct FilterEntry {
  std::string_view name;
  Result<Value> (*call)(Runtime&, const Value& value, const Args&);
};

struct TestEntry {
  std::string_view name;
  Result<bool> (*call)(Runtime&, const Value& value, const Args&);
};

/// By name; null when there is none.
[[nodiscard]] const FilterEntry* find_filter(std::string_view name);
[[nodiscard]] const TestEntry* find_test(std::string_view name);

[[nodiscard]] Result<Value> call_filter(Runtime& rt, std::string_view name, const Value& value, const Args& args);
[[nodiscard]] Result<bool> call_test(Runtime& rt, std::string_view name, const Value& value, const Args& args);

/// range, dict, namespace, cycler, joiner, raise_exception, strftime_now.
[[nodiscard]] std::span<const Function> global_functions();

/// The two halves of the table of filters.
[[nodiscard]] std::span<const FilterEntry> text_filters();
[[nodiscard]] std::span<const FilterEntry> sequence_filters();

}  // namespace sobre::jinja
