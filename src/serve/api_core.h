// What all requests to an Api share, and the routes behind Api::handle. Internal to api*.cpp and request_job.cpp. Requests hold
// it (shared), since models that are still loading may call back after the Api is gone.
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "serve/api.h"
#include "serve/api_error.h"
#include "serve/api_workers.h"
#include "serve/metrics.h"
#include "serve/request_grammars.h"

namespace sobre {

class RequestJob;

struct ApiCore {
  using Clock = std::chrono::steady_clock;

  ApiCore(ModelPool& models, const KeyStore* key_store, ApiOptions api_options);

  ModelPool& pool;
  const KeyStore* keys;
  const ApiOptions options;
  const Clock::time_point started = Clock::now();
  Metrics metrics;
  RequestGrammars grammars;
  ApiWorkers readers;    // read requests, render, tokenize, compile
  ApiWorkers finishers;  // write whole bodies and let go of models: nothing else, so that an answer never waits for a template
  std::atomic<int> in_progress{0};
  std::atomic<bool> ready{false};  // the first model has been in memory

  std::mutex mutex;  // of what follows
  std::list<std::weak_ptr<RequestJob>> streams;
  struct ModelSample {
    uint64_t prompt_tokens = 0, answer_tokens = 0;
    int running = 0, queued = 0;
    uint64_t cache_bytes = 0, cache_used_bytes = 0;
  };
  struct Sample {
    Clock::time_point time;
    std::vector<ModelSample> models;  // as pool.models()
  };
  std::deque<Sample> samples;  // one a second, oldest first

  /// The model of this name, the first for an empty name. Errors: 404.
  [[nodiscard]] ApiResult<const ServedModel*> find_model(std::string_view name) const;
  /// 24 letters and digits after the prefix.
  [[nodiscard]] static std::string new_id(std::string_view prefix);
  [[nodiscard]] static uint64_t new_seed();
  /// Sends an answer and counts it.
  void answer(HttpReply& reply, std::string_view route, int status, std::string_view content_type, std::string body,
              HttpHeaders headers = {});
  void answer_json(HttpReply& reply, std::string_view route, const Json& body);
  void answer_error(HttpReply& reply, std::string_view route, const ApiError& error, std::string_view model = "");
};

/// 429: more requests wait to be read than may.
[[nodiscard]] ApiError too_many_waiting();
/// 503: the ledger is required and cannot be written.
[[nodiscard]] ApiError ledger_blocked(const ApiCore& core);
/// The meter in /v1/status; null where there is none.
[[nodiscard]] Json meter_json(const ApiCore& core);
/// The series of energy and cost in /metrics. Whole microjoules in decimal: a double would lose some in a long sum.
[[nodiscard]] std::string accounting_metrics(const ApiCore& core);
/// 429: more requests wait for a model to be loaded than may.
[[nodiscard]] ApiError too_many_for_model(const std::string& name);
/// 503: a model could not be loaded.
[[nodiscard]] ApiError model_failed(const std::string& name, const std::string& reason);

// Routes.
void answer_models(ApiCore& core, HttpReply& reply);
void answer_model(ApiCore& core, const std::string& name, HttpReply& reply);
/// `full`: with names, reasons and what the ledger says, which are not for everybody.
void answer_health(ApiCore& core, bool full, HttpReply& reply);
void answer_metrics(ApiCore& core, HttpReply& reply);
void answer_status(ApiCore& core, HttpReply& reply);
/// `scope`: the id of the asking key; where there are keys, sums by key show it alone.
void answer_usage(const std::shared_ptr<ApiCore>& core, std::string scope, const std::string& query,
                  const std::shared_ptr<HttpReply>& reply);
void answer_page(ApiCore& core, const HttpRequest& request, HttpReply& reply);
void answer_tokenize(const std::shared_ptr<ApiCore>& core, HttpRequest&& request, const std::shared_ptr<HttpReply>& reply);
void answer_detokenize(const std::shared_ptr<ApiCore>& core, HttpRequest&& request, const std::shared_ptr<HttpReply>& reply);

/// Takes a sample for answer_status. Every second.
void sample_status(ApiCore& core);

}  // namespace sobre
