#include "meter/rapl_source.h"

#include <algorithm>
#include <utility>

namespace sobre {

namespace {

// Two readings of one counter, one after the other, differ by what is drawn in this time at most.
constexpr double kTwinS = 0.005;
// Movement without a difference after which two counters are taken for one. Sockets of equal load differ by a percent or more.
constexpr double kTwinUj = 10e9;
constexpr int kApartReadings = 2;

double twin_tolerance_uj(const CounterTrack& track) { return kTwinS * track.traits().max_w * 1e6; }

double distance(uint64_t a, uint64_t b) { return static_cast<double>(a > b ? a - b : b - a); }

}  // namespace

RaplSource::RaplSource(std::vector<RaplMember> members, EnergyMethod method, ProcessorClock clock, double now_s)
    : method_(std::move(method)), paid_(std::move(clock)), last_s_(now_s) {
  (void)paid_.next(now_s);
  for (RaplMember& m : members)
    members_.push_back({std::move(m.counter), CounterTrack(m.traits, now_s, m.first), m.may_mirror, -1, {}, {}});
  for (size_t i = 0; i < members_.size(); ++i) {
    for (size_t j = i + 1; j < members_.size(); ++j) {
      if (!members_[i].may_mirror || !members_[j].may_mirror || members_[i].mirror_of >= 0 || members_[j].mirror_of >= 0)
        continue;
      pairs_.push_back({i, j, 0, 0});
      if (distance(members[i].first.value, members[j].first.value) <= twin_tolerance_uj(members_[i].track))
        members_[j].mirror_of = static_cast<int>(i);
    }
  }
}

EnergyDelta RaplSource::read(double now_s) {
  const double span = now_s - last_s_;
  const double seconds = paid_.next(now_s);
  const double busy_cpus = span > 0 ? seconds / span : 0;
  last_s_ = std::max(last_s_, now_s);
  EnergyDelta sum;
  for (Member& m : members_) {
    m.latest = m.track.update(now_s, m.counter->read(), busy_cpus);
    EnergyDelta& into = m.mirror_of >= 0 ? m.withheld : sum;
    into.energy += m.latest.energy;
    into.faults.add(m.latest.faults);
  }
  for (Pair& pair : pairs_) {
    if (pair.open) compare(pair, sum);
  }
  return sum;
}

void RaplSource::compare(Pair& pair, EnergyDelta& sum) {
  Member& first = members_[pair.first];
  Member& second = members_[pair.second];
  const uint64_t a = first.track.moved() - pair.first_base, b = second.track.moved() - pair.second_base;
  if (first.latest.faults.any() || second.latest.faults.any()) {
    pair.first_base = first.track.moved();
    pair.second_base = second.track.moved();
    return;
  }
  const bool mirrors = second.mirror_of == static_cast<int>(pair.first);
  const bool agree = distance(a, b) <= twin_tolerance_uj(first.track);
  pair.apart = agree ? 0 : pair.apart + 1;
  if (pair.apart >= kApartReadings) {
    pair.open = false;
    if (!mirrors) return;
    second.mirror_of = -1;
    sum.energy += second.withheld.energy;
    sum.faults.add(second.withheld.faults);
    second.withheld = {};
  } else if (agree && !mirrors && second.mirror_of < 0 && first.mirror_of < 0 && static_cast<double>(b) >= kTwinUj) {
    second.mirror_of = static_cast<int>(pair.first);
  }
}

}  // namespace sobre
