// GET /v1/usage: sums of the ledger by day, model, key or task.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <string>
#include <utility>

#include "meter/ledger_reader.h"
#include "meter/text.h"
#include "serve/accounting.h"
#include "serve/api_core.h"

namespace sobre {

namespace {

constexpr const char* kRoute = "/v1/usage";
constexpr std::array<std::pair<std::string_view, SumBy>, 4> kBy = {
    {{"day", SumBy::kDay}, {"model", SumBy::kModel}, {"key", SumBy::kKey}, {"task", SumBy::kTask}}};

struct UsageQuery {
  std::string_view by = "day";
  SumBy sum_by = SumBy::kDay;
  std::optional<int64_t> from, to;
};

ApiError wrong(std::string_view name, std::string_view value, std::string_view expected) {
  ApiError error;
  error.param = name;
  error.message = fmt::format("{} is {}; {} is expected", name, shown(value), expected);
  return error;
}

// None of the values that are taken needs an escape.
ApiResult<UsageQuery> parse_query(std::string_view query) {
  UsageQuery out;
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    const size_t equals = std::min(pair.find('='), pair.size());
    const std::string_view name = pair.substr(0, equals), value = pair.substr(std::min(pair.size(), equals + 1));
    if (name == "by") {
      bool known = false;
      for (const auto& [text, by] : kBy) {
        if (value != text) continue;
        out.by = text;
        out.sum_by = by;
        known = true;
      }
      if (!known) return std::unexpected(wrong("by", value, "day, model, key or task"));
    } else if (name == "from" || name == "to") {
      const std::optional<int64_t> day = parse_day(value);
      if (!day) return std::unexpected(wrong(name, value, "a day such as 2026-03-09"));
      (name == "from" ? out.from : out.to) = day;
    } else if (!pair.empty()) {
      return std::unexpected(wrong("query", name, "by, from or to"));
    }
  }
  return out;
}

// Correctly rounded, so that the shortest text of the number is the exact decimal.
Json millionths(int64_t n) { return Json(static_cast<double>(n) / 1e6); }
Json nano(int64_t n) { return Json(static_cast<double>(n) / 1e9); }

// The totals of all groups, as of one.
void add_sum(LedgerSum& total, const LedgerSum& more) {
  add_sums(total.sums, more.sums);
  for (const auto& [currency, money] : more.money) {
    LedgerMoney& sum = total.money[currency];
    sum.amount_nano = saturating_add(sum.amount_nano, money.amount_nano);
    sum.marginal_nano = saturating_add(sum.marginal_nano, money.marginal_nano);
  }
  std::vector<std::string> methods;
  std::set_union(total.methods.begin(), total.methods.end(), more.methods.begin(), more.methods.end(),
                 std::back_inserter(methods));
  total.methods = std::move(methods);
}

// A file made over months holds figures of several methods and in several currencies: none goes for another.
Json sums_json(const LedgerSum& sum, const EnergyMethod& now) {
  const RollupSums& s = sum.sums;
  Json out{Json::Object()};
  out.set("requests", Json(s.requests));
  out.set("prompt_tokens", Json(s.prompt_tokens));
  out.set("cached_tokens", Json(s.cached_tokens));
  out.set("answer_tokens", Json(s.answer_tokens));
  out.set("energy_j", Json(Json::Object{{"value", millionths(s.energy_uj)},
                                        {"low", millionths(s.energy_low_uj)},
                                        {"high", millionths(s.energy_high_uj)}}));
  out.set("marginal_energy_j", millionths(s.marginal_uj));
  const bool carbon = s.unknown_carbon < s.requests || s.carbon_ng > 0;
  out.set("carbon_g", Json(Json::Object{{"operational", carbon ? nano(s.carbon_ng) : Json()},
                                        {"embodied", s.embodied_ng > 0 ? nano(s.embodied_ng) : Json()}}));
  Json::Array cost;
  for (const auto& [currency, money] : sum.money) {
    cost.push_back(
        Json::Object{{"amount", nano(money.amount_nano)}, {"marginal", nano(money.marginal_nano)}, {"currency", currency}});
  }
  out.set("cost", std::move(cost));
  out.set("methods", Json::Array(sum.methods.begin(), sum.methods.end()));
  out.set("estimate", Json(std::any_of(sum.methods.begin(), sum.methods.end(), [&](const std::string& method) {
            return method.starts_with("estimate-") || (now.estimate && method == now.name);
          })));
  return out;
}

Json day_json(const std::optional<int64_t>& day) { return day ? Json(day_text(*day)) : Json(); }

Json head_json(const UsageQuery& query, const Accounting& accounting) {
  const EnergyMethod& method = accounting.meter().method();
  const CostModel& costs = accounting.options().costs;
  const LedgerStatus status = accounting.ledger()->status();
  Json out{Json::Object()};
  out.set("object", Json("usage"));
  out.set("by", Json(std::string(query.by)));
  out.set("from", day_json(query.from));
  out.set("to", day_json(query.to));
  out.set("method", Json(Json::Object{{"name", method.name}, {"boundary", method.boundary}, {"estimate", method.estimate}}));
  out.set("grid", costs.grid ? Json(Json::Object{{"zone", costs.grid->zone},
                                                 {"g_per_kwh", static_cast<double>(costs.grid->mg_per_kwh) / 1e3},
                                                 {"year", costs.grid->year},
                                                 {"source", costs.grid->source}})
                             : Json());
  out.set("currency", costs.tariff_per_kwh ? Json(costs.currency) : Json());
  out.set("ledger", Json(Json::Object{{"rows", static_cast<int64_t>(status.written)},
                                      {"alarm", status.alarm ? Json(status.text) : Json()}}));
  return out;
}

// `own`: where there are keys, the one that asks.
Result<Json> usage(const UsageQuery& query, const std::optional<std::string>& own, Accounting& accounting) {
  accounting.settle();
  TRY(LedgerReader reader, LedgerReader::open(accounting.options().ledger_path));
  TRY(const std::vector<LedgerSum> sums, reader.sum(query.sum_by, query.from, query.to, "answer"));
  const EnergyMethod& method = accounting.meter().method();
  Json out = head_json(query, accounting);
  Json::Array rows;
  LedgerSum total;
  for (const LedgerSum& sum : sums) {
    if (own && query.sum_by == SumBy::kKey && sum.group != *own) continue;
    Json row(Json::Object{{std::string(query.by), sum.group}});
    const Json numbers = sums_json(sum, method);
    for (const auto& [name, value] : *numbers.as_object()) row.set(name, value);
    rows.push_back(std::move(row));
    add_sum(total, sum);
  }
  out.set("rows", std::move(rows));
  out.set("total", sums_json(total, method));
  return out;
}

}  // namespace

void answer_usage(const std::shared_ptr<ApiCore>& core, std::string scope, const std::string& query,
                  const std::shared_ptr<HttpReply>& reply) {
  const ApiResult<UsageQuery> parsed = parse_query(query);
  if (!parsed) return core->answer_error(*reply, kRoute, parsed.error());
  if (core->options.accounting == nullptr || core->options.accounting->ledger() == nullptr) {
    ApiError error;
    error.status = 404;
    error.code = "no_ledger";
    const bool wanted = core->options.accounting != nullptr && !core->options.accounting->options().ledger_error.empty();
    error.message = wanted ? "this server keeps no ledger: " + core->options.accounting->options().ledger_error
                           : "this server keeps no ledger; set enabled = true in [meter] and [ledger] of sobre.toml";
    return core->answer_error(*reply, kRoute, error);
  }
  auto own = core->keys != nullptr ? std::optional(std::move(scope)) : std::nullopt;
  auto task = [core, reply, wanted = *parsed, own = std::move(own)] {
    const Result<Json> body = usage(wanted, own, *core->options.accounting);
    if (body) return core->answer_json(*reply, kRoute, *body);
    ApiError error;
    error.status = 500;
    error.code = "ledger_unreadable";
    error.message = body.error().message;
    core->answer_error(*reply, kRoute, error);
  };
  const auto limit = static_cast<size_t>(core->options.limits.max_waiting);
  if (!core->readers.try_post(std::move(task), limit)) core->answer_error(*reply, kRoute, too_many_waiting());
}

}  // namespace sobre
