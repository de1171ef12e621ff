#include "hub/hub_url.h"

#include <curl/curl.h>

#include <algorithm>
#include <memory>

#include "base/utf8.h"

namespace sobre {

namespace {

constexpr size_t kMaxUrl = 16 << 10;  // signed links are long, but not that long

struct UrlDelete {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using Url = std::unique_ptr<CURLU, UrlDelete>;

/// A part of a URL; empty when it has none.
std::string part(const Url& url, CURLUPart which, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url.get(), which, &text, flags) != CURLUE_OK) return {};
  std::string out = text;
  curl_free(text);
  return out;
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return text;
}

/// `text` as an absolute http(s) URL, or, with a base, relative to that.
Result<Url> parse(std::string_view text, std::string_view base = {}) {
  const auto bad = [&](std::string_view why) { return fail("\"{}\" is no URL to fetch from: {}", shown_url(text), why); };
  if (text.empty() || text.size() > kMaxUrl) return fail("a URL of {} bytes; 1 to {} are allowed", text.size(), kMaxUrl);
  if (std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) <= 32 || c == 127; }))
    return bad("it has a space or a control character in it");
  Url url(curl_url());
  CHECK(url != nullptr);
  constexpr unsigned kFlags = CURLU_NON_SUPPORT_SCHEME | CURLU_DISALLOW_USER;
  if (!base.empty() && curl_url_set(url.get(), CURLUPART_URL, std::string(base).c_str(), kFlags) != CURLUE_OK)
    return fail("\"{}\" is no URL to start from", shown_url(base));
  if (const CURLUcode code = curl_url_set(url.get(), CURLUPART_URL, std::string(text).c_str(), kFlags); code != CURLUE_OK)
    return bad(code == CURLUE_USER_NOT_ALLOWED ? "it has a user name or password in it" : curl_url_strerror(code));
  const std::string scheme = part(url, CURLUPART_SCHEME);
  if (scheme != "http" && scheme != "https") return bad("only http and https are followed");
  if (!part(url, CURLUPART_USER).empty() || !part(url, CURLUPART_PASSWORD).empty())
    return bad("it has a user name or password in it");
  return url;
}

}  // namespace

Result<std::string> url_origin(std::string_view url) {
  TRY(const Url parsed, parse(url));
  return fmt::format("{}://{}:{}", part(parsed, CURLUPART_SCHEME), lower(part(parsed, CURLUPART_HOST)),
                     part(parsed, CURLUPART_PORT, CURLU_DEFAULT_PORT));
}

Result<std::string> redirect_target(std::string_view from, std::string_view location) {
  TRY(const Url parsed, parse(location, from));
  TRY(const Url before, parse(from));
  if (part(before, CURLUPART_SCHEME) == "https" && part(parsed, CURLUPART_SCHEME) != "https")
    return fail("{} redirects to {}, which is not encrypted; it is not followed", shown_url(from), shown_url(location));
  return part(parsed, CURLUPART_URL);
}

std::string next_link(std::string_view header) {
  // <URL>; rel="next"; other="x", <URL>; rel="first"
  while (true) {
    const size_t open = header.find('<');
    if (open == std::string_view::npos) return {};
    const size_t close = header.find('>', open);
    if (close == std::string_view::npos) return {};
    const std::string_view url = header.substr(open + 1, close - open - 1);
    header.remove_prefix(close + 1);
    const std::string_view parameters = header.substr(0, header.find('<'));
    if (parameters.find("rel=\"next\"") != std::string_view::npos || parameters.find("rel=next") != std::string_view::npos)
      return std::string(url);
  }
}

std::string shown_url(std::string_view url) { return shown_text(url.substr(0, url.find_first_of("?#")), 300); }

std::string shown_text(std::string_view text, size_t most) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const Utf8Char c = decode_utf8(text, at);
    if (at + c.size > most) return out + "...";
    const bool control = c.code < 32 || (c.code >= 127 && c.code < 160);
    const bool turns_text_around = (c.code >= 0x202A && c.code <= 0x202E) || (c.code >= 0x2066 && c.code <= 0x2069);
    if (c.status != Utf8Status::kOk || control || turns_text_around) {
      out += '?';
    } else {
      out += text.substr(at, c.size);
    }
    at += c.size;
  }
  return out;
}

}  // namespace sobre
