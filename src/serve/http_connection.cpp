#include "serve/http_connection.h"

#include <poll.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>

#include "serve/http_reply.h"

namespace sobre {

namespace {

namespace asio = boost::asio;

// Requests read ahead while an answer is on its way. Beyond it nothing is read, and a client that leaves is noticed by looking.
constexpr size_t kMaxAheadBytes = 64 << 10;
constexpr std::chrono::seconds kLookInterval{1};
// How long a connection that is to be closed takes in what the client still sends. Closing earlier would make the system answer
// with a reset, which can destroy the answer before the client has read it.
constexpr int kLingerSeconds = 3;

/// The bytes of a body that somebody else holds now.
struct HeldBody {
  std::shared_ptr<std::atomic<uint64_t>> sum;
  uint64_t bytes;

  HeldBody(std::shared_ptr<std::atomic<uint64_t>> s, uint64_t b) : sum(std::move(s)), bytes(b) {}
  HeldBody(const HeldBody&) = delete;
  HeldBody& operator=(const HeldBody&) = delete;
  ~HeldBody() { *sum -= bytes; }
};

HttpTime in_seconds(int seconds) { return std::chrono::steady_clock::now() + std::chrono::seconds(seconds); }

}  // namespace

HttpConnection::HttpConnection(HttpCore& core, std::unique_ptr<HttpStream> stream, bool overflow)
    : core_(core), stream_(std::move(stream)), overflow_(overflow), buffer_(std::make_unique<std::array<char, 16 << 10>>()) {
  place_.tls = core.tls != nullptr;
  boost::system::error_code error;
  const auto local = stream_->socket().local_endpoint(error);
  if (error) return;
  asio::ip::address address = local.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  }
  place_.local_address = address.is_v6() ? fmt::format("[{}]", address.to_string()) : address.to_string();
}

void HttpConnection::start() {
  set_read_deadline(core_.options.header_timeout_s);
  stream_->handshake(
      [self = shared_from_this()](const boost::system::error_code& error, size_t) { self->on_handshake(error); });
}

void HttpConnection::on_handshake(const boost::system::error_code& error) {
  if (phase_ == Phase::kClosed) return;
  if (error) {
    ++core_.counters.refused;
    return is_plain_http_error(error) ? refuse_plain_http() : close_now(false);
  }
  phase_ = Phase::kReading;
  parser_.emplace(core_.options.max_header_bytes, core_.options.max_body_bytes);
  if (overflow_) {
    ++core_.counters.overflow;
    refuse(503, fmt::format("all {} connections of the server are in use", core_.options.max_connections),
           {{"Retry-After", "1"}});
    return;
  }
  set_read_deadline(core_.options.header_timeout_s);
  read_more();
}

/// A client that speaks HTTP to a TLS port gets one line of it before the end.
void HttpConnection::refuse_plain_http() {
  const auto [body, type] = core_.error_body(400, "this port speaks HTTPS; the request is plain HTTP");
  const std::string answer = fmt::format(
      "HTTP/1.1 400 Bad Request\r\nx-request-id: {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}",
      core_.new_request_id(), type, body.size(), body);
  boost::system::error_code error;
  error = stream_->socket().non_blocking(true, error);
  stream_->socket().write_some(asio::buffer(answer), error);  // small: the system's buffer takes it whole
  phase_ = Phase::kClosing;
  said_goodbye_ = true;
  set_read_deadline(kLingerSeconds);
  error = stream_->socket().shutdown(asio::ip::tcp::socket::shutdown_send, error);
  discard();
}

void HttpConnection::read_more() {
  if (reading_ || peer_closed_ || (phase_ != Phase::kReading && phase_ != Phase::kAnswering)) return;
  if (in_.size() >= kMaxAheadBytes) {
    look_deadline_ = std::chrono::steady_clock::now() + kLookInterval;
    core_.wake_at(look_deadline_);
    return;
  }
  look_deadline_ = kHttpNever;
  reading_ = true;
  stream_->read_some(
      buffer_->data(), buffer_->size(),
      [self = shared_from_this()](const boost::system::error_code& error, size_t n) { self->on_read(error, n); });
}

void HttpConnection::on_read(const boost::system::error_code& error, size_t n) {
  reading_ = false;
  if (phase_ == Phase::kClosed) return;
  if (error) {
    if (error != asio::error::eof) return close_now(false);  // a reset: both directions have ended
    peer_closed_ = true;
    return client_left();
  }
  if (phase_ == Phase::kClosing) return discard();
  in_.append(buffer_->data(), n);
  process();
  read_more();
}

void HttpConnection::client_left() {
  switch (phase_) {
    case Phase::kReading:
      return parser_->has_begun() ? close_now(false) : begin_close();
    case Phase::kAnswering:
      return fire_abort();
    case Phase::kClosing:
      return discard();
    default:
      return;
  }
}

void HttpConnection::process() {
  while (phase_ == Phase::kReading && !in_.empty()) {
    const size_t used = parser_->feed(in_);
    in_.erase(0, used);
    if (!request_begun_ && parser_->has_begun()) {
      request_begun_ = true;
      set_read_deadline(core_.options.header_timeout_s);
    }
    if (!count_body_bytes()) return;
    if (parser_->state() == HttpParser::State::kHeadRead && !process_head()) return;
    if (parser_->state() == HttpParser::State::kFault) return refuse(parser_->fault().status, parser_->fault().message);
    if (parser_->state() == HttpParser::State::kDone) start_request();
  }
}

/// What can be said about a request before its body. False: it was refused.
bool HttpConnection::process_head() {
  HttpHead& head = parser_->head();
  const std::string_view id = find_http_header(head.headers, "x-request-id");
  request_.id = is_plain_request_id(id) ? std::string(id) : core_.new_request_id();
  const auto admitted = admit_http_head(head, core_.options, place_, admission_);
  request_.method = head.method;
  if (!admitted) {
    refuse(admitted.error().status, admitted.error().message);
    return false;
  }
  request_.path = admission_.target.path;
  request_.query = admission_.target.query;
  request_.headers = std::move(head.headers);
  if (core_.head_check && request_.method != "OPTIONS") {
    if (const auto refusal = core_.head_check(request_)) {
      refuse_with(*refusal);
      return false;
    }
  }
  parser_->expect_body(admission_.framing);
  if (parser_->state() == HttpParser::State::kBody) {
    set_read_deadline(core_.options.body_timeout_s);
    if (admission_.expect_continue && in_.empty()) {
      out_ += "HTTP/1.1 100 Continue\r\n\r\n";
      flush();
    }
  }
  return true;
}

bool HttpConnection::count_body_bytes() {
  const uint64_t bytes = parser_->body().size();
  *core_.counters.receive_bytes += bytes - body_bytes_;
  body_bytes_ = bytes;
  if (bytes == 0 || *core_.counters.receive_bytes <= core_.options.max_total_body_bytes) return true;
  refuse(503, "the server is receiving too many large requests", {{"Retry-After", "1"}});
  return false;
}

void HttpConnection::release_body_bytes() {
  *core_.counters.receive_bytes -= body_bytes_;
  body_bytes_ = 0;
}

void HttpConnection::start_request() {
  request_.body = std::move(parser_->body());
  phase_ = Phase::kAnswering;
  read_deadline_ = kHttpNever;
  ++serial_;
  exchange_.emplace();
  exchange_->head_only = request_.method == "HEAD";
  exchange_->keep_alive = parser_->head().keep_alive;
  exchange_->http10 = parser_->head().minor_version == 0;
  exchange_->id = request_.id;
  exchange_->cors_origin = admission_.cors_origin;
  exchange_->state = std::make_shared<HttpReplyState>();
  parser_.reset();
  if (request_.method == "OPTIONS") {
    release_body_bytes();
    return answer_options(request_);
  }
  if (body_bytes_ > 0) {
    request_.body_held = std::make_shared<HeldBody>(core_.counters.receive_bytes, body_bytes_);
    body_bytes_ = 0;
  }
  exchange_->counted = true;
  ++core_.counters.requests;
  ++core_.counters.answering;
  auto reply = make_http_reply(core_.gate, weak_from_this(), serial_, exchange_->state);
  try {
    HttpRequest request = std::move(request_);  // what the handler does not take is gone after it
    core_.handler(std::move(request), std::move(reply));
  } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): see below
    // Memory that is not to be had, in the main. The reply was dropped on the way out and answers 500 itself.
  }
}

void HttpConnection::next_request() {
  exchange_.reset();
  request_ = {};
  admission_ = {};
  request_begun_ = false;
  phase_ = Phase::kReading;
  parser_.emplace(core_.options.max_header_bytes, core_.options.max_body_bytes);
  if (core_.stopping && in_.empty()) return begin_close();
  set_read_deadline(core_.options.idle_timeout_s);
  process();
  if (phase_ == Phase::kReading && peer_closed_) return client_left();
  read_more();
}

HttpTime HttpConnection::check_time(HttpTime now) {
  if (phase_ == Phase::kClosed) return kHttpNever;
  if (write_deadline_ <= now) {
    ++core_.counters.timeouts;
    close_now(true);
    return kHttpNever;
  }
  if (read_deadline_ <= now) {
    read_deadline_ = kHttpNever;
    if (phase_ == Phase::kReading && parser_->has_begun()) {
      ++core_.counters.timeouts;
      const bool body = parser_->state() == HttpParser::State::kBody;
      refuse(408, fmt::format("the {} of the request did not arrive within {} s", body ? "body" : "head",
                              body ? core_.options.body_timeout_s : core_.options.header_timeout_s));
    } else if (phase_ == Phase::kReading) {
      begin_close();
    } else if (phase_ != Phase::kAnswering) {
      if (phase_ == Phase::kHandshake) ++core_.counters.timeouts;
      close_now(false);
    }
  }
  if (look_deadline_ <= now) {
    look_deadline_ = kHttpNever;
    if (phase_ == Phase::kAnswering && peer_has_closed()) {
      peer_closed_ = true;
      fire_abort();
    } else if (phase_ == Phase::kAnswering) {
      read_more();
    }
  }
  return std::min({read_deadline_, write_deadline_, look_deadline_});
}

bool HttpConnection::peer_has_closed() {
  pollfd fd{stream_->socket().native_handle(), POLLRDHUP, 0};
  return poll(&fd, 1, 0) > 0 && (fd.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

void HttpConnection::set_read_deadline(int seconds) {
  read_deadline_ = in_seconds(seconds);
  core_.wake_at(read_deadline_);
}

void HttpConnection::stop_gently() {
  if (phase_ == Phase::kHandshake) return close_now(false);
  if (phase_ == Phase::kReading && !parser_->has_begun() && in_.empty()) return begin_close();
  close_after_ = true;
}

void HttpConnection::abort_and_close() { close_now(true); }

void HttpConnection::begin_close() {
  if (phase_ == Phase::kClosed || phase_ == Phase::kClosing) return;
  // Between requests the client has read all there was: nothing can be destroyed, so there is nothing to wait for.
  linger_ = phase_ != Phase::kReading || parser_->has_begun();
  phase_ = Phase::kClosing;
  read_deadline_ = look_deadline_ = kHttpNever;
  in_.clear();
  parser_.reset();
  release_body_bytes();
  if (!writing_ && out_.empty()) say_goodbye();
}

void HttpConnection::say_goodbye() {
  if (finishing_) return;
  finishing_ = true;
  set_read_deadline(core_.stopping ? 1 : kLingerSeconds);
  stream_->finish([self = shared_from_this()](const boost::system::error_code&, size_t) {
    if (self->phase_ == Phase::kClosed) return;
    self->said_goodbye_ = true;
    if (!self->linger_) return self->close_now(false);
    boost::system::error_code ignored;
    ignored = self->stream_->socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
    self->discard();
  });
}

/// Takes in what the client still sends, below TLS, until it closes or the deadline comes.
void HttpConnection::discard() {
  if (!said_goodbye_) return;
  if (peer_closed_) return close_now(false);
  if (reading_) return;
  reading_ = true;
  stream_->socket().async_read_some(asio::buffer(*buffer_), [self = shared_from_this()](const boost::system::error_code& error,
                                                                                        size_t n) { self->on_read(error, n); });
}

void HttpConnection::close_now(bool reset) {
  if (phase_ == Phase::kClosed) return;
  phase_ = Phase::kClosed;
  const auto self = shared_from_this();  // the last other owner may go below
  read_deadline_ = write_deadline_ = look_deadline_ = kHttpNever;
  release_body_bytes();
  boost::system::error_code ignored;
  if (reset) ignored = stream_->socket().set_option(asio::socket_base::linger(true, 0), ignored);
  ignored = stream_->socket().close(ignored);
  if (exchange_ && !exchange_->complete) {
    fire_abort();
    if (exchange_->counted) --core_.counters.answering;
    exchange_->counted = false;
  }
  if (exchange_) exchange_->state->unsent = 0;
  std::string().swap(out_);
  core_.remove(this, overflow_);
}

void HttpConnection::fire_abort() {
  if (!exchange_ || exchange_->complete || exchange_->left) return;
  exchange_->left = true;
  ++core_.counters.aborted;
  const std::function<void()> callback = std::move(exchange_->abort);
  exchange_->abort = nullptr;
  if (callback) callback();
}

}  // namespace sobre
