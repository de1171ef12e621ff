// One step: a token of every running answer, and as many prompt tokens as the pace allows.
#include <algorithm>
#include <cstring>
#include <ranges>

#include "engine/scheduler_impl.h"

namespace sobre {

namespace {

// An answer with at most this many tokens to compute counts as decoding: forced tokens come in short runs.
constexpr int kMaxDecodeRun = 33;

double clock_seconds(SchedulerClock::time_point t) { return std::chrono::duration<double>(t.time_since_epoch()).count(); }

bool decodes(const Answer& a) { return a.decoding() && a.pending() <= kMaxDecodeRun; }

}  // namespace

bool Scheduler::Impl::ensure_pages(Answer& answer, int positions) {
  const int need = pages_for(positions);
  while (static_cast<int>(answer.pages.size()) < need) {
    const int page = cache.acquire();
    if (page >= 0) {
      answer.pages.push_back(page);
      continue;
    }
    // The answer admitted last gives way, unless it is in this step already.
    size_t victim = active.size();
    while (victim > 0 && (active[victim - 1]->in_step > 0 || active[victim - 1].get() == &answer ||
                          active[victim - 1]->pages.empty() || active[victim - 1]->order < answer.order))
      --victim;
    if (victim == 0) return false;
    preempt(victim - 1);
  }
  return true;
}

bool Scheduler::Impl::add_tokens(Answer& answer, int count) {
  count = std::min({count, answer.pending(), forward->max_tokens() - static_cast<int>(batch.size())});
  if (count <= 0 || !ensure_pages(answer, answer.computed + count)) return false;
  const auto sequence = static_cast<int32_t>(sequences.size());
  sequences.emplace_back(answer.pages);
  in_batch.push_back(&answer);
  answer.in_step = count;
  for (int i = 0; i < count; ++i) {
    const int position = answer.computed + i;
    batch.push_back({answer.ids[static_cast<size_t>(position)], position, sequence, i + 1 == answer.pending()});
  }
  return true;
}

// Returns the work of the prompt tokens in the batch.
double Scheduler::Impl::fill_batch() {
  batch.clear();
  sequences.clear();
  in_batch.clear();
  // By index: preemption takes answers out of the end of the list.
  for (size_t i = 0; i < active.size(); ++i) {
    Answer& a = *active[i];
    if (decodes(a)) (void)add_tokens(a, a.pending());
  }
  return read_prompts(static_cast<int>(batch.size()));
}

// Half of what the pace allows goes to the oldest prompt, so that it gets on in any case; the rest to the shortest ones first,
// so that a long prompt does not keep them all waiting.
double Scheduler::Impl::read_prompts(int decoding) {
  std::vector<Answer*> waiting;
  for (const AnswerPtr& a : active) {
    if (!decodes(*a)) waiting.push_back(a.get());
  }
  if (waiting.empty()) return 0;
  int budget = pace->prompt_tokens(decoding, static_cast<int>(waiting.size()), waiting[0]->computed);
  std::vector<int> share(waiting.size());
  share[0] = std::min(waiting[0]->pending(), waiting.size() == 1 ? budget : (budget + 1) / 2);
  budget -= share[0];
  std::vector<size_t> order(waiting.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(),
            [&](size_t x, size_t y) { return std::pair(waiting[x]->pending(), x) < std::pair(waiting[y]->pending(), y); });
  for (const size_t i : order) {
    const int more = std::min(budget, waiting[i]->pending() - share[i]);
    share[i] += more;
    budget -= more;
  }
  double work_done = 0;
  for (size_t i = 0; i < waiting.size(); ++i) {
    const auto before = static_cast<int>(batch.size());
    // An answer that another's pages displaced holds none and is no longer active.
    const bool here = std::any_of(active.begin(), active.end(), [&](const AnswerPtr& a) { return a.get() == waiting[i]; });
    if (share[i] == 0 || !here || !add_tokens(*waiting[i], share[i])) continue;
    const int added = static_cast<int>(batch.size()) - before;
    work_done += added * pace->work(waiting[i]->computed + added / 2);
  }
  return work_done;
}

void Scheduler::Impl::step() {
  const auto start = SchedulerClock::now();
  const double prompt_work = fill_batch();
  if (batch.empty()) {
    // Nothing fits: the oldest answer alone must, or the cache is smaller than one context.
    if (active.size() > 1) {
      preempt(active.size() - 1);
      return;
    }
    end_answer(*active[0], GenerationEnd::kFailed);
    active[0]->report.error = "the KV cache has no room for this answer";
    hand_out();
    return;
  }
  const Result<void> done = forward->step(batch, sequences, cache.pool());
  int prompt_tokens = 0;
  for (Answer* a : in_batch) {
    if (!decodes(*a)) prompt_tokens += a->in_step;
  }
  const int decoded = static_cast<int>(batch.size()) - prompt_tokens;
  if (options.on_step) note_shares();
  if (!done) end_failed(done.error().message);
  after_forward();
  // Before the answers end: who asks what one cost must find this step in it.
  if (options.on_step) options.on_step({clock_seconds(start), clock_seconds(SchedulerClock::now()), shares});
  hand_out();
  const double seconds = std::chrono::duration<double>(SchedulerClock::now() - start).count();
  pace->observe(decoded, prompt_work, seconds);
  publish(seconds, prompt_tokens);
}

// Ends the answers whose own values were not finite; all, where the step failed in another way.
void Scheduler::Impl::end_failed(const std::string& message) {
  const auto is_bad = [&](int token) { return forward->is_bad(token); };
  const auto tokens = std::views::iota(0, static_cast<int>(batch.size()));
  const bool whole = std::ranges::none_of(tokens, is_bad);
  int first = 0;
  for (Answer* a : in_batch) {
    const auto own = std::views::iota(first, first + a->in_step);
    first += a->in_step;
    if (!whole && std::ranges::none_of(own, is_bad)) continue;
    end_answer(*a, GenerationEnd::kFailed);
    a->report.error = message;
    for (const auto& sibling : a->siblings) {
      end_answer(*sibling, GenerationEnd::kFailed);
      sibling->report.error = message;
    }
  }
}

// The modelled work of everybody in the batch.
void Scheduler::Impl::note_shares() {
  shares.clear();
  int decoding = 0;
  for (const Answer* a : in_batch) decoding += decodes(*a) ? 1 : 0;
  const double weights = static_cast<double>(model->weights().bytes_per_token());
  const double position_bytes = static_cast<double>(cache.pool().page_bytes()) / kPagePositions;
  for (const Answer* a : in_batch) {
    StepShare share{a->request->tag};
    if (decodes(*a)) {
      share.weight_bytes = weights / decoding;
      share.kv_bytes = position_bytes * (a->computed + a->in_step);
    } else {
      share.prompt_operations = a->in_step * pace->operations(a->computed + a->in_step / 2);
    }
    shares.push_back(share);
  }
}

// Counts what was computed, begins answers whose prompt is read, draws.
void Scheduler::Impl::after_forward() {
  int row = 0;
  std::vector<Answer*> drawing;
  for (Answer* a : in_batch) {
    const bool last = a->in_step == a->pending();
    a->computed += a->in_step;
    a->in_step = 0;
    if (!last) continue;
    const int logits = row++;
    if (a->ended) continue;  // it has failed in this step
    a->logits_row = logits;
    drawing.push_back(a);
  }
  const auto now = SchedulerClock::now();
  const size_t n = drawing.size();
  for (size_t i = 0; i < n; ++i) {
    Answer& a = *drawing[i];
    if (a.sampler) continue;
    a.prompt_read = now;
    if (a.request->reuse_prefix) {
      // Whole pages of the prompt serve others from now on; nothing writes to them any more.
      const size_t whole = static_cast<size_t>(a.computed) / kPagePositions * kPagePositions;
      cache.keep(a.request->scope, std::span(a.ids).first(whole), a.pages);
    }
    start_siblings(a, drawing);
  }
  std::shared_ptr<const TokenIndex> tokens;
  for (const Answer* a : drawing) {
    if (a->request->grammar && !tokens) tokens = index;
  }
  threads->run([&](int member) {
    for (size_t i = static_cast<size_t>(member); i < drawing.size(); i += static_cast<size_t>(threads->size())) {
      Answer& a = *drawing[i];
      if (!a.sampler) begin_answer(a, *model, tokens);
      draw_token(a, forward->logits(a.logits_row), *model, context);
      a.logits_row = -1;
    }
  });
}

// The prompt is read: the other answers to it share its pages, each with a copy of the last one, and draw from the same logits.
void Scheduler::Impl::start_siblings(Answer& leader, std::vector<Answer*>& drawing) {
  std::vector<AnswerPtr> siblings = std::move(leader.siblings);
  leader.siblings.clear();
  for (AnswerPtr& sibling : siblings) {
    sibling->ids = leader.ids;
    sibling->computed = leader.computed;
    sibling->admitted = leader.admitted;
    sibling->prompt_read = leader.prompt_read;
    sibling->order = ++orders;
    sibling->report.cached_tokens = leader.computed;
    const size_t shared = static_cast<size_t>(leader.computed) / kPagePositions;
    for (size_t i = 0; i < shared; ++i) {
      cache.retain(leader.pages[i]);
      sibling->pages.push_back(leader.pages[i]);
    }
    if (shared * kPagePositions < static_cast<size_t>(leader.computed)) {
      const int copy = cache.acquire();
      if (copy >= 0) {
        std::memcpy(cache.pool().keys(copy, 0, 0), cache.pool().keys(leader.pages[shared], 0, 0), cache.pool().page_bytes());
        sibling->pages.push_back(copy);
      } else {
        // It computes the rest for itself when there is room.
        sibling->computed = static_cast<int>(shared) * kPagePositions;
      }
    }
    sibling->logits_row = leader.logits_row;
    drawing.push_back(sibling.get());
    active.push_back(std::move(sibling));
  }
}

// Gives everybody what the step brought, and lets go of those that have ended.
void Scheduler::Impl::hand_out() {
  std::vector<AnswerPtr> gone;
  uint64_t drawn = 0;
  for (size_t i = 0; i < active.size();) {
    Answer& a = *active[i];
    if (!a.fresh.empty()) {
      if (a.report.first_token_s == 0)
        a.report.first_token_s = std::chrono::duration<double>(SchedulerClock::now() - a.submitted).count();
      std::vector<GenerationToken> tokens = std::move(a.fresh);
      a.fresh.clear();
      drawn += tokens.size();
      a.sink.on_tokens(std::move(tokens));
    }
    if (!a.ended) {
      ++i;
      continue;
    }
    for (AnswerPtr& sibling : a.siblings) gone.push_back(std::move(sibling));
    a.siblings.clear();
    gone.push_back(std::move(active[i]));
    active.erase(active.begin() + static_cast<std::ptrdiff_t>(i));
  }
  {
    const std::lock_guard lock(mutex);
    stats.answer_tokens += drawn;
    for (const AnswerPtr& a : gone) {
      stats.cached_tokens += static_cast<uint64_t>(a->report.cached_tokens);
      stats.forced_tokens += static_cast<uint64_t>(a->report.forced_tokens);
    }
  }
  for (AnswerPtr& a : gone) retire(std::move(a));
}

void Scheduler::Impl::publish(double seconds, int prompt_tokens) {
  const std::lock_guard lock(mutex);
  ++stats.steps;
  stats.step_seconds += seconds;
  stats.prompt_tokens += static_cast<uint64_t>(prompt_tokens);
  note_state();
}

// The state now; the lock is held.
void Scheduler::Impl::note_state() {
  const uint64_t page = cache.pool().page_bytes();
  const int used = cache.n_pages() - cache.pool().free_pages();
  stats.running = running();
  stats.cache_kept_bytes = static_cast<uint64_t>(cache.kept_pages()) * page;
  stats.cache_used_bytes = static_cast<uint64_t>(used - cache.kept_pages()) * page;
}

}  // namespace sobre
