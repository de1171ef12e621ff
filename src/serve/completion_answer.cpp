// Answers of /v1/completions.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/json.h"
#include "serve/request_answer.h"

namespace sobre {

namespace {

/// The log probabilities of some tokens in the form of old: lists beside each other, here as texts joined by ", ".
struct TokenLists {
  std::string tokens, logprobs, tops, offsets;
};

struct Choice {
  bool begun = false;
  int64_t offset = 0;  // characters of the text so far, by its tokens
  std::string text;    // the whole, when not streamed
  TokenLists lists;    // not yet sent
  std::string_view finish;
};

void append_item(std::string& list, std::string_view item) {
  if (!list.empty()) list += ", ";
  list += item;
}

int64_t count_characters(std::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

class CompletionAnswer final : public RequestAnswer {
 public:
  CompletionAnswer(AnswerHead head, const AnswerForm& form, const TextAssets& text, std::vector<std::string> echo)
      : head_(std::move(head)), form_(form), text_(text), echo_(std::move(echo)), choices_(form.answers) {}

  void take(size_t answer, std::span<GenerationToken> tokens, std::string& out) override {
    std::string text = begin(answer);
    for (const GenerationToken& token : tokens) {
      if (form_.top_logprobs >= 0 && !text_.is_stop(token.id)) add_lists(choices_[answer], token);
      text += token.text;
    }
    add_text(answer, text, out);
  }

  void end(size_t answer, const GenerationReport& report, std::string& out) override {
    Choice& choice = choices_[answer];
    add_text(answer, begin(answer) + report.rest, out);
    usage_.add(report, answer % form_.per_prompt == 0, 0);
    choice.finish = finish_reason(report.end);
    if (answer == 0) append_timings(timings_, report);
    if (form_.stream) write_chunk(answer, "", &report, out);
  }

  void finish(std::string& out) override {
    if (form_.include_usage) {
      out += "data: ";
      append_head(out);
      out += R"(, "choices": [], "usage": )";
      usage_.append(out);
      append_impact_member(out);
      out += "}\n\n";
    }
    out += "data: [DONE]\n\n";
  }

  std::string body() override {
    std::string out;
    append_head(out);
    out += R"(, "choices": [)";
    for (size_t i = 0; i < choices_.size(); ++i) {
      if (i > 0) out += ", ";
      append_choice(i, choices_[i].text, choices_[i].finish, out);
    }
    out += R"(], "usage": )";
    usage_.append(out);
    if (!timings_.empty()) out += R"(, "timings": )" + timings_;
    append_impact_member(out);
    out += '}';
    return out;
  }

 private:
  void append_head(std::string& out) const {
    fmt::format_to(std::back_inserter(out), R"({{"id": "{}", "object": "text_completion", "created": {}, "model": )", head_.id,
                   head_.created);
    append_json_string(out, head_.model);
    fmt::format_to(std::back_inserter(out), R"(, "system_fingerprint": "{}")", head_.fingerprint);
  }

  /// What the text begins with: the prompt, where it is to be repeated.
  std::string begin(size_t answer) {
    Choice& choice = choices_[answer];
    if (choice.begun) return "";
    choice.begun = true;
    const size_t prompt = answer / form_.per_prompt;
    return prompt < echo_.size() ? echo_[prompt] : "";
  }

  void add_text(size_t answer, std::string_view text, std::string& out) {
    if (!form_.stream) {
      choices_[answer].text += text;
    } else if (!text.empty()) {
      write_chunk(answer, text, nullptr, out);
    }
  }

  void write_chunk(size_t answer, std::string_view text, const GenerationReport* report, std::string& out) {
    out += "data: ";
    append_head(out);
    out += R"(, "choices": [)";
    append_choice(answer, text, report == nullptr ? "" : choices_[answer].finish, out);
    out += ']';
    choices_[answer].lists = {};
    if (form_.include_usage) out += R"(, "usage": null)";
    if (report != nullptr) {
      out += R"(, "timings": )";
      append_timings(out, *report);
      if (!form_.include_usage) append_impact_member(out);
    }
    out += "}\n\n";
  }

  void append_choice(size_t answer, std::string_view text, std::string_view finish, std::string& out) const {
    out += R"({"text": )";
    append_json_string(out, text);
    out += R"(, "index": )";
    out += std::to_string(answer);
    out += R"(, "logprobs": )";
    if (form_.top_logprobs < 0) {
      out += "null";
    } else {
      const TokenLists& lists = choices_[answer].lists;
      fmt::format_to(std::back_inserter(out), R"({{"tokens": [{}], "token_logprobs": [{}], "top_logprobs": )", lists.tokens,
                     lists.logprobs);
      out += form_.top_logprobs == 0 ? "null" : "[" + lists.tops + "]";
      fmt::format_to(std::back_inserter(out), R"(, "text_offset": [{}]}})", lists.offsets);
    }
    out += R"(, "finish_reason": )";
    out += finish.empty() ? "null" : fmt::format("\"{}\"", finish);
    out += '}';
  }

  void add_lists(Choice& choice, const GenerationToken& token) const {
    const std::string name = token_name(*text_.tokenizer, token.id, "bytes:");
    std::string item;
    append_json_string(item, name);
    append_item(choice.lists.tokens, item);
    item.clear();
    append_logprob(item, token.logprob);
    append_item(choice.lists.logprobs, item);
    append_item(choice.lists.offsets, std::to_string(choice.offset));
    choice.offset += count_characters(shown_bytes(*text_.tokenizer, token.id));
    if (form_.top_logprobs == 0) return;
    item = "{";
    std::vector<std::string> names;  // ids may share a spelling; keys must not occur twice
    const auto add = [&](std::string spelling, float logprob) {
      if (std::find(names.begin(), names.end(), spelling) != names.end()) return;
      if (!names.empty()) item += ", ";
      append_json_string(item, spelling);
      item += ": ";
      append_logprob(item, logprob);
      names.push_back(std::move(spelling));
    };
    for (size_t i = 0; i < token.top.size() && i < static_cast<size_t>(form_.top_logprobs); ++i) {
      add(token_name(*text_.tokenizer, token.top[i].id, "bytes:"), token.top[i].logprob);
    }
    add(name, token.logprob);
    item += '}';
    append_item(choice.lists.tops, item);
  }

  AnswerHead head_;
  AnswerForm form_;
  const TextAssets& text_;
  std::vector<std::string> echo_;
  std::vector<Choice> choices_;
  UsageSum usage_;
  std::string timings_;
};

}  // namespace

std::unique_ptr<RequestAnswer> make_completion_answer(AnswerHead head, const AnswerForm& form, const TextAssets& text,
                                                      std::vector<std::string> echo) {
  return std::make_unique<CompletionAnswer>(std::move(head), form, text, std::move(echo));
}

}  // namespace sobre
