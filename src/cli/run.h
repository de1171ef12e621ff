// `sobre run`: answers once, or talks. Main thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "cli/load.h"
#include "engine/chat.h"

namespace sobre {

struct RunFlags {
  ModelFlags model;
  std::optional<std::string> prompt;
  std::optional<std::string> system;
  std::vector<std::pair<std::string, std::string>> settings;  // checked by set_option, in the order given
  bool stats = false;                                         // the line of figures also where stderr is no terminal
};

/// Runs the command and returns its exit status: 0; 1 after one line on stderr; 130 when Ctrl-C ended the one answer.
[[nodiscard]] int run_command(const RunFlags& flags);

/// The line of figures after an answer, on stderr. `energy`: of AnswerMeter::end, may be empty.
void print_report(const AnswerReport& report, const std::string& energy);
/// What ended an answer, where that is not its own end: one line on stderr.
void print_end(const AnswerReport& report, const Session& session);

/// Writes an answer to standard output as it comes. Control characters are made harmless on a terminal.
class AnswerWriter {
 public:
  AnswerWriter();
  void write(std::string_view text);
  /// Ends the last line.
  void finish();
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
  bool terminal_;
};

}  // namespace sobre
