// The impact of one request: what is put into its response, its ledger row and the metrics. Whole numbers throughout, so that
// the three agree to the microjoule. docs/impact.schema.json describes the JSON. Plain values; any thread.
//
// The JSON holds the exact figures that are summed (six decimals). They are more digits than their interval carries: figures
// shown to people go through show_energy, show_carbon and show_money, which round to what is known.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "meter/energy.h"
#include "meter/price.h"

namespace sobre {

/// Where the time of a request went, in whole microseconds.
struct ImpactTimes {
  int64_t queue_us = 0, prefill_us = 0, decode_us = 0, total_us = 0;

  /// From seconds; negative ones and those that are no number become 0.
  [[nodiscard]] static ImpactTimes from_seconds(double queue_s, double prefill_s, double decode_s, double total_s);
  friend bool operator==(const ImpactTimes&, const ImpactTimes&) = default;
};

struct Impact {
  std::optional<Energy> energy;        // allocated; absent: unknown (a remote answer of which nothing is known)
  std::optional<int64_t> marginal_uj;  // absent: unknown
  std::string method;                  // EnergyMethod::name, "remote-modelled", or "unknown"
  std::string boundary;                // EnergyMethod::boundary
  bool estimate = false;               // no counter was read
  std::optional<Emissions> operational;
  std::optional<int64_t> embodied_ng;
  std::optional<GridEntry> grid;
  std::optional<Cost> cost;
  ImpactTimes times;
  int64_t peak_memory_bytes = 0;
  int64_t concurrency_thousandths = 1000;  // requests that shared the machine, on average, in thousandths
  MeterFaults faults;
};

/// The impact of a request on this machine. `model` must have passed check_cost_model; peak_memory_bytes: of the process.
[[nodiscard]] Impact impact_of(const RequestEnergy& request, const EnergyMethod& method, const CostModel& model,
                               const ImpactTimes& times, int64_t peak_memory_bytes);

/// The impact of an answer of a remote model; `price` null: nothing is known but its time.
[[nodiscard]] Impact remote_impact(const RemotePrice* price, int64_t prompt_tokens, int64_t answer_tokens,
                                   const ImpactTimes& times);

/// Appends the JSON object.
void append_impact(std::string& out, const Impact& impact);

/// Appends a whole number of millionths as a decimal number with six decimals: 420000 -> "0.420000". Exact.
void append_millionths(std::string& out, int64_t millionths);
/// The same for billionths, with nine decimals.
void append_nano(std::string& out, int64_t nano);

/// For people: "0.42 J"; "0.4 J (0.1 to 1.3)" where the interval is wider than a quarter. Unit uJ, mJ, J, Wh or kWh by size;
/// digits only to the place where the interval begins.
/// `per` follows the unit: "/token".
[[nodiscard]] std::string show_energy(const Energy& energy, std::string_view per = "");
/// The same for grams of CO2e: ug, mg, g, kg or t.
[[nodiscard]] std::string show_carbon(const Emissions& emissions);
/// "0.0012 EUR": two significant digits below 1, else two decimals. `nano`: billionths of the currency's unit.
[[nodiscard]] std::string show_money(int64_t nano, std::string_view currency);

}  // namespace sobre
