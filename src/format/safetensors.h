// safetensors: single files and sharded checkpoints, mapped and checked as the reference reader does (huggingface/safetensors),
// and a writer. Views point into the mappings; the object is const once open.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "tensor/dtype.h"

namespace sobre {

/// One file's header, parsed and checked: every rule of the reference reader (formats.md 1.3), sizes checked before allocation.
struct SafetensorsHeader {
  std::vector<TensorView> tensors;  // in the order of their offsets; data views into the bytes given
  std::map<std::string, std::string> metadata;
};
/// `name` stands in messages; the bytes must outlive the result.
[[nodiscard]] Result<SafetensorsHeader> parse_safetensors(std::span<const std::byte> bytes, const std::string& name);

/// A checkpoint of one or more safetensors files.
class SafetensorsFile {
 public:
  /// One .safetensors file.
  [[nodiscard]] static Result<SafetensorsFile> open(const std::string& path);
  /// A folder: model.safetensors, else the shards named by model.safetensors.index.json (plain names only, every entry checked).
  [[nodiscard]] static Result<SafetensorsFile> open_folder(const std::string& folder);

  [[nodiscard]] const std::vector<TensorView>& tensors() const { return tensors_; }
  [[nodiscard]] const TensorView* find_tensor(std::string_view name) const;
  [[nodiscard]] const std::vector<MappedFile>& mappings() const { return files_; }

 private:
  std::vector<MappedFile> files_;
  std::vector<TensorView> tensors_;
  std::map<std::string, size_t, std::less<>> index_;
};

struct SafetensorsEntry {
  std::string name;
  DType dtype;
  std::vector<int64_t> shape;
};
/// The header (with its length prefix) of a file holding these tensors in this order. Errors: types safetensors has no name for,
/// duplicate names.
[[nodiscard]] Result<std::string> safetensors_header(std::span<const SafetensorsEntry> tensors,
                                                     const std::map<std::string, std::string>& metadata);

/// Writes the file whole or not at all; `data(i)` returns the bytes of tensor i (a span or a contiguous container).
template <class Data>
[[nodiscard]] Result<void> write_safetensors(const std::string& path, std::span<const SafetensorsEntry> tensors,
                                             const std::map<std::string, std::string>& metadata, Data&& data) {
  TRY(AtomicFile file, AtomicFile::create(path));
  TRY(const std::string head, safetensors_header(tensors, metadata));
  TRY_VOID(file.write(head));
  for (size_t i = 0; i < tensors.size(); ++i) {
    TRY(const auto bytes, data(i));
    TRY_VOID(file.write(std::as_bytes(std::span(bytes))));
  }
  return file.commit();
}

}  // namespace sobre
