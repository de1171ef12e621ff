#include "meter/attribution.h"

#include <algorithm>
#include <cmath>

namespace sobre {

namespace {

constexpr double kIdleMemoryS = 60;    // how long quiet moments are remembered
constexpr double kLeastQuietS = 0.05;  // shorter windows say little about a counter that moves in steps
constexpr double kLessonS = 0.1;       // what the fit is told of at a time
constexpr double kBusyOthers = 0.02;   // of the machine: from here on its power is not that of an idle one
constexpr double kSharedHost = 0.2;    // of the processor time used by others: from here on the host counts as shared

int64_t part_of(int64_t amount, double share) {
  return std::clamp(static_cast<int64_t>(std::floor(static_cast<double>(amount) * share)), int64_t{0}, amount);
}

}  // namespace

uint64_t Attribution::begin() {
  accounts_.emplace(next_, Account());
  return next_++;
}

uint64_t Attribution::begin_activity(double now_s) {
  Account account;
  account.activity = true;
  account.since_s = now_s;
  accounts_.emplace(next_, account);
  ++activities_;
  return next_++;
}

void Attribution::add_step(const MeterStep& step) {
  stepped_ = true;
  const auto model = static_cast<size_t>(step.model);
  if (fits_.size() <= model) {
    fits_.resize(model + 1);
    work_.resize(model + 1);
  }
  for (const StepWork& part : step.work) {
    work_[model] += part.work;
    const auto found = accounts_.find(part.request);
    if (found == accounts_.end()) continue;
    Account& account = found->second;
    if (account.since_s < 0) account.since_s = step.begin_s;
    account.prefill_j += fits_[model].prefill_joules(part.work);
    account.decode_j += fits_[model].decode_joules(part.work);
  }
}

// Who was in flight, each with the seconds of the machine that are its own (every moment divided by those in flight then), and
// its part of active energy.
void Attribution::find_shares(double now_s) {
  shares_.clear();
  for (auto& [id, account] : accounts_) {
    if (account.since_s >= 0) shares_.push_back({&account, std::max(account.since_s, window_s_)});
  }
  std::sort(shares_.begin(), shares_.end(), [](const Share& a, const Share& b) { return a.since_s < b.since_s; });
  // Within a window requests only come: whoever ends closes it.
  double after = 0;  // seconds a request in flight from shares_[i] on gets to itself
  double until = now_s;
  for (size_t i = shares_.size(); i-- > 0;) {
    after += std::max(0.0, until - shares_[i].since_s) / static_cast<double>(i + 1);
    until = shares_[i].since_s;
    shares_[i].machine_s = after;
  }
  const double seconds = now_s - window_s_;
  double modelled = 0, activities = 0;
  for (const Share& s : shares_) {
    if (s.account->activity) activities += seconds > 0 ? s.machine_s / seconds : 0;
    modelled += s.account->prefill_j + s.account->decode_j;
  }
  for (Share& s : shares_) {
    const double own = s.account->prefill_j + s.account->decode_j;
    if (s.account->activity) {
      // Alone, it is all that goes on.
      const double time = seconds > 0 ? s.machine_s / seconds : 0;
      s.active = modelled > 0 || activities <= 0 ? time : time / activities;
    } else {
      s.active = modelled > 0 ? own / modelled * std::max(0.0, 1 - activities) : 0;
    }
  }
}

void Attribution::give(const EnergyDelta& delta, int64_t own_uj, int64_t others_uj, int64_t idle_uj, double seconds) {
  const auto value = static_cast<double>(delta.energy.value_uj);
  const double low = value > 0 ? static_cast<double>(delta.energy.low_uj) / value : 0;
  const double high = value > 0 ? static_cast<double>(delta.energy.high_uj) / value : 0;
  for (const Share& s : shares_) {
    const int64_t active = part_of(own_uj, s.active);
    const int64_t idle = seconds > 0 ? part_of(idle_uj, s.machine_s / seconds) : 0;
    RequestEnergy& given = s.account->given;
    given.marginal_uj += active;
    const double work = s.account->prefill_j + s.account->decode_j;
    if (work > 0) given.prefill_uj += part_of(active, s.account->prefill_j / work);
    given.energy.value_uj += active + idle;
    given.energy.low_uj += part_of(active + idle, low);
    // What is taken off for others may have been its own. Without a value the interval is shared as the value would be.
    given.energy.high_uj +=
        value > 0 ? static_cast<int64_t>(
                        std::ceil((static_cast<double>(active + idle) + s.active * static_cast<double>(others_uj)) * high))
                  : part_of(delta.energy.high_uj, s.active);
    given.machine_s += s.machine_s;
    given.in_flight_s += s.machine_s > 0 ? std::max(0.0, window_s_ + seconds - s.since_s) : 0;
    given.faults.add(delta.faults);
    totals_.marginal_uj += active;
    totals_.idle_allocated_uj += idle;
    s.account->prefill_j = s.account->decode_j = 0;
  }
}

void Attribution::close_window(double now_s, const EnergyDelta& delta, const WindowHost& host) {
  now_s = std::max(now_s, window_s_);
  const double seconds = now_s - window_s_;
  find_shares(now_s);
  const int64_t value = delta.energy.value_uj;
  const bool worked = std::any_of(shares_.begin(), shares_.end(), [](const Share& s) { return s.active > 0; });
  int64_t idle = 0;
  if (delta.idle_uj) {
    idle = std::clamp(*delta.idle_uj, int64_t{0}, value);
    if (seconds > 0) idle_watts_ = static_cast<double>(*delta.idle_uj) * 1e-6 / seconds;
  } else if (host.quiet && !worked && host.others_load < kBusyOthers) {
    idle = value;
    if (!delta.faults.any()) learn_idle(static_cast<double>(value) * 1e-6 / seconds, seconds);
  } else if (idle_watts_ > 0) {
    idle = std::clamp(static_cast<int64_t>(idle_watts_ * seconds * 1e6), int64_t{0}, value);
  }
  const int64_t others = part_of(value - idle, host.others_share);
  const int64_t own = value - idle - others;
  EnergyDelta marked = delta;
  if (host.others_share > kSharedHost && host.others_load > kBusyOthers) marked.faults.add(MeterFault::kSharedHost);
  const int64_t marginal = totals_.marginal_uj, allocated = totals_.idle_allocated_uj;
  learn_work(own, seconds, !delta.faults.any());
  give(marked, own, others, idle, seconds);
  for (ModelledWork& work : work_) work = {};
  totals_.counter += delta.energy;
  totals_.unattributed_uj += own + others - (totals_.marginal_uj - marginal);
  totals_.idle_uj += idle - (totals_.idle_allocated_uj - allocated);
  ++totals_.windows;
  if (marked.faults.any()) ++totals_.faulty_windows;
  window_s_ = now_s;
  stepped_ = false;
}

void Attribution::learn_idle(double watts, double seconds) {
  if (seconds < kLeastQuietS) return;
  if (idle_watts_ < 0) {
    idle_watts_ = watts;
    return;
  }
  idle_watts_ += (watts - idle_watts_) * std::min(1.0, seconds / kIdleMemoryS);
}

// Only windows in which one model worked, and nothing else, say what its work costs.
void Attribution::learn_work(int64_t own_uj, double seconds, bool good) {
  size_t model = 0;
  int working = 0;
  for (size_t i = 0; i < work_.size(); ++i) {
    if (work_[i].prompt_operations + work_[i].weight_bytes + work_[i].kv_bytes <= 0) continue;
    model = i;
    ++working;
  }
  const bool activity = std::any_of(shares_.begin(), shares_.end(), [](const Share& s) { return s.account->activity; });
  if (working != 1 || activity || !good || model != lesson_.model) lesson_ = {};
  if (working != 1 || activity || !good) return;
  lesson_.model = model;
  lesson_.work += work_[model];
  lesson_.uj += own_uj;
  lesson_.seconds += seconds;
  if (lesson_.seconds < kLessonS) return;
  fits_[model].observe(lesson_.work, static_cast<double>(lesson_.uj) * 1e-6);
  lesson_ = {};
}

RequestEnergy Attribution::end(uint64_t request) {
  const auto found = accounts_.find(request);
  if (found == accounts_.end()) return {};
  const RequestEnergy given = found->second.given;
  activities_ -= found->second.activity ? 1 : 0;
  accounts_.erase(found);
  return given;
}

}  // namespace sobre
