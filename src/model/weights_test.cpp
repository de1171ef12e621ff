// What loading and writing a checkpoint refuse: scales of 8-bit floats whose blocks are not known, values a type cannot hold.
#include "model/weights.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>

#include "format/safetensors.h"
#include "model/export_gguf.h"
#include "model/model.h"

namespace sobre {
namespace {

// A checkpoint of one layer, 64 wide, without a tokenizer. up_proj is [192, 64].
class SmallCheckpoint : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "sobre-weights-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    const std::string layer = "model.layers.0.";
    for (const char* name : {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj"})
      set(layer + name + ".weight", {64, 64});
    set(layer + "mlp.gate_proj.weight", {192, 64});
    set(layer + "mlp.up_proj.weight", {192, 64});
    set(layer + "mlp.down_proj.weight", {64, 192});
    set(layer + "input_layernorm.weight", {64});
    set(layer + "post_attention_layernorm.weight", {64});
    set("model.embed_tokens.weight", {96, 64});
    set("model.norm.weight", {64});
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void set(const std::string& name, const std::vector<int64_t>& shape, float value = 1) {
    size_t n = 1;
    for (const int64_t d : shape) n *= static_cast<size_t>(d);
    const std::vector<float> x(n, value);
    const auto bytes = std::as_bytes(std::span(x));
    tensors_[name] = {DType::kF32, shape, {bytes.begin(), bytes.end()}};
  }
  // up_proj in 8 bits, every value 1, with scales 1, 2, 3, ...
  void set_fp8(const std::vector<int64_t>& scale) {
    tensors_["model.layers.0.mlp.up_proj.weight"] = {
        DType::kF8E4M3, {192, 64}, std::vector<std::byte>(192 * 64, std::byte{0x38})};
    set("model.layers.0.mlp.up_proj.weight_scale_inv", scale);
    auto& bytes = tensors_["model.layers.0.mlp.up_proj.weight_scale_inv"].bytes;
    for (size_t i = 0; i * 4 < bytes.size(); ++i) {
      const auto value = static_cast<float>(i + 1);
      std::memcpy(bytes.data() + i * 4, &value, 4);
    }
  }
  [[nodiscard]] Result<Checkpoint> open(const std::string& quantization = "") const {
    std::ofstream(folder_ + "/config.json")
        << R"({"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 64, "intermediate_size": 192,
             "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 2, "rms_norm_eps": 1e-5, "vocab_size": 96,
             "max_position_embeddings": 64, "rope_theta": 10000, "tie_word_embeddings": true, "torch_dtype": "float32")"
        << quantization << "}";
    std::vector<SafetensorsEntry> entries;
    std::vector<std::span<const std::byte>> bytes;
    for (const auto& [name, t] : tensors_) {
      entries.push_back({name, t.type, t.shape});
      bytes.emplace_back(t.bytes);
    }
    TRY_VOID(write_safetensors(folder_ + "/model.safetensors", entries, {},
                               [&](size_t i) { return Result<std::span<const std::byte>>(bytes[i]); }));
    return Checkpoint::open(folder_);
  }
  // What loading and exporting say, which must agree on what is good.
  [[nodiscard]] std::string fault(const std::string& quantization = "", QuantRecipe recipe = QuantRecipe::kQ8_0) const {
    const auto checkpoint = open(quantization);
    if (!checkpoint) return checkpoint.error().message;
    const auto written = export_gguf(*checkpoint, folder_ + "/out.gguf", {.recipe = recipe, .threads = 1, .progress = {}});
    return written ? "" : written.error().message;
  }
  [[nodiscard]] std::string load_fault(const std::string& quantization = "") const {
    const auto checkpoint = open(quantization);
    if (!checkpoint) return checkpoint.error().message;
    const auto model = Model::load(*checkpoint, {});
    return model ? "" : model.error().message;
  }

  struct Tensor {
    DType type = DType::kF32;
    std::vector<int64_t> shape;
    std::vector<std::byte> bytes;
  };
  std::string folder_;
  std::map<std::string, Tensor> tensors_;
};

TEST_F(SmallCheckpoint, ScalesOfUnknownBlocksAreRefused) {
  const auto block = [](const char* size) {
    return std::string(R"(, "quantization_config": {"quant_method": "fp8", "weight_block_size": )") + size + "}";
  };
  for (const std::vector<int64_t>& shape : {std::vector<int64_t>{2, 1}, {1, 2}, {192}, {192, 1}, {3, 2}}) {
    set_fp8(shape);
    for (const std::string& message : {fault(), load_fault()})
      EXPECT_NE(message.find("weight_block_size"), std::string::npos) << message;
    EXPECT_NE(load_fault(block("[128, 128]")), "");
  }
  for (const std::vector<int64_t>& shape : {std::vector<int64_t>{}, {1}, {1, 1}}) {
    set_fp8(shape);
    EXPECT_EQ(load_fault(), "");
    EXPECT_EQ(load_fault(block("null")), "");
  }
  set_fp8({2, 2});
  ASSERT_EQ(load_fault(block("[96, 32]")), "");
  const auto model = Model::load(*open(block("[96, 32]")), {});
  ASSERT_TRUE(model);
  std::vector<float> row(64);
  unpack_row((*model)->weights().layers[0].up, 95, row.data());
  EXPECT_NEAR(row[0], 1, 0.01);
  EXPECT_NEAR(row[32], 2, 0.01);
  unpack_row((*model)->weights().layers[0].up, 96, row.data());
  EXPECT_NEAR(row[31], 3, 0.01);
  EXPECT_NEAR(row[63], 4, 0.01);
}

TEST_F(SmallCheckpoint, WhatF16CannotHoldIsSaid) {
  set("model.layers.0.mlp.up_proj.weight", {192, 64}, 65519);
  EXPECT_EQ(fault("", QuantRecipe::kF16), "");
  for (const float large : {65520.0F, -65520.0F, 3e38F}) {
    set("model.layers.0.mlp.up_proj.weight", {192, 64}, large);
    const std::string message = fault("", QuantRecipe::kF16);
    EXPECT_NE(message.find("up_proj.weight holds values beyond 65504"), std::string::npos) << message;
    EXPECT_EQ(fault("", QuantRecipe::kBF16), "");
  }
}

TEST_F(SmallCheckpoint, NormsThatAreNoNumbersAreNamed) {
  for (const float bad : {NAN, INFINITY}) {
    set("model.layers.0.input_layernorm.weight", {64}, bad);
    EXPECT_NE(load_fault().find("input_layernorm.weight holds values that are no numbers"), std::string::npos) << load_fault();
  }
}

}  // namespace
}  // namespace sobre
