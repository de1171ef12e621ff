// Whose energy it was: windows between two readings of a source, the steps of the engine in them, and the requests in flight.
// All times and amounts come from the caller; no clock, no thread. Used by one thread at a time (Meter holds a mutex).
//
// A window's energy is idle energy (what the machine draws without work) and active energy. Of the active energy, other
// processes get theirs by processor time; the rest is shared among requests by modelled work, with coefficients fitted per
// model; without any work it stays unattributed. Idle energy is shared by time among the requests in flight. Amounts are whole
// microjoules, and nothing is lost: requests + idle + unattributed = counter, exactly.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "meter/energy.h"
#include "meter/energy_fit.h"

namespace sobre {

/// The part of a request in a step. `work.weight_bytes` is its share already.
struct StepWork {
  uint64_t request = 0;
  ModelledWork work;
};

/// A step of an engine.
struct MeterStep {
  int model = 0;  // 0, 1, ...: coefficients are fitted for each
  double begin_s = 0, end_s = 0;
  std::span<const StepWork> work;
};

/// What is known of a window beside its energy.
struct WindowHost {
  double others_share = 0;  // other processes' part of the processor time that was used, 0..1: their part of active energy
  double others_load = 0;   // the processor time they used, of all that the machine had, 0..1
  bool quiet = false;       // this process did next to nothing
};

/// Sums since the start. marginal + idle_allocated + idle + unattributed = counter, value by value.
struct MeterTotals {
  Energy counter;
  int64_t marginal_uj = 0;        // active energy of requests
  int64_t idle_allocated_uj = 0;  // idle energy of requests
  int64_t idle_uj = 0;            // idle energy of nobody
  int64_t unattributed_uj = 0;    // active energy of nobody: other processes, and work outside requests
  uint64_t windows = 0, faulty_windows = 0;
};

class Attribution {
 public:
  explicit Attribution(double start_s) : window_s_(start_s) {}

  /// A request is there; it is in flight from its first step on. Numbers are 1 and more.
  [[nodiscard]] uint64_t begin();
  /// Work without steps (loading a model, one answer alone): in flight from now on. Of active energy it gets its share by time.
  [[nodiscard]] uint64_t begin_activity(double now_s);
  /// A step has ended. Requests it names that are not there are ignored, their part is shared by the others.
  void add_step(const MeterStep& step);
  /// Ends the window that began at the previous call. `now_s` never falls.
  void close_window(double now_s, const EnergyDelta& delta, const WindowHost& host);
  /// What the request was given so far, and takes it out; zeros for an unknown number. Where anything is new the window must
  /// have been closed just before.
  [[nodiscard]] RequestEnergy end(uint64_t request);

  [[nodiscard]] const MeterTotals& totals() const { return totals_; }
  /// Watts without work: of the source, or learned from quiet windows; negative: not known yet (idle energy then counts as
  /// active).
  [[nodiscard]] double idle_watts() const { return idle_watts_; }
  /// Whether the window holds anything that a request would miss: a step, or an activity under way.
  [[nodiscard]] bool anything_new() const { return stepped_ || activities_ > 0; }
  /// Seconds since the last close_window().
  [[nodiscard]] double window_seconds(double now_s) const { return now_s - window_s_; }
  [[nodiscard]] bool anyone() const { return !accounts_.empty(); }
  [[nodiscard]] const std::vector<EnergyFit>& fits() const { return fits_; }

 private:
  struct Account {
    RequestEnergy given;
    double since_s = -1;  // in flight since; negative: waits for its first step
    bool activity = false;
    double prefill_j = 0, decode_j = 0;  // modelled, in this window
  };
  // One request's part of the window that ends.
  struct Share {
    Account* account;
    double since_s;        // in flight since, within the window
    double machine_s = 0;  // its share of the window's seconds
    double active = 0;     // its share of active energy, 0..1
  };

  void find_shares(double now_s);
  void give(const EnergyDelta& delta, int64_t own_uj, int64_t others_uj, int64_t idle_uj, double seconds);
  void learn_idle(double watts, double seconds);
  void learn_work(int64_t own_uj, double seconds, bool good);

  double window_s_;
  bool stepped_ = false;  // in this window
  int activities_ = 0;
  double idle_watts_ = -1;
  uint64_t next_ = 1;
  std::unordered_map<uint64_t, Account> accounts_;
  std::vector<EnergyFit> fits_;
  std::vector<ModelledWork> work_;  // per model, in this window
  // Short windows say little one by one: what the fit is told of is gathered until it is long enough.
  struct Lesson {
    size_t model = 0;
    ModelledWork work;
    int64_t uj = 0;
    double seconds = 0;
  } lesson_;
  std::vector<Share> shares_;  // of this window, kept to spare allocations
  MeterTotals totals_;
};

}  // namespace sobre
