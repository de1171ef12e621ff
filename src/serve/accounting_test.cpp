// What answers cost, over the whole way: engine, meter, responses, metrics, ledger, /v1/usage.
#include "serve/accounting.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>

#include "base/file.h"
#include "meter/ledger_reader.h"
#include "serve/api_client_testing.h"
#include "serve/api_core.h"

namespace sobre {
namespace {

/// 10 W without work, 20 W more for each busy processor, by the clocks of this machine.
class ClockSource final : public EnergySource {
 public:
  ClockSource() {
    method_ = {"rapl-package", "a test's processor", 0.95, 1.05, false};
    static_cast<void>(read(0));
  }
  EnergyDelta read(double) override {
    const double now = world_.now_s() * 10 + world_.own_cpu_s() * 20;
    const auto value = static_cast<int64_t>((now - last_) * 1e6);
    last_ += static_cast<double>(value) * 1e-6;
    return {{value, static_cast<int64_t>(static_cast<double>(value) * 0.95),
             static_cast<int64_t>(static_cast<double>(value) * 1.05)},
            std::nullopt,
            {}};
  }
  const EnergyMethod& method() const override { return method_; }

 private:
  EnergyMethod method_;
  MeterWorld world_ = machine_world();
  double last_ = 0;
};

CostModel all_declared() {
  CostModel costs;
  costs.tariff_per_kwh = 0.25;
  costs.currency = "EUR";
  costs.hardware_price = 900;
  costs.hardware_lifetime_years = 4;
  costs.embodied_kg = 250;
  costs.embodied_lifetime_years = 4;
  costs.grid = GridTable().find("FR").value();
  costs.pue = 1.1;
  return costs;
}

/// A server whose answers are accounted for.
struct Books {
  TemporaryFolder folder{"books"};
  std::string path = folder.path() + "/ledger.db";
  std::unique_ptr<Accounting> accounting;
  std::shared_ptr<ApiServer> server;

  explicit Books(bool required = false, bool keep_text = false, const CostModel& costs = all_declared(),
                 ApiServerOptions wanted = {}) {
    LedgerOptions how;
    how.path = path;
    how.required = required;
    how.commit_every = std::chrono::milliseconds(20);
    how.retry_every = std::chrono::milliseconds(20);
    auto ledger = Ledger::open(how);
    EXPECT_TRUE(ledger) << ledger.error().message;
    Accounting::Options options;
    options.costs = costs;
    options.ledger_path = path;
    options.keep_text = keep_text;
    accounting = std::make_unique<Accounting>(std::make_unique<Meter>(std::make_unique<ClockSource>()), std::move(*ledger), 8,
                                              std::move(options));
    wanted.pool.accounting = accounting.get();
    wanted.api.accounting = accounting.get();
    server = start(std::move(wanted));
  }
  std::vector<LedgerRow> rows() {
    accounting->settle();
    std::vector<LedgerRow> out;
    auto reader = LedgerReader::open(path);
    EXPECT_TRUE(reader) << reader.error().message;
    EXPECT_TRUE(reader->rows({}, [&](const StoredRow& row) -> Result<void> {
      out.push_back(row.row);
      return {};
    }));
    return out;
  }
};

int64_t millionths(const Json& number) { return std::llround(number.as_double().value_or(-1) * 1e6); }

/// The impact of an answer, which must fit the schema; null when there is none.
Json impact_of_answer(Client& client, const Grammar& schema) {
  Json found;
  std::vector<Json> parts =
      client.text().starts_with("data:") ? events_of(client.text()) : std::vector<Json>{json_of(client.text())};
  int seen = 0;
  for (const Json& part : parts) {
    const Json* impact = part.is_object() ? part.find("impact") : nullptr;
    if (impact == nullptr) continue;
    ++seen;
    found = *impact;
    EXPECT_TRUE(schema.matches(impact->dump())) << impact->dump();
  }
  EXPECT_EQ(seen, 1) << client.text();
  return found;
}

std::shared_ptr<const Grammar> impact_schema() {
  const auto text = read_file(SOBRE_SOURCE_DIR "/docs/impact.schema.json", 1 << 20);
  EXPECT_TRUE(text);
  auto schema = Grammar::compile(grammar_schema(Json::parse(*text).value()));
  EXPECT_TRUE(schema) << schema.error().message;
  return *schema;
}

double metric(Api& api, const std::string& name, const std::string& labels) {
  const std::string text = get(api, "/metrics")->text();
  double sum = 0;
  for (size_t at = text.find("\n" + name + "{"); at != std::string::npos; at = text.find("\n" + name + "{", at + 1)) {
    const std::string line = text.substr(at + 1, text.find('\n', at + 1) - at - 1);
    if (line.find(labels) != std::string::npos) sum += std::stod(line.substr(line.rfind(' ') + 1));
  }
  return sum;
}

/// What a number of requests of all kinds were told they cost.
struct Told {
  int64_t energy = 0, marginal = 0, cost = 0;
  std::map<std::string, int64_t> by_id;  // energy
};

std::vector<std::shared_ptr<Client>> ask_for_all_kinds(Api& api) {
  const char* kinds[] = {
      R"("max_tokens": 20, "ignore_eos": true)",
      R"("max_tokens": 30, "ignore_eos": true, "stream": true)",
      R"("max_tokens": 15, "ignore_eos": true, "stream": true, "stream_options": {"include_usage": true})",
      R"("max_tokens": 12, "ignore_eos": true, "n": 3, "temperature": 1.0)",
      R"("max_tokens": 10, "ignore_eos": true, "n": 2, "stream": true, "temperature": 1.0)",
      R"("max_tokens": 1)",
  };
  const std::string completion =
      R"("model": "base", "prompt": ["one", "and two"], "max_tokens": 9, "ignore_eos": true, "stream": )";
  std::vector<std::shared_ptr<Client>> clients;
  for (int i = 0; i < 30; ++i) {
    clients.push_back(ask(api, kinds[i % 6]));
    if (i % 3 == 0) clients.push_back(ask(api, completion + (i % 2 == 0 ? "true" : "false"), "/v1/completions"));
  }
  return clients;
}

Told what_they_were_told(const std::vector<std::shared_ptr<Client>>& clients) {
  const auto schema = impact_schema();
  Told told;
  for (const auto& client : clients) {
    EXPECT_TRUE(client->wait());
    EXPECT_EQ(client->status(), 200) << client->text();
    const Json impact = impact_of_answer(*client, *schema);
    const int64_t energy = millionths(at(impact, "energy_j/value"));
    told.energy += energy;
    told.marginal += millionths(at(impact, "marginal_energy_j"));
    told.cost += std::llround(at(impact, "cost/amount").as_double().value_or(-1) * 1e9);
    const Json first = client->text().starts_with("data:") ? events_of(client->text()).front() : json_of(client->text());
    told.by_id[*at(first, "id").as_string()] = energy;
  }
  return told;
}

TEST(Accounting, ResponsesMetricsAndLedgerAgreeToTheMicrojoule) {
  Books books;
  Api& api = books.server->api();
  const std::vector<std::shared_ptr<Client>> clients = ask_for_all_kinds(api);
  // Clients that leave: their answers cost all the same.
  for (int i = 0; i < 3; ++i) {
    const auto leaving = ask(api, R"("max_tokens": 400, "ignore_eos": true, "stream": true)");
    ASSERT_TRUE(leaving->wait_for_text(300));
    leaving->leave();
  }
  const Told told = what_they_were_told(clients);
  ASSERT_TRUE(becomes_idle(*books.server));
  Told done;
  int64_t all = 0, loads = 0;
  int cancelled = 0;
  for (const LedgerRow& row : books.rows()) {
    ASSERT_TRUE(row.energy_uj);
    EXPECT_TRUE(row.model_digest.starts_with("sha256:")) << row.model_digest;
    EXPECT_EQ(row.method, "rapl-package");
    (row.kind == "load" ? loads : all) += *row.energy_uj;
    cancelled += row.status == "cancelled" ? 1 : 0;
    if (row.kind == "load" || row.status != "done") continue;
    done.energy += *row.energy_uj;
    done.marginal += row.marginal_uj.value_or(0);
    done.cost += row.cost_nano.value_or(0);
    done.by_id[row.request] = *row.energy_uj;
  }
  EXPECT_EQ(cancelled, 3);
  EXPECT_GT(told.energy, 0);
  EXPECT_EQ(done.energy, told.energy);
  EXPECT_EQ(done.marginal, told.marginal);
  EXPECT_EQ(done.cost, told.cost);
  EXPECT_EQ(done.by_id, told.by_id);
  EXPECT_EQ(std::llround(metric(api, "sobre_energy_joules_total", "kind=\"answer\"") * 1e6), all);
  EXPECT_EQ(std::llround(metric(api, "sobre_energy_joules_total", "kind=\"load\"") * 1e6), loads);
  const auto usage = get(api, "/v1/usage?by=model");
  ASSERT_TRUE(usage->wait());
  EXPECT_EQ(millionths(at(json_of(usage->text()), "total/energy_j/value")), all) << usage->text();
  // All of it comes from the counter, and nothing else does.
  const MeterTotals t = books.accounting->meter().state().totals;
  EXPECT_EQ(t.marginal_uj + t.idle_allocated_uj, all + loads);
  EXPECT_EQ(t.marginal_uj + t.idle_allocated_uj + t.idle_uj + t.unattributed_uj, t.counter.value_uj);
  const auto verdict = verify_ledger(books.path);
  ASSERT_TRUE(verdict) << verdict.error().message;
  EXPECT_TRUE(verdict->good());
}

TEST(Accounting, UsageIsSummedAndItsQueryChecked) {
  Books books;
  Api& api = books.server->api();
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(ask(api, R"("max_tokens": 5, "ignore_eos": true)")->wait());
  ASSERT_TRUE(becomes_idle(*books.server));
  const auto read = [&](const std::string& target) {
    const auto client = get(api, target);
    EXPECT_TRUE(client->wait());
    return json_of(client->text());
  };
  const Json by_day = read("/v1/usage");
  EXPECT_EQ(at(by_day, "by"), Json("day"));
  EXPECT_EQ(at(by_day, "rows").as_array()->size(), 1u) << by_day.dump();
  EXPECT_EQ(at(by_day, "total/requests"), Json(4));
  EXPECT_EQ(at(by_day, "total/answer_tokens"), Json(20));
  EXPECT_EQ(at(by_day, "grid/zone"), Json("FR"));
  EXPECT_EQ(at(by_day, "currency"), Json("EUR"));
  EXPECT_EQ(at(by_day, "ledger/alarm"), Json());
  EXPECT_GT(at(by_day, "total/carbon_g/embodied").as_double().value_or(0), 0);
  EXPECT_EQ(at(read("/v1/usage?by=model"), "rows").as_array()->front().find("model")->as_string()->substr(0), "tiny");
  EXPECT_EQ(at(read("/v1/usage?to=2001-01-01"), "total/requests"), Json(0));
  EXPECT_NE(at(read("/v1/usage?by=moon"), "error/message").as_string()->find("day, model, key or task"), std::string::npos);
  EXPECT_NE(at(read("/v1/usage?from=2001-02-30"), "error/message").as_string()->find("2001-02-30"), std::string::npos);
  EXPECT_NE(at(read("/v1/usage?until=2001-02-03"), "error/message").as_string()->find("until"), std::string::npos);
}

TEST(Accounting, UsageKeepsMethodsAndCurrenciesApart) {
  Books books;
  Api& api = books.server->api();
  ASSERT_TRUE(ask(api, R"("max_tokens": 5)")->wait());
  ASSERT_TRUE(becomes_idle(*books.server));
  LedgerRow before;  // of the year before, when nothing could be read
  before.time_us = 1'740'000'000'000'000;
  before.model = "tiny";
  before.energy_uj = before.energy_low_uj = before.energy_high_uj = 5'000'000;
  before.method = "estimate-tdp";
  before.cost_nano = 250;
  before.marginal_cost_nano = 125;
  before.currency = "USD";
  books.accounting->record(std::move(before));
  const auto client = get(api, "/v1/usage");
  ASSERT_TRUE(client->wait());
  const Json usage = json_of(client->text());
  const Json rows = at(usage, "rows");
  const Json::Array& days = *rows.as_array();
  ASSERT_EQ(days.size(), 2u) << client->text();
  EXPECT_EQ(at(days[0], "methods").dump(), R"(["estimate-tdp"])");
  EXPECT_EQ(at(days[0], "estimate"), Json(true));
  EXPECT_EQ(at(days[0], "cost/0/amount"), Json(2.5e-7));
  EXPECT_EQ(at(days[0], "cost/0/marginal"), Json(1.25e-7));
  EXPECT_EQ(at(days[0], "cost/0/currency"), Json("USD"));
  EXPECT_EQ(at(days[1], "methods").dump(), R"(["rapl-package"])");
  EXPECT_EQ(at(days[1], "estimate"), Json(false));
  EXPECT_EQ(at(usage, "total/methods").dump(), R"(["estimate-tdp", "rapl-package"])");
  EXPECT_EQ(at(usage, "total/estimate"), Json(true));
  EXPECT_EQ(at(usage, "total/cost/0/currency"), Json("EUR"));
  EXPECT_EQ(at(usage, "total/cost/1/amount"), Json(2.5e-7));
}

TEST(Accounting, AnAnswerThatIsCutOffTellsWhatItCost) {
  Books books;
  Api& api = books.server->api();
  const auto schema = impact_schema();
  const auto stream = ask(api, R"("max_tokens": 900, "ignore_eos": true, "n": 2, "temperature": 1.0, "stream": true)");
  const auto whole = ask(api, R"("max_tokens": 900, "ignore_eos": true, "n": 2, "temperature": 1.0)");
  ASSERT_TRUE(stream->wait_for_text(600));
  for (int i = 0; i < 5000 && stats_of(*books.server).running < 4; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  books.server->pool().drain(0);
  int64_t told = 0;
  for (const auto& client : {stream, whole}) {
    ASSERT_TRUE(client->wait());
    const Json last = client == stream ? events_of(client->text()).back() : json_of(client->text());
    EXPECT_EQ(at(last, "error/code"), Json("stopping"));
    told += millionths(at(impact_of_answer(*client, *schema), "energy_j/value"));
  }
  EXPECT_EQ(whole->status(), 503);
  EXPECT_GE(whole->retry_after(), 1);
  ASSERT_TRUE(becomes_idle(*books.server));
  int64_t written = 0;
  for (const LedgerRow& row : books.rows()) {
    if (row.kind != "answer") continue;
    EXPECT_EQ(row.status, "cancelled");
    written += row.energy_uj.value_or(0);
  }
  EXPECT_GT(told, 0);
  EXPECT_EQ(told, written);
}

TEST(Accounting, WhatTheQueueRefusesIsNotDone) {
  ApiServerOptions options;
  options.pool.scheduler.max_active = 1;
  options.pool.scheduler.max_queued = 1;
  Books books(false, false, all_declared(), std::move(options));
  const auto schema = impact_schema();
  std::vector<std::shared_ptr<Client>> clients;
  for (int i = 0; i < 20; ++i) clients.push_back(ask(books.server->api(), R"("max_tokens": 400, "ignore_eos": true)"));
  size_t refused = 0;
  for (const auto& client : clients) {
    ASSERT_TRUE(client->wait(300));
    refused += client->status() == 429 ? 1 : 0;
    static_cast<void>(impact_of_answer(*client, *schema));
  }
  EXPECT_GE(refused, 1u);
  ASSERT_TRUE(becomes_idle(*books.server));
  std::map<std::string, size_t> by_status;
  for (const LedgerRow& row : books.rows()) by_status[row.kind + " " + row.status] += 1;
  EXPECT_EQ(by_status["answer failed"], refused);
  EXPECT_EQ(by_status["answer done"], clients.size() - refused);
}

TEST(Accounting, AKeySeesItsOwnSums) {
  ApiServerOptions options;
  options.keys = {"first-key-of-the-test", "second-key-of-the-test"};
  Books books(false, false, all_declared(), std::move(options));
  const auto send = [&](int key, const std::string& method, const std::string& path, const std::string& query,
                        const std::string& body) {
    auto client = std::make_shared<Client>();
    HttpRequest request;
    request.method = method;
    request.path = path;
    request.query = query;
    request.body = body;
    request.headers = {{"authorization", key == 1 ? "Bearer first-key-of-the-test" : "Bearer second-key-of-the-test"}};
    books.server->api().handle(std::move(request), client);
    EXPECT_TRUE(client->wait());
    EXPECT_EQ(client->status(), 200) << client->text();
    return json_of(client->text());
  };
  for (int i = 0; i < 3; ++i) {
    (void)send(i == 0 ? 1 : 2, "POST", "/v1/completions", "", R"({"prompt": "x", "max_tokens": 5, "ignore_eos": true})");
  }
  // Rows are written after the answers were sent.
  for (int i = 0; i < 3000; ++i) {
    const std::vector<LedgerRow> rows = books.rows();
    if (std::count_if(rows.begin(), rows.end(), [](const LedgerRow& r) { return r.kind == "answer"; }) == 3) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  for (const int key : {1, 2}) {
    const Json by_key = send(key, "GET", "/v1/usage", "by=key", "");
    ASSERT_EQ(at(by_key, "rows").as_array()->size(), 1u) << by_key.dump();
    EXPECT_EQ(at(by_key, "rows/0/key"), Json(fmt::format("key{}", key)));
    EXPECT_EQ(at(by_key, "rows/0/requests"), Json(key));
    EXPECT_EQ(at(by_key, "total/requests"), Json(key));
    EXPECT_EQ(at(send(key, "GET", "/v1/usage", "by=model", ""), "total/requests"), Json(3));
  }
}

TEST(Accounting, WhatIsNotDeclaredIsNull) {
  Books books(false, false, CostModel());
  const auto client = ask(books.server->api(), R"("max_tokens": 5)");
  ASSERT_TRUE(client->wait());
  const Json impact = impact_of_answer(*client, *impact_schema());
  EXPECT_EQ(at(impact, "cost"), Json());
  EXPECT_EQ(at(impact, "grid"), Json());
  EXPECT_EQ(at(impact, "carbon_g/operational"), Json());
}

TEST(Accounting, TextIsKeptOnlyWhereAsked) {
  for (const bool keep : {false, true}) {
    Books books(false, keep);
    const auto client = ask(books.server->api(), R"("max_tokens": 8, "ignore_eos": true, "seed": 7)");
    ASSERT_TRUE(client->wait());
    ASSERT_TRUE(becomes_idle(*books.server));
    const std::vector<LedgerRow> rows = books.rows();
    const auto row = std::find_if(rows.begin(), rows.end(), [](const LedgerRow& r) { return r.kind == "answer"; });
    ASSERT_NE(row, rows.end());
    EXPECT_EQ(row->seed, std::optional<uint64_t>(7));
    EXPECT_TRUE(Json::parse(row->sampling.value_or("")));
    EXPECT_EQ(row->prompt.has_value(), keep);
    EXPECT_EQ(row->answer.has_value(), keep);
    if (!keep) continue;
    EXPECT_NE(row->prompt->find("messages"), std::string::npos);
    EXPECT_EQ(*row->answer, *at(json_of(client->text()), "choices/0/message/content").as_string());
  }
}

/// No file of this process may grow.
class FullDisk {
 public:
  FullDisk() {
    ::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    rlimit none{0, before_.rlim_max};
    EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &none), 0);
  }
  ~FullDisk() { ::setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

TEST(Accounting, AFullDiskAlarmsAndOnlyARequiredLedgerRefuses) {
  for (const bool required : {false, true}) {
    Books books(required);
    Api& api = books.server->api();
    ASSERT_TRUE(ask(api, R"("max_tokens": 3)")->wait());
    ASSERT_TRUE(becomes_idle(*books.server));
    books.accounting->settle();
    const size_t before = books.rows().size();
    {
      const FullDisk full;
      const auto answered = ask(api, R"("max_tokens": 3)");
      ASSERT_TRUE(answered->wait());
      EXPECT_EQ(answered->status(), 200) << "nobody knew of it yet";
      for (int i = 0; i < 1000 && !books.accounting->ledger()->status().alarm; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
      }
      const auto health = get(api, "/health");
      EXPECT_EQ(health->status(), required ? 503 : 200);
      EXPECT_EQ(at(json_of(health->text()), "status"), Json(required ? "failing" : "degraded")) << health->text();
      const auto next = ask(api, R"("max_tokens": 3)");
      ASSERT_TRUE(next->wait());
      EXPECT_EQ(next->status(), required ? 503 : 200) << next->text();
      if (required) {
        EXPECT_EQ(at(json_of(next->text()), "error/code"), Json("ledger_unavailable"));
      }
      EXPECT_EQ(metric(api, "sobre_ledger_alarm", ""), 1);
    }
    for (int i = 0; i < 1000 && books.accounting->ledger()->status().alarm; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    ASSERT_TRUE(becomes_idle(*books.server));
    EXPECT_EQ(get(api, "/health")->text(), R"({"status": "ok"})");
    EXPECT_EQ(books.rows().size(), before + (required ? 1 : 2)) << "what waited was written";
  }
}

TEST(Accounting, HealthTellsWhyOnlyToThoseWithAKey) {
  Accounting::Options options;
  options.ledger_error = "/x/ledger.db: no such folder";
  Accounting accounting(std::make_unique<Meter>(std::make_unique<ClockSource>()), nullptr, 8, std::move(options));
  ApiServerOptions wanted;
  wanted.pool.accounting = &accounting;
  wanted.api.accounting = &accounting;
  wanted.keys = {"secret"};
  const auto server = start(std::move(wanted));
  const auto health = [&](const std::string& key) {
    auto client = std::make_shared<Client>();
    HttpRequest request;
    request.method = "GET";
    request.path = "/health";
    if (!key.empty()) request.headers.emplace_back("authorization", "Bearer " + key);
    server->api().handle(std::move(request), client);
    EXPECT_EQ(client->status(), 200);
    return client->text();
  };
  EXPECT_EQ(health(""), R"({"status": "degraded"})");
  EXPECT_EQ(health("wrong"), R"({"status": "degraded"})");
  EXPECT_NE(health("secret").find("/x/ledger.db"), std::string::npos);
}

TEST(Accounting, ALedgerThatCouldNotBeOpenedIsToldAndAnswersGoOn) {
  Accounting::Options options;
  options.ledger_error = "/x/ledger.db: no such folder";
  Accounting accounting(std::make_unique<Meter>(std::make_unique<ClockSource>()), nullptr, 8, std::move(options));
  ApiServerOptions wanted;
  wanted.pool.accounting = &accounting;
  wanted.api.accounting = &accounting;
  const auto server = start(std::move(wanted));
  const auto client = ask(server->api(), R"("max_tokens": 3)");
  ASSERT_TRUE(client->wait());
  EXPECT_EQ(client->status(), 200);
  const auto health = get(server->api(), "/health");
  EXPECT_EQ(health->status(), 200);
  EXPECT_EQ(at(json_of(health->text()), "status"), Json("degraded"));
  EXPECT_EQ(at(json_of(health->text()), "ledger/alarm"), Json("/x/ledger.db: no such folder"));
  const auto usage = get(server->api(), "/v1/usage");
  ASSERT_TRUE(usage->wait());
  EXPECT_EQ(usage->status(), 404);
  EXPECT_NE(usage->text().find("/x/ledger.db"), std::string::npos);
}

}  // namespace
}  // namespace sobre
