#include "text/answer_reader_json.h"

namespace sobre {

namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

}  // namespace

void JsonScanner::begin() {
  depth_ = 0;
  state_ = State::kValue;
  is_key_ = false;
}

JsonScanner::Step JsonScanner::to(State state) {
  state_ = state;
  return Step::kMore;
}

JsonScanner::Step JsonScanner::open(bool object) {
  if (depth_ == kMaxDepth) return Step::kBad;
  object_[depth_++] = object;
  return to(object ? State::kFirstKey : State::kFirstItem);
}

JsonScanner::Step JsonScanner::close(bool object) {
  if (object_[depth_ - 1] != object) return Step::kBad;
  --depth_;
  return value_ended();
}

JsonScanner::Step JsonScanner::value_ended() {
  if (depth_ == 0) return Step::kEnd;
  return to(State::kAfter);
}

JsonScanner::Step JsonScanner::value(char c) {
  if (depth_ > 0 && is_space(c)) return Step::kMore;
  switch (c) {
    case '{':
      return open(true);
    case '[':
      return open(false);
    case '"':
      is_key_ = false;
      return to(State::kString);
    case 't':
      word_ = "rue";
      return to(State::kWord);
    case 'f':
      word_ = "alse";
      return to(State::kWord);
    case 'n':
      word_ = "ull";
      return to(State::kWord);
    case '-':
      return to(State::kMinus);
    case '0':
      return to(State::kZero);
    default:
      return is_digit(c) ? to(State::kInteger) : Step::kBad;
  }
}

JsonScanner::Step JsonScanner::after(char c) {
  if (is_space(c)) return Step::kMore;
  if (c == ',') return to(object_[depth_ - 1] ? State::kKey : State::kValue);
  if (c == '}') return close(true);
  if (c == ']') return close(false);
  return Step::kBad;
}

JsonScanner::Step JsonScanner::in_string(char c) {
  switch (state_) {
    case State::kEscape:
      if (c == 'u') {
        hex_ = 4;
        return to(State::kHex);
      }
      for (const char known : {'"', '\\', '/', 'b', 'f', 'n', 'r', 't'}) {
        if (c == known) return to(State::kString);
      }
      return Step::kBad;
    case State::kHex:
      if (!is_hex(c)) return Step::kBad;
      return --hex_ == 0 ? to(State::kString) : Step::kMore;
    default:
      if (static_cast<unsigned char>(c) < 0x20) return Step::kBad;
      if (c == '\\') return to(State::kEscape);
      if (c != '"') return Step::kMore;
      return is_key_ ? to(State::kColon) : value_ended();
  }
}

JsonScanner::Step JsonScanner::number_ended(char c) {
  if (depth_ == 0) return Step::kEndBefore;
  state_ = State::kAfter;
  return after(c);
}

JsonScanner::Step JsonScanner::in_number(char c) {
  const bool digit = is_digit(c), exponent = c == 'e' || c == 'E';
  switch (state_) {
    case State::kMinus:
      if (!digit) return Step::kBad;
      return to(c == '0' ? State::kZero : State::kInteger);
    case State::kZero:
    case State::kInteger:
      if (digit) return state_ == State::kZero ? Step::kBad : Step::kMore;
      if (c == '.') return to(State::kPoint);
      return exponent ? to(State::kExponent) : number_ended(c);
    case State::kPoint:
      return digit ? to(State::kFraction) : Step::kBad;
    case State::kFraction:
      if (digit) return Step::kMore;
      return exponent ? to(State::kExponent) : number_ended(c);
    case State::kExponent:
      if (c == '+' || c == '-') return to(State::kExponentSign);
      return digit ? to(State::kExponentDigits) : Step::kBad;
    case State::kExponentSign:
      return digit ? to(State::kExponentDigits) : Step::kBad;
    default:
      return digit ? Step::kMore : number_ended(c);
  }
}

JsonScanner::Step JsonScanner::push(char c) {
  switch (state_) {
    case State::kValue:
      return value(c);
    case State::kFirstItem:
      return c == ']' ? close(false) : value(c);
    case State::kFirstKey:
      if (c == '}') return close(true);
      [[fallthrough]];
    case State::kKey:
      if (is_space(c)) return Step::kMore;
      if (c != '"') return Step::kBad;
      is_key_ = true;
      return to(State::kString);
    case State::kColon:
      if (is_space(c)) return Step::kMore;
      return c == ':' ? to(State::kValue) : Step::kBad;
    case State::kAfter:
      return after(c);
    case State::kString:
    case State::kEscape:
    case State::kHex:
      return in_string(c);
    case State::kWord:
      if (c != *word_) return Step::kBad;
      return *++word_ == '\0' ? value_ended() : Step::kMore;
    default:
      return in_number(c);
  }
}

}  // namespace sobre
