#include "meter/ledger.h"

#include <sqlite3.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <thread>

#include "base/json.h"
#include "meter/ledger_reader.h"
#include "meter/ledger_testing.h"
#include "meter/text.h"

namespace sobre {
namespace {

TEST(Ledger, RowsComeBackAsTheyWere) {
  const LedgerFolder folder;
  const auto rows = fill_ledger(folder / "a/b/ledger.db", 1, 300);
  const auto stored = stored_rows(folder / "a/b/ledger.db");
  ASSERT_EQ(stored.size(), rows.size());
  LedgerHash prev{};
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(stored[i].row, rows[i]) << i;
    EXPECT_EQ(stored[i].seq, static_cast<int64_t>(i) + 1);
    EXPECT_EQ(stored[i].prev, prev);
    EXPECT_EQ(stored[i].hash, row_hash(stored[i].seq, rows[i], prev));
    prev = stored[i].hash;
  }
  EXPECT_EQ(findings_of(folder / "a/b/ledger.db"), "");
  struct stat info{};
  ASSERT_EQ(stat((folder / "a/b/ledger.db").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  ASSERT_EQ(stat((folder / "a").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
}

TEST(Ledger, ItsHashIsThatOfTheDescription) {
  // The canonical form written out by hand, as docs describe it, for a row of default values.
  std::string form = "sobre-ledger-row-1";
  const auto integer = [&](uint64_t value) {
    form += 'i';
    for (int i = 0; i < 8; ++i) form += static_cast<char>(value >> (8 * i));
  };
  const auto text = [&](const std::string& value, char letter = 't') {
    form += letter;
    for (int i = 0; i < 8; ++i) form += static_cast<char>(value.size() >> (8 * i));
    form += value;
  };
  integer(7);
  integer(5);  // time
  text("r");
  text("answer");
  text("done");
  for (int i = 0; i < 4; ++i) text("");  // key, model, digest, task
  form += "n";                           // route
  integer(~uint64_t{0});                 // seed
  form += "n";                           // sampling
  for (int i = 0; i < 7; ++i) integer(0);
  form += "nnnn";
  text("");
  text("");
  form += "nnnnnn";
  text("");
  text("");
  form += "n";
  integer(0);
  integer(1000);
  form += "n";
  text("hi");
  LedgerHash prev{};
  prev.fill(9);
  text(std::string(32, 9), 'b');
  LedgerRow row;
  row.time_us = 5;
  row.request = "r";
  row.seed = ~uint64_t{0};
  row.answer = "hi";
  EXPECT_EQ(hex(row_hash(7, row, prev)), hex(sha256(form)));
  EXPECT_EQ(hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");  // FIPS 180-2, B.1
}

TEST(Ledger, StrangeTextIsMadeFit) {
  const LedgerFolder folder;
  {
    auto ledger = Ledger::open(quick_options(folder / "l.db"));
    ASSERT_TRUE(ledger.has_value());
    LedgerRow row;
    row.request = "a\xFF\xC3z";
    row.model = std::string("nul\0here", 8);
    row.energy_uj = INT64_MAX;
    row.marginal_uj = INT64_MIN;
    row.time_us = -5;
    row.prompt = std::string(kMaxLedgerText + 10, 'y') + "\xC3\xA9";
    row.answer = std::string(kMaxLedgerText, '\xFF');
    for (int i = 0; i < 3; ++i) (*ledger)->append(row);
  }
  const auto rows = stored_rows(folder / "l.db");
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].row.request, "a\xEF\xBF\xBD\xEF\xBF\xBDz");
  EXPECT_EQ(rows[0].row.model, std::string("nul\0here", 8));
  EXPECT_EQ(rows[0].row.energy_uj, int64_t{1} << 53);
  EXPECT_EQ(rows[0].row.time_us, 0);
  EXPECT_EQ(rows[0].row.prompt->size(), kMaxLedgerText);
  EXPECT_LE(rows[0].row.answer->size(), kMaxLedgerText);
  EXPECT_EQ(findings_of(folder / "l.db"), "");
}

// Sums over the rows themselves, by the field that a group is named after.
std::map<std::string, RollupSums> expected_sums(const std::vector<LedgerRow>& rows, SumBy by, int64_t from, int64_t to) {
  std::map<std::string, RollupSums> sums;
  for (const LedgerRow& row : rows) {
    if (day_of(row.time_us) < from || day_of(row.time_us) > to) continue;
    const std::string group = by == SumBy::kDay     ? time_text(row.time_us).substr(0, 10)
                              : by == SumBy::kModel ? row.model
                              : by == SumBy::kKey   ? row.key
                                                    : row.task;
    add_row(sums[group], row);
  }
  return sums;
}

TEST(Ledger, SumsAreThoseOfTheRows) {
  const LedgerFolder folder;
  for (uint64_t seed = 10; seed < 14; ++seed) {
    const std::string path = folder / std::to_string(seed);
    const auto rows = fill_ledger(path, seed, 700);
    auto reader = LedgerReader::open(path);
    ASSERT_TRUE(reader.has_value());
    const int64_t first = day_of(rows.front().time_us);
    for (const SumBy by : {SumBy::kDay, SumBy::kModel, SumBy::kKey, SumBy::kTask}) {
      for (const auto& [from, to] : {std::pair(first, first + 10), std::pair(first + 1, first + 1)}) {
        const auto sums = reader->sum(by, from, to);
        ASSERT_TRUE(sums.has_value()) << sums.error().message;
        const auto expected = expected_sums(rows, by, from, to);
        ASSERT_EQ(sums->size(), expected.size());
        for (const LedgerSum& sum : *sums) {
          EXPECT_EQ(sum.sums, expected.at(sum.group)) << sum.group;
          int64_t money = 0;
          for (const auto& [currency, amounts] : sum.money) money += amounts.amount_nano;
          EXPECT_EQ(money, sum.sums.cost_nano);
        }
      }
    }
    EXPECT_EQ(findings_of(path), "");
  }
}

TEST(Ledger, FiltersAndTheLastRows) {
  const LedgerFolder folder;
  const auto rows = fill_ledger(folder / "l.db", 3, 200);
  LedgerFilter filter;
  filter.model = "smollm2";
  filter.status = "done";
  filter.from_us = rows[20].time_us;
  filter.before_us = rows[150].time_us;
  std::vector<std::string> expected;
  for (size_t i = 20; i < 150; ++i) {
    if (rows[i].model == "smollm2" && rows[i].status == "done") expected.push_back(rows[i].request);
  }
  const auto names = [](const std::vector<StoredRow>& stored) {
    std::vector<std::string> out;
    for (const StoredRow& row : stored) out.push_back(row.row.request);
    return out;
  };
  EXPECT_EQ(names(stored_rows(folder / "l.db", filter)), expected);
  filter.last = 7;
  EXPECT_EQ(names(stored_rows(folder / "l.db", filter)), std::vector<std::string>(expected.end() - 7, expected.end()));
  LedgerFilter one;
  one.request = rows[77].request;
  EXPECT_EQ(names(stored_rows(folder / "l.db", one)), std::vector<std::string>{rows[77].request});
}

// RFC 4180, by the grammar of its section 2.
std::vector<std::vector<std::string>> parse_csv(const std::string& text) {
  std::vector<std::vector<std::string>> records;
  std::vector<std::string> record;
  for (size_t i = 0; i < text.size();) {
    std::string field;
    if (text[i] == '"') {
      for (++i; text[i] != '"' || text[i + 1] == '"'; ++i) {
        if (text[i] == '"') ++i;
        field += text[i];
      }
      ++i;
    } else {
      while (text[i] != ',' && text[i] != '\r') field += text[i++];
    }
    record.push_back(field);
    if (text[i] == ',') {
      ++i;
      continue;
    }
    EXPECT_EQ(text.substr(i, 2), "\r\n");
    i += 2;
    records.push_back(std::move(record));
    record.clear();
  }
  return records;
}

TEST(Ledger, ExportsReadBack) {
  const LedgerFolder folder;
  const auto rows = fill_ledger(folder / "l.db", 4, 120);
  std::string csv, jsonl;
  append_csv_head(csv);
  for (const StoredRow& row : stored_rows(folder / "l.db")) {
    append_csv(csv, row);
    append_jsonl(jsonl, row);
  }
  const auto records = parse_csv(csv);
  ASSERT_EQ(records.size(), rows.size() + 1);
  const auto column = [&](const std::string& name) {
    return static_cast<size_t>(std::find(records[0].begin(), records[0].end(), name) - records[0].begin());
  };
  size_t begin = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto& record = records[i + 1];
    ASSERT_EQ(record.size(), records[0].size());
    EXPECT_EQ(record[column("request")], rows[i].request);
    EXPECT_EQ(record[column("model")], rows[i].model);
    EXPECT_EQ(record[column("answer")], rows[i].answer.value_or(""));
    EXPECT_EQ(record[column("prompt")], rows[i].prompt.value_or(""));
    EXPECT_EQ(record[column("energy_uj")], rows[i].energy_uj ? std::to_string(*rows[i].energy_uj) : "");
    const size_t end = jsonl.find('\n', begin);
    const auto json = Json::parse(std::string_view(jsonl).substr(begin, end - begin));
    begin = end + 1;
    ASSERT_TRUE(json.has_value()) << json.error().message;
    EXPECT_EQ(*json->find("model")->as_string(), rows[i].model);
    EXPECT_EQ(json->find("energy_uj")->as_int(), rows[i].energy_uj);
    EXPECT_EQ(json->find("seed")->as_uint(), rows[i].seed);
    EXPECT_EQ(json->find("answer")->is_null(), !rows[i].answer.has_value());
    EXPECT_EQ(*json->find("time")->as_string(), record[column("time")]);
    EXPECT_EQ(json->find("time_us")->as_int(), rows[i].time_us);
  }
  EXPECT_EQ(begin, jsonl.size());
}

TEST(Ledger, PruningKeepsTheChainAndTheSums) {
  const LedgerFolder folder;
  const std::string path = folder / "l.db";
  auto rows = fill_ledger(path, 5, 900);
  const auto sums = [&] {
    auto reader = LedgerReader::open(path);
    std::string out;
    const auto read = reader->sum(SumBy::kDay, std::nullopt, std::nullopt);
    for (const LedgerSum& s : *read) {
      out += s.group + ":";
      each_sum_column(s.sums, [&](const char*, int64_t value) { out += " " + std::to_string(value); });
      out += "\n";
    }
    return out;
  };
  const std::string before = sums();
  const auto size_before = std::filesystem::file_size(path);
  const int64_t day = day_of(rows[0].time_us) + 2;
  const auto kept = std::find_if(rows.begin(), rows.end(), [&](const LedgerRow& r) { return day_of(r.time_us) >= day; });
  const auto gone = kept - rows.begin();
  ASSERT_GT(gone, 300);
  EXPECT_EQ(prune_ledger(path, day).value_or(-1), gone);
  EXPECT_EQ(findings_of(path), "");
  EXPECT_EQ(sums(), before);
  EXPECT_LT(std::filesystem::file_size(path), size_before * 2 / 3);
  EXPECT_EQ(file_bytes(path).find("\"" + rows[3].request), std::string::npos);
  const auto stored = stored_rows(path);
  ASSERT_EQ(static_cast<ptrdiff_t>(stored.size()), rows.end() - kept);
  EXPECT_EQ(stored.front().row, *kept);
  EXPECT_EQ(stored.front().seq, gone + 1);

  // Again, with new rows; then all of them.
  rows.clear();
  fill_ledger(path, 6, 30);
  EXPECT_EQ(prune_ledger(path, day).value_or(-1), 0);
  EXPECT_EQ(findings_of(path), "");
  EXPECT_GT(prune_ledger(path, 200'000).value_or(-1), 0);
  EXPECT_EQ(findings_of(path), "");
  EXPECT_TRUE(stored_rows(path).empty());
  fill_ledger(path, 7, 3);
  EXPECT_EQ(findings_of(path), "");
  EXPECT_EQ(stored_rows(path).front().seq, 931);
  EXPECT_EQ(verify_ledger(path)->pruned_rows, 930);
}

TEST(Ledger, PruningInManyTransactionsKeepsOneHash) {
  const LedgerFolder folder;
  const std::string path = folder / "l.db";
  {
    auto ledger = Ledger::open(quick_options(path));
    ASSERT_TRUE(ledger.has_value());
    for (int64_t i = 0; i < 1500; ++i) {
      LedgerRow row = random_ledger_row(8, i);
      if (i % 400 > 390) row.time_us -= 2 * kMicrosPerDay;  // a clock that is set back for a while
      (*ledger)->append(row);
    }
  }
  // Verifying hashes the sums from the start. Some are left by an earlier call.
  const int64_t day = day_of(kTestStart);
  EXPECT_GT(prune_ledger(path, day + 2, 100).value_or(-1), 300);
  EXPECT_EQ(findings_of(path), "");
  EXPECT_GT(prune_ledger(path, day + 5, 70).value_or(-1), 300);
  EXPECT_EQ(findings_of(path), "");
}

TEST(Ledger, ADamagedRowIsNotPruned) {
  const LedgerFolder folder;
  const std::string path = folder / "l.db";
  fill_ledger(path, 5, 60);
  std::string bytes = file_bytes(path);
  const size_t at = bytes.find("req-5-20");
  ASSERT_NE(at, std::string::npos);
  bytes[at] = 'X';
  put_bytes(path, bytes);
  const auto pruned = prune_ledger(path, 200'000);
  ASSERT_FALSE(pruned.has_value());
  EXPECT_NE(pruned.error().message.find("row 21 is damaged, so pruning stops"), std::string::npos) << pruned.error().message;
  EXPECT_EQ(stored_rows(path).size(), 60u);
}

TEST(Ledger, AnotherWriterInTheSameProcess) {
  const LedgerFolder folder;
  const std::string path = folder / "l.db";
  {
    auto a = Ledger::open(quick_options(path));
    auto b = Ledger::open(quick_options(path));
    ASSERT_TRUE(a && b);
    std::thread other([&] {
      for (int i = 0; i < 200; ++i) (*b)->append(random_ledger_row(21, i));
    });
    for (int i = 0; i < 200; ++i) (*a)->append(random_ledger_row(20, i));
    other.join();
    // Read and checked while both are open.
    EXPECT_TRUE((*a)->flush(std::chrono::seconds(30)));
    EXPECT_EQ(findings_of(path), "");
    EXPECT_GE(stored_rows(path).size(), 200u);
  }
  EXPECT_EQ(stored_rows(path).size(), 400u);
  EXPECT_EQ(findings_of(path), "");
}

TEST(Ledger, AFileThatIsMovedAwayIsBegunAnew) {
  const LedgerFolder folder;
  const std::string path = folder / "l.db";
  auto ledger = Ledger::open(quick_options(path));
  ASSERT_TRUE(ledger.has_value());
  (*ledger)->append(random_ledger_row(1, 0));
  ASSERT_TRUE((*ledger)->flush(std::chrono::seconds(30)));
  for (const char* end : {"", "-wal", "-shm"}) std::filesystem::rename(path + end, folder / ("old.db" + std::string(end)));
  (*ledger)->append(random_ledger_row(1, 1));
  ASSERT_TRUE((*ledger)->flush(std::chrono::seconds(30)));
  EXPECT_EQ(stored_rows(path).size(), 1u);
  EXPECT_EQ(findings_of(path), "");
  EXPECT_EQ(stored_rows(folder / "old.db").size(), 1u);
}

TEST(Ledger, AFileThatCannotBeOpenedYetIsOpenedLater) {
  for (const bool required : {false, true}) {
    const LedgerFolder folder;
    put_bytes(folder / "place", "a file where the folder will be");
    LedgerOptions options = quick_options(folder / "place/l.db");
    EXPECT_FALSE(Ledger::open(options).has_value());
    options.open_later = true;
    options.required = required;
    auto ledger = Ledger::open(options);
    ASSERT_TRUE(ledger.has_value()) << ledger.error().message;
    EXPECT_TRUE((*ledger)->status().alarm);
    EXPECT_NE((*ledger)->status().text.find("cannot be made"), std::string::npos) << (*ledger)->status().text;
    EXPECT_EQ((*ledger)->accepting(), !required);
    if (!required) (*ledger)->append(random_ledger_row(1, 0));
    EXPECT_FALSE((*ledger)->flush(std::chrono::milliseconds(50)) && !required);
    std::filesystem::remove(folder / "place");
    for (int i = 0; i < 3000 && (*ledger)->status().alarm; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    EXPECT_TRUE((*ledger)->accepting()) << "although no row came";
    (*ledger)->append(random_ledger_row(1, 1));
    EXPECT_TRUE((*ledger)->flush(std::chrono::seconds(30)));
    EXPECT_EQ(stored_rows(options.path).size(), required ? 1u : 2u);
    EXPECT_EQ((*ledger)->status().lost, 0u);
  }
}

TEST(Ledger, ALockThatGoesIsNoAlarm) {
  const LedgerFolder folder;
  const std::string path = folder / "l.db";
  LedgerOptions options = quick_options(path);
  options.required = true;
  auto ledger = Ledger::open(options);
  ASSERT_TRUE(ledger.has_value());
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &db), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(db, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  (*ledger)->append(random_ledger_row(1, 0));
  for (int i = 0; i < 56; ++i) {  // longer than SQLite waits once
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    ASSERT_TRUE((*ledger)->accepting() && !(*ledger)->status().alarm) << i;
  }
  sqlite3_close(db);
  EXPECT_TRUE((*ledger)->flush(std::chrono::seconds(30)));
  EXPECT_EQ(stored_rows(path).size(), 1u);
}

TEST(Ledger, OtherFilesAreRefused) {
  const LedgerFolder folder;
  const auto error = [&](const std::string& name) {
    const std::string path = folder / name;
    LedgerOptions options = quick_options(path);
    options.open_later = true;  // in vain
    const auto opened = Ledger::open(options);
    const auto reader = LedgerReader::open(path);
    const auto verdict = verify_ledger(path);
    EXPECT_FALSE(opened.has_value() || reader.has_value() || verdict.has_value()) << name;
    if (opened || reader || verdict) return std::string();
    EXPECT_EQ(verdict.error().message.find('\n'), std::string::npos);
    return opened.error().message + "|" + reader.error().message + "|" + verdict.error().message;
  };
  put_bytes(folder / "text", std::string(5000, 'a'));
  EXPECT_NE(error("text").find("file is not a database"), std::string::npos) << error("text");
  std::filesystem::create_directory(folder / "folder");
  EXPECT_NE(error("folder").find("not a regular file"), std::string::npos);
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open((folder / "foreign").c_str(), &db), SQLITE_OK);
  sqlite3_exec(db, "CREATE TABLE t (x)", nullptr, nullptr, nullptr);
  sqlite3_close(db);
  EXPECT_NE(error("foreign").find("an SQLite file, but not a ledger of Sobre"), std::string::npos);
  fill_ledger(folder / "newer", 1, 2);
  ASSERT_EQ(sqlite3_open((folder / "newer").c_str(), &db), SQLITE_OK);
  sqlite3_exec(db, "ALTER TABLE rows ADD COLUMN water REAL; PRAGMA user_version = 9", nullptr, nullptr, nullptr);
  sqlite3_close(db);
  EXPECT_NE(error("newer").find("a ledger of version 9; this program knows version 1"), std::string::npos) << error("newer");
  EXPECT_NE(LedgerReader::open(folder / "none").error().message.find("there is no ledger"), std::string::npos);
  EXPECT_NE(Ledger::open(quick_options("/proc/nothing/l.db")).error().message.find("cannot be made"), std::string::npos);
}

TEST(Ledger, DaysAndTimes) {
  EXPECT_EQ(parse_day("1970-01-01"), 0);
  EXPECT_EQ(parse_day("2026-02-25"), day_of(kTestStart));
  EXPECT_EQ(day_text(*parse_day("2024-02-29")), "2024-02-29");
  for (const char* bad : {"2026-02-29", "2026-13-01", "2026-1-01", "20260101", "1969-12-31", "2026-01-0x", ""})
    EXPECT_FALSE(parse_day(bad).has_value()) << bad;
  EXPECT_EQ(time_text(kTestStart + 1), "2026-02-25T06:13:20.000001Z");
  EXPECT_EQ(day_of(-1), -1);
}

}  // namespace
}  // namespace sobre
