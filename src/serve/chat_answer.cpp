// Answers of /v1/chat/completions.
#include <fmt/format.h>

#include <iterator>
#include <optional>

#include "base/json.h"
#include "serve/request_answer.h"

namespace sobre {

namespace {

using Kind = AnswerPiece::Kind;

struct Call {
  std::string id, name, arguments;
};

struct Choice {
  std::optional<AnswerReader> reader;
  bool begun = false;      // the role has been sent
  bool reasoning = false;  // the last text was reasoning
  int reasoning_tokens = 0;
  std::string logprobs;  // entries not yet sent, joined by ", "
  std::string pending;   // text of `kind` not yet sent
  Kind kind = Kind::kContent;
  int call_index = 0;
  // The whole answer, when not streamed.
  std::string content, thoughts;
  std::vector<Call> calls;
  int n_calls = 0;
  std::string_view finish;
};

class ChatAnswer final : public RequestAnswer {
 public:
  ChatAnswer(AnswerHead head, const AnswerForm& form, const TextAssets& text, const ChatPrompt& prompt)
      : head_(std::move(head)), form_(form), text_(text), choices_(form.answers) {
    for (size_t i = 0; i < choices_.size() && prompt.split; ++i) {
      AnswerReader::Options options = prompt.reader;
      options.choice = static_cast<uint32_t>(i);
      choices_[i].reader.emplace(std::move(options));
      choices_[i].reasoning = prompt.reader.starts_in_reasoning;
    }
    append_head(chunk_head_, "chat.completion.chunk");
    chunk_head_ = "data: " + chunk_head_ + R"(, "choices": [{"index": )";
  }

  void take(size_t answer, std::span<GenerationToken> tokens, std::string& out) override {
    Choice& choice = choices_[answer];
    begin(answer, out);
    for (const GenerationToken& token : tokens) {
      if (form_.top_logprobs >= 0 && !text_.is_stop(token.id)) append_entry(choice.logprobs, token);
      push(answer, token.text, out);
      if (choice.reasoning) ++choice.reasoning_tokens;
    }
    flush(answer, out);
  }

  void end(size_t answer, const GenerationReport& report, std::string& out) override {
    Choice& choice = choices_[answer];
    begin(answer, out);
    push(answer, report.rest, out);
    if (choice.reader) {
      pieces_.clear();
      choice.reader->finish(pieces_);
      for (AnswerPiece& piece : pieces_) add(answer, piece, out);
    }
    flush(answer, out);
    if (form_.stream && !choice.logprobs.empty()) write_chunk(answer, R"("content": "")", out);
    usage_.add(report, answer % form_.per_prompt == 0, choice.reasoning_tokens);
    choice.finish = finish_reason(report.end);
    if (choice.n_calls > 0 && choice.finish == "stop") choice.finish = "tool_calls";
    if (answer == 0) append_timings(timings_, report);
    if (form_.stream) write_last(answer, report, out);
  }

  void finish(std::string& out) override {
    if (form_.include_usage) {
      out += "data: ";
      append_head(out, "chat.completion.chunk");
      out += R"(, "choices": [], "usage": )";
      usage_.append(out);
      append_impact_member(out);
      out += "}\n\n";
    }
    out += "data: [DONE]\n\n";
  }

  std::string body() override {
    std::string out;
    append_head(out, "chat.completion");
    out += R"(, "choices": [)";
    for (size_t i = 0; i < choices_.size(); ++i) {
      if (i > 0) out += ", ";
      append_choice(out, i);
    }
    out += R"(], "usage": )";
    usage_.append(out);
    out += R"(, "timings": )" + timings_;
    append_impact_member(out);
    out += '}';
    return out;
  }

 private:
  void append_head(std::string& out, std::string_view object) const {
    fmt::format_to(std::back_inserter(out), R"({{"id": "{}", "object": "{}", "created": {}, "model": )", head_.id, object,
                   head_.created);
    append_json_string(out, head_.model);
    fmt::format_to(std::back_inserter(out), R"(, "system_fingerprint": "{}")", head_.fingerprint);
  }

  void begin(size_t answer, std::string& out) {
    Choice& choice = choices_[answer];
    if (choice.begun) return;
    choice.begun = true;
    if (!form_.stream) return;
    open_chunk(answer, out);
    out += R"("role": "assistant", "content": "")";
    close_chunk("null", "", out);
  }

  /// The next text of an answer.
  void push(size_t answer, std::string_view text, std::string& out) {
    if (text.empty()) return;
    Choice& choice = choices_[answer];
    if (!choice.reader) {
      add_text(answer, Kind::kContent, text, out);
      return;
    }
    pieces_.clear();
    choice.reader->push(text, pieces_);
    for (AnswerPiece& piece : pieces_) add(answer, piece, out);
  }

  void add(size_t answer, const AnswerPiece& piece, std::string& out) {
    Choice& choice = choices_[answer];
    if (piece.kind == Kind::kCallBegin) {
      flush(answer, out);
      ++choice.n_calls;
      choice.reasoning = false;
      if (form_.stream) {
        std::string delta = fmt::format(R"("tool_calls": [{{"index": {}, "id": )", piece.index);
        append_json_string(delta, piece.id);
        delta += R"(, "type": "function", "function": {"name": )";
        append_json_string(delta, piece.name);
        delta += R"(, "arguments": ""}}])";
        write_chunk(answer, delta, out);
      } else {
        choice.calls.push_back({piece.id, piece.name, ""});
      }
    } else if (piece.kind != Kind::kCallEnd) {
      choice.call_index = piece.index;
      add_text(answer, piece.kind, piece.text, out);
    }
  }

  void add_text(size_t answer, Kind kind, std::string_view text, std::string& out) {
    if (text.empty()) return;
    Choice& choice = choices_[answer];
    choice.reasoning = kind == Kind::kReasoning;
    if (form_.stream) {
      if (choice.kind != kind) flush(answer, out);
      choice.kind = kind;
      choice.pending += text;
    } else if (kind == Kind::kContent) {
      choice.content += text;
    } else if (kind == Kind::kReasoning) {
      choice.thoughts += text;
    } else if (!choice.calls.empty()) {
      choice.calls.back().arguments += text;
    }
  }

  void flush(size_t answer, std::string& out) {
    Choice& choice = choices_[answer];
    if (choice.pending.empty()) return;
    delta_.clear();
    if (choice.kind == Kind::kCallArguments) {
      fmt::format_to(std::back_inserter(delta_), R"("tool_calls": [{{"index": {}, "function": {{"arguments": )",
                     choice.call_index);
      append_json_string(delta_, choice.pending);
      delta_ += "}}]";
    } else {
      delta_ += choice.kind == Kind::kContent ? R"("content": )" : R"("reasoning_content": )";
      append_json_string(delta_, choice.pending);
    }
    choice.pending.clear();
    write_chunk(answer, delta_, out);
  }

  void open_chunk(size_t answer, std::string& out) const {
    out += chunk_head_;
    out += std::to_string(answer);
    out += R"(, "delta": {)";
  }

  void close_chunk(std::string_view finish, std::string_view logprobs, std::string& out) const {
    out += R"(}, "logprobs": )";
    if (logprobs.empty()) {
      out += "null";
    } else {
      out += R"({"content": [)";
      out += logprobs;
      out += R"(], "refusal": null})";
    }
    out += R"(, "finish_reason": )";
    out += finish;
    out += form_.include_usage ? R"(}], "usage": null})" : "}]}";
    out += "\n\n";
  }

  void write_chunk(size_t answer, std::string_view delta, std::string& out) {
    Choice& choice = choices_[answer];
    open_chunk(answer, out);
    out += delta;
    close_chunk("null", choice.logprobs, out);
    choice.logprobs.clear();
  }

  void write_last(size_t answer, const GenerationReport& report, std::string& out) {
    open_chunk(answer, out);
    fmt::format_to(std::back_inserter(out), R"(}}, "logprobs": null, "finish_reason": "{}"}}])", choices_[answer].finish);
    if (form_.include_usage) out += R"(, "usage": null)";
    out += R"(, "timings": )";
    append_timings(out, report);
    if (!form_.include_usage) append_impact_member(out);
    out += "}\n\n";
  }

  void append_token(std::string& out, int32_t id, float logprob) const {
    out += R"({"token": )";
    append_json_string(out, token_name(*text_.tokenizer, id, ""));
    out += R"(, "logprob": )";
    append_logprob(out, logprob);
    out += R"(, "bytes": [)";
    const std::string_view bytes = shown_bytes(*text_.tokenizer, id);
    for (size_t i = 0; i < bytes.size(); ++i) {
      if (i > 0) out += ", ";
      out += std::to_string(static_cast<unsigned char>(bytes[i]));
    }
    out += ']';
  }

  void append_entry(std::string& out, const GenerationToken& token) const {
    if (!out.empty()) out += ", ";
    append_token(out, token.id, token.logprob);
    out += R"(, "top_logprobs": [)";
    for (size_t i = 0; i < token.top.size() && i < static_cast<size_t>(form_.top_logprobs); ++i) {
      if (i > 0) out += ", ";
      append_token(out, token.top[i].id, token.top[i].logprob);
      out += '}';
    }
    out += "]}";
  }

  void append_choice(std::string& out, size_t answer) const {
    const Choice& choice = choices_[answer];
    fmt::format_to(std::back_inserter(out), R"({{"index": {}, "message": {{"role": "assistant", "content": )", answer);
    if (choice.content.empty() && !choice.calls.empty()) {
      out += "null";
    } else {
      append_json_string(out, choice.content);
    }
    out += R"(, "refusal": null)";
    if (!choice.thoughts.empty()) {
      out += R"(, "reasoning_content": )";
      append_json_string(out, choice.thoughts);
    }
    if (!choice.calls.empty()) append_calls(out, choice.calls);
    out += R"(}, "logprobs": )";
    if (form_.top_logprobs < 0) {
      out += "null";
    } else {
      out += R"({"content": [)" + choice.logprobs + R"(], "refusal": null})";
    }
    fmt::format_to(std::back_inserter(out), R"(, "finish_reason": "{}"}})", choice.finish);
  }

  static void append_calls(std::string& out, const std::vector<Call>& calls) {
    out += R"(, "tool_calls": [)";
    for (size_t i = 0; i < calls.size(); ++i) {
      if (i > 0) out += ", ";
      out += R"({"id": )";
      append_json_string(out, calls[i].id);
      out += R"(, "type": "function", "function": {"name": )";
      append_json_string(out, calls[i].name);
      out += R"(, "arguments": )";
      append_json_string(out, calls[i].arguments);
      out += "}}";
    }
    out += ']';
  }

  AnswerHead head_;
  AnswerForm form_;
  const TextAssets& text_;
  std::vector<Choice> choices_;
  UsageSum usage_;
  std::string chunk_head_, timings_;
  // Used anew for every token.
  std::vector<AnswerPiece> pieces_;
  std::string delta_;
};

}  // namespace

std::unique_ptr<RequestAnswer> make_chat_answer(AnswerHead head, const AnswerForm& form, const TextAssets& text,
                                                const ChatPrompt& prompt) {
  return std::make_unique<ChatAnswer>(std::move(head), form, text, prompt);
}

}  // namespace sobre
