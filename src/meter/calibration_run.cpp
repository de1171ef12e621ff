// Load for calibrating, and what is measured under it.
#include <algorithm>
#include <chrono>
#include <cmath>

#include "meter/calibration.h"

namespace sobre {

namespace {

using Clock = std::chrono::steady_clock;
constexpr double kPeriodS = 0.02;  // of the thread that works for a part of the time
constexpr double kLookS = 0.2;
constexpr size_t kBytes = 8 << 20;  // read by each thread, round and round: more than its share of a cache

double monotonic_s() { return std::chrono::duration<double>(Clock::now().time_since_epoch()).count(); }

// 8-bit products in 32-bit sums over memory that caches do not hold: what a decode step does most.
int32_t work_on(const std::vector<int8_t>& data, size_t begin, size_t count) {
  int32_t sum = 0;
  for (size_t i = begin; i < begin + count; ++i) sum += int32_t{data[i]} * int32_t{data[i]};
  return sum;
}

void be_busy(double share, const std::atomic<bool>& stop) {
  constexpr size_t kPiece = 1 << 16;
  const std::vector<int8_t> data(kBytes, 3);
  volatile int32_t kept = 0;
  size_t at = 0;
  while (!stop.load(std::memory_order_relaxed)) {
    const double begin = monotonic_s();
    while (monotonic_s() - begin < share * kPeriodS && !stop.load(std::memory_order_relaxed)) {
      kept = kept + (work_on(data, at, kPiece) & 1);
      at = (at + kPiece) % kBytes;
    }
    if (share < 1) std::this_thread::sleep_for(std::chrono::duration<double>((1 - share) * kPeriodS));
  }
}

}  // namespace

LoadRun::LoadRun(double load, int cpus) {
  const double busy = std::clamp(load, 0.0, 1.0) * std::max(1, cpus);
  const int whole = static_cast<int>(std::floor(busy + 1e-9));
  for (int i = 0; i < whole; ++i) threads_.emplace_back([this] { be_busy(1, stop_); });
  const double rest = busy - whole;
  if (rest > 1e-3) threads_.emplace_back([this, rest] { be_busy(rest, stop_); });
}

LoadRun::~LoadRun() {
  stop_ = true;
  for (std::thread& thread : threads_) thread.join();
}

Result<CalibrationLevel> measure_level(double load, double settle_s, double seconds, EnergySource* counter,
                                       const std::function<bool(double done)>& goes_on) {
  CalibrationLevel level;
  level.load = load;
  const double start = monotonic_s();
  double begin = 0, own = 0, joules = 0;
  MeterFaults faults;
  while (true) {
    const double now = monotonic_s();
    const bool settled = now - start >= settle_s;
    if (counter != nullptr) {
      const EnergyDelta delta = counter->read(now);
      if (begin > 0) {
        joules += 1e-6 * static_cast<double>(delta.energy.value_uj);
        faults.add(delta.faults);
      }
    }
    if (begin > 0 && now - begin >= seconds) {
      level.seconds = now - begin;
      break;
    }
    if (begin <= 0 && settled) {
      begin = now;
      own = own_cpu_seconds();
    }
    if (!goes_on((now - start) / (settle_s + seconds))) return fail("calibrating was interrupted; nothing was written");
    std::this_thread::sleep_for(std::chrono::duration<double>(kLookS));
  }
  level.processor_s = own_cpu_seconds() - own;
  if (faults.any()) return fail("the counter failed while calibrating ({}); nothing was written", faults.names());
  if (counter != nullptr) level.counter_w = joules / level.seconds;
  return level;
}

}  // namespace sobre
