// The inside of a Tokenizer, filled by the loaders (hf_json_tokenizer.cpp, tekken.cpp, sentencepiece.cpp, gguf_vocab.cpp) and
// run by tokenizer.cpp and stream_decoder.cpp. Nothing else includes this.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "text/added_tokens.h"
#include "text/normalizer.h"
#include "text/pre_tokenizer.h"
#include "text/token_model.h"
#include "text/tokenizer.h"

namespace sobre {

/// How ids become text.
struct DecodeRules {
  /// What happens to byte tokens (<0xXX>).
  enum class ByteRuns : uint8_t {
    kJoined,    // bytes like any others: the whole text is repaired as one
    kEachByte,  // each invalid byte of a run becomes U+FFFD (google/sentencepiece)
    kWholeRun,  // each byte of a run that is not valid becomes U+FFFD (huggingface/tokenizers)
  };
  /// What the first token of a text becomes, where that is not its piece.
  enum class First : uint8_t {
    kPiece,
    kWithoutMarks,  // its spelling without `mark`
    kSpelling,      // its spelling
  };
  ByteRuns byte_runs = ByteRuns::kJoined;
  First first = First::kPiece;
  std::string mark = "\xE2\x96\x81";
  std::string strip = " ";  // taken off the beginning of the text,
  int strip_max = 0;        // at most so many times
  bool strip_once_a_token = false;
  int32_t unstripped = kNoToken;  // an id whose text keeps its spaces, and ends the stripping
  bool cleanup = false;           // WordPiece's: spaces before punctuation and in contractions
  std::string word_end;           // not empty: a space in every token, nothing in the last one (BPEDecoder)
};

struct Tokenizer::Impl {
  TokenTable table;                 // spelling by id, indexed
  TokenTable pieces;                // what each id is in running text; indexed where the model's symbols are bytes
  std::vector<uint8_t> special;     // by id
  std::vector<uint8_t> never_text;  // by id, tokenizer.json only: what no model makes of running text: the special tokens and
                                    // those that were added to the model's vocabulary
  std::vector<uint8_t> byte_token;  // by id: takes part in byte runs
  AddedTokens raw_added;            // searched in the text as it comes
  AddedTokens template_added;       // instead of raw_added in a template's own text, where encode() knows no control tokens
  Normalizer normalizer;
  AddedTokens normalized_added;  // searched after normalising
  PreTokenizer pre_tokenizer;
  std::unique_ptr<TokenModel> model;
  std::vector<int32_t> prefix, suffix;  // what add_special puts around
  DecodeRules decode;
  std::map<int32_t, std::string> respelled;  // tokens that decode as if they were spelled otherwise than in the table
  std::optional<int32_t> bos, eos;
  std::string kind;

  /// A token as it is spelled when it is decoded; `id` is in range.
  [[nodiscard]] std::string_view spelling(int32_t id) const {
    const auto other = respelled.find(id);
    return other != respelled.end() ? std::string_view(other->second) : table[id];
  }

  static Tokenizer wrap(std::unique_ptr<Impl> impl) { return Tokenizer(std::unique_ptr<const Impl>(std::move(impl))); }
};

/// Applies the clean-up that the WordPiece decoder makes on each token.
void clean_up_spaces(std::string& text);
/// Replaces every occurrence of `from` (not empty).
void replace_all(std::string& text, std::string_view from, std::string_view to);

}  // namespace sobre
