#include "serve/request_job.h"

#include <fmt/format.h>

#include <ctime>

#include "engine/chat.h"

namespace sobre {

namespace {

constexpr int kClientLeft = 499;  // as proxies log it; never sent
constexpr const char* kUnwritable = "unwritable_form";

ApiError error_of(const Rejection& rejection) {
  ApiError error;
  error.message = rejection.message;
  error.retry_after_s = rejection.retry_after_s;
  switch (rejection.kind) {
    case Rejection::Kind::kQueueFull:
      error.status = 429;
      error.code = "queue_full";
      break;
    case Rejection::Kind::kStopping:
      error.status = 503;
      error.code = "stopping";
      break;
    case Rejection::Kind::kTooLong:
      error.code = "context_length_exceeded";
      break;
    case Rejection::Kind::kUnwritable:
      error.code = kUnwritable;
      break;
    case Rejection::Kind::kInvalid:
      break;
  }
  return error;
}

ApiError error_of(const GenerationReport& report) {
  if (report.end == GenerationEnd::kDeadEnd) return bad_request(report.error, "", kUnwritable);
  ApiError error;
  const bool stopping = report.end == GenerationEnd::kCancelled;
  error.status = stopping ? 503 : 500;
  error.message = stopping ? "the server is stopping: the answer was cut off" : "the answer failed: " + report.error;
  error.code = stopping ? "stopping" : "generation_failed";
  if (stopping) error.retry_after_s = 5;
  return error;
}

// How answers were drawn, for a ledger from which they can be drawn again.
std::string sampling_json(const SamplingOptions& s) {
  Json::Object out{{"temperature", s.temperature}, {"top_k", s.top_k}, {"top_p", s.top_p}, {"min_p", s.min_p}};
  if (s.repetition_penalty != 1) out.emplace_back("repetition_penalty", s.repetition_penalty);
  if (s.repetition_penalty != 1) out.emplace_back("penalty_window", s.penalty_window);
  if (s.presence_penalty != 0) out.emplace_back("presence_penalty", s.presence_penalty);
  if (s.frequency_penalty != 0) out.emplace_back("frequency_penalty", s.frequency_penalty);
  Json::Object biases;
  for (const auto& [id, bias] : s.logit_bias) biases.emplace_back(std::to_string(id), static_cast<double>(bias));
  if (!biases.empty()) out.emplace_back("logit_bias", std::move(biases));
  return Json(std::move(out)).dump();
}

}  // namespace

RequestJob::RequestJob(std::shared_ptr<ApiCore> core, Kind kind, std::string scope, HttpRequest&& request,
                       std::shared_ptr<HttpReply> reply)
    : core_(std::move(core)),
      kind_(kind),
      scope_(std::move(scope)),
      id_(ApiCore::new_id(kind == Kind::kChat ? "chatcmpl-" : "cmpl-")),
      body_(std::move(request.body)),
      body_held_(std::move(request.body_held)),
      reply_(std::move(reply)),
      last_write_(started_) {
  ++core_->in_progress;
}

RequestJob::~RequestJob() { --core_->in_progress; }

std::string_view RequestJob::route() const { return kind_ == Kind::kChat ? "/v1/chat/completions" : "/v1/completions"; }

const CommonRequest& RequestJob::common() const {
  if (const auto* chat = std::get_if<ChatRequest>(&request_)) return *chat;
  return std::get<CompletionRequest>(request_);
}

void RequestJob::start() {
  reply_->on_abort([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->client_left();
  });
  const auto limit = static_cast<size_t>(core_->options.limits.max_waiting);
  if (!core_->readers.try_post([self = shared_from_this()] { self->read(); }, limit)) fail(too_many_waiting());
}

void RequestJob::read() {
  if (done()) return;
  const ApiLimits& limits = core_->options.limits;
  ApiResult<Json> body = parse_body(body_, limits, kind_ == Kind::kCompletion);
  if (!keeps_text()) body_ = {};
  if (!body) return fail(body.error());
  if (kind_ == Kind::kChat) {
    ApiResult<ChatRequest> request = parse_chat_request(*body, limits);
    if (!request) return fail(request.error());
    request_ = std::move(*request);
  } else {
    ApiResult<CompletionRequest> request = parse_completion_request(*body, limits);
    if (!request) return fail(request.error());
    request_ = std::move(*request);
  }
  if (core_->options.accounting != nullptr && !core_->options.accounting->accepting()) return fail(ledger_blocked(*core_));
  const ApiResult<const ServedModel*> served = core_->find_model(common().model);
  if (!served) return fail(served.error());
  // Before anything is waited for: a stream that waits is begun, and can tell of faults in events alone.
  const auto compile = [this](auto& request) { return compile_form(request, core_->grammars); };
  if (const ApiResult<void> compiled = std::visit(compile, request_); !compiled) return fail(compiled.error());
  {
    const std::lock_guard lock(mutex_);
    served_ = *served;
    metrics_ = core_->metrics.model(served_->name);
    stream_ = common().stream;
  }
  if (common().stream) {
    const std::lock_guard lock(core_->mutex);
    core_->streams.push_back(weak_from_this());
  }
  const bool taken = core_->pool.acquire(
      served_, [self = shared_from_this()](auto loaded) { self->have_model(std::move(loaded)); },
      [weak = weak_from_this()] {
        const auto self = weak.lock();
        return !self || self->done();
      });
  if (!taken) fail(too_many_for_model(served_->name));
}

void RequestJob::have_model(Result<std::shared_ptr<LoadedModel>> loaded) {
  // Perhaps on a thread of the pool, which has other things to do.
  core_->readers.post([self = shared_from_this(), loaded = std::move(loaded)]() mutable {
    if (loaded) {
      self->prepare(std::move(*loaded));
    } else {
      self->fail(model_failed(self->served_->name, loaded.error().message));
    }
  });
}

AnswerHead RequestJob::head() const {
  return {id_, static_cast<int64_t>(std::time(nullptr)), served_->name, "sobre-" + core_->options.version};
}

AnswerForm RequestJob::form(size_t prompts) const {
  const CommonRequest& c = common();
  const auto n = static_cast<size_t>(c.n);
  return {c.stream, c.include_usage, prompts * n, n, c.top_logprobs};
}

void RequestJob::fill_request(const SamplingOptions& sampling, const PromptGrammar& grammar) {
  const CommonRequest& c = common();
  generation_.scope = scope_;
  generation_.sampling = sampling;
  generation_.stops = c.stops;
  generation_.max_tokens = c.max_tokens.value_or(core_->options.default_max_tokens);
  generation_.ignore_eos = c.ignore_eos;
  generation_.reuse_prefix = c.reuse_prefix;
  generation_.top_logprobs = c.top_logprobs;
  generation_.grammar = grammar.grammar;
  generation_.grammar_start = grammar.start;
}

ApiResult<void> RequestJob::prepare_chat_request(const PromptModel& model) {
  auto prompt = prepare_chat(std::get<ChatRequest>(request_), model, core_->grammars, local_now(), ApiCore::new_seed());
  if (!prompt) return std::unexpected(prompt.error());
  fill_request(prompt->sampling, prompt->grammar);
  generation_.stops_in_grammar = !prompt->reader.obeyed;  // they are of the content, not of calls
  generation_.special_text = prompt->special_text;
  answer_ = make_chat_answer(head(), form(1), model.text, *prompt);
  prompts_.push_back(std::move(prompt->ids));
  return {};
}

ApiResult<void> RequestJob::prepare_completion_request(const PromptModel& model) {
  auto prompt = prepare_completion(std::get<CompletionRequest>(request_), model, ApiCore::new_seed());
  if (!prompt) return std::unexpected(prompt.error());
  fill_request(prompt->sampling, prompt->grammar);
  answer_ = make_completion_answer(head(), form(prompt->ids.size()), model.text, std::move(prompt->echo));
  prompts_ = std::move(prompt->ids);
  return {};
}

void RequestJob::prepare(std::shared_ptr<LoadedModel> loaded) {
  if (done()) return;
  const Model& model = *loaded->model;
  const PromptModel prompt_model{served_->name, model.text(), served_->sampling, model.spec().vocab_size,
                                 loaded->scheduler->context()};
  const ApiResult<void> prepared =
      kind_ == Kind::kChat ? prepare_chat_request(prompt_model) : prepare_completion_request(prompt_model);
  if (!prepared) return fail(prepared.error());
  drop_input();
  {
    const std::lock_guard lock(mutex_);
    loaded_ = std::move(loaded);
    left_ = 1;
    latest_.resize(prompts_.size() * static_cast<size_t>(common().n));
    if (core_->options.accounting != nullptr) {
      account_ = core_->options.accounting->begin();
      generation_.tag = account_;
      row_.emplace();
      row_->model_digest = loaded_->digest;
      if (keeps_text()) kept_.resize(latest_.size());
    }
  }
  submit();
}

// What the prompt was made of; an answer may run for long.
void RequestJob::drop_input() {
  if (auto* chat = std::get_if<ChatRequest>(&request_)) {
    chat->messages = chat->tools = Json();
    chat->callable = {};
    chat->template_variables = {};
    chat->format.reset();
  } else {
    auto& completion = std::get<CompletionRequest>(request_);
    completion.prompts = {};
    completion.format.reset();
  }
  if (body_.empty()) body_held_.reset();
}

void RequestJob::submit() {
  Scheduler& scheduler = *loaded_->scheduler;  // held as long as left_ is more than 0
  const auto n = static_cast<size_t>(common().n);
  for (size_t p = 0; p < prompts_.size() && !done(); ++p) {
    if (draws_nothing()) {
      // Nothing is to be drawn.
      GenerationReport report;
      report.end = GenerationEnd::kMaxTokens;
      report.prompt_tokens = static_cast<int>(prompts_[p].size());
      {
        const std::lock_guard lock(mutex_);
        left_ += static_cast<int>(n);
      }
      for (size_t i = 0; i < n; ++i) end(p * n + i, GenerationReport(report));
    } else if (!submit_prompt(scheduler, p)) {
      break;
    }
  }
  // The client may have left between.
  if (done()) cancel_all();
  settle(1);
}

bool RequestJob::submit_prompt(Scheduler& scheduler, size_t prompt) {
  const int n = common().n;
  std::vector<GenerationSink> sinks;
  for (int i = 0; i < n; ++i) {
    const size_t answer = prompt * static_cast<size_t>(n) + static_cast<size_t>(i);
    sinks.push_back({[self = shared_from_this(), answer](auto&& tokens) { self->take(answer, std::move(tokens)); },
                     [self = shared_from_this(), answer](auto&& report) { self->end(answer, std::move(report)); }});
  }
  {
    const std::lock_guard lock(mutex_);
    left_ += n;
  }
  GenerationRequest request = generation_;
  request.prompt = std::move(prompts_[prompt]);
  const auto ids = scheduler.submit(std::move(request), std::move(sinks));
  if (!ids) {
    {
      const std::lock_guard lock(mutex_);
      if (row_) row_->status = "failed";
    }
    fail(error_of(ids.error()));
    settle(n);
    return false;
  }
  const std::lock_guard lock(mutex_);
  ids_.insert(ids_.end(), ids->begin(), ids->end());
  return true;
}

void RequestJob::take(size_t answer, std::vector<GenerationToken>&& tokens) {
  {
    const std::lock_guard lock(mutex_);
    if (answer < kept_.size()) {
      for (const GenerationToken& token : tokens) kept_[answer] += token.text;
    }
    if (done_) return;
    const auto now = Clock::now();
    if (latest_[answer] != Clock::time_point() && metrics_ != nullptr) {
      core_->metrics.inter_token(*metrics_, std::chrono::duration<double>(now - latest_[answer]).count());
    }
    latest_[answer] = now;
    std::string out;
    answer_->take(answer, tokens, out);
    if (!stream_) return;
    write_locked(std::move(out));
    if (!done_) return;
  }
  cancel_all();  // the reader was too slow
}

void RequestJob::end(size_t answer, GenerationReport&& report) {
  const bool well =
      report.end != GenerationEnd::kFailed && report.end != GenerationEnd::kDeadEnd && report.end != GenerationEnd::kCancelled;
  bool cut = false;
  {
    const std::lock_guard lock(mutex_);
    if (metrics_ != nullptr) {
      core_->metrics.answer(*metrics_, report, answer % static_cast<size_t>(common().n) == 0);
    }
    note_answer(answer, report);
    if (++ended_ == latest_.size()) close_account();
    if (!done_ && well) {
      std::string out;
      answer_->end(answer, report, out);
      if (stream_ && draws_nothing()) {
        echoes_ += out;
      } else if (stream_) {
        write_locked(std::move(out));
      }
    } else if (!done_) {
      fail_locked(error_of(report));
    }
    cut = done_;
  }
  if (cut) cancel_all();
  settle(1);
}

// Some answers have ended. With the last one the request is over.
void RequestJob::settle(int answers) {
  {
    const std::lock_guard lock(mutex_);
    left_ -= answers;
    if (left_ > 0) return;
    // A client that left between.
    if (row_ && ended_ < latest_.size() && row_->status == "done") row_->status = "cancelled";
    close_account();  // where not all answers were begun
    if (failure_) {
      failure_->impact = std::move(impact_);
      send_failure_locked(*failure_);
    } else if (stream_ && !done_) {
      std::string out = std::move(echoes_);
      answer_->finish(out);
      write_locked(std::move(out));
      if (!done_) {
        count_locked(200);  // before the client can ask for it
        reply_->end();
        done_ = true;
      }
    }
  }
  core_->finishers.post([self = shared_from_this()] { self->complete(); });
}

// Not on the engine thread: a body may be long, and the last holder of a model waits for that thread.
void RequestJob::complete() {
  std::shared_ptr<LoadedModel> released;
  const std::lock_guard lock(mutex_);
  if (!done_) {
    count_locked(200);
    reply_->send(200, "application/json", answer_->body());
    done_ = true;
  }
  answer_.reset();
  reply_.reset();
  record();
  std::swap(released, loaded_);
}

// What an answer adds to the account.
void RequestJob::note_answer(size_t answer, const GenerationReport& report) {
  if (!row_) return;
  if (answer % static_cast<size_t>(common().n) == 0) {
    row_->prompt_tokens += report.prompt_tokens;
    row_->cached_tokens += report.cached_tokens;
  }
  row_->answer_tokens += report.answer_tokens;
  if (answer < kept_.size()) kept_[answer] += report.rest;
  queue_s_ = std::max(queue_s_, report.queue_s);
  prompt_s_ = std::max(prompt_s_, report.prompt_s);
  decode_s_ = std::max(decode_s_, report.decode_s);
  if (report.end == GenerationEnd::kFailed || report.end == GenerationEnd::kDeadEnd) row_->status = "failed";
  if (report.end == GenerationEnd::kCancelled && row_->status == "done") row_->status = "cancelled";
}

bool RequestJob::keeps_text() const {
  return core_->options.accounting != nullptr && core_->options.accounting->options().keep_text;
}

void RequestJob::close_account() {
  if (account_ == 0) return;
  const double total_s = std::chrono::duration<double>(Clock::now() - started_).count();
  const Impact impact = core_->options.accounting->end(std::exchange(account_, 0), loaded_->number, Accounting::Kind::kAnswer,
                                                       ImpactTimes::from_seconds(queue_s_, prompt_s_, decode_s_, total_s));
  row_->set_impact(impact);
  append_impact(impact_, impact);
  answer_->set_impact(std::string(impact_));
}

// The request's row of the ledger; with the mutex held, after everything was sent.
void RequestJob::record() {
  if (!row_ || account_ != 0) return;
  row_->request = id_;
  row_->key = scope_;
  row_->model = served_->name;
  row_->seed = generation_.sampling.seed;
  row_->sampling = sampling_json(generation_.sampling);
  if (!kept_.empty()) {
    row_->prompt = std::move(body_);
    row_->answer = kept_.size() == 1 ? std::move(kept_[0]) : Json(Json::Array(kept_.begin(), kept_.end())).dump();
  }
  core_->options.accounting->record(std::move(*row_));
  row_.reset();
}

void RequestJob::write_locked(std::string&& text) {
  if (text.empty()) return;
  if (!begun_) {
    begun_ = true;
    reply_->begin(200, "text/event-stream; charset=utf-8", {{"cache-control", "no-cache"}, {"x-accel-buffering", "no"}});
  }
  reply_->write(std::move(text));
  last_write_ = Clock::now();
  if (draws_nothing() || reply_->backlog_bytes() <= core_->options.limits.max_backlog_bytes) return;
  // Its connection is cut, so that the client sees that the answer is not whole.
  done_ = true;
  count_locked(kClientLeft);
  reply_.reset();
}

void RequestJob::fail_locked(const ApiError& error) {
  if (done_) return;
  done_ = true;
  count_locked(error.status);
  if (row_) {
    // Its other answers still run: what it cost is known when all have ended.
    failure_ = error;
  } else {
    send_failure_locked(error);
  }
}

void RequestJob::send_failure_locked(const ApiError& error) {
  if (begun_) {
    reply_->write("data: " + error_json(error) + "\n\n");
    reply_->end();
  } else {
    send_error(*reply_, error);
  }
}

void RequestJob::count_locked(int status) {
  core_->metrics.request(route(), served_ == nullptr ? "" : served_->name, status);
  if (metrics_ != nullptr && status == 200) {
    core_->metrics.request_time(*metrics_, std::chrono::duration<double>(Clock::now() - started_).count());
  }
}

void RequestJob::fail(const ApiError& error) {
  {
    const std::lock_guard lock(mutex_);
    fail_locked(error);
  }
  cancel_all();
}

void RequestJob::client_left() {
  {
    const std::lock_guard lock(mutex_);
    if (done_) return;
    done_ = true;
    count_locked(kClientLeft);
  }
  cancel_all();
}

void RequestJob::cancel_all() {
  std::shared_ptr<LoadedModel> loaded;
  std::vector<uint64_t> ids;
  {
    const std::lock_guard lock(mutex_);
    loaded = loaded_;
    ids.swap(ids_);
  }
  if (!loaded) return;
  for (const uint64_t id : ids) loaded->scheduler->cancel(id);
  // Should this be the last holder, the model must not go on the engine thread.
  core_->finishers.post([loaded = std::move(loaded)] {});
}

bool RequestJob::done() {
  const std::lock_guard lock(mutex_);
  return done_;
}

void RequestJob::tick(Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  if (!stream_ || done_ || std::chrono::duration<double>(now - last_write_).count() < core_->options.ping_s) return;
  write_locked(": ping\n\n");
}

}  // namespace sobre
