// Text between the keyboard, the model and the screen. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace sobre {

/// The text with control characters other than line feed and tab replaced by U+FFFD: what a model writes must not steer a
/// terminal. Whole characters of UTF-8 in, the same out.
[[nodiscard]] std::string terminal_safe(std::string_view text);

/// Joins the lines of one message: a block between lines of three double quotes, or lines ended by a backslash.
class MessageLines {
 public:
  /// Takes a line without its line feed. True: the message is complete.
  [[nodiscard]] bool add(std::string_view line);
  /// Whether a message has begun.
  [[nodiscard]] bool open() const { return open_; }
  /// Whether the message was written as a block, which is never a command.
  [[nodiscard]] bool is_block() const { return block_; }
  /// The message; starts anew.
  [[nodiscard]] std::string take();

 private:
  std::string text_;
  bool open_ = false, block_ = false;
};

/// "/set top-p 0.9" -> "set", "top-p 0.9".
struct ChatCommand {
  std::string name, rest;
};
/// Whether a message is a command: a slash and small letters (or "/?") first. White space around the rest is dropped.
[[nodiscard]] bool parse_command(std::string_view message, ChatCommand& command);

/// Without white space at both ends.
[[nodiscard]] std::string_view trimmed(std::string_view text);

}  // namespace sobre
