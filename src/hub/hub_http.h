// HTTP to the hub, by libcurl. One HubHttp per thread of work; the tokens it holds go to the endpoint's host alone.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "hub/hub_types.h"

namespace sobre {

struct HubResponse {
  std::string url;  // that answered: after redirects another one than was asked
  long status = 0;
  std::map<std::string, std::string> headers;  // names in lower case; of several equal ones the last
  std::string body;                            // at most the limit asked for; empty where a sink took it

  /// A header's value, empty when it is absent.
  [[nodiscard]] std::string header(const std::string& name) const;
};

class HubHttp {
 public:
  /// `cancelled` (may be empty) is asked often while a request runs, and while one waits.
  HubHttp(HubSettings settings, HubCancelled cancelled);
  ~HubHttp();
  HubHttp(const HubHttp&) = delete;
  HubHttp& operator=(const HubHttp&) = delete;

  struct Request {
    std::string url;    // absolute
    uint64_t from = 0;  // > 0: "Range: bytes=FROM-"
    uint64_t max_body =
        16 << 20;  // of a body that is kept; more is an error (of an answer that is no success: the rest is left)
    /// Takes the body of a 200 or 206 in pieces in place of keeping it; `head` has status and headers. False ends the request
    /// with the error "not taken".
    std::function<bool(const HubResponse& head, std::string_view piece)> sink = {};
  };
  /// A GET, tried once. An answer of any status is a result; errors are of the connection, in words a user understands, and
  /// "cancelled". Redirects are followed, at most ten: the token goes along while the endpoint's scheme, host and port stay.
  /// Only http and https, and https never becomes http. Compression is not asked for, and an answer that has it is an error.
  /// Until an answer begins metadata_timeout_s may pass, then stall_timeout_s between one byte and the next.
  [[nodiscard]] Result<HubResponse> send(const Request& request);

  /// The same with patience: connection errors, 408, 429 (as long as Retry-After or RateLimit says, at most 60 s) and 5xx are
  /// tried again, `tries` times in all, after retry_wait_s, doubled each time, with jitter; cancelling ends the wait. For
  /// requests without a sink.
  [[nodiscard]] Result<HubResponse> send_patiently(const Request& request, int tries = 5);

  /// Waits before try number `next` (2 is the first that waits): as long as the answer that failed asks for, else the doubling
  /// wait. False: cancelled.
  [[nodiscard]] bool wait_for_try(int next, const HubResponse* failed);

  [[nodiscard]] bool cancelled() const;
  [[nodiscard]] const HubSettings& settings() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Whether the same request may succeed later: 408, 425, 429, 5xx.
[[nodiscard]] bool is_passing(long status);

/// How long an answer asks to wait, in seconds: Retry-After (seconds or a date), else the `t` of RateLimit with r=0; -1: it
/// does not say.
[[nodiscard]] double retry_after_s(const HubResponse& response);

/// What an answer that is no success means for the user, in one line with what to do: a repository that is missing or private
/// (401, RepoNotFound), gated (GatedRepo: where to accept the licence), a revision or file that is not there, a token that is
/// not valid or lacks permission, a disabled repository, too many requests, a fault of the hub. `what` is what was asked for:
/// "revision \"v1\"", "model.safetensors", "the search". Never has the token in it.
[[nodiscard]] std::string explain_hub_error(const HubResponse& response, const HubSettings& settings, std::string_view repo,
                                            std::string_view what);

}  // namespace sobre
