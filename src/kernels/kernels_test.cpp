// Every instruction set against the scalar definition, bit for bit, and the definition against plain double arithmetic.
#include "kernels/kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>

#include "base/checked.h"
#include "tensor/dtype.h"

namespace sobre {
namespace {

struct FormCase {
  DType type;
  int64_t cols;
};

std::vector<DType> weight_types() {
  return {DType::kF32,  DType::kF16,    DType::kBF16,   DType::kQ4_0,  DType::kQ4_1,  DType::kQ5_0,
          DType::kQ5_1, DType::kQ8_0,   DType::kQ2_K,   DType::kQ3_K,  DType::kQ4_K,  DType::kQ5_K,
          DType::kQ6_K, DType::kIQ4_NL, DType::kIQ4_XS, DType::kTQ1_0, DType::kTQ2_0, DType::kMXFP4};
}

// Random bytes make every integer weight and sub-scale occur; the 16-bit scales are then set to moderate values.
std::vector<std::byte> random_rows(DType type, int64_t rows, int64_t cols, std::mt19937& rng) {
  const auto row_bytes = static_cast<size_t>(*dtype_bytes(type, static_cast<uint64_t>(cols)));
  std::vector<std::byte> bytes(row_bytes * static_cast<size_t>(rows));
  std::normal_distribution<float> normal;
  if (!is_quantized(type)) {
    std::vector<float> x(static_cast<size_t>(cols));
    for (int64_t r = 0; r < rows; ++r) {
      for (float& v : x) v = normal(rng);
      quantize_row(type, x.data(), cols, bytes.data() + static_cast<size_t>(r) * row_bytes);
    }
    return bytes;
  }
  for (std::byte& b : bytes) b = static_cast<std::byte>(rng());
  const DTypeInfo& info = dtype_info(type);
  for (size_t at = 0; at < bytes.size(); at += static_cast<size_t>(info.block_bytes)) {
    const auto put = [&](size_t offset) {
      const uint16_t h = f32_to_f16(normal(rng) * 0.01F);
      std::memcpy(bytes.data() + at + offset, &h, 2);
    };
    switch (type) {
      case DType::kQ2_K:
        put(80), put(82);
        break;
      case DType::kQ3_K:
        put(108);
        break;
      case DType::kQ6_K:
        put(208);
        break;
      case DType::kTQ1_0:
        put(52);
        break;
      case DType::kTQ2_0:
        put(64);
        break;
      case DType::kMXFP4:
        bytes[at] = static_cast<std::byte>(120 + rng() % 8);
        break;
      case DType::kQ4_1:
      case DType::kQ5_1:
      case DType::kQ4_K:
      case DType::kQ5_K:
        put(0), put(2);
        break;
      default:
        put(0);
    }
  }
  return bytes;
}

PackedMatrix pack(DType type, const std::vector<std::byte>& bytes, int64_t rows, int64_t cols, const Kernels& k) {
  auto m = make_packed(form_of(type), rows, cols, static_cast<uint8_t>(k.zero8));
  EXPECT_TRUE(m.has_value());
  const auto row_bytes = static_cast<size_t>(*dtype_bytes(type, static_cast<uint64_t>(cols)));
  PackScratch scratch;
  for (int64_t g = 0; g < m->groups(); ++g) {
    std::vector<const std::byte*> pointers;
    for (int64_t r = g * 16; r < std::min(rows, g * 16 + 16); ++r)
      pointers.push_back(bytes.data() + static_cast<size_t>(r) * row_bytes);
    pack_group(*m, g, type, pointers, scratch);
  }
  return std::move(*m);
}

struct Acts {
  std::vector<float> x;
  std::vector<int8_t> q;
  std::vector<ActBlock> meta;
  ActRows rows{};
};

Acts make_acts(const Kernels& k, const std::vector<float>& x, int64_t n, int64_t cols, int terms) {
  Acts a;
  const int64_t stride = round_up(cols, 32);
  const int64_t blocks = stride / 32;
  a.x.assign(static_cast<size_t>(n * stride), 0.0F);
  for (int64_t t = 0; t < n; ++t) std::copy_n(x.begin() + t * cols, cols, a.x.begin() + t * stride);
  a.q.resize(static_cast<size_t>(n * terms * stride));
  a.meta.resize(static_cast<size_t>(n * terms * blocks));
  for (int64_t t = 0; t < n; ++t)
    k.quantize(a.x.data() + t * stride, blocks, terms, a.q.data() + t * terms * stride, a.meta.data() + t * terms * blocks);
  a.rows = {a.x.data(), stride, a.q.data(), a.meta.data(), terms, blocks};
  return a;
}

std::vector<float> random_floats(size_t n, std::mt19937& rng, float spread = 1.0F) {
  std::normal_distribution<float> normal(0, spread);
  std::vector<float> x(n);
  for (float& v : x) v = normal(rng);
  return x;
}

std::vector<float> multiply(const Kernels& k, const PackedMatrix& m, const Acts& a, int64_t n) {
  const int64_t stride = m.groups() * 16;
  std::vector<float> out(static_cast<size_t>(n * stride), -1.0F);
  k.matmul(m, a.rows, n, 0, m.groups(), out.data(), stride);
  return out;
}

template <class T>
void expect_same_bits(const std::vector<T>& a, const std::vector<T>& b, const std::string& what) {
  ASSERT_EQ(a.size(), b.size()) << what;
  if (std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0) return;
  for (size_t i = 0; i < a.size(); ++i)
    ASSERT_EQ(std::memcmp(&a[i], &b[i], sizeof(T)), 0) << what << " differs first at " << i << ": " << a[i] << ", " << b[i];
}

// The instruction sets other than scalar; those that this CPU lacks are named, so that a log never looks like more than was
// run.
std::vector<const Kernels*> others() {
  std::vector<const Kernels*> list;
  for (const Isa isa : {Isa::kAvx2, Isa::kAvxVnni, Isa::kAvx512, Isa::kNeon}) {
    if (const Kernels* k = kernels_for(isa)) list.push_back(k);
  }
  return list;
}

// Those that it lacks are named, so that a log never looks like more than was run.
TEST(Kernels, InstructionSetsOfThisMachine) {
  for (const Isa isa : {Isa::kScalar, Isa::kAvx2, Isa::kAvxVnni, Isa::kAvx512, Isa::kNeon})
    std::printf("%s: %s\n", std::string(isa_name(isa)).c_str(),
                kernels_for(isa) != nullptr ? "run" : "NOT RUN (this machine or build lacks it)");
}

TEST(Kernels, MatmulIsTheSameBitsOnEveryInstructionSet) {
  const Kernels& scalar = *kernels_for(Isa::kScalar);
  const auto isas = others();
  std::mt19937 rng(7);
  for (const DType type : weight_types()) {
    const bool super = is_quantized(type) && dtype_info(type).block_elements == 256;
    for (const int64_t cols : super                ? std::vector<int64_t>{256, 768}
                              : is_quantized(type) ? std::vector<int64_t>{32, 96, 576}
                                                   : std::vector<int64_t>{1, 60, 96}) {
      const int64_t rows = 37;
      const auto bytes = random_rows(type, rows, cols, rng);
      const PackedMatrix m = pack(type, bytes, rows, cols, scalar);
      for (const int terms : {1, 2}) {
        for (const int64_t n : {1, 2, 3, 4, 5, 8, 13}) {
          const auto x = random_floats(static_cast<size_t>(n * cols), rng);
          const auto expected = multiply(scalar, m, make_acts(scalar, x, n, cols, terms), n);
          for (const Kernels* k : isas) {
            const PackedMatrix own = pack(type, bytes, rows, cols, *k);
            expect_same_bits(expected, multiply(*k, own, make_acts(*k, x, n, cols, terms), n),
                             std::string(isa_name(k->isa)) + " " + std::string(dtype_info(type).name) + " cols " +
                                 std::to_string(cols) + " n " + std::to_string(n));
          }
        }
      }
    }
  }
}

TEST(Kernels, MatmulOfExtremeIntegersStaysExact) {
  // Weights and activations at the ends of their ranges: where int16 sums would saturate if too many were joined.
  const Kernels& scalar = *kernels_for(Isa::kScalar);
  std::mt19937 rng(3);
  for (const DType type : weight_types()) {
    if (!is_quantized(type)) continue;
    const int64_t cols = 256;
    auto bytes = random_rows(type, 16, cols, rng);
    for (const int fill : {0x00, 0xFF, 0x80, 0x7F}) {
      auto extreme = bytes;
      const DTypeInfo& info = dtype_info(type);
      for (size_t i = 0; i < extreme.size(); ++i) {
        const size_t at = i % static_cast<size_t>(info.block_bytes);
        const bool scale = at < 4 || at + 4 >= static_cast<size_t>(info.block_bytes) || (type == DType::kTQ1_0 && at >= 52);
        if (!scale) extreme[i] = static_cast<std::byte>(fill);
      }
      for (const float sign : {1.0F, -1.0F}) {
        const std::vector<float> x(static_cast<size_t>(cols), sign * 3.0F);
        const auto expected = multiply(scalar, pack(type, extreme, 16, cols, scalar), make_acts(scalar, x, 1, cols, 1), 1);
        for (const Kernels* k : others())
          expect_same_bits(expected, multiply(*k, pack(type, extreme, 16, cols, *k), make_acts(*k, x, 1, cols, 1), 1),
                           std::string(isa_name(k->isa)) + " " + std::string(info.name));
      }
    }
  }
}

TEST(Kernels, MatmulAgreesWithDoubleArithmetic) {
  std::mt19937 rng(11);
  for (const DType type : weight_types()) {
    const int64_t cols = 512, rows = 20, n = 3;
    const auto bytes = random_rows(type, rows, cols, rng);
    const auto row_bytes = static_cast<size_t>(*dtype_bytes(type, static_cast<uint64_t>(cols)));
    const auto x = random_floats(static_cast<size_t>(n * cols), rng);
    const Kernels& k = best_kernels();
    const PackedMatrix m = pack(type, bytes, rows, cols, k);
    for (const int terms : {1, 2}) {
      const auto out = multiply(k, m, make_acts(k, x, n, cols, terms), n);
      double error = 0, size = 0;
      for (int64_t t = 0; t < n; ++t) {
        for (int64_t r = 0; r < rows; ++r) {
          std::vector<float> w(static_cast<size_t>(cols)), back(static_cast<size_t>(cols));
          dequantize_row(type, bytes.data() + static_cast<size_t>(r) * row_bytes, cols, w.data());
          unpack_row(m, r, back.data());
          ASSERT_EQ(w, back) << dtype_info(type).name << " row " << r;
          double sum = 0;
          for (int64_t c = 0; c < cols; ++c)
            sum += static_cast<double>(w[static_cast<size_t>(c)]) * static_cast<double>(x[static_cast<size_t>(t * cols + c)]);
          const double got = static_cast<double>(out[static_cast<size_t>(t * m.groups() * 16 + r)]);
          error += (got - sum) * (got - sum);
          size += sum * sum;
        }
      }
      const double limit = !is_quantized(type) ? 1e-6 : terms == 1 ? 0.012 : 1e-4;
      EXPECT_LT(std::sqrt(error / size), limit) << dtype_info(type).name << " terms " << terms;
    }
  }
}

TEST(Kernels, ElementwiseIsTheSameBits) {
  const Kernels& s = *kernels_for(Isa::kScalar);
  std::mt19937 rng(5);
  for (const Kernels* k : others()) {
    const std::string name(isa_name(k->isa));
    for (const int64_t n : {1, 7, 16, 33, 60, 576}) {
      const auto stride = static_cast<size_t>(round_up(n, 32));
      auto x = random_floats(stride, rng, 8.0F), w = random_floats(stride, rng);
      std::fill(x.begin() + n, x.end(), 0.0F);
      std::fill(w.begin() + n, w.end(), 0.0F);
      const auto both = [&](const char* what, auto run) {
        std::vector<float> a = x, b = x;
        run(s, a);
        run(*k, b);
        expect_same_bits(a, b, name + " " + what + " n " + std::to_string(n));
      };
      both("rms_norm", [&](const Kernels& t, std::vector<float>& y) { t.rms_norm(x.data(), w.data(), n, 1e-5F, y.data()); });
      both("scale", [&](const Kernels& t, std::vector<float>& y) { t.scale(y.data(), 1.7F, n); });
      both("add", [&](const Kernels& t, std::vector<float>& y) { t.add(y.data(), w.data(), n); });
      both("add_scaled", [&](const Kernels& t, std::vector<float>& y) { t.add_scaled(y.data(), w.data(), 0.22F, n); });
      both("silu", [&](const Kernels& t, std::vector<float>& y) { t.silu_mul(x.data(), w.data(), y.data(), n); });
      both("gelu", [&](const Kernels& t, std::vector<float>& y) { t.gelu_mul(x.data(), w.data(), y.data(), n); });
      both("exp", [&](const Kernels& t, std::vector<float>& y) { t.exp(x.data(), y.data(), n); });
      if (n % 2 == 0)
        both("rope", [&](const Kernels& t, std::vector<float>& y) {
          t.rope(y.data(), w.data(), w.data() + n / 2, static_cast<int>(n));
        });
      const auto blocks = static_cast<int64_t>(stride / 32);
      std::vector<int8_t> qa(2 * stride), qb(2 * stride);
      std::vector<ActBlock> ma(static_cast<size_t>(2 * blocks)), mb(static_cast<size_t>(2 * blocks));
      s.quantize(x.data(), blocks, 2, qa.data(), ma.data());
      k->quantize(x.data(), blocks, 2, qb.data(), mb.data());
      ASSERT_EQ(qa, qb) << name;
      ASSERT_EQ(std::memcmp(ma.data(), mb.data(), ma.size() * sizeof(ActBlock)), 0) << name;
    }
  }
}

// Eight bits have no sign for NaN: without one every product would be a number like any other.
TEST(Kernels, QuantisingKeepsWhatIsNotFinite) {
  std::mt19937 rng(6);
  const auto good = random_floats(96, rng);
  const auto rows = random_rows(DType::kQ4_1, 16, 96, rng);
  for (const Isa isa : available_isas()) {
    const Kernels& k = *kernels_for(isa);
    const PackedMatrix m = pack(DType::kQ4_1, rows, 16, 96, k);
    for (const float bad : {NAN, -NAN, INFINITY, -INFINITY}) {
      for (size_t at = 32; at < 64; ++at) {
        auto x = good;
        x[at] = bad;
        for (const int terms : {1, 2}) {
          const Acts a = make_acts(k, x, 1, 96, terms);
          EXPECT_FALSE(std::isnan(a.meta[0].d));
          EXPECT_TRUE(std::isnan(a.meta[1].d) && std::isnan(a.meta[1].d_sum)) << isa_name(isa) << " at " << at;
          EXPECT_EQ(std::count(a.q.begin() + 32, a.q.begin() + 64, 0), 32) << "the same bytes everywhere";
          for (const float y : multiply(k, m, a, 1)) EXPECT_TRUE(std::isnan(y)) << isa_name(isa) << " at " << at;
        }
        // The cache's own 8 bits: a head of 32 values.
        std::vector<uint8_t> keys(64 * 48), values(64 * 48);
        k.kv_store(2, keys.data(), values.data(), 5, x.data() + 32, x.data() + 32, 32);
        float scale[2];
        std::memcpy(&scale[0], keys.data() + size_t{32} * 64 + 5 * sizeof(float), sizeof(float));
        std::memcpy(&scale[1], values.data() + size_t{64} * 32 + 5 * sizeof(float), sizeof(float));
        EXPECT_TRUE(std::isnan(scale[0]) && std::isnan(scale[1])) << isa_name(isa) << " at " << at;
      }
    }
  }
}

TEST(Kernels, ExpIsAccurateAndExactAtItsEnds) {
  const Kernels& k = best_kernels();
  for (int i = -870; i <= 880; ++i) {
    const float x = static_cast<float>(i) * 0.1F;
    float y = 0;
    k.exp(&x, &y, 1);
    const double want = std::exp(static_cast<double>(x));
    if (x < -87.0F)
      EXPECT_EQ(y, 0.0F);
    else if (x > 88.0F)
      EXPECT_TRUE(std::isinf(y));
    else
      EXPECT_NEAR(static_cast<double>(y) / want, 1.0, 3e-7) << x;
  }
  const float ends[] = {0.0F, -INFINITY, INFINITY, NAN};
  float y[4];
  k.exp(ends, y, 4);
  EXPECT_EQ(y[0], 1.0F);
  EXPECT_EQ(y[1], 0.0F);
  EXPECT_TRUE(std::isinf(y[2]));
  EXPECT_TRUE(std::isnan(y[3]));
}

// One kv head filled with `n` positions.
struct Cache {
  std::vector<std::vector<uint8_t>> keys, values;
  std::vector<const uint8_t*> key_pages, value_pages;
  KvView view{};
};

Cache fill_cache(const Kernels& k, int type, int head_dim, int n, const std::vector<float>& keys,
                 const std::vector<float>& values) {
  Cache c;
  for (int page = 0; page * 64 < n; ++page) {
    c.keys.emplace_back(static_cast<size_t>(64 * (round_up(head_dim, 16) * 4 + 64)));
    c.values.emplace_back(static_cast<size_t>(64 * (round_up(head_dim, 16) * 4 + 64)));
  }
  for (int i = 0; i < n; ++i) {
    const auto page = static_cast<size_t>(i / 64);
    k.kv_store(type, c.keys[page].data(), c.values[page].data(), i % 64, keys.data() + i * head_dim,
               values.data() + i * head_dim, head_dim);
  }
  for (const auto& p : c.keys) c.key_pages.push_back(p.data());
  for (const auto& p : c.values) c.value_pages.push_back(p.data());
  c.view = {c.key_pages.data(), c.value_pages.data(), type, head_dim};
  return c;
}

std::vector<float> attend(const Kernels& k, const Cache& c, const std::vector<float>& q,
                          const std::vector<std::pair<int, int>>& visible, int together) {
  const int dim = c.view.head_dim;
  const auto padded = static_cast<size_t>(round_up(dim, 16));
  std::vector<float> out(visible.size() * padded, -1.0F);
  std::vector<AttentionQuery> queries;
  for (size_t i = 0; i < visible.size(); ++i)
    queries.push_back({q.data() + i * static_cast<size_t>(dim), out.data() + i * padded, visible[i].first, visible[i].second});
  std::vector<float> scratch(static_cast<size_t>(attention_scratch(dim)));
  for (size_t i = 0; i < queries.size(); i += static_cast<size_t>(together))
    k.attend(&c.view, queries.data() + i, static_cast<int>(std::min(static_cast<size_t>(together), queries.size() - i)),
             scratch.data());
  return out;
}

TEST(Kernels, AttentionIsTheSameBitsHoweverQueriesAreGrouped) {
  const Kernels& s = *kernels_for(Isa::kScalar);
  std::mt19937 rng(9);
  for (const int type : {0, 1, 2}) {
    for (const int dim : {16, 24, 64, 128}) {
      const int n = 200;
      const auto keys = random_floats(static_cast<size_t>(n * dim), rng),
                 values = random_floats(static_cast<size_t>(n * dim), rng);
      std::vector<std::pair<int, int>> visible = {{0, 0},  {0, 1},    {0, 15},   {0, 16},    {0, 62}, {0, 63},
                                                  {0, 64}, {10, 140}, {70, 199}, {128, 130}, {0, 199}};
      const auto q = random_floats(visible.size() * static_cast<size_t>(dim), rng, 0.5F);
      const Cache cache = fill_cache(s, type, dim, n, keys, values);
      const auto expected = attend(s, cache, q, visible, 1);
      for (const int together : {2, 3, 4, 11})
        expect_same_bits(expected, attend(s, cache, q, visible, together), "scalar, together " + std::to_string(together));
      for (const Kernels* k : others()) {
        const Cache own = fill_cache(*k, type, dim, n, keys, values);
        for (const int together : {1, 4, 11})
          expect_same_bits(expected, attend(*k, own, q, visible, together),
                           std::string(isa_name(k->isa)) + " kv " + std::to_string(type) + " dim " + std::to_string(dim));
      }
      // Against plain softmax in double.
      for (size_t i = 0; i < visible.size(); ++i) {
        std::vector<double> weight, o(static_cast<size_t>(dim));
        double total = 0, worst = 0, size = 0;
        for (int j = visible[i].first; j <= visible[i].second; ++j) {
          double score = 0;
          for (int d = 0; d < dim; ++d)
            score += static_cast<double>(q[i * static_cast<size_t>(dim) + static_cast<size_t>(d)]) *
                     static_cast<double>(keys[static_cast<size_t>(j * dim + d)]);
          weight.push_back(std::exp(score));
          total += weight.back();
        }
        for (int d = 0; d < dim; ++d) {
          double sum = 0;
          for (size_t j = 0; j < weight.size(); ++j)
            sum += weight[j] / total *
                   static_cast<double>(
                       values[(static_cast<size_t>(visible[i].first) + j) * static_cast<size_t>(dim) + static_cast<size_t>(d)]);
          const double got = static_cast<double>(expected[i * static_cast<size_t>(round_up(dim, 16)) + static_cast<size_t>(d)]);
          worst += (got - sum) * (got - sum);
          size += sum * sum;
        }
        EXPECT_LT(std::sqrt(worst / size), type == 0   ? 1e-5
                                           : type == 1 ? 2e-3
                                                       : 6e-2)
            << "kv " << type << " dim " << dim << " query " << i;
      }
    }
  }
}

}  // namespace
}  // namespace sobre
