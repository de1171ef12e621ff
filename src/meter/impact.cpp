#include "meter/impact.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <span>

#include "base/json.h"
#include "meter/text.h"

namespace sobre {

namespace {

int64_t microseconds(double seconds) {
  constexpr double kMost = 1e9;  // 30 years
  return seconds > 0 ? std::llround(std::min(seconds, kMost) * 1e6) : 0;
}

// A whole number of thousandths, without zeros at the end: 1500 -> "1.5".
void append_thousandths(std::string& out, int64_t thousandths) {
  const uint64_t size = thousandths < 0 ? ~static_cast<uint64_t>(thousandths) + 1 : static_cast<uint64_t>(thousandths);
  if (thousandths < 0) out += '-';
  std::string text = fmt::format("{}.{:03}", size / 1000, size % 1000);
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  out += text;
}

void append_interval(std::string& out, int64_t value, int64_t low, int64_t high, void (*append)(std::string&, int64_t)) {
  out += "{\"value\": ";
  append(out, value);
  out += ", \"low\": ";
  append(out, low);
  out += ", \"high\": ";
  append(out, high);
  out += '}';
}

void append_carbon(std::string& out, const Impact& impact) {
  out += ", \"carbon_g\": {\"operational\": ";
  if (impact.operational) {
    append_interval(out, impact.operational->value_ng, impact.operational->low_ng, impact.operational->high_ng, append_nano);
  } else {
    out += "null";
  }
  out += ", \"embodied\": ";
  if (impact.embodied_ng) {
    append_nano(out, *impact.embodied_ng);
  } else {
    out += "null";
  }
  out += "}, \"grid\": ";
  if (!impact.grid) {
    out += "null";
    return;
  }
  out += "{\"zone\": ";
  append_json_string(out, repair_utf8(impact.grid->zone));
  out += ", \"g_per_kwh\": ";
  append_thousandths(out, impact.grid->mg_per_kwh);
  fmt::format_to(std::back_inserter(out), ", \"year\": {}, \"source\": ", impact.grid->year);
  append_json_string(out, repair_utf8(impact.grid->source));
  out += '}';
}

void append_cost(std::string& out, const std::optional<Cost>& cost) {
  out += ", \"cost\": ";
  if (!cost) {
    out += "null";
    return;
  }
  out += "{\"amount\": ";
  append_nano(out, cost->amount_nano);
  out += ", \"marginal\": ";
  append_nano(out, cost->marginal_nano);
  out += ", \"currency\": ";
  append_json_string(out, repair_utf8(cost->currency));
  out += ", \"includes\": [";
  for (size_t i = 0; i < cost->includes.size(); ++i) {
    if (i > 0) out += ", ";
    append_json_string(out, cost->includes[i]);
  }
  out += "]}";
}

void append_faults(std::string& out, const MeterFaults& faults) {
  out += ", \"faults\": [";
  bool first = true;
  for (int i = 0; i < kMeterFaults; ++i) {
    const auto fault = static_cast<MeterFault>(i);
    if (!faults.has(fault)) continue;
    if (!first) out += ", ";
    first = false;
    append_json_string(out, meter_fault_name(fault));
  }
  out += ']';
}

struct Unit {
  double from;  // the amount from which it is used, and
  double size;  // its size, both in the smallest unit
  const char* name;
};

// The largest unit that the value reaches; `units` from small to large.
const Unit& unit_for(std::span<const Unit> units, double value) {
  size_t i = 0;
  while (i + 1 < units.size() && value >= units[i + 1].from) ++i;
  return units[i];
}

// `places` decimals; negative ones round to tens, hundreds, ...
std::string rounded(double value, int places) {
  if (places >= 0) return fmt::format("{:.{}f}", value, places);
  const double step = std::pow(10.0, -places);
  return fmt::format("{:.0f}", std::round(value / step) * step);
}

// Decimals that show the first digit of `amount` (positive) and no more.
int first_digit(double amount) { return -static_cast<int>(std::floor(std::log10(amount))); }

// A value with an interval, all in the smallest unit, rounded to the place where the doubt begins.
std::string show_interval(std::span<const Unit> units, int64_t value, int64_t low, int64_t high, std::string_view per = "") {
  constexpr double kPlain = 1.25;  // an interval up to this wide is carried by the digits alone
  constexpr int kMostDigits = 4;
  const auto size = static_cast<double>(value);
  const Unit& unit = unit_for(units, value != 0 ? std::abs(size) : static_cast<double>(high));
  const double v = size / unit.size, l = static_cast<double>(low) / unit.size, h = static_cast<double>(high) / unit.size;
  const double doubt = std::max(std::abs(h - v), std::abs(v - l));
  if (v == 0 && doubt == 0) return fmt::format("0 {}{}", unit.name, per);
  const int most = v == 0 ? first_digit(doubt) : first_digit(std::abs(v)) + kMostDigits - 1;
  const int least = v == 0 ? most : first_digit(std::abs(v));  // at least one digit of the value
  const int places = doubt > 0 ? std::clamp(first_digit(doubt), least, most) : most;
  std::string out = rounded(v, places);
  if (h > l * kPlain) {
    const std::string shown_low = l > 0 ? rounded(l, std::max(places, first_digit(l))) : rounded(l, places);
    out += fmt::format(" {}{} ({} to {})", unit.name, per, shown_low, rounded(h, places));
    return out;
  }
  return fmt::format("{} {}{}", out, unit.name, per);
}

}  // namespace

ImpactTimes ImpactTimes::from_seconds(double queue_s, double prefill_s, double decode_s, double total_s) {
  return {microseconds(queue_s), microseconds(prefill_s), microseconds(decode_s), microseconds(total_s)};
}

Impact impact_of(const RequestEnergy& request, const EnergyMethod& method, const CostModel& model, const ImpactTimes& times,
                 int64_t peak_memory_bytes) {
  constexpr double kMostAtOnce = 1e6;
  Costs costs = costs_of(request, model);
  Impact impact;
  impact.energy = request.energy;
  impact.marginal_uj = request.marginal_uj;
  impact.method = method.name;
  impact.boundary = method.boundary;
  impact.estimate = method.estimate;
  impact.operational = costs.operational;
  impact.embodied_ng = costs.embodied_ng;
  impact.grid = model.grid;
  impact.cost = std::move(costs.cost);
  impact.times = times;
  impact.peak_memory_bytes = peak_memory_bytes;
  impact.concurrency_thousandths = std::llround(std::clamp(request.concurrency_mean(), 1.0, kMostAtOnce) * 1000);
  impact.faults = request.faults;
  return impact;
}

Impact remote_impact(const RemotePrice* price, int64_t prompt_tokens, int64_t answer_tokens, const ImpactTimes& times) {
  Impact impact;
  impact.method = "unknown";
  impact.boundary = "a remote server";
  impact.estimate = true;
  impact.times = times;
  if (price == nullptr) return impact;
  RemoteCosts costs = remote_costs(*price, prompt_tokens, answer_tokens);
  impact.cost = std::move(costs.cost);
  if (costs.energy) {
    impact.energy = costs.energy;
    impact.method = "remote-modelled";
    impact.boundary = "a remote server, by a model: " + price->energy->source;
  }
  return impact;
}

namespace {

void append_decimal(std::string& out, int64_t value, uint64_t one, int places) {
  const uint64_t size = value < 0 ? ~static_cast<uint64_t>(value) + 1 : static_cast<uint64_t>(value);
  if (value < 0) out += '-';
  fmt::format_to(std::back_inserter(out), "{}.{:0{}}", size / one, size % one, places);
}

}  // namespace

void append_millionths(std::string& out, int64_t millionths) { append_decimal(out, millionths, 1'000'000, 6); }

void append_nano(std::string& out, int64_t nano) { append_decimal(out, nano, 1'000'000'000, 9); }

void append_impact(std::string& out, const Impact& impact) {
  out += "{\"energy_j\": ";
  if (impact.energy) {
    append_interval(out, impact.energy->value_uj, impact.energy->low_uj, impact.energy->high_uj, append_millionths);
  } else {
    out += "null";
  }
  out += ", \"method\": ";
  append_json_string(out, repair_utf8(impact.method));
  out += ", \"boundary\": ";
  append_json_string(out, repair_utf8(impact.boundary));
  out += ", \"marginal_energy_j\": ";
  if (impact.marginal_uj) {
    append_millionths(out, *impact.marginal_uj);
  } else {
    out += "null";
  }
  append_carbon(out, impact);
  append_cost(out, impact.cost);
  out += ", \"time_ms\": {\"queue\": ";
  append_thousandths(out, impact.times.queue_us);
  out += ", \"prefill\": ";
  append_thousandths(out, impact.times.prefill_us);
  out += ", \"decode\": ";
  append_thousandths(out, impact.times.decode_us);
  out += ", \"total\": ";
  append_thousandths(out, impact.times.total_us);
  fmt::format_to(std::back_inserter(out), "}}, \"peak_memory_bytes\": {}, \"concurrency_mean\": ", impact.peak_memory_bytes);
  append_thousandths(out, impact.concurrency_thousandths);
  append_faults(out, impact.faults);
  fmt::format_to(std::back_inserter(out), ", \"estimate\": {}}}", impact.estimate);
}

std::string show_energy(const Energy& energy, std::string_view per) {
  // A watt hour is 3600 J. From 0.1 of the unit on: "0.42 J" reads better than "420 mJ".
  static constexpr Unit kUnits[] = {
      {0, 1, "uJ"}, {100, 1000, "mJ"}, {100'000, 1e6, "J"}, {3.6e9, 3.6e9, "Wh"}, {3.6e12, 3.6e12, "kWh"}};
  return show_interval(kUnits, energy.value_uj, energy.low_uj, energy.high_uj, per);
}

std::string show_carbon(const Emissions& emissions) {
  static constexpr Unit kUnits[] = {{0, 1, "ng"},    {100, 1000, "ug"},  {100'000, 1e6, "mg"},
                                    {1e8, 1e9, "g"}, {1e12, 1e12, "kg"}, {1e15, 1e15, "t"}};
  return show_interval(kUnits, emissions.value_ng, emissions.low_ng, emissions.high_ng);
}

std::string show_money(int64_t nano, std::string_view currency) {
  const double amount = static_cast<double>(nano) / 1e9;
  constexpr int kMostPlaces = 9;
  const int places = nano == 0 || std::abs(amount) >= 1 ? 2 : std::clamp(first_digit(std::abs(amount)) + 1, 2, kMostPlaces);
  return fmt::format("{:.{}f} {}", amount, places, currency);
}

}  // namespace sobre
