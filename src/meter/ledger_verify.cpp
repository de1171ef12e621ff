#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <fstream>
#include <thread>

#include "meter/ledger_reader.h"
#include "meter/text.h"

namespace sobre {

namespace {

constexpr int kLogTries = 3;
constexpr auto kLogPause = std::chrono::milliseconds(200);
constexpr int64_t kProgressEvery = 10'000;

class Verifier {
 public:
  Verifier(LedgerDb db, const std::function<void(int64_t)>& progress) : db_(std::move(db)), progress_(progress) {}

  // Errors: no ledger at all, or locked.
  [[nodiscard]] Result<LedgerVerdict> run() {
    TRY(const bool readable, check_kind());
    TRY_VOID(check_log_file());
    if (!readable) return verdict_;
    auto transaction = LedgerTransaction::begin(db_, "BEGIN");
    if (!transaction) {
      find(0, 0, transaction.error().message);
      return verdict_;
    }
    if (auto done = check_anchor(); !done) find_unreadable("the anchor", done);
    const size_t before = verdict_.findings.size();
    if (auto done = walk_rows(); !done) find_unreadable(fmt::format("what follows row {}", verdict_.last), done);
    // Where rows are damaged their sums differ by that alone.
    if (verdict_.findings.size() == before) {
      if (auto done = compare_rollup(); !done) find_unreadable("the roll-up", done);
    }
    if (auto done = check_pages(); !done) find_unreadable("the structure of the file", done);
    return verdict_;
  }

 private:
  void find(int64_t row, int64_t page, std::string text) {
    std::replace(text.begin(), text.end(), '\n', ' ');
    if (verdict_.findings.size() < kMaxFindings) {
      verdict_.findings.push_back({row, page, std::move(text)});
    } else {
      ++verdict_.more_findings;
    }
  }
  void find_unreadable(const std::string& what, const Result<void>& error) {
    find(0, 0, fmt::format("{} cannot be read: {}", what, error.error().message));
  }

  [[nodiscard]] Result<bool> check_kind();
  [[nodiscard]] Result<std::pair<size_t, size_t>> count_tables();
  [[nodiscard]] bool looks_like_sqlite() const;
  [[nodiscard]] Result<void> check_log_file();
  [[nodiscard]] Result<void> check_anchor();
  [[nodiscard]] Result<void> walk_rows();
  void check_order(int64_t seq);
  void check_row(const StoredRow& row);
  [[nodiscard]] Result<void> compare_rollup();
  [[nodiscard]] Result<void> add_pruned();
  void compare_sums(const RollupKey& key, const RollupSums& stored, const RollupSums& summed);
  [[nodiscard]] Result<void> check_pages();
  void find_page(std::string_view line);

  LedgerDb db_;
  const std::function<void(int64_t)>& progress_;
  LedgerVerdict verdict_;
  std::map<RollupKey, RollupSums> sums_;
  int64_t expected_ = 1;                        // number of the next row
  LedgerHash stored_prev_{}, computed_prev_{};  // hash of the row before, as stored and as computed
  bool prev_known_ = true;                      // false after a row that could not be read
};

// Whether there is a ledger whose tables can be read; false: it is one, and its first page is damaged (that is found).
Result<bool> Verifier::check_kind() {
  const std::string& path = db_.path();
  const Result<int64_t> id = db_.number("PRAGMA application_id");
  if (!id) {
    if (db_.trouble() != DbTrouble::kDamaged || !looks_like_sqlite()) return std::unexpected(id.error());
    find(0, 1, "page 1: the head of the file is damaged: " + id.error().message);
    return false;
  }
  TRY(const int64_t version, db_.number("PRAGMA user_version"));
  const auto tables = count_tables();
  if (!tables) {
    if (db_.trouble() == DbTrouble::kBusy) return std::unexpected(tables.error());
    find(0, 1, "page 1: the list of tables is damaged: " + tables.error().message);
    return false;
  }
  const auto [known, strange] = *tables;
  const size_t all = ledger_schema().size();
  if (*id != kLedgerApplicationId && known < all / 2)
    return fail("{}: an SQLite file, but not a ledger of Sobre (its application id is {})", path, *id);
  if (version != kLedgerVersion && known < all)
    return fail("{}: a ledger of version {}; this program knows version {}", path, version, kLedgerVersion);
  if (*id != kLedgerApplicationId) find(0, 1, fmt::format("page 1: the application id is {}", *id));
  if (version != kLedgerVersion) find(0, 1, fmt::format("page 1: the version of the ledger is {}", version));
  if (known != all || strange != 0)
    find(0, 1,
         fmt::format("page 1: {} of the {} tables of a ledger are defined as they must be, {} others are there", known, all,
                     strange));
  return known == all;
}

// How many tables are defined as those of a ledger, and how many others there are.
Result<std::pair<size_t, size_t>> Verifier::count_tables() {
  TRY(LedgerStatement statement, LedgerStatement::prepare(db_, "SELECT type, name, tbl_name, sql FROM sqlite_schema"));
  const auto expected = ledger_schema();
  size_t known = 0, strange = 0;
  while (true) {
    TRY(const bool more, statement.step());
    if (!more) return std::pair(known, strange);
    const std::string name(statement.text(1));
    const bool is_ours = statement.text(0) == "table" && statement.text(2) == name &&
                         std::find(expected.begin(), expected.end(), statement.text(3)) != expected.end() &&
                         statement.text(3).starts_with("CREATE TABLE " + name + " (");
    ++(is_ours ? known : strange);
  }
}

// Whether the file begins as SQLite's do, but for one byte.
bool Verifier::looks_like_sqlite() const {
  constexpr std::string_view kMagic("SQLite format 3\0", 16);
  std::string head(kMagic.size(), '?');
  std::ifstream(db_.path(), std::ios::binary).read(head.data(), static_cast<std::streamsize>(head.size()));
  size_t same = 0;
  for (size_t i = 0; i < kMagic.size(); ++i) same += head[i] == kMagic[i] ? 1 : 0;
  return same + 1 >= kMagic.size();
}

// With the lock that writers take, so that none is in the middle of a frame. Where it cannot be had (a file that may only be
// read, a damaged one), what is found must stay so for a while: a log that is being written moves on.
Result<void> Verifier::check_log_file() {
  bool locked = false;
  std::vector<LedgerFinding> found;
  if (!db_.read_only()) {
    TRY_VOID(db_.run("PRAGMA query_only = OFF"));  // which forbids the lock too
    const auto lock = LedgerTransaction::begin(db_, "BEGIN IMMEDIATE");
    if (!lock && db_.trouble() == DbTrouble::kBusy) return std::unexpected(lock.error());
    locked = lock.has_value();
    if (locked) found = check_log(db_.path());
  }
  if (!locked) found = check_log(db_.path());
  for (int i = 1; i < kLogTries && !locked && !found.empty(); ++i) {
    std::this_thread::sleep_for(kLogPause);
    found = check_log(db_.path());
  }
  for (LedgerFinding& f : found) find(f.row, f.page, std::move(f.text));
  return db_.run("PRAGMA query_only = ON");
}

Result<void> Verifier::check_anchor() {
  TRY(LedgerStatement statement,
      LedgerStatement::prepare(db_, "SELECT id, last_seq, last_hash, before_day, sums_hash, hash FROM anchor"));
  TRY(const LedgerHash sums, pruned_sums_hash(db_));
  TRY(const bool any, statement.step());
  if (!any) {
    if (sums != sha256("")) find(0, 0, "the table pruned holds sums, but no anchor says that rows were pruned");
    return {};
  }
  LedgerAnchor anchor;
  LedgerHash stored{};
  const auto take = [&](int column, LedgerHash& hash) {
    const auto bytes = statement.blob(column);
    if (bytes.size() == hash.size()) std::copy(bytes.begin(), bytes.end(), hash.begin());
    return bytes.size() == hash.size();
  };
  anchor.last_seq = statement.integer(1);
  anchor.before_day = statement.integer(3);
  const bool whole = take(2, anchor.last_hash) && take(4, anchor.sums_hash) && take(5, stored) && statement.integer(0) == 1;
  if (!whole || stored != anchor_hash(anchor)) find(0, 0, "the anchor (of the rows that were pruned) was changed");
  if (anchor.sums_hash != sums) find(0, 0, "a sum of the rows that were pruned (table pruned) was changed");
  TRY(const bool second, statement.step());
  if (second) find(0, 0, "there is more than one anchor");
  verdict_.pruned_rows = anchor.last_seq;
  expected_ = anchor.last_seq + 1;
  stored_prev_ = computed_prev_ = anchor.last_hash;
  return {};
}

void Verifier::check_order(int64_t seq) {
  if (seq > expected_)
    find(expected_, 0,
         expected_ + 1 == seq ? fmt::format("row {} is missing", expected_)
                              : fmt::format("rows {} to {} are missing", expected_, seq - 1));
  if (seq < expected_) find(seq, 0, fmt::format("row {} stands after row {}", seq, expected_ - 1));
  // After a gap or a jump the row before is not the one that `prev` speaks of.
  if (seq != expected_) prev_known_ = false;
  expected_ = seq + 1;
}

void Verifier::check_row(const StoredRow& stored) {
  const LedgerHash hash = row_hash(stored.seq, stored.row, stored.prev);
  if (hash != stored.hash) {
    find(stored.seq, 0,
         fmt::format("row {} was changed: its hash does not fit (request {}, {})", stored.seq, shown(stored.row.request),
                     time_text(stored.row.time_us)));
  } else if (prev_known_ && stored.prev != stored_prev_ && stored.prev != computed_prev_) {
    find(stored.seq, 0,
         fmt::format("row {} does not continue row {}: rows before it were changed or replaced", stored.seq, stored.seq - 1));
  }
  stored_prev_ = stored.hash;
  computed_prev_ = hash;
  prev_known_ = true;
}

Result<void> Verifier::walk_rows() {
  TRY(LedgerStatement statement,
      LedgerStatement::prepare(db_, fmt::format("SELECT seq, {}, prev, hash FROM rows ORDER BY seq", row_columns())));
  while (true) {
    TRY(const bool more, statement.step());
    if (!more) return {};
    const int64_t seq = statement.integer(0);
    check_order(seq);
    if (verdict_.rows++ == 0) verdict_.first = seq;
    verdict_.last = seq;
    const Result<StoredRow> row = read_row(statement);
    if (row) {
      check_row(*row);
      add_row(sums_[rollup_key(row->row)], row->row);
      verdict_.head = row->hash;
    } else {
      find(seq, 0, row.error().message);
      prev_known_ = false;
    }
    if (progress_ && verdict_.rows % kProgressEvery == 0) progress_(verdict_.rows);
  }
}

Result<void> Verifier::add_pruned() {
  TRY(LedgerStatement statement,
      LedgerStatement::prepare(db_, fmt::format("SELECT {}, {} FROM pruned", key_columns(), sum_columns())));
  while (true) {
    TRY(const bool more, statement.step());
    if (!more) return {};
    TRY(const RollupKey key, read_key(statement, 0));
    TRY(const RollupSums sums, read_sums(statement, 7));
    add_sums(sums_[key], sums);
  }
}

Result<void> Verifier::compare_rollup() {
  TRY_VOID(add_pruned());
  TRY(LedgerStatement statement,
      LedgerStatement::prepare(db_, fmt::format("SELECT {}, {} FROM rollup", key_columns(), sum_columns())));
  while (true) {
    TRY(const bool more, statement.step());
    if (!more) break;
    TRY(const RollupKey key, read_key(statement, 0));
    TRY(const RollupSums sums, read_sums(statement, 7));
    const auto found = sums_.find(key);
    compare_sums(key, sums, found == sums_.end() ? RollupSums{} : found->second);
    if (found != sums_.end()) sums_.erase(found);
  }
  for (const auto& [key, sums] : sums_) compare_sums(key, RollupSums{}, sums);
  return {};
}

void Verifier::compare_sums(const RollupKey& key, const RollupSums& stored, const RollupSums& summed) {
  std::vector<int64_t> expected;
  each_sum_column(summed, [&](const char*, int64_t value) { expected.push_back(value); });
  size_t i = 0;
  each_sum_column(stored, [&](const char* name, int64_t value) {
    const int64_t right = expected[i++];
    if (value == right) return;
    find(0, 0,
         fmt::format("roll-up of {}, model {}, key {}, task {}, kind {}, method {}, currency {}: {} is {}, its rows give {}",
                     day_text(key.day), shown(key.model), shown(key.key), shown(key.task), shown(key.kind), shown(key.method),
                     shown(key.currency), name, value, right));
  });
}

// SQLite's own check of every page. Its lines name pages in several forms, all with the word "page" before the number.
Result<void> Verifier::check_pages() {
  TRY(LedgerStatement statement, LedgerStatement::prepare(db_, fmt::format("PRAGMA integrity_check({})", kMaxFindings)));
  while (true) {
    TRY(const bool more, statement.step());
    if (!more) return {};
    std::string_view text = statement.text(0);
    while (!text.empty()) {
      const size_t end = std::min(text.find('\n'), text.size());
      const std::string_view line = text.substr(0, end);
      if (!line.empty() && line != "ok" && !line.starts_with("***")) find_page(line);
      text.remove_prefix(std::min(end + 1, text.size()));
    }
  }
}

void Verifier::find_page(std::string_view line) {
  int64_t page = 0;
  for (size_t at = 0; page == 0 && at + 5 < line.size(); ++at) {
    const std::string_view word = line.substr(at, 5);
    if (word == "page " || word == "Page ") (void)std::from_chars(line.data() + at + 5, line.data() + line.size(), page);
  }
  // The list of free pages begins at the head of the file, which is the first page.
  if (page == 0 && line.starts_with("Main freelist")) page = 1;
  find(0, page, page > 0 ? fmt::format("page {}: {}", page, line) : std::string(line));
}

}  // namespace

Result<LedgerVerdict> verify_ledger(const std::string& path, const std::function<void(int64_t)>& progress) {
  TRY(LedgerDb db, LedgerDb::open(path, LedgerAccess::kBare));
  return Verifier(std::move(db), progress).run();
}

}  // namespace sobre
