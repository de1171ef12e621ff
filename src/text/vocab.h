// VocabData: a vocabulary as a model file carries it, before a tokenizer is made of it. Filled by format/ (GGUF) and
// by the readers of tokenizer.model and tekken.json; read once while loading. Plain values, owned by the caller.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sobre {

/// Kinds of vocabulary entries, numbered as GGUF and SentencePiece number them.
enum class TokenType : uint8_t { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5, kByte = 6 };

struct VocabData {
  std::string model;  // tokenizer.ggml.model: "llama", "gpt2", "bert", "t5"
  std::string pre;    // tokenizer.ggml.pre: "smollm", "llama-bpe", ...; empty when absent
  std::vector<std::string> tokens;
  std::vector<float> scores;         // empty or one per token
  std::vector<TokenType> types;      // empty or one per token
  std::vector<std::string> merges;   // "left right", best first
  std::string precompiled_charsmap;  // SentencePiece normaliser, raw bytes
  std::optional<int32_t> bos, eos, eot, eom, unk, sep, pad, cls, mask;
  std::optional<bool> add_bos, add_eos, add_space_prefix, remove_extra_whitespaces;
};

/// The vocabulary of a SentencePiece ModelProto of BPE type (a .model file), as GGUF's "llama" model has it: pieces, scores,
/// types, special ids, whether a space is put before a text. Errors: damage, another model type.
[[nodiscard]] Result<VocabData> read_sentencepiece_vocab(std::string_view bytes);

}  // namespace sobre
