#include "serve/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <map>

namespace sobre {

namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;

const Histogram::BucketBoundaries kWaits = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                            0.5,   1,      2.5,   5,    10,    30,   60,  120};
const Histogram::BucketBoundaries kGaps = {0.001, 0.002, 0.004, 0.006, 0.01, 0.015, 0.025, 0.04, 0.06,
                                           0.1,   0.15,  0.25,  0.4,   0.6,  1,     2.5,   5};
const Histogram::BucketBoundaries kWholes = {0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 60, 120, 300, 600};

const char* reason_name(GenerationEnd end) {
  switch (end) {
    case GenerationEnd::kStop:
      return "stop";
    case GenerationEnd::kStopString:
      return "stop_string";
    case GenerationEnd::kMaxTokens:
      return "length";
    case GenerationEnd::kContextFull:
      return "context";
    case GenerationEnd::kCancelled:
      return "cancelled";
    case GenerationEnd::kDeadEnd:
      return "dead_end";
    case GenerationEnd::kFailed:
      return "failed";
  }
  return "failed";
}

constexpr int kReasons = 7;

struct Families {
  explicit Families(prometheus::Registry& registry) : registry_(registry) {}

  Family<Counter>& counter(const char* name, const char* help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry_);
  }
  Family<Gauge>& gauge(const char* name, const char* help) {
    return prometheus::BuildGauge().Name(name).Help(help).Register(registry_);
  }
  Family<Histogram>& histogram(const char* name, const char* help) {
    return prometheus::BuildHistogram().Name(name).Help(help).Register(registry_);
  }

 private:
  prometheus::Registry& registry_;
};

}  // namespace

class ModelMetrics {
 public:
  Counter *prompt, *cached, *generated, *forced;
  Counter* reasons[kReasons];
  Histogram *queue, *first_token, *gap, *prompt_time, *whole;
  Gauge *running, *queued, *cache, *cache_used, *cache_kept, *cache_ratio, *loaded, *memory, *steps, *step_seconds;
};

struct Metrics::Impl {
  prometheus::Registry registry;
  Family<Counter>* requests = nullptr;
  std::map<std::string, ModelMetrics, std::less<>> models;  // its addresses stay

  void add_models(const std::vector<ServedModel>& served);
};

void Metrics::Impl::add_models(const std::vector<ServedModel>& served) {
  Families f(registry);
  requests = &f.counter("sobre_requests_total", "Requests answered, by route, model and status.");
  auto& prompt = f.counter("sobre_prompt_tokens_total", "Tokens of prompts, those out of the cache included.");
  auto& cached = f.counter("sobre_cached_tokens_total", "Tokens of prompts that the prefix cache had.");
  auto& generated = f.counter("sobre_generated_tokens_total", "Tokens of answers.");
  auto& forced = f.counter("sobre_forced_tokens_total", "Tokens of answers that a grammar left no choice for.");
  auto& answers = f.counter("sobre_answers_total", "Answers, by the reason they ended.");
  auto& queue = f.histogram("sobre_queue_seconds", "From submission until an answer's prompt is begun.");
  auto& first = f.histogram("sobre_time_to_first_token_seconds", "From submission until the first token.");
  auto& gap = f.histogram("sobre_inter_token_seconds", "Between tokens of an answer.");
  auto& prompt_time = f.histogram("sobre_prompt_seconds", "From the beginning of a prompt until its first token.");
  auto& whole = f.histogram("sobre_request_seconds", "From the request to the end of its answer.");
  auto& running = f.gauge("sobre_requests_running", "Answers in the batch.");
  auto& queued = f.gauge("sobre_requests_queued", "Answers that wait.");
  auto& cache = f.gauge("sobre_kv_cache_bytes", "Size of the KV cache.");
  auto& used = f.gauge("sobre_kv_cache_used_bytes", "Of it, in use by answers.");
  auto& kept = f.gauge("sobre_kv_cache_kept_bytes", "Of it, kept prefixes.");
  auto& ratio = f.gauge("sobre_kv_cache_usage_ratio", "Part of the KV cache that answers use, 0 to 1.");
  auto& loaded = f.gauge("sobre_model_loaded", "1 when the model is in memory.");
  auto& memory = f.gauge("sobre_model_memory_bytes", "Memory that the model takes.");
  auto& steps = f.gauge("sobre_steps", "Steps of the engine since the model was loaded.");
  auto& step_seconds = f.gauge("sobre_step_seconds", "Time in these steps.");
  for (const ServedModel& m : served) {
    const prometheus::Labels labels = {{"model", m.name}};
    ModelMetrics& s = models[m.name];
    s.prompt = &prompt.Add(labels);
    s.cached = &cached.Add(labels);
    s.generated = &generated.Add(labels);
    s.forced = &forced.Add(labels);
    for (int r = 0; r < kReasons; ++r) {
      s.reasons[r] = &answers.Add({{"model", m.name}, {"reason", reason_name(static_cast<GenerationEnd>(r))}});
    }
    s.queue = &queue.Add(labels, kWaits);
    s.first_token = &first.Add(labels, kWaits);
    s.gap = &gap.Add(labels, kGaps);
    s.prompt_time = &prompt_time.Add(labels, kWaits);
    s.whole = &whole.Add(labels, kWholes);
    Gauge** const gauges[] = {&s.running,     &s.queued, &s.cache,  &s.cache_used, &s.cache_kept,
                              &s.cache_ratio, &s.loaded, &s.memory, &s.steps,      &s.step_seconds};
    Family<Gauge>* const gauge_families[] = {&running, &queued, &cache,  &used,  &kept,
                                             &ratio,   &loaded, &memory, &steps, &step_seconds};
    for (size_t i = 0; i < std::size(gauges); ++i) *gauges[i] = &gauge_families[i]->Add(labels);
  }
}

Metrics::Metrics(const std::vector<ServedModel>& models) : impl_(std::make_unique<Impl>()) { impl_->add_models(models); }
Metrics::~Metrics() = default;

void Metrics::request(std::string_view route, std::string_view model, int status) {
  impl_->requests->Add({{"route", std::string(route)}, {"model", std::string(model)}, {"status", std::to_string(status)}})
      .Increment();
}

ModelMetrics* Metrics::model(std::string_view name) {
  const auto found = impl_->models.find(name);
  return found == impl_->models.end() ? nullptr : &found->second;
}

void Metrics::answer(ModelMetrics& m, const GenerationReport& report, bool first_of_prompt) {
  if (first_of_prompt) {
    m.prompt->Increment(report.prompt_tokens);
    m.cached->Increment(report.cached_tokens);
  }
  m.generated->Increment(report.answer_tokens);
  m.forced->Increment(report.forced_tokens);
  m.reasons[static_cast<int>(report.end)]->Increment();
  if (report.answer_tokens == 0) return;
  m.queue->Observe(report.queue_s);
  m.prompt_time->Observe(report.prompt_s);
  m.first_token->Observe(report.first_token_s);
}

void Metrics::inter_token(ModelMetrics& m, double seconds) { m.gap->Observe(seconds); }
void Metrics::request_time(ModelMetrics& m, double seconds) { m.whole->Observe(seconds); }

std::string Metrics::text(const std::vector<ModelStatus>& now) {
  for (const ModelStatus& s : now) {
    ModelMetrics* m = model(s.served->name);
    if (m == nullptr) continue;
    const auto set = [](Gauge* gauge, auto value) { gauge->Set(static_cast<double>(value)); };
    set(m->running, s.stats.running);
    set(m->queued, s.stats.queued);
    set(m->cache, s.stats.cache_bytes);
    set(m->cache_used, s.stats.cache_used_bytes);
    set(m->cache_kept, s.stats.cache_kept_bytes);
    set(m->cache_ratio, s.stats.cache_bytes == 0
                            ? 0.0
                            : static_cast<double>(s.stats.cache_used_bytes) / static_cast<double>(s.stats.cache_bytes));
    set(m->loaded, s.state == ModelState::kLoaded ? 1 : 0);
    set(m->memory, s.memory_bytes);
    set(m->steps, s.stats.steps);
    set(m->step_seconds, s.stats.step_seconds);
  }
  return prometheus::TextSerializer().Serialize(impl_->registry.Collect());
}

}  // namespace sobre
