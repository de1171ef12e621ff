#include "learn/schedule.h"

#include <gtest/gtest.h>

namespace sobre {
namespace {

Schedule made(ScheduleKind kind) {
  Schedule s;
  s.kind = kind;
  s.peak = 1e-3;
  s.lowest = 1e-4;
  s.warmup_steps = 10;
  s.steps = 111;
  return s;
}

TEST(Schedule, WarmUpClimbsToThePeak) {
  for (const auto kind : {ScheduleKind::kCosine, ScheduleKind::kWsd, ScheduleKind::kConstant}) {
    const Schedule s = made(kind);
    EXPECT_DOUBLE_EQ(learning_rate(s, 0), 1e-4);
    EXPECT_DOUBLE_EQ(learning_rate(s, 4), 5e-4);
    EXPECT_DOUBLE_EQ(learning_rate(s, 9), 1e-3);
  }
}

TEST(Schedule, CosineFallsToTheLowestOnTheLastStep) {
  const Schedule s = made(ScheduleKind::kCosine);
  EXPECT_LT(learning_rate(s, 10), 1e-3);
  EXPECT_NEAR(learning_rate(s, 9 + 101 / 2), 5.5e-4, 1e-5);
  EXPECT_DOUBLE_EQ(learning_rate(s, 110), 1e-4);
  EXPECT_DOUBLE_EQ(learning_rate(s, 5000), 1e-4);
  for (uint64_t i = 10; i <= 110; ++i) EXPECT_LT(learning_rate(s, i), learning_rate(s, i - 1));
}

TEST(Schedule, WsdIsFlatAndThenALine) {
  Schedule s = made(ScheduleKind::kWsd);
  s.steps = 101;
  s.decay_part = 0.2;  // 20 steps
  for (uint64_t i = 9; i <= 80; ++i) EXPECT_DOUBLE_EQ(learning_rate(s, i), 1e-3) << i;
  EXPECT_NEAR(learning_rate(s, 90), 5.5e-4, 1e-12);
  EXPECT_DOUBLE_EQ(learning_rate(s, 100), 1e-4);
  s.decay_part = 1;  // as early as the warm-up allows
  EXPECT_DOUBLE_EQ(learning_rate(s, 9), 1e-3);
  EXPECT_LT(learning_rate(s, 10), 1e-3);
}

TEST(Schedule, ConstantAndTheCorners) {
  Schedule s = made(ScheduleKind::kConstant);
  EXPECT_DOUBLE_EQ(learning_rate(s, 110), 1e-3);
  for (const auto kind : {ScheduleKind::kCosine, ScheduleKind::kWsd}) {
    s.kind = kind;
    s.warmup_steps = 0;
    s.steps = 1;
    EXPECT_DOUBLE_EQ(learning_rate(s, 0), 1e-3);
    s.steps = 2;
    s.decay_part = 0.5;
    EXPECT_DOUBLE_EQ(learning_rate(s, 0), 1e-3);
    EXPECT_DOUBLE_EQ(learning_rate(s, 1), 1e-4);
    s.steps = 5;  // shorter than the warm-up
    s.warmup_steps = 10;
    EXPECT_DOUBLE_EQ(learning_rate(s, 4), 5e-4);
    EXPECT_DOUBLE_EQ(learning_rate(s, 20), 1e-3);
  }
}

}  // namespace
}  // namespace sobre
