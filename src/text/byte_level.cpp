#include "text/byte_level.h"

#include <array>
#include <cstdint>

#include "text/unicode.h"

namespace sobre {
namespace {

constexpr bool prints_itself(unsigned byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

/// Code point of each byte; the others follow in order from U+0100.
constexpr std::array<uint16_t, 256> make_code_of_byte() {
  std::array<uint16_t, 256> codes{};
  unsigned next = 0x100;
  for (unsigned b = 0; b < 256; ++b) codes[b] = static_cast<uint16_t>(prints_itself(b) ? b : next++);
  return codes;
}

constexpr std::array<uint16_t, 256> kCodeOfByte = make_code_of_byte();
constexpr unsigned kCodes = 0x144;

/// Byte of each code point below kCodes, or 0x100.
constexpr std::array<uint16_t, kCodes> make_byte_of_code() {
  std::array<uint16_t, kCodes> bytes{};
  for (auto& b : bytes) b = 0x100;
  for (unsigned b = 0; b < 256; ++b) bytes[kCodeOfByte[b]] = static_cast<uint16_t>(b);
  return bytes;
}

constexpr std::array<uint16_t, kCodes> kByteOfCode = make_byte_of_code();

}  // namespace

void append_byte_chars(std::string& out, std::string_view bytes) {
  for (const char c : bytes) append_utf8(out, kCodeOfByte[static_cast<unsigned char>(c)]);
}

bool append_bytes_of_chars(std::string& out, std::string_view chars) {
  const size_t start = out.size();
  for (size_t pos = 0; pos < chars.size();) {
    const Utf8Char c = decode_utf8(chars, pos);
    if (c.status != Utf8Status::kOk || c.code >= kCodes || kByteOfCode[c.code] > 0xFF) {
      out.resize(start);
      return false;
    }
    out.push_back(static_cast<char>(kByteOfCode[c.code]));
    pos += c.size;
  }
  return true;
}

}  // namespace sobre
