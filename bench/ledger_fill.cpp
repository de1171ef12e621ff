// ledger_fill FILE ROWS: rows of made-up requests through the writer that the server's ledger uses, for bench/ledger_sum.
#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <cstring>
#include <vector>

#include "base/random.h"
#include "meter/ledger_row.h"
#include "meter/ledger_writer.h"

namespace {

using namespace sobre;

// Request `i` of a year: five models, twenty keys, eight tasks.
LedgerRow make_row(int64_t i, int64_t count) {
  constexpr int64_t kStart = 1'740'000'000'000'000, kYear = 365 * int64_t{86'400'000'000};
  const auto pick = [&](uint32_t stream, int64_t n) {
    return static_cast<int64_t>(random_unit(7, stream, static_cast<uint64_t>(i)) * static_cast<double>(n));
  };
  LedgerRow row;
  row.time_us = kStart + kYear / count * i;
  row.request = fmt::format("chatcmpl-{:024x}", i * 7919);
  row.key = fmt::format("team-{}", pick(0, 20));
  row.model = fmt::format("model-{}", pick(1, 5));
  row.model_digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
  row.task = fmt::format("task-{}", pick(2, 8));
  row.seed = static_cast<uint64_t>(i);
  row.sampling = R"({"temperature": 0.7, "top_p": 0.95})";
  row.prompt_tokens = pick(3, 2000);
  row.answer_tokens = pick(4, 500);
  row.total_us = pick(5, 20'000'000);
  row.energy_uj = pick(6, 100'000'000);
  row.energy_low_uj = *row.energy_uj * 9 / 10;
  row.energy_high_uj = *row.energy_uj * 11 / 10;
  row.marginal_uj = *row.energy_uj / 2;
  row.method = "rapl-package";
  row.carbon_ng = *row.energy_uj / 64'000;
  row.carbon_low_ng = row.carbon_high_ng = row.carbon_ng;
  row.embodied_ng = pick(7, 1000);
  row.cost_nano = pick(8, 100);
  row.marginal_cost_nano = *row.cost_nano / 2;
  row.currency = "EUR";
  row.grid_zone = "FR";
  row.grid_mg_per_kwh = 56'039;
  row.peak_memory_bytes = 2'000'000'000;
  return row;
}

int fill(const char* path, int64_t count) {
  constexpr int64_t kBatch = 4096;  // as LedgerOptions::max_batch_rows
  auto writer = LedgerWriter::open(path);
  if (!writer) {
    fmt::print(stderr, "ledger_fill: {}\n", writer.error().message);
    return 1;
  }
  std::vector<LedgerRow> rows;
  for (int64_t i = 0; i < count;) {
    rows.clear();
    for (; i < count && static_cast<int64_t>(rows.size()) < kBatch; ++i) rows.push_back(make_row(i, count));
    const LedgerWriter::Outcome outcome = writer->write(rows);
    if (!outcome.written) {
      fmt::print(stderr, "ledger_fill: {}\n", outcome.text);
      return 1;
    }
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  int64_t count = 0;
  if (argc == 3) (void)std::from_chars(argv[2], argv[2] + std::strlen(argv[2]), count);
  if (count < 1) {
    fmt::print(stderr, "usage: ledger_fill FILE ROWS\n");
    return 2;
  }
  return fill(argv[1], count);
}
