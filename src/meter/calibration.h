// What a wall meter and the counters show at several loads of this machine, and the power at the wall that follows from it.
// Measured by `sobre meter --calibrate`, kept as a JSON file of one host. One thread, but for the threads of a LoadRun.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/result.h"
#include "meter/cpu_power.h"
#include "meter/cpu_times.h"
#include "meter/energy_source.h"

namespace sobre {

/// Which machine a calibration belongs to.
struct HostId {
  std::string machine_id;  // machine-id(5); empty where the machine has none
  std::string processor;
  int cpus = 0;
  friend bool operator==(const HostId&, const HostId&) = default;
};
[[nodiscard]] HostId read_host_id(const CpuInfo& cpu, const std::string& machine_id_path = "/etc/machine-id");

/// One load, held for some seconds.
struct CalibrationLevel {
  double load = 0;  // of all processors, 0 to 1
  double seconds = 0;
  double processor_s = 0;  // used by the load
  std::optional<double> counter_w;
  std::optional<double> wall_w;
};

struct Calibration {
  HostId host;
  std::string date;                      // 2026-03-09
  std::string counter;                   // method of the counter read at each level; empty: none could be
  std::vector<CalibrationLevel> levels;  // by load, ascending
};

/// Watts at the wall as a polynomial over x: watts of the counter, or busy processors where there is none.
struct WallFit {
  bool by_counter = false;
  double a = 0, b = 0, c = 0;              // a + b x + c x^2; c is 0 by counter
  double idle_w = 0;                       // at the least load
  double low_factor = 1, high_factor = 1;  // 95 % interval
  double residual = 0;                     // relative standard deviation of the readings from the line
  [[nodiscard]] double watts(double x) const { return a + x * (b + x * c); }
};

/// Least squares of relative errors. By counter: a line; by processor time: a parabola that rises over all loads, where there
/// are four levels or more, else a line. The half width of the interval is sqrt(h^2 + (2 s)^2): s the residual, h 7 % by
/// counter and 9.5 % by processor time (the wall meter's own error, loads unlike the calibration's). Errors: fewer than three
/// readings; a reading that is not positive and finite, or falls by more than 2 % and 1 W where the load rises; levels that do
/// not differ; readings that fit no such line (residual over 10 %).
[[nodiscard]] Result<WallFit> fit_wall(const Calibration& calibration);

/// Watts of the counter without load: of the level of least load. Nothing: no counter was read.
[[nodiscard]] std::optional<double> counter_idle_w(const Calibration& calibration);

/// The file's text, and back. Errors name what is wrong.
[[nodiscard]] std::string calibration_text(const Calibration& calibration);
[[nodiscard]] Result<Calibration> parse_calibration(std::string_view text);
/// Reads a file and checks that it is this host's. Errors: cannot be read, is no calibration, or another host's.
[[nodiscard]] Result<Calibration> read_calibration(const std::string& path, const HostId& host);
/// Writes it, all or nothing; the folder is made where it is missing.
[[nodiscard]] Result<void> write_calibration(const std::string& path, const Calibration& calibration);

/// `wall-calibrated` from a counter: its energy through the fit.
[[nodiscard]] std::unique_ptr<EnergySource> wall_source(const WallFit& fit, std::unique_ptr<EnergySource> counter,
                                                        double now_s);
/// `wall-calibrated` from processor time; `cpus`: no window is taken for more.
[[nodiscard]] std::unique_ptr<EnergySource> wall_source(const WallFit& fit, ProcessorClock clock, int cpus, double now_s);
/// A counter whose idle power is known: idle_uj is filled with it, never above the energy.
[[nodiscard]] std::unique_ptr<EnergySource> with_idle(std::unique_ptr<EnergySource> counter, double idle_w, double now_s);

/// Keeps load * cpus processors busy from construction to destruction: threads that multiply and add over more memory than
/// caches hold, as models do; one of them for a part of each 20 ms where the product is no whole number.
class LoadRun {
 public:
  LoadRun(double load, int cpus);
  ~LoadRun();
  LoadRun(const LoadRun&) = delete;
  LoadRun& operator=(const LoadRun&) = delete;

 private:
  std::atomic<bool> stop_{false};
  std::vector<std::thread> threads_;
};

/// Measures what is running for `seconds` (1 or more) after `settle_s`; `counter` may be null and is read several times a
/// second. `goes_on` is asked as often: false ends with an error. processor_s is that of this process.
[[nodiscard]] Result<CalibrationLevel> measure_level(double load, double settle_s, double seconds, EnergySource* counter,
                                                     const std::function<bool(double done)>& goes_on);

}  // namespace sobre
