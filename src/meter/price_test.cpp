#include "meter/price.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "meter/grid.h"

namespace sobre {
namespace {

std::string grid_error(const std::string& text) {
  const auto table = GridTable::parse(text, "f");
  return table ? "" : table.error().message;
}

TEST(Grid, ShippedFigures) {
  const GridTable table;
  // The eight figures of 2023 that the project's facts page quotes, in grams.
  const std::pair<const char*, int> known[] = {{"FR", 56},  {"SE", 41},  {"GB", 238}, {"US", 369},
                                               {"DE", 381}, {"CN", 582}, {"PL", 662}, {"IN", 713}};
  for (const auto& [zone, grams] : known) {
    const auto entry = table.find(zone);
    ASSERT_TRUE(entry.has_value());
    EXPECT_EQ((entry->mg_per_kwh + 500) / 1000, grams) << zone;
    EXPECT_EQ(entry->year, 2023);
    EXPECT_NE(entry->source.find("CC BY 4.0"), std::string::npos);
  }
  EXPECT_EQ(table.find("world")->mg_per_kwh, 475'000);
  EXPECT_EQ(*table.find("fra"), *table.find("FR"));
  const auto all = shipped_grids();
  EXPECT_GT(all.size(), 150u);
  std::set<std::string> zones;
  for (const GridEntry& e : all) {
    EXPECT_TRUE(zones.insert(e.zone).second) << e.zone;
    EXPECT_GT(e.mg_per_kwh, 0) << e.zone;
    EXPECT_LT(e.mg_per_kwh, 1'400'000) << e.zone;
    EXPECT_GE(e.year, 2009) << e.zone;
  }
  EXPECT_NE(table.find("XX").error().message.find("grid zone \"XX\" is not in the table"), std::string::npos);
}

TEST(Grid, AFileOfTheUserGoesFirst) {
  for (const char* text :
       {"zone,g_per_kwh,year,source\r\nFR,21.5,2025,\"RTE, eCO2mix\"\r\nroof,0,2025,\"our \"\"roof\"\"\"\r\n",
        "source,year,zone,g_per_kwh\n\"RTE, eCO2mix\",2025,FR,2.15e1\n\n\"our \"\"roof\"\"\",2025,roof,0",
        "[{\"zone\": \"FR\", \"g_per_kwh\": 21.5, \"year\": 2025, \"source\": \"RTE, eCO2mix\"},\n"
        " {\"zone\": \"roof\", \"g_per_kwh\": 0, \"year\": 2025, \"source\": \"our \\\"roof\\\"\"}]"}) {
    const auto table = GridTable::parse(text, "f");
    ASSERT_TRUE(table.has_value()) << table.error().message;
    EXPECT_EQ(*table->find("fr"), (GridEntry{"FR", 21'500, 2025, "RTE, eCO2mix"}));
    EXPECT_EQ(*table->find("ROOF"), (GridEntry{"roof", 0, 2025, "our \"roof\""}));
    EXPECT_EQ(table->find("DE")->mg_per_kwh, 380'950);
  }
}

TEST(Grid, AFileOfTheUserGoesFirstByEitherCode) {
  const auto table = GridTable::parse("zone,g_per_kwh,year,source\nFR,21.5,2025,s\nDEU,300,2025,s\n", "f");
  ASSERT_TRUE(table.has_value()) << table.error().message;
  EXPECT_EQ(table->find("FRA")->mg_per_kwh, 21'500);
  EXPECT_EQ(table->find("de")->mg_per_kwh, 300'000);
}

TEST(Grid, ErrorsNameTheLineAndTheValue) {
  const std::string head = "zone,g_per_kwh,year,source\n";
  EXPECT_EQ(grid_error(head + "FR,1,2020,s\nDE,many,2020,s\n"), "f:3: g_per_kwh \"many\" is no number");
  EXPECT_EQ(grid_error(head + "FR,-1,2020,s\n"), "f:2: g_per_kwh -1 must be a number from 0 to 5000");
  EXPECT_EQ(grid_error(head + "FR,1,2020.5,s\n"), "f:2: year 2020.5 must be a whole number from 1990 to 2100");
  EXPECT_EQ(grid_error(head + "FR,1,2020\n"), "f:2: 3 fields, 4 are expected (zone, g_per_kwh, year, source)");
  EXPECT_EQ(grid_error(head + "FR,1,2020,\"a\nb\"\nDE,nan,2020,s"),
            "f:2: source \"a?b\" must be text of 1 to 300 bytes on one line");
  EXPECT_NE(grid_error(head + "FR,1,2020,\"a").find("f:2: the quoted field \"a\" does not end"), std::string::npos);
  EXPECT_NE(grid_error("a,b\n").find("f:1: the first line must name the columns"), std::string::npos);
  EXPECT_NE(grid_error("").find("the file is empty"), std::string::npos);
  EXPECT_NE(grid_error(head + "FR,1,2020,s\nfr,2,2020,s\n").find("the zone \"FR\" has two entries"), std::string::npos);
  const std::string entry = "{\"zone\": \"FR\", \"g_per_kwh\": 1, \"year\": 2020, \"source\": \"s,{[\"}";
  EXPECT_EQ(grid_error("[\n" + entry + ",\n\n{\"zone\": \"DE\", \"g_per_kwh\": \"x\", \"year\": 2020, \"source\": \"s\"}]"),
            "f:4: \"g_per_kwh\" is \"x\"; it must be a number from 0 to 5000");
  EXPECT_EQ(grid_error("[" + entry + ", 7]"), "f:1: an object is expected, here is 7");
  EXPECT_NE(grid_error("[{\"zon\": 1}]").find("f:1: \"zon\" is no member; those are zone, g_per_kwh"), std::string::npos);
  EXPECT_NE(grid_error("{}").find("a JSON array"), std::string::npos);
  EXPECT_NE(grid_error("[").find("f: JSON error at byte"), std::string::npos);
}

CostModel full_model() {
  CostModel model;
  model.tariff_per_kwh = 0.25;
  model.currency = "EUR";
  model.hardware_price = 1200;
  model.hardware_lifetime_years = 4;
  model.embodied_kg = 300;
  model.embodied_lifetime_years = 4;
  model.grid = GridTable().find("DE").value();
  return model;
}

RequestEnergy some_request() {
  RequestEnergy request;
  request.energy = {36'000'000, 30'000'000, 45'000'000};  // 36 J = 1e-5 kWh
  request.marginal_uj = 18'000'000;
  request.machine_s = 2;
  request.in_flight_s = 5;
  return request;
}

TEST(Price, CostsByTheFormulas) {
  const Costs costs = costs_of(some_request(), full_model());
  // 1e-5 kWh x 380.95 g/kWh = 3.8095 mg.
  EXPECT_EQ(costs.operational, (Emissions{3'809'500, 3'174'583, 4'761'875}));
  // 300 kg x 2 s / (4 x 365.25 x 86400 s) = 4.7532 mg.
  EXPECT_EQ(costs.embodied_ng, 4'753'213);
  // 1e-5 kWh x 0.25 = 2,500 billionths; 1200 x 2 s / 4 years = 19,013 billionths.
  EXPECT_EQ(costs.cost->amount_nano, 21'513);
  EXPECT_EQ(costs.cost->marginal_nano, 1'250);
  EXPECT_EQ(costs.cost->includes, (std::vector<std::string>{"energy", "hardware"}));
  EXPECT_EQ(costs.cost->currency, "EUR");

  CostModel with_pue = full_model();
  with_pue.pue = 2;
  EXPECT_EQ(costs_of(some_request(), with_pue).operational, (Emissions{7'619'000, 6'349'167, 9'523'750}));
  EXPECT_EQ(costs_of(some_request(), with_pue).cost->amount_nano, 24'013);
  EXPECT_EQ(costs_of(some_request(), with_pue).cost->includes, (std::vector<std::string>{"energy", "pue", "hardware"}));
}

TEST(Price, WhatIsNotDeclaredIsAbsent) {
  const Costs none = costs_of(some_request(), CostModel{});
  EXPECT_FALSE(none.operational || none.embodied_ng || none.cost);
  CostModel free;
  free.tariff_per_kwh = 0;
  free.currency = "EUR";
  EXPECT_EQ(costs_of(some_request(), free).cost->amount_nano, 0);
}

TEST(Price, DeclarationsAreChecked) {
  const auto error = [](auto&& change) {
    CostModel model = full_model();
    change(model);
    const auto checked = check_cost_model(model);
    return checked ? "" : checked.error().message;
  };
  EXPECT_EQ(error([](CostModel&) {}), "");
  EXPECT_EQ(error([](CostModel& m) { m.tariff_per_kwh = -1; }), "tariff_per_kwh is -1; it must be from 0 to 1000");
  EXPECT_EQ(error([](CostModel& m) { m.tariff_per_kwh = std::nan(""); }), "tariff_per_kwh is nan; it must be from 0 to 1000");
  EXPECT_EQ(error([](CostModel& m) { m.pue = 0.9; }), "pue is 0.9; it must be from 1 to 10");
  EXPECT_EQ(error([](CostModel& m) { m.hardware_lifetime_years.reset(); }),
            "hardware_price is declared without hardware_lifetime_years; declare both or neither");
  EXPECT_EQ(error([](CostModel& m) { m.embodied_kg.reset(); }),
            "embodied_lifetime_years is declared without embodied_kg; declare both or neither");
  EXPECT_NE(error([](CostModel& m) { m.tariff_per_kwh.reset(); }).find("hardware_price is declared without tariff"),
            std::string::npos);
  EXPECT_NE(error([](CostModel& m) { m.currency = "euro"; }).find("currency is \"euro\""), std::string::npos);
}

TEST(Price, SciOfAnAcceptedAnswer) {
  const auto sums = sci("tickets", {9000, 6000, 18'000}, 600, 3);
  ASSERT_TRUE(sums.has_value());
  EXPECT_EQ(sums->functional_unit, "one accepted answer of task tickets");
  EXPECT_EQ(sums->operational, (Emissions{3000, 2000, 6000}));
  EXPECT_EQ(sums->embodied_ng, 200);
  EXPECT_EQ(sums->per_unit, (Emissions{3200, 2200, 6200}));
  EXPECT_NE(sci("tickets", {}, 0, 0).error().message.find("0 accepted answers"), std::string::npos);
}

TEST(Price, RemoteModels) {
  const std::string table = R"({"models": [
    {"model": "big", "input_per_million": 2, "output_per_million": 6.5, "currency": "USD", "entered": "2026-03-01", "source": "page",
     "energy_j_per_token": {"value": 1, "low": 0.5, "high": 4, "source": "a paper"}},
    {"model": "dark", "input_per_million": 0, "output_per_million": 1, "currency": "EUR", "entered": "2026-03-01", "source": "mail",
     "energy_j_per_token": null}]})";
  const auto prices = RemotePrices::parse(table, "p");
  ASSERT_TRUE(prices.has_value()) << prices.error().message;
  const RemoteCosts big = remote_costs(*prices->find("big"), 1000, 200);
  EXPECT_EQ(big.cost.amount_nano, 2'000'000 + 1'300'000);
  EXPECT_EQ(big.cost.includes, std::vector<std::string>{"remote"});
  EXPECT_EQ(big.energy, (Energy{200'000'000, 100'000'000, 800'000'000}));
  EXPECT_FALSE(remote_costs(*prices->find("dark"), 1000, 200).energy.has_value());
  EXPECT_EQ(prices->find("none"), nullptr);

  const auto error = [&](const std::string& from, const std::string& to) {
    std::string changed = table;
    const size_t at = changed.find(from);
    EXPECT_NE(at, std::string::npos);
    changed.replace(at, from.size(), to);
    const auto parsed = RemotePrices::parse(changed, "p");
    return parsed ? "" : parsed.error().message;
  };
  EXPECT_EQ(error("\"USD\"", "\"usd\""), "p:2: \"currency\" is \"usd\"; it must be an ISO 4217 code such as \"EUR\"");
  EXPECT_EQ(error("\"low\": 0.5", "\"low\": 2"), "p:2: energy_j_per_token: \"low\" is 2; it must be a number from 0 to 1");
  EXPECT_EQ(error("2026-03-01\", \"source\": \"mail", "2026-02-30\", \"source\": \"mail"),
            "p:4: \"entered\" is \"2026-02-30\"; it must be a date such as \"2026-03-09\"");
  EXPECT_EQ(error("\"dark\"", "\"big\""), "p: the model \"big\" has two prices; leave the right one");
  EXPECT_NE(error("\"output_per_million\": 1,", "").find("p:4: \"output_per_million\" is missing"), std::string::npos);
}

}  // namespace
}  // namespace sobre
