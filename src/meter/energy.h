// What is passed between the parts of the meter: amounts of energy with their intervals, faults, and what a source returned.
// Plain values; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sobre {

/// An amount of energy and its 95 % interval, in whole microjoules (sums stay exact). The doubt is taken as systematic (a gain,
/// a power model), so that intervals of parts add up linearly.
struct Energy {
  int64_t value_uj = 0;
  int64_t low_uj = 0;
  int64_t high_uj = 0;

  Energy& operator+=(const Energy& other) {
    value_uj += other.value_uj;
    low_uj += other.low_uj;
    high_uj += other.high_uj;
    return *this;
  }
  friend bool operator==(const Energy&, const Energy&) = default;
};

/// What was wrong in a window. The window is marked with it and its interval widened.
enum class MeterFault : uint8_t {
  kMissedWrap,     // the counter may have run through its range more than once between two readings
  kMissingDomain,  // a counter of the source is gone
  kUnreadable,     // permission or another error while reading
  kJump,           // the counter rose faster than the machine can draw
  kStopped,        // the counter stood still under load
  kSharedHost,     // other processes used more than a fifth of the processor time
};
inline constexpr int kMeterFaults = 6;

/// "missed_wrap", "missing_domain", "unreadable", "counter_jump", "counter_stopped", "shared_host".
[[nodiscard]] std::string_view meter_fault_name(MeterFault fault);

class MeterFaults {
 public:
  void add(MeterFault fault) { bits_ |= 1u << static_cast<unsigned>(fault); }
  void add(MeterFaults other) { bits_ |= other.bits_; }
  [[nodiscard]] bool has(MeterFault fault) const { return (bits_ >> static_cast<unsigned>(fault) & 1u) != 0; }
  [[nodiscard]] bool any() const { return bits_ != 0; }
  /// Names with commas between, in the order of the enumeration; empty: none.
  [[nodiscard]] std::string names() const;
  friend bool operator==(MeterFaults, MeterFaults) = default;

 private:
  uint32_t bits_ = 0;
};

/// What a source returned: the energy since its previous reading.
struct EnergyDelta {
  Energy energy;
  /// Of `energy`, what the machine draws without work, where the source knows it (models, calibrated counters); otherwise the
  /// meter learns it from moments without requests.
  std::optional<int64_t> idle_uj;
  MeterFaults faults;
};

/// How energy was found, the same for every reading of a source.
struct EnergyMethod {
  std::string name;      // rapl-package, rapl-package+dram, nvml, wall-calibrated, estimate-tdp, estimate-cores
  std::string boundary;  // what the figure includes, in words: "processor packages", "whole machine at the wall"
  double low_factor = 1, high_factor = 1;  // the interval without faults: low = value * low_factor, high = value * high_factor
  bool estimate = false;                   // nothing was read but processor time
};

/// What one request was given of the energy of the windows it was in.
struct RequestEnergy {
  Energy energy;            // allocated: marginal and its share, by time, of idle energy
  int64_t marginal_uj = 0;  // its share of active energy, by modelled work
  int64_t prefill_uj = 0;   // of marginal_uj, for reading its prompt
  double machine_s = 0;     // seconds of the machine: each moment divided by the requests in flight
  double in_flight_s = 0;   // seconds it was in flight
  MeterFaults faults;

  /// Requests that shared the machine with it, itself included, on average over its time; 1 where it took no time.
  [[nodiscard]] double concurrency_mean() const { return machine_s > 0 ? in_flight_s / machine_s : 1; }
  friend bool operator==(const RequestEnergy&, const RequestEnergy&) = default;
};

}  // namespace sobre
