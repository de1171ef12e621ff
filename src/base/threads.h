// A team of threads for numeric loops: the caller is member 0, the others wait. One run at a time; inside a run the members
// meet at barriers. Waiting spins briefly (a decode step has hundreds of barriers, each shorter than a system call) and then
// sleeps.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

namespace sobre {

/// Processors this process may really use: its affinity mask, bounded by the cgroup's CPU quota (v1 and v2), at least 1.
[[nodiscard]] int usable_cpus();

class ThreadPool {
 public:
  /// threads <= 0: usable_cpus().
  explicit ThreadPool(int threads);
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  ~ThreadPool();

  [[nodiscard]] int size() const { return size_; }

  /// Runs work(member) on every member, 0..size()-1, and returns when all are done. Called by one thread at a time; `work` must
  /// not throw and must not call run() again.
  template <class Work>
  void run(Work&& work) {
    auto call = [](void* w, int member) { (*static_cast<std::remove_reference_t<Work>*>(w))(member); };
    run_erased(call, const_cast<void*>(static_cast<const void*>(&work)));
  }

  /// Inside run(): waits until every member has come. All writes before it are seen by all after it.
  void barrier();

 private:
  using Call = void (*)(void*, int);
  void run_erased(Call call, void* work);
  void member_loop(int member);

  int size_ = 1;
  std::vector<std::thread> members_;
  Call call_ = nullptr;
  void* work_ = nullptr;
  alignas(64) std::atomic<uint32_t> generation_{0};  // bumped to start a run; odd values of stop_ end the members
  std::atomic<bool> stop_{false};
  alignas(64) std::atomic<uint32_t> running_{0};
  alignas(64) std::atomic<uint32_t> arrived_{0};
  alignas(64) std::atomic<uint32_t> phase_{0};
};

/// The part of [0, n) that member `i` of `count` works on, in whole multiples of `grain`.
[[nodiscard]] inline std::pair<int64_t, int64_t> share(int64_t n, int i, int count, int64_t grain = 1) {
  const int64_t units = (n + grain - 1) / grain;
  const int64_t begin = units * i / count * grain;
  const int64_t end = units * (i + 1) / count * grain;
  return {begin < n ? begin : n, end < n ? end : n};
}

}  // namespace sobre
