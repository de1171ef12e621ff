// `sobre train` and `sobre eval`: from a recipe to a model whose answers are counted; recorded runs; what is refused.
#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include "base/json.h"
#include "cli/command_testing.h"
#include "cli/names.h"
#include "kernels/kernels.h"

namespace sobre {
namespace {

// Questions that a tiny model learns by heart, and a tokenizer made of them.
class Training : public testing::Test {
 protected:
  Training() {
    std::string rows = "question,label\n";
    for (int i = 0; i < 40; ++i) {
      const std::string word = i % 2 == 0 ? "red" : "blue";
      rows += "is it " + word + " number " + std::to_string(i) + "?," + word + "\n";
    }
    write_text(folder_ / "rows.csv", rows);
    write_text(folder_ / "corpus.jsonl",
               "{\"messages\": [{\"role\": \"user\", \"content\": \"is it red number 1? is it blue number 2?\"}, "
               "{\"role\": \"assistant\", \"content\": \"red blue red blue\"}]}\n");
    const Outcome o = run_sobre({"train-tokenizer", folder_ / "corpus.jsonl", "--vocab-size", "270", "-o",
                                 folder_ / "tokenizer", "--min-frequency", "1"});
    EXPECT_EQ(o.status, 0) << o.err;
  }

  std::string recipe(const std::string& more = "steps = 60") {
    std::string config = R"({ model_type = "llama", hidden_size = 32, num_hidden_layers = 2, num_attention_heads = 4,
      num_key_value_heads = 2, intermediate_size = 64, vocab_size = 270, max_position_embeddings = 128, rms_norm_eps = 1e-5,
      rope_theta = 10000.0, hidden_act = "silu", tie_word_embeddings = true, eos_token_id = 2 })";
    std::erase(config, '\n');
    write_text(folder_ / "recipe.toml",
               "[model]\ninit = \"random\"\nconfig = " + config +
                   "\ntokenizer = \"tokenizer\"\n[data]\nmax_tokens = 96\ntrain = [{ csv = \"rows.csv\", prompt = "
                   "\"question\", answer = \"label\", held_back = 0.2 }]\n[training]\n" +
                   more +
                   "\nbatch_tokens = 512\nlearning_rate = 1e-2\nwarmup_steps = 5\nevaluate_every = 0\n"
                   "[output]\nfolder = \"out\"\ngguf = \"Q8_0\"\n");
    return folder_ / "recipe.toml";
  }

  TemporaryFolder folder_;
};

TEST_F(Training, ARecipeBecomesAModelWhoseAnswersAreCounted) {
  const std::string path = recipe();
  const Outcome trained = run_sobre({"train", path, "--threads", "2"});
  ASSERT_EQ(trained.status, 0) << trained.err;
  EXPECT_NE(trained.out.find("60 steps"), std::string::npos) << trained.out;
  EXPECT_NE(trained.out.find("validation loss"), std::string::npos) << trained.out;
  EXPECT_NE(trained.out.find("out-Q8_0.gguf"), std::string::npos) << trained.out;
  for (const std::string& model : {folder_ / "out", folder_ / "out/out-Q8_0.gguf"}) {
    const Outcome o = run_sobre({"eval", model, "--recipe", path, "--json", "--answers", folder_ / "answers.jsonl"});
    ASSERT_EQ(o.status, 0) << o.err;
    const Result<Json> report = Json::parse(o.out);
    ASSERT_TRUE(report) << o.out;
    const Json& cell = (*report->find("cells")->as_array())[0];
    EXPECT_EQ(cell.find("total")->as_int(), 8);
    EXPECT_EQ(cell.find("right")->as_int(), 8) << read_text(folder_ / "answers.jsonl");
    EXPECT_GT(*cell.find("low")->as_double(), 0.6);
  }
  // A model without any idea is not right, and a shot is a turn more.
  const Outcome shots = run_sobre({"eval", folder_ / "out", "--recipe", path, "--shots", "1"});
  EXPECT_EQ(shots.status, 0) << shots.err;
  EXPECT_NE(shots.out.find("of 8"), std::string::npos) << shots.out;
  expect_failure({"train", path}, 1, "--restart");
}

TEST_F(Training, WhatItCostIsInTheLedger) {
  const EnvironmentVariable state("XDG_STATE_HOME", folder_ / "state");
  const std::string path = recipe("steps = 3");
  ASSERT_EQ(run_sobre({"train", path}).status, 0);
  ASSERT_EQ(run_sobre({"eval", folder_ / "out", "--recipe", path}).status, 0);
  const Outcome rows = run_sobre({"ledger", "show", "--json"});
  ASSERT_EQ(rows.status, 0) << rows.err;
  std::vector<std::string> kinds, digests;
  std::istringstream lines(rows.out);
  for (std::string line; std::getline(lines, line);) {
    const Result<Json> row = Json::parse(line);
    ASSERT_TRUE(row) << line;
    kinds.push_back(*row->find("kind")->as_string());
    digests.push_back(*row->find("model_digest")->as_string());
    EXPECT_EQ(*row->find("status")->as_string(), "done");
    EXPECT_GT(*row->find("energy_uj")->as_int(), 0) << line;
    EXPECT_GT(*row->find("prompt_tokens")->as_int() + *row->find("answer_tokens")->as_int(), 0) << line;
  }
  EXPECT_EQ(kinds, (std::vector<std::string>{"train", "evaluate"}));
  EXPECT_EQ(digests[0], digests[1]);
  EXPECT_EQ(digests[0], model_identity(folder_ / "out").value());
  EXPECT_TRUE(digests[0].starts_with("sha256:")) << digests[0];
}

TEST_F(Training, OfficeTasksAreAskedByLevelAndLanguage) {
  const std::string path = recipe("steps = 1");
  ASSERT_EQ(run_sobre({"train", path}).status, 0);
  // The context of the tiny model is short: only the shortest questions fit.
  const Outcome o =
      run_sobre({"eval", folder_ / "out", "--task", "refuse", "--level", "1", "--count", "3", "--max-tokens", "4"});
  ASSERT_EQ(o.status, 0) << o.err;
  EXPECT_NE(o.out.find("refuse          1       en    0.0 %"), std::string::npos) << o.out;
  EXPECT_NE(o.out.find("refuse          1       fr"), std::string::npos) << o.out;
  expect_failure({"eval", folder_ / "out", "--task", "poetry"}, 1, "poetry");
  expect_failure({"eval", folder_ / "out", "--level", "4"}, 2, "--level");
  expect_failure({"eval", folder_ / "out", "--recipe", path, "--count", "3"}, 2, "--count");
}

TEST_F(Training, CarbonIsSaidPerRightAnswer) {
  const Outcome o =
      run_sobre({"eval", "office-small", "--task", "route", "--level", "1", "--count", "8", "--zone", "fr", "--json"});
  ASSERT_EQ(o.status, 0) << o.err;
  const Json report = Json::parse(o.out).value();
  const Json* sci = report.find("sci");
  ASSERT_NE(sci, nullptr) << o.out;
  EXPECT_EQ(*sci->find("functional_unit")->as_string(), "one accepted answer of task route");
  EXPECT_EQ(*sci->find("zone")->as_string(), "FR");
  EXPECT_GT(*sci->find("g_low")->as_double(), 0);
  EXPECT_LE(*sci->find("g_low")->as_double(), *sci->find("g")->as_double());
  EXPECT_LE(*sci->find("g")->as_double(), *sci->find("g_high")->as_double());
  const Outcome text = run_sobre({"eval", "office-small", "--task", "route", "--level", "1", "--count", "2", "--zone", "FR"});
  EXPECT_NE(text.out.find("CO2e per right answer (SCI, electricity of FR)"), std::string::npos) << text.out;
  expect_failure({"eval", "office-small", "--zone", "Atlantis"}, 1, "Atlantis");
}

TEST_F(Training, HeldBackRowsOfEverySourceAreAskedAndAllOfTheAnswerCounts) {
  // Answers of several lines: working and result. The bundled model knows such sums.
  const Outcome sums = run_sobre({"data", "arithmetic", "--level", "1", "--language", "en", "--count", "8"});
  ASSERT_EQ(sums.status, 0) << sums.err;
  write_text(folder_ / "sums.jsonl", sums.out);
  const std::string wrong =
      R"({"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "What is 2 + 3?"}, )"
      R"({"role": "assistant", "content": "one line\nand another"}]})"
      "\n";
  write_text(folder_ / "other.jsonl", wrong + wrong);
  const auto with_sources = [&](const std::string& sources) {
    std::string text = read_text(recipe());
    const size_t begin = text.find("train = ["), end = text.find('\n', begin);
    text.replace(begin, end - begin, "train = [" + sources + "]");
    write_text(folder_ / "held.toml", text);
    return folder_ / "held.toml";
  };
  const std::string path = with_sources(
      "{ chat = \"sums.jsonl\", held_back = 0.5 }, { csv = \"rows.csv\", prompt = \"question\", answer = \"label\" }, "
      "{ chat = \"other.jsonl\", held_back = 0.5 }");
  const Outcome o = run_sobre({"eval", "office-small", "--recipe", path, "--json", "--answers", folder_ / "answers.jsonl"});
  ASSERT_EQ(o.status, 0) << o.err;
  const Json report = Json::parse(o.out).value();
  const Json::Array& cells = *report.find("cells")->as_array();
  ASSERT_EQ(cells.size(), 2u) << o.out;
  EXPECT_EQ(*cells[0].find("task")->as_string(), "train[1]");
  EXPECT_EQ(cells[0].find("total")->as_int(), 4);
  EXPECT_EQ(cells[0].find("right")->as_int(), 4) << read_text(folder_ / "answers.jsonl");
  EXPECT_EQ(*cells[1].find("task")->as_string(), "train[3]");
  EXPECT_EQ(cells[1].find("right")->as_int(), 0);
  // Texts hold no questions: those of the other sources are asked.
  write_text(folder_ / "texts.jsonl", "{\"text\": \"one\"}\n{\"text\": \"two\"}\n");
  const std::string texts = "{ text = \"texts.jsonl\", held_back = 0.5 }";
  EXPECT_EQ(
      run_sobre({"eval", "office-small", "--recipe", with_sources(texts + ", { chat = \"sums.jsonl\", held_back = 0.5 }")})
          .status,
      0);
  expect_failure({"eval", "office-small", "--recipe", with_sources(texts)}, 1, "held_back");
  // What cannot take the answers is said before anything is asked.
  expect_failure({"eval", "office-small", "--task", "route", "--count", "1", "--answers", "/dev/null"}, 1,
                 "not a regular file");
  with_sources("{ chat = \"sums.jsonl\", held_back = 0.5 }, { chat = \"other.jsonl\", held_back = 0.5 }");
  // Rows that nobody can be asked are named.
  for (const char* row : {R"({"messages": []})", R"({"messages": [{"role": "user", "content": "q"}]})",
                          R"({"messages": [{"role": "user", "content": "q"}, {"role": "user", "content": "r"}]})"}) {
    write_text(folder_ / "other.jsonl", std::string(row) + "\n" + row + "\n");
    expect_failure({"eval", "office-small", "--recipe", path}, 1, "other.jsonl:");
  }
  expect_failure({"eval", "office-small", "--recipe", with_sources("{ chat = \"sums.jsonl\" }")}, 1, "held_back");
}

TEST_F(Training, RecordedRunsAreALineAStep) {
  NEED_SHARED();
  const Outcome o =
      run_sobre({"train", "--replay", kShared + "/goldens/train/llama", "--replay-out", folder_ / "after.safetensors"});
  ASSERT_EQ(o.status, 0) << o.err;
  std::istringstream lines(o.out);
  int steps = 0;
  for (std::string line; std::getline(lines, line); ++steps) {
    const Result<Json> json = Json::parse(line);
    ASSERT_TRUE(json) << line;
    EXPECT_EQ(json->find("step")->as_int(), steps);
    EXPECT_GT(*json->find("loss")->as_double(), 0);
    EXPECT_GT(*json->find("grad_norm")->as_double(), 0);
  }
  EXPECT_EQ(steps, 10);
  EXPECT_GT(std::filesystem::file_size(folder_ / "after.safetensors"), 1000U);
}

TEST_F(Training, WrongUseIsNamed) {
  expect_failure({"train"}, 2, "a RECIPE is needed");
  expect_failure({"train", folder_ / "none.toml"}, 1, "none.toml");
  expect_failure({"train", "--replay", folder_ / "none"}, 1, "none");
  expect_failure({"train", recipe(), "--replay", folder_.path()}, 2, "--replay");
  const Isa other = kernels_for(Isa::kNeon) == nullptr ? Isa::kNeon : Isa::kAvx512;
  expect_failure({"train", recipe("steps = 1"), "--isa", std::string(isa_name(other))}, 1, "is not available on this machine");
  expect_failure({"train", recipe("steps = 1\nstepps = 3")}, 1, "stepps");
  expect_failure({"train", recipe("steps = 1\nmicro_tokens = 200")}, 1, "does not divide");
  write_text(folder_ / "rows.csv", "question,label\none column\none column\none column\none column\n");
  expect_failure({"train", recipe()}, 1, "rows.csv:");
}

}  // namespace
}  // namespace sobre
