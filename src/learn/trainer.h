// The loop of a run: steps of the optimizer over batches of a feed, and the loss of what was held back. One thread calls it;
// the work is divided among a team.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/threads.h"
#include "kernels/kernels.h"
#include "learn/feed.h"
#include "learn/muon.h"
#include "learn/network.h"
#include "learn/parameters.h"
#include "learn/recipe.h"

namespace sobre {

class Trainer {
 public:
  struct Step {
    uint64_t step = 0;   // 1 for the first
    int64_t tokens = 0;  // in its batch
    int64_t counted = 0;
    double loss = 0;       // mean over what counts, in nats
    double grad_norm = 0;  // before clipping
    double learning_rate = 0;
    double seconds = 0;
    double operations = 0;
  };

  /// Everything given must outlive it. `total_steps` is what the schedule ends at. Error: too little memory.
  [[nodiscard]] static Result<std::unique_ptr<Trainer>> create(const DecoderSpec& spec, Parameters& parameters, Feed& feed,
                                                               const RecipeTraining& recipe, uint64_t total_steps,
                                                               const Kernels& kernels, std::shared_ptr<ThreadPool> threads);

  /// Step `number` (1 for the first): reads its batch, adds up the gradients of its parts, clips, updates. A batch without
  /// anything that counts is an error, as is what reading meets; the weights are then as before.
  [[nodiscard]] Result<Step> step(uint64_t number);

  /// Mean loss of batches that are not learned from.
  [[nodiscard]] Result<double> evaluate(std::span<const TrainBatch> batches);

 private:
  Trainer() = default;
  [[nodiscard]] Result<std::vector<TrainBatch>> read_parts();
  void update(const Step& step);

  Parameters* parameters_ = nullptr;
  Feed* feed_ = nullptr;
  RecipeTraining recipe_;
  Schedule schedule_;
  const Kernels* kernels_ = nullptr;
  std::shared_ptr<ThreadPool> threads_;
  std::unique_ptr<Network> network_;
  std::vector<MuonScratch> muon_;  // one a thread; empty: AdamW moves everything
};

/// What a choice comes to on this machine.
[[nodiscard]] ProductType product_type(ProductChoice choice);

/// The steps of a run: as the recipe says, or so many batches of `batch_tokens` as its tokens or epochs need.
[[nodiscard]] Result<uint64_t> total_steps(const RecipeTraining& recipe, const Feed& feed);

}  // namespace sobre
