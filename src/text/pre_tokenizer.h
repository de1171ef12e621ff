// Pre-tokenizers: cut a text into the pieces that a model encodes one by one. A PreTokenizer is a list of steps, built while
// loading, then const and shared by threads; each step runs on every piece of the one before and sees nothing beyond it.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "text/split_regex.h"
#include "text/split_scanners.h"

namespace sobre {

/// What becomes of the matches of a pattern and of the gaps between them.
enum class SplitBehavior : uint8_t { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext, kContiguous };

/// A text on its way through the steps: its pieces, in order, and the buffer they lie in.
struct PieceList {
  std::string text;          // valid UTF-8
  std::vector<Span> pieces;  // ascending
  bool at_start = true;      // the text begins where the whole input begins
};

/// Cuts at the matches of a pattern: a scanner, a regular expression, a literal string, or a test of single characters.
struct SplitStep {
  using CharTest = bool (*)(char32_t);
  using Pattern = std::variant<Scanner, SplitRegex, std::string, CharTest>;
  Pattern pattern;
  SplitBehavior behavior = SplitBehavior::kIsolated;
  bool invert = false;  // matches become gaps and gaps matches

  /// A regular expression: by its scanner when it has one.
  [[nodiscard]] static Result<SplitStep> regex(std::string_view pattern, SplitBehavior behavior, bool invert);
};

/// A space before each piece that does not begin with one.
struct PrefixSpaceStep {};
/// Bytes as the characters of the byte-level alphabet.
struct ByteCharsStep {};
/// Each piece in parts of `length` characters.
struct FixedLengthStep {
  size_t length = 1;
};
/// Spaces become `replacement`, which also goes before the text; then a piece begins at each of them.
struct MetaspaceStep {
  enum class Prepend : uint8_t { kAlways, kFirst, kNever };
  std::string replacement = "\xE2\x96\x81";
  Prepend prepend = Prepend::kAlways;
  bool split = true;
};

class PreTokenizer {
 public:
  using Step = std::variant<SplitStep, PrefixSpaceStep, ByteCharsStep, FixedLengthStep, MetaspaceStep>;

  /// Errors: more steps than kMaxSteps, or more than three that lengthen the text.
  [[nodiscard]] Result<void> add(Step step);
  /// Empty pieces are dropped.
  void run(PieceList& list) const;

  static constexpr size_t kMaxSteps = 64;

 private:
  std::vector<Step> steps_;
};

/// Tests for SplitStep.
[[nodiscard]] bool is_numeric_char(char32_t c);      // N
[[nodiscard]] bool is_space_char(char32_t c);        // White_Space
[[nodiscard]] bool is_punctuation_char(char32_t c);  // P, or ASCII symbols

}  // namespace sobre
