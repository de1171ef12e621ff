// A recorded training run: a folder of weights, batches, losses and gradient norms from elsewhere, done again step by step.
// The folder: config.json, model.safetensors, and steps.json with "hyper" (lr: one a step, beta1, beta2, eps, weight_decay,
// clip_norm) and "steps" (ids [rows][tokens], loss_mask likewise: 1 where the id is to be predicted, documents: null or the
// number of each token's document). One thread.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/threads.h"
#include "kernels/kernels.h"
#include "learn/parameters.h"

namespace sobre {

struct ReplayStep {
  int step = 0;
  double loss = 0, grad_norm = 0;                    // computed here; the norm before clipping
  double recorded_loss = 0, recorded_grad_norm = 0;  // as the folder has them; 0 where it has none
};

/// Does the run again. `report` is called after each step's gradients are known and before the weights change. Returns the
/// parameters after the last step. Errors: what is wrong in the folder, named by file and entry.
[[nodiscard]] Result<Parameters> replay_training(const std::string& folder, const Kernels& kernels,
                                                 const std::shared_ptr<ThreadPool>& threads,
                                                 const std::function<void(const ReplayStep&, const Parameters&)>& report);

}  // namespace sobre
