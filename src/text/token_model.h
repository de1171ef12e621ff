// TokenModel: what turns one piece of text into ids. Four kinds: Bpe, Unigram, WordPiece, WordLevel. Const after loading and
// shared by threads; what an encode call needs to write lies in its own EncodeScratch.
//
// No model ever yields a special token from running text: those are found by AddedTokens alone, which can be told not to. So
// text that a person typed cannot become a control token, whatever a normaliser makes of it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/token_table.h"
#include "text/trie.h"

namespace sobre {

/// Work space of one encode call, reused from piece to piece.
struct EncodeScratch {
  struct Symbol {
    int32_t id;
    uint32_t begin, end;      // bytes of the piece
    uint32_t previous, next;  // neighbours that are left, kNoSymbol at the ends
    uint32_t rank;            // of the merge with the next symbol
    int32_t merged;           // its result
  };
  struct Candidate {
    uint64_t order;  // rank, then position: the smallest comes first
    uint32_t end;    // end of the merged text: together with the position it names the pair
    int32_t merged;
  };
  struct PathNode {
    double score = 0;
    size_t begin = 0;
    int32_t id = kNoToken;
    bool reached = false;
  };
  std::vector<Symbol> symbols;
  std::vector<Candidate> heap;
  std::vector<PathNode> path;
  std::vector<int32_t> reversed;
  std::string text;
};

class TokenModel {
 public:
  virtual ~TokenModel() = default;
  /// Appends the ids of a piece of valid UTF-8 that is not empty.
  virtual void encode(std::string_view piece, EncodeScratch& scratch, std::vector<int32_t>& out) const = 0;
};

/// The ids of the tokens <0x00> ... <0xFF>, kNoToken where there is none.
using ByteTokens = std::array<int32_t, 256>;
[[nodiscard]] ByteTokens find_byte_tokens(const TokenTable& table);
/// The byte that a token spelled <0xXX> stands for.
[[nodiscard]] std::optional<uint8_t> parse_byte_token(std::string_view token);

/// A trie of the tokens that running text may become: not the special ones, nor those marked absent (may be empty).
[[nodiscard]] Result<Trie> build_token_trie(const TokenTable& table, const std::vector<uint8_t>& special,
                                            const std::vector<uint8_t>& absent);

/// Dictionary look-up of whole pieces.
class WordLevel final : public TokenModel {
 public:
  /// `table` must outlive the model. `unk`: kNoToken drops unknown pieces.
  WordLevel(const TokenTable& table, const std::vector<uint8_t>& special, int32_t unk);
  void encode(std::string_view piece, EncodeScratch& scratch, std::vector<int32_t>& out) const override;

 private:
  const TokenTable* table_;
  const std::vector<uint8_t>* special_;
  int32_t unk_;
};

/// Greedy longest match from the left; a word with a part that is not in the vocabulary is unknown as a whole.
class WordPiece final : public TokenModel {
 public:
  struct Options {
    std::string word_prefix;               // before the first part of a word in the vocabulary: "" or U+2581
    std::string continuing_prefix = "##";  // before the others
    size_t max_chars = 100;                // longer words are unknown
    int32_t unk = kNoToken;
  };
  [[nodiscard]] static Result<std::unique_ptr<WordPiece>> build(const TokenTable& table, const std::vector<uint8_t>& special,
                                                                Options options);
  void encode(std::string_view piece, EncodeScratch& scratch, std::vector<int32_t>& out) const override;

 private:
  WordPiece(Trie trie, Options options);
  Trie trie_;
  Options options_;
  uint32_t word_start_, continuing_start_;
};

/// The segmentation with the largest sum of scores.
class Unigram final : public TokenModel {
 public:
  struct Options {
    int32_t unk = kNoToken;
    bool byte_fallback = false;
    bool single_precision = false;              // sums in float, as google/sentencepiece keeps them
    std::vector<uint8_t> absent, user_defined;  // by id, may be empty: never produced; always preferred
  };
  /// `scores`: one per id. Errors: a score that is not finite.
  [[nodiscard]] static Result<std::unique_ptr<Unigram>> build(const TokenTable& table, const std::vector<uint8_t>& special,
                                                              std::vector<double> scores, Options options);
  void encode(std::string_view piece, EncodeScratch& scratch, std::vector<int32_t>& out) const override;

 private:
  Unigram() = default;
  void find_path(std::string_view piece, EncodeScratch& scratch) const;
  void emit_unknown(std::string_view text, std::vector<int32_t>& reversed) const;
  Trie trie_;
  std::vector<double> scores_;
  Options options_;
  ByteTokens bytes_{};
  double unk_score_ = 0;
};

}  // namespace sobre
