// From the tokens of a request's answers to what its client reads: chunks of a stream or one body. One per request. take() and
// end() are called on the engine thread (they cost microseconds), the rest by whoever finishes the request; never two at a
// time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/scheduler.h"
#include "serve/request_prompt.h"

namespace sobre {

/// What every chunk and body of a request says.
struct AnswerHead {
  std::string id;  // chatcmpl-..., cmpl-...
  int64_t created = 0;
  std::string model, fingerprint;
};

struct AnswerForm {
  bool stream = false, include_usage = false;
  size_t answers = 1;     // in all
  size_t per_prompt = 1;  // answers i * per_prompt ... go with prompt i
  int top_logprobs = -1;  // -1: none
};

class RequestAnswer {
 public:
  virtual ~RequestAnswer() = default;
  /// What the request cost, a JSON object, before the last end(): it goes into the body, or into the last chunk (that of the
  /// usage where it is asked for, else the last that ends an answer, since clients expect choices in every chunk).
  void set_impact(std::string&& impact) { impact_ = std::move(impact); }
  /// The next tokens of an answer. Appends what is to be sent now, when streamed.
  virtual void take(size_t answer, std::span<GenerationToken> tokens, std::string& out) = 0;
  /// An answer has ended well (neither failed nor cancelled).
  virtual void end(size_t answer, const GenerationReport& report, std::string& out) = 0;
  /// All have ended: the end of a stream.
  virtual void finish(std::string& out) = 0;
  /// All have ended: the whole body, when not streamed.
  [[nodiscard]] virtual std::string body() = 0;

 protected:
  /// , "impact": {...}
  void append_impact_member(std::string& out) const {
    if (!impact_.empty()) out.append(R"(, "impact": )").append(impact_);
  }

 private:
  std::string impact_;
};

/// `text` and `prompt` belong to the model and the request; the text must outlive the answer.
[[nodiscard]] std::unique_ptr<RequestAnswer> make_chat_answer(AnswerHead head, const AnswerForm& form, const TextAssets& text,
                                                              const ChatPrompt& prompt);
[[nodiscard]] std::unique_ptr<RequestAnswer> make_completion_answer(AnswerHead head, const AnswerForm& form,
                                                                    const TextAssets& text, std::vector<std::string> echo);

// What the two kinds share.

/// "stop" or "length".
[[nodiscard]] std::string_view finish_reason(GenerationEnd end);

/// Sums over the answers of a request; a prompt counts once, however many answers it has.
class UsageSum {
 public:
  void add(const GenerationReport& report, bool first_of_prompt, int reasoning_tokens);
  /// {"prompt_tokens": ...}
  void append(std::string& out) const;

 private:
  int64_t prompt_ = 0, cached_ = 0, completion_ = 0, reasoning_ = 0;
};

/// What one answer took: {"queue_ms", "prompt_ms", "first_token_ms", "decode_ms", "prompt_tokens", "cached_tokens",
/// "answer_tokens", "forced_tokens", "tokens_per_second"}, and what llama.cpp's clients look for: {"prompt_n",
/// "prompt_per_second", "predicted_n", "predicted_ms", "predicted_per_second"}.
void append_timings(std::string& out, const GenerationReport& report);

/// A number that JSON can hold: what is not finite becomes -9999, as OpenAI writes it.
void append_logprob(std::string& out, float logprob);

/// The bytes of a token as text; those that are no UTF-8 by themselves as \xNN, after `prefix`.
[[nodiscard]] std::string token_name(const Tokenizer& tokenizer, int32_t id, std::string_view prefix);
/// Bytes of a token; of a control token its spelling.
[[nodiscard]] std::string_view shown_bytes(const Tokenizer& tokenizer, int32_t id);

}  // namespace sobre
