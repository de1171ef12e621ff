#include "cli/ledger.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "cli/command_testing.h"
#include "meter/ledger.h"

namespace sobre {
namespace {

// Three days of rows.
std::string make_ledger(const TemporaryFolder& folder) {
  const std::string path = folder / "ledger.db";
  auto ledger = Ledger::open({.path = path});
  EXPECT_TRUE(ledger.has_value());
  for (int64_t i = 0; i < 6; ++i) {
    LedgerRow row;
    row.time_us = 1'772'000'000'000'000 + i / 2 * 86'400'000'000;  // from 2026-02-25
    row.request = "chatcmpl-" + std::to_string(i);
    row.model = i % 2 == 0 ? "smollm2" : "two\nlines";
    row.task = "tickets";
    row.prompt_tokens = 1000;
    row.answer_tokens = 100 + i;
    row.energy_uj = 4'200'000;
    row.energy_low_uj = 1'300'000;
    row.energy_high_uj = 13'000'000;
    row.marginal_uj = 2'000'000;
    row.method = "estimate-tdp";
    row.cost_nano = 1'234'000;
    row.marginal_cost_nano = 1'000'000;
    row.currency = "EUR";
    (*ledger)->append(row);
  }
  EXPECT_TRUE((*ledger)->flush(std::chrono::seconds(60)));
  return path;
}

Outcome run_ledger(const std::string& part, const std::string& path, std::vector<std::string> args = {}) {
  args.insert(args.begin(), {"ledger", part, "--file", path});
  return run_sobre(args);
}

TEST(LedgerCommand, Verify) {
  const TemporaryFolder folder;
  const std::string path = make_ledger(folder);
  const Outcome good = run_ledger("verify", path);
  EXPECT_EQ(good.status, 0) << good.err;
  EXPECT_TRUE(good.out.starts_with(path + ": 6 rows (1 to 6), in order\nhash of row 6: ")) << good.out;
  std::string bytes = read_text(path);
  bytes[bytes.find("chatcmpl-3")] = 'C';
  write_text(path, bytes);
  const Outcome bad = run_ledger("verify", path);
  EXPECT_EQ(bad.status, 1);
  EXPECT_TRUE(bad.out.starts_with("row 4 was changed: its hash does not fit (request \"Chatcmpl-3\", ")) << bad.out;
  EXPECT_EQ(bad.err, "sobre: " + path + ": 1 fault was found\n");
  const Outcome json = run_ledger("verify", path, {"--json"});
  EXPECT_EQ(json.status, 1);
  EXPECT_NE(json.out.find("\"good\": false, \"rows\": 6"), std::string::npos) << json.out;
}

TEST(LedgerCommand, SumAndShow) {
  const TemporaryFolder folder;
  const std::string path = make_ledger(folder);
  const Outcome days = run_ledger("sum", path);
  EXPECT_TRUE(days.out.starts_with(
      "day         requests  prompt  answer         energy       marginal  CO2e  embodied        cost    marginal  unknown     "
      "   method\n"
      "2026-02-25         2   2,000     201  8 J (3 to 26)  4 J (1 to 12)     -         -  0.0025 EUR  0.0020 EUR        -  "
      "estimate-tdp\n"
      "2026-02-26 "))
      << days.out;
  const Outcome some = run_ledger("sum", path, {"--by", "model", "--from", "2026-02-26", "--to", "2026-02-26"});
  EXPECT_NE(some.out.find("\nsmollm2"), std::string::npos) << some.out;
  EXPECT_NE(some.out.find("\ntwo lines"), std::string::npos) << some.out;
  const Outcome json = run_ledger("sum", path, {"--by", "task", "--json"});
  EXPECT_TRUE(json.out.starts_with("{\"task\": \"tickets\", \"requests\": 6, ")) << json.out;
  EXPECT_NE(json.out.find("\"energy_uj\": 25200000"), std::string::npos) << json.out;

  const Outcome last = run_ledger("show", path, {"--last", "2"});
  EXPECT_EQ(std::count(last.out.begin(), last.out.end(), '\n'), 3) << last.out;
  EXPECT_NE(last.out.find("\n5    2026-02-27T06:13:20  chatcmpl-4"), std::string::npos) << last.out;
  const Outcome one = run_ledger("show", path, {"--id", "chatcmpl-1", "--json"});
  EXPECT_TRUE(one.out.starts_with("{\"seq\": 2, \"time\": \"2026-02-25T06:13:20.000000Z\"")) << one.out;
}

TEST(LedgerCommand, ExportAndPrune) {
  const TemporaryFolder folder;
  const std::string path = make_ledger(folder);
  const Outcome csv = run_ledger("export", path, {"--format", "csv"});
  EXPECT_TRUE(csv.out.starts_with("seq,time,time_us,request,")) << csv.out;
  EXPECT_EQ(run_ledger("export", path, {"--format", "csv", "--out", folder / "rows.csv"}).out, "");
  EXPECT_EQ(read_text(folder / "rows.csv"), csv.out);
  const Outcome lines = run_ledger("export", path, {"--format", "jsonl", "--to", "2026-02-25"});
  EXPECT_EQ(std::count(lines.out.begin(), lines.out.end(), '\n'), 2);
  const Outcome pruned = run_ledger("prune", path, {"--before", "2026-02-27"});
  EXPECT_EQ(pruned.out, path + ": 4 rows before 2026-02-27 were removed; their sums are kept\n");
  EXPECT_TRUE(run_ledger("verify", path).out.starts_with(path + ": 2 rows (5 to 6), in order\n4 rows were pruned"));
  EXPECT_NE(run_ledger("sum", path).out.find("2026-02-25"), std::string::npos);
}

TEST(LedgerCommand, WrongUse) {
  const TemporaryFolder folder;
  const std::string path = make_ledger(folder);
  expect_failure({"ledger"}, 2, "subcommand");
  expect_failure({"ledger", "sum", "--by", "week"}, 2, "--by: 'week' is none of day, model, key, task");
  expect_failure({"ledger", "sum", "--from", "2026-02-30"}, 2, "--from: '2026-02-30' is no date like 2026-03-09");
  expect_failure({"ledger", "show", "--last", "0"}, 2, "--last: '0' is no whole number from 1 to 1000000");
  expect_failure({"ledger", "export", "--format", "xml"}, 2, "--format: 'xml' is none of csv, jsonl");
  expect_failure({"ledger", "prune"}, 2, "--before is required");
  expect_failure({"ledger", "show", "--file", path, "--id", "nobody"}, 1, "no row of the request \"nobody\"");
  expect_failure({"ledger", "verify", "--file", folder / "none.db"}, 1, "none.db: there is no ledger");
  write_text(folder / "text.db", std::string(3000, 'x'));
  expect_failure({"ledger", "verify", "--file", folder / "text.db"}, 1, "text.db: file is not a database");
}

TEST(ServeLedger, OneThatIsRequiredCannotBeTurnedOff) {
  const TemporaryFolder folder;
  for (const std::string part : {"meter", "ledger"}) {
    const std::string text = part == "meter" ? "[meter]\nenabled = false\n[ledger]\nrequired = true\n"
                                             : "[ledger]\nenabled = false\nrequired = true\n";
    write_text(folder / "sobre.toml", text);
    expect_failure({"serve", "--config", folder / "sobre.toml"}, 1, "which [" + part + "] enabled = false turns off");
  }
}

}  // namespace
}  // namespace sobre
