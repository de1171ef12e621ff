// A GGUF file's config and tokenizer, written as Hugging Face has them: read again they are the same model and the same ids.
#include "model/export_hf.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "model/checkpoint.h"
#include "text/tokenizer.h"

namespace sobre {
namespace {

std::string shared(const std::string& path) { return std::string(SOBRE_SOURCE_DIR) + "/../shared/" + path; }

TEST(ExportHf, TheRealSmolLm2KeepsItsShapeAndItsIds) {
  const std::string path = shared("models/smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf");
  if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is absent";
  const auto file = GgufFile::open(path);
  const auto checkpoint = Checkpoint::open(path);
  ASSERT_TRUE(file && checkpoint);
  const auto config = hf_config_from_gguf(*file, checkpoint->plan());
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(*config->find("rope_theta"), Json(100000.0));
  EXPECT_EQ(*config->find("rms_norm_eps"), Json(1e-5));
  EXPECT_EQ(*config->find("tie_word_embeddings"), Json(true));
  const auto plan = plan_new_checkpoint(*config);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->spec.n_layers(), 30);
  EXPECT_EQ(plan->spec.layers[0].n_kv_heads, 3);

  const auto files = hf_tokenizer_from_gguf(*file);
  ASSERT_TRUE(files) << files.error().message;
  const auto written = Tokenizer::from_hf_json(files->at("tokenizer.json"));
  ASSERT_TRUE(written) << written.error().message;
  const auto original = checkpoint->text_assets();
  ASSERT_TRUE(original && original->tokenizer);
  const std::string texts[] = {"Hello, world! 12345 + 67 = ?", "<|im_start|>user\nÀ bientôt\n<|im_end|>",
                               "  tabs\t\tand  spaces \n\n", "def f(x):\n    return x ** 2  # été 2026",
                               "日本語 😀 \xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x92\xBB"};
  for (const std::string& text : texts) EXPECT_EQ(written->encode(text), original->tokenizer->encode(text)) << text;
  EXPECT_NE(files->at("tokenizer_config.json").find("im_start"), std::string::npos);
}

TEST(ExportHf, OtherArchitecturesAreRefusedByName) {
  GgufWriter writer;
  writer.add_string("general.architecture", "gemma3");
  const std::string path = testing::TempDir() + "export_hf.gguf";
  ASSERT_TRUE(writer.write(path, [](size_t) { return Result<std::string>(std::string()); }));
  const auto file = GgufFile::open(path);
  ASSERT_TRUE(file) << file.error().message;
  const auto config = hf_config_from_gguf(*file, CheckpointPlan());
  ASSERT_FALSE(config);
  EXPECT_NE(config.error().message.find("'gemma3'"), std::string::npos) << config.error().message;
  EXPECT_FALSE(hf_tokenizer_from_gguf(*file));
}

}  // namespace
}  // namespace sobre
