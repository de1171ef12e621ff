// One function per office task: an item's question, answer and expected line from the draw. Called by office_item() alone.
#pragma once

#include <string>

#include "task/draw.h"
#include "task/task.h"

namespace sobre::office {

/// What a maker gives: `prompt` still with the marks of draw.h.
struct Made {
  std::string prompt;
  std::string work;  // lines before the final one; may be empty
  std::string expected;
};

using Maker = Made (*)(Draw& draw, Language language, int level);

[[nodiscard]] Made make_route(Draw& draw, Language language, int level);
[[nodiscard]] Made make_extract(Draw& draw, Language language, int level);
[[nodiscard]] Made make_dates(Draw& draw, Language language, int level);
[[nodiscard]] Made make_passage(Draw& draw, Language language, int level);
[[nodiscard]] Made make_arithmetic(Draw& draw, Language language, int level);
[[nodiscard]] Made make_problems(Draw& draw, Language language, int level);
[[nodiscard]] Made make_refuse(Draw& draw, Language language, int level);

/// A filled-in form whose values are asked for as JSON; the same at every level.
[[nodiscard]] Made make_form(Draw& draw, Language language, int level);
/// A customer's message of one queue (index into kQueues), as the route task writes it, without an instruction.
[[nodiscard]] std::string draw_message(Draw& draw, Language language, int level, size_t queue);
/// A short passage about invented people, firms and towns in one of `frames`, whose {text} it takes; without a question.
[[nodiscard]] std::string draw_passage(Draw& draw, Language language, Lines frames, size_t sentences);

inline constexpr std::string_view kQueues[] = {"billing", "shipping", "returns",      "technical",
                                               "account", "sales",    "cancellation", "complaints"};

}  // namespace sobre::office
