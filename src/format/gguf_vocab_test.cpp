// Vocabularies of real GGUF files: llama.cpp's own test vectors, and the same ids as the tokenizer.json of the same model.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/json.h"
#include "format/gguf.h"
#include "format/hostile_testing.h"
#include "text/tokenizer.h"

namespace sobre {
namespace {

const std::string kShared = std::string(SOBRE_SOURCE_DIR) + "/../shared/";
using Ids = std::vector<int32_t>;

Result<Tokenizer> load(const std::string& path) {
  TRY(const GgufFile file, GgufFile::open(path));
  TRY(VocabData vocab, file.vocab());
  return Tokenizer::from_vocab(std::move(vocab));
}

std::string read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

class GgufVectors : public testing::TestWithParam<const char*> {};

TEST_P(GgufVectors, TokenizeAsLlamaCpp) {
  const std::string path = kShared + "tokenizers/gguf-vocab/ggml-vocab-" + GetParam() + ".gguf";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "no " << path;
  const auto tokenizer = load(path);
  ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().message;
  const std::string inputs = read(path + ".inp"), separator = "\n__ggml_vocab_test__\n";
  std::istringstream outputs(read(path + ".out"));
  int count = 0;
  for (size_t begin = 0, end = 0; (end = inputs.find(separator, begin)) != std::string::npos; begin = end + separator.size()) {
    const std::string text = inputs.substr(begin, end - begin);
    std::string line;
    ASSERT_TRUE(std::getline(outputs, line));
    std::istringstream numbers(line);
    const Ids expected{std::istream_iterator<int32_t>(numbers), {}};
    EXPECT_EQ(tokenizer->encode(text, {.parse_special = false}), expected) << "'" << text << "'";
    ++count;
  }
  EXPECT_EQ(count, 46);
}

INSTANTIATE_TEST_SUITE_P(Files, GgufVectors, testing::Values("bert-bge", "gpt-2", "llama-spm", "starcoder"));

TEST(GgufVocabFile, IdsOfNothingAreNone) {
  const auto padding = [](int64_t id) -> Result<std::optional<int32_t>> {
    hostile::GgufBytes f;
    f.raw("GGUF"), f.number(uint32_t{3}), f.number(uint64_t{0}), f.number(uint64_t{3});
    f.key("tokenizer.ggml.model", 8), f.string("kind", "gpt2");
    f.array("tokenizer.ggml.tokens", 8, 2), f.string("token", "a"), f.string("token", "b");
    f.key("tokenizer.ggml.padding_token_id", 11), f.number(id);
    const std::string bytes = f.take().bytes;
    TRY(const GgufFile file, GgufFile::parse(std::as_bytes(std::span(bytes)), "f"));
    TRY(const VocabData vocab, file.vocab());
    return vocab.pad;
  };
  EXPECT_EQ(padding(1).value(), 1);
  EXPECT_EQ(padding(0xFFFFFFFF).value(), std::nullopt);
  EXPECT_EQ(padding(-1).value(), std::nullopt);
  EXPECT_NE(padding(2).error().message.find("padding_token_id is 2; the vocabulary has 2 tokens"), std::string::npos);
  EXPECT_FALSE(padding(-2));
}

TEST(GgufVocabFile, SmolLm2IsItsTokenizerJson) {
  const std::string path = kShared + "models/smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "no " << path;
  const auto from_gguf = load(path), from_json = Tokenizer::from_file(kShared + "tokenizers/smollm2/tokenizer.json");
  ASSERT_TRUE(from_gguf.has_value()) << from_gguf.error().message;
  ASSERT_TRUE(from_json.has_value()) << from_json.error().message;
  EXPECT_EQ(from_gguf->vocab_size(), from_json->vocab_size());
  for (int32_t id = 0; id < from_json->vocab_size(); ++id) {
    ASSERT_EQ(from_gguf->token_bytes(id), from_json->token_bytes(id)) << id;
    ASSERT_EQ(from_gguf->is_special(id), from_json->is_special(id)) << id;
  }
  std::ifstream lines(kShared + "goldens/tokenizers/smollm2.jsonl");
  for (std::string line; std::getline(lines, line);) {
    const auto json = Json::parse(line);
    ASSERT_TRUE(json.has_value());
    const std::string& text = *json->find("text")->as_string();
    const Ids ids = from_json->encode(text);
    EXPECT_EQ(from_gguf->encode(text), ids) << text;
    EXPECT_EQ(from_gguf->decode(ids), from_json->decode(ids)) << text;
  }
}

}  // namespace
}  // namespace sobre
