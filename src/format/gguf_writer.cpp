#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "base/checked.h"
#include "format/gguf.h"
#include "format/names.h"

namespace sobre {
namespace {

constexpr uint32_t kVersion = 3;
constexpr size_t kMaxTensorNameBytes = 63;  // the specification says 64, llama.cpp reads 63
constexpr size_t kMaxKeyBytes = 65'535;
constexpr size_t kMaxDims = 4;

template <class T>
void put(T value, std::string& out) {
  static_assert(std::endian::native == std::endian::little);
  out.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

void put_string(std::string_view s, std::string& out) {
  put(static_cast<uint64_t>(s.size()), out);
  out += s;
}

template <class T, class V>
bool put_as(V value, std::string& out) {
  if constexpr (std::is_integral_v<T>) {
    if (!std::in_range<T>(value)) return false;
  } else if constexpr (std::is_same_v<T, float>) {
    // A double that is no f32 would come back as another number, and converting one beyond its range is undefined.
    constexpr double kLargest = std::numeric_limits<float>::max();
    if (std::isfinite(value) && (value > kLargest || value < -kLargest)) return false;
  }
  put(static_cast<T>(value), out);
  return true;
}

bool put_integer(auto value, uint32_t type, std::string& out) {
  switch (type) {
    case GgufType::kU8:
      return put_as<uint8_t>(value, out);
    case GgufType::kI8:
      return put_as<int8_t>(value, out);
    case GgufType::kU16:
      return put_as<uint16_t>(value, out);
    case GgufType::kI16:
      return put_as<int16_t>(value, out);
    case GgufType::kU32:
      return put_as<uint32_t>(value, out);
    case GgufType::kI32:
      return put_as<int32_t>(value, out);
    case GgufType::kU64:
      return put_as<uint64_t>(value, out);
    case GgufType::kI64:
      return put_as<int64_t>(value, out);
    default:
      return false;
  }
}

bool put_float(double value, uint32_t type, std::string& out) {
  if (type == GgufType::kF32) return put_as<float>(value, out);
  return type == GgufType::kF64 && put_as<double>(value, out);
}

bool put_bool(int64_t value, std::string& out) { return (value == 0 || value == 1) && put_as<uint8_t>(value, out); }

bool put_array(const GgufArray& array, uint32_t type, std::string& out) {
  // One vector holds the elements: the one that the type asks for.
  const bool strings = type == GgufType::kString, floats = type == GgufType::kF32 || type == GgufType::kF64;
  const size_t n = strings ? array.strings.size() : floats ? array.floats.size() : array.ints.size();
  if (n != array.size()) return false;
  put(GgufType::kArray, out);
  put(type, out);
  put(static_cast<uint64_t>(n), out);
  if (strings) {
    for (const std::string& s : array.strings) put_string(s, out);
    return true;
  }
  if (floats) return std::all_of(array.floats.begin(), array.floats.end(), [&](double d) { return put_float(d, type, out); });
  if (type == GgufType::kBool)
    return std::all_of(array.ints.begin(), array.ints.end(), [&](int64_t i) { return put_bool(i, out); });
  if (type > GgufType::kF64 || type == GgufType::kArray) return false;
  return std::all_of(array.ints.begin(), array.ints.end(), [&](int64_t i) { return put_integer(i, type, out); });
}

/// The type's number and the value; false when the value does not fit it.
bool put_value(const GgufValue& value, uint32_t type, std::string& out) {
  if (const GgufArray* array = std::get_if<GgufArray>(&value)) return put_array(*array, type, out);
  put(type, out);
  if (const bool* b = std::get_if<bool>(&value)) return type == GgufType::kBool && put_bool(*b ? 1 : 0, out);
  if (const int64_t* i = std::get_if<int64_t>(&value)) return put_integer(*i, type, out);
  if (const uint64_t* u = std::get_if<uint64_t>(&value)) return put_integer(*u, type, out);
  if (const double* d = std::get_if<double>(&value)) return put_float(*d, type, out);
  if (type != GgufType::kString) return false;
  put_string(std::get<std::string>(value), out);
  return true;
}

Result<void> check_name(std::string_view what, const std::string& name, size_t max_bytes) {
  if (name.empty()) return fail("a {} is empty", what);
  if (name.size() > max_bytes)
    return fail("the {} {} has {} bytes, the limit is {}", what, in_quotes(name), name.size(), max_bytes);
  return {};
}

Result<void> put_tensor(const GgufWriter::Tensor& tensor, uint64_t& offset, std::string& out) {
  TRY_VOID(check_name("tensor name", tensor.name, kMaxTensorNameBytes));
  const int ggml_id = dtype_info(tensor.type).ggml_id;
  if (ggml_id < 0) return fail("tensor {}: GGUF has no type {}", in_quotes(tensor.name), dtype_info(tensor.type).name);
  if (tensor.shape.size() > kMaxDims) {
    return fail("tensor {} has {} dimensions, the limit is {}", in_quotes(tensor.name), tensor.shape.size(), kMaxDims);
  }
  if (std::find(tensor.shape.begin(), tensor.shape.end(), 0) != tensor.shape.end()) {
    return fail("tensor {} of shape {} has no elements", in_quotes(tensor.name), shape_text(tensor.shape));
  }
  TRY(const uint64_t size, tensor_bytes(tensor.name, tensor.type, tensor.shape));
  put_string(tensor.name, out);
  put(static_cast<uint32_t>(tensor.shape.size()), out);
  for (size_t i = tensor.shape.size(); i-- > 0;) put(static_cast<uint64_t>(tensor.shape[i]), out);
  put(static_cast<uint32_t>(ggml_id), out);
  put(offset, out);
  const auto end = checked_add(offset, size);
  const auto padded_end = end ? checked_add(*end, GgufWriter::kAlignment - 1) : std::nullopt;
  if (!padded_end) return fail("tensor {}: the tensors together have more bytes than 64 bits count", in_quotes(tensor.name));
  offset = *padded_end / GgufWriter::kAlignment * GgufWriter::kAlignment;
  return {};
}

}  // namespace

void GgufWriter::add(std::string key, GgufValue value, uint32_t type) {
  const auto [at, is_new] = index_.try_emplace(key, metadata_.size());
  if (is_new) {
    metadata_.push_back(Entry{std::move(key), std::move(value), type});
  } else {
    metadata_[at->second] = Entry{std::move(key), std::move(value), type};
  }
}

void GgufWriter::add_string(std::string key, std::string value) { add(std::move(key), std::move(value), GgufType::kString); }
void GgufWriter::add_u32(std::string key, uint32_t value) { add(std::move(key), int64_t{value}, GgufType::kU32); }
void GgufWriter::add_f32(std::string key, float value) { add(std::move(key), double{value}, GgufType::kF32); }
void GgufWriter::add_bool(std::string key, bool value) { add(std::move(key), value, GgufType::kBool); }

void GgufWriter::add_metadata_of(const GgufFile& file) {
  for (size_t i = 0; i < file.metadata().size(); ++i) {
    const auto& [key, value] = file.metadata()[i];
    // What is written has an alignment of its own, and is one file however many it was read from.
    if (key != "general.alignment" && !key.starts_with("split.")) add(key, value, file.type_of(i));
  }
}

void GgufWriter::add_tensor(std::string name, DType type, std::vector<int64_t> shape) {
  tensors_.push_back(Tensor{std::move(name), type, std::move(shape)});
}

Result<std::string> GgufWriter::header() const {
  std::string out = "GGUF";
  put(kVersion, out);
  put(static_cast<uint64_t>(tensors_.size()), out);
  put(static_cast<uint64_t>(metadata_.size()), out);
  for (const Entry& entry : metadata_) {
    TRY_VOID(check_name("metadata key", entry.key, kMaxKeyBytes));
    put_string(entry.key, out);
    if (!put_value(entry.value, entry.type, out))
      return fail("the value of {} does not fit GGUF type {}", in_quotes(entry.key), entry.type);
  }
  const auto name_of = [](const Tensor& t) -> std::string_view { return t.name; };
  const std::vector<uint32_t> order = order_by_name(tensors_, name_of);
  if (const auto twice = find_repeated(tensors_, order, name_of))
    return fail("the tensor name {} is used twice", in_quotes(tensors_[*twice].name));
  uint64_t offset = 0;
  for (const Tensor& tensor : tensors_) TRY_VOID(put_tensor(tensor, offset, out));
  out.resize((out.size() + kAlignment - 1) / kAlignment * kAlignment, '\0');
  return out;
}

}  // namespace sobre
