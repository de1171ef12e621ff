// The feed-forward part of a Network's layers and its residual branches, forward and backward.
#include <algorithm>

#include "learn/network.h"

namespace sobre {

// out = x + residual_scale * (the branch, normed where the layer has a post-norm).
void Network::add_branch(const float* branch, const Parameter* post_norm, int64_t t, const float* x, float* out) {
  const float* row = branch + t * d_stride_;
  if (post_norm != nullptr) {
    float* normed = hidden_ + t * d_stride_;
    kernels_->rms_norm(row, post_norm->value, spec_.d_model, spec_.norm_eps, normed);
    row = normed;
  }
  std::copy_n(x, spec_.d_model, out);
  kernels_->add_scaled(out, row, spec_.residual_scale, spec_.d_model);
}

// The gradient of a branch's last projection, from that of the residual sum in dx_. `saved`: what went into the post-norm.
void Network::branch_gradient(Private& mine, const float* saved, const Parameter* post_norm, int64_t t, float* out) {
  const float* dx = dx_ + t * d_stride_;
  if (post_norm == nullptr) {
    std::copy_n(dx, spec_.d_model, out);
    if (spec_.residual_scale != 1.0F) kernels_->scale(out, spec_.residual_scale, spec_.d_model);
    return;
  }
  float* scaled = hidden_ + t * d_stride_;
  std::copy_n(dx, spec_.d_model, scaled);
  kernels_->scale(scaled, spec_.residual_scale, spec_.d_model);
  std::fill_n(out, d_stride_, 0.0F);
  kernels_->rms_norm_backward(saved + t * d_stride_, post_norm->value, scaled, spec_.d_model, spec_.norm_eps, out,
                              vector_gradient(mine, *post_norm));
}

// middle -> the next layer's x: norm, gate and up, activation, down, residual.
void Network::ffn_block(int member, int layer) {
  const LayerSpec& l = spec_.layers[static_cast<size_t>(layer)];
  const LayerParameters& w = parameters_->layers[static_cast<size_t>(layer)];
  const Saved& s = saved_[static_cast<size_t>(layer)];
  const Rows rows = own_rows(member);
  float* next = layer + 1 < spec_.n_layers() ? saved_[static_cast<size_t>(layer) + 1].x : last_;
  for (int64_t t = rows.begin; t < rows.end; ++t)
    kernels_->rms_norm(s.middle + t * d_stride_, w.ffn_norm->value, spec_.d_model, spec_.norm_eps, ffn_norm_ + t * d_stride_);
  project(rows, ffn_norm_, d_stride_, *w.gate, nullptr, s.gate, ffn_stride_);
  project(rows, ffn_norm_, d_stride_, *w.up, nullptr, s.up, ffn_stride_);
  const auto activate = l.activation == Activation::kSilu ? kernels_->silu_mul : kernels_->gelu_mul;
  for (int64_t t = rows.begin; t < rows.end; ++t)
    activate(s.gate + t * ffn_stride_, s.up + t * ffn_stride_, act_ + t * ffn_stride_, l.ffn_dim);
  float* branch = l.ffn_post_norm ? s.ffn_branch : dnorm_;
  project(rows, act_, ffn_stride_, *w.down, nullptr, branch, d_stride_);
  for (int64_t t = rows.begin; t < rows.end; ++t)
    add_branch(branch, w.ffn_post_norm, t, s.middle + t * d_stride_, next + t * d_stride_);
}

// dx_ holds the gradient of the layer's output and receives that of `middle`.
void Network::ffn_backward(int member, int layer) {
  const LayerSpec& l = spec_.layers[static_cast<size_t>(layer)];
  const LayerParameters& w = parameters_->layers[static_cast<size_t>(layer)];
  const Saved& s = saved_[static_cast<size_t>(layer)];
  Private& mine = private_[static_cast<size_t>(member)];
  const Rows rows = own_rows(member);
  const bool silu = l.activation == Activation::kSilu;
  const auto activate = silu ? kernels_->silu_mul : kernels_->gelu_mul;
  const auto differentiate = silu ? kernels_->silu_mul_backward : kernels_->gelu_mul_backward;
  for (int64_t t = rows.begin; t < rows.end; ++t)
    branch_gradient(mine, s.ffn_branch, w.ffn_post_norm, t, ffn_gradient_ + t * d_stride_);
  project_backward(rows, ffn_gradient_, d_stride_, *w.down, 0, act_, ffn_stride_);
  for (int64_t t = rows.begin; t < rows.end; ++t) {
    const int64_t at = t * ffn_stride_;
    differentiate(s.gate + at, s.up + at, act_ + at, dgate_ + at, dup_ + at, l.ffn_dim);
    activate(s.gate + at, s.up + at, act_ + at, l.ffn_dim);  // again, for the gradient of `down`
  }
  project_backward(rows, dgate_, ffn_stride_, *w.gate, 0, dnorm_, d_stride_);
  project_backward(rows, dup_, ffn_stride_, *w.up, 1, dnorm_, d_stride_);
  for (int64_t t = rows.begin; t < rows.end; ++t) {
    const int64_t at = t * d_stride_;
    kernels_->rms_norm(s.middle + at, w.ffn_norm->value, spec_.d_model, spec_.norm_eps, ffn_norm_ + at);
    kernels_->rms_norm_backward(s.middle + at, w.ffn_norm->value, dnorm_ + at, spec_.d_model, spec_.norm_eps, dx_ + at,
                                vector_gradient(mine, *w.ffn_norm));
  }
  threads_->barrier();
  weight_gradient(member, ffn_gradient_, d_stride_, act_, ffn_stride_, *w.down);
  weight_gradient(member, dgate_, ffn_stride_, ffn_norm_, d_stride_, *w.gate);
  weight_gradient(member, dup_, ffn_stride_, ffn_norm_, d_stride_, *w.up);
}

}  // namespace sobre
