#include "learn/muon.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <utility>

namespace sobre {

namespace {

// Sums in f64, so that the length does not depend on how many values there are.
double length_of(const float* x, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  return std::sqrt(sum);
}

// The momentum takes the gradient in; what Nesterov's rule would step along goes to `out`.
void take_gradient(const Parameter& p, float momentum, float* out) {
  for (int64_t i = 0; i < p.size(); ++i) {
    p.first_moment[i] += (1.0F - momentum) * (p.gradient[i] - p.first_moment[i]);
    out[i] = p.gradient[i] + momentum * (p.first_moment[i] - p.gradient[i]);
  }
}

void step_one(Parameter& p, const MuonOptions& options, double learning_rate, ProductType products, MuonScratch& scratch) {
  take_gradient(p, static_cast<float>(options.momentum), scratch.x);
  orthogonalize(p.rows, p.cols, products, scratch);
  // An orthogonal matrix has entries of 1 / sqrt(longer side) in the mean square; AdamW's steps are of about 0.2.
  const auto size = static_cast<float>(learning_rate * 0.2 * std::sqrt(static_cast<double>(std::max(p.rows, p.cols))));
  const auto kept = static_cast<float>(1 - learning_rate * options.weight_decay);
  for (int64_t i = 0; i < p.size(); ++i) p.value[i] = kept * p.value[i] - size * scratch.x[i];
}

}  // namespace

void give_matrices_to_muon(Parameters& parameters) {
  for (const LayerParameters& l : parameters.layers) {
    for (Parameter* p : {l.q, l.k, l.v, l.o, l.gate, l.up, l.down}) {
      if (p != nullptr) p->by_muon = p->trained;
    }
  }
}

MuonScratch::MuonScratch(std::span<const Parameter> parameters) {
  size_t values = 0, grams = 0;
  for (const Parameter& p : parameters) {
    if (!p.by_muon) continue;
    const auto least = static_cast<size_t>(std::min(p.rows, p.cols));
    values = std::max(values, static_cast<size_t>(p.size()));
    grams = std::max(grams, least * least);
  }
  floats_.resize(2 * (values + grams));
  x = floats_.data();
  next = x + values;
  gram = next + values;
  poly = gram + grams;
}

uint64_t MuonScratch::most_bytes(const DecoderSpec& spec, ProductType products) {
  uint64_t wide = 1;  // every matrix of a layer has one side of d_model; this is the longest other one
  for (const LayerSpec& l : spec.layers)
    wide = std::max(
        {wide, static_cast<uint64_t>(l.n_heads) * static_cast<uint64_t>(l.head_dim), static_cast<uint64_t>(l.ffn_dim)});
  const auto d = static_cast<uint64_t>(spec.d_model);
  const uint64_t values = d * wide, gram = std::min(d, wide) * std::min(d, wide);
  return 2 * (values + gram) * sizeof(float) + (products == ProductType::kF32 ? 0 : 2 * bf16_scratch_bytes(values));
}

void orthogonalize(int64_t rows, int64_t cols, ProductType products, MuonScratch& s) {
  // Steep at zero, so that small singular values come up within five steps; the large ones swing about one.
  constexpr float kA = 3.4445F, kB = -4.7750F, kC = 2.0315F;
  const int64_t n = rows * cols, least = std::min(rows, cols);
  const auto shrink = static_cast<float>(1 / (length_of(s.x, n) + 1e-20));
  for (int64_t i = 0; i < n; ++i) s.x[i] *= shrink;
  for (int step = 0; step < 5; ++step) {
    // G = X X' (or X' X where that is smaller); X = a X + (b G + c G G) X.
    if (rows <= cols)
      multiply_nt(products, rows, rows, cols, s.x, cols, s.x, cols, 0, s.gram, rows);
    else
      multiply_tn(products, cols, cols, rows, s.x, cols, s.x, cols, 0, s.gram, cols);
    for (int64_t i = 0; i < least * least; ++i) s.poly[i] = kB / kC * s.gram[i];
    multiply_nn(products, least, least, least, s.gram, least, s.gram, least, 1, s.poly, least);
    for (int64_t i = 0; i < least * least; ++i) s.poly[i] *= kC;
    for (int64_t i = 0; i < n; ++i) s.next[i] = kA * s.x[i];
    if (rows <= cols)
      multiply_nn(products, rows, cols, rows, s.poly, rows, s.x, cols, 1, s.next, cols);
    else
      multiply_nn(products, rows, cols, cols, s.x, cols, s.poly, cols, 1, s.next, cols);
    std::swap(s.x, s.next);
  }
}

void muon_step(Parameters& parameters, const MuonOptions& options, double learning_rate, ProductType products,
               std::span<MuonScratch> scratch, ThreadPool& threads) {
  std::vector<Parameter*> mine;
  for (Parameter& p : parameters.all()) {
    if (p.by_muon) mine.push_back(&p);
  }
  std::atomic<size_t> next{0};
  threads.run([&](int member) {
    use_callers_threads();
    for (size_t i = next.fetch_add(1); i < mine.size(); i = next.fetch_add(1))
      step_one(*mine[i], options, learning_rate, products, scratch[static_cast<size_t>(member)]);
  });
}

}  // namespace sobre
