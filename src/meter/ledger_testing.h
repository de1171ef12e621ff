// Helpers of the ledger's tests: folders, rows made from a seed, whole files read back.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "base/random.h"
#include "meter/ledger.h"
#include "meter/ledger_reader.h"

namespace sobre {

/// A folder that is removed at the end of the test.
class LedgerFolder {
 public:
  LedgerFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "sobre-ledger-XXXXXX").string();
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    path_ = pattern;
  }
  ~LedgerFolder() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  LedgerFolder(const LedgerFolder&) = delete;
  LedgerFolder& operator=(const LedgerFolder&) = delete;
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

inline constexpr int64_t kTestStart = 1'772'000'000'000'000;  // 2026-02-25T06:13:20Z

/// The row `i` of a seed: its request is "req-SEED-i", its time some minutes after the row before.
inline LedgerRow random_ledger_row(uint64_t seed, int64_t i) {
  const auto pick = [&](uint32_t stream, int64_t n) {
    return static_cast<int64_t>(random_unit(seed, stream, static_cast<uint64_t>(i)) * static_cast<double>(n));
  };
  LedgerRow row;
  row.time_us = kTestStart + i * 300'000'000 + pick(0, 1000);
  row.request = "req-" + std::to_string(seed) + "-" + std::to_string(i);
  row.kind = pick(1, 20) == 0 ? "load" : "answer";
  row.status = pick(2, 10) == 0 ? "cancelled" : pick(2, 20) == 1 ? "failed" : "done";
  row.key = std::string("key-") + static_cast<char>('a' + pick(3, 3));
  row.model = pick(4, 2) == 0 ? "smollm2" : "ministral \"3b\", q4";
  row.model_digest = "sha256:" + std::to_string(pick(5, 1 << 30));
  row.task = pick(6, 3) == 0 ? "" : "tickets";
  if (pick(7, 2) == 0) row.route = R"({"reason": "first rung"})";
  if (pick(8, 2) == 0) row.seed = ~static_cast<uint64_t>(pick(9, 1 << 30));
  row.prompt_tokens = pick(10, 2000);
  row.cached_tokens = pick(11, 100);
  row.answer_tokens = pick(12, 500);
  row.total_us = pick(13, 1 << 25);
  if (pick(14, 10) != 0) {
    row.energy_uj = 1'000'000 + pick(15, 1 << 30);
    row.energy_low_uj = *row.energy_uj / 2;
    row.energy_high_uj = *row.energy_uj * 2;
    row.marginal_uj = *row.energy_uj / 3;
    row.carbon_ng = pick(16, 100'000);
    row.carbon_low_ng = *row.carbon_ng / 2;
    row.carbon_high_ng = *row.carbon_ng * 2;
    row.embodied_ng = pick(17, 1000);
    row.method = pick(18, 2) == 0 ? "estimate-tdp" : "rapl-package";
  } else {
    row.method = "unknown";
  }
  if (pick(19, 3) != 0) {
    row.cost_nano = pick(20, 5000);
    row.marginal_cost_nano = *row.cost_nano / 2;
    row.currency = pick(21, 4) == 0 ? "USD" : "EUR";
  }
  row.grid_zone = "FR";
  row.grid_mg_per_kwh = 56'039;
  row.faults = pick(22, 9) == 0 ? "shared_host,counter_jump" : "";
  row.peak_memory_bytes = 200'000'000 + pick(23, 1 << 20);
  row.concurrency_thousandths = 1000 + pick(24, 15'000);
  if (pick(25, 4) == 0) {
    row.prompt = "What is \"frugal\"?\r\nTell, in short.";
    row.answer = std::string(static_cast<size_t>(pick(26, 5000)), 'x') + " \xC3\xA9\xE2\x82\xAC";
  }
  return row;
}

inline LedgerOptions quick_options(const std::string& path) {
  LedgerOptions options;
  options.path = path;
  options.commit_every = std::chrono::milliseconds(5);
  options.retry_every = std::chrono::milliseconds(10);
  return options;
}

inline std::vector<LedgerRow> fill_ledger(const std::string& path, uint64_t seed, int64_t count) {
  std::vector<LedgerRow> rows;
  auto ledger = Ledger::open(quick_options(path));
  EXPECT_TRUE(ledger.has_value()) << ledger.error().message;
  if (!ledger) return rows;
  for (int64_t i = 0; i < count; ++i) {
    rows.push_back(random_ledger_row(seed, i));
    (*ledger)->append(rows.back());
  }
  EXPECT_TRUE((*ledger)->flush(std::chrono::seconds(60)));
  EXPECT_EQ((*ledger)->status().written, static_cast<uint64_t>(count));
  return rows;
}

inline std::vector<StoredRow> stored_rows(const std::string& path, const LedgerFilter& filter = {}) {
  std::vector<StoredRow> rows;
  auto reader = LedgerReader::open(path);
  EXPECT_TRUE(reader.has_value()) << reader.error().message;
  if (!reader) return rows;
  const auto read = reader->rows(filter, [&](const StoredRow& row) -> Result<void> {
    rows.push_back(row);
    return {};
  });
  EXPECT_TRUE(read.has_value()) << read.error().message;
  return rows;
}

/// Findings of verify, one a line; "error: ..." where it could not look.
inline std::string findings_of(const std::string& path) {
  const auto verdict = verify_ledger(path);
  if (!verdict) return "error: " + verdict.error().message;
  std::string out;
  for (const LedgerFinding& f : verdict->findings) out += f.text + "\n";
  return out;
}

inline std::string file_bytes(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

inline void put_bytes(const std::string& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

}  // namespace sobre
