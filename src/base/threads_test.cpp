#include "base/threads.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace sobre {
namespace {

TEST(ThreadPool, EveryMemberWorksOnce) {
  for (const int size : {1, 2, 3, 8}) {
    ThreadPool pool(size);
    EXPECT_EQ(pool.size(), size);
    std::vector<int> calls(static_cast<size_t>(size), 0);  // each its own element: no member may be there twice at a time
    for (int run = 0; run < 200; ++run) pool.run([&](int member) { ++calls[static_cast<size_t>(member)]; });
    EXPECT_EQ(calls, std::vector<int>(static_cast<size_t>(size), 200));
  }
}

TEST(ThreadPool, TheCallerIsMemberZero) {
  ThreadPool pool(3);
  std::vector<std::thread::id> ids(3);
  pool.run([&](int member) { ids[static_cast<size_t>(member)] = std::this_thread::get_id(); });
  EXPECT_EQ(ids[0], std::this_thread::get_id());
  EXPECT_NE(ids[1], ids[0]);
  EXPECT_NE(ids[2], ids[0]);
  EXPECT_NE(ids[1], ids[2]);
}

TEST(ThreadPool, BarriersSeparatePhases) {
  for (const int size : {1, 2, 5}) {
    ThreadPool pool(size);
    const auto n = static_cast<size_t>(size);
    std::vector<int> values(n, 0);  // plain ints: the barrier alone makes what one wrote seen by the others
    std::atomic<int> wrong{0};
    pool.run([&](int member) {
      const auto me = static_cast<size_t>(member);
      for (int phase = 1; phase <= 500; ++phase) {
        values[me] = phase;
        pool.barrier();
        if (values[(me + 1) % n] != phase) ++wrong;
        pool.barrier();
      }
    });
    EXPECT_EQ(wrong, 0);
  }
}

TEST(ThreadPool, SleepingMembersWakeUp) {
  ThreadPool pool(4);
  std::atomic<int> done{0};
  for (int run = 0; run < 3; ++run) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // longer than they spin
    pool.run([&](int member) {
      if (member == 1) std::this_thread::sleep_for(std::chrono::milliseconds(20));  // the caller has to sleep too
      pool.barrier();
      ++done;
    });
  }
  EXPECT_EQ(done, 12);
}

TEST(ThreadPool, MayNeverRun) {
  for (int i = 0; i < 20; ++i) ThreadPool pool(4);
}

TEST(ThreadPool, TakesTheUsableProcessorsUnlessTold) {
  EXPECT_EQ(ThreadPool(0).size(), usable_cpus());
  EXPECT_EQ(ThreadPool(-1).size(), usable_cpus());
}

TEST(UsableCpus, FollowsTheAffinityMask) {
  cpu_set_t before;
  ASSERT_EQ(::sched_getaffinity(0, sizeof(before), &before), 0);
  EXPECT_GE(usable_cpus(), 1);
  EXPECT_LE(usable_cpus(), CPU_COUNT(&before));
  int first = 0;
  while (!CPU_ISSET(static_cast<size_t>(first), &before)) ++first;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<size_t>(first), &one);
  ASSERT_EQ(::sched_setaffinity(0, sizeof(one), &one), 0);
  EXPECT_EQ(usable_cpus(), 1);
  ASSERT_EQ(::sched_setaffinity(0, sizeof(before), &before), 0);
}

TEST(Share, CoversEverythingOnceInGrains) {
  for (const int64_t n : {int64_t{0}, int64_t{1}, int64_t{15}, int64_t{16}, int64_t{17}, int64_t{1000}}) {
    for (const int count : {1, 2, 3, 7, 64}) {
      for (const int64_t grain : {1, 16, 100}) {
        int64_t next = 0, largest = 0;
        for (int i = 0; i < count; ++i) {
          const auto [begin, end] = share(n, i, count, grain);
          EXPECT_EQ(begin, next);
          EXPECT_TRUE(begin % grain == 0 || begin == n);
          EXPECT_LE(begin, end);
          largest = std::max(largest, end - begin);
          next = end;
        }
        EXPECT_EQ(next, n);
        const int64_t units = (n + grain - 1) / grain;
        EXPECT_LE(largest, (units + count - 1) / count * grain);  // nobody has more than a fair part, rounded up
      }
    }
  }
}

}  // namespace
}  // namespace sobre
