// Helpers of the tests of requests: bodies as text, expected faults, what an answer writes.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "serve/chat_request.h"
#include "serve/completion_request.h"

namespace sobre {

inline Json json_of(const std::string& text) {
  const Result<Json> json = Json::parse(text);
  EXPECT_TRUE(json) << text << "\n" << (json ? "" : json.error().message);
  return json.value_or(Json());
}

/// The value at a path like "choices/0/delta/content"; null when it is not there.
inline Json at(const Json& root, const std::string& path) {
  const Json* here = &root;
  for (size_t begin = 0; begin < path.size() && here != nullptr;) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string step = path.substr(begin, end - begin);
    begin = end + 1;
    if (const Json::Array* list = here->as_array()) {
      const auto i = static_cast<size_t>(std::stoi(step));
      here = i < list->size() ? &(*list)[i] : nullptr;
    } else {
      here = here->find(step);
    }
  }
  return here == nullptr ? Json() : *here;
}

/// A fault of 400 that names this parameter and has these words.
template <class T>
void expect_fault(const ApiResult<T>& result, const std::string& param, const std::string& words, const std::string& body) {
  ASSERT_FALSE(result) << "taken: " << body;
  EXPECT_EQ(result.error().status, 400) << body;
  EXPECT_EQ(result.error().param, param) << body << "\n" << result.error().message;
  EXPECT_NE(result.error().message.find(words), std::string::npos) << body << "\n" << result.error().message;
  EXPECT_EQ(result.error().message.find('\n'), std::string::npos);
}

/// A chat request of one user message with these members beside.
inline std::string chat_body(const std::string& members) {
  return R"({"messages": [{"role": "user", "content": "hi"}])" + (members.empty() ? "" : ", " + members) + "}";
}

inline ApiResult<ChatRequest> chat_of(const std::string& members) {
  return parse_chat_request(json_of(chat_body(members)), ApiLimits());
}

inline ApiResult<CompletionRequest> completion_of(const std::string& members) {
  return parse_completion_request(json_of("{" + members + "}"), ApiLimits());
}

/// The data of a stream's events; the last is "[DONE]" as a string.
inline std::vector<Json> events_of(const std::string& stream) {
  std::vector<Json> events;
  for (size_t begin = 0; begin < stream.size();) {
    const size_t end = stream.find("\n\n", begin);
    EXPECT_NE(end, std::string::npos) << stream;
    if (end == std::string::npos) break;
    const std::string event = stream.substr(begin, end - begin);
    EXPECT_TRUE(event.starts_with("data: ")) << event;
    const std::string data = event.substr(6);
    events.push_back(data == "[DONE]" ? Json(data) : json_of(data));
    begin = end + 2;
  }
  return events;
}

}  // namespace sobre
