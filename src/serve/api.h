// The API that clients see: the routes of OpenAI's and what is ours beside them, on top of HttpServer (transport) and ModelPool
// (models). Requests are read, rendered, tokenized and their grammars compiled on a few threads of its own, so that neither the
// I/O thread nor an engine waits for them.
//
// POST /v1/chat/completions, /v1/completions   streamed or not
// GET  /v1/models, /v1/models/{id}
// POST /tokenize, /detokenize
// GET  /health                                 never needs a key; where there are keys, it tells why only with one
// GET  /metrics                                Prometheus text
// GET  /v1/status                              the live view of the page, see below
// GET  /v1/usage                               what answers cost by day, model, key or task, see below
// GET  /, /assets/...                          the page
//
// /v1/status answers {"version", "uptime_s", "tokens_per_s", "prompt_tokens_per_s" (both over the last seconds), "running",
// "queued", "requests" (in progress, those that wait for a model included), "models": [{"id", "aliases", "state" ("unloaded",
// "loading", "loaded" or "failed"), "error" (null or text), "progress" (0..1), "memory_bytes", "running", "queued",
// "max_active", "prompt_tokens", "cached_tokens", "answer_tokens", "forced_tokens", "steps", "step_seconds", "tokens_per_s",
// "prompt_tokens_per_s", "cache": {"bytes", "used_bytes", "kept_bytes"}}], "history": [{"age_s", "tokens_per_s",
// "prompt_tokens_per_s", "running", "queued", "cache_used"  (0..1)}, ...] (one a second, oldest first, at most 120), "meter":
// null or {"method", "boundary", "estimate", "watts", "idle_watts", "cpu_s" (spent in the meter), "others_share", "fits":
// [{"model", "j_per_prompt_operation", "j_per_weight_byte", "j_per_kv_byte", "residual"}], "sources": [{"name", "state" ("used"
// or "refused"), "reason", "advice"}]}}.
//
// /v1/usage?by=day|model|key|task&from=YYYY-MM-DD&to=YYYY-MM-DD (UTC days, both included and optional) answers {"object":
// "usage", "by", "from", "to", "method": {"name", "boundary", "estimate"}, "grid", "currency", "ledger": {"rows", "alarm"},
// "rows": [{<by>: name, "requests", "prompt_tokens", "cached_tokens", "answer_tokens", "energy_j": {"value", "low", "high"},
// "marginal_energy_j", "carbon_g": {"operational", "embodied"}, "cost": [{"amount", "marginal", "currency"}], "methods":
// [name], "estimate"}], "total"}, of answers alone; what was not declared is null. "method", "grid" and "currency" are those of
// now; "methods" are those the row's energy was found by, and "estimate" is set where any of them is one. Where there are keys,
// by=key shows the asking key alone; the other sums are those of the whole server, as in /metrics. 404 where no ledger is kept.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "serve/http.h"
#include "serve/model_pool.h"
#include "text/grammar.h"

namespace sobre {

class Accounting;
class KeyStore;

/// Bounds of a request beyond those of HttpOptions.
struct ApiLimits {
  int max_messages = 2048;
  int max_stops = 16;
  uint64_t max_stop_bytes = 1024;
  int max_choices = 16;   // n
  int max_prompts = 128;  // of a completion: prompts times n (max_choices, where that is more)
  int max_logit_bias = 1024;
  int max_json_depth = 64;
  // Values of a request's JSON: each takes some 40 bytes of memory, and of a conversation all are kept until it is rendered.
  uint64_t max_json_values = 200'000;
  uint64_t max_id_values = 2'000'000;     // of a request that may hold lists of token ids
  int max_members = 512;                  // of the request's object
  int max_waiting = 256;                  // requests that wait to be read
  uint64_t max_backlog_bytes = 64 << 20;  // of a stream whose reader is slow; it is cut off beyond (server.max_backlog_bytes)
  GrammarLimits grammar;
};

struct ApiOptions {
  std::string version = "0";
  ApiLimits limits;
  int threads = 2;                   // that read requests
  bool wait_for_first = false;       // /health answers 503 until the first model is in memory
  int max_active = 0;                // answers that one scheduler has in its batch, for /v1/status
  int default_max_tokens = 0;        // of a chat answer whose request names no limit; 0: until it ends or the context is full
  bool metrics = true;               // whether /metrics is there
  Accounting* accounting = nullptr;  // outlives the Api; null: answers carry no impact
  double ping_s = 10;                // a stream that has nothing to say sends a comment this often
};

class Api {
 public:
  /// The pool and the keys must outlive this. Without keys (null) everybody may ask, under the scope "".
  Api(ModelPool& pool, const KeyStore* keys, ApiOptions options = {});
  /// Waits for the threads that read requests. The pool has been drained before: no sink is called any more.
  ~Api();
  Api(const Api&) = delete;
  Api& operator=(const Api&) = delete;

  /// An HttpHeadCheck: turns requests without a key away before their body is read. Called on the I/O thread.
  [[nodiscard]] std::optional<HttpRefusal> check_head(const HttpRequest& head);
  /// An HttpHandler (which checks the key again: it says who asks). Called on the I/O thread; returns at once.
  void handle(HttpRequest&& request, const std::shared_ptr<HttpReply>& reply);
  /// Pings waiting streams and takes a sample for /v1/status. Call it every second, from one thread.
  void tick();
  /// Faults that HttpServer finds, in the API's form (an HttpErrorBody). Any thread.
  [[nodiscard]] static std::pair<std::string, std::string> error_body(int status, std::string_view message);

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace sobre
