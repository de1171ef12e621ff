// Hostile texts: a megabyte of one thing, for every kind of tokenizer. Four times the text may cost some more than four times
// the time (n log n), not sixteen times; the stack must not grow at all.
#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <filesystem>

#include "text/tokenizer.h"

namespace sobre {
namespace {

const std::string kShared = std::string(SOBRE_SOURCE_DIR) + "/../shared/";

std::string repeat(std::string_view part, size_t bytes) {
  std::string text;
  while (text.size() < bytes) text += part;
  return text;
}

/// Seconds of this process so far: of the processor, so that others on the machine do not count.
double now() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

/// Seconds that encoding takes.
double seconds(const Tokenizer& tokenizer, const std::string& text) {
  const double start = now();
  const size_t n = tokenizer.encode(text).size();
  const double taken = now() - start;
  EXPECT_LE(n, 3 * text.size() + 4);  // U+FFFD for each byte, in bytes
  return taken;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr size_t kSanitizerShare = 16;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr size_t kSanitizerShare = 16;  // ten times slower there, and the stack grows sooner
#else
constexpr size_t kSanitizerShare = 1;
#endif
#else
constexpr size_t kSanitizerShare = 1;
#endif
constexpr size_t kMegabyte = (1 << 20) / kSanitizerShare;

void expect_linear(const Tokenizer& tokenizer, size_t large_bytes = kMegabyte) {
  const size_t small_bytes = large_bytes / 4;
  for (const char* part : {"a", " ", "\U0001F642", "\u0301\u0323\u0345", "\n", "7", "Z", "ab", "A\u0301", "'", "\u2581", "x ",
                           " \n", "<|im_start", "\u6F22", "\xFF"}) {
    const double large = seconds(tokenizer, repeat(part, large_bytes));
    EXPECT_LT(large, 20.0) << "'" << part << "'";
    if (large < 1.0) continue;  // a quadratic method would need minutes; and noise rules ratios of short times
    const double small = std::min(seconds(tokenizer, repeat(part, small_bytes)), seconds(tokenizer, repeat(part, small_bytes)));
    EXPECT_LT(large / small, 10.0) << "'" << part << "': " << small << " s, " << large << " s";
  }
}

class TokenizerLinear : public testing::TestWithParam<const char*> {};

TEST_P(TokenizerLinear, TimeAndStack) {
  const std::string path = kShared + GetParam();
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "no " << path;
  const auto tokenizer = Tokenizer::from_file(path);
  ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().message;
  expect_linear(*tokenizer);
}

INSTANTIATE_TEST_SUITE_P(Files, TokenizerLinear,
                         testing::Values("tokenizers/smollm2/tokenizer.json", "models/tinystories-656k/hf/tokenizer.json",
                                         "tokenizers/minilm/tokenizer.json", "tokenizers/trained/unigram-metaspace.json",
                                         "tokenizers/trained/bpe-bytefallback.json", "tokenizers/trained/bpe-llama3-split.json",
                                         "tokenizers/mistral/mistral_instruct_tokenizer_240323.model.v3"));

/// All single bytes and some runs, as GGUF carries a byte-level vocabulary; tekken's way of merging, any pre-tokenizer.
Tokenizer byte_level(const std::string& pre) {
  VocabData v;
  v.model = "gpt2";
  v.pre = pre;
  for (int b = 0x21; b <= 0x7E; ++b) v.tokens.emplace_back(1, static_cast<char>(b));
  v.tokens.insert(v.tokens.end(),
                  {"\u0120", "\u010A", "\u0120\u0120", "aa", "aaaa", "aaaaaaaa", "77", "ZZ", "ZZZZ", "ab", "\u010A\u010A"});
  auto t = Tokenizer::from_vocab(std::move(v));
  EXPECT_TRUE(t.has_value()) << t.error().message;
  return std::move(*t);
}

TEST(TokenizerLinearSmall, EveryPattern) {
  for (const char* pre : {"default", "smollm", "llama-bpe", "tekken", "gpt-4o"}) {
    SCOPED_TRACE(pre);
    expect_linear(byte_level(pre), kMegabyte / 4);
  }
}

TEST(TokenizerLinearSmall, AddedTokensThatOverlap) {
  // Each place of the text begins a match of most of these, and white space is taken on both sides.
  std::string added;
  for (int n = 1; n <= 60; ++n) {
    added += R"({"id":)" + std::to_string(n) + R"(,"content":")" + std::string(static_cast<size_t>(n), 'a') +
             R"(b","special":false,"normalized":false},)";
  }
  added += R"({"id":61,"content":" ","lstrip":true,"rstrip":true,"special":false,"normalized":false})";
  const auto t =
      Tokenizer::from_hf_json(R"({"added_tokens":[)" + added + R"(],"model":{"type":"BPE","vocab":{"a":0},"merges":[]}})");
  ASSERT_TRUE(t.has_value()) << t.error().message;
  expect_linear(*t);
  EXPECT_EQ(t->encode(std::string(100, 'a') + "b"), [] {
    std::vector<int32_t> ids(40, 0);
    ids.push_back(60);
    return ids;
  }());
}

}  // namespace
}  // namespace sobre
