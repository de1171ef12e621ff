// Whole runs: resumed ones end with the same bits as uninterrupted ones, however they were stopped; nothing that goes wrong
// loses a checkpoint; what is left is a model that others read.
#include "learn/training_run.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <random>

#include "engine/tiny_model_testing.h"
#include "format/safetensors.h"
#include "learn/learn_testing.h"
#include "learn/train_log.h"
#include "learn/training_state.h"

namespace sobre {
namespace {

namespace fs = std::filesystem;

constexpr const char* kConfig = R"({ model_type = "llama", hidden_size = 32, num_hidden_layers = 2, num_attention_heads = 4,
  num_key_value_heads = 2, head_dim = 8, intermediate_size = 64, vocab_size = %V, max_position_embeddings = 256,
  rms_norm_eps = 1e-5, rope_theta = 10000.0, hidden_act = "silu", tie_word_embeddings = true })";

class Runs : public testing::Test {
 protected:
  Runs() {
    fs::create_directories(files_ / "tiny");
    EXPECT_TRUE(write_tiny_model(files_ / "tiny", SOBRE_SOURCE_DIR));
    std::string rows;
    for (int i = 0; i < 60; ++i) {
      rows += fmt::format(
          R"({{"messages": [{{"role": "user", "content": "add {} and {}"}}, {{"role": "assistant", "content": "{}"}}]}})"
          "\n",
          i % 7, i % 5, i % 7 + i % 5);
    }
    files_.write("rows.jsonl", rows);
  }

  // One line, since TOML's inline tables are.
  [[nodiscard]] std::string config() const {
    std::string text = kConfig;
    text.replace(text.find("%V"), 2, std::to_string(tiny_text().tokenizer->vocab_size()));
    std::erase(text, '\n');
    return text;
  }

  [[nodiscard]] std::string recipe_text(const std::string& more) const {
    return "[model]\ninit = \"random\"\nconfig = " + config() +
           "\ntokenizer = \"tiny\"\n[data]\nmax_tokens = 64\ntrain = [{ chat = \"rows.jsonl\", held_back = 0.2 }]\n"
           "[training]\nsteps = 12\nbatch_tokens = 128\nmicro_tokens = 64\nlearning_rate = 1e-2\nwarmup_steps = 2\n"
           "evaluate_every = 5\nevaluate_examples = 8\ncheckpoint_every_s = 0\n" +
           more;
  }

  [[nodiscard]] Recipe recipe(const std::string& folder, const std::string& more = "") const {
    const std::string path =
        files_.write(folder + ".toml", recipe_text(more) + "[output]\nfolder = \"" + folder + "\"\ngguf = \"Q8_0\"\n");
    auto loaded = load_recipe(path);
    EXPECT_TRUE(loaded) << message_of(loaded);
    return std::move(*loaded);
  }

  // The recipe of a text without its output, which goes to a folder of the recipe's name.
  [[nodiscard]] Recipe recipe_of(const std::string& name, const std::string& text) const {
    auto loaded = load_recipe(files_.write(name + ".toml", text + "[output]\nfolder = \"" + name + "\"\n"));
    EXPECT_TRUE(loaded) << message_of(loaded);
    return std::move(*loaded);
  }

  // `stop_after`: steps of this start; 0: none.
  static Result<RunReport> run(const Recipe& recipe, int stop_after = 0, bool restart = false, const std::string& init = "") {
    RunOptions options;
    options.init = init;
    options.processor = "test";
    options.restart = restart;
    options.kernels = &best_kernels();
    options.threads = std::make_shared<ThreadPool>(2);
    int steps = 0;
    options.cancelled = [&] { return stop_after > 0 && ++steps >= stop_after; };
    return run_training(recipe, options);
  }

  TestFiles files_;
};

TEST_F(Runs, AStoppedRunEndsWithTheSameBits) {
  const Recipe whole = recipe("whole");
  const auto report = run(whole);
  ASSERT_TRUE(report) << message_of(report);
  EXPECT_TRUE(report->finished);
  EXPECT_EQ(report->steps, 12U);
  EXPECT_TRUE(report->validation.has_value());
  const std::string weights = file_text(whole.output.folder + "/model.safetensors");
  const Recipe parts = recipe("parts");
  int starts = 0;
  for (bool finished = false; !finished; ++starts) {
    const auto part = run(parts, 1 + starts * 2);
    ASSERT_TRUE(part) << message_of(part);
    finished = part->finished;
  }
  EXPECT_GT(starts, 2);
  EXPECT_EQ(file_text(parts.output.folder + "/model.safetensors"), weights);
  const auto strip_times = [](const std::string& path) {
    std::string out;
    const auto log = read_train_log(path);
    for (const TrainLogRow& row : *log) out += fmt::format("{} {} {} {}\n", row.step, row.loss, row.grad_norm, row.validation);
    return out;
  };
  EXPECT_EQ(strip_times(parts.output.folder + "/training/log.jsonl"), strip_times(whole.output.folder + "/training/log.jsonl"));
  // Loss went down, and what is left is a model.
  const auto rows = read_train_log(whole.output.folder + "/training/log.jsonl");
  EXPECT_LT(rows->back().loss, 0.8 * rows->front().loss);
  const auto model = Model::load(whole.output.folder);
  ASSERT_TRUE(model) << message_of(model);
  EXPECT_TRUE((*model)->text().tokenizer.has_value());
  EXPECT_TRUE(Model::load(report->gguf)) << report->gguf;
  EXPECT_NE(file_text(whole.output.folder + "/training/curves.svg").find("<svg"), std::string::npos);
}

TEST_F(Runs, AStoppedRunWithMuonEndsWithTheSameBits) {
  const std::string products = "products = \"auto\"\n", more = products + "optimizer = \"muon\"\n";
  const Recipe whole = recipe("whole", more), parts = recipe("parts", more), other = recipe("other", products);
  ASSERT_TRUE(run(whole));
  ASSERT_TRUE(run(other));
  for (bool finished = false; !finished;) {
    const auto part = run(parts, 5);
    ASSERT_TRUE(part) << message_of(part);
    finished = part->finished;
  }
  const std::string weights = file_text(whole.output.folder + "/model.safetensors");
  EXPECT_EQ(file_text(parts.output.folder + "/model.safetensors"), weights);
  EXPECT_NE(file_text(other.output.folder + "/model.safetensors"), weights);
  const auto rows = read_train_log(whole.output.folder + "/training/log.jsonl");
  EXPECT_LT(rows->back().loss, 0.8 * rows->front().loss);
}

TEST_F(Runs, AKilledRunEndsWithTheSameBits) {
  const Recipe whole = recipe("whole");
  ASSERT_TRUE(run(whole));
  const std::string weights = file_text(whole.output.folder + "/model.safetensors");
  const Recipe killed = recipe("killed");
  std::mt19937 rng(7);
  int kills = 0;
  for (int attempt = 0; attempt < 200 && !fs::exists(killed.output.folder + "/model.safetensors"); ++attempt) {
    const pid_t child = fork();
    if (child == 0) _exit(run(killed) ? 0 : 1);
    // Longer and longer, so that slow builds (sanitizers) get on too.
    usleep(static_cast<useconds_t>((3000 + rng() % 30000) * (1 + static_cast<unsigned>(attempt) / 8)));
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    kills += WIFSIGNALED(status) ? 1 : 0;
    ASSERT_FALSE(WIFEXITED(status) && WEXITSTATUS(status) != 0) << "a run that goes on failed";
  }
  EXPECT_GT(kills, 0);
  // The last kill may have come between the weights and the rest of the model.
  if (fs::exists(killed.output.folder + "/training/checkpoint.safetensors")) {
    ASSERT_TRUE(run(killed));
  }
  EXPECT_EQ(file_text(killed.output.folder + "/model.safetensors"), weights) << kills << " kills";
}

TEST_F(Runs, AFullDiskIsOneErrorAndTheCheckpointStays) {
  const Recipe r = recipe("full");
  ASSERT_TRUE(run(r, 3));
  const std::string checkpoint = r.output.folder + "/training/checkpoint.safetensors";
  const std::string before = file_text(checkpoint);
  int pipes[2];
  ASSERT_EQ(pipe(pipes), 0);
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{20'000, 20'000};
    setrlimit(RLIMIT_FSIZE, &limit);
    const std::string message = message_of(run(r));
    _exit(write(pipes[1], message.data(), message.size()) == static_cast<ssize_t>(message.size()) ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  std::string message(4096, '\0');
  message.resize(static_cast<size_t>(std::max<ssize_t>(0, read(pipes[0], message.data(), message.size()))));
  close(pipes[0]), close(pipes[1]);
  EXPECT_NE(message.find("checkpoint.safetensors"), std::string::npos) << message;
  EXPECT_EQ(message.find('\n'), std::string::npos);
  EXPECT_EQ(file_text(checkpoint), before);
  ASSERT_TRUE(run(r)) << "and the run goes on when there is room";
}

TEST_F(Runs, AnUnreadableRowIsNamedAndTheCheckpointStays) {
  const Recipe r = recipe("row");
  ASSERT_TRUE(run(r, 3));
  const std::string checkpoint = r.output.folder + "/training/checkpoint.safetensors";
  const std::string before = file_text(checkpoint);
  std::string rows = file_text(files_ / "rows.jsonl");
  for (size_t at = 0; (at = rows.find("{\"messages\"", at)) != std::string::npos; at += 4) rows[at] = '[';
  files_.write("rows.jsonl", rows);
  const std::string message = message_of(run(r));
  EXPECT_NE(message.find("rows.jsonl:"), std::string::npos) << message;
  EXPECT_EQ(file_text(checkpoint), before);
}

TEST_F(Runs, OtherRunsAreNotMixedUp) {
  const Recipe r = recipe("mixed");
  ASSERT_TRUE(run(r, 3));
  const Recipe other = recipe("mixed", "seed = 2\n");
  EXPECT_NE(message_of(run(other)).find("--restart"), std::string::npos);
  ASSERT_TRUE(run(other, 0, true));
  EXPECT_NE(message_of(run(other)).find("a finished model is there"), std::string::npos);
  ASSERT_TRUE(run(other, 2, true));
  // The recipe's text is the same, what it names is not.
  const std::string tokenizer = files_ / "tiny/tokenizer_config.json", before = file_text(tokenizer);
  files_.write("tiny/tokenizer_config.json", before + "\n");
  EXPECT_NE(message_of(run(other)).find("tokenizer"), std::string::npos);
  files_.write("tiny/tokenizer_config.json", before);
  EXPECT_TRUE(run(other));
}

TEST_F(Runs, ARestartThatCannotBeginLosesNothing) {
  const Recipe r = recipe("again");
  ASSERT_TRUE(run(r, 3));
  const std::string checkpoint = r.output.folder + "/training/checkpoint.safetensors", before = file_text(checkpoint);
  fs::rename(files_ / "rows.jsonl", files_ / "away.jsonl");
  EXPECT_NE(message_of(run(r, 0, true)).find("rows.jsonl"), std::string::npos);
  EXPECT_EQ(file_text(checkpoint), before);
  fs::rename(files_ / "away.jsonl", files_ / "rows.jsonl");
  const auto done = run(r);
  ASSERT_TRUE(done) << message_of(done);
  EXPECT_EQ(done->steps, 12U);
}

TEST_F(Runs, WhatWasLearnedOutlivesAModelFileThatCannotBeWritten) {
  std::string text = recipe_text("");
  text.replace(text.find("checkpoint_every_s = 0"), 22, "checkpoint_every_s = 900");
  const auto r = load_recipe(files_.write("late.toml", text + "[output]\nfolder = \"late\"\ngguf = \"Q8_0\"\n"));
  ASSERT_TRUE(r) << message_of(r);
  fs::create_directories(files_ / "late/late-Q8_0.gguf/in the way");
  const std::string message = message_of(run(*r));
  EXPECT_NE(message.find("late-Q8_0.gguf"), std::string::npos) << message;
  EXPECT_NE(message.find("the model itself is complete"), std::string::npos) << message;
  fs::remove_all(files_ / "late/late-Q8_0.gguf");
  const auto done = run(*r);
  ASSERT_TRUE(done) << message_of(done);
  EXPECT_TRUE(done->finished);
  const auto rows = read_train_log(r->output.folder + "/training/log.jsonl");
  EXPECT_EQ(std::count_if(rows->begin(), rows->end(), [](const TrainLogRow& row) { return !row.validation; }), 12);
  EXPECT_GT(done->loss, 0);
  ASSERT_TRUE(done->validation);
  EXPECT_EQ(*done->validation, rows->back().loss);
}

TEST_F(Runs, ThatWouldLearnNothingAreRefused) {
  std::string text = recipe_text("");
  text.replace(text.find("max_tokens = 64"), 15, "max_tokens = 8\ntoo_long = \"skip\"");
  text.replace(text.find("steps = 12"), 10, "epochs = 1");
  const std::string output = "[output]\nfolder = \"none\"\n";
  const auto all_too_long = load_recipe(files_.write("none.toml", text + output));
  ASSERT_TRUE(all_too_long) << message_of(all_too_long);
  EXPECT_NE(message_of(run(*all_too_long)).find("max_tokens"), std::string::npos);
  text = recipe_text("");
  text.replace(text.find("init = "), 0, "train = [\"head\"]\n");
  const auto tied = load_recipe(files_.write("tied.toml", text + output));
  ASSERT_TRUE(tied) << message_of(tied);
  EXPECT_NE(message_of(run(*tied)).find("tie_word_embeddings"), std::string::npos) << message_of(run(*tied));
}

TEST_F(Runs, AModelIsTrainedOn) {
  const Recipe first = recipe("first");
  const auto report = run(first);
  ASSERT_TRUE(report) << message_of(report);
  const auto train_on = [&](const std::string& init) {
    const std::string path = files_.write(
        "second.toml", "[model]\ninit = \"" + init + "\"\ntrain = [\"layers.1\", \"final_norm\"]\n[data]\nmax_tokens = 64\n" +
                           "train = [{ chat = \"rows.jsonl\" }]\n[training]\nepochs = 2\nbatch_tokens = 128\n" +
                           "learning_rate = 1e-3\nwarmup_steps = 1\n[output]\nfolder = \"second\"\n");
    auto second = load_recipe(path);
    EXPECT_TRUE(second) << message_of(second);
    RunOptions options;
    options.init = init;
    options.restart = true;
    options.kernels = &best_kernels();
    options.threads = std::make_shared<ThreadPool>(2);
    return run_training(*second, options);
  };
  const auto done = train_on(first.output.folder);
  ASSERT_TRUE(done) << message_of(done);
  EXPECT_LT(done->trained, done->parameters);
  const auto a = SafetensorsFile::open(first.output.folder + "/model.safetensors");
  const auto b = SafetensorsFile::open(files_ / "second/model.safetensors");
  ASSERT_TRUE(a && b);
  for (const TensorView& t : a->tensors()) {
    const TensorView* u = b->find_tensor(t.name);
    ASSERT_NE(u, nullptr) << t.name;
    const bool trained = t.name.find("layers.1.") != std::string::npos || t.name == "model.norm.weight";
    EXPECT_EQ(std::equal(t.data.begin(), t.data.end(), u->data.begin(), u->data.end()), !trained) << t.name;
  }
}

TEST_F(Runs, TheModelToStartFromIsNotWrittenOver) {
  const Recipe first = recipe("first");
  ASSERT_TRUE(run(first));
  const std::string weights = file_text(first.output.folder + "/model.safetensors");
  for (const char* init : {"", "/first-Q8_0.gguf"}) {
    EXPECT_NE(message_of(run(first, 0, true, first.output.folder + init)).find("where the model is that training starts from"),
              std::string::npos);
  }
  EXPECT_EQ(file_text(first.output.folder + "/model.safetensors"), weights);
  // A model in shards is a model as well.
  const Recipe shards = recipe("shards");
  fs::create_directories(shards.output.folder);
  files_.write("shards/model.safetensors.index.json", "{}");
  EXPECT_NE(message_of(run(shards)).find("a finished model is there"), std::string::npos);
}

TEST_F(Runs, TextFilesOfAnEarlierRunAreNotTheModels) {
  const Recipe r = recipe("stale");
  fs::create_directories(r.output.folder);
  files_.write("stale/chat_template.jinja", "of another run");
  files_.write("stale/notes.txt", "mine");
  ASSERT_TRUE(run(r));
  EXPECT_FALSE(fs::exists(r.output.folder + "/chat_template.jinja"));
  EXPECT_TRUE(fs::exists(r.output.folder + "/notes.txt"));
}

TEST_F(Runs, DocumentsLongerThanTheModelAreRefused) {
  std::string text = recipe_text("");
  text.replace(text.find("max_tokens = 64"), 15, "max_tokens = 512");
  text.replace(text.find("micro_tokens = 64"), 17, "micro_tokens = 512");
  text.replace(text.find("batch_tokens = 128"), 18, "batch_tokens = 512");
  EXPECT_NE(message_of(run(recipe_of("long", text))).find("data.max_tokens is 512; the model was made for at most 256"),
            std::string::npos);
}

TEST_F(Runs, RowsThatAreTooLongAreCounted) {
  files_.write("rows.jsonl", file_text(files_ / "rows.jsonl") + R"({"messages": [{"role": "user", "content": ")" +
                                 std::string(400, 'x') +
                                 R"("}, {"role": "assistant", "content": "y"}]})"
                                 "\n");
  std::string text = recipe_text("");
  text.replace(text.find("max_tokens = 64"), 15, "max_tokens = 64\ntoo_long = \"skip\"");
  text.replace(text.find(", held_back = 0.2"), 17, "");
  text.replace(text.find("steps = 12"), 10, "epochs = 1");
  const auto done = run(recipe_of("skips", text));
  ASSERT_TRUE(done) << message_of(done);
  EXPECT_EQ(done->rows, 61U);
  EXPECT_EQ(done->skipped, 1U);
}

// Multiplies an f32 tensor of a file.
void scale_tensor(const std::string& path, const std::string& name, float by) {
  std::string bytes = file_text(path);
  {
    const auto file = SafetensorsFile::open(path);
    ASSERT_TRUE(file) << message_of(file);
    const TensorView* t = file->find_tensor(name);
    ASSERT_NE(t, nullptr) << name;
    // The data ends where the file does.
    const std::byte* end = nullptr;
    for (const TensorView& other : file->tensors()) end = std::max(end, other.data.data() + other.data.size());
    const size_t at = bytes.size() - static_cast<size_t>(end - t->data.data());
    for (size_t i = at; i < at + t->data.size(); i += sizeof(float)) {
      float x = 0;
      std::memcpy(&x, &bytes[i], sizeof x);
      x *= by;
      std::memcpy(&bytes[i], &x, sizeof x);
    }
  }
  std::ofstream(path, std::ios::binary) << bytes;
}

TEST_F(Runs, AGradientThatIsNotFiniteEndsTheRunBeforeItIsApplied) {
  const Recipe first = recipe("first");
  ASSERT_TRUE(run(first));
  // What is multiplied by nothing shows in no loss, but in a gradient; small embeddings make that larger.
  const std::string weights = first.output.folder + "/model.safetensors";
  scale_tensor(weights, "model.embed_tokens.weight", 1e-3F);
  scale_tensor(weights, "model.layers.1.mlp.up_proj.weight", 1e37F);
  scale_tensor(weights, "model.layers.1.mlp.down_proj.weight", 0);
  std::string text = recipe_text("");
  const size_t model = text.find("init = ");
  text.replace(model, text.find("[data]") - model, "init = \"first\"\n");
  const Recipe second = recipe_of("second", text);
  const std::string message = message_of(run(second, 0, false, first.output.folder));
  EXPECT_NE(message.find("step 1: the gradient is not finite"), std::string::npos) << message;
  EXPECT_FALSE(fs::exists(second.output.folder + "/model.safetensors"));
}

TEST_F(Runs, AQuantisedModelIsTrainedOn) {
  const std::string init = std::string(SOBRE_SOURCE_DIR) + "/../shared/models/tinystories-656k/gguf/tinystories-656k-q4_0.gguf";
  if (!fs::exists(init)) GTEST_SKIP() << init << " is absent";
  std::string rows;
  for (int i = 0; i < 40; ++i)
    rows += R"({"text": "Once upon a time there was a cat number )" + std::to_string(i % 5) + "\"}\n";
  files_.write("stories.jsonl", rows);
  const auto recipe = load_recipe(files_.write(
      "on.toml",
      "[model]\ninit = \"" + init +
          "\"\n[data]\nmax_tokens = 64\ntrain = [{ text = \"stories.jsonl\" }]\n[training]\nsteps = 6\n"
          "batch_tokens = 128\nlearning_rate = 1e-3\nwarmup_steps = 1\n[output]\nfolder = \"on\"\ngguf = \"Q8_0\"\n"));
  ASSERT_TRUE(recipe) << message_of(recipe);
  RunOptions options;
  options.init = init;
  options.kernels = &best_kernels();
  options.threads = std::make_shared<ThreadPool>(2);
  const auto done = run_training(*recipe, options);
  ASSERT_TRUE(done) << message_of(done);
  const auto log = read_train_log(files_ / "on/training/log.jsonl");
  EXPECT_LT(log->back().loss, log->front().loss);
  const auto checkpoint = Checkpoint::open(done->gguf);
  ASSERT_TRUE(checkpoint) << message_of(checkpoint);
  EXPECT_TRUE(checkpoint->text_assets());
}

}  // namespace
}  // namespace sobre
