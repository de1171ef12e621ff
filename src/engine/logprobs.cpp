#include "engine/logprobs.h"

#include <algorithm>

#include "base/detmath.h"
#include "engine/sampler.h"
#include "kernels/kernels.h"

namespace sobre {

void add_logprobs(std::span<const float> logits, int n, GenerationToken& token) {
  const float top = logits[static_cast<size_t>(argmax(logits))];
  std::vector<float> weights(logits.size());
  for (size_t i = 0; i < logits.size(); ++i) weights[i] = logits[i] - top;
  best_kernels().exp(weights.data(), weights.data(), static_cast<int64_t>(weights.size()));
  double sum = 0;
  for (const float w : weights) sum += static_cast<double>(w);
  const double log_sum = static_cast<double>(top) + detmath::log(sum);
  const auto logprob = [&](int32_t id) {
    return static_cast<float>(static_cast<double>(logits[static_cast<size_t>(id)]) - log_sum);
  };
  token.logprob = logprob(token.id);
  std::vector<int32_t> best(logits.size());
  for (size_t i = 0; i < best.size(); ++i) best[i] = static_cast<int32_t>(i);
  const auto count = static_cast<std::ptrdiff_t>(std::min(static_cast<size_t>(std::max(0, n)), best.size()));
  std::partial_sort(best.begin(), best.begin() + count, best.end(), [&](int32_t a, int32_t b) {
    const float x = logits[static_cast<size_t>(a)], y = logits[static_cast<size_t>(b)];
    return x != y ? x > y : a < b;
  });
  token.top.clear();
  for (std::ptrdiff_t i = 0; i < count; ++i)
    token.top.push_back({best[static_cast<size_t>(i)], logprob(best[static_cast<size_t>(i)])});
}

}  // namespace sobre
