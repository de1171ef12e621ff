#include "meter/impact.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/file.h"
#include "base/json.h"
#include "base/random.h"

namespace sobre {
namespace {

Json schema() {
  const auto text = read_file(SOBRE_SOURCE_DIR "/docs/impact.schema.json", 1 << 20);
  EXPECT_TRUE(text.has_value());
  return Json::parse(*text).value();
}

bool has_type(const Json& value, const std::string& type) {
  if (type == "null") return value.is_null();
  if (type == "boolean") return value.is_bool();
  if (type == "integer") return value.is_integer();
  if (type == "number") return value.is_number();
  if (type == "string") return value.is_string();
  if (type == "array") return value.is_array();
  return type == "object" && value.is_object();
}

std::string check(const Json& value, const Json& rule, const Json& root);

std::string check_object(const Json& value, const Json& rule, const Json& root) {
  if (const Json* required = rule.find("required")) {
    for (const Json& name : *required->as_array()) {
      if (value.find(*name.as_string()) == nullptr) return *name.as_string() + " is missing";
    }
  }
  const Json* properties = rule.find("properties");
  for (const auto& [key, member] : *value.as_object()) {
    const Json* inner = properties == nullptr ? nullptr : properties->find(key);
    if (inner == nullptr) return key + " is not described";
    if (const std::string wrong = check(member, *inner, root); !wrong.empty()) return key + ": " + wrong;
  }
  return "";
}

// What the schema of this test uses of JSON Schema, no more: an unknown keyword is an error.
std::string check(const Json& value, const Json& rule, const Json& root) {
  for (const auto& [keyword, wanted] : *rule.as_object()) {
    if (keyword == "$ref") {
      if (const std::string wrong = check(value, *root.find("$defs")->find("interval"), root); !wrong.empty()) return wrong;
    } else if (keyword == "type") {
      const Json::Array types = wanted.is_array() ? *wanted.as_array() : Json::Array{wanted};
      if (std::none_of(types.begin(), types.end(), [&](const Json& t) { return has_type(value, *t.as_string()); }))
        return "has the wrong type: " + value.dump();
    } else if (keyword == "anyOf") {
      const Json::Array& branches = *wanted.as_array();
      if (std::none_of(branches.begin(), branches.end(), [&](const Json& b) { return check(value, b, root).empty(); }))
        return "fits no branch: " + value.dump();
    } else if (keyword == "enum") {
      const Json::Array& values = *wanted.as_array();
      if (std::find(values.begin(), values.end(), value) == values.end()) return "is none of the values: " + value.dump();
    } else if (keyword == "minimum") {
      if (value.is_number() && *value.as_double() < *wanted.as_double()) return "is too small: " + value.dump();
    } else if (keyword == "items") {
      for (const Json& item : *value.as_array()) {
        if (const std::string wrong = check(item, wanted, root); !wrong.empty()) return wrong;
      }
    } else if (keyword == "required" && value.is_object()) {
      if (const std::string wrong = check_object(value, rule, root); !wrong.empty()) return wrong;
    } else if (keyword != "description" && keyword != "properties" && keyword != "additionalProperties" &&
               keyword != "pattern" && keyword != "minLength" && keyword != "uniqueItems" && keyword != "required" &&
               !keyword.starts_with("$") && keyword != "title") {
      return "the test does not know the keyword " + keyword;
    }
  }
  return "";
}

Impact some_impact() {
  RequestEnergy request;
  request.energy = {420'000, 400'000, 440'001};
  request.marginal_uj = 123'456;
  request.machine_s = 0.5;
  request.in_flight_s = 2;
  request.faults.add(MeterFault::kSharedHost);
  request.faults.add(MeterFault::kJump);
  CostModel model;
  model.tariff_per_kwh = 0.2;
  model.currency = "EUR";
  model.grid = GridTable().find("FR").value();
  model.embodied_kg = 200;
  model.embodied_lifetime_years = 5;
  const EnergyMethod method{"rapl-package", "processor packages", 0.95, 1.05, false};
  return impact_of(request, method, model, ImpactTimes::from_seconds(0.0015, 0.25, 1.2345678, 1.5), 123'456'789);
}

std::string json_of(const Impact& impact) {
  std::string out;
  append_impact(out, impact);
  return out;
}

TEST(Impact, ItsJson) {
  EXPECT_EQ(
      json_of(some_impact()),
      "{\"energy_j\": {\"value\": 0.420000, \"low\": 0.400000, \"high\": 0.440001}, \"method\": \"rapl-package\", "
      "\"boundary\": \"processor packages\", \"marginal_energy_j\": 0.123456, \"carbon_g\": {\"operational\": "
      "{\"value\": 0.000006538, \"low\": 0.000006227, \"high\": 0.000006849}, \"embodied\": 0.000633762}, \"grid\": {\"zone\": "
      "\"FR\", \"g_per_kwh\": 56.039, \"year\": 2023, \"source\": \"Our World in Data / Ember, CC BY 4.0\"}, "
      "\"cost\": {\"amount\": 0.000000023, \"marginal\": 0.000000007, \"currency\": \"EUR\", \"includes\": [\"energy\"]}, "
      "\"time_ms\": {\"queue\": 1.5, \"prefill\": 250, \"decode\": 1234.568, \"total\": 1500}, "
      "\"peak_memory_bytes\": 123456789, \"concurrency_mean\": 4, \"faults\": [\"counter_jump\", \"shared_host\"], "
      "\"estimate\": false}");
}

TEST(Impact, FitsTheSchema) {
  const Json root = schema();
  RemotePrice price{"big", 1, 2, "USD", "2026-03-01", "page", RemoteTokenEnergy{1, 0.5, 2, "a paper"}};
  Impact bare;
  bare.method = "estimate-cores";
  bare.energy = Energy{};
  bare.marginal_uj = 0;
  const ImpactTimes times = ImpactTimes::from_seconds(0, 0, -1, std::nan(""));
  for (const Impact& impact :
       {some_impact(), bare, remote_impact(&price, 10, 20, times), remote_impact(nullptr, 10, 20, times)}) {
    const auto json = Json::parse(json_of(impact));
    ASSERT_TRUE(json.has_value()) << json.error().message;
    EXPECT_EQ(check(*json, root, root), "");
  }
  // The check itself: a member too many, one too few, a wrong type, a wrong name.
  for (const auto& [key, value] : std::vector<std::pair<std::string, Json>>{
           {"water", 1}, {"estimate", "no"}, {"concurrency_mean", 0.5}, {"faults", Json::Array{"bad"}}, {"grid", 5}}) {
    Json changed = Json::parse(json_of(some_impact())).value();
    changed.set(key, value);
    EXPECT_NE(check(changed, root, root), "") << key;
  }
  Json fewer = Json::parse(json_of(some_impact())).value();
  fewer.as_object()->erase(fewer.as_object()->begin());
  EXPECT_EQ(check(fewer, root, root), "energy_j is missing");
}

TEST(Impact, WholeMicrojoulesSurviveTheWayThroughJson) {
  for (uint64_t i = 0; i < 2000; ++i) {
    // Up to 2^50 uJ: a double holds all of its decimals.
    const auto uj = static_cast<int64_t>(std::exp2(50 * random_unit(1, 0, i)));
    std::string text;
    append_millionths(text, uj);
    const auto json = Json::parse(text);
    ASSERT_TRUE(json.has_value());
    EXPECT_EQ(std::llround(*json->as_double() * 1e6), uj) << text;
  }
  std::string least;
  append_millionths(least, INT64_MIN);
  EXPECT_EQ(least, "-9223372036854.775808");
  least.clear();
  append_millionths(least, -1);
  EXPECT_EQ(least, "-0.000001");
}

TEST(Impact, RemoteEnergyIsModelledOrUnknown) {
  RemotePrice price{"big", 1, 2, "USD", "2026-03-01", "page", std::nullopt};
  const Impact unknown = remote_impact(&price, 10, 20, {});
  EXPECT_EQ(unknown.method, "unknown");
  EXPECT_FALSE(unknown.energy || unknown.marginal_uj || unknown.operational);
  EXPECT_EQ(unknown.cost->amount_nano, 50'000);
  price.energy = RemoteTokenEnergy{1, 0.5, 2, "a paper"};
  const Impact modelled = remote_impact(&price, 10, 20, {});
  EXPECT_EQ(modelled.method, "remote-modelled");
  EXPECT_EQ(modelled.energy, (Energy{20'000'000, 10'000'000, 40'000'000}));
  EXPECT_TRUE(modelled.estimate);
}

TEST(Impact, FiguresForPeople) {
  EXPECT_EQ(show_energy({420'000, 400'000, 440'000}), "0.42 J");
  EXPECT_EQ(show_energy({420'000, 130'000, 1'300'000}), "0.4 J (0.1 to 1.3)");
  EXPECT_EQ(show_energy({420'000, 42'000, 1'300'000}), "0.4 J (0.04 to 1.3)");
  EXPECT_EQ(show_energy({0, 0, 0}), "0 uJ");
  EXPECT_EQ(show_energy({1'234, 1'230, 1'238}), "1.234 mJ");
  EXPECT_EQ(show_energy({12'345'678, 12'345'678, 12'345'678}), "12.35 J");
  EXPECT_EQ(show_energy({7'200'000'000, 6'800'000'000, 7'600'000'000}), "2.0 Wh");
  EXPECT_EQ(show_energy({36'000'000'000'000, 10'000'000'000'000, 100'000'000'000'000}), "10 kWh (3 to 30)");
  EXPECT_EQ(show_energy({987'654'321, 300'000'000, 3'000'000'000}), "1000 J (300 to 3000)");
  EXPECT_EQ(show_energy({0, 0, 500'000}), "0.0 J (0.0 to 0.5)");
  EXPECT_EQ(show_carbon({3'810'000, 3'500'000, 4'100'000}), "3.8 mg");
  EXPECT_EQ(show_carbon({3'810'000, 1'000'000, 9'000'000}), "4 mg (1 to 9)");
  EXPECT_EQ(show_money(1'234'000, "EUR"), "0.0012 EUR");
  EXPECT_EQ(show_money(0, "EUR"), "0.00 EUR");
  EXPECT_EQ(show_money(12'345'678'000, "EUR"), "12.35 EUR");
  EXPECT_EQ(show_money(3'140, "EUR"), "0.0000031 EUR");
}

}  // namespace
}  // namespace sobre
