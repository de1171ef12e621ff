// GET / and /assets/...: the web page out of the program, and a plain notice where it was built without.
#include <fmt/format.h>

#include "serve/api_core.h"
#include "serve/web_assets.h"

namespace sobre {

namespace {

constexpr std::string_view kNotice = R"(<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Sobre</title>
<h1>Sobre is running</h1>
<p>This program was built without its web page (npm was not there). The API is at <code>/v1</code>: any OpenAI client works
with this server's address and <code>/v1</code> as its base URL. <a href="/v1/models">Models</a>,
<a href="/v1/status">status</a>, <a href="/metrics">metrics</a>.</p>
</html>
)";

/// No other host, no inline scripts, no frames around it.
HttpHeaders page_headers() {
  return {{"content-security-policy",
           "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; form-action 'none'; "
           "frame-ancestors 'none'"},
          {"x-content-type-options", "nosniff"},
          {"referrer-policy", "no-referrer"},
          {"x-frame-options", "DENY"},
          {"cross-origin-opener-policy", "same-origin"}};
}

/// Changes with the bytes (FNV-1a).
std::string etag_of(std::string_view bytes) {
  uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return fmt::format("\"{:016x}-{:x}\"", hash, bytes.size());
}

bool names_etag(std::string_view list, std::string_view etag) {
  return list == "*" || list.find(etag) != std::string_view::npos;
}

const WebAsset* find_asset(std::string_view path) {
  for (const WebAsset& asset : web_assets()) {
    if (asset.path == path) return &asset;
  }
  return nullptr;
}

}  // namespace

void answer_page(ApiCore& core, const HttpRequest& request, HttpReply& reply) {
  constexpr const char* kRoute = "page";
  const std::string_view path = request.path == "/" ? std::string_view("/index.html") : std::string_view(request.path);
  HttpHeaders headers = page_headers();
  const WebAsset* asset = find_asset(path);
  if (asset == nullptr && web_assets().empty() && path == "/index.html") {
    headers.emplace_back("cache-control", "no-cache");
    return core.answer(reply, kRoute, 200, "text/html; charset=utf-8", std::string(kNotice), std::move(headers));
  }
  if (asset == nullptr) {
    ApiError error = bad_request(fmt::format("there is no {} here", request.path), "", "unknown_url");
    error.status = 404;
    return core.answer_error(reply, kRoute, error);
  }
  const std::string etag = etag_of(asset->bytes);
  headers.emplace_back("etag", etag);
  // The names of assets change with their bytes; the page's own does not.
  headers.emplace_back("cache-control",
                       path.starts_with("/assets/") ? "private, max-age=31536000, immutable" : "private, no-cache");
  if (names_etag(request.header("if-none-match"), etag)) {
    return core.answer(reply, kRoute, 304, asset->content_type, "", std::move(headers));
  }
  core.answer(reply, kRoute, 200, asset->content_type, std::string(asset->bytes), std::move(headers));
}

}  // namespace sobre
