// A plain HTTP/1.1 server for tests: a thread per connection, keep-alive, ranges, and every way in which an answer can go
// wrong.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/result.h"

namespace sobre::stand_in {

struct Request {
  std::string host;                            // which server: "hub" or "cdn"
  std::string method;                          // GET, HEAD
  std::string target;                          // as sent
  std::map<std::string, std::string> headers;  // names in lower case

  [[nodiscard]] std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? std::string() : found->second;
  }
};

struct Answer {
  int status = 200;
  std::string headers;    // "Name: value\r\n" each; Content-Length is added
  std::string_view body;  // must live until the server ends
  std::string own_body;   // where `body` is empty
  bool ranges = false;    // a Range is answered with 206
  std::string etag;       // of ranges: compared with If-Range
};

/// What goes wrong with the next answers that it matches. Bytes are of the body as this answer would send it.
struct Fault {
  std::string host = {};      // "hub", "cdn"; empty: both
  std::string target = {};    // a part of the target
  int times = 1 << 30;        // how many answers
  int skip = 0;               // how many that match are left alone before
  int status = 0;             // in place of the answer; 0: the answer itself
  std::string headers = {};   // more of them
  std::string body = {};      // with status
  int64_t cut_after = -1;     // bytes, then the connection ends
  int64_t stall_after = -1;   // bytes, then nothing more comes
  int64_t length_error = 0;   // Content-Length says so many more (or fewer)
  bool flip_byte = false;     // the last byte is another one
  bool no_ranges = false;     // a Range is answered with 200
  bool no_length = false;     // no Content-Length: the connection's end is the end
  bool endless_body = false;  // zeros without end
  bool endless_headers = false;
  bool silent = false;  // no answer at all
};

class HttpServer {
 public:
  using Handler = std::function<Answer(const Request&)>;

  /// Listens on a free port of 127.0.0.1.
  HttpServer(std::string host, Handler handler) : host_(std::move(host)), handler_(std::move(handler)) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    CHECK(listen(listener_, 64) == 0);
    socklen_t size = sizeof address;
    CHECK(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
  }
  ~HttpServer() { stop(); }
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// Refuses connections from now on, and ends those that are open.
  void stop() {
    if (stopping_.exchange(true)) return;
    shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    close(listener_);
    std::list<std::thread> threads;
    {
      const std::lock_guard lock(mutex_);
      for (const int fd : open_) shutdown(fd, SHUT_RDWR);
      threads.swap(threads_);
    }
    for (std::thread& thread : threads) thread.join();
  }

  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  void add_fault(Fault fault) {
    const std::lock_guard lock(mutex_);
    faults_.push_back(std::move(fault));
  }
  void clear_faults() {
    const std::lock_guard lock(mutex_);
    faults_.clear();
  }
  [[nodiscard]] std::vector<Request> seen() const {
    const std::lock_guard lock(mutex_);
    return seen_;
  }
  /// Bytes of bodies that were sent. What a client that left had not acknowledged is not counted.
  [[nodiscard]] uint64_t body_bytes() const { return body_bytes_; }
  /// Of each connection; 0: as fast as it goes. The kernel's buffer becomes small, so that what is counted has nearly arrived.
  void limit_rate(uint64_t bytes_per_second) { rate_ = bytes_per_second; }

 private:
  void accept_all() {
    while (!stopping_) {
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) continue;
      const std::lock_guard lock(mutex_);
      open_.insert(fd);
      threads_.emplace_back([this, fd] { serve(fd); });
    }
  }

  void serve(int fd) {
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (rate_ > 0) {
      const int small = 32 << 10;
      setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    }
    std::string input;
    while (!stopping_) {
      Request request;
      if (!read_request(fd, input, request) || !respond(fd, request)) break;
    }
    const std::lock_guard lock(mutex_);
    open_.erase(fd);
    close(fd);
  }

  bool read_request(int fd, std::string& input, Request& request) {
    size_t end = std::string::npos;
    while ((end = input.find("\r\n\r\n")) == std::string::npos) {
      char block[4096];
      const ssize_t got = recv(fd, block, sizeof block, 0);
      if (got <= 0 || input.size() > (64 << 10)) return false;
      input.append(block, static_cast<size_t>(got));
    }
    const std::string head = input.substr(0, end + 2);
    input.erase(0, end + 4);
    const size_t line_end = head.find("\r\n"), space = head.find(' '), second = head.find(' ', space + 1);
    request.host = host_;
    request.method = head.substr(0, space);
    request.target = head.substr(space + 1, second - space - 1);
    for (size_t at = line_end + 2; at < head.size();) {
      const size_t stop = head.find("\r\n", at), colon = head.find(':', at);
      std::string name = head.substr(at, colon - at);
      for (char& c : name) c = static_cast<char>(std::tolower(c));
      request.headers[name] = head.substr(colon + 2, stop - colon - 2);
      at = stop + 2;
    }
    const std::lock_guard lock(mutex_);
    seen_.push_back(request);
    return true;
  }

  Fault fault_for(const Request& request) {
    const std::lock_guard lock(mutex_);
    for (Fault& fault : faults_) {
      if (fault.times <= 0 || (!fault.host.empty() && fault.host != host_)) continue;
      if (request.target.find(fault.target) == std::string::npos) continue;
      if (fault.skip-- > 0) continue;
      --fault.times;
      return fault;
    }
    return {};
  }

  /// False: the connection is to end.
  bool respond(int fd, const Request& request) {
    const Fault fault = fault_for(request);
    if (fault.silent) return wait_for_end(fd);
    Answer answer;
    if (fault.status != 0) {
      answer.status = fault.status;
      answer.own_body = fault.body;
    } else {
      answer = handler_(request);
    }
    std::string_view body = answer.body.empty() ? std::string_view(answer.own_body) : answer.body;
    std::string headers = answer.headers + fault.headers;
    if (answer.ranges && !fault.no_ranges) apply_range(request, answer, body, headers);
    const auto length = static_cast<int64_t>(body.size()) + fault.length_error;
    std::string head = "HTTP/1.1 " + std::to_string(answer.status) + " X\r\n" + headers;
    if (!fault.no_length && !fault.endless_body) head += "Content-Length: " + std::to_string(length) + "\r\n";
    if (fault.endless_headers) return send_endlessly(fd, head, "X-More: " + std::string(1000, 'x') + "\r\n");
    if (!send_all(fd, head + "\r\n")) return false;
    if (fault.endless_body) return send_endlessly(fd, "", std::string(64 << 10, '\0'));
    if (request.method == "HEAD") return true;
    return send_body(fd, body, fault);
  }

  void apply_range(const Request& request, Answer& answer, std::string_view& body, std::string& headers) const {
    headers += "Accept-Ranges: bytes\r\n";
    const std::string range = request.header("range"), condition = request.header("if-range");
    if (!range.starts_with("bytes=") || (!condition.empty() && condition != answer.etag)) return;
    const uint64_t from = std::stoull(range.substr(6)), total = body.size();
    if (from >= total) {
      answer.status = 416;
      headers += "Content-Range: bytes */" + std::to_string(total) + "\r\n";
      body = {};
      return;
    }
    answer.status = 206;
    body.remove_prefix(from);
    headers +=
        "Content-Range: bytes " + std::to_string(from) + "-" + std::to_string(total - 1) + "/" + std::to_string(total) + "\r\n";
  }

  bool send_body(int fd, std::string_view body, const Fault& fault) {
    std::string flipped;
    if (fault.flip_byte && !body.empty()) {
      flipped = body;
      flipped.back() = static_cast<char>(flipped.back() ^ 1);
      body = flipped;
    }
    const int64_t stop = fault.cut_after >= 0 ? fault.cut_after : fault.stall_after;
    const bool stops = stop >= 0 && stop < static_cast<int64_t>(body.size());
    if (stops) body = body.substr(0, static_cast<size_t>(stop));
    const uint64_t rate = rate_;
    const size_t chunk = rate == 0 ? size_t{1} << 20 : size_t{16} << 10;
    auto next = std::chrono::steady_clock::now();
    for (size_t at = 0; at < body.size(); at += chunk) {
      const std::string_view piece = body.substr(at, chunk);
      if (!send_all(fd, piece, &body_bytes_)) {
        int unsent = 0;
        if (ioctl(fd, TIOCOUTQ, &unsent) == 0 && unsent > 0) body_bytes_ -= static_cast<uint64_t>(unsent);
        return false;
      }
      if (rate == 0) continue;
      next += std::chrono::nanoseconds(piece.size() * 1'000'000'000 / rate);
      std::this_thread::sleep_until(next);
    }
    if (stops && fault.stall_after >= 0) return wait_for_end(fd);
    return !stops && !fault.no_length && fault.length_error == 0;
  }

  /// Sends nothing until the client leaves or the server stops.
  bool wait_for_end(int fd) const {
    pollfd wanted{fd, POLLRDHUP, 0};
    while (!stopping_ && poll(&wanted, 1, 20) == 0) {
    }
    return false;
  }

  bool send_endlessly(int fd, const std::string& first, const std::string& piece) {
    if (!send_all(fd, first)) return false;
    while (!stopping_ && send_all(fd, piece, &body_bytes_)) {
    }
    return false;
  }

  static bool send_all(int fd, std::string_view bytes, std::atomic<uint64_t>* counted = nullptr) {
    while (!bytes.empty()) {
      const ssize_t sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      if (counted != nullptr) *counted += static_cast<uint64_t>(sent);
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }

  const std::string host_;
  const Handler handler_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> stopping_ = false;
  std::atomic<uint64_t> body_bytes_ = 0, rate_ = 0;
  mutable std::mutex mutex_;
  std::vector<Fault> faults_;
  std::vector<Request> seen_;
  std::set<int> open_;
  std::list<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace sobre::stand_in
