#include "text/jinja_text.h"

#include <string.h>

#include <algorithm>

#include "text/jinja_casing.h"
#include "text/unicode.h"

namespace sobre::jinja {

void TextBuilder::mark(size_t begin, size_t end) {
  if (begin == end) return;
  if (!str_.input.empty() && str_.input.back().end == begin) {
    str_.input.back().end = end;
    return;
  }
  budget_.spend_bytes(sizeof(TextSpan));
  str_.input.push_back({begin, end});
}

void TextBuilder::add(const Str& s, size_t begin, size_t end) {
  budget_.spend_bytes(end - begin);
  if (budget_.broken()) return;
  const size_t at = str_.bytes.size();
  str_.bytes.append(s.bytes, begin, end - begin);
  auto span = std::partition_point(s.input.begin(), s.input.end(), [begin](const TextSpan& t) { return t.end <= begin; });
  for (; span != s.input.end() && span->begin < end; ++span)
    mark(at + std::max(span->begin, begin) - begin, at + std::min(span->end, end) - begin);
}

void TextBuilder::add(std::string_view bytes, bool from_input) {
  budget_.spend_bytes(bytes.size());
  if (budget_.broken()) return;
  const size_t at = str_.bytes.size();
  str_.bytes.append(bytes);
  if (from_input) mark(at, str_.bytes.size());
}

void TextBuilder::add_code(char32_t code, bool from_input) {
  std::string bytes;
  append_utf8(bytes, code);
  add(bytes, from_input);
}

void TextBuilder::repeat(std::string_view bytes, size_t count, bool from_input) {
  if (bytes.empty() || budget_.broken()) return;
  if (count > budget_.bytes_left() / bytes.size()) return budget_.spend_bytes(UINT64_MAX);
  for (size_t i = 0; i < count; ++i) add(bytes, from_input);
}

Value TextBuilder::finish(Runtime& rt, bool markup) {
  str_.markup = markup;
  rt.budget.spend_steps(str_.bytes.size() / 256);
  return static_cast<const Str*>(rt.heap.make(std::move(str_)));
}

Str substr(const Str& s, size_t begin, size_t end) {
  Str out{s.bytes.substr(begin, end - begin), {}, s.markup};
  auto span = std::partition_point(s.input.begin(), s.input.end(), [begin](const TextSpan& t) { return t.end <= begin; });
  for (; span != s.input.end() && span->begin < end; ++span)
    out.input.push_back({std::max(span->begin, begin) - begin, std::min(span->end, end) - begin});
  return out;
}

bool InputCursor::at(size_t position) {
  while (!spans_.empty() && spans_.front().end <= position) spans_ = spans_.subspan(1);
  return !spans_.empty() && spans_.front().begin <= position;
}

size_t char_size(std::string_view text, size_t pos) {
  return static_cast<unsigned char>(text[pos]) < 0x80 ? 1 : decode_utf8(text, pos).size;
}

size_t count_chars(std::string_view text) {
  size_t n = 0;
  for (size_t i = 0; i < text.size(); i += char_size(text, i)) ++n;
  return n;
}

size_t char_offset(std::string_view text, size_t index) {
  size_t i = 0;
  for (; index > 0 && i < text.size(); --index) i += char_size(text, i);
  return i;
}

std::string_view clipped(std::string_view text, size_t limit) {
  if (text.size() <= limit) return text;
  while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xC0) == 0x80) --limit;
  return text.substr(0, limit);
}

size_t find_text(std::string_view text, std::string_view needle, size_t from) {
  if (from > text.size()) return std::string_view::npos;
  if (needle.empty()) return from;
  // memmem is linear; std::string_view::find is quadratic on periodic text, which input may be.
  const void* at = memmem(text.data() + from, text.size() - from, needle.data(), needle.size());
  return at == nullptr ? std::string_view::npos : static_cast<size_t>(static_cast<const char*>(at) - text.data());
}

size_t rfind_text(std::string_view text, std::string_view needle) {
  if (needle.empty()) return text.size();
  const std::string reversed_text(text.rbegin(), text.rend());
  const std::string reversed_needle(needle.rbegin(), needle.rend());
  const size_t at = find_text(reversed_text, reversed_needle);
  return at == std::string_view::npos ? at : text.size() - at - needle.size();
}

std::string repr_of(std::string_view text) {
  const bool double_quotes = text.find('\'') != std::string_view::npos && text.find('"') == std::string_view::npos;
  const char quote = double_quotes ? '"' : '\'';
  std::string out(1, quote);
  for (size_t i = 0; i < text.size();) {
    const Utf8Char c = decode_utf8(text, i);
    if (c.code == static_cast<char32_t>(quote) || c.code == '\\')
      (out += '\\') += static_cast<char>(c.code);
    else if (c.code == '\n')
      out += "\\n";
    else if (c.code == '\r')
      out += "\\r";
    else if (c.code == '\t')
      out += "\\t";
    else if (is_printable(c.code))
      out.append(text, i, c.size);
    else if (c.code < 0x100)
      out += fmt::format("\\x{:02x}", static_cast<uint32_t>(c.code));
    else if (c.code < 0x10000)
      out += fmt::format("\\u{:04x}", static_cast<uint32_t>(c.code));
    else
      out += fmt::format("\\U{:08x}", static_cast<uint32_t>(c.code));
    i += c.size;
  }
  return out += quote;
}

namespace {

/// A set of characters to strip.
class CharSet {
 public:
  explicit CharSet(std::string_view chars) {
    for (size_t i = 0; i < chars.size();) {
      const Utf8Char c = decode_utf8(chars, i);
      codes_.push_back(c.code);
      i += c.size;
    }
    std::sort(codes_.begin(), codes_.end());
  }
  [[nodiscard]] bool has(char32_t c) const { return std::binary_search(codes_.begin(), codes_.end(), c); }

 private:
  std::vector<char32_t> codes_;
};

size_t char_before(std::string_view text, size_t end) {
  size_t begin = end - 1;
  while (begin > 0 && end - begin < 4 && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) --begin;
  return begin + char_size(text, begin) == end ? begin : end - 1;
}

}  // namespace

TextSpan stripped(std::string_view text, Side side, const std::string* chars) {
  const CharSet set(chars != nullptr ? std::string_view(*chars) : std::string_view());
  const auto drops = [&](char32_t c) { return chars != nullptr ? set.has(c) : is_space(c); };
  size_t begin = 0, end = text.size();
  while (side != Side::kRight && begin < end && drops(decode_utf8(text, begin).code)) begin += char_size(text, begin);
  while (side != Side::kLeft && begin < end) {
    const size_t last = char_before(text, end);
    if (!drops(decode_utf8(text, last).code)) break;
    end = last;
  }
  return {begin, end};
}

namespace {

/// A capital sigma at `at` (two bytes) becomes the final form where a word ends: after a cased character and not before one.
bool is_final_sigma(std::string_view text, size_t at) {
  bool cased_before = false;
  for (size_t i = at; i > 0;) {
    i = char_before(text, i);
    const char32_t c = decode_utf8(text, i).code;
    if (is_case_ignorable(c)) continue;
    cased_before = is_cased(c);
    break;
  }
  if (!cased_before) return false;
  for (size_t i = at + 2; i < text.size(); i += char_size(text, i)) {
    const char32_t c = decode_utf8(text, i).code;
    if (!is_case_ignorable(c)) return !is_cased(c);
  }
  return true;
}

}  // namespace

void change_case(TextBuilder& out, const Str& s, CaseChange change) {
  constexpr char32_t kCapitalSigma = 0x3A3, kFinalSigma = 0x3C2;
  InputCursor input(s);
  bool previous_cased = false;
  for (size_t i = 0; i < s.bytes.size();) {
    const Utf8Char c = decode_utf8(s.bytes, i);
    const auto lower = [&]() -> std::u32string {
      if (c.code == kCapitalSigma && is_final_sigma(s.bytes, i)) return {kFinalSigma};
      return lower_of(c.code);
    };
    std::u32string mapped;
    switch (change) {
      case CaseChange::kUpper:
        mapped = upper_of(c.code);
        break;
      case CaseChange::kLower:
        mapped = lower();
        break;
      case CaseChange::kFold:
        mapped = folded(c.code);
        break;
      case CaseChange::kTitle:
        mapped = previous_cased ? lower() : title_of(c.code);
        break;
      case CaseChange::kCapitalize:
        mapped = i == 0 ? title_of(c.code) : lower();
        break;
      case CaseChange::kSwap:
        mapped = is_upper(c.code) ? lower() : is_lower(c.code) ? upper_of(c.code) : std::u32string(1, c.code);
        break;
    }
    previous_cased = is_cased(c.code);
    const bool from_input = input.at(i);
    if (c.status != Utf8Status::kOk)
      out.add(std::string_view(s.bytes).substr(i, c.size), from_input);
    else
      for (const char32_t code : mapped) out.add_code(code, from_input);
    i += c.size;
  }
}

namespace {

std::vector<TextSpan> split_spaces(std::string_view text, int64_t most) {
  std::vector<TextSpan> parts;
  size_t i = 0;
  const auto skip = [&](bool spaces) {
    while (i < text.size() && is_space(decode_utf8(text, i).code) == spaces) i += char_size(text, i);
  };
  for (skip(true); i < text.size(); skip(true)) {
    if (most >= 0 && static_cast<int64_t>(parts.size()) == most) {
      parts.push_back({i, stripped(text, Side::kRight, nullptr).end});
      return parts;
    }
    const size_t begin = i;
    skip(false);
    parts.push_back({begin, i});
  }
  return parts;
}

std::vector<TextSpan> rsplit_spaces(std::string_view text, int64_t most) {
  std::vector<TextSpan> parts;
  size_t i = text.size();
  const auto skip = [&](bool spaces) {
    while (i > 0 && is_space(decode_utf8(text, char_before(text, i)).code) == spaces) i = char_before(text, i);
  };
  for (skip(true); i > 0; skip(true)) {
    if (most >= 0 && static_cast<int64_t>(parts.size()) == most) {
      parts.push_back({stripped(text, Side::kLeft, nullptr).begin, i});
      break;
    }
    const size_t end = i;
    skip(false);
    parts.push_back({i, end});
  }
  std::reverse(parts.begin(), parts.end());
  return parts;
}

}  // namespace

std::vector<TextSpan> split_text(std::string_view text, const std::string* separator, int64_t most) {
  if (separator == nullptr) return split_spaces(text, most);
  std::vector<TextSpan> parts;
  size_t begin = 0;
  while (most < 0 || static_cast<int64_t>(parts.size()) < most) {
    const size_t at = find_text(text, *separator, begin);
    if (at == std::string_view::npos) break;
    parts.push_back({begin, at});
    begin = at + separator->size();
  }
  parts.push_back({begin, text.size()});
  return parts;
}

std::vector<TextSpan> rsplit_text(std::string_view text, const std::string* separator, int64_t most) {
  if (separator == nullptr) return rsplit_spaces(text, most);
  // Splitting the reversed text from its left is splitting the text from its right.
  const std::string reversed_text(text.rbegin(), text.rend());
  const std::string reversed_separator(separator->rbegin(), separator->rend());
  std::vector<TextSpan> parts = split_text(reversed_text, &reversed_separator, most);
  for (TextSpan& p : parts) p = {text.size() - p.end, text.size() - p.begin};
  std::reverse(parts.begin(), parts.end());
  return parts;
}

std::vector<TextSpan> split_lines(std::string_view text, bool keep_ends) {
  const auto ends_line = [](char32_t c) {
    return (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 || c == 0x2029;
  };
  std::vector<TextSpan> lines;
  size_t begin = 0;
  for (size_t i = 0; i < text.size();) {
    const Utf8Char c = decode_utf8(text, i);
    size_t next = i + c.size;
    if (ends_line(c.code)) {
      if (c.code == '\r' && next < text.size() && text[next] == '\n') ++next;
      lines.push_back({begin, keep_ends ? next : i});
      begin = next;
    }
    i = next;
  }
  if (begin < text.size()) lines.push_back({begin, text.size()});
  return lines;
}

void replace_text(TextBuilder& out, const Str& s, std::string_view old, const Str& with, int64_t most) {
  const std::string_view text = s.bytes;
  size_t done = 0;
  for (size_t at = find_text(text, old); at != std::string_view::npos && most != 0; --most) {
    out.add(s, done, at);
    out.add(with);
    done = at + old.size();
    // An empty pattern matches before every character and at the end.
    if (old.empty() && at == text.size()) return;
    at = old.empty() ? at + char_size(text, at) : find_text(text, old, done);
  }
  out.add(s, done, text.size());
}

void escape_html(TextBuilder& out, const Str& s) {
  InputCursor input(s);
  for (size_t i = 0; i < s.bytes.size(); ++i) {
    const bool from_input = input.at(i);
    switch (s.bytes[i]) {
      case '&':
        out.add("&amp;", from_input);
        break;
      case '<':
        out.add("&lt;", from_input);
        break;
      case '>':
        out.add("&gt;", from_input);
        break;
      case '\'':
        out.add("&#39;", from_input);
        break;
      case '"':
        out.add("&#34;", from_input);
        break;
      default:
        out.add(std::string_view(s.bytes).substr(i, 1), from_input);
    }
  }
}

}  // namespace sobre::jinja
