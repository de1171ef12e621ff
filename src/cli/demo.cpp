#include "cli/demo.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/utf8.h"
#include "cli/chat_text.h"
#include "cli/load.h"
#include "cli/metering.h"
#include "cli/names.h"
#include "cli/terminal.h"
#include "engine/chat.h"
#include "task/task.h"

namespace sobre {

namespace {

constexpr int kLongestAnswer = 320;  // tokens
constexpr int kModelColumns = 14;
constexpr int kHeadColumns = 2 + kModelColumns + 5 + 8 + 9 + 10 + 2;  // before an answer

struct DemoAnswer {
  std::string text;
  bool right = false;
  int tokens = 0;
  double prompt_s = 0, answer_s = 0;

  [[nodiscard]] double seconds() const { return prompt_s + answer_s; }
  [[nodiscard]] double rate() const { return answer_s > 0 ? tokens / answer_s : 0; }
};

// One model with its answers, in the order of the questions.
struct Contestant {
  std::string name;
  uint64_t bytes = 0;  // of its file
  std::vector<DemoAnswer> answers;
  std::string energy;  // of all answers; empty when the machine tells none
};

// Levels and languages take turns, so that a few questions show both.
Result<std::vector<TaskItem>> questions(const DemoFlags& flags) {
  std::vector<TaskItem> items;
  const auto languages = office_languages();
  for (const TaskInfo& task : office_tasks()) {
    for (int i = 0; i < flags.count; ++i) {
      const int level = 1 + i % 3;
      const std::string language(languages[static_cast<size_t>(i) % languages.size()]);
      TRY(TaskItem item,
          office_item(task.name, Split::kTest, flags.seed, static_cast<uint64_t>(i), {&level, 1}, {&language, 1}));
      items.push_back(std::move(item));
    }
  }
  return items;
}

Result<Contestant> ask_model(const std::string& name, const std::vector<TaskItem>& items) {
  ModelFlags flags;
  flags.model = name;
  TRY(const Loaded loaded, load_model(flags));
  Contestant c;
  c.name = name;
  std::error_code no_size;
  const auto bytes = std::filesystem::file_size(loaded.model->path(), no_size);
  c.bytes = no_size ? 0 : bytes;
  Answerer answerer(*loaded.session);
  AnswerOptions options;
  options.sampling.temperature = 0;
  options.max_tokens = kLongestAnswer;
  AnswerMeter meter;
  meter.begin();
  int64_t tokens = 0;
  ProgressBar bar(fmt::format("asking {}", name), items.size(), ProgressBar::Unit::kAnswers);
  for (const TaskItem& item : items) {
    TRY(const std::vector<int32_t> ids, conversation_ids(loaded.model->text(), item.messages, local_now()));
    DemoAnswer a;
    answerer.reset();
    TRY(const AnswerReport report, answerer.answer(ids, options, [&](std::string_view piece) { a.text += piece; }));
    a.right = score(item.task, item.expected, a.text);
    a.tokens = report.answer_tokens;
    a.prompt_s = report.prompt_s;
    a.answer_s = report.answer_s;
    tokens += a.tokens;
    c.answers.push_back(std::move(a));
    bar.update(c.answers.size());
  }
  bar.finish();
  c.energy = meter.end(tokens);
  return c;
}

int characters(std::string_view text) {
  return static_cast<int>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

// Lines of at most `columns` characters, cut at spaces, or inside a word that is longer than a line.
std::vector<std::string> wrapped(std::string_view text, int columns) {
  const int most = std::max(columns, 16);
  std::vector<std::string> lines(1);
  const auto add = [&](std::string_view word) {
    for (size_t at = 0; at < word.size();) {
      const size_t size = decode_utf8(word, at).size;
      if (characters(lines.back()) == most) lines.emplace_back();
      lines.back() += word.substr(at, size);
      at += size;
    }
  };
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(' ', at), text.size());
    const std::string_view word = text.substr(at, end - at);
    const bool begun = !lines.back().empty();
    if (begun && characters(lines.back()) + 1 + characters(word) > most) {
      lines.emplace_back();
    } else if (begun) {
      lines.back() += ' ';
    }
    add(word);
    at = end + 1;
  }
  return lines;
}

void print_wrapped(std::string_view text, int indent, int width, bool in_bold = false) {
  for (const std::string& line : wrapped(text, width - indent))
    fmt::print("{:<{}}{}\n", "", indent, in_bold ? bold(line, STDOUT_FILENO) : line);
}

std::string in_one_line(std::string_view text) {
  std::string line = terminal_safe(text);
  std::replace(line.begin(), line.end(), '\n', ' ');
  return line;
}

// What is scored: the last line; before it stands the working.
std::string last_line(std::string_view answer) {
  const std::string_view whole = trimmed(answer);
  const size_t at = whole.rfind('\n');
  return in_one_line(at == std::string_view::npos ? whole : whole.substr(at + 1));
}

std::string coloured(const std::string& text, bool good) {
  return colours_on(STDOUT_FILENO) ? fmt::format("\033[{}m{}\033[0m", good ? 32 : 31, text) : text;
}

std::string time_text(double seconds) {
  return seconds < 1 ? fmt::format("{:.1f} ms", seconds * 1e3) : fmt::format("{:.2f} s", seconds);
}

void print_question(const TaskItem& item, const std::vector<Contestant>& models, size_t index, int width) {
  fmt::print("\n{}, level {}, {}\n", item.task, item.difficulty, item.language);
  print_wrapped(in_one_line(item.messages.back().content), 2, width, true);
  for (const Contestant& m : models) {
    const DemoAnswer& a = m.answers[index];
    const std::string line = last_line(a.text);
    const bool fits = kHeadColumns + characters(line) <= width;
    fmt::print("  {:<{}}{}{:>8} tokens/s{:>10}{}\n", m.name, kModelColumns, coloured(a.right ? "right" : "wrong", a.right),
               count_text(static_cast<uint64_t>(a.rate())), time_text(a.seconds()), fits ? "  " + line : "");
    if (!fits) print_wrapped(line, 4, width);
  }
  const bool all_right = std::all_of(models.begin(), models.end(), [&](const Contestant& m) { return m.answers[index].right; });
  if (!all_right) print_wrapped("expected: " + in_one_line(item.expected), 2, width);
}

void print_table(const std::vector<Contestant>& models) {
  fmt::print("\n{:<{}}{:>12}{:>12}{:>10}{:>14}\n", "model", kModelColumns, "file", "right", "tokens/s", "an answer in");
  for (const Contestant& m : models) {
    size_t right = 0;
    double answer_s = 0, seconds = 0;
    int64_t tokens = 0;
    for (const DemoAnswer& a : m.answers) {
      right += a.right ? 1 : 0;
      tokens += a.tokens;
      answer_s += a.answer_s;
      seconds += a.seconds();
    }
    fmt::print("{:<{}}{:>12}{:>12}{:>10}{:>14}\n", m.name, kModelColumns, bytes_text(m.bytes),
               fmt::format("{} of {}", right, m.answers.size()),
               count_text(static_cast<uint64_t>(answer_s > 0 ? static_cast<double>(tokens) / answer_s : 0)),
               time_text(seconds / static_cast<double>(m.answers.size())));
  }
  if (models.front().energy.empty()) return;
  fmt::print("\n");
  for (const Contestant& m : models) fmt::print("{:<{}}{} for {} answers\n", m.name, kModelColumns, m.energy, m.answers.size());
}

void print_json(const std::vector<TaskItem>& items, const std::vector<Contestant>& models) {
  for (size_t i = 0; i < items.size(); ++i) {
    for (const Contestant& m : models) {
      const DemoAnswer& a = m.answers[i];
      Json row{Json::Object{}};
      row.set("task", items[i].task);
      row.set("difficulty", items[i].difficulty);
      row.set("language", items[i].language);
      row.set("question", items[i].messages.back().content);
      row.set("expected", items[i].expected);
      row.set("model", m.name);
      row.set("answer", a.text);
      row.set("right", a.right);
      row.set("tokens", a.tokens);
      row.set("tokens_per_s", a.rate());
      row.set("seconds", a.seconds());
      fmt::print("{}\n", row.dump());
    }
  }
}

}  // namespace

Result<void> demo_command(const DemoFlags& flags) {
  TRY(const std::vector<TaskItem> items, questions(flags));
  std::vector<std::string> names = bundled_models();
  if (names.empty()) TRY_VOID(default_model());  // says where they were looked for
  std::reverse(names.begin(), names.end());
  std::vector<Contestant> models;
  for (const std::string& name : names) {
    TRY(Contestant c, ask_model(name, items));
    models.push_back(std::move(c));
  }
  if (flags.json) {
    print_json(items, models);
    return {};
  }
  const int width = terminal_width(STDOUT_FILENO);
  fmt::print("The bundled models on {} office questions that their training never saw.\n", items.size());
  for (size_t i = 0; i < items.size(); ++i) print_question(items[i], models, i, width);
  print_table(models);
  fmt::print("\nAsk the largest yourself: sobre run. Every figure: docs/bundled-models.md\n");
  return {};
}

}  // namespace sobre
