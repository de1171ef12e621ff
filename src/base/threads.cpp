#include "base/threads.h"

#include <sched.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sobre {

namespace {

// Tens of microseconds: longer than most phases of a decode step, short enough where members outnumber processors.
constexpr int kSpins = 4000;

inline void pause_cpu() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

void wait_while(std::atomic<uint32_t>& value, uint32_t old) {
  for (int i = 0; i < kSpins; ++i) {
    if (value.load(std::memory_order_acquire) != old) return;
    pause_cpu();
  }
  while (value.load(std::memory_order_acquire) == old) value.wait(old, std::memory_order_acquire);
}

std::string read_line(const std::string& path) {
  std::FILE* f = std::fopen(path.c_str(), "re");
  if (f == nullptr) return {};
  char line[4096] = {};
  const bool ok = std::fgets(line, sizeof line, f) != nullptr;
  std::fclose(f);
  return ok ? std::string(line) : std::string();
}

// CPUs a quota file allows, or 0 when it sets no limit. v2: "max 100000" or "150000 100000".
double quota_v2(const std::string& folder) {
  const std::string line = read_line(folder + "/cpu.max");
  double quota = 0;
  double period = 0;
  if (std::sscanf(line.c_str(), "%lf %lf", &quota, &period) != 2 || period <= 0) return 0;
  return quota / period;
}

double quota_v1(const std::string& folder) {
  const double quota = std::atof(read_line(folder + "/cpu.cfs_quota_us").c_str());
  const double period = std::atof(read_line(folder + "/cpu.cfs_period_us").c_str());
  return quota > 0 && period > 0 ? quota / period : 0;
}

// The process's own group and every one above it may set a limit; the least counts.
double least_quota(std::string_view root, std::string group, double (*quota)(const std::string&)) {
  double least = 0;
  while (true) {
    const double q = quota(std::string(root) + group);
    if (q > 0 && (least == 0 || q < least)) least = q;
    const size_t slash = group.rfind('/');
    if (slash == std::string::npos || group == "/") return least;
    group.resize(slash);
  }
}

double cgroup_quota() {
  std::FILE* f = std::fopen("/proc/self/cgroup", "re");
  if (f == nullptr) return 0;
  double least = 0;
  char line[4096] = {};
  while (std::fgets(line, sizeof line, f) != nullptr) {
    const std::string text(line, std::string_view(line).find_last_not_of('\n') + 1);
    const size_t first = text.find(':');
    const size_t second = text.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = text.substr(first + 1, second - first - 1);
    const std::string group = text.substr(second + 1);
    double q = 0;
    if (controllers.empty()) q = least_quota("/sys/fs/cgroup", group, quota_v2);
    if (controllers.find("cpu") == 0 && controllers.find("cpuset") != 0)
      q = least_quota("/sys/fs/cgroup/" + controllers, group, quota_v1);
    if (q > 0 && (least == 0 || q < least)) least = q;
  }
  std::fclose(f);
  return least;
}

}  // namespace

int usable_cpus() {
  int cpus = static_cast<int>(std::thread::hardware_concurrency());
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) cpus = CPU_COUNT(&set);
  const double quota = cgroup_quota();
  if (quota > 0) cpus = std::min(cpus, std::max(1, static_cast<int>(quota + 0.5)));
  return std::max(1, cpus);
}

ThreadPool::ThreadPool(int threads) : size_(threads > 0 ? threads : usable_cpus()) {
  members_.reserve(static_cast<size_t>(size_ - 1));
  for (int i = 1; i < size_; ++i) members_.emplace_back([this, i] { member_loop(i); });
}

ThreadPool::~ThreadPool() {
  stop_.store(true);
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  for (std::thread& t : members_) t.join();
}

void ThreadPool::member_loop(int member) {
  uint32_t seen = 0;
  while (true) {
    wait_while(generation_, seen);
    ++seen;
    if (stop_.load()) return;
    call_(work_, member);
    if (running_.fetch_sub(1, std::memory_order_acq_rel) == 1) running_.notify_one();
  }
}

void ThreadPool::run_erased(Call call, void* work) {
  if (size_ == 1) {
    call(work, 0);
    return;
  }
  call_ = call;
  work_ = work;
  running_.store(static_cast<uint32_t>(size_ - 1), std::memory_order_relaxed);
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  call(work, 0);
  for (uint32_t left = running_.load(std::memory_order_acquire); left != 0; left = running_.load(std::memory_order_acquire))
    wait_while(running_, left);
}

void ThreadPool::barrier() {
  if (size_ == 1) return;
  const uint32_t phase = phase_.load(std::memory_order_relaxed);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == static_cast<uint32_t>(size_)) {
    arrived_.store(0, std::memory_order_relaxed);
    phase_.store(phase + 1, std::memory_order_release);
    phase_.notify_all();
  } else {
    wait_while(phase_, phase);
  }
}

}  // namespace sobre
