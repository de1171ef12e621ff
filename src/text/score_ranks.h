// Merge ranks out of scores, for SentencePiece BPE vocabularies (.model files and GGUF).
#pragma once

#include <cstdint>
#include <vector>

namespace sobre {

/// Rank 0 for the highest score, equal ranks for equal scores, Bpe::kNoRank where `merges[id]` is not set. Scores are finite.
[[nodiscard]] std::vector<uint32_t> ranks_of_scores(const std::vector<float>& scores, const std::vector<uint8_t>& merges);

}  // namespace sobre
