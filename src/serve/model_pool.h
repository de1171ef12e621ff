// The models a server has: loaded on demand, one scheduler each, unloaded after an idle time, drained and never cut off by a
// swap; one that is in use all the time is drained for a load that has waited. All functions may be called from any thread.
// Loading happens on a thread of the pool.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/scheduler.h"

namespace sobre {

class Accounting;

/// A model that may be served.
struct ServedModel {
  std::string name;  // as requests name it
  std::vector<std::string> aliases;
  std::string path;     // checkpoint
  int64_t created = 0;  // seconds since 1970: the file's time
  Json sampling;        // recommended by the catalogue; an object
  std::string digest;   // what the ledger calls it; empty: model_digest() of its files, read when it is loaded
};

struct ModelPoolOptions {
  SchedulerOptions scheduler;
  WeightMode weights = WeightMode::kAuto;
  std::optional<Isa> isa;
  int max_loaded = 2;                // models in memory at a time; the longest unused idle one goes when another is wanted
  int max_waiting = 256;             // requests for a model that is not in memory
  double swap_patience_s = 3;        // how long a load waits for an idle model before one in use takes no more requests
  double idle_unload_s = 0;          // 0: never
  Accounting* accounting = nullptr;  // outlives the pool; null: nothing is metered
};

/// A model in memory. Held by whoever uses it: it is not unloaded before the last holder lets go.
struct LoadedModel {
  const ServedModel* served = nullptr;
  std::shared_ptr<const Model> model;
  std::unique_ptr<Scheduler> scheduler;
  double load_s = 0;
  size_t number = 0;   // of served in ModelPool::models()
  std::string digest;  // its identity, where a ledger is kept
};

enum class ModelState : uint8_t { kUnloaded, kLoading, kLoaded, kFailed };

struct ModelStatus {
  const ServedModel* served = nullptr;
  ModelState state = ModelState::kUnloaded;
  std::string error;     // kFailed: why, one line
  double progress = 0;   // kLoading
  SchedulerStats stats;  // kLoaded
  uint64_t memory_bytes = 0;
};

class ModelPool {
 public:
  ModelPool(std::vector<ServedModel> models, ModelPoolOptions options);
  ~ModelPool();

  /// The model of this name or alias; null when there is none.
  [[nodiscard]] const ServedModel* find(std::string_view name) const;
  [[nodiscard]] const std::vector<ServedModel>& models() const;

  /// Gives the loaded model to `ready`: at once on the calling thread when it is in memory, else on a thread of the pool after
  /// loading. A model that must make room for another one counts as not in memory for those who come now. `served` is one of
  /// models(). False: as many wait for it as may; `ready` is not called. `gone` says that nobody wants it any more (under the
  /// pool's lock: it must not call the pool); `ready` may then be dropped instead.
  [[nodiscard]] bool acquire(const ServedModel* served, std::function<void(Result<std::shared_ptr<LoadedModel>>)> ready,
                             std::function<bool()> gone = {});
  [[nodiscard]] std::vector<ModelStatus> status() const;
  /// Unloads what has been idle too long, and forgets waiting requests that nobody wants any more. Call it every second or so.
  void tick();
  /// Drains every scheduler, within `seconds` in all. True: nothing had to be cancelled.
  bool drain(double seconds);

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace sobre
