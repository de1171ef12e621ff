// The byte-by-byte JSON checker against the parser: the same texts are JSON.
#include "text/answer_reader_json.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>

#include "base/json.h"

namespace sobre {
namespace {

using Step = JsonScanner::Step;

class NoHandler final : public JsonHandler {
 public:
  Result<void> begin_object() override { return {}; }
  Result<void> key(std::string_view /*name*/) override { return {}; }
  Result<void> end_object() override { return {}; }
  Result<void> begin_array() override { return {}; }
  Result<void> end_array() override { return {}; }
  Result<void> scalar(Json /*value*/) override { return {}; }
};

/// Whether the text is one JSON value, without white space around it.
bool is_value(std::string_view text) {
  JsonScanner scanner;
  scanner.begin();
  for (size_t i = 0; i < text.size(); ++i) {
    const Step step = scanner.push(text[i]);
    if (step == Step::kBad || step == Step::kEndBefore) return false;
    if (step == Step::kEnd) return i + 1 == text.size();
  }
  return scanner.push(' ') == Step::kEndBefore;  // a number ends where something else comes
}

bool parses(std::string_view text) {
  NoHandler handler;
  constexpr std::string_view kSpace = " \t\n\r";
  const bool spaced = text.empty() || kSpace.find(text.front()) != kSpace.npos || kSpace.find(text.back()) != kSpace.npos;
  return !spaced && walk_json(text, {}, handler).has_value();
}

TEST(JsonScanner, KnownTexts) {
  for (const char* right :
       {"{}", "[]", "0", "-0", "-1.5e+3", "1E9", "10.25", "true", "false", "null", "\"\"", "\"a\\u00e9\\n\"",
        "{\"a\": [1, {\"b\": null}], \"c\": \"}\"}", "[ ]", "{ }", "[1 , 2]", "[[], {}]"}) {
    EXPECT_TRUE(is_value(right)) << right;
    EXPECT_TRUE(parses(right)) << right;
  }
  for (const char* wrong : {"",
                            "{",
                            "}",
                            "[}",
                            "{]",
                            "{\"a\": 1]",
                            "[1}",
                            "01",
                            "-",
                            "1.",
                            "1e",
                            "1e+",
                            ".5",
                            "+1",
                            "tru",
                            "nul ",
                            "\"",
                            "\"\\x\"",
                            "\"\\u12g4\"",
                            "\"a\nb\"",
                            "{a: 1}",
                            "{\"a\" 1}",
                            "{\"a\": 1,}",
                            "[1,]",
                            "[1 2]",
                            "{,}",
                            "{\"a\": 1 \"b\": 2}",
                            "{\"a\"}",
                            "{1: 2}"}) {
    EXPECT_FALSE(is_value(wrong)) << wrong;
    EXPECT_FALSE(parses(wrong)) << wrong;
  }
}

TEST(JsonScanner, AgreesWithTheParser) {
  constexpr std::string_view kBytes = "{}[]\",:0123456789-+.eEtrufalsn\\/ \n\tbx";
  // (Exponents below zero: what is too large for a double the parser refuses.)
  const std::string base[] = {R"({"a": [1, -2.5e-3, {"b": null}], "c": "x\u00e9\n", "d": true})",
                              R"([[], {}, "", 0, false, 1e-5])"};
  std::mt19937 random(11);
  int right = 0;
  for (int round = 0; round < 50'000; ++round) {
    std::string text = base[random() % 2];
    for (size_t n = random() % 4; n > 0; --n) {
      const size_t at = random() % text.size();
      switch (random() % 3) {
        case 0:
          text[at] = kBytes[random() % kBytes.size()];
          break;
        case 1:
          text.insert(at, 1, kBytes[random() % kBytes.size()]);
          break;
        default:
          text.erase(at, 1);
      }
    }
    right += parses(text) ? 1 : 0;
    ASSERT_EQ(is_value(text), parses(text)) << text;
  }
  EXPECT_GT(right, 5'000);
}

TEST(JsonScanner, DepthIsBounded) {
  EXPECT_TRUE(is_value(std::string(JsonScanner::kMaxDepth, '[') + std::string(JsonScanner::kMaxDepth, ']')));
  EXPECT_FALSE(is_value(std::string(JsonScanner::kMaxDepth + 1, '[') + std::string(JsonScanner::kMaxDepth + 1, ']')));
}

}  // namespace
}  // namespace sobre
