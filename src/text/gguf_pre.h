// The pre-tokenizers that GGUF files name in tokenizer.ggml.pre. Read by gguf_vocab.cpp alone, while loading.
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace sobre {

struct GgufPre {
  std::array<std::string_view, 4> patterns;  // one after the other on the pieces of the one before; empty ones do not count
  bool whole_words = false;                  // ignore_merges
  bool add_bos = false;                      // where the file does not say
  bool nfc = false;                          // the tokenizer that the file was made from normalises, llama.cpp does not
};

/// The entry of a name, or null when it is not supported.
[[nodiscard]] const GgufPre* find_gguf_pre(std::string_view name);
/// All names, for messages.
[[nodiscard]] std::string gguf_pre_names();

}  // namespace sobre
