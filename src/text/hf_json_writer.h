// What `sobre train-tokenizer` writes: a trained vocabulary as the files that Hugging Face libraries read, in the form of
// SmolLM2's: byte-level BPE, each digit a piece of its own, ChatML. Pure functions that give the files' whole text, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "text/bpe_trainer.h"

namespace sobre {

/// The pre-tokenizer of this form, as tokenizer.json spells it; training cuts by it too.
[[nodiscard]] Json byte_level_pre_tokenizer();

/// A token that is found in text as it is spelled, before pieces are cut.
struct AddedSpelling {
  int32_t id = 0;
  std::string content;
  bool special = true;  // a control token
};

/// tokenizer.json of tokens (by id) and merges ("left right", best first) spelled in the byte-level alphabet.
[[nodiscard]] std::string hf_tokenizer_json(const std::vector<std::string>& tokens, const std::vector<std::string>& merges,
                                            const std::vector<AddedSpelling>& added);
/// The same of `bpe` as train_bpe gives it.
[[nodiscard]] std::string hf_tokenizer_json(const TrainedBpe& bpe);
/// tokenizer_config.json, with the chat template.
[[nodiscard]] std::string hf_tokenizer_config();
/// special_tokens_map.json.
[[nodiscard]] std::string hf_special_tokens_map();

/// ChatML as SmolLM2-Instruct frames it, without its default system prompt.
extern const char* const kChatMlTemplate;

}  // namespace sobre
