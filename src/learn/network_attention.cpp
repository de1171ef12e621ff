// Attention of a Network, forward and backward. Scores are formed for kQueryBlock queries at a time and formed again in the
// backward pass from the logarithms of their sums (Dao et al., "FlashAttention", 2022), so no square of a document is kept.
#include <algorithm>
#include <cmath>

#include "base/checked.h"
#include "learn/network.h"
#include "learn/network_sizes.h"
#include "learn/products.h"

namespace sobre {

// x -> middle: norm, projections, attention, output projection, residual.
void Network::attention_block(int member, int layer) {
  const LayerSpec& l = spec_.layers[static_cast<size_t>(layer)];
  const LayerParameters& w = parameters_->layers[static_cast<size_t>(layer)];
  const Saved& s = saved_[static_cast<size_t>(layer)];
  const Rows rows = own_rows(member);
  for (int64_t t = rows.begin; t < rows.end; ++t)
    kernels_->rms_norm(s.x + t * d_stride_, w.attn_norm->value, spec_.d_model, spec_.norm_eps, attn_norm_ + t * d_stride_);
  project(rows, attn_norm_, d_stride_, *w.q, w.q_bias, l.qk_norm ? s.q_raw : s.q, q_stride_);
  project(rows, attn_norm_, d_stride_, *w.k, w.k_bias, l.qk_norm ? s.k_raw : s.k, kv_stride_);
  project(rows, attn_norm_, d_stride_, *w.v, w.v_bias, s.v, kv_stride_);
  finish_heads(member, layer);
  threads_->barrier();
  attend_units(member, layer, false);
  threads_->barrier();
  float* branch = l.attn_post_norm ? s.attn_branch : dnorm_;
  project(rows, s.attention, q_stride_, *w.o, w.o_bias, branch, d_stride_);
  for (int64_t t = rows.begin; t < rows.end; ++t)
    add_branch(branch, w.attn_post_norm, t, s.x + t * d_stride_, s.middle + t * d_stride_);
}

// dx_ holds the gradient of `middle` and receives that of `x`.
void Network::attention_backward(int member, int layer) {
  const LayerSpec& l = spec_.layers[static_cast<size_t>(layer)];
  const LayerParameters& w = parameters_->layers[static_cast<size_t>(layer)];
  const Saved& s = saved_[static_cast<size_t>(layer)];
  Private& mine = private_[static_cast<size_t>(member)];
  const Rows rows = own_rows(member);
  for (int64_t t = rows.begin; t < rows.end; ++t)
    branch_gradient(mine, s.attn_branch, w.attn_post_norm, t, attn_gradient_ + t * d_stride_);
  bias_gradient(mine, rows, attn_gradient_, d_stride_, w.o_bias);
  project_backward(rows, attn_gradient_, d_stride_, *w.o, 0, dattention_, q_stride_);
  for (int64_t t = rows.begin; t < rows.end; ++t) {
    for (int h = 0; h < l.n_heads; ++h) {
      const int64_t at = t * q_stride_ + static_cast<int64_t>(h) * l.head_dim;
      deltas_[t * head_stride_ + h] = kernels_->dot(dattention_ + at, s.attention + at, l.head_dim);
    }
  }
  threads_->barrier();
  attend_units(member, layer, true);
  threads_->barrier();
  finish_heads_backward(member, layer);
  bias_gradient(mine, rows, dq_, q_stride_, w.q_bias);
  bias_gradient(mine, rows, dk_, kv_stride_, w.k_bias);
  bias_gradient(mine, rows, dv_, kv_stride_, w.v_bias);
  project_backward(rows, dq_, q_stride_, *w.q, 0, dnorm_, d_stride_);
  project_backward(rows, dk_, kv_stride_, *w.k, 1, dnorm_, d_stride_);
  project_backward(rows, dv_, kv_stride_, *w.v, 1, dnorm_, d_stride_);
  for (int64_t t = rows.begin; t < rows.end; ++t) {
    const int64_t at = t * d_stride_;
    kernels_->rms_norm(s.x + at, w.attn_norm->value, spec_.d_model, spec_.norm_eps, attn_norm_ + at);
    kernels_->rms_norm_backward(s.x + at, w.attn_norm->value, dnorm_ + at, spec_.d_model, spec_.norm_eps, dx_ + at,
                                vector_gradient(mine, *w.attn_norm));
  }
  threads_->barrier();
  weight_gradient(member, dq_, q_stride_, attn_norm_, d_stride_, *w.q);
  weight_gradient(member, dk_, kv_stride_, attn_norm_, d_stride_, *w.k);
  weight_gradient(member, dv_, kv_stride_, attn_norm_, d_stride_, *w.v);
  weight_gradient(member, attn_gradient_, d_stride_, s.attention, q_stride_, *w.o);
}

// Norms, rotation and scale of the heads of q and k.
void Network::finish_heads(int member, int layer) {
  const LayerSpec& l = spec_.layers[static_cast<size_t>(layer)];
  const LayerParameters& w = parameters_->layers[static_cast<size_t>(layer)];
  const Saved& s = saved_[static_cast<size_t>(layer)];
  const Private& mine = private_[static_cast<size_t>(member)];
  const Rows rows = own_rows(member);
  const auto finish = [&](const float* raw, float* head, const Parameter* norm, int64_t t) {
    if (l.qk_norm) {
      std::copy_n(raw, l.head_dim, mine.head_x);
      kernels_->rms_norm(mine.head_x, norm->value, l.head_dim, spec_.norm_eps, mine.head_y);
      std::copy_n(mine.head_y, l.head_dim, head);
    }
    if (l.rope < 0) return;
    const int64_t at = (static_cast<int64_t>(l.rope) * max_tokens_ + t) * rope_half_;
    kernels_->rope(head, cos_ + at, sin_ + at, l.head_dim);
  };
  for (int64_t t = rows.begin; t < rows.end; ++t) {
    for (int h = 0; h < l.n_heads; ++h) {
      const int64_t at = t * q_stride_ + static_cast<int64_t>(h) * l.head_dim;
      finish(s.q_raw + (l.qk_norm ? at : 0), s.q + at, w.q_norm, t);
      kernels_->scale(s.q + at, l.score_scale * query_scale_[static_cast<size_t>(t)], l.head_dim);
    }
    for (int h = 0; h < l.n_kv_heads; ++h) {
      const int64_t at = t * kv_stride_ + static_cast<int64_t>(h) * l.head_dim;
      finish(s.k_raw + (l.qk_norm ? at : 0), s.k + at, w.k_norm, t);
    }
  }
}

// The transpose of a rotation by an angle is the rotation by its negative; a norm's gradient needs what went into it.
void Network::finish_heads_backward(int member, int layer) {
  const LayerSpec& l = spec_.layers[static_cast<size_t>(layer)];
  const LayerParameters& w = parameters_->layers[static_cast<size_t>(layer)];
  const Saved& s = saved_[static_cast<size_t>(layer)];
  Private& mine = private_[static_cast<size_t>(member)];
  const Rows rows = own_rows(member);
  const int64_t padded = round_up(l.head_dim, 16);
  const auto finish = [&](const float* raw, float* gradient, const Parameter* norm, int64_t t) {
    if (l.rope >= 0) {
      const int64_t at = (static_cast<int64_t>(l.rope) * max_tokens_ + t) * rope_half_;
      kernels_->rope(gradient, cos_ + at, minus_sin_ + at, l.head_dim);
    }
    if (!l.qk_norm) return;
    std::copy_n(raw, l.head_dim, mine.head_x);
    std::copy_n(gradient, l.head_dim, mine.head_y);
    std::fill_n(mine.head_dx, padded, 0.0F);
    kernels_->rms_norm_backward(mine.head_x, norm->value, mine.head_y, l.head_dim, spec_.norm_eps, mine.head_dx,
                                vector_gradient(mine, *norm));
    std::copy_n(mine.head_dx, l.head_dim, gradient);
  };
  for (int64_t t = rows.begin; t < rows.end; ++t) {
    for (int h = 0; h < l.n_heads; ++h) {
      const int64_t at = t * q_stride_ + static_cast<int64_t>(h) * l.head_dim;
      kernels_->scale(dq_ + at, l.score_scale * query_scale_[static_cast<size_t>(t)], l.head_dim);
      finish(s.q_raw + (l.qk_norm ? at : 0), dq_ + at, w.q_norm, t);
    }
    for (int h = 0; h < l.n_kv_heads; ++h) {
      const int64_t at = t * kv_stride_ + static_cast<int64_t>(h) * l.head_dim;
      finish(s.k_raw + (l.qk_norm ? at : 0), dk_ + at, w.k_norm, t);
    }
  }
}

// Units of one document and one kv head, taken by whoever is free: each writes rows of its own.
void Network::attend_units(int member, int layer, bool backward) {
  const int kv_heads = spec_.layers[static_cast<size_t>(layer)].n_kv_heads;
  const int units = static_cast<int>(batch_->starts.size() - 1) * kv_heads;
  std::atomic<int>& next = next_unit_[2 * static_cast<size_t>(layer) + (backward ? 1 : 0)];
  Private& mine = private_[static_cast<size_t>(member)];
  for (int unit = next.fetch_add(1); unit < units; unit = next.fetch_add(1)) {
    if (backward)
      attend_backward(mine, layer, unit / kv_heads, unit % kv_heads);
    else
      attend(mine, layer, unit / kv_heads, unit % kv_heads);
  }
}

namespace {

// A block of queries [begin, end) of a document and the keys [first_key, end) that any of them sees.
struct QueryBlock {
  int64_t begin, end, first_key;
  [[nodiscard]] int64_t queries() const { return end - begin; }
  [[nodiscard]] int64_t keys() const { return end - first_key; }
};

QueryBlock block_at(int64_t begin, int64_t document_begin, int64_t document_end, int window) {
  const int64_t first = window > 0 ? std::max(document_begin, begin - window + 1) : document_begin;
  return {begin, std::min(begin + kQueryBlock, document_end), first};
}

// Keys that query t sees, counted from the block's first key.
struct Visible {
  int64_t begin, end;
};

Visible visible(const QueryBlock& b, int64_t t, int window) {
  return {window > 0 ? std::max<int64_t>(0, t - window + 1 - b.first_key) : 0, t + 1 - b.first_key};
}

}  // namespace

void Network::attend(Private& mine, int layer, int document, int kv_head) {
  const LayerSpec& l = spec_.layers[static_cast<size_t>(layer)];
  const Saved& s = saved_[static_cast<size_t>(layer)];
  const int64_t from = batch_->starts[static_cast<size_t>(document)], to = batch_->starts[static_cast<size_t>(document) + 1];
  const int rep = l.n_heads / l.n_kv_heads;
  const int64_t kv_at = static_cast<int64_t>(kv_head) * l.head_dim;
  for (int h = kv_head * rep; h < (kv_head + 1) * rep; ++h) {
    const int64_t q_at = static_cast<int64_t>(h) * l.head_dim;
    for (int64_t q0 = from; q0 < to; q0 += kQueryBlock) {
      const QueryBlock b = block_at(q0, from, to, l.window);
      const int64_t stride = round_up(b.keys(), 16);
      multiply_nt(ProductType::kF32, b.queries(), b.keys(), l.head_dim, s.q + b.begin * q_stride_ + q_at, q_stride_,
                  s.k + b.first_key * kv_stride_ + kv_at, kv_stride_, 0, mine.scores, stride);
      for (int64_t t = b.begin; t < b.end; ++t) {
        float* row = mine.scores + (t - b.begin) * stride;
        const Visible seen = visible(b, t, l.window);
        const int64_t n = seen.end - seen.begin;
        const float most = kernels_->row_max(row + seen.begin, n);
        const float sum = kernels_->exp_shifted(row + seen.begin, most, row + seen.begin, n);
        kernels_->scale(row + seen.begin, 1.0F / sum, n);
        std::fill_n(row, seen.begin, 0.0F);
        std::fill(row + seen.end, row + b.keys(), 0.0F);
        s.log_sums[t * head_stride_ + h] = most + std::log(sum);
      }
      multiply_nn(ProductType::kF32, b.queries(), l.head_dim, b.keys(), mine.scores, stride,
                  s.v + b.first_key * kv_stride_ + kv_at, kv_stride_, 0, s.attention + b.begin * q_stride_ + q_at, q_stride_);
    }
  }
}

// With p = e^(q k - log sum): dv = p^T do, dp = do v^T, ds = p (dp - delta), dq = ds k, dk = ds^T q.
void Network::attend_backward(Private& mine, int layer, int document, int kv_head) {
  const LayerSpec& l = spec_.layers[static_cast<size_t>(layer)];
  const Saved& s = saved_[static_cast<size_t>(layer)];
  const int64_t from = batch_->starts[static_cast<size_t>(document)], to = batch_->starts[static_cast<size_t>(document) + 1];
  const int rep = l.n_heads / l.n_kv_heads;
  const int64_t kv_at = static_cast<int64_t>(kv_head) * l.head_dim;
  for (int64_t t = from; t < to; ++t) {
    std::fill_n(dk_ + t * kv_stride_ + kv_at, l.head_dim, 0.0F);
    std::fill_n(dv_ + t * kv_stride_ + kv_at, l.head_dim, 0.0F);
  }
  for (int h = kv_head * rep; h < (kv_head + 1) * rep; ++h) {
    const int64_t q_at = static_cast<int64_t>(h) * l.head_dim;
    for (int64_t q0 = from; q0 < to; q0 += kQueryBlock) {
      const QueryBlock b = block_at(q0, from, to, l.window);
      const int64_t stride = round_up(b.keys(), 16), n_q = b.queries(), n_k = b.keys();
      const float* q = s.q + b.begin * q_stride_ + q_at;
      const float* dout = dattention_ + b.begin * q_stride_ + q_at;
      const int64_t keys = b.first_key * kv_stride_ + kv_at;
      multiply_nt(ProductType::kF32, n_q, n_k, l.head_dim, q, q_stride_, s.k + keys, kv_stride_, 0, mine.scores, stride);
      for (int64_t t = b.begin; t < b.end; ++t) {
        float* row = mine.scores + (t - b.begin) * stride;
        const Visible seen = visible(b, t, l.window);
        (void)kernels_->exp_shifted(row + seen.begin, s.log_sums[t * head_stride_ + h], row + seen.begin,
                                    seen.end - seen.begin);
        std::fill_n(row, seen.begin, 0.0F);
        std::fill(row + seen.end, row + n_k, 0.0F);
      }
      multiply_tn(ProductType::kF32, n_k, l.head_dim, n_q, mine.scores, stride, dout, q_stride_, 1, dv_ + keys, kv_stride_);
      multiply_nt(ProductType::kF32, n_q, n_k, l.head_dim, dout, q_stride_, s.v + keys, kv_stride_, 0, mine.score_gradients,
                  stride);
      for (int64_t t = b.begin; t < b.end; ++t) {
        const int64_t row = (t - b.begin) * stride;
        kernels_->softmax_backward(mine.scores + row, mine.score_gradients + row, deltas_[t * head_stride_ + h],
                                   mine.score_gradients + row, n_k);
      }
      multiply_nn(ProductType::kF32, n_q, l.head_dim, n_k, mine.score_gradients, stride, s.k + keys, kv_stride_, 0,
                  dq_ + b.begin * q_stride_ + q_at, q_stride_);
      multiply_tn(ProductType::kF32, n_k, l.head_dim, n_q, mine.score_gradients, stride, q, q_stride_, 1, dk_ + keys,
                  kv_stride_);
    }
  }
}

}  // namespace sobre
