#include "text/split_regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "text/unicode.h"

namespace sobre {
namespace {

constexpr size_t kMaxPattern = 16 << 10;     // bytes
constexpr uint32_t kHeapKib = 64 << 10;      // PCRE2's memory for one match
constexpr size_t kFirstWindow = 256;          // bytes shown to a match at first
constexpr uint32_t kFirstMatchLimit = 500;  // steps of backtracking tried at first
constexpr uint32_t kLastMatchLimit = 1u << 27;
constexpr uint64_t kBudgetPerByte = 64;
constexpr uint64_t kBudgetBase = 16 << 20;

// White_Space as Unicode has it; \w as Oniguruma has it (PCRE2's own lack marks, and have U+180E).
constexpr std::string_view kSpaces = R"(\x{9}-\x{d}\x{20}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000})";
constexpr std::string_view kWords =
    R"(\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\x{24b6}-\x{24e9}\x{1f130}-\x{1f149}\x{1f150}-\x{1f169}\x{1f170}-\x{1f189})";

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
  void put_set(std::string_view inside, bool negated) {
    if (in_class_) {
      out_.append(inside);
    } else {
      out_.append(negated ? "[^" : "[").append(inside).append("]");
    }
    pos_ += 2;
  }

  Result<void> escape() {
    if (pos_ + 1 >= in_.size()) return fail("pattern ends with a backslash");
    const char c = in_[pos_ + 1];
    const bool negated = c == 'W' || c == 'H' || c == 'S';
    if (negated && in_class_) return fail("pattern has \\{} inside [...], which is not supported", c);
    if (c == 's' || c == 'S') return put_set(kSpaces, negated), Result<void>{};
    if (c == 'w' || c == 'W') return put_set(kWords, negated), Result<void>{};
    if (c == 'h' || c == 'H') return put_set("0-9a-fA-F", negated), Result<void>{};  // hexadecimal digits to Oniguruma
    if (c == 'C') return fail("pattern has \\C, which is not supported");            // PCRE2 would split a character
    copy(2);
    return {};
  }

  Result<void> class_char(char c) {
    if (c == '[' && !rest().starts_with("[:")) return fail("pattern has a set inside a set, which is not supported");
    if (rest().starts_with("&&")) return fail("pattern has an intersection of sets (&&), which is not supported");
    if (rest().starts_with("[:")) {
      const size_t end = rest().find(":]");
      if (end == std::string_view::npos) return fail("pattern has [: without :]");
      copy(end + 2);
      return {};
    }
    if (c == ']') in_class_ = false;
    copy(1);
    return {};
  }

  Result<void> plain_char(char c) {
    if (rest().starts_with("(*")) return fail("pattern begins a group with (*, which is not supported");
    if (rest().starts_with("(?m") || rest().starts_with("(?s") || rest().starts_with("(?C") || rest().starts_with("(?R")) {
      return fail("pattern has '{}', which is not supported", in_.substr(pos_, 3));
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
  Finder(const pcre2_code* code, std::string_view text)
      : code_(code),
        text_(text),
        data_(pcre2_match_data_create(1, nullptr)),
        context_(pcre2_match_context_create(nullptr)),
        budget_(kBudgetBase + kBudgetPerByte * text.size()) {
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
  uint64_t budget_;
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

void SplitRegex::find_all(std::string_view text, std::vector<Span>& matches) const {
  Finder finder(code_->code.get(), text);
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
