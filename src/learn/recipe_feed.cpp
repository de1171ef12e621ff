#include "learn/recipe_feed.h"

#include <utility>

namespace sobre {

namespace {

/// The rows of a source that are held back, or those that are trained on.
class PartOfRows final : public ConversationSource {
 public:
  PartOfRows(std::unique_ptr<ConversationSource> source, const RowSplit& split, bool held)
      : source_(std::move(source)), split_(split), held_(held) {}
  [[nodiscard]] uint64_t size() const override { return held_ ? split_.held() : split_.trained(); }
  [[nodiscard]] Result<std::vector<ChatMessage>> conversation(uint64_t index) const override {
    return source_->conversation(row(index));
  }
  [[nodiscard]] std::string name(uint64_t index) const override { return source_->name(row(index)); }

 private:
  [[nodiscard]] uint64_t row(uint64_t index) const { return held_ ? split_.held_row(index) : split_.trained_row(index); }

  std::unique_ptr<ConversationSource> source_;
  RowSplit split_;
  bool held_;
};

Result<std::unique_ptr<ConversationSource>> part_of_rows(const Recipe& recipe, size_t number, bool held) {
  CHECK(number < recipe.data.train.size());
  const DataSource& source = recipe.data.train[number];
  if (source.held_back <= 0) return fail("{}: nothing is held back of data.train[{}]", recipe.file, number + 1);
  TRY(std::unique_ptr<ConversationSource> all, open_conversations(source, {}));
  const RowSplit split(all->size(), source.held_back, recipe.data.seed);
  return std::make_unique<PartOfRows>(std::move(all), split, held);
}

Result<std::vector<FeedSource>> open_sources(const std::vector<DataSource>& sources, const RecipeData& data,
                                             const TextAssets& text, const OfficeOpener& office) {
  DocumentRules rules;
  rules.max_tokens = data.max_tokens;
  rules.skip_too_long = data.skip_too_long;
  std::vector<FeedSource> out;
  for (const DataSource& s : sources) {
    FeedSource opened;
    opened.weight = s.weight;
    opened.held_back = s.held_back;
    opened.after = s.after;
    if (s.kind == DataKind::kText) {
      TRY(std::unique_ptr<TextSource> texts, open_text_jsonl(s.path));
      TRY(opened.documents, text_documents(text, std::move(texts), rules));
    } else {
      TRY(std::unique_ptr<ConversationSource> conversations, open_conversations(s, office));
      opened.documents = chat_documents(text, std::move(conversations), rules);
    }
    out.push_back(std::move(opened));
  }
  return out;
}

}  // namespace

Result<std::unique_ptr<ConversationSource>> open_conversations(const DataSource& source, const OfficeOpener& office) {
  switch (source.kind) {
    case DataKind::kChat:
      return open_chat_jsonl(source.path);
    case DataKind::kCsv:
      return open_chat_csv(source.path, source.columns);
    case DataKind::kOffice:
      if (!office) return fail("this command generates no office tasks");
      return office(source.office);
    case DataKind::kText:
      break;
  }
  return fail("{}: a source of text holds no conversations", source.path);
}

Result<std::unique_ptr<ConversationSource>> held_back_conversations(const Recipe& recipe, size_t number) {
  return part_of_rows(recipe, number, true);
}

Result<std::unique_ptr<ConversationSource>> trained_conversations(const Recipe& recipe, size_t number) {
  return part_of_rows(recipe, number, false);
}

Result<Feed> open_feed(const Recipe& recipe, const TextAssets& text, const OfficeOpener& office,
                       const std::optional<FeedState>& state) {
  TRY(std::vector<FeedSource> train, open_sources(recipe.data.train, recipe.data, text, office));
  TRY(std::vector<FeedSource> validation, open_sources(recipe.data.validation, recipe.data, text, office));
  FeedOptions options;
  options.seed = recipe.data.seed;
  options.epochs = recipe.training.epochs;
  return Feed::create(std::move(train), std::move(validation), options, state);
}

}  // namespace sobre
