// Tokenizers: text to ids and back, for every vocabulary format Sobre reads. Built once per model, then const:
// any thread may encode and decode at the same time. Linear time (n log n at worst) and constant stack on any input.
// Follows huggingface/tokenizers (tokenizer.json), mistral-common (tekken.json, SentencePiece control rules),
// google/sentencepiece (.model) and llama.cpp (GGUF vocabularies).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/text_span.h"
#include "text/vocab.h"

namespace sobre {

struct EncodeOptions {
  bool add_special = false;   // what the post-processor adds: BOS, [CLS] ... [SEP]
  bool parse_special = true;  // control tokens written in the text become control tokens (never for untrusted text)
};

class Tokenizer {
 public:
  /// The text of a Hugging Face tokenizer.json. Unknown component types are errors that name the component.
  [[nodiscard]] static Result<Tokenizer> from_hf_json(std::string_view json);
  /// The text of a tekken.json. Text never turns into control tokens, whatever parse_special says.
  [[nodiscard]] static Result<Tokenizer> from_tekken(std::string_view json);
  /// The bytes of a SentencePiece ModelProto (.model, .model.v3 ...). Text never turns into control tokens.
  [[nodiscard]] static Result<Tokenizer> from_sentencepiece(std::string_view bytes);
  /// A vocabulary out of a GGUF file.
  [[nodiscard]] static Result<Tokenizer> from_vocab(VocabData vocab);
  /// A file by its name and content: tokenizer.json, tekken.json, *.model*. (A GGUF goes through format/ and from_vocab.)
  [[nodiscard]] static Result<Tokenizer> from_file(const std::string& path);

  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  /// Invalid UTF-8 in `text` is read as U+FFFD.
  [[nodiscard]] std::vector<int32_t> encode(std::string_view text, const EncodeOptions& options = {}) const;
  /// A text that a chat template rendered. `plain` (ascending, not touching) is what came from users: there control tokens stay
  /// text. Elsewhere they are recognised by every tokenizer, tekken and SentencePiece too. A text without control tokens in
  /// `plain` gives the ids of encode(text). Adds nothing around.
  [[nodiscard]] std::vector<int32_t> encode_rendered(std::string_view text, std::span<const TextSpan> plain) const;
  /// The text of ids as the reference library gives it. Ids out of range are skipped. Special tokens are kept unless asked.
  [[nodiscard]] std::string decode(std::span<const int32_t> ids, bool skip_special = false) const;

  /// One more than the largest id.
  [[nodiscard]] int32_t vocab_size() const;
  /// The raw bytes a token stands for in running text (byte-level maps undone, U+2581 as a space); empty out of range.
  [[nodiscard]] std::string_view token_bytes(int32_t id) const;
  /// The entry as the vocabulary spells it; empty out of range.
  [[nodiscard]] std::string_view token_text(int32_t id) const;
  [[nodiscard]] std::optional<int32_t> find_token(std::string_view spelling) const;
  /// Control and special added tokens: skipped in text shown to people.
  [[nodiscard]] bool is_special(int32_t id) const;
  /// From the vocabulary itself (GGUF, SentencePiece, tekken); tokenizer.json has none (tokenizer_config.json does).
  [[nodiscard]] std::optional<int32_t> bos() const;
  [[nodiscard]] std::optional<int32_t> eos() const;
  /// "byte-level BPE", "SentencePiece BPE", "Unigram", "WordPiece": for `sobre show`.
  [[nodiscard]] std::string_view kind() const;

  struct Impl;

 private:
  friend class StreamDecoder;
  explicit Tokenizer(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

/// Turns a stream of ids into a stream of valid UTF-8: holds back bytes of an incomplete character, replaces invalid ones.
/// The pieces joined are exactly decode() of all ids. (So, where the reference replaces every byte of a run of byte tokens as
/// soon as one of them is invalid, a run is held back until it ends.) One per answer; the tokenizer must outlive it.
class StreamDecoder {
 public:
  explicit StreamDecoder(const Tokenizer& tokenizer, bool skip_special = true);
  /// The text that became certain with this token (may be empty).
  [[nodiscard]] std::string push(int32_t id);
  /// The same, appended to `out`.
  void push(int32_t id, std::string& out);
  /// What was held back, at the end of the answer.
  [[nodiscard]] std::string finish();

 private:
  void write(std::string_view text, std::string& out);
  void release(bool final, std::string& out);

  const Tokenizer* tokenizer_;
  bool skip_special_;
  bool first_ = true;    // no token yet
  int strip_left_ = 0;   // how many characters may still be taken off the beginning
  std::string pending_;  // bytes not yet certain
  int32_t held_ = -1;    // a token that decodes otherwise when it is the last one
};

}  // namespace sobre
