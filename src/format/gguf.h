// GGUF v2 and v3: a mapped file's metadata and tensor views, and a writer. Reading copies the metadata (bounded by the header's
// size) and nothing of the tensors. Specification: ggml-org/ggml docs/gguf.md. A GgufFile is const once open.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "tensor/dtype.h"
#include "text/vocab.h"

namespace sobre {

struct GgufArray;
/// A metadata value. Integers of every width are int64 or uint64 (u64 only); f32 and f64 are double.
using GgufValue = std::variant<bool, int64_t, uint64_t, double, std::string, GgufArray>;

/// Arrays keep one vector per element kind; exactly one of them is used.
struct GgufArray {
  std::vector<int64_t> ints;     // every integer type and bool
  std::vector<double> floats;
  std::vector<std::string> strings;
  uint32_t element_type = 0;     // the GGUF type number as stored
  [[nodiscard]] size_t size() const { return ints.size() + floats.size() + strings.size(); }
};

class GgufFile {
 public:
  /// Maps and checks a file. Every count, length, dimension and offset is checked against the file's size before any allocation.
  [[nodiscard]] static Result<GgufFile> open(const std::string& path);
  /// The same on bytes held by the caller (fuzzing, tests); `name` stands in messages. The bytes must outlive the result.
  [[nodiscard]] static Result<GgufFile> parse(std::span<const std::byte> bytes, const std::string& name);

  [[nodiscard]] const std::vector<TensorView>& tensors() const { return tensors_; }
  [[nodiscard]] const TensorView* find_tensor(std::string_view name) const;
  [[nodiscard]] const std::vector<std::pair<std::string, GgufValue>>& metadata() const { return metadata_; }
  [[nodiscard]] const GgufValue* find(std::string_view key) const;

  /// Typed reads: nothing when the key is absent; an error naming the key and the value when it has another type or range.
  [[nodiscard]] Result<std::optional<std::string>> get_string(std::string_view key) const;
  [[nodiscard]] Result<std::optional<int64_t>> get_int(std::string_view key, int64_t min, int64_t max) const;
  [[nodiscard]] Result<std::optional<double>> get_double(std::string_view key) const;
  [[nodiscard]] Result<std::optional<bool>> get_bool(std::string_view key) const;

  /// The tokenizer.ggml.* keys, checked (token types in range, equal lengths, ids inside the vocabulary); an error when there are none.
  [[nodiscard]] Result<VocabData> vocab() const;

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const MappedFile* mapping() const { return file_ ? &*file_ : nullptr; }

 private:
  std::optional<MappedFile> file_;
  std::string name_;
  std::vector<TensorView> tensors_;
  std::map<std::string, size_t, std::less<>> tensor_index_, key_index_;
  std::vector<std::pair<std::string, GgufValue>> metadata_;
};

/// Writes a GGUF v3 file in one pass: metadata and tensor headers first, then tensor data in the order announced.
class GgufWriter {
 public:
  void add(std::string key, GgufValue value, uint32_t type);  // type: GGUF value type number (for arrays, the element type)
  void add_string(std::string key, std::string value);
  void add_u32(std::string key, uint32_t value);
  void add_f32(std::string key, float value);
  void add_bool(std::string key, bool value);
  /// Shape outermost first, as everywhere in Sobre.
  void add_tensor(std::string name, DType type, std::vector<int64_t> shape);

  /// Calls `data(i)` for each tensor in order; it returns exactly the tensor's bytes. The file appears whole or not at all.
  template <class Data>
  [[nodiscard]] Result<void> write(const std::string& path, Data&& data);

  struct Tensor {
    std::string name;
    DType type;
    std::vector<int64_t> shape;
  };
  [[nodiscard]] Result<std::string> header() const;  // everything before the data section, padded
  [[nodiscard]] const std::vector<Tensor>& tensors() const { return tensors_; }
  static constexpr uint64_t kAlignment = 32;

 private:
  struct Entry {
    std::string key;
    GgufValue value;
    uint32_t type;
  };
  std::vector<Entry> metadata_;
  std::vector<Tensor> tensors_;
};

template <class Data>
Result<void> GgufWriter::write(const std::string& path, Data&& data) {
  TRY(AtomicFile file, AtomicFile::create(path));
  TRY(const std::string head, header());
  TRY_VOID(file.write(head));
  for (size_t i = 0; i < tensors_.size(); ++i) {
    TRY(const auto bytes, data(i));
    TRY_VOID(file.write(std::as_bytes(std::span(bytes))));
    static constexpr std::byte kZeros[kAlignment] = {};
    const uint64_t size = std::as_bytes(std::span(bytes)).size();
    TRY_VOID(file.write(std::span(kZeros).first((kAlignment - size % kAlignment) % kAlignment)));
  }
  return file.commit();
}

}  // namespace sobre
