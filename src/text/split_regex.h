// SplitRegex: a pre-tokenizer or normaliser pattern run by PCRE2, for patterns without a scanner of their own
// (split_scanners.h). Patterns are written for Oniguruma (Ruby syntax) and come from model files: untrusted, as the texts are.
//
// PCRE2 promises no linear time, so every call has a budget: the work that does not move forward in the text (steps of
// backtracking, text looked at again) may cost a fixed multiple of the text's length. When it is spent, matching stops and
// the rest of the text counts as unmatched: the same result on every machine. Released patterns never come near it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sobre {

/// A half-open range of bytes of a text.
struct Span {
  size_t begin = 0, end = 0;
  friend bool operator==(const Span&, const Span&) = default;
};

class SplitRegex {
 public:
  /// Errors: what PCRE2 refuses, and what Oniguruma reads in another way (named in the message).
  [[nodiscard]] static Result<SplitRegex> compile(std::string_view pattern);
  SplitRegex(SplitRegex&&) noexcept;
  SplitRegex& operator=(SplitRegex&&) noexcept;
  ~SplitRegex();

  /// Appends all matches from left to right, not overlapping, empty ones included (but not right after a match).
  /// `text` is valid UTF-8. Any thread.
  void find_all(std::string_view text, std::vector<Span>& matches) const;
  /// The same out of a budget that several calls share: for the pieces of one text, however many they are.
  void find_all(std::string_view text, std::vector<Span>& matches, uint64_t& budget) const;
  /// The budget of a text.
  [[nodiscard]] static uint64_t budget_of(size_t bytes);

 private:
  struct Code;
  explicit SplitRegex(std::unique_ptr<Code> code);
  std::unique_ptr<Code> code_;
};

}  // namespace sobre
