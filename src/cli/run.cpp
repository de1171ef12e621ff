#include "cli/run.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/file.h"
#include "cli/chat.h"
#include "cli/chat_interrupt.h"
#include "cli/chat_settings.h"
#include "cli/chat_text.h"
#include "cli/metering.h"
#include "cli/names.h"
#include "cli/terminal.h"
#include "text/unicode.h"

namespace sobre {

namespace {

constexpr uint64_t kMaxInput = 16 << 20;
// Prompt tokens per step: Ctrl-C is heard between steps.
constexpr int kChunk = 64;
constexpr int kInterruptedStatus = 130;

/// All of standard input.
Result<std::string> read_input() {
  std::string text;
  char block[1 << 14];
  while (true) {
    const ssize_t n = ::read(STDIN_FILENO, block, sizeof block);
    if (n == 0) return text;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail("standard input: {}", std::strerror(errno));
    text.append(block, static_cast<size_t>(n));
    if (text.size() > kMaxInput) return fail("standard input: more than {} bytes", kMaxInput);
  }
}

/// What is to be answered once: the prompt, the piped text, or both. Nothing: a conversation.
Result<std::optional<std::string>> one_prompt(const RunFlags& flags) {
  std::string text;
  const bool piped = !is_terminal(STDIN_FILENO);
  if (piped) {
    TRY(text, read_input());
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  }
  if (!piped && !flags.prompt) return std::optional<std::string>();
  std::string prompt = flags.prompt.value_or("");
  if (!prompt.empty() && !text.empty()) prompt += "\n\n";
  prompt += text;
  if (trimmed(prompt).empty()) {
    return fail("nothing to answer: {}", flags.prompt ? "the prompt is empty" : "standard input is empty; give a PROMPT");
  }
  return std::optional(repair_utf8(prompt));
}

/// Bytes of this process in memory.
uint64_t resident_bytes() {
  const Result<std::string> text = [] {
    std::FILE* file = std::fopen("/proc/self/statm", "re");
    if (file == nullptr) return Result<std::string>(fail("no /proc"));
    char line[128] = {};
    const size_t n = std::fread(line, 1, sizeof line - 1, file);
    std::fclose(file);
    return Result<std::string>(std::string(line, n));
  }();
  unsigned long long total = 0, resident = 0;
  if (!text || std::sscanf(text->c_str(), "%llu %llu", &total, &resident) != 2) return 0;
  return resident * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::string rate(int tokens, double seconds) {
  if (tokens == 0 || seconds <= 0) return "";
  return fmt::format(", {:.3g} tokens/s", tokens / seconds);
}

Result<int> answer_once(const RunFlags& flags, const std::string& prompt, Loaded& loaded, const AnswerOptions& options) {
  const TextAssets& text = loaded.model->text();
  std::vector<int32_t> ids;
  if (text.chat_template) {
    std::vector<ChatMessage> messages;
    if (flags.system) messages.push_back({"system", repair_utf8(*flags.system)});
    messages.push_back({"user", prompt});
    TRY(ids, conversation_ids(text, messages, local_now()));
  } else {
    if (is_terminal(STDERR_FILENO)) say("{}\n", dim("(a base model: it continues the text)", STDERR_FILENO));
    TRY(ids, completion_ids(text, prompt));
  }
  Answerer answerer(*loaded.session);
  AnswerWriter writer;
  AnswerMeter meter;
  meter.begin();
  TRY(const AnswerReport report,
      answerer.answer(ids, options, [&](std::string_view piece) { writer.write(piece); }, interrupted));
  const std::string energy = meter.end(report.answer_tokens);
  writer.finish();
  print_end(report, *loaded.session);
  if (flags.stats || is_terminal(STDERR_FILENO)) print_report(report, energy);
  return report.end == AnswerEnd::kCancelled ? kInterruptedStatus : 0;
}

Result<int> run(RunFlags flags) {
  if (flags.model.model.empty()) {
    TRY(flags.model.model, default_model());
  }
  TRY(const std::optional<std::string> prompt, one_prompt(flags));
  TRY(Loaded loaded, load_model(flags.model, kChunk));
  const InterruptScope scope;  // until here, Ctrl-C ends the program
  const TextAssets& text = loaded.model->text();
  if (!text.tokenizer) {
    return fail("{} carries no tokenizer: it cannot read text (sobre generate takes ids)", loaded.model->path());
  }
  if (flags.system && !text.chat_template) {
    return fail("--system needs a chat template, which {} does not have: it is a base model", loaded.model->path());
  }
  // Flags count more than what the model recommends.
  AnswerOptions chosen;
  chosen.sampling = starting_sampling(recommended_sampling(flags.model.model), text.generation_defaults);
  for (const auto& [name, value] : flags.settings) TRY_VOID(set_option(chosen, name, value));
  TRY_VOID(check_sampling(chosen.sampling, loaded.model->spec().vocab_size));
  if (prompt) return answer_once(flags, *prompt, loaded, chosen);
  TRY_VOID(chat(loaded, std::move(chosen), flags));
  return 0;
}

}  // namespace

AnswerWriter::AnswerWriter() : terminal_(is_terminal(STDOUT_FILENO)) {}

void AnswerWriter::write(std::string_view piece) {
  text_ += piece;
  const std::string safe = terminal_ ? terminal_safe(piece) : std::string(piece);
  std::fwrite(safe.data(), 1, safe.size(), stdout);
  std::fflush(stdout);
}

void AnswerWriter::finish() {
  if (!text_.ends_with('\n')) std::fputc('\n', stdout);
  std::fflush(stdout);
}

void print_report(const AnswerReport& r, const std::string& energy) {
  const int read = r.prompt_tokens - r.reused_tokens;
  std::string line = fmt::format("prompt {} tokens", r.prompt_tokens);
  if (r.reused_tokens > 0) line += fmt::format(" ({} new)", read);
  line += rate(read, r.prompt_s);
  line += fmt::format("; answer {} tokens{}; memory {}", r.answer_tokens, rate(r.answer_tokens, r.answer_s),
                      bytes_text(resident_bytes()));
  if (!energy.empty()) line += "; energy " + energy;
  say("{}\n", dim(line, STDERR_FILENO));
}

void print_end(const AnswerReport& report, const Session& session) {
  if (report.end == AnswerEnd::kContextFull) {
    say("sobre: the answer was cut: the context's {} positions are full (--ctx, at most {} for this model)\n",
        session.context(), session.model().spec().max_context);
  } else if (report.end == AnswerEnd::kMaxTokens && is_terminal(STDERR_FILENO)) {
    say("{}\n", dim(fmt::format("(cut after {} tokens, as asked)", report.answer_tokens), STDERR_FILENO));
  }
}

int run_command(const RunFlags& flags) {
  const Result<int> status = run(flags);
  if (status) return *status;
  std::fflush(stdout);
  say("sobre: {}\n", status.error().message);
  return 1;
}

}  // namespace sobre
