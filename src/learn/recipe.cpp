#include "learn/recipe.h"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "base/file.h"
#include "base/spelling.h"
#include "learn/recipe_reader.h"

namespace sobre {

namespace {

constexpr uint64_t kMaxFileBytes = 1 << 20, kMaxConfigBytes = 1 << 20;
constexpr uint64_t kMaxCount = 1'000'000'000'000'000;  // of tokens, steps and examples
constexpr int kMaxBatchTokens = 1 << 24, kMaxLayers = 4096;
constexpr size_t kMaxSources = 256;

/// A whole number from text; nothing when something else is there.
std::optional<int> parse_layer(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool good = error == std::errc() && end == text.data() + text.size() && value >= 0 && value < kMaxLayers;
  return good && !text.starts_with('-') ? std::optional(value) : std::nullopt;
}

/// Reads one file; the parts of a recipe in their order.
class RecipeFile {
 public:
  RecipeFile(const toml::table& root, const std::string& file, const std::string& folder) : root_(root), file_(file) {
    recipe_.file = file;
    recipe_.folder = folder;
  }

  Result<Recipe> read() {
    const std::vector<std::string_view> sections = {"model", "data", "training", "output"};
    for (const auto& [key, value] : root_) {
      if (std::find(sections.begin(), sections.end(), key.str()) != sections.end()) continue;
      return fail("{}:{}: {}: unknown section{}", file_, value.source().begin.line, printable(key.str()),
                  nearest_name(key.str(), sections));
    }
    for (const std::string_view name : sections) {
      if (root_.get(name) == nullptr) return fail("{}: the section [{}] is missing", file_, name);
    }
    TRY_VOID(read_model());
    TRY_VOID(read_data());
    TRY_VOID(read_training());
    TRY_VOID(read_output());
    TRY_VOID(check_together());
    return std::move(recipe_);
  }

 private:
  Result<TableReader> section(const char* name, const std::vector<std::string_view>& known) const {
    return TableReader::open(*root_.get(name), file_, name, known);
  }
  [[nodiscard]] std::string resolved(const std::string& path) const {
    return (std::filesystem::path(recipe_.folder) / path).lexically_normal().string();
  }
  Result<void> path(const TableReader& table, std::string_view key, std::string& out) const {
    if (!table.has(key)) return {};
    TRY_VOID(table.text(key, out));
    out = resolved(out);
    return {};
  }

  Result<void> read_model() {
    TRY(const TableReader table, section("model", {"init", "config", "tokenizer", "train"}));
    RecipeModel& m = recipe_.model;
    TRY_VOID(table.require("init", "\"random\", or a model to start from"));
    TRY_VOID(table.text("init", m.init));
    const bool random = m.init == "random";
    for (const char* key : {"config", "tokenizer"}) {
      if (!random && table.has(key))
        return fail("{} goes with init = \"random\" only: other models bring their own", table.place(key));
      if (random) TRY_VOID(table.require(key, "a random start needs the model's config and tokenizer"));
    }
    TRY_VOID(path(table, "tokenizer", m.tokenizer));
    if (random && table.node("config")->is_table()) {
      TRY(m.config, toml_to_json(*table.node("config"), file_));
    } else if (random) {
      std::string name;
      TRY_VOID(path(table, "config", name));
      m.config = name;
    }
    return read_trained(table);
  }

  Result<void> read_trained(const TableReader& table) {
    TrainedParts& parts = recipe_.model.train;
    if (!table.has("train")) return {};
    const bool text = table.node("train")->is_string();
    std::vector<std::string> names;
    if (text) names.push_back(*table.node("train")->value_exact<std::string>());
    if (!text) TRY_VOID(table.texts("train", names));
    if (text && names[0] == "all") return {};
    parts.all = false;
    for (const std::string& name : names) {
      if (name == "embedding") {
        parts.embedding = true;
      } else if (name == "head") {
        parts.head = true;
      } else if (name == "final_norm") {
        parts.final_norm = true;
      } else if (const auto range = layers_of(name); range && !text) {
        parts.layers.push_back(*range);
      } else {
        return fail(
            "{}: \"{}\" is no part; it is \"all\", or a list of \"embedding\", \"head\", \"final_norm\", \"layers.5\", "
            "\"layers.0-3\"",
            table.place("train"), printable(name));
      }
    }
    return {};
  }

  static std::optional<std::pair<int, int>> layers_of(std::string_view name) {
    constexpr std::string_view kPrefix = "layers.";
    if (!name.starts_with(kPrefix)) return std::nullopt;
    name.remove_prefix(kPrefix.size());
    const size_t dash = name.find('-');
    const auto first = parse_layer(name.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : parse_layer(name.substr(dash + 1));
    if (!first || !last || *last < *first) return std::nullopt;
    return std::pair(*first, *last);
  }

  Result<void> read_data() {
    TRY(const TableReader table, section("data", {"seed", "max_tokens", "too_long", "chat_template", "train", "validation"}));
    RecipeData& d = recipe_.data;
    size_t too_long = 0;
    TRY_VOID(table.whole("seed", 0, INT64_MAX, d.seed));
    TRY_VOID(table.whole("max_tokens", 8, 1 << 20, d.max_tokens));
    TRY_VOID(table.choice("too_long", {"error", "skip"}, too_long));
    d.skip_too_long = too_long == 1;
    TRY_VOID(path(table, "chat_template", d.chat_template));
    TRY_VOID(table.require("train", "a list of sources such as { chat = \"FILE.jsonl\" }"));
    TRY_VOID(read_sources(table, "train", d.train));
    TRY_VOID(read_sources(table, "validation", d.validation));
    for (size_t i = 0; i < d.train.size(); ++i) {
      for (size_t j = 0; j < i; ++j) {
        if (d.train[i].kind == DataKind::kOffice || d.train[i].path != d.train[j].path ||
            d.train[i].held_back == d.train[j].held_back)
          continue;
        return fail(
            "{}: \"{}\" stands there twice with different parts held back: rows of one would be trained on in the other",
            table.place("train"), printable(d.train[i].path));
      }
    }
    return {};
  }

  Result<void> read_sources(const TableReader& table, const char* key, std::vector<DataSource>& out) {
    if (!table.has(key)) return {};
    const toml::array* list = table.node(key)->as_array();
    if (list == nullptr) return table.wrong_type(key, "a list of sources ([{ chat = \"FILE.jsonl\" }, ...])");
    if (list->size() > kMaxSources || (list->empty() && std::string_view(key) == "train"))
      return fail("{} has {} sources; it must have from 1 to {}", table.place(key), list->size(), kMaxSources);
    for (const toml::node& node : *list) {
      const std::string name = fmt::format("data.{}[{}]", key, out.size() + 1);
      TRY(DataSource source, read_source(node, name, key));
      out.push_back(std::move(source));
    }
    return {};
  }

  Result<DataSource> read_source(const toml::node& node, const std::string& name, const std::string& split) {
    TRY(const TableReader table, TableReader::open(node, file_, name,
                                                   {"chat", "text", "csv", "office", "prompt", "answer", "system", "weight",
                                                    "after", "held_back", "seed", "count", "levels", "languages"}));
    constexpr std::array<std::string_view, 4> kKinds = {"chat", "text", "csv", "office"};
    const auto kinds = std::count_if(kKinds.begin(), kKinds.end(), [&](std::string_view k) { return table.has(k); });
    if (kinds != 1)
      return fail("{}: a source has exactly one of the keys chat, text, csv and office; this one has {}", table.place(), kinds);
    const auto kind = std::find_if(kKinds.begin(), kKinds.end(), [&](std::string_view k) { return table.has(k); });
    DataSource source;
    source.kind = static_cast<DataKind>(kind - kKinds.begin());
    TRY_VOID(check_keys_of(table, source.kind, *kind));
    TRY_VOID(table.number("weight", 0, 1e6, source.weight, true));
    if (table.has("weight") && split != "train") return fail("{} is for sources of data.train", table.place("weight"));
    TRY_VOID(table.whole("after", 0, uint64_t{1} << 53, source.after));
    if (table.has("after") && split != "train") return fail("{} is for sources of data.train", table.place("after"));
    weights_ |= table.has("weight") || table.has("after");
    TRY_VOID(table.number("held_back", 0, 0.9, source.held_back));
    if (table.has("held_back") && split != "train") return fail("{} is for sources of data.train", table.place("held_back"));
    if (source.kind == DataKind::kOffice) {
      TRY_VOID(read_office(table, split, source.office));
      return source;
    }
    TRY_VOID(path(table, *kind, source.path));
    if (source.kind != DataKind::kCsv) return source;
    TRY_VOID(table.require("prompt", "the column of what is asked"));
    TRY_VOID(table.require("answer", "the column of what is to be answered"));
    TRY_VOID(table.text("prompt", source.columns.prompt));
    TRY_VOID(table.text("answer", source.columns.answer));
    TRY_VOID(table.text("system", source.columns.system));
    return source;
  }

  static Result<void> check_keys_of(const TableReader& table, DataKind kind, std::string_view name) {
    for (const char* key : {"prompt", "answer", "system"}) {
      if (kind != DataKind::kCsv && table.has(key)) return fail("{} goes with csv, not with {}", table.place(key), name);
    }
    for (const char* key : {"seed", "count", "levels", "languages"}) {
      if (kind != DataKind::kOffice && table.has(key)) return fail("{} goes with office, not with {}", table.place(key), name);
    }
    // Generated data has a split of its own, by wording and names: rows apart would be no other wording.
    if (kind == DataKind::kOffice && table.has("held_back"))
      return fail("{} goes with files; for office put a source into data.validation", table.place("held_back"));
    return {};
  }

  static Result<void> read_office(const TableReader& table, const std::string& split, OfficeSource& office) {
    office.split = split;
    TRY_VOID(table.texts("office", office.tasks));
    TRY_VOID(table.require("count", "how many conversations are generated"));
    TRY_VOID(table.whole("seed", 0, INT64_MAX, office.seed));
    TRY_VOID(table.whole("count", 1, 1'000'000'000, office.count));
    TRY_VOID(table.wholes("levels", 1, 3, office.levels));
    return table.texts("languages", office.languages);
  }

  Result<void> read_training() {
    const std::vector<std::string_view> keys = {"seed",
                                                "tokens",
                                                "steps",
                                                "epochs",
                                                "batch_tokens",
                                                "micro_tokens",
                                                "products",
                                                "optimizer",
                                                "learning_rate",
                                                "min_learning_rate",
                                                "warmup_steps",
                                                "schedule",
                                                "decay_part",
                                                "weight_decay",
                                                "beta1",
                                                "beta2",
                                                "eps",
                                                "clip_norm",
                                                "evaluate_every",
                                                "evaluate_examples",
                                                "checkpoint_every_s"};
    TRY(const TableReader table, section("training", keys));
    RecipeTraining& t = recipe_.training;
    TRY_VOID(table.whole("seed", 0, INT64_MAX, t.seed));
    TRY_VOID(table.whole("tokens", 1, kMaxCount, t.tokens));
    TRY_VOID(table.whole("steps", 1, kMaxCount, t.steps));
    TRY_VOID(table.whole("epochs", 1, 100'000, t.epochs));
    const int lengths = (t.tokens > 0 ? 1 : 0) + (t.steps > 0 ? 1 : 0) + (t.epochs > 0 ? 1 : 0);
    if (lengths != 1)
      return fail("{}: exactly one of tokens, steps and epochs says how long the run is; {} are given", table.place(), lengths);
    TRY_VOID(table.whole("batch_tokens", 8, kMaxBatchTokens, t.batch_tokens));
    t.micro_tokens = t.batch_tokens;
    TRY_VOID(table.whole("micro_tokens", 8, kMaxBatchTokens, t.micro_tokens));
    if (t.micro_tokens > t.batch_tokens)
      return fail("{} is {}, more than training.batch_tokens, which is {}", table.place("micro_tokens"), t.micro_tokens,
                  t.batch_tokens);
    if (t.batch_tokens % t.micro_tokens != 0)
      return fail("{} is {}, which does not divide training.batch_tokens, which is {}", table.place("micro_tokens"),
                  t.micro_tokens, t.batch_tokens);
    if (recipe_.data.max_tokens > t.micro_tokens)
      return fail("{} is {}; a document of data.max_tokens, which is {}, would not fit",
                  table.place(table.has("micro_tokens") ? "micro_tokens" : "batch_tokens"), t.micro_tokens,
                  recipe_.data.max_tokens);
    TRY_VOID(read_rates(table));
    size_t products = 0;
    TRY_VOID(table.choice("products", {"f32", "bf16", "auto"}, products));
    t.products = static_cast<ProductChoice>(products);
    size_t optimizer = 0;
    TRY_VOID(table.choice("optimizer", {"adamw", "muon"}, optimizer));
    t.optimizer = static_cast<OptimizerKind>(optimizer);
    TRY_VOID(table.number("weight_decay", 0, 10, t.weight_decay));
    TRY_VOID(table.number("beta1", 0, 0.9999, t.beta1));
    TRY_VOID(table.number("beta2", 0, 0.999999, t.beta2));
    TRY_VOID(table.number("eps", 1e-12, 1e-2, t.eps));
    TRY_VOID(table.number("clip_norm", 0, 1e6, t.clip_norm));
    TRY_VOID(table.whole("evaluate_every", 0, kMaxCount, t.evaluate_every));
    TRY_VOID(table.whole("evaluate_examples", 1, 1'000'000, t.evaluate_examples));
    return table.number("checkpoint_every_s", 0, 1e6, t.checkpoint_every_s);
  }

  Result<void> read_rates(const TableReader& table) {
    RecipeTraining& t = recipe_.training;
    TRY_VOID(table.number("learning_rate", 0, 10, t.learning_rate, true));
    t.min_learning_rate = t.learning_rate / 10;
    TRY_VOID(table.number("min_learning_rate", 0, t.learning_rate, t.min_learning_rate));
    TRY_VOID(table.whole("warmup_steps", 0, kMaxCount, t.warmup_steps));
    size_t schedule = 0;
    TRY_VOID(table.choice("schedule", {"cosine", "wsd", "constant"}, schedule));
    t.schedule = static_cast<ScheduleKind>(schedule);
    if (table.has("decay_part") && t.schedule != ScheduleKind::kWsd)
      return fail("{} goes with schedule = \"wsd\" only", table.place("decay_part"));
    return table.number("decay_part", 0, 1, t.decay_part, true);
  }

  Result<void> read_output() {
    TRY(const TableReader table, section("output", {"folder", "gguf"}));
    TRY_VOID(table.require("folder", "where checkpoints, log and the finished model go"));
    TRY_VOID(path(table, "folder", recipe_.output.folder));
    if (!table.has("gguf")) return {};
    std::string type;
    TRY_VOID(table.text("gguf", type));
    recipe_.output.gguf = quant_recipe_from_name(type);
    if (recipe_.output.gguf) return {};
    std::string all;
    for (const std::string& name : quant_recipe_names()) all += (all.empty() ? "" : ", ") + name;
    return fail("{} is \"{}\"; it must be one of: {}", table.place("gguf"), printable(type), all);
  }

  Result<void> check_together() const {
    if (recipe_.training.epochs > 0 && weights_ && recipe_.data.train.size() > 1) {
      return fail("{}: weight and after of sources go with training.tokens or training.steps: in an epoch every row comes once",
                  file_);
    }
    return {};
  }

  const toml::table& root_;
  const std::string& file_;
  Recipe recipe_;
  bool weights_ = false;  // whether a source names a weight
};

}  // namespace

bool TrainedParts::layer(int i) const {
  return all ||
         std::any_of(layers.begin(), layers.end(), [i](const auto& range) { return i >= range.first && i <= range.second; });
}

Result<Recipe> parse_recipe(std::string_view text, const std::string& where, const std::string& folder) {
  if (text.size() > kMaxFileBytes) return fail("{}: {} bytes; at most {} are allowed", where, text.size(), kMaxFileBytes);
  TRY(const toml::table root, parse_toml(text, where));
  return RecipeFile(root, where, folder).read();
}

Result<Recipe> load_recipe(const std::string& path) {
  TRY(const std::string text, read_file(path, kMaxFileBytes));
  TRY(Recipe recipe, parse_recipe(text, path, std::filesystem::path(path).parent_path().string()));
  if (const std::string* file = recipe.model.config.as_string()) {
    TRY(const std::string config, read_file(*file, kMaxConfigBytes));
    auto json = Json::parse(config);
    if (!json) return fail_in(*file, json.error());
    if (!json->is_object()) return fail("{}: not a config (no JSON object)", *file);
    recipe.model.config = std::move(*json);
  }
  recipe.text = text;
  return recipe;
}

}  // namespace sobre
