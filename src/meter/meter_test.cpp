#include "meter/meter.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace sobre {

namespace {

// A world that the test drives: 10 W without work, and what it says beside.
struct TestWorld {
  std::atomic<double> now{0}, own_cpu{0}, others_cpu{0}, joules{0};
  double last_joules = 0;

  void pass(double seconds, double watts, double own_processors = 0, double others_processors = 0) {
    joules = joules + seconds * watts;
    own_cpu = own_cpu + seconds * own_processors;
    others_cpu = others_cpu + seconds * others_processors;
    now = now + seconds;
  }
  MeterWorld world() {
    return {[this] { return now.load(); }, [this] { return own_cpu.load(); },
            [this]() -> Result<CpuTimes> { return CpuTimes{own_cpu, own_cpu + others_cpu, 0, 4}; }};
  }
};

class TestSource final : public EnergySource {
 public:
  explicit TestSource(TestWorld& world) : world_(world) { method_.name = "rapl-package"; }
  EnergyDelta read(double) override {
    const double now = world_.joules;
    const auto value = static_cast<int64_t>((now - world_.last_joules) * 1e6 + 0.5);
    world_.last_joules = now;
    return {{value, value, value}, std::nullopt, {}};
  }
  const EnergyMethod& method() const override { return method_; }

 private:
  TestWorld& world_;
  EnergyMethod method_;
};

TEST(Meter, PausesTeachIdlePowerAndFallToNobody) {
  TestWorld w;
  Meter meter(std::make_unique<TestSource>(w), w.world());
  EXPECT_LT(meter.state().idle_watts, 0);
  w.pass(5, 10);
  const uint64_t one = meter.begin();
  EXPECT_NEAR(meter.state().idle_watts, 10, 1e-6);
  const StepWork work[] = {{one, {1e9, 0, 0}}};
  const double began = w.now;
  w.pass(0.06, 50, 2);
  meter.step({0, began, w.now, work});
  w.pass(0.06, 50, 2);
  meter.step({0, began + 0.06, w.now, work});
  const RequestEnergy r = meter.end(one);
  EXPECT_NEAR(static_cast<double>(r.energy.value_uj), 0.12 * 50e6, 2);
  EXPECT_NEAR(static_cast<double>(r.marginal_uj), 0.12 * 40e6, 2);
  EXPECT_NEAR(r.machine_s, 0.12, 1e-9);
  const MeterState state = meter.state();
  EXPECT_EQ(state.totals.idle_uj, 50'000'000);
  EXPECT_EQ(state.fits.size(), 1u);
  EXPECT_GT(state.own_cpu_s, 0);
}

TEST(Meter, ADaemonBesideAServerAtRestTakesNothingOfTheNextRequest) {
  TestWorld w;
  Meter meter(std::make_unique<TestSource>(w), w.world());
  w.pass(5, 10, 0.001, 0.05);
  const uint64_t one = meter.begin();
  EXPECT_NEAR(meter.state().idle_watts, 10, 1e-6);
  EXPECT_GT(meter.state().others_share, 0.9);
  const StepWork work[] = {{one, {1e9, 0, 0}}};
  for (int i = 0; i < 2; ++i) {
    const double began = w.now;
    w.pass(0.06, 50, 2, 0.05);
    meter.step({0, began, w.now, work});
  }
  const RequestEnergy r = meter.end(one);
  EXPECT_NEAR(static_cast<double>(r.energy.value_uj), 0.12 * 50e6, 0.15e6);
  EXPECT_FALSE(r.faults.any());
  // A second without others: they have gone.
  w.pass(1, 10);
  static_cast<void>(meter.end(meter.begin_activity()));
  EXPECT_EQ(meter.state().others_share, 0);
}

TEST(Meter, OtherProcessesTakeTheirPart) {
  TestWorld w;
  Meter meter(std::make_unique<TestSource>(w), w.world());
  w.pass(5, 10);
  const uint64_t one = meter.begin();
  const StepWork work[] = {{one, {1e9, 0, 0}}};
  for (int i = 0; i < 30; ++i) {
    const double began = w.now;
    w.pass(0.1, 70, 1, 1);
    meter.step({0, began, w.now, work});
  }
  const RequestEnergy r = meter.end(one);
  // The first second was shared by what was known of others then: nothing.
  EXPECT_TRUE(r.faults.has(MeterFault::kSharedHost));
  EXPECT_LT(r.marginal_uj, 125'000'000);
  EXPECT_GT(r.marginal_uj, 85'000'000);
  const MeterTotals t = meter.state().totals;
  EXPECT_EQ(t.marginal_uj + t.idle_allocated_uj + t.idle_uj + t.unattributed_uj, t.counter.value_uj);
  EXPECT_NEAR(meter.state().others_share, 0.5, 0.01);
}

TEST(Meter, ManyThreadsLoseNothing) {
  TestWorld w;
  Meter meter(std::make_unique<TestSource>(w), w.world());
  w.pass(1, 10);
  std::atomic<int64_t> given{0};
  std::vector<std::thread> threads;
  std::atomic<bool> quit{false};
  std::thread time([&] {
    while (!quit) {
      w.pass(0.001, 60);
      std::this_thread::yield();
    }
  });
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i) {
        const uint64_t id = i % 10 == 0 ? meter.begin_activity() : meter.begin();
        for (int k = 0; k < 5; ++k) {
          const StepWork work[] = {{id, {0, 1e8 * (t + 1), 1e6}}};
          meter.step({t % 2, w.now, w.now, work});
        }
        given += meter.end(id).energy.value_uj;
      }
    });
  }
  for (std::thread& t : threads) t.join();
  quit = true;
  time.join();
  const MeterTotals t = meter.state().totals;
  EXPECT_EQ(t.marginal_uj + t.idle_allocated_uj, given.load());
  EXPECT_EQ(t.marginal_uj + t.idle_allocated_uj + t.idle_uj + t.unattributed_uj, t.counter.value_uj);
}

}  // namespace

}  // namespace sobre
