// From conversations and texts to documents: rendered, tokenized, and marked where the loss counts. Const; any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "learn/conversations.h"
#include "learn/example.h"
#include "model/checkpoint.h"

namespace sobre {

/// Rows by number, each of which gives documents: one of a conversation, several of a text that is cut, none of a conversation
/// that is left out because it is too long. Const; any thread.
class DocumentSource {
 public:
  virtual ~DocumentSource() = default;
  [[nodiscard]] virtual uint64_t size() const = 0;
  [[nodiscard]] virtual Result<std::vector<Example>> documents(uint64_t row) const = 0;
};

struct DocumentRules {
  int max_tokens = 512;        // of one document, at least 2
  bool skip_too_long = false;  // conversations beyond it: left out, instead of an error
  LocalTime now{2025, 1, 1};   // what a template may print as the date: the same in every run
};

/// A conversation as the model's chat template renders it, up to the end of its last assistant message. The loss counts what
/// the template writes between its generation prompt and the end of each assistant message, through the token that ends an
/// answer. Control tokens come from the template alone. Errors: no assistant message, a template that refuses the messages, and
/// one whose rendering of a conversation does not continue that of its beginning (then no token can be said to be the
/// answer's).
[[nodiscard]] Result<Example> chat_example(const TextAssets& text, std::span<const ChatMessage> messages, const LocalTime& now);

/// A text as ids: BOS where the model begins texts with it, the text without control tokens, `end_of_text`. In pieces of at
/// most `max_tokens`, each beginning with the last id of the one before it, so that every id is predicted once. Error: an empty
/// text.
[[nodiscard]] Result<std::vector<Example>> text_examples(const TextAssets& text, std::string_view plain, int32_t end_of_text,
                                                         int max_tokens);

/// The token that ends a text: <|endoftext|> or <|end_of_text|> where the model has it (chat models have another one at the end
/// of an answer), else its EOS. Error: there is none.
[[nodiscard]] Result<int32_t> end_of_text_id(const TextAssets& text);

/// Puts the chat template of a file in place of the model's. Errors: the file's, and a template that does not parse.
[[nodiscard]] Result<void> replace_chat_template(TextAssets& text, const std::string& path);

/// Documents out of conversations, texts and examples. `text` must outlive them. Errors of rows begin with their names; that of
/// a row that is too long names both numbers. Of text_documents at once: no end-of-text token.
[[nodiscard]] std::unique_ptr<DocumentSource> chat_documents(const TextAssets& text, std::unique_ptr<ConversationSource> source,
                                                             const DocumentRules& rules);
[[nodiscard]] Result<std::unique_ptr<DocumentSource>> text_documents(const TextAssets& text, std::unique_ptr<TextSource> source,
                                                                     const DocumentRules& rules);
[[nodiscard]] std::unique_ptr<DocumentSource> example_documents(std::unique_ptr<ExampleSource> source);

}  // namespace sobre
