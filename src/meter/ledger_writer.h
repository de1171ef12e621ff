// Appends batches of rows to a ledger's file: chain, rows and roll-up in one transaction. Internal to ledger*.cpp; one thread.
#pragma once

#include <span>
#include <string>

#include "base/result.h"
#include "meter/ledger_db.h"
#include "meter/ledger_row.h"

namespace sobre {

class LedgerWriter {
 public:
  /// Opens or makes the file; a log that a killed process left is folded in.
  [[nodiscard]] static Result<LedgerWriter> open(const std::string& path);

  /// Writes all rows (tidied) or none.
  struct Outcome {
    bool written = false;
    std::string text;                      // why not
    DbTrouble trouble = DbTrouble::kNone;  // of what kind; kRow: `bad_row` alone cannot be stored
    size_t bad_row = 0;
  };
  [[nodiscard]] Outcome write(std::span<const LedgerRow> rows);

  /// Whether the path holds another file by now, or none.
  [[nodiscard]] bool has_moved() const { return db_.has_moved(); }
  /// Empties the log beside the file. False: somebody is reading it.
  [[nodiscard]] bool empty_log();

 private:
  LedgerWriter(LedgerDb db, LedgerStatement last, LedgerStatement anchor, LedgerStatement insert, LedgerStatement sum)
      : db_(std::move(db)),
        last_(std::move(last)),
        anchor_(std::move(anchor)),
        insert_(std::move(insert)),
        sum_(std::move(sum)) {}
  [[nodiscard]] Result<void> write_all(std::span<const LedgerRow> rows, Outcome& outcome);
  [[nodiscard]] Result<void> find_end(int64_t& seq, LedgerHash& hash);

  LedgerDb db_;
  LedgerStatement last_, anchor_, insert_, sum_;
};

/// "INSERT ... ON CONFLICT ..." that adds sums to a row of `table` (rollup or pruned); parameters: key columns, sum columns.
[[nodiscard]] std::string add_sums_sql(const char* table);

}  // namespace sobre
