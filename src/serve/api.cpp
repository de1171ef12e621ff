#include "serve/api.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "serve/api_core.h"
#include "serve/keys.h"
#include "serve/request_job.h"

namespace sobre {

namespace {

constexpr std::string_view kModelsPrefix = "/v1/models/";

bool same_word(std::string_view a, std::string_view lower) {
  return a.size() == lower.size() && std::equal(a.begin(), a.end(), lower.begin(), [](char x, char y) {
           return (x >= 'A' && x <= 'Z' ? static_cast<char>(x - 'A' + 'a') : x) == y;
         });
}

/// Base64 with or without its padding; nothing when it is none.
std::optional<std::string> decode_base64(std::string_view text) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string out;
  uint32_t bits = 0;
  int n = 0;
  for (const char c : text) {
    const size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | static_cast<uint32_t>(digit);
    n += 6;
    if (n < 8) continue;
    n -= 8;
    out += static_cast<char>(bits >> n & 0xFF);
  }
  return out;
}

/// The key that a request shows: "Bearer KEY", or as the password of "Basic", which a browser can ask for.
std::string shown_key(std::string_view authorization) {
  const size_t space = authorization.find(' ');
  if (space == std::string_view::npos) return {};
  const std::string_view scheme = authorization.substr(0, space);
  std::string_view value = authorization.substr(space + 1);
  while (value.starts_with(' ')) value.remove_prefix(1);
  if (same_word(scheme, "bearer")) return std::string(value);
  if (!same_word(scheme, "basic")) return {};
  const std::optional<std::string> pair = decode_base64(value);
  if (!pair) return {};
  const size_t colon = pair->find(':');
  return colon == std::string::npos ? std::string() : pair->substr(colon + 1);
}

bool is_page(std::string_view path) { return path == "/" || path == "/index.html" || path.starts_with("/assets/"); }

ApiError wrong_key(bool shown, bool page) {
  ApiError error;
  error.status = 401;
  error.message = shown ? "the API key is not known here" : "an API key is needed: Authorization: Bearer KEY";
  error.code = "invalid_api_key";
  error.headers.emplace_back("www-authenticate", page ? R"(Basic realm="sobre", charset="UTF-8")" : "Bearer");
  return error;
}

ApiError not_found(const std::string& method, const std::string& path) {
  ApiError error = bad_request(fmt::format("there is no {} {} here", method, path), "", "unknown_url");
  error.status = 404;
  return error;
}

ApiError wrong_method(const std::string& method, const std::string& path, const char* allowed) {
  ApiError error = bad_request(fmt::format("{} takes {}, not {}", path, allowed, method), "", "method_not_allowed");
  error.status = 405;
  error.headers.emplace_back("allow", allowed);
  return error;
}

enum class Route : uint8_t {
  kNone,
  kChat,
  kCompletion,
  kModels,
  kModel,
  kTokenize,
  kDetokenize,
  kHealth,
  kMetrics,
  kStatus,
  kUsage,
  kPage
};

Route route_of(std::string_view path) {
  constexpr std::pair<std::string_view, Route> kRoutes[] = {
      {"/v1/chat/completions", Route::kChat}, {"/v1/completions", Route::kCompletion}, {"/v1/models", Route::kModels},
      {"/tokenize", Route::kTokenize},        {"/detokenize", Route::kDetokenize},     {"/health", Route::kHealth},
      {"/metrics", Route::kMetrics},          {"/v1/status", Route::kStatus},          {"/v1/usage", Route::kUsage}};
  for (const auto& [known, route] : kRoutes) {
    if (path == known) return route;
  }
  if (path.starts_with(kModelsPrefix) && path.size() > kModelsPrefix.size()) return Route::kModel;
  return is_page(path) ? Route::kPage : Route::kNone;
}

bool takes_post(Route route) {
  return route == Route::kChat || route == Route::kCompletion || route == Route::kTokenize || route == Route::kDetokenize;
}

}  // namespace

struct Api::Impl {
  std::shared_ptr<ApiCore> core;

  /// The id of the key that a request shows; nothing when it shows none or one that is not known.
  [[nodiscard]] std::optional<std::string> key_of(const HttpRequest& request) const {
    const std::string key = shown_key(request.header("authorization"));
    return key.empty() ? std::nullopt : core->keys->check(key);
  }

  /// Who asks: the id of the key, "" where there are no keys.
  [[nodiscard]] ApiResult<std::string> scope_of(const HttpRequest& request, Route route) const {
    if (core->keys == nullptr || route == Route::kHealth) return std::string();
    std::optional<std::string> id = key_of(request);
    if (!id) {
      return std::unexpected(wrong_key(!shown_key(request.header("authorization")).empty(), route == Route::kPage));
    }
    return std::move(*id);
  }

  void start_job(RequestJob::Kind kind, std::string scope, HttpRequest& request, std::shared_ptr<HttpReply> reply) const {
    std::make_shared<RequestJob>(core, kind, std::move(scope), std::move(request), std::move(reply))->start();
  }

  void answer(Route route, std::string scope, HttpRequest& request, const std::shared_ptr<HttpReply>& reply) const {
    switch (route) {
      case Route::kChat:
        return start_job(RequestJob::Kind::kChat, std::move(scope), request, reply);
      case Route::kCompletion:
        return start_job(RequestJob::Kind::kCompletion, std::move(scope), request, reply);
      case Route::kTokenize:
        return answer_tokenize(core, std::move(request), reply);
      case Route::kDetokenize:
        return answer_detokenize(core, std::move(request), reply);
      case Route::kModels:
        return answer_models(*core, *reply);
      case Route::kModel:
        return answer_model(*core, request.path.substr(kModelsPrefix.size()), *reply);
      case Route::kHealth:
        return answer_health(*core, core->keys == nullptr || key_of(request).has_value(), *reply);
      case Route::kMetrics:
        if (!core->options.metrics) return core->answer_error(*reply, "other", not_found(request.method, request.path));
        return answer_metrics(*core, *reply);
      case Route::kStatus:
        return answer_status(*core, *reply);
      case Route::kUsage:
        return answer_usage(core, std::move(scope), request.query, reply);
      case Route::kPage:
        return answer_page(*core, request, *reply);
      case Route::kNone:
        return core->answer_error(*reply, "other", not_found(request.method, request.path));
    }
  }
};

Api::Api(ModelPool& pool, const KeyStore* keys, ApiOptions options) : impl_(std::make_unique<Impl>()) {
  impl_->core = std::make_shared<ApiCore>(pool, keys, std::move(options));
}

Api::~Api() {
  impl_->core->readers.stop();
  impl_->core->finishers.stop();
}

void Api::handle(HttpRequest&& request, const std::shared_ptr<HttpReply>& reply) {
  const Route route = route_of(request.path);
  ApiCore& core = *impl_->core;
  ApiResult<std::string> scope = impl_->scope_of(request, route);
  if (!scope) return core.answer_error(*reply, "unauthorized", scope.error());
  if (route != Route::kNone) {
    const bool good = takes_post(route) ? request.method == "POST" : request.method == "GET" || request.method == "HEAD";
    const char* allowed = takes_post(route) ? "POST" : "GET, HEAD";
    if (!good) return core.answer_error(*reply, "other", wrong_method(request.method, request.path, allowed));
  }
  impl_->answer(route, std::move(*scope), request, reply);
}

std::optional<HttpRefusal> Api::check_head(const HttpRequest& head) {
  const ApiResult<std::string> scope = impl_->scope_of(head, route_of(head.path));
  if (scope) return std::nullopt;
  impl_->core->metrics.request("unauthorized", "", scope.error().status);
  return HttpRefusal{scope.error().status, "application/json", error_json(scope.error()), scope.error().headers};
}

void Api::tick() {
  ApiCore& core = *impl_->core;
  std::vector<std::shared_ptr<RequestJob>> streams;
  {
    const std::lock_guard lock(core.mutex);
    for (auto it = core.streams.begin(); it != core.streams.end();) {
      if (auto job = it->lock()) {
        streams.push_back(std::move(job));
        ++it;
      } else {
        it = core.streams.erase(it);
      }
    }
  }
  const auto now = ApiCore::Clock::now();
  for (const auto& job : streams) job->tick(now);
  sample_status(core);
}

std::pair<std::string, std::string> Api::error_body(int status, std::string_view message) {
  ApiError error;
  error.status = status;
  error.message = std::string(message);
  return {error_json(error), "application/json"};
}

}  // namespace sobre
