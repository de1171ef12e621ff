// From the readings of one counter of energy to amounts with an interval: wrap-around, and what to say when the counter is
// gone, jumps or stands still. The same rules for RAPL's domains and for the counters of GPUs. One thread at a time; no heap.
#pragma once

#include <cstdint>

#include "meter/energy.h"

namespace sobre {

/// What came of reading a counter.
struct CounterReading {
  enum class Status : uint8_t { kRead, kGone, kUnreadable };
  Status status = Status::kUnreadable;
  uint64_t value = 0;
};

/// One counter as it can be read. Costs microseconds, no heap call.
class EnergyCounter {
 public:
  virtual ~EnergyCounter() = default;
  [[nodiscard]] virtual CounterReading read() = 0;
};

/// Watts as a line over the processors that are busy, learned from windows that were measured well; old ones count less (half
/// after a minute). For windows whose counter failed.
class LoadPower {
 public:
  void learn(double seconds, double busy_cpus, double watts);
  /// Watts at that load; `otherwise` before anything was learned.
  [[nodiscard]] double watts(double busy_cpus, double otherwise) const;
  /// The least watts of any window of at least 0.2 s; negative: none yet.
  [[nodiscard]] double least() const { return least_; }

 private:
  double weight_ = 0, x_ = 0, y_ = 0, xx_ = 0, xy_ = 0;  // sums over windows, each weighted by its seconds
  double least_ = -1;
};

struct CounterTraits {
  uint64_t range = 0;                      // the counter begins again at 0 after so many counts; 0: never
  int64_t unit_uj = 1;                     // microjoules of one count
  double max_w = 0;                        // more is never drawn behind this counter
  double usual_w = 0;                      // taken for windows without a reading while nothing is known yet
  double update_s = 0;                     // longest time between two updates of the counter
  double stopped_s = 0;                    // one that stands still for so long has failed
  double low_factor = 1, high_factor = 1;  // truth within value * these, without faults
};

class CounterTrack {
 public:
  CounterTrack(const CounterTraits& traits, double now_s, CounterReading first);

  /// The energy since the previous call. `busy_cpus`: processors that were busy on average since then, 0 where unknown. A
  /// reading that failed, or cannot be true, gives the estimate of LoadPower with the interval of what is possible, from the
  /// least seen to max_w. Windows too short for the counter to have moved give 0 and are made up for by the next.
  [[nodiscard]] EnergyDelta update(double now_s, CounterReading reading, double busy_cpus);

  /// Counts that went by since the track began, as far as they could be followed: the sum of plain differences.
  [[nodiscard]] uint64_t moved() const { return moved_; }
  [[nodiscard]] const CounterTraits& traits() const { return traits_; }

 private:
  [[nodiscard]] EnergyDelta measured(double now_s, uint64_t counts, double busy_cpus);
  [[nodiscard]] EnergyDelta wrapped(double now_s, uint64_t counts, double busy_cpus);
  [[nodiscard]] EnergyDelta guessed(double now_s, double busy_cpus, MeterFault fault);

  CounterTraits traits_;
  LoadPower power_;
  uint64_t last_ = 0;
  uint64_t moved_ = 0;
  bool have_ = false;                                       // last_ is a reading from which the next can be counted
  double pooled_s_ = 0, pooled_busy_s_ = 0, pooled_j_ = 0;  // windows to be learned from
  double measured_span_s_ = 0, measured_j_ = 0;             // the last window without a fault
  bool stopped_ = false;                                    // the counter was found standing still
  double paid_s_ = 0;                                       // energy up to here was given out
  MeterFault lost_as_ = MeterFault::kUnreadable;            // why have_ is false
};

}  // namespace sobre
