// The element and block types of weights as files hold them: sizes, names, and conversion of rows to and from f32.
// Plain data, no state; every function may be called from any thread. Closed forms: the GGML block formats and
// the safetensors types (OCP 8-bit floating point for F8_E4M3).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sobre {

enum class DType : uint8_t {
  kF32,
  kF16,
  kBF16,
  kF64,
  kF8E4M3,
  kF8E5M2,
  kBool,
  kU8,
  kI8,
  kU16,
  kI16,
  kU32,
  kI32,
  kU64,
  kI64,
  kQ4_0,
  kQ4_1,
  kQ5_0,
  kQ5_1,
  kQ8_0,
  kQ2_K,
  kQ3_K,
  kQ4_K,
  kQ5_K,
  kQ6_K,
  kIQ4_NL,
  kIQ4_XS,
  kTQ1_0,
  kTQ2_0,
  kMXFP4,
};
inline constexpr int kDTypeCount = static_cast<int>(DType::kMXFP4) + 1;

struct DTypeInfo {
  std::string_view name;  // as GGUF tools and safetensors print it: "Q4_K", "BF16"
  int block_elements;     // 1, 32 or 256
  int block_bytes;
  int ggml_id;  // -1: not a GGUF tensor type
};

[[nodiscard]] const DTypeInfo& dtype_info(DType type);
[[nodiscard]] std::optional<DType> dtype_from_ggml_id(uint32_t id);
[[nodiscard]] std::optional<DType> dtype_from_name(std::string_view name);  // case-insensitive
[[nodiscard]] bool is_quantized(DType type);                                // a block type
/// "F32, F16, ...": the types that a weight matrix may have, for error messages.
[[nodiscard]] std::string supported_weight_types();
/// The name GGML gives an id that we do not read ("IQ2_XXS"), or "type 77".
[[nodiscard]] std::string ggml_type_name(uint32_t id);

/// Bytes of n elements; n must be a multiple of the block. Nothing on overflow or when it is not.
[[nodiscard]] std::optional<uint64_t> dtype_bytes(DType type, uint64_t n);

/// y[i] = the value of element i of a row of n elements (n a multiple of the block). Exact up to one f32 rounding per product
/// and sum of the closed form. Integer types convert by value. src need not be aligned.
void dequantize_row(DType type, const std::byte* src, int64_t n, float* y);

/// The inverse for the types `sobre quantize` writes: F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K..Q6_K, IQ4_NL.
[[nodiscard]] bool can_quantize(DType type);
void quantize_row(DType type, const float* x, int64_t n, std::byte* dst);

/// Whether no value is NaN or infinite: blocks of few bits have neither, and would make ordinary numbers of them.
[[nodiscard]] bool all_finite(std::span<const float> x);

/// Conversions of single values, round to nearest even; the same on every CPU (no hardware conversion needed).
[[nodiscard]] float f16_to_f32(uint16_t h);
[[nodiscard]] uint16_t f32_to_f16(float f);
[[nodiscard]] float bf16_to_f32(uint16_t b);
[[nodiscard]] uint16_t f32_to_bf16(float f);
[[nodiscard]] float f8e4m3_to_f32(uint8_t b);

/// A named tensor inside a mapped file. `shape` is outermost first ([out, in] for a linear layer), row-major.
struct TensorView {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
  std::span<const std::byte> data;

  [[nodiscard]] int64_t elements() const;
};

/// Blocks of a quantised row taken apart into exact integers: value = d * (sub_scale * q) + minimum, per 32 elements.
/// Every block type of GGUF reduces to this form without loss; the kernels' packing starts from it.
struct Block32 {
  int8_t q[32];         // signed integer weights
  int8_t sub_scale[2];  // for elements 0..15 and 16..31; 1 where the type has none
  float d;              // scale (d of the block or super-block), exact
  float m[2];           // additive minimum of each 16 (m of Q4_1/Q5_1, -dmin * m_j of the K types), 0 where none
};
/// n a multiple of 32; `out` has n / 32 entries. Only for quantised types.
void explode_row(DType type, const std::byte* src, int64_t n, Block32* out);

}  // namespace sobre
