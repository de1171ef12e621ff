// The engine thread's loop, and who runs: orders from other threads, admission by memory, preemption, the end of an answer.
#include <algorithm>

#include "engine/scheduler_impl.h"

namespace sobre {

namespace {

double seconds_between(SchedulerClock::time_point a, SchedulerClock::time_point b) {
  return std::chrono::duration<double>(b - a).count();
}

// Takes out of a leader and its siblings the answers that `hit` names. What has been computed stays with those that are left: a
// leader that goes exchanges who it is with a sibling. True: none is left but the leader, and it is to go as well.
template <class Hit>
bool take_marked(Answer& leader, const Hit& hit, std::vector<std::unique_ptr<Answer>>& gone) {
  for (size_t i = leader.siblings.size(); i-- > 0;) {
    if (!hit(*leader.siblings[i])) continue;
    gone.push_back(std::move(leader.siblings[i]));
    leader.siblings.erase(leader.siblings.begin() + static_cast<std::ptrdiff_t>(i));
  }
  if (!hit(leader)) return false;
  if (leader.siblings.empty()) return true;
  Answer& other = *leader.siblings.back();
  std::swap(leader.id, other.id);
  std::swap(leader.choice, other.choice);
  std::swap(leader.sink, other.sink);
  std::swap(leader.report, other.report);
  gone.push_back(std::move(leader.siblings.back()));
  leader.siblings.pop_back();
  return false;
}

}  // namespace

void Scheduler::Impl::run() {
  while (take_orders()) {
    admit();
    if (!active.empty()) step();
  }
}

int Scheduler::Impl::running() const {
  int n = 0;
  for (const AnswerPtr& a : active) n += a->weight();
  return n;
}

// Waits for work, then carries out what others asked. False: this was the end.
bool Scheduler::Impl::take_orders() {
  std::unordered_set<uint64_t> marked;
  bool all = false;
  std::vector<AnswerPtr> gone;
  {
    std::unique_lock lock(mutex);
    const auto wanted = [&] {
      return !active.empty() || !preempted.empty() || queue.size() > 0 || !cancelled.empty() || cancel_all || quit;
    };
    if (!wanted()) work.wait(lock, wanted);
    marked.swap(cancelled);
    all = cancel_all;
    cancel_all = false;
    if (all || !marked.empty()) {
      const auto hit = [&](const Answer& a) { return all || marked.contains(a.id); };
      queue.remove_if([&](AnswerPtr& a) { return take_marked(*a, hit, gone); },
                      [&](AnswerPtr a) { gone.push_back(std::move(a)); });
    }
    if (quit && active.empty() && preempted.empty() && queue.size() == 0 && gone.empty()) return false;
  }
  // Sinks are called without the lock: they may ask for more.
  for (const AnswerPtr& a : gone) {
    a->report.end = GenerationEnd::kCancelled;
    a->report.prompt_tokens = static_cast<int>(a->request->prompt.size());
    a->report.queue_s = seconds_between(a->submitted, SchedulerClock::now());
    a->sink.on_end(std::move(a->report));
  }
  gone.clear();
  if (all || !marked.empty()) cancel_marked(marked, all, gone);
  for (AnswerPtr& a : gone) retire(std::move(a));
  const std::lock_guard lock(mutex);
  if (busy == 0 && queue.size() == 0) idle.notify_all();
  return true;
}

// Takes marked answers out of those that run; `gone` gets them.
void Scheduler::Impl::cancel_marked(const std::unordered_set<uint64_t>& marked, bool all, std::vector<AnswerPtr>& gone) {
  const auto hit = [&](const Answer& a) { return all || marked.contains(a.id); };
  const auto visit = [&](auto& answers) {
    for (auto at = answers.begin(); at != answers.end();) {
      if (!take_marked(**at, hit, gone)) {
        ++at;
        continue;
      }
      gone.push_back(std::move(*at));
      at = answers.erase(at);
    }
  };
  visit(active);
  visit(preempted);
  for (const AnswerPtr& a : gone) end_answer(*a, GenerationEnd::kCancelled);
}

// Pages that running answers have yet to take for what they hold already, and one for each answer that will begin.
int Scheduler::Impl::reserved_pages() const {
  int n = 0;
  for (const AnswerPtr& a : active) {
    n += std::max(0, pages_for(std::ssize(a->ids) + 1) - static_cast<int>(a->pages.size()));
    n += static_cast<int>(a->siblings.size());
  }
  return n;
}

bool Scheduler::Impl::admit_one(Answer& answer) {
  if (answer.ids.empty()) answer.ids = answer.request->prompt;
  PrefixCache::Prefix prefix;
  // The last token is computed in any case: its logits are what the answer goes on from.
  if (answer.request->reuse_prefix)
    prefix = cache.find(answer.request->scope, std::span(answer.ids).first(answer.ids.size() - 1));
  const int need = pages_for(std::ssize(answer.ids) + 1) - static_cast<int>(prefix.pages.size()) + answer.weight() - 1;
  if (!active.empty() && need > cache.available_pages() - reserved_pages()) {
    for (const int page : prefix.pages) cache.release(page);
    return false;
  }
  answer.pages = std::move(prefix.pages);
  answer.computed = prefix.positions;
  // One that comes again after it gave its pages up finds its own work in the cache.
  if (answer.order == 0) {
    answer.report.cached_tokens = prefix.positions;
    answer.admitted = SchedulerClock::now();
  }
  answer.order = ++orders;
  return true;
}

void Scheduler::Impl::admit() {
  while (!preempted.empty()) {
    if (running() + preempted.front()->weight() > options.max_active || !admit_one(*preempted.front())) return;
    active.push_back(std::move(preempted.front()));
    preempted.pop_front();
  }
  const std::lock_guard lock(mutex);
  while (AnswerPtr* next = queue.front()) {
    const int weight = (*next)->weight();
    if (running() + weight > options.max_active || !admit_one(**next)) return;
    active.push_back(queue.pop(weight));
    busy += weight;
  }
}

void Scheduler::Impl::give_up_pages(Answer& answer, bool keep) {
  if (keep && answer.request->reuse_prefix) {
    cache.keep(answer.request->scope, std::span(answer.ids).first(static_cast<size_t>(answer.computed)), answer.pages);
  }
  for (const int page : answer.pages) cache.release(page);
  answer.pages.clear();
  answer.computed = 0;
}

// Makes room: the answer goes on later, with the same bits, from what it has said so far.
void Scheduler::Impl::preempt(size_t at) {
  give_up_pages(*active[at], true);
  {
    const std::lock_guard lock(mutex);
    ++stats.preemptions;
  }
  preempted.push_front(std::move(active[at]));
  active.erase(active.begin() + static_cast<std::ptrdiff_t>(at));
}

void Scheduler::Impl::retire(AnswerPtr answer) {
  give_up_pages(*answer, answer->report.end != GenerationEnd::kFailed);
  GenerationReport& r = answer->report;
  const auto now = SchedulerClock::now();
  const bool admitted = answer->order > 0;
  const bool read = answer->decoding();
  r.prompt_tokens = static_cast<int>(answer->request->prompt.size());
  r.queue_s = seconds_between(answer->submitted, admitted ? answer->admitted : now);
  if (admitted) r.prompt_s = seconds_between(answer->admitted, read ? answer->prompt_read : now);
  if (read) r.decode_s = seconds_between(answer->prompt_read, now);
  const auto on_end = std::move(answer->sink.on_end);
  GenerationReport report = std::move(answer->report);
  const std::string scope = answer->request->scope;
  answer.reset();
  {
    const std::lock_guard lock(mutex);
    note_state();
  }
  on_end(std::move(report));
  const std::lock_guard lock(mutex);
  queue.finished(scope, 1);
  --busy;
  if (busy == 0 && queue.size() == 0) idle.notify_all();
}

}  // namespace sobre
