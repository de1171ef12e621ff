#include "cli/office_source.h"

#include <fmt/format.h>

#include "task/task.h"

namespace sobre {

namespace {

class OfficeConversations final : public ConversationSource {
 public:
  explicit OfficeConversations(const OfficeSource& source)
      : source_(source), split_(source.split == "validation" ? Split::kValidation : Split::kTrain) {}

  [[nodiscard]] uint64_t size() const override { return source_.count; }

  [[nodiscard]] Result<std::vector<ChatMessage>> conversation(uint64_t index) const override {
    const size_t n = source_.tasks.size();
    TRY(TaskItem item,
        office_item(source_.tasks[index % n], split_, source_.seed, index / n, source_.levels, source_.languages));
    std::vector<ChatMessage> messages = std::move(item.messages);
    messages.push_back({"assistant", std::move(item.answer)});
    return messages;
  }

  [[nodiscard]] std::string name(uint64_t index) const override {
    return fmt::format("office item {} of seed {}", index, source_.seed);
  }

 private:
  OfficeSource source_;
  Split split_;
};

}  // namespace

Result<std::unique_ptr<ConversationSource>> open_office_source(const OfficeSource& source) {
  for (const std::string& task : source.tasks)
    TRY_VOID(office_item(task, Split::kTrain, source.seed, 0, source.levels, source.languages));
  return std::make_unique<OfficeConversations>(source);
}

}  // namespace sobre
