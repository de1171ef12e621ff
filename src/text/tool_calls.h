// Tool calls: how each family writes them, the grammar that forces them, and the reader that takes them out of an answer's text
// as it streams. Formats are found from the chat template. Plain values and one reader per answer; no I/O.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "text/constraint.h"
#include "text/grammar.h"
#include "text/tokenizer.h"

namespace sobre {

/// How calls are written. kTagged: <tool_call>{"name": ..., "arguments": {...}}</tool_call>, one block per call (Qwen, Granite,
/// SmolLM3 with tools). kMistralList: [TOOL_CALLS][{"name": ..., "arguments": {...}, "id"?}, ...] (V2 to V7). kMistralNamed:
/// [TOOL_CALLS]name[ARGS]{...} per call (V11 has [CALL_ID]id before [ARGS]; V13 and later have not). kLlama: {"name": ...,
/// "parameters": {...}} as the whole answer (Llama 3.x). kGeneric: for templates that know no tools, or write calls in a way
/// not listed here: a system text of ours describes them and calls are written as in kTagged (SmolLM2, Phi, Mistral V1).
enum class ToolFormat : uint8_t { kTagged, kMistralList, kMistralNamed, kLlama, kGeneric };
[[nodiscard]] std::string_view tool_format_name(ToolFormat format);

/// The format that a template's source asks for. (`tokenizer` may be null: a template decides alone; what the vocabulary has as
/// control tokens matters to tool_grammar.)
[[nodiscard]] ToolFormat detect_tool_format(std::string_view template_source);

/// The id of call `index` of an answer: 9 letters and digits for the Mistral formats, which refuse others, else "call_" and 24.
/// The same for the same arguments.
[[nodiscard]] std::string make_call_id(ToolFormat format, uint64_t seed, uint32_t choice, uint32_t index);

struct ToolDefinition {
  std::string name;  // [a-zA-Z0-9_.-]{1,64}
  std::string description;
  Json parameters;  // a JSON Schema of an object; null: no arguments
};

inline constexpr size_t kMaxTools = 128;

/// Reads the API's `tools` list ({"type": "function", "function": {...}}). Errors name the entry, or the limit (kMaxTools).
[[nodiscard]] Result<std::vector<ToolDefinition>> tools_from_json(const Json& tools);

enum class ToolChoice : uint8_t { kNone, kAuto, kRequired };

/// What constrains an answer that may or must call: the grammar and when it begins (auto: at the format's trigger).
struct ToolGrammar {
  GrammarNode grammar;
  ConstraintStart start;
};
/// `tools`: those that may be called (one, when a named one is required). Every call's arguments obey its tool's parameters;
/// where these list an object's properties and leave it open otherwise, others are not written: small models invent them.
/// `parallel`: more than one call in an answer is allowed. With kAuto everything that AnswerReader takes for a call obeys the
/// grammar. Errors: no tools, kNone.
[[nodiscard]] Result<ToolGrammar> tool_grammar(ToolFormat format, std::string_view template_source, const Tokenizer& tokenizer,
                                               const std::vector<ToolDefinition>& tools, ToolChoice choice, bool parallel);

/// Messages and tools as the template wants them. A history that the template accepts stays as it is, apart from contents that
/// are null (the empty text) or parts (their texts joined with line ends; the caller has refused other parts) and arguments in
/// the form the template reads. What a template refuses is repaired, never an error: arguments that are no JSON object, missing
/// or ill-formed ids (made anew, alike in the call and its result), results without a call, neighbours of one role, system
/// messages in the middle (their text goes to the first one), roles it does not know. For kGeneric the tools go into the system
/// message, and calls and results into the texts. `messages`: the API's list. Returns the variables "messages" and, where there
/// are tools and the template takes them, "tools".
[[nodiscard]] Json template_messages(ToolFormat format, std::string_view template_source, const Json& messages,
                                     const Json& tools);

/// What a piece of an answer turned out to be.
struct AnswerPiece {
  enum class Kind : uint8_t { kContent, kReasoning, kCallBegin, kCallArguments, kCallEnd };
  Kind kind = Kind::kContent;
  int index = 0;         // of the call
  std::string id, name;  // kCallBegin
  std::string text;      // kContent, kReasoning, kCallArguments: the next bytes (arguments as JSON text)
  bool whole = true;     // kCallEnd: the arguments joined are one JSON object; false: the answer broke off, or they are no JSON
};

/// Splits an answer's text into content, reasoning and calls, as it streams. However the text is cut, the pieces joined are the
/// same. Time is linear in the text, memory bounded (a few KiB held back), the stack constant.
/// - Content: the text without its calls and thoughts, and without the white space around those.
/// - Reasoning: <think> ... </think> or [THINK] ... [/THINK] before any content. Not closed, it lasts to the end or to a call.
/// - Calls: what looks like one and is none, or names a tool that does not exist, stays content. A call is certain once its
/// name
///   is known and its arguments begin; then these come as they are written.
class AnswerReader {
 public:
  struct Options {
    ToolFormat format = ToolFormat::kTagged;
    bool tools = false;                // calls are looked for
    bool reasoning = false;            // think blocks are taken apart
    bool starts_in_reasoning = false;  // the prompt ended with an opened think block
    bool obeyed = false;               // a grammar holds from a call's opening on: cut off there, an answer is no content
    bool calls_only = false;           // and from the beginning of the answer
    std::vector<std::string> names;    // tools that exist; a call of another stays content
    uint64_t seed = 0;                 // makes the calls' ids
    uint32_t choice = 0;
  };
  explicit AnswerReader(Options options);
  ~AnswerReader();
  AnswerReader(AnswerReader&&) noexcept;
  AnswerReader& operator=(AnswerReader&&) noexcept;
  /// Takes the next text, appends what is certain.
  void push(std::string_view text, std::vector<AnswerPiece>& out);
  /// The answer has ended.
  void finish(std::vector<AnswerPiece>& out);
  [[nodiscard]] int calls() const;

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace sobre
