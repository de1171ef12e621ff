#include <netinet/tcp.h>
#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <cmath>

#include "serve/http.h"
#include "serve/http_connection.h"
#include "serve/http_rules.h"

namespace sobre {

namespace {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using Integer = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_KEEPIDLE>;

constexpr size_t kMaxOverflow = 64;  // connections beyond the limit that get an answer before they are closed
constexpr double kAcceptPause_s = 0.2;
constexpr int kPortTrials = 20;

Result<void> check_range(const char* name, uint64_t value, uint64_t low, uint64_t high) {
  if (value >= low && value <= high) return {};
  return fail("{} is {}; it must be from {} to {}", name, static_cast<int64_t>(value), low, high);
}

/// The addresses to bind. localhost is both loopback addresses, whatever the system's files say.
Result<std::vector<tcp::endpoint>> addresses_of(asio::io_context& io, const HttpOptions& options) {
  const auto port = static_cast<uint16_t>(options.port);
  if (options.host == "localhost") {
    return std::vector<tcp::endpoint>{{asio::ip::address_v4::loopback(), port}, {asio::ip::address_v6::loopback(), port}};
  }
  boost::system::error_code error;
  tcp::resolver resolver(io);
  const auto found = resolver.resolve(options.host, std::to_string(options.port),
                                      tcp::resolver::passive | tcp::resolver::numeric_service, error);
  if (error) return fail("host \"{}\" is no address and no name that can be resolved: {}", options.host, error.message());
  std::vector<tcp::endpoint> out;
  for (const auto& entry : found) {
    if (std::find(out.begin(), out.end(), entry.endpoint()) == out.end()) out.push_back(entry.endpoint());
  }
  if (out.empty()) return fail("host \"{}\" has no address", options.host);
  return out;
}

std::string shown(const tcp::endpoint& at) {
  return fmt::format(fmt::runtime(at.address().is_v6() ? "[{}]:{}" : "{}:{}"), at.address().to_string(), at.port());
}

boost::system::error_code listen_at(tcp::acceptor& acceptor, const tcp::endpoint& at) {
  boost::system::error_code error;
  error = acceptor.open(at.protocol(), error);
  if (error) return error;
  error = acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (error) return error;
  if (at.address().is_v6()) {
    error = acceptor.set_option(asio::ip::v6_only(!at.address().is_unspecified()), error);
    if (error) return error;
  }
  error = acceptor.bind(at, error);
  if (error) return error;
  return acceptor.listen(asio::socket_base::max_listen_connections, error);
}

Error listen_error(const tcp::endpoint& at, const boost::system::error_code& error) {
  std::string why = error.message();
  if (error == asio::error::address_in_use) why = "the address is in use; stop the other server or choose another port";
  if (error == asio::error::access_denied) why = "ports below 1024 need rights that this process lacks; choose another port";
  if (error == boost::system::errc::address_not_available) why = "it is no address of this machine";
  return {fmt::format("cannot listen at {}: {}", shown(at), why)};
}

class Server final : public HttpServer {
 public:
  Server(const HttpOptions& options, HttpHandler handler, HttpErrorBody error_body, HttpHeadCheck head_check)
      : core_(options, std::move(handler), std::move(error_body), std::move(head_check)), deadline_(core_.io) {}

  ~Server() override { core_.gate->close(); }

  Result<void> open() {
    const HttpOptions& options = core_.options;
    if (!options.tls_certificate.empty()) {
      TRY(core_.tls, make_tls_context(options.tls_certificate, options.tls_key));
    }
    TRY(const std::vector<tcp::endpoint> addresses, addresses_of(core_.io, options));
    for (int trial = 1;; ++trial) {
      const auto listening = listen_all(addresses);
      if (listening) return {};
      // Any free port, but of several addresses: it may be free at the first one only.
      if (options.port != 0 || addresses.size() == 1 || trial == kPortTrials) return listening;
    }
  }

  [[nodiscard]] int port() const override { return port_; }

  void run() override {
    const auto work = asio::make_work_guard(core_.io);
    for (size_t i = 0; i < acceptors_.size(); ++i) accept(i);
    core_.io.run();
    core_.gate->close();
    // What was posted before the gate closed still runs: nobody waits in vain to hear that a client is gone.
    core_.io.restart();
    core_.io.poll();
  }

  void stop(double seconds) override {
    core_.gate->post([this, seconds] { begin_stop(std::clamp(seconds, 0.0, kMostSeconds)); });
  }

  Result<void> reload_tls() override {
    const HttpOptions& options = core_.options;
    if (options.tls_certificate.empty()) return {};
    TRY(auto tls, make_tls_context(options.tls_certificate, options.tls_key));
    core_.gate->post([this, tls = std::move(tls)]() mutable { core_.tls = std::move(tls); });
    return {};
  }

  void after(double seconds, std::function<void()> work) override {
    core_.gate->post([this, seconds, work = std::move(work)]() mutable {
      auto timer = std::make_shared<asio::steady_timer>(core_.io, duration(seconds));
      timer->async_wait([timer, work = std::move(work)](const boost::system::error_code& error) {
        if (!error) work();
      });
    });
  }

  [[nodiscard]] HttpStats stats() const override {
    const HttpCounters& c = core_.counters;
    return {c.accepted, c.overflow, c.requests, c.refused, c.timeouts, c.aborted, c.open, c.answering, *c.receive_bytes};
  }

 private:
  static constexpr double kMostSeconds = 1e8;

  static std::chrono::steady_clock::duration duration(double seconds) {
    const double clamped = std::isfinite(seconds) ? std::clamp(seconds, 0.0, kMostSeconds) : 0.0;
    return std::chrono::duration_cast<std::chrono::steady_clock::duration>(std::chrono::duration<double>(clamped));
  }

  /// Listens at every address, at one port. Of localhost's addresses one may be missing on this machine.
  Result<void> listen_all(const std::vector<tcp::endpoint>& addresses) {
    acceptors_.clear();
    uint16_t port = static_cast<uint16_t>(core_.options.port);
    for (tcp::endpoint at : addresses) {
      at.port(port);
      tcp::acceptor acceptor(core_.io);
      const auto error = listen_at(acceptor, at);
      const bool missing =
          error == boost::system::errc::address_not_available || error == boost::system::errc::address_family_not_supported;
      if (missing && core_.options.host == "localhost") continue;
      if (error) return std::unexpected(listen_error(at, error));
      port = acceptor.local_endpoint().port();
      acceptors_.push_back(std::move(acceptor));
    }
    if (acceptors_.empty()) return fail("cannot listen at localhost: this machine has neither 127.0.0.1 nor ::1");
    port_ = port;
    return {};
  }

  void accept(size_t i) {
    acceptors_[i].async_accept([this, i](const boost::system::error_code& error, tcp::socket socket) {
      if (core_.stopping) return;
      if (!error) take(std::move(socket));
      const bool of_client = error == asio::error::connection_aborted || error == asio::error::try_again;
      if (!error || of_client) return accept(i);
      // No descriptors or no memory: trying again at once would spin.
      after(kAcceptPause_s, [this, i] {
        if (!core_.stopping) accept(i);
      });
    });
  }

  void take(tcp::socket socket) {
    ++core_.counters.accepted;
    const bool overflow = core_.served() >= static_cast<size_t>(core_.options.max_connections);
    if (overflow && core_.overflow_open >= kMaxOverflow) {
      ++core_.counters.overflow;
      return;  // closes the socket
    }
    boost::system::error_code ignored;
    ignored = socket.set_option(tcp::no_delay(true), ignored);
    // A client whose machine vanished while it waits for an answer is noticed after two minutes.
    ignored = socket.set_option(asio::socket_base::keep_alive(true), ignored);
    ignored = socket.set_option(Integer(60), ignored);
    ignored = socket.set_option(asio::detail::socket_option::integer<IPPROTO_TCP, TCP_KEEPINTVL>(15), ignored);
    ignored = socket.set_option(asio::detail::socket_option::integer<IPPROTO_TCP, TCP_KEEPCNT>(4), ignored);
    if (overflow) ++core_.overflow_open;
    auto connection = std::make_shared<HttpConnection>(core_, make_http_stream(std::move(socket), core_.tls.get()), overflow);
    core_.add(connection);
    connection->start();
  }

  void begin_stop(double seconds) {
    const auto when = std::chrono::steady_clock::now() + duration(seconds);
    if (core_.stopping && when >= deadline_.expiry()) return;
    deadline_.expires_at(when);
    deadline_.async_wait([this](const boost::system::error_code& error) {
      if (!error) for_all(&HttpConnection::abort_and_close);
    });
    if (core_.stopping) return;
    core_.stopping = true;
    for (tcp::acceptor& acceptor : acceptors_) {
      boost::system::error_code ignored;
      ignored = acceptor.close(ignored);
    }
    core_.when_empty = [this] {
      deadline_.cancel();
      core_.io.stop();
    };
    if (core_.connections.empty()) return core_.when_empty();
    for_all(&HttpConnection::stop_gently);
  }

  void for_all(void (HttpConnection::*what)()) {
    std::vector<std::shared_ptr<HttpConnection>> all;
    all.reserve(core_.connections.size());
    for (const auto& [key, connection] : core_.connections) all.push_back(connection);
    for (const auto& connection : all) (connection.get()->*what)();
  }

  HttpCore core_;
  asio::steady_timer deadline_;
  std::vector<tcp::acceptor> acceptors_;
  int port_ = 0;
};

}  // namespace

Result<void> check_http_options(const HttpOptions& o) {
  if (o.host.empty()) return fail("host is empty; give an address or a name, such as 127.0.0.1");
  TRY_VOID(check_range("port", static_cast<uint64_t>(int64_t{o.port}), 0, 65535));
  if (o.tls_certificate.empty() != o.tls_key.empty()) return fail("TLS needs both a certificate and a key; only one is given");
  TRY_VOID(check_range("max_header_bytes", o.max_header_bytes, 1 << 10, 16 << 20));
  TRY_VOID(check_range("max_body_bytes", o.max_body_bytes, 1 << 10, uint64_t{4} << 30));
  TRY_VOID(check_range("max_total_body_bytes", o.max_total_body_bytes, o.max_body_bytes, uint64_t{1} << 40));
  TRY_VOID(check_range("max_backlog_bytes", o.max_backlog_bytes, 64 << 10, uint64_t{4} << 30));
  TRY_VOID(check_range("max_connections", static_cast<uint64_t>(int64_t{o.max_connections}), 1, 100'000));
  const std::pair<const char*, int> timeouts[] = {{"header_timeout_s", o.header_timeout_s},
                                                  {"body_timeout_s", o.body_timeout_s},
                                                  {"idle_timeout_s", o.idle_timeout_s},
                                                  {"write_timeout_s", o.write_timeout_s}};
  for (const auto& [name, value] : timeouts) TRY_VOID(check_range(name, static_cast<uint64_t>(int64_t{value}), 1, 86'400));
  for (const std::string& host : o.allowed_hosts) {
    if (host != "*" && !parse_http_host(host)) return fail("allowed_hosts: \"{}\" is no host name", host);
  }
  for (const std::string& origin : o.allowed_origins) {
    if (origin != "*" && origin != "null" && !is_http_origin(origin)) {
      return fail("allowed_origins: \"{}\" is no origin; the form is https://host or https://host:port", origin);
    }
  }
  return {};
}

Result<std::unique_ptr<HttpServer>> HttpServer::create(const HttpOptions& options, HttpHandler handler,
                                                       HttpErrorBody error_body, HttpHeadCheck head_check) {
  TRY_VOID(check_http_options(options));
  auto server = std::make_unique<Server>(options, std::move(handler), std::move(error_body), std::move(head_check));
  TRY_VOID(server->open());
  return server;
}

}  // namespace sobre
