// `sobre train-tokenizer`: a folder that the other commands read, and one line for everything that goes wrong.
#include <gtest/gtest.h>

#include "base/json.h"
#include "cli/command_testing.h"

namespace sobre {
namespace {

namespace fs = std::filesystem;

const std::string kText = "The cat sat on the mat. The hat was on the cat.\nThe rat ate the hat that sat on the mat.\n";

std::vector<std::string> training(const TemporaryFolder& folder, const std::vector<std::string>& more = {}) {
  write_text(folder / "a.txt", kText);
  std::vector<std::string> args = {"train-tokenizer", folder / "a.txt", "--vocab-size", "270", "-o", folder / "out"};
  args.insert(args.end(), more.begin(), more.end());
  return args;
}

TEST(TrainTokenizer, OtherCommandsReadTheFolder) {
  const TemporaryFolder folder;
  const Outcome o = run_sobre(training(folder));
  ASSERT_EQ(o.status, 0) << o.err;
  EXPECT_EQ(o.err, "");
  EXPECT_TRUE(o.out.starts_with(folder.path() + "/out: 270 tokens from 89 bytes of text")) << o.out;
  const Outcome ids = run_sobre({"tokenize", folder / "out", "--jsonl"}, "{\"text\": \"<|im_start|>The cat 12<|im_end|>\"}\n");
  ASSERT_EQ(ids.status, 0) << ids.err;
  const auto answer = Json::parse(ids.out);
  ASSERT_TRUE(answer && answer->find("ids") != nullptr) << ids.out;
  EXPECT_EQ(answer->find("ids")->as_array()->front(), Json(1));
  EXPECT_EQ(answer->find("ids")->as_array()->back(), Json(2));
  const Outcome text = run_sobre({"tokenize", folder / "out", "--jsonl"}, ids.out);
  EXPECT_EQ(text.out, "{\"text\": \"<|im_start|>The cat 12<|im_end|>\"}\n");
  // A model made with this tokenizer has its template.
  const std::string model = make_model(folder, "model", tiny_config(270), folder / "out");
  const Outcome rendered = run_sobre({"template", model, "--jsonl"},
                                     R"({"messages": [{"role": "user", "content": "Hi"}], "add_generation_prompt": true})");
  EXPECT_EQ(rendered.out, "{\"rendered\": \"<|im_start|>user\\nHi<|im_end|>\\n<|im_start|>assistant\\n\"}\n") << rendered.err;
}

TEST(TrainTokenizer, TakesSeveralFilesOfBothKinds) {
  const TemporaryFolder folder;
  write_text(folder / "b.jsonl", "{\"messages\": [{\"role\": \"user\", \"content\": \"zzzz zzzz\"}]}\n{\"text\": \"zzzz\"}\n");
  auto args = training(folder);
  args.insert(args.begin() + 2, folder / "b.jsonl");
  ASSERT_EQ(run_sobre(args).status, 0);
  const auto json = Json::parse(read_text(folder / "out/tokenizer.json"));
  ASSERT_TRUE(json);
  EXPECT_NE(json->find("model")->find("vocab")->find("zzzz"), nullptr);
  // Only the first of them, when that is all that may be read.
  args.insert(args.end(), {"--force", "--max-bytes", "98"});
  const Outcome less = run_sobre(args);
  EXPECT_NE(less.out.find("from 98 bytes of text"), std::string::npos) << less.out << less.err;
  args.back() = "89";
  ASSERT_EQ(run_sobre(args).status, 0);
  const auto first = Json::parse(read_text(folder / "out/tokenizer.json"));
  EXPECT_EQ(first->find("model")->find("vocab")->find("zzzz"), nullptr);
}

TEST(TrainTokenizer, SaysWhyThereAreFewerTokens) {
  const TemporaryFolder folder;
  auto args = training(folder);
  args[3] = "5000";
  const Outcome o = run_sobre(args);
  EXPECT_EQ(o.status, 0);
  EXPECT_NE(o.err.find("tokens instead of 5000: no further pair occurs 2 times"), std::string::npos) << o.err;
  args.insert(args.end(), {"--min-frequency", "1", "--force"});
  EXPECT_NE(run_sobre(args).err.find("tokens instead of 5000: nothing is left to merge"), std::string::npos);
  write_text(folder / "a.txt", std::string(2000, 'x') + " yy yy");
  args[5] = folder / "data";
  EXPECT_NE(run_sobre(args).err.find("1 stretches of more than 1024 bytes"), std::string::npos);
}

TEST(TrainTokenizer, ReplacesATokenizerOnlyWhenTold) {
  const TemporaryFolder folder;
  ASSERT_EQ(run_sobre(training(folder)).status, 0);
  const std::string before = read_text(folder / "out/tokenizer.json");
  auto args = training(folder, {"--min-frequency", "3"});
  expect_failure(args, 1, "out/tokenizer.json: it exists already");
  EXPECT_EQ(read_text(folder / "out/tokenizer.json"), before);
  args.emplace_back("--force");
  EXPECT_EQ(run_sobre(args).status, 0);
  EXPECT_NE(read_text(folder / "out/tokenizer.json"), before);
  fs::remove(folder / "out/tokenizer.json");
  expect_failure(training(folder), 1, "tokenizer_config.json: it exists already");
  write_text(folder / "out/chat_template.jinja", "{{ messages }}");
  expect_failure(args, 1, "it would hide the new tokenizer's template");
}

TEST(TrainTokenizer, WrongInputsAreOneLine) {
  const TemporaryFolder folder;
  auto args = training(folder);
  for (const char* size : {"259", "1000001", "-1", "many"}) {
    args[3] = size;
    expect_failure(args, 2, "is no whole number from 260 to 1000000");
  }
  expect_failure(training(folder, {"--min-frequency", "0"}), 2, "--min-frequency");
  expect_failure(training(folder, {"--max-bytes", "0"}), 2, "--max-bytes");
  expect_failure({"train-tokenizer", folder / "a.txt", "-o", folder / "out"}, 2, "--vocab-size");
  expect_failure({"train-tokenizer", folder / "a.txt", "--vocab-size", "300"}, 2, "--out");
  const auto with_file = [&](const std::string& file) {
    return std::vector<std::string>{"train-tokenizer", file, "--vocab-size", "300", "-o", folder / "out"};
  };
  expect_failure(with_file(folder / "absent.txt"), 1, "absent.txt: No such file");
  expect_failure(with_file(folder / "a.csv"), 1, "a.csv: the name of a training text ends in");
  write_text(folder / "empty.txt", "");
  expect_failure(with_file(folder / "empty.txt"), 1, "there is no text to train on in");
  write_text(folder / "bad.txt", "ab\nc\xFF");
  expect_failure(with_file(folder / "bad.txt"), 1, "bad.txt:2: byte 4 of the file is not UTF-8");
  write_text(folder / "bad.jsonl", "{\"text\": \"a\"}\n{}\n");
  expect_failure(with_file(folder / "bad.jsonl"), 1, "bad.jsonl:2: neither");
  EXPECT_FALSE(fs::exists(folder / "out/tokenizer.json"));
  auto onto_file = with_file(folder / "a.txt");
  onto_file.back() = folder / "a.txt";
  expect_failure(onto_file, 1, "this is a file; name a folder");
}

}  // namespace
}  // namespace sobre
