#include "serve/completion_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace sobre {

namespace {

constexpr int kDefaultMaxTokens = 16;  // OpenAI's
constexpr size_t kMaxIds = 1 << 20;

void read_prompts(RequestFields& fields, const ApiLimits& limits, CompletionRequest& out) {
  const Json* prompt = fields.find("prompt");
  if (prompt == nullptr) {
    fields.refuse("prompt",
                  "it is missing; a string, a list of strings, token ids or a list of lists of token ids is expected");
    return;
  }
  if (const std::string* text = prompt->as_string()) {
    out.prompts.emplace_back(*text);
    return;
  }
  const Json::Array* list = prompt->as_array();
  if (list == nullptr || list->empty()) {
    fields.refuse("prompt", "it is neither a string nor a list with something in it");
    return;
  }
  if (list->front().is_number()) {
    out.prompts.emplace_back(read_ids(fields, *list, "prompt"));
    return;
  }
  const auto most = static_cast<size_t>(std::max(limits.max_prompts, limits.max_choices));
  if (list->size() * static_cast<size_t>(out.n) > most) {
    fields.refuse("prompt", fmt::format("{} prompts, {} answers to each; at most {} answers are given in all", list->size(),
                                        out.n, most));
    return;
  }
  for (size_t i = 0; i < list->size(); ++i) {
    const Json& entry = (*list)[i];
    const std::string param = fmt::format("prompt[{}]", i);
    if (const std::string* text = entry.as_string()) {
      out.prompts.emplace_back(*text);
    } else if (const Json::Array* ids = entry.as_array()) {
      out.prompts.emplace_back(read_ids(fields, *ids, param));
    } else {
      fields.refuse(param, fmt::format("{} is neither a string nor a list of token ids", short_json(entry)));
    }
  }
}

void read_logprobs(RequestFields& fields, CompletionRequest& out) {
  const Json* value = fields.find("logprobs");
  if (value == nullptr) return;
  if (const auto flag = value->as_bool()) {  // as some clients send it
    if (*flag) out.top_logprobs = 0;
    return;
  }
  const auto top = fields.integer("logprobs", 0, 20);
  if (top) out.top_logprobs = static_cast<int>(*top);
}

}  // namespace

std::vector<int32_t> read_ids(RequestFields& fields, const Json::Array& list, const std::string& param) {
  std::vector<int32_t> ids;
  if (list.empty() || list.size() > kMaxIds) {
    fields.refuse(param, fmt::format("{} token ids; 1 to {} are read", list.size(), kMaxIds));
    return ids;
  }
  ids.reserve(list.size());
  for (const Json& entry : list) {
    const auto id = entry.as_int();
    if (!entry.is_integer() || !id || *id < 0 || *id > std::numeric_limits<int32_t>::max()) {
      fields.refuse(param, fmt::format("{} (entry {}) is no token id", short_json(entry), ids.size()));
      return {};
    }
    ids.push_back(static_cast<int32_t>(*id));
  }
  return ids;
}

ApiResult<CompletionRequest> parse_completion_request(const Json& body, const ApiLimits& limits) {
  CompletionRequest request;
  RequestFields fields(body);
  read_common(fields, limits, 0, request);
  if (!request.max_tokens) request.max_tokens = kDefaultMaxTokens;
  read_prompts(fields, limits, request);
  read_logprobs(fields, request);
  request.echo = fields.flag("echo");
  const auto best_of = fields.integer("best_of", 1, limits.max_choices);
  if (best_of && *best_of != request.n) {
    fields.refuse("best_of",
                  fmt::format("{} is not supported with n {}; all answers that are drawn are given", *best_of, request.n),
                  "unsupported_parameter");
  }
  fields.refuse_unsupported({{"suffix", "\"\"", "the models continue texts"}});
  if (request.echo && request.top_logprobs >= 0) {
    fields.refuse("echo", "it does not go with logprobs: those of the prompt are not computed", "unsupported_parameter");
  }
  if (request.ignore_eos && request.format) {
    fields.refuse("ignore_eos", "an answer of a given form (response_format) ends where the form ends");
  }
  if (!fields.ok()) return std::unexpected(fields.error());
  return request;
}

}  // namespace sobre
