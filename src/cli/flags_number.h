// A flag whose value is a whole number. Included by the flags*.cpp alone: it includes CLI11.
#pragma once

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <string>

namespace sobre {

/// Decimal digits alone, from `min` to `max`; anything else is an error of usage that names the value and both limits.
template <class T>
CLI::Option* add_number(CLI::App& app, const std::string& flag, T& out, T min, T max, const std::string& help) {
  const auto read = [flag, min, max, &out](const std::string& text) {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value < min || value > max)
      throw CLI::ValidationError(fmt::format("{}: '{}' is no whole number from {} to {}", flag, text, min, max));
    out = value;
  };
  return app.add_option_function<std::string>(flag, read, help)->type_name("N");
}

}  // namespace sobre
