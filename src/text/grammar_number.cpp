#include "text/grammar_number.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace sobre {

// A grid number has at most 20 digits before and 17 after the point: 37 digits fit 128 bits. A point is allowed after at most
// 15 digits, where every text is another double.
using Wide = NumberTexts::Wide;
static constexpr int kGridInts = 20, kGridFracs = 17;
// Where single values are excluded, a text has at most 15 digits: then no two texts of different values are one double.
static constexpr int kShortInts = 8, kShortFracs = 7;
static constexpr int kFreeDigits = 60;       // each side of the point, of numbers without rules
static constexpr int kMaxTextDigits = 60;    // of a constant written without exponent
static constexpr int kLongestMantissa = 16;  // digits after the point of d.ddde+XX

static constexpr Wide power10(int n) {
  Wide p = 1;
  for (int i = 0; i < n; ++i) p *= 10;
  return p;
}
static constexpr Wide kOne = power10(kGridFracs);
static constexpr Wide kGridEnd = power10(kGridInts + kGridFracs);

Decimal Decimal::parse(std::string_view text) {
  Decimal d;
  d.digits.clear();
  size_t i = 0;
  if (i < text.size() && text[i] == '-') d.negative = true, ++i;
  bool point = false;
  for (; i < text.size() && text[i] != 'e' && text[i] != 'E'; ++i) {
    if (text[i] == '.') {
      point = true;
      continue;
    }
    if (!d.digits.empty() || text[i] != '0') d.digits += text[i];
    if (point) --d.exponent;
  }
  if (i < text.size()) {
    int e = 0;
    const char* first = text.data() + i + 1;
    if (*first == '+') ++first;
    std::from_chars(first, text.data() + text.size(), e);
    d.exponent += e;
  }
  while (!d.digits.empty() && d.digits.back() == '0') d.digits.pop_back(), ++d.exponent;
  if (d.digits.empty()) return Decimal{};
  return d;
}

Decimal Decimal::of(const Json& number) {
  if (const auto i = number.as_int()) return parse(std::to_string(*i));
  if (const auto u = number.as_uint()) return parse(std::to_string(*u));
  return parse(fmt::format("{}", number.as_double().value_or(0)));
}

std::string Decimal::text() const {
  return fmt::format("{}{}{}", negative ? "-" : "", digits, exponent == 0 ? "" : fmt::format("e{}", exponent));
}

double Decimal::value() const {
  const std::string t = text();
  double v = 0;
  const auto r = std::from_chars(t.data(), t.data() + t.size(), v);
  if (r.ec == std::errc::result_out_of_range) v = static_cast<int>(digits.size()) + exponent > 0 ? HUGE_VAL : 0;
  return negative && v > 0 ? -v : v;
}

std::strong_ordering compare(const Decimal& a, const Decimal& b) {
  const auto sign = [](const Decimal& d) { return d.is_zero() ? 0 : d.negative ? -1 : 1; };
  if (sign(a) != sign(b) || sign(a) == 0) return sign(a) <=> sign(b);
  const auto& x = a.negative ? b : a;
  const auto& y = a.negative ? a : b;
  const int ex = static_cast<int>(x.digits.size()) + x.exponent, ey = static_cast<int>(y.digits.size()) + y.exponent;
  return ex != ey ? ex <=> ey : x.digits <=> y.digits;  // equal beginnings: the longer one has more digits, none of them lost
}

bool is_multiple(const Decimal& value, const Decimal& step) {
  if (value.is_zero()) return true;
  if (value.exponent < step.exponent) return false;  // value's last digit is not 0
  uint64_t modulus = 0;
  std::from_chars(step.digits.data(), step.digits.data() + step.digits.size(), modulus);
  Wide rest = 0;
  for (const char c : value.digits) rest = (rest * 10 + static_cast<Wide>(c - '0')) % modulus;
  for (int i = step.exponent; i < value.exponent && rest != 0; ++i) rest = rest * 10 % modulus;
  return rest == 0;
}

void NumberRules::add_min(const Decimal& bound, bool exclusive) {
  const auto order = min ? compare(bound, *min) : std::strong_ordering::greater;
  if (order > 0 || (order == 0 && exclusive)) min = bound, min_exclusive = exclusive;
}

void NumberRules::add_max(const Decimal& bound, bool exclusive) {
  const auto order = max ? compare(bound, *max) : std::strong_ordering::less;
  if (order < 0 || (order == 0 && exclusive)) max = bound, max_exclusive = exclusive;
}

bool NumberRules::contains(const Decimal& value) const {
  if (min && (compare(value, *min) < 0 || (min_exclusive && value == *min))) return false;
  if (max && (compare(value, *max) > 0 || (max_exclusive && value == *max))) return false;
  for (const Decimal& m : multiples) {
    if (!is_multiple(value, m)) return false;
  }
  for (const Decimal& m : not_multiples) {
    if (is_multiple(value, m)) return false;
  }
  if (std::find(excluded.begin(), excluded.end(), value) != excluded.end()) return false;
  return !values || std::find(values->begin(), values->end(), value) != values->end();
}

/// A magnitude on the grid, rounded down; nothing when it is beyond. `exact`: nothing was lost.
static std::optional<Wide> to_grid(const Decimal& d, bool& exact) {
  exact = true;
  if (d.is_zero()) return Wide{0};
  if (static_cast<int>(d.digits.size()) + d.exponent > kGridInts) return std::nullopt;
  Wide x = 0;
  int place = d.exponent + static_cast<int>(d.digits.size()) - 1;  // of the next digit
  for (const char c : d.digits) {
    if (place < -kGridFracs) {
      exact = false;
      break;
    }
    x += static_cast<Wide>(c - '0') * power10(place + kGridFracs);
    --place;
  }
  return x;
}

static Wide gcd(Wide a, Wide b) {
  while (b != 0) {
    const Wide r = a % b;
    a = b;
    b = r;
  }
  return a;
}

static double grid_value(Wide x) {
  Decimal d;
  d.digits.clear();
  for (; x != 0; x /= 10) d.digits.insert(d.digits.begin(), static_cast<char>('0' + static_cast<int>(x % 10)));
  if (d.digits.empty()) return 0;
  d.exponent = -kGridFracs;
  return d.value();
}

Result<void> NumberTexts::make_steps(const NumberRules& rules) {
  for (const Decimal& m : rules.multiples) {
    bool exact = true;
    const auto grid = to_grid(m, exact);
    const bool one = m == Decimal{.negative = false, .digits = "1", .exponent = 0};
    // A whole number is a multiple of any power of ten below one.
    const bool whole =
        std::find(rules.multiples.begin(), rules.multiples.end(), Decimal{false, "1", 0}) != rules.multiples.end();
    if (m.digits == "1" && m.exponent < 0 && whole) {
      quotients_.push_back(m.value());
      continue;
    }
    if (!grid || !exact || *grid == 0 || m.digits.size() > 18) {
      return fail("multipleOf: {} has more than {} digits before or {} after the point", m.text(), kGridInts, kGridFracs);
    }
    const Wide factor = *grid / gcd(step_, *grid);
    if (factor > kGridEnd / step_) return fail("multipleOf: the least common multiple is too large");
    step_ *= factor;
    if (!one && !m.is_integer()) quotients_.push_back(m.value());
  }
  for (const Decimal& m : rules.not_multiples) {
    bool exact = true;
    const auto grid = to_grid(m, exact);
    if (!grid || !exact || *grid < power10(kGridFracs - kShortFracs) || m.digits.size() > 18) {
      return fail("multipleOf: {} has more than {} digits before or {} after the point", m.text(), kGridInts, kShortFracs);
    }
    not_steps_.push_back(*grid);
    if (!m.is_integer()) not_quotients_.push_back(m.value());
    if (not_steps_.size() > 8) return fail("multipleOf: more than 8 steps are excluded");
  }
  if (!not_steps_.empty() || !rules.excluded.empty()) {
    point_ints_ = kShortInts;
    frac_digits_ = kShortFracs;
    const Wide coarse = power10(kGridFracs - kShortFracs), times = coarse / gcd(step_, coarse);
    if (times > kGridEnd / step_) return fail("multipleOf: the least common multiple is too large");
    step_ *= times;
  }
  const Wide factor = kOne / gcd(step_, kOne);
  integer_step_ = factor > kGridEnd / step_ ? 0 : step_ * factor;
  for (const Wide m : not_steps_) {
    if (integer_step_ % m == 0) integer_step_ = 0;  // every whole number is excluded
  }
  return {};
}

/// The bounds of one sign's magnitudes. Exclusive bounds exclude what rounds to the bound as a double, too.
void NumberTexts::make_side(const NumberRules& rules, bool negative) {
  Side& side = sides_[negative ? 1 : 0];
  const auto& low = negative ? rules.max : rules.min;  // the bound nearer to zero, or on its other side
  const auto& high = negative ? rules.min : rules.max;
  const bool low_exclusive = negative ? rules.max_exclusive : rules.min_exclusive;
  const bool high_exclusive = negative ? rules.min_exclusive : rules.max_exclusive;
  const auto rounds_to = [](Wide x, const Decimal& d) { return grid_value(x) == std::abs(d.value()); };
  side.some = true;
  side.max = kGridEnd - 1;
  bool exact = true;
  if (low && !low->is_zero() && low->negative == negative) {
    const auto grid = to_grid(*low, exact);
    if (!grid) {
      side.some = false;
      return;
    }
    side.min = *grid + (exact ? 0 : 1);
    if (low_exclusive) {
      if (exact) ++side.min;
      Wide from = side.min, jump = 1;
      while (rounds_to(from, *low) && from + jump < kGridEnd) from += jump, jump *= 2;
      for (Wide below = side.min; below < from;) {  // the first that does not
        const Wide middle = below + (from - below) / 2;
        if (rounds_to(middle, *low))
          below = middle + 1;
        else
          from = middle;
      }
      side.min = from;
    }
  } else if (low && low->is_zero()) {
    if (low_exclusive) side.min = 1;
  }
  if (high && (high->is_zero() || high->negative != negative)) {
    if (!high->is_zero() || high_exclusive) side.some = false;
    side.max = 0;
  } else if (high) {
    const auto grid = to_grid(*high, exact);
    if (grid) {
      side.max = *grid;
      if (high_exclusive) {
        if (exact && side.max == 0) side.some = false;
        if (exact && side.max > 0) --side.max;
        Wide to = side.max, jump = 1;
        while (to > 0 && rounds_to(to, *high)) to -= std::min(to, jump), jump *= 2;
        for (Wide above = side.max; above > to;) {  // the last that does not
          const Wide middle = to + (above - to + 1) / 2;
          if (rounds_to(middle, *high))
            above = middle - 1;
          else
            to = middle;
        }
        side.max = to;
      }
    }
  }
  if (side.min > side.max) side.some = false;
  for (const Decimal& d : rules.excluded) {
    const auto grid = to_grid(d, exact);
    if (grid && exact && (d.is_zero() || d.negative == negative)) side.excluded.push_back(*grid);
  }
  std::sort(side.excluded.begin(), side.excluded.end());
}

/// Texts with an exponent as Python writes them stay within the rules only where the rules say nothing of such magnitudes.
void NumberTexts::make_exponents(const NumberRules& rules, bool negative) {
  Side& side = sides_[negative ? 1 : 0];
  const auto& low = negative ? rules.max : rules.min;
  const auto& high = negative ? rules.min : rules.max;
  const Decimal huge{negative, "1", 309}, large{negative, "1", 16}, tiny{negative, "1", -4};
  const auto beyond = [&](const Decimal& a, const Decimal& b) { return negative ? compare(a, b) <= 0 : compare(a, b) >= 0; };
  const bool same_sign_low = low && !low->is_zero() && low->negative == negative;
  const bool wrong_side = high && (high->is_zero() || high->negative != negative);
  const bool excluded_large = std::any_of(rules.excluded.begin(), rules.excluded.end(),
                                          [&](const Decimal& d) { return d.negative == negative && beyond(d, large); });
  const bool excluded_small = std::any_of(rules.excluded.begin(), rules.excluded.end(), [&](const Decimal& d) {
    return !d.is_zero() && d.negative == negative && beyond(tiny, d);
  });
  const bool binary =
      std::all_of(quotients_.begin(), quotients_.end(), [](double m) { return std::floor(m * 1024) == m * 1024; });
  side.large = !wrong_side && (!high || beyond(*high, huge)) && (!same_sign_low || beyond(large, *low)) && !excluded_large &&
               rules.not_multiples.empty() && binary && exponent_room_ <= kLongestMantissa;
  const bool coarse = std::all_of(not_steps_.begin(), not_steps_.end(), [](Wide m) { return m >= kOne / 10000; });
  side.small =
      !wrong_side && (!high || beyond(*high, tiny)) && !same_sign_low && rules.multiples.empty() && !excluded_small && coarse;
}

void NumberTexts::make_words(const NumberRules& rules) {
  kind_ = Kind::kWords;
  for (const Decimal& d : *rules.values) {
    if (!rules.contains(d)) continue;
    const int places = static_cast<int>(d.digits.size()) + d.exponent;
    const std::string sign = d.negative ? "-" : "";
    if (d.is_zero()) {
      words_.insert(words_.end(), {"0", "0.0", "-0", "-0.0"});
      continue;
    }
    if (d.exponent >= 0 && places <= kMaxTextDigits) {
      const std::string whole = sign + d.digits + std::string(static_cast<size_t>(d.exponent), '0');
      words_.push_back(whole);
      words_.push_back(whole + ".0");
    } else if (d.exponent < 0 && places > 0) {
      const std::string& t = d.digits;
      words_.push_back(sign + t.substr(0, static_cast<size_t>(places)) + "." + t.substr(static_cast<size_t>(places)));
    } else if (d.exponent < 0 && -places <= kMaxTextDigits) {
      words_.push_back(sign + "0." + std::string(static_cast<size_t>(-places), '0') + d.digits);
    }
    if (places > 16 || places < -3) {  // as Python's repr() and the shortest texts have it
      const std::string mantissa = sign + d.digits.substr(0, 1) + (d.digits.size() > 1 ? "." + d.digits.substr(1) : "");
      words_.push_back(fmt::format("{}e{}{:02}", mantissa, places > 0 ? "+" : "-", std::abs(places - 1)));
    }
  }
  std::sort(words_.begin(), words_.end());
  words_.erase(std::unique(words_.begin(), words_.end()), words_.end());
  if (words_.empty()) kind_ = Kind::kEmpty;
}

Result<NumberTexts> NumberTexts::make(const NumberRules& rules) {
  NumberTexts texts;
  if (rules.values) {
    texts.make_words(rules);
    return texts;
  }
  const bool plain = !rules.min && !rules.max && rules.not_multiples.empty() && rules.excluded.empty();
  const bool whole = rules.multiples == std::vector<Decimal>{Decimal{false, "1", 0}};
  if (plain && (rules.multiples.empty() || whole)) {
    texts.kind_ = whole ? Kind::kInteger : Kind::kFree;
    return texts;
  }
  TRY_VOID(texts.make_steps(rules));
  texts.kind_ = Kind::kGrid;
  // Zeros after the digits of d.ddde+XX that make it a multiple of the step.
  while (texts.exponent_room_ <= kLongestMantissa && kOne * power10(texts.exponent_room_) % texts.step_ != 0) {
    ++texts.exponent_room_;
  }
  for (const Wide m : texts.not_steps_) {
    if (texts.step_ % m == 0) texts.kind_ = Kind::kEmpty;
  }
  if (texts.kind_ == Kind::kEmpty) return texts;
  for (const bool negative : {false, true}) {
    texts.make_side(rules, negative);
    texts.make_exponents(rules, negative);
  }
  const auto any = [&](const Side& side) {
    return side.large || side.small || texts.exists(side, 0, kOne * power10(texts.point_ints_) - 1, false) ||
           texts.exists(side, 0, kGridEnd - 1, true);
  };
  if (!any(texts.sides_[0]) && !any(texts.sides_[1])) texts.kind_ = Kind::kEmpty;
  return texts;
}

bool NumberTexts::contains(const Side& side, Wide x) const {
  if (!side.some || x < side.min || x > side.max || x % step_ != 0) return false;
  for (const Wide m : not_steps_) {
    if (x % m == 0) return false;
  }
  if (std::binary_search(side.excluded.begin(), side.excluded.end(), x)) return false;
  // What is a multiple goes by the decimal digits, as the specification has it: 19.99 is one of 0.01, although a quotient of
  // doubles says otherwise. The other way round nothing is lost by leaving out what either calls a multiple.
  if (!not_quotients_.empty()) {
    const double v = grid_value(x);
    for (const double m : not_quotients_) {
      if (std::floor(v / m) == v / m) return false;
    }
  }
  return true;
}

/// Whether a number of the set lies in from..to. Numbers that single rules exclude are few between two steps.
bool NumberTexts::exists(const Side& side, Wide from, Wide to, bool integers) const {
  const Wide step = integers ? integer_step_ : step_;
  if (!side.some || step == 0) return false;
  from = std::max(from, side.min);
  to = std::min(to, side.max);
  if (from > to) return false;
  const Wide rest = from % step;
  for (Wide x = rest == 0 ? from : from + (step - rest); x <= to; x += step) {
    if (contains(side, x)) return true;
  }
  return false;
}

bool NumberTexts::may_exponent(const NumberState& s) const {
  if (s.ints != 1 || s.first == 0) return false;
  const bool large = side(s).large && s.fracs + exponent_room_ <= kLongestMantissa;
  return large || (side(s).small && s.fracs <= kLongestMantissa);
}

bool NumberTexts::live_int(const NumberState& s) const {
  if (may_exponent(s)) return true;
  Wide scale = 1;
  for (int n = s.ints; n <= kGridInts; ++n, scale *= 10) {
    const Wide from = s.digits * scale * kOne, end = (s.digits + 1) * scale * kOne;
    if (n <= point_ints_ ? exists(side(s), from, end - 1, false) : exists(side(s), from, end - kOne, true)) return true;
    if (s.first == 0) return false;
  }
  return false;
}

bool NumberTexts::live_frac(const NumberState& s) const {
  if (may_exponent(s)) return true;
  if (s.fracs > frac_digits_) return false;
  const Wide scale = power10(kGridFracs - s.fracs);
  return exists(side(s), s.digits * scale, (s.digits + 1) * scale - 1, false);
}

static void add_digit(NumberState& s, char c) {
  const auto digit = static_cast<uint8_t>(c - '0');
  if (s.ints == 0) s.first = digit;
  ++s.ints;
  s.phase = NumberState::Phase::kInt;
}

static void add_frac(NumberState& s, char c) {
  const auto digit = static_cast<uint8_t>(c - '0');
  if (s.fracs == 0) s.second = digit;
  if (digit != 0) s.fraction = true;
  ++s.fracs;
  s.phase = NumberState::Phase::kFrac;
}

bool NumberTexts::step(NumberState& state, char c) const {
  using Phase = NumberState::Phase;
  const bool digit = c >= '0' && c <= '9';
  if (state.phase == Phase::kBegin && c == '-') {
    state.phase = Phase::kSign;
    state.negative = true;
    if (kind_ != Kind::kGrid) return true;
    return sides_[1].large || sides_[1].small || exists(sides_[1], 0, kOne * power10(point_ints_) - 1, false) ||
           exists(sides_[1], 0, kGridEnd - 1, true);
  }
  if ((state.phase == Phase::kBegin || state.phase == Phase::kSign) && !digit) return false;
  if (state.phase == Phase::kInt && state.first == 0 && digit) return false;  // no digit after a leading zero
  if ((state.phase == Phase::kDot || state.phase == Phase::kESign) && !digit) return false;
  switch (kind_) {
    case Kind::kFree:
      return step_free(state, c);
    case Kind::kInteger:
      return step_integer(state, c);
    case Kind::kGrid:
      return step_grid(state, c);
    default:
      return false;
  }
}

/// The exponent's next digit. Values stay below the largest double.
bool NumberTexts::read_exponent(NumberState& s, char c) const {
  const int e = s.e * 10 + (c - '0');
  if (s.e_digits >= 3 || e > 400) return false;
  if (!s.e_negative && s.ints + e > 308) {
    if (s.ints + e > 309 || s.first != 1 || s.ints != 1 || s.second > 6) return false;
  }
  if (s.e_negative && e > 324) return false;
  s.e = static_cast<uint16_t>(e);
  ++s.e_digits;
  s.phase = NumberState::Phase::kEDigits;
  return true;
}

bool NumberTexts::step_free(NumberState& s, char c) const {
  using Phase = NumberState::Phase;
  const bool digit = c >= '0' && c <= '9';
  switch (s.phase) {
    case Phase::kBegin:
    case Phase::kSign:
    case Phase::kInt:
      if (digit) return s.ints < kFreeDigits && (add_digit(s, c), true);
      if (c == '.') return s.phase = Phase::kDot, true;
      break;
    case Phase::kDot:
    case Phase::kFrac:
      if (digit) return s.fracs < kFreeDigits && (add_frac(s, c), true);
      break;
    case Phase::kE:
      if (c == '+' || c == '-') return s.phase = Phase::kESign, s.e_negative = c == '-', true;
      return digit && read_exponent(s, c);
    case Phase::kESign:
    case Phase::kEDigits:
      return digit && read_exponent(s, c);
  }
  if (c == 'e' || c == 'E') return s.phase = Phase::kE, true;
  return false;
}

/// The exponent of d.ddde+XX or d.ddde-XX: two digits or three, as far as such a text is in the set.
bool NumberTexts::step_short_exponent(NumberState& s, char c) const {
  using Phase = NumberState::Phase;
  const bool digit = c >= '0' && c <= '9';
  const bool grid = kind_ == Kind::kGrid;
  if (s.phase == Phase::kE) {
    const bool large = grid ? side(s).large && s.fracs + exponent_room_ <= kLongestMantissa : true;
    const bool small = grid && side(s).small;
    if (!(c == '+' && large) && !(c == '-' && small)) return false;
    s.phase = Phase::kESign;
    s.e_negative = c == '-';
    return true;
  }
  if (!digit) return false;
  if (s.e_negative) {
    const int e = s.e * 10 + (c - '0');
    if (s.e_digits == 1 && e < 5) return false;
    if (s.e_digits == 2 && (s.e < 10 || e > 307)) return false;
    return read_exponent(s, c);
  }
  if (s.e_digits == 0 && c == '0') return false;
  return read_exponent(s, c);
}

bool NumberTexts::step_integer(NumberState& s, char c) const {
  using Phase = NumberState::Phase;
  const bool digit = c >= '0' && c <= '9';
  switch (s.phase) {
    case Phase::kBegin:
    case Phase::kSign:
    case Phase::kInt:
      if (digit) return s.ints < kFreeDigits && (add_digit(s, c), true);
      if (c == '.') return s.phase = Phase::kDot, true;
      break;
    case Phase::kDot:
    case Phase::kFrac:
      if (digit) {
        const bool mantissa = s.ints == 1 && s.first != 0;  // then an exponent may still make it whole
        if (s.fracs >= kLongestMantissa || (c != '0' && !mantissa)) return false;
        return add_frac(s, c), true;
      }
      break;
    default:
      return step_short_exponent(s, c);
  }
  if (c == 'e' && s.ints == 1 && s.first != 0) return s.phase = Phase::kE, true;
  return false;
}

bool NumberTexts::step_grid(NumberState& s, char c) const {
  using Phase = NumberState::Phase;
  const bool digit = c >= '0' && c <= '9';
  if (s.phase >= Phase::kE) return step_short_exponent(s, c);
  if (c == 'e') return s.phase >= Phase::kInt && s.phase != Phase::kDot && may_exponent(s) && (s.phase = Phase::kE, true);
  if (c == '.') {
    if (s.phase != Phase::kInt || s.ints > point_ints_) return false;
    s.phase = Phase::kDot;
    return live_frac(s);
  }
  if (!digit) return false;
  const auto value = static_cast<Wide>(c - '0');
  if (s.phase == Phase::kDot || s.phase == Phase::kFrac) {
    if (s.fracs >= frac_digits_) return false;
    add_frac(s, c);
    s.digits = s.digits * 10 + value;
    return live_frac(s);
  }
  if (s.ints >= kGridInts) return false;
  add_digit(s, c);
  s.digits = s.digits * 10 + value;
  return live_int(s);
}

bool NumberTexts::accepts(const NumberState& s) const {
  using Phase = NumberState::Phase;
  if (s.phase == Phase::kEDigits) {
    if (kind_ == Kind::kFree) return true;
    if (s.e_negative) return s.e_digits >= 2 && s.e >= 5;
    return s.e_digits >= 2 && s.e >= 16;
  }
  if (s.phase != Phase::kInt && s.phase != Phase::kFrac) return false;
  if (kind_ == Kind::kFree) return true;
  if (kind_ == Kind::kInteger) return !s.fraction;
  return kind_ == Kind::kGrid && contains(side(s), s.digits * power10(kGridFracs - s.fracs));
}

}  // namespace sobre
