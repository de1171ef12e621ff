// Sums as a small model can do them: digit by digit, each step in the same form, then the result on a line of its own.
//   384+259            8 - 5 as 08-5-0=3: the 1 of 1x is what was borrowed      84/7
//   4+9+0=13 8+5+1=14 3+2+1=06                                                  08/7=1r1 14/7=2r0
//   643                                                                         12
// A product by more than one digit is a line for each digit of the second number and one for each sum of lines. Pure functions.
#pragma once

#include <cstdint>
#include <string>

namespace sobre::office {

/// An operation on whole numbers, a and b from 0 to 999,999.
struct Operation {
  int64_t a = 0, b = 0;
  char sign = '+';  // + - x /

  friend bool operator==(const Operation&, const Operation&) = default;
};

/// The result; a division must be exact (CHECK).
[[nodiscard]] int64_t result_of(const Operation& op);

/// "384+259": also the operation's key, with the smaller number first where order does not matter.
[[nodiscard]] std::string equation(const Operation& op);
[[nodiscard]] std::string operation_key(const Operation& op);

/// The lines above. The last one is result_of().
[[nodiscard]] std::string working(const Operation& op);

}  // namespace sobre::office
