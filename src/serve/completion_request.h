// POST /v1/completions: the request read and checked. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "serve/request_common.h"

namespace sobre {

struct CompletionRequest : CommonRequest {
  std::vector<std::variant<std::string, std::vector<int32_t>>> prompts;  // texts or ids; n answers to each
  bool echo = false;
};

[[nodiscard]] ApiResult<CompletionRequest> parse_completion_request(const Json& body, const ApiLimits& limits);

/// A list of token ids (not checked against a vocabulary); `param` for errors.
[[nodiscard]] std::vector<int32_t> read_ids(RequestFields& fields, const Json::Array& list, const std::string& param);

}  // namespace sobre
