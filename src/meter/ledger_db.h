// SQLite as the ledger uses it: a connection, statements, how its file is made and recognised. Internal to ledger*.cpp. A
// connection and its statements belong to one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace sobre {

inline constexpr int64_t kLedgerApplicationId = 0x536F6272;  // "Sobr", in the head of the file
inline constexpr int64_t kLedgerVersion = 1;                 // of the tables; the file's user_version

/// How a file is opened.
enum class LedgerAccess {
  kWrite,   // made where it is missing
  kChange,  // to prune: must be there
  kRead,    // never changes the file; a file or folder that cannot be written is read all the same
  kBare,    // as kRead, without a look at what is in it: to find out what is damaged
};

/// What SQLite's last error was, as far as the ledger treats errors differently.
enum class DbTrouble { kNone, kBusy, kDamaged, kRow, kOther };

class LedgerDb {
 public:
  /// Errors: no such file, not a ledger, another version, damage that keeps it from being opened.
  [[nodiscard]] static Result<LedgerDb> open(const std::string& path, LedgerAccess access);
  /// Whether something is there that is no ledger of this version, or one damaged at its head: waiting does not mend that.
  [[nodiscard]] static bool is_another_file(const std::string& path);
  LedgerDb(LedgerDb&&) noexcept = default;
  LedgerDb& operator=(LedgerDb&&) noexcept = default;

  /// Runs statements that return no rows.
  [[nodiscard]] Result<void> run(const char* sql);
  /// The first column of the first row of a query, as a number.
  [[nodiscard]] Result<int64_t> number(const char* sql);

  /// The last error of this connection.
  [[nodiscard]] DbTrouble trouble() const;
  [[nodiscard]] std::unexpected<Error> error() const;
  /// Whether a transaction is open.
  [[nodiscard]] bool in_transaction() const;
  /// Whether the file at the path is another one now, or none.
  [[nodiscard]] bool has_moved() const;

  /// Whether the file can only be read.
  [[nodiscard]] bool read_only() const;

  [[nodiscard]] sqlite3* raw() const { return db_.get(); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  struct Close {
    void operator()(sqlite3* db) const;
  };
  LedgerDb() = default;
  [[nodiscard]] Result<void> connect(LedgerAccess access);
  [[nodiscard]] Result<void> prepare_file();
  [[nodiscard]] Result<void> check_kind();

  std::string path_;
  std::unique_ptr<sqlite3, Close> db_;
};

/// A prepared statement. Indices of parameters and columns begin at 0.
class LedgerStatement {
 public:
  [[nodiscard]] static Result<LedgerStatement> prepare(const LedgerDb& db, const std::string& sql);

  void bind(int i, int64_t value);
  void bind(int i, std::string_view text);                // must live until step() or reset()
  void bind(int i, std::span<const unsigned char> blob);  // likewise
  void bind_null(int i);

  /// True: a row is there. False: done.
  [[nodiscard]] Result<bool> step();
  void reset();
  /// step() and reset(), for statements without rows.
  [[nodiscard]] Result<void> run();

  enum class Type { kNull, kInteger, kText, kBlob, kOther };
  [[nodiscard]] Type type(int i) const;
  [[nodiscard]] int64_t integer(int i) const;
  [[nodiscard]] std::string_view text(int i) const;  // until the next step()
  [[nodiscard]] std::span<const unsigned char> blob(int i) const;

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* s) const;
  };
  explicit LedgerStatement(sqlite3_stmt* s) : statement_(s) {}
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

/// Rolls back at the end of its life unless committed.
class LedgerTransaction {
 public:
  /// `begin`: "BEGIN IMMEDIATE" to write, "BEGIN" to read one state of the file.
  [[nodiscard]] static Result<LedgerTransaction> begin(LedgerDb& db, const char* begin);
  LedgerTransaction(LedgerTransaction&& other) noexcept : db_(other.db_) { other.db_ = nullptr; }
  LedgerTransaction& operator=(LedgerTransaction&&) = delete;
  ~LedgerTransaction();
  [[nodiscard]] Result<void> commit();

 private:
  explicit LedgerTransaction(LedgerDb& db) : db_(&db) {}
  LedgerDb* db_;
};

/// The statements that make the tables, in order; what sqlite_schema must hold.
[[nodiscard]] std::span<const std::string> ledger_schema();

}  // namespace sobre
