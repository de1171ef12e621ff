#include "cli/metering.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>

#include "cli/names.h"
#include "cli/terminal.h"
#include "meter/impact.h"
#include "meter/sources.h"

namespace sobre {

namespace {

constexpr std::chrono::seconds kLedgerPatience{8};  // SQLite waits 5 s for another program's lock

std::string in_state_folder(const char* name) {
  const std::string folder = state_folder();
  return folder.empty() ? folder : folder + "/" + name;
}

}  // namespace

std::string default_calibration_path() { return in_state_folder("calibration.json"); }
std::string default_ledger_path() { return in_state_folder("ledger.db"); }

Result<OpenedMeter> open_meter(const std::string& method, const std::string& calibration_path) {
  SourceOptions options;
  options.method = method;
  options.calibration_path = calibration_path.empty() ? default_calibration_path() : calibration_path;
  MeterWorld world = machine_world();
  TRY(OpenedSources sources, open_energy_source(options, world.now_s()));
  OpenedMeter opened;
  opened.meter = std::make_unique<Meter>(std::move(sources.source), std::move(world));
  opened.seen = std::move(sources.methods);
  return opened;
}

AnswerMeter::AnswerMeter() {
  if (Result<OpenedMeter> opened = open_meter()) meter_ = std::move(opened->meter);
}

void AnswerMeter::begin() {
  if (meter_) activity_ = meter_->begin_activity();
  stopped_ = false;
}

void AnswerMeter::stop() {
  if (meter_ && !stopped_) last_ = meter_->end(activity_);
  stopped_ = true;
}

std::string AnswerMeter::end(int64_t tokens) {
  if (!meter_) return {};
  return shown(meter_->end(activity_).energy, tokens);
}

std::string AnswerMeter::end_in_ledger(LedgerRow row) {
  if (!meter_) return {};
  stop();
  const RequestEnergy& given = *last_;
  row.time_us =
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  row.request = fmt::format("{}-{}-{}", row.kind, row.model, row.time_us);
  row.energy_uj = given.energy.value_uj;
  row.energy_low_uj = given.energy.low_uj;
  row.energy_high_uj = given.energy.high_uj;
  row.marginal_uj = given.marginal_uj;
  row.method = meter_->method().name;
  row.faults = given.faults.names();
  row.total_us = static_cast<int64_t>(given.in_flight_s * 1e6);
  std::string out = shown(given.energy, row.prompt_tokens + row.answer_tokens);
  LedgerOptions options;
  options.path = default_ledger_path();
  if (options.path.empty()) return out;
  const Result<std::unique_ptr<Ledger>> ledger = Ledger::open(options);
  if (ledger) (*ledger)->append(std::move(row));
  if (!ledger || !(*ledger)->flush(kLedgerPatience)) {
    const std::string why = ledger ? (*ledger)->status().text : ledger.error().message;
    if (why.empty()) {
      say("sobre: warning: another program keeps {} locked; the row is tried once more\n", options.path);
    } else {
      say("sobre: warning: no row in the ledger: {}\n", why);
    }
  }
  return out;
}

std::string AnswerMeter::shown(const Energy& energy, int64_t tokens) const {
  std::string out = show_energy(energy);
  if (tokens > 0) out += ", " + show_per_token(energy, tokens);
  return out + " by " + meter_->method().name;
}

std::string show_per_token(const Energy& energy, int64_t tokens) {
  return show_energy({energy.value_uj / tokens, energy.low_uj / tokens, energy.high_uj / tokens}, "/token");
}

}  // namespace sobre
