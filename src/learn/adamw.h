// The optimizer: gradient norm and one step of AdamW over all that is trained and not Muon's, divided among a team of threads.
// Weight decay is for matrices only. Norms and steps are the same bits for any number of threads.
#pragma once

#include <cstdint>

#include "base/threads.h"
#include "kernels/kernels.h"
#include "learn/parameters.h"

namespace sobre {

struct AdamWOptions {
  double beta1 = 0.9, beta2 = 0.95, eps = 1e-8;
  double weight_decay = 0.1;
};

/// The Euclidean norm of all gradients together.
[[nodiscard]] double gradient_norm(const Parameters& parameters, const Kernels& kernels, ThreadPool& threads);

/// What gradients are multiplied with so that their norm is at most `clip_norm` (0: no clipping): min(1, clip / (norm + 1e-6)).
[[nodiscard]] double clip_factor(double norm, double clip_norm);

/// Step `t` (1 for the first) with this learning rate; gradients count `factor` times.
void adamw_step(Parameters& parameters, const AdamWOptions& options, double learning_rate, double factor, int64_t t,
                const Kernels& kernels, ThreadPool& threads);

}  // namespace sobre
