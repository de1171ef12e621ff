// Tokenizers as the files that Hugging Face libraries read: what `sobre train-tokenizer` trained, in the form of SmolLM2's
// (byte-level BPE, each digit a piece of its own, ChatML), and vocabularies of GGUF files. Pure functions that give the files'
// whole text, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "text/bpe_trainer.h"
#include "text/vocab.h"

namespace sobre {

/// The pre-tokenizer of this form, as tokenizer.json spells it; training cuts by it too.
[[nodiscard]] Json byte_level_pre_tokenizer();
/// A step "ByteLevel" of a pre-tokenizer, or as a decoder. `regex`: it cuts by GPT-2's pattern itself.
[[nodiscard]] Json byte_level_step(bool add_prefix_space, bool regex);

/// A token that is found in text as it is spelled, before pieces are cut.
struct AddedSpelling {
  int32_t id = 0;
  std::string content;
  bool special = true;  // a control token
};

/// The model of a tokenizer.json of BPE kind.
struct HfBpe {
  std::vector<std::string> tokens;       // by id, as the file spells them
  std::vector<std::string> merges;       // "left right", best first
  std::optional<std::string> unk_token;  // of what has no token
  bool byte_fallback = false, ignore_merges = false;
};

/// What a tokenizer.json says; a part that is null is not there.
struct HfTokenizer {
  Json normalizer, pre_tokenizer, post_processor, decoder;
  HfBpe bpe;
  std::vector<AddedSpelling> added;
};
[[nodiscard]] std::string hf_tokenizer_json(const HfTokenizer& tokenizer);
/// tokenizer.json of a vocabulary as GGUF has it: byte-level BPE with merges ("gpt2"), or SentencePiece BPE ("llama", where
/// merges are made of the scores). Read again it gives the same ids, but around characters without a token and for
/// ties of SentencePiece's scores.
/// Errors: other kinds, a pre-tokenizer that is not known, a vocabulary that the reader of GGUF refuses too.
[[nodiscard]] Result<std::string> hf_tokenizer_json(const VocabData& vocab);
/// tokenizer.json of `bpe` as train_bpe gives it.
[[nodiscard]] std::string hf_tokenizer_json(const TrainedBpe& bpe);
/// tokenizer_config.json, with the chat template.
[[nodiscard]] std::string hf_tokenizer_config();
/// special_tokens_map.json.
[[nodiscard]] std::string hf_special_tokens_map();

/// ChatML as SmolLM2-Instruct frames it, without its default system prompt.
extern const char* const kChatMlTemplate;

}  // namespace sobre
