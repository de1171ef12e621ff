// Sets of code points as sorted ranges: the classes of regular expressions. Pure values; any thread.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace sobre {

inline constexpr char32_t kLastCode = 0x10FFFF;

struct CodeRange {
  char32_t first = 0, last = 0;  // both included
  friend bool operator==(const CodeRange&, const CodeRange&) = default;
};

class CodeSet {
 public:
  CodeSet() = default;
  CodeSet(std::initializer_list<CodeRange> ranges) : ranges_(ranges) { normalise(); }
  void add(char32_t first, char32_t last) { ranges_.push_back({first, last}); }
  void add(const CodeSet& other) { ranges_.insert(ranges_.end(), other.ranges_.begin(), other.ranges_.end()); }
  /// Sorts and joins; needed after add() and before anything else.
  void normalise();
  /// All other code points. The set must be normal.
  [[nodiscard]] CodeSet complement() const;
  [[nodiscard]] const std::vector<CodeRange>& ranges() const { return ranges_; }

 private:
  std::vector<CodeRange> ranges_;
};

[[nodiscard]] const CodeSet& digit_codes();     // \d of ECMA-262: ASCII
[[nodiscard]] const CodeSet& word_codes();      // \w: ASCII
[[nodiscard]] const CodeSet& space_codes();     // \s: white space and line ends, U+FEFF too
[[nodiscard]] const CodeSet& line_end_codes();  // what . does not match
/// The set of \p{NAME}: a general category by its short or long name, Any, ASCII, or Assigned; nothing for others.
[[nodiscard]] std::optional<CodeSet> property_codes(std::string_view name);

}  // namespace sobre
