// Tokens of a template: text, and the names, literals and operators inside {% %} and {{ }}. White space control (-, +,
// trim_blocks, lstrip_blocks), comments and raw blocks are settled here. Used by the parser; pure, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sobre::jinja {

/// A place in the source, both counted from 1; columns count characters.
struct Position {
  uint32_t line = 1, column = 1;
};

enum class TokenKind : uint8_t {
  kData,
  kBlockBegin,
  kBlockEnd,
  kVariableBegin,
  kVariableEnd,
  kName,
  kString,
  kInteger,
  kFloat,
  kOperator,
  kEnd,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  Position at;
  std::string text;  // data, name, value of a string, operator
  int64_t integer = 0;
  double number = 0;
};

/// Brings line ends to \n and drops the last one: what lex() is given.
[[nodiscard]] std::string normalized_source(std::string_view source);

/// All tokens; the last one is kEnd. `source` is valid UTF-8. Errors name line and column.
[[nodiscard]] Result<std::vector<Token>> lex(std::string_view source);

/// An error of the template's text at a place.
template <class... Args>
[[nodiscard]] std::unexpected<Error> fail_at(Position at, fmt::format_string<Args...> format, Args&&... args) {
  return std::unexpected<Error>(
      Error{fmt::format("line {}, column {}: {}", at.line, at.column, fmt::format(format, std::forward<Args>(args)...))});
}

}  // namespace sobre::jinja
