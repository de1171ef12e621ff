// Calibrations: what the fit makes of readings, what it refuses, the file and its host, and the load that is measured.
#include "meter/calibration.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/file.h"
#include "meter/files_testing.h"

namespace sobre {
namespace {

Calibration readings(const std::vector<double>& walls, bool counter = false) {
  Calibration c;
  c.host = {"0123", "Some processor", 4};
  c.date = "2026-03-09";
  c.counter = counter ? "rapl-package" : "";
  for (size_t i = 0; i < walls.size(); ++i) {
    CalibrationLevel level;
    level.load = static_cast<double>(i) / static_cast<double>(walls.size() - 1);
    level.seconds = 10;
    level.processor_s = level.load * 40;
    if (counter) level.counter_w = 10 + 50 * level.load;
    level.wall_w = walls[i];
    c.levels.push_back(level);
  }
  return c;
}

TEST(Calibration, FitsAKnownLineAndAKnownParabola) {
  // Wall = 30 + 1.2 * counter.
  const Result<WallFit> line = fit_wall(readings({42, 57, 72, 87, 102}, true));
  ASSERT_TRUE(line) << line.error().message;
  EXPECT_TRUE(line->by_counter);
  EXPECT_NEAR(line->a, 30, 1e-6);
  EXPECT_NEAR(line->b, 1.2, 1e-9);
  EXPECT_EQ(line->c, 0);
  EXPECT_NEAR(line->idle_w, 42, 1e-6);
  EXPECT_LE(line->high_factor / line->low_factor, 1.25);
  // Wall = 40 + 30 x - 2 x^2 over busy processors.
  const auto wall = [](double x) { return 40 + 30 * x - 2 * x * x; };
  const Result<WallFit> parabola = fit_wall(readings({wall(0), wall(1), wall(2), wall(3), wall(4)}));
  ASSERT_TRUE(parabola) << parabola.error().message;
  EXPECT_FALSE(parabola->by_counter);
  EXPECT_NEAR(parabola->a, 40, 1e-6);
  EXPECT_NEAR(parabola->b, 30, 1e-6);
  EXPECT_NEAR(parabola->c, -2, 1e-6);
  EXPECT_NEAR(parabola->residual, 0, 1e-9);
  EXPECT_LE(parabola->high_factor / parabola->low_factor, 1.25);
}

TEST(Calibration, NoisyReadingsWidenTheInterval) {
  const Result<WallFit> clean = fit_wall(readings({42, 57, 72, 87, 102}, true));
  const Result<WallFit> noisy = fit_wall(readings({42, 61, 70, 83, 106}, true));
  ASSERT_TRUE(clean);
  ASSERT_TRUE(noisy);
  EXPECT_GT(noisy->high_factor / noisy->low_factor, 1.05 * clean->high_factor / clean->low_factor);
}

TEST(Calibration, NonsenseIsRefused) {
  const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  const struct {
    std::vector<double> walls;
    const char* words;
  } cases[] = {
      {{50, 90}, "too few"},
      {{}, "too few"},
      {{50, -60, 70, 80, 90}, "-60 W at 25 % load"},
      {{50, 0, 70, 80, 90}, "0 W at 25 % load"},
      {{50, nan, 70, 80, 90}, "nan W"},
      {{50, inf, 70, 80, 90}, "inf W"},
      {{50, 60, 70, 80, 1e6}, "1e+06 W"},
      {{90, 80, 70, 60, 50}, "fall from 90 W at 0 % load to 80 W at 25 %"},
      {{50, 60, 90, 80, 95}, "fall from 90 W at 50 % load"},
      {{50, 50, 50, 50, 50}, "do not differ"},
      {{50, 50.2, 50.1, 50.3, 50.4}, "do not differ"},
      {{10, 10, 10, 10, 1000}, "beside the best line"},
  };
  for (const auto& c : cases) {
    for (const bool counter : {false, true}) {
      const Result<WallFit> fit = fit_wall(readings(c.walls, counter));
      ASSERT_FALSE(fit) << c.words << counter;
      EXPECT_NE(fit.error().message.find(c.words), std::string::npos) << fit.error().message;
    }
  }
  Calibration flat = readings({42, 57, 72, 87, 102});
  for (CalibrationLevel& level : flat.levels) level.processor_s = 20;
  EXPECT_NE(fit_wall(flat).error().message.find("levels do not differ: busy processors from 2 to 2"), std::string::npos);
}

TEST(Calibration, TheFileComesBackAsItWas) {
  const FakeFiles files;
  Calibration c = readings({42.5, 57, 72, 87, 102.25}, true);
  c.levels[1].wall_w.reset();
  const std::string path = files / "state/deep/calibration.json";
  ASSERT_TRUE(write_calibration(path, c));
  const Result<Calibration> back = read_calibration(path, c.host);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->host, c.host);
  EXPECT_EQ(back->date, c.date);
  EXPECT_EQ(back->counter, c.counter);
  ASSERT_EQ(back->levels.size(), c.levels.size());
  for (size_t i = 0; i < c.levels.size(); ++i) {
    EXPECT_EQ(back->levels[i].load, c.levels[i].load);
    EXPECT_EQ(back->levels[i].processor_s, c.levels[i].processor_s);
    EXPECT_EQ(back->levels[i].counter_w, c.levels[i].counter_w);
    EXPECT_EQ(back->levels[i].wall_w, c.levels[i].wall_w);
  }
  EXPECT_EQ(calibration_text(*back), calibration_text(c));
}

TEST(Calibration, FilesOfOthersAndBrokenOnesAreRefused) {
  const FakeFiles files;
  const Calibration c = readings({42, 57, 72, 87, 102});
  const std::string path = files / "calibration.json";
  ASSERT_TRUE(write_calibration(path, c));
  HostId other = c.host;
  other.machine_id = "4567";
  EXPECT_NE(read_calibration(path, other).error().message.find("another host (another machine-id)"), std::string::npos);
  other = c.host;
  other.processor = "A new one";
  EXPECT_NE(read_calibration(path, other).error().message.find("'Some processor' with 4 processors"), std::string::npos);
  const std::string text = calibration_text(c);
  for (size_t length = 0; length + 2 < text.size(); length += 7)
    EXPECT_FALSE(parse_calibration(text.substr(0, length))) << length;
  const auto changed = [&](const std::string& from, const std::string& to) {
    std::string t = text;
    const size_t at = t.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return parse_calibration(t.replace(at, from.size(), to));
  };
  EXPECT_TRUE(changed("\"date\"", "\"date\""));
  EXPECT_FALSE(changed("\"sobre_calibration\": 1", "\"sobre_calibration\": 2"));
  EXPECT_FALSE(changed("sobre_calibration", "something_else"));
  EXPECT_FALSE(changed("\"cpus\": 4", "\"cpus\": 0"));
  EXPECT_FALSE(changed("\"load\": 0.25", "\"load\": 0.75")) << "loads rise";
  EXPECT_FALSE(changed("\"load\": 0.25", "\"load\": 1.25"));
  EXPECT_FALSE(changed("\"seconds\": 10.0", "\"seconds\": 0"));
  EXPECT_FALSE(changed("\"wall_w\": 57.0", "\"wall_w\": \"57\""));
  EXPECT_NE(changed("\"wall_w\": 57.0", "\"wall_w\": -57.0").error().message.find("level 1: wall_w is no number from 0"),
            std::string::npos);
}

// A counter that has drawn what a test says.
class SetCounter final : public EnergySource {
 public:
  EnergyDelta read(double) override { return next; }
  const EnergyMethod& method() const override { return method_; }
  EnergyDelta next;

 private:
  EnergyMethod method_{"rapl-package", "packages", 0.95, 1.05, false};
};

TEST(Calibration, SourcesThroughTheFit) {
  WallFit fit;
  fit.a = 20;
  fit.b = 2;
  fit.idle_w = 30;
  fit.low_factor = 0.9;
  fit.high_factor = 1.1;
  fit.by_counter = true;
  auto owned = std::make_unique<SetCounter>();
  SetCounter* counter = owned.get();
  const auto source = wall_source(fit, std::move(owned), 10);
  EXPECT_EQ(source->method().name, "wall-calibrated");
  EXPECT_FALSE(source->method().estimate);
  counter->next.energy = {10'000'000, 9'500'000, 10'500'000};
  EnergyDelta delta = source->read(11);
  EXPECT_EQ(delta.energy, (Energy{40'000'000, 36'000'000, 44'000'000})) << "the counter's own gain is calibrated away";
  EXPECT_EQ(delta.idle_uj, 30'000'000);
  counter->next.energy = {10'000'000, 1'000'000, 50'000'000};
  counter->next.faults.add(MeterFault::kJump);
  delta = source->read(12);
  EXPECT_EQ(delta.energy, (Energy{40'000'000, 19'800'000, 132'000'000}));
  EXPECT_EQ(delta.faults.names(), "counter_jump");

  double seconds = 0;
  const auto timed = wall_source(fit, ProcessorClock{[&] { return seconds; }, {}}, 4, 10);
  EXPECT_TRUE(timed->method().estimate);
  seconds = 3;
  EXPECT_EQ(timed->read(12).energy.value_uj, 2 * (20 + 2 * 1.5) * 1'000'000);
  EXPECT_EQ(timed->read(12).energy.value_uj, 0);

  auto idle_counter = std::make_unique<SetCounter>();
  idle_counter->next.energy = {10'000'000, 9'500'000, 10'500'000};
  const auto idle = with_idle(std::move(idle_counter), 4, 10);
  EXPECT_EQ(idle->read(11).idle_uj, 4'000'000);
  EXPECT_EQ(idle->read(21).idle_uj, 10'000'000) << "never above the energy";
}

TEST(Calibration, ALoadIsMeasured) {
  const auto on = [](double) { return true; };
  // However busy the machine is, the load gets some of it in the end.
  Result<CalibrationLevel> level = fail("not measured");
  {
    const LoadRun run(1, 1);
    do {
      level = measure_level(1, 0, 0.5, nullptr, on);
      ASSERT_TRUE(level) << level.error().message;
    } while (level->processor_s < 0.02);
  }
  EXPECT_GE(level->seconds, 0.5);
  EXPECT_FALSE(level->counter_w);
  const Result<CalibrationLevel> idle = measure_level(0, 0, 0.3, nullptr, on);
  ASSERT_TRUE(idle);
  EXPECT_LT(idle->processor_s, 0.1);
  EXPECT_NE(measure_level(0, 0, 5, nullptr, [](double) { return false; }).error().message.find("interrupted"),
            std::string::npos);
  SetCounter counter;
  counter.next.faults.add(MeterFault::kUnreadable);
  EXPECT_NE(measure_level(0, 0, 0.3, &counter, on).error().message.find("unreadable"), std::string::npos);
}

}  // namespace
}  // namespace sobre
