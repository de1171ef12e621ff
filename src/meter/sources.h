// Which source of energy this machine gets: the best of those that work, or the one that is asked for.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "meter/energy_source.h"
#include "meter/sources_seen.h"

namespace sobre {

struct SourceOptions {
  /// Empty or "auto": the best. Else one of source_methods(), which must then work. The engine uses no GPU, so "nvml" is taken
  /// only when it is asked for.
  std::string method;
  std::string calibration_path;     // empty: none is looked for
  bool ignore_calibration = false;  // for calibrating itself: counters without what an earlier one says of them
  /// Processor time of all processes instead of this one's, for watching a machine.
  bool whole_machine = false;
  std::string powercap_root = "/sys/class/powercap";
  std::string proc = "/proc";
  std::string machine_id_path = "/etc/machine-id";
  std::string nvml_library = "libnvidia-ml.so.1";
};

struct OpenedSources {
  std::unique_ptr<EnergySource> source;  // always there
  std::unique_ptr<EnergySource> psys;    // the whole platform's own counter, where it has one: shown apart
  std::vector<SourceSeen> methods;       // every method, best first, with the reason why it is used or not
  std::vector<SourceSeen> counters;      // zones of powercap, and GPUs
};

/// "wall-calibrated", "rapl-package+dram", "rapl-package", "nvml", "estimate-tdp", "estimate-cores": from the best to the
/// worst.
[[nodiscard]] const std::vector<std::string>& source_methods();

/// Opens it. `now_s`: monotonic seconds, as the source is read with. Takes about a millisecond; NVML, where asked for, more.
/// Errors: an unknown method; the method asked for cannot be had (with the reason and what to do); /proc/cpuinfo, or for
/// whole_machine /proc/stat, cannot be read. A calibration that cannot be used is no error unless it was asked for: it is among
/// `methods` with its reason.
[[nodiscard]] Result<OpenedSources> open_energy_source(const SourceOptions& options, double now_s);

}  // namespace sobre
