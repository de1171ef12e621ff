#include "cli/meter.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <thread>

#include "base/json.h"
#include "cli/chat_interrupt.h"
#include "cli/metering.h"
#include "cli/terminal.h"
#include "meter/sources.h"

namespace sobre {

namespace {

double monotonic_s() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

Json seen_json(const std::vector<SourceSeen>& rows) {
  Json::Array out;
  for (const SourceSeen& row : rows) {
    Json object{Json::Object()};
    object.set("name", Json(row.name));
    object.set("used", Json(row.used));
    object.set("reason", Json(row.reason));
    if (!row.advice.empty()) object.set("advice", Json(row.advice));
    out.emplace_back(std::move(object));
  }
  return Json(std::move(out));
}

void print_sources_json(const OpenedSources& opened) {
  const EnergyMethod& method = opened.source->method();
  const Json out(Json::Object{{"method", Json(method.name)},
                              {"boundary", Json(method.boundary)},
                              {"estimate", Json(method.estimate)},
                              {"low_factor", Json(method.low_factor)},
                              {"high_factor", Json(method.high_factor)},
                              {"methods", seen_json(opened.methods)},
                              {"counters", seen_json(opened.counters)}});
  fmt::print("{}\n", out.dump());
}

void print_rows(const std::vector<SourceSeen>& rows) {
  size_t width = 0;
  for (const SourceSeen& row : rows) width = std::max(width, row.name.size());
  for (const SourceSeen& row : rows) {
    const std::string line = fmt::format("{} {:<{}}  {}", row.used ? "*" : " ", row.name, width, row.reason);
    fmt::print("{}\n", row.used ? bold(line, 1) : line);
    if (!row.advice.empty()) fmt::print("  {:<{}}  {}\n", "", width, dim("-> " + row.advice, 1));
  }
}

void print_sources(const OpenedSources& opened) {
  const EnergyMethod& method = opened.source->method();
  print_rows(opened.methods);
  if (!opened.counters.empty()) {
    fmt::print("\ncounters\n");
    print_rows(opened.counters);
  }
  fmt::print("\nmethod    {}{}\n", method.name,
             method.estimate ? " (an estimate from processor time: nothing is measured)" : "");
  fmt::print("includes  {}\n", method.boundary);
  fmt::print("interval  {:.3g} to {:.3g} times the value, in 95 of 100 cases\n", method.low_factor, method.high_factor);
}

struct Sample {
  double span_s = 0;
  EnergyDelta delta;
  std::optional<EnergyDelta> psys;

  [[nodiscard]] double watts(int64_t uj) const { return span_s > 0 ? 1e-6 * static_cast<double>(uj) / span_s : 0; }
};

std::string power_text(const Sample& sample, const Energy& energy) {
  return watts_text(sample.watts(energy.value_uj), sample.watts(energy.low_uj), sample.watts(energy.high_uj));
}

void print_sample(const Sample& sample, bool redrawn) {
  std::string line = power_text(sample, sample.delta.energy);
  if (sample.psys) line += ", whole platform " + power_text(sample, sample.psys->energy);
  if (sample.delta.faults.any()) line += ", faults: " + sample.delta.faults.names();
  if (redrawn)
    fmt::print("\r\x1b[K{}", line);
  else
    fmt::print("{}\n", line);
  std::fflush(stdout);
}

Json power_json(const Sample& sample, const Energy& energy) {
  return Json(Json::Object{{"value", Json(sample.watts(energy.value_uj))},
                           {"low", Json(sample.watts(energy.low_uj))},
                           {"high", Json(sample.watts(energy.high_uj))}});
}

void print_sample_json(const Sample& sample) {
  Json out{Json::Object()};
  out.set("seconds", Json(sample.span_s));
  out.set("watts", power_json(sample, sample.delta.energy));
  if (sample.delta.idle_uj) out.set("idle_watts", Json(sample.watts(*sample.delta.idle_uj)));
  if (sample.psys) out.set("platform_watts", power_json(sample, sample.psys->energy));
  out.set("faults", Json(sample.delta.faults.names()));
  fmt::print("{}\n", out.dump());
  std::fflush(stdout);
}

// Waits until `until_s`, or Ctrl-C.
void wait_until(double until_s) {
  while (!interrupted() && monotonic_s() < until_s) {
    const double left = until_s - monotonic_s();
    std::this_thread::sleep_for(std::chrono::duration<double>(std::clamp(left, 0.0, 0.1)));
  }
}

void watch(const MeterOptions& options, OpenedSources& opened, double opened_s) {
  const InterruptScope scope;
  const bool redrawn = !options.json && can_redraw(1);
  double last = opened_s;
  for (int second = 1; (options.seconds == 0 || second <= options.seconds) && !interrupted(); ++second) {
    wait_until(opened_s + second);
    if (interrupted()) break;
    const double now = monotonic_s();
    Sample sample;
    sample.span_s = now - last;
    sample.delta = opened.source->read(now);
    if (opened.psys) sample.psys = opened.psys->read(now);
    last = now;
    options.json ? print_sample_json(sample) : print_sample(sample, redrawn);
    if (std::ferror(stdout) != 0) break;  // who read it has gone
  }
  if (redrawn) fmt::print("\n");
}

}  // namespace

std::string watts_text(double value, double low, double high) {
  const double half = std::max((high - low) / 2, 1e-3);
  const double power = std::floor(std::log10(half));
  const double step = std::pow(10, power);
  const int decimals = std::max(0, static_cast<int>(-power));
  const auto rounded = [&](double w) { return fmt::format("{:.{}f}", std::round(w / step) * step, decimals); };
  return fmt::format("{} W ({} to {} W)", rounded(value), rounded(low), rounded(high));
}

Result<void> meter_command(const MeterOptions& options) {
  if (options.calibrate) return calibrate_command(options);
  SourceOptions sources;
  sources.method = options.method;
  sources.calibration_path = options.file.empty() ? default_calibration_path() : options.file;
  sources.whole_machine = true;
  const double opened_s = monotonic_s();
  TRY(OpenedSources opened, open_energy_source(sources, opened_s));
  options.json ? print_sources_json(opened) : print_sources(opened);
  if (options.once) return {};
  if (!options.json) fmt::print("\n");
  std::fflush(stdout);
  watch(options, opened, opened_s);
  return {};
}

}  // namespace sobre
