#include "cli/train.h"

#include <fmt/format.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>

#include "base/json.h"
#include "base/threads.h"
#include "cli/chat_interrupt.h"
#include "cli/metering.h"
#include "cli/names.h"
#include "cli/office_source.h"
#include "cli/processor.h"
#include "cli/terminal.h"
#include "learn/products.h"
#include "learn/replay.h"
#include "learn/training_run.h"

namespace sobre {

namespace {

namespace fs = std::filesystem;

// One line on stderr about where a run stands: redrawn on a terminal, else printed every half a minute.
class TrainingLine {
 public:
  TrainingLine() : terminal_(can_redraw(2)) {}
  ~TrainingLine() { wipe(); }
  TrainingLine(const TrainingLine&) = delete;
  TrainingLine& operator=(const TrainingLine&) = delete;

  void wipe() {
    if (shown_) say("\r\033[K");
    shown_ = false;
  }

  void update(const Trainer::Step& step, uint64_t total, std::optional<double> validation) {
    const auto now = std::chrono::steady_clock::now();
    const double since = std::chrono::duration<double>(now - last_).count();
    rate_ = rate_ == 0 ? step.seconds : 0.9 * rate_ + 0.1 * step.seconds;
    if (since < (terminal_ ? 0.1 : 30.0) && step.step != total) return;
    last_ = now;
    std::string line = fmt::format("step {}/{}  loss {:.4f}", step.step, total, step.loss);
    if (validation) line += fmt::format("  validation {:.4f}", *validation);
    line += fmt::format("  {} tokens/s  {:.0f} GFLOP/s  {} left",
                        count_text(static_cast<uint64_t>(static_cast<double>(step.tokens) / step.seconds)),
                        step.operations / step.seconds / 1e9, duration_text(rate_ * static_cast<double>(total - step.step)));
    if (terminal_)
      say("\r\033[K{}", line.substr(0, static_cast<size_t>(terminal_width(2) - 1)));
    else
      say("sobre: {}\n", line);
    shown_ = terminal_;
  }

 private:
  bool terminal_;
  bool shown_ = false;
  double rate_ = 0;  // seconds a step, lately
  std::chrono::steady_clock::time_point last_{};
};

Result<const Kernels*> kernels_of(const TrainFlags& flags) {
  if (!flags.isa) return &best_kernels();
  TRY(const Kernels* kernels, chosen_kernels(*flags.isa));
  limit_products(*flags.isa);
  return kernels;
}

Result<void> replay(const TrainFlags& flags) {
  const auto threads = std::make_shared<ThreadPool>(flags.threads);
  const auto report = [](const ReplayStep& step, const Parameters&) {
    Json line{Json::Object{}};
    line.set("step", step.step);
    line.set("loss", step.loss);
    line.set("grad_norm", step.grad_norm);
    fmt::print("{}\n", line.dump());
    std::fflush(stdout);
  };
  TRY(const Kernels* kernels, kernels_of(flags));
  TRY(const Parameters after, replay_training(flags.replay_folder, *kernels, threads, report));
  if (!flags.replay_out.empty()) TRY_VOID(after.write(flags.replay_out));
  return {};
}

// A path beside the recipe, else what the catalogue knows.
Result<std::string> resolve_init(const Recipe& recipe) {
  if (recipe.model.init == "random") return std::string();
  std::error_code error;
  std::string beside = (fs::path(recipe.folder) / recipe.model.init).string();
  if (fs::exists(beside, error)) return beside;
  return resolve_model(recipe.model.init);
}

// `energy`: of this start, empty when nothing can be said.
void print_report(const Recipe& recipe, const RunReport& r, const std::string& energy) {
  fmt::print("{}: {} parameters ({} trained), {} steps, {} tokens in {}\n", recipe.output.folder, count_text(r.parameters),
             count_text(r.trained), count_text(r.steps), count_text(r.tokens), duration_text(r.elapsed_s));
  const std::string validation = r.validation ? fmt::format(", validation loss {:.4f}", *r.validation) : "";
  fmt::print("last loss {:.4f}{}; {:.3g} operations, {:.1f} GFLOP/s\n", r.loss, validation, r.operations,
             r.operations / r.elapsed_s / 1e9);
  if (r.skipped > 0)
    fmt::print("{} of {} rows drawn were too long and skipped (data.max_tokens is {})\n", count_text(r.skipped),
               count_text(r.rows), recipe.data.max_tokens);
  if (!energy.empty()) fmt::print("{}\n", energy);
  if (!r.gguf.empty()) fmt::print("{}\n", r.gguf);
}

}  // namespace

Result<void> train_command(const TrainFlags& flags) {
  if (!flags.replay_folder.empty()) return replay(flags);
  // Whoever reads the progress may go (`| tee`, Ctrl-C): the run goes on, or ends with a checkpoint.
  std::signal(SIGPIPE, SIG_IGN);
  TRY(const Recipe recipe, load_recipe(flags.recipe));
  RunOptions options;
  TRY(options.init, resolve_init(recipe));
  options.processor = cpu_name();
  options.restart = flags.restart;
  TRY(options.kernels, kernels_of(flags));
  options.threads = std::make_shared<ThreadPool>(flags.threads);
  TrainingLine line;
  options.note = [&](const std::string& what) {
    line.wipe();
    say("sobre: {}\n", what);
  };
  options.office = open_office_source;
  // Until the first step there is nothing to lose: Ctrl-C ends the program.
  std::optional<InterruptScope> scope;
  options.began = [&] { scope.emplace(); };
  options.cancelled = [] { return interrupted(); };
  int64_t tokens = 0;
  options.progress = [&](const Trainer::Step& step, uint64_t total, double, std::optional<double> validation) {
    tokens += step.tokens;
    line.update(step, total, validation);
  };
  AnswerMeter meter;
  meter.begin();
  const Result<RunReport> ran = run_training(recipe, options);
  meter.stop();  // reading all of a model for its digest is no part of training it
  LedgerRow row;
  row.kind = "train";
  row.status = !ran ? "failed" : ran->finished ? "done" : "cancelled";
  row.model = recipe.output.folder;
  row.prompt_tokens = tokens;
  if (ran && ran->finished) {
    // What cannot be read costs the row its digest, not the run its report.
    if (const auto identity = model_identity(recipe.output.folder)) row.model_digest = *identity;
  }
  const std::string energy = meter.end_in_ledger(std::move(row));
  line.wipe();
  TRY(const RunReport report, ran);
  if (!report.finished) {
    return fail("stopped after step {} of {}, as asked; the same command{} goes on from there", report.steps, report.total,
                flags.restart ? " without --restart" : "");
  }
  print_report(recipe, report, energy);
  return {};
}

}  // namespace sobre
