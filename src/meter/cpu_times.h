// Processor time of this process and of the whole machine.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "meter/system_file.h"

namespace sobre {

struct CpuTimes {
  double own_s = 0;    // this process, user and system, all its threads
  double busy_s = 0;   // all processes of the machine (of the virtual machine, where it is one): everything but idle and iowait
  double steal_s = 0;  // a virtual machine waited for its host; not in busy_s
  int cpus = 0;        // processors of the machine that are on line
};

/// Reads <proc>/stat and the clock of the process. Errors: a file that cannot be read or does not have the form.
[[nodiscard]] Result<CpuTimes> read_cpu_times(const std::string& proc = "/proc");
/// The clock of the process alone: under a microsecond per thread.
[[nodiscard]] double own_cpu_seconds();

/// What read_cpu_times does with the text of /proc/stat (proc_stat(5)); own_s is 0. Errors: not the form.
[[nodiscard]] Result<CpuTimes> parse_cpu_times(std::string_view stat, double ticks_per_s);

/// Busy and stolen seconds of the machine since it started, from the first line of /proc/stat alone.
struct MachineSeconds {
  double busy_s = 0, steal_s = 0;
};

/// Where sources take processor time from. Both may be called often; tests give their own.
struct ProcessorClock {
  /// Processor seconds that are to be paid for: those of this process, or of all.
  std::function<double()> seconds;
  /// For stolen time; empty or returning nothing: none is counted out.
  std::function<std::optional<MachineSeconds>()> machine;
};

/// The clock of this process; with `whole_machine`, of all processes of the machine instead, without what was stolen: then
/// there is no `machine`, which otherwise is there if <proc>/stat can be read. Calls make no heap call; those that read
/// <proc>/stat take some 20 microseconds per processor.
[[nodiscard]] ProcessorClock processor_clock(const std::string& proc = "/proc", bool whole_machine = false);

}  // namespace sobre
