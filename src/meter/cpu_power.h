// What a processor draws where nothing can be read: from a table of processors by name, or a constant for each core; and the
// source of energy made of it. docs/energy.md says how far to trust it.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "meter/cpu_times.h"
#include "meter/energy_source.h"

namespace sobre {

/// What /proc/cpuinfo says of the machine's processors.
struct CpuInfo {
  std::string name;    // "model name"; on ARM "ARM implementer 0x41 part 0xd0c"; may be empty
  std::string vendor;  // GenuineIntel, AuthenticAMD; empty on ARM
  int cpus = 0;        // processors listed
  int sockets = 1;
  int cores = 0;                 // of all sockets; 0: not said
  bool virtual_machine = false;  // a hypervisor says that it is there (x86 only)
};

/// Reads <proc>/cpuinfo. Errors: cannot be read, or lists no processor.
[[nodiscard]] Result<CpuInfo> read_cpu_info(const std::string& proc = "/proc");
/// The same of a text.
[[nodiscard]] Result<CpuInfo> parse_cpu_info(std::string_view text);

/// A row of the table: rated power (TDP) of one socket, its cores and hardware threads, from the makers' data sheets.
struct CpuRating {
  std::string_view words;  // all of them stand in the name, each as a whole word
  double tdp_w;
  int cores, threads;
  bool family = false;  // not this part but a usual one of its family (names that virtual machines give)
};
[[nodiscard]] std::span<const CpuRating> cpu_ratings();
/// The row whose words are all in the name; of several the one with the most letters. Null: none.
[[nodiscard]] const CpuRating* find_cpu_rating(std::string_view name);

struct CpuPowerModel {
  std::string method;             // estimate-tdp or estimate-cores
  std::string boundary;           // what is modelled, in words
  double idle_w = 0, full_w = 0;  // of this machine, or of its share of the socket where it is virtual
  int cpus = 1;
  double low_factor = 1, high_factor = 1;  // 95 % interval
};

/// By the table: the sockets' rated power when all processors are busy, and when none is 8 % of it (rated 30 W or less), 28 %
/// (Xeon, EPYC, ARM servers) or 15 % (others). A virtual machine is taken
/// for the part of one socket that its number of processors is of the socket's threads. Nothing: the name is not in it.
[[nodiscard]] std::optional<CpuPowerModel> table_power_model(const CpuInfo& cpu);
/// 5 W for each busy core and 1 W for each idle one; a processor of a virtual x86 machine is taken for half a core, since
/// it is a hardware thread as a rule.
[[nodiscard]] CpuPowerModel core_power_model(const CpuInfo& cpu);
/// The largest power of one socket that is believed: three times its rated power, at least 100 W above it; 1200 W where the
/// name is not in the table.
[[nodiscard]] double largest_socket_power_w(const CpuInfo& cpu);

/// Processor seconds with stolen time counted out: a process that waits for the host is charged by many kernels as if it ran,
/// so what its clock moves is reduced by the share of stolen time in all running time. That share is looked up once a second.
class PaidSeconds {
 public:
  explicit PaidSeconds(ProcessorClock clock);
  /// Processor seconds since the previous call.
  [[nodiscard]] double next(double now_s);

 private:
  ProcessorClock clock_;
  double seconds_ = 0;
  std::optional<MachineSeconds> machine_;
  double looked_s_ = 0;
  bool looked_ = false;
  double kept_ = 1;  // share of the time that was not stolen
};

/// Energy from processor time: idle_w * seconds + 1.15 (full_w - idle_w) / cpus * processor seconds. idle_uj is the first term.
[[nodiscard]] std::unique_ptr<EnergySource> cpu_model_source(const CpuPowerModel& model, ProcessorClock clock, double now_s);

}  // namespace sobre
