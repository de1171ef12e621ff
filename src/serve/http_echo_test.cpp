// The server of the transport's tests.
#include <charconv>

#include "base/json.h"
#include "serve/http_echo_testing.h"

namespace sobre {

namespace {

constexpr const char* kJson = "application/json";

/// A whole number of a query such as n=5&ms=10.
int query_int(const HttpRequest& request, std::string_view name, int otherwise) {
  std::string_view rest = request.query;
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, std::min(rest.find('&'), rest.size()));
    rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
    int value = 0;
    if (!pair.starts_with(name) || pair.size() <= name.size() || pair[name.size()] != '=') continue;
    const std::string_view digits = pair.substr(name.size() + 1);
    if (std::from_chars(digits.data(), digits.data() + digits.size(), value).ec == std::errc()) return value;
  }
  return otherwise;
}

std::string echo_of(const HttpRequest& request) {
  Json headers{Json::Object()};
  for (const auto& [name, value] : request.headers) headers.set(name, value);
  Json out{Json::Object()};
  out.set("method", request.method);
  out.set("path", request.path);
  out.set("query", request.query);
  out.set("id", request.id);
  out.set("headers", headers);
  out.set("n_headers", static_cast<uint64_t>(request.headers.size()));
  out.set("bytes", static_cast<uint64_t>(request.body.size()));
  if (request.body.size() <= 1000) out.set("body", request.body);
  return out.dump();
}

std::string stats_of(const HttpStats& s) {
  Json out{Json::Object()};
  const std::pair<const char*, uint64_t> all[] = {
      {"accepted", s.accepted}, {"overflow", s.overflow},   {"requests", s.requests},
      {"refused", s.refused},   {"timeouts", s.timeouts},   {"aborted", s.aborted},
      {"open", s.open},         {"answering", s.answering}, {"receive_bytes", s.receive_bytes}};
  for (const auto& [name, value] : all) out.set(name, value);
  return out.dump();
}

/// n writes of `size` bytes, `ms` apart; stops when the client has left.
struct Stream : std::enable_shared_from_this<Stream> {
  HttpServer* http = nullptr;
  std::shared_ptr<HttpReply> reply;
  int left = 0, size = 0, ms = 0;
  bool gone = false, whole = true;

  void step() {
    if (gone) return;
    if (left-- <= 0) {
      if (whole) reply->end();
      reply = nullptr;
      return;
    }
    reply->write(std::string(static_cast<size_t>(size), 'x'));
    if (ms == 0) {
      http->after(0, [self = shared_from_this()] { self->step(); });
    } else {
      http->after(ms * 1e-3, [self = shared_from_this()] { self->step(); });
    }
  }
};

Result<void> set_option(HttpOptions& options, const std::string& name, const std::string& value) {
  if (name == "allowed_host") return options.allowed_hosts.push_back(value), Result<void>{};
  if (name == "allowed_origin") return options.allowed_origins.push_back(value), Result<void>{};
  int number = 0;
  if (std::from_chars(value.data(), value.data() + value.size(), number).ec != std::errc()) {
    return fail("option {}: \"{}\" is not a number", name, value);
  }
  const std::pair<const char*, int*> ints[] = {{"max_connections", &options.max_connections},
                                               {"header_timeout_s", &options.header_timeout_s},
                                               {"body_timeout_s", &options.body_timeout_s},
                                               {"idle_timeout_s", &options.idle_timeout_s},
                                               {"write_timeout_s", &options.write_timeout_s}};
  for (const auto& [key, field] : ints) {
    if (name == key) return *field = number, Result<void>{};
  }
  const std::pair<const char*, uint64_t*> sizes[] = {{"max_header_bytes", &options.max_header_bytes},
                                                     {"max_body_bytes", &options.max_body_bytes},
                                                     {"max_total_body_bytes", &options.max_total_body_bytes},
                                                     {"max_backlog_bytes", &options.max_backlog_bytes}};
  for (const auto& [key, field] : sizes) {
    if (name == key) return *field = static_cast<uint64_t>(number), Result<void>{};
  }
  return fail("unknown option {}", name);
}

Result<TestServer> echo_factory(const TestServerOptions& wanted) {
  HttpOptions options;
  for (const auto& [name, value] : wanted) TRY_VOID(set_option(options, name, value));
  TRY(auto server, EchoServer::start(options));
  return TestServer{server->http().port(), server};
}

const bool kRegistered = register_test_server("echo", echo_factory);

}  // namespace

std::pair<std::string, std::string> test_error_body(int status, std::string_view message) {
  Json error{Json::Object()};
  error.set("message", message);
  error.set("type", status >= 500 ? "server_error" : "invalid_request_error");
  error.set("code", nullptr);
  return {Json(Json::Object{{"error", error}}).dump(), kJson};
}

Result<std::shared_ptr<EchoServer>> EchoServer::start(HttpOptions options) {
  if (!kRegistered) return fail("the echo server is registered twice");
  options.port = 0;
  if (options.host == "localhost") options.host = "127.0.0.1";
  auto server = std::make_shared<EchoServer>();
  EchoServer* raw = server.get();
  const HttpHeadCheck check = [](const HttpRequest& head) -> std::optional<HttpRefusal> {
    if (head.header("x-turn-away").empty()) return std::nullopt;
    return HttpRefusal{401, kJson, "{}", {{"WWW-Authenticate", "Bearer"}}};
  };
  TRY(server->http_,
      HttpServer::create(
          options, [raw](HttpRequest&& request, auto reply) { raw->handle(std::move(request), std::move(reply)); },
          test_error_body, check));
  server->thread_ = std::thread([raw] { raw->http_->run(); });
  return server;
}

EchoServer::~EchoServer() { stop(0); }

void EchoServer::stop(double seconds) {
  if (!thread_.joinable()) return;
  http_->stop(seconds);
  thread_.join();
}

void EchoServer::handle(HttpRequest&& request, const std::shared_ptr<HttpReply>& reply) {
  const int ms = query_int(request, "ms", 0), n = query_int(request, "n", 1), size = query_int(request, "size", 10);
  reply->on_abort([this] { ++aborts_; });
  if (request.path == "/drop") return;
  if (request.path == "/throw") throw std::bad_alloc();
  if (request.path == "/status")
    return reply->send(n, "text/plain", "body", {{"X-Bad", "a\r\nInjected: b"}, {"Bad Name", "x"}});
  if (request.path == "/large") return reply->send(200, "text/plain", std::string(static_cast<size_t>(size), 'x'));
  if (request.path == "/stats") return reply->send(200, kJson, stats_of(http_->stats()));
  if (request.path == "/aborts") return reply->send(200, kJson, std::to_string(aborts_.load()));
  if (request.path == "/patient") {  // as /slow, but gives up when the client leaves
    auto held = std::make_shared<std::shared_ptr<HttpReply>>(reply);
    reply->on_abort([this, held] {
      ++aborts_;
      held->reset();
    });
    return http_->after(ms * 1e-3, [held, text = echo_of(request)] {
      if (*held) (*held)->send(200, kJson, text);
    });
  }
  if (request.path == "/slow") {
    auto text = echo_of(request);
    return http_->after(ms * 1e-3, [reply, text, held = std::move(request.body_held)] { reply->send(200, kJson, text); });
  }
  if (request.path == "/stream" || request.path == "/cut") {
    auto stream = std::make_shared<Stream>();
    stream->http = http_.get();
    stream->reply = reply;
    stream->left = n;
    stream->size = size;
    stream->ms = ms;
    stream->whole = request.path == "/stream";
    reply->begin(200, "text/plain");
    reply->on_abort([this, stream] {
      ++aborts_;
      stream->gone = true;
    });
    return stream->step();
  }
  reply->send(200, kJson, echo_of(request));
}

}  // namespace sobre
