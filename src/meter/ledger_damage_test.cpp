// Single bytes of a real ledger flipped, at random and at chosen places: verify finds them, or everything still reads the same.
#include <algorithm>
#include <set>

#include "meter/ledger_reader.h"
#include "meter/ledger_testing.h"
#include "meter/text.h"

namespace sobre {
namespace {

// All that can be read of a ledger, as text; empty where reading fails.
std::string everything(const std::string& path) {
  auto reader = LedgerReader::open(path);
  if (!reader) return {};
  std::string out;
  const auto read = reader->rows({}, [&](const StoredRow& row) -> Result<void> {
    append_jsonl(out, row);
    return {};
  });
  if (!read) return {};
  for (const SumBy by : {SumBy::kDay, SumBy::kModel, SumBy::kKey, SumBy::kTask}) {
    const auto sums = reader->sum(by, std::nullopt, std::nullopt);
    if (!sums) return {};
    for (const LedgerSum& sum : *sums) {
      out += sum.group;
      each_sum_column(sum.sums, [&](const char*, int64_t value) { out += " " + std::to_string(value); });
      for (const std::string& method : sum.methods) out += " " + method;
      for (const auto& [currency, money] : sum.money) out += " " + currency + std::to_string(money.amount_nano);
      out += "\n";
    }
  }
  return out;
}

class LedgerDamage : public testing::Test {
 protected:
  void SetUp() override {
    rows_ = fill_ledger(folder_ / "l.db", 50, 400);
    // The first day goes, so that there are an anchor, sums of pruned rows and free pages.
    const auto pruned = prune_ledger(folder_ / "l.db", day_of(rows_.front().time_us) + 1);
    ASSERT_GT(pruned.value_or(0), 100);
    bytes_ = file_bytes(folder_ / "l.db");
    ASSERT_FALSE(std::filesystem::exists(folder_ / "l.db-wal"));
    before_ = everything(folder_ / "l.db");
    ASSERT_EQ(findings_of(folder_ / "l.db"), "");
    stored_ = stored_rows(folder_ / "l.db");
    ASSERT_GT(stored_.size(), 150u);
  }

  // Flips bits of one byte; returns what verify found, which is checked.
  LedgerVerdict flip(size_t at, unsigned char bits) {
    const std::string path = folder_ / "flipped.db";
    if (!std::filesystem::exists(path)) put_bytes(path, bytes_);
    for (const char* end : {"-wal", "-shm"}) std::filesystem::remove(path + end);
    const auto put = [&](char byte) {
      std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
      file.seekp(static_cast<std::streamoff>(at));
      file.put(byte);
    };
    put(static_cast<char>(static_cast<unsigned char>(bytes_[at]) ^ bits));
    LedgerVerdict verdict = look(path, at, bits);
    put(bytes_[at]);
    return verdict;
  }

  LedgerVerdict look(const std::string& path, size_t at, unsigned char bits) {
    const auto verdict = verify_ledger(path);
    if (!verdict) {
      // Not even a ledger any more: said clearly, on one line.
      EXPECT_NE(verdict.error().message.find(path), std::string::npos) << verdict.error().message;
      LedgerVerdict refused;
      refused.findings.push_back({0, 1, verdict.error().message});
      return refused;
    }
    for (const LedgerFinding& f : verdict->findings) EXPECT_EQ(f.text.find('\n'), std::string::npos);
    if (verdict->good()) {
      EXPECT_EQ(everything(path), before_) << "byte " << at << " bits " << int{bits}
                                           << " is not found and changes what is read";
      ++unfound_;
    }
    return *verdict;
  }

  static bool names_row(const LedgerVerdict& verdict, int64_t row) {
    return std::any_of(verdict.findings.begin(), verdict.findings.end(), [&](const LedgerFinding& f) {
      return f.row == row && f.text.find("row " + std::to_string(row)) != std::string::npos;
    });
  }
  static std::string text_of(const LedgerVerdict& verdict) {
    std::string out;
    for (const LedgerFinding& f : verdict.findings) out += f.text + "\n";
    return out;
  }
  // Flips one byte of each place in the file where `value` stands; expects that the row is named, or the one after it (whose
  // prev is this one's hash), and the row itself at least once.
  void expect_named(const std::string& value, const StoredRow& row, const char* what) {
    bool named = false;
    for (size_t at = bytes_.find(value); at != std::string::npos; at = bytes_.find(value, at + 1)) {
      const auto place = static_cast<size_t>(random_unit(51, 0, flips_) * static_cast<double>(value.size()));
      const LedgerVerdict verdict = flip(at + place, static_cast<unsigned char>(1u << flips_ % 8));
      ++flips_;
      named |= names_row(verdict, row.seq);
      // A sum over this row alone has the same bytes: then the row of the roll-up is named.
      EXPECT_TRUE(names_row(verdict, row.seq) || names_row(verdict, row.seq + 1) ||
                  text_of(verdict).find("roll-up of ") != std::string::npos)
          << what << " of row " << row.seq << ":\n"
          << text_of(verdict);
    }
    EXPECT_TRUE(named || bytes_.find(value) == std::string::npos) << what << " of row " << row.seq;
  }

  static std::string big_endian(int64_t value, int bytes) {
    std::string out;
    for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(value >> (8 * i) & 0xFF);
    return out;
  }

  LedgerFolder folder_;
  std::vector<LedgerRow> rows_;
  std::vector<StoredRow> stored_;
  std::string bytes_, before_;
  uint64_t flips_ = 0;
  int unfound_ = 0;
};

TEST_F(LedgerDamage, ValuesAreFoundAndTheirRowNamed) {
  for (size_t i = 0; i < stored_.size(); i += 4) {
    const StoredRow& row = stored_[i];
    expect_named(row.row.request + row.row.kind, row, "request");
    if (i % 8 == 0) expect_named(row.row.model_digest, row, "model_digest");
    if (row.row.energy_uj) {
      const std::string amounts = big_endian(*row.row.energy_uj, 4) + big_endian(*row.row.energy_low_uj, 4);
      expect_named(amounts, row, "energy_uj and energy_low_uj");
    }
    if (i % 8 == 4) expect_named(std::string(row.hash.begin(), row.hash.end()), row, "hash");
  }
  EXPECT_GT(flips_, 120u);
  EXPECT_EQ(unfound_, 0);
}

TEST_F(LedgerDamage, AnyByteIsFoundOrDoesNotMatter) {
  int with_place = 0, found = 0;
  constexpr int kFlips = 300;
  for (uint64_t i = 0; i < kFlips; ++i) {
    const auto at = static_cast<size_t>(random_unit(52, 0, i) * static_cast<double>(bytes_.size()));
    const LedgerVerdict verdict = flip(at, static_cast<unsigned char>(1u << i % 8));
    if (verdict.good()) continue;
    ++found;
    const auto page = static_cast<int64_t>(at / 4096) + 1;
    with_place += std::any_of(verdict.findings.begin(), verdict.findings.end(),
                              [&](const LedgerFinding& f) {
                                return f.row > 0 || f.page == page || f.text.starts_with("roll-up of ") ||
                                       f.text.starts_with("the anchor");
                              })
                      ? 1
                      : 0;
  }
  // The rest is free space in pages, and what SQLite itself does not read.
  EXPECT_GT(found, kFlips / 2);
  EXPECT_GE(with_place, found * 9 / 10);
}

TEST_F(LedgerDamage, TheHeadOfTheFileAndOfEachPage) {
  for (size_t at = 0; at < 108; ++at) flip(at, at % 3 == 0 ? 0xFF : static_cast<unsigned char>(1u << at % 8));
  // The head of a page tells its kind, its free blocks, how many cells it has and where they begin.
  for (size_t page = 1; page < bytes_.size() / 4096; ++page) {
    flip(page * 4096 + page % 12, static_cast<unsigned char>(1u << page % 8));
    flip(page * 4096 + (page + 5) % 8, static_cast<unsigned char>(1u << page % 7));
  }
}

TEST_F(LedgerDamage, TheRollUpTheAnchorAndTheTablesAreNamed) {
  const auto expect_text = [&](size_t at, const std::string& words) {
    ASSERT_NE(at, std::string::npos);
    const LedgerVerdict verdict = flip(at, 2);
    EXPECT_NE(text_of(verdict).find(words), std::string::npos) << words << ":\n" << text_of(verdict);
  };
  expect_text(bytes_.find("CREATE TABLE rows") + 8, "page 1: ");
  // In a record of sums the model is followed at once by key, task, kind and method; in a row by the digest.
  std::set<std::string> named;
  const std::string mark = "smollm2key-";
  for (size_t at = bytes_.find(mark); at != std::string::npos; at = bytes_.find(mark, at + 1)) {
    const std::string text = text_of(flip(at, 2));
    for (const char* name : {"roll-up of 2026-", "(table pruned) was changed"}) {
      if (text.find(name) != std::string::npos) named.insert(name);
    }
    EXPECT_NE(text, "");
  }
  EXPECT_EQ(named.size(), 2u);
  // The anchor holds the hash of the last row that was pruned, as the first row does.
  const LedgerHash& hash = stored_.front().prev;
  const std::string prev(hash.begin(), hash.end());
  std::set<std::string> seen;
  for (size_t i = bytes_.find(prev); i != std::string::npos; i = bytes_.find(prev, i + 1)) {
    const std::string found = text_of(flip(i, 1));
    seen.insert(found.find("anchor") != std::string::npos ? "anchor" : "row");
  }
  EXPECT_EQ(seen, (std::set<std::string>{"anchor", "row"}));
}

TEST_F(LedgerDamage, ALedgerCutOffIsAClearErrorOrFindings) {
  const std::string path = folder_ / "cut.db";
  for (size_t i = 0; i < 40; ++i) {
    const size_t size = i < 8 ? i * 16 : static_cast<size_t>(random_unit(53, 0, i) * static_cast<double>(bytes_.size()));
    for (const char* end : {"-wal", "-shm"}) std::filesystem::remove(path + end);
    put_bytes(path, bytes_.substr(0, size));
    const auto verdict = verify_ledger(path);
    if (verdict) {
      EXPECT_FALSE(verdict->good()) << size;
    } else {
      EXPECT_EQ(verdict.error().message.find('\n'), std::string::npos);
    }
  }
}

TEST_F(LedgerDamage, RowsTakenAwayOrPutInAreFound) {
  const std::string path = folder_ / "l.db";
  const auto change = [&](const char* sql) {
    put_bytes(folder_ / "changed.db", bytes_);
    auto db = LedgerDb::open(folder_ / "changed.db", LedgerAccess::kChange);
    EXPECT_TRUE(db.has_value());
    const auto done = db->run(sql);
    EXPECT_TRUE(done.has_value()) << done.error().message;
    std::string found;
    {
      const LedgerDb closed = std::move(*db);
    }
    return findings_of(folder_ / "changed.db");
  };
  const std::string from = std::to_string(stored_.front().seq), middle = std::to_string(stored_[40].seq);
  EXPECT_EQ(change("DELETE FROM rows WHERE seq = (SELECT min(seq) + 40 FROM rows)").find("row " + middle + " is missing"), 0u);
  EXPECT_NE(change("DELETE FROM rows WHERE seq = (SELECT max(seq) FROM rows)").find("its rows give"), std::string::npos);
  EXPECT_EQ(change("DELETE FROM rows WHERE seq = (SELECT min(seq) FROM rows)").find("row " + from + " is missing"), 0u);
  EXPECT_NE(change("UPDATE rows SET energy_uj = 1 WHERE seq = (SELECT min(seq) + 40 FROM rows)").find("row " + middle),
            std::string::npos);
  EXPECT_NE(change("DELETE FROM anchor").find("no anchor"), std::string::npos);
  EXPECT_NE(change("UPDATE pruned SET energy_uj = energy_uj + 1").find("pruned"), std::string::npos);
  EXPECT_NE(change("UPDATE rollup SET energy_uj = energy_uj + 1").find("energy_uj is"), std::string::npos);
  EXPECT_NE(change("UPDATE anchor SET before_day = 3").find("the anchor"), std::string::npos);
  EXPECT_NE(change("CREATE INDEX i ON rows (time_us)").find("page 1: "), std::string::npos);
}

TEST(LedgerLog, ADamagedLogIsFound) {
  const LedgerFolder folder;
  const std::string path = folder / "l.db";
  auto ledger = Ledger::open(quick_options(path));
  ASSERT_TRUE(ledger.has_value());
  for (int64_t i = 0; i < 40; ++i) {
    (*ledger)->append(random_ledger_row(60, i));
    ASSERT_TRUE((*ledger)->flush(std::chrono::seconds(60)));
  }
  // The files of a process that was killed: copied while it lives.
  const std::string main = file_bytes(path), log = file_bytes(path + "-wal");
  ledger->reset();
  ASSERT_GT(log.size(), 100'000u);
  const std::string copy = folder / "copy.db";
  const auto look = [&](const std::string& changed) {
    std::filesystem::remove(copy + "-shm");
    put_bytes(copy, main);
    put_bytes(copy + "-wal", changed);
    std::string found = findings_of(copy);
    // A second look finds the same: reading does not fold the log into the file.
    EXPECT_EQ(findings_of(copy), found);
    return found;
  };
  EXPECT_EQ(look(log), "");
  EXPECT_EQ(stored_rows(copy).size(), 40u);
  for (uint64_t i = 0; i < 60; ++i) {
    std::string changed = log;
    const auto at =
        i < 32 ? static_cast<size_t>(i) : static_cast<size_t>(random_unit(61, 0, i) * static_cast<double>(log.size()));
    changed[at] = static_cast<char>(static_cast<unsigned char>(changed[at]) ^ (1u << i % 8));
    EXPECT_NE(look(changed).find("of the log is damaged; rows written after that are lost"), std::string::npos) << at;
  }
  // Its last frame cut off, as by a kill: nothing is wrong, the transaction is not there.
  EXPECT_EQ(look(log.substr(0, log.size() - 1000)), "");
  EXPECT_EQ(stored_rows(copy).size(), 39u);
}

}  // namespace
}  // namespace sobre
