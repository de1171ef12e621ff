#include "task/working.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/result.h"

namespace sobre::office {

namespace {

// Digit `place` from the right; 0 left of the number.
int digit(int64_t n, size_t place) {
  for (; place > 0; --place) n /= 10;
  return static_cast<int>(n % 10);
}

size_t digits_of(int64_t n) {
  size_t count = 1;
  for (; n > 9; n /= 10) ++count;
  return count;
}

void add_step(std::string& line, const std::string& step) { line.append(line.empty() ? "" : " ").append(step); }

std::string addition_steps(int64_t a, int64_t b) {
  std::string line;
  int carry = 0;
  for (size_t i = 0; i < std::max(digits_of(a), digits_of(b)); ++i) {
    const int sum = digit(a, i) + digit(b, i) + carry;
    add_step(line, fmt::format("{}+{}+{}={:02}", digit(a, i), digit(b, i), carry, sum));
    carry = sum / 10;
  }
  return line;
}

// a >= b. The first digit of a step is 1 where ten was borrowed.
std::string subtraction_steps(int64_t a, int64_t b) {
  std::string line;
  int borrow = 0;
  for (size_t i = 0; i < digits_of(a); ++i) {
    const int tens = digit(a, i) < digit(b, i) + borrow ? 1 : 0;
    const int rest = tens * 10 + digit(a, i) - digit(b, i) - borrow;
    add_step(line, fmt::format("{}{}-{}-{}={}", tens, digit(a, i), digit(b, i), borrow, rest));
    borrow = tens;
  }
  return line;
}

std::string row_steps(int64_t a, int factor) {
  std::string line;
  int carry = 0;
  for (size_t i = 0; i < digits_of(a); ++i) {
    const int product = digit(a, i) * factor + carry;
    add_step(line, fmt::format("{}x{}+{}={:02}", digit(a, i), factor, carry, product));
    carry = product / 10;
  }
  return line;
}

std::string product_lines(int64_t a, int64_t b) {
  if (b < 10) return row_steps(a, static_cast<int>(b)) + "\n";
  std::string lines;
  int64_t sum = 0, unit = 1;
  for (size_t i = 0; i < digits_of(b); ++i, unit *= 10) {
    const int64_t row = a * digit(b, i) * unit;
    lines += fmt::format("{} {}\n", row_steps(a, digit(b, i)), row);
    if (i > 0) lines += fmt::format("{} {}\n", addition_steps(sum, row), sum + row);
    sum += row;
  }
  return lines;
}

std::string division_steps(int64_t a, int64_t b) {
  std::string line;
  int64_t rest = 0;
  const auto width = static_cast<int>(digits_of(b) + 1);
  for (size_t i = digits_of(a); i-- > 0;) {
    const int64_t part = rest * 10 + digit(a, i);
    rest = part % b;
    add_step(line, fmt::format("{:0{}}/{}={}r{}", part, width, b, part / b, rest));
  }
  return line;
}

}  // namespace

int64_t result_of(const Operation& op) {
  switch (op.sign) {
    case '+':
      return op.a + op.b;
    case '-':
      return op.a - op.b;
    case 'x':
      return op.a * op.b;
    default:
      CHECK(op.sign == '/' && op.b != 0 && op.a % op.b == 0);
      return op.a / op.b;
  }
}

std::string equation(const Operation& op) { return fmt::format("{}{}{}", op.a, op.sign, op.b); }

std::string operation_key(const Operation& op) {
  const bool swapped = (op.sign == '+' || op.sign == 'x') && op.a > op.b;
  return swapped ? equation({op.b, op.a, op.sign}) : equation(op);
}

std::string working(const Operation& op) {
  std::string text = equation(op) + "\n";
  switch (op.sign) {
    case '+':
      text += addition_steps(op.a, op.b) + "\n";
      break;
    case '-':
      if (op.a < op.b) text += equation({op.b, op.a, '-'}) + "\n";
      text += subtraction_steps(std::max(op.a, op.b), std::min(op.a, op.b)) + "\n";
      break;
    case 'x':
      text += product_lines(op.a, op.b);
      break;
    default:
      text += division_steps(op.a, op.b) + "\n";
  }
  return text + fmt::format("{}", result_of(op));
}

}  // namespace sobre::office
