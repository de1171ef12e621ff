// Energy counters of processors (RAPL: Intel since Sandy Bridge, AMD since family 17h) as Linux shows them under
// /sys/class/powercap (Documentation/power/powercap/powercap.rst). Reading: read_powercap() finds the zones, choose_rapl()
// decides which of them count, and the source keeps their files open. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "meter/counter_track.h"
#include "meter/cpu_power.h"
#include "meter/cpu_times.h"
#include "meter/energy_source.h"
#include "meter/sources_seen.h"

namespace sobre {

/// One zone of powercap: a counter, or why there is none.
struct RaplZone {
  std::string id;    // the folder: intel-rapl:0, intel-rapl:0:1, intel-rapl-mmio:0
  std::string name;  // package-0, package-0-die-1, core, uncore, dram, psys
  uint64_t range_uj = 0;
  std::optional<double> limit_w;  // the largest power limit that the zone shows; 2000 W and more is none
  std::unique_ptr<EnergyCounter> counter;
  std::string fault;  // why it cannot be read; empty: it can
  bool denied = false;
};

/// The zones under `root`, in the order of their ids. Errors: `root` cannot be listed. Zones that lack a file or hold nonsense
/// come back with a fault.
[[nodiscard]] Result<std::vector<RaplZone>> read_powercap(const std::string& root = "/sys/class/powercap");

/// A counter file (energy_uj): kept open, read with pread, opened anew at most once a second while it fails. Outside text is
/// read as parse_whole_number reads it.
[[nodiscard]] std::unique_ptr<EnergyCounter> powercap_counter(const std::string& path);

struct RaplOptions {
  CpuInfo cpu;            // for the quirks of makers and the largest power
  bool with_dram = true;  // false: packages alone
  ProcessorClock clock;   // for estimates while a counter fails; may be empty
};

struct RaplFound {
  std::unique_ptr<EnergySource> source;  // nothing: `refusal` says why
  std::unique_ptr<EnergySource> psys;    // the whole platform where it has such a counter: reported apart, never added
  SourceSeen refusal;
  std::vector<SourceSeen> zones;  // every zone, used or not
};

/// Packages are added, and memory where it is listed apart. Not added: core and uncore (parts of their package), psys (contains
/// the packages), zones of intel-rapl-mmio that intel-rapl has too, and packages that mirror another. Mirrors are looked for
/// among dies of one package and on AMD's processors: equal counters at opening, or later 3 kJ without a difference; one whose
/// counter parts from its twin later is added from then on, with what it had counted.
/// All packages or none: where one cannot be read the source is refused. `now_s`: monotonic seconds.
[[nodiscard]] RaplFound choose_rapl(std::vector<RaplZone> zones, const RaplOptions& options, double now_s);

}  // namespace sobre
