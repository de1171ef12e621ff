#include "meter/sources.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "meter/calibration.h"
#include "meter/cpu_power.h"
#include "meter/nvml.h"
#include "meter/rapl.h"

namespace sobre {

namespace {

constexpr const char* kWall = "wall-calibrated";
constexpr const char* kRaplDram = "rapl-package+dram";
constexpr const char* kRapl = "rapl-package";
constexpr const char* kNvml = "nvml";
constexpr const char* kTable = "estimate-tdp";
constexpr const char* kCores = "estimate-cores";

class Opener {
 public:
  Opener(const SourceOptions& options, CpuInfo cpu, double now_s)
      : options_(options), cpu_(std::move(cpu)), now_s_(now_s), clock_(processor_clock(options.proc, options.whole_machine)) {}

  Result<OpenedSources> open() {
    read_calibration_file();
    open_rapl();
    wall();
    rapl();
    nvml();
    estimates();
    const bool any = options_.method.empty() || options_.method == "auto";
    if (!out_.source) {
      for (const SourceSeen& seen : out_.methods) {
        if (seen.name == options_.method)
          return fail("{} cannot be had here: {}{}{}", seen.name, seen.reason, seen.advice.empty() ? "" : "; ", seen.advice);
      }
      return fail("no source of energy works here{}", any ? "" : " for " + options_.method);
    }
    return std::move(out_);
  }

 private:
  // Whether a method may be taken: nothing better was, and no other was asked for.
  [[nodiscard]] bool open_for(const std::string& method) const {
    const bool any = options_.method.empty() || options_.method == "auto";
    return !out_.source && (any ? method != kNvml : method == options_.method);
  }
  void see(std::string name, bool used, std::string reason, std::string advice = "") {
    out_.methods.push_back({std::move(name), used, std::move(reason), std::move(advice)});
  }
  [[nodiscard]] std::string not_needed() const {
    return out_.source ? "not needed: " + out_.source->method().name + " is used" : "not asked for";
  }

  void read_calibration_file() {
    std::error_code error;
    if (options_.ignore_calibration || options_.calibration_path.empty()) {
      no_calibration_ = "no calibration was looked for";
      return;
    }
    if (!std::filesystem::exists(options_.calibration_path, error)) {
      no_calibration_ = "no calibration of this host: " + options_.calibration_path + " is not there";
      return;
    }
    Result<Calibration> read = read_calibration(options_.calibration_path, read_host_id(cpu_, options_.machine_id_path));
    if (read)
      calibration_ = std::move(*read);
    else
      no_calibration_ = read.error().message;
  }

  void open_rapl() {
    Result<std::vector<RaplZone>> zones = read_powercap(options_.powercap_root);
    RaplOptions rapl;
    rapl.cpu = cpu_;
    rapl.clock = clock_;
    // A calibration belongs to the counter that it was made with.
    const bool wall = options_.method.empty() || options_.method == "auto" || options_.method == kWall;
    rapl.with_dram = options_.method != kRapl && !(wall && calibration_ && calibration_->counter == kRapl);
    rapl_ = choose_rapl(zones ? std::move(*zones) : std::vector<RaplZone>(), rapl, now_s_);
    out_.psys = std::move(rapl_.psys);
    out_.counters = std::move(rapl_.zones);
  }

  void wall() {
    const std::string advice = "read a wall meter: sobre meter --calibrate";
    if (!calibration_) return see(kWall, false, no_calibration_, advice);
    Result<WallFit> fit = fit_wall(*calibration_);
    const bool has_wall = std::any_of(calibration_->levels.begin(), calibration_->levels.end(),
                                      [](const CalibrationLevel& l) { return l.wall_w.has_value(); });
    if (!has_wall)
      return see(kWall, false, "the calibration has no readings of a wall meter, only the counter's idle power", advice);
    if (!fit) return see(kWall, false, fit.error().message, advice);
    const bool counter = rapl_.source && rapl_.source->method().name == calibration_->counter;
    if (fit->by_counter && !counter) {
      const std::string why = rapl_.source ? "another counter is open" : rapl_.refusal.reason;
      return see(kWall, false, fmt::format("it was made with {}: {}", calibration_->counter, why), rapl_.refusal.advice);
    }
    if (!open_for(kWall)) return see(kWall, false, not_needed());
    out_.source = fit->by_counter ? wall_source(*fit, std::move(rapl_.source), now_s_)
                                  : wall_source(*fit, clock_, calibration_->host.cpus, now_s_);
    see(kWall, true,
        fmt::format("calibrated on {}, by {}", calibration_->date,
                    fit->by_counter ? calibration_->counter : std::string("processor time")));
  }

  void rapl() {
    if (!rapl_.source) {
      if (out_.source && out_.source->method().name == kWall && rapl_.refusal.reason.empty())
        return see(kRaplDram, false, "used through the calibration");
      return see(options_.method == kRapl ? kRapl : kRaplDram, false, rapl_.refusal.reason, rapl_.refusal.advice);
    }
    const std::string name = rapl_.source->method().name;
    if (name == kRapl && options_.method == kRaplDram) see(kRaplDram, false, "memory is not listed apart here");
    if (!open_for(name)) return see(name, false, not_needed());
    const std::optional<double> idle =
        calibration_ && calibration_->counter == name ? counter_idle_w(*calibration_) : std::nullopt;
    out_.source = idle ? with_idle(std::move(rapl_.source), *idle, now_s_) : std::move(rapl_.source);
    see(name, true, idle ? "counters of the processor; idle power from the calibration" : "counters of the processor");
  }

  void nvml() {
    if (!open_for(kNvml)) return see(kNvml, false, "not asked for: the engine uses no GPU");
    NvmlFound found = open_nvml_library(options_.nvml_library, now_s_);
    for (SourceSeen& gpu : found.gpus) out_.counters.push_back(std::move(gpu));
    if (!found.source) return see(kNvml, false, found.refusal.reason, found.refusal.advice);
    out_.source = std::move(found.source);
    see(kNvml, true, "counters of the GPUs");
  }

  void estimates() {
    const std::optional<CpuPowerModel> table = table_power_model(cpu_);
    const std::string name = cpu_.name.empty() ? "without a name" : "'" + cpu_.name + "'";
    if (!table) {
      see(kTable, false, "the processor " + name + " is not in the table");
    } else if (open_for(kTable)) {
      out_.source = cpu_model_source(*table, clock_, now_s_);
      see(kTable, true,
          fmt::format("an estimate: {:.2g} to {:.2g} W for {} processors of {}", table->idle_w, table->full_w, table->cpus,
                      name));
    } else {
      see(kTable, false, not_needed());
    }
    if (!open_for(kCores)) return see(kCores, false, not_needed());
    const CpuPowerModel model = core_power_model(cpu_);
    out_.source = cpu_model_source(model, clock_, now_s_);
    see(kCores, true, fmt::format("an estimate: {:.2g} to {:.2g} W for {} processors", model.idle_w, model.full_w, model.cpus));
  }

  const SourceOptions& options_;
  CpuInfo cpu_;
  double now_s_;
  ProcessorClock clock_;
  std::optional<Calibration> calibration_;
  std::string no_calibration_;
  RaplFound rapl_;
  OpenedSources out_;
};

}  // namespace

const std::vector<std::string>& source_methods() {
  static const std::vector<std::string> methods = {kWall, kRaplDram, kRapl, kNvml, kTable, kCores};
  return methods;
}

Result<OpenedSources> open_energy_source(const SourceOptions& options, double now_s) {
  const auto& methods = source_methods();
  if (!options.method.empty() && options.method != "auto" &&
      std::find(methods.begin(), methods.end(), options.method) == methods.end()) {
    return fail("'{}' is no method of measuring energy; known are auto, {}", options.method, fmt::join(methods, ", "));
  }
  TRY(CpuInfo cpu, read_cpu_info(options.proc));
  if (options.whole_machine) TRY_VOID(read_cpu_times(options.proc));
  return Opener(options, std::move(cpu), now_s).open();
}

}  // namespace sobre
