// Processor time of this process and of the whole machine.
#pragma once

#include <string>

#include "base/result.h"

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

}  // namespace sobre
