// Simulated machines for the tests of the meter: what they truly draw under a random load, and what their counters, clocks and
// wall meters would show of it. The ranges are those of docs/energy.md. Everything follows from the seed.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "meter/counter_track.h"
#include "meter/cpu_times.h"
#include "meter/energy_source.h"

namespace sobre::simulated {

/// Random numbers of one machine.
class Dice {
 public:
  Dice(uint64_t seed, uint32_t stream) : seed_(seed), stream_(stream) {}
  double unit() { return random_unit(seed_, stream_, index_++); }
  double between(double a, double b) { return a + (b - a) * unit(); }
  /// Evenly over orders of magnitude.
  double scaled(double a, double b) { return a * std::pow(b / a, unit()); }
  int whole(int a, int b) { return a + static_cast<int>(unit() * (b - a + 1)); }
  bool chance(double p) { return unit() < p; }
  double normal(double deviation) {
    const double radius = std::sqrt(-2 * std::log(1 - unit()));
    return deviation * radius * std::cos(2 * 3.141592653589793 * unit());
  }

 private:
  uint64_t seed_;
  uint32_t stream_;
  uint64_t index_ = 0;
};

/// Power over the share of processors that are busy: idle + (full - idle) * share^bend.
struct PowerCurve {
  double idle_w = 0, full_w = 0, bend = 1;
  [[nodiscard]] double watts(double share) const { return idle_w + (full_w - idle_w) * std::pow(share, bend); }
};

/// One part that draws power (a package, memory, a GPU) and its counter: 1 count is `unit_uj`.
struct Part {
  PowerCurve curve;
  double gain = 1;         // of the counter, systematic
  double drift = 0;        // deviation of a further gain, new with each phase of load
  double update_s = 1e-3;  // the counter moves at multiples of this
  double unit_uj = 61;
  uint64_t range = 0;     // of the value shown; 0: none
  double start = 0;       // counts at the beginning
  double true_j = 0;      // what was drawn
  double counted_uj = 0;  // what the counter was fed
  double watts = 0, gain_now = 1;
  double added_uj = 0;            // by a fault
  mutable double updated_uj = 0;  // counted_uj at the last update that was seen
};

class Machine {
 public:
  Machine(uint64_t seed, uint32_t stream) : dice(seed, stream) {}

  Dice dice;
  std::vector<Part> parts;
  int cpus = 8;
  double now_s = 0;
  double busy_s = 0;   // processor seconds that were worked
  double busiest = 1;  // loads are drawn up to this
  double idle_chance = 0.3;
  double phase_s = 20;  // mean length of one load
  double share = 0;

  /// Lets time pass, through changes of load.
  void run_to(double t) {
    while (now_s < t) {
      if (now_s >= phase_end_s_) next_phase();
      const double step = std::min(t, phase_end_s_) - now_s;
      for (Part& p : parts) {
        p.true_j += p.watts * step;
        p.counted_uj += 1e6 * p.watts * step * p.gain_now;
      }
      busy_s += share * cpus * step;
      now_s += step;
    }
  }
  void hold_load(double load) {
    share = load;
    phase_end_s_ = 1e18;
    set_powers();
  }
  [[nodiscard]] double true_j() const {
    double sum = 0;
    for (const Part& p : parts) sum += p.true_j;
    return sum;
  }
  /// What the counter of a part shows now: the state at its last update, in whole units, within its range.
  [[nodiscard]] uint64_t shown(const Part& p) const {
    const double late = now_s - std::floor(now_s / p.update_s) * p.update_s;
    // Never less than before: the power may just have changed.
    p.updated_uj = std::max(p.updated_uj, p.counted_uj - 1e6 * p.watts * p.gain_now * late);
    const double uj = p.updated_uj + p.added_uj;
    // Whole units of the hardware, shown in the unit of the interface.
    const auto counts = static_cast<uint64_t>(std::floor(std::floor(uj / p.unit_uj) * p.unit_uj / shown_uj) + p.start);
    return p.range > 0 ? counts % p.range : counts;
  }
  double shown_uj = 1;  // microjoules of one count of the interface

 private:
  void next_phase() {
    share = dice.chance(idle_chance) ? dice.between(0, 0.05) : dice.between(0, busiest);
    phase_end_s_ = now_s + phase_s * dice.between(0.2, 1.8);
    set_powers();
  }
  void set_powers() {
    for (Part& p : parts) {
      p.watts = p.curve.watts(share);
      p.gain_now = p.gain * (1 + dice.normal(p.drift));
    }
  }
  double phase_end_s_ = 0;
};

/// The counter of a part, with faults that a test turns on. The machine must outlive it.
class PartCounter final : public EnergyCounter {
 public:
  PartCounter(const Machine& machine, size_t part) : machine_(machine), part_(part) {}
  CounterReading read() override {
    if (status != CounterReading::Status::kRead) return {status, 0};
    if (!frozen) last_ = machine_.shown(machine_.parts[part_]);
    return {CounterReading::Status::kRead, last_};
  }
  CounterReading::Status status = CounterReading::Status::kRead;
  bool frozen = false;

 private:
  const Machine& machine_;
  size_t part_;
  uint64_t last_ = 0;
};

/// The processor clock of a machine.
inline ProcessorClock clock_of(const Machine& machine) {
  ProcessorClock clock;
  clock.seconds = [&machine] { return machine.busy_s; };
  return clock;
}

/// How often truth lay in the interval, and how wide that was.
class Tally {
 public:
  void add(double true_j, const Energy& energy) {
    const double low = 1e-6 * static_cast<double>(energy.low_uj), high = 1e-6 * static_cast<double>(energy.high_uj);
    inside_ += low <= true_j && true_j <= high ? 1 : 0;
    widths_.push_back(high / low);
    ratios_.push_back(1e-6 * static_cast<double>(energy.value_uj) / true_j);
  }
  [[nodiscard]] int inside() const { return inside_; }
  [[nodiscard]] double median_width() const { return middle(widths_); }
  [[nodiscard]] double median_ratio() const { return middle(ratios_); }
  [[nodiscard]] size_t size() const { return widths_.size(); }

 private:
  static double middle(std::vector<double> v) {
    std::sort(v.begin(), v.end());
    return v[v.size() / 2];
  }
  int inside_ = 0;
  std::vector<double> widths_, ratios_;
};

/// Runs a machine for `seconds`, reading the source every `every_s` or so, and returns the sum of what it said. Between the
/// time given to the source and its reading the machine goes on by up to `late_s`.
inline EnergyDelta run_and_read(Machine& machine, EnergySource& source, double seconds, double every_s, double late_s = 0) {
  EnergyDelta sum;
  const double end = machine.now_s + seconds;
  while (machine.now_s < end) {
    machine.run_to(std::min(end, machine.now_s + every_s * machine.dice.between(0.5, 1.5)));
    const double stamp = machine.now_s;
    if (late_s > 0) machine.run_to(stamp + late_s * machine.dice.unit());
    const EnergyDelta delta = source.read(stamp);
    sum.energy += delta.energy;
    sum.faults.add(delta.faults);
  }
  return sum;
}

}  // namespace sobre::simulated
