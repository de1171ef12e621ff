// A session: one sequence of tokens on one model, with its KV cache and its worker threads. One thread uses a session at a
// time; the model behind it is shared. After the first steps nothing here allocates.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "base/result.h"
#include "engine/memory.h"
#include "model/kv_cache.h"
#include "model/model.h"

namespace sobre {

struct SessionOptions {
  KvType kv = KvType::kF16;
  int context = 0;  // positions; 0: the model's own, at most 8192
  int threads = 0;  // 0: as many as the process may use (affinity and cgroup quota)
  int chunk = 0;    // prompt tokens per step; 0: chosen by the engine. Never changes a bit of the result
};

class Session {
 public:
  /// Errors: a context beyond the model's, memory that is not there (both figures in the message).
  [[nodiscard]] static Result<std::unique_ptr<Session>> create(std::shared_ptr<const Model> model,
                                                               const SessionOptions& options = {});
  ~Session();

  /// Runs ids through the model after what is already there; the logits of the last one stay. Errors: an id outside the
  /// vocabulary, more positions than the context (both numbers), a logit that is not finite. `progress` (may be empty) gets the
  /// number of tokens done after each step and stops the work by returning false: then the sequence keeps what was done.
  [[nodiscard]] Result<void> append(std::span<const int32_t> ids, const std::function<bool(int)>& progress = {});
  /// As append, and hands the logits of every id to `sink` in order: sink(i, logits[vocab]).
  [[nodiscard]] Result<void> append_all_logits(std::span<const int32_t> ids,
                                               const std::function<void(int, std::span<const float>)>& sink);

  /// Logits after the last appended token, [vocab]; valid until the next append. Empty before the first.
  [[nodiscard]] std::span<const float> logits() const;
  [[nodiscard]] int n_past() const;
  [[nodiscard]] int context() const;
  /// Forgets everything from position n on (0: all).
  void truncate(int n);
  [[nodiscard]] const Model& model() const;
  [[nodiscard]] int threads() const;
  /// Bytes of KV cache and work space held.
  [[nodiscard]] uint64_t memory_bytes() const;

 private:
  struct Impl;
  explicit Session(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Positions of a context asked for; 0: the model's own, at most 8192.
[[nodiscard]] int context_or_default(const DecoderSpec& spec, int context);

/// Bytes a session will take, for the refusal before loading.
[[nodiscard]] uint64_t session_bytes(const DecoderSpec& spec, const SessionOptions& options);

}  // namespace sobre
