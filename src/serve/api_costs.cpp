// What answers cost, as the API tells it beside the answers: /v1/usage, the meter in /v1/status, series of /metrics.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "serve/accounting.h"
#include "serve/api_core.h"

namespace sobre {

namespace {

using Kind = Accounting::Kind;

Json watts_json(double watts) { return watts < 0 ? Json() : Json(std::round(watts * 100) / 100); }

// A label's value, quoted.
std::string label(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

// Series of one name.
class Family {
 public:
  Family(std::string& out, std::string_view name, std::string_view type, std::string_view help) : out_(out), name_(name) {
    fmt::format_to(std::back_inserter(out), "# HELP {0} {2}\n# TYPE {0} {1}\n", name, type, help);
  }
  void add(std::string_view labels, int64_t millionths) {
    out_.append(name_).append("{").append(labels).append("} ");
    append_millionths(out_, millionths);
    out_ += '\n';
  }
  void add_nano(std::string_view labels, int64_t nano) {
    out_.append(name_).append("{").append(labels).append("} ");
    append_nano(out_, nano);
    out_ += '\n';
  }

 private:
  std::string& out_;
  std::string_view name_;
};

}  // namespace

ApiError ledger_blocked(const ApiCore& core) {
  ApiError error;
  error.status = 503;
  error.code = "ledger_unavailable";
  error.retry_after_s = 5;
  error.message = "the ledger cannot be written and is required: " + core.options.accounting->ledger()->status().text;
  return error;
}

Json meter_json(const ApiCore& core) {
  if (core.options.accounting == nullptr) return {};
  const Accounting& accounting = *core.options.accounting;
  const EnergyMethod& method = accounting.meter().method();
  const MeterState state = accounting.meter().state();
  Json out{Json::Object()};
  out.set("method", Json(method.name));
  out.set("boundary", Json(method.boundary));
  out.set("estimate", Json(method.estimate));
  out.set("watts", watts_json(state.watts));
  out.set("idle_watts", watts_json(state.idle_watts));
  out.set("cpu_s", Json(std::round(state.own_cpu_s * 1e6) / 1e6));
  out.set("others_share", Json(std::round(state.others_share * 1000) / 1000));
  Json::Array fits;
  const std::vector<ServedModel>& models = core.pool.models();
  for (size_t i = 0; i < state.fits.size() && i < models.size(); ++i) {
    const MeterState::Fit& fit = state.fits[i];
    fits.push_back(Json(Json::Object{{"model", models[i].name},
                                     {"j_per_prompt_operation", fit.coefficients[0]},
                                     {"j_per_weight_byte", fit.coefficients[1]},
                                     {"j_per_kv_byte", fit.coefficients[2]},
                                     {"residual", fit.residual}}));
  }
  out.set("fits", std::move(fits));
  Json::Array sources;
  for (const SourceSeen& s : accounting.options().sources) {
    sources.push_back(Json(
        Json::Object{{"name", s.name}, {"state", s.used ? "used" : "refused"}, {"reason", s.reason}, {"advice", s.advice}}));
  }
  out.set("sources", std::move(sources));
  return out;
}

std::string accounting_metrics(const ApiCore& core) {
  if (core.options.accounting == nullptr) return {};
  const Accounting& accounting = *core.options.accounting;
  const std::string method = label(accounting.meter().method().name);
  struct Row {
    std::string labels;
    Accounting::Sums sums;
  };
  std::vector<Row> rows;
  const std::vector<ServedModel>& models = core.pool.models();
  for (size_t i = 0; i < models.size(); ++i) {
    for (const Kind kind : {Kind::kAnswer, Kind::kLoad}) {
      rows.push_back({fmt::format("model={},method={},kind=\"{}\"", label(models[i].name), method,
                                  kind == Kind::kAnswer ? "answer" : "load"),
                      accounting.sums_of(i, kind)});
    }
  }
  std::string out;
  Family energy(out, "sobre_energy_joules_total", "counter",
                "Energy given to answers and loads, with their share of idle energy.");
  for (const Row& r : rows) energy.add(r.labels, r.sums.energy_uj);
  Family marginal(out, "sobre_marginal_energy_joules_total", "counter", "Energy that would not have been drawn without them.");
  for (const Row& r : rows) marginal.add(r.labels, r.sums.marginal_uj);
  const CostModel& costs = accounting.options().costs;
  if (costs.grid || costs.embodied_kg) {
    Family carbon(out, "sobre_co2e_grams_total", "counter",
                  "CO2e of their electricity and of making the machine, as far as declared.");
    for (const Row& r : rows) carbon.add_nano(r.labels, r.sums.carbon_ng);
  }
  if (costs.tariff_per_kwh) {
    Family cost(out, "sobre_cost_total", "counter", "Money they cost, in the currency of the label.");
    for (const Row& r : rows) cost.add_nano(r.labels + ",currency=" + label(costs.currency), r.sums.cost_nano);
  }
  const MeterState state = accounting.meter().state();
  Family meter(out, "sobre_meter_joules_total", "counter", "All energy the meter saw, by what became of it.");
  meter.add("part=\"marginal\"", state.totals.marginal_uj);
  meter.add("part=\"idle_allocated\"", state.totals.idle_allocated_uj);
  meter.add("part=\"idle\"", state.totals.idle_uj);
  meter.add("part=\"unattributed\"", state.totals.unattributed_uj);
  Family windows(out, "sobre_meter_windows_total", "counter", "Windows of the meter, and those with a fault.");
  windows.add("state=\"all\"", static_cast<int64_t>(state.totals.windows) * 1'000'000);
  windows.add("state=\"faulty\"", static_cast<int64_t>(state.totals.faulty_windows) * 1'000'000);
  if (const Ledger* ledger = accounting.ledger()) {
    const LedgerStatus status = ledger->status();
    Family ledger_rows(out, "sobre_ledger_rows", "gauge", "Rows of the ledger by this process.");
    ledger_rows.add("state=\"written\"", static_cast<int64_t>(status.written) * 1'000'000);
    ledger_rows.add("state=\"waiting\"", static_cast<int64_t>(status.waiting) * 1'000'000);
    ledger_rows.add("state=\"lost\"", static_cast<int64_t>(status.lost) * 1'000'000);
    Family alarm(out, "sobre_ledger_alarm", "gauge", "1 while rows cannot be written.");
    alarm.add("", status.alarm ? 1'000'000 : 0);
  }
  return out;
}

}  // namespace sobre
