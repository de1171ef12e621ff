// The scheduler: many answers on one model at a time. Prompts are read in chunks beside running decodes, the KV cache is cut
// into pages, and prefixes that the same scope has computed are reused. One engine thread per scheduler makes all steps and
// calls all sinks; submit(), cancel() and stats() may be called from any thread. The bits of an answer depend on its request
// alone, never on what runs beside it or on the state of the cache.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/sampler.h"
#include "model/kv_cache.h"
#include "model/model.h"
#include "text/constraint.h"

namespace sobre {

/// The part of a request in a step: modelled work, for those who share out what the step cost.
struct StepShare {
  uint64_t tag = 0;  // GenerationRequest::tag
  double prompt_operations =
      0;  // multiplications and additions of its prompt tokens; those of attention count as often as they cost
  double weight_bytes = 0;  // read for tokens of answers, shared evenly by the answers in the step
  double kv_bytes = 0;      // keys and values read for its answer's tokens
};

/// A step, after its tokens were drawn and before they are handed out.
struct StepReport {
  double begin_s = 0, end_s = 0;  // of the monotonic clock
  std::span<const StepShare> shares;
};

struct SchedulerOptions {
  KvType kv = KvType::kF16;
  int threads = 0;           // 0: as many as the process may use
  int context = 0;           // positions of one answer; 0: the model's own, at most 8192
  uint64_t cache_bytes = 0;  // KV pages of running answers and kept prefixes; 0: chosen from the memory available
  int max_active = 32;       // answers in the batch of a step
  int max_queued = 256;      // requests waiting beyond those that have a place at once; more are refused
  int max_step_ms = 100;     // what a step with running answers may take: bounds the prompt tokens in it
  std::function<void(const StepReport&)> on_step;  // called on the engine thread; must return at once
};

/// One answer asked for.
struct GenerationRequest {
  uint64_t tag = 0;   // names the request in step reports
  std::string scope;  // who asks (the id of an API key): prefixes are shared and the queue is fair by it
  std::vector<int32_t> prompt;
  SamplingOptions sampling;
  std::vector<std::string> stops;
  bool stops_in_grammar = true;            // false: where the grammar holds, stop strings are text like any other
  int max_tokens = 0;                      // 0: until the model ends its answer or the context is full
  bool ignore_eos = false;                 // end-of-answer ids are never drawn (their logits are left out)
  bool special_text = false;               // control tokens appear in the text (tool calls are written with them)
  bool reuse_prefix = true;                // whether kept prefixes may be used and kept
  int top_logprobs = -1;                   // -1: no log probabilities; n: of the drawn token and of the n best, at most 20
  std::shared_ptr<const Grammar> grammar;  // what the answer must belong to; null: anything
  ConstraintStart grammar_start;           // when that begins to hold
};

/// log softmax of the model's logits (before penalties, temperature and masks), natural logarithm.
struct TokenLogprob {
  int32_t id = 0;
  float logprob = 0;
};

/// A token of an answer. `text` is what became certain with it: it may be empty, and it may hold text of earlier tokens.
struct GenerationToken {
  int32_t id = 0;
  std::string text;
  float logprob = 0;              // where asked
  std::vector<TokenLogprob> top;  // best first, where asked
};

/// kDeadEnd: the grammar goes on in a way that no token of the vocabulary can write.
enum class GenerationEnd : uint8_t { kStop, kStopString, kMaxTokens, kContextFull, kCancelled, kDeadEnd, kFailed };

struct GenerationReport {
  GenerationEnd end = GenerationEnd::kStop;
  std::string rest;   // text that was held back until the end
  std::string error;  // kFailed, kDeadEnd: one line
  int prompt_tokens = 0, cached_tokens = 0;
  int answer_tokens = 0;                                              // drawn or forced, the one that ended the answer included
  int forced_tokens = 0;                                              // of them, emitted without asking the model
  double queue_s = 0, prompt_s = 0, decode_s = 0, first_token_s = 0;  // since submit() for the last one
};

/// Where an answer goes. Called on the engine thread, in order; must return at once. on_token may get several tokens (forced
/// ones). on_end comes exactly once, last.
struct GenerationSink {
  std::function<void(std::vector<GenerationToken>&& tokens)> on_tokens;
  std::function<void(GenerationReport&& report)> on_end;
};

/// Why a request was not taken. Nothing has been called then.
struct Rejection {
  /// kUnwritable: no token of the vocabulary begins what the grammar asks for, or to find it takes too long.
  enum class Kind : uint8_t { kQueueFull, kTooLong, kInvalid, kUnwritable, kStopping };
  Kind kind = Kind::kInvalid;
  std::string message;    // one line
  int retry_after_s = 0;  // kQueueFull, kStopping
};

/// Sums since the start and the state now; for metrics.
struct SchedulerStats {
  uint64_t prompt_tokens = 0, cached_tokens = 0, answer_tokens = 0, forced_tokens = 0, steps = 0, preemptions = 0;
  double step_seconds = 0;
  int running = 0, queued = 0;
  uint64_t cache_bytes = 0, cache_used_bytes = 0, cache_kept_bytes = 0;  // capacity; in use by answers; kept prefixes
};

class Scheduler {
 public:
  /// Errors: a context beyond the model's, memory that is not there (both figures).
  [[nodiscard]] static Result<std::unique_ptr<Scheduler>> create(std::shared_ptr<const Model> model,
                                                                 const SchedulerOptions& options = {});
  /// Cancels what runs and waits for the engine thread.
  ~Scheduler();

  /// Takes a request, or several answers to one prompt (the choices differ in sampling.choice; the prompt is computed once).
  /// Ids number the answers, one per sink, for cancel().
  [[nodiscard]] std::expected<std::vector<uint64_t>, Rejection> submit(GenerationRequest request,
                                                                       std::vector<GenerationSink> sinks);
  /// Ends an answer at the next step (its on_end comes with kCancelled). Unknown and ended ids are ignored.
  void cancel(uint64_t id);
  /// From now on submit() refuses with kStopping; what was taken is finished. Returns when nothing is left or at the deadline,
  /// when the rest is cancelled; true: nothing had to be cancelled.
  bool drain(double seconds);

  [[nodiscard]] SchedulerStats stats() const;
  [[nodiscard]] const Model& model() const;
  [[nodiscard]] const std::shared_ptr<const TokenIndex>& token_index() const;
  [[nodiscard]] int context() const;

  struct Impl;

 private:
  explicit Scheduler(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sobre
