#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "format/gguf.h"
#include "model/families.h"
#include "model/families_testing.h"

namespace sobre {
namespace {

namespace fs = std::filesystem;

constexpr uint32_t kGgufU32 = 4;
constexpr int64_t kWidth = 64, kLayers = 8, kFfn = 96, kVocab = 100;

// A whole GGUF file in memory: the keys and tensors of a small model, to which a test adds and from which it takes away.
struct SmallGguf {
  explicit SmallGguf(std::string name) : architecture(std::move(name)) {
    ints = {{"context_length", 256},       {"embedding_length", kWidth}, {"block_count", kLayers},
            {"feed_forward_length", kFfn}, {"attention.head_count", 4},  {"attention.head_count_kv", 2}};
    floats = {{"attention.layer_norm_rms_epsilon", 1e-5F}, {"rope.freq_base", 1e4F}};
    add_tensors(16);
  }

  void add_tensors(int64_t head_dim) {
    shapes["token_embd.weight"] = {kVocab, kWidth};
    shapes["output_norm.weight"] = {kWidth};
    for (int64_t i = 0; i < kLayers; ++i) {
      const std::string p = "blk." + std::to_string(i) + ".";
      shapes[p + "attn_norm.weight"] = shapes[p + "ffn_norm.weight"] = {kWidth};
      shapes[p + "attn_q.weight"] = {4 * head_dim, kWidth};
      shapes[p + "attn_k.weight"] = shapes[p + "attn_v.weight"] = {2 * head_dim, kWidth};
      shapes[p + "attn_output.weight"] = {kWidth, 4 * head_dim};
      shapes[p + "ffn_gate.weight"] = shapes[p + "ffn_up.weight"] = {kFfn, kWidth};
      shapes[p + "ffn_down.weight"] = {kWidth, kFfn};
    }
  }

  void add_everywhere(const std::string& stem, const std::vector<int64_t>& shape) {
    for (int64_t i = 0; i < kLayers; ++i) shapes["blk." + std::to_string(i) + "." + stem] = shape;
  }

  void take_everywhere(const std::string& stem) {
    for (int64_t i = 0; i < kLayers; ++i) shapes.erase("blk." + std::to_string(i) + "." + stem);
  }

  Result<CheckpointPlan> plan() {
    GgufWriter writer;
    writer.add_string("general.architecture", architecture);
    for (const auto& [key, value] : ints) writer.add_u32(architecture + "." + key, static_cast<uint32_t>(value));
    for (const auto& [key, value] : floats) writer.add_f32(architecture + "." + key, value);
    for (const auto& [key, value] : strings) writer.add_string(architecture + "." + key, value);
    for (const auto& [key, value] : flags) writer.add_bool(architecture + "." + key, value);
    for (const auto& [key, values] : lists) {
      GgufArray array;
      array.ints = values;
      array.element_type = kGgufU32;
      writer.add(architecture + "." + key, array, kGgufU32);
    }
    for (const auto& [name, shape] : shapes) writer.add_tensor(name, DType::kF32, shape);
    Result<std::string> header = writer.header();
    EXPECT_TRUE(header) << header.error().message;
    bytes = header.value_or("");
    for (const GgufWriter::Tensor& t : writer.tensors()) {
      size_t size = sizeof(float);
      for (const int64_t d : t.shape) size *= static_cast<size_t>(d);
      std::string data(size, '\0');
      if (t.name == "rope_freqs.weight")
        std::memcpy(data.data(), divisors.data(), std::min(size, divisors.size() * sizeof(float)));
      bytes += data + std::string((GgufWriter::kAlignment - size % GgufWriter::kAlignment) % GgufWriter::kAlignment, '\0');
    }
    const Result<GgufFile> file = GgufFile::parse(std::as_bytes(std::span(bytes)), "small.gguf");
    if (!file) return fail_in("the test's own file", file.error());
    return plan_from_gguf(*file);
  }

  CheckpointPlan good() {
    Result<CheckpointPlan> made = plan();
    EXPECT_TRUE(made) << made.error().message;
    return made ? *std::move(made) : CheckpointPlan{};
  }

  std::string architecture;
  std::map<std::string, int64_t> ints;
  std::map<std::string, float> floats;
  std::map<std::string, std::string> strings;
  std::map<std::string, bool> flags;
  std::map<std::string, std::vector<int64_t>> lists;
  std::map<std::string, std::vector<int64_t>> shapes;
  std::vector<float> divisors;
  std::string bytes;
};

TEST(FamiliesGguf, Llama) {
  SmallGguf file("llama");
  CheckpointPlan plan = file.good();
  EXPECT_EQ(plan.qk_order, QkOrder::kInterleaved);
  EXPECT_TRUE(plan.spec.tied_head);
  EXPECT_EQ(plan.spec.vocab_size, kVocab);
  EXPECT_EQ(plan.spec.layers[0].head_dim, 16);
  EXPECT_EQ(plan.layers[7].down.name, "blk.7.ffn_down.weight");
  EXPECT_TRUE(plan.layers[0].q_bias.name.empty());
  EXPECT_EQ(planned_tensors(plan).size(), file.shapes.size());
  file.shapes["output.weight"] = {kVocab, kWidth};
  plan = file.good();
  EXPECT_FALSE(plan.spec.tied_head);
  EXPECT_EQ(plan.head.name, "output.weight");
}

TEST(FamiliesGguf, Llama3DivisorsComeFromTheFile) {
  SmallGguf file("llama");
  file.shapes["rope_freqs.weight"] = {8};
  file.divisors = {1, 1, 1, 1.5F, 4, 32, 32, 32};
  const CheckpointPlan plan = file.good();
  EXPECT_EQ(plan.spec.ropes[0].inv_freq[0], 1.0F);
  EXPECT_NEAR(plan.spec.ropes[0].inv_freq[3], std::pow(1e4, -6.0 / 16) / 1.5, 1e-8);
  EXPECT_NEAR(plan.spec.ropes[0].inv_freq[5], std::pow(1e4, -10.0 / 16) / 32, 1e-10);
  EXPECT_TRUE(is_ignorable(plan, "rope_freqs.weight"));
  file.shapes["rope_freqs.weight"] = {7};
  expect_error(file.plan(), "7 frequency divisors");
  file.shapes["rope_freqs.weight"] = {8};
  file.divisors[2] = 0;
  expect_error(file.plan(), "divisor 2 is 0");
}

TEST(FamiliesGguf, LinearScaling) {
  SmallGguf file("llama");
  file.floats["rope.scaling.factor"] = 4;
  EXPECT_EQ(file.good().spec.ropes[0].inv_freq[0], 0.25F);  // an absent type means linear
  file.strings["rope.scaling.type"] = "none";
  EXPECT_EQ(file.good().spec.ropes[0].inv_freq[0], 1.0F);
  file.strings["rope.scaling.type"] = "longrope";
  expect_error(file.plan(), "\"longrope\" is not supported; supported are none, linear and yarn");
  SmallGguf legacy("llama");
  legacy.floats["rope.scale_linear"] = 2;
  EXPECT_EQ(legacy.good().spec.ropes[0].inv_freq[0], 0.5F);
}

TEST(FamiliesGguf, Ministral3) {
  SmallGguf file("mistral3");
  file.strings["rope.scaling.type"] = "yarn";
  file.floats["rope.scaling.factor"] = 16;
  file.ints["rope.scaling.original_context_length"] = 64;
  file.floats["rope.scaling.yarn_beta_fast"] = 32;
  file.floats["rope.scaling.yarn_beta_slow"] = 1;
  file.floats["rope.scaling.yarn_log_multiplier"] = 1;
  file.floats["attention.temperature_scale"] = 0.1F;
  CheckpointPlan plan = file.good();
  EXPECT_EQ(plan.spec.family, "ministral3");
  EXPECT_EQ(plan.spec.ropes[0].magnitude, 1.0F);
  EXPECT_NEAR(plan.spec.ropes[0].inv_freq[7], std::pow(1e4, -14.0 / 16) / 16, 1e-9);
  EXPECT_EQ(plan.spec.query_scale_context, 64);
  EXPECT_FLOAT_EQ(plan.spec.query_scale_beta, 0.1F);
  EXPECT_EQ(plan.spec.max_context, 1024);
  file.floats["rope.scaling.yarn_log_multiplier"] = 0;
  file.floats["rope.scaling.attn_factor"] = 0.5F;
  EXPECT_NEAR(file.good().spec.ropes[0].magnitude, 0.5 * (1 + 0.1 * std::log(16)), 1e-6);
  file.ints.erase("rope.scaling.original_context_length");
  expect_error(file.plan(), "original_context_length is missing");
  file.floats.erase("attention.temperature_scale");
  EXPECT_EQ(file.good().spec.query_scale_beta, 0.0F);
}

TEST(FamiliesGguf, SmolLm3LeavesEveryFourthLayerWithoutRope) {
  SmallGguf file("smollm3");
  const CheckpointPlan plan = file.good();
  for (int i = 0; i < plan.spec.n_layers(); ++i)
    EXPECT_EQ(plan.spec.layers[static_cast<size_t>(i)].rope, i % 4 == 3 ? -1 : 0) << i;
}

TEST(FamiliesGguf, QwenBiasesAndNorms) {
  SmallGguf qwen2("qwen2");
  EXPECT_EQ(qwen2.good().qk_order, QkOrder::kHalfSplit);
  qwen2.add_everywhere("attn_q.bias", {64});
  qwen2.add_everywhere("attn_k.bias", {32});
  qwen2.add_everywhere("attn_v.bias", {32});
  const CheckpointPlan plan = qwen2.good();
  EXPECT_EQ(plan.layers[2].v_bias.name, "blk.2.attn_v.bias");
  EXPECT_TRUE(plan.layers[2].o_bias.name.empty());
  qwen2.shapes["blk.5.attn_k.bias"] = {64};
  expect_error(qwen2.plan(), "blk.5.attn_k.bias");
  SmallGguf qwen3("qwen3");
  expect_error(qwen3.plan(), "blk.0.attn_q_norm.weight");
  qwen3.add_everywhere("attn_q_norm.weight", {16});
  qwen3.add_everywhere("attn_k_norm.weight", {16});
  EXPECT_EQ(qwen3.good().layers[4].k_norm.name, "blk.4.attn_k_norm.weight");
}

SmallGguf gemma3() {
  SmallGguf file("gemma3");
  file.floats["rope.freq_base"] = 1e6F;
  file.ints["attention.sliding_window"] = 12;
  for (const char* stem : {"attn_q_norm.weight", "attn_k_norm.weight"}) file.add_everywhere(stem, {16});
  for (const char* stem : {"post_attention_norm.weight", "post_ffw_norm.weight"}) file.add_everywhere(stem, {kWidth});
  return file;
}

TEST(FamiliesGguf, Gemma3) {
  SmallGguf file = gemma3();
  CheckpointPlan plan = file.good();
  EXPECT_EQ(plan.spec.family, "gemma3");
  EXPECT_FALSE(plan.spec.norm_plus_one);  // the converter has added it
  EXPECT_EQ(plan.spec.embedding_scale, 8.0F);
  EXPECT_EQ(plan.spec.layers[0].activation, Activation::kGeluTanh);
  EXPECT_EQ(plan.spec.layers[4].window, 12);
  EXPECT_EQ(plan.spec.layers[5].window, 0);
  EXPECT_NEAR(plan.spec.ropes.at(static_cast<size_t>(plan.spec.layers[5].rope)).inv_freq[4], 1e-3, 1e-9);
  EXPECT_NEAR(plan.spec.ropes.at(static_cast<size_t>(plan.spec.layers[4].rope)).inv_freq[4], 1e-2, 1e-8);
  EXPECT_EQ(plan.layers[1].ffn_post_norm.name, "blk.1.post_ffw_norm.weight");
  file.floats["rope.scaling.factor"] = 8;
  file.floats["rope.freq_base_swa"] = 100;
  plan = file.good();
  EXPECT_EQ(plan.spec.ropes.at(static_cast<size_t>(plan.spec.layers[5].rope)).inv_freq[0], 0.125F);
  EXPECT_NEAR(plan.spec.ropes.at(static_cast<size_t>(plan.spec.layers[4].rope)).inv_freq[4], 0.1, 1e-7);
  file.ints["attention.sliding_window_pattern"] = 2;
  EXPECT_EQ(file.good().spec.layers[1].window, 0);
  file.ints.erase("attention.sliding_window_pattern");
  file.lists["attention.sliding_window_pattern"] = {0, 1, 1, 0, 1, 0, 0, 1};
  plan = file.good();
  EXPECT_EQ(plan.spec.layers[0].window, 0);
  EXPECT_EQ(plan.spec.layers[7].window, 12);
  file.lists["attention.sliding_window_pattern"] = {0, 1};
  expect_error(file.plan(), "2 flags for 8 layers");
  file = gemma3();
  file.ints.erase("attention.sliding_window");
  plan = file.good();
  for (const LayerSpec& l : plan.spec.layers) EXPECT_TRUE(l.window == 0 && l.rope == 0);
  file.floats["final_logit_softcapping"] = 30;
  expect_error(file.plan(), "soft-capping");
}

TEST(FamiliesGguf, Granite) {
  SmallGguf file("granite");
  expect_error(file.plan(), "granite.logit_scale is missing");
  file.floats["logit_scale"] = 8;
  CheckpointPlan plan = file.good();
  EXPECT_EQ(plan.spec.embedding_scale, 1.0F);
  EXPECT_EQ(plan.spec.layers[0].score_scale, 0.25F);
  file.floats["embedding_scale"] = 12;
  file.floats["residual_scale"] = 0.22F;
  file.floats["attention.scale"] = 0.015625F;
  plan = file.good();
  EXPECT_EQ(plan.spec.logit_divisor, 8.0F);
  EXPECT_EQ(plan.spec.embedding_scale, 12.0F);
  EXPECT_EQ(plan.spec.residual_scale, 0.22F);
  EXPECT_EQ(plan.spec.layers[3].score_scale, 0.015625F);
  EXPECT_EQ(plan.spec.layers[3].rope, 0);
  file.flags["rope.scaling.finetuned"] = false;
  EXPECT_EQ(file.good().spec.layers[3].rope, -1);
}

TEST(FamiliesGguf, FusedQkv) {
  SmallGguf file("llama");
  for (const char* stem : {"attn_q.weight", "attn_k.weight", "attn_v.weight"}) file.take_everywhere(stem);
  file.add_everywhere("attn_qkv.weight", {128, kWidth});
  file.add_everywhere("attn_qkv.bias", {128});
  const CheckpointPlan plan = file.good();
  const LayerNames& n = plan.layers[6];
  EXPECT_EQ(n.q.name, "blk.6.attn_qkv.weight");
  EXPECT_EQ(n.v_bias.name, "blk.6.attn_qkv.bias");
  for (const auto& [source, first, rows] : {std::tuple{&n.q, 0, 64}, {&n.k, 64, 32}, {&n.v, 96, 32}, {&n.k_bias, 64, 32}}) {
    EXPECT_EQ(source->first_row, first);
    EXPECT_EQ(source->rows, rows);
  }
  EXPECT_EQ(planned_tensors(plan).size(), file.shapes.size());
}

TEST(FamiliesGguf, SizesPerLayerAndHeadsOfTheirOwnSize) {
  SmallGguf file("llama");
  file.ints.erase("feed_forward_length");
  file.lists["feed_forward_length"] = {96, 96, 96, 32, 96, 96, 96, 96};
  expect_error(file.plan(), "blk.3.ffn_down.weight");
  for (const char* stem : {"ffn_gate.weight", "ffn_up.weight"}) file.shapes[std::string("blk.3.") + stem] = {32, kWidth};
  file.shapes["blk.3.ffn_down.weight"] = {kWidth, 32};
  EXPECT_EQ(file.good().spec.layers[3].ffn_dim, 32);
  file.lists["feed_forward_length"] = {96};
  expect_error(file.plan(), "1 whole numbers for 8 layers");
  SmallGguf wide("llama");
  wide.ints["attention.key_length"] = 32;
  expect_error(wide.plan(), "keys of 32 and values of 16");
  wide.ints["attention.value_length"] = 32;
  expect_error(wide.plan(), "calls for [64, 128]");
  wide.add_tensors(32);
  EXPECT_EQ(wide.good().spec.layers[0].head_dim, 32);
}

TEST(FamiliesGguf, Refused) {
  SmallGguf unknown("lfm2");
  expect_error(unknown.plan(),
               "\"lfm2\" is not supported; supported are llama, mistral3, smollm3, qwen2, qwen3, gemma3, granite");
  for (const char* key : {"context_length", "embedding_length", "block_count", "feed_forward_length", "attention.head_count"}) {
    SmallGguf file("llama");
    file.ints.erase(key);
    expect_error(file.plan(), std::string("llama.") + key);
    file.ints[key] = 0;
    expect_error(file.plan(), std::string("llama.") + key);
    file.ints[key] = 0xffffffff;
    expect_error(file.plan(), std::string("llama.") + key);
  }
  SmallGguf heads("llama");
  heads.ints["attention.head_count_kv"] = 3;
  expect_error(heads.plan(), "4 heads are no multiple of 3");
  heads.ints.erase("attention.head_count_kv");
  expect_error(heads.plan(), "blk.0.attn_k.weight");  // as many as heads, which these tensors do not have
  SmallGguf eps("llama");
  eps.floats["attention.layer_norm_rms_epsilon"] = std::nanf("");
  expect_error(eps.plan(), "layer_norm_rms_epsilon");
  SmallGguf experts("llama");
  experts.ints["expert_count"] = 8;
  expect_error(experts.plan(), "expert_count");
  SmallGguf partial("llama");
  partial.ints["rope.dimension_count"] = 8;
  expect_error(partial.plan(), "partial rotation");
  SmallGguf biased("llama");
  biased.shapes["blk.4.ffn_up.bias"] = {kFfn};
  expect_error(biased.plan(), "blk.4.ffn_up.bias");
  SmallGguf missing("llama");
  missing.shapes.erase("blk.7.ffn_up.weight");
  expect_error(missing.plan(), "blk.7.ffn_up.weight [96, 64] is missing");
}

TEST(FamiliesGguf, EveryModelAtHand) {
  const fs::path models = fs::path(SOBRE_SOURCE_DIR) / "../shared/models";
  if (!fs::exists(models)) GTEST_SKIP() << models << " is not here";
  int seen = 0;
  for (const auto& entry : fs::recursive_directory_iterator(models)) {
    if (entry.path().extension() != ".gguf") continue;
    const Result<GgufFile> file = GgufFile::open(entry.path().string());
    ASSERT_TRUE(file) << file.error().message;
    const Result<CheckpointPlan> plan = plan_from_gguf(*file);
    ASSERT_TRUE(plan) << entry.path() << ": " << plan.error().message;
    std::set<std::string> read;
    for (const PlannedTensor& t : planned_tensors(*plan)) {
      const TensorView* tensor = file->find_tensor(t.name);
      ASSERT_NE(tensor, nullptr) << t.name;
      EXPECT_EQ(tensor->shape, t.shape) << t.name;
      read.insert(t.name);
    }
    for (const TensorView& t : file->tensors()) EXPECT_TRUE(read.contains(t.name) || is_ignorable(*plan, t.name)) << t.name;
    ++seen;
  }
  EXPECT_GE(seen, 20);
}

}  // namespace
}  // namespace sobre
