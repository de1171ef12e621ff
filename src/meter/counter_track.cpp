#include "meter/counter_track.h"

#include <algorithm>
#include <cmath>

namespace sobre {

namespace {

constexpr double kHalfLife = 60;          // seconds after which what was learned counts half
constexpr double kLeastUpdates = 4;       // times update_s: the shortest window that is learned from
constexpr double kLeastWindow = 0.2;      // shorter ones say little about the least power: the counter moves in steps
constexpr double kMaxUj = 4e18;           // below int64's end: whatever is read, sums of two do not overflow
constexpr double kLeastShare = 0.8;       // the machine may draw a little less than the least that was seen
constexpr double kLeastOfMax = 0.005;     // and, opened under load, as little as this share of its most
constexpr double kMaxDoubt = 1.25;        // the largest power is itself known roughly
constexpr double kWrapDoubt = 1.1;        // a window that may hide a wrap is doubted even if one count alone is possible
constexpr int64_t kMaxWraps = 1'000'000;  // candidates looked at; beyond, the estimate stands

int64_t to_uj(double joules) { return static_cast<int64_t>(std::llround(std::clamp(joules * 1e6, 0.0, kMaxUj))); }

}  // namespace

void LoadPower::learn(double seconds, double busy_cpus, double watts) {
  const double keep = std::exp2(-seconds / kHalfLife);
  weight_ = weight_ * keep + seconds;
  x_ = x_ * keep + seconds * busy_cpus;
  y_ = y_ * keep + seconds * watts;
  xx_ = xx_ * keep + seconds * busy_cpus * busy_cpus;
  xy_ = xy_ * keep + seconds * busy_cpus * watts;
  if (seconds >= kLeastWindow && (least_ < 0 || watts < least_)) least_ = watts;
}

double LoadPower::watts(double busy_cpus, double otherwise) const {
  if (weight_ <= 0) return otherwise;
  const double mean_x = x_ / weight_, mean_y = y_ / weight_;
  const double variance = xx_ / weight_ - mean_x * mean_x;
  const double covariance = xy_ / weight_ - mean_x * mean_y;
  // A tenth of a processor is the least spread that tells a slope from noise.
  const double slope = variance > 0.01 ? std::max(0.0, covariance / variance) : 0;
  return std::max(0.0, mean_y + slope * (busy_cpus - mean_x));
}

CounterTrack::CounterTrack(const CounterTraits& traits, double now_s, CounterReading first)
    : traits_(traits), last_(first.value), have_(first.status == CounterReading::Status::kRead), paid_s_(now_s) {}

EnergyDelta CounterTrack::update(double now_s, CounterReading reading, double busy_cpus) {
  now_s = std::max(now_s, paid_s_);
  if (reading.status == CounterReading::Status::kRead && traits_.range > 0 && reading.value > traits_.range)
    reading.status = CounterReading::Status::kUnreadable;  // the range is part of what it promises
  if (reading.status != CounterReading::Status::kRead) {
    have_ = false;
    lost_as_ = reading.status == CounterReading::Status::kGone ? MeterFault::kMissingDomain : MeterFault::kUnreadable;
    return guessed(now_s, busy_cpus, lost_as_);
  }
  const uint64_t before = last_;
  const bool had = have_;
  last_ = reading.value;
  have_ = true;
  if (!had) return guessed(now_s, busy_cpus, lost_as_);
  const double span = now_s - paid_s_;
  if (reading.value == before && (traits_.range == 0 || traits_.max_w * span * 1e6 < static_cast<double>(traits_.range))) {
    if (span < traits_.stopped_s && !stopped_) return {};
    EnergyDelta delta = guessed(now_s, busy_cpus, MeterFault::kStopped);
    // It may have stopped early in the last window that was measured, which then said too little.
    if (!stopped_) delta.energy.high_uj += to_uj(traits_.max_w * measured_span_s_ - measured_j_);
    stopped_ = true;
    return delta;
  }
  if (reading.value < before && traits_.range == 0) return guessed(now_s, busy_cpus, MeterFault::kJump);
  const uint64_t counts = reading.value >= before ? reading.value - before : traits_.range - before + reading.value;
  moved_ += counts;
  if (stopped_) {  // nobody knows when it began to move again
    stopped_ = false;
    return guessed(now_s, busy_cpus, MeterFault::kStopped);
  }
  const double unit_j = 1e-6 * static_cast<double>(traits_.unit_uj);
  const double most = traits_.max_w * (span + traits_.update_s) / unit_j;
  if (traits_.range > 0 && traits_.max_w * span / unit_j >= static_cast<double>(traits_.range))
    return wrapped(now_s, counts, busy_cpus);
  if (static_cast<double>(counts) > most) return guessed(now_s, busy_cpus, MeterFault::kJump);
  return measured(now_s, counts, busy_cpus);
}

EnergyDelta CounterTrack::measured(double now_s, uint64_t counts, double busy_cpus) {
  const double span = now_s - paid_s_;
  const double joules = 1e-6 * static_cast<double>(traits_.unit_uj) * static_cast<double>(counts);
  // Windows of a few updates are dominated by where between two updates they begin: short ones are put together.
  pooled_s_ += span;
  pooled_busy_s_ += span * busy_cpus;
  pooled_j_ += joules;
  if (pooled_s_ >= kLeastUpdates * traits_.update_s) {
    power_.learn(pooled_s_, pooled_busy_s_ / pooled_s_, pooled_j_ / pooled_s_);
    pooled_s_ = pooled_busy_s_ = pooled_j_ = 0;
  }
  paid_s_ = now_s;
  measured_span_s_ = span;
  measured_j_ = joules;
  EnergyDelta delta;
  delta.energy.value_uj = static_cast<int64_t>(counts) * traits_.unit_uj;
  delta.energy.low_uj = to_uj(joules * traits_.low_factor);
  delta.energy.high_uj = to_uj(joules * traits_.high_factor);
  return delta;
}

EnergyDelta CounterTrack::wrapped(double now_s, uint64_t counts, double busy_cpus) {
  const double span = now_s - paid_s_;
  const double unit_j = 1e-6 * static_cast<double>(traits_.unit_uj);
  const double range_j = unit_j * static_cast<double>(traits_.range);
  const double least_j = unit_j * static_cast<double>(counts);
  const double most_j = std::max(least_j, kMaxDoubt * traits_.max_w * (span + traits_.update_s));
  const double wraps = std::floor((most_j - least_j) / range_j);
  if (!(wraps < static_cast<double>(kMaxWraps))) return guessed(now_s, busy_cpus, MeterFault::kMissedWrap);
  const double expected_j = power_.watts(busy_cpus, traits_.usual_w) * span;
  const double chosen = std::clamp(std::round((expected_j - least_j) / range_j), 0.0, wraps);
  EnergyDelta delta;
  delta.faults.add(MeterFault::kMissedWrap);
  delta.energy.value_uj = to_uj(least_j + chosen * range_j);
  delta.energy.low_uj = to_uj(least_j * traits_.low_factor / kWrapDoubt);
  delta.energy.high_uj = to_uj((least_j + wraps * range_j) * traits_.high_factor * kWrapDoubt);
  paid_s_ = now_s;
  return delta;
}

EnergyDelta CounterTrack::guessed(double now_s, double busy_cpus, MeterFault fault) {
  const double span = now_s - paid_s_;
  const double most = traits_.max_w * (span + traits_.update_s) * traits_.high_factor;
  double least_w = kLeastOfMax * traits_.max_w;
  if (power_.least() >= 0) least_w = std::min(least_w, kLeastShare * power_.least());
  const double least = least_w * span * traits_.low_factor;
  EnergyDelta delta;
  delta.faults.add(fault);
  delta.energy.low_uj = to_uj(least);
  delta.energy.high_uj = to_uj(most);
  delta.energy.value_uj = to_uj(std::clamp(power_.watts(busy_cpus, traits_.usual_w) * span, least, most));
  paid_s_ = now_s;
  return delta;
}

}  // namespace sobre
