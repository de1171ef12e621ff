// The ledger: one row a request in an SQLite file (WAL mode), each with the hash of the row before it. This is its writer;
// reading, checking and pruning are in ledger_reader.h.
//
// Rows are taken by any thread and written behind the answers by one thread of the ledger, in a transaction at least every 200
// ms, together with the roll-up (sums by day, model, key, task, kind, method and currency). A process that is killed loses the
// rows of the last transaction at most; the file is whole at every moment. Several processes may write one file: each
// transaction continues the chain from the last row there is.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "meter/impact.h"

namespace sobre {

/// One request. Text is UTF-8 (what is not becomes U+FFFD) of at most kMaxLedgerText bytes a value; longer text is cut.
struct LedgerRow {
  int64_t time_us = 0;          // Unix time at its end
  std::string request;          // id, as in the response
  std::string kind = "answer";  // "answer", "load", "evaluate", "train"; "lost": the sums of rows that could not be written
  std::string status = "done";  // "done", "cancelled", "failed"
  std::string key;              // name of the API key; empty: none
  std::string model, model_digest;
  std::string task;                     // empty: none
  std::optional<std::string> route;     // JSON
  std::optional<uint64_t> seed;         // stored as the signed number of the same 64 bits
  std::optional<std::string> sampling;  // JSON
  int64_t prompt_tokens = 0, cached_tokens = 0, answer_tokens = 0;
  int64_t queue_us = 0, prefill_us = 0, decode_us = 0, total_us = 0;
  std::optional<int64_t> energy_uj, energy_low_uj, energy_high_uj, marginal_uj;
  std::string method;                                               // how the energy was found
  std::string faults;                                               // MeterFaults::names()
  std::optional<int64_t> carbon_ng, carbon_low_ng, carbon_high_ng;  // operational
  std::optional<int64_t> embodied_ng;
  std::optional<int64_t> cost_nano, marginal_cost_nano;  // of the unit of
  std::string currency;                                  // ISO 4217; empty: no cost
  std::string grid_zone;                                 // empty: none
  std::optional<int64_t> grid_mg_per_kwh;
  int64_t peak_memory_bytes = 0;
  int64_t concurrency_thousandths = 1000;
  std::optional<std::string> prompt, answer;  // only where keeping text is configured

  /// Takes over energy, carbon, money, times, memory and concurrency.
  void set_impact(const Impact& impact);
  friend bool operator==(const LedgerRow&, const LedgerRow&) = default;
};

inline constexpr size_t kMaxLedgerText = size_t{4} << 20;

struct LedgerOptions {
  std::string path;                             // folders on the way are made (mode 0700), the file has mode 0600
  bool required = false;                        // accepting() is false while rows cannot be written
  bool open_later = false;                      // a file that cannot be opened yet is an alarm, and tried again
  std::chrono::milliseconds commit_every{200};  // the longest a row waits for its transaction
  std::chrono::milliseconds retry_every{500};   // after a failed write
  size_t max_batch_rows = 4096;                 // rows of one transaction
  size_t max_waiting_rows = 100'000;            // beyond either limit new rows are lost (and counted)
  size_t max_waiting_bytes = size_t{64} << 20;
};

/// For /health and the metrics.
struct LedgerStatus {
  bool alarm = false;    // rows cannot be written now
  std::string text;      // why; one line
  int64_t since_us = 0;  // Unix time at which the alarm began
  uint64_t written = 0;  // rows in the file, by this object
  uint64_t waiting = 0;  // rows in memory
  uint64_t lost = 0;     // rows that will never be written, though their sums may be (see append)
};

class Ledger {
 public:
  /// Opens or makes the file and starts the writer. Errors: not a ledger (or of another version), a damaged first page; and,
  /// unless `open_later` is set, a folder or file that cannot be written.
  [[nodiscard]] static Result<std::unique_ptr<Ledger>> open(const LedgerOptions& options);
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;
  /// Writes what waits (one try where there is an alarm) and closes.
  ~Ledger();

  /// Hands a row over; never waits for the disk. Any thread. When more rows wait than the options allow, the row is lost: it is
  /// counted, and its energy, carbon and tokens are added to one row of kind "lost" that is written when there is space again.
  void append(LedgerRow row);

  /// False while `required` is set and rows cannot be written. Any thread; one atomic load.
  [[nodiscard]] bool accepting() const;
  [[nodiscard]] LedgerStatus status() const;  // any thread

  /// Waits until the rows appended before are in the file. False: they were not after `timeout`.
  [[nodiscard]] bool flush(std::chrono::milliseconds timeout);

 private:
  class Impl;
  explicit Ledger(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sobre
