// What the connections of one server share: the I/O loop, the limits, the counters, and one timer for all deadlines. Internal
// to http_*.cpp. Unless a comment says otherwise, the I/O thread alone touches it.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "serve/http.h"

namespace boost::asio::ssl {
class context;
}

namespace sobre {

class HttpConnection;

using HttpTime = std::chrono::steady_clock::time_point;
inline constexpr HttpTime kHttpNever = HttpTime::max();

/// The way onto the I/O thread for those who may outlive the server. Any thread.
class HttpGate {
 public:
  explicit HttpGate(boost::asio::io_context& io) : io_(&io) {}
  /// Runs `work` on the I/O thread; false when the server has ended.
  bool post(std::function<void()> work);
  /// From now on post() refuses.
  void close();

 private:
  std::mutex mutex_;
  boost::asio::io_context* io_;
};

/// HttpStats as any thread reads them; written on the I/O thread.
struct HttpCounters {
  std::atomic<uint64_t> accepted{0}, overflow{0}, requests{0}, refused{0}, timeouts{0}, aborted{0};
  std::atomic<uint64_t> open{0}, answering{0};
  // Shared with requests, which may outlive the server.
  std::shared_ptr<std::atomic<uint64_t>> receive_bytes = std::make_shared<std::atomic<uint64_t>>(0);
};

struct HttpCore {
  HttpCore(const HttpOptions& o, HttpHandler h, HttpErrorBody e, HttpHeadCheck c);

  HttpOptions options;
  HttpHandler handler;
  HttpErrorBody error_body;
  HttpHeadCheck head_check;
  boost::asio::io_context io{1};
  std::shared_ptr<HttpGate> gate;
  std::shared_ptr<boost::asio::ssl::context> tls;
  HttpCounters counters;
  std::unordered_map<HttpConnection*, std::shared_ptr<HttpConnection>> connections;
  size_t overflow_open = 0;  // of them, those that only get a 503
  bool stopping = false;
  std::function<void()> when_empty;  // called when the last connection has gone

  /// Connections that count against max_connections.
  [[nodiscard]] size_t served() const { return connections.size() - overflow_open; }
  void add(std::shared_ptr<HttpConnection> connection);
  void remove(HttpConnection* connection, bool overflow);
  /// Asks for HttpConnection::check_time() not long after `when`. One timer serves all: it looks at every connection when the
  /// earliest deadline that was asked for comes.
  void wake_at(HttpTime when);
  [[nodiscard]] const std::string& date();
  [[nodiscard]] std::string new_request_id();

 private:
  void arm(HttpTime when);
  void look_at_all();

  boost::asio::steady_timer timer_{io};
  HttpTime armed_ = kHttpNever;
  std::string date_;
  int64_t date_second_ = -1;
  uint64_t id_key_ = 0, id_next_ = 0;
};

}  // namespace sobre
