// Tools read from requests, and the grammars that force calls: what they accept, and that the reader agrees.
#include <gtest/gtest.h>

#include <filesystem>
#include <random>

#include "text/constraint.h"
#include "text/tool_calls.h"

namespace sobre {
namespace {

Json json(std::string_view text) {
  auto parsed = Json::parse(text);
  EXPECT_TRUE(parsed.has_value()) << text << ": " << parsed.error().message;
  return parsed ? std::move(*parsed) : Json();
}

constexpr const char* kTools = R"([
  {"type": "function", "function": {"name": "get_weather", "description": "d", "parameters": {"type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}, "required": ["city"]}}},
  {"type": "function", "function": {"name": "math.now"}},
  {"type": "function", "function": {"name": "any", "parameters": {"type": "object", "additionalProperties": {"type": "integer"}}}}])";

std::vector<ToolDefinition> tools() {
  auto read = tools_from_json(json(kTools));
  EXPECT_TRUE(read.has_value()) << read.error().message;
  return read ? std::move(*read) : std::vector<ToolDefinition>();
}

TEST(Tools, ReadFromARequest) {
  const auto read = tools();
  ASSERT_EQ(read.size(), 3U);
  EXPECT_EQ(read[0].name, "get_weather");
  EXPECT_EQ(read[0].description, "d");
  EXPECT_TRUE(read[0].parameters.is_object());
  EXPECT_TRUE(read[1].parameters.is_null());
}

TEST(Tools, ErrorsNameTheEntry) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({})", "tools: "},
      {R"([3])", "tools[0]"},
      {R"([{"type": "function", "function": {"name": "a"}}, {"type": "retrieval"}])", "tools[1].type"},
      {R"([{"type": "function"}])", "tools[0]"},
      {R"([{"function": {"name": ""}}])", "tools[0].function.name"},
      {R"([{"function": {"name": 5}}])", "tools[0].function.name"},
      {R"([{"function": {"name": "a b"}}])", "tools[0].function.name"},
      {R"([{"function": {"name": "\"}\n"}}])", "tools[0].function.name"},
      {R"([{"function": {"name": "a", "description": []}}])", "description"},
      {R"([{"function": {"name": "a", "parameters": []}}])", "parameters"},
      {R"([{"function": {"name": "a", "parameters": {"type": "dict"}}}])", "parameters.type"},
      {R"([{"function": {"name": "a"}}, {"function": {"name": "a"}}])", "tools[1]"}};
  for (const auto& [text, part] : cases) {
    const auto read = tools_from_json(json(text));
    ASSERT_FALSE(read.has_value()) << text;
    EXPECT_NE(read.error().message.find(part), std::string::npos) << read.error().message;
    EXPECT_EQ(read.error().message.find('\n'), std::string::npos) << read.error().message;
  }
  Json::Array many;
  for (size_t i = 0; i <= kMaxTools; ++i)
    many.push_back(Json::Object{{"function", Json::Object{{"name", "f" + std::to_string(i)}}}});
  EXPECT_FALSE(tools_from_json(Json(many)).has_value());
  many.pop_back();
  EXPECT_TRUE(tools_from_json(Json(many)).has_value());
}

TEST(Tools, FormatsOfOtherTemplates) {
  EXPECT_EQ(detect_tool_format("{% for t in xml_tools %} <tool_call>"), ToolFormat::kTagged);
  EXPECT_EQ(detect_tool_format("tools <tool_call>\n<function=name>"), ToolFormat::kGeneric);
  EXPECT_EQ(detect_tool_format(""), ToolFormat::kGeneric);
  EXPECT_EQ(tool_format_name(ToolFormat::kMistralNamed), "mistral-named");
  // SmolLM3's own template calls its variable xml_tools.
  const Json out = template_messages(ToolFormat::kTagged, "xml_tools <tool_call>", Json(Json::Array{}), json(kTools));
  ASSERT_NE(out.find("xml_tools"), nullptr);
  EXPECT_EQ(*out.find("xml_tools"), json(kTools));
}

/// Every byte a token; [TOOL_CALLS], [ARGS] and [CALL_ID] are control tokens where asked.
Tokenizer byte_tokenizer(bool mistral) {
  Json::Object vocab;
  Json::Array added;
  const auto add = [&](const std::string& text, bool special) {
    const auto id = static_cast<int64_t>(vocab.size());
    vocab.emplace_back(text, id);
    if (!special) return;
    Json::Object token{{"id", id}, {"content", text}, {"special", true}};
    for (const char* flag : {"single_word", "lstrip", "rstrip", "normalized"}) token.emplace_back(flag, false);
    added.push_back(std::move(token));
  };
  for (int c = 0x21; c < 0x7F; ++c) add(std::string(1, static_cast<char>(c)), false);
  add("\xC4\xA0", false);  // space
  add("\xC4\x8A", false);  // line end
  for (const char* control : {"[TOOL_CALLS]", "[ARGS]", "[CALL_ID]"}) {
    if (mistral) add(control, true);
  }
  add("</s>", true);
  Json::Object model{{"type", "BPE"}, {"dropout", nullptr}, {"unk_token", nullptr}, {"continuing_subword_prefix", nullptr}};
  model.emplace_back("end_of_word_suffix", nullptr);
  for (const char* flag : {"fuse_unk", "byte_fallback", "ignore_merges"}) model.emplace_back(flag, false);
  model.emplace_back("vocab", std::move(vocab));
  model.emplace_back("merges", Json::Array{});
  Json::Object root{{"version", "1.0"}, {"truncation", nullptr}, {"padding", nullptr}, {"added_tokens", std::move(added)}};
  root.emplace_back("normalizer", nullptr);
  const Json::Object byte_level{
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", false}};
  root.emplace_back("pre_tokenizer", byte_level);
  root.emplace_back("post_processor", nullptr);
  root.emplace_back("decoder", byte_level);
  root.emplace_back("model", std::move(model));
  auto made = Tokenizer::from_hf_json(Json(root).dump());
  EXPECT_TRUE(made.has_value()) << made.error().message;
  return std::move(*made);
}

constexpr std::string_view kQwen = "tools <tool_call> tool_calls", kV3 = "tools [TOOL_CALLS][ tool_calls",
                           kV2 = "tools [TOOL_CALLS] [ tool_calls", kV13 = "tools [TOOL_CALLS] [ARGS]",
                           kV11 = "tools [TOOL_CALLS] [CALL_ID] [ARGS]", kLlama = "tools ipython \"parameters\": ";

struct Forced {
  ToolGrammar made;
  std::shared_ptr<const Grammar> grammar;
};

Forced forced(std::string_view source, const Tokenizer& tokenizer, ToolChoice choice, bool parallel = true) {
  const ToolFormat format = detect_tool_format(source);
  auto made = tool_grammar(format, source, tokenizer, tools(), choice, parallel);
  EXPECT_TRUE(made.has_value()) << made.error().message;
  auto compiled = Grammar::compile(made->grammar);
  EXPECT_TRUE(compiled.has_value()) << source << ": " << compiled.error().message;
  return {std::move(*made), compiled ? *compiled : nullptr};
}

TEST(ToolGrammar, TaggedCalls) {
  const Tokenizer plain = byte_tokenizer(false);
  const Forced required = forced(kQwen, plain, ToolChoice::kRequired);
  ASSERT_NE(required.grammar, nullptr);
  EXPECT_TRUE(required.made.start.at_once());
  const std::string call = "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Paris\"}}\n</tool_call>";
  EXPECT_TRUE(required.grammar->matches(call));
  EXPECT_TRUE(required.grammar->matches(call + "\n" + call));
  EXPECT_TRUE(required.grammar->matches("<tool_call>\n{\"name\": \"math.now\", \"arguments\": {}}\n</tool_call>"));
  EXPECT_TRUE(required.grammar->matches("<tool_call>\n{\"name\": \"any\", \"arguments\": {\"x\": 1}}\n</tool_call>"));
  for (const char* wrong :
       {"", "Hello", "<tool_call>\n{\"name\": \"rm\", \"arguments\": {}}\n</tool_call>",
        "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {}}\n</tool_call>",
        "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": 3}}\n</tool_call>",
        "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"x\", \"invented\": 1}}\n</tool_call>",
        "<tool_call>\n{\"name\": \"math.now\", \"arguments\": {\"invented\": 1}}\n</tool_call>",
        "<tool_call>\n{\"name\": \"any\", \"arguments\": {\"x\": \"1\"}}\n</tool_call>"}) {
    EXPECT_FALSE(required.grammar->matches(wrong)) << wrong;
  }
  const Forced one = forced(kQwen, plain, ToolChoice::kRequired, false);
  EXPECT_TRUE(one.grammar->matches(call));
  EXPECT_FALSE(one.grammar->matches(call + "\n" + call));
  const Forced maybe = forced(kQwen, plain, ToolChoice::kAuto);
  EXPECT_EQ(maybe.made.start.triggers, std::vector<std::string>{"<tool_call>"});
  EXPECT_TRUE(maybe.grammar->matches(call.substr(11)));
}

TEST(ToolGrammar, MistralCalls) {
  const Tokenizer control = byte_tokenizer(true);
  const Forced list = forced(kV3, control, ToolChoice::kAuto);
  ASSERT_EQ(list.made.start.trigger_tokens, std::vector<int32_t>{*control.find_token("[TOOL_CALLS]")});
  const std::string call = "{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Paris\"}";
  EXPECT_TRUE(list.grammar->matches("[" + call + "}]"));
  EXPECT_TRUE(list.grammar->matches("[" + call + ", \"id\": \"abcDEF123\"}, " + call + "}]"));
  EXPECT_FALSE(list.grammar->matches("[" + call + ", \"id\": \"abc\"}]"));
  EXPECT_FALSE(list.grammar->matches("[]"));
  EXPECT_TRUE(forced(kV2, control, ToolChoice::kAuto).grammar->matches(" [" + call + "}]"));
  // Without the control tokens the marks are text.
  const Tokenizer plain = byte_tokenizer(false);
  const Forced named = forced(kV13, plain, ToolChoice::kRequired);
  const std::string bare = "[TOOL_CALLS]get_weather[ARGS]{\"city\": \"Paris\"}";
  EXPECT_TRUE(named.grammar->matches(bare + "[TOOL_CALLS]math.now[ARGS]{}"));
  EXPECT_FALSE(named.grammar->matches("[TOOL_CALLS]get_weather[CALL_ID]abcDEF123[ARGS]{\"city\": \"Paris\"}"));
  EXPECT_TRUE(forced(kV11, plain, ToolChoice::kRequired)
                  .grammar->matches("[TOOL_CALLS]get_weather[CALL_ID]abcDEF123[ARGS]{\"city\": \"Paris\"}"));
  EXPECT_FALSE(forced(kV13, control, ToolChoice::kRequired).grammar->matches(bare));  // spelled out
}

TEST(ToolGrammar, LlamaCallsOrOtherText) {
  const Tokenizer plain = byte_tokenizer(false);
  const Forced maybe = forced(kLlama, plain, ToolChoice::kAuto);
  EXPECT_TRUE(maybe.made.start.at_once());
  const std::string call = "{\"name\": \"get_weather\", \"parameters\": {\"city\": \"Paris\"}}";
  const std::string typed = "{\"type\": \"function\", " + call.substr(1);
  for (const std::string& right :
       {call, "\n" + call, typed, std::string(), std::string(" "), std::string("Hello {\"name\": 1}"),
        std::string("{\"city\": 3}"), std::string("{"), std::string("{ \"nam"), std::string("{\"names\": 3}"),
        std::string("{\"type\": \"circle\"}"), std::string("{\"type\":\"function\",\"r\": 1}"), std::string("Caf\xC3\xA9\n"),
        std::string("[1]")}) {
    EXPECT_TRUE(maybe.grammar->matches(right)) << right;
  }
  for (const char* wrong :
       {"{\"name\": \"Bob\"}", " { \"name\": 3}", "{\"name\"", "{\n \"name\": \"get_weather\"}",
        "{\"type\": \"function\", \"name\": \"get_weather\", \"parameters\": {}}", "{ \"type\":\n\"function\",\"name\": 1}"}) {
    EXPECT_FALSE(maybe.grammar->matches(wrong)) << wrong;
  }
  const Forced required = forced(kLlama, plain, ToolChoice::kRequired);
  EXPECT_TRUE(required.grammar->matches(call));
  EXPECT_FALSE(required.grammar->matches("Hello"));
}

TEST(ToolGrammar, ErrorsWithoutTools) {
  const Tokenizer plain = byte_tokenizer(false);
  EXPECT_FALSE(tool_grammar(ToolFormat::kTagged, kQwen, plain, {}, ToolChoice::kAuto, true).has_value());
  EXPECT_FALSE(tool_grammar(ToolFormat::kTagged, kQwen, plain, tools(), ToolChoice::kNone, true).has_value());
}

/// A model of random logits under the grammar: whatever it writes, the reader finds whole calls of known tools, and text where
/// it is free.
TEST(ToolGrammar, WhatRandomModelsWriteIsRead) {
  std::mt19937 random(3);
  for (const std::string_view source : {kQwen, kV3, kV2, kV13, kV11, kLlama}) {
    for (const bool control : {false, true}) {
      const Tokenizer tokenizer = byte_tokenizer(control);
      const std::vector<int32_t> stops{*tokenizer.find_token("</s>")};
      const auto index = TokenIndex::build(tokenizer, stops, tokenizer.vocab_size());
      for (const ToolChoice choice : {ToolChoice::kRequired, ToolChoice::kAuto}) {
        const Forced f = forced(source, tokenizer, choice);
        for (int round = 0; round < 20; ++round) {
          Constraint constraint(f.grammar, index, f.made.start);
          std::vector<int32_t> ids;
          const bool opened = choice == ToolChoice::kAuto && !f.made.start.at_once();
          if (opened) {  // a model that calls
            const std::string& trigger = f.made.start.triggers.front();
            if (control && !f.made.start.trigger_tokens.empty()) {
              ids = f.made.start.trigger_tokens;
            } else {
              EncodeOptions as_text;
              as_text.parse_special = false;
              ids = tokenizer.encode(trigger, as_text);
            }
            for (const int32_t id : ids) ASSERT_TRUE(constraint.accept(id));
          }
          for (int n = 0; n < 60 && !constraint.ended(); ++n) {
            const auto mask = constraint.mask();
            std::vector<int32_t> allowed;
            for (int32_t id = 0; id < tokenizer.vocab_size(); ++id) {
              if (id != stops[0] && (mask[static_cast<size_t>(id) / 64] >> (id % 64) & 1) != 0) allowed.push_back(id);
            }
            if (allowed.empty()) break;
            ids.push_back(allowed[random() % allowed.size()]);
            ASSERT_TRUE(constraint.accept(ids.back()));
          }
          constraint.shortest_completion(ids);
          AnswerReader::Options options;
          options.format = detect_tool_format(source);
          options.tools = true;
          options.names = {"get_weather", "math.now", "any"};
          AnswerReader reader(options);
          std::vector<AnswerPiece> pieces;
          const std::string text = tokenizer.decode(ids);
          reader.push(text, pieces);
          reader.finish(pieces);
          const bool must_call = choice == ToolChoice::kRequired || opened;
          EXPECT_TRUE(!must_call || reader.calls() > 0) << text;
          for (const AnswerPiece& p : pieces) {
            EXPECT_TRUE(p.kind != AnswerPiece::Kind::kCallEnd || p.whole) << text;
            EXPECT_FALSE(must_call && p.kind == AnswerPiece::Kind::kContent) << p.text << "\nin " << text;
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace sobre
