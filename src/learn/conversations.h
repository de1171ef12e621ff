// Conversations and texts out of files: JSONL of chat ({"messages": [{"role", "content"}, ...]}), JSONL of text ({"text": ...})
// and CSV with a column of prompts and one of answers. Other keys and columns are left alone. Const once open; any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "learn/example.h"

namespace sobre {

/// Texts by number. Const; any thread.
class TextSource {
 public:
  virtual ~TextSource() = default;
  [[nodiscard]] virtual uint64_t size() const = 0;
  [[nodiscard]] virtual Result<std::string> text(uint64_t index) const = 0;
  [[nodiscard]] virtual std::string name(uint64_t index) const = 0;
};

/// The columns of a CSV file that make a conversation, and a system message for all of them (empty: none).
struct CsvColumns {
  std::string prompt, answer, system;
};

/// Errors of opening: those of RowFile and CsvFile, columns that are not there. Of a row: "FILE:LINE: what".
[[nodiscard]] Result<std::unique_ptr<ConversationSource>> open_chat_jsonl(const std::string& path);
[[nodiscard]] Result<std::unique_ptr<ConversationSource>> open_chat_csv(const std::string& path, const CsvColumns& columns);
[[nodiscard]] Result<std::unique_ptr<TextSource>> open_text_jsonl(const std::string& path);

}  // namespace sobre
