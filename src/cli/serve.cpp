#include "cli/serve.h"

#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <map>
#include <thread>
#include <utility>

#include "cli/hub.h"
#include "cli/metering.h"
#include "cli/names.h"
#include "cli/terminal.h"
#include "hub/manifest.h"
#include "serve/accounting.h"
#include "serve/api.h"
#include "serve/keys.h"

namespace sobre {

namespace {

constexpr const char* kDefaultConfig = "sobre.toml";
constexpr const char* kFetchedModel = "smollm2";  // where no model is named and none came with the program

Result<ServeConfig> configuration(const ServeFlags& flags) {
  ServeConfig config;
  std::error_code ignored;
  if (!flags.config_path.empty()) {
    TRY(config, load_serve_config(flags.config_path));
  } else if (std::filesystem::exists(kDefaultConfig, ignored)) {
    say("sobre: reading {}\n", kDefaultConfig);
    TRY(config, load_serve_config(kDefaultConfig));
  }
  if (flags.host) config.http.host = *flags.host;
  if (flags.port) config.http.port = *flags.port;
  if (flags.keys_file) config.keys_file = *flags.keys_file;
  if (flags.tls_certificate) config.http.tls_certificate = *flags.tls_certificate;
  if (flags.tls_key) config.http.tls_key = *flags.tls_key;
  if (flags.weights_given) config.pool.weights = flags.model.weights;
  if (flags.kv_given) config.pool.scheduler.kv = flags.model.kv;
  if (flags.model.isa) config.pool.isa = flags.model.isa;
  if (flags.model.threads > 0) config.pool.scheduler.threads = flags.model.threads;
  if (flags.model.context > 0) config.pool.scheduler.context = flags.model.context;
  const bool configured = flags.models.empty() && !config.models.empty();
  if (!flags.models.empty()) {
    config.models.clear();
    for (const std::string& name : flags.models) config.models.push_back({name, "", {}});
  } else if (config.models.empty()) {
    for (const std::string& name : bundled_models()) config.models.push_back({name, "", {}});
    if (config.models.empty()) config.models.push_back({kFetchedModel, "", {}});
  }
  // Every model named here, or bundled, is meant to be there.
  if (!configured) config.pool.max_loaded = std::max(config.pool.max_loaded, static_cast<int>(config.models.size()));
  TRY_VOID(check_http_options(config.http));
  if (config.ledger.required && !(config.meter.enabled && config.ledger.enabled))
    return fail("[ledger] required = true asks for a ledger, which [{}] enabled = false turns off: change one of them",
                config.meter.enabled ? "ledger" : "meter");
  return config;
}

// As requests name it: a file's name without .gguf, a folder's name, a name of the catalogue as it is.
std::string name_of(const ServeModel& model) {
  if (!model.name.empty()) return model.name;
  std::filesystem::path path(model.path);
  if (!path.has_filename()) path = path.parent_path();
  std::string name = path.filename().string();
  if (name.ends_with(".gguf")) name.resize(name.size() - 5);
  return name;
}

// A request names one model: names, those that paths give included, and aliases are all different.
Result<void> check_names(const std::vector<ServeModel>& models) {
  std::map<std::string, const ServeModel*, std::less<>> known;
  for (const ServeModel& model : models) {
    std::vector<std::string> names = model.aliases;
    names.push_back(name_of(model));
    for (const std::string& name : names) {
      const auto [at, fresh] = known.emplace(name, &model);
      if (fresh || at->second == &model) continue;
      return fail("two models are called '{}', {} and {}; give one another name in sobre.toml ([[model]] name, aliases)", name,
                  at->second->path, model.path);
    }
  }
  return {};
}

Result<std::vector<ServedModel>> served_models(const ServeConfig& config) {
  TRY_VOID(check_names(config.models));
  std::vector<ServedModel> served;
  for (const ServeModel& model : config.models) {
    ServedModel s;
    s.name = name_of(model);
    s.aliases = model.aliases;
    TRY(s.path, resolve_model(model.path));
    struct stat info{};
    if (::stat(s.path.c_str(), &info) == 0) s.created = info.st_mtime;
    s.sampling = recommended_sampling(model.path);
    s.digest = pulled_digest(manifest_folder(), s.path);
    served.push_back(std::move(s));
  }
  return served;
}

sigset_t our_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  return set;
}

// Everything that happens beside requests: signals, and every second the pool's and the API's own work.
class Housekeeper {
 public:
  Housekeeper(HttpServer& server, ModelPool& pool, Api& api, KeyStore* keys, const ServeConfig& config)
      : server_(server), pool_(pool), api_(api), keys_(keys), config_(config), thread_([this] { run(); }) {}
  ~Housekeeper() {
    ended_ = true;
    thread_.join();
  }

 private:
  void run() {
    const sigset_t set = our_signals();
    const timespec wait{.tv_sec = 1, .tv_nsec = 0};
    while (!ended_) {
      const int signal = ::sigtimedwait(&set, nullptr, &wait);
      if (signal == SIGHUP) reload();
      if (signal == SIGTERM || signal == SIGINT) stop();
      pool_.tick();
      api_.tick();
    }
  }
  void reload() {
    if (keys_ != nullptr) {
      const Result<size_t> keys = keys_->reload();
      if (keys)
        say("sobre: {} keys read again\n", *keys);
      else
        say("sobre: the keys stay as they were: {}\n", keys.error().message);
    }
    if (!config_.http.tls_certificate.empty()) {
      if (const Result<void> tls = server_.reload_tls())
        say("sobre: the certificate is read again\n");
      else
        say("sobre: the certificate stays as it was: {}\n", tls.error().message);
    }
  }
  void stop() {
    const bool again = stopping_;
    stopping_ = true;
    if (!again) say("sobre: stopping; running answers have {:g} s to end\n", config_.drain_s);
    server_.stop(again ? 0 : config_.drain_s);
  }

  HttpServer& server_;
  ModelPool& pool_;
  Api& api_;
  KeyStore* keys_;
  const ServeConfig& config_;
  bool stopping_ = false;
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

void announce(const ServeConfig& config, const std::vector<ServedModel>& models, int port, const KeyStore* keys) {
  std::string names;
  for (const ServedModel& m : models) names.append(names.empty() ? "" : ", ").append(m.name);
  const std::string& host = config.http.host;
  const bool local = host == "localhost" || host == "127.0.0.1" || host == "::1";
  say("sobre: serving {} on {}://{}:{} (the page; the API is below /v1)\n", names,
      config.http.tls_certificate.empty() ? "http" : "https", host.find(':') == std::string::npos ? host : "[" + host + "]",
      port);
  if (!local && keys == nullptr)
    say("sobre: warning: whoever reaches {} may use it; --keys FILE asks for keys (--new-key ID makes one)\n", host);
  if (!local && config.http.tls_certificate.empty())
    say("sobre: warning: without --tls-cert and --tls-key requests and keys travel in the clear\n");
}

// All models, one after another, so that none of the first requests waits.
void preload(ModelPool& pool, const ServeConfig& config) {
  const auto& models = pool.models();
  const size_t n = std::min(models.size(), static_cast<size_t>(std::max(1, config.pool.max_loaded)));
  for (size_t i = 0; i < n; ++i) {
    // Nobody else waits yet.
    (void)pool.acquire(&models[i], [name = models[i].name](Result<std::shared_ptr<LoadedModel>> loaded) {
      if (!loaded) {
        say("sobre: {} cannot be loaded: {}\n", name, loaded.error().message);
        return;
      }
      say("sobre: {} is ready ({:.1f} s)\n", name, (*loaded)->load_s);
      for (const std::string& warning : (*loaded)->model->warnings()) say("sobre: warning: {}\n", warning);
    });
  }
}

Result<CostModel> cost_model(const ServeMeter& m) {
  CostModel costs{.tariff_per_kwh = m.tariff_per_kwh,
                  .currency = m.currency,
                  .hardware_price = m.hardware_price,
                  .hardware_lifetime_years = m.hardware_lifetime_years,
                  .embodied_kg = m.embodied_kg,
                  .embodied_lifetime_years = m.embodied_lifetime_years,
                  .grid = {},
                  .pue = m.pue};
  GridTable grids;
  if (!m.grid_file.empty()) {
    TRY(grids, GridTable::load(m.grid_file));
  }
  if (!m.zone.empty()) {
    TRY(costs.grid, grids.find(m.zone));
  }
  if (const auto good = check_cost_model(costs); !good) return fail_in("sobre.toml, [meter]", good.error());
  return costs;
}

// What answers cost, and where it is written; null where the configuration says so.
Result<std::unique_ptr<Accounting>> open_accounting(const ServeConfig& config, size_t models) {
  std::unique_ptr<Accounting> none;
  if (!config.meter.enabled) {
    if (config.ledger.enabled) say("sobre: no ledger is kept, since [meter] enabled = false\n");
    return none;
  }
  Accounting::Options options;
  TRY(options.costs, cost_model(config.meter));
  TRY(OpenedMeter meter, open_meter(config.meter.method, config.meter.calibration_file));
  options.sources = std::move(meter.seen);
  options.keep_text = config.ledger.keep_text;
  options.ledger_path = config.ledger.file.empty() ? default_ledger_path() : config.ledger.file;
  std::unique_ptr<Ledger> ledger;
  if (config.ledger.enabled && !options.ledger_path.empty()) {
    LedgerOptions how;
    how.path = options.ledger_path;
    how.required = config.ledger.required;
    how.open_later = true;
    Result<std::unique_ptr<Ledger>> opened = Ledger::open(how);
    if (!opened && how.required) return std::unexpected(opened.error());
    if (opened) {
      ledger = std::move(*opened);
      // As when the disk fills later, and /health tells.
      if (const LedgerStatus status = ledger->status(); status.alarm)
        say("sobre: warning: {}; {}\n", status.text,
            how.required ? "requests are refused until it can be" : "rows wait in memory until it can be");
    } else {
      // No ledger, and none to come: answers go on, and /health tells.
      options.ledger_error = opened.error().message;
      say("sobre: warning: no ledger is kept: {}; mend it and start again, or set [ledger] enabled = false\n",
          options.ledger_error);
    }
  } else if (config.ledger.enabled) {
    return fail("no place for the ledger: set [ledger] file, or XDG_STATE_HOME or HOME to an absolute path");
  }
  const EnergyMethod& method = meter.meter->method();
  say("sobre: energy by {} ({}){}\n", method.name, method.boundary,
      method.estimate ? "; `sobre meter` tells what a better source needs" : "");
  return std::make_unique<Accounting>(std::move(meter.meter), std::move(ledger), models, std::move(options));
}

Result<void> serve(const ServeFlags& flags) {
  TRY(ServeConfig config, configuration(flags));
  TRY(std::vector<ServedModel> models, served_models(config));
  std::unique_ptr<KeyStore> keys;
  if (!config.keys_file.empty()) {
    TRY(keys, KeyStore::load(config.keys_file));
  }
  std::signal(SIGPIPE, SIG_IGN);  // whoever reads the messages may go first
  // Before any thread is made: all inherit it, and the housekeeper alone takes signals.
  const sigset_t set = our_signals();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  TRY(const std::unique_ptr<Accounting> accounting, open_accounting(config, models.size()));
  config.pool.accounting = accounting.get();
  config.api.accounting = accounting.get();
  ModelPool pool(models, config.pool);
  config.api.wait_for_first = true;
  config.api.max_active = config.pool.scheduler.max_active;
  Api api(pool, keys.get(), config.api);
  TRY(const std::unique_ptr<HttpServer> server,
      HttpServer::create(
          config.http,
          [&](HttpRequest&& request, const std::shared_ptr<HttpReply>& reply) { api.handle(std::move(request), reply); },
          Api::error_body, [&](const HttpRequest& head) { return api.check_head(head); }));
  announce(config, models, server->port(), keys.get());
  preload(pool, config);
  {
    const Housekeeper housekeeper(*server, pool, api, keys.get(), config);
    server->run();
  }
  (void)pool.drain(0);
  say("sobre: stopped\n");
  return {};
}

}  // namespace

Result<void> serve_command(const ServeFlags& flags) {
  if (flags.print_config) {
    fmt::print("{}", print_serve_config());
    return {};
  }
  if (!flags.new_key.empty()) {
    TRY(const NewApiKey key, new_api_key(flags.new_key));
    say("sobre: the key for '{}', shown this once:\n", flags.new_key);
    fmt::print("{}\n", key.key);
    say("sobre: add this line to the keys file:\n{}\n", key.line);
    return {};
  }
  return serve(flags);
}

}  // namespace sobre
