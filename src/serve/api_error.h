// Errors as OpenAI's clients read them: a status and {"error": {"message", "type", "param", "code"}}, and what
// the request cost where it came so far. Plain values.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "serve/http.h"

namespace sobre {

struct ApiError {
  int status = 400;
  std::string message;      // one line
  std::string param, code;  // empty: null
  std::string type;         // empty: by the status
  int retry_after_s = 0;    // 0: no Retry-After
  HttpHeaders headers;      // more of them
  std::string impact;       // JSON: what was spent on the answer that failed; empty: nothing was begun
};

template <class T>
using ApiResult = std::expected<T, ApiError>;

/// A fault of the request: 400.
[[nodiscard]] ApiError bad_request(std::string message, std::string param = "", std::string code = "");

/// {"error": {...}}, with "impact": {...} beside it where that is known.
[[nodiscard]] std::string error_json(const ApiError& error);

/// Answers a request that nothing has been sent for yet.
void send_error(HttpReply& reply, const ApiError& error);

}  // namespace sobre
