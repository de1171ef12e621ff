#include "text/split_scanners.h"

#include <array>
#include <cstdint>
#include <utility>

#include "text/unicode.h"

namespace sobre {
namespace {

/// A character with its classes; past the end of the text it has no class and no size.
struct Char {
  char32_t code = 0;
  uint32_t size = 0;
  uint16_t classes = 0;
  [[nodiscard]] bool is(unsigned mask) const { return (classes & mask) != 0; }
};

Char char_at(std::string_view text, size_t pos) {
  if (pos >= text.size()) return {};
  Char c;
  c.code = decode_valid_utf8(text.data() + pos, c.size);
  c.classes = char_classes(c.code);
  return c;
}

constexpr unsigned kNotOther = kClassSpace | kClassLetter | kClassNumber;

bool is_other(const Char& c) { return c.size > 0 && !c.is(kNotOther); }
bool is_newline(const Char& c) { return c.size > 0 && (c.code == '\r' || c.code == '\n'); }

size_t run_of(std::string_view text, size_t pos, unsigned mask) {
  for (Char c = char_at(text, pos); c.is(mask); c = char_at(text, pos)) pos += c.size;
  return pos;
}

size_t run_of_others(std::string_view text, size_t pos) {
  for (Char c = char_at(text, pos); is_other(c); c = char_at(text, pos)) pos += c.size;
  return pos;
}

size_t run_of_bytes(std::string_view text, size_t pos, std::string_view set) {
  while (pos < text.size() && set.find(text[pos]) != std::string_view::npos) ++pos;
  return pos;
}

/// 's 't 'm 'd 're 've 'll at `pos`, in any case when `fold` (U+017F folds to s); `pos` when there is none.
size_t contraction(std::string_view text, size_t pos, bool fold) {
  if (text[pos] != '\'' || pos + 1 >= text.size()) return pos;
  const auto lower = [&](size_t i) -> char {
    if (i >= text.size()) return 0;
    const char c = text[i];
    return fold && c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  };
  const char a = lower(pos + 1), b = lower(pos + 2);
  if (a == 's' || a == 't' || a == 'm' || a == 'd') return pos + 2;
  if ((a == 'r' && b == 'e') || (a == 'v' && b == 'e') || (a == 'l' && b == 'l')) return pos + 3;
  if (fold && text.substr(pos + 1).starts_with("\xC5\xBF")) return pos + 3;
  return pos;
}

/// `\s+(?!\S)|\s+` at white space: the whole run at the end of the text, else all but its last character, if that leaves one.
size_t white_space(std::string_view text, size_t pos) {
  const size_t end = run_of(text, pos, kClassSpace);
  if (end == text.size()) return end;
  const size_t last = previous_utf8(text, end);
  return last > pos ? last : end;
}

/// `\s*[\r\n]+|\s+(?!\S)|\s+` at white space: up to the last line end of the run, if there is one.
size_t white_space_or_lines(std::string_view text, size_t pos) {
  size_t end = pos, after_line = pos;
  for (Char c = char_at(text, end); c.is(kClassSpace); c = char_at(text, end)) {
    end += c.size;
    if (is_newline(c)) after_line = end;
  }
  return after_line > pos ? after_line : white_space(text, pos);
}

size_t scan_gpt2(std::string_view text, size_t pos) {
  if (const size_t end = contraction(text, pos, false); end > pos) return end;
  const size_t start = text[pos] == ' ' ? pos + 1 : pos;
  const Char c = char_at(text, start);
  if (c.is(kClassLetter)) return run_of(text, start + c.size, kClassLetter);
  if (c.is(kClassNumber)) return run_of(text, start + c.size, kClassNumber);
  if (is_other(c)) return run_of_others(text, start + c.size);
  return white_space(text, pos);
}

/// What the newer patterns share after words and numbers: ` ?[^\s\p{L}\p{N}]+[TAIL]*|\s*[\r\n]+|\s+(?!\S)|\s+`.
size_t symbols_or_space(std::string_view text, size_t pos, std::string_view tail) {
  const size_t start = text[pos] == ' ' ? pos + 1 : pos;
  const size_t end = run_of_others(text, start);
  return end > start ? run_of_bytes(text, end, tail) : white_space_or_lines(text, pos);
}

size_t scan_llama3(std::string_view text, size_t pos, int max_digits) {
  if (const size_t end = contraction(text, pos, true); end > pos) return end;
  const Char c = char_at(text, pos);
  if (c.is(kClassLetter)) return run_of(text, pos + c.size, kClassLetter);
  if (!c.is(kClassNumber) && !is_newline(c)) {
    const size_t end = run_of(text, pos + c.size, kClassLetter);
    if (end > pos + c.size) return end;
  }
  if (c.is(kClassNumber)) {
    size_t end = pos + c.size;
    for (int n = 1; n < max_digits; ++n) {
      const Char d = char_at(text, end);
      if (!d.is(kClassNumber)) break;
      end += d.size;
    }
    return end;
  }
  return symbols_or_space(text, pos, "\r\n");
}

/// `[upperish]*[lowerish]+` from `pos`; `pos` when it does not match. `run` becomes the end of `[upperish]*`.
size_t mixed_word(std::string_view text, size_t pos, size_t& run) {
  size_t after_both = pos;  // after the last character of the run that `[lowerish]+` could take back
  run = pos;
  Char c = char_at(text, run);
  for (; c.is(kClassUpperish); c = char_at(text, run)) {
    run += c.size;
    if (c.is(kClassLowerish)) after_both = run;
  }
  return c.is(kClassLowerish) ? run_of(text, run, kClassLowerish) : after_both;
}

size_t scan_tekken(std::string_view text, size_t pos) {
  const Char c = char_at(text, pos);
  const bool may_lead = !c.is(kClassLetter | kClassNumber) && !is_newline(c);
  size_t run_led = pos, run_bare = pos;
  const size_t led = pos + c.size;
  if (may_lead) {
    if (const size_t end = mixed_word(text, led, run_led); end > led) return end;
  }
  if (const size_t end = mixed_word(text, pos, run_bare); end > pos) return end;
  if (may_lead && run_led > led) return run_led;  // the second alternative: capitals alone
  if (run_bare > pos) return run_bare;
  if (c.is(kClassNumber)) return pos + c.size;
  return symbols_or_space(text, pos, "\r\n/");
}

size_t scan_llama3_triples(std::string_view text, size_t pos) { return scan_llama3(text, pos, 3); }
size_t scan_qwen2(std::string_view text, size_t pos) { return scan_llama3(text, pos, 1); }

// Other spellings of the same languages, as they occur in released files.
constexpr std::string_view kGpt2Grouped = R"('(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

constexpr std::array<std::pair<std::string_view, Scanner>, 5> kScanners = {{
    {kGpt2Pattern, scan_gpt2},
    {kGpt2Grouped, scan_gpt2},
    {kLlama3Pattern, scan_llama3_triples},
    {kQwen2Pattern, scan_qwen2},
    {kTekkenPattern, scan_tekken},
}};

}  // namespace

Scanner find_scanner(std::string_view pattern) {
  for (const auto& [text, scanner] : kScanners) {
    if (text == pattern) return scanner;
  }
  return nullptr;
}

}  // namespace sobre
