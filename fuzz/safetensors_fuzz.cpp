// Any bytes as a safetensors file; what is taken must lie inside the bytes, and come back the same from the writer.
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "format/safetensors.h"

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  const auto header = sobre::parse_safetensors(bytes, "f");
  if (!header) {
    check(header.error().message.find('\n') == std::string::npos && header.error().message.size() < 1000);
    return 0;
  }
  std::vector<sobre::SafetensorsEntry> entries;
  size_t total = 0;
  for (const auto& t : header->tensors) {
    check(t.data.data() >= bytes.data() && t.data.data() + t.data.size() <= bytes.data() + size);
    check(t.data.size() == *sobre::dtype_bytes(t.dtype, static_cast<uint64_t>(t.elements())));
    total += t.data.size();
    entries.push_back({t.name, t.dtype, t.shape});
  }
  auto copy = sobre::safetensors_header(entries, header->metadata);
  check(copy.has_value());
  copy->resize(copy->size() + total);
  const auto again = sobre::parse_safetensors(std::as_bytes(std::span(*copy)), "copy");
  check(again.has_value() && again->metadata == header->metadata && again->tensors.size() == entries.size());
  return 0;
}
