// Strings of the template language: assembling them with their provenance, and the operations of Python's str that do not
// need other values. Indexes are bytes unless a name says characters. Used by the builtins and the evaluator; pure, any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/jinja_value.h"

namespace sobre::jinja {

/// Assembles a string. Every byte is charged to the budget as it comes, and nothing is added to a broken one, so that no
/// operation can build more than the limit allows.
class TextBuilder {
 public:
  explicit TextBuilder(Budget& budget) : budget_(budget) {}
  void add(const Str& s) { add(s, 0, s.bytes.size()); }
  void add(const Str& s, size_t begin, size_t end);
  /// Bytes with one provenance.
  void add(std::string_view bytes, bool from_input = false);
  void add_code(char32_t code, bool from_input);
  void repeat(std::string_view bytes, size_t count, bool from_input = false);
  [[nodiscard]] size_t size() const { return str_.bytes.size(); }
  [[nodiscard]] Str take() { return std::move(str_); }
  /// The string as a value of the heap (its bytes are paid already).
  [[nodiscard]] Value finish(Runtime& rt, bool markup = false);

 private:
  void mark(size_t begin, size_t end);
  Budget& budget_;
  Str str_;
};

/// The bytes [begin, end) with their provenance; Markup stays Markup.
[[nodiscard]] Str substr(const Str& s, size_t begin, size_t end);
[[nodiscard]] inline bool has_input(const Str& s) { return !s.input.empty(); }

/// Reads provenance byte by byte, forwards.
class InputCursor {
 public:
  explicit InputCursor(const Str& s) : spans_(s.input) {}
  /// Positions must not decrease.
  [[nodiscard]] bool at(size_t position);

 private:
  std::span<const TextSpan> spans_;
};

/// Bytes of the character at `pos`; an invalid byte counts as a character.
[[nodiscard]] size_t char_size(std::string_view text, size_t pos);
[[nodiscard]] size_t count_chars(std::string_view text);
/// The byte where character `index` starts; the end of the text if there are fewer.
[[nodiscard]] size_t char_offset(std::string_view text, size_t index);
/// At most `limit` bytes of the text, cut between characters.
[[nodiscard]] std::string_view clipped(std::string_view text, size_t limit);

/// Position of `needle` at or after `from`, in linear time; npos when absent.
[[nodiscard]] size_t find_text(std::string_view text, std::string_view needle, size_t from = 0);
[[nodiscard]] size_t rfind_text(std::string_view text, std::string_view needle);

/// Python's repr() of a str.
[[nodiscard]] std::string repr_of(std::string_view text);

enum class Side : uint8_t { kBoth, kLeft, kRight };
/// The range that is left after stripping white space, or the characters of `chars` where it is given.
[[nodiscard]] TextSpan stripped(std::string_view text, Side side, const std::string* chars);

enum class CaseChange : uint8_t { kUpper, kLower, kTitle, kCapitalize, kSwap, kFold };
void change_case(TextBuilder& out, const Str& s, CaseChange change);

/// Ranges of the parts of str.split() / rsplit(); `separator` null means runs of white space, `most` < 0 no limit.
[[nodiscard]] std::vector<TextSpan> split_text(std::string_view text, const std::string* separator, int64_t most);
[[nodiscard]] std::vector<TextSpan> rsplit_text(std::string_view text, const std::string* separator, int64_t most);
[[nodiscard]] std::vector<TextSpan> split_lines(std::string_view text, bool keep_ends);

/// Replaces up to `most` occurrences (all if negative).
void replace_text(TextBuilder& out, const Str& s, std::string_view old, const Str& with, int64_t most);
/// & < > ' " as entities.
void escape_html(TextBuilder& out, const Str& s);

}  // namespace sobre::jinja
