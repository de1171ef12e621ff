// The inside of the scheduler: what one answer is while it waits and runs. Included by scheduler*.cpp alone.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_set>
#include <vector>

#include "engine/chat.h"
#include "engine/fair_queue.h"
#include "engine/prefix_cache.h"
#include "engine/scheduler.h"
#include "engine/step_pace.h"
#include "model/forward.h"

namespace sobre {

using SchedulerClock = std::chrono::steady_clock;

/// One answer. Owned by the queue, then by the engine thread.
struct Answer {
  uint64_t id = 0;
  std::shared_ptr<const GenerationRequest> request;
  uint32_t choice = 0;
  GenerationSink sink;
  GenerationReport report;

  std::vector<int32_t> ids;  // the prompt, then the answer
  int computed = 0;          // positions whose keys and values are in `pages`
  std::vector<int> pages;
  std::vector<std::unique_ptr<Answer>> siblings;  // other answers to the prompt this one reads; they begin when it is read

  std::unique_ptr<Sampler> sampler;
  std::unique_ptr<StreamDecoder> decoder;
  std::unique_ptr<StopMatcher> matcher;
  std::unique_ptr<Constraint> constraint;

  // What a step found, until it is handed out.
  std::vector<GenerationToken> fresh;
  bool ended = false;
  int in_step = 0;      // tokens of it in the step under way
  int logits_row = -1;  // of the step under way; -1: none wanted

  SchedulerClock::time_point submitted, admitted, prompt_read;
  uint64_t order = 0;  // of admission

  [[nodiscard]] int pending() const { return static_cast<int>(ids.size()) - computed; }
  [[nodiscard]] bool decoding() const { return report.answer_tokens > 0; }
  [[nodiscard]] int weight() const { return 1 + static_cast<int>(siblings.size()); }
};

struct Scheduler::Impl {
  using AnswerPtr = std::unique_ptr<Answer>;

  // Set at creation.
  std::shared_ptr<const Model> model;
  SchedulerOptions options;
  int context = 0;
  std::shared_ptr<ThreadPool> threads;
  std::unique_ptr<Forward> forward;
  PrefixCache cache;
  std::unique_ptr<StepPace> pace;
  mutable std::once_flag index_once;
  mutable std::shared_ptr<const TokenIndex> index;

  // Shared with callers.
  mutable std::mutex mutex;
  std::condition_variable work, idle;
  FairQueue<AnswerPtr> queue;
  std::unordered_set<uint64_t> cancelled;
  uint64_t next_id = 1;
  bool stopping = false, cancel_all = false, quit = false;
  int busy = 0;  // answers with the engine thread, siblings included
  SchedulerStats stats;

  // The engine thread's own.
  std::vector<AnswerPtr> active;    // in order of admission
  std::deque<AnswerPtr> preempted;  // gave their pages up; they go before the queue
  std::vector<BatchToken> batch;
  std::vector<SequencePages> sequences;
  std::vector<Answer*> in_batch;
  std::vector<StepShare> shares;  // of the step under way, where reports are wanted
  uint64_t orders = 0;
  std::thread thread;

  // scheduler_queue.cpp: who runs
  void run();
  [[nodiscard]] bool take_orders();
  void cancel_marked(const std::unordered_set<uint64_t>& marked, bool all, std::vector<AnswerPtr>& gone);
  void admit();
  [[nodiscard]] bool admit_one(Answer& answer);
  [[nodiscard]] int reserved_pages() const;
  [[nodiscard]] int running() const;
  void preempt(size_t at);
  void give_up_pages(Answer& answer, bool keep);
  void retire(AnswerPtr answer);

  // scheduler_step.cpp: what a step does
  void step();
  [[nodiscard]] double fill_batch();
  [[nodiscard]] double read_prompts(int decoding);
  [[nodiscard]] bool add_tokens(Answer& answer, int count);
  [[nodiscard]] bool ensure_pages(Answer& answer, int positions);
  void end_failed(const std::string& message);
  void note_shares();
  void after_forward();
  void start_siblings(Answer& leader, std::vector<Answer*>& drawing);
  void hand_out();
  void publish(double seconds, int prompt_tokens);
  void note_state();
};

// scheduler_answer.cpp: what an answer does with its logits. Any member of the team, one answer each.

/// Why no answer can begin: the vocabulary has no token that the grammar takes at first, or finding it takes too long. Empty:
/// one can. Makes the first mask, which is kept with the grammar.
[[nodiscard]] std::string begin_fault(const GenerationRequest& request, const std::shared_ptr<const TokenIndex>& index);
/// Makes sampler, decoder, matcher and constraint, once the prompt is read.
void begin_answer(Answer& answer, const Model& model, std::shared_ptr<const TokenIndex> index);
/// Draws the next token and takes what the grammar forces; fills answer.fresh and, at the end, answer.ended and the report.
void draw_token(Answer& answer, std::span<const float> logits, const Model& model, int context);
/// Ends it: what was held back goes into report.rest.
void end_answer(Answer& answer, GenerationEnd why);

}  // namespace sobre
