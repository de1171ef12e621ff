// Any bytes as JSON; what is taken must be written and read back as an equal value, in every style.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto value = sobre::Json::parse({reinterpret_cast<const char*>(data), size}, {.max_bytes = 1 << 20, .max_depth = 50});
  if (!value) {
    if (value.error().message.find('\n') != std::string::npos || value.error().message.size() > 1000) std::abort();
    return 0;
  }
  for (const sobre::JsonStyle& style :
       {sobre::JsonStyle{}, sobre::JsonStyle{2, ",", ": ", true}, sobre::JsonStyle{-1, ",", ":", false}}) {
    const std::string text = value->dump(style);
    const auto again = sobre::Json::parse(text);
    if (!again || *again != *value || again->dump(style) != text) std::abort();
  }
  return 0;
}
