#include "learn/recipe.h"

#include <gtest/gtest.h>

#include "learn/learn_testing.h"
#include "learn/recipe_feed.h"

namespace sobre {
namespace {

constexpr const char* kWhole = R"([model]
init = "random"
config = "config.json"
tokenizer = "tokenizer"
train = ["embedding", "final_norm", "layers.0-3", "layers.5"]
[data]
seed = 3
max_tokens = 256
too_long = "skip"
chat_template = "../chatml.jinja"
train = [
  { chat = "a.jsonl", weight = 1.5 },
  { text = "b.jsonl" },
  { csv = "/data/c.csv", prompt = "text", answer = "category", system = "Name it.", held_back = 0.1 },
  { office = ["route", "dates"], seed = 4, count = 200_000, levels = [1, 2], languages = ["fr"], weight = 2, after = 5_000 },
]
validation = [{ office = ["route"], count = 100 }]
[training]
seed = 2
tokens = 20_000_000
batch_tokens = 8192
micro_tokens = 4096
learning_rate = 2e-3
min_learning_rate = 1e-4
warmup_steps = 50
schedule = "wsd"
decay_part = 0.25
weight_decay = 0.05
beta1 = 0.8
beta2 = 0.99
eps = 1e-9
clip_norm = 0.5
evaluate_every = 20
evaluate_examples = 64
checkpoint_every_s = 60
products = "auto"
optimizer = "muon"
[output]
folder = "out"
gguf = "q8_0"
)";

constexpr const char* kLeast = R"([model]
init = "smollm2"
[data]
train = [{ chat = "a.jsonl" }]
[training]
steps = 10
[output]
folder = "out"
)";

Recipe parsed(const std::string& text) {
  const auto recipe = parse_recipe(text, "r.toml", "/r");
  EXPECT_TRUE(recipe) << message_of(recipe);
  return recipe.value_or(Recipe());
}

/// `text` with one line or value replaced by another one.
std::string with(std::string text, const std::string& old, const std::string& replacement) {
  const size_t at = text.find(old);
  EXPECT_NE(at, std::string::npos) << old;
  return text.replace(at, old.size(), replacement);
}

std::string error_of(const std::string& text) { return message_of(parse_recipe(text, "r.toml", "/r")); }

TEST(Recipe, ReadsEveryKey) {
  const Recipe r = parsed(kWhole);
  EXPECT_EQ(r.model.init, "random");
  EXPECT_EQ(*r.model.config.as_string(), "/r/config.json");
  EXPECT_EQ(r.model.tokenizer, "/r/tokenizer");
  const TrainedParts& parts = r.model.train;
  EXPECT_TRUE(!parts.all && parts.embedding && parts.final_norm && !parts.head);
  for (int i = 0; i < 8; ++i) EXPECT_EQ(parts.layer(i), i <= 3 || i == 5) << i;
  EXPECT_EQ(r.data.seed, 3u);
  EXPECT_EQ(r.data.max_tokens, 256);
  EXPECT_TRUE(r.data.skip_too_long);
  EXPECT_EQ(r.data.chat_template, "/chatml.jinja");
  ASSERT_EQ(r.data.train.size(), 4u);
  EXPECT_EQ(r.data.train[0].path, "/r/a.jsonl");
  EXPECT_EQ(r.data.train[0].weight, 1.5);
  EXPECT_EQ(r.data.train[1].kind, DataKind::kText);
  EXPECT_EQ(r.data.train[2].path, "/data/c.csv");
  EXPECT_EQ(r.data.train[2].columns.prompt + r.data.train[2].columns.answer + r.data.train[2].columns.system,
            "textcategoryName it.");
  EXPECT_EQ(r.data.train[2].held_back, 0.1);
  const OfficeSource& office = r.data.train[3].office;
  EXPECT_EQ(office.tasks, (std::vector<std::string>{"route", "dates"}));
  EXPECT_EQ(office.split, "train");
  EXPECT_EQ(office.seed, 4u);
  EXPECT_EQ(office.count, 200'000u);
  EXPECT_EQ(office.levels, (std::vector<int>{1, 2}));
  EXPECT_EQ(office.languages, (std::vector<std::string>{"fr"}));
  EXPECT_EQ(r.data.train[3].weight, 2);
  EXPECT_EQ(r.data.train[3].after, 5000u);
  EXPECT_EQ(r.data.train[0].after, 0u);
  ASSERT_EQ(r.data.validation.size(), 1u);
  EXPECT_EQ(r.data.validation[0].office.split, "validation");
  const RecipeTraining& t = r.training;
  EXPECT_EQ(t.seed, 2u);
  EXPECT_EQ(t.tokens, 20'000'000u);
  EXPECT_EQ(t.steps + t.epochs, 0u);
  EXPECT_EQ(t.batch_tokens, 8192);
  EXPECT_EQ(t.micro_tokens, 4096);
  EXPECT_EQ(t.learning_rate, 2e-3);
  EXPECT_EQ(t.min_learning_rate, 1e-4);
  EXPECT_EQ(t.warmup_steps, 50u);
  EXPECT_EQ(t.schedule, ScheduleKind::kWsd);
  EXPECT_EQ(t.decay_part, 0.25);
  EXPECT_EQ(t.weight_decay, 0.05);
  EXPECT_EQ(t.beta1, 0.8);
  EXPECT_EQ(t.beta2, 0.99);
  EXPECT_EQ(t.eps, 1e-9);
  EXPECT_EQ(t.clip_norm, 0.5);
  EXPECT_EQ(t.evaluate_every, 20u);
  EXPECT_EQ(t.evaluate_examples, 64u);
  EXPECT_EQ(t.checkpoint_every_s, 60);
  EXPECT_EQ(t.products, ProductChoice::kAuto);
  EXPECT_EQ(t.optimizer, OptimizerKind::kMuon);
  EXPECT_EQ(r.output.folder, "/r/out");
  EXPECT_EQ(r.output.gguf, QuantRecipe::kQ8_0);
}

TEST(Recipe, DefaultsAreThoseOfTheStructs) {
  const Recipe r = parsed(kLeast);
  EXPECT_TRUE(r.model.train.all && r.model.train.layer(100));
  EXPECT_TRUE(r.model.config.is_null());
  EXPECT_EQ(r.training.micro_tokens, r.training.batch_tokens);
  EXPECT_EQ(r.training.learning_rate, 1e-3);
  EXPECT_DOUBLE_EQ(r.training.min_learning_rate, 1e-4);
  EXPECT_EQ(r.output.gguf, std::nullopt);
  EXPECT_EQ(parsed(with(kLeast, "steps = 10", "steps = 10\nlearning_rate = 1e-5")).training.min_learning_rate, 1e-5 / 10);
}

TEST(Recipe, ErrorsNameFileLineAndKey) {
  const std::pair<std::string, const char*> cases[] = {
      {with(kLeast, "[output]", "[ouput]"), "r.toml:7: ouput: unknown section; did you mean \"output\"?"},
      {with(kLeast, "folder", "foldr"), "r.toml:8: output.foldr: unknown key; did you mean \"folder\"?"},
      {with(kLeast, "[output]\nfolder = \"out\"\n", ""), "r.toml: the section [output] is missing"},
      {with(kLeast, "chat =", "chta ="), "r.toml:4: data.train[1].chta: unknown key; did you mean \"chat\"?"},
      {with(kLeast, "steps = 10", "steps = 0"), "r.toml:6: training.steps is 0; it must be from 1 to"},
      {with(kLeast, "steps = 10", "steps = \"10\""), "r.toml:6: training.steps is a text; it must be a whole number from 1 to"},
      {with(kLeast, "steps = 10", ""),
       "r.toml:5: training: exactly one of tokens, steps and epochs says how long the run is; 0"},
      {with(kLeast, "steps = 10", "steps = 10\nepochs = 2"), "r.toml:5: training: exactly one"},
      {with(kLeast, "init = \"smollm2\"", ""), "r.toml:1: model: the key \"init\" is missing"},
      {with(kLeast, "init = \"smollm2\"", "init = \"m\"\nconfig = \"c\""),
       "r.toml:3: model.config goes with init = \"random\""},
      {with(kLeast, "\"smollm2\"", "\"random\""), "r.toml:1: model: the key \"config\" is missing"},
      {with(kLeast, "init = \"smollm2\"", "init = \"m\"\ntrain = [\"layers.3-1\"]"),
       "r.toml:3: model.train: \"layers.3-1\" is no part"},
      {with(kLeast, "init = \"smollm2\"", "init = \"m\"\ntrain = []"), "r.toml:3: model.train is an empty list"},
      {with(kLeast, "init = \"smollm2\"", "init = \"m\"\ntrain = 5"), "r.toml:3: model.train is a whole number"},
      {with(kLeast, "[{ chat = \"a.jsonl\" }]", "[]"), "r.toml:4: data.train has 0 sources"},
      {with(kLeast, "[{ chat = \"a.jsonl\" }]", "\"a.jsonl\""), "r.toml:4: data.train is a text; it must be a list of sources"},
      {with(kLeast, "chat = \"a.jsonl\"", "chat = \"a\", text = \"b\""), "r.toml:4: data.train[1]: a source has exactly one"},
      {with(kLeast, "chat = \"a.jsonl\"", "csv = \"a\", prompt = \"p\""),
       "r.toml:4: data.train[1]: the key \"answer\" is missing"},
      {with(kLeast, "chat = \"a.jsonl\"", "chat = \"a\", prompt = \"p\""), "r.toml:4: data.train[1].prompt goes with csv"},
      {with(kLeast, "chat = \"a.jsonl\"", "chat = \"a\", count = 3"), "r.toml:4: data.train[1].count goes with office"},
      {with(kLeast, "chat = \"a.jsonl\"", "chat = \"a\", weight = 0"),
       "r.toml:4: data.train[1].weight is 0; it must be above 0"},
      {with(kLeast, "chat = \"a.jsonl\"", "chat = \"a\", weight = nan"), "r.toml:4: data.train[1].weight is nan"},
      {with(kLeast, "chat = \"a.jsonl\"", "chat = \"a\", held_back = 1"),
       "r.toml:4: data.train[1].held_back is 1; it must be from 0 to 0.9"},
      {with(kLeast, "chat = \"a.jsonl\"", "office = [\"route\"]"), "r.toml:4: data.train[1]: the key \"count\" is missing"},
      {with(kLeast, "chat = \"a.jsonl\"", "office = [\"r\"], count = 1, levels = [4]"),
       "r.toml:4: data.train[1].levels: item 1 must be a whole number from 1 to 3"},
      {with(kLeast, "chat = \"a.jsonl\"", "office = [\"r\"], count = 1, held_back = 0.1"),
       "r.toml:4: data.train[1].held_back goes with files"},
      {with(kLeast, "chat = \"a.jsonl\" }", "chat = \"a\" }, { chat = \"./a\", held_back = 0.1 }"),
       "r.toml:4: data.train: \"/r/a\" stands there twice"},
      {with(kLeast, "[training]", "validation = [{ chat = \"v\", held_back = 0.1 }]\n[training]"),
       "r.toml:5: data.validation[1].held_back is for sources of data.train"},
      {with(kLeast, "[training]", "validation = [{ chat = \"v\", weight = 1 }]\n[training]"),
       "r.toml:5: data.validation[1].weight is for sources"},
      {with(kLeast, "[training]", "validation = [{ chat = \"v\", after = 1 }]\n[training]"),
       "r.toml:5: data.validation[1].after is for sources"},
      {with(kLeast, "chat = \"a.jsonl\"", "chat = \"a\", after = -1"), "r.toml:4: data.train[1].after"},
      {with(kLeast, "[training]", "too_long = \"cut\"\n[training]"),
       "r.toml:5: data.too_long is \"cut\"; it must be one of: \"error\", \"skip\""},
      {with(kLeast, "steps = 10", "steps = 10\nmicro_tokens = 9000"),
       "r.toml:7: training.micro_tokens is 9000, more than training.batch_tokens, which is 8192"},
      {with(kLeast, "steps = 10", "steps = 10\nbatch_tokens = 500"),
       "r.toml:7: training.batch_tokens is 500; a document of data.max_tokens, which is 512, would not fit"},
      {with(kLeast, "steps = 10", "steps = 10\nmin_learning_rate = 0.01"),
       "r.toml:7: training.min_learning_rate is 0.01; it must be from 0 to 0.001"},
      {with(kLeast, "steps = 10", "steps = 10\ndecay_part = 0.1"),
       "r.toml:7: training.decay_part goes with schedule = \"wsd\""},
      {with(kLeast, "steps = 10", "steps = 10\nlearning_rate = 1979-05-27"),
       "r.toml:7: training.learning_rate is a date or time"},
      {with(kLeast, "folder = \"out\"", "folder = \"out\"\ngguf = \"Q9\""),
       "r.toml:9: output.gguf is \"Q9\"; it must be one of: F32"},
      {with(kLeast, "folder = \"out\"", "folder = \"\""), "r.toml:8: output.folder is empty"},
      {with(with(kWhole, "tokens = 20_000_000", "epochs = 2"), "seed = 2", "seed = 2"),
       "r.toml: weight and after of sources go with"},
      {"[model", "r.toml:1: "},
      {"model = 3\ndata = 1\ntraining = 2\noutput = 3\n", "r.toml:1: model is a whole number; it must be a table"},
  };
  for (const auto& [text, error] : cases) EXPECT_TRUE(error_of(text).starts_with(error)) << error_of(text) << "\n" << error;
}

TEST(Recipe, ConfigsAreFilesOrInline) {
  const TestFiles files;
  const std::string recipe = files.write("r.toml", kWhole);
  EXPECT_NE(message_of(load_recipe(recipe)).find(files / "config.json"), std::string::npos);
  files.write("config.json", "[1]");
  EXPECT_NE(message_of(load_recipe(recipe)).find("no JSON object"), std::string::npos);
  files.write("config.json", "{\"hidden_size\": 64}");
  EXPECT_EQ(load_recipe(recipe)->model.config.find("hidden_size")->as_int(), 64);
  const std::string inline_text =
      with(kWhole, "\"config.json\"", "{ hidden_size = 96, tie = true, names = [\"a\"], eps = 1e-5 }");
  const Recipe r = parsed(inline_text);
  EXPECT_EQ(r.model.config, Json::parse("{\"hidden_size\": 96, \"tie\": true, \"names\": [\"a\"], \"eps\": 1e-5}").value());
  EXPECT_TRUE(error_of(with(kWhole, "\"config.json\"", "{ day = 1979-05-27 }")).starts_with("r.toml:3: a date or time"));
}

class Generated final : public ConversationSource {
 public:
  explicit Generated(uint64_t count) : count_(count) {}
  [[nodiscard]] uint64_t size() const override { return count_; }
  [[nodiscard]] Result<std::vector<ChatMessage>> conversation(uint64_t index) const override {
    return std::vector<ChatMessage>{{"user", fmt::format("{}", index)}, {"assistant", "office"}};
  }

 private:
  uint64_t count_;
};

TEST(RecipeFeed, OpensEverySourceAndKeepsTheHeldBackApart) {
  const TestFiles files;
  const TextAssets text = tiny_text();
  std::string csv = "text,category\n";
  for (int i = 0; i < 50; ++i) csv += fmt::format("question {},label {}\n", i, i);
  files.write("c.csv", csv);
  files.write("a.jsonl",
              "{\"messages\": [{\"role\": \"user\", \"content\": \"hi\"}, {\"role\": \"assistant\", \"content\": \"x\"}]}\n");
  files.write("b.jsonl", "{\"text\": \"some text\"}\n");
  const std::string recipe_path = files.write("r.toml", R"([model]
init = "m"
[data]
max_tokens = 64
train = [{ csv = "c.csv", prompt = "text", answer = "category", held_back = 0.2 }, { chat = "a.jsonl" }, { text = "b.jsonl" },
         { office = ["route"], count = 5 }]
validation = [{ office = ["route"], count = 3 }]
[training]
epochs = 2
batch_tokens = 128
[output]
folder = "out"
)");
  const auto recipe = load_recipe(recipe_path);
  ASSERT_TRUE(recipe) << message_of(recipe);
  std::vector<std::string> splits;
  const OfficeOpener office = [&](const OfficeSource& s) -> Result<std::unique_ptr<ConversationSource>> {
    splits.push_back(s.split);
    return std::make_unique<Generated>(s.count);
  };
  auto feed = open_feed(*recipe, text, office);
  ASSERT_TRUE(feed) << message_of(feed);
  EXPECT_EQ(splits, (std::vector<std::string>{"train", "validation"}));
  EXPECT_EQ(feed->epoch_rows(), 40u + 1 + 1 + 5);
  EXPECT_EQ(feed->validation_rows(), 10u + 3);
  std::string trained;
  for (auto b = feed->next(128); b && b->starts.size() > 1; b = feed->next(128)) trained += text.tokenizer->decode(b->ids);
  const auto held = held_back_conversations(*recipe, 0);
  ASSERT_TRUE(held) << message_of(held);
  ASSERT_EQ((*held)->size(), 10u);
  for (uint64_t i = 0; i < 10; ++i) {
    const auto messages = (*held)->conversation(i);
    ASSERT_TRUE(messages);
    EXPECT_EQ(trained.find(messages->at(0).content + "<|im_end|>"), std::string::npos) << messages->at(0).content;
  }
  EXPECT_NE(trained.find("office<|im_end|>"), std::string::npos);
  EXPECT_FALSE(held_back_conversations(*recipe, 1));
  EXPECT_NE(message_of(open_feed(*recipe, text, {})).find("no office tasks"), std::string::npos);
}

}  // namespace
}  // namespace sobre
