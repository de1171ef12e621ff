// Arbitrary bytes as what a training run reads: CSV, JSONL, a recipe, a log's line, a feed's state. Each gives a value that
// keeps its promises or one clear line of error. The first byte chooses the reader.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/json.h"
#include "learn/feed.h"
#include "learn/recipe.h"
#include "learn/rows.h"
#include "learn/train_log.h"

namespace {

using namespace sobre;

void require(bool condition) {
  if (!condition) std::abort();
}

void require_line(const std::string& message) { require(!message.empty() && message.find('\n') == std::string::npos); }

void read_csv(std::string_view text) {
  const Result<CsvFile> file = CsvFile::over(text, "x");
  if (!file) return require_line(file.error().message);
  require(file->size() >= 1 && !file->columns().empty());
  for (const std::string& name : file->columns()) require(file->columns()[file->column(name).value()] == name);
  for (uint64_t i = 0; i < file->size() && i < 64; ++i) {
    const auto fields = file->fields(i);
    if (!fields) {
      require_line(fields.error().message);
    } else {
      require(fields->size() == file->columns().size());
    }
  }
}

void read_jsonl(std::string_view text) {
  const Result<RowFile> rows = RowFile::over(text, "x", RowForm::kJsonl);
  if (!rows) return require_line(rows.error().message);
  for (uint64_t i = 0; i < rows->size() && i < 64; ++i) {
    const std::string_view row = rows->row(i);
    require(!row.empty() && row.data() >= text.data() && row.data() + row.size() <= text.data() + text.size());
    const Result<Json> json = json_row(*rows, i);
    if (!json) require_line(json.error().message);
    if (json) require(json->is_object());
  }
}

void read_recipe(std::string_view text) {
  const Result<Recipe> recipe = parse_recipe(text, "r.toml", "/r");
  if (!recipe) return require_line(recipe.error().message);
  const RecipeTraining& t = recipe->training;
  require(!recipe->model.init.empty() && !recipe->data.train.empty() && !recipe->output.folder.empty());
  require(t.micro_tokens <= t.batch_tokens && recipe->data.max_tokens <= t.micro_tokens);
  require((t.tokens > 0) + (t.steps > 0) + (t.epochs > 0) == 1);
  require(t.min_learning_rate <= t.learning_rate && t.learning_rate > 0);
  const Schedule schedule = t.schedule_of(1000);
  for (const uint64_t step : {0u, 1u, 99u, 500u, 999u, 1000u}) {
    const double rate = learning_rate(schedule, step);
    require(rate >= 0 && rate <= t.learning_rate);
  }
}

void read_log(std::string_view text) {
  const Result<TrainLogRow> row = parse_train_log_line(text);
  if (!row) return require_line(row.error().message);
  const std::string line = train_log_line(*row);
  require(train_log_line(parse_train_log_line(line).value()) == line);
}

void read_state(std::string_view text) {
  const Result<Json> json = Json::parse(text);
  if (!json) return;
  const Result<FeedState> state = FeedState::from_json(*json);
  if (!state) return require_line(state.error().message);
  require(FeedState::from_json(state->to_json()).value() == *state);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 5) {
    case 0:
      read_csv(text);
      break;
    case 1:
      read_jsonl(text);
      break;
    case 2:
      read_recipe(text);
      break;
    case 3:
      read_log(text);
      break;
    default:
      read_state(text);
  }
  return 0;
}
