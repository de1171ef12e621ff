#include "learn/conversations.h"

#include <utility>

#include "learn/rows.h"

namespace sobre {

namespace {

// What cannot be learned yet is not left out of what is: a call of a tool would become an empty answer.
Result<void> check_plain(const Json& row, const Json& messages) {
  const auto has = [](const Json& object, std::string_view key) {
    const Json* value = object.find(key);
    if (value == nullptr || value->is_null()) return false;
    if (const std::string* text = value->as_string()) return !text->empty() && *text != "[]";  // as tables are exported
    return value->as_array() == nullptr || !value->as_array()->empty();
  };
  for (const std::string_view key : {"tools", "functions"}) {
    if (has(row, key)) return fail("the row has \"{}\", which training does not know; leave such rows out", key);
  }
  size_t number = 0;
  for (const Json& message : *messages.as_array()) {
    ++number;
    for (const std::string_view key : {"tool_calls", "function_call"}) {
      if (has(message, key))
        return fail("message {}: it has \"{}\", which training does not know; leave such rows out", number, key);
    }
  }
  return {};
}

// The loss would count the token that ends an answer, and teach to say nothing.
Result<void> check_answers(const std::vector<ChatMessage>& messages) {
  for (size_t i = 0; i < messages.size(); ++i) {
    if (messages[i].role == "assistant" && messages[i].content.empty())
      return fail("message {}: the assistant's text is empty; leave such rows out", i + 1);
  }
  return {};
}

class ChatJsonl final : public ConversationSource {
 public:
  explicit ChatJsonl(RowFile rows) : rows_(std::move(rows)) {}
  [[nodiscard]] uint64_t size() const override { return rows_.size(); }
  [[nodiscard]] std::string name(uint64_t index) const override { return rows_.place(index); }
  [[nodiscard]] Result<std::vector<ChatMessage>> conversation(uint64_t index) const override {
    TRY(const Json row, json_row(rows_, index));
    const Json* list = row.find("messages");
    if (list == nullptr) return fail("{}: the row has no \"messages\"", name(index));
    auto messages = messages_from_list(*list);
    if (!messages) return fail_in(name(index), messages.error());
    if (const auto plain = check_plain(row, *list); !plain) return fail_in(name(index), plain.error());
    if (const auto said = check_answers(*messages); !said) return fail_in(name(index), said.error());
    return messages;
  }

 private:
  RowFile rows_;
};

class ChatCsv final : public ConversationSource {
 public:
  ChatCsv(CsvFile file, size_t prompt, size_t answer, std::string system)
      : file_(std::move(file)), prompt_(prompt), answer_(answer), system_(std::move(system)) {}
  [[nodiscard]] uint64_t size() const override { return file_.size(); }
  [[nodiscard]] std::string name(uint64_t index) const override { return file_.place(index); }
  [[nodiscard]] Result<std::vector<ChatMessage>> conversation(uint64_t index) const override {
    TRY(std::vector<std::string> fields, file_.fields(index));
    std::vector<ChatMessage> messages;
    if (!system_.empty()) messages.push_back({"system", system_});
    messages.push_back({"user", std::move(fields[prompt_])});
    messages.push_back({"assistant", std::move(fields[answer_])});
    if (messages.back().content.empty()) return fail("{}: the answer is empty; leave such rows out", name(index));
    return messages;
  }

 private:
  CsvFile file_;
  size_t prompt_, answer_;
  std::string system_;
};

class TextJsonl final : public TextSource {
 public:
  explicit TextJsonl(RowFile rows) : rows_(std::move(rows)) {}
  [[nodiscard]] uint64_t size() const override { return rows_.size(); }
  [[nodiscard]] std::string name(uint64_t index) const override { return rows_.place(index); }
  [[nodiscard]] Result<std::string> text(uint64_t index) const override {
    TRY(const Json row, json_row(rows_, index));
    const Json* text = row.find("text");
    if (text == nullptr || text->as_string() == nullptr) return fail("{}: the row has no \"text\" that is a text", name(index));
    return *text->as_string();
  }

 private:
  RowFile rows_;
};

}  // namespace

Result<std::unique_ptr<ConversationSource>> open_chat_jsonl(const std::string& path) {
  TRY(RowFile rows, RowFile::open(path, RowForm::kJsonl));
  return std::make_unique<ChatJsonl>(std::move(rows));
}

Result<std::unique_ptr<ConversationSource>> open_chat_csv(const std::string& path, const CsvColumns& columns) {
  TRY(CsvFile file, CsvFile::open(path));
  TRY(const size_t prompt, file.column(columns.prompt));
  TRY(const size_t answer, file.column(columns.answer));
  if (prompt == answer) return fail("{}: prompt and answer are the same column, \"{}\"", path, columns.prompt);
  return std::make_unique<ChatCsv>(std::move(file), prompt, answer, columns.system);
}

Result<std::unique_ptr<TextSource>> open_text_jsonl(const std::string& path) {
  TRY(RowFile rows, RowFile::open(path, RowForm::kJsonl));
  return std::make_unique<TextJsonl>(std::move(rows));
}

}  // namespace sobre
