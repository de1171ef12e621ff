// The last norm, the head and the loss of a Network, forward and backward together: logits are formed for kHeadRows positions
// at a time, only where a target counts, each member's part of the vocabulary staying with that member.
#include <algorithm>
#include <cmath>

#include "base/checked.h"
#include "learn/network.h"
#include "learn/network_sizes.h"
#include "learn/products.h"

namespace sobre {

// Leaves the gradient of the last layer's output in dx_.
void Network::head(int member, bool backward) {
  Private& mine = private_[static_cast<size_t>(member)];
  const Parameter& norm = *parameters_->final_norm;
  const Rows rows = own_rows(member);
  for (int64_t t = rows.begin; t < rows.end; ++t)
    kernels_->rms_norm(last_ + t * d_stride_, norm.value, spec_.d_model, spec_.norm_eps, hidden_ + t * d_stride_);
  if (backward) {
    std::fill(dnorm_ + rows.begin * d_stride_, dnorm_ + rows.end * d_stride_, 0.0F);
    std::fill(dx_ + rows.begin * d_stride_, dx_ + rows.end * d_stride_, 0.0F);
  }
  threads_->barrier();
  const auto counted = static_cast<int64_t>(counted_.size());
  for (int64_t first = 0; first < counted; first += kHeadRows)
    head_chunk(member, first, std::min(kHeadRows, counted - first), backward);
  if (!backward) return;
  for (int64_t t = rows.begin; t < rows.end; ++t) {
    if (batch_->targets[static_cast<size_t>(t)] < 0) continue;
    const int64_t at = t * d_stride_;
    kernels_->rms_norm_backward(last_ + at, norm.value, dnorm_ + at, spec_.d_model, spec_.norm_eps, dx_ + at,
                                vector_gradient(mine, norm));
  }
  threads_->barrier();  // before hidden_ serves the branches' backward passes
}

// Positions counted_[first .. first + n): their part of the loss, of dnorm_ (the gradient of hidden_) and of the head's
// gradient.
void Network::head_chunk(int member, int64_t first, int64_t n, bool backward) {
  Private& mine = private_[static_cast<size_t>(member)];
  Parameter& w = parameters_->head != nullptr ? *parameters_->head : *parameters_->embedding;
  const int64_t d = spec_.d_model;
  const int members = threads_->size();
  const auto token = [&](int64_t i) { return static_cast<int64_t>(counted_[static_cast<size_t>(first + i)]); };
  const auto [i0, i1] = share(n, member, members);
  for (int64_t i = i0; i < i1; ++i) std::copy_n(hidden_ + token(i) * d_stride_, d, picked_ + i * d_stride_);
  threads_->barrier();
  const auto [v0, v1] = share(spec_.vocab_size, member, members, 16);
  const int64_t width = v1 - v0, stride = round_up(width, 16);
  float* most = row_max_ + member * kHeadRows;
  float* sum = row_sum_ + member * kHeadRows;
  multiply_nt(products_, n, width, d, picked_, d_stride_, w.value + v0 * d, d, 0, mine.head_rows, stride);
  for (int64_t i = 0; i < n && width > 0; ++i) {
    float* row = mine.head_rows + i * stride;
    if (spec_.logit_divisor != 1.0F) kernels_->scale(row, 1.0F / spec_.logit_divisor, width);
    const int64_t target = batch_->targets[static_cast<size_t>(token(i))];
    if (target >= v0 && target < v1) mine.loss -= static_cast<double>(row[target - v0]);
    most[i] = kernels_->row_max(row, width);
    sum[i] = kernels_->exp_shifted(row, most[i], row, width);
  }
  threads_->barrier();
  const auto has_part = [&](int m) {
    const auto [a, b] = share(spec_.vocab_size, m, members, 16);
    return b > a;
  };
  for (int64_t i = 0; i < n; ++i) {
    float top = -INFINITY;
    for (int m = 0; m < members; ++m) top = has_part(m) ? std::max(top, row_max_[m * kHeadRows + i]) : top;
    double total = 0;
    for (int m = 0; m < members; ++m) {
      if (has_part(m))
        total +=
            static_cast<double>(row_sum_[m * kHeadRows + i]) * std::exp(static_cast<double>(row_max_[m * kHeadRows + i] - top));
    }
    if (i >= i0 && i < i1) mine.loss += static_cast<double>(top) + std::log(total);
    if (!backward || width == 0) continue;
    // What exp_shifted left, times e^(most - top) / total, is the probability; the gradient of a logit is p - 1 at the target.
    float* row = mine.head_rows + i * stride;
    const float scale = weight_ / spec_.logit_divisor;
    kernels_->scale(row, static_cast<float>(std::exp(static_cast<double>(most[i] - top)) / total) * scale, width);
    const int64_t target = batch_->targets[static_cast<size_t>(token(i))];
    if (target >= v0 && target < v1) row[target - v0] -= scale;
  }
  if (!backward) {
    threads_->barrier();
    return;
  }
  if (width > 0)
    multiply_nn(products_, n, d, width, mine.head_rows, stride, w.value + v0 * d, d, 0, mine.head_gradient, d_stride_);
  else
    std::fill_n(mine.head_gradient, n * d_stride_, 0.0F);
  if (w.trained) multiply_tn(products_, width, d, n, mine.head_rows, stride, picked_, d_stride_, 1, w.gradient + v0 * d, d);
  threads_->barrier();
  for (int64_t i = i0; i < i1; ++i) {
    float* to = dnorm_ + token(i) * d_stride_;
    for (const Private& p : private_) kernels_->add(to, p.head_gradient + i * d_stride_, d);
  }
  threads_->barrier();
}

}  // namespace sobre
