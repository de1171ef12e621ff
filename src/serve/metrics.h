// What the server counts, as Prometheus reads it (GET /metrics). Any thread. prometheus-cpp stays in metrics.cpp.
//
// sobre_requests_total{route, model, status}         answered requests
// sobre_prompt_tokens_total, sobre_cached_tokens_total, sobre_generated_tokens_total, sobre_forced_tokens_total {model}
// sobre_answers_total{model, reason}                 reason: stop, stop_string, length, context, cancelled, failed
// sobre_queue_seconds, sobre_time_to_first_token_seconds, sobre_inter_token_seconds, sobre_prompt_seconds,
// sobre_request_seconds {model}                      histograms
// sobre_requests_running, sobre_requests_queued, sobre_kv_cache_bytes, sobre_kv_cache_used_bytes, sobre_kv_cache_kept_bytes,
// sobre_kv_cache_usage_ratio, sobre_model_loaded, sobre_model_memory_bytes, sobre_steps, sobre_step_seconds {model}
//                                                    as they are when asked
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/scheduler.h"
#include "serve/model_pool.h"

namespace sobre {

/// The series of one model: found once per request, so that a token costs no search.
class ModelMetrics;

class Metrics {
 public:
  explicit Metrics(const std::vector<ServedModel>& models);
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  /// A request has been answered. `model` may be empty (none known).
  void request(std::string_view route, std::string_view model, int status);
  /// Null for a name that is none of the models. Valid as long as this.
  [[nodiscard]] ModelMetrics* model(std::string_view name);
  void answer(ModelMetrics& model, const GenerationReport& report, bool first_of_prompt);
  void inter_token(ModelMetrics& model, double seconds);
  void request_time(ModelMetrics& model, double seconds);
  /// The text, in the exposition format 0.0.4.
  [[nodiscard]] std::string text(const std::vector<ModelStatus>& now);

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace sobre
