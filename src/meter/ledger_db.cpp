#include "meter/ledger_db.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <thread>
#include <vector>

#include "meter/ledger_row.h"

namespace sobre {

namespace {

constexpr int kBusyMs = 5000;
constexpr int kMaxValueBytes = 16 << 20;  // of one value: a file from elsewhere must not make us allocate more

std::unexpected<Error> error_of(sqlite3* db) {
  const char* path = sqlite3_db_filename(db, "main");
  const int code = sqlite3_extended_errcode(db);
  std::string why = sqlite3_errmsg(db);
  if ((code & 0xFF) == SQLITE_FULL) why = "the disk is full";
  if ((code & 0xFF) == SQLITE_IOERR || (code & 0xFF) == SQLITE_CANTOPEN) {
    if (const int number = sqlite3_system_errno(db); number != 0) why += fmt::format(" ({})", std::strerror(number));
  }
  if ((code & 0xFF) == SQLITE_BUSY) why = "another process keeps it locked";
  std::replace(why.begin(), why.end(), '\n', ' ');
  return fail("{}: {}", path == nullptr || *path == '\0' ? "ledger" : path, why);
}

std::string declared(const int64_t&) { return "INTEGER NOT NULL"; }
std::string declared(const std::string&) { return "TEXT NOT NULL"; }
std::string declared(const std::optional<int64_t>&) { return "INTEGER"; }
std::string declared(const std::optional<uint64_t>&) { return "INTEGER"; }
std::string declared(const std::optional<std::string>&) { return "TEXT"; }

std::vector<std::string> make_schema() {
  std::string rows = "CREATE TABLE rows (seq INTEGER PRIMARY KEY";
  const LedgerRow row;
  each_column(row, [&](const char* name, const auto& field) { rows += fmt::format(", {} {}", name, declared(field)); });
  rows += ", prev BLOB NOT NULL, hash BLOB NOT NULL) STRICT";
  std::string columns;
  const RollupKey key;
  const RollupSums sums;
  const auto add = [&](const char* name, const auto& field) { columns += fmt::format("{} {}, ", name, declared(field)); };
  each_key_column(key, add);
  each_sum_column(sums, add);
  const auto rollup = [&](const char* name) {
    return fmt::format("CREATE TABLE {} ({}PRIMARY KEY ({})) STRICT, WITHOUT ROWID", name, columns, key_columns());
  };
  return {rows, rollup("rollup"), rollup("pruned"),
          "CREATE TABLE anchor (id INTEGER PRIMARY KEY, last_seq INTEGER NOT NULL, last_hash BLOB NOT NULL, "
          "before_day INTEGER NOT NULL, sums_hash BLOB NOT NULL, hash BLOB NOT NULL) STRICT"};
}

// The folders on the way to the file, readable by their owner only where they are made here.
Result<void> make_folders(const std::string& path) {
  std::string folder;
  for (const auto& part : std::filesystem::path(path).parent_path()) {
    folder = folder.empty() ? part.string() : (std::filesystem::path(folder) / part).string();
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST && !std::filesystem::is_directory(folder))
      return fail("{}: the folder {} cannot be made: {}", path, folder, std::strerror(errno));
  }
  return {};
}

// Makes an empty file with the mode that SQLite then gives to the files beside it.
Result<void> make_file(const std::string& path) {
  TRY_VOID(make_folders(path));
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0 && errno != EEXIST) return fail("{}: cannot be made: {}", path, std::strerror(errno));
  // Only a file that was made just now is closed here: closing another descriptor would drop this process's locks on it.
  if (fd >= 0) ::close(fd);
  return {};
}

// The name of a file in a folder that cannot be written, where nobody else can be writing.
std::string immutable_uri(const std::string& path) {
  std::string uri = "file:";
  for (const char c : std::filesystem::absolute(path).string()) {
    const bool plain = c == '/' || c == '.' || c == '-' || c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                       (c >= 'A' && c <= 'Z');
    uri += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return uri + "?immutable=1";
}

bool has_log(const std::string& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path + "-wal", error);
  return !error && size > 0;
}

bool can_write(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return ::access(path.c_str(), W_OK) == 0 && ::access(folder.empty() ? "." : folder.c_str(), W_OK) == 0;
}

}  // namespace

void LedgerDb::Close::operator()(sqlite3* db) const { sqlite3_close_v2(db); }

void LedgerStatement::Finalize::operator()(sqlite3_stmt* s) const { sqlite3_finalize(s); }

std::span<const std::string> ledger_schema() {
  static const std::vector<std::string> kSchema = make_schema();
  return kSchema;
}

Result<LedgerDb> LedgerDb::open(const std::string& path, LedgerAccess access) {
  LedgerDb db;
  db.path_ = path;
  if (path.empty()) return fail("the path of the ledger is empty");
  struct stat info{};
  if (access == LedgerAccess::kWrite) {
    TRY_VOID(make_file(path));
  } else if (::stat(path.c_str(), &info) != 0) {
    return fail("{}: there is no ledger: {}", path, std::strerror(errno));
  }
  if (::stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode)) return fail("{}: not a regular file, so no ledger", path);
  TRY_VOID(db.connect(access));
  if (access == LedgerAccess::kWrite) TRY_VOID(db.prepare_file());
  if (access == LedgerAccess::kRead || access == LedgerAccess::kChange) TRY_VOID(db.check_kind());
  return db;
}

bool LedgerDb::is_another_file(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return false;
  if (!S_ISREG(info.st_mode)) return true;
  Result<LedgerDb> db = open(path, LedgerAccess::kBare);
  if (!db) return false;
  const Result<int64_t> id = db->number("PRAGMA application_id"), tables = db->number("SELECT count(*) FROM sqlite_schema");
  if (!id || !tables) return db->trouble() == DbTrouble::kDamaged;
  const bool fresh = *id == 0 && *tables == 0;
  return !fresh && !db->check_kind();
}

Result<void> LedgerDb::connect(LedgerAccess access) {
  const bool reads = access == LedgerAccess::kRead || access == LedgerAccess::kBare;
  const bool log = has_log(path_);
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  std::string name = path_;
  // "./": a name that begins with "file:" would be taken for a URI where the library allows them by default.
  if (!name.starts_with('/')) name = "./" + name;
  if (reads && !can_write(path_)) {
    flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    if (!log) {
      flags |= SQLITE_OPEN_URI;
      name = immutable_uri(path_);
    }
  }
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(name.c_str(), &raw, flags, nullptr);
  db_.reset(raw);
  if (raw == nullptr) return fail("{}: there is not enough memory to open it", path_);
  if (code != SQLITE_OK) return error_of(raw);
  sqlite3_busy_timeout(raw, kBusyMs);
  sqlite3_limit(raw, SQLITE_LIMIT_LENGTH, kMaxValueBytes);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  // A reader leaves a log as it is: what a damaged one still holds must not be folded into the file unseen.
  if (reads && log) sqlite3_db_config(raw, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  TRY_VOID(run("PRAGMA cell_size_check = ON"));
  if (reads) TRY_VOID(run("PRAGMA query_only = ON"));
  return {};
}

Result<void> LedgerDb::check_kind() {
  TRY(const int64_t id, number("PRAGMA application_id"));
  TRY(const int64_t version, number("PRAGMA user_version"));
  if (id != kLedgerApplicationId)
    return fail("{}: an SQLite file, but not a ledger of Sobre (its application id is {})", path_, id);
  if (version != kLedgerVersion)
    return fail("{}: a ledger of version {}; this program knows version {}", path_, version, kLedgerVersion);
  return {};
}

Result<void> LedgerDb::prepare_file() {
  TRY(const int64_t id, number("PRAGMA application_id"));
  TRY(const int64_t tables, number("SELECT count(*) FROM sqlite_schema"));
  const bool fresh = id == 0 && tables == 0;
  if (!fresh) TRY_VOID(check_kind());
  TRY_VOID(run("PRAGMA auto_vacuum = INCREMENTAL"));  // of a new file; prune gives its space back
  // Two processes may make the file at once; the change of journal does not wait for the other by itself.
  Result<void> changed = run("PRAGMA journal_mode = WAL");
  for (int i = 0; !changed && trouble() == DbTrouble::kBusy && i < kBusyMs / 10; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    changed = run("PRAGMA journal_mode = WAL");
  }
  TRY_VOID(changed);
  // FULL: what is committed survives a power cut too. The log is cut back to this size after a long transaction.
  TRY_VOID(run("PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 16777216"));
  if (!fresh) return {};
  TRY(LedgerTransaction transaction, LedgerTransaction::begin(*this, "BEGIN IMMEDIATE"));
  TRY(const int64_t made, number("SELECT count(*) FROM sqlite_schema"));
  if (made == 0) {
    for (const std::string& sql : ledger_schema()) TRY_VOID(run(sql.c_str()));
    TRY_VOID(
        run(fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}", kLedgerApplicationId, kLedgerVersion).c_str()));
  }
  TRY_VOID(transaction.commit());
  return check_kind();
}

Result<void> LedgerDb::run(const char* sql) {
  if (sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) return error();
  return {};
}

Result<int64_t> LedgerDb::number(const char* sql) {
  TRY(LedgerStatement statement, LedgerStatement::prepare(*this, sql));
  TRY(const bool row, statement.step());
  if (!row) return fail("{}: {} gives nothing", path_, sql);
  return statement.integer(0);
}

DbTrouble LedgerDb::trouble() const {
  switch (sqlite3_errcode(db_.get()) & 0xFF) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
      return DbTrouble::kNone;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return DbTrouble::kBusy;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return DbTrouble::kDamaged;
    case SQLITE_CONSTRAINT:
    case SQLITE_TOOBIG:
    case SQLITE_MISMATCH:
      return DbTrouble::kRow;
    default:
      return DbTrouble::kOther;
  }
}

std::unexpected<Error> LedgerDb::error() const { return error_of(db_.get()); }

bool LedgerDb::in_transaction() const { return sqlite3_get_autocommit(db_.get()) == 0; }

bool LedgerDb::has_moved() const {
  int moved = 0;
  return sqlite3_file_control(db_.get(), "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved != 0;
}

bool LedgerDb::read_only() const { return sqlite3_db_readonly(db_.get(), "main") == 1; }

Result<LedgerStatement> LedgerStatement::prepare(const LedgerDb& db, const std::string& sql) {
  sqlite3_stmt* raw = nullptr;
  if (sqlite3_prepare_v2(db.raw(), sql.c_str(), static_cast<int>(sql.size()), &raw, nullptr) != SQLITE_OK) return db.error();
  return LedgerStatement(raw);
}

// A bind fails only for an index or a size that is wrong, or without memory; step() then says so.
void LedgerStatement::bind(int i, int64_t value) { (void)sqlite3_bind_int64(statement_.get(), i + 1, value); }

void LedgerStatement::bind(int i, std::string_view text) {
  const char* data = text.data() == nullptr ? "" : text.data();
  (void)sqlite3_bind_text64(statement_.get(), i + 1, data, text.size(), SQLITE_STATIC, SQLITE_UTF8);
}

void LedgerStatement::bind(int i, std::span<const unsigned char> blob) {
  (void)sqlite3_bind_blob64(statement_.get(), i + 1, blob.data(), blob.size(), SQLITE_STATIC);
}

void LedgerStatement::bind_null(int i) { (void)sqlite3_bind_null(statement_.get(), i + 1); }

Result<bool> LedgerStatement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return error_of(sqlite3_db_handle(statement_.get()));
}

void LedgerStatement::reset() { sqlite3_reset(statement_.get()); }

Result<void> LedgerStatement::run() {
  const Result<bool> done = step();
  reset();
  if (!done) return std::unexpected(done.error());
  return {};
}

LedgerStatement::Type LedgerStatement::type(int i) const {
  switch (sqlite3_column_type(statement_.get(), i)) {
    case SQLITE_NULL:
      return Type::kNull;
    case SQLITE_INTEGER:
      return Type::kInteger;
    case SQLITE_TEXT:
      return Type::kText;
    case SQLITE_BLOB:
      return Type::kBlob;
    default:
      return Type::kOther;
  }
}

int64_t LedgerStatement::integer(int i) const { return sqlite3_column_int64(statement_.get(), i); }

std::string_view LedgerStatement::text(int i) const {
  const unsigned char* data = sqlite3_column_text(statement_.get(), i);
  if (data == nullptr) return {};
  return {reinterpret_cast<const char*>(data), static_cast<size_t>(sqlite3_column_bytes(statement_.get(), i))};
}

std::span<const unsigned char> LedgerStatement::blob(int i) const {
  const void* data = sqlite3_column_blob(statement_.get(), i);
  if (data == nullptr) return {};
  return {static_cast<const unsigned char*>(data), static_cast<size_t>(sqlite3_column_bytes(statement_.get(), i))};
}

Result<LedgerTransaction> LedgerTransaction::begin(LedgerDb& db, const char* begin) {
  TRY_VOID(db.run(begin));
  return LedgerTransaction(db);
}

LedgerTransaction::~LedgerTransaction() {
  // An error may have rolled back already.
  if (db_ == nullptr || !db_->in_transaction()) return;
  [[maybe_unused]] const auto rolled_back = db_->run("ROLLBACK");
}

Result<void> LedgerTransaction::commit() {
  TRY_VOID(db_->run("COMMIT"));
  db_ = nullptr;
  return {};
}

}  // namespace sobre
