// Generated office conversations as a source of training data: joins task/ with learn/. Const; any thread.
#pragma once

#include <memory>

#include "base/result.h"
#include "learn/recipe_feed.h"

namespace sobre {

/// The conversations of a recipe's office source: questions with their worked answers, tasks taking turns. Error: an unknown
/// task or language.
[[nodiscard]] Result<std::unique_ptr<ConversationSource>> open_office_source(const OfficeSource& source);

}  // namespace sobre
