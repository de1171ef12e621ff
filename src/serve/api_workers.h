// A few threads that take tasks from one queue, in order. Any thread may post.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace sobre {

class ApiWorkers {
 public:
  explicit ApiWorkers(int threads);
  ~ApiWorkers();  // stops

  ApiWorkers(const ApiWorkers&) = delete;
  ApiWorkers& operator=(const ApiWorkers&) = delete;

  /// Queues a task, unless `max_waiting` are queued already: then false.
  [[nodiscard]] bool try_post(std::function<void()> task, size_t max_waiting);
  /// Queues a task that belongs to a request taken before (their number is bounded by that of the connections). After stop()
  /// it is dropped.
  void post(std::function<void()> task);
  /// Runs what is queued still, ends the threads and waits for them. Not from a task.
  void stop();

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace sobre
