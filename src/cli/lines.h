// Lines of standard input for the --jsonl commands: bounded in length, each answered by one line in order. Main thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace sobre {

/// Longest line that is read; longer ones are answered by an error and skipped.
inline constexpr size_t kMaxLineBytes = size_t{64} << 20;

/// Reads standard input line by line (empty lines are skipped) and prints `answer(parsed line)` for each, one line, in order; a
/// line that is no JSON or whose answer is an error gives {"error": "..."} and the work goes on. Flushed after each line when
/// either side is a terminal or a pipe that waits. Error: standard output cannot be written.
[[nodiscard]] Result<void> answer_json_lines(const std::function<Result<Json>(const Json&)>& answer);

/// All of standard input. Error: more than `max_bytes`.
[[nodiscard]] Result<std::string> read_standard_input(size_t max_bytes);

}  // namespace sobre
