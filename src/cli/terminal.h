// What the program shows to people on stderr and stdout: colours only on a terminal and without NO_COLOR, a progress bar for
// what takes long, sizes and counts in readable form. Main thread only, but for say().
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>

namespace sobre {

/// Writes to stderr. One that is closed, full or read by nobody is no error: there is nobody to tell. Any thread.
template <class... T>
void say(fmt::format_string<T...> text, T&&... values) {
  const std::string line = fmt::format(text, std::forward<T>(values)...);
  std::fwrite(line.data(), 1, line.size(), stderr);
  std::fflush(stderr);
}

/// Whether a file descriptor (1, 2) is a terminal.
[[nodiscard]] bool is_terminal(int fd);
/// Whether a line may be drawn over there: a terminal, TERM not "dumb".
[[nodiscard]] bool can_redraw(int fd);
/// Whether colours may be written there: a terminal, NO_COLOR unset or empty, TERM not "dumb".
[[nodiscard]] bool colours_on(int fd);
/// The text in dim letters where colours are on, else the text.
[[nodiscard]] std::string dim(std::string_view text, int fd);
/// The same in bold letters.
[[nodiscard]] std::string bold(std::string_view text, int fd);
/// Columns of the terminal; 80 when it is none.
[[nodiscard]] int terminal_width(int fd);

/// "98.4 MB": powers of 1000, three digits.
[[nodiscard]] std::string bytes_text(uint64_t bytes);
/// "134,515,008"
[[nodiscard]] std::string count_text(uint64_t n);
/// "12 s", "3 min 05 s"
[[nodiscard]] std::string duration_text(double seconds);

/// One line on stderr that is redrawn: what, how much of it, rate, time left. It appears only on a terminal and only when the
/// work lasts longer than 0.3 s; it is wiped when done.
class ProgressBar {
 public:
  enum class Unit : uint8_t { kBytes, kTokens, kAnswers };

  ProgressBar(std::string what, uint64_t total, Unit unit = Unit::kBytes);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  /// `done` of the total; draws at most ten times a second.
  void update(uint64_t done);
  /// Wipes the line. Also done by the destructor.
  void finish();

 private:
  void draw(uint64_t done, double seconds);

  std::string what_;
  uint64_t total_;
  Unit unit_;
  bool enabled_;
  bool shown_ = false;
  std::chrono::steady_clock::time_point start_;
  double last_drawn_ = 0;
};

}  // namespace sobre
