// `sobre bench`: how fast a model runs, beside what this machine can do at most. A decode step reads every weight once, so its
// limit is the memory's bandwidth; a prompt shares each weight among its tokens, so its limit is the rate of 8-bit
// multiply-adds. Both limits are measured here, with as many threads.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/metering.h"
#include "cli/processor.h"
#include "cli/terminal.h"
#include "engine/sampler.h"
#include "kernels/probe.h"

namespace sobre {

namespace {

struct Rates {
  std::vector<double> runs;  // tokens per second
  Energy energy;             // of all runs
  int64_t tokens = 0;        // of all runs
  [[nodiscard]] double median() const {
    std::vector<double> sorted = runs;
    std::sort(sorted.begin(), sorted.end());
    const size_t half = sorted.size() / 2;
    return sorted.size() % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  }
  [[nodiscard]] double lowest() const { return *std::min_element(runs.begin(), runs.end()); }
  [[nodiscard]] double highest() const { return *std::max_element(runs.begin(), runs.end()); }
};

struct Report {
  std::string cpu, isa, weights, kv;
  int threads = 0;
  uint64_t weight_bytes = 0, session_bytes = 0;
  Rates prompt, decode;
  double bytes_per_token = 0, products_per_token = 0;  // of a decode step; of a prompt's token
  double bandwidth = 0, peak = 0;                      // of the machine: bytes/s, 8-bit multiply-adds/s
  bool integers = false;                               // whether the weights are multiplied as integers
  std::unique_ptr<Meter> meter;                        // null: nothing can be said of energy
};

// Ids spread over the vocabulary: the same for every run and machine.
std::vector<int32_t> spread_ids(int n, int vocab) {
  std::vector<int32_t> ids;
  ids.reserve(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) ids.push_back(static_cast<int32_t>((i * 7919 + 17) % vocab));
  return ids;
}

Result<double> timed(const std::function<Result<void>()>& work) {
  const auto start = std::chrono::steady_clock::now();
  TRY_VOID(work());
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// A run of `tokens` tokens: its rate, and its energy where there is a meter. Run 0 warms up.
Result<void> run_once(int run, int tokens, Meter* meter, Rates& rates, const std::function<Result<double>()>& seconds_of) {
  const uint64_t activity = meter != nullptr ? meter->begin_activity() : 0;
  const Result<double> seconds = seconds_of();
  const RequestEnergy given = meter != nullptr ? meter->end(activity) : RequestEnergy();
  if (!seconds) return std::unexpected(seconds.error());
  if (run == 0) return {};
  rates.runs.push_back(tokens / *seconds);
  rates.energy += given.energy;
  rates.tokens += tokens;
  return {};
}

Result<double> prompt_seconds(Session& session, std::span<const int32_t> ids) {
  session.truncate(0);
  return timed([&] { return session.append(ids); });
}

// Decoding as it happens in an answer: each token is the model's own choice, starting from an empty context.
Result<double> decode_seconds(Session& session, int n) {
  session.truncate(0);
  return timed([&]() -> Result<void> {
    int32_t id = 1 % session.model().spec().vocab_size;
    for (int i = 0; i < n; ++i) {
      TRY_VOID(session.append(std::span(&id, 1)));
      id = argmax(session.logits());
    }
    return {};
  });
}

// Multiply-adds of the matrices for one token of a prompt (the head runs for its last token only and is left out).
double products_per_token(const Weights& w) {
  double n = 0;
  for (const LayerWeights& l : w.layers) {
    for (const PackedMatrix* m : {&l.q, &l.k, &l.v, &l.o, &l.gate, &l.up, &l.down})
      n += static_cast<double>(m->rows) * static_cast<double>(m->cols);
  }
  return n;
}

Result<void> measure(const BenchOptions& options, Session& session, Report& report) {
  const std::vector<int32_t> ids = spread_ids(options.prompt, session.model().spec().vocab_size);
  const auto tell = [&](int run) {
    if (can_redraw(2)) say("\rrun {} of {}\x1b[K", run, options.repeat);
  };
  for (int run = 0; run <= options.repeat; ++run) {  // run 0 warms up
    tell(run);
    if (options.prompt > 0) {
      TRY_VOID(run_once(run, options.prompt, report.meter.get(), report.prompt, [&] { return prompt_seconds(session, ids); }));
    }
    if (options.decode > 0) {
      const int tokens = run == 0 ? std::min(options.decode, 8) : options.decode;
      TRY_VOID(run_once(run, tokens, report.meter.get(), report.decode, [&] { return decode_seconds(session, tokens); }));
    }
  }
  if (can_redraw(2)) say("\r\x1b[K");
  return {};
}

Result<void> measure_machine(const Model& model, int threads, Report& report) {
  ThreadPool pool(threads);
  TRY(report.bandwidth, measure_read_bandwidth(pool));
  report.peak = measure_int8_peak(model.kernels(), pool);
  return {};
}

void print_rates(std::string_view name, const Rates& rates, const std::string& of_limit) {
  if (rates.runs.empty()) return;
  fmt::print("{:<8}{:>12.1f} {:>12.1f} {:>12.1f}   {}\n", name, rates.median(), rates.lowest(), rates.highest(), of_limit);
}

void print_table(const BenchOptions& options, const Report& r) {
  fmt::print("model    {}\n", options.model.model);
  fmt::print("cpu      {}, {}, {} thread{}\n", r.cpu, r.isa, r.threads, r.threads == 1 ? "" : "s");
  fmt::print("held as  weights {} ({}), cache {} ({} with work space)\n", r.weights, bytes_text(r.weight_bytes), r.kv,
             bytes_text(r.session_bytes));
  fmt::print("machine  reads {:.1f} GB/s, multiplies {:.0f} G 8-bit products/s\n\n", r.bandwidth / 1e9, r.peak / 1e9);
  fmt::print("{:<8}{:>12} {:>12} {:>12}   {}\n", "tokens/s", "median", "min", "max", "of the machine's limit");
  if (!r.prompt.runs.empty()) {
    const double rate = r.prompt.median() * r.products_per_token;
    print_rates(fmt::format("p{}", options.prompt), r.prompt,
                r.integers ? fmt::format("{:.0f} G products/s, {:.0f} %", rate / 1e9, 100 * rate / r.peak)
                           : fmt::format("{:.0f} G products/s, in f32", rate / 1e9));
  }
  if (!r.decode.runs.empty()) {
    const double rate = r.decode.median() * r.bytes_per_token;
    print_rates(fmt::format("n{}", options.decode), r.decode,
                fmt::format("{:.1f} GB/s, {:.0f} %", rate / 1e9, 100 * rate / r.bandwidth));
  }
  if (!r.meter) return;
  std::string energy;
  if (r.prompt.tokens > 0) energy += fmt::format("prompt {}", show_per_token(r.prompt.energy, r.prompt.tokens));
  if (r.decode.tokens > 0)
    energy += fmt::format("{}answer {}", energy.empty() ? "" : ", ", show_per_token(r.decode.energy, r.decode.tokens));
  fmt::print("\nenergy   {}\n         by {}: {}\n", energy, r.meter->method().name, r.meter->method().boundary);
}

Json energy_json(const Report& r, const Rates& rates) {
  if (!r.meter || rates.tokens == 0) return Json();
  const auto each = [&](int64_t uj) { return Json(static_cast<double>(uj) * 1e-6 / static_cast<double>(rates.tokens)); };
  return Json(Json::Object{{"value", each(rates.energy.value_uj)},
                           {"low", each(rates.energy.low_uj)},
                           {"high", each(rates.energy.high_uj)},
                           {"method", Json(r.meter->method().name)},
                           {"boundary", Json(r.meter->method().boundary)}});
}

Json rates_json(const Rates& rates) {
  if (rates.runs.empty()) return Json();
  Json::Array runs;
  for (const double r : rates.runs) runs.emplace_back(r);
  return Json(Json::Object{{"median", Json(rates.median())},
                           {"min", Json(rates.lowest())},
                           {"max", Json(rates.highest())},
                           {"runs", Json(std::move(runs))}});
}

void print_json(const BenchOptions& options, const Report& r) {
  const auto rate = [](const Rates& rates, double each) { return rates.runs.empty() ? Json() : Json(rates.median() * each); };
  const Json out(Json::Object{{"model", Json(options.model.model)},
                              {"cpu", Json(r.cpu)},
                              {"isa", Json(r.isa)},
                              {"threads", Json(r.threads)},
                              {"weights", Json(r.weights)},
                              {"kv", Json(r.kv)},
                              {"weight_bytes", Json(r.weight_bytes)},
                              {"session_bytes", Json(r.session_bytes)},
                              {"prompt_tokens", Json(options.prompt)},
                              {"decode_tokens", Json(options.decode)},
                              {"prompt_tokens_per_s", rates_json(r.prompt)},
                              {"decode_tokens_per_s", rates_json(r.decode)},
                              {"decode_bytes_per_s", rate(r.decode, r.bytes_per_token)},
                              {"bandwidth_bytes_per_s", Json(r.bandwidth)},
                              {"prompt_products_per_s", rate(r.prompt, r.products_per_token)},
                              {"peak_int8_products_per_s", Json(r.peak)},
                              {"prompt_j_per_token", energy_json(r, r.prompt)},
                              {"decode_j_per_token", energy_json(r, r.decode)},
                              {"integer_weights", Json(r.integers)}});
  fmt::print("{}\n", out.dump());
}

}  // namespace

Result<void> bench_command(const BenchOptions& options) {
  BenchOptions bench = options;
  const int needed = std::max(options.prompt, options.decode);
  if (bench.model.context == 0) bench.model.context = std::max(needed, 1);
  if (needed > bench.model.context) {
    return fail("--ctx {} is less than the {} tokens that -p {} and -n {} need", bench.model.context, needed, options.prompt,
                options.decode);
  }
  TRY(const Loaded loaded, load_model(bench.model));
  const Model& model = *loaded.model;
  Session& session = *loaded.session;
  Report report;
  report.cpu = cpu_name();
  report.isa = isa_name(model.kernels().isa);
  report.weights = weight_mode_name(options.model.weights);
  report.kv = kv_type_name(options.model.kv);
  report.threads = session.threads();
  report.weight_bytes = model.weights().bytes();
  report.session_bytes = session.memory_bytes();
  report.products_per_token = products_per_token(model.weights());
  report.integers = !is_float(model.weights().layers.front().down.form);
  // Keys and values are read as well, on average those of half the tokens decoded.
  const double kv_bytes = static_cast<double>(kv_page_bytes(model.spec(), options.model.kv)) / kPagePositions;
  report.bytes_per_token = static_cast<double>(model.weights().bytes_per_token()) + kv_bytes * options.decode / 2;
  TRY_VOID(measure_machine(model, session.threads(), report));
  if (Result<OpenedMeter> opened = open_meter()) report.meter = std::move(opened->meter);
  TRY_VOID(measure(options, session, report));
  options.json ? print_json(options, report) : print_table(options, report);
  return {};
}

}  // namespace sobre
