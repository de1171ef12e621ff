#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <thread>
#include <utility>

#include "meter/ledger_reader.h"
#include "meter/ledger_writer.h"
#include "meter/text.h"

namespace sobre {

namespace {

using Clock = std::chrono::steady_clock;

constexpr Clock::duration kPause = std::chrono::milliseconds(30);
constexpr int kVacuumPages = 2000;

// Adds the pruned sums of the days first..last, both included, to a hash.
Result<void> add_pruned(const LedgerDb& db, int64_t first_day, int64_t last_day, Sha256& hash) {
  TRY(LedgerStatement statement,
      LedgerStatement::prepare(db, fmt::format("SELECT {0}, {1} FROM pruned WHERE day >= ? AND day <= ? ORDER BY {0}",
                                               key_columns(), sum_columns())));
  statement.bind(0, first_day);
  statement.bind(1, last_day);
  std::string form;
  while (true) {
    TRY(const bool more, statement.step());
    if (!more) return {};
    TRY(const RollupKey key, read_key(statement, 0));
    TRY(const RollupSums sums, read_sums(statement, 7));
    form.clear();
    each_key_column(key, [&](const char*, const auto& value) { append_canonical(form, value); });
    each_sum_column(sums, [&](const char*, int64_t value) { append_canonical(form, value); });
    hash.update(form);
  }
}

// pruned_sums_hash() from chunk to chunk: rows go nearly in the order of their days, so that what is hashed of earlier days
// stays. All of a year's sums in every transaction would keep a server's writer out for long.
class PrunedHash {
 public:
  /// Forgets all unless it was left at this row: another program may have pruned between.
  void begin(int64_t last_seq) {
    if (last_seq != last_seq_) reset();
    last_seq_ = last_seq;
  }
  void end(int64_t last_seq) { last_seq_ = last_seq; }
  /// Takes in the days before `day`.
  Result<void> settle(const LedgerDb& db, int64_t day) {
    if (day <= next_) return {};
    TRY_VOID(add_pruned(db, next_, day - 1, *settled_));
    next_ = day;
    return {};
  }
  /// Of all days. Since the last call those from `first` on may have changed, and those from `last` on will change again.
  Result<LedgerHash> of_all(const LedgerDb& db, int64_t first, int64_t last) {
    if (first < next_) reset();  // a clock that was set back
    TRY_VOID(settle(db, last));
    Sha256 all(*settled_);
    TRY_VOID(add_pruned(db, next_, INT64_MAX, all));
    return all.digest();
  }

 private:
  void reset() {
    settled_.emplace();
    next_ = INT64_MIN;
  }
  std::optional<Sha256> settled_{std::in_place};
  int64_t next_ = INT64_MIN;  // the days before it are in settled_
  int64_t last_seq_ = -1;
};

Result<LedgerAnchor> read_anchor(const LedgerDb& db) {
  TRY(LedgerStatement statement, LedgerStatement::prepare(db, "SELECT last_seq, last_hash FROM anchor"));
  TRY(const bool any, statement.step());
  LedgerAnchor anchor;
  if (!any) return anchor;
  anchor.last_seq = statement.integer(0);
  const auto bytes = statement.blob(1);
  if (bytes.size() != anchor.last_hash.size())
    return fail("{}: the anchor is damaged; sobre ledger verify tells more", db.path());
  std::copy(bytes.begin(), bytes.end(), anchor.last_hash.begin());
  return anchor;
}

// Reads the rows up to `end` (at most so many), checks them, sums them up and moves the anchor behind them.
Result<int64_t> read_chunk(const LedgerDb& db, int64_t end, int64_t most, LedgerAnchor& anchor,
                           std::map<RollupKey, RollupSums>& sums) {
  TRY(LedgerStatement statement,
      LedgerStatement::prepare(
          db, fmt::format("SELECT seq, {}, prev, hash FROM rows WHERE seq < ? ORDER BY seq LIMIT ?", row_columns())));
  statement.bind(0, end);
  statement.bind(1, most);
  int64_t count = 0;
  while (true) {
    TRY(const bool more, statement.step());
    if (!more) return count;
    const Result<StoredRow> row = read_row(statement);
    // What is damaged must not vanish from sight, nor its sums become part of the anchor.
    if (!row || row->seq != anchor.last_seq + 1 || row->prev != anchor.last_hash ||
        row_hash(row->seq, row->row, row->prev) != row->hash)
      return fail("{}: row {} is damaged, so pruning stops before it; sobre ledger verify tells more", db.path(),
                  anchor.last_seq + 1);
    add_row(sums[rollup_key(row->row)], row->row);
    anchor.last_seq = row->seq;
    anchor.last_hash = row->hash;
    ++count;
  }
}

Result<void> store_anchor(LedgerDb& db, const LedgerAnchor& anchor) {
  const LedgerHash hash = anchor_hash(anchor);
  TRY(LedgerStatement statement,
      LedgerStatement::prepare(db,
                               "INSERT OR REPLACE INTO anchor (id, last_seq, last_hash, before_day, sums_hash, hash) VALUES "
                               "(1, ?, ?, ?, ?, ?)"));
  statement.bind(0, anchor.last_seq);
  statement.bind(1, std::span<const unsigned char>(anchor.last_hash));
  statement.bind(2, anchor.before_day);
  statement.bind(3, std::span<const unsigned char>(anchor.sums_hash));
  statement.bind(4, std::span<const unsigned char>(hash));
  return statement.run();
}

// One transaction; returns how many rows it removed.
Result<int64_t> prune_chunk(LedgerDb& db, int64_t end, int64_t most, int64_t before_day, PrunedHash& hash) {
  TRY(LedgerTransaction transaction, LedgerTransaction::begin(db, "BEGIN IMMEDIATE"));
  TRY(LedgerAnchor anchor, read_anchor(db));
  anchor.before_day = before_day;
  hash.begin(anchor.last_seq);
  std::map<RollupKey, RollupSums> sums;
  TRY(const int64_t count, read_chunk(db, end, most, anchor, sums));
  if (count == 0) return 0;
  TRY(LedgerStatement add, LedgerStatement::prepare(db, add_sums_sql("pruned")));
  for (const auto& [key, sum] : sums) {
    bind_sums(add, sum, bind_key(add, key, 0));
    TRY_VOID(add.run());
  }
  TRY(LedgerStatement remove, LedgerStatement::prepare(db, "DELETE FROM rows WHERE seq <= ?"));
  remove.bind(0, anchor.last_seq);
  TRY_VOID(remove.run());
  TRY(anchor.sums_hash, hash.of_all(db, sums.begin()->first.day, sums.rbegin()->first.day));
  TRY_VOID(store_anchor(db, anchor));
  TRY_VOID(transaction.commit());
  hash.end(anchor.last_seq);
  return count;
}

// Hashes what earlier calls left, which may be a year of sums, while others may still write.
Result<void> hash_earlier(LedgerDb& db, PrunedHash& hash) {
  TRY(const LedgerTransaction transaction, LedgerTransaction::begin(db, "BEGIN"));
  TRY(const LedgerAnchor anchor, read_anchor(db));
  TRY(LedgerStatement first, LedgerStatement::prepare(db, "SELECT time_us FROM rows ORDER BY seq LIMIT 1"));
  TRY(const bool any, first.step());
  if (!any) return {};
  hash.begin(anchor.last_seq);
  return hash.settle(db, day_of(first.integer(0)));
}

// The number of the first row that stays.
Result<int64_t> find_end(const LedgerDb& db, int64_t before_day) {
  TRY(LedgerStatement first, LedgerStatement::prepare(db, "SELECT seq FROM rows WHERE time_us >= ? ORDER BY seq LIMIT 1"));
  first.bind(0, before_day * kMicrosPerDay);
  TRY(const bool any, first.step());
  if (any) return first.integer(0);
  TRY(LedgerStatement last, LedgerStatement::prepare(db, "SELECT coalesce(max(seq), 0) + 1 FROM rows"));
  TRY(const bool row, last.step());
  return row ? last.integer(0) : 0;
}

}  // namespace

Result<LedgerHash> pruned_sums_hash(const LedgerDb& db) {
  Sha256 hash;
  TRY_VOID(add_pruned(db, INT64_MIN, INT64_MAX, hash));
  return hash.digest();
}

LedgerHash anchor_hash(const LedgerAnchor& anchor) {
  const auto text = [](const LedgerHash& hash) {
    return std::string_view(reinterpret_cast<const char*>(hash.data()), hash.size());
  };
  std::string form = "sobre-ledger-anchor-1";
  append_canonical(form, anchor.last_seq);
  append_canonical(form, text(anchor.last_hash), 'b');
  append_canonical(form, anchor.before_day);
  append_canonical(form, text(anchor.sums_hash), 'b');
  return sha256(form);
}

Result<int64_t> prune_ledger(const std::string& path, int64_t before_day, int64_t chunk_rows) {
  TRY(LedgerDb db, LedgerDb::open(path, LedgerAccess::kChange));
  TRY_VOID(db.run("PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 16777216"));
  TRY(const int64_t end, find_end(db, before_day));
  PrunedHash hash;
  TRY_VOID(hash_earlier(db, hash));
  int64_t removed = 0;
  while (true) {
    const auto began = Clock::now();
    TRY(const int64_t count, prune_chunk(db, end, chunk_rows, before_day, hash));
    removed += count;
    if (count == 0) break;
    // Half of the time the file is a server's, however slow the disk.
    std::this_thread::sleep_for(std::max(kPause, Clock::now() - began));
  }
  for (int64_t left = -1;;) {
    TRY(const int64_t free_pages, db.number("PRAGMA freelist_count"));
    if (free_pages == 0 || free_pages == left) break;
    left = free_pages;
    TRY_VOID(db.run(fmt::format("PRAGMA incremental_vacuum({})", kVacuumPages).c_str()));
    std::this_thread::sleep_for(kPause);
  }
  // What was pruned is gone from the log too, unless somebody is reading there: then with the next rows.
  [[maybe_unused]] const auto emptied = db.number("PRAGMA wal_checkpoint(TRUNCATE)");
  return removed;
}

}  // namespace sobre
