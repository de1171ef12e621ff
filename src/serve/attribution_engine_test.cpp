// Attribution on the real engine, with a counter that follows the work by a known law (so that the noise of the machine that
// runs the test has no part in it): the same request costs the same whoever is beside it, and twice the answer twice as much.
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <future>
#include <random>
#include <thread>

#include "engine/scheduler.h"
#include "engine/tiny_model_testing.h"
#include "meter/meter.h"

namespace sobre {
namespace {

/// Joules by operations and bytes, and by tokens besides (which the meter's model does not know), each step with noise of 3 %.
class LawSource final : public EnergySource {
 public:
  explicit LawSource(std::atomic<double>& joules) : joules_(joules) { method_.name = "rapl-package"; }
  EnergyDelta read(double) override {
    const auto value = static_cast<int64_t>((joules_ - last_) * 1e6);
    last_ += static_cast<double>(value) * 1e-6;
    return {{value, value, value}, int64_t{0}, {}};
  }
  const EnergyMethod& method() const override { return method_; }

 private:
  std::atomic<double>& joules_;
  EnergyMethod method_;
  double last_ = 0;
};

class Bench {
 public:
  Bench() {
    SchedulerOptions options;
    options.threads = 1;
    options.cache_bytes = 64 << 20;
    options.on_step = [this](const StepReport& report) { step(report); };
    auto made = Scheduler::create(tiny_model(), options);
    EXPECT_TRUE(made) << made.error().message;
    scheduler_ = std::move(*made);
  }

  /// Runs a request to its end.
  RequestEnergy ask(uint32_t seed, int prompt, int tokens) {
    GenerationRequest r;
    std::mt19937 random(seed);
    for (int i = 0; i < prompt; ++i) r.prompt.push_back(static_cast<int32_t>(random() % 380));
    r.max_tokens = tokens;
    r.ignore_eos = true;
    r.reuse_prefix = false;
    r.sampling.seed = seed;
    const uint64_t tag = r.tag = meter_.begin();
    std::promise<RequestEnergy> ended;
    GenerationSink sink{[](auto&&) {}, [&](auto&&) { ended.set_value(meter_.end(tag)); }};
    std::vector<GenerationSink> sinks;
    sinks.push_back(std::move(sink));
    EXPECT_TRUE(scheduler_->submit(std::move(r), std::move(sinks)));
    return ended.get_future().get();
  }
  [[nodiscard]] MeterState state() const { return meter_.state(); }

 private:
  // Other processes of the machine that runs the test would take their part of the energy.
  static MeterWorld alone() {
    MeterWorld world = machine_world();
    world.cpu_times = []() -> Result<CpuTimes> { return CpuTimes(); };
    return world;
  }
  void step(const StepReport& report) {
    std::vector<StepWork> work;
    double cost = 0;
    for (const StepShare& s : report.shares) {
      work.push_back({s.tag, {s.prompt_operations, s.weight_bytes, s.kv_bytes}});
      cost += s.prompt_operations * 3e-11 + s.weight_bytes * 4e-10 + s.kv_bytes * 8e-10 + (s.weight_bytes > 0 ? 2e-6 : 0);
    }
    joules_ = joules_ + cost * noise_(random_);
    meter_.step({0, report.begin_s, report.end_s, work});
  }

  std::mt19937_64 random_{5};  // of the engine thread
  std::normal_distribution<double> noise_{1, 0.03};
  std::atomic<double> joules_{0};
  Meter meter_{std::make_unique<LawSource>(joules_), alone()};
  std::unique_ptr<Scheduler> scheduler_;  // gone before what its thread uses
};

TEST(AttributionOnTheEngine, TheSameRequestCostsTheSameAmongRandomOthers) {
  Bench bench;
  std::atomic<bool> stop{false};
  std::vector<std::thread> others;
  others.reserve(7);
  for (uint32_t i = 0; i < 7; ++i) {
    others.emplace_back([&, i] {
      std::mt19937 random(i + 100);
      const auto between = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); };
      while (!stop) static_cast<void>(bench.ask(static_cast<uint32_t>(random()), between(10, 200), between(20, 150)));
    });
  }
  for (uint32_t i = 0; i < 60; ++i) static_cast<void>(bench.ask(i, 60, 40));  // the fit learns
  double sum = 0, squares = 0;
  constexpr int kTimes = 100;
  for (uint32_t i = 0; i < kTimes; ++i) {
    const auto cost = static_cast<double>(bench.ask(1000 + i, 60, 40).marginal_uj);
    sum += cost;
    squares += cost * cost;
  }
  stop = true;
  for (std::thread& t : others) t.join();
  const double mean = sum / kTimes, deviation = std::sqrt(std::max(0.0, squares / kTimes - mean * mean));
  std::printf("marginal energy: mean %.1f uJ, coefficient of variation %.2f %%, residual of the fit %.2f %%\n", mean,
              100 * deviation / mean, 100 * bench.state().fits[0].residual);
  EXPECT_LT(deviation / mean, 0.05);
}

TEST(AttributionOnTheEngine, TwiceTheAnswerCostsTwiceAsMuch) {
  Bench bench;
  for (uint32_t i = 0; i < 20; ++i) static_cast<void>(bench.ask(i, 30, 128));
  double once = 0, twice = 0;
  for (uint32_t i = 0; i < 10; ++i) {
    const RequestEnergy a = bench.ask(100 + i, 30, 128), b = bench.ask(200 + i, 30, 256);
    once += static_cast<double>(a.marginal_uj - a.prefill_uj);
    twice += static_cast<double>(b.marginal_uj - b.prefill_uj);
  }
  std::printf("decoding 128 tokens %.1f uJ, 256 tokens %.1f uJ, ratio %.3f\n", once / 10, twice / 10, twice / once);
  // Alone, a token reads all weights and its own keys and values, whose number grows: this much by the modelled bytes.
  const double weights = static_cast<double>(tiny_model()->weights().bytes_per_token());
  const double position = static_cast<double>(kv_page_bytes(tiny_model()->spec(), KvType::kF16)) / kPagePositions;
  const auto bytes = [&](int n) { return (n - 1) * weights + position * (n - 1) * (30 + n / 2.0); };
  EXPECT_NEAR(twice / once, bytes(256) / bytes(128), 0.1 * bytes(256) / bytes(128));
}

}  // namespace
}  // namespace sobre
