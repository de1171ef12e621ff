// A ledger whose process is killed, whose disk is full, which several processes write.
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <set>
#include <sstream>
#include <thread>

#include "meter/ledger.h"
#include "meter/ledger_reader.h"
#include "meter/ledger_testing.h"

namespace sobre {
namespace {

using Clock = std::chrono::steady_clock;

double now_s() { return std::chrono::duration<double>(Clock::now().time_since_epoch()).count(); }

// What the child tells before it is killed, in memory that both see.
struct Shared {
  static constexpr int64_t kMost = 1 << 16;
  std::atomic<int64_t> appended;  // rows of this child that were handed over
  std::atomic<int64_t> flushed;   // rows that flush() said are in the file
  std::atomic<bool> stalled;      // the machine did not let the child run for a while
  double at[kMost];               // when each was handed over
};

Shared* make_shared_memory() {
  void* memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  EXPECT_NE(memory, MAP_FAILED);
  return static_cast<Shared*>(memory);
}

// The life of a child: some hundred rows a second, now and then a flush where wanted, until it is killed.
[[noreturn]] void write_until_killed(const std::string& path, int64_t number, bool flushes, Shared& shared) {
  LedgerOptions options;
  options.path = path;
  auto ledger = Ledger::open(options);
  if (!ledger) _exit(3);
  double last = now_s();
  for (int64_t i = 0; i < Shared::kMost; ++i) {
    LedgerRow row = random_ledger_row(static_cast<uint64_t>(number), i);
    shared.at[i] = now_s();
    (*ledger)->append(std::move(row));
    shared.appended = i + 1;
    if (flushes && i % 97 == 96 && (*ledger)->flush(std::chrono::seconds(30))) shared.flushed = i + 1;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    if (now_s() - last > 0.1) shared.stalled = true;
    last = now_s();
  }
  _exit(4);
}

TEST(LedgerCrash, KilledAtRandomMomentsItLosesNoFlushedRow) {
  const LedgerFolder folder;
  const std::string path = folder / "l.db";
  Shared* shared = make_shared_memory();
  double oldest_lost_s = 0;
  size_t rows_before = 0;
  for (int64_t round = 0; round < 50; ++round) {
    shared->appended = shared->flushed = 0;
    shared->stalled = false;
    // Mostly within the first transactions; four live longer than the second that may be lost.
    const bool long_life = round % 12 == 11;
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) write_until_killed(path, round, !long_life, *shared);
    const double moment = random_unit(2026, 0, static_cast<uint64_t>(round));
    const double wait = long_life ? 1.2 + moment / 4 : moment * 0.1;
    std::this_thread::sleep_for(std::chrono::duration<double>(wait));
    const double killed_at = now_s();
    ASSERT_EQ(kill(child, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << status;
    if (!std::filesystem::exists(path)) continue;  // killed before its first step
    // A child killed while it made the file leaves an empty one, which the next one makes a ledger of.
    if (shared->appended == 0 && rows_before == 0) continue;
    ASSERT_EQ(findings_of(path), "") << "round " << round;
    LedgerFilter filter;
    const auto rows = stored_rows(path, filter);
    ASSERT_GE(rows.size(), rows_before);
    const auto fresh = static_cast<int64_t>(rows.size() - rows_before);
    ASSERT_GE(fresh, shared->flushed) << "round " << round;
    for (int64_t i = 0; i < fresh; ++i)
      ASSERT_EQ(rows[rows_before + static_cast<size_t>(i)].row, random_ledger_row(static_cast<uint64_t>(round), i));
    // How old the oldest row was that was lost. Told, not tested: a disk may take its time to sync.
    if (!shared->stalled && fresh < shared->appended) oldest_lost_s = std::max(oldest_lost_s, killed_at - shared->at[fresh]);
    rows_before = rows.size();
  }
  EXPECT_GT(rows_before, 200u);
  std::printf("the oldest row lost was %.2f s old\n", oldest_lost_s);
  munmap(shared, sizeof(Shared));
}

TEST(LedgerCrash, TwoProcessesShareOneChain) {
  const LedgerFolder folder;
  const std::string path = folder / "l.db";
  constexpr int kRows = 300;
  std::vector<pid_t> children;
  for (uint64_t seed = 31; seed < 33; ++seed) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      auto ledger = Ledger::open(quick_options(path));
      if (!ledger) _exit(3);
      for (int i = 0; i < kRows; ++i) {
        (*ledger)->append(random_ledger_row(seed, i));
        if (i % 10 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(3));
      }
      _exit((*ledger)->flush(std::chrono::seconds(60)) ? 0 : 5);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(findings_of(path), "");
  const auto rows = stored_rows(path);
  ASSERT_EQ(rows.size(), 2u * kRows);
  int64_t next[2] = {0, 0};
  for (const StoredRow& stored : rows) {
    const size_t who = stored.row.request.starts_with("req-31-") ? 0 : 1;
    EXPECT_EQ(stored.row, random_ledger_row(31 + who, next[who]++));
  }
}

// In a child, since its limit on file sizes is what fills the disk: then writes fail as they do there.
#define CHILD_CHECK(condition)                                \
  do {                                                        \
    if (!(condition)) {                                       \
      std::fprintf(stderr, "%d: %s\n", __LINE__, #condition); \
      _exit(1);                                               \
    }                                                         \
  } while (false)

void limit_file_size(uint64_t bytes) {
  rlimit limit{};
  CHILD_CHECK(getrlimit(RLIMIT_FSIZE, &limit) == 0);
  limit.rlim_cur = bytes == 0 ? limit.rlim_max : bytes;
  CHILD_CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

template <class Condition>
bool wait_until(Condition&& condition) {
  for (int i = 0; i < 6000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

constexpr int64_t kEarly = 50, kWaiting = 500, kLost = 40, kLate = 20;

LedgerRow full_disk_row(int64_t i) {
  LedgerRow row = random_ledger_row(41, i);
  row.answer = std::string(3000, 'z');
  return row;
}

[[noreturn]] void fill_the_disk(const std::string& path, bool required) {
  signal(SIGXFSZ, SIG_IGN);
  LedgerOptions options = quick_options(path);
  options.required = required;
  options.max_waiting_rows = static_cast<size_t>(kWaiting);
  auto opened = Ledger::open(options);
  CHILD_CHECK(opened.has_value());
  Ledger& ledger = **opened;
  int64_t i = 0;
  while (i < kEarly) ledger.append(full_disk_row(i++));
  CHILD_CHECK(ledger.flush(std::chrono::seconds(60)));
  limit_file_size(std::max(std::filesystem::file_size(path), std::filesystem::file_size(path + "-wal")) + 5000);
  ledger.append(full_disk_row(i++));
  ledger.append(full_disk_row(i++));
  CHILD_CHECK(wait_until([&] {
    if (ledger.status().alarm) return true;
    if (i < kEarly + kWaiting / 2) ledger.append(full_disk_row(i++));
    return false;
  }));
  CHILD_CHECK(ledger.accepting() == !required);
  const LedgerStatus alarmed = ledger.status();
  CHILD_CHECK(alarmed.text.starts_with("the ledger cannot be written: " + path) && alarmed.since_us > 0);
  CHILD_CHECK(alarmed.waiting > 0 && alarmed.lost == 0);
  // Opening the file anew empties its log, whose room then takes some more rows: which ones are lost is seen, not known.
  std::string lost_rows;
  for (uint64_t lost = 0; lost < static_cast<uint64_t>(kLost); ++i) {
    ledger.append(full_disk_row(i));
    if (ledger.status().lost == lost) continue;
    lost = ledger.status().lost;
    lost_rows += std::to_string(i) + " ";
  }
  // Readers work meanwhile, and nothing is damaged.
  CHILD_CHECK(findings_of(path).empty());
  limit_file_size(0);
  CHILD_CHECK(wait_until([&] { return !ledger.status().alarm && ledger.status().waiting == 0; }));
  CHILD_CHECK(ledger.accepting() && ledger.status().text.empty());
  for (int64_t k = 0; k < kLate; ++k) ledger.append(full_disk_row(i++));
  CHILD_CHECK(ledger.flush(std::chrono::seconds(60)));
  CHILD_CHECK(ledger.status().lost == static_cast<uint64_t>(kLost));
  CHILD_CHECK(ledger.status().written == static_cast<uint64_t>(i - kLost));
  opened->reset();
  // The number of rows handed over and those that were lost, for the parent.
  put_bytes(path + ".count", std::to_string(i) + " " + lost_rows);
  _exit(0);
}

void expect_all_but_the_lost(const std::string& path) {
  EXPECT_EQ(findings_of(path), "");
  std::istringstream handed_over(file_bytes(path + ".count"));
  int64_t count = 0;
  handed_over >> count;
  std::set<int64_t> lost_rows;
  for (int64_t i = 0; handed_over >> i;) lost_rows.insert(i);
  ASSERT_EQ(static_cast<int64_t>(lost_rows.size()), kLost);
  RollupSums lost, stored;
  int64_t told = 0;
  size_t at = 0;
  const auto rows = stored_rows(path);
  for (int64_t i = 0; i < count; ++i) {
    if (lost_rows.contains(i)) {
      add_row(lost, full_disk_row(i));
      continue;
    }
    ASSERT_LT(at, rows.size()) << i;
    // A row that stands for lost ones comes in their place, before the next that finds room again.
    if (rows[at].row.kind == "lost") {
      EXPECT_TRUE(i > 0 && lost_rows.contains(i - 1)) << i;
      told += std::stoll(rows[at].row.request);
      add_row(stored, rows[at++].row);
    }
    ASSERT_LT(at, rows.size()) << i;
    ASSERT_EQ(rows[at++].row, full_disk_row(i)) << i;
  }
  EXPECT_EQ(at, rows.size());
  EXPECT_EQ(told, kLost);
  EXPECT_EQ(stored.energy_uj, lost.energy_uj);
  EXPECT_EQ(stored.marginal_uj, lost.marginal_uj);
  EXPECT_EQ(stored.carbon_ng, lost.carbon_ng);
  EXPECT_EQ(stored.answer_tokens, lost.answer_tokens);
}

TEST(LedgerCrash, AFullDiskRaisesAnAlarmAndRowsWait) {
  for (const bool required : {false, true}) {
    const LedgerFolder folder;
    const std::string path = folder / "l.db";
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) fill_the_disk(path, required);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_EQ(status, 0) << "what failed stands above, with its line";
    expect_all_but_the_lost(path);
  }
}

// What a prune does that is killed in the middle of a large transaction, while a server has the ledger open: pages that found
// no room in memory stand in the log, uncommitted, and the server's next rows overwrite the first of them.
TEST(LedgerCrash, FramesThatWereNeverCommittedAreNoDamage) {
  const LedgerFolder folder;
  const std::string path = folder / "l.db";
  auto ledger = Ledger::open(quick_options(path));
  ASSERT_TRUE(ledger.has_value());
  for (int64_t i = 0; i < 20; ++i) (*ledger)->append(full_disk_row(i));
  ASSERT_TRUE((*ledger)->flush(std::chrono::seconds(60)));
  const uint64_t before = std::filesystem::file_size(path + "-wal");
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    sqlite3* db = nullptr;
    CHILD_CHECK(sqlite3_open(path.c_str(), &db) == SQLITE_OK);
    CHILD_CHECK(
        sqlite3_exec(db,
                     "PRAGMA cache_size = 10; BEGIN IMMEDIATE; CREATE TABLE spill (x); WITH RECURSIVE n(i) AS (SELECT 1 "
                     "UNION ALL SELECT i + 1 FROM n WHERE i < 200) INSERT INTO spill SELECT zeroblob(4000) FROM n",
                     nullptr, nullptr, nullptr) == SQLITE_OK);
    _exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  ASSERT_GT(std::filesystem::file_size(path + "-wal"), before + 200'000) << "nothing was spilled: this test tests nothing";
  EXPECT_EQ(findings_of(path), "");
  (*ledger)->append(full_disk_row(20));
  ASSERT_TRUE((*ledger)->flush(std::chrono::seconds(60)));
  EXPECT_EQ(findings_of(path), "");
  EXPECT_EQ(stored_rows(path).size(), 21u);
}

}  // namespace
}  // namespace sobre
