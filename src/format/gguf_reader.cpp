// From bytes to a GgufFile, in two passes over the header. The first walks it and proves that every count and length fits the
// file, allocating nothing; the second copies what the first has proved.
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <type_traits>

#include "base/checked.h"
#include "format/gguf.h"
#include "format/names.h"

namespace sobre {
namespace {

constexpr uint32_t kMagic = 0x46554747;       // "GGUF"
constexpr uint64_t kMaxKeys = 65'536;         // real files have fewer than a hundred
constexpr uint64_t kMaxTensors = 65'536;      // and a few thousand of these
constexpr uint64_t kMaxKeyBytes = 65'535;     // the specification's limit
constexpr uint64_t kMaxTensorNameBytes = 64;  // likewise
constexpr uint32_t kMaxDims = 4;
constexpr int64_t kMaxAlignment = 1 << 20;
constexpr int64_t kDefaultAlignment = 32;
constexpr uint64_t kSmallestEntry = 8 + 1 + 4 + 1;       // key of one byte, type, value of one byte
constexpr uint64_t kSmallestTensor = 8 + 1 + 4 + 4 + 8;  // name of one byte, no dimensions, type, offset

/// Bytes of a value of a fixed size; 0 for strings, arrays and numbers that are no type.
uint64_t scalar_bytes(uint32_t type) {
  static constexpr std::array<uint8_t, 13> kBytes = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
  return type < kBytes.size() ? kBytes[type] : 0;
}

/// What is being read, for messages: put together only when one is needed.
struct Subject {
  std::string_view what;
  std::string_view name = {};
  [[nodiscard]] std::string text() const {
    return name.empty() ? std::string(what) : fmt::format("{} {}", what, in_quotes(name));
  }
};

/// Reads little-endian values one after the other; never past the end.
class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  [[nodiscard]] uint64_t position() const { return at_; }
  [[nodiscard]] uint64_t remaining() const { return bytes_.size() - at_; }

  Result<void> skip(uint64_t n, const Subject& subject) {
    if (n > remaining()) {
      return fail("{} at byte {} needs {} bytes, but {} remain; the file is damaged or cut off", subject.text(), at_, n,
                  remaining());
    }
    at_ += n;
    return {};
  }

  Result<std::span<const std::byte>> take(uint64_t n, const Subject& subject) {
    const uint64_t from = at_;
    TRY_VOID(skip(n, subject));
    return bytes_.subspan(from, n);
  }

  template <class T>
  Result<T> read(const Subject& subject) {
    static_assert(std::is_arithmetic_v<T> && std::endian::native == std::endian::little);
    TRY(const std::span<const std::byte> source, take(sizeof(T), subject));
    T value;
    std::memcpy(&value, source.data(), sizeof(T));
    return value;
  }

  Result<std::string_view> read_string(const Subject& subject) {
    TRY(const uint64_t length, read<uint64_t>(subject));
    TRY(const std::span<const std::byte> text, take(length, subject));
    return std::string_view(reinterpret_cast<const char*>(text.data()), length);
  }

 private:
  std::span<const std::byte> bytes_;
  uint64_t at_ = 0;
};

Result<std::string_view> read_key(ByteReader& reader) {
  TRY(const std::string_view key, reader.read_string({"a metadata key"}));
  if (key.empty()) return fail("the metadata key that ends at byte {} is empty", reader.position());
  if (key.size() > kMaxKeyBytes)
    return fail("the metadata key {} has {} bytes, the limit is {}", in_quotes(key), key.size(), kMaxKeyBytes);
  return key;
}

Result<std::string_view> read_tensor_name(ByteReader& reader) {
  TRY(const std::string_view name, reader.read_string({"a tensor's name"}));
  if (name.empty()) return fail("the tensor name that ends at byte {} is empty", reader.position());
  if (name.size() > kMaxTensorNameBytes) {
    return fail("the tensor name {} has {} bytes, the limit is {}", in_quotes(name), name.size(), kMaxTensorNameBytes);
  }
  return name;
}

// ---- First pass ----------------------------------------------------------------------------------------------------------

Result<void> skim_array(ByteReader& reader, const Subject& subject) {
  TRY(const uint32_t type, reader.read<uint32_t>(subject));
  TRY(const uint64_t count, reader.read<uint64_t>(subject));
  if (type == GgufType::kArray) return fail("{} is an array of arrays, which is not supported", subject.text());
  const uint64_t element_bytes = type == GgufType::kString ? sizeof(uint64_t) : scalar_bytes(type);
  if (element_bytes == 0) return fail("{} is an array of type {}, which GGUF does not have", subject.text(), type);
  if (count > reader.remaining() / element_bytes) {
    return fail("{} claims {} elements, but {} bytes remain; the file is damaged or cut off", subject.text(), count,
                reader.remaining());
  }
  if (type != GgufType::kString) return reader.skip(count * element_bytes, subject);
  for (uint64_t i = 0; i < count; ++i) TRY_VOID(reader.read_string(subject));
  return {};
}

Result<void> skim_entry(ByteReader& reader) {
  TRY(const std::string_view key, read_key(reader));
  const Subject subject{"the value of", key};
  TRY(const uint32_t type, reader.read<uint32_t>(subject));
  if (type == GgufType::kArray) return skim_array(reader, subject);
  if (type == GgufType::kString) {
    TRY_VOID(reader.read_string(subject));
    return {};
  }
  if (scalar_bytes(type) == 0) return fail("{} has type {}, which GGUF does not have", subject.text(), type);
  return reader.skip(scalar_bytes(type), subject);
}

Result<void> skim_tensor(ByteReader& reader) {
  TRY(const std::string_view name, read_tensor_name(reader));
  const Subject subject{"tensor", name};
  TRY(const uint32_t dims, reader.read<uint32_t>(subject));
  if (dims > kMaxDims) return fail("{} has {} dimensions, the limit is {}", subject.text(), dims, kMaxDims);
  return reader.skip(dims * sizeof(uint64_t) + sizeof(uint32_t) + sizeof(uint64_t), subject);
}

struct Counts {
  uint64_t tensors = 0, keys = 0;
};

Result<Counts> read_preamble(ByteReader& reader) {
  TRY(const uint32_t magic, reader.read<uint32_t>({"the magic number"}));
  if (magic != kMagic) return fail("no GGUF file: it begins with bytes {:08x}, not \"GGUF\"", std::byteswap(magic));
  TRY(const uint32_t version, reader.read<uint32_t>({"the version"}));
  if (version != 0 && (version & 0xffff) == 0) {
    return fail("a big-endian GGUF file (version bytes {:08x}), which is not supported; convert it to little-endian",
                std::byteswap(version));
  }
  if (version == 1)
    return fail("GGUF version 1 is obsolete and not supported; convert the original model again (versions 2 and 3 are read)");
  if (version != 2 && version != 3) return fail("GGUF version {} is not supported; versions 2 and 3 are read", version);
  Counts counts;
  TRY(counts.tensors, reader.read<uint64_t>({"the number of tensors"}));
  TRY(counts.keys, reader.read<uint64_t>({"the number of metadata keys"}));
  const uint64_t room = reader.remaining();
  if (counts.tensors > room / kSmallestTensor) {
    return fail("the header claims {} tensors, but {} bytes remain; the file is damaged or cut off", counts.tensors, room);
  }
  if (counts.keys > room / kSmallestEntry) {
    return fail("the header claims {} metadata keys, but {} bytes remain; the file is damaged or cut off", counts.keys, room);
  }
  if (counts.tensors > kMaxTensors) return fail("{} tensors, the limit is {}", counts.tensors, kMaxTensors);
  if (counts.keys > kMaxKeys) return fail("{} metadata keys, the limit is {}", counts.keys, kMaxKeys);
  return counts;
}

// ---- Second pass ---------------------------------------------------------------------------------------------------------

Result<bool> read_bool(ByteReader& reader, const Subject& subject) {
  TRY(const uint8_t byte, reader.read<uint8_t>(subject));
  if (byte > 1) return fail("{} is a bool stored as {}, expected 0 or 1", subject.text(), byte);
  return byte == 1;
}

template <class T>
Result<GgufValue> read_number(ByteReader& reader, const Subject& subject) {
  TRY(const T value, reader.read<T>(subject));
  if constexpr (std::is_floating_point_v<T>)
    return GgufValue(static_cast<double>(value));
  else if constexpr (std::is_same_v<T, uint64_t>)
    return GgufValue(value);
  else
    return GgufValue(static_cast<int64_t>(value));
}

template <class T>
Result<void> read_numbers(ByteReader& reader, const Subject& subject, uint64_t count, GgufArray& array) {
  TRY(const std::span<const std::byte> bytes, reader.take(count * sizeof(T), subject));  // the first pass has seen them all
  if constexpr (std::is_floating_point_v<T>)
    array.floats.resize(count);
  else
    array.ints.resize(count);
  for (uint64_t i = 0; i < count; ++i) {
    T value;
    std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
    if constexpr (std::is_floating_point_v<T>) {
      array.floats[i] = static_cast<double>(value);
    } else {
      if constexpr (std::is_same_v<T, uint64_t>) {
        if (value > static_cast<uint64_t>(INT64_MAX))
          return fail("{}: element {} is {}, the limit is {}", subject.text(), i, value, INT64_MAX);
      }
      array.ints[i] = static_cast<int64_t>(value);
    }
  }
  return {};
}

Result<void> read_bools(ByteReader& reader, const Subject& subject, uint64_t count, GgufArray& array) {
  TRY_VOID(read_numbers<uint8_t>(reader, subject, count, array));
  const auto wrong = std::find_if(array.ints.begin(), array.ints.end(), [](int64_t i) { return i > 1; });
  if (wrong != array.ints.end()) return fail("{} is a bool stored as {}, expected 0 or 1", subject.text(), *wrong);
  return {};
}

Result<void> read_strings(ByteReader& reader, const Subject& subject, uint64_t count, GgufArray& array) {
  array.strings.reserve(count);
  for (uint64_t i = 0; i < count; ++i) {
    TRY(const std::string_view text, reader.read_string(subject));
    array.strings.emplace_back(text);
  }
  return {};
}

Result<void> read_elements(ByteReader& reader, const Subject& subject, uint64_t count, GgufArray& array) {
  switch (array.element_type) {
    case GgufType::kU8:
      return read_numbers<uint8_t>(reader, subject, count, array);
    case GgufType::kI8:
      return read_numbers<int8_t>(reader, subject, count, array);
    case GgufType::kU16:
      return read_numbers<uint16_t>(reader, subject, count, array);
    case GgufType::kI16:
      return read_numbers<int16_t>(reader, subject, count, array);
    case GgufType::kU32:
      return read_numbers<uint32_t>(reader, subject, count, array);
    case GgufType::kI32:
      return read_numbers<int32_t>(reader, subject, count, array);
    case GgufType::kU64:
      return read_numbers<uint64_t>(reader, subject, count, array);
    case GgufType::kI64:
      return read_numbers<int64_t>(reader, subject, count, array);
    case GgufType::kF32:
      return read_numbers<float>(reader, subject, count, array);
    case GgufType::kF64:
      return read_numbers<double>(reader, subject, count, array);
    case GgufType::kBool:
      return read_bools(reader, subject, count, array);
    default:
      return read_strings(reader, subject, count, array);  // the first pass let no other type through
  }
}

Result<GgufValue> read_value(ByteReader& reader, const Subject& subject, uint32_t type) {
  switch (type) {
    case GgufType::kU8:
      return read_number<uint8_t>(reader, subject);
    case GgufType::kI8:
      return read_number<int8_t>(reader, subject);
    case GgufType::kU16:
      return read_number<uint16_t>(reader, subject);
    case GgufType::kI16:
      return read_number<int16_t>(reader, subject);
    case GgufType::kU32:
      return read_number<uint32_t>(reader, subject);
    case GgufType::kI32:
      return read_number<int32_t>(reader, subject);
    case GgufType::kU64:
      return read_number<uint64_t>(reader, subject);
    case GgufType::kI64:
      return read_number<int64_t>(reader, subject);
    case GgufType::kF32:
      return read_number<float>(reader, subject);
    case GgufType::kF64:
      return read_number<double>(reader, subject);
    case GgufType::kBool:
      return read_bool(reader, subject);
    case GgufType::kString: {
      TRY(const std::string_view text, reader.read_string(subject));
      return GgufValue(std::string(text));
    }
    default: {
      GgufArray array;
      TRY(array.element_type, reader.read<uint32_t>(subject));
      TRY(const uint64_t count, reader.read<uint64_t>(subject));
      TRY_VOID(read_elements(reader, subject, count, array));
      return GgufValue(std::move(array));
    }
  }
}

/// The dimensions of a tensor, which the file stores innermost first.
Result<std::vector<int64_t>> read_shape(ByteReader& reader, const Subject& subject) {
  TRY(const uint32_t dims, reader.read<uint32_t>(subject));
  std::vector<int64_t> shape(dims);
  for (uint32_t i = 0; i < dims; ++i) {
    TRY(const uint64_t dim, reader.read<uint64_t>(subject));
    if (dim == 0 || dim > static_cast<uint64_t>(INT64_MAX)) {
      return fail("{}: dimension {} is {}, expected 1 to {}", subject.text(), i, dim, INT64_MAX);
    }
    shape[dims - 1 - i] = static_cast<int64_t>(dim);
  }
  return shape;
}

}  // namespace

class GgufParser {
 public:
  GgufParser(std::span<const std::byte> bytes, GgufFile& file) : bytes_(bytes), file_(file) {}

  Result<void> run() {
    ByteReader skimmer(bytes_), reader(bytes_);
    TRY(const Counts counts, read_preamble(skimmer));
    TRY_VOID(read_preamble(reader));
    for (uint64_t i = 0; i < counts.keys; ++i) TRY_VOID(skim_entry(skimmer));
    for (uint64_t i = 0; i < counts.tensors; ++i) TRY_VOID(skim_tensor(skimmer));
    TRY_VOID(read_metadata(reader, counts.keys));
    return read_tensors(reader, counts.tensors, skimmer.position());
  }

 private:
  Result<void> read_metadata(ByteReader& reader, uint64_t count) {
    file_.metadata_.reserve(count);
    file_.types_.reserve(count);
    for (uint64_t i = 0; i < count; ++i) {
      TRY(const std::string_view key, read_key(reader));
      const Subject subject{"the value of", key};
      TRY(const uint32_t type, reader.read<uint32_t>(subject));
      TRY(GgufValue value, read_value(reader, subject, type));
      const GgufArray* array = std::get_if<GgufArray>(&value);
      file_.types_.push_back(array != nullptr ? array->element_type : type);
      file_.metadata_.emplace_back(std::string(key), std::move(value));
    }
    const auto key_of = [](const auto& entry) -> std::string_view { return entry.first; };
    file_.key_order_ = order_by_name(file_.metadata_, key_of);
    if (const auto twice = find_repeated(file_.metadata_, file_.key_order_, key_of)) {
      return fail("the metadata key {} occurs twice", in_quotes(file_.metadata_[*twice].first));
    }
    return {};
  }

  Result<void> read_tensors(ByteReader& reader, uint64_t count, uint64_t header_end) {
    TRY(const auto stored_alignment, file_.get_int("general.alignment", 1, kMaxAlignment));
    const int64_t alignment = stored_alignment.value_or(kDefaultAlignment);
    if (!std::has_single_bit(static_cast<uint64_t>(alignment)))
      return fail("general.alignment is {}, expected a power of two", alignment);
    alignment_ = static_cast<uint64_t>(alignment);
    const uint64_t data_start = aligned(header_end);
    if (data_start > bytes_.size()) {
      if (count == 0) return {};  // a vocabulary alone; some such files end without padding
      return fail("the tensor data should start at byte {}, but the file ends at {}", data_start, bytes_.size());
    }
    data_ = bytes_.subspan(data_start);
    file_.tensors_.reserve(count);
    for (uint64_t i = 0; i < count; ++i) {
      TRY(TensorView tensor, read_tensor(reader));
      file_.tensors_.push_back(std::move(tensor));
    }
    TRY_VOID(file_.sort_tensors());
    // Whoever counts fewer tensors than there are would read their headers as data.
    if (data_.size() > next_offset_) {
      return fail("{} bytes follow the last tensor; the file is damaged", data_.size() - next_offset_);
    }
    return {};
  }

  Result<TensorView> read_tensor(ByteReader& reader) {
    TRY(const std::string_view name, read_tensor_name(reader));
    const Subject subject{"tensor", name};
    TensorView tensor;
    tensor.name = name;
    TRY(tensor.shape, read_shape(reader, subject));
    TRY(const uint32_t type, reader.read<uint32_t>(subject));
    TRY(const uint64_t offset, reader.read<uint64_t>(subject));
    const auto dtype = dtype_from_ggml_id(type);
    if (!dtype)
      return fail("{} has type {}, which is not supported; supported are {}", subject.text(), ggml_type_name(type),
                  supported_weight_types());
    tensor.dtype = *dtype;
    TRY(const uint64_t size, tensor_bytes(name, *dtype, tensor.shape));
    if (offset != next_offset_) {
      return fail("{} starts at offset {} of the tensor data, expected {}: tensors must follow each other without gaps",
                  subject.text(), offset, next_offset_);
    }
    if (offset > data_.size() || size > data_.size() - offset) {
      return fail("{} needs {} bytes at offset {} of the tensor data, which has {}; the file is cut off", subject.text(), size,
                  offset, data_.size());
    }
    tensor.data = data_.subspan(offset, size);
    next_offset_ = aligned(offset + size);
    return tensor;
  }

  /// Sums of sizes within a file, so the addition cannot overflow.
  [[nodiscard]] uint64_t aligned(uint64_t n) const { return (n + alignment_ - 1) / alignment_ * alignment_; }

  std::span<const std::byte> bytes_, data_;
  GgufFile& file_;
  uint64_t alignment_ = 1, next_offset_ = 0;
};

Result<GgufFile> GgufFile::parse(std::span<const std::byte> bytes, const std::string& name) {
  GgufFile file;
  file.name_ = name;
  if (auto parsed = GgufParser(bytes, file).run(); !parsed) return fail_in(name, parsed.error());
  return file;
}

}  // namespace sobre
