// Zones of powercap as files.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "meter/rapl.h"

namespace sobre {

namespace {

namespace fs = std::filesystem;

constexpr int kMaxDepth = 3;        // control type, package, part of a package
constexpr size_t kMaxZones = 4096;  // far above any machine's
constexpr size_t kMaxText = 256;
constexpr uint64_t kLeastRangeUj = 1'000'000;
constexpr uint64_t kMostRangeUj = 1ull << 60;
constexpr double kReopenS = 1;

class PowercapCounter final : public EnergyCounter {
 public:
  explicit PowercapCounter(const std::string& path) : file_(path) {}

  CounterReading read() override {
    char buffer[64];
    std::string_view text = file_.read(buffer);
    if (text.empty() && may_reopen()) {
      file_.reopen();
      text = file_.read(buffer);
    }
    CounterReading reading;
    if (const std::optional<uint64_t> value = parse_whole_number(text)) {
      reading.status = CounterReading::Status::kRead;
      reading.value = *value;
    } else if (text.empty() && (file_.error() == ENOENT || file_.error() == ENODEV || file_.error() == ENXIO)) {
      reading.status = CounterReading::Status::kGone;
    }
    return reading;
  }
  [[nodiscard]] int error() const { return file_.error(); }

 private:
  bool may_reopen() {
    const auto now = std::chrono::steady_clock::now();
    if (tried_ && now - last_try_ < std::chrono::duration<double>(kReopenS)) return false;
    tried_ = true;
    last_try_ = now;
    return true;
  }
  KeptFile file_;
  bool tried_ = false;
  std::chrono::steady_clock::time_point last_try_;
};

bool is_zone_name(std::string_view name) {
  for (const std::string_view type : {"intel-rapl-mmio", "intel-rapl", "amd-rapl"}) {
    if (!name.starts_with(type)) continue;
    const std::string_view rest = name.substr(type.size());
    if (rest.empty() || rest.front() == ':') return true;
  }
  return false;
}

// Zones lie side by side under /sys/class/powercap, where they are links, and inside each other under /sys/devices; both are
// taken, each id once.
void collect(const fs::path& folder, int depth, std::vector<fs::path>& found) {
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (!is_zone_name(name) || found.size() >= kMaxZones) continue;
    const bool known = std::any_of(found.begin(), found.end(), [&](const fs::path& p) { return p.filename() == name; });
    if (!known && name.find(':') != std::string::npos) found.push_back(it->path());
    if (depth < kMaxDepth) collect(it->path(), depth + 1, found);
  }
}

std::string short_text(const fs::path& path) {
  const Result<std::string> text = read_system_file(path.string(), kMaxText);
  if (!text) return "";
  std::string line = text->substr(0, text->find('\n'));
  for (char& c : line) c = c >= 0x20 && c < 0x7f ? c : '?';
  return line;
}

std::optional<double> largest_limit_w(const fs::path& folder) {
  constexpr int kMaxConstraints = 4;
  constexpr double kNoLimitW = 2000;  // from here on it stands for "none": all ones of 15 bits in eighths of a watt are 4095 W
  std::optional<double> largest;
  for (int i = 0; i < kMaxConstraints; ++i) {
    for (const char* what : {"power_limit_uw", "max_power_uw"}) {
      const auto uw = parse_whole_number(short_text(folder / fmt::format("constraint_{}_{}", i, what)));
      const double watts = uw ? 1e-6 * static_cast<double>(*uw) : 0;
      if (watts > 0 && watts < kNoLimitW) largest = std::max(largest.value_or(0), watts);
    }
  }
  return largest;
}

RaplZone read_zone(const fs::path& folder) {
  RaplZone zone;
  zone.id = folder.filename().string();
  zone.name = short_text(folder / "name");
  const std::string range = short_text(folder / "max_energy_range_uj");
  zone.range_uj = parse_whole_number(range).value_or(0);
  zone.limit_w = largest_limit_w(folder);
  auto counter = std::make_unique<PowercapCounter>((folder / "energy_uj").string());
  const CounterReading reading = counter->read();
  if (zone.name.empty()) {
    zone.fault = "it has no name";
  } else if (reading.status != CounterReading::Status::kRead) {
    const int error = counter->error();
    zone.denied = error == EACCES || error == EPERM;
    zone.fault = error != 0 ? fmt::format("energy_uj: {}", std::strerror(error)) : "energy_uj holds no whole number";
  } else if (zone.range_uj < kLeastRangeUj || zone.range_uj > kMostRangeUj) {
    zone.fault = fmt::format("max_energy_range_uj is '{}', {} to {} is expected", range, kLeastRangeUj, kMostRangeUj);
  } else if (reading.value > zone.range_uj) {
    zone.fault = fmt::format("energy_uj is {}, above max_energy_range_uj {}", reading.value, zone.range_uj);
  }
  zone.counter = std::move(counter);
  return zone;
}

}  // namespace

std::unique_ptr<EnergyCounter> powercap_counter(const std::string& path) { return std::make_unique<PowercapCounter>(path); }

Result<std::vector<RaplZone>> read_powercap(const std::string& root) {
  std::error_code error;
  const fs::directory_iterator probe(root, error);
  if (error) return fail("{}: {}", root, error.message());
  std::vector<fs::path> folders;
  collect(root, 1, folders);
  std::sort(folders.begin(), folders.end(), [](const fs::path& a, const fs::path& b) { return a.filename() < b.filename(); });
  std::vector<RaplZone> zones;
  zones.reserve(folders.size());
  for (const fs::path& folder : folders) zones.push_back(read_zone(folder));
  return zones;
}

}  // namespace sobre
