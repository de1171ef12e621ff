// Numbers as texts: which decimal texts a set of numbers has, read character by character without dead ends. Values are exact
// decimals; where common validators compute in doubles, texts on which they would judge otherwise are left out. Pure values.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace sobre {

/// sign * digits * 10^exponent, digits without zeros at either end ("0" for zero, exponent 0).
struct Decimal {
  bool negative = false;
  std::string digits = "0";
  int exponent = 0;

  /// Of a JSON number text (the grammar of RFC 8259 is taken for granted).
  [[nodiscard]] static Decimal parse(std::string_view text);
  /// Of a JSON number: integers exactly, others by their shortest decimal text.
  [[nodiscard]] static Decimal of(const Json& number);
  [[nodiscard]] bool is_zero() const { return digits == "0"; }
  [[nodiscard]] bool is_integer() const { return exponent >= 0; }
  [[nodiscard]] double value() const;
  [[nodiscard]] std::string text() const;  // digits and exponent, for messages
  friend bool operator==(const Decimal&, const Decimal&) = default;
};
[[nodiscard]] std::strong_ordering compare(const Decimal& a, const Decimal& b);
/// Whether value is a whole multiple of step (step > 0, at most 18 digits).
[[nodiscard]] bool is_multiple(const Decimal& value, const Decimal& step);

/// What a schema says of numbers. An empty `values` list has no number.
struct NumberRules {
  std::optional<Decimal> min, max;
  bool min_exclusive = false, max_exclusive = false;
  std::vector<Decimal> multiples, not_multiples;  // integers are multiples of 1
  std::vector<Decimal> excluded;
  std::optional<std::vector<Decimal>> values;

  void add_min(const Decimal& bound, bool exclusive);
  void add_max(const Decimal& bound, bool exclusive);
  [[nodiscard]] bool contains(const Decimal& value) const;
  friend bool operator==(const NumberRules&, const NumberRules&) = default;
};

/// Where a reader stands in a number.
struct NumberState {
  enum class Phase : uint8_t { kBegin, kSign, kInt, kDot, kFrac, kE, kESign, kEDigits };
  Phase phase = Phase::kBegin;
  bool negative = false;
  bool fraction = false;          // a fraction digit other than 0 was read
  uint8_t ints = 0, fracs = 0;    // digits read
  uint8_t first = 0, second = 0;  // the first digit, and the first after the point
  uint8_t e_digits = 0;
  bool e_negative = false;
  uint16_t e = 0;
  unsigned __int128 digits = 0;  // of a grid number
  friend bool operator==(const NumberState&, const NumberState&) = default;
};

/// The texts of a set of numbers. Const once made; any thread.
class NumberTexts {
 public:
  using Wide = unsigned __int128;
  /// Errors: a rule that cannot be enforced exactly, named (multipleOf, minimum, ...). `texts()` of finite sets are words.
  [[nodiscard]] static Result<NumberTexts> make(const NumberRules& rules);

  [[nodiscard]] bool empty() const { return kind_ == Kind::kEmpty; }
  /// Finite sets (enum, const) are lists of texts, not for step().
  [[nodiscard]] bool finite() const { return kind_ == Kind::kWords; }
  [[nodiscard]] const std::vector<std::string>& words() const { return words_; }

  /// Reads one character. False: no number of the set goes on so.
  [[nodiscard]] bool step(NumberState& state, char c) const;
  [[nodiscard]] bool accepts(const NumberState& state) const;

 private:
  enum class Kind : uint8_t { kEmpty, kFree, kInteger, kGrid, kWords };
  struct Side {  // magnitudes of one sign, on the grid
    bool some = false;
    Wide min = 0, max = 0;
    std::vector<Wide> excluded;
    bool large = false, small = false;  // d.ddde+XX and d.ddde-XX are in the set
  };
  Result<void> make_steps(const NumberRules& rules);
  void make_side(const NumberRules& rules, bool negative);
  void make_exponents(const NumberRules& rules, bool negative);
  void make_words(const NumberRules& rules);
  bool contains(const Side& side, Wide x) const;
  bool exists(const Side& side, Wide from, Wide to, bool integers) const;
  bool live_int(const NumberState& s) const;
  bool live_frac(const NumberState& s) const;
  bool may_exponent(const NumberState& s) const;
  bool step_free(NumberState& s, char c) const;
  bool step_integer(NumberState& s, char c) const;
  bool step_grid(NumberState& s, char c) const;
  bool step_short_exponent(NumberState& s, char c) const;
  bool read_exponent(NumberState& s, char c) const;
  const Side& side(const NumberState& s) const { return sides_[s.negative ? 1 : 0]; }

  Kind kind_ = Kind::kEmpty;
  Side sides_[2];
  Wide step_ = 1, integer_step_ = 0;  // 0: no whole number
  std::vector<Wide> not_steps_;
  std::vector<double> quotients_, not_quotients_;  // steps with a fraction, as doubles
  int exponent_room_ = 0;                          // zeros that e+ texts need after their digits
  int point_ints_ = 15, frac_digits_ = 17;         // digits before a point, and after it
  std::vector<std::string> words_;
};

}  // namespace sobre
