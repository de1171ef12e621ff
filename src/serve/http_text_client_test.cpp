// The client of the text tests: sockets and the reading of answers, strict about what a server may send.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cmath>

#include "serve/http_text_testing.h"

namespace sobre {

namespace {

double now_s() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

Result<uint64_t> parse_number(std::string_view text, int base) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) return fail("\"{}\" is not a number", text);
  return value;
}

std::string_view header_of(const HttpTextAnswer& answer, std::string_view name) {
  for (const auto& [key, value] : answer.headers) {
    if (key == name) return value;
  }
  return {};
}

}  // namespace

HttpTextClient::~HttpTextClient() { close(); }

Result<void> HttpTextClient::connect(int port) {
  close();
  in_.clear();
  ended_ = false;
  fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd_ < 0) return fail("no socket: errno {}", errno);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<uint16_t>(port));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) return fail("cannot connect: errno {}", errno);
  const int one = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return {};
}

bool HttpTextClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    // A server that refuses early stops reading: what it sends is taken in meanwhile, so that neither side waits for ever.
    pollfd fd{fd_, POLLIN | POLLOUT, 0};
    if (poll(&fd, 1, 10'000) <= 0) return false;
    if ((fd.revents & POLLIN) != 0 && !ended_) {
      if (const auto more = fill(now_s()); !more || !*more) ended_ = true;
    }
    if ((fd.revents & (POLLERR | POLLHUP)) != 0) return false;
    if ((fd.revents & POLLOUT) == 0) continue;
    const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN && errno != EINTR) return false;
    if (n > 0) bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

bool HttpTextClient::has_input() const {
  pollfd fd{fd_, POLLIN, 0};
  return !in_.empty() || ended_ || poll(&fd, 1, 0) > 0;
}

/// Reads what there is, waiting for it until the deadline. False: the stream has ended.
Result<bool> HttpTextClient::fill(double deadline) {
  if (ended_) return false;
  pollfd fd{fd_, POLLIN, 0};
  const double left = std::max(0.0, deadline - now_s());
  if (poll(&fd, 1, static_cast<int>(std::ceil(left * 1000))) == 0) return fail("nothing came in time");
  char buffer[16 << 10];
  const ssize_t n = recv(fd_, buffer, sizeof buffer, 0);
  if (n > 0) in_.append(buffer, static_cast<size_t>(n));
  if (n <= 0) ended_ = true;
  if (n < 0 && in_.empty()) return fail("the connection was reset");
  return n > 0;
}

Result<std::string> HttpTextClient::take_line(double deadline) {
  size_t end;
  while ((end = in_.find("\r\n")) == std::string::npos) {
    TRY(const bool more, fill(deadline));
    if (!more) return fail("the server closed the connection{}", in_.empty() ? std::string() : " after \"" + in_ + "\"");
  }
  std::string line = in_.substr(0, end);
  in_.erase(0, end + 2);
  if (line.find_first_of("\r\n") != std::string::npos) return fail("a line with a bare CR or LF: \"{}\"", line);
  return line;
}

Result<std::string> HttpTextClient::take_bytes(uint64_t size, double deadline) {
  while (in_.size() < size) {
    TRY(const bool more, fill(deadline));
    if (!more) return fail("the body ended after {} of {} bytes", in_.size(), size);
  }
  std::string bytes = in_.substr(0, size);
  in_.erase(0, size);
  return bytes;
}

Result<void> HttpTextClient::read_body(HttpTextAnswer& answer, double deadline) {
  if (header_of(answer, "transfer-encoding") == "chunked") {
    for (;;) {
      TRY(const std::string line, take_line(deadline));
      TRY(const uint64_t size, parse_number(line, 16));
      TRY(const std::string chunk, take_bytes(size, deadline));
      TRY(const std::string end, take_line(deadline));
      if (!end.empty()) return fail("a chunk of {} bytes goes on: \"{}\"", size, end);
      if (size == 0) return {};
      answer.body += chunk;
      ++answer.chunks;
    }
  }
  const std::string_view length = header_of(answer, "content-length");
  if (!length.empty()) {
    TRY(const uint64_t size, parse_number(length, 10));
    TRY(answer.body, take_bytes(size, deadline));
    return {};
  }
  if (!answer.closes) return fail("an answer without length on a connection that is kept");
  for (;;) {
    TRY(const bool more, fill(deadline));
    if (!more) break;
  }
  answer.body.swap(in_);
  return {};
}

Result<HttpTextAnswer> HttpTextClient::read_answer(double timeout_s, bool head_only, bool interim) {
  if (fd_ < 0) return fail("there is no connection");
  const double deadline = now_s() + timeout_s;
  for (;;) {
    HttpTextAnswer answer;
    TRY(const std::string first, take_line(deadline));
    if (!first.starts_with("HTTP/1.1 ") || first.size() < 13) return fail("bad status line \"{}\"", first);
    TRY(const uint64_t status, parse_number(std::string_view(first).substr(9, 3), 10));
    answer.status = static_cast<int>(status);
    for (;;) {
      TRY(const std::string line, take_line(deadline));
      if (line.empty()) break;
      const size_t colon = line.find(": ");
      if (colon == std::string::npos) return fail("bad header line \"{}\"", line);
      answer.headers.emplace_back(lower_case(line.substr(0, colon)), line.substr(colon + 2));
    }
    answer.closes = header_of(answer, "connection") == "close";
    if (answer.status < 200) {
      if (interim) return answer;
      continue;
    }
    if (!head_only && answer.status != 204 && answer.status != 304) TRY_VOID(read_body(answer, deadline));
    return answer;
  }
}

Result<void> HttpTextClient::expect_end(double timeout_s) {
  if (fd_ < 0) return fail("there is no connection");
  const double deadline = now_s() + timeout_s;
  while (!ended_) {
    if (!in_.empty()) return fail("the server sent \"{}\"", in_.substr(0, 200));
    const auto more = fill(deadline);
    if (!more && !ended_) return fail("the server did not close the connection within {} s", timeout_s);
  }
  return {};
}

Result<void> HttpTextClient::expect_nothing(double seconds) {
  if (!in_.empty()) return fail("the server sent \"{}\"", in_.substr(0, 200));
  pollfd fd{fd_, POLLIN, 0};
  if (poll(&fd, 1, static_cast<int>(seconds * 1000)) == 0) return {};
  TRY(const bool more, fill(now_s()));
  return more ? fail("the server sent \"{}\"", in_.substr(0, 200)) : fail("the server closed the connection");
}

void HttpTextClient::half_close() { shutdown(fd_, SHUT_WR); }

void HttpTextClient::reset() {
  const linger hard{1, 0};
  setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  close();
}

void HttpTextClient::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

}  // namespace sobre
