#include "meter/meter.h"

#include <time.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace sobre {

namespace {

constexpr double kOthersS = 1;          // between two looks at the processor time of the machine
constexpr double kLongestWindowS = 30;  // closed even while a step runs
constexpr double kQuiet = 0.02;         // processors this process may use while it is said to do nothing
constexpr double kWattsMemoryS = 1;

double clock_seconds(clockid_t clock) {
  timespec t{};
  ::clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

}  // namespace

MeterWorld machine_world() {
  return {[] { return clock_seconds(CLOCK_MONOTONIC); }, own_cpu_seconds, [] { return read_cpu_times(); }};
}

struct Meter::Impl {
  Impl(std::unique_ptr<EnergySource> energy_source, MeterWorld the_world)
      : source(std::move(energy_source)), world(std::move(the_world)), attribution(world.now_s()) {}

  // All with the mutex held.
  void close(double now);
  void look_at_others(double now);
  void tick();

  const std::unique_ptr<EnergySource> source;
  const MeterWorld world;
  mutable std::mutex mutex;
  Attribution attribution;
  WindowHost host;
  double last_close_s = 0, last_own_cpu_s = 0, last_others_s = -kOthersS;
  double others_cpus = 0;  // processors that other processes kept busy between the last two looks
  CpuTimes last_times;
  double watts = -1, spent_s = 0;
  std::condition_variable wake;
  bool quit = false;
  std::thread thread;
};

// How busy other processes were since the last look.
void Meter::Impl::look_at_others(double now) {
  if (source->method().estimate || now - last_others_s < kOthersS) return;
  const auto times = world.cpu_times();
  if (!times) return;
  const double seconds = now - last_others_s;
  const double busy = times->busy_s - last_times.busy_s, own = times->own_s - last_times.own_s;
  if (last_times.cpus > 0) {
    others_cpus = std::clamp((busy - own) / seconds, 0.0, static_cast<double>(times->cpus));
    host.others_load = others_cpus / times->cpus;
  }
  last_times = *times;
  last_others_s = now;
}

void Meter::Impl::close(double now) {
  look_at_others(now);
  const EnergyDelta delta = source->read(now);
  const double own_cpu = world.own_cpu_s(), seconds = now - last_close_s;
  const double own = std::max(0.0, own_cpu - last_own_cpu_s), others = others_cpus * seconds;
  host.quiet = own < kQuiet * seconds;
  // Their rate lasts from look to look; their share does not: whoever was next to nothing beside a process at rest is next to
  // nothing beside one at work, too.
  host.others_share = others > 0 ? others / (others + own) : 0;
  attribution.close_window(now, delta, host);
  if (seconds > 0) {
    const double w = static_cast<double>(delta.energy.value_uj) * 1e-6 / seconds;
    watts = watts < 0 ? w : watts + (w - watts) * std::min(1.0, seconds / kWattsMemoryS);
  }
  last_close_s = now;
  last_own_cpu_s = own_cpu;
}

void Meter::Impl::tick() {
  const double now = world.now_s();
  const double open = attribution.window_seconds(now);
  // While an engine works, its steps close the windows: a window that ended within a step would miss its work.
  if (attribution.anyone() ? open > kLongestWindowS : open > kWindowS) close(now);
}

Meter::Meter(std::unique_ptr<EnergySource> source, MeterWorld world)
    : impl_(std::make_unique<Impl>(std::move(source), std::move(world))) {
  Impl& m = *impl_;
  {
    const std::lock_guard lock(m.mutex);
    m.last_close_s = m.world.now_s();
    m.last_own_cpu_s = m.world.own_cpu_s();
    // The first reading says only where the counters stand.
    static_cast<void>(m.source->read(m.last_close_s));
    m.look_at_others(m.last_close_s);
  }
  m.thread = std::thread([&m] {
    std::unique_lock lock(m.mutex);
    while (!m.wake.wait_for(lock, std::chrono::seconds(1), [&m] { return m.quit; })) {
      const double began = clock_seconds(CLOCK_THREAD_CPUTIME_ID);
      m.tick();
      m.spent_s += clock_seconds(CLOCK_THREAD_CPUTIME_ID) - began;
    }
  });
}

Meter::~Meter() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->quit = true;
  }
  impl_->wake.notify_all();
  impl_->thread.join();
}

uint64_t Meter::begin() {
  const std::lock_guard lock(impl_->mutex);
  // A pause before it is a window of its own: its power is known to be idle power, and none of it falls to the request.
  const double now = impl_->world.now_s();
  if (!impl_->attribution.anyone() && impl_->attribution.window_seconds(now) >= kWindowS / 2) impl_->close(now);
  return impl_->attribution.begin();
}

uint64_t Meter::begin_activity() {
  const std::lock_guard lock(impl_->mutex);
  const double now = impl_->world.now_s();
  impl_->close(now);
  return impl_->attribution.begin_activity(now);
}

void Meter::step(const MeterStep& step) {
  const double began = clock_seconds(CLOCK_THREAD_CPUTIME_ID);
  const std::lock_guard lock(impl_->mutex);
  impl_->attribution.add_step(step);
  const double now = impl_->world.now_s();
  if (impl_->attribution.window_seconds(now) >= kWindowS) impl_->close(now);
  impl_->spent_s += clock_seconds(CLOCK_THREAD_CPUTIME_ID) - began;
}

RequestEnergy Meter::end(uint64_t request) {
  const double began = clock_seconds(CLOCK_THREAD_CPUTIME_ID);
  const std::lock_guard lock(impl_->mutex);
  // Requests that end with one step share its window: the first closes it.
  if (impl_->attribution.anything_new()) impl_->close(impl_->world.now_s());
  RequestEnergy given = impl_->attribution.end(request);
  impl_->spent_s += clock_seconds(CLOCK_THREAD_CPUTIME_ID) - began;
  return given;
}

const EnergyMethod& Meter::method() const { return impl_->source->method(); }

MeterState Meter::state() const {
  const std::lock_guard lock(impl_->mutex);
  MeterState state;
  state.watts = impl_->watts;
  state.idle_watts = impl_->attribution.idle_watts();
  state.others_share = impl_->host.others_share;
  state.own_cpu_s = impl_->spent_s;
  for (const EnergyFit& fit : impl_->attribution.fits()) state.fits.push_back({fit.coefficients(), fit.residual()});
  state.totals = impl_->attribution.totals();
  return state;
}

}  // namespace sobre
