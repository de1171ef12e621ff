#include "cli/metering.h"

#include "cli/names.h"
#include "meter/impact.h"
#include "meter/sources.h"

namespace sobre {

namespace {

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
}

std::string AnswerMeter::end(int64_t tokens) {
  if (!meter_) return {};
  const RequestEnergy given = meter_->end(activity_);
  std::string out = show_energy(given.energy);
  if (tokens > 0) out += ", " + show_per_token(given.energy, tokens);
  return out + " by " + meter_->method().name;
}

std::string show_per_token(const Energy& energy, int64_t tokens) {
  return show_energy({energy.value_uj / tokens, energy.low_uj / tokens, energy.high_uj / tokens}, "/token");
}

}  // namespace sobre
