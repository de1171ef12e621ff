// After warm-up a step of the engine and its sampler makes no heap call: malloc and its kin are interposed and counted.
#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <random>

#include "base/checked.h"
#include "engine/sampler.h"
#include "engine/session.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SOBRE_FOREIGN_ALLOCATOR 1
#endif
#endif

namespace {
std::atomic<bool> counting{false};
std::atomic<int> calls{0};
#if !defined(SOBRE_FOREIGN_ALLOCATOR)
void count() {
  if (counting.load(std::memory_order_relaxed)) calls.fetch_add(1, std::memory_order_relaxed);
}
#endif
}  // namespace

#if !defined(SOBRE_FOREIGN_ALLOCATOR)
extern "C" {
void* __libc_malloc(size_t n);
void* __libc_calloc(size_t n, size_t size);
void* __libc_realloc(void* p, size_t n);
void __libc_free(void* p);
void* __libc_memalign(size_t alignment, size_t n);

void* malloc(size_t n) {
  count();
  return __libc_malloc(n);
}
void* calloc(size_t n, size_t size) {
  count();
  return __libc_calloc(n, size);
}
void* realloc(void* p, size_t n) {
  count();
  return __libc_realloc(p, n);
}
void free(void* p) {
  if (p != nullptr) count();
  __libc_free(p);
}
void* aligned_alloc(size_t alignment, size_t n) {
  count();
  return __libc_memalign(alignment, n);
}
int posix_memalign(void** p, size_t alignment, size_t n) {
  count();
  *p = __libc_memalign(alignment, n);
  return *p == nullptr ? ENOMEM : 0;
}
}
#endif

namespace sobre {
namespace {

PackedMatrix random_matrix(int64_t rows, int64_t cols, std::mt19937& rng) {
  const Kernels& k = best_kernels();
  auto m = make_packed(Form::kQ8, rows, cols, static_cast<uint8_t>(k.zero8));
  std::normal_distribution<float> normal(0, 1.0F / std::sqrt(static_cast<float>(cols)));
  const auto row_bytes = static_cast<size_t>(*dtype_bytes(DType::kQ8_0, static_cast<uint64_t>(cols)));
  std::vector<std::byte> bytes(row_bytes * static_cast<size_t>(rows));
  std::vector<float> x(static_cast<size_t>(cols));
  PackScratch scratch;
  for (int64_t r = 0; r < rows; ++r) {
    for (float& v : x) v = normal(rng);
    quantize_row(DType::kQ8_0, x.data(), cols, bytes.data() + static_cast<size_t>(r) * row_bytes);
  }
  for (int64_t g = 0; g < m->groups(); ++g) {
    std::vector<const std::byte*> pointers;
    for (int64_t r = g * 16; r < std::min(rows, g * 16 + 16); ++r)
      pointers.push_back(bytes.data() + static_cast<size_t>(r) * row_bytes);
    pack_group(*m, g, DType::kQ8_0, pointers, scratch);
  }
  return std::move(*m);
}

std::shared_ptr<const Model> random_model() {
  std::mt19937 rng(1);
  DecoderSpec s;
  s.d_model = 64;
  s.vocab_size = 200;
  s.max_context = 512;
  s.ropes.push_back({std::vector<float>(16, 0.1F), 1.0F});
  LayerSpec l;
  l.n_heads = 2, l.n_kv_heads = 1, l.head_dim = 32, l.ffn_dim = 96, l.score_scale = 0.18F;
  s.layers.assign(2, l);
  Weights w;
  w.embedding = random_matrix(200, 64, rng);
  w.final_norm.assign(64, 1.0F);
  for (int i = 0; i < 2; ++i) {
    LayerWeights layer;
    layer.attn_norm.assign(64, 1.0F);
    layer.ffn_norm.assign(64, 1.0F);
    layer.q = random_matrix(64, 64, rng), layer.k = random_matrix(32, 64, rng), layer.v = random_matrix(32, 64, rng);
    layer.o = random_matrix(64, 64, rng), layer.gate = random_matrix(96, 64, rng), layer.up = random_matrix(96, 64, rng);
    layer.down = random_matrix(64, 96, rng);
    w.layers.push_back(std::move(layer));
  }
  return Model::from_parts(std::move(s), std::move(w), best_kernels());
}

TEST(Allocation, AStepAndItsSamplingMakeNoHeapCall) {
#if defined(SOBRE_FOREIGN_ALLOCATOR)
  GTEST_SKIP() << "a sanitizer owns malloc in this build";
#endif
  SessionOptions options;
  options.context = 400;
  options.threads = 2;
  auto session = Session::create(random_model(), options);
  ASSERT_TRUE(session.has_value()) << session.error().message;
  SamplingOptions sampling;
  sampling.temperature = 0.8;
  sampling.top_k = 40;
  sampling.top_p = 0.9;
  sampling.min_p = 0.01;
  sampling.repetition_penalty = 1.1;
  Sampler sampler(sampling, 200);
  const std::vector<int32_t> prompt(50, 7);
  ASSERT_TRUE((*session)->append(prompt).has_value());
  int32_t id = sampler.sample((*session)->logits(), 0);
  // Warm-up over one page; then 300 tokens, which take new pages as they come.
  for (uint64_t i = 1; i < 20; ++i) {
    ASSERT_TRUE((*session)->append(std::span(&id, 1)).has_value());
    id = sampler.sample((*session)->logits(), i);
  }
  calls = 0;
  counting = true;
  bool ok = true;
  for (uint64_t i = 20; i < 320; ++i) {
    ok = ok && (*session)->append(std::span(&id, 1)).has_value();
    id = sampler.sample((*session)->logits(), i);
  }
  counting = false;
  EXPECT_TRUE(ok);
  EXPECT_EQ(calls.load(), 0);
  // The counter itself works.
  counting = true;
  std::free(std::malloc(10));
  counting = false;
  EXPECT_GE(calls.load(), 1);
}

}  // namespace
}  // namespace sobre
