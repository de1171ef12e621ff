// The reference libraries' outputs, reproduced exactly: ../shared/goldens/tokenizers.
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/json.h"
#include "text/tokenizer.h"

namespace sobre {
namespace {

const std::string kShared = std::string(SOBRE_SOURCE_DIR) + "/../shared/";

struct Golden {
  const char* name;
  const char* file;  // under ../shared
};

void PrintTo(const Golden& golden, std::ostream* out) { *out << golden.name; }

/// The bytes of a gzip file, by the system's gzip.
std::string gunzip(const std::string& path) {
  std::string out;
  FILE* pipe = popen(("gzip -dc '" + path + "'").c_str(), "r");
  if (pipe == nullptr) return out;
  char buffer[1 << 16];
  for (size_t n = 0; (n = fread(buffer, 1, sizeof buffer, pipe)) > 0;) out.append(buffer, n);
  pclose(pipe);
  return out;
}

Result<Tokenizer> load(const Golden& golden) {
  const std::string path = kShared + golden.file;
  return path.ends_with(".gz") ? Tokenizer::from_tekken(gunzip(path)) : Tokenizer::from_file(path);
}

std::vector<int32_t> ids_of(const Json& json) {
  std::vector<int32_t> ids;
  for (const Json& id : *json.as_array()) ids.push_back(static_cast<int32_t>(*id.as_int()));
  return ids;
}

/// The reference pads to 128 and truncates, because this tokenizer.json asks for it; encode() leaves that to embedding code.
void pad_and_truncate(std::vector<int32_t>& ids, size_t around) {
  constexpr size_t kLength = 128;
  if (ids.size() > kLength)
    ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(kLength - around), ids.end() - static_cast<std::ptrdiff_t>(around));
  ids.resize(kLength, 0);
}

/// U+2581 is a space to SentencePiece.
std::string with_plain_spaces(std::string text) {
  for (size_t at = 0; (at = text.find("\xE2\x96\x81")) != std::string::npos;) text.replace(at, 3, " ");
  return text;
}

class TokenizerGolden : public testing::TestWithParam<Golden> {};

TEST_P(TokenizerGolden, ReproducesTheReference) {
  const std::string name = GetParam().name;
  std::ifstream lines(kShared + "goldens/tokenizers/" + name + ".jsonl");
  if (!lines) GTEST_SKIP() << "no goldens beside the project";
  const auto tokenizer = load(GetParam());
  ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().message;
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    const auto json = Json::parse(line);
    ASSERT_TRUE(json.has_value());
    const std::string& text = *json->find("text")->as_string();
    std::vector<int32_t> ids = tokenizer->encode(text), with_special = tokenizer->encode(text, {.add_special = true});
    if (name == "minilm") {
      // [CLS] stands first and [SEP] last, so truncation takes from before the [SEP].
      pad_and_truncate(ids, 0);
      if (with_special.size() > 128) with_special.erase(with_special.begin() + 127, with_special.end() - 1);
      with_special.resize(128, 0);
    }
    EXPECT_EQ(ids, ids_of(*json->find("ids"))) << text;
    EXPECT_EQ(with_special, ids_of(*json->find("ids_with_special"))) << text;
    const std::string& decoded = *json->find("decoded")->as_string();
    if (name.starts_with("mistral-spm")) {
      // mistral-common, asked to keep special tokens, joins the pieces as the vocabulary spells them.
      std::string joined;
      for (const int32_t id : ids) joined += tokenizer->token_text(id);
      EXPECT_EQ(joined, decoded) << text;
      EXPECT_EQ(tokenizer->decode(ids), with_plain_spaces(text));
    } else {
      EXPECT_EQ(tokenizer->decode(ids), decoded) << text;
    }
    StreamDecoder stream(*tokenizer, false);
    std::string streamed;
    for (const int32_t id : ids) streamed += stream.push(id);
    EXPECT_EQ(streamed + stream.finish(), tokenizer->decode(ids)) << text;
    if (testing::Test::HasFailure()) FAIL() << "line " << count + 1;
  }
  EXPECT_EQ(count, 313);
}

INSTANTIATE_TEST_SUITE_P(
    All, TokenizerGolden,
    testing::Values(Golden{"smollm2", "tokenizers/smollm2/tokenizer.json"},
                    Golden{"tinystories", "models/tinystories-656k/hf/tokenizer.json"},
                    Golden{"gpt2", "tokenizers/gpt2/tokenizer.json"}, Golden{"minilm", "tokenizers/minilm/tokenizer.json"},
                    Golden{"unigram-metaspace", "tokenizers/trained/unigram-metaspace.json"},
                    Golden{"bpe-bytefallback", "tokenizers/trained/bpe-bytefallback.json"},
                    Golden{"wordpiece", "tokenizers/trained/wordpiece.json"},
                    Golden{"bpe-llama3-split", "tokenizers/trained/bpe-llama3-split.json"},
                    Golden{"mistral-spm-v3", "tokenizers/mistral/mistral_instruct_tokenizer_240323.model.v3"},
                    Golden{"mistral-spm-v7", "tokenizers/mistral/mistral_instruct_tokenizer_241114.model.v7"},
                    Golden{"mistral-tekken-240911", "tokenizers/mistral/tekken.json.gz"}),
    [](const auto& golden) {
      std::string name = golden.param.name;
      for (char& c : name) c = c == '-' ? '_' : c;
      return name;
    });

}  // namespace
}  // namespace sobre
