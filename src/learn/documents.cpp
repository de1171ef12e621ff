#include "learn/documents.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/file.h"

namespace sobre {

namespace {

// Rendering every beginning of a conversation takes the square of its length.
constexpr size_t kMaxTurns = 256;
constexpr uint64_t kMaxTemplateBytes = 1 << 20;

/// The ids of an answer in a conversation, [begin, end).
struct AnswerSpan {
  size_t begin = 0, end = 0;
};

bool begins_with(std::span<const int32_t> ids, std::span<const int32_t> beginning) {
  return common_prefix(ids, beginning) == beginning.size();
}

constexpr const char* kNotContinued =
    "assistant message {}: the chat template does not render the conversation as its beginning and something added, so that "
    "the "
    "answer's tokens cannot be told; an answer that begins with white space or with what the template removes can cause this";

class ChatDocuments final : public DocumentSource {
 public:
  ChatDocuments(const TextAssets& text, std::unique_ptr<ConversationSource> source, const DocumentRules& rules)
      : text_(text), source_(std::move(source)), rules_(rules) {}
  [[nodiscard]] uint64_t size() const override { return source_->size(); }
  [[nodiscard]] Result<std::vector<Example>> documents(uint64_t row) const override {
    TRY(const std::vector<ChatMessage> messages, source_->conversation(row));
    Result<Example> example = chat_example(text_, messages, rules_.now);
    if (!example) return fail_in(source_->name(row), example.error());
    std::vector<Example> out;
    const auto limit = static_cast<size_t>(rules_.max_tokens);
    if (example->ids.size() <= limit) {
      out.push_back(std::move(*example));
    } else if (!rules_.skip_too_long) {
      return fail(
          "{}: the conversation has {} tokens; at most {} are allowed (data.max_tokens; too_long = \"skip\" leaves it out)",
          source_->name(row), example->ids.size(), limit);
    }
    return out;
  }

 private:
  const TextAssets& text_;
  std::unique_ptr<ConversationSource> source_;
  DocumentRules rules_;
};

class TextDocuments final : public DocumentSource {
 public:
  TextDocuments(const TextAssets& text, std::unique_ptr<TextSource> source, int32_t end, const DocumentRules& rules)
      : text_(text), source_(std::move(source)), end_(end), rules_(rules) {}
  [[nodiscard]] uint64_t size() const override { return source_->size(); }
  [[nodiscard]] Result<std::vector<Example>> documents(uint64_t row) const override {
    TRY(const std::string plain, source_->text(row));
    auto pieces = text_examples(text_, plain, end_, rules_.max_tokens);
    if (!pieces) return fail_in(source_->name(row), pieces.error());
    return pieces;
  }

 private:
  const TextAssets& text_;
  std::unique_ptr<TextSource> source_;
  int32_t end_;
  DocumentRules rules_;
};

class ExampleDocuments final : public DocumentSource {
 public:
  explicit ExampleDocuments(std::unique_ptr<ExampleSource> source) : source_(std::move(source)) {}
  [[nodiscard]] uint64_t size() const override { return source_->size(); }
  [[nodiscard]] Result<std::vector<Example>> documents(uint64_t row) const override {
    TRY(Example example, source_->example(row));
    std::vector<Example> out;
    out.push_back(std::move(example));
    return out;
  }

 private:
  std::unique_ptr<ExampleSource> source_;
};

}  // namespace

Result<Example> chat_example(const TextAssets& text, std::span<const ChatMessage> messages, const LocalTime& now) {
  if (messages.size() > kMaxTurns) return fail("{} messages; at most {} are allowed to learn from", messages.size(), kMaxTurns);
  Example example;
  std::vector<AnswerSpan> answers;
  for (size_t i = 0; i < messages.size(); ++i) {
    if (messages[i].role != "assistant") continue;
    TRY(const std::vector<int32_t> prompt, conversation_ids(text, messages.first(i), now, true));
    TRY(std::vector<int32_t> whole, conversation_ids(text, messages.first(i + 1), now, false));
    // What came before, through the end of the last answer, is the beginning of what is there now.
    const std::span<const int32_t> before = std::span(example.ids).first(answers.empty() ? 0 : answers.back().end);
    if (!begins_with(whole, prompt) || !begins_with(whole, before)) return fail(kNotContinued, answers.size() + 1);
    // (A prompt has at least one id: conversation_ids() sees to it, and so learned[0] is 0.)
    // Whatever the template writes behind the token that ends the answer is never the model's to write.
    const auto first = whole.begin() + static_cast<std::ptrdiff_t>(prompt.size());
    const auto stop = std::find_if(first, whole.end(), [&text](int32_t id) { return text.is_stop(id); });
    const auto end = static_cast<size_t>(stop - whole.begin()) + (stop == whole.end() ? 0 : 1);
    if (end == prompt.size()) return fail("assistant message {}: the chat template renders it as nothing", answers.size() + 1);
    answers.push_back({prompt.size(), end});
    example.ids = std::move(whole);
  }
  if (answers.empty()) return fail("the conversation has no assistant message: there is nothing to learn");
  example.ids.resize(answers.back().end);
  example.learned.assign(example.ids.size(), 0);
  for (const AnswerSpan& a : answers) {
    std::fill(example.learned.begin() + static_cast<std::ptrdiff_t>(a.begin),
              example.learned.begin() + static_cast<std::ptrdiff_t>(a.end), uint8_t{1});
  }
  return example;
}

Result<std::vector<Example>> text_examples(const TextAssets& text, std::string_view plain, int32_t end_of_text,
                                           int max_tokens) {
  CHECK(max_tokens >= 2);
  if (plain.empty()) return fail("the text is empty: there is nothing to learn");
  TRY(std::vector<int32_t> ids, completion_ids(text, plain));
  ids.push_back(end_of_text);
  const auto limit = static_cast<size_t>(max_tokens);
  std::vector<Example> pieces;
  for (size_t begin = 0; begin + 1 < ids.size(); begin += limit - 1) {
    const size_t end = std::min(begin + limit, ids.size());
    Example piece;
    piece.ids.assign(ids.begin() + static_cast<std::ptrdiff_t>(begin), ids.begin() + static_cast<std::ptrdiff_t>(end));
    piece.learned.assign(piece.ids.size(), 1);
    piece.learned[0] = 0;
    pieces.push_back(std::move(piece));
  }
  return pieces;
}

Result<int32_t> end_of_text_id(const TextAssets& text) {
  if (!text.tokenizer) return fail("the model carries no tokenizer: it cannot learn from text");
  constexpr std::array<std::string_view, 2> kEnds = {"<|endoftext|>", "<|end_of_text|>"};
  for (const std::string_view spelling : kEnds) {
    const std::optional<int32_t> id = text.tokenizer->find_token(spelling);
    if (id && text.tokenizer->is_special(*id)) return *id;
  }
  const std::optional<int32_t> eos = text.eos_token.empty() ? std::nullopt : text.tokenizer->find_token(text.eos_token);
  if (!eos) return fail("the model's tokenizer names no token that ends a text (eos_token): texts cannot be told apart");
  return *eos;
}

Result<void> replace_chat_template(TextAssets& text, const std::string& path) {
  TRY(const std::string source, read_file(path, kMaxTemplateBytes));
  auto parsed = ChatTemplate::parse(source);
  if (!parsed) return fail_in(path, parsed.error());
  text.chat_template.emplace(std::move(*parsed));
  return {};
}

std::unique_ptr<DocumentSource> chat_documents(const TextAssets& text, std::unique_ptr<ConversationSource> source,
                                               const DocumentRules& rules) {
  return std::make_unique<ChatDocuments>(text, std::move(source), rules);
}

Result<std::unique_ptr<DocumentSource>> text_documents(const TextAssets& text, std::unique_ptr<TextSource> source,
                                                       const DocumentRules& rules) {
  TRY(const int32_t end, end_of_text_id(text));
  return std::make_unique<TextDocuments>(text, std::move(source), end, rules);
}

std::unique_ptr<DocumentSource> example_documents(std::unique_ptr<ExampleSource> source) {
  return std::make_unique<ExampleDocuments>(std::move(source));
}

}  // namespace sobre
