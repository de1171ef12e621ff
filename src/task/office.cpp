#include <algorithm>
#include <array>

#include "task/noise.h"
#include "task/office_makers.h"
#include "task/task.h"

namespace sobre {

namespace {

using office::Language;

// The last is a lesson of the training split, no task of the models.
constexpr std::array<TaskInfo, 8> kTasks = {{
    {"route", "Route a message",
     "A customer's message to one of eight queues: billing, shipping, returns, technical, account, sales, "
     "cancellation, complaints",
     "the queue's name"},
    {"extract", "Extract an order or an appointment", "An order or an appointment to JSON with the keys that are asked for",
     "the same keys and values, in any order"},
    {"dates", "Work out a date", "A date expression and a given today to an ISO date", "the date as YYYY-MM-DD"},
    {"passage", "Answer from a passage", "A question about a short passage; the answer's words are in it",
     "the passage's words"},
    {"arithmetic", "Calculate", "+ - x / on whole numbers of one to six digits; divisions are exact", "the number"},
    {"problems", "Solve a word problem", "Word problems of one to four steps", "the number"},
    {"refuse", "Decline", "Requests that are none of the six tasks, greetings too", "the refusal, word for word"},
    {"forms", "Copy a form", "Fields of a filled-in form to JSON", "the same keys and values, in any order"},
}};
constexpr std::array<office::Maker, kTasks.size()> kMakers = {
    office::make_route,      office::make_extract,  office::make_dates,  office::make_passage,
    office::make_arithmetic, office::make_problems, office::make_refuse, office::make_form};
constexpr std::array<std::string_view, 2> kLanguages = {"en", "fr"};
constexpr std::array<std::string_view, 3> kSplits = {"train", "validation", "test"};

std::string names_of(std::span<const std::string_view> names) {
  std::string all;
  for (const std::string_view name : names) all.append(all.empty() ? "" : ", ").append(name);
  return all;
}

std::string task_names() {
  std::vector<std::string_view> names;
  for (const TaskInfo& task : office_tasks()) names.push_back(task.name);
  return names_of(names);
}

}  // namespace

std::span<const TaskInfo> office_tasks() { return std::span(kTasks).first(kTasks.size() - 1); }
const TaskInfo& office_lesson() { return kTasks.back(); }
std::span<const std::string_view> office_languages() { return kLanguages; }
std::string_view split_name(Split split) { return kSplits[static_cast<size_t>(split)]; }

Result<TaskItem> office_item(std::string_view task, Split split, uint64_t seed, uint64_t index, std::span<const int> levels,
                             std::span<const std::string> languages) {
  const auto* const info = std::find_if(kTasks.begin(), kTasks.end(), [&](const TaskInfo& t) { return t.name == task; });
  if (info == kTasks.end()) return fail("{}: no office task has this name; there are {}", task, task_names());
  if (info == &kTasks.back() && split != Split::kTrain)
    return fail("{}: it is a lesson, which the training split alone has; tasks are {}", task, task_names());
  if (levels.empty()) return fail("{}: no level is given; levels go from 1 to 3", task);
  if (languages.empty()) return fail("{}: no language is given; there are {}", task, names_of(kLanguages));
  const int level = levels[index % levels.size()];
  if (level < 1 || level > 3) return fail("{}: level {} is none of 1 to 3", task, level);
  const std::string& language = languages[index / levels.size() % languages.size()];
  const auto* const known = std::find(kLanguages.begin(), kLanguages.end(), language);
  if (known == kLanguages.end()) return fail("{}: language {} is none of {}", task, language, names_of(kLanguages));
  const auto number = static_cast<size_t>(info - kTasks.begin());
  const auto stream = static_cast<uint32_t>(number * 3 + static_cast<size_t>(split));
  office::Draw draw(split, seed, stream, index);
  const auto which = static_cast<Language>(known - kLanguages.begin());
  office::Made made = kMakers[number](draw, which, level);
  TaskItem item;
  item.messages.push_back({"user", office::typed(made.prompt, draw, level, which)});
  item.answer = made.work.empty() ? made.expected : made.work + "\n" + made.expected;
  item.expected = std::move(made.expected);
  item.task = task;
  item.difficulty = level;
  item.language = language;
  item.parts = draw.take_parts();
  return item;
}

}  // namespace sobre
