#include "engine/scheduler.h"

#include <algorithm>

#include "engine/memory.h"
#include "engine/scheduler_impl.h"
#include "engine/session.h"

namespace sobre {

namespace {

constexpr int kMaxBatchTokens = 512;
constexpr uint64_t kDefaultCacheBytes = uint64_t{1} << 30;
constexpr int kMaxTopLogprobs = 20;
constexpr double kDrainPoll_s = 0.05;

// What a queue of this length will take, from what the last answers took: between 1 and 60 s.
int retry_after(const SchedulerStats& stats, size_t queued, int max_active) {
  const double per_token = stats.answer_tokens == 0 ? 0.01 : stats.step_seconds / static_cast<double>(stats.answer_tokens);
  const double wait = per_token * 64 * static_cast<double>(queued) / std::max(1, max_active);
  return std::clamp(static_cast<int>(wait) + 1, 1, 60);
}

std::unexpected<Rejection> reject(Rejection::Kind kind, std::string message, int retry_after_s = 0) {
  return std::unexpected(Rejection{kind, std::move(message), retry_after_s});
}

Result<int> pages_of_cache(const DecoderSpec& spec, const SchedulerOptions& options, int context, uint64_t work_bytes) {
  const uint64_t page = kv_page_bytes(spec, options.kv);
  // One page more than an answer of full length takes: a prefix may be copied while the rest is in use.
  const auto least = static_cast<uint64_t>(pages_for(context)) + 1;
  uint64_t bytes = options.cache_bytes;
  const std::optional<uint64_t> have = available_memory();
  if (bytes == 0) {
    bytes = std::max(kDefaultCacheBytes, 2 * least * page);
    if (have) bytes = std::min(bytes, *have / 2);
  }
  const uint64_t pages = std::clamp<uint64_t>(bytes / page, least, 1 << 20);
  if (have && pages * page + work_bytes > *have) {
    return fail("a context of {} positions needs {} MiB of memory, {} MiB are available; lower the context or use --kv q8",
                context, (pages * page + work_bytes) >> 20, *have >> 20);
  }
  return static_cast<int>(pages);
}

}  // namespace

Scheduler::Scheduler(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<Scheduler>> Scheduler::create(std::shared_ptr<const Model> model, const SchedulerOptions& options) {
  const DecoderSpec& spec = model->spec();
  auto impl = std::make_unique<Impl>();
  impl->options = options;
  impl->options.max_active = std::clamp(options.max_active, 1, kMaxBatchTokens / 2);
  impl->context = context_or_default(spec, options.context);
  if (impl->context > spec.max_context) {
    return fail("a context of {} positions is outside 1..{}, the limit of {}", impl->context, spec.max_context, model->path());
  }
  if (!model->text().tokenizer) return fail("{} carries no tokenizer: it cannot answer in text", model->path());
  impl->threads = std::make_shared<ThreadPool>(options.threads);
  const int max_tokens = std::min(kMaxBatchTokens, std::max(impl->context, impl->options.max_active));
  const uint64_t work = Forward::work_bytes(spec, impl->threads->size(), max_tokens, impl->options.max_active);
  TRY(const int pages, pages_of_cache(spec, options, impl->context, work));
  TRY(impl->cache, PrefixCache::create(spec, options.kv, pages));
  TRY(impl->forward, Forward::create(model, impl->threads, max_tokens, impl->options.max_active, pages_for(impl->context)));
  impl->pace = std::make_unique<StepPace>(spec, max_tokens, options.max_step_ms / 1e3);
  impl->model = std::move(model);
  impl->stats.cache_bytes = static_cast<uint64_t>(pages) * impl->cache.pool().page_bytes();
  impl->batch.reserve(static_cast<size_t>(max_tokens));
  impl->thread = std::thread([engine = impl.get()] { engine->run(); });
  return std::unique_ptr<Scheduler>(new Scheduler(std::move(impl)));
}

Scheduler::~Scheduler() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopping = impl_->cancel_all = impl_->quit = true;
  }
  impl_->work.notify_all();
  if (impl_->thread.joinable()) impl_->thread.join();
}

std::expected<std::vector<uint64_t>, Rejection> Scheduler::submit(GenerationRequest request,
                                                                  std::vector<GenerationSink> sinks) {
  using Kind = Rejection::Kind;
  Impl& s = *impl_;
  const DecoderSpec& spec = s.model->spec();
  if (request.prompt.empty()) return reject(Kind::kInvalid, "the prompt is empty");
  if (sinks.empty() || sinks.size() > static_cast<size_t>(s.options.max_active))
    return reject(Kind::kInvalid, fmt::format("{} answers at once; allowed are 1 to {}", sinks.size(), s.options.max_active));
  if (request.prompt.size() >= static_cast<size_t>(s.context)) {
    return reject(Kind::kTooLong,
                  fmt::format("the prompt has {} tokens, and the context of {} positions must hold the answer too; shorten it",
                              request.prompt.size(), s.context));
  }
  for (const int32_t id : request.prompt) {
    if (id < 0 || id >= spec.vocab_size)
      return reject(Kind::kInvalid,
                    fmt::format("the token id {} is outside the vocabulary of {} entries", id, spec.vocab_size));
  }
  if (const auto good = check_sampling(request.sampling, spec.vocab_size); !good)
    return reject(Kind::kInvalid, good.error().message);
  if (const auto good = check_stops(request.stops); !good) return reject(Kind::kInvalid, good.error().message);
  if (request.max_tokens < 0 || request.top_logprobs < -1 || request.top_logprobs > kMaxTopLogprobs)
    return reject(Kind::kInvalid, fmt::format("max_tokens {} or top_logprobs {} is out of range (0 up; -1 to {})",
                                              request.max_tokens, request.top_logprobs, kMaxTopLogprobs));
  if (request.ignore_eos) {
    for (const int32_t id : s.model->text().stop_ids) {
      if (id < spec.vocab_size) request.sampling.banned.push_back(id);
    }
  }
  if (request.grammar) {
    std::string fault = begin_fault(request, token_index());
    if (!fault.empty()) return reject(Kind::kUnwritable, std::move(fault));
  }
  const auto shared = std::make_shared<const GenerationRequest>(std::move(request));
  std::unique_ptr<Answer> leader;
  std::vector<uint64_t> ids;
  {
    const std::lock_guard lock(s.mutex);
    if (s.stopping) return reject(Kind::kStopping, "the server is stopping", 5);
    // Everything passes through the queue: what there are places for at once does not count as waiting.
    const auto places = static_cast<size_t>(std::max(0, s.options.max_active - s.busy));
    const auto limit = static_cast<size_t>(std::max(0, s.options.max_queued));
    // No scope alone may fill the queue for the others.
    const bool crowded = !shared->scope.empty() && s.queue.size(shared->scope) >= std::max<size_t>(1, limit * 3 / 4) + places;
    if (s.queue.size() >= limit + places || crowded) {
      return reject(Kind::kQueueFull, fmt::format("{} requests are waiting, as many as may; try again later", s.queue.size()),
                    retry_after(s.stats, s.queue.size(), s.options.max_active));
    }
    for (size_t i = 0; i < sinks.size(); ++i) {
      auto answer = std::make_unique<Answer>();
      answer->id = s.next_id++;
      answer->request = shared;
      answer->choice = static_cast<uint32_t>(i);
      answer->sink = std::move(sinks[i]);
      answer->submitted = SchedulerClock::now();
      ids.push_back(answer->id);
      if (leader) {
        leader->siblings.push_back(std::move(answer));
      } else {
        leader = std::move(answer);
      }
    }
    s.queue.push(shared->scope, std::move(leader));
    s.stats.queued = static_cast<int>(s.queue.size());
  }
  s.work.notify_one();
  return ids;
}

void Scheduler::cancel(uint64_t id) {
  {
    const std::lock_guard lock(impl_->mutex);
    if (id == 0 || id >= impl_->next_id) return;
    if (impl_->busy == 0 && impl_->queue.size() == 0) return;
    impl_->cancelled.insert(id);
  }
  impl_->work.notify_one();
}

bool Scheduler::drain(double seconds) {
  Impl& s = *impl_;
  const auto until = SchedulerClock::now() + std::chrono::duration_cast<SchedulerClock::duration>(
                                                 std::chrono::duration<double>(std::max(0.0, seconds)));
  std::unique_lock lock(s.mutex);
  s.stopping = true;
  const auto empty = [&] { return s.busy == 0 && s.queue.size() == 0; };
  bool whole = true;
  while (!empty()) {
    if (SchedulerClock::now() >= until) {
      whole = false;
      s.cancel_all = true;
      s.work.notify_one();
      s.idle.wait(lock, empty);
      break;
    }
    s.idle.wait_for(lock, std::chrono::duration<double>(kDrainPoll_s), empty);
  }
  return whole;
}

SchedulerStats Scheduler::stats() const {
  const std::lock_guard lock(impl_->mutex);
  SchedulerStats stats = impl_->stats;
  stats.queued = static_cast<int>(impl_->queue.size());
  return stats;
}

const Model& Scheduler::model() const { return *impl_->model; }

const std::shared_ptr<const TokenIndex>& Scheduler::token_index() const {
  std::call_once(impl_->index_once, [&] {
    const TextAssets& text = impl_->model->text();
    impl_->index = TokenIndex::build(*text.tokenizer, text.stop_ids, impl_->model->spec().vocab_size);
  });
  return impl_->index;
}

int Scheduler::context() const { return impl_->context; }

}  // namespace sobre
