// What the trainer learns from: documents of ids, batches of them, and where they come from by number. Plain values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/chat.h"

namespace sobre {

/// One document to learn from.
struct Example {
  std::vector<int32_t> ids;      // [n]
  std::vector<uint8_t> learned;  // [n]: 1 where the loss counts the prediction of ids[i]; learned[0] is 0
};

/// Documents one after the other, as one step (or one accumulated part of a step) sees them. Attention never crosses
/// documents; positions start at 0 in each.
struct TrainBatch {
  std::vector<int32_t> ids;  // [tokens]
  std::vector<int32_t>
      targets;                  // [tokens]: the id to predict after each position; -1: not counted (and at each document's end)
  std::vector<int32_t> starts;  // [documents + 1], ascending, 0 first, tokens last
};

/// Examples by number. Const; any thread.
class ExampleSource {
 public:
  virtual ~ExampleSource() = default;
  [[nodiscard]] virtual uint64_t size() const = 0;
  [[nodiscard]] virtual Result<Example> example(uint64_t index) const = 0;
};

/// Conversations by number. Const; any thread.
class ConversationSource {
 public:
  virtual ~ConversationSource() = default;
  [[nodiscard]] virtual uint64_t size() const = 0;
  [[nodiscard]] virtual Result<std::vector<ChatMessage>> conversation(uint64_t index) const = 0;
  /// How messages name one: "FILE:LINE" where it comes from a file.
  [[nodiscard]] virtual std::string name(uint64_t index) const { return fmt::format("conversation {}", index + 1); }
};

}  // namespace sobre
