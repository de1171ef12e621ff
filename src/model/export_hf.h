// From a GGUF file to what a Hugging Face folder needs beside its weights: for models that are trained further and written as
// such a folder. The inverse of export_gguf_keys.cpp and export_gguf_vocab.cpp, for the architectures whose settings a config
// can say in full. Pure functions, any thread.
#pragma once

#include <map>
#include <string>

#include "base/json.h"
#include "base/result.h"
#include "format/gguf.h"
#include "model/families.h"

namespace sobre {

/// config.json of a GGUF's model. Errors: an architecture or a setting that this does not write (then the Hugging Face folder
/// is the one to start from).
[[nodiscard]] Result<Json> hf_config_from_gguf(const GgufFile& file, const CheckpointPlan& plan);

/// The tokenizer's files by name: tokenizer.json, tokenizer_config.json (with the chat template) and special_tokens_map.json.
/// Error: a vocabulary other than the byte-level BPE of SmolLM2's kind.
[[nodiscard]] Result<std::map<std::string, std::string>> hf_tokenizer_from_gguf(const GgufFile& file);

}  // namespace sobre
