// What answers look like to clients, from tokens made by hand.
#include <algorithm>

#include "engine/tiny_model_testing.h"
#include "serve/request_answer.h"
#include "serve/request_testing.h"

namespace sobre {
namespace {

constexpr int32_t kImEnd = 381;

const TextAssets& tiny_text() {
  static const TextAssets text = [] {
    const TemporaryFolder folder("answer");
    EXPECT_TRUE(write_tiny_model(folder.path(), SOBRE_SOURCE_DIR));
    auto checkpoint = Checkpoint::open(folder.path());
    EXPECT_TRUE(checkpoint);
    auto assets = checkpoint->text_assets();
    EXPECT_TRUE(assets);
    return std::move(*assets);
  }();
  return text;
}

AnswerHead head() { return {"chatcmpl-1", 17, "m \"x\"", "sobre-1"}; }

std::vector<GenerationToken> texts(std::initializer_list<const char*> list) {
  std::vector<GenerationToken> tokens;
  for (const char* text : list) tokens.push_back({1, text, -0.5F, {}});
  return tokens;
}

GenerationReport report(GenerationEnd end, int answer_tokens, std::string rest = "") {
  GenerationReport r;
  r.end = end;
  r.rest = std::move(rest);
  r.prompt_tokens = 10;
  r.cached_tokens = 4;
  r.answer_tokens = answer_tokens;
  r.queue_s = 0.001;
  r.prompt_s = 0.25;
  r.decode_s = 2;
  r.first_token_s = 0.3;
  return r;
}

ChatPrompt plain_prompt() { return {}; }

TEST(ChatAnswer, Plain) {
  const auto answer = make_chat_answer(head(), {.answers = 1}, tiny_text(), plain_prompt());
  std::string out;
  auto tokens = texts({"He said \"", "", "hi\"\n\x01"});
  answer->take(0, tokens, out);
  answer->end(0, report(GenerationEnd::kStop, 5, " \xC3\xA9"), out);
  EXPECT_EQ(out, "");
  const Json body = json_of(answer->body());
  EXPECT_EQ(at(body, "id"), Json("chatcmpl-1"));
  EXPECT_EQ(at(body, "object"), Json("chat.completion"));
  EXPECT_EQ(at(body, "created"), Json(17));
  EXPECT_EQ(at(body, "model"), Json("m \"x\""));
  EXPECT_EQ(at(body, "system_fingerprint"), Json("sobre-1"));
  EXPECT_EQ(at(body, "choices"), json_of(R"([{"index": 0, "message": {"role": "assistant",
    "content": "He said \"hi\"\n\u0001 \u00e9", "refusal": null}, "logprobs": null, "finish_reason": "stop"}])"));
  EXPECT_EQ(at(body, "usage"), json_of(R"({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15,
    "prompt_tokens_details": {"cached_tokens": 4}, "completion_tokens_details": {"reasoning_tokens": 0}})"));
  EXPECT_EQ(at(body, "timings/tokens_per_second"), Json(2.0));  // four tokens after the first, in 2 s
  EXPECT_EQ(at(body, "timings/first_token_ms"), Json(300.0));
}

TEST(ChatAnswer, ReasonsToEnd) {
  const std::pair<GenerationEnd, const char*> cases[] = {{GenerationEnd::kStop, "stop"},
                                                         {GenerationEnd::kStopString, "stop"},
                                                         {GenerationEnd::kMaxTokens, "length"},
                                                         {GenerationEnd::kContextFull, "length"}};
  for (const auto& [end, reason] : cases) {
    const auto answer = make_chat_answer(head(), {.answers = 1}, tiny_text(), plain_prompt());
    std::string out;
    answer->end(0, report(end, 1), out);
    EXPECT_EQ(at(json_of(answer->body()), "choices/0/finish_reason"), Json(reason));
  }
}

TEST(ChatAnswer, Streamed) {
  const auto answer = make_chat_answer(head(), {.stream = true, .include_usage = true, .answers = 2, .per_prompt = 2},
                                       tiny_text(), plain_prompt());
  std::string out;
  auto first = texts({"a\n"}), second = texts({"b", "c"}), empty = texts({""});
  answer->take(0, first, out);
  answer->take(1, second, out);
  answer->take(0, empty, out);
  answer->end(1, report(GenerationEnd::kMaxTokens, 2), out);
  answer->end(0, report(GenerationEnd::kStop, 3, "d"), out);
  answer->finish(out);
  const std::vector<Json> events = events_of(out);
  ASSERT_EQ(events.size(), 9U) << out;
  EXPECT_EQ(events.back(), Json("[DONE]"));
  for (size_t i = 0; i + 1 < events.size(); ++i) {
    EXPECT_EQ(at(events[i], "id"), Json("chatcmpl-1"));
    EXPECT_EQ(at(events[i], "object"), Json("chat.completion.chunk"));
    ASSERT_NE(events[i].find("usage"), nullptr);
    EXPECT_EQ(at(events[i], "usage").is_null(), i != 7) << i;
  }
  EXPECT_EQ(at(events[0], "choices"), json_of(R"([{"index": 0, "delta": {"role": "assistant", "content": ""}, "logprobs": null,
    "finish_reason": null}])"));
  EXPECT_EQ(at(events[1], "choices/0/delta"), json_of(R"({"content": "a\n"})"));
  EXPECT_EQ(at(events[2], "choices/0/index"), Json(1));
  EXPECT_EQ(at(events[3], "choices/0/delta"), json_of(R"({"content": "bc"})"));
  EXPECT_EQ(at(events[4], "choices/0"), json_of(R"({"index": 1, "delta": {}, "logprobs": null, "finish_reason": "length"})"));
  EXPECT_EQ(at(events[4], "timings/answer_tokens"), Json(2));
  EXPECT_EQ(at(events[5], "choices/0/delta"), json_of(R"({"content": "d"})"));
  EXPECT_EQ(at(events[6], "choices/0/finish_reason"), Json("stop"));
  EXPECT_EQ(at(events[7], "choices"), json_of("[]"));
  // The prompt counts once, the answers all.
  EXPECT_EQ(at(events[7], "usage/prompt_tokens"), Json(10));
  EXPECT_EQ(at(events[7], "usage/completion_tokens"), Json(5));
  EXPECT_EQ(at(events[7], "usage/total_tokens"), Json(15));
  EXPECT_EQ(at(events[7], "usage/prompt_tokens_details/cached_tokens"), Json(4));
}

TEST(ChatAnswer, WithoutUsageNoChunkNamesIt) {
  const auto answer = make_chat_answer(head(), {.stream = true, .answers = 1}, tiny_text(), plain_prompt());
  std::string out;
  auto tokens = texts({"a"});
  answer->take(0, tokens, out);
  answer->end(0, report(GenerationEnd::kStop, 1), out);
  answer->finish(out);
  EXPECT_EQ(out.find("usage"), std::string::npos);
  EXPECT_EQ(events_of(out).size(), 4U);
}

GenerationToken with_logprobs(int32_t id, const char* text, float logprob, std::vector<TokenLogprob> top) {
  return {id, text, logprob, std::move(top)};
}

TEST(ChatAnswer, LogProbabilities) {
  const Tokenizer& tokenizer = *tiny_text().tokenizer;
  const auto ids = tokenizer.encode("a\xC3\xA9");
  int32_t half = -1;  // a token that is no character by itself
  for (int32_t id = 0; id < 380 && half < 0; ++id) {
    if (tokenizer.token_bytes(id) == "\xC3") half = id;
  }
  ASSERT_GE(half, 0);
  for (const bool stream : {false, true}) {
    const auto answer =
        make_chat_answer(head(), {.stream = stream, .answers = 1, .top_logprobs = 2}, tiny_text(), plain_prompt());
    std::string out;
    std::vector<GenerationToken> tokens;
    tokens.push_back(with_logprobs(ids[0], "a", -0.25F, {{ids[0], -0.25F}, {half, -2.0F}, {5, -3.0F}}));
    tokens.push_back(with_logprobs(half, "", -std::numeric_limits<float>::infinity(), {}));
    tokens.push_back(with_logprobs(kImEnd, "", -1, {}));
    answer->take(0, tokens, out);
    answer->end(0, report(GenerationEnd::kStop, 3, "\xEF\xBF\xBD"), out);
    answer->finish(out);
    const Json wanted = json_of(R"({"content": [
      {"token": "a", "logprob": -0.25, "bytes": [97], "top_logprobs": [{"token": "a", "logprob": -0.25, "bytes": [97]},
        {"token": "\\xc3", "logprob": -2, "bytes": [195]}]},
      {"token": "\\xc3", "logprob": -9999, "bytes": [195], "top_logprobs": []}], "refusal": null})");
    if (stream) {
      EXPECT_EQ(at(events_of(out)[1], "choices/0/logprobs"), wanted);
      EXPECT_TRUE(at(events_of(out)[0], "choices/0/logprobs").is_null());
    } else {
      EXPECT_EQ(at(json_of(answer->body()), "choices/0/logprobs"), wanted);
    }
  }
}

TEST(ChatAnswer, LogProbabilitiesOfTextHeldBackAreSentAtTheEnd) {
  const auto answer = make_chat_answer(head(), {.stream = true, .answers = 1, .top_logprobs = 0}, tiny_text(), plain_prompt());
  std::string out;
  auto tokens = texts({"", ""});
  answer->take(0, tokens, out);
  answer->end(0, report(GenerationEnd::kStopString, 2), out);
  answer->finish(out);
  const auto events = events_of(out);
  ASSERT_EQ(events.size(), 4U) << out;
  EXPECT_EQ(at(events[1], "choices/0/logprobs/content").as_array()->size(), 2U);
  EXPECT_EQ(at(events[1], "choices/0/delta/content"), Json(""));
}

ChatPrompt tool_prompt() {
  ChatPrompt prompt;
  prompt.split = true;
  prompt.reader.format = ToolFormat::kTagged;
  prompt.reader.tools = true;
  prompt.reader.names = {"add", "now"};
  prompt.reader.seed = 3;
  return prompt;
}

const char* const kCalls[] = {"Let me see. ",
                              "<tool_call>",
                              "\n{\"name\": \"add\", \"arguments\": ",
                              "{\"a\": 1, ",
                              "\"b\": \"x\"}}\n",
                              "</tool_call>",
                              "\n<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>"};

TEST(ChatAnswer, Calls) {
  const auto answer = make_chat_answer(head(), {.answers = 1}, tiny_text(), tool_prompt());
  std::string out;
  for (const char* text : kCalls) {
    auto tokens = texts({text});
    answer->take(0, tokens, out);
  }
  answer->end(0, report(GenerationEnd::kStop, 9), out);
  const Json choice = at(json_of(answer->body()), "choices/0");
  EXPECT_EQ(at(choice, "finish_reason"), Json("tool_calls"));
  ASSERT_TRUE(at(choice, "message/content").is_string()) << choice.dump();
  EXPECT_TRUE(at(choice, "message/content").as_string()->starts_with("Let me see."));
  const Json calls = at(choice, "message/tool_calls");
  ASSERT_TRUE(calls.is_array()) << choice.dump();
  ASSERT_EQ(calls.as_array()->size(), 2U);
  EXPECT_EQ(at(calls, "0/type"), Json("function"));
  EXPECT_EQ(at(calls, "0/function/name"), Json("add"));
  EXPECT_EQ(json_of(*at(calls, "0/function/arguments").as_string()), json_of(R"({"a": 1, "b": "x"})"));
  EXPECT_EQ(at(calls, "1/function/name"), Json("now"));
  EXPECT_EQ(at(calls, "1/function/arguments"), Json("{}"));
  EXPECT_FALSE(at(calls, "0/id") == at(calls, "1/id"));
}

TEST(ChatAnswer, CallsStreamed) {
  const auto answer = make_chat_answer(head(), {.stream = true, .answers = 1}, tiny_text(), tool_prompt());
  std::string out;
  for (const char* text : kCalls) {
    auto tokens = texts({text});
    answer->take(0, tokens, out);
  }
  answer->end(0, report(GenerationEnd::kStop, 9), out);
  answer->finish(out);
  std::string arguments[2];
  int begun = 0;
  std::string finish;
  for (const Json& event : events_of(out)) {
    const Json call = at(event, "choices/0/delta/tool_calls/0");
    if (const Json reason = at(event, "choices/0/finish_reason"); reason.is_string()) finish = *reason.as_string();
    if (call.is_null()) continue;
    const auto index = at(call, "index").as_int();
    ASSERT_TRUE(index && *index >= 0 && *index < 2) << call.dump();
    if (call.find("id") != nullptr) {
      EXPECT_EQ(*index, begun++);
      EXPECT_EQ(at(call, "function/name"), Json(*index == 0 ? "add" : "now"));
    } else {
      EXPECT_EQ(at(call, "function").find("name"), nullptr);
    }
    arguments[*index] += *at(call, "function/arguments").as_string();
  }
  EXPECT_EQ(begun, 2);
  EXPECT_EQ(finish, "tool_calls");
  EXPECT_EQ(json_of(arguments[0]), json_of(R"({"a": 1, "b": "x"})"));
  EXPECT_EQ(json_of(arguments[1]), json_of("{}"));
}

TEST(ChatAnswer, Reasoning) {
  ChatPrompt prompt;
  prompt.split = true;
  prompt.reader.reasoning = prompt.reader.starts_in_reasoning = true;
  for (const bool stream : {false, true}) {
    const auto answer = make_chat_answer(head(), {.stream = stream, .answers = 1}, tiny_text(), prompt);
    std::string out;
    for (const char* text : {"Hm", "m.", "</think>", "\n\nYes", "."}) {
      auto tokens = texts({text});
      answer->take(0, tokens, out);
    }
    answer->end(0, report(GenerationEnd::kStop, 6), out);
    answer->finish(out);
    std::string content, thoughts;
    if (stream) {
      for (const Json& event : events_of(out)) {
        const Json delta = at(event, "choices/0/delta");
        if (const Json* text = delta.find("content")) content += *text->as_string();
        if (const Json* text = delta.find("reasoning_content")) thoughts += *text->as_string();
      }
    } else {
      const Json body = json_of(answer->body());
      content = *at(body, "choices/0/message/content").as_string();
      thoughts = *at(body, "choices/0/message/reasoning_content").as_string();
      const auto n = at(body, "usage/completion_tokens_details/reasoning_tokens").as_int();
      EXPECT_TRUE(n && *n >= 2 && *n <= 3) << body.dump();
    }
    EXPECT_TRUE(thoughts.starts_with("Hmm.")) << thoughts;
    EXPECT_TRUE(content.ends_with("Yes.")) << content;
    EXPECT_EQ(content.find("Hm"), std::string::npos);
  }
}

TEST(CompletionAnswer, PlainWithEchoAndSeveralPrompts) {
  const auto answer = make_completion_answer(head(), {.answers = 4, .per_prompt = 2}, tiny_text(), {"one ", "two "});
  std::string out;
  for (size_t i = 0; i < 4; ++i) {
    auto tokens = texts({"x"});
    answer->take(i, tokens, out);
  }
  for (size_t i = 0; i < 4; ++i) answer->end(i, report(GenerationEnd::kMaxTokens, 1, std::to_string(i)), out);
  const Json body = json_of(answer->body());
  EXPECT_EQ(at(body, "object"), Json("text_completion"));
  EXPECT_EQ(at(body, "choices/0"), json_of(R"({"text": "one x0", "index": 0, "logprobs": null, "finish_reason": "length"})"));
  EXPECT_EQ(at(body, "choices/3/text"), Json("two x3"));
  EXPECT_EQ(at(body, "usage/prompt_tokens"), Json(20));
  EXPECT_EQ(at(body, "usage/completion_tokens"), Json(4));
}

TEST(CompletionAnswer, StreamedWithLogProbabilities) {
  const auto answer =
      make_completion_answer(head(), {.stream = true, .include_usage = true, .answers = 1, .top_logprobs = 2}, tiny_text(), {});
  const auto ids = tiny_text().tokenizer->encode("ab");
  std::string out;
  std::vector<GenerationToken> tokens;
  tokens.push_back(with_logprobs(ids[0], "", -1, {{ids[0], -1}}));
  tokens.push_back(with_logprobs(ids.back(), "ab", -2, {{ids[0], -0.5F}, {kImEnd, -1.5F}}));
  answer->take(0, tokens, out);
  answer->end(0, report(GenerationEnd::kStop, 2), out);
  answer->finish(out);
  const auto events = events_of(out);
  ASSERT_EQ(events.size(), 4U) << out;
  const Json lists = at(events[0], "choices/0/logprobs");
  EXPECT_EQ(at(lists, "tokens").as_array()->size(), 2U);
  EXPECT_EQ(at(lists, "token_logprobs"), json_of("[-1, -2]"));
  EXPECT_EQ(at(lists, "text_offset").as_array()->front(), Json(0));
  EXPECT_GT(*at(lists, "text_offset/1").as_int(), 0);
  EXPECT_EQ(at(lists, "top_logprobs/1").as_object()->size(), ids.size() == 1 ? 2U : 3U);
  EXPECT_EQ(at(lists, "top_logprobs/1/<|im_end|>"), Json(-1.5));
  EXPECT_EQ(at(events[1], "choices/0/finish_reason"), Json("stop"));
  EXPECT_EQ(at(events[2], "usage/total_tokens"), Json(12));
}

}  // namespace
}  // namespace sobre
