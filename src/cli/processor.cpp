#include "cli/processor.h"

#include <sys/utsname.h>

#include <algorithm>
#include <fstream>

namespace sobre {

std::string cpu_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (!line.starts_with("model name") && !line.starts_with("Model\t")) continue;
    const size_t begin = line.find_first_not_of(" :\t", std::min(line.find(':'), line.size()));
    if (begin != std::string::npos) return line.substr(begin);
  }
  utsname names{};
  return uname(&names) == 0 ? std::string(names.machine) : std::string("unknown");
}

}  // namespace sobre
