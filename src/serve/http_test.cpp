// The server beyond what text tests can say: starting, stopping, threads, memory, idleness.
#include "serve/http.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <fstream>
#include <future>
#include <mutex>

#include "base/json.h"
#include "serve/http_echo_testing.h"
#include "serve/http_text_testing.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SOBRE_SANITIZED 1
#endif
#endif

namespace sobre {

namespace {

#if defined(SOBRE_SANITIZED)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

using namespace std::chrono_literals;

std::shared_ptr<EchoServer> start(HttpOptions options = {}) {
  auto server = EchoServer::start(std::move(options));
  EXPECT_TRUE(server) << server.error().message;
  return *server;
}

constexpr const char* kGet = "GET /echo HTTP/1.1\r\nHost: localhost\r\n\r\n";

HttpTextAnswer get(HttpTextClient& client, std::string_view request = kGet) {
  EXPECT_TRUE(client.send(request));
  auto answer = client.read_answer(10, false, false);
  EXPECT_TRUE(answer) << answer.error().message;
  return answer.value_or(HttpTextAnswer());
}

uint64_t resident_bytes() {
  std::ifstream in("/proc/self/statm");
  uint64_t total = 0, resident = 0;
  in >> total >> resident;
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

int open_files() {
  DIR* folder = opendir("/proc/self/fd");
  int n = 0;
  while (readdir(folder) != nullptr) ++n;
  closedir(folder);
  return n;
}

double cpu_s() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// Waits for a state that other threads bring about.
template <class Condition>
bool soon(Condition condition, std::chrono::milliseconds most = 5s) {
  const auto until = std::chrono::steady_clock::now() + most;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(5ms);
  }
  return true;
}

/// A server whose handler keeps the replies, for tests that answer from other threads.
struct KeepingServer {
  std::mutex mutex;
  std::vector<std::shared_ptr<HttpReply>> replies;
  std::unique_ptr<HttpServer> http;
  std::thread thread;

  explicit KeepingServer(HttpOptions options = {}) {
    options.port = 0;
    auto made = HttpServer::create(
        options,
        [this](HttpRequest&&, std::shared_ptr<HttpReply> reply) {
          const std::lock_guard lock(mutex);
          replies.push_back(std::move(reply));
        },
        test_error_body);
    EXPECT_TRUE(made) << made.error().message;
    http = *std::move(made);
    thread = std::thread([this] { http->run(); });
  }
  ~KeepingServer() { stop(0); }
  void stop(double seconds) {
    if (!thread.joinable()) return;
    http->stop(seconds);
    thread.join();
  }
  std::shared_ptr<HttpReply> take() {
    std::shared_ptr<HttpReply> reply;
    EXPECT_TRUE(soon([&] {
      const std::lock_guard lock(mutex);
      if (replies.empty()) return false;
      reply = std::move(replies.front());
      replies.erase(replies.begin());
      return true;
    }));
    return reply;
  }
};

std::string create_error(const HttpOptions& options) {
  const auto server = HttpServer::create(options, [](HttpRequest&&, const std::shared_ptr<HttpReply>&) {}, test_error_body);
  return server ? "" : server.error().message;
}

}  // namespace

TEST(Http, StartingFailsWithAReason) {
  const auto server = start();
  HttpOptions taken;
  taken.host = "127.0.0.1";
  taken.port = server->http().port();
  EXPECT_EQ(create_error(taken), fmt::format("cannot listen at 127.0.0.1:{}: the address is in use; stop the other server or "
                                             "choose another port",
                                             taken.port));
  HttpOptions options;
  options.port = 0;
  options.host = "192.0.2.1";
  EXPECT_EQ(create_error(options), "cannot listen at 192.0.2.1:0: it is no address of this machine");
  options.host = "no.such.host.invalid";
  EXPECT_NE(create_error(options).find("host \"no.such.host.invalid\" is no address and no name that can be resolved"),
            std::string::npos);
  options.host = "";
  EXPECT_EQ(create_error(options), "host is empty; give an address or a name, such as 127.0.0.1");
}

TEST(Http, OptionsAreChecked) {
  const auto error = [](auto change) {
    HttpOptions options;
    change(options);
    const auto good = check_http_options(options);
    return good ? std::string() : good.error().message;
  };
  EXPECT_EQ(error([](HttpOptions&) {}), "");
  EXPECT_EQ(error([](HttpOptions& o) { o.port = -1; }), "port is -1; it must be from 0 to 65535");
  EXPECT_EQ(error([](HttpOptions& o) { o.max_connections = 0; }), "max_connections is 0; it must be from 1 to 100000");
  EXPECT_EQ(error([](HttpOptions& o) { o.idle_timeout_s = -5; }), "idle_timeout_s is -5; it must be from 1 to 86400");
  EXPECT_EQ(error([](HttpOptions& o) { o.max_body_bytes = 1; }), "max_body_bytes is 1; it must be from 1024 to 4294967296");
  EXPECT_EQ(error([](HttpOptions& o) { o.tls_key = "k"; }), "TLS needs both a certificate and a key; only one is given");
  EXPECT_EQ(error([](HttpOptions& o) { o.allowed_hosts = {"http://a"}; }), "allowed_hosts: \"http://a\" is no host name");
  EXPECT_EQ(error([](HttpOptions& o) { o.allowed_origins = {"a"}; }),
            "allowed_origins: \"a\" is no origin; the form is https://host or https://host:port");
}

TEST(Http, LocalhostIsBothLoopbackAddresses) {
  KeepingServer server;
  sockaddr_in6 to{};
  to.sin6_family = AF_INET6;
  to.sin6_port = htons(static_cast<uint16_t>(server.http->port()));
  to.sin6_addr = in6addr_loopback;
  const int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in6 from = to;
  from.sin6_port = 0;
  if (fd < 0 || bind(fd, reinterpret_cast<const sockaddr*>(&from), sizeof from) != 0) {
    if (fd >= 0) close(fd);
    GTEST_SKIP() << "this machine has no ::1";
  }
  EXPECT_EQ(connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
  close(fd);
  HttpTextClient client;
  EXPECT_TRUE(client.connect(server.http->port()));
}

TEST(Http, AnswersFromOtherThreads) {
  KeepingServer server;
  constexpr int kClients = 8, kRequests = 50;
  std::vector<std::thread> clients;
  std::atomic<int> good{0};
  clients.reserve(kClients);
  for (int c = 0; c < kClients; ++c) {
    clients.emplace_back([&] {
      HttpTextClient client;
      ASSERT_TRUE(client.connect(server.http->port()));
      for (int i = 0; i < kRequests; ++i) good += get(client).body == "abc" ? 1 : 0;
    });
  }
  std::vector<std::thread> workers;
  workers.reserve(4);
  for (int w = 0; w < 4; ++w) {
    workers.emplace_back([&, w] {
      for (int i = 0; i < kClients * kRequests / 4; ++i) {
        const auto reply = server.take();
        if (w % 2 == 0) {
          reply->send(200, "text/plain", "abc");
          continue;
        }
        reply->begin(200, "text/plain");
        for (const char* piece : {"a", "", "b", "c"}) reply->write(piece);
        reply->end();
        reply->write("too late");
        reply->end();
      }
    });
  }
  for (std::thread& t : clients) t.join();
  for (std::thread& t : workers) t.join();
  EXPECT_EQ(good, kClients * kRequests);
}

TEST(Http, BacklogIsWhatTheClientHasNotTaken) {
  KeepingServer server;
  HttpTextClient client;
  ASSERT_TRUE(client.connect(server.http->port()));
  ASSERT_TRUE(client.send(kGet));
  const auto reply = server.take();
  reply->begin(200, "text/plain");
  constexpr uint64_t kBytes = 32 << 20;
  for (int i = 0; i < 32; ++i) reply->write(std::string(1 << 20, 'x'));
  // The system takes a few megabytes; the rest waits here until the client reads.
  std::this_thread::sleep_for(200ms);
  EXPECT_GT(reply->backlog_bytes(), kBytes / 2);
  EXPECT_LT(reply->backlog_bytes(), kBytes + (1 << 20));
  reply->end();
  const auto answer = client.read_answer(30, false, false);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body.size(), kBytes);
  EXPECT_TRUE(soon([&] { return reply->backlog_bytes() == 0; }));
}

TEST(Http, AClientTooFarBehindIsDropped) {
  HttpOptions options;
  options.max_backlog_bytes = 1 << 20;
  KeepingServer server(options);
  HttpTextClient client;
  ASSERT_TRUE(client.connect(server.http->port()));
  ASSERT_TRUE(client.send(kGet));
  const auto reply = server.take();
  std::atomic<bool> left{false};
  reply->begin(200, "text/plain");
  reply->on_abort([&] { left = true; });
  for (int i = 0; i < 64 && !left; ++i) {
    reply->write(std::string(1 << 20, 'x'));
    std::this_thread::sleep_for(5ms);
  }
  EXPECT_TRUE(soon([&] { return left.load(); }));
  EXPECT_EQ(server.http->stats().open, 0u);
  EXPECT_TRUE(soon([&] { return reply->backlog_bytes() == 0; }));
}

TEST(Http, OneLargeChunkMakesNoClientSlow) {
  HttpOptions options;
  options.max_backlog_bytes = 64 << 10;
  KeepingServer server(options);
  HttpTextClient client;
  ASSERT_TRUE(client.connect(server.http->port()));
  ASSERT_TRUE(client.send(kGet));
  const auto reply = server.take();
  reply->begin(200, "text/plain");
  constexpr uint64_t kBytes = 16 << 20;
  reply->write(std::string(kBytes, 'x'));
  reply->end();
  const auto answer = client.read_answer(30, false, false);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body.size(), kBytes);
}

TEST(Http, AbortIsHeardOnceHoweverLateOneAsks) {
  KeepingServer server;
  HttpTextClient client;
  ASSERT_TRUE(client.connect(server.http->port()));
  ASSERT_TRUE(client.send(kGet));
  auto reply = server.take();
  client.reset();
  ASSERT_TRUE(soon([&] { return server.http->stats().open == 0; }));
  std::atomic<int> heard{0};
  reply->on_abort([&] { ++heard; });
  EXPECT_TRUE(soon([&] { return heard == 1; }));
  reply->send(200, "text/plain", "to nobody");
  // One that was answered is not heard of.
  HttpTextClient other;
  ASSERT_TRUE(other.connect(server.http->port()));
  ASSERT_TRUE(other.send(kGet));
  reply = server.take();
  reply->on_abort([&] { ++heard; });
  reply->send(200, "text/plain", "x");
  EXPECT_TRUE(other.read_answer(5, false, false));
  other.close();
  ASSERT_TRUE(soon([&] { return server.http->stats().open == 0; }));
  EXPECT_EQ(heard, 1);
  // And after the server has ended it is heard at once.
  ASSERT_TRUE(other.connect(server.http->port()));
  ASSERT_TRUE(other.send(kGet));
  reply = server.take();
  server.stop(0);
  reply->on_abort([&] { ++heard; });
  EXPECT_EQ(heard, 2);
}

TEST(Http, RepliesMayOutliveTheServer) {
  std::vector<std::shared_ptr<HttpReply>> replies;
  HttpTextClient clients[3];
  {
    KeepingServer server;
    for (HttpTextClient& client : clients) {
      ASSERT_TRUE(client.connect(server.http->port()));
      ASSERT_TRUE(client.send(kGet));
      replies.push_back(server.take());
    }
  }
  replies[0]->send(200, "text/plain", "x");
  replies[1]->begin(200, "text/plain");
  replies[1]->write("x");
  replies[1]->end();
  EXPECT_EQ(replies[1]->backlog_bytes(), 0u);
  replies.clear();
}

TEST(Http, StopLetsAnswersEnd) {
  KeepingServer server;
  HttpTextClient idle, busy, late;
  ASSERT_TRUE(idle.connect(server.http->port()));
  get(idle, "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n");
  ASSERT_TRUE(busy.connect(server.http->port()));
  ASSERT_TRUE(busy.send(kGet));
  const auto reply = server.take();
  std::promise<double> ended;
  const auto begun = std::chrono::steady_clock::now();
  std::thread stops([&] {
    server.stop(10);
    ended.set_value(std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count());
  });
  EXPECT_TRUE(idle.expect_end(5));
  EXPECT_FALSE(late.connect(server.http->port()));
  std::this_thread::sleep_for(200ms);
  reply->send(200, "text/plain", "the end");
  const auto answer = busy.read_answer(5, false, false);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "the end");
  EXPECT_TRUE(answer->closes);
  busy.close();
  stops.join();
  const double seconds = ended.get_future().get();
  EXPECT_GE(seconds, 0.2);
  EXPECT_LT(seconds, 5);
}

TEST(Http, StopEndsWhatTakesTooLong) {
  KeepingServer server;
  HttpTextClient busy;
  ASSERT_TRUE(busy.connect(server.http->port()));
  ASSERT_TRUE(busy.send(kGet));
  const auto reply = server.take();
  std::atomic<bool> left{false};
  reply->on_abort([&] { left = true; });
  server.http->stop(60);
  server.stop(0.2);  // shortens the time
  EXPECT_TRUE(left);
  EXPECT_TRUE(busy.expect_end(1));
}

TEST(Http, TimersRunOnTheServer) {
  const auto server = start();
  std::promise<std::thread::id> id;
  server->http().after(0.05, [&] { id.set_value(std::this_thread::get_id()); });
  auto future = id.get_future();
  ASSERT_EQ(future.wait_for(5s), std::future_status::ready);
  EXPECT_NE(future.get(), std::this_thread::get_id());
  server->http().after(1e300, [] {});  // still waiting when the server goes
  server->http().after(-1, [] {});
}

TEST(Http, TwoThousandConnectionsLeaveNothing) {
  const auto server = start();
  uint64_t made = 0;
  const auto round = [&](int n) {
    for (int i = 0; i < n; ++i) {
      HttpTextClient client;
      ASSERT_TRUE(client.connect(server->http().port()));
      ++made;
      if (i % 5 == 1) client.send("GET /ec");
      if (i % 5 == 2) client.send("\x01garbage");
      if (i % 5 == 3) client.send("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\nabc");
      if (i % 5 == 4) client.send("GET /stream?n=100&size=1000 HTTP/1.1\r\nHost: localhost\r\n\r\n");
      if (i % 5 == 0) {
        EXPECT_EQ(get(client).status, 200);
      }
      if (i % 2 == 0) client.reset();
    }
    // The last ones may still wait to be accepted when all that were are gone.
    const auto all_gone = [&] { return server->http().stats().accepted == made && server->http().stats().open == 0; };
    EXPECT_TRUE(soon(all_gone, 10s)) << server->http().stats().accepted << " accepted of " << made;
  };
  round(500);  // what the allocator keeps is kept by now
  const uint64_t before = resident_bytes();
  const int files = open_files();
  round(2000);
  // A connection is counted out just before its socket is closed, on the server's thread.
  EXPECT_TRUE(soon([&] { return open_files() <= files; }, 10s)) << open_files() << " files, before " << files;
  const HttpStats stats = server->http().stats();
  EXPECT_EQ(stats.accepted, 2500u);
  EXPECT_EQ(stats.answering, 0u);
  EXPECT_EQ(stats.receive_bytes, 0u);
  // Sanitizers keep what was given back.
  EXPECT_LT(resident_bytes(), before + (kSanitized ? 256 << 20 : 2 << 20));
}

TEST(Http, IdleConnectionsCostNothing) {
  const auto server = start();
  std::vector<std::unique_ptr<HttpTextClient>> clients;
  for (int i = 0; i < 50; ++i) {
    clients.push_back(std::make_unique<HttpTextClient>());
    ASSERT_TRUE(clients.back()->connect(server->http().port()));
    if (i % 2 == 0) get(*clients.back());
  }
  // A server that polled would use time in every one of these seconds; a busy machine may spoil some of them.
  double least = 1;
  for (int i = 0; i < 5 && least >= 0.01; ++i) {
    const double before = cpu_s();
    std::this_thread::sleep_for(1s);
    least = std::min(least, cpu_s() - before);
  }
  EXPECT_LT(least, 0.01);
}

}  // namespace sobre
