// dequantize_row and explode_row against closed forms written per element, in double, straight from the format's definition.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <initializer_list>
#include <limits>
#include <random>
#include <vector>

#include "tensor/dtype.h"

namespace sobre {
namespace {

constexpr DType kBlockTypes[] = {DType::kQ4_0,   DType::kQ4_1,   DType::kQ5_0,  DType::kQ5_1,  DType::kQ8_0,
                                 DType::kQ2_K,   DType::kQ3_K,   DType::kQ4_K,  DType::kQ5_K,  DType::kQ6_K,
                                 DType::kIQ4_NL, DType::kIQ4_XS, DType::kTQ1_0, DType::kTQ2_0, DType::kMXFP4};

using Bytes = std::vector<std::byte>;

int at(const Bytes& b, int offset) { return std::to_integer<int>(b[static_cast<size_t>(offset)]); }
int signed_at(const Bytes& b, int offset) { return at(b, offset) - (at(b, offset) >= 128 ? 256 : 0); }
int u16_at(const Bytes& b, int offset) { return at(b, offset) + 256 * at(b, offset + 1); }
double f16_at(const Bytes& b, int offset) { return static_cast<double>(f16_to_f32(static_cast<uint16_t>(u16_at(b, offset)))); }
int bit(int value, int index) { return (value >> index) & 1; }
int bits2(int value, int index) { return (value >> index) & 3; }

// Nibble i of the 32 in 16 bytes.
int nibble(const Bytes& b, int offset, int i) { return i < 16 ? at(b, offset + i) % 16 : at(b, offset + i - 16) / 16; }

int two_bit(const Bytes& b, int offset, int i) { return bits2(at(b, offset + 32 * (i / 128) + i % 32), 2 * ((i % 128) / 32)); }

int iq4_value(int code) {
  static const int kValues[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
  return kValues[code];
}

double e2m1(int code) {
  static const double kValues[8] = {0, 0.5, 1, 1.5, 2, 3, 4, 6};
  return code < 8 ? kValues[code] : -kValues[code - 8];
}

int k4_scale(const Bytes& b, int j) { return j < 4 ? at(b, 4 + j) % 64 : at(b, 4 + j + 4) % 16 + 16 * (at(b, 4 + j - 4) / 64); }
int k4_minimum(const Bytes& b, int j) {
  return j < 4 ? at(b, 4 + j + 4) % 64 : at(b, 4 + j + 4) / 16 + 16 * (at(b, 4 + j) / 64);
}

int q3_scale(const Bytes& b, int j) {
  const int low = j < 8 ? at(b, 96 + j) % 16 : at(b, 96 + j - 8) / 16;
  return low + 16 * bits2(at(b, 96 + 8 + j % 4), 2 * (j / 4)) - 32;
}

int trit(const Bytes& b, int i) {
  const int byte = i < 160 ? at(b, i % 32) : i < 240 ? at(b, 32 + (i - 160) % 16) : at(b, 48 + (i - 240) % 4);
  const int digit = i < 160 ? i / 32 : i < 240 ? (i - 160) / 16 : (i - 240) / 4;
  int power = 1;
  for (int k = 0; k < digit; ++k) power *= 3;
  return (byte * power) % 256 * 3 / 256;
}

// A value as the products and the sum that its definition writes: value = scale * q + minimum, all exact in double.
double element_small(DType type, const Bytes& b, int i) {
  const double d = f16_at(b, 0);
  switch (type) {
    case DType::kQ4_0:
      return d * (nibble(b, 2, i) - 8);
    case DType::kQ4_1:
      return d * nibble(b, 4, i) + f16_at(b, 2);
    case DType::kQ5_0:
      return d * (nibble(b, 6, i) + 16 * bit(at(b, 2 + i / 8), i % 8) - 16);
    case DType::kQ5_1:
      return d * (nibble(b, 8, i) + 16 * bit(at(b, 4 + i / 8), i % 8)) + f16_at(b, 2);
    case DType::kQ8_0:
      return d * signed_at(b, 2 + i);
    case DType::kIQ4_NL:
      return d * iq4_value(nibble(b, 2, i));
    case DType::kMXFP4:
      return std::ldexp(e2m1(nibble(b, 1, i)), at(b, 0) - 127);
    default:
      return std::numeric_limits<double>::quiet_NaN();
  }
}

double element(DType type, const Bytes& b, int i) {
  switch (type) {
    case DType::kQ2_K:
      return f16_at(b, 80) * (at(b, i / 16) % 16) * two_bit(b, 16, i) - f16_at(b, 82) * (at(b, i / 16) / 16);
    case DType::kQ3_K:
      return f16_at(b, 108) * q3_scale(b, i / 16) * (two_bit(b, 32, i) - (bit(at(b, i % 32), i / 32) != 0 ? 0 : 4));
    case DType::kQ4_K:
    case DType::kQ5_K: {
      const bool five = type == DType::kQ5_K;
      const int byte = at(b, (five ? 48 : 16) + 32 * (i / 64) + i % 32);
      const int low = (i / 32) % 2 == 0 ? byte % 16 : byte / 16;
      const int q = low + (five ? 16 * bit(at(b, 16 + i % 32), i / 32) : 0);
      return f16_at(b, 0) * k4_scale(b, i / 32) * q - f16_at(b, 2) * k4_minimum(b, i / 32);
    }
    case DType::kQ6_K: {
      const int half = i / 128;
      const int r = i % 128;
      const int byte = at(b, 64 * half + r % 64);
      const int q = (r < 64 ? byte % 16 : byte / 16) + 16 * bits2(at(b, 128 + 32 * half + r % 32), 2 * (r / 32)) - 32;
      return f16_at(b, 208) * signed_at(b, 192 + i / 16) * q;
    }
    case DType::kIQ4_XS: {
      const int part = i / 32;
      const int low = part % 2 == 0 ? at(b, 4 + part / 2) % 16 : at(b, 4 + part / 2) / 16;
      const int scale = low + 16 * bits2(u16_at(b, 2), 2 * part) - 32;
      return f16_at(b, 0) * scale * iq4_value(nibble(b, 8 + 16 * part, i % 32));
    }
    case DType::kTQ1_0:
      return f16_at(b, 52) * (trit(b, i) - 1);
    case DType::kTQ2_0:
      return f16_at(b, 64) * (two_bit(b, 0, i) - 1);
    default:
      return element_small(type, b, i);
  }
}

// Where a block's f16 fields lie; -1: none.
struct F16Fields {
  int d, second;
};
F16Fields f16_fields(DType type) {
  switch (type) {
    case DType::kQ4_1:
    case DType::kQ5_1:
    case DType::kQ4_K:
    case DType::kQ5_K:
      return {0, 2};
    case DType::kQ2_K:
      return {80, 82};
    case DType::kQ3_K:
      return {108, -1};
    case DType::kQ6_K:
      return {208, -1};
    case DType::kTQ1_0:
      return {52, -1};
    case DType::kTQ2_0:
      return {64, -1};
    case DType::kMXFP4:
      return {-1, -1};
    default:
      return {0, -1};
  }
}

void put_f16(Bytes& b, int offset, uint16_t h) {
  if (offset < 0) return;
  b[static_cast<size_t>(offset)] = static_cast<std::byte>(h & 0xff);
  b[static_cast<size_t>(offset) + 1] = static_cast<std::byte>(h >> 8);
}

std::vector<float> dequantize(DType type, const Bytes& b, int64_t n) {
  std::vector<float> y(static_cast<size_t>(n));
  dequantize_row(type, b.data(), n, y.data());
  return y;
}

TEST(Dequantize, ReferenceVectors) {
  // Computed with the reference implementation from bytes b[k] = 73 k + 41 mod 256, d = 0.5, second f16 = 0.25, MXFP4 e = 127.
  const struct {
    DType type;
    double y0, y1, y16, y17, last, sum, weighted;
  } kRows[] = {
      {DType::kQ4_0, 1.5, -2, 1.5, -4, -4, -16.5, -53},
      {DType::kQ4_1, 6.75, 3.25, 2.25, 4.75, 4.75, 120.5, 423},
      {DType::kQ5_0, 7.5, 4, 6.5, -7, 1, -22.5, -148},
      {DType::kQ5_1, 8.75, 5.25, 11.75, 13.75, 5.75, 258.5, 1020},
      {DType::kQ8_0, -34.5, 2, 37.5, -54, -55, -24, 993},
      {DType::kQ2_K, 4, 8.5, -0.75, 0.25, -1.75, 1021.5, 4123.75},
      {DType::kQ3_K, -3.5, 7, 1, -2, -12, 117, 265},
      {DType::kQ4_K, 46.25, 0.75, 46.25, 0.75, -5.75, 26676, 104000.25},
      {DType::kQ5_K, 150.25, 0.75, 150.25, 0.75, -5.75, 55036, 219584.25},
      {DType::kQ6_K, 80.5, -23, -175, 50, 144, -7422, -91548.5},
      {DType::kIQ4_NL, 19, -24.5, 19, -63.5, -63.5, -240.5, -798.5},
      {DType::kIQ4_XS, -1508, 362.5, -145, 551, -375, -3225, -7440.5},
      {DType::kTQ1_0, -0.5, 0, 0.5, -0.5, 0.5, -7.5, -69},
      {DType::kTQ2_0, 0, 0.5, 0, 0.5, -0.5, 62.5, 239},
      {DType::kMXFP4, 1, -1.5, 6, -1.5, -1.5, 12.5, 54},
  };
  for (const auto& row : kRows) {
    const DTypeInfo& info = dtype_info(row.type);
    SCOPED_TRACE(info.name);
    Bytes b(static_cast<size_t>(info.block_bytes));
    for (size_t k = 0; k < b.size(); ++k) b[k] = static_cast<std::byte>((73 * k + 41) % 256);
    put_f16(b, f16_fields(row.type).d, 0x3800);
    put_f16(b, f16_fields(row.type).second, 0x3400);
    if (row.type == DType::kMXFP4) b[0] = std::byte{127};
    const std::vector<float> y = dequantize(row.type, b, info.block_elements);
    double sum = 0;
    double weighted = 0;
    for (size_t i = 0; i < y.size(); ++i) {
      sum += static_cast<double>(y[i]);
      weighted += static_cast<double>(i % 7 + 1) * static_cast<double>(y[i]);
    }
    EXPECT_EQ(y[0], row.y0);
    EXPECT_EQ(y[1], row.y1);
    EXPECT_EQ(y[16], row.y16);
    EXPECT_EQ(y[17], row.y17);
    EXPECT_EQ(y.back(), row.last);
    EXPECT_EQ(sum, row.sum);
    EXPECT_EQ(weighted, row.weighted);
  }
}

// Random bytes with finite f16 fields; `start` moves them to an odd address.
Bytes random_blocks(DType type, int blocks, std::mt19937& random) {
  const DTypeInfo& info = dtype_info(type);
  Bytes all;
  for (int i = 0; i < blocks; ++i) {
    Bytes b(static_cast<size_t>(info.block_bytes));
    for (std::byte& byte : b) byte = static_cast<std::byte>(random() & 0xff);
    for (const int field : {f16_fields(type).d, f16_fields(type).second}) {
      put_f16(b, field, static_cast<uint16_t>(random() % 0x7c00 | (random() % 2 << 15)));
    }
    all.insert(all.end(), b.begin(), b.end());
  }
  return all;
}

TEST(Dequantize, EveryTypeIsItsClosedFormRoundedOnce) {
  std::mt19937 random(11);
  for (const DType type : kBlockTypes) {
    const DTypeInfo& info = dtype_info(type);
    SCOPED_TRACE(info.name);
    for (int round = 0; round < 40; ++round) {
      const int blocks = 1 + round % 9;
      const int64_t n = int64_t{blocks} * info.block_elements;
      const Bytes b = random_blocks(type, blocks, random);
      Bytes shifted(1);  // a row may lie at any address
      shifted.insert(shifted.end(), b.begin(), b.end());
      std::vector<float> y(static_cast<size_t>(n));
      dequantize_row(type, shifted.data() + 1, n, y.data());
      for (int64_t i = 0; i < n; ++i) {
        const int64_t block = i / info.block_elements;
        const Bytes one(b.begin() + block * info.block_bytes, b.begin() + (block + 1) * info.block_bytes);
        const double want = element(type, one, static_cast<int>(i % info.block_elements));
        // The sum in double is exact or rounded far below f32's last bit.
        ASSERT_EQ(y[static_cast<size_t>(i)], static_cast<float>(want)) << i;
      }
    }
  }
}

TEST(Explode, IsExactInIntegers) {
  std::mt19937 random(12);
  for (const DType type : kBlockTypes) {
    const DTypeInfo& info = dtype_info(type);
    SCOPED_TRACE(info.name);
    for (int round = 0; round < 40; ++round) {
      const Bytes b = random_blocks(type, 1, random);
      std::vector<Block32> parts(static_cast<size_t>(info.block_elements / 32));
      explode_row(type, b.data(), info.block_elements, parts.data());
      int largest_sum = 0;  // of |sub_scale * q| * 127: what a kernel sums in int32 and converts to f32
      for (size_t p = 0; p < parts.size(); ++p) {
        int sum = 0;
        for (size_t i = 0; i < 32; ++i) {
          const Block32& part = parts[p];
          const int product = part.sub_scale[i / 16] * part.q[i];
          sum += std::abs(product) * 127;
          const double value = static_cast<double>(part.d) * product + static_cast<double>(part.m[i / 16]);
          ASSERT_EQ(value, element(type, b, static_cast<int>(32 * p + i))) << p << " " << i;
        }
        largest_sum = std::max(largest_sum, sum);
      }
      EXPECT_LE(largest_sum, 1 << 24);
    }
  }
}

TEST(Explode, ScalesOfTypesWithoutThem) {
  std::mt19937 random(13);
  for (const DType type : {DType::kQ4_0, DType::kQ4_1, DType::kQ8_0, DType::kTQ1_0, DType::kMXFP4}) {
    const DTypeInfo& info = dtype_info(type);
    std::vector<Block32> parts(static_cast<size_t>(info.block_elements / 32));
    explode_row(type, random_blocks(type, 1, random).data(), info.block_elements, parts.data());
    for (const Block32& part : parts) {
      EXPECT_EQ(part.sub_scale[0], 1);
      EXPECT_EQ(part.sub_scale[1], 1);
      EXPECT_EQ(part.m[0], part.m[1]);
      if (type != DType::kQ4_1) {
        EXPECT_EQ(part.m[0], 0.0f);
      }
    }
  }
}

TEST(Dequantize, Mxfp4ScalesFromSubnormalToLargest) {
  Bytes b(17, std::byte{0x51});  // codes 1 (0.5) and 5 (3)
  for (int e = 0; e < 256; ++e) {
    b[0] = static_cast<std::byte>(e);
    const std::vector<float> y = dequantize(DType::kMXFP4, b, 32);
    ASSERT_EQ(y[0], std::ldexp(0.5f, e - 127));
    ASSERT_EQ(y[16], std::ldexp(3.0f, e - 127));
  }
}

template <class T>
void expect_by_value(DType type, std::initializer_list<T> values) {
  SCOPED_TRACE(dtype_info(type).name);
  ASSERT_EQ(sizeof(T), static_cast<size_t>(dtype_info(type).block_bytes));
  Bytes b(1);  // the row at an odd address
  for (const T v : values) {
    const auto raw = std::bit_cast<std::array<std::byte, sizeof(T)>>(v);
    b.insert(b.end(), raw.begin(), raw.end());
  }
  std::vector<float> y(values.size());
  dequantize_row(type, b.data() + 1, static_cast<int64_t>(values.size()), y.data());
  size_t i = 0;
  for (const T v : values) EXPECT_EQ(y[i++], static_cast<float>(v));
}

TEST(Dequantize, PlainTypesConvertByValue) {
  expect_by_value<float>(DType::kF32, {0.0f, -1.5f, 3e38f, 1e-45f});
  expect_by_value<double>(DType::kF64, {0.0, 0.1, -1e300, 1e-300});
  expect_by_value<uint8_t>(DType::kBool, {0, 1});
  expect_by_value<uint8_t>(DType::kU8, {0, 255});
  expect_by_value<int8_t>(DType::kI8, {-128, 127});
  expect_by_value<uint16_t>(DType::kU16, {0, 65535});
  expect_by_value<int16_t>(DType::kI16, {-32768, 32767});
  expect_by_value<uint32_t>(DType::kU32, {0, 4294967295u, 16777217u});
  expect_by_value<int32_t>(DType::kI32, {std::numeric_limits<int32_t>::min(), 16777219});
  expect_by_value<uint64_t>(DType::kU64, {0, std::numeric_limits<uint64_t>::max()});
  expect_by_value<int64_t>(DType::kI64, {std::numeric_limits<int64_t>::min(), 9007199791611905});
}

TEST(Dequantize, EmptyRow) {
  float y = 1.0f;
  dequantize_row(DType::kQ4_K, nullptr, 0, &y);
  EXPECT_EQ(y, 1.0f);
}

}  // namespace
}  // namespace sobre
