// One JSON value read byte by byte: what the answer reader checks a call's JSON with while it streams. Constant memory and
// stack; one per reader, used by one thread.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>

namespace sobre {

/// Checks RFC 8259's grammar (not the validity of UTF-8). Values nested deeper than kMaxDepth are refused.
class JsonScanner {
 public:
  static constexpr size_t kMaxDepth = 512;

  enum class Step : uint8_t {
    kMore,       // the byte belongs to the value, which goes on
    kEnd,        // the byte belongs to the value and ends it
    kEndBefore,  // the value (a number) ended before this byte, which is not part of it
    kBad         // no JSON value begins like this
  };

  /// Forgets what was read: a value is expected, without white space before it.
  void begin();
  /// Takes the next byte. After anything but kMore only begin() may follow.
  [[nodiscard]] Step push(char c);

 private:
  enum class State : uint8_t {
    kValue,
    kFirstItem,
    kFirstKey,
    kKey,
    kColon,
    kAfter,
    kString,
    kEscape,
    kHex,
    kWord,
    kMinus,
    kZero,
    kInteger,
    kPoint,
    kFraction,
    kExponent,
    kExponentSign,
    kExponentDigits
  };

  Step value(char c);
  Step open(bool object);
  Step close(bool object);
  Step value_ended();
  Step after(char c);
  Step in_string(char c);
  Step in_number(char c);
  Step to(State state);
  Step number_ended(char c);

  std::bitset<kMaxDepth> object_;  // per level: an object (else an array)
  size_t depth_ = 0;
  State state_ = State::kValue;
  bool is_key_ = false;         // the string being read
  int hex_ = 0;                 // digits of an escape still to come
  const char* word_ = nullptr;  // what must still come of true, false, null
};

}  // namespace sobre
