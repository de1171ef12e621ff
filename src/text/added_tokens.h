// AddedTokens: finds the tokens that are cut out of a text before it is normalised or pre-tokenized: leftmost, longest first,
// in linear time. Built once, then const and shared by threads.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/split_regex.h"
#include "text/text_span.h"
#include "text/token_table.h"

namespace sobre {

struct AddedToken {
  std::string content;  // as it is searched
  int32_t id = kNoToken;
  bool special = false;                          // a control token: not recognised in text that is not trusted
  bool single_word = false;                      // only between characters that are not of words
  bool strip_left = false, strip_right = false;  // takes the white space beside it
};

/// A part of a text: an added token, or running text (id kNoToken).
struct Segment {
  Span span;
  int32_t id = kNoToken;
};

class AddedTokens {
 public:
  /// Of tokens with equal contents the first counts; contents that are empty or not UTF-8 are never found. Errors: contents
  /// longer than kMaxContent, or than kMaxTotal together.
  [[nodiscard]] static Result<AddedTokens> build(std::vector<AddedToken> tokens);

  /// Appends the segments of `text` in order; none are empty. Where `special` is false, a special token is found as ever, but
  /// left in the running text.
  void split(std::string_view text, bool special, std::vector<Segment>& out) const;
  /// As with special = true, but a special token that touches `plain` (ascending, not touching each other) is left in the
  /// running text, and never keeps one beside it from being found.
  void split(std::string_view text, std::span<const TextSpan> plain, std::vector<Segment>& out) const;
  [[nodiscard]] bool empty() const { return tokens_.empty(); }
  [[nodiscard]] bool has_special() const { return has_special_; }

  static constexpr size_t kMaxContent = 4096, kMaxTotal = 8 << 20;  // bytes

 private:
  /// A place where a token begins, with the index of the longest one that does.
  struct Hit {
    size_t begin;
    uint32_t token;
  };
  void find_longest(std::string_view text, std::span<const TextSpan> plain, std::vector<Hit>& hits) const;
  void split(std::string_view text, bool special, std::span<const TextSpan> plain, std::vector<Segment>& out) const;
  [[nodiscard]] uint32_t step(uint32_t state, uint8_t byte) const;

  std::vector<AddedToken> tokens_;
  bool has_special_ = false;
  // An Aho-Corasick automaton over the contents read backwards. Run over the text from its end, it knows at every place the
  // longest token that begins there, which an automaton read forwards could only know later.
  std::vector<uint32_t> fail_, longest_;  // by state; longest_: index of a token, kNone if none ends the path
  FlatMap<uint32_t> edges_;               // state and byte to state
  std::array<uint32_t, 256> root_{};
};

}  // namespace sobre
