// From energy and time to grams of CO2e and money. What is not declared is left out and its result is null: no silent default.
// Amounts are whole nanograms and whole billionths of the currency's unit, so that sums over responses, metrics and the ledger
// agree exactly. Plain values and pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "meter/energy.h"
#include "meter/grid.h"

namespace sobre {

/// What the owner of the machine declares. Checked by check_cost_model.
struct CostModel {
  std::optional<double> tariff_per_kwh;           // of `currency`; 0: free
  std::string currency;                           // ISO 4217 code; needed with tariff_per_kwh
  std::optional<double> hardware_price;           // of `currency`, written off evenly over
  std::optional<double> hardware_lifetime_years;  // this time; both or neither
  std::optional<double> embodied_kg;              // kg CO2e of making the machine, spread evenly over
  std::optional<double> embodied_lifetime_years;  // this time; both or neither
  std::optional<GridEntry> grid;                  // where its electricity comes from
  std::optional<double> pue;  // power usage effectiveness of its site, at least 1: multiplies grams and money
};

/// Errors: a value out of its range, half of a pair, a price without a tariff (its cost could not be said in full), a currency
/// that is no three capital letters. Messages name the field.
[[nodiscard]] Result<void> check_cost_model(const CostModel& model);

/// Grams of CO2e and their interval (that of the energy), in whole nanograms: a small model's answer causes micrograms.
struct Emissions {
  int64_t value_ng = 0;
  int64_t low_ng = 0;
  int64_t high_ng = 0;

  Emissions& operator+=(const Emissions& other) {
    value_ng += other.value_ng;
    low_ng += other.low_ng;
    high_ng += other.high_ng;
    return *this;
  }
  friend bool operator==(const Emissions&, const Emissions&) = default;
};

/// What a request cost, in billionths of the unit of `currency`: a small model's answer costs less than a millionth.
struct Cost {
  int64_t amount_nano = 0;            // all that is in `includes`
  int64_t marginal_nano = 0;          // its marginal energy alone: what would not have been spent without it
  std::string currency;               // ISO 4217
  std::vector<std::string> includes;  // of "energy", "pue", "hardware", "remote"
  friend bool operator==(const Cost&, const Cost&) = default;
};

/// Carbon and money of one request; what could not be said is absent.
struct Costs {
  std::optional<Emissions> operational;  // energy x intensity (x PUE); absent: no grid declared
  std::optional<int64_t> embodied_ng;    // M of the SCI: embodied_kg x machine_s / lifetime; absent: not declared
  std::optional<Cost> cost;              // absent: no tariff declared
};

/// Carbon and money of a request on this machine. `model` must have passed check_cost_model.
[[nodiscard]] Costs costs_of(const RequestEnergy& request, const CostModel& model);

/// The software carbon intensity (ISO/IEC 21031) with the functional unit R = one accepted answer of a task:
/// ((E x I) + M) / R, where E, I and M are of all requests of the task, accepted or not.
struct Sci {
  std::string functional_unit;  // "one accepted answer of task T"
  Emissions per_unit;           // operational and embodied together
  Emissions operational;        // of that, E x I
  int64_t embodied_ng = 0;      // of that, M
};
/// `accepted`: answers of the task that were accepted. Error: none were (the SCI of nothing is not a number).
[[nodiscard]] Result<Sci> sci(const std::string& task, const Emissions& operational, int64_t embodied_ng, int64_t accepted);

/// Joules per token of a remote model, by a model of someone.
struct RemoteTokenEnergy {
  double value_j = 0, low_j = 0, high_j = 0;  // per token of the answer
  std::string source;
};

/// What a remote model asks for its work.
struct RemotePrice {
  std::string model;
  double input_per_million = 0;             // of `currency`, per million tokens of the prompt
  double output_per_million = 0;            // the same for the answer
  std::string currency;                     // ISO 4217
  std::string entered;                      // the date it was entered, YYYY-MM-DD
  std::string source;                       // where it was read
  std::optional<RemoteTokenEnergy> energy;  // absent: unknown
};

/// Prices of remote models, from a JSON file:
/// {"models": [{"model", "input_per_million", "output_per_million", "currency", "entered", "source",
///              "energy_j_per_token": null | {"value", "low", "high", "source"}}]}
class RemotePrices {
 public:
  /// Errors name the entry, the member and the value.
  [[nodiscard]] static Result<RemotePrices> parse(std::string_view text, const std::string& name);
  /// The same from a file of at most 4 MiB.
  [[nodiscard]] static Result<RemotePrices> load(const std::string& path);

  /// Null where the model has no entry.
  [[nodiscard]] const RemotePrice* find(std::string_view model) const;
  [[nodiscard]] const std::vector<RemotePrice>& all() const { return prices_; }

 private:
  std::vector<RemotePrice> prices_;
};

/// Money and energy of a remote answer; the energy is absent where the price table says nothing of it.
struct RemoteCosts {
  Cost cost;
  std::optional<Energy> energy;
};
[[nodiscard]] RemoteCosts remote_costs(const RemotePrice& price, int64_t prompt_tokens, int64_t answer_tokens);

}  // namespace sobre
