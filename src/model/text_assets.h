// The text side of a checkpoint: which files of a folder (or keys of a GGUF) give the tokenizer, the chat template, the
// spellings of the special tokens and the ids that end an answer. Called by Checkpoint and by open_tokenizer; no state, any
// thread.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "format/gguf.h"
#include "model/checkpoint.h"

namespace sobre {

/// From a folder; `config` is its config.json or params.json (its eos ids count as ends of an answer).
/// `mistral_layout`: tekken.json and *.model are looked for before tokenizer.json.
[[nodiscard]] Result<TextAssets> folder_text_assets(const std::string& folder, const Json& config, bool mistral_layout);

/// From a GGUF's tokenizer.* and general.sampling.* keys. A file without a vocabulary gives empty assets.
[[nodiscard]] Result<TextAssets> gguf_text_assets(const GgufFile& file);

/// The file of a folder's tokenizer: tokenizer.json, tekken.json or the latest *.model; an empty string when there is none.
[[nodiscard]] std::string tokenizer_file(const std::string& folder, bool mistral_layout);

/// Whether a folder's file of this name belongs to its text side (tokenizer, template, sampling): what is copied to a model
/// that speaks as the folder's does.
[[nodiscard]] bool is_text_file(std::string_view name);

/// The JSON of a file in a folder; a null Json when there is no such file. Errors: damage, more than 64 MiB.
[[nodiscard]] Result<Json> read_folder_json(const std::string& folder, const std::string& name);

}  // namespace sobre
