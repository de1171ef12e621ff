// The rules of HTTP requests that need no socket and no parser: targets, hosts, origins, framing, header values. Pure functions
// over bytes that clients send; any thread. A fault is the status and the one line that the client gets.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "serve/http.h"

namespace sobre {

struct HttpFault {
  int status = 400;
  std::string message;
};
template <class T>
using HttpResult = std::expected<T, HttpFault>;

/// The head of a request as the parser found it.
struct HttpHead {
  std::string method, target;
  int minor_version = 1;  // of HTTP/1.x
  HttpHeaders headers;    // names in lower case, values without surrounding white space
  bool keep_alive = true;
};

/// How the body of a request is delimited.
struct HttpFraming {
  uint64_t content_length = 0;
  bool chunked = false;
};

/// Content-Length and Transfer-Encoding, strictly: both together, either of them twice, lists and signs are refused, since two
/// parsers that read them differently are how requests are smuggled. 411 for a POST, PUT or PATCH with neither.
[[nodiscard]] HttpResult<HttpFraming> check_http_framing(const HttpHead& head, uint64_t max_body_bytes);

struct HttpTarget {
  std::string authority;  // of the absolute form (http://host/path), else empty
  std::string path;       // percent-decoded, valid UTF-8, begins with / or is *
  std::string query;      // as sent, without ?
};
[[nodiscard]] HttpResult<HttpTarget> parse_http_target(std::string_view target);

struct HttpHost {
  std::string name;  // lower case; IPv6 addresses in brackets
  int port = -1;     // -1: none given
};
/// host, host:port, [address]:port.
[[nodiscard]] HttpResult<HttpHost> parse_http_host(std::string_view text);

/// Where a request came in: what Host and Origin are compared with.
struct HttpPlace {
  std::string local_address;  // of the connection, as a Host header writes it
  bool tls = false;
};

/// What the rules make of a head.
struct HttpAdmission {
  HttpTarget target;
  HttpFraming framing;
  bool expect_continue = false;
  std::string cors_origin;  // to be named in the answer; empty: no CORS headers
};
/// All checks of a head, in the order version, target, framing, host, origin, expectation. `admission` is filled as far as the
/// checks came, so that refusals can carry CORS headers too.
[[nodiscard]] HttpResult<void> admit_http_head(const HttpHead& head, const HttpOptions& options, const HttpPlace& place,
                                               HttpAdmission& admission);

/// Whether a host is one that this server goes by: localhost, loopback addresses, the connection's own address, allowed_hosts.
[[nodiscard]] bool is_http_host_allowed(const HttpHost& host, const HttpOptions& options, const HttpPlace& place);

/// Whether a string has the form of an origin (scheme://host[:port], nothing after), as allowed_origins must.
[[nodiscard]] bool is_http_origin(std::string_view text);

/// Letters, digits and . _ - : / + = @, 1 to 128 of them.
[[nodiscard]] bool is_plain_request_id(std::string_view id);

/// A value that is safe in a header: control characters become spaces.
[[nodiscard]] std::string http_header_value(std::string_view value);
/// A token (RFC 9110): the form of methods and header names.
[[nodiscard]] bool is_http_token(std::string_view text);
/// The headers of this name (lower case), counted.
[[nodiscard]] size_t count_http_headers(const HttpHeaders& headers, std::string_view name);
[[nodiscard]] std::string_view find_http_header(const HttpHeaders& headers, std::string_view name);

/// The reason phrase of a status; "Unknown" for those that have none.
[[nodiscard]] std::string_view http_reason(int status);
/// A time in the form of the Date header.
[[nodiscard]] std::string http_date(int64_t unix_seconds);

}  // namespace sobre
