// What the hub's answers mean when they are no success (hub_http.h).
#include <curl/curl.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <ctime>

#include "hub/hub_http.h"
#include "hub/hub_url.h"

namespace sobre {

namespace {

/// A number of seconds at the start of a text; -1: none.
double seconds_in(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end != text.data() ? static_cast<double>(std::min<uint64_t>(value, 1'000'000'000)) : -1;
}

/// The value of a parameter in `"api";r=0;t=55`; -1: not there.
double parameter(std::string_view header, std::string_view name) {
  for (size_t at = header.find(';'); at != std::string_view::npos; at = header.find(';', at + 1)) {
    std::string_view rest = header.substr(at + 1);
    while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
    if (rest.starts_with(name) && rest.size() > name.size() && rest[name.size()] == '=')
      return seconds_in(rest.substr(name.size() + 1));
  }
  return -1;
}

std::string message_of(const HubResponse& response) {
  const std::string header = response.header("x-error-message");
  return header.empty() ? std::string() : fmt::format(" (it says: {})", shown_text(header));
}

std::string request_of(const HubResponse& response) {
  const std::string id = response.header("x-request-id");
  return id.empty() ? std::string() : fmt::format(", request {}", shown_text(id, 80));
}

std::string login_advice(const HubSettings& settings) {
  return settings.token.empty() ? "set HF_TOKEN to a token of an account that may read it"
                                : "use a token (HF_TOKEN) of an account that may read it";
}

std::string explain_refusal(const HubResponse& response, const HubSettings& settings, std::string_view repo) {
  const std::string code = response.header("x-error-code");
  const std::string message = response.header("x-error-message");
  const auto says = [&](std::string_view text) {
    return message.find(text) != std::string::npos || response.body.find(text) != std::string::npos;
  };
  if (code == "GatedRepo") {
    return fmt::format("{} is gated: accept its licence at {}/{} with your account, then {}", repo, settings.endpoint, repo,
                       settings.token.empty()
                           ? "set HF_TOKEN to a token of that account and pull again"
                           : "pull again (the token in use must be of that account and may read gated models)");
  }
  if (message == "Access to this resource is disabled.")
    return fmt::format("{} was disabled by the hub: choose another model, or a copy of it elsewhere", repo);
  if (says("Invalid credentials") || says("Invalid username or password")) {
    return fmt::format("{} does not accept the token: make a new one at {}/settings/tokens and set HF_TOKEN, or unset it",
                       settings.endpoint, settings.endpoint);
  }
  if (response.status == 403) {
    return fmt::format("the hub forbids access to {}{}: the token lacks a permission; {}", repo, message_of(response),
                       login_advice(settings));
  }
  return fmt::format("{} does not exist on {}, or it is private: check the name, or {}", repo, settings.endpoint,
                     login_advice(settings));
}

}  // namespace

bool is_passing(long status) { return status == 408 || status == 425 || status == 429 || (status >= 500 && status <= 599); }

double retry_after_s(const HubResponse& response) {
  static constexpr double kLongest = 1e9;  // a date is whatever the hub writes: the year 9999999 as well
  if (const std::string value = response.header("retry-after"); !value.empty()) {
    if (value.find_first_not_of("0123456789") == std::string::npos) return seconds_in(value);
    if (const time_t date = curl_getdate(value.c_str(), nullptr); date != -1)
      return std::clamp(std::difftime(date, std::time(nullptr)), 0.0, kLongest);
  }
  const std::string limit = response.header("ratelimit");
  return parameter(limit, "r") == 0 ? parameter(limit, "t") : -1;
}

std::string explain_hub_error(const HubResponse& response, const HubSettings& settings, std::string_view repo,
                              std::string_view what) {
  const long status = response.status;
  const std::string code = response.header("x-error-code");
  if (status == 429) {
    const double wait = retry_after_s(response);
    return fmt::format("{} answers 429, too many requests: try again {}{}", shown_url(response.url),
                       wait < 0 ? std::string("in some minutes") : fmt::format("in {:.0f} s", std::ceil(wait)),
                       settings.token.empty() ? ", or set HF_TOKEN, which allows more" : "");
  }
  if (is_passing(status)) {
    return fmt::format("{} answers {}{} for {}{}: a fault on its side; try again later", shown_url(response.url), status,
                       message_of(response), what, request_of(response));
  }
  if (code == "RevisionNotFound")
    return fmt::format("{} has no {}: see {}/{}/tree/main for its branches and tags", repo, what, settings.endpoint, repo);
  if (code == "EntryNotFound")
    return fmt::format("{} has no {} at this revision: pull again, it may have been changed meanwhile", repo, what);
  if (code == "GatedRepo" || status == 401 || status == 403 || code == "RepoNotFound")
    return explain_refusal(response, settings, repo);
  if (status == 404) return fmt::format("{} answers 404 for {}: check the name and HF_ENDPOINT", shown_url(response.url), what);
  return fmt::format("{} answers {}{} for {}{}; check HF_ENDPOINT, or try again later", shown_url(response.url), status,
                     message_of(response), what, request_of(response));
}

}  // namespace sobre
