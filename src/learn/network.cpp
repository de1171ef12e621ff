#include "learn/network.h"

#include <algorithm>
#include <cmath>

#include "base/carver.h"
#include "base/checked.h"
#include "base/detmath.h"
#include "learn/network_sizes.h"
#include "learn/products.h"

namespace sobre {

namespace {

struct Strides {
  int64_t d = 0, q = 0, kv = 0, ffn = 0, heads = 0, rope_half = 0, head_dim = 0;
};

Strides strides_of(const DecoderSpec& spec) {
  Strides s;
  s.d = round_up(spec.d_model, 16);
  for (const LayerSpec& l : spec.layers) {
    s.q = std::max<int64_t>(s.q, round_up(static_cast<int64_t>(l.n_heads) * l.head_dim, 16));
    s.kv = std::max<int64_t>(s.kv, round_up(static_cast<int64_t>(l.n_kv_heads) * l.head_dim, 16));
    s.ffn = std::max<int64_t>(s.ffn, round_up(l.ffn_dim, 16));
    s.heads = std::max<int64_t>(s.heads, l.n_heads);
    s.head_dim = std::max<int64_t>(s.head_dim, round_up(l.head_dim, 16));
  }
  for (const RopeSpec& r : spec.ropes)
    s.rope_half = std::max<int64_t>(s.rope_half, round_up(static_cast<int64_t>(r.inv_freq.size()), 16));
  return s;
}

int64_t vocabulary_part(const DecoderSpec& spec, int threads) { return round_up(div_up(spec.vocab_size, threads), 16) + 16; }

// Norms and biases of all layers, padded: at most this many floats.
int64_t vector_floats(const DecoderSpec& spec, const Strides& s) {
  const int64_t layer = 5 * round_up(s.d, 32) + 2 * round_up(s.q, 32) + 3 * round_up(s.kv, 32) + 64;
  return round_up(s.d, 32) + static_cast<int64_t>(spec.layers.size()) * layer;
}

}  // namespace

Result<std::unique_ptr<Network>> Network::create(const DecoderSpec& spec, Parameters& parameters, const Kernels& kernels,
                                                 std::shared_ptr<ThreadPool> threads, int max_tokens, ProductType products) {
  std::unique_ptr<Network> net(new Network());
  net->set_sizes(spec, threads->size(), max_tokens);
  net->parameters_ = &parameters;
  net->kernels_ = &kernels;
  net->threads_ = std::move(threads);
  net->products_ = products;
  net->next_unit_ = std::vector<std::atomic<int>>(2 * spec.layers.size());
  net->query_scale_.assign(static_cast<size_t>(max_tokens), 1.0F);
  net->positions_.resize(static_cast<size_t>(max_tokens));
  TRY(net->memory_, Buffer::create(net->carve(nullptr)));
  net->carve(net->memory_.data());
  net->place_vectors();
  return net;
}

// All that the layout of the work space follows from.
void Network::set_sizes(const DecoderSpec& spec, int members, int max_tokens) {
  const Strides s = strides_of(spec);
  spec_ = spec;
  max_tokens_ = max_tokens;
  d_stride_ = s.d;
  q_stride_ = s.q;
  kv_stride_ = s.kv;
  ffn_stride_ = s.ffn;
  head_stride_ = s.heads;
  rope_half_ = s.rope_half;
  saved_.resize(spec.layers.size());
  private_.resize(static_cast<size_t>(members));
}

uint64_t Network::work_bytes(const DecoderSpec& spec, int threads, int max_tokens, ProductType products) {
  Network sizes;
  sizes.set_sizes(spec, threads, max_tokens);
  const uint64_t bytes = sizes.carve(nullptr);
  if (products == ProductType::kF32) return bytes;
  // Two factors a thread: rows of tokens, or a matrix of weights.
  const auto widest = static_cast<uint64_t>(std::max({sizes.d_stride_, sizes.q_stride_, sizes.ffn_stride_}));
  const uint64_t longest =
      std::max(static_cast<uint64_t>(max_tokens), std::max(widest, static_cast<uint64_t>(spec.vocab_size)));
  return bytes + static_cast<uint64_t>(threads) * 2 * bf16_scratch_bytes(widest * longest);
}

// Lays the work space out from `base` on; returns its bytes. A null base only counts.
uint64_t Network::carve(std::byte* base) {
  Carver c(base);
  const int64_t n = max_tokens_;
  const auto rows = [&](int64_t stride) { return c.take<float>(n * stride); };
  for (size_t i = 0; i < saved_.size(); ++i) {
    const LayerSpec& l = spec_.layers[i];
    Saved& s = saved_[i];
    for (float** p : {&s.x, &s.middle}) *p = rows(d_stride_);
    for (float** p : {&s.q, &s.attention}) *p = rows(q_stride_);
    for (float** p : {&s.k, &s.v}) *p = rows(kv_stride_);
    for (float** p : {&s.gate, &s.up}) *p = rows(ffn_stride_);
    s.log_sums = rows(head_stride_);
    if (l.qk_norm) s.q_raw = rows(q_stride_), s.k_raw = rows(kv_stride_);
    if (l.attn_post_norm) s.attn_branch = rows(d_stride_);
    if (l.ffn_post_norm) s.ffn_branch = rows(d_stride_);
  }
  for (float** p : {&last_, &hidden_, &dx_, &dnorm_, &ffn_norm_, &ffn_gradient_, &attn_norm_, &attn_gradient_})
    *p = rows(d_stride_);
  for (float** p : {&act_, &dgate_, &dup_}) *p = rows(ffn_stride_);
  for (float** p : {&dattention_, &dq_}) *p = rows(q_stride_);
  for (float** p : {&dk_, &dv_}) *p = rows(kv_stride_);
  deltas_ = rows(head_stride_);
  for (float** p : {&cos_, &sin_, &minus_sin_}) *p = rows(static_cast<int64_t>(spec_.ropes.size()) * rope_half_);
  picked_ = c.take<float>(kHeadRows * d_stride_);
  const auto members = static_cast<int64_t>(private_.size());
  for (float** p : {&row_max_, &row_sum_}) *p = c.take<float>(members * kHeadRows);
  const Strides s = strides_of(spec_);
  for (Private& p : private_) {
    for (float** scores : {&p.scores, &p.score_gradients}) *scores = c.take<float>(kQueryBlock * round_up(n, 16));
    p.vectors = c.take<float>(vector_floats(spec_, s));
    for (float** head : {&p.head_x, &p.head_y, &p.head_dx}) *head = c.take<float>(s.head_dim);
    p.spare = c.take<float>(std::max({s.d, s.q, s.kv}) + 32);
    p.head_rows = c.take<float>(kHeadRows * vocabulary_part(spec_, static_cast<int>(members)));
    p.head_gradient = c.take<float>(kHeadRows * d_stride_);
  }
  return c.used();
}

// Gives every trained norm and bias its place among the members' partial sums, and finds where the backward pass may stop.
void Network::place_vectors() {
  int64_t offset = 0;
  for (const Parameter& p : parameters_->all()) {
    const bool summed = p.trained && !p.is_matrix;
    vector_offsets_.push_back(summed ? offset : -1);
    if (summed) offset += round_up(p.size(), 32);
  }
  vector_floats_ = offset;
  CHECK(offset <= vector_floats(spec_, strides_of(spec_)));
  lowest_ = spec_.n_layers();
  for (int i = spec_.n_layers(); i-- > 0;) {
    if (parameters_->layers[static_cast<size_t>(i)].q->trained) lowest_ = i;
  }
  if (parameters_->embedding->trained) lowest_ = -1;
}

// A pass over a matrix takes as many operations forward, for the gradient of its input, and for its own; the latter two only
// where the backward pass comes to them. Attention: half a square of scores and of values, what is formed again not counted.
double Network::operations(const TrainBatch& batch) const {
  const auto tokens = static_cast<double>(batch.ids.size());
  double squares = 0, counted = 0, sum = 0;
  for (size_t i = 0; i + 1 < batch.starts.size(); ++i) squares += std::pow(batch.starts[i + 1] - batch.starts[i], 2);
  for (const int32_t target : batch.targets) counted += target >= 0 ? 1 : 0;
  for (int i = 0; i < spec_.n_layers(); ++i) {
    const LayerSpec& l = spec_.layers[static_cast<size_t>(i)];
    const double q = static_cast<double>(l.n_heads) * l.head_dim, kv = static_cast<double>(l.n_kv_heads) * l.head_dim;
    const bool reached = i >= lowest_, trained = parameters_->layers[static_cast<size_t>(i)].q->trained;
    const double weights = spec_.d_model * (2 * q + 2 * kv + 3.0 * l.ffn_dim) * tokens;
    sum += weights * (2 + (reached ? 2 : 0) + (trained ? 2 : 0)) + q * squares * (reached ? 6 : 2);
  }
  const Parameter& head = parameters_->head != nullptr ? *parameters_->head : *parameters_->embedding;
  return sum + static_cast<double>(head.size()) * counted * (head.trained ? 6 : 4);
}

Result<Network::Loss> Network::evaluate(const TrainBatch& batch) { return run(batch, 0, false); }

Result<Network::Loss> Network::learn(const TrainBatch& batch, float weight) { return run(batch, weight, true); }

Result<void> Network::check(const TrainBatch& batch) {
  CHECK(batch.ids.size() == batch.targets.size() && batch.starts.size() > 1 && batch.starts.front() == 0);
  CHECK(static_cast<size_t>(batch.starts.back()) == batch.ids.size());
  if (static_cast<int64_t>(batch.ids.size()) > max_tokens_)
    return fail("a batch of {} tokens does not fit a work space for {}", batch.ids.size(), max_tokens_);
  for (const std::vector<int32_t>* list : {&batch.ids, &batch.targets}) {
    for (const int32_t id : *list) {
      if (id >= spec_.vocab_size || id < (list == &batch.ids ? 0 : -1))
        return fail("the token id {} is outside the vocabulary of {} entries", id, spec_.vocab_size);
    }
  }
  return {};
}

Result<Network::Loss> Network::run(const TrainBatch& batch, float weight, bool backward) {
  TRY_VOID(check(batch));
  batch_ = &batch;
  weight_ = weight;
  n_ = static_cast<int64_t>(batch.ids.size());
  counted_.clear();
  for (size_t t = 0; t < batch.targets.size(); ++t) {
    if (batch.targets[t] >= 0) counted_.push_back(static_cast<int32_t>(t));
  }
  for (size_t i = 0; i + 1 < batch.starts.size(); ++i) {
    for (int32_t t = batch.starts[i]; t < batch.starts[i + 1]; ++t) positions_[static_cast<size_t>(t)] = t - batch.starts[i];
  }
  for (std::atomic<int>& unit : next_unit_) unit.store(0, std::memory_order_relaxed);
  threads_->run([&](int member) {
    use_callers_threads();
    run_member(member, backward);
  });
  Loss loss;
  loss.counted = static_cast<int64_t>(counted_.size());
  for (const Private& p : private_) loss.sum += p.loss;
  if (!std::isfinite(loss.sum)) return fail("the loss is not finite: lower the learning rate, or look for damaged weights");
  return loss;
}

void Network::run_member(int member, bool backward) {
  Private& mine = private_[static_cast<size_t>(member)];
  mine.loss = 0;
  std::fill_n(mine.vectors, vector_floats_, 0.0F);
  embed(member);
  const int n_layers = spec_.n_layers();
  for (int layer = 0; layer < n_layers; ++layer) {
    attention_block(member, layer);
    ffn_block(member, layer);
  }
  head(member, backward);
  if (!backward) return;
  for (int layer = n_layers; layer-- > std::max(lowest_, 0);) {
    ffn_backward(member, layer);
    attention_backward(member, layer);
  }
  embed_backward(member);
  sum_vectors(member);
}

Network::Rows Network::own_rows(int member) const {
  const auto [begin, end] = share(n_, member, threads_->size(), 8);
  return {begin, end};
}

void Network::embed(int member) {
  const Rows rows = own_rows(member);
  for (int64_t t = rows.begin; t < rows.end; ++t) {
    float* x = (saved_.empty() ? last_ : saved_[0].x) + t * d_stride_;
    std::copy_n(parameters_->embedding->value + batch_->ids[static_cast<size_t>(t)] * static_cast<int64_t>(spec_.d_model),
                spec_.d_model, x);
    if (spec_.embedding_scale != 1.0F) kernels_->scale(x, spec_.embedding_scale, spec_.d_model);
    const int position = positions_[static_cast<size_t>(t)];
    for (size_t r = 0; r < spec_.ropes.size(); ++r) {
      const RopeSpec& rope = spec_.ropes[r];
      const int64_t at = (static_cast<int64_t>(r) * max_tokens_ + t) * rope_half_;
      for (size_t i = 0; i < rope.inv_freq.size(); ++i) {
        const auto angle = static_cast<double>(static_cast<float>(position) * rope.inv_freq[i]);
        const int64_t place = at + static_cast<int64_t>(i);
        cos_[place] = static_cast<float>(detmath::cos(angle)) * rope.magnitude;
        sin_[place] = static_cast<float>(detmath::sin(angle)) * rope.magnitude;
        minus_sin_[place] = -sin_[place];
      }
    }
    if (spec_.query_scale_beta != 0.0F) {
      const int32_t times = 1 + position / spec_.query_scale_context;  // whole ones
      query_scale_[static_cast<size_t>(t)] =
          1.0F + spec_.query_scale_beta * static_cast<float>(detmath::log(static_cast<double>(times)));
    }
  }
}

// Each member adds up the rows of its part of the vocabulary, tokens in their order.
void Network::embed_backward(int member) {
  if (!parameters_->embedding->trained) return;
  threads_->barrier();
  const auto [begin, end] = share(spec_.vocab_size, member, threads_->size(), 16);
  for (int64_t t = 0; t < n_; ++t) {
    const int64_t id = batch_->ids[static_cast<size_t>(t)];
    if (id < begin || id >= end) continue;
    kernels_->add_scaled(parameters_->embedding->gradient + id * spec_.d_model, dx_ + t * d_stride_, spec_.embedding_scale,
                         spec_.d_model);
  }
}

void Network::sum_vectors(int member) {
  threads_->barrier();
  const std::span<Parameter> all = parameters_->all();
  for (size_t i = 0; i < all.size(); ++i) {
    if (vector_offsets_[i] < 0 || static_cast<int>(i) % threads_->size() != member) continue;
    for (const Private& p : private_) kernels_->add(all[i].gradient, p.vectors + vector_offsets_[i], all[i].size());
  }
}

float* Network::vector_gradient(Private& mine, const Parameter& p) const {
  const int64_t offset = vector_offsets_[static_cast<size_t>(&p - parameters_->all().data())];
  return offset < 0 ? mine.spare : mine.vectors + offset;
}

void Network::project(Rows rows, const float* in, int64_t in_stride, const Parameter& w, const Parameter* bias, float* out,
                      int64_t out_stride) {
  multiply_nt(products_, rows.size(), w.rows, w.cols, in + rows.begin * in_stride, in_stride, w.value, w.cols, 0,
              out + rows.begin * out_stride, out_stride);
  if (bias == nullptr) return;
  for (int64_t t = rows.begin; t < rows.end; ++t) kernels_->add(out + t * out_stride, bias->value, bias->size());
}

void Network::project_backward(Rows rows, const float* gradient, int64_t stride, const Parameter& w, float beta,
                               float* in_gradient, int64_t in_stride) {
  multiply_nn(products_, rows.size(), w.cols, w.rows, gradient + rows.begin * stride, stride, w.value, w.cols, beta,
              in_gradient + rows.begin * in_stride, in_stride);
}

void Network::weight_gradient(int member, const float* gradient, int64_t stride, const float* in, int64_t in_stride,
                              Parameter& w) {
  if (!w.trained) return;
  const auto [begin, end] = share(w.rows, member, threads_->size(), 16);
  multiply_tn(products_, end - begin, w.cols, n_, gradient + begin, stride, in, in_stride, 1, w.gradient + begin * w.cols,
              w.cols);
}

void Network::bias_gradient(Private& mine, Rows rows, const float* gradient, int64_t stride, const Parameter* bias) {
  if (bias == nullptr || !bias->trained) return;
  float* sum = vector_gradient(mine, *bias);
  for (int64_t t = rows.begin; t < rows.end; ++t) kernels_->add(sum, gradient + t * stride, bias->size());
}

}  // namespace sobre
