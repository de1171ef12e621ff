// What chat and plain completions share: every field with its type, its range and its limit.
#include "serve/request_testing.h"

namespace sobre {
namespace {

TEST(Request, BodiesThatAreNoObjectAreRefused) {
  const ApiLimits limits;
  const std::pair<std::string, const char*> cases[] = {
      {"", "the body is empty"},
      {"[1]", "the body is a list"},
      {"\"x\"", "the body is \"x\""},
      {"{\"a\": 1", "JSON error at byte"},
      {"{\"a\": NaN}", "JSON error"},
      {"{\"a\": Infinity}", "JSON error"},
      {"{\"a\": 1e999}", "JSON error"},
      {"{\"a\": 1, \"a\": 2}", "occurs twice"},
      {"{\"a\": \"\xff\"}", "JSON error"},
      {"{\"a\": \"\\ud800\"}", "JSON error"},
      {std::string(100'000, '['), "nested deeper than 64"},
      {"{\"a\": " + std::string(80, '[') + std::string(80, ']') + "}", "nested deeper than 64"}};
  for (const auto& [body, words] : cases) expect_fault(parse_body(body, limits, false), "", words, body.substr(0, 80));
  std::string many = "{\"k\": 0";
  for (int i = 0; i < limits.max_members; ++i) many += ", \"k" + std::to_string(i) + "\": 0";
  expect_fault(parse_body(many + "}", limits, false), "", "513 members; at most 512", "many members");
  EXPECT_TRUE(parse_body(R"({"a": 1})", limits, false));
  std::string zeros = "{\"a\": [0";
  for (int i = 0; i < 200'000; ++i) zeros += ",0";
  zeros += "]}";
  expect_fault(parse_body(zeros, limits, false), "", "more than 200000 values", "many zeros");
  EXPECT_TRUE(parse_body(zeros, limits, true));
}

TEST(Request, EveryNumberHasItsRange) {
  const struct {
    const char *name, *good, *low, *high;
  } fields[] = {{"temperature", "0", "-0.01", "2.01"},
                {"temperature", "2", "-1e300", "1e300"},
                {"top_p", "0.5", "-0.1", "1.0001"},
                {"min_p", "1", "-1", "1.5"},
                {"presence_penalty", "-2", "-2.5", "2.5"},
                {"frequency_penalty", "2", "-2.5", "2.5"},
                {"repetition_penalty", "1.1", "0", "101"},
                {"repeat_penalty", "1.1", "0", "1e308"},
                {"repeat_last_n", "-1", "-2", "1048577"},
                {"top_k", "-1", "-2", "2000000000"},
                {"n", "16", "0", "17"},
                {"max_tokens", "1", "-1", "2147483648"},
                {"max_completion_tokens", "5", "-5", "1000000000000"},
                {"n_predict", "1", "-1", "9999999999"},
                {"top_logprobs", "null", "-1", "21"}};
  for (const auto& f : fields) {
    const auto with = [&](const std::string& value) { return "\"" + std::string(f.name) + "\": " + value; };
    EXPECT_TRUE(chat_of(with(f.good))) << f.name;
    EXPECT_TRUE(chat_of(with("null"))) << f.name;
    for (const char* wrong : {f.low, f.high}) expect_fault(chat_of(with(wrong)), f.name, "out of range", with(wrong));
    for (const char* wrong : {"\"1\"", "true", "[]", "{}", "[1]"})
      expect_fault(chat_of(with(wrong)), f.name, "not a", with(wrong));
  }
  // Whole numbers may be written with a fraction of zero.
  EXPECT_EQ(chat_of(R"("max_tokens": 16.0)")->max_tokens, 16);
  EXPECT_EQ(chat_of(R"("seed": -2e3)")->seed, -2000);
  expect_fault(chat_of(R"("n": 17.0)"), "n", "out of range", "17.0");
  for (const char* name : {"n", "max_tokens", "top_k", "seed"}) {
    expect_fault(chat_of("\"" + std::string(name) + "\": 1.5"), name, "1.5 is not a whole number", name);
  }
  expect_fault(chat_of(R"("max_tokens": 0)"), "max_tokens", "0 is out of range; allowed are 1 to", "chat");
  EXPECT_TRUE(completion_of(R"("prompt": "x", "max_tokens": 0)"));
}

TEST(Request, SeedsAreAnyInt64) {
  for (const char* seed : {"0", "-1", "-9223372036854775808", "9223372036854775807"}) {
    const auto request = chat_of(std::string("\"seed\": ") + seed);
    ASSERT_TRUE(request) << seed;
    EXPECT_EQ(std::to_string(*request->seed), seed);
  }
  for (const char* seed : {"9223372036854775808", "18446744073709551616", "1e30", "0.5", "\"1\""}) {
    const auto request = chat_of(std::string("\"seed\": ") + seed);
    ASSERT_FALSE(request) << seed;
    EXPECT_EQ(request.error().param, "seed");
  }
  EXPECT_FALSE(chat_of("")->seed);
}

TEST(Request, WhatIsLeftOutIsTheModelsOwn) {
  SamplingOptions recommended;
  recommended.temperature = 0.3;
  recommended.top_p = 0.8;
  recommended.top_k = 7;
  const auto request = chat_of(R"("temperature": 1.5, "top_p": 0, "seed": -1, "logit_bias": {"5": -100, "6": 1.5})");
  ASSERT_TRUE(request);
  const SamplingOptions o = sampling_of(*request, recommended, 9);
  EXPECT_EQ(o.temperature, 1.5);
  EXPECT_GT(o.top_p, 0);  // 0 leaves the likeliest token alone
  EXPECT_LT(o.top_p, 1e-6);
  EXPECT_EQ(o.top_k, 7);
  EXPECT_EQ(o.seed, ~uint64_t{0});
  EXPECT_EQ(o.logit_bias, (std::vector<std::pair<int32_t, float>>{{5, -100.0F}, {6, 1.5F}}));
  const SamplingOptions plain = sampling_of(*chat_of(""), recommended, 9);
  EXPECT_EQ(plain.temperature, 0.3);
  EXPECT_EQ(plain.seed, 9U);
  EXPECT_TRUE(check_sampling(o, 100));
}

TEST(Request, EachNameOfThePenaltyHasItsWindow) {
  const std::pair<const char*, int> cases[] = {{R"("repetition_penalty": 1.1)", -1},
                                               {R"("repeat_penalty": 1.1)", 64},
                                               {R"("repeat_penalty": 1.2, "repetition_penalty": 1.1)", -1},
                                               {R"("repetition_penalty": 1.1, "repeat_last_n": 32)", 32},
                                               {R"("repeat_penalty": 1.1, "repeat_last_n": -1)", -1},
                                               {R"("repeat_last_n": 0)", 0},
                                               {"", 200}};
  SamplingOptions recommended;
  recommended.repetition_penalty = 1.1;
  recommended.penalty_window = 200;
  for (const auto& [members, window] : cases) {
    const auto request = chat_of(members);
    ASSERT_TRUE(request) << members;
    const SamplingOptions o = sampling_of(*request, recommended, 9);
    EXPECT_EQ(o.repetition_penalty, 1.1) << members;
    EXPECT_EQ(o.penalty_window, window) << members;
  }
}

TEST(Request, FlagsAndTexts) {
  for (const char* name : {"stream", "ignore_eos", "cache_prompt", "logprobs", "parallel_tool_calls"}) {
    EXPECT_TRUE(chat_of("\"" + std::string(name) + "\": true")) << name;
    for (const char* wrong : {"1", "\"true\"", "[]"}) {
      expect_fault(chat_of("\"" + std::string(name) + "\": " + wrong), name, "neither true nor false", wrong);
    }
  }
  EXPECT_FALSE(chat_of(R"("cache_prompt": false)")->reuse_prefix);
  EXPECT_TRUE(chat_of("")->reuse_prefix);
  expect_fault(chat_of("\"model\": 5"), "model", "a number, not a string", "model");
  expect_fault(chat_of("\"model\": \"" + std::string(2000, 'x') + "\""), "model", "2000 bytes; at most 1024", "model");
  EXPECT_EQ(chat_of("\"model\": null")->model, "");
  expect_fault(chat_of(R"("stream_options": {"include_usage": true})"), "stream_options", "goes with", "");
  expect_fault(chat_of(R"("stream": true, "stream_options": {"include_usage": 1})"), "stream_options.include_usage", "neither",
               "");
  expect_fault(chat_of(R"("stream": true, "stream_options": [])"), "stream_options", "not an object", "");
  EXPECT_TRUE(chat_of(R"("stream": true, "stream_options": {"include_usage": true})")->include_usage);
}

TEST(Request, StopStrings) {
  EXPECT_EQ(chat_of(R"("stop": "END")")->stops, std::vector<std::string>{"END"});
  EXPECT_EQ(chat_of(R"("stop": ["a", "b"])")->stops, (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(chat_of(R"("stop": [])")->stops.empty());
  const std::pair<std::string, const char*> cases[] = {{"\"\"", "an empty string"},
                                                       {"[\"a\", \"\"]", "an empty string"},
                                                       {"[1]", "1 is no string"},
                                                       {"7", "neither a string nor a list"},
                                                       {"\"" + std::string(1025, 'x') + "\"", "1025 bytes; at most 1024"}};
  for (const auto& [value, words] : cases) expect_fault(chat_of("\"stop\": " + value), "stop", words, value);
  std::string many = "\"stop\": [\"a\"";
  for (int i = 1; i < 1'000'000; ++i) many += ",\"a\"";
  expect_fault(chat_of(many + "]"), "stop", "1000000 strings; at most 16", "many");
}

TEST(Request, LogitBias) {
  const std::pair<const char*, const char*> cases[] = {{R"({"x": 1})", "the key \"x\" is no token id"},
                                                       {R"({"1.5": 1})", "is no token id"},
                                                       {R"({"-1": 1})", "is no token id"},
                                                       {R"({"": 1})", "is no token id"},
                                                       {R"({"99999999999": 1})", "is no token id"},
                                                       {R"({"1": 101})", "allowed are numbers from -100 to 100"},
                                                       {R"({"1": "a"})", "allowed are numbers"},
                                                       {R"({"1": null})", "allowed are numbers"},
                                                       {"[]", "not an object"}};
  for (const auto& [value, words] : cases)
    expect_fault(chat_of("\"logit_bias\": " + std::string(value)), "logit_bias", words, value);
  std::string many = "\"logit_bias\": {\"0\": 1";
  for (int i = 1; i <= 1024; ++i) many += ",\"" + std::to_string(i) + "\":1";
  expect_fault(chat_of(many + "}"), "logit_bias", "1025 tokens; at most 1024", "many");
}

TEST(Request, WhatWouldChangeTheAnswerIsRefusedByName) {
  const char* fields[] = {R"("grammar": "root ::= x")",
                          R"("functions": [{"name": "f"}])",
                          R"("function_call": "auto")",
                          R"("audio": {"voice": "x"})",
                          R"("modalities": ["text", "audio"])",
                          R"("web_search_options": {})",
                          R"("mirostat": 2)",
                          R"("typical_p": 0.5)",
                          R"("xtc_probability": 0.1)",
                          R"("dry_multiplier": 1)",
                          R"("min_tokens": 5)",
                          R"("stop_token_ids": [1])",
                          R"("lora": [{"id": 0}])",
                          R"("use_beam_search": true)",
                          R"("chat_template": "x")",
                          R"("prompt_logprobs": 1)",
                          R"("guided_grammar": "x")",
                          R"("continue_final_message": true)",
                          R"("truncate_prompt_tokens": 5)"};
  for (const char* field : fields) {
    const std::string text = field;
    expect_fault(chat_of(text), text.substr(1, text.find('"', 1) - 1), "not supported", text);
  }
  // Neutral values and fields of no consequence pass.
  for (const char* field :
       {R"("modalities": ["text"])", R"("typical_p": 1.0)", R"("mirostat": 0)", R"("user": "x")", R"("metadata": {"a": "b"})",
        R"("store": true)", R"("prediction": {"type": "content", "content": "x"})", R"("service_tier": "auto")",
        R"("whatever": {"x": [1, null]})", R"("functions": [])"}) {
    EXPECT_TRUE(chat_of(field)) << field;
  }
}

TEST(Request, FormsOfAnswers) {
  const auto key = [](const char* members) {
    const auto request = chat_of(members);
    EXPECT_TRUE(request) << members << "\n" << (request ? "" : request.error().message);
    return request && request->format ? request->format->key : std::string();
  };
  EXPECT_EQ(key(R"("response_format": {"type": "text"})"), "");
  EXPECT_EQ(key(R"("response_format": {"type": "json_object"})"), "object");
  EXPECT_EQ(
      key(R"("response_format": {"type": "json_schema", "json_schema": {"name": "n", "strict": true, "schema": {"a": 1}}})"),
      "schema {\"a\": 1}");
  EXPECT_EQ(key(R"("response_format": {"type": "json_schema", "json_schema": {"name": "n"}})"), "schema {}");
  EXPECT_EQ(key(R"("response_format": {"type": "json_object", "schema": {"b": 2}})"), "schema {\"b\": 2}");
  EXPECT_EQ(key(R"("json_schema": "{\"b\": 2}")"), "schema {\"b\": 2}");
  EXPECT_EQ(key(R"("guided_json": true)"), "schema true");
  EXPECT_EQ(key(R"("regex": "a+")"), "regex a+");
  EXPECT_EQ(key(R"("response_format": {"type": "regex", "pattern": "a+"})"), "regex a+");
  EXPECT_EQ(key(R"("guided_regex": "a+")"), "regex a+");
  EXPECT_EQ(key(R"("structured_outputs": {"regex": "a+"})"), "regex a+");
  EXPECT_EQ(key(R"("structured_outputs": {"choice": ["x", "y"]})"), "choice [\"x\", \"y\"]");
  EXPECT_EQ(key(R"("structured_outputs": {"json": {}})"), "schema {}");
  EXPECT_EQ(key(R"("structured_outputs": {"json_object": true})"), "object");
}

TEST(Request, FormsThatAreWrong) {
  const struct {
    const char *members, *param, *words;
  } cases[] = {{R"("response_format": "json")", "response_format", "a string, not an object"},
               {R"("response_format": {})", "response_format.type", "missing"},
               {R"("response_format": {"type": 5})", "response_format.type", "not a string"},
               {R"("response_format": {"type": "xml"})", "response_format.type", "\"xml\" is not supported"},
               {R"("response_format": {"type": "json_schema"})", "response_format.json_schema", "no object"},
               {R"("response_format": {"type": "json_schema", "json_schema": {"name": 5}})", "response_format.json_schema.name",
                "not a string"},
               {R"("response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": 5}})",
                "response_format.json_schema.schema", "no JSON Schema"},
               {R"("response_format": {"type": "regex"})", "response_format.pattern", "missing"},
               {R"("regex": 5)", "regex", "not a string"},
               {R"("json_schema": "{")", "json_schema", "no JSON Schema"},
               {R"("structured_outputs": {"grammar": "x"})", "structured_outputs.grammar", "not supported"},
               {R"("structured_outputs": {"choice": []})", "structured_outputs.choice", "no list of 1 to"},
               {R"("structured_outputs": {"choice": [1]})", "structured_outputs.choice", "entries are strings"},
               {R"("regex": "a", "response_format": {"type": "json_object"})", "regex", "given by response_format already"},
               {R"("regex": "a", "ignore_eos": true)", "ignore_eos", "ends where the form ends"}};
  for (const auto& c : cases) expect_fault(chat_of(c.members), c.param, c.words, c.members);
}

}  // namespace
}  // namespace sobre
