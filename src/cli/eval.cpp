#include "cli/eval.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <iterator>
#include <map>
#include <optional>
#include <tuple>

#include "base/file.h"
#include "base/json.h"
#include "cli/answer_many.h"
#include "cli/metering.h"
#include "cli/names.h"
#include "cli/terminal.h"
#include "engine/scheduler.h"
#include "learn/recipe.h"
#include "learn/recipe_feed.h"
#include "meter/grid.h"
#include "meter/impact.h"
#include "meter/price.h"
#include "task/task.h"

namespace sobre {

namespace {

// A question, what it belongs to in the table, and its right answer.
struct Question {
  std::vector<ChatMessage> messages;
  std::string expected, task, language;
  int level = 0;       // 0: of no level
  bool whole = false;  // all of an answer counts, not its last line
};

// Right answers of one row of the table.
struct Cell {
  std::string task, language;
  int level = 0;
  int right = 0, total = 0;
};

// Wilson's 95 % interval of a share (Wilson, 1927).
struct Interval {
  double low, high;
};

Interval wilson(int right, int total) {
  constexpr double z = 1.959963984540054;
  const double n = total, p = right / n, centre = p + z * z / (2 * n);
  const double half = z * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n)), scale = 1 + z * z / n;
  return {std::max(0.0, (centre - half) / scale), std::min(1.0, (centre + half) / scale)};
}

Result<std::vector<Question>> office_questions(const EvalFlags& flags) {
  std::vector<std::string> tasks = flags.tasks, languages = flags.languages;
  std::vector<int> levels = flags.levels.empty() ? std::vector<int>{1, 2, 3} : flags.levels;
  if (tasks.empty()) {
    for (const TaskInfo& task : office_tasks()) tasks.emplace_back(task.name);
  }
  if (languages.empty()) {
    for (const std::string_view language : office_languages()) languages.emplace_back(language);
  }
  std::vector<Question> questions;
  const Split split = flags.validation ? Split::kValidation : Split::kTest;
  const auto each = static_cast<uint64_t>(flags.count) * levels.size() * languages.size();
  for (const std::string& task : tasks) {
    for (uint64_t i = 0; i < each; ++i) {
      TRY(TaskItem item, office_item(task, split, flags.seed, i, levels, languages));
      questions.push_back({std::move(item.messages), item.expected, item.task, item.language, item.difficulty});
    }
  }
  return questions;
}

Result<std::vector<ChatMessage>> system_messages(const EvalFlags& flags) {
  if (flags.system_file.empty()) return std::vector<ChatMessage>();
  TRY(const std::string text, read_file(flags.system_file, 1 << 20));
  return std::vector<ChatMessage>{{"system", text}};
}

bool is_system(const ChatMessage& message) { return message.role == "system"; }

// A source's row that can be asked: at least a question, and the assistant's answer to it last.
Result<std::vector<ChatMessage>> row_to_ask(const ConversationSource& source, uint64_t index) {
  TRY(std::vector<ChatMessage> messages, source.conversation(index));
  const auto first = std::find_if_not(messages.begin(), messages.end(), is_system);
  if (messages.end() - first < 2 || messages.back().role != "assistant")
    return fail("{}: it has no question that an answer of the assistant ends", source.name(index));
  return messages;
}

// Examples of the rows trained on, without their system messages, which stand once before all.
Result<std::vector<ChatMessage>> examples(const Recipe& recipe, size_t number, int wanted) {
  std::vector<ChatMessage> out;
  if (wanted == 0) return out;
  TRY(const auto trained, trained_conversations(recipe, number));
  const auto shots = std::min<uint64_t>(static_cast<uint64_t>(wanted), trained->size());
  for (uint64_t i = 0; i < shots; ++i) {
    TRY(const auto shot, row_to_ask(*trained, i * (trained->size() / shots)));
    std::copy(std::find_if_not(shot.begin(), shot.end(), is_system), shot.end(), std::back_inserter(out));
  }
  return out;
}

// What one source of a recipe held back; its last message is the expected answer. The examples are the same for every question.
Result<void> add_held_back(const Recipe& recipe, size_t number, const EvalFlags& flags, const std::string& task,
                           std::vector<Question>& questions) {
  TRY(const auto source, held_back_conversations(recipe, number));
  TRY(const std::vector<ChatMessage> shots, examples(recipe, number, flags.shots));
  for (uint64_t i = 0; i < source->size(); ++i) {
    TRY(std::vector<ChatMessage> messages, row_to_ask(*source, i));
    Question q;
    q.task = task;
    q.whole = true;
    q.expected = messages.back().content;
    messages.pop_back();
    messages.insert(std::find_if_not(messages.begin(), messages.end(), is_system), shots.begin(), shots.end());
    q.messages = std::move(messages);
    questions.push_back(std::move(q));
  }
  return {};
}

Result<std::vector<Question>> held_back_questions(const EvalFlags& flags) {
  TRY(const Recipe recipe, load_recipe(flags.recipe));
  std::vector<size_t> sources;
  for (size_t i = 0; i < recipe.data.train.size(); ++i) {
    if (recipe.data.train[i].held_back > 0 && recipe.data.train[i].kind != DataKind::kText) sources.push_back(i);
  }
  if (sources.empty())
    return fail("{}: no source of data.train that has questions and answers holds rows back (held_back = 0.1)", recipe.file);
  std::vector<Question> questions;
  for (const size_t number : sources) {
    const std::string task = sources.size() == 1 ? "held back" : fmt::format("train[{}]", number + 1);
    TRY_VOID(add_held_back(recipe, number, flags, task, questions));
  }
  return questions;
}

// Office tasks are scored by the answer's last line; a recipe's rows by all of it.
bool is_right(const Question& q, const std::string& answer) {
  return q.whole ? same_text(q.expected, answer) : score(q.task, q.expected, answer);
}

// Cells by task in the order asked, by level, by language.
std::vector<Cell> count_cells(const std::vector<Question>& questions, const std::vector<ManyAnswer>& answers) {
  std::vector<std::string> tasks;
  std::map<std::tuple<size_t, int, std::string>, Cell> cells;
  for (size_t i = 0; i < questions.size(); ++i) {
    const Question& q = questions[i];
    const auto known = std::find(tasks.begin(), tasks.end(), q.task);
    const auto number = static_cast<size_t>(known - tasks.begin());
    if (known == tasks.end()) tasks.push_back(q.task);
    Cell& cell = cells[{number, q.level, q.language}];
    cell.task = q.task;
    cell.language = q.language;
    cell.level = q.level;
    cell.right += is_right(q, answers[i].text) ? 1 : 0;
    ++cell.total;
  }
  std::vector<Cell> list;
  list.reserve(cells.size());
  for (auto& [place, cell] : cells) list.push_back(std::move(cell));
  return list;
}

Json cell_to_json(const Cell& c) {
  const Interval i = wilson(c.right, c.total);
  Json json{Json::Object{}};
  json.set("task", c.task);
  if (c.level > 0) json.set("level", c.level);
  if (!c.language.empty()) json.set("language", c.language);
  json.set("right", c.right);
  json.set("total", c.total);
  json.set("low", i.low);
  json.set("high", i.high);
  return json;
}

void print_cell(const Cell& c) {
  const Interval i = wilson(c.right, c.total);
  fmt::print("{:<11} {:>5} {:>8}  {:>5.1f} %  ({:.1f} to {:.1f})  {} of {}\n", c.task,
             c.level > 0 ? std::to_string(c.level) : "", c.language, 100.0 * c.right / c.total, 100 * i.low, 100 * i.high,
             c.right, c.total);
}

Result<void> write_answers(const std::string& path, const std::vector<Question>& questions,
                           const std::vector<ManyAnswer>& answers) {
  TRY(AtomicFile file, AtomicFile::create(path));
  for (size_t i = 0; i < questions.size(); ++i) {
    const Question& q = questions[i];
    Json row{Json::Object{}};
    row.set("task", q.task);
    row.set("difficulty", q.level);
    row.set("language", q.language);
    row.set("question", q.messages.back().content);
    row.set("expected", q.expected);
    row.set("answer", answers[i].text);
    row.set("right", is_right(q, answers[i].text));
    TRY_VOID(file.write(row.dump() + "\n"));
  }
  return file.commit();
}

Result<std::vector<ManyAnswer>> ask(const EvalFlags& flags, const std::vector<ChatMessage>& system,
                                    const std::vector<Question>& questions) {
  TRY(const std::shared_ptr<const Model> model, load_model_alone(flags.model));
  SchedulerOptions options;
  options.kv = flags.model.kv;
  options.threads = flags.model.threads;
  options.context = flags.model.context;
  TRY(const std::unique_ptr<Scheduler> scheduler, Scheduler::create(model, options));
  std::vector<std::vector<int32_t>> prompts;
  for (const Question& q : questions) {
    std::vector<ChatMessage> messages = system;
    messages.insert(messages.end(), q.messages.begin(), q.messages.end());
    TRY(std::vector<int32_t> ids, conversation_ids(model->text(), messages, {2025, 1, 1}));
    prompts.push_back(std::move(ids));
  }
  ProgressBar bar("answering", questions.size(), ProgressBar::Unit::kAnswers);
  return answer_many(*scheduler, prompts, flags.max_tokens, [&](uint64_t done) { bar.update(done); });
}

int64_t tokens_of(const Result<std::vector<ManyAnswer>>& answers) {
  int64_t tokens = 0;
  if (answers) {
    for (const ManyAnswer& a : *answers) tokens += a.tokens;
  }
  return tokens;
}

// Empty: every question was answered.
std::string first_error(const Result<std::vector<ManyAnswer>>& answers) {
  if (!answers) return answers.error().message;
  const auto failed = std::find_if(answers->begin(), answers->end(), [](const ManyAnswer& a) { return !a.error.empty(); });
  return failed == answers->end() ? "" : failed->error;
}

std::string unit_of(const EvalFlags& flags) {
  if (!flags.recipe.empty()) return flags.recipe;
  return flags.tasks.empty() ? "office" : fmt::format("{}", fmt::join(flags.tasks, ", "));
}

// The software carbon intensity of what was asked: all of its energy for the answers that were right. Nothing where no grid was
// named, nothing could be metered, or nothing was right.
std::optional<Sci> sci_of(const EvalFlags& flags, const std::optional<GridEntry>& grid,
                          const std::optional<RequestEnergy>& energy, const std::vector<Cell>& cells) {
  if (!grid || !energy) return std::nullopt;
  CostModel costs;
  costs.grid = grid;
  int64_t right = 0;
  for (const Cell& c : cells) right += c.right;
  auto result = sci(unit_of(flags), costs_of(*energy, costs).operational.value_or(Emissions()), 0, right);
  return result ? std::optional(std::move(*result)) : std::nullopt;
}

Json sci_to_json(const Sci& sci, const GridEntry& grid) {
  Json json{Json::Object{}};
  json.set("functional_unit", sci.functional_unit);
  json.set("zone", grid.zone);
  json.set("g", 1e-9 * static_cast<double>(sci.per_unit.value_ng));
  json.set("g_low", 1e-9 * static_cast<double>(sci.per_unit.low_ng));
  json.set("g_high", 1e-9 * static_cast<double>(sci.per_unit.high_ng));
  return json;
}

}  // namespace

Result<void> eval_command(const EvalFlags& flags) {
  TRY(const std::vector<Question> questions, flags.recipe.empty() ? office_questions(flags) : held_back_questions(flags));
  std::optional<GridEntry> grid;
  if (!flags.zone.empty()) {
    TRY(grid, GridTable().find(flags.zone));
  }
  TRY(const std::vector<ChatMessage> system, system_messages(flags));
  // What cannot be written is said before anything is asked.
  if (!flags.answers_file.empty()) {
    TRY(const AtomicFile tried, AtomicFile::create(flags.answers_file));
  }
  // Before the meter runs: reading all of a model is no part of evaluating it.
  TRY(const std::string path, resolve_model(flags.model.model));
  TRY(const std::string identity, model_identity(path));
  AnswerMeter meter;
  meter.begin();
  const auto start = std::chrono::steady_clock::now();
  const Result<std::vector<ManyAnswer>> asked = ask(flags, system, questions);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  LedgerRow row;
  row.kind = "evaluate";
  row.model = flags.model.model;
  row.model_digest = identity;
  row.task = flags.tasks.size() == 1 ? flags.tasks.front() : "";
  row.answer_tokens = tokens_of(asked);
  const std::string error = first_error(asked);
  row.status = error.empty() ? "done" : "failed";
  const int64_t tokens = row.answer_tokens;
  const std::string energy = meter.end_in_ledger(std::move(row));  // also of what failed
  if (!error.empty()) return fail("{}", error);
  const std::vector<ManyAnswer>& answers = *asked;
  const std::vector<Cell> cells = count_cells(questions, answers);
  const std::optional<Sci> carbon = sci_of(flags, grid, meter.last(), cells);
  if (grid && !carbon)
    say("sobre: no CO2e per right answer: {}\n",
        meter.last() ? "no answer was right" : "energy cannot be metered here (`sobre meter` says why)");
  if (flags.json) {
    Json::Array list;
    for (const Cell& c : cells) list.push_back(cell_to_json(c));
    Json json{Json::Object{}};
    json.set("model", flags.model.model);
    json.set("cells", Json(std::move(list)));
    json.set("answer_tokens", tokens);
    json.set("seconds", seconds);
    if (carbon) json.set("sci", sci_to_json(*carbon, *grid));
    fmt::print("{}\n", json.dump());
  } else {
    fmt::print("{:<11} {:>5} {:>8}  {:>7}  (95 % interval)\n", "task", "level", "language", "right");
    for (const Cell& c : cells) print_cell(c);
    fmt::print("{} questions, {} answer tokens in {}{}{}\n", questions.size(), count_text(static_cast<uint64_t>(tokens)),
               duration_text(seconds), energy.empty() ? "" : ", ", energy);
    if (carbon) fmt::print("{} CO2e per right answer (SCI, electricity of {})\n", show_carbon(carbon->per_unit), grid->zone);
  }
  if (!flags.answers_file.empty()) TRY_VOID(write_answers(flags.answers_file, questions, answers));
  return {};
}

}  // namespace sobre
