#include "cli/chat.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "cli/chat_interrupt.h"
#include "cli/chat_loop.h"
#include "cli/names.h"
#include "cli/terminal.h"
#include "text/unicode.h"

namespace sobre {

namespace {

std::string history_file() {
  const std::string folder = state_folder();
  return folder.empty() ? folder : folder + "/history";
}

std::string file_name(const std::string& path) {
  const size_t end = path.find_last_not_of('/');
  if (end == std::string::npos) return path;
  const size_t slash = path.find_last_of('/', end);
  return path.substr(slash + 1, end - slash);  // npos + 1 is 0
}

void note(const std::string& text) { sobre::say("{}\n", dim(text, STDERR_FILENO)); }

}  // namespace

ChatLoop::ChatLoop(Loaded& loaded, AnswerOptions options, const RunFlags& flags)
    : loaded_(loaded), options_(std::move(options)), flags_(flags), answerer_(*loaded.session), editor_(history_file()) {
  if (flags.system) messages_.push_back({"system", repair_utf8(*flags.system)});
}

Result<void> ChatLoop::run() {
  note(fmt::format("{}, context {}: /help lists the commands, Ctrl-D leaves", file_name(flags_.model.model),
                   loaded_.session->context()));
  if (!loaded_.model->text().chat_template) {
    note("(a base model, without a chat template: it continues each text by itself)");
  }
  std::string message;
  for (bool is_command = false; read_message(message, is_command);) {
    if (trimmed(message).empty()) continue;
    ChatCommand command;
    if (!is_command || !parse_command(message, command)) {
      say(message);
    } else if (!run_command(command)) {
      break;
    }
  }
  return {};
}

bool ChatLoop::read_message(std::string& message, bool& is_command) {
  MessageLines lines;
  std::string line;
  while (true) {
    const LineEditor::Event event = editor_.read(lines.open() ? ". " : "> ", line);
    if (event == LineEditor::Event::kEnd) {
      std::fputc('\n', stderr);
      return false;
    }
    if (event == LineEditor::Event::kInterrupted) {
      std::fputs("^C\n", stderr);
      if (hints_++ == 0) note("(Ctrl-D or /exit leaves)");
      (void)lines.take();
      continue;
    }
    line = repair_utf8(line);
    editor_.remember(line);
    const bool pasted = line.find('\n') != std::string::npos;
    if (!lines.add(line)) continue;
    is_command = !lines.is_block() && !pasted;
    message = lines.take();
    return true;
  }
}

Result<std::vector<int32_t>> ChatLoop::prompt_ids() const {
  const TextAssets& text = loaded_.model->text();
  return text.chat_template ? conversation_ids(text, messages_, local_now()) : completion_ids(text, last_text_);
}

void ChatLoop::say(const std::string& message) {
  if (loaded_.model->text().chat_template) {
    if (messages_.size() + 2 > kMaxMessages) {
      sobre::say("sobre: the conversation has {} messages, the limit; /reset starts anew\n", messages_.size());
      return;
    }
    messages_.push_back({"user", message});
    options_.sampling.choice = 0;
    if (!answer()) messages_.pop_back();
    return;
  }
  last_text_ = message;
  options_.sampling.choice = 0;
  answer();
}

bool ChatLoop::answer() {
  const Result<std::vector<int32_t>> ids = prompt_ids();
  if (!ids) {
    sobre::say("sobre: {}\n", ids.error().message);
    return false;
  }
  if (ids->size() >= static_cast<size_t>(loaded_.session->context())) {
    fmt::print(stderr,
               "sobre: the conversation has {} tokens with this message, the context {} positions; /reset starts anew (--ctx "
               "takes at most {} with this model)\n",
               ids->size(), loaded_.session->context(), loaded_.model->spec().max_context);
    return false;
  }
  clear_interrupt();
  AnswerWriter writer;
  meter_.begin();
  const Result<AnswerReport> report =
      answerer_.answer(*ids, options_, [&](std::string_view piece) { writer.write(piece); }, interrupted);
  const std::string energy = meter_.end(report ? report->answer_tokens : 0);
  const bool cancelled = report && report->end == AnswerEnd::kCancelled;
  if (!writer.text().empty() || (report && !cancelled)) writer.finish();
  if (!report) {
    sobre::say("sobre: {}\n", report.error().message);
    return false;
  }
  if (cancelled && report->answer_tokens == 0) {
    note("(stopped before the answer began; the message is taken back)");
    return false;
  }
  if (cancelled) note("(stopped)");
  print_end(*report, *loaded_.session);
  if (flags_.stats || is_terminal(STDERR_FILENO)) print_report(*report, energy);
  if (loaded_.model->text().chat_template) messages_.push_back({"assistant", writer.text()});
  return true;
}

Result<void> chat(Loaded& loaded, AnswerOptions options, const RunFlags& flags) {
  return ChatLoop(loaded, std::move(options), flags).run();
}

}  // namespace sobre
