// Arbitrary bytes as what the meter reads from outside: /proc/stat, /proc/cpuinfo, files of powercap, and the calibration file.
// Each gives a value that keeps its promises or one clear line of error. The first byte chooses the reader.
#include <unistd.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "meter/calibration.h"
#include "meter/cpu_power.h"
#include "meter/cpu_times.h"
#include "meter/rapl.h"

namespace {

using namespace sobre;

void require(bool condition) {
  if (!condition) std::abort();
}

void require_line(const std::string& message) { require(!message.empty() && message.find('\n') == std::string::npos); }

void check_energy(const EnergyDelta& delta) {
  require(delta.energy.low_uj >= 0 && delta.energy.low_uj <= delta.energy.value_uj);
  require(delta.energy.value_uj <= delta.energy.high_uj);
}

void read_stat(std::string_view text) {
  const Result<CpuTimes> times = parse_cpu_times(text, 100);
  if (!times) return require_line(times.error().message);
  require(times->cpus >= 1 && times->busy_s >= 0 && times->steal_s >= 0);
}

void read_info(std::string_view text) {
  const Result<CpuInfo> info = parse_cpu_info(text);
  if (!info) return require_line(info.error().message);
  require(info->cpus >= 1 && info->sockets >= 1 && info->cores >= 0 && info->cores <= info->cpus);
  require(largest_socket_power_w(*info) > 0);
  double seconds = 0;
  for (const CpuPowerModel& model : {core_power_model(*info), table_power_model(*info).value_or(core_power_model(*info))}) {
    require(model.full_w > model.idle_w && model.idle_w >= 0 && model.cpus >= 1);
    const auto source = cpu_model_source(model, {[&seconds] { return seconds; }, {}}, 0);
    seconds += 1;
    check_energy(source->read(1));
  }
}

// Eight bytes of the text as a clock that never falls.
double next_time(std::string_view& text, double now) {
  if (text.empty()) return now + 1;
  const double step = std::exp2(static_cast<unsigned char>(text.front()) / 8.0 - 12);
  text.remove_prefix(1);
  return now + step;
}

class Tree {
 public:
  Tree() {
    std::string pattern = (std::filesystem::temp_directory_path() / "sobre-fuzz-XXXXXX").string();
    require(mkdtemp(pattern.data()) != nullptr);
    root = pattern;
    std::filesystem::create_directories(root + "/intel-rapl:0/intel-rapl:0:0");
    std::filesystem::create_directories(root + "/intel-rapl:1");
  }
  ~Tree() {
    std::error_code error;
    std::filesystem::remove_all(root, error);
  }
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;
  void write(const std::string& name, std::string_view text) const {
    std::ofstream(root + "/" + name, std::ios::binary | std::ios::trunc) << text;
  }
  std::string root;
};

// Fields with zero bytes between: names, ranges and counters of three zones, then readings.
void read_tree(std::string_view text) {
  static const Tree tree;
  const auto field = [&text] {
    const std::string_view part = text.substr(0, text.find('\0'));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    return part;
  };
  for (const char* zone : {"intel-rapl:0", "intel-rapl:1", "intel-rapl:0/intel-rapl:0:0"}) {
    for (const char* file : {"name", "max_energy_range_uj", "energy_uj", "constraint_0_power_limit_uw"})
      tree.write(std::string(zone) + "/" + file, field());
  }
  Result<std::vector<RaplZone>> zones = read_powercap(tree.root);
  require(zones.has_value() && zones->size() == 3);
  CpuInfo cpu;
  cpu.vendor = "AuthenticAMD";
  cpu.cpus = 8;
  RaplFound found = choose_rapl(std::move(*zones), {cpu, true, {}}, 0);
  for (const SourceSeen& seen : found.zones) require_line(seen.reason);
  if (!found.source) return require_line(found.refusal.reason);
  double now = 0;
  for (int i = 0; i < 8; ++i) {
    now = next_time(text, now);
    tree.write("intel-rapl:0/energy_uj", field());
    tree.write("intel-rapl:1/energy_uj", field());
    check_energy(found.source->read(now));
  }
}

void read_calibration_text(std::string_view text) {
  const Result<Calibration> calibration = parse_calibration(text);
  if (!calibration) return require_line(calibration.error().message);
  const Result<Calibration> again = parse_calibration(calibration_text(*calibration));
  require(again && calibration_text(*again) == calibration_text(*calibration));
  const Result<WallFit> fit = fit_wall(*calibration);
  if (!fit) return require_line(fit.error().message);
  require(fit->low_factor > 0 && fit->low_factor < 1 && fit->high_factor > 1 && fit->idle_w >= 0);
  double seconds = 0;
  const auto source = wall_source(*fit, ProcessorClock{[&seconds] { return seconds; }, {}}, calibration->host.cpus, 0);
  for (int i = 1; i <= 4; ++i) {
    seconds += i * 0.7;
    check_energy(source->read(i));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0:
      read_stat(text);
      break;
    case 1:
      read_info(text);
      break;
    case 2:
      read_tree(text);
      break;
    default:
      read_calibration_text(text);
  }
  return 0;
}
