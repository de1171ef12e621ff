// Conversations: from messages to the ids a model is asked with, and from its ids to an answer. What `sobre run` does between
// the keyboard and the model, without a terminal. One Answerer per session, used by one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/sampler.h"
#include "engine/session.h"
#include "model/checkpoint.h"

namespace sobre {

/// One turn. Roles: "system", "user", "assistant".
struct ChatMessage {
  std::string role, content;
  friend bool operator==(const ChatMessage&, const ChatMessage&) = default;
};

/// The ids of a conversation as the model's chat template renders it, ready for the answer (or, without `generation_prompt`,
/// ending with its last message). Control tokens come from the
/// template alone: what the messages spell stays text. BOS is there when the template writes it, never twice. `now` is what the
/// template may print as the date. Errors: no template, no tokenizer, a template that refuses these messages (in its own
/// words).
[[nodiscard]] Result<std::vector<int32_t>> conversation_ids(const TextAssets& text, std::span<const ChatMessage> messages,
                                                            const LocalTime& now, bool generation_prompt = true);

/// The machine's clock, for templates that print the date.
[[nodiscard]] LocalTime local_now();

/// The ids of plain text to be continued: BOS where the model wants it, no control tokens out of the text. Errors: no
/// tokenizer, and a text of no tokens at all.
[[nodiscard]] Result<std::vector<int32_t>> completion_ids(const TextAssets& text, std::string_view prompt);

/// A conversation as JSON, a list of {"role", "content"}, and back. Errors name the entry. System messages come first or not at
/// all; at most kMaxMessages.
[[nodiscard]] std::string messages_to_json(std::span<const ChatMessage> messages);
[[nodiscard]] Result<std::vector<ChatMessage>> messages_from_json(std::string_view json);
[[nodiscard]] Result<std::vector<ChatMessage>> messages_from_list(const Json& list);
inline constexpr size_t kMaxMessages = 10'000;

/// Finds stop strings in a text that comes in pieces, wherever the pieces are cut: what may be the beginning of one is held
/// back until it is certain. The stop string that is complete first ends the text, the longest of those that end together.
class StopMatcher {
 public:
  explicit StopMatcher(std::vector<std::string> stops);
  /// Takes the next piece, appends what is certain to `out`. True: a stop string was found (it is not in `out`).
  [[nodiscard]] bool push(std::string_view piece, std::string& out);
  /// The text has ended without one: appends what was held back.
  void finish(std::string& out);

 private:
  [[nodiscard]] size_t held_suffix() const;

  std::vector<std::string> stops_;
  std::string held_;
};

/// Errors: an empty stop string, one longer than kMaxStopBytes, more than kMaxStops.
[[nodiscard]] Result<void> check_stops(std::span<const std::string> stops);
inline constexpr size_t kMaxStops = 64, kMaxStopBytes = 4096;

/// How many leading elements two sequences share.
[[nodiscard]] size_t common_prefix(std::span<const int32_t> a, std::span<const int32_t> b);

struct AnswerOptions {
  SamplingOptions sampling;
  std::vector<std::string> stops;
  int max_tokens = 0;  // 0: until the model ends its answer or the context is full
};

enum class AnswerEnd : uint8_t { kModel, kStopString, kMaxTokens, kContextFull, kCancelled };

/// What one answer took. Times are wall-clock seconds.
struct AnswerReport {
  AnswerEnd end = AnswerEnd::kModel;
  int prompt_tokens = 0;  // of the whole conversation
  int reused_tokens = 0;  // of them, those that the session had already
  int answer_tokens = 0;  // sampled, the one that ended the answer included
  double prompt_s = 0, answer_s = 0;
};

/// Answers prompts on one session and keeps what the session holds: of the next prompt only the part that differs is computed.
class Answerer {
 public:
  using Sink = std::function<void(std::string_view)>;  // gets the answer in pieces of valid UTF-8
  using Cancelled = std::function<bool()>;             // asked after every token and every chunk of the prompt; may be empty

  /// The session must outlive this and be used by nobody else. Its model has a tokenizer.
  explicit Answerer(Session& session);

  /// Errors: a prompt that leaves no room in the context (both numbers), options out of range, what the session reports. After
  /// an error the conversation may go on: the session holds what it had computed.
  [[nodiscard]] Result<AnswerReport> answer(std::span<const int32_t> prompt, const AnswerOptions& options, const Sink& sink,
                                            const Cancelled& cancelled = {});
  /// Forgets what the session holds.
  void reset();

 private:
  [[nodiscard]] Result<void> read_prompt(std::span<const int32_t> prompt, const Cancelled& cancelled, AnswerReport& report);
  [[nodiscard]] Result<void> write_answer(Sampler& sampler, const AnswerOptions& options, const Sink& sink,
                                          const Cancelled& cancelled, AnswerReport& report);

  Session& session_;
  std::vector<int32_t> held_;  // the ids the session has computed, [n_past]
};

/// What sampling starts from: the catalogue's recommendation, over it what the model itself asks for; temperature 0.7 and top-p
/// 0.95 where neither says anything. Both are objects by the names of generation_config.json, or null.
[[nodiscard]] SamplingOptions starting_sampling(const Json& catalogue, const Json& generation_defaults);

/// The sampling that a model asks for in its generation_config (or a GGUF's general.sampling.*), `base` for what it does not
/// say. Values out of range are left out. `do_sample: false` without a temperature means greedy; a repetition_penalty is one
/// over all tokens of prompt and answer.
[[nodiscard]] SamplingOptions sampling_defaults(const Json& generation_defaults, const SamplingOptions& base);

}  // namespace sobre
