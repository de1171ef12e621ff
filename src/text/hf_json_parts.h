// The components of a Hugging Face tokenizer.json that are lists of steps: normalizer, pre-tokenizer, decoder, post-processor.
// Used by hf_json_tokenizer.cpp alone, while loading. Errors name the component and its type.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "text/tokenizer_impl.h"

namespace sobre::hf {

/// A member of an object, or null when absent or JSON null.
[[nodiscard]] const Json* member(const Json& object, std::string_view key);
/// Typed members; `fallback` when absent or null; errors name `where` and the key.
[[nodiscard]] Result<bool> bool_member(const Json& object, std::string_view where, std::string_view key, bool fallback);
[[nodiscard]] Result<std::string> string_member(const Json& object, std::string_view where, std::string_view key,
                                                std::string_view fallback);
[[nodiscard]] Result<std::string> type_of(const Json& component, std::string_view where);

/// Base64 with the usual alphabet; padding is optional.
[[nodiscard]] Result<std::string> decode_base64(std::string_view text);

[[nodiscard]] Result<ReplaceStep> read_replace(const Json& component, std::string_view where);
[[nodiscard]] Result<MetaspaceStep> read_metaspace(const Json& component, std::string_view where);
/// The components in order, with Sequences (whose lists are members `list_key`) flattened.
[[nodiscard]] Result<std::vector<const Json*>> components(const Json* json, std::string_view where, std::string_view list_key);

/// `json` may be null everywhere below: no such component.
[[nodiscard]] Result<Normalizer> read_normalizer(const Json* json);

struct PreTokenizerPlan {
  PreTokenizer steps;
  bool byte_level = false;    // has a ByteLevel component
  bool bytes_at_end = false;  // its alphabet is the last step, left out of `steps`: the model may work on bytes instead
};
[[nodiscard]] Result<PreTokenizerPlan> read_pre_tokenizer(const Json* json);

/// Fills pieces, byte_token and decode of `impl` from its table and its respelled tokens.
[[nodiscard]] Result<void> read_decoder(const Json* json, Tokenizer::Impl& impl);

/// Fills prefix and suffix of `impl`: what is put around a single text.
[[nodiscard]] Result<void> read_post_processor(const Json* json, Tokenizer::Impl& impl);

}  // namespace sobre::hf
