// The HTTP/1.1 server: sockets, TLS, limits, keep-alive, streaming. Knows nothing of models. Boost stays in http_*.cpp.
// One I/O thread; handlers are called on it and must return at once (long work goes elsewhere and answers later). Everything in
// HttpReply may be called from any thread, also after the server is gone.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace sobre {

struct HttpOptions {
  std::string host = "localhost";        // an address, or a name: all its addresses are bound (of localhost, those there are)
  int port = 8080;                       // 0: any free one
  std::string tls_certificate, tls_key;  // PEM files; empty: no TLS
  std::vector<std::string>
      allowed_hosts;  // names beside localhost and the bound address that a Host header may carry; "*": any
  std::vector<std::string> allowed_origins;  // origins that CORS lets in; none: cross-origin requests are refused; "*": any
  uint64_t max_header_bytes = 16 << 10, max_body_bytes = 8 << 20;
  uint64_t max_total_body_bytes = 256 << 20;  // bodies on all connections together, while received and while body_held lives
  uint64_t max_backlog_bytes = 64 << 20;      // of one streamed answer: a client that is further behind is dropped
  int max_connections = 512;
  int header_timeout_s = 10, body_timeout_s = 60, idle_timeout_s = 75, write_timeout_s = 60;
};

/// Errors name the option, its value and its range or form.
[[nodiscard]] Result<void> check_http_options(const HttpOptions& options);

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string method, path, query;  // the path percent-decoded (valid UTF-8) and without query
  HttpHeaders headers;              // names in lower case
  std::string body;
  std::string id;  // x-request-id: the client's if it is a plain word of at most 128 characters, else made here
  std::shared_ptr<void> body_held;  // while it lives, the body counts against max_total_body_bytes; null: there is none
  /// The first header of this name (lower case); empty when absent.
  [[nodiscard]] std::string_view header(std::string_view name) const;
};

/// The answer to one request. Exactly one of send() or begin() ... end() is called; dropping it unanswered sends a 500,
/// dropping it between begin() and end() cuts the connection, so that the client sees that the answer is not whole. Calls after
/// the end are ignored. Every answer carries date, server, x-request-id and, where the origin is listed, the CORS headers.
class HttpReply {
 public:
  virtual ~HttpReply() = default;
  virtual void send(int status, std::string_view content_type, std::string body, HttpHeaders headers = {}) = 0;
  /// Begins a streamed answer (chunked).
  virtual void begin(int status, std::string_view content_type, HttpHeaders headers = {}) = 0;
  virtual void write(std::string chunk) = 0;
  virtual void end() = 0;
  /// Called once, on the I/O thread, when the client leaves before the answer is complete (at once when it has left already; on
  /// the calling thread when the server has ended). A client that has closed its sending side counts as one that left: TCP
  /// shows no difference. An answer given nevertheless is still sent.
  virtual void on_abort(std::function<void()> callback) = 0;
  /// Bytes written and not yet sent: a reader that is too slow.
  [[nodiscard]] virtual uint64_t backlog_bytes() const = 0;
};

using HttpHandler = std::function<void(HttpRequest&& request, std::shared_ptr<HttpReply> reply)>;

/// Answers for faults that the server itself finds (bad requests, limits): the body and its type, so that they have the API's
/// form. Called on the I/O thread.
using HttpErrorBody = std::function<std::pair<std::string, std::string>(int status, std::string_view message)>;

/// A request turned away by its head alone, before its body is read.
struct HttpRefusal {
  int status = 401;
  std::string content_type, body;
  HttpHeaders headers;
};

/// Looks at a request whose body has not been read (it is empty here): for keys. Called on the I/O thread.
using HttpHeadCheck = std::function<std::optional<HttpRefusal>(const HttpRequest& head)>;

/// Sums since the start, and the state now.
struct HttpStats {
  uint64_t accepted = 0;       // connections taken
  uint64_t overflow = 0;       // connections turned away by max_connections
  uint64_t requests = 0;       // given to the handler
  uint64_t refused = 0;        // answered here: bad requests, limits, hosts, origins, keys
  uint64_t timeouts = 0;       // connections that were too slow in any way
  uint64_t aborted = 0;        // answers whose client left
  uint64_t open = 0;           // connections now
  uint64_t answering = 0;      // requests whose answer is not complete now
  uint64_t receive_bytes = 0;  // bodies being received and held now
};

class HttpServer {
 public:
  /// Binds. Errors: an address in use or not to be had, certificate files (named). `head_check` may be empty.
  [[nodiscard]] static Result<std::unique_ptr<HttpServer>> create(const HttpOptions& options, HttpHandler handler,
                                                                  HttpErrorBody error_body, HttpHeadCheck head_check = {});
  virtual ~HttpServer() = default;
  [[nodiscard]] virtual int port() const = 0;
  /// Serves until stop() has taken effect. Called once.
  virtual void run() = 0;
  /// From any thread: accepts no more connections, lets running answers end for at most `seconds`, then closes all. May be
  /// called again to shorten the time.
  virtual void stop(double seconds) = 0;
  /// Reads the certificate and the key again, for connections from then on; those that are open keep theirs. From any thread.
  /// Errors name the file and what is wrong with it; the old ones stay. Without TLS there is nothing to do.
  [[nodiscard]] virtual Result<void> reload_tls() = 0;
  /// Runs a function on the I/O thread after a delay (for timers). From any thread; nothing happens when the server ends first.
  virtual void after(double seconds, std::function<void()> work) = 0;
  /// From any thread.
  [[nodiscard]] virtual HttpStats stats() const = 0;
};

}  // namespace sobre
