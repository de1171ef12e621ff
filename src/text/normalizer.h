// Normalizers: rewrite a text before it is cut and encoded. A Normalizer is a list of steps, built while loading, then const
// and shared by threads. Text in and out is valid UTF-8.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "text/charsmap.h"
#include "text/split_regex.h"
#include "text/trie.h"
#include "text/unicode.h"

namespace sobre {

struct LowercaseStep {};
struct StripAccentsStep {};    // all combining marks
struct NmtStep {};             // control characters dropped, odd white space made plain
struct NormalizeBytesStep {};  // bytes as the characters of the byte-level alphabet
struct StripStep {
  bool left = true, right = true;
};
struct ReplaceStep {
  std::variant<std::string, SplitRegex> pattern;
  std::string content;
};
/// Text before each text that is not empty.
struct PrependStep {
  std::string content;
};
struct BertStep {
  bool clean_text = true, handle_chinese_chars = true, strip_accents = true, lowercase = true;
};
/// A charsmap as huggingface/tokenizers applies it: to grapheme clusters, then to their characters.
struct CharsmapStep {
  Charsmap map;
};
/// google/sentencepiece's normaliser.
struct SentencePieceStep {
  std::optional<Charsmap> map;
  bool add_dummy_prefix = true, remove_extra_whitespaces = true, escape_whitespaces = true, whitespace_as_suffix = false;
  std::optional<Trie> user_defined;  // strings left as they are
};

class Normalizer {
 public:
  using Step = std::variant<NormalForm, LowercaseStep, StripAccentsStep, NmtStep, NormalizeBytesStep, StripStep, ReplaceStep,
                            PrependStep, BertStep, CharsmapStep, SentencePieceStep>;

  /// Errors: more than kMaxSteps; steps that together could make a text more than kMaxGrowth times as long.
  [[nodiscard]] Result<void> add(Step step);
  [[nodiscard]] std::string run(std::string text) const;
  [[nodiscard]] bool empty() const { return steps_.empty(); }

  static constexpr size_t kMaxSteps = 64, kMaxGrowth = 8192;  // ALBERT's chain: 4,400

 private:
  std::vector<Step> steps_;
  size_t growth_ = 1;
};

}  // namespace sobre
