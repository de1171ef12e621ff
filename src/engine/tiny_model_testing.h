// A tiny model for tests that need text in and out: a Llama of random weights (2 layers, width 64) with a byte-level tokenizer
// of this repository and a ChatML template, written as a checkpoint folder. The same seed makes the same bits.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "base/checked.h"
#include "base/file.h"
#include "base/json.h"
#include "format/safetensors.h"
#include "model/families.h"
#include "model/model.h"

namespace sobre {

inline constexpr const char* kTinyTemplate =
    "{% if tools %}{{ '<|im_start|>system\\nTools: ' ~ tools | tojson ~ '<|im_end|>\\n' }}{% endif %}"
    "{% for m in messages %}{{ '<|im_start|>' ~ m['role'] ~ '\\n' ~ m['content'] ~ '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

/// A folder of its own below the system's temporary one, removed with this object.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(const std::string& name) {
    std::string pattern = (std::filesystem::temp_directory_path() / ("sobre-" + name + "-XXXXXX")).string();
    path_ = ::mkdtemp(pattern.data()) == nullptr ? std::string() : pattern;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// The tokenizer's 380 entries and three added ones: <|im_start|>, <|im_end|>, <think>.
inline constexpr int kTinyVocab = 383;

/// Writes the checkpoint into `folder` (which exists), with an embedding of `vocab` rows. Errors: the disk's.
inline Result<void> write_tiny_model(const std::string& folder, const std::string& source_root, uint32_t seed = 1,
                                     int max_context = 2048, int vocab = kTinyVocab) {
  constexpr int im_end = 381;
  TRY(const std::string tokenizer, read_file(source_root + "/tests/data/tokenizers/byte-level-nfc.json", 16 << 20));
  Json config = Json::parse(R"({"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 64,
      "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "rms_norm_eps": 1e-5,
      "rope_theta": 10000, "tie_word_embeddings": true, "torch_dtype": "float32"})")
                    .value();
  config.set("vocab_size", vocab);
  config.set("max_position_embeddings", max_context);
  config.set("eos_token_id", im_end);
  const auto write = [&](const char* name, const std::string& text) -> Result<void> {
    TRY(AtomicFile file, AtomicFile::create(folder + "/" + name));
    TRY_VOID(file.write(text));
    return file.commit();
  };
  TRY_VOID(write("config.json", config.dump()));
  TRY_VOID(write("tokenizer.json", tokenizer));
  const Json tokens{Json::Object{{"eos_token", "<|im_end|>"}, {"chat_template", kTinyTemplate}}};
  TRY_VOID(write("tokenizer_config.json", tokens.dump()));
  const std::vector<std::pair<std::string, std::vector<int64_t>>> layer = {
      {"input_layernorm", {64}},      {"post_attention_layernorm", {64}}, {"self_attn.q_proj", {64, 64}},
      {"self_attn.k_proj", {32, 64}}, {"self_attn.v_proj", {32, 64}},     {"self_attn.o_proj", {64, 64}},
      {"mlp.gate_proj", {96, 64}},    {"mlp.up_proj", {96, 64}},          {"mlp.down_proj", {64, 96}}};
  std::vector<SafetensorsEntry> entries{{"model.embed_tokens.weight", DType::kF32, {vocab, 64}},
                                        {"model.norm.weight", DType::kF32, {64}}};
  for (int i = 0; i < 2; ++i) {
    for (const auto& [name, shape] : layer)
      entries.push_back({fmt::format("model.layers.{}.{}.weight", i, name), DType::kF32, shape});
  }
  std::mt19937 rng(seed);
  return write_safetensors(folder + "/model.safetensors", std::span<const SafetensorsEntry>(entries), {},
                           [&](size_t i) -> Result<std::vector<float>> {
                             int64_t n = 1;
                             for (const int64_t d : entries[i].shape) n *= d;
                             std::vector<float> x(static_cast<size_t>(n), 1.0F);
                             const bool matrix = entries[i].shape.size() > 1;
                             // Sums of uniform numbers: the same on every standard library.
                             for (float& v : x) {
                               if (!matrix) continue;
                               const double u = (static_cast<double>(rng()) + static_cast<double>(rng())) / 4294967296.0 - 1.0;
                               v = static_cast<float>(u * 2.4 / std::sqrt(static_cast<double>(entries[i].shape.back())));
                             }
                             return x;
                           });
}

/// The model itself, loaded once.
inline std::shared_ptr<const Model> tiny_model() {
  static const std::shared_ptr<const Model> model = [] {
    const TemporaryFolder folder("scheduler");
    const auto written = write_tiny_model(folder.path(), SOBRE_SOURCE_DIR);
    EXPECT_TRUE(written) << written.error().message;
    auto loaded = Model::load(folder.path());
    EXPECT_TRUE(loaded) << loaded.error().message;
    return *loaded;
  }();
  return model;
}

}  // namespace sobre
