// Binding of a call's arguments to the parameters that a builtin declares. Used by filters, tests, methods and globals.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "text/jinja_value.h"

namespace sobre::jinja {

/// Arguments in the order of the parameters; absent ones are nothing.
class Bound {
 public:
  static constexpr size_t kMax = 6;
  [[nodiscard]] bool has(size_t i) const { return slots_[i].has_value(); }
  [[nodiscard]] const Value& operator[](size_t i) const { return *slots_[i]; }
  void set(size_t i, const Value& v) { slots_[i] = v; }

  /// Typed readings with a default for an absent argument; errors name the function and the parameter's place.
  [[nodiscard]] Result<int64_t> integer(size_t i, int64_t absent) const;
  [[nodiscard]] bool flag(size_t i, bool absent) const { return has(i) ? truthy(*slots_[i]) : absent; }
  /// A string; null when absent or none.
  [[nodiscard]] Result<const Str*> text(size_t i) const;
  [[nodiscard]] std::optional<Value> optional(size_t i) const { return slots_[i]; }
  [[nodiscard]] Value or_none(size_t i) const { return slots_[i].value_or(Value()); }

 private:
  std::array<std::optional<Value>, kMax> slots_;
};

/// `parameters` are the names, separated by spaces; the first `required` must be given.
[[nodiscard]] Result<Bound> bind(std::string_view function, std::string_view parameters, size_t required, const Args& args);

/// Charges the steps that a filter, test or method may take to read the strings it is given.
void charge_reading(Runtime& rt, const Value& subject, const Args& args);

/// An error if there are any.
[[nodiscard]] Result<void> no_arguments(std::string_view function, const Args& args);

}  // namespace sobre::jinja
