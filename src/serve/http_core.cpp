#include "serve/http_core.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <ctime>
#include <random>
#include <vector>

#include "serve/http_connection.h"
#include "serve/http_rules.h"

namespace sobre {

namespace {

// Deadlines are kept to within this: it bounds the work of looking at all connections.
constexpr std::chrono::milliseconds kGranularity{50};

}  // namespace

bool HttpGate::post(std::function<void()> work) {
  const std::lock_guard lock(mutex_);
  if (io_ == nullptr) return false;
  boost::asio::post(*io_, std::move(work));
  return true;
}

void HttpGate::close() {
  const std::lock_guard lock(mutex_);
  io_ = nullptr;
}

HttpCore::HttpCore(const HttpOptions& o, HttpHandler h, HttpErrorBody e, HttpHeadCheck c)
    : options(o),
      handler(std::move(h)),
      error_body(std::move(e)),
      head_check(std::move(c)),
      gate(std::make_shared<HttpGate>(io)) {
  std::random_device random;  // ids differ between runs of the server
  id_key_ = (uint64_t{random()} << 32) | random();
}

void HttpCore::add(std::shared_ptr<HttpConnection> connection) {
  HttpConnection* key = connection.get();
  connections.emplace(key, std::move(connection));
  counters.open = connections.size();
}

void HttpCore::remove(HttpConnection* connection, bool overflow) {
  const auto at = connections.find(connection);
  if (at == connections.end()) return;
  if (overflow) --overflow_open;
  connections.erase(at);
  counters.open = connections.size();
  if (connections.empty() && when_empty) when_empty();
}

void HttpCore::wake_at(HttpTime when) {
  if (when < armed_) arm(when);
}

void HttpCore::arm(HttpTime when) {
  armed_ = when;
  if (when == kHttpNever) {
    timer_.cancel();
    return;
  }
  timer_.expires_at(when);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) look_at_all();
  });
}

void HttpCore::look_at_all() {
  armed_ = kHttpNever;
  const HttpTime now = std::chrono::steady_clock::now();
  std::vector<std::shared_ptr<HttpConnection>> all;  // check_time() may remove connections
  all.reserve(connections.size());
  for (const auto& [key, connection] : connections) all.push_back(connection);
  HttpTime next = kHttpNever;
  for (const auto& connection : all) next = std::min(next, connection->check_time(now));
  if (next != kHttpNever) wake_at(std::max(next, now + kGranularity));
}

const std::string& HttpCore::date() {
  const int64_t now = static_cast<int64_t>(std::time(nullptr));
  if (now != date_second_) {
    date_second_ = now;
    date_ = http_date(now);
  }
  return date_;
}

std::string HttpCore::new_request_id() {
  // A mixed counter (splitmix64): unlike any other of this run, without a pattern to trip over.
  uint64_t x = id_key_ + ++id_next_ * 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return fmt::format("req-{:016x}{:08x}", x ^ (x >> 31), static_cast<uint32_t>(id_key_ >> 32));
}

}  // namespace sobre
