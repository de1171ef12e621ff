// The /commands of a conversation.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "base/file.h"
#include "cli/chat_loop.h"
#include "cli/chat_settings.h"
#include "cli/terminal.h"

namespace sobre {

namespace {

constexpr uint64_t kMaxConversation = 64 << 20;

struct CommandHelp {
  const char* usage;
  const char* text;
};

constexpr CommandHelp kCommands[] = {
    {"/help", "this list"},
    {"/set NAME VALUE", "set an option of sampling (below)"},
    {"/system TEXT", "set the system message; without TEXT: none"},
    {"/show", "the model, the context, the options in force"},
    {"/retry", "answer the last message once more, differently"},
    {"/reset, /clear", "forget the conversation (the system message stays)"},
    {"/save FILE", "write the conversation as JSON"},
    {"/load FILE", "go on with a conversation that was saved"},
    {"/exit", "leave, as Ctrl-D does"},
};

void print_result(const Result<void>& result) {
  if (!result) sobre::say("sobre: {}\n", result.error().message);
}

bool has_system(const std::vector<ChatMessage>& messages) { return !messages.empty() && messages[0].role == "system"; }

}  // namespace

bool ChatLoop::run_command(const ChatCommand& command) {
  const std::string& name = command.name;
  if (name == "exit" || name == "quit" || name == "bye") return false;
  if (name == "help" || name == "?") {
    help();
  } else if (name == "show") {
    show();
  } else if (name == "set") {
    set(command.rest);
  } else if (name == "system") {
    set_system(command.rest);
  } else if (name == "retry") {
    retry();
  } else if (name == "reset" || name == "clear") {
    reset();
  } else if (name == "save") {
    print_result(save(command.rest));
  } else if (name == "load") {
    print_result(load(command.rest));
  } else {
    sobre::say("sobre: no command /{}; /help lists them (a message may begin with a slash after a space)\n", name);
  }
  return true;
}

void ChatLoop::help() const {
  for (const CommandHelp& c : kCommands) sobre::say("  {:<28} {}\n", c.usage, c.text);
  for (const SettingHelp& s : setting_list()) {
    const std::string usage = fmt::format("/set {} {}", s.name, s.value);
    sobre::say("  {:<28} {}{}\n", usage, s.text, s.repeatable ? " (more add to it; no value: none)" : "");
  }
  sobre::say("  {:<28} {}\n", "a line that ends with \\", "goes on in the next line");
  sobre::say("  {:<28} {}\n", "\"\"\" ... \"\"\"", "a message of several lines");
  sobre::say("  {:<28} {}\n", "Ctrl-C", "stops the answer, or clears the line");
}

void ChatLoop::show() const {
  const Session& session = *loaded_.session;
  sobre::say("  model     {}\n", loaded_.model->path());
  sobre::say("  context   {} of {} positions used (the model's limit is {})\n", session.n_past(), session.context(),
             loaded_.model->spec().max_context);
  sobre::say("  messages  {}\n", messages_.size() - (has_system(messages_) ? 1 : 0));
  sobre::say("  system    {}\n", has_system(messages_) ? terminal_safe(messages_[0].content) : "none of its own");
  sobre::say("  options   {}\n", settings_text(options_));
}

void ChatLoop::set(const std::string& rest) {
  const size_t end = std::min(rest.find_first_of(" \t="), rest.size());
  const std::string name = rest.substr(0, end);
  const std::string value = end < rest.size() ? std::string(trimmed(rest.substr(end + 1))) : std::string();
  if (name.empty()) {
    sobre::say("  {}\n", settings_text(options_));
    return;
  }
  AnswerOptions tried = options_;
  Result<void> result = set_option(tried, name, value);
  if (result) result = check_sampling(tried.sampling, loaded_.model->spec().vocab_size);
  print_result(result);
  if (!result) return;
  options_ = std::move(tried);
  sobre::say("{}\n", dim(settings_text(options_), STDERR_FILENO));
}

void ChatLoop::set_system(const std::string& text) {
  if (!loaded_.model->text().chat_template) {
    sobre::say("sobre: a base model has no chat template, so no system message\n");
    return;
  }
  if (has_system(messages_)) messages_.erase(messages_.begin());
  if (!text.empty()) messages_.insert(messages_.begin(), {"system", text});
  const char* state = text.empty() ? "no system message from here on" : "the system message is set";
  sobre::say("{}\n", dim(state, STDERR_FILENO));
}

void ChatLoop::retry() {
  if (!loaded_.model->text().chat_template) {
    if (last_text_.empty()) {
      sobre::say("sobre: nothing to answer again yet\n");
      return;
    }
    ++options_.sampling.choice;
    answer();
    return;
  }
  const bool answered = !messages_.empty() && messages_.back().role == "assistant";
  const size_t behind = answered ? 2 : 1;  // the question, counted from the end
  if (messages_.size() < behind || messages_[messages_.size() - behind].role != "user") {
    sobre::say("sobre: nothing to answer again yet\n");
    return;
  }
  ChatMessage before;
  if (answered) {
    before = std::move(messages_.back());
    messages_.pop_back();
  }
  ++options_.sampling.choice;
  if (!answer() && answered) messages_.push_back(std::move(before));
}

void ChatLoop::reset() {
  messages_.resize(has_system(messages_) ? 1 : 0);
  last_text_.clear();
  answerer_.reset();
  sobre::say("{}\n", dim("a new conversation", STDERR_FILENO));
}

Result<void> ChatLoop::save(const std::string& path) const {
  if (path.empty()) return fail("/save needs the name of a file");
  if (messages_.empty()) return fail("there is nothing to save yet");
  TRY_VOID(write_text_file(path, messages_to_json(messages_)));
  sobre::say("{}\n", dim(fmt::format("{} messages saved to {}", messages_.size(), path), STDERR_FILENO));
  return {};
}

Result<void> ChatLoop::load(const std::string& path) {
  if (path.empty()) return fail("/load needs the name of a file");
  if (!loaded_.model->text().chat_template) return fail("a base model has no chat template, so no conversation");
  TRY(const std::string text, read_file(path, kMaxConversation));
  auto messages = messages_from_json(text);
  if (!messages) return fail_in(path, messages.error());
  messages_ = std::move(*messages);
  sobre::say("{}\n", dim(fmt::format("{} messages loaded from {}", messages_.size(), path), STDERR_FILENO));
  return {};
}

}  // namespace sobre
