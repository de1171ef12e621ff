#include "cli/processor.h"

#include <sys/utsname.h>

#include "meter/cpu_power.h"

namespace sobre {

std::string cpu_name() {
  const Result<CpuInfo> info = read_cpu_info();
  if (info && !info->name.empty()) return info->name;
  utsname names{};
  return uname(&names) == 0 ? std::string(names.machine) : std::string("unknown");
}

}  // namespace sobre
