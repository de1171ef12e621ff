// `sobre meter --calibrate`.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <memory>
#include <optional>

#include "base/threads.h"
#include "cli/chat_interrupt.h"
#include "cli/meter.h"
#include "cli/metering.h"
#include "cli/terminal.h"
#include "meter/calibration.h"
#include "meter/sources.h"

namespace sobre {

namespace {

constexpr double kMostSettleS = 5;
constexpr double kLeastOfLoad = 0.8;  // of a load that must have been held, or its reading means nothing

double monotonic_s() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

std::string today() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  return fmt::format("{:04}-{:02}-{:02}", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday);
}

// Asks on the terminal until a number is typed. Nothing: an empty line, the end of input, or Ctrl-C.
std::optional<double> ask_watts(double load) {
  while (!interrupted()) {
    say("\r\x1b[K{:3.0f} % load: watts on the wall meter (Enter: there is none)? ", 100 * load);
    char line[128];
    if (std::fgets(line, sizeof line, stdin) == nullptr) return std::nullopt;
    std::string text(line);
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
    if (text.empty()) return std::nullopt;
    if (const std::optional<double> watts = parse_watts(text)) return watts;
    say("'{}' is no number of watts above 0, such as 62.5\n", text);
  }
  return std::nullopt;
}

class Calibrator {
 public:
  explicit Calibrator(const MeterOptions& options) : options_(options), asks_(options.wall_w.empty() && is_terminal(0)) {}

  Result<void> run() {
    const size_t wanted = calibration_loads().size();
    if (!options_.wall_w.empty() && options_.wall_w.size() != wanted)
      return fail("--wall has {} readings; {} are needed, at 0, 25, 50, 75 and 100 % load", options_.wall_w.size(), wanted);
    path_ = options_.file.empty() ? default_calibration_path() : options_.file;
    if (path_.empty()) return fail("there is no home folder to keep the calibration in; name a file with --file");
    TRY(const CpuInfo cpu, read_cpu_info());
    TRY_VOID(open_counter());
    result_.host = read_host_id(cpu);
    result_.date = today();
    if (cpu.virtual_machine && (asks_ || !options_.wall_w.empty()))
      say("note: this is a virtual machine; a wall meter shows its whole host\n");
    const InterruptScope scope;
    for (size_t i = 0; i < wanted; ++i) TRY_VOID(measure(i));
    return finish();
  }

 private:
  Result<void> open_counter() {
    SourceOptions sources;
    sources.method = options_.method;
    sources.ignore_calibration = true;
    TRY(OpenedSources opened, open_energy_source(sources, monotonic_s()));
    const EnergyMethod& method = opened.source->method();
    if (!method.estimate) {
      result_.counter = method.name;
      counter_ = std::move(opened.source);
      return {};
    }
    if (asks_ || !options_.wall_w.empty()) return {};
    return fail(
        "no counter can be read here (sobre meter --once says why), so there is nothing to calibrate without the readings "
        "of a wall meter: --wall WATTS... at 0, 25, 50, 75 and 100 % load, or answer in a terminal");
  }

  Result<CalibrationLevel> measured(double load) {
    const double settle = std::min(kMostSettleS, options_.seconds_per_level / 4);
    const bool drawn = can_redraw(2);
    const auto progress = [&](double done) {
      if (drawn) say("\r\x1b[K{:3.0f} % load: {:3.0f} %", 100 * load, 100 * std::min(1.0, done));
      return !interrupted();
    };
    TRY(const CalibrationLevel level, measure_level(load, settle, options_.seconds_per_level, counter_.get(), progress));
    if (drawn) say("\r\x1b[K");
    const double wanted = load * usable_cpus(), busy = level.processor_s / level.seconds;
    if (busy < kLeastOfLoad * wanted)
      return fail(
          "only {:.2f} of {:g} processors could be kept busy at {:.0f} % load: other programs, or the host of a virtual "
          "machine, took the rest; calibrate when nothing else runs",
          busy, wanted, 100 * load);
    return level;
  }

  Result<void> measure(size_t i) {
    const double load = calibration_loads()[i];
    std::optional<LoadRun> run;  // goes on while a person reads the meter
    if (!options_.measure) run.emplace(load, usable_cpus());
    TRY(CalibrationLevel level, options_.measure ? options_.measure(load) : measured(load));
    if (!options_.wall_w.empty()) level.wall_w = options_.wall_w[i];
    if (asks_) {
      level.wall_w = ask_watts(load);
      if (interrupted()) return fail("calibrating was interrupted; nothing was written");
      asks_ = level.wall_w.has_value();
      if (!asks_ && i > 0) return fail("the reading at {:.0f} % load is missing; nothing was written", 100 * load);
      if (!asks_ && !counter_) return fail("without a counter and without a wall meter there is nothing to calibrate");
    }
    say("{:3.0f} % load: {:.2f} processors busy{}{}\n", 100 * load, level.processor_s / level.seconds,
        level.counter_w ? fmt::format(", counter {:.1f} W", *level.counter_w) : "",
        level.wall_w ? fmt::format(", wall {:g} W", *level.wall_w) : "");
    result_.levels.push_back(level);
    return {};
  }

  Result<void> finish() {
    const bool wall = std::any_of(result_.levels.begin(), result_.levels.end(), [](auto& l) { return l.wall_w.has_value(); });
    if (!wall) {
      TRY_VOID(write_calibration(path_, result_));
      fmt::print("{}: {:.1f} W without load; kept in {}\n", result_.counter, counter_idle_w(result_).value_or(0), path_);
      return {};
    }
    TRY(const WallFit fit, fit_wall(result_));
    TRY_VOID(write_calibration(path_, result_));
    const std::string x = fit.by_counter ? "watts of " + result_.counter : "busy processors";
    fmt::print("wall = {:.1f} W + {:.3g} x {}{}\n", fit.a, fit.b, x,
               fit.c != 0 ? fmt::format(" {} {:.3g} x {}^2", fit.c < 0 ? "-" : "+", std::abs(fit.c), x) : "");
    fmt::print("idle {:.0f} W; interval {:.2f} to {:.2f} times the value, in 95 of 100 cases\nkept in {}\n", fit.idle_w,
               fit.low_factor, fit.high_factor, path_);
    return {};
  }

  const MeterOptions& options_;
  bool asks_;
  std::string path_;
  std::unique_ptr<EnergySource> counter_;  // nothing: none can be read
  Calibration result_;
};

}  // namespace

const std::vector<double>& calibration_loads() {
  static const std::vector<double> loads = {0, 0.25, 0.5, 0.75, 1};
  return loads;
}

std::optional<double> parse_watts(const std::string& text) {
  std::string number = text;
  while (!number.empty() && (number.back() == 'W' || number.back() == 'w' || number.back() == ' ')) number.pop_back();
  std::replace(number.begin(), number.end(), ',', '.');
  double value = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (error != std::errc() || end != number.data() + number.size() || !std::isfinite(value) || value <= 0) return std::nullopt;
  return value;
}

Result<void> calibrate_command(const MeterOptions& options) { return Calibrator(options).run(); }

}  // namespace sobre
