#include <algorithm>
#include <cstring>

#include "tensor/block_bytes.h"
#include "tensor/dtype.h"

namespace sobre {
namespace {

// Applies `convert` to each element of a plain array of T at any address.
template <class T, class Convert>
void convert_row(const std::byte* src, int64_t n, float* y, Convert convert) {
  for (int64_t i = 0; i < n; ++i) {
    T value;
    std::memcpy(&value, src + static_cast<size_t>(i) * sizeof(T), sizeof(T));
    y[i] = convert(value);
  }
}

template <class T>
void numbers(const std::byte* src, int64_t n, float* y) {
  convert_row<T>(src, n, y, [](T v) { return static_cast<float>(v); });
}

bool has_minimum(DType type) {
  return type == DType::kQ4_1 || type == DType::kQ5_1 || type == DType::kQ2_K || type == DType::kQ4_K || type == DType::kQ5_K;
}

// d * sub_scale * q is exact in f32 for every type (at most 24 significant bits), so the one rounding is that of adding m.
void scale_part(const Block32& part, bool add_minimum, float* y) {
  for (int half = 0; half < 2; ++half) {
    const float d = part.d * static_cast<float>(part.sub_scale[half]);
    const int8_t* q = part.q + 16 * half;
    float* out = y + 16 * half;
    for (int i = 0; i < 16; ++i) out[i] = d * static_cast<float>(q[i]);
    if (!add_minimum) continue;
    for (int i = 0; i < 16; ++i) out[i] += part.m[half];
  }
}

void dequantize_blocks(DType type, const std::byte* src, int64_t n, float* y) {
  const DTypeInfo& info = dtype_info(type);
  CHECK(n >= 0 && n % info.block_elements == 0);
  const bool add_minimum = has_minimum(type);
  constexpr int64_t kChunk = block_bytes::kSuperBlock;  // a multiple of every block
  Block32 parts[block_bytes::kMaxParts];
  for (int64_t start = 0; start < n; start += kChunk) {
    const int64_t count = std::min(kChunk, n - start);
    explode_row(type, src + start / info.block_elements * info.block_bytes, count, parts);
    for (int64_t p = 0; p < count / 32; ++p) scale_part(parts[p], add_minimum, y + start + 32 * p);
  }
}

}  // namespace

void dequantize_row(DType type, const std::byte* src, int64_t n, float* y) {
  switch (type) {
    case DType::kF32:
      return numbers<float>(src, n, y);
    case DType::kF16:
      return convert_row<uint16_t>(src, n, y, f16_to_f32);
    case DType::kBF16:
      return convert_row<uint16_t>(src, n, y, bf16_to_f32);
    case DType::kF64:
      return numbers<double>(src, n, y);
    case DType::kF8E4M3:
      return convert_row<uint8_t>(src, n, y, f8e4m3_to_f32);
    case DType::kF8E5M2:  // the upper byte of an f16
      return convert_row<uint8_t>(src, n, y, [](uint8_t b) { return f16_to_f32(static_cast<uint16_t>(b << 8)); });
    case DType::kBool:
    case DType::kU8:
      return numbers<uint8_t>(src, n, y);
    case DType::kI8:
      return numbers<int8_t>(src, n, y);
    case DType::kU16:
      return numbers<uint16_t>(src, n, y);
    case DType::kI16:
      return numbers<int16_t>(src, n, y);
    case DType::kU32:
      return numbers<uint32_t>(src, n, y);
    case DType::kI32:
      return numbers<int32_t>(src, n, y);
    case DType::kU64:
      return numbers<uint64_t>(src, n, y);
    case DType::kI64:
      return numbers<int64_t>(src, n, y);
    default:
      return dequantize_blocks(type, src, n, y);
  }
}

}  // namespace sobre
