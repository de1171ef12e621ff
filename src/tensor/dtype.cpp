#include "tensor/dtype.h"

#include <array>
#include <bit>

#include "base/checked.h"

namespace sobre {
namespace {

// One row per DType, in its order. Names and ids: ggml.h (GGUF) and the safetensors specification.
constexpr std::array<DTypeInfo, kDTypeCount> kTable = {{
    {"F32", 1, 4, 0},       {"F16", 1, 2, 1},         {"BF16", 1, 2, 30},     {"F64", 1, 8, 28},      {"F8_E4M3", 1, 1, -1},
    {"F8_E5M2", 1, 1, -1},  {"BOOL", 1, 1, -1},       {"U8", 1, 1, -1},       {"I8", 1, 1, 24},       {"U16", 1, 2, -1},
    {"I16", 1, 2, 25},      {"U32", 1, 4, -1},        {"I32", 1, 4, 26},      {"U64", 1, 8, -1},      {"I64", 1, 8, 27},
    {"Q4_0", 32, 18, 2},    {"Q4_1", 32, 20, 3},      {"Q5_0", 32, 22, 6},    {"Q5_1", 32, 24, 7},    {"Q8_0", 32, 34, 8},
    {"Q2_K", 256, 84, 10},  {"Q3_K", 256, 110, 11},   {"Q4_K", 256, 144, 12}, {"Q5_K", 256, 176, 13}, {"Q6_K", 256, 210, 14},
    {"IQ4_NL", 32, 18, 20}, {"IQ4_XS", 256, 136, 23}, {"TQ1_0", 256, 54, 34}, {"TQ2_0", 256, 66, 35}, {"MXFP4", 32, 17, 39},
}};

// GGML types without a DType: named in messages only. Ids that GGML has removed have no name.
struct UnreadType {
  uint32_t id;
  std::string_view name;
};
constexpr std::array<UnreadType, 12> kUnread = {{
    {9, "Q8_1"},
    {15, "Q8_K"},
    {16, "IQ2_XXS"},
    {17, "IQ2_XS"},
    {18, "IQ3_XXS"},
    {19, "IQ1_S"},
    {21, "IQ3_S"},
    {22, "IQ2_S"},
    {29, "IQ1_M"},
    {40, "NVFP4"},
    {41, "Q1_0"},
    {42, "Q2_0"},
}};

char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (upper(a[i]) != upper(b[i])) return false;
  }
  return true;
}

}  // namespace

const DTypeInfo& dtype_info(DType type) { return kTable[static_cast<size_t>(type)]; }

std::optional<DType> dtype_from_ggml_id(uint32_t id) {
  for (size_t i = 0; i < kTable.size(); ++i) {
    if (kTable[i].ggml_id >= 0 && static_cast<uint32_t>(kTable[i].ggml_id) == id) return static_cast<DType>(i);
  }
  return std::nullopt;
}

std::optional<DType> dtype_from_name(std::string_view name) {
  for (size_t i = 0; i < kTable.size(); ++i) {
    if (equal_ignoring_case(kTable[i].name, name)) return static_cast<DType>(i);
  }
  return std::nullopt;
}

bool is_quantized(DType type) { return dtype_info(type).block_elements > 1; }

std::string supported_weight_types() {
  std::string list = "F32, F16, BF16";
  for (size_t i = 0; i < kTable.size(); ++i) {
    if (!is_quantized(static_cast<DType>(i))) continue;
    list += ", ";
    list += kTable[i].name;
  }
  return list;
}

std::string ggml_type_name(uint32_t id) {
  if (const auto known = dtype_from_ggml_id(id)) return std::string(dtype_info(*known).name);
  for (const UnreadType& t : kUnread) {
    if (t.id == id) return std::string(t.name);
  }
  return fmt::format("type {}", id);
}

std::optional<uint64_t> dtype_bytes(DType type, uint64_t n) {
  const DTypeInfo& info = dtype_info(type);
  const auto elements = static_cast<uint64_t>(info.block_elements);
  if (n % elements != 0) return std::nullopt;
  return checked_mul(n / elements, static_cast<uint64_t>(info.block_bytes));
}

int64_t TensorView::elements() const {
  int64_t n = 1;
  for (const int64_t dim : shape) n *= dim;  // readers have checked the product
  return n;
}

float f16_to_f32(uint16_t h) {
  const uint32_t sign = static_cast<uint32_t>(h & 0x8000u) << 16;
  const uint32_t exponent = (h >> 10) & 0x1fu;
  const uint32_t mantissa = h & 0x3ffu;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | (mantissa << 13));
  // Both forms are computed and one is chosen, without a branch: loops over f16 stay vectorisable.
  const uint32_t normal = ((exponent + 112) << 23) | (mantissa << 13);
  const uint32_t subnormal = std::bit_cast<uint32_t>(static_cast<float>(mantissa) * 0x1p-24f);
  return std::bit_cast<float>(sign | (exponent == 0 ? subnormal : normal));
}

uint16_t f32_to_f16(float f) {
  const uint32_t bits = std::bit_cast<uint32_t>(f);
  const uint32_t sign = (bits >> 16) & 0x8000u;
  const uint32_t magnitude = bits & 0x7fffffffu;
  uint32_t half = 0;
  if (magnitude > 0x7f800000u) {
    half = 0x7e00u | ((magnitude >> 13) & 0x3ffu);  // NaN: quiet, the payload's upper bits kept
  } else if (magnitude >= 0x477ff000u) {
    half = 0x7c00u;  // 65520 and above round to infinity
  } else if (magnitude >= 0x38800000u) {
    const uint32_t odd = (magnitude >> 13) & 1u;
    half = (magnitude - 0x38000000u + 0xfffu + odd) >> 13;
  } else {
    // Adding 0.5 puts the value's last kept bit, 2^-24, at the end of the float's mantissa: the addition rounds for us.
    half = std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - 0x3f000000u;
  }
  return static_cast<uint16_t>(sign | half);
}

float bf16_to_f32(uint16_t b) { return std::bit_cast<float>(static_cast<uint32_t>(b) << 16); }

uint16_t f32_to_bf16(float f) {
  const uint32_t bits = std::bit_cast<uint32_t>(f);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>((bits >> 16) | 0x40u);  // NaN: quiet
  return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

float f8e4m3_to_f32(uint8_t b) {
  const uint32_t sign = static_cast<uint32_t>(b & 0x80u) << 24;
  const uint32_t exponent = (b >> 3) & 0xfu;
  const uint32_t mantissa = b & 7u;
  if (exponent == 15 && mantissa == 7) return std::bit_cast<float>(sign | 0x7fc00000u);
  const uint32_t magnitude = exponent == 0 ? std::bit_cast<uint32_t>(static_cast<float>(mantissa) * 0x1p-9f)
                                           : ((exponent + 120) << 23) | (mantissa << 20);
  return std::bit_cast<float>(sign | magnitude);
}

}  // namespace sobre
