#include "text/jinja_lexer.h"

#include <charconv>
#include <cstdlib>

#include "text/jinja_casing.h"
#include "text/jinja_text.h"
#include "text/unicode.h"

namespace sobre::jinja {

namespace {

bool is_digit_char(char c) { return c >= '0' && c <= '9'; }
bool is_hex_char(char c) { return is_digit_char(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_name_char(char c) { return is_digit_char(c) || c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// End of a run of digits that single underscores may separate; `at` itself when there is none.
template <class Accepts>
size_t digits_end(std::string_view text, size_t at, Accepts accepts) {
  size_t end = at;
  while (end < text.size()) {
    const size_t digit = end > at && text[end] == '_' ? end + 1 : end;
    if (digit >= text.size() || !accepts(text[digit])) break;
    end = digit + 1;
  }
  return end;
}

std::string without_underscores(std::string_view digits) {
  std::string out;
  for (const char c : digits)
    if (c != '_') out += c;
  return out;
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : src_(source) {}
  Result<std::vector<Token>> run();

 private:
  Result<void> comment(size_t begin);
  /// True when a raw block begins at `tag`; it is then taken up to its end.
  Result<bool> raw(size_t tag);
  Result<void> tag(bool block);
  Result<void> tag_token();
  Result<void> number();
  Result<void> string();
  Result<void> escape(std::string& out, size_t& i, size_t end);
  Result<void> name();
  Result<void> op();

  void data(size_t begin, size_t end, char sign, bool strips_line);
  void push(TokenKind kind, size_t at, std::string text = {});
  Position position(size_t at);
  [[nodiscard]] char look(size_t at) const { return at < src_.size() ? src_[at] : '\0'; }
  [[nodiscard]] size_t skip_space(size_t at) const;
  [[nodiscard]] bool at_text(size_t at, std::string_view text) const {
    return src_.substr(std::min(at, src_.size())).starts_with(text);
  }
  /// Where the text goes on after a closing delimiter at `at`, with its sign; npos when there is none.
  [[nodiscard]] size_t close(size_t at, std::string_view delimiter, bool block) const;

  std::string_view src_;
  size_t pos_ = 0;
  std::vector<Token> tokens_;
  std::vector<std::pair<char, Position>> open_;  // closing brackets that are due
  size_t counted_ = 0;                           // bytes that here_ has gone past
  Position here_;
};

/// Positions are asked for in ascending order, so that counting is linear.
Position Lexer::position(size_t at) {
  for (; counted_ < at; ++counted_) {
    if (src_[counted_] == '\n') {
      ++here_.line;
      here_.column = 1;
    } else if ((static_cast<unsigned char>(src_[counted_]) & 0xC0) != 0x80) {
      ++here_.column;
    }
  }
  return here_;
}

void Lexer::push(TokenKind kind, size_t at, std::string text) {
  Token t;
  t.kind = kind;
  t.at = position(at);
  t.text = std::move(text);
  tokens_.push_back(std::move(t));
}

size_t Lexer::skip_space(size_t at) const {
  while (at < src_.size()) {
    const Utf8Char c = decode_utf8(src_, at);
    if (!is_space(c.code)) break;
    at += c.size;
  }
  return at;
}

size_t Lexer::close(size_t at, std::string_view delimiter, bool block) const {
  if (at_text(at, "-") && at_text(at + 1, delimiter)) return skip_space(at + 1 + delimiter.size());
  if (block && at_text(at, "+") && at_text(at + 1, delimiter)) return at + 1 + delimiter.size();
  if (!at_text(at, delimiter)) return std::string_view::npos;
  const size_t end = at + delimiter.size();
  return block && look(end) == '\n' ? end + 1 : end;  // trim_blocks
}

/// The text before a tag. `strips_line`: the tag is one that lstrip_blocks applies to.
void Lexer::data(size_t begin, size_t end, char sign, bool strips_line) {
  const bool line_starts = begin == 0 || src_[begin - 1] == '\n';
  std::string_view text = src_.substr(begin, end - begin);
  if (sign == '-') {
    text = text.substr(0, stripped(text, Side::kRight, nullptr).end);
  } else if (sign != '+' && strips_line) {
    const size_t newline = text.rfind('\n');
    const size_t line = newline == std::string_view::npos ? 0 : newline + 1;
    const std::string_view rest = text.substr(line);
    if ((line > 0 || line_starts) && stripped(rest, Side::kLeft, nullptr).begin == rest.size()) text = text.substr(0, line);
  }
  if (!text.empty()) push(TokenKind::kData, begin, std::string(text));
}

Result<void> Lexer::comment(size_t begin) {
  const Position at = position(begin);
  for (size_t i = pos_; i < src_.size(); ++i) {
    // A sign belongs to the end of the comment, so it is looked at before the end itself.
    if (src_[i] != '#' && src_[i] != '-' && src_[i] != '+') continue;
    const size_t after = close(i, "#}", true);
    if (after == std::string_view::npos) continue;
    pos_ = after;
    return {};
  }
  return fail_at(at, "this comment has no end: '#}}' is missing");
}

Result<bool> Lexer::raw(size_t tag) {
  size_t i = tag + 2;
  if (look(i) == '-' || look(i) == '+') ++i;
  i = skip_space(i);
  if (!at_text(i, "raw")) return false;
  i = skip_space(i + 3);
  if (at_text(i, "-%}"))
    pos_ = skip_space(i + 3);
  else if (at_text(i, "%}"))
    pos_ = i + 2;
  else
    return false;
  const Position at = position(tag);
  for (size_t end = src_.find("{%", pos_); end != std::string_view::npos; end = src_.find("{%", end + 1)) {
    size_t k = end + 2;
    const char sign = look(k) == '-' || look(k) == '+' ? look(k) : '\0';
    k = skip_space(sign != '\0' ? k + 1 : k);
    if (!at_text(k, "endraw")) continue;
    const size_t after = close(skip_space(k + 6), "%}", true);
    if (after == std::string_view::npos) continue;
    data(pos_, end, sign, true);
    pos_ = after;
    return true;
  }
  return fail_at(at, "this raw block has no end: '{{% endraw %}}' is missing");
}

Result<void> Lexer::tag(bool block) {
  open_.clear();
  while (pos_ < src_.size()) {
    const size_t after = open_.empty() ? close(pos_, block ? "%}" : "}}", block) : std::string_view::npos;
    if (after != std::string_view::npos) {
      push(block ? TokenKind::kBlockEnd : TokenKind::kVariableEnd, pos_, block ? "%}" : "}}");
      pos_ = after;
      return {};
    }
    const size_t next = skip_space(pos_);
    if (next != pos_)
      pos_ = next;
    else
      TRY_VOID(tag_token());
  }
  return {};
}

Result<void> Lexer::tag_token() {
  const char c = src_[pos_];
  if (is_digit_char(c)) return number();
  if (c == '\'' || c == '"') return string();
  if (is_name_char(c) || static_cast<unsigned char>(c) >= 0x80) return name();
  return op();
}

Result<void> Lexer::number() {
  const size_t begin = pos_;
  const size_t whole = digits_end(src_, begin, is_digit_char);
  // After a dot there is no fraction: x.0.1 is two subscripts.
  if (begin == 0 || src_[begin - 1] != '.') {
    size_t end = whole;
    if (look(end) == '.') {
      const size_t fraction = digits_end(src_, end + 1, is_digit_char);
      if (fraction > end + 1) end = fraction;
    }
    if (look(end) == 'e' || look(end) == 'E') {
      const size_t digits = end + (look(end + 1) == '+' || look(end + 1) == '-' ? 2 : 1);
      const size_t exponent = digits_end(src_, digits, is_digit_char);
      if (exponent > digits) end = exponent;
    }
    if (end > whole) {
      push(TokenKind::kFloat, begin);
      tokens_.back().number = std::strtod(without_underscores(src_.substr(begin, end - begin)).c_str(), nullptr);
      pos_ = end;
      return {};
    }
  }
  int base = 10;
  size_t end = whole, digits = begin;
  if (src_[begin] == '0') {
    const char mark = static_cast<char>(look(begin + 1) | 0x20);
    base = mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 10;
    const auto accepts = [base](char c) { return base == 16 ? is_hex_char(c) : c >= '0' && c < '0' + base; };
    digits = begin + (look(begin + 2) == '_' ? 3 : 2);
    end = base == 10 ? begin : digits_end(src_, digits, accepts);
    if (base == 10 || end == digits) {  // 0, and nothing but more zeros may follow
      base = 10;
      digits = begin;
      end = digits_end(src_, begin, [](char c) { return c == '0'; });
    }
  }
  push(TokenKind::kInteger, begin);
  const std::string text = without_underscores(src_.substr(digits, end - digits));
  if (std::from_chars(text.data(), text.data() + text.size(), tokens_.back().integer, base).ec != std::errc())
    return fail_at(tokens_.back().at, "the integer {} does not fit into 64 bits", clipped(src_.substr(begin, end - begin), 40));
  pos_ = end;
  return {};
}

Result<void> Lexer::name() {
  size_t end = pos_;
  while (end < src_.size()) {
    const Utf8Char c = decode_utf8(src_, end);
    if (c.code < 0x80 ? !is_name_char(static_cast<char>(c.code)) : (char_classes(c.code) & (kClassWord | kClassNumber)) == 0)
      break;
    if (c.code >= 0x80 && (char_classes(c.code) & kClassWord) == 0)
      return fail_at(position(end), "'{}' cannot be part of a name", src_.substr(end, c.size));
    end += c.size;
  }
  if (end == pos_) return fail_at(position(pos_), "unexpected character '{}'", src_.substr(pos_, decode_utf8(src_, pos_).size));
  push(TokenKind::kName, pos_, std::string(src_.substr(pos_, end - pos_)));
  pos_ = end;
  return {};
}

Result<void> Lexer::op() {
  constexpr std::string_view kPairs[] = {"//", "**", "==", "!=", ">=", "<="};
  size_t size = 1;
  for (const std::string_view pair : kPairs)
    if (at_text(pos_, pair)) size = 2;
  const char c = src_[pos_];
  if (size == 1 && std::string_view("+-/*%~[](){}><=.:|,;").find(c) == std::string_view::npos)
    return fail_at(position(pos_), "unexpected character {}", repr_of(std::string_view(&c, 1)));
  push(TokenKind::kOperator, pos_, std::string(src_.substr(pos_, size)));
  const Position at = tokens_.back().at;
  if (size == 1 && (c == '(' || c == '[' || c == '{')) open_.emplace_back(c == '(' ? ')' : c == '[' ? ']' : '}', at);
  if (c == ')' || c == ']' || c == '}') {
    if (open_.empty()) return fail_at(at, "unexpected '{}'", c);
    const auto [due, opened] = open_.back();
    if (due != c)
      return fail_at(at, "unexpected '{}': the bracket of line {}, column {} wants '{}'", c, opened.line, opened.column, due);
    open_.pop_back();
  }
  pos_ += size;
  return {};
}

/// One escape sequence as Python reads it, from the backslash at `i`; unknown ones stay as they are.
Result<void> Lexer::escape(std::string& out, size_t& i, size_t end) {
  constexpr std::string_view kNames = "\n\\'\"abfnrtv", kValues = "\n\\'\"\a\b\f\n\r\t\v";
  const size_t begin = i++;
  const char c = src_[i];
  if (const size_t known = kNames.find(c); known != std::string_view::npos) {
    ++i;
    if (c != '\n') out += kValues[known];  // an escaped line end is nothing at all
    return {};
  }
  if (c >= '0' && c <= '7') {
    char32_t code = 0;
    for (size_t n = 0; n < 3 && i < end && src_[i] >= '0' && src_[i] <= '7'; ++n)
      code = code * 8 + static_cast<char32_t>(src_[i++] - '0');
    append_utf8(out, code);
    return {};
  }
  if (c == 'N') return fail_at(position(begin), "characters by name (\\N) are not supported: write the character, or \\u");
  const size_t width = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
  if (width == 0) {
    out += '\\';
    const Utf8Char next = decode_utf8(src_, i);
    // Beyond ASCII, Python escapes the character first, and then reads the two backslashes as one.
    if (next.code < 0x80)
      out += c;
    else
      out += next.code < 0x100     ? fmt::format("x{:02x}", static_cast<uint32_t>(next.code))
             : next.code < 0x10000 ? fmt::format("u{:04x}", static_cast<uint32_t>(next.code))
                                   : fmt::format("U{:08x}", static_cast<uint32_t>(next.code));
    i += next.size;
    return {};
  }
  uint32_t code = 0;
  const char* first = src_.data() + i + 1;
  const char* last = src_.data() + std::min(i + 1 + width, end);
  const auto read = std::from_chars(first, last, code, 16);
  if (read.ptr != first + width || code > 0x10FFFF)
    return fail_at(position(begin), "the escape '\\{}' wants {} hexadecimal digits of a character", c, width);
  i += 1 + width;
  append_utf8(out, static_cast<char32_t>(code));
  return {};
}

Result<void> Lexer::string() {
  const char quote = src_[pos_];
  size_t end = pos_ + 1;
  while (end < src_.size() && src_[end] != quote) end += src_[end] == '\\' ? 2 : 1;
  if (end >= src_.size()) return fail_at(position(pos_), "this string has no end");
  push(TokenKind::kString, pos_);
  std::string text;
  for (size_t i = pos_ + 1; i < end;) {
    if (src_[i] == '\\')
      TRY_VOID(escape(text, i, end));
    else
      text += src_[i++];
  }
  tokens_.back().text = std::move(text);
  pos_ = end + 1;
  return {};
}

Result<std::vector<Token>> Lexer::run() {
  while (pos_ < src_.size()) {
    size_t tag_at = src_.find('{', pos_);
    while (tag_at != std::string_view::npos && look(tag_at + 1) != '%' && look(tag_at + 1) != '{' && look(tag_at + 1) != '#')
      tag_at = src_.find('{', tag_at + 1);
    if (tag_at == std::string_view::npos) {
      push(TokenKind::kData, pos_, std::string(src_.substr(pos_)));
      pos_ = src_.size();
      break;
    }
    const char kind = src_[tag_at + 1];
    const char sign = look(tag_at + 2) == '-' || look(tag_at + 2) == '+' ? src_[tag_at + 2] : '\0';
    data(pos_, tag_at, sign, kind != '{');
    pos_ = tag_at;
    if (kind == '%') {
      TRY(const bool was_raw, raw(tag_at));
      if (was_raw) continue;
    }
    pos_ = tag_at + (sign != '\0' ? 3 : 2);
    if (kind == '#') {
      TRY_VOID(comment(tag_at));
      continue;
    }
    push(kind == '%' ? TokenKind::kBlockBegin : TokenKind::kVariableBegin, tag_at, kind == '%' ? "{%" : "{{");
    TRY_VOID(tag(kind == '%'));
  }
  push(TokenKind::kEnd, src_.size());
  return std::move(tokens_);
}

}  // namespace

std::string normalized_source(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r') {
      out += source[i];
      continue;
    }
    out += '\n';
    if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
  }
  if (out.ends_with('\n')) out.pop_back();
  return out;
}

Result<std::vector<Token>> lex(std::string_view source) { return Lexer(source).run(); }

}  // namespace sobre::jinja
