// UTF-8 in and out. Pure functions, any thread. Text that is called "valid" has gone through repair_utf8().
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sobre {

enum class Utf8Status : uint8_t { kOk, kInvalid, kIncomplete };

/// One step of decoding. kInvalid covers the maximal subpart that WHATWG and Rust replace by one U+FFFD; kIncomplete means
/// that the text ends inside a sequence that was well formed so far.
struct Utf8Char {
  char32_t code = 0xFFFD;
  uint32_t size = 0;  // bytes consumed, at least 1
  Utf8Status status = Utf8Status::kOk;
};

/// Decodes the character at `pos` (pos < text.size()).
[[nodiscard]] Utf8Char decode_utf8(std::string_view text, size_t pos);

/// Decodes at `pos` in valid text: no checks.
[[nodiscard]] inline char32_t decode_valid_utf8(const char* p, uint32_t& size) {
  const auto b = [p](int i) { return static_cast<char32_t>(static_cast<unsigned char>(p[i])); };
  const char32_t lead = b(0);
  if (lead < 0x80) return size = 1, lead;
  if (lead < 0xE0) return size = 2, (lead & 0x1F) << 6 | (b(1) & 0x3F);
  if (lead < 0xF0) return size = 3, (lead & 0x0F) << 12 | (b(1) & 0x3F) << 6 | (b(2) & 0x3F);
  return size = 4, (lead & 0x07) << 18 | (b(1) & 0x3F) << 12 | (b(2) & 0x3F) << 6 | (b(3) & 0x3F);
}

/// Bytes of the character that starts with `lead` in valid text.
[[nodiscard]] inline uint32_t utf8_size(char lead) {
  const auto b = static_cast<unsigned char>(lead);
  return b < 0x80 ? 1 : b < 0xE0 ? 2 : b < 0xF0 ? 3 : 4;
}

/// Start of the character that ends at `end` (end > 0) in valid text.
[[nodiscard]] inline size_t previous_utf8(std::string_view text, size_t end) {
  do --end;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80);
  return end;
}

/// Appends a scalar value (surrogates and values above U+10FFFF become U+FFFD).
void append_utf8(std::string& out, char32_t code);

[[nodiscard]] bool is_ascii(std::string_view text);
[[nodiscard]] bool is_valid_utf8(std::string_view text);
/// Appends `text`, each invalid maximal subpart replaced by U+FFFD.
void append_repaired_utf8(std::string& out, std::string_view text);
[[nodiscard]] std::string repair_utf8(std::string_view text);

}  // namespace sobre
