// Bpe: byte-pair encoding. Merges come either from a list of pairs (Hugging Face, GGUF "gpt2") or from the rank of the merged
// text itself (tekken, SentencePiece and GGUF "llama", where the rank orders the scores). Short pieces take a plain loop, long
// ones a heap: n log n.
#pragma once

#include "text/token_model.h"

namespace sobre {

struct BpeMerge {
  int32_t left, right, result;
};

struct BpeOptions {
  bool byte_symbols = false;                   // pieces are bytes and the table holds byte strings; else characters
  bool whole_words = false;                    // a piece that is a token is that token, whatever the merges say
  bool byte_fallback = false;                  // unknown characters become <0xXX> tokens where all their bytes have one
  bool fuse_unk = false;                       // a run of unknown characters is one unk
  bool last_merge_counts = false;              // of a pair that is listed twice; else the first does
  int32_t unk = kNoToken;                      // kNoToken: unknown characters are dropped
  std::string continuing_prefix, word_suffix;  // around characters when they are looked up (merge lists only)
};

class Bpe final : public TokenModel {
 public:
  static constexpr uint32_t kNoRank = ~uint32_t{0};

  /// `table` and `special` (ids that never come out of running text) must outlive the model. `merges`: best first; of equal
  /// pairs the first counts.
  [[nodiscard]] static Result<std::unique_ptr<Bpe>> from_merges(const TokenTable& table, const std::vector<uint8_t>& special,
                                                                const std::vector<BpeMerge>& merges, BpeOptions options);
  /// `ranks`: one per id, the lowest merges first, kNoRank for ids that no merge yields. `resegment`: ids that may arise while
  /// merging but are taken apart again at the end (SentencePiece's unused pieces); may be empty.
  [[nodiscard]] static std::unique_ptr<Bpe> from_ranks(const TokenTable& table, const std::vector<uint8_t>& special,
                                                       std::vector<uint32_t> ranks, std::vector<uint8_t> resegment,
                                                       BpeOptions options);

  void encode(std::string_view piece, EncodeScratch& scratch, std::vector<int32_t>& out) const override;

 private:
  using Symbol = EncodeScratch::Symbol;
  struct Merge {
    uint32_t rank = kNoRank;
    int32_t result = kNoToken;
  };

  Bpe(const TokenTable& table, const std::vector<uint8_t>& special, BpeOptions options);
  [[nodiscard]] int32_t find_text(std::string_view text) const;
  [[nodiscard]] size_t word_end(std::string_view piece, size_t begin) const;
  void encode_word(std::string_view word, EncodeScratch& scratch, std::vector<int32_t>& out) const;
  void start_bytes(std::string_view word, std::vector<Symbol>& symbols) const;
  void start_chars(std::string_view word, EncodeScratch& scratch) const;
  [[nodiscard]] int32_t find_char(std::string_view word, size_t begin, size_t end, std::string& buffer) const;
  [[nodiscard]] Merge find_merge(std::string_view word, const Symbol& left, const Symbol& right) const;
  void rank_pair(std::string_view word, std::vector<Symbol>& symbols, size_t left) const;
  void merge_short(std::string_view word, std::vector<Symbol>& symbols, size_t stop) const;
  void merge_long(std::string_view word, EncodeScratch& scratch) const;
  void emit(std::string_view word, const Symbol& symbol, std::vector<int32_t>& out, bool& after_unk) const;
  void emit_parts(std::string_view word, Symbol symbol, std::vector<int32_t>& out, bool& after_unk) const;

  const TokenTable* table_;
  const std::vector<uint8_t>* special_;
  BpeOptions options_;
  bool by_rank_ = false;
  bool splits_words_ = false;  // no merge crosses from another character into U+2581: words can be encoded one by one
  FlatMap<Merge> pairs_;
  std::vector<uint32_t> ranks_;
  std::vector<uint8_t> resegment_;
  ByteTokens fallback_{};
  std::array<int32_t, 256> single_{};  // ids of one-byte strings
};

}  // namespace sobre
