// The grammar that makes calls well-formed. What it lets pass and what AnswerReader takes for a call agree.
#include <fmt/format.h>

#include <algorithm>

#include "text/tool_calls.h"

namespace sobre {

namespace {

constexpr std::string_view kMistralOpen = "[TOOL_CALLS]", kTagOpen = "<tool_call>", kTagClose = "</tool_call>";

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

/// A mark of the format: a control token where the vocabulary has it as one, else its spelling.
GrammarNode mark(const Tokenizer& tokenizer, std::string_view spelling) {
  const auto id = tokenizer.find_token(spelling);
  return id && tokenizer.is_special(*id) ? grammar_token(*id) : grammar_text(spelling);
}

template <class... Nodes>
GrammarNode sequence(Nodes&&... nodes) {
  std::vector<GrammarNode> parts;
  (parts.push_back(std::forward<Nodes>(nodes)), ...);
  return grammar_sequence(std::move(parts));
}

template <class... Nodes>
GrammarNode choice(Nodes&&... nodes) {
  std::vector<GrammarNode> parts;
  (parts.push_back(std::forward<Nodes>(nodes)), ...);
  return grammar_choice(std::move(parts));
}

// ------------------------------------------------------------------------------------------------------------ arguments

bool refers_to_properties(const Json& schema) {
  if (const Json::Array* items = schema.as_array()) return std::any_of(items->begin(), items->end(), refers_to_properties);
  const Json::Object* members = schema.as_object();
  if (members == nullptr) return false;
  for (const auto& [name, value] : *members) {
    if (name == "$ref" || name == "$dynamicRef") {
      const std::string* target = value.as_string();
      if (target == nullptr || !(target->starts_with("#/$defs/") || target->starts_with("#/definitions/"))) return true;
    } else if (refers_to_properties(value)) {
      return true;
    }
  }
  return false;
}

/// Only keywords that say nothing about properties beside the listed ones.
bool lists_all_properties(const Json& schema) {
  constexpr std::string_view kKnown[] = {"type",  "properties",  "required", "description", "title",
                                         "$defs", "definitions", "default",  "examples",    "$schema"};
  const Json* properties = schema.find("properties");
  if (properties == nullptr || !properties->is_object() || schema.find("type") == nullptr) return false;
  for (const auto& [name, value] : *schema.as_object()) {
    if (std::find(std::begin(kKnown), std::end(kKnown), name) == std::end(kKnown)) return false;
  }
  const Json* required = schema.find("required");
  if (required == nullptr || required->as_array() == nullptr) return true;
  const Json::Array& names = *required->as_array();
  return std::all_of(names.begin(), names.end(),
                     [&](const Json& n) { return n.as_string() != nullptr && properties->find(*n.as_string()) != nullptr; });
}

/// Closes the objects whose properties are all listed, from the arguments down. (The depth is that of a parsed JSON text.)
void close_objects(Json& schema) {
  if (!schema.is_object() || !lists_all_properties(schema)) return;
  for (auto& [name, value] : *schema.as_object()) {
    if (name != "properties") continue;
    for (auto& [property, inner] : *value.as_object()) {
      close_objects(inner);
      if (!inner.is_object()) continue;
      for (auto& [keyword, items] : *inner.as_object()) {
        if (keyword == "items") close_objects(items);
      }
    }
  }
  schema.set("additionalProperties", Json(false));
}

/// The schema that a call's arguments obey.
Json arguments_schema(const ToolDefinition& tool) {
  Json schema = tool.parameters.is_object() ? tool.parameters : Json(Json::Object{});
  if (schema.find("type") == nullptr) schema.set("type", Json("object"));
  if (schema.as_object()->size() == 1) schema.set("properties", Json(Json::Object{}));
  if (!refers_to_properties(schema)) close_objects(schema);
  return schema;
}

// ---------------------------------------------------------------------------------------------------------------- calls

/// {"name": "NAME", "KEY": {...}} with `rest` before the closing brace; `open` is the brace and what may come before the name.
GrammarNode object_call(const ToolDefinition& tool, std::string_view key, const GrammarNode* rest,
                        const GrammarNode& open = grammar_text("{")) {
  std::vector<GrammarNode> parts;
  parts.push_back(open);
  parts.push_back(grammar_text("\"name\": \"" + tool.name + "\", \"" + std::string(key) + "\": "));
  parts.push_back(grammar_schema(arguments_schema(tool)));
  if (rest != nullptr) parts.push_back(*rest);
  parts.push_back(grammar_text("}"));
  return grammar_sequence(std::move(parts));
}

/// One call of any of the tools.
template <class Make>
GrammarNode any_of(const std::vector<ToolDefinition>& tools, const Make& make) {
  std::vector<GrammarNode> parts;
  parts.reserve(tools.size());
  for (const ToolDefinition& tool : tools) parts.push_back(make(tool));
  return parts.size() == 1 ? std::move(parts.front()) : grammar_choice(std::move(parts));
}

/// `call`, and more of them after `between` where several are allowed.
GrammarNode one_or_more(const GrammarNode& call, GrammarNode between, bool parallel) {
  if (!parallel) return call;
  return sequence(call, grammar_repeat(sequence(std::move(between), call), 0, -1));
}

GrammarNode tagged_calls(const Tokenizer& tokenizer, const std::vector<ToolDefinition>& tools, bool parallel) {
  const GrammarNode object = any_of(tools, [](const ToolDefinition& t) { return object_call(t, "arguments", nullptr); });
  const GrammarNode call = sequence(grammar_text("\n"), object, grammar_text("\n"), mark(tokenizer, kTagClose));
  return one_or_more(call, sequence(grammar_text("\n"), mark(tokenizer, kTagOpen)), parallel);
}

GrammarNode mistral_list(std::string_view source, const std::vector<ToolDefinition>& tools, bool parallel) {
  // The templates that show ids in the history teach models to write them.
  const GrammarNode id = sequence(grammar_text(", \"id\": \""), grammar_regex("[a-zA-Z0-9]{9}"), grammar_text("\""));
  const GrammarNode rest = grammar_repeat(id, 0, 1);
  const GrammarNode call = any_of(tools, [&](const ToolDefinition& t) { return object_call(t, "arguments", &rest); });
  const bool spaced = contains(source, "[TOOL_CALLS] [");
  return sequence(grammar_text(spaced ? " [" : "["), one_or_more(call, grammar_text(", "), parallel), grammar_text("]"));
}

GrammarNode mistral_named(std::string_view source, const Tokenizer& tokenizer, const std::vector<ToolDefinition>& tools,
                          bool parallel) {
  const bool ids = contains(source, "[CALL_ID]");
  const GrammarNode call = any_of(tools, [&](const ToolDefinition& tool) {
    std::vector<GrammarNode> parts;
    parts.push_back(grammar_text(tool.name));
    if (ids) {
      parts.push_back(mark(tokenizer, "[CALL_ID]"));
      parts.push_back(grammar_regex("[a-zA-Z0-9]{9}"));
    }
    parts.push_back(mark(tokenizer, "[ARGS]"));
    parts.push_back(grammar_schema(arguments_schema(tool)));
    return grammar_sequence(std::move(parts));
  });
  return one_or_more(call, mark(tokenizer, kMistralOpen), parallel);
}

/// Any text that AnswerReader does not read as a Llama call: one that does not begin as calls do (white space apart).
GrammarNode no_llama_call() {
  // A space stands for white space, or none. The type is what Llama's own examples begin with.
  constexpr std::string_view kBeginnings[] = {" { \"name\"", " { \"type\" : \"function\" , \"name\""};
  constexpr std::string_view kSpace = " \\t\\n\\r";
  std::string others;
  for (const std::string_view beginning : kBeginnings) {
    std::string same;
    for (size_t i = 0; i < beginning.size(); ++i) {
      if (beginning[i] == ' ') {
        same += fmt::format("[{}]*", kSpace);
        continue;
      }
      // As far as here it is like a call, and then not like any.
      std::string next(i > 0 && beginning[i - 1] == ' ' ? kSpace : "");
      for (const std::string_view other : kBeginnings) {
        if (other.starts_with(beginning.substr(0, i))) next += other[i];
      }
      others += fmt::format("{}{}(?:[^{}][\\s\\S]*)?", others.empty() ? "" : "|", same, next);
      same += beginning[i] == '{' ? "\\{" : std::string(1, beginning[i]);
    }
  }
  return grammar_regex(others);
}

}  // namespace

Result<ToolGrammar> tool_grammar(ToolFormat format, std::string_view source, const Tokenizer& tokenizer,
                                 const std::vector<ToolDefinition>& tools, ToolChoice wanted, bool parallel) {
  if (tools.empty()) return fail("tools: there is no tool that may be called");
  if (wanted == ToolChoice::kNone) return fail("tool_choice: it is none, so no call can be written");
  ToolGrammar out;
  if (format == ToolFormat::kLlama) {  // one call is the whole answer
    GrammarNode open = grammar_text("{");
    if (wanted != ToolChoice::kRequired) {
      open = sequence(std::move(open), grammar_repeat(grammar_text("\"type\": \"function\", "), 0, 1));
    }
    GrammarNode call = any_of(tools, [&](const ToolDefinition& t) { return object_call(t, "parameters", nullptr, open); });
    out.grammar = wanted == ToolChoice::kRequired
                      ? std::move(call)
                      : choice(sequence(grammar_regex("[ \\t\\n\\r]*"), std::move(call)), no_llama_call());
    return out;
  }
  const bool mistral = format == ToolFormat::kMistralList || format == ToolFormat::kMistralNamed;
  const std::string_view opening = mistral ? kMistralOpen : kTagOpen;
  if (format == ToolFormat::kMistralList) {
    out.grammar = mistral_list(source, tools, parallel);
  } else if (format == ToolFormat::kMistralNamed) {
    out.grammar = mistral_named(source, tokenizer, tools, parallel);
  } else {
    out.grammar = tagged_calls(tokenizer, tools, parallel);
  }
  if (wanted == ToolChoice::kRequired) {
    out.grammar = sequence(mark(tokenizer, opening), std::move(out.grammar));
    return out;
  }
  // Spelled out or as a control token, it is read as a call.
  out.start.triggers.emplace_back(opening);
  if (const auto id = tokenizer.find_token(opening); id && tokenizer.is_special(*id)) out.start.trigger_tokens.push_back(*id);
  return out;
}

}  // namespace sobre
