// A GGUF file's config and tokenizer, written as Hugging Face has them: read again they are the same model and the same ids.
#include "model/export_hf.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "model/checkpoint.h"
#include "text/hf_json_writer.h"
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

// Texts that part tokenizers: the recorded inputs of llama.cpp's tests where they lie beside a file, and some of our own.
std::vector<std::string> texts_for(const std::string& path) {
  std::vector<std::string> texts = {"Hello, world! 12345 + 67 = ?",
                                    "",
                                    " ",
                                    "   three  spaces ",
                                    "Once upon a time there was a cat.",
                                    "She said no. He did not play!",
                                    "a\tb\r\nc\n\n\nd",
                                    "Tom's cat's 'quotes' aren't",
                                    "été à Noël, 1 234,56 €",
                                    "日本語 😀",
                                    "x\xF0\x9F\x91\xA9"};
  std::ifstream in(path + ".inp", std::ios::binary);
  const std::string all{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  const std::string separator = "\n__ggml_vocab_test__\n";
  for (size_t begin = 0, end = 0; (end = all.find(separator, begin)) != std::string::npos; begin = end + separator.size())
    texts.push_back(all.substr(begin, end - begin));
  return texts;
}

TEST(ExportHf, TokenizersOfGgufFilesKeepTheirIds) {
  int compared = 0;
  for (const char* name :
       {"tokenizers/gguf-vocab/ggml-vocab-gpt-2.gguf", "tokenizers/gguf-vocab/ggml-vocab-starcoder.gguf",
        "tokenizers/gguf-vocab/ggml-vocab-llama-spm.gguf", "models/tinystories-656k/gguf/tinystories-656k-q4_0.gguf"}) {
    const std::string path = shared(name);
    if (!std::filesystem::exists(path)) continue;
    const auto file = GgufFile::open(path);
    ASSERT_TRUE(file) << file.error().message;
    const auto vocab = file->vocab();
    ASSERT_TRUE(vocab) << vocab.error().message;
    const auto original = Tokenizer::from_vocab(*vocab);
    ASSERT_TRUE(original) << original.error().message;
    const auto files = hf_tokenizer_from_gguf(*file);
    ASSERT_TRUE(files) << files.error().message;
    const auto written = Tokenizer::from_hf_json(files->at("tokenizer.json"));
    ASSERT_TRUE(written) << name << ": " << written.error().message;
    EXPECT_EQ(written->vocab_size(), original->vocab_size());
    for (int32_t id = 0; id < original->vocab_size(); ++id) {
      ASSERT_EQ(written->token_bytes(id), original->token_bytes(id)) << name << " " << id;
      // (Hugging Face's files call the unknown token special.)
      if (!vocab->types.empty() && vocab->types[static_cast<size_t>(id)] == TokenType::kUnknown) continue;
      ASSERT_EQ(written->is_special(id), original->is_special(id)) << name << " " << id;
    }
    int equal = 0;
    for (const std::string& text : texts_for(path)) {
      const auto ids = original->encode(text);
      // A character without a token is dropped: here what was beside it meets, there it does not.
      const bool dropped = std::string_view(name).starts_with("models/") && original->decode(ids) != text;
      if (dropped) continue;
      EXPECT_EQ(written->encode(text), ids) << name << " '" << text << "'";
      EXPECT_EQ(written->decode(ids), original->decode(ids)) << name << " '" << text << "'";
      ++equal;
    }
    EXPECT_GT(equal, 4) << name;
    ++compared;
  }
  if (compared == 0) GTEST_SKIP() << shared("") << " is absent";
}

TEST(ExportHf, VocabulariesThatHaveNoTokenizerJsonAreRefused) {
  VocabData vocab;
  vocab.model = "t5";
  vocab.tokens = {"a", "b"};
  const auto message = [&] {
    const auto written = hf_tokenizer_json(vocab);
    return written ? std::string("written") : written.error().message;
  };
  EXPECT_NE(message().find("'t5'"), std::string::npos);
  vocab.model = "gpt2", vocab.pre = "none such";
  EXPECT_NE(message().find("'none such'"), std::string::npos);
  vocab.pre = "tekken";
  EXPECT_NE(message().find("no merges"), std::string::npos);
  vocab.model = "llama";
  EXPECT_NE(message().find("no scores"), std::string::npos);
  vocab.bos = 7;
  EXPECT_NE(message().find("token id 7"), std::string::npos);
  vocab.bos.reset();
  vocab.types = {TokenType::kNormal};
  EXPECT_NE(message().find("damaged"), std::string::npos);
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
