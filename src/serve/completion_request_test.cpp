#include "serve/completion_request.h"

#include "serve/request_testing.h"

namespace sobre {
namespace {

TEST(CompletionRequest, PromptsComeInFourForms) {
  const auto of = [](const std::string& prompt) {
    auto request = completion_of("\"prompt\": " + prompt);
    EXPECT_TRUE(request) << prompt;
    return request ? request->prompts : decltype(request->prompts)();
  };
  using Ids = std::vector<int32_t>;
  EXPECT_EQ(std::get<std::string>(of("\"x\"").at(0)), "x");
  EXPECT_EQ(std::get<Ids>(of("[1, 2]").at(0)), (Ids{1, 2}));
  const auto texts = of(R"(["a", "b", ""])");
  ASSERT_EQ(texts.size(), 3U);
  EXPECT_EQ(std::get<std::string>(texts[1]), "b");
  const auto lists = of("[[1], [2, 3]]");
  ASSERT_EQ(lists.size(), 2U);
  EXPECT_EQ(std::get<Ids>(lists[1]), (Ids{2, 3}));
}

TEST(CompletionRequest, WrongPromptsAreNamed) {
  const struct {
    const char *members, *param, *words;
  } cases[] = {{R"("x": 1)", "prompt", "missing"},
               {R"("prompt": null)", "prompt", "missing"},
               {R"("prompt": [])", "prompt", "neither a string nor a list with something"},
               {R"("prompt": 5)", "prompt", "neither a string"},
               {R"("prompt": [1, "a"])", "prompt", "\"a\" (entry 1) is no token id"},
               {R"("prompt": [1.5])", "prompt", "1.5 (entry 0) is no token id"},
               {R"("prompt": [-1])", "prompt", "is no token id"},
               {R"("prompt": [4294967296])", "prompt", "is no token id"},
               {R"("prompt": ["a", 5])", "prompt[1]", "neither a string nor a list"},
               {R"("prompt": [[]])", "prompt[0]", "0 token ids; 1 to"},
               {R"("prompt": ["a"], "n": 17)", "n", "out of range"}};
  for (const auto& c : cases) expect_fault(completion_of(c.members), c.param, c.words, c.members);
  std::string twenty = R"("prompt": ["p0")";
  for (int i = 1; i < 20; ++i) twenty += fmt::format(R"(, "p{}")", i);
  EXPECT_TRUE(completion_of(twenty + "]"));
  EXPECT_TRUE(completion_of(twenty + R"(], "n": 6)"));
  expect_fault(completion_of(twenty + R"(], "n": 7)"), "prompt", "20 prompts, 7 answers to each; at most 128", twenty);
}

TEST(CompletionRequest, OwnFields) {
  const auto plain = completion_of(R"("prompt": "x")");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->max_tokens, 16);
  EXPECT_EQ(plain->top_logprobs, -1);
  EXPECT_EQ(completion_of(R"("prompt": "x", "logprobs": 3)")->top_logprobs, 3);
  EXPECT_EQ(completion_of(R"("prompt": "x", "logprobs": true)")->top_logprobs, 0);
  EXPECT_TRUE(completion_of(R"("prompt": "x", "echo": true)")->echo);
  EXPECT_TRUE(completion_of(R"("prompt": "x", "best_of": 2, "n": 2)"));
  const struct {
    const char *members, *param;
  } cases[] = {{R"("best_of": 3)", "best_of"},
               {R"("suffix": "end")", "suffix"},
               {R"("logprobs": 21)", "logprobs"},
               {R"("logprobs": "x")", "logprobs"},
               {R"("echo": true, "logprobs": 1)", "echo"},
               {R"("regex": "a", "ignore_eos": true)", "ignore_eos"}};
  for (const auto& c : cases)
    expect_fault(completion_of(R"("prompt": "x", )" + std::string(c.members)), c.param, "", c.members);
}

}  // namespace
}  // namespace sobre
