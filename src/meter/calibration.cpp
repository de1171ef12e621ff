// The fit, and the sources made of it.
#include "meter/calibration.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace sobre {

namespace {

constexpr size_t kLeastReadings = 3;
constexpr double kMostWatts = 100'000;
constexpr double kFallShare = 0.02, kFallW = 1;  // readings may fall by so much while the load rises: a meter's last digit
constexpr double kMostResidual = 0.1;
constexpr double kCounterDoubt = 0.07, kTimeDoubt = 0.095;

int64_t to_uj(double joules) { return static_cast<int64_t>(std::llround(std::clamp(joules * 1e6, 0.0, 4e18))); }

struct Point {
  double load, x, wall_w;
};

Result<std::vector<Point>> points_of(const Calibration& calibration, bool by_counter) {
  std::vector<Point> points;
  for (const CalibrationLevel& level : calibration.levels) {
    if (!level.wall_w) continue;
    if (!std::isfinite(*level.wall_w) || *level.wall_w <= 0 || *level.wall_w > kMostWatts)
      return fail("the reading of {:g} W at {:.0f} % load is not above 0 and at most {:g} W", *level.wall_w, 100 * level.load,
                  kMostWatts);
    points.push_back({level.load, by_counter ? *level.counter_w : level.processor_s / level.seconds, *level.wall_w});
  }
  if (points.size() < kLeastReadings)
    return fail("{} readings of a wall meter are too few; at least {} at different loads are needed", points.size(),
                kLeastReadings);
  for (size_t i = 1; i < points.size(); ++i) {
    const double before = points[i - 1].wall_w, now = points[i].wall_w;
    if (before - now > std::max(kFallW, kFallShare * before))
      return fail("the readings fall from {:g} W at {:.0f} % load to {:g} W at {:.0f} %: were they typed in order?", before,
                  100 * points[i - 1].load, now, 100 * points[i].load);
  }
  const double rise = points.back().wall_w - points.front().wall_w;
  if (rise < std::max(1.0, 0.03 * points.front().wall_w))
    return fail("the readings do not differ: {:g} W at {:.0f} % load, {:g} W at {:.0f} %; is the meter at this machine?",
                points.front().wall_w, 100 * points.front().load, points.back().wall_w, 100 * points.back().load);
  const auto [least, most] = std::minmax_element(points.begin(), points.end(), [](auto& p, auto& q) { return p.x < q.x; });
  if (by_counter ? most->x < 1.05 * least->x : most->x - least->x < 0.25)
    return fail("the levels do not differ: {} from {:.3g} to {:.3g}", by_counter ? "watts of the counter" : "busy processors",
                least->x, most->x);
  return points;
}

// Coefficients of the polynomial of `terms` terms that has the least sum of squared relative errors, by elimination on the
// normal equations. x is scaled by `scale`. Nothing: the points determine none.
std::optional<std::array<double, 3>> solve(const std::vector<Point>& points, size_t terms, double scale) {
  double m[3][4] = {};
  for (const Point& p : points) {
    const double x = p.x / scale;
    const double powers[3] = {1 / p.wall_w, x / p.wall_w, x * x / p.wall_w};
    for (size_t r = 0; r < terms; ++r) {
      for (size_t k = 0; k < terms; ++k) m[r][k] += powers[r] * powers[k];
      m[r][3] += powers[r];
    }
  }
  for (size_t i = 0; i < terms; ++i) {
    size_t pivot = i;
    for (size_t r = i + 1; r < terms; ++r) pivot = std::abs(m[r][i]) > std::abs(m[pivot][i]) ? r : pivot;
    if (!(std::abs(m[pivot][i]) > 1e-14)) return std::nullopt;
    for (size_t k = 0; k < 4; ++k) std::swap(m[i][k], m[pivot][k]);
    for (size_t r = 0; r < terms; ++r) {
      if (r == i) continue;
      const double factor = m[r][i] / m[i][i];
      for (size_t k = i; k < 4; ++k) m[r][k] -= factor * m[i][k];
    }
  }
  std::array<double, 3> out{};
  for (size_t i = 0; i < terms; ++i) out.at(i) = m[i][3] / m[i][i] / std::pow(scale, static_cast<double>(i));
  return out;
}

double residual_of(const WallFit& fit, const std::vector<Point>& points, size_t terms) {
  double squares = 0;
  for (const Point& p : points) {
    const double error = fit.watts(p.x) / p.wall_w - 1;
    squares += error * error;
  }
  return std::sqrt(squares / static_cast<double>(std::max<size_t>(1, points.size() - terms)));
}

// The shape must make sense between and a little beyond the points: positive, and rising.
bool plausible(const WallFit& fit, double most_x) {
  const double slope_end = fit.b + 2 * fit.c * most_x;
  return fit.a >= 0 && fit.b >= 0 && slope_end >= 0 && fit.b + slope_end > 0 && std::isfinite(fit.a + fit.b + fit.c);
}

class WallSource final : public EnergySource {
 public:
  WallSource(const WallFit& fit, std::unique_ptr<EnergySource> counter, ProcessorClock clock, int cpus, double now_s)
      : fit_(fit), counter_(std::move(counter)), paid_(std::move(clock)), cpus_(cpus), last_s_(now_s) {
    (void)paid_.next(now_s);
    const std::string by = counter_ ? counter_->method().name : std::string("processor time");
    method_ = {"wall-calibrated", "whole machine at the wall, from " + by, fit.low_factor, fit.high_factor,
               counter_ == nullptr};
  }

  EnergyDelta read(double now_s) override {
    const double span = std::max(0.0, now_s - last_s_);
    last_s_ = std::max(last_s_, now_s);
    EnergyDelta delta;
    double value = 0, low = 0, high = 0;
    if (counter_ != nullptr) {
      const EnergyDelta inner = counter_->read(now_s);
      // Without faults the counter's own gain is part of the calibration; with one, its interval is all there is to go by.
      const auto wall = [&](int64_t uj) { return fit_.a * span + fit_.b * 1e-6 * static_cast<double>(uj); };
      value = wall(inner.energy.value_uj);
      low = inner.faults.any() ? wall(inner.energy.low_uj) : value;
      high = inner.faults.any() ? wall(inner.energy.high_uj) : value;
      delta.faults = inner.faults;
    } else {
      const double seconds = std::min(paid_.next(now_s), cpus_ * span);
      value = low = high = span > 0 ? fit_.watts(seconds / span) * span : 0;
    }
    delta.energy.value_uj = to_uj(value);
    delta.energy.low_uj = to_uj(low * fit_.low_factor);
    delta.energy.high_uj = to_uj(high * fit_.high_factor);
    delta.idle_uj = std::min(to_uj(fit_.idle_w * span), delta.energy.value_uj);
    return delta;
  }
  const EnergyMethod& method() const override { return method_; }

 private:
  WallFit fit_;
  std::unique_ptr<EnergySource> counter_;
  EnergyMethod method_;
  PaidSeconds paid_;
  double cpus_;
  double last_s_;
};

class IdleSource final : public EnergySource {
 public:
  IdleSource(std::unique_ptr<EnergySource> counter, double idle_w, double now_s)
      : counter_(std::move(counter)), idle_w_(idle_w), last_s_(now_s) {}
  EnergyDelta read(double now_s) override {
    const double span = std::max(0.0, now_s - last_s_);
    last_s_ = std::max(last_s_, now_s);
    EnergyDelta delta = counter_->read(now_s);
    delta.idle_uj = std::min(to_uj(idle_w_ * span), delta.energy.value_uj);
    return delta;
  }
  const EnergyMethod& method() const override { return counter_->method(); }

 private:
  std::unique_ptr<EnergySource> counter_;
  double idle_w_, last_s_;
};

}  // namespace

Result<WallFit> fit_wall(const Calibration& calibration) {
  // By counter where every reading of the wall has one beside it.
  const auto lacks = [](const CalibrationLevel& l) { return l.wall_w && !l.counter_w; };
  const bool by_counter =
      !calibration.counter.empty() && std::none_of(calibration.levels.begin(), calibration.levels.end(), lacks);
  TRY(const std::vector<Point> points, points_of(calibration, by_counter));
  double most_x = 0, least_x = points.front().x;
  for (const Point& p : points) {
    most_x = std::max(most_x, p.x);
    least_x = std::min(least_x, p.x);
  }
  std::optional<WallFit> best;
  for (const size_t terms : {size_t{3}, size_t{2}}) {
    if (best || (terms == 3 && (by_counter || points.size() < 4))) continue;
    const auto solved = solve(points, terms, most_x);
    if (!solved) continue;
    WallFit fit;
    fit.by_counter = by_counter;
    fit.a = (*solved)[0];
    fit.b = (*solved)[1];
    fit.c = (*solved)[2];
    fit.residual = residual_of(fit, points, terms);
    if (plausible(fit, most_x)) best = fit;
  }
  if (!best) return fail("no rising line goes through the readings; repeat them, each when the meter stands still");
  if (best->residual > kMostResidual)
    return fail(
        "the readings lie {:.0f} % beside the best line, at most {:.0f} % is accepted; repeat them, each when the meter "
        "stands still",
        100 * best->residual, 100 * kMostResidual);
  const double doubt = std::hypot(by_counter ? kCounterDoubt : kTimeDoubt, 2 * best->residual);
  best->low_factor = 1 - doubt;
  best->high_factor = 1 + doubt;
  best->idle_w = best->watts(least_x);
  return *best;
}

std::optional<double> counter_idle_w(const Calibration& calibration) {
  if (calibration.levels.empty() || calibration.counter.empty()) return std::nullopt;
  return calibration.levels.front().counter_w;
}

std::unique_ptr<EnergySource> wall_source(const WallFit& fit, std::unique_ptr<EnergySource> counter, double now_s) {
  return std::make_unique<WallSource>(fit, std::move(counter), ProcessorClock{}, 0, now_s);
}

std::unique_ptr<EnergySource> wall_source(const WallFit& fit, ProcessorClock clock, int cpus, double now_s) {
  return std::make_unique<WallSource>(fit, nullptr, std::move(clock), cpus, now_s);
}

std::unique_ptr<EnergySource> with_idle(std::unique_ptr<EnergySource> counter, double idle_w, double now_s) {
  return std::make_unique<IdleSource>(std::move(counter), idle_w, now_s);
}

}  // namespace sobre
