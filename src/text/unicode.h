// Unicode for tokenizers: character classes, case, normal forms. Pure functions over constant tables
// (utf8proc, Unicode 15.0), callable from any thread. Text that is called "valid" has gone through repair_utf8().
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/utf8.h"

namespace sobre {

/// Classes of a character, as bits.
enum CharClass : uint16_t {
  kClassLetter = 1,         // \p{L}
  kClassNumber = 2,         // \p{N}
  kClassSpace = 4,          // White_Space: \s
  kClassUpperish = 8,       // Lu Lt Lm Lo M
  kClassLowerish = 16,      // Ll Lm Lo M
  kClassMark = 32,          // \p{M}
  kClassNonspacing = 64,    // Mn
  kClassPunctuation = 128,  // \p{P}
  kClassAsciiSymbol = 256,  // ASCII punctuation of any category: 33-47, 58-64, 91-96, 123-126
  kClassOther = 512,        // Cc Cf Co Cs (not Cn: unassigned)
  kClassWord = 1024,        // \w: Alphabetic, M, Nd, Pc, joiners
};

[[nodiscard]] uint16_t char_classes_beyond_ascii(char32_t code);
extern const uint16_t kAsciiClasses[128];

/// The classes of a code point.
[[nodiscard]] inline uint16_t char_classes(char32_t code) {
  return code < 0x80 ? kAsciiClasses[code] : char_classes_beyond_ascii(code);
}

/// Appends the full lower-case mapping of one character, without regard to its neighbours.
void append_lower(std::string& out, char32_t code);

enum class NormalForm : uint8_t { kNfc, kNfd, kNfkc, kNfkd };

/// The normal form of valid text, in n log n even for long runs of combining marks.
[[nodiscard]] std::string normalize_unicode(std::string_view text, NormalForm form);

/// True when a grapheme cluster (UAX 29, extended) ends between two code points; `state` starts at 0.
[[nodiscard]] bool is_grapheme_break(char32_t before, char32_t after, int32_t& state);

}  // namespace sobre
