// One answer, everywhere: the logits of small random models are compared bit for bit over threads, chunks, batches and
// instruction sets.
#include "model/forward.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <random>

#include "base/checked.h"

namespace sobre {
namespace {

constexpr int kVocab = 70;

DecoderSpec small_spec(int d, int heads, int kv_heads, int dim, int ffn) {
  DecoderSpec s;
  s.family = "test";
  s.d_model = d;
  s.vocab_size = kVocab;
  s.max_context = 512;
  s.tied_head = true;
  RopeSpec rope;
  for (int i = 0; i < dim / 2; ++i)
    rope.inv_freq.push_back(std::pow(10000.0F, -2.0F * static_cast<float>(i) / static_cast<float>(dim)));
  s.ropes.push_back(rope);
  for (int i = 0; i < 3; ++i) {
    LayerSpec l;
    l.n_heads = heads;
    l.n_kv_heads = kv_heads;
    l.head_dim = dim;
    l.ffn_dim = ffn;
    l.score_scale = 1.0F / std::sqrt(static_cast<float>(dim));
    s.layers.push_back(l);
  }
  return s;
}

// Random weights of one type, the same for every instruction set.
class Maker {
 public:
  Maker(DType type, const Kernels& kernels) : type_(type), kernels_(kernels) {}

  PackedMatrix matrix(int64_t rows, int64_t cols) {
    const int64_t padded = round_up(cols, dtype_info(type_).block_elements);
    const int64_t held = is_quantized(type_) ? padded : cols;
    auto m = make_packed(form_of(type_), rows, cols, static_cast<uint8_t>(kernels_.zero8));
    const auto row_bytes = static_cast<size_t>(*dtype_bytes(type_, static_cast<uint64_t>(held)));
    std::vector<std::byte> bytes(row_bytes * static_cast<size_t>(rows));
    std::vector<float> x(static_cast<size_t>(held));
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t c = 0; c < cols; ++c) x[static_cast<size_t>(c)] = normal_(rng_) / std::sqrt(static_cast<float>(cols));
      if (can_quantize(type_))
        quantize_row(type_, x.data(), held, bytes.data() + static_cast<size_t>(r) * row_bytes);
      else
        raw_row(bytes.data() + static_cast<size_t>(r) * row_bytes, row_bytes);
    }
    PackScratch scratch;
    for (int64_t g = 0; g < m->groups(); ++g) {
      std::vector<const std::byte*> rows16;
      for (int64_t r = g * 16; r < std::min(rows, g * 16 + 16); ++r)
        rows16.push_back(bytes.data() + static_cast<size_t>(r) * row_bytes);
      pack_group(*m, g, type_, rows16, scratch);
    }
    return std::move(*m);
  }

  std::vector<float> vector(int64_t n, float around) {
    std::vector<float> v(static_cast<size_t>(round_up(n, 32)), 0.0F);
    for (int64_t i = 0; i < n; ++i) v[static_cast<size_t>(i)] = around + 0.1F * normal_(rng_);
    return v;
  }

 private:
  // Types that nothing here writes: random bytes with a fixed scale.
  void raw_row(std::byte* row, size_t n) {
    const auto block = static_cast<size_t>(dtype_info(type_).block_bytes);
    const uint16_t scale = f32_to_f16(type_ == DType::kIQ4_XS ? 2e-5F : 0.05F);
    for (size_t i = 0; i < n; ++i) row[i] = static_cast<std::byte>(rng_());
    for (size_t at = 0; at < n; at += block) {
      if (type_ == DType::kMXFP4)
        row[at] = static_cast<std::byte>(122);
      else
        std::memcpy(row + at + (type_ == DType::kTQ1_0 ? 52 : type_ == DType::kTQ2_0 ? 64 : 0), &scale, 2);
    }
  }

  DType type_;
  const Kernels& kernels_;
  std::mt19937 rng_{17};
  std::normal_distribution<float> normal_;
};

std::shared_ptr<const Model> make_model(const DecoderSpec& spec, DType type, const Kernels& kernels, bool biases = false) {
  Maker make(type, kernels);
  Weights w;
  w.embedding = make.matrix(spec.vocab_size, spec.d_model);
  w.final_norm = make.vector(spec.d_model, 1.0F);
  for (const LayerSpec& l : spec.layers) {
    LayerWeights out;
    const int64_t q = static_cast<int64_t>(l.n_heads) * l.head_dim, kv = static_cast<int64_t>(l.n_kv_heads) * l.head_dim;
    out.attn_norm = make.vector(spec.d_model, 1.0F);
    out.ffn_norm = make.vector(spec.d_model, 1.0F);
    if (l.attn_post_norm) out.attn_post_norm = make.vector(spec.d_model, 1.0F);
    if (l.ffn_post_norm) out.ffn_post_norm = make.vector(spec.d_model, 1.0F);
    if (l.qk_norm) out.q_norm = make.vector(l.head_dim, 1.0F), out.k_norm = make.vector(l.head_dim, 1.0F);
    if (biases)
      out.q_bias = make.vector(q, 0), out.k_bias = make.vector(kv, 0), out.v_bias = make.vector(kv, 0),
      out.o_bias = make.vector(spec.d_model, 0);
    out.q = make.matrix(q, spec.d_model);
    out.k = make.matrix(kv, spec.d_model);
    out.v = make.matrix(kv, spec.d_model);
    out.o = make.matrix(spec.d_model, q);
    out.gate = make.matrix(l.ffn_dim, spec.d_model);
    out.up = make.matrix(l.ffn_dim, spec.d_model);
    out.down = make.matrix(spec.d_model, l.ffn_dim);
    w.layers.push_back(std::move(out));
  }
  return Model::from_parts(spec, std::move(w), kernels);
}

std::vector<int32_t> sequence(int n, unsigned seed) {
  std::mt19937 rng(seed);
  std::vector<int32_t> ids(static_cast<size_t>(n));
  for (int32_t& id : ids) id = static_cast<int32_t>(rng() % kVocab);
  return ids;
}

struct Run {
  KvType kv = KvType::kF16;
  int threads = 1;
  int chunk = 1000;
  int others = 0;  // sequences that share every step
};

// Logits of every position, fed in chunks; other sequences of other lengths ride along.
std::vector<float> logits_of(std::shared_ptr<const Model> model, const std::vector<int32_t>& ids, const Run& run) {
  const int n = static_cast<int>(ids.size());
  const int pages = static_cast<int>(div_up(n, kPagePositions));
  auto pool = KvPool::create(model->spec(), run.kv, pages * (run.others + 1));
  auto threads = std::make_shared<ThreadPool>(run.threads);
  const int most = std::min(run.chunk, n) * (run.others + 1);
  auto forward = Forward::create(model, threads, most, most, pages);
  std::vector<std::vector<int>> tables(static_cast<size_t>(run.others) + 1);
  std::vector<std::vector<int32_t>> texts{ids};
  for (int i = 0; i < run.others; ++i) texts.push_back(sequence(n, static_cast<unsigned>(100 + i)));
  for (auto& table : tables) {
    for (int p = 0; p < pages; ++p) table.push_back(pool->acquire());
  }
  const std::vector<SequencePages> views(tables.begin(), tables.end());
  std::vector<float> out;
  for (int at = 0; at < n; at += run.chunk) {
    const int end = std::min(n, at + run.chunk);
    std::vector<BatchToken> batch;
    int ours = 0;
    for (int s = run.others; s >= 0; --s) {  // our own sequence comes last
      if (s == 0) ours = static_cast<int>(batch.size());
      for (int p = at; p < end; ++p) batch.push_back({texts[static_cast<size_t>(s)][static_cast<size_t>(p)], p, s, true});
    }
    const auto done = (*forward)->step(batch, views, *pool);
    EXPECT_TRUE(done.has_value()) << done.error().message;
    for (int p = at; p < end; ++p) {
      const auto row = (*forward)->logits(ours + p - at);
      out.insert(out.end(), row.begin(), row.end());
    }
  }
  return out;
}

void expect_same(const std::vector<float>& a, const std::vector<float>& b, const std::string& what) {
  ASSERT_EQ(a.size(), b.size()) << what;
  ASSERT_EQ(std::memcmp(a.data(), b.data(), a.size() * sizeof(float)), 0) << what;
}

void check_everywhere(const DecoderSpec& spec, DType type, KvType kv, const std::string& what, bool biases = false) {
  const Kernels& scalar = *kernels_for(Isa::kScalar);
  const auto ids = sequence(70, 5);
  const auto expected = logits_of(make_model(spec, type, scalar, biases), ids, {kv, 1, 1000, 0});
  double size = 0;
  for (const float x : expected) {
    ASSERT_TRUE(std::isfinite(x)) << what;
    size += std::fabs(static_cast<double>(x));
  }
  ASSERT_GT(size, 0.0) << what;
  for (const Isa isa : available_isas()) {
    const auto model = make_model(spec, type, *kernels_for(isa), biases);
    const std::string name = what + " on " + std::string(isa_name(isa));
    for (const int chunk : {1, 7, 64, 1000})
      expect_same(expected, logits_of(model, ids, {kv, 2, chunk, 0}), name + ", chunks of " + std::to_string(chunk));
    expect_same(expected, logits_of(model, ids, {kv, 1, 33, 4}), name + ", one of five");
    expect_same(expected, logits_of(model, ids, {kv, 2, 1, 4}), name + ", one of five, 2 threads");
  }
}

TEST(Forward, SameBitsForEveryWeightType) {
  for (int t = 0; t < kDTypeCount; ++t) {
    const auto type = static_cast<DType>(t);
    if (!is_quantized(type) && type != DType::kF32 && type != DType::kF16 && type != DType::kBF16) continue;
    const bool super = dtype_info(type).block_elements == 256;
    check_everywhere(super ? small_spec(256, 4, 2, 64, 256) : small_spec(96, 3, 1, 32, 160), type, KvType::kF16,
                     std::string(dtype_info(type).name));
  }
}

TEST(Forward, SameBitsForEveryCacheTypeAndOddShape) {
  for (const KvType kv : {KvType::kF32, KvType::kF16, KvType::kQ8}) {
    check_everywhere(small_spec(60, 5, 1, 12, 100), DType::kQ8_0, kv, "odd shape, " + std::string(kv_type_name(kv)));
    check_everywhere(small_spec(128, 2, 2, 40, 96), DType::kF32, kv, "f32, " + std::string(kv_type_name(kv)));
  }
}

TEST(Forward, SameBitsWithEveryMechanism) {
  DecoderSpec s = small_spec(96, 6, 2, 16, 128);
  s.embedding_scale = 9.8F;
  s.residual_scale = 0.22F;
  s.logit_divisor = 8.0F;
  s.query_scale_beta = 0.1F;
  s.query_scale_context = 32;
  s.layers[0].window = 20;
  s.layers[1].rope = -1;
  s.layers[1].activation = Activation::kGeluTanh;
  s.layers[2].qk_norm = true;
  s.layers[2].attn_post_norm = s.layers[2].ffn_post_norm = true;
  check_everywhere(s, DType::kQ4_1, KvType::kF16, "every mechanism", true);
}

// What a wider layer leaves behind a narrower one's rows is not read: these rows end within a block of 32.
TEST(Forward, SameBitsWithLayersOfDifferentWidths) {
  DecoderSpec s = small_spec(64, 3, 1, 16, 80);
  s.layers[1].n_heads = 6;
  s.layers[1].ffn_dim = 160;
  check_everywhere(s, DType::kQ8_0, KvType::kF16, "narrow, wide, narrow");
}

// The reference checkpoints of every family: alone, in chunks, and one of five, on each instruction set.
TEST(Forward, SameBitsForEveryFamilyAloneAndInABatch) {
  const std::string folder = std::string(SOBRE_SOURCE_DIR) + "/../shared/goldens/families";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is absent: no family's checkpoint is run";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::vector<float> expected;
    for (const Isa isa : available_isas()) {
      LoadOptions options;
      options.isa = isa;
      const auto model = Model::load(entry.path().string(), options);
      ASSERT_TRUE(model.has_value()) << model.error().message;
      const auto ids = sequence(70, 3);
      const std::string name = entry.path().filename().string() + " on " + std::string(isa_name(isa));
      if (expected.empty()) expected = logits_of(*model, ids, {KvType::kF16, 1, 1000, 0});
      expect_same(expected, logits_of(*model, ids, {KvType::kF16, 2, 7, 0}), name + ", chunks of 7");
      expect_same(expected, logits_of(*model, ids, {KvType::kF16, 2, 33, 4}), name + ", one of five");
    }
  }
}

TEST(Forward, WindowHidesOldTokens) {
  // With one layer and a window of 4, what stands 4 or more positions back cannot matter.
  DecoderSpec s = small_spec(64, 2, 1, 32, 64);
  s.layers.resize(1);
  s.layers[0].window = 4;
  const auto model = make_model(s, DType::kF32, best_kernels());
  auto ids = sequence(40, 1);
  const auto before = logits_of(model, ids, {});
  ids[10] = (ids[10] + 1) % kVocab;
  const auto after = logits_of(model, ids, {});
  for (int p = 0; p < 40; ++p) {
    const bool same = std::memcmp(before.data() + p * kVocab, after.data() + p * kVocab, kVocab * sizeof(float)) == 0;
    EXPECT_EQ(same, p < 10 || p > 13) << p;
  }
}

TEST(Forward, ValuesThatAreNotFiniteNameTheirLayer) {
  DecoderSpec s = small_spec(64, 2, 1, 32, 64);
  const Kernels& k = best_kernels();
  auto model = make_model(s, DType::kF32, k);
  const_cast<Weights&>(model->weights()).layers[1].attn_norm[3] = NAN;
  auto pool = KvPool::create(s, KvType::kF16, 1);
  auto forward = Forward::create(model, std::make_shared<ThreadPool>(2), 4, 1, 1);
  const std::vector<int> pages{pool->acquire()};
  const SequencePages view(pages);
  const BatchToken token{1, 0, 0, true};
  const auto done = (*forward)->step(std::span(&token, 1), std::span(&view, 1), *pool);
  ASSERT_FALSE(done.has_value());
  EXPECT_NE(done.error().message.find("layer 1"), std::string::npos) << done.error().message;
  EXPECT_TRUE((*forward)->is_bad(0));
  const BatchToken outside{kVocab, 0, 0, true};
  EXPECT_FALSE((*forward)->step(std::span(&outside, 1), std::span(&view, 1), *pool).has_value());
  EXPECT_FALSE((*forward)->is_bad(0));
}

// A damaged scale of a matrix whose results are rounded to 8 bits (activations, or keys and values) before any check.
TEST(Forward, DamagedScalesAreFoundBehindEveryMatrix) {
  const DecoderSpec s = small_spec(64, 2, 1, 32, 64);
  const std::pair<const char*, PackedMatrix LayerWeights::*> matrices[] = {
      {"q", &LayerWeights::q},   {"k", &LayerWeights::k},       {"v", &LayerWeights::v},      {"o", &LayerWeights::o},
      {"up", &LayerWeights::up}, {"gate", &LayerWeights::gate}, {"down", &LayerWeights::down}};
  for (const auto& [name, matrix] : matrices) {
    for (const KvType kv : {KvType::kF16, KvType::kQ8}) {
      const auto model = make_model(s, DType::kQ8_0, best_kernels());
      PackedMatrix& m = const_cast<Weights&>(model->weights()).layers[1].*matrix;
      const uint16_t nan = 0x7E00;
      std::memcpy(m.data.data() + m.layout.scales, &nan, sizeof(nan));
      auto pool = KvPool::create(s, kv, 1);
      auto forward = Forward::create(model, std::make_shared<ThreadPool>(1), 4, 1, 1);
      const std::vector<int> pages{pool->acquire()};
      const SequencePages view(pages);
      const BatchToken tokens[] = {{1, 0, 0, false}, {2, 1, 0, true}};
      const auto done = (*forward)->step(tokens, std::span(&view, 1), *pool);
      EXPECT_FALSE(done.has_value()) << name << ", " << kv_type_name(kv);
    }
  }
}

}  // namespace
}  // namespace sobre
