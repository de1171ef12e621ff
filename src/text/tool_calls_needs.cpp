#include "text/tool_calls_needs.h"

namespace sobre {

namespace {

TemplateNeeds::Systems systems_of(const TemplateNeeds& needs, std::string_view source) {
  const auto has = [source](std::string_view part) { return source.find(part) != std::string_view::npos; };
  using Systems = TemplateNeeds::Systems;
  if (has("System role not supported")) return Systems::kNone;
  if (needs.alternating) return Systems::kFirstOnly;
  if (needs.ordered) return needs.system_may_lead ? Systems::kNotAfterAnswer : Systems::kFirstOnly;
  // SmolLM3 reads the first system message apart and leaves out all others.
  return has("custom_instructions") ? Systems::kFirstOnly : Systems::kAnywhere;
}

}  // namespace

TemplateNeeds template_needs(ToolFormat format, std::string_view source) {
  const auto has = [source](std::string_view part) { return source.find(part) != std::string_view::npos; };
  TemplateNeeds needs;
  needs.arguments_text = has("arguments is string") || has("arguments is not string");
  needs.nine_letter_ids = has("length 9") || has("9 characters");
  needs.one_call = has("single tool-calls");
  needs.calls_alone = has("cannot have both content and tool calls");
  needs.named_results = has("Tool message must have a name");
  needs.no_empty_answer = has("Assistant message must have") || has("Assistant message content must be non-empty");
  needs.reads_reasoning = has("reasoning_content");
  needs.ordered = has("Unexpected role");
  needs.system_may_lead = has("must start with a user or system message");
  needs.alternating = has("must alternate");
  needs.first_user_tools = has("tools_in_user_message");
  needs.calls_as_text = format == ToolFormat::kGeneric || !has("tool_calls");
  needs.xml_tools = has("xml_tools");
  needs.systems = systems_of(needs, source);
  return needs;
}

}  // namespace sobre
