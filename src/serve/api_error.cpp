#include "serve/api_error.h"

#include "base/json.h"
#include "text/unicode.h"

namespace sobre {

namespace {

std::string_view type_of(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 429:
      return "rate_limit_error";
    case 503:
      return "unavailable_error";
    default:
      return status >= 500 ? "server_error" : "invalid_request_error";
  }
}

void append_or_null(std::string& out, std::string_view text) {
  if (text.empty()) {
    out += "null";
  } else {
    append_json_string(out, repair_utf8(text));
  }
}

}  // namespace

ApiError bad_request(std::string message, std::string param, std::string code) {
  ApiError error;
  error.message = std::move(message);
  error.param = std::move(param);
  error.code = std::move(code);
  return error;
}

std::string error_json(const ApiError& error) {
  std::string out = R"({"error": {"message": )";
  append_json_string(out, repair_utf8(error.message));  // it may quote what a path spells
  out += R"(, "type": )";
  append_json_string(out, error.type.empty() ? type_of(error.status) : std::string_view(error.type));
  out += R"(, "param": )";
  append_or_null(out, error.param);
  out += R"(, "code": )";
  append_or_null(out, error.code);
  out += "}";
  if (!error.impact.empty()) out.append(R"(, "impact": )").append(error.impact);
  out += "}";
  return out;
}

void send_error(HttpReply& reply, const ApiError& error) {
  HttpHeaders headers = error.headers;
  if (error.retry_after_s > 0) headers.emplace_back("retry-after", std::to_string(error.retry_after_s));
  reply.send(error.status, "application/json", error_json(error), std::move(headers));
}

}  // namespace sobre
