// Models that come and go: swaps under steady traffic, and who waits for them.
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "engine/tiny_model_testing.h"
#include "serve/model_pool.h"

namespace sobre {
namespace {

using Loaded = std::shared_ptr<LoadedModel>;

/// Two models in a pool that holds one at a time.
class ModelPoolTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(write_tiny_model(folder_.path(), SOBRE_SOURCE_DIR));
    make_pool(0);
  }
  void make_pool(double idle_unload_s) {
    std::vector<ServedModel> models(2);
    for (size_t i = 0; i < 2; ++i) {
      models[i].name = i == 0 ? "a" : "b";
      models[i].path = folder_.path();
      models[i].sampling = Json(Json::Object());
    }
    ModelPoolOptions options;
    options.max_loaded = 1;
    options.max_waiting = 3;
    options.swap_patience_s = 0.2;
    options.idle_unload_s = idle_unload_s;
    options.scheduler.threads = 1;
    options.scheduler.cache_bytes = 4 << 20;
    pool_ = std::make_unique<ModelPool>(std::move(models), options);
  }
  /// Asks for a model; what comes is kept by number.
  bool ask(size_t model, size_t number, std::function<bool()> gone = {}) {
    return pool_->acquire(
        &pool_->models()[model],
        [this, number](Result<Loaded> loaded) {
          const std::lock_guard lock(mutex_);
          if (loaded) held_[number] = *loaded;
          ++answered_;
          changed_.notify_all();
        },
        std::move(gone));
  }
  bool has(size_t number) {
    const std::lock_guard lock(mutex_);
    return held_.contains(number);
  }
  bool wait_for(size_t number, double seconds = 60) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::duration<double>(seconds), [&] { return held_.contains(number); });
  }
  void let_go(size_t number) {
    Loaded last;
    const std::lock_guard lock(mutex_);
    last = std::move(held_[number]);
    held_.erase(number);
  }
  size_t answered() {
    const std::lock_guard lock(mutex_);
    return answered_;
  }

  TemporaryFolder folder_{"pool"};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<size_t, Loaded> held_;
  size_t answered_ = 0;
  std::unique_ptr<ModelPool> pool_;  // last: its threads are done before the rest goes
};

TEST_F(ModelPoolTest, SteadyTrafficKeepsNoOtherModelOut) {
  constexpr size_t kOther = 1'000'000;
  ASSERT_TRUE(ask(0, 0));
  ASSERT_TRUE(wait_for(0));
  ASSERT_TRUE(ask(1, kOther));
  // Somebody always holds the first model: each request comes before the one before it ends.
  size_t last = 0;
  const auto start = std::chrono::steady_clock::now();
  while (!has(kOther) && std::chrono::steady_clock::now() - start < std::chrono::seconds(60)) {
    const size_t next = last + 1;
    if (ask(0, next) && has(next)) {
      let_go(last);
      last = next;
    } else {
      let_go(last);  // its answer ends; the next one waits for the model to come back
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_GT(last, 2U);  // it was not turned away at once
  ASSERT_TRUE(wait_for(kOther));
  let_go(kOther);
  EXPECT_TRUE(wait_for(last + 1));  // and back
}

TEST_F(ModelPoolTest, ADrainedModelTakesNobodyAndComesBack) {
  ASSERT_TRUE(ask(0, 0));
  ASSERT_TRUE(wait_for(0));
  ASSERT_TRUE(ask(1, 1));
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  ASSERT_TRUE(ask(0, 2));  // it is drained by now: this one waits
  EXPECT_FALSE(has(2));
  EXPECT_FALSE(has(1));
  let_go(0);
  ASSERT_TRUE(wait_for(1));
  let_go(1);
  EXPECT_TRUE(wait_for(2));
}

TEST_F(ModelPoolTest, OnlySoManyWaitAndThoseWhoLeftMakeRoom) {
  ASSERT_TRUE(ask(0, 0));
  ASSERT_TRUE(wait_for(0));
  std::atomic<bool> gone{false};
  ASSERT_TRUE(ask(1, 1, [&] { return gone.load(); }));
  ASSERT_TRUE(ask(1, 2, [] { return false; }));
  ASSERT_TRUE(ask(1, 3));
  EXPECT_FALSE(ask(1, 4));
  gone = true;
  EXPECT_TRUE(ask(1, 5));
  EXPECT_FALSE(ask(1, 6));
  let_go(0);
  for (const size_t number : {size_t{2}, size_t{3}, size_t{5}}) EXPECT_TRUE(wait_for(number));
  EXPECT_FALSE(has(1));
  EXPECT_EQ(answered(), 4U);
}

TEST_F(ModelPoolTest, IdleTimeBeginsWhenTheLastAnswerEnds) {
  constexpr std::chrono::milliseconds kIdle(500), kLonger(550);
  make_pool(std::chrono::duration<double>(kIdle).count());
  ASSERT_TRUE(ask(0, 0));
  ASSERT_TRUE(wait_for(0));
  std::this_thread::sleep_for(kLonger);
  const auto in_use = std::chrono::steady_clock::now();
  pool_->tick();
  let_go(0);
  pool_->tick();
  const ModelState state = pool_->status().front().state;
  // A busy machine may take so long for this that it was idle long enough.
  if (std::chrono::steady_clock::now() - in_use < kIdle) {
    EXPECT_EQ(state, ModelState::kLoaded);
  }
  std::this_thread::sleep_for(kLonger);
  pool_->tick();
  EXPECT_EQ(pool_->status().front().state, ModelState::kUnloaded);
}

}  // namespace
}  // namespace sobre
