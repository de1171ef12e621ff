#include "serve/http_rules.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <utility>

#include "text/unicode.h"

namespace sobre {

namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lower_case(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alphanumeric(char c) { return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z'); }

/// A piece of what a client sent, short and printable, for messages.
std::string shown(std::string_view text) {
  constexpr size_t kMost = 80;
  std::string out;
  for (const char c : text.substr(0, kMost)) out += c >= 0x20 && c < 0x7F ? c : '?';
  return text.size() > kMost ? out + "..." : out;
}

std::unexpected<HttpFault> fault(int status, std::string message) {
  return std::unexpected<HttpFault>(HttpFault{status, std::move(message)});
}

std::optional<uint64_t> parse_digits(std::string_view text) {
  constexpr size_t kMostDigits = 18;  // fits uint64 without a check
  if (text.empty() || text.size() > kMostDigits) return std::nullopt;
  uint64_t value = 0;
  for (const char c : text) {
    if (!is_digit(c)) return std::nullopt;
    value = value * 10 + static_cast<uint64_t>(c - '0');
  }
  return value;
}

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  return lower(c) >= 'a' && lower(c) <= 'f' ? lower(c) - 'a' + 10 : -1;
}

HttpResult<std::string> decode_path(std::string_view path) {
  std::string out;
  out.reserve(path.size());
  for (size_t i = 0; i < path.size(); ++i) {
    if (path[i] != '%') {
      out += path[i];
      continue;
    }
    const int high = i + 2 < path.size() ? hex_value(path[i + 1]) : -1;
    const int low = i + 2 < path.size() ? hex_value(path[i + 2]) : -1;
    if (high < 0 || low < 0) return fault(400, "the path has a % that no two hexadecimal digits follow");
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; };
  if (std::any_of(out.begin(), out.end(), is_control)) return fault(400, "the path holds a control character");
  if (!is_valid_utf8(out)) return fault(400, "the path is not UTF-8");
  return out;
}

int default_port(std::string_view scheme) { return scheme == "https" ? 443 : 80; }

/// Whether the origin is scheme://host of this server, its default port written or not.
bool is_same_origin(std::string_view origin, const HttpHost& host, bool tls) {
  const std::string_view scheme = tls ? "https" : "http";
  if (!origin.starts_with(scheme) || !origin.substr(scheme.size()).starts_with("://")) return false;
  const auto theirs = parse_http_host(origin.substr(scheme.size() + 3));
  if (!theirs) return false;
  const auto port = [&](const HttpHost& h) { return h.port < 0 ? default_port(scheme) : h.port; };
  return theirs->name == host.name && port(*theirs) == port(host);
}

bool is_loopback(std::string_view name) {
  if (name == "localhost" || name == "[::1]") return true;
  const std::string_view first = "127.";  // all of 127.0.0.0/8
  if (!name.starts_with(first)) return false;
  return name.size() <= 15 && std::all_of(name.begin(), name.end(), [](char c) { return is_digit(c) || c == '.'; }) &&
         std::count(name.begin(), name.end(), '.') == 3;
}

HttpResult<HttpHost> admit_host(const HttpHead& head, const HttpOptions& options, const HttpPlace& place,
                                const HttpTarget& target) {
  const size_t n = count_http_headers(head.headers, "host");
  if (n > 1) return fault(400, fmt::format("the request has {} Host headers; exactly one is allowed", n));
  if (n == 0 && head.minor_version >= 1) return fault(400, "the request has no Host header");
  std::string_view text = find_http_header(head.headers, "host");
  if (n == 0 && target.authority.empty()) return HttpHost{};  // HTTP/1.0: no browser, so nothing to protect from here
  if (!target.authority.empty()) {
    if (n == 1 && !parse_http_host(text)) return fault(400, fmt::format("bad Host header \"{}\"", shown(text)));
    text = target.authority;
  }
  auto host = parse_http_host(text);
  if (!host) return host;
  if (!is_http_host_allowed(*host, options, place)) {
    return fault(403, fmt::format("host \"{}\" is not served here; add it to allowed_hosts of the server if it should be",
                                  shown(host->name)));
  }
  return host;
}

HttpResult<void> admit_origin(const HttpHead& head, const HttpOptions& options, const HttpPlace& place, const HttpHost& host,
                              HttpAdmission& admission) {
  const size_t n = count_http_headers(head.headers, "origin");
  if (n == 0) return {};
  if (n > 1) return fault(400, fmt::format("the request has {} Origin headers; at most one is allowed", n));
  const std::string origin = lower_case(find_http_header(head.headers, "origin"));
  const bool well_formed = is_http_origin(origin);
  if (well_formed && is_same_origin(origin, host, place.tls)) return {};
  for (const std::string& listed : options.allowed_origins) {
    const bool any = listed == "*" && (well_formed || origin == "null");
    if (any || lower_case(listed) == origin) {
      admission.cors_origin = origin;
      return {};
    }
  }
  return fault(403, fmt::format("requests from pages of origin \"{}\" are refused; add it to allowed_origins of the server if "
                                "they should be let in",
                                shown(origin)));
}

}  // namespace

bool is_http_token(std::string_view text) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [&](char c) { return is_alphanumeric(c) || kOthers.find(c) != std::string_view::npos; });
}

size_t count_http_headers(const HttpHeaders& headers, std::string_view name) {
  return static_cast<size_t>(std::count_if(headers.begin(), headers.end(), [&](const auto& h) { return h.first == name; }));
}

std::string_view find_http_header(const HttpHeaders& headers, std::string_view name) {
  const auto at = std::find_if(headers.begin(), headers.end(), [&](const auto& h) { return h.first == name; });
  return at == headers.end() ? std::string_view() : std::string_view(at->second);
}

std::string_view HttpRequest::header(std::string_view name) const { return find_http_header(headers, name); }

HttpResult<HttpFraming> check_http_framing(const HttpHead& head, uint64_t max_body_bytes) {
  const size_t lengths = count_http_headers(head.headers, "content-length");
  const size_t encodings = count_http_headers(head.headers, "transfer-encoding");
  if (lengths > 0 && encodings > 0) return fault(400, "the request has both Content-Length and Transfer-Encoding");
  if (lengths > 1) return fault(400, fmt::format("the request has {} Content-Length headers; one is allowed", lengths));
  if (encodings > 1) return fault(400, fmt::format("the request has {} Transfer-Encoding headers; one is allowed", encodings));
  HttpFraming framing;
  if (encodings == 1) {
    if (head.minor_version == 0) return fault(400, "Transfer-Encoding does not exist in HTTP/1.0");
    const std::string encoding = lower_case(find_http_header(head.headers, "transfer-encoding"));
    if (encoding != "chunked") {
      // A coding not known is 501; chunked twice or not last leaves the end of the body open, which is the client's error.
      const size_t at = encoding.find("chunked");
      const bool last_and_once = at != std::string::npos && at + 7 == encoding.size();
      return fault(at == std::string::npos || last_and_once ? 501 : 400,
                   fmt::format("Transfer-Encoding \"{}\" is not supported; \"chunked\" alone is", shown(encoding)));
    }
    framing.chunked = true;
    return framing;
  }
  if (lengths == 1) {
    const std::string_view text = find_http_header(head.headers, "content-length");
    const bool digits = !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
    if (!digits) return fault(400, fmt::format("Content-Length \"{}\" is not a number of bytes", shown(text)));
    const auto length = parse_digits(text);
    if (!length || *length > max_body_bytes) {
      return fault(413, fmt::format("the body has {} bytes; at most {} are allowed", shown(text), max_body_bytes));
    }
    framing.content_length = *length;
    return framing;
  }
  if (head.method == "POST" || head.method == "PUT" || head.method == "PATCH") {
    return fault(411, fmt::format("a {} request needs a Content-Length", head.method));
  }
  return framing;
}

HttpResult<HttpTarget> parse_http_target(std::string_view target) {
  HttpTarget out;
  if (target == "*") {
    out.path = "*";
    return out;
  }
  const std::string start = lower_case(target.substr(0, 8));
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!start.starts_with(scheme)) continue;
    target.remove_prefix(scheme.size());
    const size_t end = std::min(target.find_first_of("/?"), target.size());
    out.authority = target.substr(0, end);
    target.remove_prefix(end);
    if (out.authority.empty()) return fault(400, "the request target names no host");
    break;
  }
  if (target.find('#') != std::string_view::npos) return fault(400, "the request target holds a fragment (#)");
  const size_t question = std::min(target.find('?'), target.size());
  std::string_view path = target.substr(0, question);
  if (path.empty() && !out.authority.empty()) path = "/";
  if (path.empty() || path[0] != '/') return fault(400, "the request target does not begin with /");
  if (question < target.size()) out.query = target.substr(question + 1);
  auto decoded = decode_path(path);
  if (!decoded) return std::unexpected(decoded.error());
  out.path = *std::move(decoded);
  return out;
}

HttpResult<HttpHost> parse_http_host(std::string_view text) {
  constexpr size_t kMostBytes = 255 + 6;
  const auto bad = [&] { return fault(400, fmt::format("bad Host header \"{}\"", shown(text))); };
  if (text.empty() || text.size() > kMostBytes) return bad();
  HttpHost host;
  std::string_view rest;
  if (text[0] == '[') {
    const size_t end = text.find(']');
    if (end == std::string_view::npos || end < 3) return bad();
    const std::string_view inside = text.substr(1, end - 1);
    if (!std::all_of(inside.begin(), inside.end(), [](char c) { return hex_value(c) >= 0 || c == ':' || c == '.'; }))
      return bad();
    host.name = lower_case(text.substr(0, end + 1));
    rest = text.substr(end + 1);
  } else {
    const size_t end = std::min(text.find(':'), text.size());
    host.name = lower_case(text.substr(0, end));
    rest = text.substr(end);
    const auto allowed = [](char c) { return is_alphanumeric(c) || c == '.' || c == '-' || c == '_'; };
    if (host.name.empty() || !std::all_of(host.name.begin(), host.name.end(), allowed)) return bad();
    if (host.name.size() > 1 && host.name.back() == '.') host.name.pop_back();  // the root of names, written out
  }
  if (rest.empty() || rest == ":") return host;
  const auto port = rest[0] == ':' ? parse_digits(rest.substr(1)) : std::nullopt;
  if (!port || *port > 65535) return bad();
  host.port = static_cast<int>(*port);
  return host;
}

bool is_http_host_allowed(const HttpHost& host, const HttpOptions& options, const HttpPlace& place) {
  if (is_loopback(host.name) || host.name == place.local_address || host.name == lower_case(options.host)) return true;
  return std::any_of(options.allowed_hosts.begin(), options.allowed_hosts.end(), [&](const std::string& allowed) {
    if (allowed == "*") return true;
    const std::string name = lower_case(allowed);
    return name == host.name || name == fmt::format("{}:{}", host.name, host.port);
  });
}

bool is_http_origin(std::string_view text) {
  const size_t colon = text.find("://");
  if (colon == std::string_view::npos || colon == 0) return false;
  const auto in_scheme = [](char c) { return is_alphanumeric(c) || c == '+' || c == '-' || c == '.'; };
  const std::string_view scheme = text.substr(0, colon);
  return std::all_of(scheme.begin(), scheme.end(), in_scheme) && parse_http_host(text.substr(colon + 3)).has_value();
}

HttpResult<void> admit_http_head(const HttpHead& head, const HttpOptions& options, const HttpPlace& place,
                                 HttpAdmission& admission) {
  auto target = parse_http_target(head.target);
  if (!target) return std::unexpected(target.error());
  admission.target = *std::move(target);
  if (admission.target.path == "*" && head.method != "OPTIONS") return fault(400, "the target * belongs to OPTIONS alone");
  const auto host = admit_host(head, options, place, admission.target);
  if (!host) return std::unexpected(host.error());
  const auto origin = admit_origin(head, options, place, *host, admission);
  if (!origin) return origin;
  const auto framing = check_http_framing(head, options.max_body_bytes);
  if (!framing) return std::unexpected(framing.error());
  admission.framing = *framing;
  const std::string expect = lower_case(find_http_header(head.headers, "expect"));
  if (!expect.empty() && expect != "100-continue") {
    return fault(417, fmt::format("Expect \"{}\" is not supported; \"100-continue\" is", shown(expect)));
  }
  admission.expect_continue = !expect.empty() && head.minor_version >= 1;
  return {};
}

bool is_plain_request_id(std::string_view id) {
  constexpr size_t kMost = 128;
  constexpr std::string_view kOthers = "._-:/+=@";
  return !id.empty() && id.size() <= kMost && std::all_of(id.begin(), id.end(), [&](char c) {
    return is_alphanumeric(c) || kOthers.find(c) != std::string_view::npos;
  });
}

std::string http_header_value(std::string_view value) {
  std::string out(value);
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  return out;
}

std::string_view http_reason(int status) {
  static constexpr std::pair<int, std::string_view> kReasons[] = {{100, "Continue"},
                                                                  {200, "OK"},
                                                                  {201, "Created"},
                                                                  {202, "Accepted"},
                                                                  {204, "No Content"},
                                                                  {301, "Moved Permanently"},
                                                                  {302, "Found"},
                                                                  {303, "See Other"},
                                                                  {304, "Not Modified"},
                                                                  {307, "Temporary Redirect"},
                                                                  {308, "Permanent Redirect"},
                                                                  {400, "Bad Request"},
                                                                  {401, "Unauthorized"},
                                                                  {403, "Forbidden"},
                                                                  {404, "Not Found"},
                                                                  {405, "Method Not Allowed"},
                                                                  {406, "Not Acceptable"},
                                                                  {408, "Request Timeout"},
                                                                  {409, "Conflict"},
                                                                  {411, "Length Required"},
                                                                  {413, "Content Too Large"},
                                                                  {414, "URI Too Long"},
                                                                  {415, "Unsupported Media Type"},
                                                                  {417, "Expectation Failed"},
                                                                  {422, "Unprocessable Content"},
                                                                  {429, "Too Many Requests"},
                                                                  {431, "Request Header Fields Too Large"},
                                                                  {499, "Client Closed Request"},
                                                                  {500, "Internal Server Error"},
                                                                  {501, "Not Implemented"},
                                                                  {502, "Bad Gateway"},
                                                                  {503, "Service Unavailable"},
                                                                  {504, "Gateway Timeout"},
                                                                  {505, "HTTP Version Not Supported"}};
  for (const auto& [known, reason] : kReasons) {
    if (known == status) return reason;
  }
  return "Unknown";
}

std::string http_date(int64_t unix_seconds) {
  constexpr std::array<const char*, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const time_t t = static_cast<time_t>(unix_seconds);
  std::tm utc{};
  gmtime_r(&t, &utc);  // by hand and not strftime: the names must not follow the locale
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", kDays[static_cast<size_t>(utc.tm_wday)], utc.tm_mday,
                     kMonths[static_cast<size_t>(utc.tm_mon)], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

}  // namespace sobre
