#include "serve/http_parser.h"

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>

#include "serve/http_chunks.h"

namespace sobre {

namespace {

namespace http = boost::beast::http;
using BeastString = boost::beast::string_view;
using BeastError = boost::beast::error_code;

std::string_view view(BeastString text) { return {text.data(), text.size()}; }

/// Collects what Beast finds in a head. Bodies do not come here.
class Reader final : public http::basic_parser<true> {
 public:
  HttpHead head;
  bool head_done = false;

 private:
  void on_request_impl(http::verb, BeastString method, BeastString target, int version, BeastError&) override {
    head.method = view(method);
    head.target = view(target);
    head.minor_version = version - 10;
  }
  void on_response_impl(int, BeastString, int, BeastError&) override {}
  void on_field_impl(http::field, BeastString name, BeastString value, BeastError&) override {
    std::string lower(view(name));
    for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    head.headers.emplace_back(std::move(lower), view(value));
  }
  void on_header_impl(BeastError&) override { head_done = true; }
  void on_body_init_impl(boost::optional<uint64_t> const&, BeastError&) override {}
  size_t on_body_impl(BeastString, BeastError&) override { return 0; }
  void on_chunk_header_impl(uint64_t, BeastString, BeastError&) override {}
  size_t on_chunk_body_impl(uint64_t, BeastString, BeastError&) override { return 0; }
  void on_finish_impl(BeastError&) override {}
};

HttpFault head_fault(const BeastError& error) {
  if (error == http::error::bad_method) return {400, "bad request line: the method is not a token"};
  if (error == http::error::bad_target) return {400, "bad request line: no valid target"};
  if (error == http::error::bad_version) return {505, "bad request line: the version is neither HTTP/1.1 nor HTTP/1.0"};
  if (error == http::error::bad_field) return {400, "bad header: the name is not a token followed by a colon"};
  if (error == http::error::bad_value) return {400, "bad header: the value holds bytes that are not allowed"};
  if (error == http::error::bad_content_length) return {400, "bad Content-Length"};
  if (error == http::error::multiple_content_length) return {400, "several Content-Lengths"};
  if (error == http::error::bad_transfer_encoding) return {400, "bad Transfer-Encoding"};
  return {400, fmt::format("bad request head ({})", error.message())};
}

}  // namespace

struct HttpParser::Impl {
  uint64_t max_header_bytes, max_body_bytes;
  State state = State::kHead;
  HttpFault fault;
  Reader reader;
  std::string head_text;      // until the head is complete
  uint64_t head_bytes = 0;    // with empty lines before it
  bool in_first_line = true;  // of the head
  size_t line_bytes = 0;      // of the line that is being read, its end left out
  uint64_t body_missing = 0;  // bytes of a body of known length
  std::optional<HttpChunks> chunks;
  std::string body;

  void fail_with(HttpFault why) {
    state = State::kFault;
    fault = std::move(why);
    head_text.clear();
  }

  /// What is wrong with the next byte of a head, if anything.
  [[nodiscard]] std::optional<HttpFault> check_head_byte(char c) const {
    const char before = head_text.empty() ? '\0' : head_text.back();
    if (head_bytes >= max_header_bytes) {
      const bool target = in_first_line;
      return HttpFault{target ? 414 : 431, fmt::format("the {} longer than {} bytes",
                                                       target ? "request line is" : "headers are", max_header_bytes)};
    }
    if (before == '\r' && c != '\n') return HttpFault{400, "the request head holds a CR without LF"};
    if (c == '\n' && before != '\r') return HttpFault{400, "the request head holds a LF without CR"};
    const auto byte = static_cast<unsigned char>(c);
    if (head_text.empty() && byte == 0x16) return HttpFault{400, "this port speaks HTTP; the request is TLS (https)"};
    if ((byte < 0x20 && c != '\t' && c != '\r' && c != '\n') || byte == 0x7F) {
      return HttpFault{400, fmt::format("the request head holds the control character {}", byte)};
    }
    if (line_bytes == 0 && (c == ' ' || c == '\t')) {
      return HttpFault{400, in_first_line ? "the request line begins with a space" : "a header continues on the next line"};
    }
    return std::nullopt;
  }

  size_t feed_head(std::string_view bytes) {
    for (size_t i = 0; i < bytes.size(); ++i) {
      const char c = bytes[i];
      if (auto why = check_head_byte(c)) {
        fail_with(*std::move(why));
        return i;
      }
      ++head_bytes;
      head_text += c;
      if (c == '\n') {
        const bool empty = line_bytes == 0;
        line_bytes = 0;
        if (empty && in_first_line) {
          head_text.clear();  // empty lines before a request are passed over (RFC 9112, 2.2)
        } else if (empty) {
          finish_head();
          return i + 1;
        } else {
          in_first_line = false;
        }
      } else if (c != '\r') {
        ++line_bytes;
      }
    }
    return bytes.size();
  }

  void finish_head() {
    reader.header_limit(static_cast<uint32_t>(std::min<uint64_t>(head_text.size() + 1, UINT32_MAX)));
    reader.body_limit(boost::none);
    BeastError error;
    const size_t used = reader.put({head_text.data(), head_text.size()}, error);
    if (error) {
      fail_with(error == http::error::need_more ? HttpFault{400, "bad request head: it ends too early"} : head_fault(error));
      return;
    }
    if (!reader.head_done || used != head_text.size()) {
      fail_with({400, "bad request head: a line ends too early"});
      return;
    }
    reader.head.keep_alive = reader.keep_alive();
    std::string().swap(head_text);
    state = State::kHeadRead;
  }

  size_t feed_chunks(std::string_view bytes) {
    const auto used = chunks->feed(bytes, body);
    if (!used) {
      fail_with(used.error());
      return 0;
    }
    if (chunks->is_done()) state = State::kDone;
    return *used;
  }

  size_t feed_body(std::string_view bytes) {
    if (chunks) return feed_chunks(bytes);
    const size_t n = static_cast<size_t>(std::min<uint64_t>(bytes.size(), body_missing));
    body.append(bytes.substr(0, n));
    body_missing -= n;
    if (body_missing == 0) state = State::kDone;
    return n;
  }
};

HttpParser::HttpParser(uint64_t max_header_bytes, uint64_t max_body_bytes) : impl_(std::make_unique<Impl>()) {
  impl_->max_header_bytes = max_header_bytes;
  impl_->max_body_bytes = max_body_bytes;
}

HttpParser::HttpParser(HttpParser&&) noexcept = default;
HttpParser& HttpParser::operator=(HttpParser&&) noexcept = default;
HttpParser::~HttpParser() = default;

size_t HttpParser::feed(std::string_view bytes) {
  switch (impl_->state) {
    case State::kHead:
      return impl_->feed_head(bytes);
    case State::kBody:
      return impl_->feed_body(bytes);
    default:
      return 0;
  }
}

void HttpParser::expect_body(const HttpFraming& framing) {
  CHECK(impl_->state == State::kHeadRead);
  if (framing.chunked) impl_->chunks.emplace(impl_->max_body_bytes);
  impl_->body_missing = framing.content_length;
  const bool none = !framing.chunked && framing.content_length == 0;
  impl_->state = none ? State::kDone : State::kBody;
}

HttpParser::State HttpParser::state() const { return impl_->state; }
bool HttpParser::has_begun() const { return impl_->state != State::kHead || !impl_->in_first_line || impl_->line_bytes > 0; }
HttpHead& HttpParser::head() { return impl_->reader.head; }
std::string& HttpParser::body() { return impl_->body; }
const HttpFault& HttpParser::fault() const { return impl_->fault; }

}  // namespace sobre
