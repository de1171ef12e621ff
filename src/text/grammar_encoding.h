// Code points as they arrive byte by byte, raw (UTF-8) or inside a JSON string (with escapes). Pure values.
// Escapes are those that writers of JSON use: of quotes, backslashes, control characters, and (as \u) of what is not ASCII.
// Plain ASCII is never escaped, so a name has one spelling, which can be forced; and nobody hides a name behind escapes.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "text/regex_dfa.h"

namespace sobre {

/// Where a reader stands inside one code point.
struct Encoding {
  enum class Kind : uint8_t { kNone, kUtf8, kBackslash, kHex, kLowBackslash, kLowU, kLowHex };
  Kind kind = Kind::kNone;
  uint8_t left = 0;      // bytes or digits to come
  uint8_t size = 0;      // kUtf8: bytes of the sequence
  uint16_t high = 0;     // the high surrogate read
  uint32_t partial = 0;  // bits read
  [[nodiscard]] bool between() const { return kind == Kind::kNone; }
  friend bool operator==(const Encoding&, const Encoding&) = default;
};

enum class EncodingStep : uint8_t { kFail, kMore, kCode };

/// Takes a byte; kCode: `code` is complete and `e` is between code points again. In JSON the closing quote is the caller's.
[[nodiscard]] EncodingStep read_code(Encoding& e, uint8_t byte, bool json, char32_t& code);

struct CodeRanges {
  CodeRange list[4];
  int count = 0;
};
/// The code points that may come out of a reader that is not between two. Surrogates may be in the ranges.
[[nodiscard]] CodeRanges possible_codes(const Encoding& e);

/// Appends the shortest bytes that complete `code`, which must be possible.
void append_rest(const Encoding& e, char32_t code, bool json, std::string& out);
/// Appends a code point: raw, or as briefly as a JSON string has it.
void append_code(char32_t code, bool json, std::string& out);

}  // namespace sobre
