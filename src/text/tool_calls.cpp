#include "text/tool_calls.h"

#include <algorithm>
#include <set>

#include "base/random.h"

namespace sobre {

namespace {

constexpr size_t kMaxToolName = 64;

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

bool is_tool_name(std::string_view name) {
  if (name.empty() || name.size() > kMaxToolName) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '.' || c == '-';
  });
}

/// A value of the request in a message: short, on one line.
std::string shown(const Json& value) {
  constexpr size_t kMost = 60;
  std::string text = value.dump();
  if (text.size() <= kMost) return text;
  size_t end = kMost;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "...";
}

Result<ToolDefinition> tool_from_json(const Json& entry, size_t i) {
  if (!entry.is_object()) return fail("tools[{}]: it is {}, not an object", i, shown(entry));
  if (const Json* type = entry.find("type"); type != nullptr && *type != Json("function")) {
    return fail("tools[{}].type: {} is not known; only \"function\" is", i, shown(*type));
  }
  const Json* function = entry.find("function");
  if (function == nullptr || !function->is_object()) {
    return fail("tools[{}]: it has no object \"function\" with the tool's name and parameters", i);
  }
  ToolDefinition tool;
  const Json* name = function->find("name");
  if (name == nullptr || name->as_string() == nullptr) return fail("tools[{}].function.name: it is missing or no string", i);
  tool.name = *name->as_string();
  if (!is_tool_name(tool.name)) {
    return fail("tools[{}].function.name: {} is not made of 1 to {} letters, digits, _, - and .", i, shown(*name),
                kMaxToolName);
  }
  if (const Json* text = function->find("description"); text != nullptr && !text->is_null()) {
    if (text->as_string() == nullptr) return fail("tools[{}].function.description: {} is no string", i, shown(*text));
    tool.description = *text->as_string();
  }
  if (const Json* parameters = function->find("parameters"); parameters != nullptr && !parameters->is_null()) {
    if (!parameters->is_object()) {
      return fail("tools[{}].function.parameters: {} is not a JSON Schema (an object)", i, shown(*parameters));
    }
    if (const Json* type = parameters->find("type"); type != nullptr && *type != Json("object")) {
      return fail("tools[{}].function.parameters.type: it is {}; a tool's arguments are an object, say \"object\"", i,
                  shown(*type));
    }
    tool.parameters = *parameters;
  }
  return tool;
}

}  // namespace

std::string_view tool_format_name(ToolFormat format) {
  switch (format) {
    case ToolFormat::kTagged:
      return "tagged";
    case ToolFormat::kMistralList:
      return "mistral-list";
    case ToolFormat::kMistralNamed:
      return "mistral-named";
    case ToolFormat::kLlama:
      return "llama";
    case ToolFormat::kGeneric:
      break;
  }
  return "generic";
}

ToolFormat detect_tool_format(std::string_view source) {
  if (contains(source, "[TOOL_CALLS]"))
    return contains(source, "[ARGS]") ? ToolFormat::kMistralNamed : ToolFormat::kMistralList;
  const bool shows_tools = contains(source, "tools");
  // The same tag with XML or Python inside is another format.
  const bool other = contains(source, "<function=") || contains(source, "<arg_key>");
  if (shows_tools && contains(source, "<tool_call>") && !other) return ToolFormat::kTagged;
  if (shows_tools && contains(source, "ipython") && contains(source, "\"parameters\": ")) return ToolFormat::kLlama;
  return ToolFormat::kGeneric;
}

std::string make_call_id(ToolFormat format, uint64_t seed, uint32_t choice, uint32_t index) {
  constexpr std::string_view kDigits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  constexpr size_t kPerWord = 5;  // 62^5 < 2^32
  constexpr uint32_t kStream = 0x63616C6C;
  const bool mistral = format == ToolFormat::kMistralList || format == ToolFormat::kMistralNamed;
  std::string id = mistral ? "" : "call_";
  uint32_t word = 0;
  for (size_t i = 0, n = mistral ? 9 : 24; i < n; ++i) {
    const size_t k = i / kPerWord;
    if (i % kPerWord == 0) {
      const auto words = philox4x32({index, choice, static_cast<uint32_t>(k / 4), kStream},
                                    {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)});
      word = words[k % 4];
    }
    id += kDigits[word % kDigits.size()];
    word /= static_cast<uint32_t>(kDigits.size());
  }
  return id;
}

Result<std::vector<ToolDefinition>> tools_from_json(const Json& tools) {
  const Json::Array* list = tools.as_array();
  if (list == nullptr) return fail("tools: it is {}, not a list", shown(tools));
  if (list->size() > kMaxTools) return fail("tools: {} are given, at most {} are taken", list->size(), kMaxTools);
  std::vector<ToolDefinition> out;
  std::set<std::string, std::less<>> names;
  for (size_t i = 0; i < list->size(); ++i) {
    TRY(ToolDefinition tool, tool_from_json((*list)[i], i));
    if (!names.insert(tool.name).second) return fail("tools[{}]: a tool called \"{}\" was there before", i, tool.name);
    out.push_back(std::move(tool));
  }
  return out;
}

}  // namespace sobre
