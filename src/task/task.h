// The office tasks that the bundled models are made for: a seeded generator of questions with their answers, and scorers.
// An item is a pure function of its arguments, the same on every machine; nothing here keeps state; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/chat.h"

namespace sobre {

/// Which part of all possible wordings, names and numbers an item is made of. Every template (with its choices made and its
/// names left open; of several sentences or parts where few ways to say one thing exist), every name, thing and place, and
/// every pair of operands that is asked for belongs to one split by the hash of its text: about 80 %, 10 % and 10 %.
enum class Split : uint8_t { kTrain, kValidation, kTest };

struct TaskItem {
  std::vector<ChatMessage> messages;  // the question: one message of the user
  std::string answer;                 // what a model is trained to say: the working, then the final line
  std::string expected;               // the final line
  std::string task;                   // a name of office_tasks()
  int difficulty = 1;                 // 1 to 3
  std::string language;               // "en" or "fr"
  std::vector<std::string> parts;     // the templates, entities and operands it is made of, for checks of the splits
};

struct TaskInfo {
  std::string_view name, title, description;
  std::string_view accepts;  // what score() takes for right
};

/// The six tasks, and "refuse": requests that are none of them.
[[nodiscard]] std::span<const TaskInfo> office_tasks();
/// "forms", of which only the training split has items: it teaches copying (office_forms.cpp).
[[nodiscard]] const TaskInfo& office_lesson();

/// The languages that items are made in.
[[nodiscard]] std::span<const std::string_view> office_languages();

/// "train", "validation", "test".
[[nodiscard]] std::string_view split_name(Split split);

/// Item `index` of a stream: levels and languages take turns, levels first. Errors: an unknown task or language, a level
/// outside 1 to 3, an empty list.
[[nodiscard]] Result<TaskItem> office_item(std::string_view task, Split split, uint64_t seed, uint64_t index,
                                           std::span<const int> levels, std::span<const std::string> languages);

/// Whether two texts are equal but for case, runs of spaces and line ends, and a full stop at the end.
[[nodiscard]] bool same_text(std::string_view expected, std::string_view answer);

/// Whether the last line of `answer` that is not blank says `expected`, without regard to case, spaces and a full stop at the
/// end. "extract" compares JSON as values: the same keys in any order, numbers by value, strings as above. A task that is none
/// of office_tasks() is compared as text.
[[nodiscard]] bool score(std::string_view task, std::string_view expected, std::string_view answer);

}  // namespace sobre
