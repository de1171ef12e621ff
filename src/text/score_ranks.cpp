#include "text/score_ranks.h"

#include <algorithm>

#include "text/bpe.h"

namespace sobre {

std::vector<uint32_t> ranks_of_scores(const std::vector<float>& scores, const std::vector<uint8_t>& merges) {
  std::vector<uint32_t> order;
  for (uint32_t id = 0; id < scores.size(); ++id) {
    if (merges[id]) order.push_back(id);
  }
  std::sort(order.begin(), order.end(), [&scores](uint32_t a, uint32_t b) { return scores[a] > scores[b]; });
  std::vector<uint32_t> ranks(scores.size(), Bpe::kNoRank);
  uint32_t rank = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    if (i > 0 && scores[order[i]] != scores[order[i - 1]]) ++rank;
    ranks[order[i]] = rank;
  }
  return ranks;
}

}  // namespace sobre
