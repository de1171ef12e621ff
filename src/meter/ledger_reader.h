// Reads a ledger: rows, sums, checks; and prunes it. Works while a server writes the same file: each call sees one state of it.
// An object belongs to one thread at a time; several may read one file.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "meter/ledger_db.h"
#include "meter/ledger_row.h"

namespace sobre {

/// Which rows; all conditions hold at once. Times are Unix microseconds.
struct LedgerFilter {
  std::optional<int64_t> from_us, before_us;
  std::optional<std::string> request, model, key, task, kind, status;
  int64_t last = 0;  // only the last so many of them; 0: all
};

enum class SumBy { kDay, kModel, kKey, kTask };

/// Money of one currency.
struct LedgerMoney {
  int64_t amount_nano = 0, marginal_nano = 0;
};

/// Sums of one day, model, key or task, from the roll-up.
struct LedgerSum {
  std::string group;                         // "2026-03-09", or the name; empty: none
  RollupSums sums;                           // money not meaningful here: it is in
  std::map<std::string, LedgerMoney> money;  // by currency
  std::vector<std::string> methods;          // by which its energy was found, sorted
};

class LedgerReader {
 public:
  /// Errors: no such file, not a ledger, another version, damaged at its head.
  [[nodiscard]] static Result<LedgerReader> open(const std::string& path);

  /// Calls `each` for the rows in their order until it returns an error, which is passed on. Error: a damaged file.
  [[nodiscard]] Result<void> rows(const LedgerFilter& filter, const std::function<Result<void>(const StoredRow&)>& each);

  /// Sums by day, model, key or task, ordered by it, of the days (UTC, since 1970-01-01) from..to, both included. Also of rows
  /// that were pruned. `kind` (may be empty: all): of this kind of row only.
  [[nodiscard]] Result<std::vector<LedgerSum>> sum(SumBy by, std::optional<int64_t> from_day, std::optional<int64_t> to_day,
                                                   std::string_view kind = "");

 private:
  explicit LedgerReader(LedgerDb db) : db_(std::move(db)) {}
  LedgerDb db_;
};

/// The names of the columns as the first record of CSV (RFC 4180): seq, time (ISO 8601), the columns of the table, prev, hash.
void append_csv_head(std::string& out);
/// A row as a record of CSV, CRLF at its end. Null is an empty field, empty text is "".
void append_csv(std::string& out, const StoredRow& row);
/// A row as one line of JSON with the same members (seed as an unsigned number; route and sampling as text).
void append_jsonl(std::string& out, const StoredRow& row);

/// Something that is wrong with a ledger.
struct LedgerFinding {
  int64_t row = 0;   // its number; 0: not a row
  int64_t page = 0;  // page of the file (from 1); 0: not a page
  std::string text;  // one line, which names either
};

struct LedgerVerdict {
  int64_t rows = 0, first = 0, last = 0;  // that are there
  int64_t pruned_rows = 0;                // that were
  LedgerHash head{};                      // hash of the last row: written down elsewhere, it fixes all before it
  std::vector<LedgerFinding> findings;    // at most kMaxFindings, in the order found
  int64_t more_findings = 0;              // beyond those
  [[nodiscard]] bool good() const { return findings.empty(); }
};
inline constexpr size_t kMaxFindings = 100;

/// Checks all: the log beside the file, the structure of every page, the tables, the chain and hash of every row, the anchor,
/// the roll-up against the sum over rows. `progress` (may be empty) is called now and then with the rows done. Errors: no such
/// file, not a ledger at all, cannot be read; damage is a finding.
[[nodiscard]] Result<LedgerVerdict> verify_ledger(const std::string& path, const std::function<void(int64_t)>& progress = {});

/// Removes the rows before the first one that ended on `before_day` (UTC) or later, and gives their space back. An anchor keeps
/// the chain of the rest checkable; the sums stay. Returns how many rows went. A server may be writing meanwhile: of
/// `chunk_rows` rows are the transactions, so that its rows are late by tenths of a second at most.
[[nodiscard]] Result<int64_t> prune_ledger(const std::string& path, int64_t before_day, int64_t chunk_rows = 5000);

/// The damage that the write-ahead log beside a file shows: rows in it that can no longer be read. Internal to verify_ledger.
[[nodiscard]] std::vector<LedgerFinding> check_log(const std::string& path);

/// Hash over the table `pruned` as the anchor keeps it, and of the anchor. Internal to verify and prune.
[[nodiscard]] Result<LedgerHash> pruned_sums_hash(const LedgerDb& db);
struct LedgerAnchor {
  int64_t last_seq = 0;
  LedgerHash last_hash{};
  int64_t before_day = 0;
  LedgerHash sums_hash{};
};
[[nodiscard]] LedgerHash anchor_hash(const LedgerAnchor& anchor);

}  // namespace sobre
