#include "serve/accounting.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "digest/sha256.h"

namespace sobre {

namespace {

int64_t unix_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

bool belongs_to_checkpoint(const std::filesystem::path& path) {
  const std::string extension = path.extension().string();
  return extension == ".safetensors" || extension == ".gguf" || extension == ".json" || extension == ".model" ||
         extension == ".jinja" || extension == ".txt";
}

}  // namespace

Result<std::string> model_digest(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) {
    TRY(const std::string digest, file_sha256(path));
    return "sha256:" + digest;
  }
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(path, error)) {
    if (entry.is_regular_file(error) && belongs_to_checkpoint(entry.path())) names.push_back(entry.path().filename().string());
  }
  if (error) return fail("{}: {}", path, error.message());
  std::sort(names.begin(), names.end());
  Sha256 all;
  for (const std::string& name : names) {
    TRY(const std::string digest, file_sha256(path + "/" + name));
    all.update(name + " " + digest + "\n");
  }
  return "sha256:" + hex(all.digest());
}

int64_t peak_memory_bytes() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<int64_t>(usage.ru_maxrss) * 1024;  // kilobytes on Linux
}

Accounting::Accounting(std::unique_ptr<Meter> meter, std::unique_ptr<Ledger> ledger, size_t models, Options options)
    : meter_(std::move(meter)), ledger_(std::move(ledger)), options_(std::move(options)), models_(models) {}

std::function<void(const StepReport&)> Accounting::step_of(size_t model) {
  // Called by one engine thread: the list is used anew for every step.
  return [meter = meter_.get(), model = static_cast<int>(model),
          work = std::vector<StepWork>()](const StepReport& report) mutable {
    work.clear();
    for (const StepShare& share : report.shares) {
      work.push_back({share.tag, {share.prompt_operations, share.weight_bytes, share.kv_bytes}});
    }
    meter->step({model, report.begin_s, report.end_s, work});
  };
}

Impact Accounting::end(uint64_t request, size_t model, Kind kind, const ImpactTimes& times) {
  Impact impact = impact_of(meter_->end(request), meter_->method(), options_.costs, times, peak_memory_bytes());
  const std::lock_guard lock(mutex_);
  Sums& sums = models_[model][static_cast<size_t>(kind)];
  sums.energy_uj += impact.energy ? impact.energy->value_uj : 0;
  sums.marginal_uj += impact.marginal_uj.value_or(0);
  sums.carbon_ng += (impact.operational ? impact.operational->value_ng : 0) + impact.embodied_ng.value_or(0);
  sums.cost_nano += impact.cost ? impact.cost->amount_nano : 0;
  return impact;
}

void Accounting::record(LedgerRow&& row) {
  if (!ledger_) return;
  if (row.time_us == 0) row.time_us = unix_us();
  ledger_->append(std::move(row));
}

void Accounting::settle() {
  if (ledger_) static_cast<void>(ledger_->flush(std::chrono::milliseconds(500)));
}

void Accounting::record_load(uint64_t request, size_t model, const std::string& name, const std::string& digest, double seconds,
                             bool done) {
  LedgerRow row;
  row.request = fmt::format("load-{}-{}", name, unix_us());
  row.kind = "load";
  row.status = done ? "done" : "failed";
  row.model = name;
  row.model_digest = digest;
  row.set_impact(end(request, model, Kind::kLoad, ImpactTimes::from_seconds(0, 0, 0, seconds)));
  record(std::move(row));
}

Accounting::Sums Accounting::sums_of(size_t model, Kind kind) const {
  const std::lock_guard lock(mutex_);
  return models_[model][static_cast<size_t>(kind)];
}

}  // namespace sobre
