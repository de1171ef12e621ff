#include "text/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/result.h"

namespace sobre {
namespace {

bool in(char32_t c, char32_t low, char32_t high) { return c >= low && c <= high; }

bool is_white_space(char32_t c) {
  return in(c, 0x09, 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 || in(c, 0x2000, 0x200A) || c == 0x2028 ||
         c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

/// Symbols (So) that are Alphabetic nevertheless: circled, squared and the like; and the two joiners, which \w admits.
bool is_word_symbol(char32_t c) {
  return in(c, 0x24B6, 0x24E9) || in(c, 0x1F130, 0x1F149) || in(c, 0x1F150, 0x1F169) || in(c, 0x1F170, 0x1F189) ||
         c == 0x200C || c == 0x200D;
}

uint16_t classes_of_category(utf8proc_category_t category) {
  switch (category) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LT:
      return kClassLetter | kClassUpperish | kClassWord;
    case UTF8PROC_CATEGORY_LL:
      return kClassLetter | kClassLowerish | kClassWord;
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
      return kClassLetter | kClassUpperish | kClassLowerish | kClassWord;
    case UTF8PROC_CATEGORY_MN:
      return kClassMark | kClassNonspacing | kClassUpperish | kClassLowerish | kClassWord;
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
      return kClassMark | kClassUpperish | kClassLowerish | kClassWord;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
      return kClassNumber | kClassWord;
    case UTF8PROC_CATEGORY_NO:
      return kClassNumber;
    case UTF8PROC_CATEGORY_PC:
      return kClassPunctuation | kClassWord;
    case UTF8PROC_CATEGORY_PD:
    case UTF8PROC_CATEGORY_PS:
    case UTF8PROC_CATEGORY_PE:
    case UTF8PROC_CATEGORY_PI:
    case UTF8PROC_CATEGORY_PF:
    case UTF8PROC_CATEGORY_PO:
      return kClassPunctuation;
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CS:
      return kClassOther;
    default:
      return 0;
  }
}

constexpr uint16_t ascii_classes(unsigned c) {
  if (c == ' ' || (c >= 9 && c <= 13)) return static_cast<uint16_t>(kClassSpace | (c == ' ' ? 0 : kClassOther));
  if (c < 32 || c == 127) return kClassOther;
  if (c >= 'A' && c <= 'Z') return kClassLetter | kClassUpperish | kClassWord;
  if (c >= 'a' && c <= 'z') return kClassLetter | kClassLowerish | kClassWord;
  if (c >= '0' && c <= '9') return kClassNumber | kClassWord;
  const bool symbol = c == '$' || c == '+' || c == '<' || c == '=' || c == '>' || c == '^' || c == '`' || c == '|' || c == '~';
  return static_cast<uint16_t>(kClassAsciiSymbol | (symbol ? 0 : kClassPunctuation) | (c == '_' ? kClassWord : 0));
}

// GCC 12 and clang 19 both evaluate this at compile time: no initialisation order to think about.
#define ROW4(n) ascii_classes(n), ascii_classes((n) + 1), ascii_classes((n) + 2), ascii_classes((n) + 3)
#define ROW16(n) ROW4(n), ROW4((n) + 4), ROW4((n) + 8), ROW4((n) + 12)

}  // namespace

constinit const uint16_t kAsciiClasses[128] = {ROW16(0),  ROW16(16), ROW16(32), ROW16(48),
                                               ROW16(64), ROW16(80), ROW16(96), ROW16(112)};

#undef ROW16
#undef ROW4

uint16_t char_classes_beyond_ascii(char32_t code) {
  uint16_t bits = classes_of_category(utf8proc_category(static_cast<utf8proc_int32_t>(code)));
  if (is_white_space(code)) bits |= kClassSpace;
  if (is_word_symbol(code)) bits |= kClassWord;
  return bits;
}

void append_lower(std::string& out, char32_t code) {
  if (code == 0x130) return append_utf8(out, 'i'), append_utf8(out, 0x307);  // the one mapping to two characters
  append_utf8(out, static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(code))));
}

namespace {

using Codes = std::vector<utf8proc_int32_t>;

/// Appends the full decomposition of one code point.
void decompose(Codes& out, char32_t code, bool compatible) {
  if (code < 0x80) return out.push_back(static_cast<utf8proc_int32_t>(code));
  std::array<utf8proc_int32_t, 32> buffer;  // the longest decomposition (U+FDFA) has 18 code points
  int bound_class = 0;
  const auto options = static_cast<utf8proc_option_t>(UTF8PROC_DECOMPOSE | (compatible ? UTF8PROC_COMPAT : 0));
  const auto n =
      utf8proc_decompose_char(static_cast<utf8proc_int32_t>(code), buffer.data(), buffer.size(), options, &bound_class);
  if (n < 0 || static_cast<size_t>(n) > buffer.size()) return out.push_back(static_cast<utf8proc_int32_t>(code));
  out.insert(out.end(), buffer.begin(), buffer.begin() + n);
}

uint64_t combining_class(utf8proc_int32_t code) {
  return code < 0x300 ? 0 : static_cast<uint64_t>(utf8proc_get_property(code)->combining_class);
}

/// Canonical ordering. utf8proc sorts each run by exchanging neighbours, which is quadratic on long runs; this is not.
void order_marks(Codes& codes) {
  std::vector<uint64_t> run;  // class, position in the run, code point: 8, 35 and 21 bits, so that a plain sort is stable
  for (size_t i = 0; i < codes.size(); ++i) {
    if (combining_class(codes[i]) == 0) continue;
    run.clear();
    size_t end = i;
    for (uint64_t c = 0; end < codes.size() && (c = combining_class(codes[end])) != 0; ++end) {
      run.push_back(c << 56 | static_cast<uint64_t>(end - i) << 21 | static_cast<uint64_t>(codes[end]));
    }
    std::sort(run.begin(), run.end());
    for (size_t k = 0; k < run.size(); ++k) codes[i + k] = static_cast<utf8proc_int32_t>(run[k] & 0x1FFFFF);
    i = end - 1;
  }
}

}  // namespace

std::string normalize_unicode(std::string_view text, NormalForm form) {
  const bool composed = form == NormalForm::kNfc || form == NormalForm::kNfkc;
  const bool compatible = form == NormalForm::kNfkc || form == NormalForm::kNfkd;
  if (is_ascii(text)) return std::string(text);
  Codes codes;
  codes.reserve(text.size());
  for (size_t pos = 0; pos < text.size();) {
    uint32_t size = 0;
    decompose(codes, decode_valid_utf8(text.data() + pos, size), compatible);
    pos += size;
  }
  order_marks(codes);
  auto n = static_cast<utf8proc_ssize_t>(codes.size());
  if (composed) {
    const auto options = static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE);
    n = utf8proc_normalize_utf32(codes.data(), n, options);
    CHECK(n >= 0);
  }
  std::string out;
  out.reserve(text.size());
  for (utf8proc_ssize_t i = 0; i < n; ++i) append_utf8(out, static_cast<char32_t>(codes[static_cast<size_t>(i)]));
  return out;
}

bool is_grapheme_break(char32_t before, char32_t after, int32_t& state) {
  return utf8proc_grapheme_break_stateful(static_cast<utf8proc_int32_t>(before), static_cast<utf8proc_int32_t>(after), &state);
}

}  // namespace sobre
