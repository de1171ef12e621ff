#include "text/regex_parser.h"

#include <algorithm>
#include <string>

#include "text/unicode.h"

namespace sobre {
namespace {

constexpr uint32_t kMaxCount = 100'000;  // of a quantifier; the limit on states is far below what it could make

class Parser {
 public:
  Parser(std::string_view pattern, int max_depth) : text_(pattern), max_depth_(max_depth) {}

  Result<RegexTree> parse() {
    if (!is_valid_utf8(text_)) return fail("regular expression: not valid UTF-8");
    TRY(tree_.root, alternation(0));
    if (pos_ < text_.size()) return fail("regular expression: unmatched ) at byte {}", pos_);
    return std::move(tree_);
  }

 private:
  using Kind = RegexNode::Kind;

  bool at(char c) const { return pos_ < text_.size() && text_[pos_] == c; }
  bool take(std::string_view what) {
    if (!text_.substr(pos_).starts_with(what)) return false;
    pos_ += what.size();
    return true;
  }
  char32_t next() {
    uint32_t size = 0;
    const char32_t code = decode_valid_utf8(text_.data() + pos_, size);
    pos_ += size;
    return code;
  }
  uint32_t add(RegexNode node) {
    tree_.nodes.push_back(std::move(node));
    return static_cast<uint32_t>(tree_.nodes.size() - 1);
  }
  uint32_t add_set(CodeSet set) {
    set.normalise();
    tree_.sets.push_back(std::move(set));
    return add({.kind = Kind::kSet, .set = static_cast<uint32_t>(tree_.sets.size() - 1), .children = {}});
  }
  std::unexpected<Error> refuse(std::string_view what, size_t offset) const {
    return fail("regular expression: {} at byte {} is not supported", what, offset);
  }

  Result<uint32_t> alternation(int depth) {
    if (depth > max_depth_) return fail("regular expression: groups nested deeper than {}, the limit", max_depth_);
    std::vector<uint32_t> ways;
    do {
      TRY(const uint32_t way, sequence(depth));
      ways.push_back(way);
    } while (take("|"));
    if (ways.size() == 1) return ways[0];
    return add({.kind = Kind::kAlternate, .children = std::move(ways)});
  }

  Result<uint32_t> sequence(int depth) {
    std::vector<uint32_t> parts;
    while (pos_ < text_.size() && !at('|') && !at(')')) {
      TRY(const uint32_t part, term(depth));
      parts.push_back(part);
    }
    if (parts.size() == 1) return parts[0];
    return add({.kind = parts.empty() ? Kind::kEmpty : Kind::kConcat, .children = std::move(parts)});
  }

  Result<uint32_t> term(int depth) {
    if (take("^")) return add({.kind = Kind::kBegin, .children = {}});
    if (take("$")) return add({.kind = Kind::kEnd, .children = {}});
    if (at_quantifier()) return nothing_to_repeat();
    TRY(const uint32_t inner, atom(depth));
    return quantified(inner);
  }

  Result<uint32_t> quantified(uint32_t inner) {
    RegexNode repeat{.kind = Kind::kRepeat, .children = {inner}, .min = 0, .max = RegexNode::kNoBound};
    if (take("*")) {
    } else if (take("+")) {
      repeat.min = 1;
    } else if (take("?")) {
      repeat.max = 1;
    } else if (at('{')) {
      TRY_VOID(read_bounds(repeat));
    } else {
      return inner;
    }
    if (take("?")) {
      // Lazy or greedy: the language is the same.
    }
    if (at_quantifier()) return nothing_to_repeat();
    return add(std::move(repeat));
  }

  bool at_quantifier() const { return at('*') || at('+') || at('?') || at('{'); }
  std::unexpected<Error> nothing_to_repeat() const {
    return fail("regular expression: nothing to repeat at byte {}{}", pos_, at('{') ? "; write \\{ for the character" : "");
  }
  /// {n}, {n,} or {n,m}. Other dialects read other braces as characters, or {,m} as bounds: nothing is guessed.
  Result<void> read_bounds(RegexNode& repeat) {
    const size_t start = pos_++;
    const auto other = [start] {
      return fail(
          "regular expression: the brace at byte {} begins none of {{n}}, {{n,}} and {{n,m}}; write \\{{ for the character",
          start);
    };
    TRY(const bool first, read_count(repeat.min));
    if (!first) return other();
    if (take(",")) {
      TRY(const bool second, read_count(repeat.max));
      if (!second) repeat.max = RegexNode::kNoBound;
    } else {
      repeat.max = repeat.min;
    }
    if (!take("}")) return other();
    if (repeat.max < repeat.min) return fail("regular expression: the bounds at byte {} are out of order", start);
    return {};
  }
  Result<bool> read_count(uint32_t& count) {
    const size_t start = pos_;
    uint64_t value = 0;
    while (pos_ < text_.size() && text_[pos_] >= '0' && text_[pos_] <= '9') {
      value = std::min<uint64_t>(value * 10 + static_cast<uint64_t>(text_[pos_++] - '0'), kMaxCount + 1);
    }
    if (pos_ == start) return false;
    if (value > kMaxCount) return fail("regular expression: the count at byte {} is above {}, the limit", start, kMaxCount);
    count = static_cast<uint32_t>(value);
    return true;
  }

  Result<uint32_t> atom(int depth) {
    const size_t start = pos_;
    if (take("(")) return group(depth, start);
    if (take(".")) return add_set(line_end_codes().complement());
    if (take("[")) return bracket(start);
    if (at('\\')) {
      CodeSet set;
      TRY_VOID(escape(set, false));
      return add_set(std::move(set));
    }
    const char32_t code = next();
    return add_set(CodeSet{{code, code}});
  }

  Result<uint32_t> group(int depth, size_t start) {
    if (take("?")) {
      if (take("=") || take("!")) return refuse("look-ahead", start);
      if (take("<=") || take("<!")) return refuse("look-behind", start);
      if (take("<")) {
        const size_t end = text_.find('>', pos_);
        if (end == std::string_view::npos || end == pos_) return fail("regular expression: bad group name at byte {}", pos_);
        pos_ = end + 1;
      } else if (!take(":")) {
        return refuse("the group form (?", start);
      }
    }
    TRY(const uint32_t inner, alternation(depth + 1));
    if (!take(")")) return fail("regular expression: the group opened at byte {} is not closed", start);
    return inner;
  }

  Result<uint32_t> bracket(size_t start) {
    const bool negated = take("^");
    CodeSet set;
    while (true) {
      if (pos_ >= text_.size()) return fail("regular expression: the class opened at byte {} is not closed", start);
      if (take("]")) break;
      TRY(const std::optional<char32_t> first, class_member(set));
      if (!at('-') || text_.substr(pos_).starts_with("-]")) {
        if (first) set.add(*first, *first);
        continue;
      }
      const size_t dash = pos_++;
      if (pos_ >= text_.size()) continue;
      TRY(const std::optional<char32_t> last, class_member(set));
      if (!first || !last) {
        set.add('-', '-');
        if (first) set.add(*first, *first);
        if (last) set.add(*last, *last);
      } else if (*first > *last) {
        return fail("regular expression: the range at byte {} is out of order", dash);
      } else {
        set.add(*first, *last);
      }
    }
    set.normalise();
    return add_set(negated ? set.complement() : std::move(set));
  }

  /// One character of a class, or nothing when it was a class itself (then added to `set`).
  Result<std::optional<char32_t>> class_member(CodeSet& set) {
    if (!at('\\')) return next();
    CodeSet member;
    TRY_VOID(escape(member, true));
    const auto& ranges = member.ranges();
    if (ranges.size() == 1 && ranges[0].first == ranges[0].last) return ranges[0].first;
    set.add(member);
    return std::optional<char32_t>();
  }

  Result<void> escape(CodeSet& set, bool in_class) {
    const size_t start = pos_++;
    if (pos_ >= text_.size()) return fail("regular expression: a backslash ends it");
    const char32_t code = next();
    switch (code) {
      case 'd':
        return set = digit_codes(), Result<void>();
      case 'D':
        return set = digit_codes().complement(), Result<void>();
      case 'w':
        return set = word_codes(), Result<void>();
      case 'W':
        return set = word_codes().complement(), Result<void>();
      case 's':
        return set = space_codes(), Result<void>();
      case 'S':
        return set = space_codes().complement(), Result<void>();
      case 'p':
      case 'P':
        return property(set, code == 'P', start);
      case 'b':
        if (!in_class) return refuse("the word boundary \\b", start);
        return one(set, 8);
      case 'B':
        return refuse("the word boundary \\B", start);
      case 'k':
        return refuse("a back-reference", start);
      default:
        break;
    }
    if (code >= '1' && code <= '9') return refuse("a back-reference", start);
    TRY(const char32_t literal, literal_escape(code, start));
    return one(set, literal);
  }
  static Result<void> one(CodeSet& set, char32_t code) {
    set = CodeSet{{code, code}};
    return {};
  }

  Result<void> property(CodeSet& set, bool negated, size_t start) {
    const size_t end = text_.find('}', pos_);
    if (!at('{') || end == std::string_view::npos) return fail("regular expression: \\p without {{...}} at byte {}", start);
    const std::string_view name = text_.substr(pos_ + 1, std::min<size_t>(end - pos_ - 1, 40));
    auto found = property_codes(name);
    if (!found) return refuse(fmt::format("the property \\p{{{}}}", name), start);
    pos_ = end + 1;
    set = negated ? found->complement() : *std::move(found);
    return {};
  }

  Result<char32_t> literal_escape(char32_t code, size_t start) {
    switch (code) {
      case 't':
        return U'\t';
      case 'n':
        return U'\n';
      case 'v':
        return U'\v';
      case 'f':
        return U'\f';
      case 'r':
        return U'\r';
      case '0':
        if (pos_ < text_.size() && text_[pos_] >= '0' && text_[pos_] <= '9') return refuse("an octal escape", start);
        return U'\0';
      case 'c':
        if (pos_ < text_.size() && ((text_[pos_] | 32) >= 'a' && (text_[pos_] | 32) <= 'z')) {
          return static_cast<char32_t>(text_[pos_++] & 31);
        }
        break;
      case 'x':
        return hex(2, start);
      case 'u':
        return unicode_escape(start);
      default:
        break;
    }
    const bool letter = code < 0x80 && ((code | 32) >= 'a' && (code | 32) <= 'z');
    if (letter) return fail("regular expression: \\{} at byte {} is no escape", static_cast<char>(code), start);
    return code;
  }

  Result<char32_t> unicode_escape(size_t start) {
    if (take("{")) {
      const size_t end = text_.find('}', pos_);
      if (end == std::string_view::npos || end == pos_ || end - pos_ > 6) {
        return fail("regular expression: bad \\u{{...}} at byte {}", start);
      }
      TRY(const char32_t code, hex(static_cast<int>(end - pos_), start));
      ++pos_;
      if (code > kLastCode) return fail("regular expression: \\u{{...}} at byte {} is above 10FFFF", start);
      return code;
    }
    TRY(const char32_t code, hex(4, start));
    if (code < 0xD800 || code > 0xDBFF || !text_.substr(pos_).starts_with("\\u")) return code;
    const size_t before = pos_;
    pos_ += 2;
    const auto low = hex(4, start);
    if (low && *low >= 0xDC00 && *low <= 0xDFFF) return 0x10000 + ((code - 0xD800) << 10) + (*low - 0xDC00);
    pos_ = before;
    return code;
  }

  Result<char32_t> hex(int digits, size_t start) {
    char32_t value = 0;
    for (int i = 0; i < digits; ++i) {
      const char c = pos_ < text_.size() ? text_[pos_] : ' ';
      const int digit = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
      if (digit < 0) return fail("regular expression: bad hexadecimal escape at byte {}", start);
      value = value << 4 | static_cast<char32_t>(digit);
      ++pos_;
    }
    return value;
  }

  std::string_view text_;
  size_t pos_ = 0;
  int max_depth_;
  RegexTree tree_;
};

}  // namespace

Result<RegexTree> parse_regex(std::string_view pattern, int max_depth) { return Parser(pattern, max_depth).parse(); }

}  // namespace sobre
