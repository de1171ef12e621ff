// The sending half of a connection: heads, chunks, what the system has not taken yet.
#include "serve/http_connection.h"

namespace sobre {

namespace {

constexpr size_t kKeptBytes = 64 << 10;  // of memory that an idle connection's buffers keep

bool has_no_body(int status) { return status < 200 || status == 204 || status == 304; }

}  // namespace

bool HttpConnection::is_open(uint64_t serial) const {
  return phase_ == Phase::kAnswering && serial == serial_ && exchange_ && !exchange_->complete;
}

void HttpConnection::append_cors() {
  if (!core_.options.allowed_origins.empty()) out_ += "Vary: Origin\r\n";
  if (exchange_->cors_origin.empty()) return;
  out_ += fmt::format("Access-Control-Allow-Origin: {}\r\nAccess-Control-Expose-Headers: x-request-id, retry-after\r\n",
                      exchange_->cors_origin);
}

/// `length` none: a stream.
void HttpConnection::append_head(int status, std::string_view type, const HttpHeaders& headers,
                                 std::optional<uint64_t> length) {
  if (!exchange_->keep_alive || core_.stopping || (!length && exchange_->http10)) close_after_ = true;
  out_ += fmt::format("HTTP/1.1 {} {}\r\nDate: {}\r\nServer: sobre\r\nx-request-id: {}\r\n", status, http_reason(status),
                      core_.date(), exchange_->id);
  if (!type.empty()) out_ += fmt::format("Content-Type: {}\r\n", http_header_value(type));
  if (length && !has_no_body(status)) out_ += fmt::format("Content-Length: {}\r\n", *length);
  if (!length && !exchange_->http10) out_ += "Transfer-Encoding: chunked\r\n";
  if (close_after_) {
    out_ += "Connection: close\r\n";
  } else if (exchange_->http10) {
    out_ += "Connection: keep-alive\r\n";
  }
  append_cors();
  for (const auto& [name, value] : headers) {
    if (is_http_token(name)) out_ += fmt::format("{}: {}\r\n", name, http_header_value(value));
  }
  out_ += "\r\n";
}

void HttpConnection::send(uint64_t serial, int status, std::string_view type, const std::string& body,
                          const HttpHeaders& headers) {
  if (!is_open(serial) || exchange_->begun) return;
  append_head(status, type, headers, body.size());
  if (!exchange_->head_only && !has_no_body(status)) {
    if (out_.size() + body.size() > kKeptBytes) out_.reserve(out_.size() + body.size());
    out_ += body;
  }
  complete_exchange();
}

void HttpConnection::begin(uint64_t serial, int status, std::string_view type, const HttpHeaders& headers) {
  if (!is_open(serial) || exchange_->begun) return;
  exchange_->begun = true;
  append_head(status, type, headers, std::nullopt);
  flush();
}

void HttpConnection::write(uint64_t serial, std::string_view chunk) {
  if (!is_open(serial) || !exchange_->begun || exchange_->head_only || chunk.empty()) return;
  // Without this chunk: however large it is, it shows no client to be slow.
  if (out_.size() + sending_.size() - sent_ > core_.options.max_backlog_bytes) {
    ++core_.counters.timeouts;
    return close_now(true);
  }
  if (exchange_->http10) {
    out_ += chunk;
  } else {
    out_ += fmt::format("{:x}\r\n", chunk.size());
    out_ += chunk;
    out_ += "\r\n";
  }
  flush();
}

void HttpConnection::end(uint64_t serial) {
  if (!is_open(serial) || !exchange_->begun) return;
  if (!exchange_->head_only && !exchange_->http10) out_ += "0\r\n\r\n";
  complete_exchange();
}

void HttpConnection::drop(uint64_t serial) {
  if (!is_open(serial)) return;
  if (exchange_->begun) {
    close_after_ = true;  // without the last chunk: the client sees that the answer is cut
    return complete_exchange();
  }
  auto [body, type] = core_.error_body(500, "the server failed to answer this request");
  send(serial, 500, type, std::move(body), {});
}

void HttpConnection::on_abort(uint64_t serial, std::function<void()> callback) {
  if (serial != serial_ || !exchange_ || exchange_->complete) return;
  exchange_->abort = std::move(callback);
  if (exchange_->left) {
    const std::function<void()> now = std::move(exchange_->abort);
    exchange_->abort = nullptr;
    now();
  } else if (peer_closed_ || phase_ == Phase::kClosed) {
    fire_abort();
  }
}

void HttpConnection::answer_options(const HttpRequest& request) {
  HttpHeaders headers;
  constexpr const char* kMethods = "GET, HEAD, POST, DELETE, OPTIONS";
  if (!exchange_->cors_origin.empty() && !request.header("access-control-request-method").empty()) {
    headers.emplace_back("Access-Control-Allow-Methods", kMethods);
    const std::string_view wanted = request.header("access-control-request-headers");
    if (!wanted.empty()) headers.emplace_back("Access-Control-Allow-Headers", wanted);
    headers.emplace_back("Access-Control-Max-Age", "600");
  } else {
    headers.emplace_back("Allow", kMethods);
  }
  send(serial_, 204, "", "", headers);
}

/// Answers a request that is not given to the handler, whole or not, and ends the connection.
void HttpConnection::refuse(int status, std::string_view message, HttpHeaders headers) {
  auto [body, type] = core_.error_body(status, message);
  refuse_with({status, std::move(type), std::move(body), std::move(headers)});
}

void HttpConnection::refuse_with(const HttpRefusal& refusal) {
  ++core_.counters.refused;
  ++serial_;
  phase_ = Phase::kAnswering;
  read_deadline_ = kHttpNever;
  release_body_bytes();
  exchange_.emplace();
  exchange_->keep_alive = false;
  exchange_->head_only = request_.method == "HEAD";
  exchange_->id = request_.id.empty() ? core_.new_request_id() : request_.id;
  exchange_->cors_origin = admission_.cors_origin;
  exchange_->state = std::make_shared<HttpReplyState>();
  send(serial_, refusal.status, refusal.content_type, refusal.body, refusal.headers);
}

void HttpConnection::complete_exchange() {
  exchange_->complete = true;
  if (exchange_->counted) --core_.counters.answering;
  exchange_->counted = false;
  const std::function<void()> unused = std::move(exchange_->abort);  // what it holds goes at the end of this function
  exchange_->abort = nullptr;
  if (writing_ || !out_.empty()) {
    flush();
  } else {
    after_flush();
  }
}

void HttpConnection::note_unsent() {
  if (exchange_) exchange_->state->unsent = out_.size() + sending_.size() - sent_;
}

void HttpConnection::flush() {
  if (!writing_ && !out_.empty()) {
    writing_ = true;
    sending_.swap(out_);
    sent_ = 0;
    out_.clear();
    write_sending();
  }
  note_unsent();
}

void HttpConnection::write_sending() {
  write_deadline_ = std::chrono::steady_clock::now() + std::chrono::seconds(core_.options.write_timeout_s);
  core_.wake_at(write_deadline_);
  stream_->write_some(
      sending_.data() + sent_, sending_.size() - sent_,
      [self = shared_from_this()](const boost::system::error_code& error, size_t n) { self->on_written(error, n); });
}

void HttpConnection::on_written(const boost::system::error_code& error, size_t n) {
  if (phase_ == Phase::kClosed) return;
  if (error) return close_now(false);
  sent_ += n;
  note_unsent();
  if (sent_ < sending_.size()) return write_sending();
  writing_ = false;
  write_deadline_ = kHttpNever;
  sending_.clear();
  sent_ = 0;
  if (!out_.empty()) return flush();
  after_flush();
}

/// Everything has been given to the system.
void HttpConnection::after_flush() {
  note_unsent();
  if (phase_ == Phase::kClosing) return say_goodbye();
  if (!exchange_ || !exchange_->complete) return;
  if (sending_.capacity() > kKeptBytes) std::string().swap(sending_);
  if (out_.capacity() > kKeptBytes) std::string().swap(out_);
  if (close_after_) {
    begin_close();
  } else {
    next_request();
  }
}

}  // namespace sobre
