// The learning rate of each step: a linear warm-up, then a cosine, a constant with a linear end (warm-up, stable, decay), or a
// constant. Pure functions of plain values; any thread; the same bits on every machine.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "base/detmath.h"

namespace sobre {

enum class ScheduleKind : uint8_t { kCosine, kWsd, kConstant };

struct Schedule {
  ScheduleKind kind = ScheduleKind::kCosine;
  double peak = 1e-3, lowest = 1e-4;  // learning rates; `lowest` is the last step's (not of a constant)
  uint64_t warmup_steps = 0;          // steps that climb to the peak
  uint64_t steps = 1;                 // of the whole run
  double decay_part = 0.2;            // of kWsd: the last part of the run
};

/// The learning rate of a step, the first of which is 0. Warm-up: step i of w has (i + 1) / w of the peak, so that step w - 1
/// is the first at the peak and no step is lost at zero. Steps beyond the run have the last one's.
[[nodiscard]] inline double learning_rate(const Schedule& s, uint64_t step) {
  constexpr double kPi = 3.14159265358979323846;
  if (step < s.warmup_steps) return s.peak * (static_cast<double>(step) + 1) / static_cast<double>(s.warmup_steps);
  if (s.kind == ScheduleKind::kConstant) return s.peak;
  // The step at which the way down begins, with the peak still.
  double from = static_cast<double>(s.warmup_steps == 0 ? 0 : s.warmup_steps - 1);
  const double last = static_cast<double>(s.steps) - 1, at = std::min(static_cast<double>(step), last);
  if (s.kind == ScheduleKind::kWsd) from = std::max(from, last - std::round(s.decay_part * static_cast<double>(s.steps)));
  if (at <= from) return s.peak;
  const double part = (at - from) / (last - from);
  if (s.kind == ScheduleKind::kWsd) return s.peak + (s.lowest - s.peak) * part;
  return s.lowest + (s.peak - s.lowest) * 0.5 * (1 + detmath::cos(kPi * part));
}

}  // namespace sobre
