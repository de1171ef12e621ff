// Tiny tokenizers of our own with the reference libraries' outputs (tests/data/tokenizers), and what must hold for any ids.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "base/json.h"
#include "text/tokenizer.h"
#include "text/unicode.h"

namespace sobre {
namespace {

using Ids = std::vector<int32_t>;
const std::string kFolder = std::string(SOBRE_SOURCE_DIR) + "/tests/data/tokenizers/";

Ids ids_of(const Json& json) {
  Ids ids;
  for (const Json& id : *json.as_array()) ids.push_back(static_cast<int32_t>(*id.as_int()));
  return ids;
}

std::string streamed(const Tokenizer& t, const Ids& ids, bool skip_special) {
  StreamDecoder stream(t, skip_special);
  std::string out;
  for (const int32_t id : ids) {
    const std::string part = stream.push(id);
    EXPECT_TRUE(is_valid_utf8(part));
    out += part;
  }
  return out + stream.finish();
}

class TokenizerData : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const std::string path = kFolder + GetParam();
    auto loaded = Tokenizer::from_file(path);
    ASSERT_TRUE(loaded.has_value()) << loaded.error().message;
    tokenizer_.emplace(std::move(*loaded));
  }
  std::optional<Tokenizer> tokenizer_;
};

TEST_P(TokenizerData, ReproducesTheReference) {
  const std::filesystem::path vectors = std::filesystem::path(kFolder + GetParam()).replace_extension(".jsonl");
  std::ifstream lines(vectors);
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    const auto json = Json::parse(line);
    ASSERT_TRUE(json.has_value()) << json.error().message;
    const std::string& text = *json->find("text")->as_string();
    const Ids ids = ids_of(*json->find("ids"));
    EXPECT_EQ(tokenizer_->encode(text), ids) << text;
    EXPECT_EQ(tokenizer_->encode(text, {.add_special = true}), ids_of(*json->find("ids_with_special"))) << text;
    EXPECT_EQ(tokenizer_->decode(ids), *json->find("decoded")->as_string()) << text;
  }
  EXPECT_EQ(count, 24);
}

TEST_P(TokenizerData, AnyIdsStreamAsTheyDecode) {
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    Ids ids(random() % 24);
    // Some out of range, which are skipped.
    for (int32_t& id : ids) id = static_cast<int32_t>(random() % static_cast<uint32_t>(tokenizer_->vocab_size() + 2)) - 1;
    for (const bool skip : {false, true}) {
      const std::string whole = tokenizer_->decode(ids, skip);
      EXPECT_TRUE(is_valid_utf8(whole));
      ASSERT_EQ(streamed(*tokenizer_, ids, skip), whole);
    }
  }
}

TEST_P(TokenizerData, PlainTextNeverBecomesControlTokens) {
  std::mt19937 random(8);
  const char* const parts[] = {"<s>", "</s>", "<|im_start|>", "<|begin|>", "[CLS]", "<unk>", "<bos>",
                               " ",   "a",    "\u00E9",       "\xFF"};
  for (int round = 0; round < 500; ++round) {
    std::string text;
    for (size_t n = random() % 8; n > 0; --n) text += parts[random() % std::size(parts)];
    const auto unknown = tokenizer_->find_token(tokenizer_->find_token("[UNK]") ? "[UNK]" : "<unk>");
    for (const int32_t id : tokenizer_->encode(text, {.parse_special = false})) {
      EXPECT_TRUE(!tokenizer_->is_special(id) || id == unknown) << text << ": " << id;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, TokenizerData,
                         testing::Values("byte-level-triples.json", "byte-level-nfc.json", "byte-level-digits.json",
                                         "marked-runs.json", "marked-prefixed.json", "unigram.json", "word-piece.json",
                                         "word-ends.json", "sp-bpe.model", "sp-unigram.model"),
                         [](const auto& file) {
                           std::string name = file.param;
                           for (char& c : name) c = c == '-' || c == '.' ? '_' : c;
                           return name;
                         });

}  // namespace
}  // namespace sobre
