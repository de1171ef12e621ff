// What a chat template refuses or ignores, found from its source: the words of its own checks. Pure.
#pragma once

#include <cstdint>
#include <string_view>

#include "text/tool_calls.h"

namespace sobre {

struct TemplateNeeds {
  enum class Systems : uint8_t {
    kAnywhere,        // system messages are rendered where they are
    kNotAfterAnswer,  // refused after an assistant's or a tool's message (Mistral V7 and later)
    kFirstOnly,       // refused or left out elsewhere than at the beginning
    kNone             // refused everywhere (Gemma)
  };
  Systems systems = Systems::kAnywhere;
  bool arguments_text = false;    // arguments are read as JSON text as well as from an object
  bool nine_letter_ids = false;   // ids of 9 letters and digits, for calls and results
  bool one_call = false;          // one call per message (Llama)
  bool calls_alone = false;       // no content beside calls (Mistral V2, V3)
  bool named_results = false;     // results carry their tool's name (Mistral V2)
  bool no_empty_answer = false;   // an assistant's message is not empty
  bool reads_reasoning = false;   // reasoning_content counts as content
  bool ordered = false;           // a result follows a call or a result; the first message is a user's
  bool system_may_lead = false;   // with `ordered`: a system message may be the first
  bool alternating = false;       // user and assistant alternate, calls and results apart
  bool first_user_tools = false;  // the tools are shown in the first message, taken for a user's (Llama)
  bool calls_as_text = false;     // knows no calls: they and their results are written into the texts
  bool xml_tools = false;         // the tools' variable is called xml_tools (SmolLM3)
};

[[nodiscard]] TemplateNeeds template_needs(ToolFormat format, std::string_view source);

}  // namespace sobre
