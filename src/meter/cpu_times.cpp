#include "meter/cpu_times.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cctype>
#include <charconv>
#include <ctime>
#include <memory>

namespace sobre {

namespace {

constexpr size_t kMaxStatBytes = 8 << 20;
constexpr size_t kMaxFirstLine = 256;

double ticks_per_second() {
  const long ticks = ::sysconf(_SC_CLK_TCK);
  return ticks > 0 ? static_cast<double>(ticks) : 100;
}

// Columns of a line of /proc/stat. user and nice contain the time given to guests.
enum Column : uint8_t { kUser, kNice, kSystem, kIdle, kIoWait, kIrq, kSoftIrq, kSteal, kColumns };

// The line "cpu  4765199 68085 ...": kernels before 2.6.11 have no steal, the first had four columns.
std::optional<MachineSeconds> parse_total(std::string_view line, double ticks_per_s) {
  constexpr int kLeastColumns = 4;
  if (!line.starts_with("cpu ")) return std::nullopt;
  line.remove_prefix(4);
  std::array<double, kColumns> columns{};
  int found = 0;
  while (found < kColumns) {
    const size_t begin = line.find_first_not_of(' ');
    if (begin == std::string_view::npos) break;
    line.remove_prefix(begin);
    uint64_t ticks = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), ticks);
    if (error != std::errc() || (end != line.data() + line.size() && *end != ' ')) return std::nullopt;
    columns.at(static_cast<size_t>(found++)) = static_cast<double>(ticks);
    line.remove_prefix(static_cast<size_t>(end - line.data()));
  }
  if (found < kLeastColumns) return std::nullopt;
  MachineSeconds seconds;
  seconds.busy_s = (columns[kUser] + columns[kNice] + columns[kSystem] + columns[kIrq] + columns[kSoftIrq]) / ticks_per_s;
  seconds.steal_s = columns[kSteal] / ticks_per_s;
  return seconds;
}

}  // namespace

Result<CpuTimes> parse_cpu_times(std::string_view stat, double ticks_per_s) {
  const std::string_view first = stat.substr(0, stat.find('\n'));
  const std::optional<MachineSeconds> total = parse_total(first, ticks_per_s);
  if (!total) return fail("its first line is not 'cpu' and at least four numbers, as proc_stat(5) has it");
  CpuTimes times;
  times.busy_s = total->busy_s;
  times.steal_s = total->steal_s;
  for (size_t at = stat.find('\n'); at != std::string_view::npos; at = stat.find('\n', at + 1)) {
    const std::string_view line = stat.substr(at + 1);
    if (!line.starts_with("cpu")) break;
    if (line.size() > 3 && std::isdigit(static_cast<unsigned char>(line[3])) != 0) ++times.cpus;
  }
  if (times.cpus == 0) return fail("it lists no processor (no line begins with 'cpu0')");
  return times;
}

Result<CpuTimes> read_cpu_times(const std::string& proc) {
  const std::string path = proc + "/stat";
  TRY(const std::string text, read_system_file(path, kMaxStatBytes));
  Result<CpuTimes> times = parse_cpu_times(text, ticks_per_second());
  if (!times) return fail_in(path, times.error());
  times->own_s = own_cpu_seconds();
  return times;
}

double own_cpu_seconds() {
  timespec t{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

ProcessorClock processor_clock(const std::string& proc, bool whole_machine) {
  // Shared by the two functions of one clock, which is used by one thread at a time.
  const auto file = std::make_shared<KeptFile>(proc + "/stat");
  const double ticks = ticks_per_second();
  ProcessorClock clock;
  clock.machine = [file, ticks]() -> std::optional<MachineSeconds> {
    std::array<char, kMaxFirstLine> buffer{};
    const std::string_view text = file->read(buffer);
    const size_t end = text.find('\n');
    return end == std::string_view::npos ? std::nullopt : parse_total(text.substr(0, end), ticks);
  };
  if (!whole_machine || !clock.machine()) {
    clock.seconds = own_cpu_seconds;
  } else {
    // Stolen time is none of these seconds: there is nothing to count out.
    clock.seconds = [machine = std::move(clock.machine), last = 0.0]() mutable {
      if (const std::optional<MachineSeconds> now = machine()) last = now->busy_s;
      return last;
    };
    clock.machine = nullptr;
  }
  return clock;
}

}  // namespace sobre
