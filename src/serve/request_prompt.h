// From a request that has been read to what the scheduler is asked: the template rendered, the text tokenized, the grammar
// compiled. Takes milliseconds, on a thread of the API. Const inputs; any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/scheduler.h"
#include "model/checkpoint.h"
#include "serve/chat_request.h"
#include "serve/completion_request.h"
#include "serve/request_grammars.h"
#include "text/constraint.h"
#include "text/tool_calls.h"

namespace sobre {

/// What is known of the model that a request goes to. Views; all must outlive the call.
struct PromptModel {
  const std::string& name;
  const TextAssets& text;
  const Json& sampling;  // recommended by the catalogue
  int vocab_size = 0;    // of the model: ids a prompt may hold
  int context = 0;       // positions
};

/// A grammar that the answer must obey and when it begins.
struct PromptGrammar {
  std::shared_ptr<const Grammar> grammar;  // null: none
  ConstraintStart start;
};

struct ChatPrompt {
  std::vector<int32_t> ids;
  SamplingOptions sampling;
  PromptGrammar grammar;
  bool special_text = false;
  bool split = false;            // the answer goes through an AnswerReader
  AnswerReader::Options reader;  // where split
};

struct CompletionPrompt {
  std::vector<std::vector<int32_t>> ids;  // per prompt
  std::vector<std::string> echo;          // per prompt, where asked: what the text begins with
  SamplingOptions sampling;
  PromptGrammar grammar;
};

/// Compiles the form that a request asks for, as far as it depends on no model: before the request waits for one. Errors: 400
/// for what cannot be compiled.
[[nodiscard]] ApiResult<void> compile_form(ChatRequest& request, RequestGrammars& grammars);
[[nodiscard]] ApiResult<void> compile_form(CompletionRequest& request, RequestGrammars& grammars);

/// After compile_form. Errors: 400 for whatever the request brought about (no template, the template's own words, a context
/// that is too small, a grammar that cannot be compiled). `seed` counts where the request has none.
[[nodiscard]] ApiResult<ChatPrompt> prepare_chat(const ChatRequest& request, const PromptModel& model,
                                                 RequestGrammars& grammars, const LocalTime& now, uint64_t seed);
[[nodiscard]] ApiResult<CompletionPrompt> prepare_completion(const CompletionRequest& request, const PromptModel& model,
                                                             uint64_t seed);

/// A conversation rendered by the model's template, with its text.
struct RenderedChat {
  RenderedText rendered;
  ToolFormat format = ToolFormat::kGeneric;
};
[[nodiscard]] ApiResult<RenderedChat> render_chat(const ChatRequest& request, const TextAssets& text, const LocalTime& now);

/// 400 with both numbers when a prompt leaves no position for an answer.
[[nodiscard]] ApiError context_exceeded(uint64_t prompt_tokens, int context);

}  // namespace sobre
