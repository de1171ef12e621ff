// GGUF v2 and v3: a mapped file's metadata and tensor views, and a writer. Reading copies the metadata (at most 8 times the
// header's bytes) and nothing of the tensors. Specification: ggml-org/ggml docs/gguf.md. A GgufFile is const once open.
// gguf_reader.cpp checks bytes, gguf_split.cpp opens files and their further parts, gguf_file.cpp answers questions,
// gguf_vocab.cpp reads the vocabulary, gguf_writer.cpp writes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "format/tensor_bytes.h"
#include "tensor/dtype.h"
#include "text/vocab.h"

namespace sobre {

/// The numbers that GGUF gives its value types.
struct GgufType {
  static constexpr uint32_t kU8 = 0, kI8 = 1, kU16 = 2, kI16 = 3, kU32 = 4, kI32 = 5, kF32 = 6, kBool = 7, kString = 8,
                            kArray = 9, kU64 = 10, kI64 = 11, kF64 = 12;
};

struct GgufArray;
/// A metadata value. Integers of every width are int64 or uint64 (u64 only); f32 and f64 are double.
using GgufValue = std::variant<bool, int64_t, uint64_t, double, std::string, GgufArray>;

/// Arrays keep one vector per element kind; exactly one of them is used. A u64 element above INT64_MAX is refused by the
/// reader.
struct GgufArray {
  std::vector<int64_t> ints;  // every integer type and bool
  std::vector<double> floats;
  std::vector<std::string> strings;
  uint32_t element_type = 0;  // the GGUF type number as stored
  [[nodiscard]] size_t size() const { return ints.size() + floats.size() + strings.size(); }
};

class GgufFile {
 public:
  /// Maps and checks a file. Every count, length, dimension and offset is checked against the file's size before any
  /// allocation. The first part of a split model (NAME-00001-of-00003.gguf) brings the others beside it; their metadata is
  /// dropped but for what tells that they belong together. Errors: those of the bytes, a part that is missing, is not the one
  /// its name says, or was opened before the first.
  [[nodiscard]] static Result<GgufFile> open(const std::string& path);
  /// The same on bytes held by the caller (fuzzing, tests); `name` stands in messages. The bytes must outlive the result. A
  /// part of a split model is read as a file of its own.
  [[nodiscard]] static Result<GgufFile> parse(std::span<const std::byte> bytes, const std::string& name);

  [[nodiscard]] const std::vector<TensorView>& tensors() const { return tensors_; }
  [[nodiscard]] const TensorView* find_tensor(std::string_view name) const;
  [[nodiscard]] const std::vector<std::pair<std::string, GgufValue>>& metadata() const { return metadata_; }
  [[nodiscard]] const GgufValue* find(std::string_view key) const;
  /// The stored type of metadata()[i] as GgufWriter::add takes it: a GgufType; for an array, the type of its elements.
  [[nodiscard]] uint32_t type_of(size_t i) const { return types_[i]; }

  /// Typed reads: nothing when the key is absent; an error naming the key and the value when it has another type or range.
  /// get_double takes integers as well, for some writers store whole numbers so.
  [[nodiscard]] Result<std::optional<std::string>> get_string(std::string_view key) const;
  [[nodiscard]] Result<std::optional<int64_t>> get_int(std::string_view key, int64_t min, int64_t max) const;
  [[nodiscard]] Result<std::optional<double>> get_double(std::string_view key) const;
  [[nodiscard]] Result<std::optional<bool>> get_bool(std::string_view key) const;

  /// The tokenizer.ggml.* keys, checked (token types in range, equal lengths, ids inside the vocabulary); an error when there
  /// are none.
  [[nodiscard]] Result<VocabData> vocab() const;

  [[nodiscard]] const std::string& name() const { return name_; }
  /// The files that tensors() lie in: one for each part, none after parse().
  [[nodiscard]] const std::vector<MappedFile>& mappings() const { return files_; }

 private:
  friend class GgufParser;  // gguf_reader.cpp: fills a GgufFile
  [[nodiscard]] static Result<GgufFile> open_one(const std::string& path);
  [[nodiscard]] Result<void> add_parts(int64_t count);
  [[nodiscard]] Result<void> add_part(const std::string& path, int64_t number, int64_t count);
  [[nodiscard]] Result<void> sort_tensors();  // fills tensor_order_; an error names a tensor that occurs twice

  std::vector<MappedFile> files_;
  std::string name_;
  std::vector<TensorView> tensors_;
  std::vector<std::pair<std::string, GgufValue>> metadata_;
  std::vector<uint32_t> types_;                     // one per metadata entry
  std::vector<uint32_t> tensor_order_, key_order_;  // indices sorted by name, for look-ups
};

/// Writes a GGUF v3 file in one pass: metadata and tensor headers first, then tensor data in the order announced.
class GgufWriter {
 public:
  /// Adds a key, or replaces its value. `type`: a GgufType; for arrays, the type of the elements (element_type is not looked
  /// at).
  void add(std::string key, GgufValue value, uint32_t type);
  void add_string(std::string key, std::string value);
  void add_u32(std::string key, uint32_t value);
  void add_f32(std::string key, float value);
  void add_bool(std::string key, bool value);
  /// Adds all metadata of a file with its types, but for general.alignment, which this writer decides.
  void add_metadata_of(const GgufFile& file);
  /// Shape outermost first, as everywhere in Sobre.
  void add_tensor(std::string name, DType type, std::vector<int64_t> shape);

  /// Calls `data(i)` for each tensor in order; it returns (in a Result) the tensor's bytes, as a span or a contiguous
  /// container. The file appears whole or not at all. Errors: those of header(), a wrong number of bytes, what writing meets.
  template <class Data>
  [[nodiscard]] Result<void> write(const std::string& path, Data&& data);

  struct Tensor {
    std::string name;
    DType type;
    std::vector<int64_t> shape;
  };
  /// Everything before the data section, padded. Errors: a value that does not fit its type, a name that is empty, too long or
  /// used twice, a type GGUF lacks, a shape that does not fit it.
  [[nodiscard]] Result<std::string> header() const;
  [[nodiscard]] const std::vector<Tensor>& tensors() const { return tensors_; }
  static constexpr uint64_t kAlignment = 32;

 private:
  struct Entry {
    std::string key;
    GgufValue value;
    uint32_t type;
  };
  std::vector<Entry> metadata_;
  std::map<std::string, size_t, std::less<>> index_;  // where a key stands in metadata_
  std::vector<Tensor> tensors_;
};

template <class Data>
Result<void> GgufWriter::write(const std::string& path, Data&& data) {
  TRY(const std::string head, header());
  TRY(AtomicFile file, AtomicFile::create(path));
  TRY_VOID(file.write(head));
  for (size_t i = 0; i < tensors_.size(); ++i) {
    TRY(const auto bytes, data(i));
    const std::span<const std::byte> view = std::as_bytes(std::span(bytes));
    TRY(const uint64_t size, tensor_bytes(tensors_[i].name, tensors_[i].type, tensors_[i].shape));
    if (view.size() != size) return fail("{}: tensor {} has {} bytes, expected {}", path, i, view.size(), size);
    TRY_VOID(file.write(view));
    static constexpr std::byte kZeros[kAlignment] = {};
    TRY_VOID(file.write(std::span(kZeros).first((kAlignment - size % kAlignment) % kAlignment)));
  }
  return file.commit();
}

}  // namespace sobre
