#include "base/utf8.h"

#include <cstring>

namespace sobre {

namespace {

constexpr char32_t kReplacement = 0xFFFD;

/// What may follow a lead byte: number of continuation bytes (0: the lead is invalid) and the range of the first one.
struct LeadRule {
  uint8_t more, low, high;
};

LeadRule lead_rule(unsigned char lead) {
  if (lead < 0xC2 || lead > 0xF4) return {0, 0, 0};
  if (lead < 0xE0) return {1, 0x80, 0xBF};
  if (lead == 0xE0) return {2, 0xA0, 0xBF};
  if (lead == 0xED) return {2, 0x80, 0x9F};
  if (lead < 0xF0) return {2, 0x80, 0xBF};
  if (lead == 0xF0) return {3, 0x90, 0xBF};
  if (lead == 0xF4) return {3, 0x80, 0x8F};
  return {3, 0x80, 0xBF};
}

/// End of the run of ASCII bytes that starts at `pos`.
size_t skip_ascii(std::string_view text, size_t pos) {
  uint64_t word = 0;
  while (pos + 8 <= text.size()) {
    std::memcpy(&word, text.data() + pos, 8);
    if (word & 0x8080808080808080u) break;
    pos += 8;
  }
  while (pos < text.size() && static_cast<unsigned char>(text[pos]) < 0x80) ++pos;
  return pos;
}

}  // namespace

Utf8Char decode_utf8(std::string_view text, size_t pos) {
  const auto lead = static_cast<unsigned char>(text[pos]);
  if (lead < 0x80) return {lead, 1, Utf8Status::kOk};
  const LeadRule rule = lead_rule(lead);
  if (rule.more == 0) return {kReplacement, 1, Utf8Status::kInvalid};
  char32_t code = lead & (0x3Fu >> rule.more);
  for (uint32_t i = 1; i <= rule.more; ++i) {
    if (pos + i >= text.size()) return {kReplacement, i, Utf8Status::kIncomplete};
    const auto byte = static_cast<unsigned char>(text[pos + i]);
    const bool fits = i == 1 ? byte >= rule.low && byte <= rule.high : (byte & 0xC0) == 0x80;
    if (!fits) return {kReplacement, i, Utf8Status::kInvalid};
    code = code << 6 | (byte & 0x3Fu);
  }
  return {code, static_cast<uint32_t>(rule.more) + 1, Utf8Status::kOk};
}

void append_utf8(std::string& out, char32_t c) {
  const auto put = [&out](char32_t byte) { out.push_back(static_cast<char>(static_cast<unsigned char>(byte))); };
  if (c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) c = kReplacement;
  if (c < 0x80) return put(c);
  if (c < 0x800) {
    put(0xC0 | c >> 6);
  } else if (c < 0x10000) {
    put(0xE0 | c >> 12);
    put(0x80 | (c >> 6 & 0x3F));
  } else {
    put(0xF0 | c >> 18);
    put(0x80 | (c >> 12 & 0x3F));
    put(0x80 | (c >> 6 & 0x3F));
  }
  put(0x80 | (c & 0x3F));
}

bool is_ascii(std::string_view text) { return skip_ascii(text, 0) == text.size(); }

bool is_valid_utf8(std::string_view text) {
  for (size_t pos = skip_ascii(text, 0); pos < text.size(); pos = skip_ascii(text, pos)) {
    const Utf8Char c = decode_utf8(text, pos);
    if (c.status != Utf8Status::kOk) return false;
    pos += c.size;
  }
  return true;
}

void append_repaired_utf8(std::string& out, std::string_view text) {
  size_t good = 0;  // start of the valid text not yet appended
  for (size_t pos = skip_ascii(text, 0); pos < text.size(); pos = skip_ascii(text, pos)) {
    const Utf8Char c = decode_utf8(text, pos);
    if (c.status != Utf8Status::kOk) {
      out.append(text.substr(good, pos - good));
      append_utf8(out, kReplacement);
      good = pos + c.size;
    }
    pos += c.size;
  }
  out.append(text.substr(good));
}

std::string repair_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  append_repaired_utf8(out, text);
  return out;
}

}  // namespace sobre
