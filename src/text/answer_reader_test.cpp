// Answers taken apart, wherever their text is cut.
#include <gtest/gtest.h>

#include <chrono>

#include "text/tool_calls.h"

namespace sobre {
namespace {

using Kind = AnswerPiece::Kind;
using Pieces = std::vector<AnswerPiece>;

/// One line per run of pieces: "c:text", "r:thoughts", "0:name{arguments}" (a call), "0:name{arguments!" (a broken one).
std::vector<std::string> shown(const Pieces& pieces) {
  std::vector<std::string> out;
  Kind last = Kind::kCallEnd;
  int index = -1;
  for (const AnswerPiece& p : pieces) {
    if (p.kind == Kind::kContent || p.kind == Kind::kReasoning) {
      if (out.empty() || p.kind != last) out.emplace_back(p.kind == Kind::kContent ? "c:" : "r:");
      out.back() += p.text;
    } else if (p.kind == Kind::kCallBegin) {
      EXPECT_EQ(p.index, ++index);
      out.push_back(std::to_string(p.index) + ":" + p.name);
    } else if (p.kind == Kind::kCallArguments) {
      EXPECT_EQ(p.index, index);
      EXPECT_FALSE(p.text.empty());
      out.back() += p.text;
    } else {
      EXPECT_EQ(p.index, index);
      if (!p.whole) out.back() += "!";
    }
    last = p.kind;
  }
  return out;
}

std::string ids_of(const Pieces& pieces) {
  std::string out;
  for (const AnswerPiece& p : pieces) out += p.id + (p.id.empty() ? "" : " ");
  return out;
}

AnswerReader::Options options_of(ToolFormat format, bool reasoning = false) {
  AnswerReader::Options o;
  o.format = format;
  o.tools = true;
  o.reasoning = reasoning;
  o.names = {"f", "get_weather", "math.hypot"};
  o.seed = 7;
  return o;
}

Pieces read(const AnswerReader::Options& options, const std::vector<std::string_view>& parts) {
  AnswerReader reader(options);
  Pieces out;
  for (const std::string_view part : parts) reader.push(part, out);
  reader.finish(out);
  return out;
}

/// The text whole, cut into bytes, and cut in two at every place and in three at many: always the same.
std::vector<std::string> read_everyhow(const AnswerReader::Options& options, std::string_view text) {
  const Pieces whole = read(options, {text});
  const auto expected = shown(whole);
  std::vector<std::string_view> bytes;
  for (size_t i = 0; i < text.size(); ++i) bytes.push_back(text.substr(i, 1));
  EXPECT_EQ(shown(read(options, bytes)), expected) << text;
  for (size_t i = 0; i <= text.size(); ++i) {
    const Pieces two = read(options, {text.substr(0, i), text.substr(i)});
    EXPECT_EQ(shown(two), expected) << text << " cut at " << i;
    EXPECT_EQ(ids_of(two), ids_of(whole));
    for (size_t k = i; k <= text.size(); k += 3) {
      EXPECT_EQ(shown(read(options, {text.substr(0, i), text.substr(i, k - i), text.substr(k)})), expected) << i << ' ' << k;
    }
  }
  return expected;
}

using Lines = std::vector<std::string>;

TEST(AnswerReader, PlainTextStaysAsItIs) {
  for (const ToolFormat format :
       {ToolFormat::kTagged, ToolFormat::kMistralList, ToolFormat::kMistralNamed, ToolFormat::kLlama, ToolFormat::kGeneric}) {
    for (const bool reasoning : {false, true}) {
      const AnswerReader::Options o = options_of(format, reasoning);
      for (const char* text : {"Hello, world.\n", " \n a <b> [c] {d} < [ { <tool", "x</tool_call> <tool_call", "   ", "é <",
                               "[TOOL_CALL] [ARGS]", "{\"city\": \"Paris\"}", "{", "x {\"name\": \"f\", \"parameters\": {}}"}) {
        EXPECT_EQ(read_everyhow(o, text), Lines{std::string("c:") + text}) << tool_format_name(format);
      }
      EXPECT_TRUE(read_everyhow(o, "").empty());
    }
  }
}

TEST(AnswerReader, TaggedCalls) {
  const AnswerReader::Options o = options_of(ToolFormat::kTagged);
  EXPECT_EQ(read_everyhow(o, "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": [1, {\"b\": \"}\\\"\"}]}}\n</tool_call>"),
            Lines{"0:f{\"a\": [1, {\"b\": \"}\\\"\"}]}"});
  EXPECT_EQ(read_everyhow(o,
                          "Let me see.\n<tool_call>{\"name\":\"f\",\"arguments\":{}}</tool_call>\n\n<tool_call>\n{\"name\": "
                          "\"math.hypot\", \"arguments\": {\"x\": -1.5e3}}\n</tool_call>\n"),
            (Lines{"c:Let me see.", "0:f{}", "1:math.hypot{\"x\": -1.5e3}"}));
  // A list in one block, members beside, no arguments, no closing tag.
  EXPECT_EQ(
      read_everyhow(o, "<tool_call>[{\"name\": \"f\", \"arguments\": {\"a\": 1}}, {\"id\": 3, \"name\": \"f\"}]</tool_call>"),
      (Lines{"0:f{\"a\": 1}", "1:f{}"}));
  EXPECT_EQ(read_everyhow(o, "<tool_call>{\"x\": [1, 2e-1], \"name\": \"f\", \"arguments\": {\"a\": 1}, \"y\": 1, \"z\": {}}"),
            Lines{"0:f{\"a\": 1}"});
  EXPECT_EQ(read_everyhow(o, "<tool_call>{\"name\": \"f\", \"arguments\": null}<tool_call>{\"name\": \"f\"}</tool_call>done"),
            (Lines{"0:f{}", "1:f{}", "c:done"}));
  EXPECT_EQ(read_everyhow(o, "<tool_call>{\"name\": \"f\"}</tool_cal"), Lines{"0:f{}"});
}

TEST(AnswerReader, WhatIsNoCallStaysContent) {
  const AnswerReader::Options o = options_of(ToolFormat::kTagged);
  for (const char* text :
       {"<tool_call>{\"name\": \"rm\", \"arguments\": {}}</tool_call>", "<tool_call>", "<tool_call></tool_call>",
        "<tool_call>{}</tool_call>", "<tool_call>{\"name\": \"f\" \"arguments\": {}}</tool_call>",
        "<tool_call>{\"name\": \"f\", \"arguments\": \"{}\"}</tool_call>", "<tool_call>{\"name\": \"f\", \"argum",
        "<tool_call>{\"name\": 1, \"arguments\": {}}", "<tool_call>{\"arguments\": {}, \"name\": \"f\"}</tool_call>",
        "<tool_call>[]</tool_call>", "<tool_call>f(a=1)</tool_call>", "  <tool_call> \n what is <tool_call>?",
        "<tool_call>{\"name\": \"f\\u0041\", \"arguments\": {}}</tool_call>", "<tool_call>{\"name\": \"f\",}",
        "<tool_call>{\"na\nme\": \"f\"}", "<tool_call>{\"name\": \"f\", \"x\": 01}", "<tool_call>{\"x\": tru }"}) {
    EXPECT_EQ(read_everyhow(o, text), Lines{std::string("c:") + text});
  }
  // A real one inside what was none, and after it.
  EXPECT_EQ(read_everyhow(o, "<tool_call><tool_call>{\"name\": \"f\"}</tool_call>"), (Lines{"c:<tool_call>", "0:f{}"}));
  EXPECT_EQ(read_everyhow(o, "<tool_call>{\"name\": \"<tool_call>{\"name\": \"f\", \"arguments\": {\"k\": 0}}"),
            (Lines{"c:<tool_call>{\"name\": \"", "0:f{\"k\": 0}"}));
  AnswerReader::Options off = o;
  off.tools = false;
  EXPECT_EQ(read_everyhow(off, "<tool_call>{\"name\": \"f\"}</tool_call>"),
            Lines{"c:<tool_call>{\"name\": \"f\"}</tool_call>"});
}

TEST(AnswerReader, BrokenArguments) {
  const AnswerReader::Options o = options_of(ToolFormat::kTagged);
  EXPECT_EQ(read_everyhow(o, "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": 1"), Lines{"0:f{\"a\": 1!"});
  EXPECT_EQ(read_everyhow(o, "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": x}}"), (Lines{"0:f{\"a\": !", "c:x}}"}));
  EXPECT_EQ(read_everyhow(o, "<tool_call>{\"name\": \"f\", \"arguments\": {} junk</tool_call>"),
            (Lines{"0:f{}", "c:junk</tool_call>"}));
  std::string deep(600, '[');
  const std::string deep_call = "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": " + deep;
  const auto lines = shown(read(o, {deep_call}));
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0].back(), '!');
}

TEST(AnswerReader, MistralCalls) {
  for (const ToolFormat format : {ToolFormat::kMistralList, ToolFormat::kMistralNamed}) {
    const AnswerReader::Options o = options_of(format);
    EXPECT_EQ(read_everyhow(o,
                            "[TOOL_CALLS] [{\"name\": \"f\", \"arguments\": {\"a\": \"]\"}, \"id\": \"abcdefghi\"}, {\"name\": "
                            "\"get_weather\", \"arguments\": {}}]"),
              (Lines{"0:f{\"a\": \"]\"}", "1:get_weather{}"}));
    EXPECT_EQ(
        read_everyhow(o, "Sure.[TOOL_CALLS]get_weather[ARGS]{\"city\": \"Paris\"}[TOOL_CALLS]f[CALL_ID]AbC123xyz[ARGS]{} "),
        (Lines{"c:Sure.", "0:get_weather{\"city\": \"Paris\"}", "1:f{}"}));
    for (const char* text :
         {"[TOOL_CALLS]nothing[ARGS]{}", "[TOOL_CALLS]f[CALL_ID]ab c[ARGS]{}", "[TOOL_CALLS]f{}", "[TOOL_CALLS]f[ARG",
          "[TOOL_CALLS]", "[TOOL_CALLS][]", "[TOOL_CALLS][1]", "[TOOL_CALLS]f[ARGS][]"}) {
      EXPECT_EQ(read_everyhow(o, text), Lines{std::string("c:") + text});
    }
    EXPECT_EQ(read_everyhow(o, "[TOOL_CALLS][{\"name\": \"f\"}, {\"name\": \"g\"}]"),
              (Lines{"0:f{}", "c:, {\"name\": \"g\"}]"}));
  }
}

TEST(AnswerReader, LlamaCallsAreTheWholeAnswer) {
  const AnswerReader::Options o = options_of(ToolFormat::kLlama);
  EXPECT_EQ(read_everyhow(o, "{\"name\": \"f\", \"parameters\": {\"a\": {}}}"), Lines{"0:f{\"a\": {}}"});
  EXPECT_EQ(read_everyhow(o, "\n {\"name\":\"f\",\"arguments\":{}}\n"), Lines{"0:f{}"});
  EXPECT_EQ(read_everyhow(o, "{\"type\": \"function\", \"name\": \"f\", \"parameters\": {}}"), Lines{"0:f{}"});
  // What does not begin as the grammar knows calls is free text there, so it must not be a call here.
  for (const char* text :
       {"Here: {\"name\": \"f\", \"parameters\": {}}", "{\"name\": \"Bob\", \"age\": 3}", "{\"a\": 1}", "{{",
        "{\"a\": 1, \"name\": \"f\", \"parameters\": {}}", "{\"type\": \"f\", \"name\": \"f\", \"parameters\": {}}",
        "{\"type\": \"function\", \"type\": \"function\", \"name\": \"f\", \"parameters\": {}}",
        "{\"parameters\": null, \"name\": \"f\"}", "{\"\\u006eame\": \"f\", \"parameters\": {}}"}) {
    EXPECT_EQ(read_everyhow(o, text), Lines{std::string("c:") + text});
  }
}

TEST(AnswerReader, Reasoning) {
  AnswerReader::Options o = options_of(ToolFormat::kTagged, true);
  EXPECT_EQ(read_everyhow(o, "<think>\nHm < 3.\n</think>\n\nYes <think>."), (Lines{"r:Hm < 3.", "c:Yes <think>."}));
  EXPECT_EQ(read_everyhow(o, "\n[THINK]a[/THINK]b</think>"), (Lines{"r:a", "c:b</think>"}));
  EXPECT_EQ(read_everyhow(o, "<think>\n\n</think>\n\nYes"), Lines{"c:Yes"});
  EXPECT_EQ(read_everyhow(o, "<think>never closed"), Lines{"r:never closed"});
  EXPECT_EQ(read_everyhow(o, "<think>a</think><think>b</think>c"), (Lines{"r:ab", "c:c"}));
  EXPECT_EQ(read_everyhow(o, "No <think>x</think>"), Lines{"c:No <think>x</think>"});
  EXPECT_EQ(read_everyhow(o, "<think>x</think>\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1}}\n</tool_call>"),
            (Lines{"r:x", "0:f{\"a\": 1}"}));
  // A call ends thoughts that were not closed; what is none stays a thought.
  EXPECT_EQ(read_everyhow(o, "<think>x <tool_call>no\n<tool_call>{\"name\": \"f\"}</tool_call>y"),
            (Lines{"r:x <tool_call>no", "0:f{}", "c:y"}));
  o.starts_in_reasoning = true;
  EXPECT_EQ(read_everyhow(o, "\nHm\n</think>\nYes\n"), (Lines{"r:Hm", "c:Yes\n"}));
  EXPECT_EQ(read_everyhow(o, "<think>\nHm</think>Yes"), (Lines{"r:Hm", "c:Yes"}));
  o.reasoning = o.starts_in_reasoning = false;
  EXPECT_EQ(read_everyhow(o, "<think>a</think>b"), Lines{"c:<think>a</think>b"});
}

TEST(AnswerReader, WhiteSpaceThatIsTooLongToHoldBack) {
  const AnswerReader::Options o = options_of(ToolFormat::kTagged);
  const std::string spaces(10'000, ' '), call = "<tool_call>{\"name\": \"f\"}</tool_call>";
  const auto lines = shown(read(o, {spaces + call + spaces + "x"}));
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[0], "c:" + spaces);
  EXPECT_EQ(lines[2], "c:x");
  AnswerReader reader(o);
  Pieces out;
  for (const char c : spaces + call + spaces + "x") reader.push(std::string_view(&c, 1), out);
  reader.finish(out);
  EXPECT_EQ(shown(out), lines);
}

TEST(AnswerReader, IdsOfCalls) {
  AnswerReader::Options o = options_of(ToolFormat::kMistralNamed);
  const std::string two = "[TOOL_CALLS]f[CALL_ID]AbC123xyz[ARGS]{}[TOOL_CALLS]f[CALL_ID]AbC123xyz[ARGS]{}[TOOL_CALLS]f[ARGS]{}";
  const Pieces pieces = read(o, {two});
  std::vector<std::string> ids;
  for (const AnswerPiece& p : pieces) {
    if (p.kind == Kind::kCallBegin) ids.push_back(p.id);
  }
  ASSERT_EQ(ids.size(), 3U);
  EXPECT_EQ(ids[0], "AbC123xyz");  // the model's own
  EXPECT_NE(ids[1], ids[0]);
  for (const std::string& id : ids) EXPECT_EQ(id.size(), 9U);
  EXPECT_EQ(ids[2], make_call_id(ToolFormat::kMistralNamed, 7, 0, 2));
  EXPECT_NE(make_call_id(ToolFormat::kMistralNamed, 7, 0, 2), make_call_id(ToolFormat::kMistralNamed, 8, 0, 2));
  EXPECT_NE(make_call_id(ToolFormat::kMistralNamed, 7, 0, 2), make_call_id(ToolFormat::kMistralNamed, 7, 1, 2));
  const std::string other = make_call_id(ToolFormat::kTagged, 7, 0, 0);
  EXPECT_EQ(other.size(), 29U);
  EXPECT_TRUE(other.starts_with("call_"));
}

TEST(AnswerReader, LinearTime) {
  const auto repeated = [](std::string_view part) {
    std::string text;
    while (text.size() < (1U << 18)) text += part;
    return text;
  };
  for (const char* part : {"<tool_call>", "[TOOL_CALLS]", "{", "<", " ", "\n<", "<tool_call>{\"name\": \"f", "<think>",
                           "<tool_call>{\"name\": \"f\", \"x\": [[[[", "[TOOL_CALLS]f[CALL_ID]aaaaaaaaaaaaaaaa", "</think>",
                           "<tool_call>                                                                  ",
                           "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": [\"\\u12"}) {
    const std::string text = repeated(part);
    for (const ToolFormat format :
         {ToolFormat::kTagged, ToolFormat::kMistralList, ToolFormat::kMistralNamed, ToolFormat::kLlama}) {
      AnswerReader reader(options_of(format, true));
      Pieces out;
      size_t bytes = 0, at = 0;
      const auto begin = std::chrono::steady_clock::now();
      while (at < text.size()) {
        out.clear();
        reader.push(std::string_view(text).substr(at, 5), out);
        for (const AnswerPiece& p : out) bytes += p.text.size();
        at += 5;
        ASSERT_LE(bytes, at);
      }
      out.clear();
      reader.finish(out);
      // Generous: a quadratic reader takes minutes.
      if (getenv("SHOW"))
        printf("%s %d %.3f\n", part, (int)format,
               std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
      EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10)) << part << ' ' << tool_format_name(format);
    }
  }
}

// A call that a grammar wrote and a limit cut is not handed out as text.
TEST(AnswerReader, WhatAGrammarBeganIsNoContent) {
  const std::string tagged = "\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1}}\n</tool_call>";
  for (const bool only : {true, false}) {
    AnswerReader::Options o = options_of(ToolFormat::kTagged);
    o.obeyed = true;
    o.calls_only = only;
    const std::string before = only ? "" : "Well.";
    for (size_t cut = 0; cut <= tagged.size(); ++cut) {
      if (only && cut == 1) continue;  // a line end is all there is
      const auto out = read_everyhow(o, before + tagged.substr(0, cut));
      const size_t mark = 12;  // of the line end and <tool_call>
      if (out.size() > (only ? 0U : 1U)) {
        EXPECT_TRUE(out.back().starts_with("0:f")) << cut;
      }
      if (!only && (cut == 0 || cut >= mark)) {
        EXPECT_EQ(out[0], "c:Well.") << cut;
      }
      // A second one that is cut off.
      const auto two = read_everyhow(o, before + tagged + tagged.substr(0, cut));
      ASSERT_GE(two.size(), only ? 1U : 2U);
      EXPECT_EQ(two[only ? 0 : 1], "0:f{\"a\": 1}") << cut;
      for (size_t i = only ? 1 : 2; i < two.size(); ++i) EXPECT_TRUE(two[i].starts_with("1:f")) << cut << ' ' << two[i];
    }
  }
  AnswerReader::Options o = options_of(ToolFormat::kMistralList);
  o.obeyed = o.calls_only = true;
  for (const std::string_view text : {"[TOOL", "[TOOL_CALLS][", "[TOOL_CALLS][{\"name\": \"f"})
    EXPECT_EQ(read_everyhow(o, text), std::vector<std::string>()) << text;
  const std::string list = "[TOOL_CALLS][{\"name\": \"f\", \"arguments\": {}}";
  EXPECT_EQ(read_everyhow(o, list + ", {\"na"), std::vector<std::string>{"0:f{}"});
}

}  // namespace
}  // namespace sobre
