// safetensors: single files and sharded checkpoints, mapped and checked as the reference reader does (huggingface/safetensors),
// and a writer. Views point into the mappings; the object is const once open. Reading a header allocates at most 8 times its
// bytes. safetensors_header.cpp checks bytes, safetensors_file.cpp opens files and folders, safetensors_writer.cpp writes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "format/tensor_bytes.h"
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
  /// A folder: model.safetensors, else the shards named by model.safetensors.index.json (plain names only, every entry
  /// checked).
  [[nodiscard]] static Result<SafetensorsFile> open_folder(const std::string& folder);

  [[nodiscard]] const std::vector<TensorView>& tensors() const { return tensors_; }
  [[nodiscard]] const TensorView* find_tensor(std::string_view name) const;
  [[nodiscard]] const std::vector<MappedFile>& mappings() const { return files_; }

 private:
  [[nodiscard]] Result<void> add_file(const std::string& path);
  [[nodiscard]] Result<void> finish(const std::string& where);

  std::vector<MappedFile> files_;
  std::vector<TensorView> tensors_;
  std::vector<uint32_t> order_;  // indices sorted by name, for look-ups
};

/// The type that safetensors calls so ("BF16"; exact spelling); nothing for its types that Sobre does not have.
[[nodiscard]] std::optional<DType> dtype_from_safetensors(std::string_view name);

struct SafetensorsEntry {
  std::string name;
  DType dtype;
  std::vector<int64_t> shape;
};
/// The header (with its length prefix) of a file holding these tensors in this order. Errors: types safetensors has no name
/// for, duplicate or reserved names, text that is not UTF-8, shapes that do not fit.
[[nodiscard]] Result<std::string> safetensors_header(std::span<const SafetensorsEntry> tensors,
                                                     const std::map<std::string, std::string>& metadata);

/// Writes the file whole or not at all; `data(i)` returns (in a Result) the bytes of tensor i, as a span or a contiguous
/// container. Errors: those of safetensors_header, a wrong number of bytes, what writing meets.
template <class Data>
[[nodiscard]] Result<void> write_safetensors(const std::string& path, std::span<const SafetensorsEntry> tensors,
                                             const std::map<std::string, std::string>& metadata, Data&& data) {
  TRY(const std::string head, safetensors_header(tensors, metadata));
  TRY(AtomicFile file, AtomicFile::create(path));
  TRY_VOID(file.write(head));
  for (size_t i = 0; i < tensors.size(); ++i) {
    TRY(const auto bytes, data(i));
    const std::span<const std::byte> view = std::as_bytes(std::span(bytes));
    TRY(const uint64_t size, tensor_bytes(tensors[i].name, tensors[i].dtype, tensors[i].shape));
    if (view.size() != size) return fail("{}: tensor {} has {} bytes, expected {}", path, i, view.size(), size);
    TRY_VOID(file.write(view));
  }
  return file.commit();
}

}  // namespace sobre
