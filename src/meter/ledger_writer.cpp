#include "meter/ledger_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace sobre {

namespace {

std::string parameters(int count) {
  std::string out = "?";
  for (int i = 1; i < count; ++i) out += ", ?";
  return out;
}

}  // namespace

std::string add_sums_sql(const char* table) {
  std::string updates;
  int count = 0;
  const RollupSums sums;
  each_sum_column(sums, [&](const char* name, int64_t) {
    updates += fmt::format("{}{} = {} + excluded.{}", count++ > 0 ? ", " : "", name, name, name);
  });
  const RollupKey key;
  each_key_column(key, [&](const char*, const auto&) { ++count; });
  return fmt::format("INSERT INTO {} ({}, {}) VALUES ({}) ON CONFLICT ({}) DO UPDATE SET {}", table, key_columns(),
                     sum_columns(), parameters(count), key_columns(), updates);
}

Result<LedgerWriter> LedgerWriter::open(const std::string& path) {
  TRY(LedgerDb db, LedgerDb::open(path, LedgerAccess::kWrite));
  TRY(LedgerStatement last, LedgerStatement::prepare(db, "SELECT seq, hash FROM rows ORDER BY seq DESC LIMIT 1"));
  TRY(LedgerStatement anchor, LedgerStatement::prepare(db, "SELECT last_seq, last_hash FROM anchor"));
  TRY(LedgerStatement insert, LedgerStatement::prepare(db, fmt::format("INSERT INTO rows (seq, {}, prev, hash) VALUES ({})",
                                                                       row_columns(), parameters(row_column_count() + 3))));
  TRY(LedgerStatement sum, LedgerStatement::prepare(db, add_sums_sql("rollup")));
  LedgerWriter writer(std::move(db), std::move(last), std::move(anchor), std::move(insert), std::move(sum));
  (void)writer.empty_log();
  return writer;
}

bool LedgerWriter::empty_log() {
  const Result<int64_t> busy = db_.number("PRAGMA wal_checkpoint(TRUNCATE)");
  return busy && *busy == 0;
}

LedgerWriter::Outcome LedgerWriter::write(std::span<const LedgerRow> rows) {
  Outcome outcome;
  const Result<void> done = write_all(rows, outcome);
  outcome.written = done.has_value();
  if (!done) outcome.text = done.error().message;
  return outcome;
}

Result<void> LedgerWriter::write_all(std::span<const LedgerRow> rows, Outcome& outcome) {
  // What went wrong is noted before the transaction is rolled back, which forgets it.
  const auto note = [&](Result<void> result) {
    if (!result && outcome.trouble == DbTrouble::kNone) outcome.trouble = db_.trouble();
    return result;
  };
  Result<LedgerTransaction> transaction = LedgerTransaction::begin(db_, "BEGIN IMMEDIATE");
  if (!transaction) return note(std::unexpected(transaction.error()));
  int64_t seq = 0;
  LedgerHash prev{};
  TRY_VOID(note(find_end(seq, prev)));
  std::map<RollupKey, RollupSums> sums;
  for (outcome.bad_row = 0; outcome.bad_row < rows.size(); ++outcome.bad_row) {
    const LedgerRow& row = rows[outcome.bad_row];
    const LedgerHash hash = row_hash(++seq, row, prev);
    insert_.bind(0, seq);
    const int next = bind_row(insert_, row, 1);
    insert_.bind(next, std::span<const unsigned char>(prev));
    insert_.bind(next + 1, std::span<const unsigned char>(hash));
    TRY_VOID(note(insert_.run()));
    add_row(sums[rollup_key(row)], row);
    prev = hash;
  }
  for (const auto& [key, sum] : sums) {
    bind_sums(sum_, sum, bind_key(sum_, key, 0));
    if (auto added = note(sum_.run()); !added) {
      // A sum beyond 2^63: the first row of this key is at fault as much as any.
      outcome.bad_row = 0;
      while (rollup_key(rows[outcome.bad_row]) != key) ++outcome.bad_row;
      return added;
    }
  }
  return note(transaction->commit());
}

Result<void> LedgerWriter::find_end(int64_t& seq, LedgerHash& hash) {
  for (LedgerStatement* statement : {&last_, &anchor_}) {
    const Result<bool> row = statement->step();
    const bool found = row && *row;
    if (found) {
      seq = statement->integer(0);
      const auto bytes = statement->blob(1);
      std::copy_n(bytes.begin(), std::min(bytes.size(), hash.size()), hash.begin());
    }
    statement->reset();
    if (!row) return std::unexpected(row.error());
    if (found) return {};
  }
  return {};
}

}  // namespace sobre
