// `sobre data`: items of the office tasks as JSON lines, made as they are written.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "base/json.h"
#include "cli/commands.h"

namespace sobre {

namespace {

constexpr size_t kFlushBytes = size_t{1} << 16;

void append_message(std::string& out, std::string_view role, std::string_view content) {
  out.append("{\"role\": ");
  append_json_string(out, role);
  out.append(", \"content\": ");
  append_json_string(out, content);
  out += '}';
}

void append_row(std::string& out, const TaskItem& item, bool with_answer) {
  out.append("{\"messages\": [");
  for (size_t i = 0; i < item.messages.size(); ++i) {
    if (i > 0) out.append(", ");
    append_message(out, item.messages[i].role, item.messages[i].content);
  }
  if (with_answer) {
    out.append(", ");
    append_message(out, "assistant", item.answer);
  }
  out.append("], \"expected\": ");
  append_json_string(out, item.expected);
  out.append(fmt::format(", \"task\": \"{}\", \"difficulty\": {}, \"language\": \"{}\"}}\n", item.task, item.difficulty,
                         item.language));
}

Result<void> write_out(std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) return fail("standard output cannot be written");
  text.clear();
  return {};
}

void list_tasks() {
  for (const TaskInfo& task : office_tasks()) {
    fmt::print("{:<12}{}: {}. Right is {}.\n", task.name, task.title, task.description, task.accepts);
  }
  const TaskInfo& lesson = office_lesson();
  fmt::print("{:<12}{}: {} (a lesson: the training split alone has it).\n", lesson.name, lesson.title, lesson.description);
}

}  // namespace

Result<void> data_command(const DataOptions& options) {
  if (options.list) {
    list_tasks();
    return {};
  }
  std::vector<std::string_view> tasks;
  for (const TaskInfo& task : office_tasks()) {
    if (options.task == "all" || options.task == task.name) tasks.push_back(task.name);
  }
  if (options.task == office_lesson().name) tasks.push_back(office_lesson().name);
  if (tasks.empty()) {
    return fail("{}; sobre data --list names the tasks",
                options.task.empty() ? "a task is needed" : "'" + options.task + "' is no office task");
  }
  std::vector<int> levels = {1, 2, 3};
  if (options.level != 0) levels = {options.level};
  std::vector<std::string> languages(office_languages().begin(), office_languages().end());
  if (!options.language.empty()) languages = {options.language};
  std::string text;
  text.reserve(kFlushBytes + (size_t{1} << 12));
  for (uint64_t i = 0; i < options.count; ++i) {
    TRY(const TaskItem item,
        office_item(tasks[i % tasks.size()], options.split, options.seed, i / tasks.size(), levels, languages));
    append_row(text, item, options.split != Split::kTest);
    if (text.size() >= kFlushBytes) TRY_VOID(write_out(text));
  }
  TRY_VOID(write_out(text));
  if (std::fflush(stdout) != 0) return fail("standard output cannot be written");
  return {};
}

}  // namespace sobre
