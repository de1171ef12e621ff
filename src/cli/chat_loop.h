// The state of a conversation in the terminal and what each command does with it. Internal to chat.cpp and chat_commands.cpp.
#pragma once

#include <string>
#include <vector>

#include "cli/chat.h"
#include "cli/chat_line.h"
#include "cli/chat_text.h"
#include "cli/metering.h"

namespace sobre {

class ChatLoop {
 public:
  ChatLoop(Loaded& loaded, AnswerOptions options, const RunFlags& flags);
  [[nodiscard]] Result<void> run();

 private:
  /// Reads one message, of one line or more. False: the user leaves. An empty message: nothing to do.
  [[nodiscard]] bool read_message(std::string& message, bool& is_command);
  void say(const std::string& message);
  /// Answers the conversation as it stands and appends the answer. False: there is none (the reason is on stderr).
  bool answer();
  [[nodiscard]] Result<std::vector<int32_t>> prompt_ids() const;

  /// False: leave.
  bool run_command(const ChatCommand& command);
  void help() const;
  void show() const;
  void set(const std::string& rest);
  void set_system(const std::string& text);
  void retry();
  [[nodiscard]] Result<void> save(const std::string& path) const;
  [[nodiscard]] Result<void> load(const std::string& path);
  void reset();

  Loaded& loaded_;
  AnswerOptions options_;
  const RunFlags& flags_;
  Answerer answerer_;
  AnswerMeter meter_;
  LineEditor editor_;
  std::vector<ChatMessage> messages_;  // the system message first, where there is one
  std::string last_text_;              // of a base model: the text to be continued
  int hints_ = 0;
};

}  // namespace sobre
