#include "engine/session.h"

#include <algorithm>
#include <vector>

#include "engine/memory.h"
#include "model/forward.h"

namespace sobre {

namespace {

constexpr int kDefaultChunk = 256;
constexpr int kAllLogitsChunk = 64;

int chunk_of(const SessionOptions& options, int context) {
  return std::min(options.chunk > 0 ? options.chunk : kDefaultChunk, context);
}

int logits_of(int chunk) { return std::min(chunk, kAllLogitsChunk); }

}  // namespace

struct Session::Impl {
  std::shared_ptr<const Model> model;
  std::shared_ptr<ThreadPool> threads;
  std::unique_ptr<Forward> forward;
  KvPool kv;
  std::vector<int> pages;
  std::vector<BatchToken> batch;
  int context = 0;
  int n_past = 0;
  int last_logits = -1;  // row of the last token's logits; -1: none

  Result<void> check(std::span<const int32_t> ids) const {
    const int vocab = model->spec().vocab_size;
    for (const int32_t id : ids) {
      if (id < 0 || id >= vocab) return fail("the token id {} is outside the vocabulary of {} entries", id, vocab);
    }
    if (ids.size() > static_cast<size_t>(context - n_past)) {
      return fail(
          "{} tokens do not fit: {} of the context's {} positions are used; shorten the prompt or raise --ctx (the model's "
          "limit is {})",
          ids.size(), n_past, context, model->spec().max_context);
    }
    return {};
  }

  // One step over ids that are known to fit.
  Result<void> step(std::span<const int32_t> ids, bool all_logits) {
    batch.clear();
    for (size_t i = 0; i < ids.size(); ++i)
      batch.push_back({ids[i], n_past + static_cast<int>(i), 0, all_logits || i + 1 == ids.size()});
    while (static_cast<int64_t>(pages.size()) * kPagePositions < n_past + static_cast<int64_t>(ids.size())) {
      const int page = kv.acquire();
      CHECK(page >= 0);
      pages.push_back(page);
    }
    last_logits = -1;
    const SequencePages sequence(pages);
    TRY_VOID(forward->step(batch, std::span(&sequence, 1), kv));
    n_past += static_cast<int>(ids.size());
    last_logits = all_logits ? static_cast<int>(ids.size()) - 1 : 0;
    return {};
  }
};

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Session::~Session() = default;

int context_or_default(const DecoderSpec& spec, int context) {
  constexpr int kDefaultContext = 8192;
  return context > 0 ? context : std::min(spec.max_context, kDefaultContext);
}

uint64_t session_bytes(const DecoderSpec& spec, const SessionOptions& options) {
  const int context = context_or_default(spec, options.context);
  const int chunk = chunk_of(options, context);
  const int threads = options.threads > 0 ? options.threads : usable_cpus();
  return kv_page_bytes(spec, options.kv) * static_cast<uint64_t>(pages_for(context)) +
         Forward::work_bytes(spec, threads, chunk, logits_of(chunk));
}

Result<std::unique_ptr<Session>> Session::create(std::shared_ptr<const Model> model, const SessionOptions& options) {
  const DecoderSpec& spec = model->spec();
  const int context = context_or_default(spec, options.context);
  if (context < 1 || context > spec.max_context) {
    return fail("a context of {} positions is outside 1..{}, the limit of {}", context, spec.max_context, model->path());
  }
  const int chunk = chunk_of(options, context);
  const uint64_t need = session_bytes(spec, options);
  const std::optional<uint64_t> have = available_memory();
  if (have && need > *have) {
    return fail("a context of {} positions needs {} MiB of memory, {} MiB are available; lower --ctx or use --kv q8", context,
                need >> 20, *have >> 20);
  }
  auto impl = std::make_unique<Impl>();
  impl->context = context;
  impl->threads = std::make_shared<ThreadPool>(options.threads);
  const int pages = pages_for(context);
  TRY(impl->kv, KvPool::create(spec, options.kv, pages));
  TRY(impl->forward, Forward::create(model, impl->threads, chunk, logits_of(chunk), pages));
  impl->model = std::move(model);
  impl->pages.reserve(static_cast<size_t>(pages));
  impl->batch.reserve(static_cast<size_t>(chunk));
  return std::unique_ptr<Session>(new Session(std::move(impl)));
}

Result<void> Session::append(std::span<const int32_t> ids, const std::function<bool(int)>& progress) {
  TRY_VOID(impl_->check(ids));
  const auto chunk = static_cast<size_t>(impl_->forward->max_tokens());
  for (size_t done = 0; done < ids.size();) {
    const size_t n = std::min(chunk, ids.size() - done);
    TRY_VOID(impl_->step(ids.subspan(done, n), false));
    done += n;
    if (progress && !progress(static_cast<int>(done))) break;
  }
  return {};
}

Result<void> Session::append_all_logits(std::span<const int32_t> ids,
                                        const std::function<void(int, std::span<const float>)>& sink) {
  TRY_VOID(impl_->check(ids));
  const auto chunk = static_cast<size_t>(logits_of(impl_->forward->max_tokens()));
  for (size_t done = 0; done < ids.size();) {
    const size_t n = std::min(chunk, ids.size() - done);
    TRY_VOID(impl_->step(ids.subspan(done, n), true));
    for (size_t i = 0; i < n; ++i) sink(static_cast<int>(done + i), impl_->forward->logits(static_cast<int>(i)));
    done += n;
  }
  return {};
}

std::span<const float> Session::logits() const {
  return impl_->last_logits < 0 ? std::span<const float>() : impl_->forward->logits(impl_->last_logits);
}

int Session::n_past() const { return impl_->n_past; }
int Session::context() const { return impl_->context; }

void Session::truncate(int n) {
  impl_->n_past = std::clamp(n, 0, impl_->n_past);
  impl_->last_logits = -1;
  const auto keep = static_cast<size_t>(pages_for(impl_->n_past));
  while (impl_->pages.size() > keep) {
    impl_->kv.release(impl_->pages.back());
    impl_->pages.pop_back();
  }
}

const Model& Session::model() const { return *impl_->model; }
int Session::threads() const { return impl_->threads->size(); }

uint64_t Session::memory_bytes() const {
  return impl_->forward->memory_bytes() + impl_->kv.page_bytes() * static_cast<uint64_t>(pages_for(impl_->context));
}

}  // namespace sobre
