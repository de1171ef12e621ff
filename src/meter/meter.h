// The meter of a process: reads its source, keeps windows, and says what each request was given (Attribution). Windows close
// with a step once they are kWindowS long, and whenever a request ends; a thread of its own closes them once a second while
// nothing runs, which is when idle power is learned and counters are kept from wrapping unseen. Any thread.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "meter/attribution.h"
#include "meter/cpu_times.h"
#include "meter/energy_source.h"

namespace sobre {

/// What the meter asks of the world; tests give their own.
struct MeterWorld {
  std::function<double()> now_s;                // monotonic seconds
  std::function<double()> own_cpu_s;            // processor seconds of this process
  std::function<Result<CpuTimes>()> cpu_times;  // of the machine; asked once a second at most
};

/// The clocks of this machine.
[[nodiscard]] MeterWorld machine_world();

/// The meter's state now.
struct MeterState {
  double watts = -1;        // of the last second or so; negative: not known yet
  double idle_watts = -1;   // negative: not known yet
  double others_share = 0;  // of other processes in the processor time of the last window
  double own_cpu_s = 0;     // processor seconds spent inside the meter
  struct Fit {
    std::array<double, 3> coefficients{};  // joules per prompt operation, per weight byte, per byte of keys and values
    double residual = 0;
  };
  std::vector<Fit> fits;  // per model
  MeterTotals totals;
};

class Meter {
 public:
  /// Takes the first reading. Takes under 2 ms.
  explicit Meter(std::unique_ptr<EnergySource> source, MeterWorld world = machine_world());
  ~Meter();
  Meter(const Meter&) = delete;
  Meter& operator=(const Meter&) = delete;

  /// A request that engine steps will name. Every begin() needs its end().
  [[nodiscard]] uint64_t begin();
  /// Work without steps, from now on.
  [[nodiscard]] uint64_t begin_activity();
  /// A step has just ended. Costs microseconds, and a reading of the source where the window is long enough.
  void step(const MeterStep& step);
  /// The request is over: reads the source and says what it was given.
  [[nodiscard]] RequestEnergy end(uint64_t request);

  [[nodiscard]] const EnergyMethod& method() const;
  [[nodiscard]] MeterState state() const;

  static constexpr double kWindowS = 0.1;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sobre
