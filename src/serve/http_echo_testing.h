// A server for tests of the transport: it answers at once, late, in streams, or not at all. Its routes are in
// tests/http/README.md. Test code of the layer serve.
#pragma once

#include <atomic>
#include <memory>
#include <thread>

#include "serve/http.h"
#include "serve/serve_testing.h"

namespace sobre {

/// Runs on a thread of its own until destroyed.
class EchoServer {
 public:
  /// The port is any free one and the host 127.0.0.1 unless the options say otherwise.
  [[nodiscard]] static Result<std::shared_ptr<EchoServer>> start(HttpOptions options);
  ~EchoServer();

  [[nodiscard]] HttpServer& http() { return *http_; }
  /// Stops and waits for the thread.
  void stop(double seconds);

 private:
  void handle(HttpRequest&& request, const std::shared_ptr<HttpReply>& reply);

  std::unique_ptr<HttpServer> http_;
  std::thread thread_;
  std::atomic<int> aborts_{0};
};

/// {"error": {"message", "type", "code"}} as the API writes it.
[[nodiscard]] std::pair<std::string, std::string> test_error_body(int status, std::string_view message);

}  // namespace sobre
