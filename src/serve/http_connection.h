// One connection: reads requests one after another, gives each to the handler, sends its answer. Internal to http_*.cpp; I/O
// thread alone. Kept alive by HttpCore::connections and by its running operations.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "serve/http_core.h"
#include "serve/http_parser.h"
#include "serve/http_stream.h"

namespace sobre {

/// What a reply and its connection share; any thread.
struct HttpReplyState {
  std::atomic<bool> done{false};    // the reply's owner has completed it
  std::atomic<uint64_t> posted{0};  // bytes not yet on the I/O thread
  std::atomic<uint64_t> unsent{0};  // bytes in the connection's buffers
};

/// The request being answered.
struct HttpExchange {
  bool head_only = false, keep_alive = true, http10 = false;
  bool begun = false;     // begin() was called
  bool complete = false;  // nothing more comes
  bool counted = false;   // in HttpCounters::answering
  bool left = false;      // the client has; the callback has been called
  std::string id, cors_origin;
  std::function<void()> abort;
  std::shared_ptr<HttpReplyState> state;
};

class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
 public:
  /// `overflow`: the connection is one too many and gets a 503 alone.
  HttpConnection(HttpCore& core, std::unique_ptr<HttpStream> stream, bool overflow);

  void start();
  /// Closes when a deadline is past. Returns the next one.
  HttpTime check_time(HttpTime now);
  /// The server is stopping: closes what waits for a next request; what is busy ends first.
  void stop_gently();
  /// Closes at once; running answers are aborted.
  void abort_and_close();

  // From HttpReply, with the number of the request it answers; ignored when that request is no longer open.
  void send(uint64_t serial, int status, std::string_view type, const std::string& body, const HttpHeaders& headers);
  void begin(uint64_t serial, int status, std::string_view type, const HttpHeaders& headers);
  void write(uint64_t serial, std::string_view chunk);
  void end(uint64_t serial);
  void drop(uint64_t serial);
  /// Calls `callback` when the client leaves, at once when it has.
  void on_abort(uint64_t serial, std::function<void()> callback);

 private:
  enum class Phase : uint8_t { kHandshake, kReading, kAnswering, kClosing, kClosed };

  void on_handshake(const boost::system::error_code& error);
  void read_more();
  void on_read(const boost::system::error_code& error, size_t n);
  void client_left();
  void process();
  bool process_head();
  [[nodiscard]] bool count_body_bytes();
  void start_request();
  void answer_options(const HttpRequest& request);
  void next_request();
  void refuse(int status, std::string_view message, HttpHeaders headers = {});
  void refuse_with(const HttpRefusal& refusal);
  void append_head(int status, std::string_view type, const HttpHeaders& headers, std::optional<uint64_t> length);
  void append_cors();
  void complete_exchange();
  void flush();
  void on_written(const boost::system::error_code& error, size_t n);
  void note_unsent();
  void begin_close();
  void discard();
  void close_now(bool reset);
  void fire_abort();
  void set_read_deadline(int seconds);
  void write_sending();
  void after_flush();
  void say_goodbye();
  void refuse_plain_http();
  [[nodiscard]] bool is_open(uint64_t serial) const;
  void release_body_bytes();
  [[nodiscard]] bool peer_has_closed();

  HttpCore& core_;
  std::unique_ptr<HttpStream> stream_;
  HttpPlace place_;
  bool overflow_;
  Phase phase_ = Phase::kHandshake;
  std::optional<HttpParser> parser_;
  HttpAdmission admission_;
  HttpRequest request_;  // being read: its head once that is complete
  std::optional<HttpExchange> exchange_;
  uint64_t serial_ = 0;       // of the request being read or answered
  uint64_t body_bytes_ = 0;   // counted in HttpCounters::receive_bytes by this connection
  bool reading_ = false;      // a read is outstanding
  bool writing_ = false;      // a write is outstanding
  bool peer_closed_ = false;  // the client has closed its sending side
  bool close_after_ = false;  // no further request on this connection
  bool finishing_ = false;    // the goodbye is being said
  bool said_goodbye_ = false;
  bool linger_ = true;          // after the goodbye, take in what the client still sends
  bool request_begun_ = false;  // its first byte has come
  HttpTime read_deadline_ = kHttpNever, write_deadline_ = kHttpNever, look_deadline_ = kHttpNever;
  std::string in_;                                      // read and not yet used
  std::string out_, sending_;                           // to be sent next; being sent
  size_t sent_ = 0;                                     // of sending_
  std::unique_ptr<std::array<char, 16 << 10>> buffer_;  // for reads
};

}  // namespace sobre
