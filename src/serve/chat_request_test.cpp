#include "serve/chat_request.h"

#include "serve/request_testing.h"

namespace sobre {
namespace {

ApiResult<ChatRequest> messages(const std::string& list) {
  return parse_chat_request(json_of(R"({"messages": )" + list + "}"), ApiLimits());
}

const std::string kTool = R"({"type": "function", "function": {"name": "now", "description": "the time", "parameters":
  {"type": "object", "properties": {"zone": {"type": "string"}}}}})";
const std::string kTools = R"("tools": [)" + kTool + R"(, {"type": "function", "function": {"name": "add"}}])";

TEST(ChatRequest, MessagesBecomePlain) {
  const auto request = messages(R"([{"role": "developer", "content": "be brief"},
    {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "name": "Ann"},
    {"role": "assistant", "content": null, "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{bad"}}]},
    {"role": "tool", "tool_call_id": "c1", "content": "7"},
    {"role": "assistant", "content": "x", "reasoning_content": "y", "refusal": null, "annotations": []}])");
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->messages, json_of(R"([{"role": "system", "content": "be brief"},
    {"role": "user", "content": "a\nb", "name": "Ann"},
    {"role": "assistant", "content": "", "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{bad"}}]},
    {"role": "tool", "content": "7", "tool_call_id": "c1"},
    {"role": "assistant", "content": "x", "reasoning_content": "y"}])"));
}

TEST(ChatRequest, WrongMessagesAreNamed) {
  const struct {
    const char *list, *param, *words;
  } cases[] = {
      {"null", "messages", "missing or empty"},
      {"[]", "messages", "missing or empty"},
      {"{}", "messages", "an object, not a list"},
      {"[5]", "messages[0]", "no object"},
      {R"([{"content": "x"}])", "messages[0].role", "missing"},
      {R"([{"role": "robot", "content": "x"}])", "messages[0].role", "\"robot\" is not known"},
      {R"([{"role": "user", "content": "x"}, {"role": "function", "content": "x"}])", "messages[1].role", "not known"},
      {R"([{"role": "user"}])", "messages[0].content", "missing"},
      {R"([{"role": "user", "content": null}])", "messages[0].content", "missing"},
      {R"([{"role": "user", "content": 5}])", "messages[0].content", "neither a string nor a list"},
      {R"([{"role": "user", "content": [5]}])", "messages[0].content[0]", "no object with a \"type\""},
      {R"([{"role": "user", "content": [{"type": "text"}]}])", "messages[0].content[0]", "no text that is a string"},
      {R"([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://169.254.169.254/"}}]}])",
       "messages[0].content[0].type", "nothing is fetched"},
      {R"([{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}])", "messages[0].content[0].type",
       "not supported"},
      {R"([{"role": "user", "content": [{"type": "file", "file": {}}]}])", "messages[0].content[0].type", "not supported"},
      {R"([{"role": "assistant", "content": "x", "tool_calls": 5}])", "messages[0].tool_calls", "not a list"},
      {R"([{"role": "assistant", "content": "x", "function_call": {"name": "f"}}])", "messages[0].function_call",
       "not supported"},
      {R"([{"role": "tool", "content": "x", "tool_call_id": 5}])", "messages[0].tool_call_id", "not a string"}};
  for (const auto& c : cases) expect_fault(messages(c.list), c.param, c.words, c.list);
  std::string many = "[";
  for (int i = 0; i < 2049; ++i) many += R"({"role":"user","content":"x"},)";
  many.back() = ']';
  expect_fault(messages(many), "messages", "2049 entries; at most 2048", "many");
}

TEST(ChatRequest, ToolsAndTheChoiceOfThem) {
  const auto of = [](const std::string& members) {
    auto request = chat_of(members);
    EXPECT_TRUE(request) << members << "\n" << (request ? "" : request.error().message);
    return request.value_or(ChatRequest());
  };
  EXPECT_EQ(of("").tool_choice, ToolChoice::kNone);
  EXPECT_EQ(of(R"("tools": [])").tool_choice, ToolChoice::kNone);
  const ChatRequest automatic = of(kTools);
  EXPECT_EQ(automatic.tool_choice, ToolChoice::kAuto);
  EXPECT_EQ(automatic.callable.size(), 2U);
  EXPECT_EQ(automatic.tools.as_array()->size(), 2U);
  EXPECT_TRUE(automatic.parallel_calls);
  EXPECT_FALSE(of(kTools + R"(, "parallel_tool_calls": false)").parallel_calls);
  EXPECT_EQ(of(kTools + R"(, "tool_choice": "required")").tool_choice, ToolChoice::kRequired);
  const ChatRequest none = of(kTools + R"(, "tool_choice": "none")");
  EXPECT_EQ(none.tool_choice, ToolChoice::kNone);
  EXPECT_TRUE(none.tools.is_null());
  EXPECT_TRUE(none.callable.empty());  // their parameters may be large
  const ChatRequest named = of(kTools + R"(, "tool_choice": {"type": "function", "function": {"name": "add"}})");
  EXPECT_EQ(named.tool_choice, ToolChoice::kRequired);
  ASSERT_EQ(named.callable.size(), 1U);
  EXPECT_EQ(named.callable[0].name, "add");
  EXPECT_EQ(named.tools.as_array()->size(), 2U);
  const ChatRequest allowed = of(kTools + R"(, "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto",
    "tools": [{"type": "function", "function": {"name": "now"}}]}})");
  EXPECT_EQ(allowed.tool_choice, ToolChoice::kAuto);
  ASSERT_EQ(allowed.callable.size(), 1U);
  EXPECT_EQ(allowed.callable[0].name, "now");
  EXPECT_EQ(of(R"("tool_choice": "auto")").tool_choice, ToolChoice::kNone);
}

TEST(ChatRequest, WrongToolsAreNamed) {
  const std::pair<std::string, const char*> cases[] = {
      {kTools + R"(, "tool_choice": "maybe")", "\"maybe\" is not known"},
      {kTools + R"(, "tool_choice": 5)", "neither none, auto, required"},
      {kTools + R"(, "tool_choice": {"type": "function"})", "neither none, auto, required"},
      {kTools + R"(, "tool_choice": {"type": "function", "function": {"name": "gone"}})", "no tool is called \"gone\""},
      {kTools + R"(, "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}})",
       "needs \"mode\""},
      {kTools + R"(, "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "none", "tools": [1]}})",
       "needs \"mode\""},
      {kTools + R"(, "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [1]}})",
       "names no function"},
      {R"("tool_choice": "required")", "there are no tools"},
      {R"("tool_choice": {"type": "function", "function": {"name": "x"}})", "no tool is called"}};
  for (const auto& [members, words] : cases) expect_fault(chat_of(members), "tool_choice", words, members);
  expect_fault(chat_of(R"("tools": {})"), "tools", "not a list", "");
  for (const char* tools : {"[5]", R"([{"type": "function"}])", R"([{"type": "function", "function": {"name": "a b"}}])",
                            R"([{"type": "custom", "custom": {"name": "a"}}])"}) {
    const auto request = chat_of("\"tools\": " + std::string(tools));
    ASSERT_FALSE(request) << tools;
    EXPECT_EQ(request.error().param, "tools") << tools;
  }
  expect_fault(chat_of(kTools + R"(, "ignore_eos": true)"), "ignore_eos", "ends where the form ends", "");
}

TEST(ChatRequest, LogProbabilities) {
  EXPECT_EQ(chat_of("")->top_logprobs, -1);
  EXPECT_EQ(chat_of(R"("logprobs": true)")->top_logprobs, 0);
  EXPECT_EQ(chat_of(R"("logprobs": true, "top_logprobs": 20)")->top_logprobs, 20);
  EXPECT_EQ(chat_of(R"("logprobs": false)")->top_logprobs, -1);
  expect_fault(chat_of(R"("top_logprobs": 3)"), "top_logprobs", "goes with", "");
}

TEST(ChatRequest, VariablesOfTheTemplate) {
  const auto request =
      chat_of(R"("chat_template_kwargs": {"enable_thinking": false, "date": "x", "k": 1.5}, "reasoning_effort": "none")");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->template_variables.size(), 5U);
  EXPECT_EQ(request->template_variables.front(), (std::pair<std::string, Json>("reasoning_effort", "none")));
  for (const char* name :
       {"messages", "tools", "add_generation_prompt", "bos_token", "eos_token", "image_token", "additional_special_tokens"}) {
    expect_fault(chat_of("\"chat_template_kwargs\": {\"" + std::string(name) + "\": \"x\"}"),
                 "chat_template_kwargs." + std::string(name), "the server's to set", name);
  }
  expect_fault(chat_of(R"("chat_template_kwargs": {"x": [1]})"), "chat_template_kwargs.x", "only strings", "");
  expect_fault(chat_of(R"("chat_template_kwargs": {"x": {"y": 1}})"), "chat_template_kwargs.x", "only strings", "");
  expect_fault(chat_of(R"("chat_template_kwargs": "x")"), "chat_template_kwargs", "not an object", "");
  expect_fault(chat_of(R"("reasoning_effort": "huge")"), "reasoning_effort", "known are", "");
}

}  // namespace
}  // namespace sobre
