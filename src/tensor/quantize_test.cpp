// quantize_row: how much it loses, what it does at the edges of f16 and f32, and bytes known from the format's reference.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tensor/dtype.h"

namespace sobre {
namespace {

constexpr DType kBlockTypes[] = {DType::kQ4_0, DType::kQ4_1, DType::kQ5_0, DType::kQ5_1, DType::kQ8_0,  DType::kQ2_K,
                                 DType::kQ3_K, DType::kQ4_K, DType::kQ5_K, DType::kQ6_K, DType::kIQ4_NL};

bool has_minimum(DType type) {
  return type == DType::kQ4_1 || type == DType::kQ5_1 || type == DType::kQ2_K || type == DType::kQ4_K || type == DType::kQ5_K;
}

std::vector<std::byte> quantize(DType type, const std::vector<float>& x) {
  std::vector<std::byte> bytes(*dtype_bytes(type, x.size()));
  quantize_row(type, x.data(), static_cast<int64_t>(x.size()), bytes.data());
  return bytes;
}

std::vector<float> round_trip(DType type, const std::vector<float>& x) {
  const std::vector<std::byte> bytes = quantize(type, x);
  std::vector<float> y(x.size());
  dequantize_row(type, bytes.data(), static_cast<int64_t>(x.size()), y.data());
  return y;
}

// sqrt(sum (y - x)^2 / sum x^2)
double relative_rms(const std::vector<float>& x, const std::vector<float>& y) {
  double error = 0.0;
  double size = 0.0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double e = static_cast<double>(y[i]) - static_cast<double>(x[i]);
    error += e * e;
    size += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  }
  return size > 0.0 ? std::sqrt(error / size) : std::sqrt(error);
}

// Box and Muller's transform: std::normal_distribution differs between libraries.
std::vector<float> gaussian(size_t n, double deviation, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<float> x(n);
  for (float& v : x) {
    const double u = (static_cast<double>(random() & 0xffffffffu) + 1.0) / 4294967297.0;
    const double angle = static_cast<double>(random() & 0xffffffffu) / 4294967296.0 * 6.283185307179586;
    v = static_cast<float>(deviation * std::sqrt(-2.0 * std::log(u)) * std::cos(angle));
  }
  return x;
}

struct Quality {
  DType type;
  double limit;
};
// 2 to 4 % above what is measured.
constexpr Quality kGaussian[] = {
    {DType::kQ8_0, 0.0056}, {DType::kQ6_K, 0.0179}, {DType::kQ5_K, 0.0360},   {DType::kQ5_0, 0.0445},
    {DType::kQ5_1, 0.0395}, {DType::kQ4_K, 0.0735}, {DType::kQ4_0, 0.0890},   {DType::kQ4_1, 0.0810},
    {DType::kQ3_K, 0.1500}, {DType::kQ2_K, 0.2750}, {DType::kIQ4_NL, 0.0770},
};

TEST(Quantize, LosesLittleOfGaussianRows) {
  for (const Quality& q : kGaussian) {
    for (const double deviation : {1.0, 0.02, 300.0}) {
      const std::vector<float> x = gaussian(64 * 256, deviation, 21);
      EXPECT_LT(relative_rms(x, round_trip(q.type, x)), q.limit) << dtype_info(q.type).name << " " << deviation;
    }
  }
}

TEST(Quantize, LosesLittleOfShiftedRows) {
  for (const Quality& q : kGaussian) {
    for (const float shift : {-2.0f, 2.0f}) {
      std::vector<float> x = gaussian(16 * 256, 1.0, 22);
      for (float& v : x) v += shift;
      EXPECT_LT(relative_rms(x, round_trip(q.type, x)), q.limit) << dtype_info(q.type).name << " " << shift;
    }
  }
}

TEST(Quantize, PlainTypesRoundToNearest) {
  const std::vector<float> x = gaussian(1000, 3.0, 23);
  EXPECT_EQ(round_trip(DType::kF32, x), x);
  const std::vector<float> f16 = round_trip(DType::kF16, x);
  const std::vector<float> bf16 = round_trip(DType::kBF16, x);
  for (size_t i = 0; i < x.size(); ++i) {
    EXPECT_EQ(f16[i], f16_to_f32(f32_to_f16(x[i])));
    EXPECT_EQ(bf16[i], bf16_to_f32(f32_to_bf16(x[i])));
  }
}

TEST(Quantize, WhichTypes) {
  for (int i = 0; i < kDTypeCount; ++i) {
    const auto type = static_cast<DType>(i);
    const bool plain = type == DType::kF32 || type == DType::kF16 || type == DType::kBF16;
    EXPECT_EQ(can_quantize(type), plain || std::ranges::find(kBlockTypes, type) != std::end(kBlockTypes))
        << dtype_info(type).name;
  }
}

TEST(Quantize, ZerosStayZeros) {
  for (const DType type : kBlockTypes) {
    for (const float v : {0.0f, -0.0f, 1e-40f, -1e-9f}) {
      for (const float y : round_trip(type, std::vector<float>(512, v)))
        ASSERT_EQ(y, 0.0f) << dtype_info(type).name << " " << v;
    }
  }
}

TEST(Quantize, ConstantRows) {
  for (const DType type : kBlockTypes) {
    for (const float v : {1.0f, -1.0f, 0.3f, -0.3f, 1000.0f, -2e-3f}) {
      const std::vector<float> x(512, v);
      // f16 scales are good to 2^-12; at 2e-3 the scale of Q6_K is subnormal and only its choice of integers makes up for it.
      EXPECT_LE(relative_rms(x, round_trip(type, x)), type == DType::kQ6_K ? 2.5e-3 : 1e-3)
          << dtype_info(type).name << " " << v;
    }
  }
}

TEST(Quantize, RowsOfLevelsComeBackExactly) {
  // Values that the format holds exactly, every level used in every block.
  std::vector<float> x(256);
  for (size_t i = 0; i < x.size(); ++i) x[i] = (static_cast<float>(i * 5 % 16) - 8.0f) * 0.25f;
  for (const DType type : {DType::kQ4_0, DType::kQ4_1, DType::kQ4_K, DType::kQ6_K}) {
    EXPECT_LE(relative_rms(x, round_trip(type, x)), 3e-4) << dtype_info(type).name;
  }
  EXPECT_EQ(round_trip(DType::kQ4_0, x), x);
  EXPECT_EQ(round_trip(DType::kQ4_1, x), x);
}

TEST(Quantize, AnOutlierCostsItsBlockOnly) {
  std::vector<float> x = gaussian(512, 1.0, 24);
  const std::vector<float> plain = x;
  x[40] = 1000.0f;
  for (const DType type : kBlockTypes) {
    const std::vector<float> y = round_trip(type, x);
    EXPECT_NEAR(y[40], 1000.0f, 40.0f) << dtype_info(type).name;
    const std::vector<float> without = round_trip(type, plain);
    for (size_t i = 256; i < 512; ++i) ASSERT_EQ(y[i], without[i]) << dtype_info(type).name << " " << i;
  }
}

TEST(Quantize, SmallValuesSurviveCoarseScales) {
  // f16 scales become subnormal, hence coarse: at 1e-6 a Q8_0 scale is a whole number of 2^-24 near 1.
  for (const Quality& q : kGaussian) {
    const auto error = [&q](double deviation) {
      const std::vector<float> x = gaussian(4096, deviation, 25);
      return relative_rms(x, round_trip(q.type, x));
    };
    EXPECT_LT(error(1e-2), q.limit) << dtype_info(q.type).name;
    EXPECT_LT(error(1e-3), q.limit) << dtype_info(q.type).name;
    EXPECT_LT(error(1e-4), 1.25 * q.limit) << dtype_info(q.type).name;
    EXPECT_LT(error(1e-5), 1.3 * q.limit + 0.025) << dtype_info(q.type).name;
    EXPECT_LT(error(1e-6), 0.3) << dtype_info(q.type).name;
  }
}

TEST(Quantize, HugeValuesSaturate) {
  for (const DType type : kBlockTypes) {
    for (const float size : {1e6f, 1e20f, std::numeric_limits<float>::max()}) {
      std::vector<float> x = gaussian(512, 0.1, 26);
      for (float& v : x) v = std::clamp(v, -1.0f, 1.0f) * size;
      const std::vector<float> y = round_trip(type, x);
      for (size_t i = 0; i < x.size(); ++i) {
        ASSERT_TRUE(std::isfinite(y[i])) << dtype_info(type).name << " " << size;
        // Types whose levels start at an additive minimum may clamp it to zero; the others keep the sign of what is large.
        if (!has_minimum(type) && std::fabs(x[i]) > 0.2f * size) {
          ASSERT_EQ(std::signbit(y[i]), std::signbit(x[i])) << i;
        }
      }
    }
  }
}

TEST(Quantize, ASaturatedScaleStillServesTheOtherValues) {
  std::vector<float> x(256, 0.0f);
  for (size_t i = 0; i < x.size(); ++i) x[i] = (static_cast<float>(i % 8) - 3.0f) * 60000.0f;
  for (size_t i = 0; i < x.size(); i += 32) x[i] = 1e6f;  // wants d = 125000
  const std::vector<float> y = round_trip(DType::kQ4_0, x);
  for (size_t i = 0; i < x.size(); ++i) {
    if (i % 32 != 0) {
      EXPECT_LE(std::fabs(y[i] - x[i]), 32752.0f) << i;
    }
  }
}

TEST(Quantize, NotFiniteInputsAreHarmless) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const DType type : kBlockTypes) {
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), kInfinity, -kInfinity}) {
      std::vector<float> x = gaussian(256, 1.0, 27);
      x[17] = bad;
      (void)round_trip(type, x);  // no undefined conversion: the sanitizers look
      (void)round_trip(type, std::vector<float>(256, bad));
    }
  }
}

TEST(Quantize, RowsAreIndependentOfTheirNeighbours) {
  const std::vector<float> x = gaussian(1024, 1.0, 28);
  for (const DType type : kBlockTypes) {
    const std::vector<std::byte> all = quantize(type, x);
    const std::vector<std::byte> second = quantize(type, {x.begin() + 512, x.end()});
    EXPECT_EQ(std::memcmp(all.data() + all.size() / 2, second.data(), second.size()), 0) << dtype_info(type).name;
  }
}

TEST(Quantize, Q8RoundsHalvesAwayFromZero) {
  std::vector<float> x(32, 0.0f);
  x[0] = 127.0f;  // d = 1
  x[1] = 0.5f;
  x[2] = -0.5f;
  x[3] = 2.5f;
  x[4] = -3.5f;
  x[5] = 0.49999997f;
  const std::vector<std::byte> b = quantize(DType::kQ8_0, x);
  const auto q = [&b](size_t i) { return static_cast<int8_t>(b[2 + i]); };
  EXPECT_EQ(f16_to_f32(static_cast<uint16_t>(static_cast<unsigned>(b[0]) | static_cast<unsigned>(b[1]) << 8)), 1.0f);
  EXPECT_EQ(q(0), 127);
  EXPECT_EQ(q(1), 1);
  EXPECT_EQ(q(2), -1);
  EXPECT_EQ(q(3), 3);
  EXPECT_EQ(q(4), -4);
  EXPECT_EQ(q(5), 0);
}

// Files of f32 rows as the reference reads them back from each type of one model.
std::vector<float> read_rows(const std::string& path) {
  std::vector<float> x;
  if (std::FILE* file = std::fopen((std::string(SOBRE_SOURCE_DIR "/../shared/models/") + path).c_str(), "rb")) {
    float v = 0.0f;
    while (std::fread(&v, sizeof(v), 1, file) == 1) x.push_back(v);
    std::fclose(file);
  }
  return x;
}

TEST(QuantizeReference, SimpleTypesGiveItsValues) {
  const std::string stem = "tinystories-656k/gguf/tinystories-656k-";
  const std::vector<float> x = read_rows(stem + "f32.ffn_down0.f32");
  if (x.empty()) GTEST_SKIP() << "shared models are absent";
  const std::pair<DType, const char*> kTypes[] = {{DType::kF16, "f16"},   {DType::kBF16, "bf16"}, {DType::kQ4_0, "q4_0"},
                                                  {DType::kQ4_1, "q4_1"}, {DType::kQ5_0, "q5_0"}, {DType::kQ5_1, "q5_1"},
                                                  {DType::kQ8_0, "q8_0"}};
  for (const auto& [type, name] : kTypes) {
    const std::vector<float> want = read_rows(stem + name + ".ffn_down0.f32");
    ASSERT_EQ(want.size(), x.size()) << name;
    EXPECT_EQ(round_trip(type, x), want) << name;
  }
}

TEST(QuantizeReference, SearchedTypesLoseNoMore) {
  const std::pair<DType, const char*> kTypes[] = {
      {DType::kQ2_K, "q2_k"}, {DType::kQ3_K, "q3_k"}, {DType::kQ4_K, "q4_k"}, {DType::kQ5_K, "q5_k"}, {DType::kQ6_K, "q6_k"}};
  const std::vector<float> x = read_rows("rand256/rand256-f32.ffn_down0.f32");
  if (x.empty()) GTEST_SKIP() << "shared models are absent";
  for (const auto& [type, name] : kTypes) {
    const std::vector<float> reference = read_rows(std::string("rand256/rand256-") + name + ".ffn_down0.f32");
    ASSERT_EQ(reference.size(), x.size()) << name;
    EXPECT_LE(relative_rms(x, round_trip(type, x)), relative_rms(x, reference)) << name;
  }
  const std::string stem = "tinystories-656k/gguf/tinystories-656k-";
  const std::vector<float> y = read_rows(stem + "f32.ffn_down0.f32");
  EXPECT_LE(relative_rms(y, round_trip(DType::kIQ4_NL, y)), relative_rms(y, read_rows(stem + "iq4_nl.ffn_down0.f32")));
}

}  // namespace
}  // namespace sobre
