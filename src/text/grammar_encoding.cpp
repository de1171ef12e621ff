#include "text/grammar_encoding.h"

#include <algorithm>

#include "text/unicode.h"

namespace sobre {

using Kind = Encoding::Kind;

static CodeRange utf8_range(const Encoding& e) {
  const char32_t first = e.partial << (6 * e.left);
  const char32_t last = first | ((1U << (6 * e.left)) - 1);
  const char32_t least = e.size == 2 ? 0x80 : e.size == 3 ? 0x800 : 0x10000;
  return {std::max(first, least), std::min(last, kLastCode)};
}

static bool only_surrogates(const CodeRange& r) { return r.first >= 0xD800 && r.last <= 0xDFFF; }

static EncodingStep read_utf8(Encoding& e, uint8_t byte, char32_t& code) {
  if (e.between()) {
    if (byte < 0x80) return code = byte, EncodingStep::kCode;
    if (byte < 0xC2 || byte > 0xF4) return EncodingStep::kFail;
    e.kind = Kind::kUtf8;
    e.size = byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
    e.left = static_cast<uint8_t>(e.size - 1);
    e.partial = byte & (e.size == 2 ? 0x1FU : e.size == 3 ? 0x0FU : 0x07U);
    return EncodingStep::kMore;
  }
  if ((byte & 0xC0) != 0x80) return EncodingStep::kFail;
  e.partial = e.partial << 6 | (byte & 0x3FU);
  --e.left;
  const CodeRange range = utf8_range(e);
  if (range.first > range.last || only_surrogates(range)) return EncodingStep::kFail;
  if (e.left > 0) return EncodingStep::kMore;
  code = e.partial;
  e = {};
  return EncodingStep::kCode;
}

static int hex_digit(uint8_t byte) {
  if (byte >= '0' && byte <= '9') return byte - '0';
  const int lower = byte | 32;
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// What \u may stand for (surrogate pairs aside): control characters, and from here on up.
static constexpr uint32_t kFirstEscaped = 0x7F;
static bool may_be_escaped(uint32_t first, uint32_t last) { return first < 0x20 || last >= kFirstEscaped; }

static EncodingStep read_hex(Encoding& e, uint8_t byte, char32_t& code) {
  const int digit = hex_digit(byte);
  if (digit < 0) return EncodingStep::kFail;
  e.partial = e.partial << 4 | static_cast<uint32_t>(digit);
  --e.left;
  const uint32_t first = e.partial << (4 * e.left), last = first | ((1U << (4 * e.left)) - 1);
  if (e.kind == Kind::kLowHex) {
    if (last < 0xDC00 || first > 0xDFFF) return EncodingStep::kFail;
  } else if ((first >= 0xDC00 && last <= 0xDFFF) || !may_be_escaped(first, last)) {
    return EncodingStep::kFail;  // a low surrogate alone; plain ASCII
  }
  if (e.left > 0) return EncodingStep::kMore;
  if (e.kind == Kind::kLowHex) {
    code = 0x10000 + ((e.high - 0xD800U) << 10) + (e.partial - 0xDC00U);
    e = {};
    return EncodingStep::kCode;
  }
  if (e.partial >= 0xD800 && e.partial <= 0xDBFF) {
    e = {.kind = Kind::kLowBackslash, .high = static_cast<uint16_t>(e.partial)};
    return EncodingStep::kMore;
  }
  code = e.partial;
  e = {};
  return EncodingStep::kCode;
}

EncodingStep read_code(Encoding& e, uint8_t byte, bool json, char32_t& code) {
  switch (e.kind) {
    case Kind::kNone:
      if (json && (byte < 0x20 || byte == '"')) return EncodingStep::kFail;
      if (json && byte == '\\') return e.kind = Kind::kBackslash, EncodingStep::kMore;
      return read_utf8(e, byte, code);
    case Kind::kUtf8:
      return read_utf8(e, byte, code);
    case Kind::kBackslash:
      switch (byte) {
        case '"':
        case '\\':
          code = byte;
          break;
        case 'b':
          code = '\b';
          break;
        case 'f':
          code = '\f';
          break;
        case 'n':
          code = '\n';
          break;
        case 'r':
          code = '\r';
          break;
        case 't':
          code = '\t';
          break;
        case 'u':
          return e = {.kind = Kind::kHex, .left = 4}, EncodingStep::kMore;
        default:
          return EncodingStep::kFail;
      }
      e = {};
      return EncodingStep::kCode;
    case Kind::kLowBackslash:
      if (byte != '\\') return EncodingStep::kFail;
      e.kind = Kind::kLowU;
      return EncodingStep::kMore;
    case Kind::kLowU:
      if (byte != 'u') return EncodingStep::kFail;
      e.kind = Kind::kLowHex;
      e.left = 4;
      e.partial = 0;
      return EncodingStep::kMore;
    case Kind::kHex:
    case Kind::kLowHex:
      return read_hex(e, byte, code);
  }
  return EncodingStep::kFail;
}

CodeRanges possible_codes(const Encoding& e) {
  CodeRanges ranges;
  const auto add = [&](char32_t first, char32_t last) {
    if (first <= last) ranges.list[ranges.count++] = {first, last};
  };
  const auto supplementary = [](uint32_t high, uint32_t low) { return 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00); };
  switch (e.kind) {
    case Kind::kNone:
      add(0, kLastCode);
      break;
    case Kind::kBackslash:
      add(0, 0x1F);
      add('"', '"');
      add('\\', '\\');
      add(kFirstEscaped, kLastCode);
      break;
    case Kind::kUtf8: {
      const CodeRange range = utf8_range(e);
      add(range.first, range.last);
      break;
    }
    case Kind::kHex: {
      const uint32_t first = e.partial << (4 * e.left), last = first | ((1U << (4 * e.left)) - 1);
      add(first, std::min(last, 0x1FU));
      add(std::max(first, kFirstEscaped), last);
      const uint32_t low = std::max(first, 0xD800U), high = std::min(last, 0xDBFFU);
      if (low <= high) add(supplementary(low, 0xDC00), supplementary(high, 0xDFFF));
      break;
    }
    case Kind::kLowBackslash:
    case Kind::kLowU:
      add(supplementary(e.high, 0xDC00), supplementary(e.high, 0xDFFF));
      break;
    case Kind::kLowHex: {
      const uint32_t first = e.partial << (4 * e.left), last = first | ((1U << (4 * e.left)) - 1);
      add(supplementary(e.high, std::max(first, 0xDC00U)), supplementary(e.high, std::min(last, 0xDFFFU)));
      break;
    }
  }
  return ranges;
}

static void append_hex(uint32_t value, int digits, std::string& out) {
  for (int i = digits - 1; i >= 0; --i) out += "0123456789abcdef"[value >> (4 * i) & 15];
}

static char short_escape(char32_t code) {
  switch (code) {
    case '"':
    case '\\':
      return static_cast<char>(code);
    case '\b':
      return 'b';
    case '\f':
      return 'f';
    case '\n':
      return 'n';
    case '\r':
      return 'r';
    case '\t':
      return 't';
    default:
      return 0;
  }
}

void append_code(char32_t code, bool json, std::string& out) {
  if (json && short_escape(code) != 0) {
    out += '\\';
    out += short_escape(code);
  } else if (json && code < 0x20) {
    out += "\\u";
    append_hex(code, 4, out);
  } else {
    append_utf8(out, code);
  }
}

void append_rest(const Encoding& e, char32_t code, bool json, std::string& out) {
  const uint32_t low = 0xDC00 + ((code - 0x10000) & 0x3FF);
  switch (e.kind) {
    case Kind::kNone:
      append_code(code, json, out);
      break;
    case Kind::kUtf8:
      for (int i = e.left - 1; i >= 0; --i) out += static_cast<char>(0x80 | (code >> (6 * i) & 0x3F));
      break;
    case Kind::kBackslash:
      if (short_escape(code) != 0) {
        out += short_escape(code);
        break;
      }
      out += 'u';
      append_rest({.kind = Kind::kHex, .left = 4}, code, json, out);
      break;
    case Kind::kHex:
      if (code < 0x10000) {
        append_hex(code & ((1U << (4 * e.left)) - 1), e.left, out);
        break;
      }
      append_hex((0xD800 + ((code - 0x10000) >> 10)) & ((1U << (4 * e.left)) - 1), e.left, out);
      out += "\\u";
      append_hex(low, 4, out);
      break;
    case Kind::kLowBackslash:
      out += '\\';
      [[fallthrough]];
    case Kind::kLowU:
      out += 'u';
      append_hex(low, 4, out);
      break;
    case Kind::kLowHex:
      append_hex(low & ((1U << (4 * e.left)) - 1), e.left, out);
      break;
  }
}

}  // namespace sobre
