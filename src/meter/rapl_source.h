// The source behind choose_rapl(): counters that are added, and those that mirror one of them. Used by rapl.cpp alone.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "meter/counter_track.h"
#include "meter/cpu_power.h"
#include "meter/energy_source.h"

namespace sobre {

/// A counter of the source.
struct RaplMember {
  std::unique_ptr<EnergyCounter> counter;
  CounterTraits traits;
  CounterReading first;
  bool may_mirror = false;  // among those for which may_mirror is set, two may be one counter
};

class RaplSource final : public EnergySource {
 public:
  RaplSource(std::vector<RaplMember> members, EnergyMethod method, ProcessorClock clock, double now_s);
  EnergyDelta read(double now_s) override;
  const EnergyMethod& method() const override { return method_; }
  /// Members that are taken for a mirror of an earlier one: index of that one, -1: of none.
  [[nodiscard]] int mirror_of(size_t member) const { return members_[member].mirror_of; }

 private:
  struct Member {
    std::unique_ptr<EnergyCounter> counter;
    CounterTrack track;
    bool may_mirror = false;
    int mirror_of = -1;
    EnergyDelta withheld;  // what a mirror counted and was not added
    EnergyDelta latest;
  };
  // Two members that may be one counter. Once they are known to differ they are not compared again.
  struct Pair {
    size_t first, second;
    uint64_t first_base, second_base;  // moved() of both when they were last known to agree or when faults began
    int apart = 0;                     // readings in a row in which they differed
    bool open = true;
  };
  void compare(Pair& pair, EnergyDelta& sum);

  std::vector<Member> members_;
  std::vector<Pair> pairs_;
  EnergyMethod method_;
  PaidSeconds paid_;
  double last_s_;
};

}  // namespace sobre
