// Result<T>: how everything that files, networks, users or models can cause is reported. Bugs use CHECK.
// A message is one line: what, which value, which limit, what to do. Used by every layer; no state, any thread.
#pragma once

#include <fmt/core.h>

#include <cstdio>
#include <cstdlib>
#include <expected>
#include <string>
#include <utility>

namespace sobre {

struct Error {
  std::string message;
};

template <class T>
using Result = std::expected<T, Error>;

/// Builds the error branch of any Result<T>: `return fail("{}: version {} is not supported", path, v);`
template <class... Args>
[[nodiscard]] std::unexpected<Error> fail(fmt::format_string<Args...> format, Args&&... args) {
  return std::unexpected<Error>(Error{fmt::format(format, std::forward<Args>(args)...)});
}

/// Passes an error on, with a prefix that says where it happened.
[[nodiscard]] inline std::unexpected<Error> fail_in(const std::string& where, const Error& e) {
  return std::unexpected<Error>(Error{where + ": " + e.message});
}

}  // namespace sobre

#define SOBRE_CONCAT_INNER(a, b) a##b
#define SOBRE_CONCAT(a, b) SOBRE_CONCAT_INNER(a, b)

/// TRY(auto x, f()); declares x with the value of f(), or returns its error from the enclosing function.
#define TRY(declaration, expression) TRY_INNER(SOBRE_CONCAT(try_result_, __COUNTER__), declaration, expression)
#define TRY_INNER(tmp, declaration, expression)                             \
  auto tmp = (expression);                                                  \
  if (!tmp) return std::unexpected<::sobre::Error>(std::move(tmp).error()); \
  declaration = std::move(*tmp)

/// TRY_VOID(f()); returns the error of a Result<void> from the enclosing function.
#define TRY_VOID(expression)                                                                          \
  do {                                                                                                \
    auto try_void_result = (expression);                                                              \
    if (!try_void_result) return std::unexpected<::sobre::Error>(std::move(try_void_result).error()); \
  } while (false)

/// A broken invariant of ours (never reachable from input bytes): says where and stops.
#define CHECK(condition)                                                                      \
  do {                                                                                        \
    if (!(condition)) {                                                                       \
      std::fprintf(stderr, "%s:%d: bug: %s does not hold\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                           \
    }                                                                                         \
  } while (false)
