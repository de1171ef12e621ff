#include "text/split_regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "text/unicode.h"

namespace sobre {
namespace {

constexpr size_t kMaxPattern = 16 << 10;    // bytes
constexpr uint32_t kHeapKib = 64 << 10;     // PCRE2's memory for one match
constexpr size_t kFirstWindow = 256;        // bytes shown to a match at first
constexpr uint32_t kFirstMatchLimit = 500;  // steps of backtracking tried at first
constexpr uint32_t kLastMatchLimit = 1u << 27;
constexpr uint64_t kBudgetPerByte = 64;
constexpr uint64_t kBudgetBase = 16 << 20;

// White_Space as Unicode has it, and what it leaves; \w as Oniguruma has it (PCRE2's own lack marks, and have U+180E).
constexpr std::string_view kSpaces =
    R"(\x{9}-\x{d}\x{20}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000})";
constexpr std::string_view kNoSpaces =
    R"(\x{0}-\x{8}\x{e}-\x{1f}\x{21}-\x{84}\x{86}-\x{9f}\x{a1}-\x{167f}\x{1681}-\x{1fff}\x{200b}-\x{2027}\x{202a}-\x{202e}\x{2030}-\x{205e}\x{2060}-\x{2fff}\x{3001}-\x{10ffff})";
constexpr std::string_view kWords = R"(\p{Alphabetic}\p{M}\p{Nd}\p{Pc})";
// Outside of [...] also the superscripts and fractions of Latin-1.
constexpr std::string_view kLoneWords = R"(\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\x{b2}\x{b3}\x{b9}\x{bc}-\x{be})";

struct NamedSet {
  std::string_view name, inside;  // what stands for it inside of [...]
};
// [:name:] as Oniguruma has it.
constexpr NamedSet kPosixSets[] = {{"alpha", R"(\p{Alphabetic})"},
                                   {"digit", R"(\p{Nd})"},
                                   {"alnum", R"(\p{Alphabetic}\p{Nd})"},
                                   {"upper", R"(\p{Uppercase})"},
                                   {"lower", R"(\p{Lowercase})"},
                                   {"punct", R"(\p{P}\p{S})"},
                                   {"space", kSpaces},
                                   {"blank", R"(\x{9}\p{Zs})"},
                                   {"cntrl", R"(\p{Cc})"},
                                   {"graph", R"(\p{L}\p{M}\p{N}\p{P}\p{S}\p{Cf}\p{Co})"},
                                   {"print", R"(\p{L}\p{M}\p{N}\p{P}\p{S}\p{Cf}\p{Co}\p{Zs})"},
                                   {"word", kWords},
                                   {"xdigit", "0-9a-fA-F"}};
// \p{name}, in lower case without spaces, hyphens and underscores: names that PCRE2 lacks or reads otherwise.
constexpr NamedSet kProperties[] = {{"space", kSpaces},
                                    {"whitespace", kSpaces},
                                    {"word", kWords},
                                    {"alnum", R"(\p{Alphabetic}\p{Nd})"},
                                    {"alpha", R"(\p{Alphabetic})"},
                                    {"digit", R"(\p{Nd})"},
                                    {"upper", R"(\p{Uppercase})"},
                                    {"lower", R"(\p{Lowercase})"},
                                    {"punct", R"(\p{P})"},
                                    {"cntrl", R"(\p{Cc})"},
                                    {"letter", R"(\p{L})"},
                                    {"uppercaseletter", R"(\p{Lu})"},
                                    {"lowercaseletter", R"(\p{Ll})"},
                                    {"titlecaseletter", R"(\p{Lt})"},
                                    {"modifierletter", R"(\p{Lm})"},
                                    {"otherletter", R"(\p{Lo})"},
                                    {"mark", R"(\p{M})"},
                                    {"number", R"(\p{N})"},
                                    {"decimalnumber", R"(\p{Nd})"},
                                    {"punctuation", R"(\p{P})"},
                                    {"symbol", R"(\p{S})"},
                                    {"separator", R"(\p{Z})"}};

/// Whether PCRE2 knows a script of this name. (It would read \p{Han} as script extensions.)
bool is_script(std::string_view name) {
  const std::string pattern = fmt::format("\\p{{sc:{}}}", name);
  int error = 0;
  size_t offset = 0;
  pcre2_code* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(), PCRE2_UTF | PCRE2_UCP, &error,
                                   &offset, nullptr);
  pcre2_code_free(code);
  return code != nullptr;
}

/// Rewrites what Oniguruma and PCRE2 read differently; refuses what cannot be said in PCRE2.
class Translator {
 public:
  explicit Translator(std::string_view pattern) : in_(pattern) {}

  Result<std::string> run() {
    while (pos_ < in_.size()) {
      const char c = in_[pos_];
      if (c == '\\') {
        TRY_VOID(escape());
      } else if (in_class_) {
        TRY_VOID(class_char(c));
      } else {
        TRY_VOID(plain_char(c));
      }
    }
    return std::move(out_);
  }

 private:
  [[nodiscard]] std::string_view rest() const { return in_.substr(pos_); }
  void copy(size_t n) {
    out_.append(in_.substr(pos_, n));
    pos_ += n;
  }
  /// Writes a set in place of the next `n` bytes. Errors: a negated one inside of [...] that cannot be said there.
  Result<void> put_set(size_t n, std::string_view inside, bool negated) {
    if (!in_class_) {
      out_.append(negated ? "[^" : "[").append(inside).append("]");
    } else if (!negated) {
      out_.append(inside);
    } else if (inside == kSpaces) {
      out_.append(kNoSpaces);
    } else if (inside.starts_with("\\p{") && inside.find('}') + 1 == inside.size()) {
      out_.append("\\P").append(inside.substr(2));
    } else {
      return fail("pattern has {} inside [...], which is not supported", rest().substr(0, n));
    }
    pos_ += n;
    return {};
  }

  /// \b and \B by the definition of \w.
  void put_boundary(bool negated) {
    const std::string before = fmt::format("(?<=[{}])", kLoneWords), after = fmt::format("(?=[{}])", kLoneWords);
    const std::string no_before = fmt::format("(?<![{}])", kLoneWords), no_after = fmt::format("(?![{}])", kLoneWords);
    out_ += fmt::format("(?:{}{}|{}{})", before, negated ? after : no_after, no_before, negated ? no_after : after);
    pos_ += 2;
  }

  /// \p{name}, \p{^name}, \P{name}.
  Result<void> property() {
    const size_t end = rest().find('}');
    if (end == std::string_view::npos) return fail("pattern has \\{}{{ without }}", rest()[1]);
    std::string_view name = rest().substr(3, end - 3);
    bool negated = rest()[1] == 'P';
    if (name.starts_with('^')) {
      negated = !negated;
      name.remove_prefix(1);
    }
    std::string plain;
    for (const char c : name) {
      if (c != ' ' && c != '-' && c != '_') plain.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c);
    }
    for (const NamedSet& set : kProperties) {
      if (set.name == plain) return put_set(end + 1, set.inside, negated);
    }
    if (plain.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789") == std::string::npos && is_script(plain)) {
      return put_set(end + 1, fmt::format("\\p{{sc:{}}}", plain), negated);
    }
    copy(end + 1);
    return {};
  }

  Result<void> escape() {
    if (pos_ + 1 >= in_.size()) return fail("pattern ends with a backslash");
    const char c = in_[pos_ + 1];
    if (c == 's' || c == 'S') return put_set(2, kSpaces, c == 'S');
    if (c == 'w' || c == 'W') return put_set(2, in_class_ ? kWords : kLoneWords, c == 'W');
    if (c == 'h' || c == 'H') return put_set(2, "0-9a-fA-F", c == 'H');  // hexadecimal digits to Oniguruma
    if ((c == 'b' || c == 'B') && !in_class_) return put_boundary(c == 'B'), Result<void>{};
    // PCRE2 would split a character, or read a class or a quotation where Oniguruma reads a letter.
    if (c == 'C' || c == 'V' || c == 'Q' || c == 'E') return fail("pattern has \\{}, which is not supported", c);
    if (c == 'v') return out_.append("\\x0B"), pos_ += 2, Result<void>{};  // one character to Oniguruma
    if (c == 'u') {
      const std::string_view digits = rest().substr(2, 4);
      if (digits.size() < 4 || digits.find_first_not_of("0123456789abcdefABCDEF") != std::string_view::npos) {
        return fail("pattern has \\u without four hexadecimal digits");
      }
      out_ += fmt::format("\\x{{{}}}", digits);
      pos_ += 6;
      return {};
    }
    const bool braced = rest().size() > 2 && rest()[2] == '{';
    if (braced && (c == 'p' || c == 'P')) return property();
    if (c == 'p' || c == 'P') return fail("pattern has \\{} without {{", c);
    const size_t brace = braced && c == 'x' ? rest().find('}') : 1;
    if (brace == std::string_view::npos) return fail("pattern has \\{}{{ without }}", c);
    copy(brace + 1);
    return {};
  }

  Result<void> class_char(char c) {
    if (c == '[' && !rest().starts_with("[:")) return fail("pattern has a set inside a set, which is not supported");
    if (rest().starts_with("&&")) return fail("pattern has an intersection of sets (&&), which is not supported");
    if (rest().starts_with("[:")) {
      const size_t end = rest().find(":]");
      if (end == std::string_view::npos) return fail("pattern has [: without :]");
      const bool negated = rest().starts_with("[:^");
      const std::string_view name = rest().substr(negated ? 3 : 2, end - (negated ? 3 : 2));
      for (const NamedSet& set : kPosixSets) {
        if (set.name == name) return put_set(end + 2, set.inside, negated);
      }
      return fail("pattern has [:{}:], which is not known", name);
    }
    if (c == ']') in_class_ = false;
    copy(1);
    return {};
  }

  Result<void> plain_char(char c) {
    if (rest().starts_with("(*")) return fail("pattern begins a group with (*, which is not supported");
    if (rest().starts_with("(?C") || rest().starts_with("(?R")) {
      return fail("pattern has '{}', which is not supported", in_.substr(pos_, 3));
    }
    // Options of a group, of which m means to Oniguruma what s means to PCRE2.
    if (rest().starts_with("(?")) {
      const size_t flags = rest().substr(2).find_first_not_of("imsx-");
      if (const std::string_view named = rest().substr(2, flags); named.find_first_of("ms") != std::string_view::npos)
        return fail("pattern has '(?{}', which is not supported", named);
    }
    if (rest().starts_with("{,") && rest().size() > 2 && rest()[2] >= '0' && rest()[2] <= '9') {  // from 0 to Oniguruma
      out_ += "{0,";
      pos_ += 2;
      return {};
    }
    if (rest().starts_with("}+")) return fail("pattern has '}}+', which is not supported");  // possessive only in PCRE2
    copy(1);
    if (c != '[') return {};
    in_class_ = true;
    if (rest().starts_with("^")) copy(1);
    if (rest().starts_with("]")) return fail("pattern has an empty set, or one that begins with ], which is not supported");
    return {};
  }

  std::string_view in_;
  std::string out_;
  size_t pos_ = 0;
  bool in_class_ = false;
};

struct Free {
  void operator()(pcre2_code* p) const { pcre2_code_free(p); }
  void operator()(pcre2_match_data* p) const { pcre2_match_data_free(p); }
  void operator()(pcre2_match_context* p) const { pcre2_match_context_free(p); }
  void operator()(pcre2_compile_context* p) const { pcre2_compile_context_free(p); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

/// One run over a text. A match is first shown a window of the text in PCRE2's partial mode, which reports when anything
/// beyond the window could change the result; only then is the window widened. So a call costs as much as it uses.
class Finder {
 public:
  Finder(const pcre2_code* code, std::string_view text, uint64_t& budget)
      : code_(code),
        text_(text),
        data_(pcre2_match_data_create(1, nullptr)),
        context_(pcre2_match_context_create(nullptr)),
        budget_(budget) {
    CHECK(data_ && context_);
    pcre2_set_heap_limit(context_.get(), kHeapKib);
  }

  /// The leftmost match at or after `from`; false when there is none or the budget is spent. The first window and the
  /// first limit are free: they cost no more than a fixed amount for each call.
  bool next(size_t from, Span& match) {
    uint32_t limit = kFirstMatchLimit;
    size_t window = kFirstWindow;
    for (size_t start = from;;) {
      const size_t end = window_end(start, window);
      const bool whole = end == text_.size();
      pcre2_set_match_limit(context_.get(), limit);
      const int rc = pcre2_match(code_, reinterpret_cast<PCRE2_SPTR>(text_.data()), end, start,
                                 PCRE2_NO_UTF_CHECK | (whole ? 0 : PCRE2_PARTIAL_HARD), data_.get(), context_.get());
      if (rc >= 0) {
        const size_t* ends = pcre2_get_ovector_pointer(data_.get());
        match = {ends[0], std::max(ends[0], ends[1])};
        return true;
      }
      if (rc == PCRE2_ERROR_NOMATCH) {
        if (whole) return false;
        start = end;  // in partial mode: no match begins inside the window
      } else if (rc == PCRE2_ERROR_PARTIAL) {
        if (!charge(window)) return false;
        window *= 4;
      } else if (rc == PCRE2_ERROR_MATCHLIMIT && limit < kLastMatchLimit) {
        if (!charge(limit)) return false;
        limit *= 8;
      } else {
        return false;  // memory or depth: as if the budget were spent
      }
    }
  }

 private:
  [[nodiscard]] size_t window_end(size_t start, size_t window) const {
    if (text_.size() - start <= window) return text_.size();
    size_t end = start + window;
    while ((static_cast<unsigned char>(text_[end]) & 0xC0) == 0x80) --end;
    return end;
  }
  bool charge(uint64_t work) {
    if (work > budget_) return false;
    budget_ -= work;
    return true;
  }

  const pcre2_code* code_;
  std::string_view text_;
  Owned<pcre2_match_data> data_;
  Owned<pcre2_match_context> context_;
  uint64_t& budget_;
};

}  // namespace

struct SplitRegex::Code {
  Owned<pcre2_code> code;
};

SplitRegex::SplitRegex(std::unique_ptr<Code> code) : code_(std::move(code)) {}
SplitRegex::SplitRegex(SplitRegex&&) noexcept = default;
SplitRegex& SplitRegex::operator=(SplitRegex&&) noexcept = default;
SplitRegex::~SplitRegex() = default;

Result<SplitRegex> SplitRegex::compile(std::string_view pattern) {
  if (pattern.size() > kMaxPattern) return fail("a pattern of {} bytes; at most {} are supported", pattern.size(), kMaxPattern);
  if (!is_valid_utf8(pattern)) return fail("a pattern that is not UTF-8");
  TRY(const std::string translated, Translator(pattern).run());
  const Owned<pcre2_compile_context> context(pcre2_compile_context_create(nullptr));
  CHECK(context != nullptr);
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  pcre2_set_parens_nest_limit(context.get(), 64);
  int error = 0;
  size_t offset = 0;
  // Ruby's ^ and $ are those of lines; numbered groups are not used here.
  const uint32_t options = PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NO_AUTO_CAPTURE | PCRE2_NEVER_BACKSLASH_C;
  Owned<pcre2_code> code(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(), options, &error,
                                       &offset, context.get()));
  if (!code) {
    std::array<PCRE2_UCHAR, 200> message{};
    pcre2_get_error_message(error, message.data(), message.size());
    return fail("pattern '{}': {} near byte {}", translated, reinterpret_cast<const char*>(message.data()), offset);
  }
  return SplitRegex(std::make_unique<Code>(Code{std::move(code)}));
}

uint64_t SplitRegex::budget_of(size_t bytes) { return kBudgetBase + kBudgetPerByte * bytes; }

void SplitRegex::find_all(std::string_view text, std::vector<Span>& matches) const {
  uint64_t budget = budget_of(text.size());
  find_all(text, matches, budget);
}

void SplitRegex::find_all(std::string_view text, std::vector<Span>& matches, uint64_t& budget) const {
  Finder finder(code_->code.get(), text, budget);
  size_t from = 0, last_end = std::string_view::npos;
  Span match;
  while (from <= text.size() && finder.next(from, match)) {
    if (match.begin == match.end && match.end == last_end) {  // an empty match right after a match does not count
      from = match.end + (match.end < text.size() ? utf8_size(text[match.end]) : 1);
      continue;
    }
    matches.push_back(match);
    from = last_end = match.end;
  }
}

}  // namespace sobre
