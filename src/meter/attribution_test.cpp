#include "meter/attribution.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>

namespace sobre {

namespace {

int64_t uj(double joules) { return std::llround(joules * 1e6); }

EnergyDelta delta_of(double joules) { return {{uj(joules), uj(joules * 0.95), uj(joules * 1.05)}, std::nullopt, {}}; }

void expect_conserved(const MeterTotals& t) {
  EXPECT_EQ(t.marginal_uj + t.idle_allocated_uj + t.idle_uj + t.unattributed_uj, t.counter.value_uj);
  EXPECT_GE(t.marginal_uj, 0);
  EXPECT_GE(t.idle_allocated_uj, 0);
  EXPECT_GE(t.idle_uj, 0);
  EXPECT_GE(t.unattributed_uj, 0);
}

// A machine that draws idle power and, for work, joules per operation and per byte; its counter moves in steps, with noise.
struct TrueMachine {
  double idle_w = 42, per_operation = 2e-11, per_weight_byte = 3e-10, per_kv_byte = 7e-10;
  double noise = 0.01;  // of a window's power, standard deviation
  double counter_step_j = 0.001;
  std::mt19937_64 random{7};
  double true_j = 0, shown_j = 0;

  [[nodiscard]] double active(const ModelledWork& w) const {
    return w.prompt_operations * per_operation + w.weight_bytes * per_weight_byte + w.kv_bytes * per_kv_byte;
  }
  EnergyDelta read(double seconds, double active_j) {
    std::normal_distribution<double> bell(1, noise);
    true_j += (idle_w * seconds + active_j) * bell(random);
    const double now = std::floor(true_j / counter_step_j) * counter_step_j, before = shown_j;
    shown_j = now;
    const int64_t value = uj(now) - uj(before);
    return {{value, value, value}, std::nullopt, {}};
  }
};

TEST(EnergyFit, SolvesWithoutNegativeTerms) {
  // Free minimum (1, -1, 2): the second term must stay at 0, and the others are solved again.
  const std::array<std::array<double, 3>, 3> a{{{4, 1, 0}, {1, 3, 1}, {0, 1, 2}}};
  const std::array<double, 3> b{4 * 1 - 1, 1 - 3 + 2, -1 + 4};
  const auto x = solve_non_negative(a, b);
  EXPECT_DOUBLE_EQ(x[0], 0.75);
  EXPECT_EQ(x[1], 0);
  EXPECT_DOUBLE_EQ(x[2], 1.5);
  EXPECT_EQ(solve_non_negative(a, {-1, -1, -1}), (std::array<double, 3>{0, 0, 0}));
  const auto free = solve_non_negative(a, {5, 5, 3});
  EXPECT_NEAR(4 * free[0] + free[1], 5, 1e-12);
  EXPECT_NEAR(free[0] + 3 * free[1] + free[2], 5, 1e-12);
}

TEST(EnergyFit, FindsTheCostsOfAMachine) {
  TrueMachine machine;
  std::mt19937_64 random(3);
  std::uniform_real_distribution<double> u(0, 1);
  std::normal_distribution<double> bell(1, 0.02);
  EnergyFit fit;
  for (int i = 0; i < 400; ++i) {
    const ModelledWork w{i % 3 == 0 ? 0 : 1e11 * u(random), i % 5 == 0 ? 0 : 4e9 * (0.3 + u(random)), 2e9 * u(random)};
    fit.observe(w, machine.active(w) * bell(random));
  }
  const auto c = fit.coefficients();
  EXPECT_NEAR(c[0] / machine.per_operation, 1, 0.03);
  EXPECT_NEAR(c[1] / machine.per_weight_byte, 1, 0.03);
  EXPECT_NEAR(c[2] / machine.per_kv_byte, 1, 0.03);
  EXPECT_GT(fit.residual(), 0.005);
  EXPECT_LT(fit.residual(), 0.04);
}

TEST(EnergyFit, TermsThatAlwaysComeTogetherStayInProportion) {
  EnergyFit fit;
  for (int i = 1; i < 50; ++i) fit.observe({0, 1e9 * (1 + i % 3), 0}, 2.0 * (1 + i % 3));
  // Nothing was seen of prompts: they cost what the bytes cost, in the proportion assumed at the start.
  const auto c = fit.coefficients();
  EXPECT_NEAR(c[1], 2e-9, 1e-12);
  EXPECT_NEAR(c[0] / c[1], 1e-11 / 5e-10, 1e-4);
}

TEST(EnergyFit, NoWorkIsFree) {
  EnergyFit fit;
  // Windows in which prompts seem to save energy: least squares would give them nothing at all.
  for (int i = 0; i < 200; ++i) fit.observe({i % 2 == 0 ? 1e11 : 0, 4e9, 0}, i % 2 == 0 ? 1.0 : 3.0);
  EXPECT_GT(fit.prefill_joules({1e11, 0, 0}), 0);
  EXPECT_LT(fit.prefill_joules({1e11, 0, 0}), 0.1);
}

TEST(Attribution, SharesByWorkAndTime) {
  Attribution a(0);
  a.close_window(1, delta_of(10), {0, 0, true});  // idle: 10 W
  EXPECT_DOUBLE_EQ(a.idle_watts(), 10);
  const uint64_t one = a.begin(), two = a.begin();
  const StepWork both[] = {{one, {0, 3e9, 0}}, {two, {0, 1e9, 0}}};
  a.add_step({0, 1, 2, both});
  a.close_window(2, delta_of(50), {});
  const StepWork alone[] = {{one, {0, 1e9, 0}}};
  a.add_step({0, 2, 3, alone});
  const RequestEnergy of_two = a.end(two);
  EXPECT_EQ(of_two.marginal_uj, uj(10));
  EXPECT_EQ(of_two.energy.value_uj, uj(15));
  EXPECT_EQ(of_two.energy.low_uj, uj(15 * 0.95));
  EXPECT_EQ(of_two.energy.high_uj, uj(15 * 1.05));
  EXPECT_DOUBLE_EQ(of_two.machine_s, 0.5);
  EXPECT_DOUBLE_EQ(of_two.concurrency_mean(), 2);
  EXPECT_EQ(of_two.prefill_uj, 0);
  a.close_window(3, delta_of(30), {});
  const RequestEnergy of_one = a.end(one);
  EXPECT_EQ(of_one.marginal_uj, uj(30 + 20));
  EXPECT_EQ(of_one.energy.value_uj, uj(30 + 5 + 30));
  EXPECT_DOUBLE_EQ(of_one.machine_s, 1.5);
  EXPECT_EQ(a.end(one), RequestEnergy()) << "it is gone";
  expect_conserved(a.totals());
  EXPECT_EQ(a.totals().idle_uj, uj(10));
}

TEST(Attribution, WhoComesInAWindowGetsItsSecondsOnly) {
  Attribution a(0);
  const uint64_t one = a.begin(), two = a.begin(), waits = a.begin();
  const StepWork first[] = {{one, {1e9, 0, 0}}}, second[] = {{one, {1e9, 0, 0}}, {two, {1e9, 0, 0}}};
  a.add_step({0, 0, 1, first});
  a.add_step({0, 3, 4, second});
  a.close_window(4, {{uj(40), uj(40), uj(40)}, uj(20), {}}, {});
  const RequestEnergy of_one = a.end(one), of_two = a.end(two), of_waiting = a.end(waits);
  EXPECT_DOUBLE_EQ(of_one.machine_s, 3.5);
  EXPECT_DOUBLE_EQ(of_two.machine_s, 0.5);
  EXPECT_DOUBLE_EQ(of_two.concurrency_mean(), 2);
  EXPECT_EQ(of_waiting, RequestEnergy());
  EXPECT_NEAR(static_cast<double>(of_one.marginal_uj), 2e7 * 2 / 3, 1);
  EXPECT_EQ(of_one.prefill_uj, of_one.marginal_uj);
  EXPECT_EQ(of_one.energy.value_uj - of_one.marginal_uj, uj(20 * 3.5 / 4));
  expect_conserved(a.totals());
}

TEST(Attribution, OthersTakeTheirPartAndWidenTheInterval) {
  Attribution a(0);
  a.close_window(1, delta_of(10), {0, 0, true});
  const uint64_t one = a.begin();
  const StepWork work[] = {{one, {0, 1e9, 0}}};
  a.add_step({0, 1, 2, work});
  a.close_window(2, delta_of(30), {0.25, 0.5, false});
  const RequestEnergy r = a.end(one);
  EXPECT_EQ(r.marginal_uj, uj(15));
  EXPECT_EQ(a.totals().unattributed_uj, uj(5));
  EXPECT_TRUE(r.faults.has(MeterFault::kSharedHost));
  EXPECT_EQ(r.energy.high_uj, uj(30 * 1.05)) << "all of it may have been its own";
  expect_conserved(a.totals());
}

TEST(Attribution, ARestAmongBusyOthersIsNotTheMachinesRest) {
  Attribution a(0);
  a.close_window(1, delta_of(70), {0.99, 0.6, true});
  EXPECT_LT(a.idle_watts(), 0) << "others drew it";
  EXPECT_EQ(a.totals().idle_uj, 0);
  EXPECT_EQ(a.totals().unattributed_uj, uj(70));
  // A daemon's ticks beside a process that does nothing are nearly all that goes on, and still next to nothing.
  a.close_window(2, delta_of(10), {0.97, 0.01, true});
  EXPECT_DOUBLE_EQ(a.idle_watts(), 10);
  EXPECT_EQ(a.totals().idle_uj, uj(10));
  a.close_window(3, delta_of(70), {0.99, 0.6, true});
  EXPECT_DOUBLE_EQ(a.idle_watts(), 10);
  EXPECT_EQ(a.totals().idle_uj, uj(20));
  EXPECT_EQ(a.totals().unattributed_uj, uj(70 + 60));
  expect_conserved(a.totals());
}

TEST(Attribution, ActivitiesGetWhatGoesOn) {
  Attribution a(0);
  a.close_window(1, delta_of(10), {0, 0, true});
  const uint64_t load = a.begin_activity(1);
  a.close_window(2, delta_of(40), {});
  const uint64_t request = a.begin();
  const StepWork work[] = {{request, {0, 1e9, 0}}};
  a.add_step({0, 2, 3, work});
  a.close_window(3, delta_of(40), {});
  const RequestEnergy of_load = a.end(load), of_request = a.end(request);
  EXPECT_EQ(of_load.marginal_uj, uj(30 + 15));
  EXPECT_EQ(of_request.marginal_uj, uj(15));
  // Work without anybody: nobody's.
  a.close_window(4, delta_of(40), {});
  EXPECT_EQ(a.totals().unattributed_uj, uj(30));
  expect_conserved(a.totals());
}

TEST(Attribution, FaultsReachTheRequestsOfTheirWindow) {
  Attribution a(0);
  const uint64_t one = a.begin(), two = a.begin();
  const StepWork first[] = {{one, {0, 1e9, 0}}}, second[] = {{two, {0, 1e9, 0}}};
  a.add_step({0, 0, 1, first});
  EnergyDelta stopped;  // the counter stood still: the value is nothing, the interval is what could be
  stopped.energy = {0, 0, uj(90)};
  stopped.faults.add(MeterFault::kStopped);
  a.close_window(1, stopped, {});
  const RequestEnergy marked = a.end(one);
  EXPECT_EQ(marked.faults.names(), "counter_stopped");
  EXPECT_EQ(marked.energy.high_uj, uj(90));
  a.add_step({0, 1, 2, second});
  a.close_window(2, delta_of(20), {});
  EXPECT_FALSE(a.end(two).faults.any());
  EXPECT_EQ(a.totals().faulty_windows, 1u);
  expect_conserved(a.totals());
}

// A busy server in simulated time: 500 requests in flight, prompts of many lengths, one arrives whenever one ends, and pauses
// without any.
class BusyServer {
 public:
  void run(double seconds) {
    while (now_ < seconds) {
      if (active_.empty()) pause(10);
      if (std::fmod(now_, 120) < 100) {
        while (active_.size() < 500) active_.emplace(attribution.begin(), Request{between(10, 900), between(5, 120)});
      }
      step();
      end_those_that_are_done();
    }
    for (const auto& [id, r] : active_) given_uj += attribution.end(id).energy.value_uj;
  }

  TrueMachine machine;
  Attribution attribution{0};
  double active_j = 0;             // truly drawn by work
  double error_j = 0, true_j = 0;  // of the requests that ended: |given - true|, true
  int64_t given_uj = 0;
  int ended = 0;

 private:
  struct Request {
    int prompt, answer, position = 0;
    double true_j = 0;
  };

  int between(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random_); }
  void close(bool quiet) {
    const double seconds = attribution.window_seconds(now_);
    if (seconds <= 0) return;
    attribution.close_window(now_, machine.read(seconds, pending_j_), {0, 0, quiet});
    active_j += pending_j_;
    pending_j_ = 0;
  }
  void pause(int seconds) {
    for (int i = 0; i < seconds; ++i) {
      now_ += 1;
      close(true);
    }
  }
  void step() {
    work_.clear();
    int budget = 256;
    double decoding = 0;
    for (const auto& [id, r] : active_) decoding += r.position >= r.prompt ? 1 : 0;
    ModelledWork sum;
    for (auto& [id, r] : active_) {
      ModelledWork w;
      if (r.position < r.prompt) {
        const int take = std::min(budget, r.prompt - r.position);
        if (take == 0) continue;
        budget -= take;
        w.prompt_operations = take * (2.7e8 + 6e4 * r.position);
        r.position += take;
      } else {
        w = {0, 1.4e8 / decoding, 23040.0 * r.position};
        ++r.position;
      }
      r.true_j += machine.active(w);
      sum += w;
      work_.push_back({id, w});
    }
    const double begin = now_;
    now_ += 0.01 + 0.05 * decoding / 500 + 3e-4 * (256 - budget);
    pending_j_ += machine.active(sum);
    attribution.add_step({0, begin, now_, work_});
    if (attribution.window_seconds(now_) >= 0.1) close(false);
  }
  void end_those_that_are_done() {
    for (auto it = active_.begin(); it != active_.end();) {
      if (it->second.position < it->second.prompt + it->second.answer) {
        ++it;
        continue;
      }
      close(false);
      const RequestEnergy given = attribution.end(it->first);
      given_uj += given.energy.value_uj;
      error_j += std::abs(static_cast<double>(given.marginal_uj) * 1e-6 - it->second.true_j);
      true_j += it->second.true_j;
      ++ended;
      it = active_.erase(it);
    }
  }

  std::mt19937_64 random_{11};
  std::map<uint64_t, Request> active_;
  std::vector<StepWork> work_;
  double now_ = 0, pending_j_ = 0;
};

TEST(Attribution, FiveHundredRequestsForTenMinutes) {
  BusyServer server;
  server.run(600);
  const MeterTotals& t = server.attribution.totals();
  expect_conserved(t);
  EXPECT_EQ(t.marginal_uj + t.idle_allocated_uj, server.given_uj);
  EXPECT_NEAR(static_cast<double>(t.counter.value_uj) * 1e-6, server.machine.true_j, 0.01 * server.machine.true_j);
  EXPECT_LT(static_cast<double>(t.unattributed_uj) * 1e-6, 0.05 * server.active_j);
  EXPECT_GT(server.ended, 3000);
  // Who asked for much pays much: the mean error of a request, weighted by its energy.
  EXPECT_LT(server.error_j / server.true_j, 0.05);
  std::printf("%d requests, unattributed %.2f %% of active energy, error of a request %.2f %%, residual of the fit %.2f %%\n",
              server.ended, 100 * static_cast<double>(t.unattributed_uj) * 1e-6 / server.active_j,
              100 * server.error_j / server.true_j, 100 * server.attribution.fits()[0].residual());
}

}  // namespace

}  // namespace sobre
