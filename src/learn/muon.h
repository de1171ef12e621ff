// Muon: steps of the layers' matrices along the nearest orthogonal matrix to their momentum (Jordan et al., "Muon: An optimizer
// for hidden layers in neural networks", 2024), as large as AdamW's are in the mean (Liu et al., "Muon is scalable for LLM
// training", arXiv 2502.16982). One step works on whole matrices, each on one thread, so the bits are the same for any number
// of threads.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/threads.h"
#include "learn/parameters.h"
#include "learn/products.h"
#include "model/spec.h"

namespace sobre {

struct MuonOptions {
  double momentum = 0.95;
  double weight_decay = 0.1;
};

/// Marks the trained matrices of the layers as Muon's (Parameter::by_muon): AdamW's steps leave them out.
void give_matrices_to_muon(Parameters& parameters);

/// Room for one thread's work on matrices of at most these sizes.
class MuonScratch {
 public:
  explicit MuonScratch(std::span<const Parameter> parameters);
  /// Bytes that one takes at most for a model that learns wholly, with what a product turns into bf16.
  [[nodiscard]] static uint64_t most_bytes(const DecoderSpec& spec, ProductType products);
  MuonScratch(MuonScratch&&) = default;    // never copied: the pointers are into its own floats
  float *x = nullptr, *next = nullptr;     // [rows, cols]
  float *gram = nullptr, *poly = nullptr;  // [least, least]: of the smaller side

 private:
  std::vector<float> floats_;
};

/// Puts a matrix of about the singular vectors of x and of singular values between 0.6 and 1.2 in the place of x [rows, cols],
/// by five steps of a quintic Newton-Schulz iteration. x is scratch.x.
void orthogonalize(int64_t rows, int64_t cols, ProductType products, MuonScratch& scratch);

/// One step of all of Muon's matrices with this learning rate; uses their first moments.
void muon_step(Parameters& parameters, const MuonOptions& options, double learning_rate, ProductType products,
               std::span<MuonScratch> scratch, ThreadPool& threads);

}  // namespace sobre
