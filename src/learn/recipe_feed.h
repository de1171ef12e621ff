// From a recipe to the feed of a run, and to what was held back. Main thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "learn/feed.h"
#include "learn/recipe.h"

namespace sobre {

/// Makes the conversations of an office source; the command gives it, since the generator is not part of this layer.
using OfficeOpener = std::function<Result<std::unique_ptr<ConversationSource>>(const OfficeSource&)>;

/// The conversations of a source that has some. Error: a source of text; the files' errors.
[[nodiscard]] Result<std::unique_ptr<ConversationSource>> open_conversations(const DataSource& source,
                                                                             const OfficeOpener& office);

/// The conversations that the feed of this recipe never trains on: the part held back of data.train[number], in its order.
/// Error: nothing is held back of this source.
[[nodiscard]] Result<std::unique_ptr<ConversationSource>> held_back_conversations(const Recipe& recipe, size_t number);

/// The others of that source: those it trains on.
[[nodiscard]] Result<std::unique_ptr<ConversationSource>> trained_conversations(const Recipe& recipe, size_t number);

/// The feed of a run. `text` is the model's, with the recipe's chat template where it names one (replace_chat_template), and
/// outlives the feed. `state`: where an earlier run stood.
[[nodiscard]] Result<Feed> open_feed(const Recipe& recipe, const TextAssets& text, const OfficeOpener& office,
                                     const std::optional<FeedState>& state = {});

}  // namespace sobre
