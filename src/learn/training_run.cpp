#include "learn/training_run.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/file.h"
#include "digest/sha256.h"
#include "engine/memory.h"
#include "learn/curves.h"
#include "learn/muon.h"
#include "learn/products.h"
#include "learn/train_log.h"
#include "learn/training_state.h"

namespace sobre {

namespace fs = std::filesystem;

namespace {

// As many are read before one can tell that something takes time.
constexpr uint64_t kManyRows = 20'000;

bool exists(const std::string& path) {
  std::error_code error;
  return fs::exists(path, error);
}

class Run {
 public:
  Run(const Recipe& recipe, const RunOptions& options)
      : recipe_(recipe),
        options_(options),
        folder_(recipe.output.folder + "/training"),
        checkpoint_(folder_ + "/checkpoint.safetensors"),
        environment_(fmt::format("{} threads, {}, {}, {}", options.threads->size(), isa_name(options.kernels->isa),
                                 products_library(product_type(recipe.training.products)), options.processor)) {}

  Result<RunReport> go() {
    TRY_VOID(open());
    const Result<bool> finished = train();
    const Result<void> drawn = draw_curves();  // also of a run that failed, whose own error comes first
    if (!finished) return std::unexpected(finished.error());
    TRY_VOID(drawn);
    if (!*finished) return report_;
    // What was learned outlives whatever goes wrong with the model's files. Where there is room for these alone, they are
    // enough.
    const Result<void> kept = saved_step_ == state_.step ? Result<void>() : save();
    auto written = write_trained_model(recipe_.output.folder, model_, *parameters_, recipe_.output.gguf);
    if (!written && !kept) return fail("{}; nor could a checkpoint be kept: {}", written.error().message, kept.error().message);
    TRY(report_.gguf, std::move(written));
    std::error_code error;
    fs::remove(checkpoint_, error);  // the model is there now
    report_.finished = true;
    return report_;
  }

 private:
  void note(const std::string& line) const {
    if (options_.note) options_.note(line);
  }

  Result<void> open() {
    if (recipe_.training.products == ProductChoice::kBf16 && !has_bf16_products())
      return fail(
          "{}: training.products is \"bf16\", which needs AVX-512 BF16 in the processor, in its oneDNN and in the instruction "
          "set asked for; \"auto\" takes f32 there",
          recipe_.file);
    TRY_VOID(look_at_folder());
    TRY(model_, open_trained_model(recipe_, options_.init));
    TRY_VOID(check_length());
    digest_ = digest_of_run();
    if (resuming_) TRY_VOID(check_it_is_this_run());
    TRY(const uint64_t needed, training_memory(recipe_, model_, options_.threads->size()));
    const std::optional<uint64_t> available = available_memory();
    if (available && needed > *available)
      return fail(
          "{}: the run needs {:.1f} GB of memory, {:.1f} GB are available; make micro_tokens smaller, or train fewer layers",
          recipe_.file, static_cast<double>(needed) / 1e9, static_cast<double>(*available) / 1e9);
    TRY_VOID(open_parameters());
    std::optional<FeedState> feed_state;
    if (resuming_) feed_state = state_.feed;
    TRY(Feed feed, open_feed(recipe_, model_.text, options_.office, feed_state));
    feed_.emplace(std::move(feed));
    if (recipe_.training.epochs > 0 && feed_->epoch_rows() > kManyRows)
      note(fmt::format("all {} rows are read once, to count the steps of an epoch", feed_->epoch_rows()));
    TRY(report_.total, total_steps(recipe_.training, *feed_));
    TRY(trainer_, Trainer::create(model_.plan.spec, *parameters_, *feed_, recipe_.training, report_.total, *options_.kernels,
                                  options_.threads));
    if (feed_->validation_rows() > 0) {
      TRY(validation_, feed_->validation(recipe_.training.micro_tokens, recipe_.training.evaluate_examples));
    }
    TRY(TrainLog log,
        resuming_ ? TrainLog::resume(folder_ + "/log.jsonl", state_.step) : TrainLog::create(folder_ + "/log.jsonl"));
    log_.emplace(std::move(log));
    // From here on the run is a new one.
    std::error_code error;
    if (options_.restart) fs::remove(checkpoint_, error);
    report_.parameters = parameters_->count();
    report_.trained = parameters_->trained_count();
    take_state();
    if (resuming_) take_last_losses();
    return {};
  }

  [[nodiscard]] Result<void> check_length() const {
    const int most = model_.plan.spec.max_context;
    if (most == 0 || recipe_.data.max_tokens <= most) return {};
    return fail("{}: data.max_tokens is {}; the model was made for at most {} positions", recipe_.file, recipe_.data.max_tokens,
                most);
  }

  // From the checkpoint, else from the beginning.
  Result<void> open_parameters() {
    if (!resuming_) {
      TRY(Parameters fresh, initial_parameters(recipe_, model_, options_.init, *options_.kernels, options_.threads->size()));
      parameters_.emplace(std::move(fresh));
      return {};
    }
    TRY(const Trainable parts, trainable_parts(recipe_.model.train, model_.plan.spec));
    TRY(Parameters kept, Parameters::create(model_.plan, parts));
    parameters_.emplace(std::move(kept));
    TRY(state_, read_training_state(checkpoint_, *parameters_));
    saved_step_ = state_.step;
    return {};
  }

  // Whether there is a run to go on with.
  Result<void> look_at_folder() {
    std::error_code error;
    const fs::path init = options_.init.empty() ? fs::path() : fs::absolute(options_.init);
    if (fs::equivalent(fs::is_directory(init, error) ? init : init.parent_path(), recipe_.output.folder, error))
      return fail("{}: output.folder is where the model is that training starts from; name another one", recipe_.output.folder);
    fs::create_directories(folder_, error);
    if (error) return fail("{}: the folder cannot be made: {}", folder_, error.message());
    if (options_.restart) return {};
    if (!exists(checkpoint_)) {
      if (exists(recipe_.output.folder + "/model.safetensors") ||
          exists(recipe_.output.folder + "/model.safetensors.index.json"))
        return fail("{}: a finished model is there; --restart trains it anew", recipe_.output.folder);
      return {};
    }
    resuming_ = true;
    return {};
  }

  // Whether the checkpoint is of the same recipe, model shape, tokenizer and template.
  Result<void> check_it_is_this_run() {
    TRY(const TrainingState state, peek_training_state(checkpoint_));
    if (state.run_digest != digest_)
      return fail(
          "{}: it is of another recipe (or of an earlier text of this one, its config, tokenizer or template); --restart "
          "begins "
          "anew",
          checkpoint_);
    if (state.environment != environment_)
      note(fmt::format("warning: the checkpoint was made with {}, this is {}: the run goes on, with other roundings",
                       state.environment, environment_));
    note(fmt::format("going on after step {}", state.step));
    return {};
  }

  // Of the recipe's text and of what is written beside the weights. Not of the data: a row that could not be read may be
  // mended.
  [[nodiscard]] std::string digest_of_run() const {
    std::string all = recipe_.text + '\0' + model_.config.dump();
    for (const auto& [file, text] : model_.files) all += fmt::format("{}{}{}", '\0', file, '\0') + text;
    return hex(sha256(all));
  }

  // What a run that ended but for its files has to report.
  void take_last_losses() {
    for (const TrainLogRow& row : log_->rows()) {
      if (row.validation)
        report_.validation = row.loss;
      else
        report_.loss = row.loss;
    }
  }

  void take_state() {
    report_.steps = state_.step;
    report_.tokens = state_.tokens;
    report_.elapsed_s = state_.elapsed_s;
    report_.rows = feed_->state().draws;
    report_.skipped = feed_->state().skipped;
    report_.operations = state_.operations;
  }

  Result<void> save() {
    state_.feed = feed_->state();
    state_.run_digest = digest_;
    state_.environment = environment_;
    TRY_VOID(write_training_state(checkpoint_, *parameters_, state_));
    last_save_ = now();
    saved_step_ = state_.step;
    (void)draw_curves();  // tried again at the end, where it is an error
    return {};
  }

  [[nodiscard]] static double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
  }

  // True: done to the end; false: cancelled, with a checkpoint.
  Result<bool> train() {
    if (options_.began) options_.began();
    const double began = now(), before = state_.elapsed_s;
    last_save_ = began;
    while (state_.step < report_.total) {
      TRY(const Trainer::Step step, trainer_->step(state_.step + 1));
      state_.step = step.step;
      state_.tokens += static_cast<uint64_t>(step.tokens);
      state_.operations += step.operations;
      state_.elapsed_s = before + now() - began;
      report_.loss = step.loss;
      TRY_VOID(log_->append({step.step, state_.tokens, state_.elapsed_s, false, step.loss, step.grad_norm, step.learning_rate,
                             static_cast<double>(step.tokens) / step.seconds}));
      const uint64_t every = recipe_.training.evaluate_every;
      if (step.step == report_.total || (every > 0 && step.step % every == 0)) TRY_VOID(validate());
      take_state();
      if (options_.progress) options_.progress(step, report_.total, state_.elapsed_s, report_.validation);
      const bool cancelled = options_.cancelled && options_.cancelled() && step.step < report_.total;
      if (cancelled || now() - last_save_ >= recipe_.training.checkpoint_every_s) TRY_VOID(save());
      if (cancelled) return false;
    }
    return true;
  }

  Result<void> validate() {
    if (validation_.empty()) return {};
    TRY(report_.validation, trainer_->evaluate(validation_));
    return log_->append({state_.step, state_.tokens, state_.elapsed_s, true, *report_.validation, 0, 0, 0});
  }

  Result<void> draw_curves() {
    const std::string title = fs::path(recipe_.file).filename().string();
    return write_text_file(folder_ + "/curves.svg", curves_svg(log_->rows(), title));
  }

  const Recipe& recipe_;
  const RunOptions& options_;
  const std::string folder_, checkpoint_, environment_;
  bool resuming_ = false;
  TrainedModel model_;
  std::optional<Parameters> parameters_;
  std::optional<Feed> feed_;
  std::unique_ptr<Trainer> trainer_;
  std::optional<TrainLog> log_;
  std::vector<TrainBatch> validation_;
  TrainingState state_;
  RunReport report_;
  std::string digest_;
  double last_save_ = 0;
  std::optional<uint64_t> saved_step_;
};

}  // namespace

Result<uint64_t> training_memory(const Recipe& recipe, const TrainedModel& model, int threads) {
  TRY(const Trainable parts, trainable_parts(recipe.model.train, model.plan.spec));
  const ProductType products = product_type(recipe.training.products);
  uint64_t bytes = Parameters::memory_bytes(model.plan, parts) +
                   Network::work_bytes(model.plan.spec, threads, recipe.training.micro_tokens, products);
  if (recipe.training.optimizer == OptimizerKind::kMuon)
    bytes += static_cast<uint64_t>(threads) * MuonScratch::most_bytes(model.plan.spec, products);
  if (recipe.model.init == "random") return bytes;
  // While it loads, the model it starts from is there as well, in f32; gradients and moments are not touched yet.
  const Trainable nothing = {false, false, false, std::vector<bool>(static_cast<size_t>(model.plan.spec.n_layers()))};
  return std::max(bytes, 2 * Parameters::memory_bytes(model.plan, nothing));
}

Result<RunReport> run_training(const Recipe& recipe, const RunOptions& options) { return Run(recipe, options).go(); }

}  // namespace sobre
