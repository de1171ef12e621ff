// Calibrations as files.
#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <system_error>

#include "base/file.h"
#include "base/json.h"
#include "meter/calibration.h"

namespace sobre {

namespace {

constexpr int kVersion = 1;
constexpr size_t kMaxLevels = 100;
constexpr uint64_t kMaxBytes = 1 << 20;

const std::string kEmpty;

const std::string& text_of(const Json& json, std::string_view key) {
  const Json* member = json.find(key);
  const std::string* text = member != nullptr ? member->as_string() : nullptr;
  return text != nullptr ? *text : kEmpty;
}

// A number from `least` to `most`; `where` is for the message.
Result<double> number_of(const Json& json, std::string_view key, double least, double most, const std::string& where) {
  const Json* member = json.find(key);
  const std::optional<double> number = member != nullptr ? member->as_double() : std::nullopt;
  if (!number || !std::isfinite(*number) || *number < least || *number > most)
    return fail("{}: {} is no number from {:g} to {:g}", where, key, least, most);
  return *number;
}

Result<std::optional<double>> watts_of(const Json& json, std::string_view key, const std::string& where) {
  const Json* member = json.find(key);
  if (member == nullptr || member->is_null()) return std::optional<double>();
  TRY(const double watts, number_of(json, key, 0, 1e5, where));
  return std::optional<double>(watts);
}

Result<CalibrationLevel> parse_level(const Json& json, const std::string& where) {
  CalibrationLevel level;
  TRY(level.load, number_of(json, "load", 0, 1, where));
  TRY(level.seconds, number_of(json, "seconds", 1e-3, 1e6, where));
  TRY(level.processor_s, number_of(json, "processor_s", 0, 1e9, where));
  TRY(level.counter_w, watts_of(json, "counter_w", where));
  TRY(level.wall_w, watts_of(json, "wall_w", where));
  return level;
}

std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 60)) out += c >= 0x20 && c < 0x7f ? c : '?';
  return out;
}

}  // namespace

HostId read_host_id(const CpuInfo& cpu, const std::string& machine_id_path) {
  HostId host;
  host.processor = cpu.name;
  host.cpus = cpu.cpus;
  const Result<std::string> id = read_system_file(machine_id_path, 256);
  if (id) host.machine_id = printable(std::string_view(*id).substr(0, id->find_first_of("\r\n ")));
  return host;
}

std::string calibration_text(const Calibration& calibration) {
  Json::Array levels;
  const auto watts = [](const std::optional<double>& w) { return w ? Json(*w) : Json(); };
  for (const CalibrationLevel& l : calibration.levels) {
    levels.emplace_back(Json::Object{{"load", Json(l.load)},
                                     {"seconds", Json(l.seconds)},
                                     {"processor_s", Json(l.processor_s)},
                                     {"counter_w", watts(l.counter_w)},
                                     {"wall_w", watts(l.wall_w)}});
  }
  const Json json(Json::Object{{"sobre_calibration", Json(kVersion)},
                               {"host", Json(Json::Object{{"machine_id", Json(calibration.host.machine_id)},
                                                          {"processor", Json(calibration.host.processor)},
                                                          {"cpus", Json(calibration.host.cpus)}})},
                               {"date", Json(calibration.date)},
                               {"counter", Json(calibration.counter)},
                               {"levels", Json(std::move(levels))}});
  JsonStyle style;
  style.indent = 1;
  style.item_separator = ",";
  return json.dump(style) + "\n";
}

Result<Calibration> parse_calibration(std::string_view text) {
  JsonLimits limits;
  limits.max_bytes = kMaxBytes;
  limits.max_values = 10'000;
  TRY(const Json json, Json::parse(text, limits));
  const Json* version = json.find("sobre_calibration");
  if (version == nullptr) return fail("this is no calibration (it lacks \"sobre_calibration\")");
  if (version->as_int() != kVersion)
    return fail("its version is {}, this program reads {}; calibrate again", printable(version->dump()), kVersion);
  Calibration calibration;
  const Json* host = json.find("host");
  const Json* levels = json.find("levels");
  if (host == nullptr || levels == nullptr || levels->as_array() == nullptr) return fail("it lacks host or levels");
  calibration.host.machine_id = text_of(*host, "machine_id");
  calibration.host.processor = text_of(*host, "processor");
  TRY(const double cpus, number_of(*host, "cpus", 1, 1 << 16, "host"));
  calibration.host.cpus = static_cast<int>(cpus);
  calibration.date = text_of(json, "date");
  calibration.counter = text_of(json, "counter");
  const Json::Array& rows = *levels->as_array();
  if (rows.empty() || rows.size() > kMaxLevels) return fail("it has {} levels, 1 to {} are expected", rows.size(), kMaxLevels);
  for (size_t i = 0; i < rows.size(); ++i) {
    TRY(const CalibrationLevel level, parse_level(rows[i], fmt::format("level {}", i)));
    if (i > 0 && level.load <= calibration.levels.back().load)
      return fail("level {}: its load {:g} does not rise above {:g}", i, level.load, calibration.levels.back().load);
    calibration.levels.push_back(level);
  }
  return calibration;
}

Result<Calibration> read_calibration(const std::string& path, const HostId& host) {
  TRY(const std::string text, read_file(path, kMaxBytes));
  Result<Calibration> calibration = parse_calibration(text);
  if (!calibration) return fail_in(path, calibration.error());
  const HostId& made = calibration->host;
  if (made == host) return calibration;
  const std::string what = made.machine_id != host.machine_id
                               ? "another machine-id"
                               : fmt::format("'{}' with {} processors; this is '{}' with {}", printable(made.processor),
                                             made.cpus, printable(host.processor), host.cpus);
  return fail("{}: made on another host ({}); calibrate here: sobre meter --calibrate", path, what);
}

Result<void> write_calibration(const std::string& path, const Calibration& calibration) {
  std::error_code error;
  const auto folder = std::filesystem::path(path).parent_path();
  if (!folder.empty()) std::filesystem::create_directories(folder, error);
  return write_text_file(path, calibration_text(calibration));
}

}  // namespace sobre
