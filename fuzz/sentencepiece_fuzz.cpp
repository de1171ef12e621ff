// Any bytes as a SentencePiece model; what loads must encode and decode.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "text/tokenizer.h"
#include "text/unicode.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto t = sobre::Tokenizer::from_sentencepiece({reinterpret_cast<const char*>(data), size});
  if (!t) return 0;
  for (const std::string_view text : {"Hello  world's 123 <s> \xC3\xA9\xE2\x96\x81\n", "\xFF\xE4\xBD\xA0", ""}) {
    const auto ids = t->encode(text, {.add_special = true});
    for (const int32_t id : ids) {
      if (id < 0 || id >= t->vocab_size()) std::abort();
    }
    if (!sobre::is_valid_utf8(t->decode(ids))) std::abort();
  }
  return 0;
}
