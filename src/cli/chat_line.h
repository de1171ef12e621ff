// Lines from the keyboard, edited by libedit: history over sessions, UTF-8, Ctrl-C that clears the line, pasted line ends that
// stay part of one message. Main thread, one at a time; an InterruptScope must be active while reading.
#pragma once

#include <memory>
#include <string>

namespace sobre {

class LineEditor {
 public:
  enum class Event { kLine, kInterrupted, kEnd };

  /// `history_file`: read now, written at every remember(); empty or unwritable: the history lasts as long as this object.
  explicit LineEditor(std::string history_file);
  ~LineEditor();

  /// Shows `prompt` and reads one line into `line`, without its line feed. kEnd: Ctrl-D on an empty line, or the input has
  /// ended.
  [[nodiscard]] Event read(const std::string& prompt, std::string& line);
  /// Puts a line into the history.
  void remember(const std::string& line);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sobre
