#include "meter/ledger_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <iterator>

#include "base/json.h"
#include "meter/text.h"

namespace sobre {

namespace {

const char* column_of(SumBy by) {
  switch (by) {
    case SumBy::kDay:
      return "day";
    case SumBy::kModel:
      return "model";
    case SumBy::kKey:
      return "key";
    case SumBy::kTask:
      return "task";
  }
  return "day";
}

// "SELECT ..." for a filter; its parameters are bound in the same order by bind_filter.
std::string select_rows(const LedgerFilter& f) {
  std::string sql = fmt::format("SELECT seq, {}, prev, hash FROM rows", row_columns());
  const char* joint = " WHERE ";
  const auto condition = [&](bool wanted, const char* text) {
    if (!wanted) return;
    sql += joint;
    sql += text;
    joint = " AND ";
  };
  condition(f.from_us.has_value(), "time_us >= ?");
  condition(f.before_us.has_value(), "time_us < ?");
  condition(f.request.has_value(), "request = ?");
  condition(f.model.has_value(), "model = ?");
  condition(f.key.has_value(), "key = ?");
  condition(f.task.has_value(), "task = ?");
  condition(f.kind.has_value(), "kind = ?");
  condition(f.status.has_value(), "status = ?");
  return sql + (f.last > 0 ? " ORDER BY seq DESC LIMIT ?" : " ORDER BY seq");
}

void bind_filter(LedgerStatement& statement, const LedgerFilter& f) {
  int i = 0;
  if (f.from_us) statement.bind(i++, *f.from_us);
  if (f.before_us) statement.bind(i++, *f.before_us);
  for (const auto* text : {&f.request, &f.model, &f.key, &f.task, &f.kind, &f.status}) {
    if (*text) statement.bind(i++, std::string_view(**text));
  }
  if (f.last > 0) statement.bind(i++, f.last);
}

void append_csv_text(std::string& out, std::string_view text) {
  if (!text.empty() && text.find_first_of(",\"\r\n") == std::string_view::npos) {
    out += text;
    return;
  }
  out += '"';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

struct CsvFields {
  std::string& out;
  void operator()(const char*, int64_t value) const { fmt::format_to(std::back_inserter(out), ",{}", value); }
  void operator()(const char*, const std::string& value) const {
    out += ',';
    append_csv_text(out, value);
  }
  template <class T>
  void operator()(const char*, const std::optional<T>& value) const {
    out += ',';
    if (!value) return;
    if constexpr (std::is_same_v<T, std::string>) {
      append_csv_text(out, *value);
    } else {
      fmt::format_to(std::back_inserter(out), "{}", *value);
    }
  }
};

struct JsonMembers {
  std::string& out;
  void name(const char* name) const { fmt::format_to(std::back_inserter(out), ", \"{}\": ", name); }
  void operator()(const char* key, int64_t value) const {
    name(key);
    fmt::format_to(std::back_inserter(out), "{}", value);
  }
  void operator()(const char* key, const std::string& value) const {
    name(key);
    append_json_string(out, repair_utf8(value));
  }
  template <class T>
  void operator()(const char* key, const std::optional<T>& value) const {
    if (value) {
      if constexpr (std::is_same_v<T, std::string>) {
        (*this)(key, *value);
      } else {
        name(key);
        fmt::format_to(std::back_inserter(out), "{}", *value);
      }
      return;
    }
    name(key);
    out += "null";
  }
};

}  // namespace

Result<LedgerReader> LedgerReader::open(const std::string& path) {
  TRY(LedgerDb db, LedgerDb::open(path, LedgerAccess::kRead));
  return LedgerReader(std::move(db));
}

Result<void> LedgerReader::rows(const LedgerFilter& filter, const std::function<Result<void>(const StoredRow&)>& each) {
  TRY(LedgerStatement statement, LedgerStatement::prepare(db_, select_rows(filter)));
  bind_filter(statement, filter);
  std::vector<StoredRow> backwards;
  while (true) {
    TRY(const bool more, statement.step());
    if (!more) break;
    Result<StoredRow> row = read_row(statement);
    if (!row) return fail("{}: {}; sobre ledger verify tells more", db_.path(), row.error().message);
    if (filter.last == 0) {
      TRY_VOID(each(*row));
    } else {
      backwards.push_back(std::move(*row));
    }
  }
  for (auto row = backwards.rbegin(); row != backwards.rend(); ++row) TRY_VOID(each(*row));
  return {};
}

Result<std::vector<LedgerSum>> LedgerReader::sum(SumBy by, std::optional<int64_t> from_day, std::optional<int64_t> to_day,
                                                 std::string_view kind) {
  // Added up here: SQLite would sort the roll-up's rows with all their sums first, which takes most of a second for 300,000.
  TRY(LedgerStatement statement,
      LedgerStatement::prepare(db_, fmt::format("SELECT {}, method, currency, {} FROM rollup WHERE day >= ? AND day <= ?{}",
                                                column_of(by), sum_columns(), kind.empty() ? "" : " AND kind = ?")));
  statement.bind(0, from_day.value_or(INT64_MIN));
  statement.bind(1, to_day.value_or(INT64_MAX));
  if (!kind.empty()) statement.bind(2, kind);
  std::map<int64_t, LedgerSum> days;
  std::map<std::string, LedgerSum, std::less<>> names;
  while (true) {
    TRY(const bool more, statement.step());
    if (!more) break;
    LedgerSum* group = nullptr;
    if (by == SumBy::kDay) {
      group = &days[statement.integer(0)];
    } else if (const auto found = names.find(statement.text(0)); found != names.end()) {
      group = &found->second;
    } else {
      group = &names[std::string(statement.text(0))];
    }
    TRY(const RollupSums sums, read_sums(statement, 3));
    add_sums(group->sums, sums);
    std::vector<std::string>& methods = group->methods;
    const auto place = std::lower_bound(methods.begin(), methods.end(), statement.text(1));
    if (place == methods.end() || *place != statement.text(1)) methods.emplace(place, statement.text(1));
    if (const std::string currency(statement.text(2)); !currency.empty()) {
      LedgerMoney& money = group->money[currency];
      money.amount_nano = saturating_add(money.amount_nano, sums.cost_nano);
      money.marginal_nano = saturating_add(money.marginal_nano, sums.marginal_cost_nano);
    }
  }
  std::vector<LedgerSum> groups;
  for (auto& [day, sum] : days) groups.emplace_back(std::move(sum)).group = day_text(day);
  for (auto& [name, sum] : names) groups.emplace_back(std::move(sum)).group = name;
  return groups;
}

void append_csv_head(std::string& out) {
  out += "seq,time";
  const LedgerRow row;
  each_column(row, [&](const char* name, const auto&) { out.append(",").append(name); });
  out += ",prev,hash\r\n";
}

void append_csv(std::string& out, const StoredRow& row) {
  fmt::format_to(std::back_inserter(out), "{},{}", row.seq, time_text(row.row.time_us));
  each_column(row.row, CsvFields{out});
  fmt::format_to(std::back_inserter(out), ",{},{}\r\n", hex(row.prev), hex(row.hash));
}

void append_jsonl(std::string& out, const StoredRow& row) {
  fmt::format_to(std::back_inserter(out), "{{\"seq\": {}, \"time\": \"{}\"", row.seq, time_text(row.row.time_us));
  each_column(row.row, JsonMembers{out});
  fmt::format_to(std::back_inserter(out), ", \"prev\": \"{}\", \"hash\": \"{}\"}}\n", hex(row.prev), hex(row.hash));
}

}  // namespace sobre
