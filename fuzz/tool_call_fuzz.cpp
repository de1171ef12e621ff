// Any bytes as an answer that may hold tool calls, cut anywhere: the pieces joined are always the same, calls come whole and in
// order, finished arguments are JSON, and nothing is invented. And any JSON as a conversation: what comes out obeys the rules
// of strict templates. The first byte chooses the format (0..4) or a conversation (5..7) and the reader's options, the second
// the cuts or the template.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "text/tool_calls.h"
#include "text/unicode.h"

namespace {

using sobre::AnswerPiece;
using sobre::AnswerReader;
using sobre::Json;
using Kind = AnswerPiece::Kind;

void require(bool holds) {
  if (!holds) std::abort();
}

class NoHandler final : public sobre::JsonHandler {
 public:
  sobre::Result<void> begin_object() override { return {}; }
  sobre::Result<void> key(std::string_view /*name*/) override { return {}; }
  sobre::Result<void> end_object() override { return {}; }
  sobre::Result<void> begin_array() override { return {}; }
  sobre::Result<void> end_array() override { return {}; }
  sobre::Result<void> scalar(Json /*value*/) override { return {}; }
};

struct Call {
  std::string id, name, arguments;
  bool ended = false, whole = false;
  friend bool operator==(const Call&, const Call&) = default;
};

/// An answer put together again.
struct Answer {
  std::string text;  // content and reasoning in their order, kinds marked
  std::string plain;
  std::vector<Call> calls;
  friend bool operator==(const Answer&, const Answer&) = default;
};

Answer joined(const std::vector<AnswerPiece>& pieces) {
  Answer out;
  Kind last = Kind::kCallEnd;
  for (const AnswerPiece& p : pieces) {
    const bool in_call = !out.calls.empty() && !out.calls.back().ended;
    switch (p.kind) {
      case Kind::kContent:
      case Kind::kReasoning:
        require(!in_call && !p.text.empty());
        if (p.kind != last) out.text += p.kind == Kind::kContent ? "\x01" : "\x02";
        out.text += p.text;
        out.plain += p.text;
        break;
      case Kind::kCallBegin:
        require(!in_call && p.index == static_cast<int>(out.calls.size()) && !p.id.empty());
        out.calls.push_back({p.id, p.name, "", false, false});
        out.text += "\x03";
        break;
      case Kind::kCallArguments:
        require(in_call && p.index + 1 == static_cast<int>(out.calls.size()) && !p.text.empty());
        out.calls.back().arguments += p.text;
        break;
      case Kind::kCallEnd:
        require(in_call && p.index + 1 == static_cast<int>(out.calls.size()));
        out.calls.back().ended = true;
        out.calls.back().whole = p.whole;
    }
    last = p.kind;
  }
  return out;
}

/// `step`: how long the parts are, in turn; 0: the whole text at once.
Answer read(const AnswerReader::Options& options, std::string_view text, uint32_t step) {
  AnswerReader reader(options);
  std::vector<AnswerPiece> pieces;
  uint32_t state = step;
  while (!text.empty()) {
    state = state * 1664525U + 1013904223U;
    const size_t n = step == 0 ? text.size() : step == 1 ? 1 : 1 + (state >> 24) % 9;
    reader.push(text.substr(0, n), pieces);
    text.remove_prefix(std::min(n, text.size()));
  }
  reader.finish(pieces);
  const Answer out = joined(pieces);
  require(reader.calls() == static_cast<int>(out.calls.size()));
  return out;
}

void check_answer(uint8_t choice, uint8_t cuts, std::string_view text) {
  AnswerReader::Options options;
  options.format = static_cast<sobre::ToolFormat>((choice & 7) % 5);
  options.tools = (choice & 8) == 0;
  options.reasoning = (choice & 16) != 0;
  options.starts_in_reasoning = (choice & 32) != 0;
  options.names = {"f", "get_weather"};
  options.seed = cuts;
  const Answer whole = read(options, text, 0);
  require(read(options, text, 1) == whole);
  require(read(options, text, 2U + cuts) == whole);
  size_t at = 0;
  for (const char c : whole.plain) {  // every byte of the content is one of the answer, in order
    at = text.find(c, at);
    require(at != std::string_view::npos);
    ++at;
  }
  require(options.tools || whole.calls.empty());
  for (const Call& call : whole.calls) {
    require(call.ended && (call.name == "f" || call.name == "get_weather"));
    NoHandler handler;
    sobre::JsonLimits limits;
    limits.max_depth = 600;
    if (call.whole && sobre::is_valid_utf8(call.arguments)) {
      // A number that no double holds is JSON for others.
      const auto walked = sobre::walk_json(call.arguments, limits, handler);
      require(call.arguments.front() == '{' &&
              (walked.has_value() || walked.error().message.find("number overflow") != std::string::npos));
    }
  }
}

constexpr std::string_view kTemplates[] = {
    "tools tool_calls <tool_call>",
    "tools tool_calls [TOOL_CALLS] [ARGS] must alternate length 9",
    "tools tool_calls [TOOL_CALLS] Unexpected role 9 characters cannot have both content and tool calls Assistant message must "
    "have",
    "tools tool_calls [TOOL_CALLS] [ARGS] Unexpected role must start with a user or system message arguments is not string",
    "tools tool_calls ipython \"parameters\": single tool-calls tools_in_user_message",
    "must alternate System role not supported",
    "Unexpected role",
    "custom_instructions"};

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

std::string role_of(const Json& message) {
  const Json* role = message.find("role");
  require(role != nullptr && role->as_string() != nullptr);
  return *role->as_string();
}

void check_calls(std::string_view source, const Json& message) {
  const Json* calls = message.find("tool_calls");
  if (calls == nullptr) return;
  require(!calls->as_array()->empty() && (!has(source, "single tool-calls") || calls->as_array()->size() == 1));
  for (const Json& call : *calls->as_array()) {
    const Json* function = call.find("function");
    require(function != nullptr && function->find("name")->is_string());
    const Json* arguments = function->find("arguments");
    require(has(source, "arguments is not string") ? Json::parse(*arguments->as_string())->is_object()
                                                   : arguments->is_object());
    require(!has(source, "length 9") || call.find("id")->as_string()->size() == 9);
  }
}

void check_conversation(uint8_t which, std::string_view text) {
  const auto given = Json::parse(text, {.max_bytes = 1 << 16, .max_depth = 50});
  if (!given) return;
  const std::string_view source = kTemplates[which % std::size(kTemplates)];
  const sobre::ToolFormat format = sobre::detect_tool_format(source);
  const Json tools = Json::parse(R"([{"type": "function", "function": {"name": "f"}}])").value();
  if (const auto definitions = sobre::tools_from_json(*given)) {
    for (const sobre::ToolDefinition& tool : *definitions) require(!tool.name.empty());
  }
  const Json out = sobre::template_messages(format, source, *given, (which & 128) != 0 ? tools : Json());
  const Json::Array& messages = *out.find("messages")->as_array();
  require(!messages.empty());
  bool users_turn = true;
  std::string previous;
  for (const Json& message : messages) {
    const std::string role = role_of(message);
    require(message.find("content")->is_string());
    check_calls(source, message);
    const bool counted = (role == "user" || role == "assistant") && message.find("tool_calls") == nullptr;
    if (has(source, "must alternate")) {
      require(role != "system" || (previous.empty() && !has(source, "System role not supported")));
      require(!counted || (role == "user") == users_turn);
      if (counted) users_turn = role != "user";
    }
    if (has(source, "Unexpected role")) {
      require(!previous.empty() || role == "user" || role == "system");
      require(role != "tool" || previous == "assistant" || previous == "tool");
      require(role != "system" || (previous != "assistant" && previous != "tool"));
    }
    require(role != "tool" || (format != sobre::ToolFormat::kGeneric && message.find("tool_call_id")->is_string()));
    previous = role;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data + 2), size - 2);
  if ((data[0] & 7) >= 5) {
    check_conversation(data[1], text);
  } else {
    check_answer(data[0], data[1], text);
  }
  return 0;
}
