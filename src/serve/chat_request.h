// POST /v1/chat/completions: the request read and checked. Pure; any thread.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "serve/request_common.h"
#include "text/tool_calls.h"

namespace sobre {

struct ChatRequest : CommonRequest {
  Json messages;                         // roles system, user, assistant, tool; contents strings
  Json tools;                            // the API's list, as sent; null: none are shown to the model
  std::vector<ToolDefinition> callable;  // those that may be called: all, or what tool_choice names
  ToolChoice tool_choice = ToolChoice::kNone;
  bool parallel_calls = true;
  std::vector<std::pair<std::string, Json>> template_variables;  // chat_template_kwargs and the like
};

[[nodiscard]] ApiResult<ChatRequest> parse_chat_request(const Json& body, const ApiLimits& limits);

/// Messages checked and made plain: contents of text parts joined with line ends, "developer" called system. Errors name the
/// message. Used for /tokenize too.
[[nodiscard]] Json read_messages(RequestFields& fields, const ApiLimits& limits);

/// The variables for a template that a request may set: scalars, none of those that the server sets itself.
void read_template_variables(RequestFields& fields, std::vector<std::pair<std::string, Json>>& out);

}  // namespace sobre
