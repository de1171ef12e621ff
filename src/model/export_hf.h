// What a Hugging Face folder needs beside its weights, from another folder's config or from a GGUF file: for models that are
// made or trained here and written as such a folder. For GGUF it is the inverse of export_gguf_keys.cpp and
// export_gguf_vocab.cpp, for the architectures whose settings a config can say in full. Pure functions, any thread.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "format/gguf.h"
#include "model/families.h"

namespace sobre {

/// A config as it describes plain weights of a type ("float32", "bfloat16"): nothing of how they were quantised before.
[[nodiscard]] Json plain_config(const Json& config, std::string_view type);

/// config.json of a GGUF's model. Errors: an architecture or a setting that this does not write (then the Hugging Face folder
/// is the one to start from).
[[nodiscard]] Result<Json> hf_config_from_gguf(const GgufFile& file, const CheckpointPlan& plan);

/// The tokenizer's files by name: tokenizer.json, tokenizer_config.json (with the chat template) and special_tokens_map.json.
/// Errors: those of hf_tokenizer_json(vocab).
[[nodiscard]] Result<std::map<std::string, std::string>> hf_tokenizer_from_gguf(const GgufFile& file);

}  // namespace sobre
