// Any bytes as a GGUF file; what is taken must be readable to the last byte and come back the same from the writer.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "format/gguf.h"

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

std::string copy_of(const sobre::GgufFile& file) {
  sobre::GgufWriter writer;
  writer.add_metadata_of(file);
  for (const auto& t : file.tensors()) writer.add_tensor(t.name, t.dtype, t.shape);
  const auto header = writer.header();
  if (!header) return {};  // a name of 64 bytes is read, but not written
  std::string bytes = *header;
  for (const auto& t : file.tensors()) {
    bytes.append(reinterpret_cast<const char*>(t.data.data()), t.data.size());
    bytes.resize((bytes.size() + sobre::GgufWriter::kAlignment - 1) / sobre::GgufWriter::kAlignment *
                 sobre::GgufWriter::kAlignment);
  }
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  const auto file = sobre::GgufFile::parse(bytes, "f");
  if (!file) {
    check(file.error().message.find('\n') == std::string::npos && file.error().message.size() < 1000);
    return 0;
  }
  for (const auto& t : file->tensors()) {
    check(t.data.size() == *sobre::dtype_bytes(t.dtype, static_cast<uint64_t>(t.elements())));
    check(t.data.data() >= bytes.data() && t.data.data() + t.data.size() <= bytes.data() + size);
    check(file->find_tensor(t.name) == &t);
  }
  for (const auto& entry : file->metadata()) check(file->find(entry.first) == &entry.second);
  (void)file->vocab();
  const std::string first = copy_of(*file);
  if (first.empty()) return 0;
  const auto again = sobre::GgufFile::parse(std::as_bytes(std::span(first)), "copy");
  check(again.has_value() && copy_of(*again) == first);
  return 0;
}
