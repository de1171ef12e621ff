// What answers and loads cost: between the engine's step reports, the meter, the ledger and the metrics. One per server; any
// thread. Everything is counted in whole microjoules, so that responses, metrics and ledger agree.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine/scheduler.h"
#include "meter/ledger.h"
#include "meter/meter.h"
#include "meter/sources_seen.h"

namespace sobre {

class Accounting {
 public:
  struct Options {
    CostModel costs;           // checked
    std::string ledger_path;   // of `ledger`
    std::string ledger_error;  // why there is none although one is wanted; empty: none is wanted, or it is there
    bool keep_text = false;    // prompts and answers go into the ledger
    std::vector<SourceSeen> sources;
  };

  /// `ledger` may be null: none is kept. `models`: how many are served.
  Accounting(std::unique_ptr<Meter> meter, std::unique_ptr<Ledger> ledger, size_t models, Options options);

  /// A SchedulerOptions::on_step for the model of this number.
  [[nodiscard]] std::function<void(const StepReport&)> step_of(size_t model);

  /// A request of which steps will report (GenerationRequest::tag). Every begin() needs its end().
  [[nodiscard]] uint64_t begin() { return meter_->begin(); }
  /// Loading a model, from now on.
  [[nodiscard]] uint64_t begin_load() { return meter_->begin_activity(); }
  enum class Kind : uint8_t { kAnswer, kLoad };
  /// It is over: what it cost, which is counted for the model.
  [[nodiscard]] Impact end(uint64_t request, size_t model, Kind kind, const ImpactTimes& times);
  /// Hands a row to the ledger, where there is one. Never waits.
  void record(LedgerRow&& row);
  /// The row of a load that took `seconds`.
  void record_load(uint64_t request, size_t model, const std::string& name, const std::string& digest, double seconds,
                   bool done);

  /// Waits a moment for rows that are on their way to the ledger's file.
  void settle();
  /// Sums of what end() returned, for Prometheus.
  struct Sums {
    int64_t energy_uj = 0, marginal_uj = 0, carbon_ng = 0, cost_nano = 0;  // carbon: of electricity and of the machine
  };
  [[nodiscard]] Sums sums_of(size_t model, Kind kind) const;

  /// False while rows cannot be written and the ledger is required.
  [[nodiscard]] bool accepting() const { return !ledger_ || ledger_->accepting(); }
  [[nodiscard]] const Meter& meter() const { return *meter_; }
  [[nodiscard]] const Options& options() const { return options_; }
  [[nodiscard]] const Ledger* ledger() const { return ledger_.get(); }

 private:
  const std::unique_ptr<Meter> meter_;
  const std::unique_ptr<Ledger> ledger_;
  const Options options_;
  mutable std::mutex mutex_;
  std::vector<std::array<Sums, 2>> models_;  // by kind
};

/// A name for a model that follows from its bytes: "sha256:" and 64 digits. Of a folder: the SHA-256 of a line "name digest"
/// per file that belongs to a checkpoint (weights, *.json, *.model, *.jinja), by name. Errors: files that cannot be read.
[[nodiscard]] Result<std::string> model_digest(const std::string& path);

/// Bytes of memory this process has held at most.
[[nodiscard]] int64_t peak_memory_bytes();

}  // namespace sobre
