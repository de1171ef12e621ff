// Training of a byte-level BPE vocabulary: from the counted pieces of a text to tokens and merges. Pure functions, one thread;
// the same counts give the same vocabulary whatever order the pieces were first seen in. The time is that of the changes: each
// merge visits only the pieces that hold its pair.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "text/bpe.h"
#include "text/piece_counts.h"

namespace sobre {

/// The control tokens, ids 0 to 2, as SmolLM2's.
inline constexpr std::array<std::string_view, 3> kChatMlTokens = {"<|endoftext|>", "<|im_start|>", "<|im_end|>"};

/// Control tokens and the 256 bytes: what every vocabulary has before the first merge.
inline constexpr int32_t kSmallestBpeVocabulary = static_cast<int32_t>(kChatMlTokens.size()) + 256;
inline constexpr int32_t kLargestBpeVocabulary = 1'000'000;

struct BpeTrainerOptions {
  int32_t vocab_size = 0;       // kSmallestBpeVocabulary to kLargestBpeVocabulary
  uint64_t min_frequency = 2;   // pairs that occur less often are not merged
  bool split_capitals = false;  // no pair whose left ends with a space and whose right begins with A to Z is merged
  std::function<void(uint64_t done, uint64_t total)> progress{};  // in ids; may be empty; called now and then
};

struct TrainedBpe {
  std::vector<std::string> tokens;  // by id: the control tokens' spellings, then byte strings, no two alike
  std::vector<BpeMerge> merges;     // best first, one for each token after the bytes
  uint64_t pieces_bytes = 0;        // of all pieces that were counted, each as often as it occurs
  uint64_t pieces_tokens = 0;       // of these tokens it takes to write them
};

/// Byte-pair encoding: starting from bytes, the pair of neighbouring tokens that is most frequent inside pieces becomes a
/// token, again and again; of equally frequent pairs the one with the lower left id, then the lower right id. A pair whose text
/// is a token already becomes another way to that token. Bytes have their ids in the order of the characters they are written
/// as. Ends with fewer tokens than wanted when no pair occurs `min_frequency` times any more. At each moment the pieces are cut
/// as an encoder with the merges found so far cuts them.
[[nodiscard]] TrainedBpe train_bpe(const PieceCounts& counts, const BpeTrainerOptions& options);

}  // namespace sobre
