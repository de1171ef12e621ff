#include "serve/chat_request.h"

#include <fmt/format.h>

#include <algorithm>

#include "text/chat_template.h"

namespace sobre {

namespace {

constexpr size_t kMaxParts = 1024, kMaxVariables = 32, kMaxHistoryCalls = 256;

/// The text of a content that is a list of parts. Nothing after a fault.
std::optional<std::string> join_parts(RequestFields& message, const Json::Array& parts, const std::string& place) {
  std::string text;
  for (size_t i = 0; i < parts.size(); ++i) {
    const std::string param = fmt::format("{}content[{}]", place, i);
    const Json* type = parts[i].find("type");
    if (type == nullptr || type->as_string() == nullptr) {
      message.refuse(bad_request(param + ": it is no object with a \"type\"", param));
      return std::nullopt;
    }
    const std::string& name = *type->as_string();
    const bool refusal = name == "refusal";
    if (name != "text" && !refusal) {
      message.refuse(bad_request(
          fmt::format("{}: parts of type {} are not supported: the models read text, and nothing is fetched; give \"text\"",
                      param, short_json(*type)),
          param + ".type", "unsupported_content"));
      return std::nullopt;
    }
    const Json* value = parts[i].find(refusal ? "refusal" : "text");
    if (value == nullptr || value->as_string() == nullptr) {
      message.refuse(bad_request(fmt::format("{}: it has no {} that is a string", param, refusal ? "refusal" : "text"), param));
      return std::nullopt;
    }
    if (i > 0) text += '\n';
    text += *value->as_string();
  }
  return text;
}

class MessageReader {
 public:
  MessageReader(const Json& message, std::string place)
      : message_(message), place_(std::move(place)), fields_(message, place_) {}

  /// The message as templates want it; a fault is in fields().
  Json read() {
    Json out{Json::Object()};
    const std::string* role = fields_.text("role");
    if (role == nullptr) {
      fields_.refuse("role", "it is missing; known are system, developer, user, assistant and tool");
      return out;
    }
    const bool assistant = *role == "assistant";
    if (*role != "system" && *role != "developer" && *role != "user" && !assistant && *role != "tool") {
      fields_.refuse("role", fmt::format("{} is not known; known are system, developer, user, assistant and tool",
                                         short_json(*message_.find("role"))));
      return out;
    }
    out.set("role", *role == "developer" ? Json("system") : Json(*role));
    content(assistant, out);
    for (const char* name : {"name", "tool_call_id"}) {
      if (const std::string* text = fields_.text(name)) out.set(name, Json(*text));
    }
    if (assistant) assistant_fields(out);
    return out;
  }

  [[nodiscard]] const RequestFields& fields() const { return fields_; }

 private:
  void content(bool assistant, Json& out) {
    const Json* value = fields_.find("content");
    if (value == nullptr) {
      // An assistant's turn may be its calls alone.
      if (!assistant) fields_.refuse("content", "it is missing; a string or a list of text parts is expected");
      out.set("content", Json(""));
    } else if (const Json::Array* parts = value->as_array()) {
      if (parts->size() > kMaxParts) {
        fields_.refuse("content", fmt::format("{} parts; at most {} are read", parts->size(), kMaxParts));
      } else if (auto text = join_parts(fields_, *parts, place_)) {
        out.set("content", Json(std::move(*text)));
      }
    } else if (value->is_string()) {
      out.set("content", *value);
    } else {
      fields_.refuse("content", fmt::format("{} is neither a string nor a list of text parts", short_json(*value)));
    }
  }

  void assistant_fields(Json& out) {
    fields_.refuse_unsupported({{"function_call", nullptr, "give tool_calls"}, {"audio", nullptr, nullptr}});
    if (const std::string* text = fields_.text("reasoning_content")) out.set("reasoning_content", Json(*text));
    const Json::Array* calls = fields_.list("tool_calls", kMaxHistoryCalls);
    if (calls != nullptr && !calls->empty()) out.set("tool_calls", *fields_.find("tool_calls"));
  }

  const Json& message_;
  std::string place_;
  RequestFields fields_;
};

/// Names of tools out of {"type": "function", "function": {"name": ...}}; null when it is something else.
const std::string* function_name(const Json& value) {
  const Json* function = value.find("function");
  const Json* name = function == nullptr ? nullptr : function->find("name");
  return name == nullptr ? nullptr : name->as_string();
}

void keep_only(RequestFields& fields, const std::vector<std::string>& names, ChatRequest& out) {
  for (const std::string& name : names) {
    const bool known = std::any_of(out.callable.begin(), out.callable.end(), [&](const auto& t) { return t.name == name; });
    if (!known) fields.refuse("tool_choice", fmt::format("no tool is called {}", short_json(Json(name))));
  }
  std::erase_if(out.callable, [&](const auto& t) { return std::find(names.begin(), names.end(), t.name) == names.end(); });
}

bool choice_of_word(const std::string& word, ToolChoice& choice) {
  if (word == "none") choice = ToolChoice::kNone;
  if (word == "auto") choice = ToolChoice::kAuto;
  if (word == "required" || word == "any") choice = ToolChoice::kRequired;
  return word == "none" || word == "auto" || word == "required" || word == "any";
}

void allowed_tools(RequestFields& fields, const Json& value, ChatRequest& out) {
  const Json* allowed = value.find("allowed_tools");
  const Json* mode = allowed == nullptr ? nullptr : allowed->find("mode");
  const Json* list = allowed == nullptr ? nullptr : allowed->find("tools");
  const bool known_mode = mode != nullptr && mode->as_string() != nullptr && *mode->as_string() != "none" &&
                          choice_of_word(*mode->as_string(), out.tool_choice);
  if (!known_mode || list == nullptr || list->as_array() == nullptr || list->as_array()->empty()) {
    fields.refuse("tool_choice", "allowed_tools needs \"mode\" (auto or required) and a list of \"tools\"");
    return;
  }
  std::vector<std::string> names;
  for (const Json& entry : *list->as_array()) {
    const std::string* name = function_name(entry);
    if (name == nullptr) {
      fields.refuse("tool_choice", "an entry of allowed_tools.tools names no function");
      return;
    }
    names.push_back(*name);
  }
  keep_only(fields, names, out);
}

void read_tool_choice(RequestFields& fields, ChatRequest& out) {
  out.tool_choice = out.callable.empty() ? ToolChoice::kNone : ToolChoice::kAuto;
  const Json* value = fields.find("tool_choice");
  if (value == nullptr) return;
  if (const std::string* word = value->as_string()) {
    if (!choice_of_word(*word, out.tool_choice)) {
      fields.refuse("tool_choice", fmt::format("{} is not known; known are none, auto, required, a function and allowed_tools",
                                               short_json(*value)));
    }
  } else if (const std::string* name = function_name(*value)) {
    out.tool_choice = ToolChoice::kRequired;
    keep_only(fields, {*name}, out);
  } else if (const Json* type = value->find("type");
             type != nullptr && type->as_string() != nullptr && *type->as_string() == "allowed_tools") {
    allowed_tools(fields, *value, out);
  } else {
    fields.refuse("tool_choice",
                  "it is neither none, auto, required, {\"type\": \"function\", \"function\": {\"name\": ...}} nor "
                  "allowed_tools");
  }
  if (out.callable.empty() && out.tool_choice == ToolChoice::kRequired) {
    fields.refuse("tool_choice", "a call is required, and there are no tools");
  }
  if (out.callable.empty()) out.tool_choice = ToolChoice::kNone;
}

void read_tools(RequestFields& fields, ChatRequest& out) {
  const Json* tools = fields.find("tools");
  if (tools != nullptr && !tools->is_array()) fields.refuse("tools", fmt::format("it is {}, not a list", short_json(*tools)));
  if (tools != nullptr && tools->is_array() && !tools->as_array()->empty()) {
    Result<std::vector<ToolDefinition>> read = tools_from_json(*tools);
    if (read) {
      out.callable = std::move(*read);
      out.tools = *tools;
    } else {
      fields.refuse("tools", read.error().message);
    }
  }
  read_tool_choice(fields, out);
  // A named function is called once.
  const Json* choice = fields.find("tool_choice");
  const bool named = choice != nullptr && function_name(*choice) != nullptr;
  out.parallel_calls = fields.flag("parallel_tool_calls", true) && !named;
  // A tool that must not be called is not shown: small models call what they see.
  if (out.tool_choice == ToolChoice::kNone) {
    out.tools = Json();
    out.callable.clear();
  }
}

void read_logprobs(RequestFields& fields, ChatRequest& out) {
  const bool wanted = fields.flag("logprobs");
  const auto top = fields.integer("top_logprobs", 0, 20);
  if (top && !wanted) fields.refuse("top_logprobs", "it goes with \"logprobs\": true only");
  if (wanted) out.top_logprobs = static_cast<int>(top.value_or(0));
}

void refuse_chat_only(RequestFields& fields) {
  fields.refuse_unsupported({{"functions", "[]", "give tools"},
                             {"function_call", "\"none\"", "give tool_choice"},
                             {"audio", nullptr, "the models answer with text"},
                             {"modalities", "[\"text\"]", "the models answer with text"},
                             {"web_search_options", nullptr, "nothing is fetched"},
                             {"chat_template", nullptr, "the template is the model's own"},
                             {"continue_final_message", "false", nullptr},
                             {"add_generation_prompt", "true", nullptr},
                             {"echo", "false", nullptr}});
}

constexpr const char* kOwnVariables[] = {"messages",     "tools",          "documents", "add_generation_prompt",
                                         "strftime_now", "raise_exception"};

void read_reasoning_effort(RequestFields& fields, ChatRequest& out) {
  const std::string* effort = fields.text("reasoning_effort");
  if (effort == nullptr) return;
  constexpr const char* kKnown[] = {"none", "minimal", "low", "medium", "high", "xhigh"};
  if (std::find(std::begin(kKnown), std::end(kKnown), *effort) == std::end(kKnown)) {
    fields.refuse("reasoning_effort", "known are none, minimal, low, medium, high and xhigh");
    return;
  }
  out.template_variables.emplace_back("reasoning_effort", Json(*effort));
  if (*effort == "none") out.template_variables.emplace_back("enable_thinking", Json(false));
}

}  // namespace

Json read_messages(RequestFields& fields, const ApiLimits& limits) {
  Json::Array out;
  const Json::Array* list = fields.list("messages", static_cast<size_t>(limits.max_messages));
  if (!fields.ok()) return out;
  if (list == nullptr || list->empty()) {
    fields.refuse("messages", "it is missing or empty; [{\"role\": \"user\", \"content\": \"...\"}, ...] is expected");
    return out;
  }
  for (size_t i = 0; i < list->size(); ++i) {
    const std::string place = fmt::format("messages[{}]", i);
    if (!(*list)[i].is_object()) {
      fields.refuse(place, fmt::format("{} is no object", short_json((*list)[i])));
      return out;
    }
    MessageReader reader((*list)[i], place + ".");
    out.push_back(reader.read());
    if (!reader.fields().ok()) {
      fields.refuse(reader.fields().error());
      return out;
    }
  }
  return out;
}

void read_template_variables(RequestFields& fields, std::vector<std::pair<std::string, Json>>& out) {
  const Json* variables = fields.object("chat_template_kwargs");
  if (variables == nullptr) return;
  const Json::Object& members = *variables->as_object();
  if (members.size() > kMaxVariables) {
    fields.refuse("chat_template_kwargs", fmt::format("{} variables; at most {} are read", members.size(), kMaxVariables));
    return;
  }
  for (const auto& [name, value] : members) {
    const std::string param = "chat_template_kwargs." + name;
    // The texts of special tokens count as the template's own: they may become control tokens.
    if (names_special_token(name) ||
        std::find(std::begin(kOwnVariables), std::end(kOwnVariables), name) != std::end(kOwnVariables)) {
      fields.refuse(bad_request(param + ": this variable is the server's to set", param));
    } else if (value.is_array() || value.is_object()) {
      fields.refuse(bad_request(param + ": only strings, numbers, booleans and null are passed on", param));
    } else {
      out.emplace_back(name, value);
    }
  }
}

ApiResult<ChatRequest> parse_chat_request(const Json& body, const ApiLimits& limits) {
  ChatRequest request;
  RequestFields fields(body);
  read_common(fields, limits, 1, request);
  request.messages = read_messages(fields, limits);
  read_tools(fields, request);
  read_logprobs(fields, request);
  read_reasoning_effort(fields, request);
  read_template_variables(fields, request.template_variables);
  refuse_chat_only(fields);
  const bool formed = request.format || request.tool_choice != ToolChoice::kNone;
  if (request.ignore_eos && formed) {
    fields.refuse("ignore_eos", "an answer of a given form (response_format, tools) ends where the form ends");
  }
  if (!fields.ok()) return std::unexpected(fields.error());
  return request;
}

}  // namespace sobre
