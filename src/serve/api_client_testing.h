// Clients without sockets for tests of the API. Test code of the layer serve.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "serve/api_testing.h"
#include "serve/request_testing.h"

namespace sobre {

/// A client: keeps what it is sent.
class Client final : public HttpReply {
 public:
  void send(int status, std::string_view, std::string body, HttpHeaders headers) override {
    const std::lock_guard lock(mutex_);
    EXPECT_EQ(status_, 0) << "answered twice";
    status_ = status;
    headers_ = std::move(headers);
    text_ = std::move(body);
    ended_ = true;
    changed_.notify_all();
  }
  void begin(int status, std::string_view type, HttpHeaders) override {
    const std::lock_guard lock(mutex_);
    EXPECT_EQ(status_, 0) << "begun twice";
    EXPECT_TRUE(type.starts_with("text/event-stream"));
    status_ = status;
    changed_.notify_all();
  }
  void write(std::string chunk) override {
    const std::lock_guard lock(mutex_);
    EXPECT_NE(status_, 0);
    EXPECT_FALSE(ended_);
    text_ += chunk;
    changed_.notify_all();
  }
  void end() override {
    const std::lock_guard lock(mutex_);
    EXPECT_FALSE(ended_);
    ended_ = true;
    changed_.notify_all();
  }
  void on_abort(std::function<void()> callback) override { abort_ = std::move(callback); }
  [[nodiscard]] uint64_t backlog_bytes() const override { return backlog; }

  void leave() const { abort_(); }
  /// Waits until the answer is complete.
  [[nodiscard]] bool wait(double seconds = 60) {
    return wait_for(seconds, [this] { return ended_; });
  }
  /// Waits until this much of a stream has come.
  [[nodiscard]] bool wait_for_text(size_t bytes) {
    return wait_for(60, [&] { return text_.size() >= bytes; });
  }
  [[nodiscard]] int status() {
    const std::lock_guard lock(mutex_);
    return status_;
  }
  [[nodiscard]] std::string text() {
    const std::lock_guard lock(mutex_);
    return text_;
  }
  /// Seconds; 0: not given.
  [[nodiscard]] int retry_after() {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, value] : headers_) {
      if (name == "retry-after") return std::stoi(value);
    }
    return 0;
  }
  [[nodiscard]] bool ended() {
    const std::lock_guard lock(mutex_);
    return ended_;
  }

  std::atomic<uint64_t> backlog{0};

 private:
  template <class Condition>
  bool wait_for(double seconds, Condition condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::duration<double>(seconds), condition);
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  int status_ = 0;
  HttpHeaders headers_;
  std::string text_;
  bool ended_ = false;
  std::function<void()> abort_;
};

inline std::shared_ptr<ApiServer> start(ApiServerOptions options = {}) {
  auto server = ApiServer::start(std::move(options));
  EXPECT_TRUE(server) << server.error().message;
  return server.value_or(nullptr);
}

/// A GET; `target` may have a query.
inline std::shared_ptr<Client> get(Api& api, std::string_view target) {
  auto client = std::make_shared<Client>();
  HttpRequest request;
  request.method = "GET";
  request.path = target.substr(0, target.find('?'));
  if (request.path.size() < target.size()) request.query = target.substr(request.path.size() + 1);
  api.handle(std::move(request), client);
  return client;
}

inline std::shared_ptr<Client> ask(Api& api, const std::string& members, const std::string& path = "/v1/chat/completions") {
  auto client = std::make_shared<Client>();
  HttpRequest request;
  request.method = "POST";
  request.path = path;
  request.body = path == "/v1/chat/completions" ? chat_body(members) : "{" + members + "}";
  api.handle(std::move(request), client);
  return client;
}

inline SchedulerStats stats_of(ApiServer& server) { return server.pool().status().front().stats; }

/// Waits until nothing runs, nothing waits and no request is held.
inline bool becomes_idle(ApiServer& server) {
  for (int i = 0; i < 6000; ++i) {
    const Json status = json_of(get(server.api(), "/v1/status")->text());
    if (at(status, "running") == Json(0) && at(status, "queued") == Json(0) && at(status, "requests") == Json(0)) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

}  // namespace sobre
