#include "tensor/dtype.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <set>

namespace sobre {
namespace {

TEST(DType, TableIsConsistent) {
  std::set<std::string_view> names;
  for (int i = 0; i < kDTypeCount; ++i) {
    const auto type = static_cast<DType>(i);
    const DTypeInfo& info = dtype_info(type);
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_EQ(dtype_from_name(info.name), type);
    EXPECT_EQ(is_quantized(type), info.block_elements > 1);
    EXPECT_TRUE(info.block_elements == 1 || info.block_elements == 32 || info.block_elements == 256);
    if (info.ggml_id >= 0) {
      EXPECT_EQ(dtype_from_ggml_id(static_cast<uint32_t>(info.ggml_id)), type);
      EXPECT_EQ(ggml_type_name(static_cast<uint32_t>(info.ggml_id)), info.name);
    }
  }
}

TEST(DType, RowsStandAtTheirEnumerator) {
  const struct {
    DType type;
    const char* name;
    int elements, bytes, id;
  } kRows[] = {
      {DType::kF32, "F32", 1, 4, 0},         {DType::kF16, "F16", 1, 2, 1},          {DType::kBF16, "BF16", 1, 2, 30},
      {DType::kF64, "F64", 1, 8, 28},        {DType::kF8E4M3, "F8_E4M3", 1, 1, -1},  {DType::kF8E5M2, "F8_E5M2", 1, 1, -1},
      {DType::kBool, "BOOL", 1, 1, -1},      {DType::kU8, "U8", 1, 1, -1},           {DType::kI8, "I8", 1, 1, 24},
      {DType::kU16, "U16", 1, 2, -1},        {DType::kI16, "I16", 1, 2, 25},         {DType::kU32, "U32", 1, 4, -1},
      {DType::kI32, "I32", 1, 4, 26},        {DType::kU64, "U64", 1, 8, -1},         {DType::kI64, "I64", 1, 8, 27},
      {DType::kQ4_0, "Q4_0", 32, 18, 2},     {DType::kQ4_1, "Q4_1", 32, 20, 3},      {DType::kQ5_0, "Q5_0", 32, 22, 6},
      {DType::kQ5_1, "Q5_1", 32, 24, 7},     {DType::kQ8_0, "Q8_0", 32, 34, 8},      {DType::kQ2_K, "Q2_K", 256, 84, 10},
      {DType::kQ3_K, "Q3_K", 256, 110, 11},  {DType::kQ4_K, "Q4_K", 256, 144, 12},   {DType::kQ5_K, "Q5_K", 256, 176, 13},
      {DType::kQ6_K, "Q6_K", 256, 210, 14},  {DType::kIQ4_NL, "IQ4_NL", 32, 18, 20}, {DType::kIQ4_XS, "IQ4_XS", 256, 136, 23},
      {DType::kTQ1_0, "TQ1_0", 256, 54, 34}, {DType::kTQ2_0, "TQ2_0", 256, 66, 35},  {DType::kMXFP4, "MXFP4", 32, 17, 39},
  };
  ASSERT_EQ(std::size(kRows), static_cast<size_t>(kDTypeCount));
  for (const auto& row : kRows) {
    const DTypeInfo& info = dtype_info(row.type);
    EXPECT_EQ(info.name, row.name);
    EXPECT_EQ(info.block_elements, row.elements) << row.name;
    EXPECT_EQ(info.block_bytes, row.bytes) << row.name;
    EXPECT_EQ(info.ggml_id, row.id) << row.name;
  }
}

TEST(DType, Names) {
  EXPECT_EQ(dtype_from_name("q4_k"), DType::kQ4_K);
  EXPECT_EQ(dtype_from_name("f8_e4m3"), DType::kF8E4M3);
  EXPECT_EQ(dtype_from_name("Q4_KX"), std::nullopt);
  EXPECT_EQ(dtype_from_name(""), std::nullopt);
  EXPECT_EQ(dtype_from_ggml_id(9), std::nullopt);
  EXPECT_EQ(dtype_from_ggml_id(0xffffffffu), std::nullopt);
  EXPECT_EQ(ggml_type_name(16), "IQ2_XXS");
  EXPECT_EQ(ggml_type_name(40), "NVFP4");
  EXPECT_EQ(ggml_type_name(77), "type 77");
  EXPECT_EQ(ggml_type_name(4), "type 4");
  EXPECT_EQ(supported_weight_types(),
            "F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_NL, IQ4_XS, TQ1_0, TQ2_0, MXFP4");
}

TEST(DType, Bytes) {
  EXPECT_EQ(dtype_bytes(DType::kF32, 3), 12u);
  EXPECT_EQ(dtype_bytes(DType::kQ4_K, 512), 288u);
  EXPECT_EQ(dtype_bytes(DType::kQ4_K, 0), 0u);
  EXPECT_EQ(dtype_bytes(DType::kQ4_K, 128), std::nullopt);
  EXPECT_EQ(dtype_bytes(DType::kQ8_0, 33), std::nullopt);
  EXPECT_EQ(dtype_bytes(DType::kF64, uint64_t{1} << 61), std::nullopt);
  EXPECT_EQ(dtype_bytes(DType::kQ8_0, uint64_t{1} << 63), (uint64_t{1} << 58) * 34);
  EXPECT_EQ(dtype_bytes(DType::kF32, uint64_t{1} << 62), std::nullopt);
}

TEST(TensorView, Elements) {
  TensorView view;
  EXPECT_EQ(view.elements(), 1);
  view.shape = {3, 4, 5};
  EXPECT_EQ(view.elements(), 60);
  view.shape = {3, 0};
  EXPECT_EQ(view.elements(), 0);
}

// Small floats by their definition: sign, `exponent_bits` of bias `bias`, `mantissa_bits`; no special values.
double small_float(unsigned bits, int exponent_bits, int mantissa_bits, int bias) {
  const unsigned mantissa = bits & ((1u << mantissa_bits) - 1);
  const auto exponent = static_cast<int>((bits >> mantissa_bits) & ((1u << exponent_bits) - 1));
  const bool negative = ((bits >> (mantissa_bits + exponent_bits)) & 1) != 0;
  const double fraction = std::ldexp(mantissa, -mantissa_bits);
  const double value = exponent == 0 ? std::ldexp(fraction, 1 - bias) : std::ldexp(1.0 + fraction, exponent - bias);
  return negative ? -value : value;
}

TEST(Conversions, EveryF16) {
  for (unsigned h = 0; h < 0x10000; ++h) {
    const float f = f16_to_f32(static_cast<uint16_t>(h));
    if ((h & 0x7c00) == 0x7c00) {
      EXPECT_EQ(std::isnan(f), (h & 0x3ff) != 0) << h;
      EXPECT_EQ(std::isinf(f), (h & 0x3ff) == 0) << h;
      EXPECT_EQ(std::signbit(f), (h & 0x8000) != 0) << h;
      EXPECT_EQ(std::isnan(f16_to_f32(f32_to_f16(f))), std::isnan(f)) << h;
      if (std::isnan(f)) continue;
    } else {
      ASSERT_EQ(static_cast<double>(f), small_float(h, 5, 10, 15)) << h;
      ASSERT_EQ(std::signbit(f), (h & 0x8000) != 0) << h;
    }
    ASSERT_EQ(f32_to_f16(f), h);
  }
}

TEST(Conversions, EveryBf16) {
  for (unsigned b = 0; b < 0x10000; ++b) {
    const float f = bf16_to_f32(static_cast<uint16_t>(b));
    ASSERT_EQ(std::bit_cast<uint32_t>(f), b << 16);
    const bool is_nan = (b & 0x7f80) == 0x7f80 && (b & 0x7f) != 0;
    if (is_nan) {
      EXPECT_TRUE(std::isnan(bf16_to_f32(f32_to_bf16(f)))) << b;
    } else {
      ASSERT_EQ(f32_to_bf16(f), b);
      if ((b & 0x7f80) != 0x7f80) {
        ASSERT_EQ(static_cast<double>(f), small_float(b, 8, 7, 127)) << b;
      }
    }
  }
}

TEST(Conversions, EveryF8) {
  for (unsigned b = 0; b < 0x100; ++b) {
    const float e4m3 = f8e4m3_to_f32(static_cast<uint8_t>(b));
    if ((b & 0x7f) == 0x7f) {
      EXPECT_TRUE(std::isnan(e4m3));
    } else {
      EXPECT_EQ(static_cast<double>(e4m3), small_float(b, 4, 3, 7)) << b;
      EXPECT_EQ(std::signbit(e4m3), b >= 0x80) << b;
    }
    const auto byte = static_cast<std::byte>(b);
    float e5m2 = 0.0f;
    dequantize_row(DType::kF8E5M2, &byte, 1, &e5m2);
    if ((b & 0x7c) == 0x7c) {
      EXPECT_EQ(std::isinf(e5m2), (b & 3) == 0) << b;
      EXPECT_EQ(std::isnan(e5m2), (b & 3) != 0) << b;
    } else {
      EXPECT_EQ(static_cast<double>(e5m2), small_float(b, 5, 2, 15)) << b;
    }
  }
  EXPECT_EQ(f8e4m3_to_f32(0x7e), 448.0f);
}

// Rounding by definition: the candidates around f, in double, nearest wins and ties go to the even code.
// `infinity` is the code of +infinity, whose place on the number line is one step above the largest finite value.
unsigned nearest_code(float f, unsigned infinity, int exponent_bits, int mantissa_bits, int bias) {
  const double magnitude = std::fabs(static_cast<double>(f));
  unsigned low = 0;
  unsigned high = infinity;  // small_float continues the line at infinity's code
  while (high - low > 1) {
    const unsigned middle = (low + high) / 2;
    (small_float(middle, exponent_bits, mantissa_bits, bias) <= magnitude ? low : high) = middle;
  }
  const double below = magnitude - small_float(low, exponent_bits, mantissa_bits, bias);
  const double above = small_float(high, exponent_bits, mantissa_bits, bias) - magnitude;
  const unsigned code = below < above || (below == above && low % 2 == 0) ? low : high;
  return code | (std::signbit(f) ? 0x8000u : 0u);
}

void expect_both_nearest(uint32_t bits) {
  const auto f = std::bit_cast<float>(bits);
  if (std::isnan(f)) {
    ASSERT_TRUE(std::isnan(f16_to_f32(f32_to_f16(f)))) << bits;
    ASSERT_TRUE(std::isnan(bf16_to_f32(f32_to_bf16(f)))) << bits;
    return;
  }
  ASSERT_EQ(f32_to_f16(f), nearest_code(f, 0x7c00, 5, 10, 15)) << std::hex << bits;
  ASSERT_EQ(f32_to_bf16(f), nearest_code(f, 0x7f80, 8, 7, 127)) << std::hex << bits;
}

TEST(Conversions, F32RoundsToNearestEven) {
  // Around every f16: itself, the midpoint to the next, and the floats beside both.
  for (uint32_t h = 0; h < 0x7c00; ++h) {
    const auto bits = std::bit_cast<uint32_t>(f16_to_f32(static_cast<uint16_t>(h)));
    const double next = small_float(h + 1, 5, 10, 15);
    const auto middle = static_cast<float>(0.5 * (static_cast<double>(std::bit_cast<float>(bits)) + next));
    const auto middle_bits = std::bit_cast<uint32_t>(middle);
    for (const uint32_t b : {bits, bits + 1, middle_bits - 1, middle_bits, middle_bits + 1}) {
      expect_both_nearest(b);
      expect_both_nearest(b | 0x80000000u);
    }
  }
  for (uint32_t b = 0; b <= 0x7f80; ++b) {
    for (const uint32_t low : {0x0u, 0x1u, 0x7fffu, 0x8000u, 0x8001u, 0xffffu}) expect_both_nearest((b << 16) | low);
  }
  std::mt19937 random(7);
  for (int i = 0; i < 300'000; ++i) expect_both_nearest(static_cast<uint32_t>(random()));
}

}  // namespace
}  // namespace sobre
