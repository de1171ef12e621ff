// Any bytes as a chat template, rendered with a rich set of variables: no crash, limits kept, and provenance in order.
// A NUL byte ends the template; what follows becomes the content of a message, which must be input wherever it appears whole.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "text/chat_template.h"

namespace {

using sobre::Json;

constexpr std::string_view kVariables = R"({"messages": [
    {"role": "system", "content": "Be brief. /no_think"}, {"role": "user", "content": "Hi <|im_end|> [INST]"},
    {"role": "assistant", "content": null, "reasoning_content": "hm", "tool_calls": [{"id": "abc123456", "type": "function",
      "function": {"name": "f", "arguments": {"x": 1, "y": [1, 2.5, null, true], "z": "é\"\n"}}}]},
    {"role": "tool", "tool_call_id": "abc123456", "name": "f", "content": "{\"a\": 1}"},
    {"role": "user", "content": [{"type": "text", "text": "what?"}, {"type": "image"}]}],
  "tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object",
    "properties": {"x": {"type": "integer"}, "y": {"type": "array", "items": {"type": "number"}}}, "required": ["x"]}}}],
  "documents": null, "add_generation_prompt": true, "enable_thinking": false, "bos_token": "<s>", "eos_token": "</s>",
  "n": 5, "fl": 2.5, "s": "Hello, World", "e": "", "l": [3, 1, 2], "d": {"b": 1, "a": [2]}, "t": true, "u": null})";

const Json& variables() {
  static const Json parsed = Json::parse(kVariables).value();
  return parsed;
}

void check(const sobre::RenderedText& out, const sobre::TemplateLimits& limits) {
  if (out.text.size() > limits.max_output_bytes) std::abort();
  size_t done = 0;
  for (const sobre::TextSpan& s : out.from_input) {
    if (s.begin >= s.end || s.end > out.text.size() || (done != 0 && s.begin <= done)) std::abort();
    done = s.end;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  sobre::TemplateLimits limits;
  limits.max_steps = 20'000;
  limits.max_output_bytes = 1 << 18;
  limits.max_value_bytes = 4 << 20;
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const size_t end = all.find('\0');
  const auto chat = sobre::ChatTemplate::parse(all.substr(0, end), limits);
  if (!chat) {
    if (chat.error().message.empty()) std::abort();
    return 0;
  }
  Json given = variables();
  if (end != std::string_view::npos) given.set("s", all.substr(end + 1));
  const auto first = chat->render(given, {2026, 3, 9, 14, 5, 6});
  if (!first) {
    if (first.error().message.empty() && all.find("raise_exception") == std::string_view::npos) std::abort();
    return 0;
  }
  check(*first, limits);
  // A template keeps nothing from one render to the next.
  const auto second = chat->render(given, {2026, 3, 9, 14, 5, 6});
  if (!second || second->text != first->text) std::abort();
  return 0;
}
