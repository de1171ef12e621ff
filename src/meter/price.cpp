#include "meter/price.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/file.h"
#include "base/json.h"
#include "meter/text.h"

namespace sobre {

namespace {

constexpr double kMicrojoulesPerKwh = 3.6e12;
constexpr double kNano = 1e9;  // of the currency's unit
constexpr double kSecondsPerYear = 365.25 * 86400;
constexpr double kMaxTariff = 1000, kMaxPrice = 1e9, kMaxKilograms = 1e7, kMinYears = 0.1, kMaxYears = 100, kMaxPue = 10;
constexpr double kMaxPerMillion = 1e6, kMaxJoulesPerToken = 1e6;
constexpr uint64_t kMaxFileBytes = uint64_t{4} << 20;
constexpr size_t kMaxPrices = 10'000;
constexpr size_t kMaxNameBytes = 200, kMaxSourceBytes = 300;

// The nearest whole number, within what every sum of them can hold.
int64_t whole(double value) {
  constexpr double kLimit = 0x1p53;
  if (std::isnan(value)) return 0;
  return std::llround(std::clamp(value, -kLimit, kLimit));
}

Result<void> check_range(const char* name, const std::optional<double>& value, double min, double max) {
  if (!value || (*value >= min && *value <= max)) return {};
  return fail("{} is {}; it must be from {} to {}", name, *value, min, max);
}

Result<void> check_pair(const char* amount_name, const std::optional<double>& amount, const char* life_name,
                        const std::optional<double>& life) {
  if (amount.has_value() == life.has_value()) return {};
  return fail("{} is declared without {}; declare both or neither", amount ? amount_name : life_name,
              amount ? life_name : amount_name);
}

Emissions emissions_of(const Energy& energy, const GridEntry& grid, double pue) {
  // uJ / (uJ / kWh) * mg / kWh = mg; in ng.
  const double ng_per_uj = static_cast<double>(grid.mg_per_kwh) * 1e6 * pue / kMicrojoulesPerKwh;
  const auto grams = [&](int64_t uj) { return whole(static_cast<double>(uj) * ng_per_uj); };
  return {grams(energy.value_uj), grams(energy.low_uj), grams(energy.high_uj)};
}

Cost cost_of(const RequestEnergy& request, const CostModel& model, double pue) {
  const double per_uj = *model.tariff_per_kwh * kNano * pue / kMicrojoulesPerKwh;
  double amount = static_cast<double>(request.energy.value_uj) * per_uj;
  Cost cost;
  cost.includes.emplace_back("energy");
  if (model.pue) cost.includes.emplace_back("pue");
  if (model.hardware_price) {
    amount += *model.hardware_price * kNano * request.machine_s / (*model.hardware_lifetime_years * kSecondsPerYear);
    cost.includes.emplace_back("hardware");
  }
  cost.amount_nano = whole(amount);
  cost.marginal_nano = whole(static_cast<double>(request.marginal_uj) * per_uj);
  cost.currency = model.currency;
  return cost;
}

Result<std::optional<RemoteTokenEnergy>> read_token_energy(const Json& entry, const std::string& where) {
  const Json* member = entry.find("energy_j_per_token");
  if (member == nullptr || member->is_null()) return std::nullopt;
  const std::string inside = where + ": energy_j_per_token";
  TRY_VOID(check_members(*member, "value, low, high, source", inside));
  RemoteTokenEnergy energy;
  TRY(energy.value_j, read_number_member(*member, "value", 0, kMaxJoulesPerToken, inside));
  TRY(energy.low_j, read_number_member(*member, "low", 0, energy.value_j, inside));
  TRY(energy.high_j, read_number_member(*member, "high", energy.value_j, kMaxJoulesPerToken, inside));
  TRY(energy.source, read_text_member(*member, "source", kMaxSourceBytes, inside));
  return energy;
}

Result<RemotePrice> read_price(const Json& entry, const std::string& where) {
  TRY_VOID(check_members(entry, "model, input_per_million, output_per_million, currency, entered, source, energy_j_per_token",
                         where));
  RemotePrice price;
  TRY(price.model, read_text_member(entry, "model", kMaxNameBytes, where));
  TRY(price.input_per_million, read_number_member(entry, "input_per_million", 0, kMaxPerMillion, where));
  TRY(price.output_per_million, read_number_member(entry, "output_per_million", 0, kMaxPerMillion, where));
  TRY(price.currency, read_text_member(entry, "currency", kMaxNameBytes, where));
  if (!is_currency(price.currency))
    return fail("{}: \"currency\" is {}; it must be an ISO 4217 code such as \"EUR\"", where, shown(price.currency));
  TRY(price.entered, read_text_member(entry, "entered", kMaxNameBytes, where));
  if (!parse_day(price.entered))
    return fail("{}: \"entered\" is {}; it must be a date such as \"2026-03-09\"", where, shown(price.entered));
  TRY(price.source, read_text_member(entry, "source", kMaxSourceBytes, where));
  TRY(price.energy, read_token_energy(entry, where));
  return price;
}

}  // namespace

Result<void> check_cost_model(const CostModel& model) {
  TRY_VOID(check_range("tariff_per_kwh", model.tariff_per_kwh, 0, kMaxTariff));
  TRY_VOID(check_range("hardware_price", model.hardware_price, 0, kMaxPrice));
  TRY_VOID(check_range("hardware_lifetime_years", model.hardware_lifetime_years, kMinYears, kMaxYears));
  TRY_VOID(check_range("embodied_kg", model.embodied_kg, 0, kMaxKilograms));
  TRY_VOID(check_range("embodied_lifetime_years", model.embodied_lifetime_years, kMinYears, kMaxYears));
  TRY_VOID(check_range("pue", model.pue, 1, kMaxPue));
  TRY_VOID(check_pair("hardware_price", model.hardware_price, "hardware_lifetime_years", model.hardware_lifetime_years));
  TRY_VOID(check_pair("embodied_kg", model.embodied_kg, "embodied_lifetime_years", model.embodied_lifetime_years));
  if (model.hardware_price && !model.tariff_per_kwh)
    return fail("hardware_price is declared without tariff_per_kwh; declare the tariff too (0 where electricity is free)");
  if (model.tariff_per_kwh && !is_currency(model.currency))
    return fail("currency is {}; with tariff_per_kwh it must be an ISO 4217 code such as \"EUR\"", shown(model.currency));
  if (model.grid && (model.grid->mg_per_kwh < 0 || model.grid->mg_per_kwh > kMaxGridMgPerKwh))
    return fail("grid: {} mg per kWh; it must be from 0 to {}", model.grid->mg_per_kwh, kMaxGridMgPerKwh);
  return {};
}

Costs costs_of(const RequestEnergy& request, const CostModel& model) {
  const double pue = model.pue.value_or(1);
  Costs costs;
  if (model.grid) costs.operational = emissions_of(request.energy, *model.grid, pue);
  if (model.embodied_kg)
    costs.embodied_ng =
        whole(*model.embodied_kg * 1e12 * request.machine_s / (*model.embodied_lifetime_years * kSecondsPerYear));
  if (model.tariff_per_kwh) costs.cost = cost_of(request, model, pue);
  return costs;
}

Result<Sci> sci(const std::string& task, const Emissions& operational, int64_t embodied_ng, int64_t accepted) {
  if (accepted <= 0)
    return fail("task {}: {} accepted answers; the SCI per accepted answer needs at least one", shown(task), accepted);
  const auto share = [&](int64_t ug) { return whole(static_cast<double>(ug) / static_cast<double>(accepted)); };
  Sci result;
  result.functional_unit = "one accepted answer of task " + task;
  result.operational = {share(operational.value_ng), share(operational.low_ng), share(operational.high_ng)};
  result.embodied_ng = share(embodied_ng);
  result.per_unit = {share(operational.value_ng + embodied_ng), share(operational.low_ng + embodied_ng),
                     share(operational.high_ng + embodied_ng)};
  return result;
}

Result<RemotePrices> RemotePrices::parse(std::string_view text, const std::string& name) {
  const Result<Json> root = Json::parse(text, {.max_bytes = kMaxFileBytes, .max_depth = 8, .max_values = 20 * kMaxPrices});
  if (!root) return fail_in(name, root.error());
  TRY_VOID(check_members(*root, "models", name));
  const Json* models = root->find("models");
  const Json::Array* list = models == nullptr ? nullptr : models->as_array();
  if (list == nullptr) return fail("{}: \"models\" must be an array of prices", name);
  if (list->size() > kMaxPrices) return fail("{}: {} prices, the limit is {}", name, list->size(), kMaxPrices);
  RemotePrices prices;
  for (const Json& entry : *list) {
    Result<RemotePrice> price = read_price(entry, name);
    // The line is looked for only where it is needed: that walks the whole text.
    if (!price) {
      const std::string where = fmt::format("{}:{}", name, line_of_element(text, 2, prices.prices_.size()));
      return std::unexpected(read_price(entry, where).error());
    }
    prices.prices_.push_back(std::move(*price));
  }
  std::sort(prices.prices_.begin(), prices.prices_.end(),
            [](const RemotePrice& a, const RemotePrice& b) { return a.model < b.model; });
  const auto twin = std::adjacent_find(prices.prices_.begin(), prices.prices_.end(),
                                       [](const RemotePrice& a, const RemotePrice& b) { return a.model == b.model; });
  if (twin != prices.prices_.end())
    return fail("{}: the model {} has two prices; leave the right one", name, shown(twin->model));
  return prices;
}

Result<RemotePrices> RemotePrices::load(const std::string& path) {
  TRY(const std::string text, read_file(path, kMaxFileBytes));
  return parse(text, path);
}

const RemotePrice* RemotePrices::find(std::string_view model) const {
  const auto found = std::lower_bound(prices_.begin(), prices_.end(), model,
                                      [](const RemotePrice& price, std::string_view name) { return price.model < name; });
  return found != prices_.end() && found->model == model ? &*found : nullptr;
}

RemoteCosts remote_costs(const RemotePrice& price, int64_t prompt_tokens, int64_t answer_tokens) {
  RemoteCosts costs;
  // A price per million tokens is a price in millionths per token: a thousand billionths.
  costs.cost.amount_nano = whole(1e3 * (price.input_per_million * static_cast<double>(prompt_tokens) +
                                        price.output_per_million * static_cast<double>(answer_tokens)));
  costs.cost.marginal_nano = costs.cost.amount_nano;
  costs.cost.currency = price.currency;
  costs.cost.includes.emplace_back("remote");
  if (price.energy) {
    const auto joules = [&](double per_token) { return whole(per_token * 1e6 * static_cast<double>(answer_tokens)); };
    costs.energy = Energy{joules(price.energy->value_j), joules(price.energy->low_j), joules(price.energy->high_j)};
  }
  return costs;
}

}  // namespace sobre
