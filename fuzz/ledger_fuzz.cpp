// Arbitrary text as a file of grid intensities and as a price table: a table or one clear line of error. And a ledger with some
// bytes changed: verify and a reader say what they see, and never crash. The first byte chooses; for a ledger, what follows is
// (offset in 3 bytes, new value in 1 byte) repeated.
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

#include "meter/grid.h"
#include "meter/ledger.h"
#include "meter/ledger_reader.h"
#include "meter/price.h"

namespace {

using namespace sobre;

void require(bool condition) {
  if (!condition) std::abort();
}

void check_message(const Error& error) { require(!error.message.empty() && error.message.find('\n') == std::string::npos); }

void read_grid(std::string_view text) {
  const auto table = GridTable::parse(text, "grid");
  if (!table) return check_message(table.error());
  for (const GridEntry& e : table->own()) {
    require(e.mg_per_kwh >= 0 && e.mg_per_kwh <= kMaxGridMgPerKwh && !e.zone.empty() && !e.source.empty());
    require(table->find(e.zone).has_value());
  }
}

void read_prices(std::string_view text) {
  const auto prices = RemotePrices::parse(text, "prices");
  if (!prices) return check_message(prices.error());
  for (const RemotePrice& p : prices->all()) {
    require(prices->find(p.model) == &p);
    const RemoteCosts costs = remote_costs(p, 1'000'000, 1'000'000);
    require(costs.cost.amount_nano >= 0);
    if (costs.energy)
      require(costs.energy->low_uj <= costs.energy->value_uj && costs.energy->value_uj <= costs.energy->high_uj);
  }
}

// A small ledger, made once; its folder is removed at the end of the process.
struct Sample {
  std::filesystem::path folder;
  std::string bytes;

  Sample() {
    std::string pattern = (std::filesystem::temp_directory_path() / "sobre-fuzz-XXXXXX").string();
    require(mkdtemp(pattern.data()) != nullptr);
    folder = pattern;
    const std::string path = folder / "made.db";
    {
      auto ledger = Ledger::open({.path = path});
      require(ledger.has_value());
      for (int i = 0; i < 12; ++i) {
        LedgerRow row;
        row.time_us = 1'772'000'000'000'000 + int64_t{i} * 20'000'000'000;
        row.request = "r" + std::to_string(i);
        row.energy_uj = 1000 + i;
        row.answer = std::string(static_cast<size_t>(i) * 500, 'a');
        (*ledger)->append(std::move(row));
      }
    }
    require(prune_ledger(path, 20'510).has_value());
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    bytes = text.str();
  }
  ~Sample() {
    std::error_code error;
    std::filesystem::remove_all(folder, error);
  }
};

void read_ledger(std::string_view changes) {
  static const Sample kSample;
  constexpr size_t kMostChanges = 64;
  std::string bytes = kSample.bytes;
  for (size_t n = 0; changes.size() >= 4 && n < kMostChanges; ++n, changes.remove_prefix(4)) {
    const auto byte = [&](size_t i) { return static_cast<size_t>(static_cast<unsigned char>(changes[i])); };
    bytes[(byte(0) << 16 | byte(1) << 8 | byte(2)) % bytes.size()] = changes[3];
  }
  const std::string path = kSample.folder / "changed.db";
  for (const char* end : {"-wal", "-shm"}) std::filesystem::remove(path + end);
  std::ofstream(path, std::ios::binary) << bytes;
  const auto verdict = verify_ledger(path);
  if (!verdict) check_message(verdict.error());
  auto reader = LedgerReader::open(path);
  if (!reader) return check_message(reader.error());
  std::string out;
  (void)reader->rows({}, [&](const StoredRow& row) -> Result<void> {
    append_csv(out, row);
    append_jsonl(out, row);
    return {};
  });
  (void)reader->sum(SumBy::kModel, std::nullopt, std::nullopt);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 3) {
    case 0:
      read_grid(text);
      break;
    case 1:
      read_prices(text);
      break;
    default:
      read_ledger(text);
  }
  return 0;
}
