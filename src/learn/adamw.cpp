#include "learn/adamw.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <vector>

namespace sobre {

namespace {

constexpr int64_t kPiece = 1 << 14;  // values that one thread takes at a time: they and their moments stay in its cache

struct Piece {
  const Parameter* parameter;
  int64_t begin, size;
};

std::vector<Piece> pieces_of(const Parameters& parameters, bool of_muon) {
  std::vector<Piece> pieces;
  for (const Parameter& p : parameters.all()) {
    if (p.by_muon && !of_muon) continue;
    for (int64_t at = 0; p.trained && at < p.size(); at += kPiece) pieces.push_back({&p, at, std::min(kPiece, p.size() - at)});
  }
  return pieces;
}

// Calls work(i) for every piece, each once, on whoever is free.
template <class Work>
void for_each_piece(size_t n, ThreadPool& threads, Work&& work) {
  std::atomic<size_t> next{0};
  threads.run([&](int) {
    for (size_t i = next.fetch_add(1); i < n; i = next.fetch_add(1)) work(i);
  });
}

}  // namespace

double gradient_norm(const Parameters& parameters, const Kernels& kernels, ThreadPool& threads) {
  const std::vector<Piece> pieces = pieces_of(parameters, true);
  std::vector<double> squares(pieces.size());
  for_each_piece(pieces.size(), threads, [&](size_t i) {
    constexpr int64_t kRun = 256;  // values summed in f32 before the sum goes on in f64
    const float* g = pieces[i].parameter->gradient + pieces[i].begin;
    for (int64_t at = 0; at < pieces[i].size; at += kRun)
      squares[i] += static_cast<double>(kernels.dot(g + at, g + at, std::min(kRun, pieces[i].size - at)));
  });
  double sum = 0;
  for (const double s : squares) sum += s;
  return std::sqrt(sum);
}

double clip_factor(double norm, double clip_norm) { return clip_norm > 0 ? std::min(1.0, clip_norm / (norm + 1e-6)) : 1.0; }

void adamw_step(Parameters& parameters, const AdamWOptions& options, double learning_rate, double factor, int64_t t,
                const Kernels& kernels, ThreadPool& threads) {
  const std::vector<Piece> pieces = pieces_of(parameters, false);
  const auto steps = static_cast<double>(t);
  PlainAdamW a{};
  a.gradient_scale = static_cast<float>(factor);
  a.beta1 = static_cast<float>(options.beta1);
  a.beta2 = static_cast<float>(options.beta2);
  a.eps = static_cast<float>(options.eps);
  a.step_size = static_cast<float>(learning_rate / (1 - std::pow(options.beta1, steps)));
  a.second_correction = static_cast<float>(1 / std::sqrt(1 - std::pow(options.beta2, steps)));
  for_each_piece(pieces.size(), threads, [&](size_t i) {
    const Parameter& p = *pieces[i].parameter;
    PlainAdamW mine = a;
    mine.decay = p.is_matrix ? static_cast<float>(learning_rate * options.weight_decay) : 0.0F;
    const int64_t at = pieces[i].begin;
    kernels.adamw(p.value + at, p.first_moment + at, p.second_moment + at, p.gradient + at, pieces[i].size, &mine);
  });
}

}  // namespace sobre
