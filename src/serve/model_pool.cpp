#include "serve/model_pool.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <future>
#include <iterator>
#include <mutex>
#include <thread>

#include "engine/memory.h"
#include "model/checkpoint.h"
#include "serve/accounting.h"

namespace sobre {

namespace {

using Clock = std::chrono::steady_clock;
using Ready = std::function<void(Result<std::shared_ptr<LoadedModel>>)>;

// How often a load that waits for another model to become idle looks again.
constexpr auto kRoomPoll = std::chrono::milliseconds(50);

struct Waiter {
  Ready ready;
  std::function<bool()> gone;
};

struct Entry {
  const ServedModel* served = nullptr;
  ModelState state = ModelState::kUnloaded;
  std::string error;
  double progress = 0;
  uint64_t memory_bytes = 0;
  std::shared_ptr<LoadedModel> loaded;
  std::vector<Waiter> waiting;
  bool draining = false;   // loaded, and to make room: whoever asks for it waits until it is loaded again
  Clock::time_point used;  // asked for last
  Clock::time_point busy;  // seen in use last

  [[nodiscard]] Clock::time_point idle_since() const { return std::max(used, busy); }
};

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

}  // namespace

struct ModelPool::Impl {
  std::vector<ServedModel> models;
  ModelPoolOptions options;

  mutable std::mutex mutex;
  std::condition_variable changed;
  std::vector<Entry> entries;  // as models
  std::deque<Entry*> wanted;   // to be loaded, each once
  bool stopping = false;
  std::thread loader;

  void run();
  void load_one(std::unique_lock<std::mutex>& lock, Entry& entry);
  Result<std::shared_ptr<LoadedModel>> load(Entry& entry);
  [[nodiscard]] std::shared_ptr<LoadedModel> take_idle(double idle_s);
  [[nodiscard]] int in_memory() const;
  [[nodiscard]] bool is_wanted(const Entry& entry) const {
    return std::find(wanted.begin(), wanted.end(), &entry) != wanted.end();
  }
  void drain_one();
  void end_draining(std::unique_lock<std::mutex>& lock);
};

// Takes those out that nobody wants any more; the caller destroys them without the lock.
std::vector<Waiter> take_gone(std::vector<Waiter>& waiting) {
  std::vector<Waiter> gone, stay;
  for (Waiter& w : waiting) (w.gone && w.gone() ? gone : stay).push_back(std::move(w));
  waiting = std::move(stay);
  return gone;
}

int ModelPool::Impl::in_memory() const {
  return static_cast<int>(std::count_if(entries.begin(), entries.end(), [](const Entry& e) { return e.loaded != nullptr; }));
}

// Takes out the model that nobody has used for longest, if it was not for `idle_s`; the caller lets go of it without the lock,
// since that waits for a thread. Nobody can take a model up again meanwhile: whoever wants it sees it unloaded.
std::shared_ptr<LoadedModel> ModelPool::Impl::take_idle(double idle_s) {
  Entry* oldest = nullptr;
  for (Entry& e : entries) {
    if (!e.loaded || e.loaded.use_count() != 1 || seconds_since(e.idle_since()) < idle_s) continue;
    if (oldest == nullptr || e.idle_since() < oldest->idle_since()) oldest = &e;
  }
  if (oldest == nullptr) return nullptr;
  oldest->draining = false;
  oldest->state = is_wanted(*oldest) ? ModelState::kLoading : ModelState::kUnloaded;
  return std::move(oldest->loaded);
}

// From now on the model that was asked for longest ago gets no more requests, unless one is drained already.
void ModelPool::Impl::drain_one() {
  Entry* oldest = nullptr;
  for (Entry& e : entries) {
    if (e.draining) return;
    if (e.loaded && (oldest == nullptr || e.used < oldest->used)) oldest = &e;
  }
  if (oldest != nullptr) oldest->draining = true;
}

// Room has been found: a model that was drained and is still there goes on.
void ModelPool::Impl::end_draining(std::unique_lock<std::mutex>& lock) {
  for (Entry& e : entries) {
    if (!e.draining) continue;
    e.draining = false;
    std::erase(wanted, &e);
    std::vector<Waiter> waiting = std::move(e.waiting);
    e.waiting.clear();
    std::shared_ptr<LoadedModel> loaded = e.loaded;
    lock.unlock();
    for (const Waiter& w : waiting) w.ready(loaded);
    waiting.clear();
    loaded.reset();
    lock.lock();
  }
}

Result<std::shared_ptr<LoadedModel>> ModelPool::Impl::load(Entry& entry) {
  const auto start = Clock::now();
  TRY(const Checkpoint checkpoint, Checkpoint::open(entry.served->path));
  TRY(const uint64_t weights, packed_bytes(checkpoint, options.weights));
  // Idle models make room; a model in use is never put out.
  for (;;) {
    const std::optional<uint64_t> have = available_memory();
    if (!have || *have > weights) break;
    std::shared_ptr<LoadedModel> idle;
    {
      const std::lock_guard lock(mutex);
      idle = take_idle(0);
    }
    if (!idle) {
      return fail("{} needs {} MiB of memory for its weights, {} MiB are available", entry.served->path, weights >> 20,
                  *have >> 20);
    }
  }
  LoadOptions how{.weights = options.weights, .isa = options.isa, .threads = options.scheduler.threads, .progress = {}};
  how.progress = [&](double part) {
    const std::lock_guard lock(mutex);
    entry.progress = part;
  };
  auto loaded = std::make_shared<LoadedModel>();
  loaded->served = entry.served;
  loaded->number = static_cast<size_t>(entry.served - models.data());
  SchedulerOptions scheduler = options.scheduler;
  std::future<Result<std::string>> digest;
  if (options.accounting != nullptr) {
    scheduler.on_step = options.accounting->step_of(loaded->number);
    loaded->digest = entry.served->digest;
    if (options.accounting->ledger() != nullptr && loaded->digest.empty())
      digest = std::async(std::launch::async, model_digest, entry.served->path);
  }
  TRY(loaded->model, Model::load(checkpoint, how));
  TRY(loaded->scheduler, Scheduler::create(loaded->model, scheduler));
  if (digest.valid()) {
    TRY(loaded->digest, digest.get());
  }
  loaded->load_s = seconds_since(start);
  const std::lock_guard lock(mutex);
  entry.memory_bytes = weights + loaded->scheduler->stats().cache_bytes;
  return loaded;
}

void ModelPool::Impl::load_one(std::unique_lock<std::mutex>& lock, Entry& entry) {
  const auto since = Clock::now();
  while (in_memory() >= std::max(1, options.max_loaded) && !stopping) {
    std::shared_ptr<LoadedModel> idle = take_idle(0);
    if (!idle) {
      if (seconds_since(since) >= options.swap_patience_s) drain_one();
      changed.wait_for(lock, kRoomPoll);
      continue;
    }
    lock.unlock();
    idle.reset();
    lock.lock();
  }
  if (stopping) return;
  end_draining(lock);
  entry.progress = 0;
  lock.unlock();
  const auto start = Clock::now();
  const uint64_t account = options.accounting != nullptr ? options.accounting->begin_load() : 0;
  Result<std::shared_ptr<LoadedModel>> result = load(entry);
  if (options.accounting != nullptr) {
    options.accounting->record_load(account, static_cast<size_t>(entry.served - models.data()), entry.served->name,
                                    result ? (*result)->digest : "", seconds_since(start), result.has_value());
  }
  lock.lock();
  entry.used = Clock::now();
  if (result) {
    entry.loaded = *result;
    entry.state = ModelState::kLoaded;
    entry.error.clear();
  } else {
    entry.state = ModelState::kFailed;
    entry.error = result.error().message;
  }
  std::vector<Waiter> waiting = std::move(entry.waiting);
  entry.waiting.clear();
  lock.unlock();
  for (const Waiter& w : waiting) w.ready(result);
  waiting.clear();
  result = std::shared_ptr<LoadedModel>();
  lock.lock();
}

void ModelPool::Impl::run() {
  std::unique_lock lock(mutex);
  for (;;) {
    changed.wait(lock, [&] { return stopping || !wanted.empty(); });
    if (stopping) return;
    Entry& entry = *wanted.front();
    wanted.pop_front();
    load_one(lock, entry);
  }
}

ModelPool::ModelPool(std::vector<ServedModel> models, ModelPoolOptions options) : impl_(std::make_unique<Impl>()) {
  impl_->models = std::move(models);
  impl_->options = std::move(options);
  for (const ServedModel& m : impl_->models) {
    Entry entry;
    entry.served = &m;
    impl_->entries.push_back(std::move(entry));
  }
  impl_->loader = std::thread([pool = impl_.get()] { pool->run(); });
}

ModelPool::~ModelPool() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->changed.notify_all();
  impl_->loader.join();
  for (Entry& e : impl_->entries) {
    for (const Waiter& w : e.waiting) w.ready(fail("the server is stopping"));
    e.waiting.clear();
  }
}

const ServedModel* ModelPool::find(std::string_view name) const {
  for (const ServedModel& m : impl_->models) {
    if (m.name == name || std::find(m.aliases.begin(), m.aliases.end(), name) != m.aliases.end()) return &m;
  }
  return nullptr;
}

const std::vector<ServedModel>& ModelPool::models() const { return impl_->models; }

bool ModelPool::acquire(const ServedModel* served, Ready ready, std::function<bool()> gone) {
  std::shared_ptr<LoadedModel> loaded;
  std::vector<Waiter> dropped;  // before the lock: destroyed without it
  {
    const std::lock_guard lock(impl_->mutex);
    Entry& entry = impl_->entries[static_cast<size_t>(served - impl_->models.data())];
    entry.used = Clock::now();
    if (entry.loaded && !entry.draining) {
      loaded = entry.loaded;
    } else if (!impl_->stopping) {
      const auto most = static_cast<size_t>(std::max(1, impl_->options.max_waiting));
      if (entry.waiting.size() >= most) dropped = take_gone(entry.waiting);
      if (entry.waiting.size() >= most) return false;
      entry.waiting.push_back({std::move(ready), std::move(gone)});
      if (entry.state != ModelState::kLoading && !impl_->is_wanted(entry)) {
        if (!entry.loaded) entry.state = ModelState::kLoading;
        impl_->wanted.push_back(&entry);
        impl_->changed.notify_all();
      }
      return true;
    }
  }
  if (loaded) {
    ready(std::move(loaded));
  } else {
    ready(fail("the server is stopping"));
  }
  return true;
}

std::vector<ModelStatus> ModelPool::status() const {
  std::vector<ModelStatus> all;
  const std::lock_guard lock(impl_->mutex);
  for (const Entry& e : impl_->entries) {
    ModelStatus s;
    s.served = e.served;
    s.state = e.state;
    s.error = e.error;
    s.progress = e.progress;
    if (e.loaded) {
      s.stats = e.loaded->scheduler->stats();
      s.memory_bytes = e.memory_bytes;
    }
    all.push_back(std::move(s));
  }
  return all;
}

void ModelPool::tick() {
  {
    std::vector<Waiter> dropped;  // before the lock: destroyed without it
    const std::lock_guard lock(impl_->mutex);
    for (Entry& e : impl_->entries) {
      std::vector<Waiter> gone = take_gone(e.waiting);
      std::move(gone.begin(), gone.end(), std::back_inserter(dropped));
      if (e.loaded.use_count() > 1) e.busy = Clock::now();
    }
  }
  if (impl_->options.idle_unload_s <= 0) return;
  for (;;) {
    std::shared_ptr<LoadedModel> idle;
    {
      const std::lock_guard lock(impl_->mutex);
      idle = impl_->take_idle(impl_->options.idle_unload_s);
    }
    if (!idle) return;
    impl_->changed.notify_all();
  }
}

bool ModelPool::drain(double seconds) {
  std::vector<std::shared_ptr<LoadedModel>> running;
  {
    const std::lock_guard lock(impl_->mutex);
    for (const Entry& e : impl_->entries) {
      if (e.loaded) running.push_back(e.loaded);
    }
  }
  const auto start = Clock::now();
  bool whole = true;
  for (const auto& loaded : running) whole &= loaded->scheduler->drain(std::max(0.0, seconds - seconds_since(start)));
  return whole;
}

}  // namespace sobre
