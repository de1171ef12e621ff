#include "serve/config_fields.h"

#include <array>
#include <charconv>

#include "serve/http_rules.h"

namespace sobre {

namespace {

constexpr double kKiB = 1 << 10, kMiB = 1 << 20, kGiB = 1 << 30, kTiB = kGiB * 1024;
constexpr int kDay_s = 86'400;

struct Unit {
  std::string_view name;
  uint64_t bytes;
};
constexpr std::array<Unit, 4> kUnits = {
    {{"GiB", uint64_t{1} << 30}, {"MiB", uint64_t{1} << 20}, {"KiB", uint64_t{1} << 10}, {"B", 1}}};

constexpr std::array<KvType, 3> kKvTypes = {KvType::kF32, KvType::kF16, KvType::kQ8};
constexpr std::array<WeightMode, 5> kWeightModes = {WeightMode::kAuto, WeightMode::kF32, WeightMode::kBF16, WeightMode::kQ8,
                                                    WeightMode::kQ4};

bool is_host(std::string_view text) { return text == "*" || parse_http_host(text).has_value(); }
bool is_origin(std::string_view text) { return text == "*" || text == "null" || is_http_origin(text); }

void add_server(ServeConfig& c, std::vector<ConfigField>& out) {
  const auto add = [&](std::string_view key, ConfigField::Value value, double low, double high, std::string_view comment) {
    out.push_back({"server", key, value, low, high, comment});
  };
  HttpOptions& h = c.http;
  add("host", &h.host, 0, 0, "The address or name to listen at. localhost: 127.0.0.1 and ::1; 0.0.0.0 or ::: every address.");
  add("port", &h.port, 0, 65535, "The port; 0: any free one.");
  add("keys_file", &c.keys_file, 0, 0,
      "The file of API keys (made with: sobre serve --new-key ID); without it everybody may ask. Reloaded on SIGHUP.");
  add("allowed_hosts", ListField{&h.allowed_hosts, is_host, "a host name, with or without a port, or \"*\""}, 0, 0,
      "Names beside localhost and the bound address that a request's Host header may carry; \"*\": any.");
  add("allowed_origins", ListField{&h.allowed_origins, is_origin, "an origin such as \"https://chat.example.org\", or \"*\""},
      0, 0, "Origins of pages of other hosts that may ask (CORS); \"*\": any. Without them such requests are refused.");
  add("max_connections", &h.max_connections, 1, 100'000, "Connections at a time; further ones get 503.");
  add("max_header_bytes", ByteField{&h.max_header_bytes}, kKiB, 16 * kMiB, "The longest head of a request; beyond it 431.");
  add("max_body_bytes", ByteField{&h.max_body_bytes}, kKiB, 4 * kGiB, "The largest body of a request; beyond it 413.");
  add("max_total_body_bytes", ByteField{&h.max_total_body_bytes}, kKiB, kTiB,
      "Bodies being received or read at a time, together; beyond it 503.");
  add("max_backlog_bytes", ByteField{&h.max_backlog_bytes}, 64 * kKiB, 4 * kGiB,
      "How far a client may be behind a streamed answer before its connection is dropped.");
  add("header_timeout_s", &h.header_timeout_s, 1, kDay_s, "Seconds that the head of a request may take to arrive.");
  add("body_timeout_s", &h.body_timeout_s, 1, kDay_s, "Seconds that the body of a request may take to arrive.");
  add("idle_timeout_s", &h.idle_timeout_s, 1, kDay_s, "Seconds that a connection is kept between requests.");
  add("write_timeout_s", &h.write_timeout_s, 1, kDay_s, "Seconds after which a client that reads nothing is dropped.");
  add("drain_s", &c.drain_s, 0, kDay_s, "Seconds that running answers get to end when the server is stopped.");
  add("metrics", &c.api.metrics, 0, 0, "Whether /metrics answers, in the text form of Prometheus.");
}

void add_tls(ServeConfig& c, std::vector<ConfigField>& out) {
  out.push_back({"tls", "certificate", &c.http.tls_certificate, 0, 0,
                 "The certificate chain in PEM form, the server's own first; without it plain HTTP. Reloaded on SIGHUP."});
  out.push_back({"tls", "key", &c.http.tls_key, 0, 0, "Its private key in PEM form, without a password; reloaded with it."});
}

void add_engine(ServeConfig& c, std::vector<ConfigField>& out) {
  const auto add = [&](std::string_view key, ConfigField::Value value, double low, double high, std::string_view comment) {
    out.push_back({"engine", key, value, low, high, comment});
  };
  SchedulerOptions& s = c.pool.scheduler;
  add("threads", &s.threads, 0, 1024, "Threads of a model; 0: as many as the process may use.");
  add("context", &s.context, 0, 16'777'216, "Tokens of a prompt and its answer; 0: the model's own, at most 8192.");
  add("cache_bytes", ByteField{&s.cache_bytes}, 0, 64 * kTiB,
      "Memory for keys and values of running answers and kept prefixes, per model; 0: chosen from what is free.");
  add("kv", &s.kv, 0, 0, "The type of keys and values in the cache: f32, f16 or q8.");
  add("weights", &c.pool.weights, 0, 0, "How weights are held: auto, f32, bf16, q8 or q4.");
  add("isa", &c.pool.isa, 0, 0, "The instruction set: auto, scalar, avx2, avx-vnni, avx512 or neon.");
  add("max_active", &s.max_active, 1, 256, "Answers computed at a time; more wait.");
  add("max_queued", &s.max_queued, 0, 1'000'000, "Requests that may wait; further ones get 429.");
  add("max_step_ms", &s.max_step_ms, 1, 60'000, "How long a step may take while answers run: long prompts are cut to fit.");
  add("max_loaded", &c.pool.max_loaded, 1, 1024, "Models in memory at a time; the longest unused one makes room.");
  add("idle_unload_s", &c.pool.idle_unload_s, 0, 1e8, "Seconds without a request after which a model is unloaded; 0: never.");
}

void add_limits(ServeConfig& c, std::vector<ConfigField>& out) {
  const auto add = [&](std::string_view key, ConfigField::Value value, double low, double high, std::string_view comment) {
    out.push_back({"limits", key, value, low, high, comment});
  };
  ApiLimits& l = c.api.limits;
  add("default_max_tokens", &c.api.default_max_tokens, 0, 16'777'216,
      "Tokens of a chat answer when the request names no limit; 0: until it ends or the context is full.");
  add("max_messages", &l.max_messages, 1, 1'000'000, "Messages of a conversation.");
  add("max_choices", &l.max_choices, 1, 1024, "Answers to one prompt: n.");
  add("max_prompts", &l.max_prompts, 1, 65'536, "Answers to a list of prompts: prompts times n.");
  add("max_stops", &l.max_stops, 0, 64, "Stop strings of a request.");
  add("max_stop_bytes", ByteField{&l.max_stop_bytes}, 1, 4 * kKiB, "The longest stop string.");
  add("max_logit_bias", &l.max_logit_bias, 0, 1'000'000, "Tokens with a bias.");
  add("max_members", &l.max_members, 16, 65'536, "Fields of a request's object.");
  add("max_json_depth", &l.max_json_depth, 8, 512, "Nesting of a request's JSON.");
  add("max_schema_bytes", ByteField{&l.grammar.max_source_bytes}, 64, 64 * kMiB, "The longest schema or pattern.");
  add("max_schema_depth", &l.grammar.max_depth, 4, 512, "Nesting of a schema or pattern.");
  add("max_schema_time_ms", &l.grammar.max_time_ms, 10, 60'000, "Milliseconds that compiling a schema or pattern may take.");
  add("max_waiting", &l.max_waiting, 1, 1'000'000, "Requests that wait to be read; further ones get 429.");
}

void add_meter(ServeConfig& c, std::vector<ConfigField>& out) {
  const auto add = [&](std::string_view key, ConfigField::Value value, double low, double high, std::string_view comment) {
    out.push_back({"meter", key, value, low, high, comment});
  };
  ServeMeter& m = c.meter;
  add("enabled", &m.enabled, 0, 0, "Whether answers carry what they cost (impact); `sobre meter` shows how it is found.");
  add("method", &m.method, 0, 0, "auto, or rapl-package, nvml, wall-calibrated, estimate-tdp, estimate-cores alone.");
  add("calibration_file", &m.calibration_file, 0, 0, "What `sobre meter --calibrate` wrote; empty: where it writes by itself.");
  add("zone", &m.zone, 0, 0, "The grid, by country (\"FR\", \"DE\", ...) or \"WORLD\"; empty: no CO2e of electricity.");
  add("grid_file", &m.grid_file, 0, 0, "Intensities of your own: CSV or JSON with zone, g_per_kwh, year, source.");
  add("tariff_per_kwh", &m.tariff_per_kwh, 0, 1e6,
      "What a kilowatt hour costs, for example 0.25; without it no money is shown.");
  add("currency", &m.currency, 0, 0, "Of tariff and price: three letters, such as \"EUR\".");
  add("hardware_price", &m.hardware_price, 0, 1e12, "What the machine cost, for example 1200, written off over its lifetime.");
  add("hardware_lifetime_years", &m.hardware_lifetime_years, 0.1, 100, "Years over which its price is written off.");
  add("embodied_kg", &m.embodied_kg, 0, 1e9, "kg CO2e of making the machine (150 to 350 for a PC), spread over its lifetime.");
  add("embodied_lifetime_years", &m.embodied_lifetime_years, 0.1, 100, "Years over which they are spread.");
  add("pue", &m.pue, 1, 10, "Power usage effectiveness of its site, for example 1.2: multiplies energy in CO2e and money.");
}

void add_ledger(ServeConfig& c, std::vector<ConfigField>& out) {
  const auto add = [&](std::string_view key, ConfigField::Value value, std::string_view comment) {
    out.push_back({"ledger", key, value, 0, 0, comment});
  };
  ServeLedger& l = c.ledger;
  add("enabled", &l.enabled, "Whether every request gets a row in the ledger (`sobre ledger` reads it).");
  add("file", &l.file, "Its file; empty: ledger.db in the state folder of the user.");
  add("required", &l.required, "Whether requests are refused (503) while rows cannot be written.");
  add("keep_text", &l.keep_text, "Whether prompts and answers are kept in it.");
}

template <class T, size_t N, class Name>
std::string names_of(const std::array<T, N>& values, Name name) {
  std::string out;
  for (const T value : values) out += (out.empty() ? "" : ", ") + std::string(name(value));
  return out;
}

}  // namespace

std::vector<ConfigField> config_fields(ServeConfig& config) {
  std::vector<ConfigField> out;
  add_server(config, out);
  add_tls(config, out);
  add_engine(config, out);
  add_limits(config, out);
  add_meter(config, out);
  add_ledger(config, out);
  return out;
}

std::string print_bytes(uint64_t bytes) {
  for (const Unit& unit : kUnits) {
    if (bytes >= unit.bytes && bytes % unit.bytes == 0 && unit.bytes > 1) {
      return fmt::format("{} {}", bytes / unit.bytes, unit.name);
    }
  }
  return fmt::format("{} B", bytes);
}

std::optional<uint64_t> parse_bytes(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  std::string_view name = text.substr(static_cast<size_t>(end - text.data()));
  if (name.starts_with(' ')) name.remove_prefix(1);
  for (const Unit& unit : kUnits) {
    if (name == unit.name) return number <= UINT64_MAX / unit.bytes ? std::optional(number * unit.bytes) : std::nullopt;
  }
  return std::nullopt;
}

std::string kv_names() { return names_of(kKvTypes, kv_type_name); }
std::string weight_names() { return names_of(kWeightModes, weight_mode_name); }
std::string isa_names() {
  constexpr std::array<Isa, 5> kIsas = {Isa::kScalar, Isa::kAvx2, Isa::kAvxVnni, Isa::kAvx512, Isa::kNeon};
  return "auto, " + names_of(kIsas, isa_name);
}

std::optional<KvType> kv_from_name(std::string_view name) {
  for (const KvType type : kKvTypes) {
    if (kv_type_name(type) == name) return type;
  }
  return std::nullopt;
}

std::optional<WeightMode> weight_from_name(std::string_view name) {
  for (const WeightMode mode : kWeightModes) {
    if (weight_mode_name(mode) == name) return mode;
  }
  return std::nullopt;
}

}  // namespace sobre
