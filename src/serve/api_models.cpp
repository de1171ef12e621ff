// GET /v1/models, /v1/models/{id}, /health, /metrics.
#include <fmt/format.h>

#include <algorithm>

#include "serve/accounting.h"
#include "serve/api_core.h"

namespace sobre {

namespace {

const char* state_name(ModelState state) {
  switch (state) {
    case ModelState::kUnloaded:
      return "unloaded";
    case ModelState::kLoading:
      return "loading";
    case ModelState::kLoaded:
      return "loaded";
    case ModelState::kFailed:
      return "failed";
  }
  return "failed";
}

Json aliases_json(const ServedModel& model) {
  Json::Array list;
  for (const std::string& a : model.aliases) list.emplace_back(a);
  return list;
}

Json model_json(const ServedModel& model) {
  Json out{Json::Object()};
  out.set("id", Json(model.name));
  out.set("object", Json("model"));
  out.set("created", Json(model.created));
  out.set("owned_by", Json("sobre"));
  out.set("aliases", aliases_json(model));
  return out;
}

constexpr double kRateWindow_s = 5;
constexpr size_t kMaxSamples = 121;  // 120 differences

struct Rates {
  double answer = 0, prompt = 0;
};

/// Tokens per second of one model (or all: model < 0) between two samples. Sums begin anew when a model is loaded again.
Rates rates_between(const ApiCore::Sample& a, const ApiCore::Sample& b, int model) {
  Rates rates;
  const double seconds = std::chrono::duration<double>(b.time - a.time).count();
  if (seconds <= 0) return rates;
  for (size_t i = 0; i < b.models.size(); ++i) {
    if (model >= 0 && static_cast<size_t>(model) != i) continue;
    const auto more = [&](uint64_t before, uint64_t after) {
      return static_cast<double>(after >= before ? after - before : after) / seconds;
    };
    rates.answer += more(a.models[i].answer_tokens, b.models[i].answer_tokens);
    rates.prompt += more(a.models[i].prompt_tokens, b.models[i].prompt_tokens);
  }
  return rates;
}

ApiCore::Sample sample_of(const std::vector<ModelStatus>& status) {
  ApiCore::Sample sample;
  sample.time = ApiCore::Clock::now();
  for (const ModelStatus& s : status) {
    sample.models.push_back({s.stats.prompt_tokens, s.stats.answer_tokens, s.stats.running, s.stats.queued, s.stats.cache_bytes,
                             s.stats.cache_used_bytes});
  }
  return sample;
}

double rounded(double x) { return static_cast<double>(static_cast<int64_t>(x * 100 + 0.5)) / 100; }

Json status_json(const ModelStatus& s, const Rates& rates, int max_active) {
  Json out{Json::Object()};
  out.set("id", Json(s.served->name));
  out.set("aliases", aliases_json(*s.served));
  out.set("state", Json(state_name(s.state)));
  out.set("error", s.error.empty() ? Json() : Json(s.error));
  out.set("progress", Json(s.state == ModelState::kLoaded ? 1.0 : rounded(s.progress)));
  out.set("memory_bytes", Json(s.memory_bytes));
  out.set("running", Json(s.stats.running));
  out.set("queued", Json(s.stats.queued));
  out.set("max_active", Json(max_active));
  out.set("prompt_tokens", Json(s.stats.prompt_tokens));
  out.set("cached_tokens", Json(s.stats.cached_tokens));
  out.set("answer_tokens", Json(s.stats.answer_tokens));
  out.set("forced_tokens", Json(s.stats.forced_tokens));
  out.set("steps", Json(s.stats.steps));
  out.set("step_seconds", Json(s.stats.step_seconds));
  out.set("tokens_per_s", Json(rounded(rates.answer)));
  out.set("prompt_tokens_per_s", Json(rounded(rates.prompt)));
  Json cache{Json::Object()};
  cache.set("bytes", Json(s.stats.cache_bytes));
  cache.set("used_bytes", Json(s.stats.cache_used_bytes));
  cache.set("kept_bytes", Json(s.stats.cache_kept_bytes));
  out.set("cache", std::move(cache));
  return out;
}

Json history_json(const std::deque<ApiCore::Sample>& samples, ApiCore::Clock::time_point now) {
  Json::Array history;
  for (size_t i = 1; i < samples.size(); ++i) {
    const Rates rates = rates_between(samples[i - 1], samples[i], -1);
    int running = 0, queued = 0;
    uint64_t cache = 0, used = 0;
    for (const ApiCore::ModelSample& m : samples[i].models) {
      running += m.running;
      queued += m.queued;
      cache += m.cache_bytes;
      used += m.cache_used_bytes;
    }
    Json point{Json::Object()};
    point.set("age_s", Json(rounded(std::chrono::duration<double>(now - samples[i].time).count())));
    point.set("tokens_per_s", Json(rounded(rates.answer)));
    point.set("prompt_tokens_per_s", Json(rounded(rates.prompt)));
    point.set("running", Json(running));
    point.set("queued", Json(queued));
    point.set("cache_used", Json(cache == 0 ? 0.0 : rounded(static_cast<double>(used) / static_cast<double>(cache))));
    history.push_back(std::move(point));
  }
  return history;
}

}  // namespace

void answer_models(ApiCore& core, HttpReply& reply) {
  Json::Array list;
  for (const ServedModel& m : core.pool.models()) list.push_back(model_json(m));
  Json body{Json::Object()};
  body.set("object", Json("list"));
  body.set("data", std::move(list));
  core.answer_json(reply, "/v1/models", body);
}

void answer_model(ApiCore& core, const std::string& name, HttpReply& reply) {
  const ApiResult<const ServedModel*> found = core.find_model(name);
  if (!found) return core.answer_error(reply, "/v1/models/{id}", found.error());
  core.answer_json(reply, "/v1/models/{id}", model_json(**found));
}

// Answers where the ledger has an alarm: degraded while answers go on, failing where the ledger is required.
static bool answer_ledger_alarm(ApiCore& core, const Accounting& accounting, bool full, HttpReply& reply) {
  const LedgerStatus status = accounting.ledger() == nullptr ? LedgerStatus() : accounting.ledger()->status();
  const std::string& missing = accounting.options().ledger_error;
  if (!status.alarm && missing.empty()) return false;
  const bool accepting = accounting.accepting();
  Json ledger{Json::Object()};
  ledger.set("alarm", Json(missing.empty() ? status.text : missing));
  if (status.alarm) {
    ledger.set("since", Json(status.since_us / 1'000'000));
    ledger.set("waiting_rows", Json(static_cast<int64_t>(status.waiting)));
    ledger.set("lost_rows", Json(static_cast<int64_t>(status.lost)));
  }
  Json body{Json::Object()};
  body.set("status", Json(accepting ? "degraded" : "failing"));
  if (full) body.set("ledger", std::move(ledger));
  core.answer(reply, "/health", accepting ? 200 : 503, "application/json", body.dump());
  return true;
}

// The first model may be gone again before anybody asks for /health.
static void note_ready(ApiCore& core, const std::vector<ModelStatus>& status) {
  if (status.empty() || status.front().state == ModelState::kLoaded) core.ready = true;
}

void answer_health(ApiCore& core, bool full, HttpReply& reply) {
  ApiError error;
  error.status = 503;
  error.code = "loading";
  error.retry_after_s = 1;
  if (core.options.wait_for_first && !core.ready) {
    const std::vector<ModelStatus> status = core.pool.status();
    note_ready(core, status);
    // A model that is not in memory and not on its way there was loaded before, and made room.
    if (core.ready || status.front().state == ModelState::kUnloaded) {
      core.ready = true;
    } else if (status.front().state == ModelState::kFailed) {
      error.message = "the first model cannot be loaded";
      if (full)
        error.message = fmt::format("the model {} cannot be loaded: {}", status.front().served->name, status.front().error);
      error.code = "model_not_loaded";
      return core.answer_error(reply, "/health", error);
    } else {
      error.message = "the first model is being loaded";
      if (full) {
        error.message =
            fmt::format("the model {} is being loaded ({:.0f} %)", status.front().served->name, status.front().progress * 100);
      }
      return core.answer_error(reply, "/health", error);
    }
  }
  if (const Accounting* accounting = core.options.accounting;
      accounting != nullptr && answer_ledger_alarm(core, *accounting, full, reply))
    return;
  core.answer(reply, "/health", 200, "application/json", R"({"status": "ok"})");
}

void answer_metrics(ApiCore& core, HttpReply& reply) {
  core.answer(reply, "/metrics", 200, "text/plain; version=0.0.4; charset=utf-8",
              core.metrics.text(core.pool.status()) + accounting_metrics(core));
}

void sample_status(ApiCore& core) {
  const std::vector<ModelStatus> status = core.pool.status();
  note_ready(core, status);
  ApiCore::Sample sample = sample_of(status);
  const std::lock_guard lock(core.mutex);
  core.samples.push_back(std::move(sample));
  if (core.samples.size() > kMaxSamples) core.samples.pop_front();
}

void answer_status(ApiCore& core, HttpReply& reply) {
  const std::vector<ModelStatus> status = core.pool.status();
  const ApiCore::Sample now = sample_of(status);
  std::deque<ApiCore::Sample> samples;
  {
    const std::lock_guard lock(core.mutex);
    samples = core.samples;
  }
  // The youngest sample that is old enough for a rate, else the oldest.
  const ApiCore::Sample* before = samples.empty() ? &now : &samples.front();
  for (const ApiCore::Sample& s : samples) {
    if (std::chrono::duration<double>(now.time - s.time).count() >= kRateWindow_s) before = &s;
  }
  Json::Array models;
  int running = 0, queued = 0;
  for (size_t i = 0; i < status.size(); ++i) {
    models.push_back(status_json(status[i], rates_between(*before, now, static_cast<int>(i)), core.options.max_active));
    running += status[i].stats.running;
    queued += status[i].stats.queued;
  }
  const Rates rates = rates_between(*before, now, -1);
  Json body{Json::Object()};
  body.set("version", Json(core.options.version));
  body.set("uptime_s", Json(rounded(std::chrono::duration<double>(now.time - core.started).count())));
  body.set("tokens_per_s", Json(rounded(rates.answer)));
  body.set("prompt_tokens_per_s", Json(rounded(rates.prompt)));
  body.set("running", Json(running));
  body.set("queued", Json(queued));
  body.set("requests", Json(core.in_progress.load()));
  body.set("models", std::move(models));
  body.set("meter", meter_json(core));
  body.set("history", history_json(samples, now.time));
  core.answer_json(reply, "/v1/status", body);
}

}  // namespace sobre
