// Energy counters of NVIDIA GPUs through their driver's library (NVML API reference, "Device Queries"), which is loaded at run
// time: the program neither links nor needs it. One thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "meter/energy_source.h"
#include "meter/sources_seen.h"

namespace sobre {

/// The functions used of the library, under its names without "nvml"; the types are those of its binary interface: a device
/// is an opaque pointer, results are nvmlReturn_t (0: success).
struct NvmlApi {
  using Device = void*;
  int (*init)() = nullptr;
  int (*shutdown)() = nullptr;
  int (*device_count)(unsigned* count) = nullptr;
  int (*device)(unsigned index, Device* device) = nullptr;
  int (*name)(Device device, char* name, unsigned length) = nullptr;
  int (*total_energy)(Device device, unsigned long long* millijoules) = nullptr;  // Volta and newer
  int (*power)(Device device, unsigned* milliwatts) = nullptr;
  int (*power_limit)(Device device, unsigned* milliwatts) = nullptr;
  int (*mig_mode)(Device device, unsigned* now, unsigned* pending) = nullptr;  // may be null: older drivers
};

struct NvmlFound {
  std::unique_ptr<EnergySource> source;  // nothing: `refusal` says why
  SourceSeen refusal;
  std::vector<SourceSeen> gpus;
};

/// All GPUs of the machine. Each counts by its total energy where it has that counter, else its power is integrated over time
/// between readings (wider interval). A GPU that has neither refuses the source: a sum must not lack a part in silence. `api`
/// was not initialised; shutdown is called when the source ends (or at once where it is refused). `now_s`: monotonic seconds.
[[nodiscard]] NvmlFound open_nvml(const NvmlApi& api, double now_s);

/// Loads the library and opens it. The library stays loaded for the life of the process: it starts threads of its own.
[[nodiscard]] NvmlFound open_nvml_library(const std::string& path, double now_s);

}  // namespace sobre
