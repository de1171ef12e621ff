// Vocabularies of GGUF files: "gpt2" (byte-level BPE), "llama" (SentencePiece BPE by score), "bert" (WordPiece), "t5"
// (Unigram). They follow llama.cpp, but for three things: added tokens are found leftmost-longest (not longest first over the
// whole text), a control token never arises from merging plain text, and Qwen's NFC is applied as in its tokenizer.json.
#include <algorithm>
#include <cmath>

#include "text/bpe.h"
#include "text/byte_level.h"
#include "text/gguf_pre.h"
#include "text/gguf_tokens.h"
#include "text/score_ranks.h"
#include "text/tokenizer_impl.h"

namespace sobre {
namespace {

class GgufLoader {
 public:
  explicit GgufLoader(VocabData vocab) : vocab_(std::move(vocab)) {}

  Result<std::unique_ptr<Tokenizer::Impl>> run() {
    TRY_VOID(check());
    TRY_VOID(fill_table());
    if (vocab_.model == "gpt2") {
      TRY_VOID(build_gpt2());
    } else if (vocab_.model == "llama") {
      TRY_VOID(build_llama());
    } else if (vocab_.model == "bert") {
      TRY_VOID(build_bert());
    } else if (vocab_.model == "t5") {
      TRY_VOID(build_t5());
    } else {
      return fail("tokenizer.ggml.model '{}' is not supported (gpt2, llama, bert and t5 are)", vocab_.model);
    }
    TRY_VOID(build_added_tokens());
    return std::move(impl_);
  }

 private:
  Result<void> check() const {
    const size_t n = vocab_.tokens.size();
    if (n == 0) return fail("the vocabulary is empty");
    if (n > static_cast<size_t>(kMaxVocabularySize))
      return fail("a vocabulary of {} tokens; at most {} are supported", n, kMaxVocabularySize);
    if (!vocab_.types.empty() && vocab_.types.size() != n) return fail("{} token types for {} tokens", vocab_.types.size(), n);
    if (!vocab_.scores.empty() && vocab_.scores.size() != n) return fail("{} scores for {} tokens", vocab_.scores.size(), n);
    for (size_t i = 0; i < vocab_.scores.size(); ++i) {
      if (!std::isfinite(vocab_.scores[i])) return fail("token {}: its score is not finite", i);
    }
    for (const auto& id :
         {vocab_.bos, vocab_.eos, vocab_.eot, vocab_.eom, vocab_.unk, vocab_.sep, vocab_.pad, vocab_.cls, vocab_.mask}) {
      if (id && (*id < 0 || static_cast<size_t>(*id) >= n)) return fail("special token id {} in a vocabulary of {}", *id, n);
    }
    return {};
  }

  [[nodiscard]] size_t size() const { return vocab_.tokens.size(); }
  [[nodiscard]] TokenType type(size_t id) const { return gguf_token_type(vocab_, id); }
  [[nodiscard]] bool is_text(size_t id) const { return is_gguf_text(vocab_, impl_->special, id); }

  Result<void> fill_table() {
    size_t bytes = 0;
    for (const std::string& token : vocab_.tokens) bytes += token.size();
    impl_->table.reserve(size(), bytes);
    for (const std::string& token : vocab_.tokens) impl_->table.add(token);
    TRY_VOID(impl_->table.build_index());
    impl_->special = gguf_special_tokens(vocab_);
    impl_->byte_token.assign(size(), 0);
    impl_->bos = vocab_.bos;
    impl_->eos = vocab_.eos;
    return {};
  }

  Result<void> build_added_tokens() {
    std::vector<AddedToken> added;
    for (size_t id = 0; id < size(); ++id) {
      const bool unknown = type(id) == TokenType::kUnknown;
      if (!impl_->special[id] && !unknown && type(id) != TokenType::kUserDefined) continue;
      added.push_back({vocab_.tokens[id], static_cast<int32_t>(id), impl_->special[id] || unknown});
    }
    TRY(impl_->raw_added, AddedTokens::build(std::move(added)));
    return {};
  }

  void put_around(bool bos, bool eos) {
    if (vocab_.add_bos.value_or(bos) && vocab_.bos) impl_->prefix.push_back(*vocab_.bos);
    if (vocab_.add_eos.value_or(eos) && vocab_.eos) impl_->suffix.push_back(*vocab_.eos);
  }

  Result<void> build_gpt2() {
    const std::string name = vocab_.pre.empty() ? "default" : vocab_.pre;
    const GgufPre* pre = find_gguf_pre(name);
    if (pre == nullptr) return fail("tokenizer.ggml.pre '{}' is not supported; supported are {}", name, gguf_pre_names());
    for (const std::string_view pattern : pre->patterns) {
      if (pattern.empty()) continue;
      TRY(SplitStep step, SplitStep::regex(pattern, SplitBehavior::kIsolated, false));
      TRY_VOID(impl_->pre_tokenizer.add(std::move(step)));
    }
    if (pre->nfc) TRY_VOID(impl_->normalizer.add(NormalForm::kNfc));
    std::vector<uint8_t> hidden(size(), 0);
    std::string piece;
    for (size_t id = 0; id < size(); ++id) {
      piece.clear();
      const bool text = is_text(id) && type(id) != TokenType::kUserDefined;
      hidden[id] = !text || !append_bytes_of_chars(piece, vocab_.tokens[id]);
      impl_->pieces.add(hidden[id] ? vocab_.tokens[id] : piece);
    }
    TRY_VOID(impl_->pieces.build_index(TokenTable::Duplicates::kLast, &hidden));
    impl_->kind = "byte-level BPE";
    put_around(pre->add_bos, false);
    BpeOptions options;
    options.byte_symbols = true;
    options.whole_words = pre->whole_words;  // (a byte without a token is dropped, as in tokenizer.json files without unk)
    if (vocab_.merges.empty()) {             // tekken's way: ids in the order of ranks
      std::vector<uint32_t> ranks(size(), Bpe::kNoRank);
      for (size_t id = 0; id < size(); ++id) ranks[id] = hidden[id] ? Bpe::kNoRank : static_cast<uint32_t>(id);
      options.whole_words = true;
      impl_->model = Bpe::from_ranks(impl_->pieces, impl_->special, std::move(ranks), {}, std::move(options));
      return {};
    }
    TRY(const std::vector<BpeMerge> merges, read_merges());
    TRY(impl_->model, Bpe::from_merges(impl_->pieces, impl_->special, merges, std::move(options)));
    return {};
  }

  Result<std::vector<BpeMerge>> read_merges() const {
    std::vector<BpeMerge> merges;
    merges.reserve(vocab_.merges.size());
    std::string joined;
    for (size_t i = 0; i < vocab_.merges.size(); ++i) {
      const std::string_view line = vocab_.merges[i];
      const size_t space = line.find(' ', 1);
      if (space == std::string_view::npos) return fail("merge {}: '{}' is not two tokens", i, line);
      const std::string_view left = line.substr(0, space), right = line.substr(space + 1);
      joined.assign(left).append(right);
      const BpeMerge merge{impl_->table.find(left), impl_->table.find(right), impl_->table.find(joined)};
      if (merge.left == kNoToken || merge.right == kNoToken || merge.result == kNoToken) {
        return fail("merge {}: '{}', '{}' or what they make is not in the vocabulary", i, left, right);
      }
      merges.push_back(merge);
    }
    return merges;
  }

  /// Pieces of a SentencePiece vocabulary: U+2581 is a space, <0xXX> a byte.
  Result<void> fill_marked_pieces() {
    for (size_t id = 0; id < size(); ++id) {
      std::string piece = repair_utf8(vocab_.tokens[id]);
      if (is_text(id) && type(id) != TokenType::kUserDefined) replace_all(piece, kSpaceMark, " ");
      if (type(id) == TokenType::kByte) {
        const auto byte = parse_byte_token(vocab_.tokens[id]);
        if (!byte) return fail("token {}: a byte token spelled '{}', not <0xXX>", id, vocab_.tokens[id]);
        piece.assign(1, static_cast<char>(*byte));
      }
      impl_->pieces.add(piece);
    }
    return {};
  }

  Result<void> build_llama() {
    if (vocab_.scores.empty()) return fail("tokenizer.ggml.model llama needs tokenizer.ggml.scores");
    TRY_VOID(fill_marked_pieces());
    const bool prefix = vocab_.add_space_prefix.value_or(true);
    if (prefix) TRY_VOID(impl_->normalizer.add(PrependStep{std::string(kSpaceMark)}));
    TRY_VOID(impl_->normalizer.add(ReplaceStep{std::string(" "), std::string(kSpaceMark)}));
    impl_->decode.strip_max = prefix ? 1 : 0;
    std::vector<uint8_t> merges(size());
    for (size_t id = 0; id < size(); ++id) merges[id] = is_text(id);
    BpeOptions options;
    options.byte_fallback = true;
    options.unk = vocab_.unk.value_or(kNoToken);
    impl_->kind = "SentencePiece BPE";
    put_around(true, false);
    impl_->model =
        Bpe::from_ranks(impl_->table, impl_->special, ranks_of_scores(vocab_.scores, merges), {}, std::move(options));
    return {};
  }

  Result<void> build_bert() {
    const bool marked =
        std::any_of(vocab_.tokens.begin(), vocab_.tokens.end(), [](const std::string& t) { return t.starts_with(kSpaceMark); });
    WordPiece::Options options;
    if (marked) {
      options.word_prefix = kSpaceMark;
      options.continuing_prefix.clear();
    }
    options.unk = vocab_.unk.value_or(impl_->table.find("[UNK]"));
    for (size_t id = 0; id < size(); ++id) {
      std::string piece = repair_utf8(vocab_.tokens[id]);
      if (marked) {
        replace_all(piece, kSpaceMark, " ");
      } else {
        if (piece.starts_with("##"))
          piece.erase(0, 2);
        else
          piece.insert(0, 1, ' ');
      }
      clean_up_spaces(piece);
      impl_->pieces.add(piece);
    }
    impl_->decode.strip_max = 1;
    TRY_VOID(impl_->normalizer.add(BertStep{}));
    TRY_VOID(impl_->pre_tokenizer.add(SplitStep{&is_space_char, SplitBehavior::kRemoved, false}));
    TRY_VOID(impl_->pre_tokenizer.add(SplitStep{&is_punctuation_char, SplitBehavior::kIsolated, false}));
    impl_->kind = "WordPiece";
    const auto first = vocab_.cls ? vocab_.cls : vocab_.bos, last = vocab_.sep ? vocab_.sep : vocab_.eos;
    if (vocab_.add_bos.value_or(true) && first) impl_->prefix.push_back(*first);
    if (vocab_.add_eos.value_or(true) && last) impl_->suffix.push_back(*last);
    TRY(impl_->model, WordPiece::build(impl_->table, impl_->special, std::move(options)));
    return {};
  }

  Result<void> build_t5() {
    if (vocab_.scores.empty()) return fail("tokenizer.ggml.model t5 needs tokenizer.ggml.scores");
    TRY_VOID(fill_marked_pieces());
    SentencePieceStep step;
    step.add_dummy_prefix = vocab_.add_space_prefix.value_or(true);
    step.remove_extra_whitespaces = vocab_.remove_extra_whitespaces.value_or(true);
    if (!vocab_.precompiled_charsmap.empty()) {
      TRY(step.map, Charsmap::parse(vocab_.precompiled_charsmap));
    }
    impl_->decode.strip_max = step.add_dummy_prefix ? 1 : 0;
    TRY_VOID(impl_->normalizer.add(std::move(step)));
    Unigram::Options options;
    options.unk = vocab_.unk.value_or(kNoToken);
    for (size_t id = 0; id < size(); ++id) options.absent.push_back(!is_text(id) || type(id) == TokenType::kUnused);
    impl_->kind = "Unigram";
    put_around(false, true);
    std::vector<double> scores(vocab_.scores.begin(), vocab_.scores.end());
    TRY(impl_->model, Unigram::build(impl_->table, impl_->special, std::move(scores), std::move(options)));
    return {};
  }

  VocabData vocab_;
  std::unique_ptr<Tokenizer::Impl> impl_ = std::make_unique<Tokenizer::Impl>();
};

}  // namespace

Result<Tokenizer> Tokenizer::from_vocab(VocabData vocab) {
  TRY(auto impl, GgufLoader(std::move(vocab)).run());
  return Impl::wrap(std::move(impl));
}

}  // namespace sobre
