// Every fault of a counter, on simulated machines: the windows it touches are marked, their interval is wider than before and
// holds the truth, and the sum of the whole run does.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "meter/counter_track.h"
#include "meter/rapl.h"
#include "meter/simulated_testing.h"

namespace sobre {
namespace {

using simulated::Machine;
using simulated::Part;
using simulated::PartCounter;

constexpr int kMachines = 200;

// A package whose counter a test can break.
struct Breakable {
  Machine machine;
  PartCounter* counter = nullptr;
  std::unique_ptr<EnergySource> source;
  double max_w = 0;
  double since_true_j = 0;

  // On every second machine the load is that of other programs, which this one's processor time does not show.
  Breakable(uint64_t seed, uint64_t range) : machine(seed, 11) {
    const bool blind = seed % 2 == 1;
    auto& dice = machine.dice;
    const double full = dice.scaled(15, 400);
    Part part;
    part.curve = {full * dice.between(0.04, 0.45), full, dice.between(0.55, 1.1)};
    part.gain = 1 + dice.normal(0.02);
    part.range = range;
    part.start = dice.unit() * static_cast<double>(range);
    machine.parts = {part};
    RaplZone zone;
    zone.id = "intel-rapl:0";
    zone.name = "package-0";
    zone.range_uj = range;
    zone.limit_w = full / dice.between(0.5, 2.2);  // it draws half to 2.2 times its limit
    max_w = std::min(1200.0, std::max(3 * *zone.limit_w, *zone.limit_w + 100));
    auto owned = std::make_unique<PartCounter>(machine, 0);
    counter = owned.get();
    zone.counter = std::move(owned);
    std::vector<RaplZone> zones;
    zones.push_back(std::move(zone));
    CpuInfo cpu;
    cpu.vendor = "GenuineIntel";
    cpu.cpus = machine.cpus;
    source = std::move(
        choose_rapl(std::move(zones), {cpu, true, blind ? ProcessorClock{} : simulated::clock_of(machine)}, 0).source);
  }

  // Lets time pass and reads; checks nothing.
  EnergyDelta step(double seconds) {
    machine.run_to(machine.now_s + seconds);
    return source->read(machine.now_s);
  }
  void warm_up() {
    machine.phase_s = 5;
    for (int i = 0; i < 60; ++i) {
      const EnergyDelta delta = step(machine.dice.between(0.5, 1.5));
      ASSERT_FALSE(delta.faults.any()) << delta.faults.names();
    }
    since_true_j = machine.true_j();
  }
  // What was drawn since the last call, or since warm_up().
  double drawn_uj() {
    const double before = since_true_j;
    since_true_j = machine.true_j();
    return 1e6 * (since_true_j - before);
  }
};

constexpr uint64_t kUsualRange = 262'143'328'850;

void expect_marked(const EnergyDelta& delta, MeterFault fault, double true_uj, const std::string& where) {
  EXPECT_TRUE(delta.faults.has(fault)) << where << ": " << delta.faults.names();
  EXPECT_LE(static_cast<double>(delta.energy.low_uj), true_uj) << where;
  EXPECT_GE(static_cast<double>(delta.energy.high_uj), true_uj) << where;
  EXPECT_GT(static_cast<double>(delta.energy.high_uj), 1.2 * static_cast<double>(delta.energy.low_uj)) << where;
  EXPECT_LE(delta.energy.low_uj, delta.energy.value_uj) << where;
  EXPECT_LE(delta.energy.value_uj, delta.energy.high_uj) << where;
}

TEST(Faults, AMissedWrap) {
  double log_error = 0;
  for (uint64_t seed = 0; seed < kMachines; ++seed) {
    Breakable b(seed, 15'000'000'000 + 1'000'000 * seed);
    ASSERT_NO_FATAL_FAILURE(b.warm_up());
    const double gap = 15'000 / b.max_w * b.machine.dice.scaled(1.1, 30);
    const EnergyDelta delta = b.step(gap);
    const double truth = b.drawn_uj();
    expect_marked(delta, MeterFault::kMissedWrap, truth, fmt::format("seed {}", seed));
    log_error += std::abs(std::log(static_cast<double>(delta.energy.value_uj) / truth));
    EXPECT_FALSE(b.step(1).faults.any()) << "it is over with the next window";
  }
  fmt::print("missed wrap: the estimate is off by {:.1f} % on average\n", 100 * log_error / kMachines);
  EXPECT_LT(log_error / kMachines, 0.3);
}

// The counter cannot be read for a while.
void lose(CounterReading::Status status, MeterFault fault) {
  int at_an_end = 0;
  for (uint64_t seed = 0; seed < kMachines; ++seed) {
    Breakable b(seed, kUsualRange);
    ASSERT_NO_FATAL_FAILURE(b.warm_up());
    b.counter->status = status;
    const int windows = b.machine.dice.whole(1, 30);
    for (int i = 0; i < windows; ++i) {
      const EnergyDelta delta = b.step(b.machine.dice.between(0.2, 2));
      expect_marked(delta, fault, b.drawn_uj(), fmt::format("seed {} window {}", seed, i));
      at_an_end += delta.energy.value_uj <= delta.energy.low_uj || delta.energy.value_uj >= delta.energy.high_uj ? 1 : 0;
    }
    b.counter->status = CounterReading::Status::kRead;
    const EnergyDelta back = b.step(1);
    expect_marked(back, fault, b.drawn_uj(), fmt::format("seed {} coming back", seed));
    const EnergyDelta after = b.step(1);
    EXPECT_FALSE(after.faults.any());
    EXPECT_NEAR(static_cast<double>(after.energy.value_uj), b.drawn_uj(), 0.1 * static_cast<double>(after.energy.value_uj));
  }
  EXPECT_EQ(at_an_end, 0) << "an estimate at the end of its interval is none";
}

TEST(Faults, AMissingDomain) { lose(CounterReading::Status::kGone, MeterFault::kMissingDomain); }
TEST(Faults, LostPermission) { lose(CounterReading::Status::kUnreadable, MeterFault::kUnreadable); }

TEST(Faults, AJump) {
  for (uint64_t seed = 0; seed < kMachines; ++seed) {
    Breakable b(seed, kUsualRange);
    ASSERT_NO_FATAL_FAILURE(b.warm_up());
    const double window = b.machine.dice.between(0.2, 2);
    b.machine.parts[0].added_uj += 1e6 * b.max_w * (window + 0.1) * b.machine.dice.scaled(1.05, 50);
    const EnergyDelta delta = b.step(window);
    expect_marked(delta, MeterFault::kJump, b.drawn_uj(), fmt::format("seed {}", seed));
    const EnergyDelta after = b.step(1);
    EXPECT_FALSE(after.faults.any());
    EXPECT_NEAR(static_cast<double>(after.energy.value_uj), b.drawn_uj(), 0.1 * static_cast<double>(after.energy.value_uj));
  }
}

TEST(Faults, ACounterThatStandsStillUnderLoad) {
  double error = 0, truth_sum = 0;
  for (uint64_t seed = 0; seed < kMachines; ++seed) {
    Breakable b(seed, kUsualRange);
    ASSERT_NO_FATAL_FAILURE(b.warm_up());
    // It stops somewhere within a window, which nobody can see yet; the next window shows it.
    b.machine.hold_load(b.machine.dice.between(0.5, 1));
    b.machine.run_to(b.machine.now_s + b.machine.dice.between(0, 1));
    (void)b.counter->read();
    b.counter->frozen = true;
    EnergyDelta sum;
    bool marked = false;
    for (int i = 0; i < 12; ++i) {
      const EnergyDelta delta = b.step(b.machine.dice.between(0.3, 1));
      EXPECT_TRUE(delta.faults.has(MeterFault::kStopped) || i < 1) << "seed " << seed << " window " << i;
      marked = marked || delta.faults.has(MeterFault::kStopped);
      EXPECT_TRUE(!marked || delta.faults.has(MeterFault::kStopped)) << "seed " << seed << " window " << i;
      sum.energy += delta.energy;
      sum.faults.add(delta.faults);
    }
    const double truth = b.drawn_uj();
    expect_marked(sum, MeterFault::kStopped, truth, fmt::format("seed {}", seed));
    error += std::abs(static_cast<double>(sum.energy.value_uj) - truth);
    truth_sum += truth;
    b.counter->frozen = false;
    EXPECT_TRUE(b.step(1).faults.has(MeterFault::kStopped)) << "nobody knows when it moved again";
    (void)b.drawn_uj();
    const EnergyDelta after = b.step(1);
    EXPECT_FALSE(after.faults.any());
    EXPECT_NEAR(static_cast<double>(after.energy.value_uj), b.drawn_uj(), 0.1 * static_cast<double>(after.energy.value_uj));
  }
  fmt::print("stopped: the estimate is off by {:.1f} % of the energy\n", 100 * error / truth_sum);
  EXPECT_LT(error / truth_sum, 0.35) << "half of the machines do not even know their load";
}

TEST(Faults, WhatTheLastWindowMissedIsInTheInterval) {
  // The counter stops as a window begins that is then measured with next to nothing, and the machine draws all it can.
  for (const double full : {0.5, 0.9}) {
    CounterTraits traits;
    traits.max_w = 300;
    traits.stopped_s = 1;
    const double watts = full * traits.max_w;
    CounterTrack track(traits, 0, {CounterReading::Status::kRead, 0});
    Energy sum = track.update(3, {CounterReading::Status::kRead, 1000}, 0).energy;
    const EnergyDelta stopped = track.update(4, {CounterReading::Status::kRead, 1000}, 0);
    EXPECT_EQ(stopped.faults.names(), "counter_stopped");
    sum += stopped.energy;
    EXPECT_GE(static_cast<double>(sum.high_uj), 4e6 * watts);
    EXPECT_LE(static_cast<double>(sum.low_uj), 4e6 * watts);
  }
}

TEST(Faults, OneOfTwoPackagesWidensOnlyItsPart) {
  Machine machine(5, 12);
  for (int i = 0; i < 2; ++i) {
    Part part;
    part.curve = {50, 50, 1};
    part.range = kUsualRange;
    part.start = 1e9 * i;
    machine.parts.push_back(part);
  }
  std::vector<RaplZone> zones;
  std::vector<PartCounter*> counters;
  for (size_t i = 0; i < 2; ++i) {
    auto counter = std::make_unique<PartCounter>(machine, i);
    counters.push_back(counter.get());
    RaplZone zone;
    zone.id = fmt::format("intel-rapl:{}", i);
    zone.name = fmt::format("package-{}", i);
    zone.range_uj = kUsualRange;
    zone.limit_w = 100;
    zone.counter = std::move(counter);
    zones.push_back(std::move(zone));
  }
  CpuInfo cpu;
  cpu.vendor = "GenuineIntel";
  cpu.cpus = 8;
  const auto source = std::move(choose_rapl(std::move(zones), {cpu, true, {}}, 0).source);
  machine.run_to(1);
  EXPECT_FALSE(source->read(1).faults.any());
  counters[1]->status = CounterReading::Status::kGone;
  machine.run_to(2);
  const EnergyDelta delta = source->read(2);
  EXPECT_EQ(delta.faults.names(), "missing_domain");
  EXPECT_GE(delta.energy.low_uj, 46'000'000) << "the other package is still measured";
  EXPECT_LE(delta.energy.high_uj, 400'000'000);
  EXPECT_NEAR(static_cast<double>(delta.energy.value_uj), 100e6, 2e6);
}

TEST(Faults, ManyShortWindowsLoseNothing) {
  // Windows shorter than the counter's update see nothing, and the next sees it all.
  Machine machine(6, 13);
  Part part;
  part.curve = {100, 100, 1};
  part.update_s = 0.1;
  part.range = 0;
  machine.parts = {part};
  CounterTraits traits;
  traits.max_w = 300;
  traits.update_s = 0.25;
  traits.stopped_s = 2;
  PartCounter counter(machine, 0);
  CounterTrack track(traits, 0, counter.read());
  Energy sum;
  for (int i = 1; i <= 2000; ++i) {
    machine.run_to(0.005 * i);
    const EnergyDelta delta = track.update(machine.now_s, counter.read(), 0);
    EXPECT_FALSE(delta.faults.any()) << i;
    sum += delta.energy;
  }
  EXPECT_NEAR(static_cast<double>(sum.value_uj), 1e9, 0.011e9);
}

}  // namespace
}  // namespace sobre
