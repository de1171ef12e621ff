#include "model/forward.h"

#include <algorithm>
#include <cfloat>
#include <cmath>

#include "base/carver.h"
#include "base/checked.h"
#include "base/detmath.h"

namespace sobre {

namespace {

// The head sees its activations in two 8-bit terms (16 bits in effect): next to nothing in time while memory is the limit, and
// a third of the divergence that 8-bit activations cause (ARCHITECTURE.md, Fidelity).
constexpr int kHeadTerms = 2;
constexpr int kMaxTerms = 2;
constexpr int kTokensPerUnit = 8;  // tokens whose queries one attention call handles together

// Shapes of a model's work space; every row is padded to whole blocks.
struct Strides {
  int64_t d = 0, q = 0, kv = 0, ffn = 0, vocab = 0, widest = 0, rope_half = 0;
  int head_dim = 0;
};

Strides strides_of(const DecoderSpec& spec) {
  Strides s;
  s.d = round_up(spec.d_model, kBlock);
  s.vocab = round_up(spec.vocab_size, kGroupRows);
  for (const LayerSpec& l : spec.layers) {
    s.q = std::max<int64_t>(s.q, round_up(static_cast<int64_t>(l.n_heads) * l.head_dim, kBlock));
    s.kv = std::max<int64_t>(s.kv, round_up(static_cast<int64_t>(l.n_kv_heads) * l.head_dim, kBlock));
    s.ffn = std::max<int64_t>(s.ffn, round_up(l.ffn_dim, kBlock));
    s.head_dim = std::max(s.head_dim, l.head_dim);
  }
  for (const RopeSpec& r : spec.ropes)
    s.rope_half = std::max<int64_t>(s.rope_half, round_up(static_cast<int64_t>(r.inv_freq.size()), 16));
  s.widest = std::max({s.d, s.q, s.ffn});
  return s;
}

}  // namespace

struct Forward::Step {
  std::span<const BatchToken> tokens;
  std::span<const SequencePages> sequences;
  KvPool* kv;
  [[nodiscard]] int64_t n() const { return static_cast<int64_t>(tokens.size()); }
};

namespace {

int max_group(const DecoderSpec& spec) {
  int most = 1;
  for (const LayerSpec& l : spec.layers) most = std::max(most, l.n_heads / l.n_kv_heads);
  return most;
}

}  // namespace

Result<std::unique_ptr<Forward>> Forward::create(std::shared_ptr<const Model> model, std::shared_ptr<ThreadPool> threads,
                                                 int max_tokens, int max_logits, int max_pages) {
  std::unique_ptr<Forward> f(new Forward());
  const DecoderSpec& spec = model->spec();
  const Strides s = strides_of(spec);
  f->model_ = std::move(model);
  f->threads_ = std::move(threads);
  f->kernels_ = &f->model_->kernels();
  f->max_tokens_ = max_tokens;
  f->max_logits_ = max_logits;
  f->max_pages_ = max_pages;
  f->d_stride_ = s.d;
  f->q_stride_ = s.q;
  f->kv_stride_ = s.kv;
  f->ffn_stride_ = s.ffn;
  f->vocab_stride_ = s.vocab;
  f->widest_ = s.widest;
  f->rope_half_ = s.rope_half;
  f->private_.resize(static_cast<size_t>(f->threads_->size()));
  const int64_t unit_queries = kTokensPerUnit * max_group(spec);
  const int64_t head_padded = round_up(s.head_dim, kBlock);
  const auto carve = [&](std::byte* base) {
    Carver c(base);
    const int64_t n = max_tokens;
    f->x_ = c.take<float>(n * s.d);
    f->norm_ = c.take<float>(n * s.d);
    f->branch_ = c.take<float>(n * s.d);
    f->q_ = c.take<float>(n * s.q);
    f->attn_ = c.take<float>(n * s.q);
    f->k_ = c.take<float>(n * s.kv);
    f->v_ = c.take<float>(n * s.kv);
    f->gate_ = c.take<float>(n * s.ffn);
    f->up_ = c.take<float>(n * s.ffn);
    f->acts_ = c.take<int8_t>(std::max(n * s.widest, max_logits * s.d * kMaxTerms));
    f->acts_meta_ = c.take<ActBlock>(std::max(n * s.widest, max_logits * s.d * kMaxTerms) / kBlock);
    f->picked_ = c.take<float>(max_logits * s.d);
    f->logits_ = c.take<float>(max_logits * s.vocab);
    const auto ropes = static_cast<int64_t>(spec.ropes.size());
    f->cos_ = c.take<float>(ropes * n * s.rope_half);
    f->sin_ = c.take<float>(ropes * n * s.rope_half);
    for (Private& p : f->private_) {
      p.norm = c.take<float>(s.widest);
      p.acts = c.take<int8_t>(s.widest * kMaxTerms);
      p.meta = c.take<ActBlock>(s.widest * kMaxTerms / kBlock);
      p.attention = c.take<float>(attention_scratch(s.head_dim));
      p.head_in = c.take<float>(head_padded);
      p.head_out = c.take<float>(unit_queries * head_padded);
      p.keys = c.take<const uint8_t*>(max_pages);
      p.values = c.take<const uint8_t*>(max_pages);
      p.queries = c.take<AttentionQuery>(unit_queries);
    }
    return c.used();
  };
  TRY(f->memory_, Buffer::create(carve(nullptr)));
  carve(f->memory_.data());
  f->query_scale_.assign(static_cast<size_t>(max_tokens), 1.0F);
  f->picked_tokens_.assign(static_cast<size_t>(max_logits), 0);
  f->bad_tokens_.assign(static_cast<size_t>(max_tokens), 0);
  return f;
}

uint64_t Forward::memory_bytes() const { return memory_.size(); }

uint64_t Forward::work_bytes(const DecoderSpec& spec, int threads, int max_tokens, int max_logits) {
  const Strides s = strides_of(spec);
  const int64_t floats =
      max_tokens * (3 * s.d + 2 * s.q + 2 * s.kv + 2 * s.ffn + 2 * s.rope_half * static_cast<int64_t>(spec.ropes.size())) +
      max_logits * (s.vocab + s.d);
  const int64_t acts = std::max(max_tokens * s.widest, max_logits * s.d * kMaxTerms) * 2 + threads * s.widest * 8;
  return static_cast<uint64_t>(floats * 4 + acts);
}

std::span<const float> Forward::logits(int i) const {
  return {logits_ + static_cast<int64_t>(i) * vocab_stride_, static_cast<size_t>(model_->spec().vocab_size)};
}

Result<void> Forward::step(std::span<const BatchToken> tokens, std::span<const SequencePages> sequences, KvPool& kv) {
  CHECK(static_cast<int>(tokens.size()) <= max_tokens_);
  const DecoderSpec& spec = model_->spec();
  n_logits_ = 0;
  std::fill(bad_tokens_.begin(), bad_tokens_.end(), uint8_t{0});
  for (size_t t = 0; t < tokens.size(); ++t) {
    if (tokens[t].id < 0 || tokens[t].id >= spec.vocab_size) {
      return fail("the token id {} is outside the vocabulary of {} entries", tokens[t].id, spec.vocab_size);
    }
    if (!tokens[t].wants_logits) continue;
    CHECK(n_logits_ < max_logits_);
    picked_tokens_[static_cast<size_t>(n_logits_++)] = static_cast<int32_t>(t);
  }
  if (tokens.empty()) return {};
  bad_layer_.store(0, std::memory_order_relaxed);
  const Step s{tokens, sequences, &kv};
  threads_->run([&](int member) { run_member(member, s); });
  const int bad = bad_layer_.load(std::memory_order_relaxed);
  if (bad > 0) return fail("{}: layer {} gave a value that is not finite (damaged weights?)", model_->path(), bad - 1);
  return {};
}

void Forward::run_member(int member, const Step& s) {
  embed(member, s);
  threads_->barrier();
  for (int layer = 0; layer < model_->spec().n_layers(); ++layer) {
    attention_block(member, s, layer);
    ffn_block(member, s, layer);
  }
  if (n_logits_ > 0) head(member, s);
}

void Forward::embed(int member, const Step& s) {
  const DecoderSpec& spec = model_->spec();
  const auto [t0, t1] = share(s.n(), member, threads_->size());
  for (int64_t t = t0; t < t1; ++t) {
    const BatchToken& token = s.tokens[static_cast<size_t>(t)];
    float* x = x_ + t * d_stride_;
    unpack_row(model_->weights().embedding, token.id, x);
    if (spec.embedding_scale != 1.0F) kernels_->scale(x, spec.embedding_scale, spec.d_model);
    for (size_t r = 0; r < spec.ropes.size(); ++r) {
      const RopeSpec& rope = spec.ropes[r];
      const int64_t at = (static_cast<int64_t>(r) * max_tokens_ + t) * rope_half_;
      for (size_t i = 0; i < rope.inv_freq.size(); ++i) {
        const float angle = static_cast<float>(token.position) * rope.inv_freq[i];
        cos_[at + static_cast<int64_t>(i)] = static_cast<float>(detmath::cos(static_cast<double>(angle))) * rope.magnitude;
        sin_[at + static_cast<int64_t>(i)] = static_cast<float>(detmath::sin(static_cast<double>(angle))) * rope.magnitude;
      }
    }
    if (spec.query_scale_beta != 0.0F) {
      const int times = 1 + token.position / spec.query_scale_context;
      query_scale_[static_cast<size_t>(t)] =
          1.0F + spec.query_scale_beta * static_cast<float>(detmath::log(static_cast<double>(times)));
    }
  }
}

// Rows of activations in the shape the next matrices want, normed first where `norm` is given. With one token every member
// makes its own copy; with more, members share the rows and meet.
ActRows Forward::prepare(int member, const float* x, int64_t stride, int64_t n, int64_t dim, const std::vector<float>* norm,
                         bool integers, int terms) {
  const Private& mine = private_[static_cast<size_t>(member)];
  const int64_t blocks = div_up(dim, kBlock);
  const bool alone = n == 1;
  float* normed = alone ? mine.norm : norm_;
  const int64_t normed_stride = alone ? widest_ : d_stride_;
  int8_t* q = alone ? mine.acts : acts_;
  ActBlock* meta = alone ? mine.meta : acts_meta_;
  const auto [t0, t1] = alone ? std::pair<int64_t, int64_t>{0, 1} : share(n, member, threads_->size());
  for (int64_t t = t0; t < t1; ++t) {
    const float* row = x + t * stride;
    if (norm != nullptr) {
      kernels_->rms_norm(row, norm->data(), dim, model_->spec().norm_eps, normed + t * normed_stride);
      row = normed + t * normed_stride;
    }
    if (integers) kernels_->quantize(row, blocks, terms, q + t * terms * blocks * kBlock, meta + t * terms * blocks);
  }
  if (!alone) threads_->barrier();
  return {norm != nullptr ? normed : x, norm != nullptr ? normed_stride : stride, q, meta, terms, blocks};
}

std::pair<int64_t, int64_t> Forward::group_share(int member, int64_t groups) const {
  return share(groups, member, threads_->size());
}

void Forward::check_finite(const float* x, int64_t n, int layer, int64_t token) {
  bool bad = false;
  for (int64_t i = 0; i < n; ++i) bad |= !(std::fabs(x[i]) <= FLT_MAX);
  if (!bad) return;
  std::atomic_ref(bad_tokens_[static_cast<size_t>(token)]).store(1, std::memory_order_relaxed);
  int none = 0;
  bad_layer_.compare_exchange_strong(none, layer + 1, std::memory_order_relaxed);
}

// q, k and v share their groups among the members as one long list; each adds its biases.
void Forward::project_heads(int member, const Step& s, int layer, const ActRows& a) {
  const LayerWeights& w = model_->weights().layers[static_cast<size_t>(layer)];
  struct Part {
    const PackedMatrix* w;
    const std::vector<float>* bias;
    float* out;
    int64_t stride;
  };
  const Part parts[] = {{&w.q, &w.q_bias, q_, q_stride_}, {&w.k, &w.k_bias, k_, kv_stride_}, {&w.v, &w.v_bias, v_, kv_stride_}};
  const auto [begin, end] = group_share(member, w.q.groups() + w.k.groups() + w.v.groups());
  int64_t base = 0;
  for (const Part& p : parts) {
    const int64_t g0 = std::clamp<int64_t>(begin - base, 0, p.w->groups());
    const int64_t g1 = std::clamp<int64_t>(end - base, 0, p.w->groups());
    base += p.w->groups();
    if (g0 == g1) continue;
    kernels_->matmul(*p.w, a, s.n(), g0, g1, p.out, p.stride);
    if (p.bias->empty()) continue;
    const int64_t r0 = g0 * kGroupRows;
    const int64_t r1 = std::min(g1 * kGroupRows, p.w->rows);
    for (int64_t t = 0; t < s.n(); ++t) kernels_->add(p.out + t * p.stride + r0, p.bias->data() + r0, r1 - r0);
  }
}

void Forward::rotate_and_store(int member, const Step& s, int layer) {
  const DecoderSpec& spec = model_->spec();
  const LayerSpec& l = spec.layers[static_cast<size_t>(layer)];
  const LayerWeights& w = model_->weights().layers[static_cast<size_t>(layer)];
  const Private& mine = private_[static_cast<size_t>(member)];
  const int rep = l.n_heads / l.n_kv_heads;
  const auto finish = [&](float* head, const std::vector<float>& norm, int64_t t) {
    if (l.qk_norm) {
      std::copy_n(head, l.head_dim, mine.head_in);
      kernels_->rms_norm(mine.head_in, norm.data(), l.head_dim, spec.norm_eps, mine.head_in);
      std::copy_n(mine.head_in, l.head_dim, head);
      std::fill_n(mine.head_in, round_up(l.head_dim, 16), 0.0F);
    }
    if (l.rope >= 0) {
      const int64_t at = (static_cast<int64_t>(l.rope) * max_tokens_ + t) * rope_half_;
      kernels_->rope(head, cos_ + at, sin_ + at, l.head_dim);
    }
  };
  const auto [u0, u1] = share(s.n() * l.n_kv_heads, member, threads_->size());
  for (int64_t u = u0; u < u1; ++u) {
    const int64_t t = u / l.n_kv_heads;
    const int kv_head = static_cast<int>(u % l.n_kv_heads);
    const BatchToken& token = s.tokens[static_cast<size_t>(t)];
    float* key = k_ + t * kv_stride_ + kv_head * l.head_dim;
    finish(key, w.k_norm, t);
    const int page = s.sequences[static_cast<size_t>(token.sequence)][static_cast<size_t>(token.position / kPagePositions)];
    kernels_->kv_store(static_cast<int>(s.kv->type()), s.kv->keys(page, layer, kv_head), s.kv->values(page, layer, kv_head),
                       token.position % kPagePositions, key, v_ + t * kv_stride_ + kv_head * l.head_dim, l.head_dim);
    for (int h = kv_head * rep; h < (kv_head + 1) * rep; ++h) {
      float* query = q_ + t * q_stride_ + h * l.head_dim;
      finish(query, w.q_norm, t);
      kernels_->scale(query, l.score_scale * query_scale_[static_cast<size_t>(t)], l.head_dim);
    }
  }
}

void Forward::attend_unit(int member, const Step& s, int layer, int kv_head, int64_t t0, int64_t t1) {
  const LayerSpec& l = model_->spec().layers[static_cast<size_t>(layer)];
  const Private& mine = private_[static_cast<size_t>(member)];
  const int rep = l.n_heads / l.n_kv_heads;
  const int64_t padded = round_up(l.head_dim, 16);
  const SequencePages pages = s.sequences[static_cast<size_t>(s.tokens[static_cast<size_t>(t0)].sequence)];
  int n = 0;
  for (int64_t t = t0; t < t1; ++t) {
    const int position = s.tokens[static_cast<size_t>(t)].position;
    const int first = l.window > 0 ? std::max(0, position - l.window + 1) : 0;
    for (int r = 0; r < rep; ++r, ++n)
      mine.queries[n] = {q_ + t * q_stride_ + (kv_head * rep + r) * l.head_dim, mine.head_out + n * padded, first, position};
  }
  const int from = mine.queries[0].first / kPagePositions;
  const int to = mine.queries[n - 1].last / kPagePositions;
  for (int p = from; p <= to; ++p) {
    mine.keys[p] = s.kv->keys(pages[static_cast<size_t>(p)], layer, kv_head);
    mine.values[p] = s.kv->values(pages[static_cast<size_t>(p)], layer, kv_head);
  }
  const KvView view{mine.keys, mine.values, static_cast<int>(s.kv->type()), l.head_dim};
  kernels_->attend(&view, mine.queries, n, mine.attention);
  n = 0;
  for (int64_t t = t0; t < t1; ++t) {
    for (int r = 0; r < rep; ++r, ++n)
      std::copy_n(mine.head_out + n * padded, l.head_dim, attn_ + t * q_stride_ + (kv_head * rep + r) * l.head_dim);
  }
}

// Quantising reads whole blocks: behind rows that end within one, zeros, and not what a wider layer has left there. One member
// does it while the others write what comes before.
void Forward::clear_padding(int member, float* rows, int64_t stride, int64_t n, int64_t written) const {
  const int64_t padding = round_up(written, kBlock) - written;
  for (int64_t t = 0; t < n && member == 0 && padding > 0; ++t) std::fill_n(rows + t * stride + written, padding, 0.0F);
}

// Units of one kv head and a few consecutive tokens of one sequence, dealt out in turn: later tokens see more keys, and so the
// shares even out.
void Forward::attend(int member, const Step& s, int layer) {
  const LayerSpec& l = model_->spec().layers[static_cast<size_t>(layer)];
  int64_t unit = 0;
  for (int64_t t0 = 0; t0 < s.n();) {
    int64_t t1 = t0 + 1;
    while (t1 < s.n() && t1 - t0 < kTokensPerUnit &&
           s.tokens[static_cast<size_t>(t1)].sequence == s.tokens[static_cast<size_t>(t0)].sequence)
      ++t1;
    for (int h = 0; h < l.n_kv_heads; ++h, ++unit) {
      if (unit % threads_->size() == member) attend_unit(member, s, layer, h, t0, t1);
    }
    t0 = t1;
  }
  clear_padding(member, attn_, q_stride_, s.n(), static_cast<int64_t>(l.n_heads) * l.head_dim);
}

// x += residual_scale * (post norm of) (w a + bias).
void Forward::add_branch(int member, const Step& s, const PackedMatrix& w, const ActRows& a, const std::vector<float>& bias,
                         const std::vector<float>& post_norm, int layer) {
  const DecoderSpec& spec = model_->spec();
  const auto [g0, g1] = group_share(member, w.groups());
  const int64_t r0 = g0 * kGroupRows;
  const int64_t width = std::min(g1 * kGroupRows, w.rows) - r0;
  const auto add = [&](float* x, const float* y, int64_t n) {
    if (spec.residual_scale == 1.0F)
      kernels_->add(x, y, n);
    else
      kernels_->add_scaled(x, y, spec.residual_scale, n);
  };
  if (g0 < g1) kernels_->matmul(w, a, s.n(), g0, g1, branch_, d_stride_);
  for (int64_t t = 0; t < s.n() && g0 < g1; ++t) {
    float* y = branch_ + t * d_stride_ + r0;
    if (!bias.empty()) kernels_->add(y, bias.data() + r0, width);
    if (post_norm.empty()) {
      add(x_ + t * d_stride_ + r0, y, width);
      check_finite(x_ + t * d_stride_ + r0, width, layer, t);
    }
  }
  threads_->barrier();
  if (post_norm.empty()) return;
  const auto [t0, t1] = share(s.n(), member, threads_->size());
  for (int64_t t = t0; t < t1; ++t) {
    float* y = branch_ + t * d_stride_;
    kernels_->rms_norm(y, post_norm.data(), spec.d_model, spec.norm_eps, y);
    add(x_ + t * d_stride_, y, spec.d_model);
    check_finite(x_ + t * d_stride_, spec.d_model, layer, t);
  }
  threads_->barrier();
}

void Forward::attention_block(int member, const Step& s, int layer) {
  const LayerSpec& l = model_->spec().layers[static_cast<size_t>(layer)];
  const LayerWeights& w = model_->weights().layers[static_cast<size_t>(layer)];
  const bool integers = !is_float(w.q.form) || !is_float(w.k.form) || !is_float(w.v.form);
  const ActRows in = prepare(member, x_, d_stride_, s.n(), model_->spec().d_model, &w.attn_norm, integers, 1);
  project_heads(member, s, layer, in);
  threads_->barrier();
  rotate_and_store(member, s, layer);
  threads_->barrier();
  attend(member, s, layer);
  threads_->barrier();
  const ActRows out =
      prepare(member, attn_, q_stride_, s.n(), static_cast<int64_t>(l.n_heads) * l.head_dim, nullptr, !is_float(w.o.form), 1);
  add_branch(member, s, w.o, out, w.o_bias, w.attn_post_norm, layer);
}

void Forward::ffn_block(int member, const Step& s, int layer) {
  const LayerSpec& l = model_->spec().layers[static_cast<size_t>(layer)];
  const LayerWeights& w = model_->weights().layers[static_cast<size_t>(layer)];
  const bool integers = !is_float(w.gate.form) || !is_float(w.up.form);
  const ActRows in = prepare(member, x_, d_stride_, s.n(), model_->spec().d_model, &w.ffn_norm, integers, 1);
  const auto [g0, g1] = group_share(member, w.gate.groups());
  if (g0 < g1) {
    kernels_->matmul(w.gate, in, s.n(), g0, g1, gate_, ffn_stride_);
    kernels_->matmul(w.up, in, s.n(), g0, g1, up_, ffn_stride_);
    const int64_t r0 = g0 * kGroupRows;
    const int64_t width = std::min(g1 * kGroupRows, w.gate.rows) - r0;
    for (int64_t t = 0; t < s.n(); ++t) {
      float* gate = gate_ + t * ffn_stride_ + r0;
      const float* up = up_ + t * ffn_stride_ + r0;
      if (l.activation == Activation::kSilu)
        kernels_->silu_mul(gate, up, gate, width);
      else
        kernels_->gelu_mul(gate, up, gate, width);
    }
  }
  clear_padding(member, gate_, ffn_stride_, s.n(), w.gate.groups() * kGroupRows);
  threads_->barrier();
  const ActRows hidden = prepare(member, gate_, ffn_stride_, s.n(), l.ffn_dim, nullptr, !is_float(w.down.form), 1);
  add_branch(member, s, w.down, hidden, {}, w.ffn_post_norm, layer);
}

void Forward::head(int member, const Step& s) {
  const DecoderSpec& spec = model_->spec();
  const Weights& w = model_->weights();
  const PackedMatrix& m = w.head.empty() ? w.embedding : w.head;
  const int64_t n = n_logits_;
  const float* rows = x_;
  if (s.n() > 1) {
    const auto [i0, i1] = share(n, member, threads_->size());
    for (int64_t i = i0; i < i1; ++i)
      std::copy_n(x_ + picked_tokens_[static_cast<size_t>(i)] * d_stride_, d_stride_, picked_ + i * d_stride_);
    threads_->barrier();
    rows = picked_;
  }
  const ActRows in = prepare(member, rows, d_stride_, n, spec.d_model, &w.final_norm, !is_float(m.form), kHeadTerms);
  const auto [g0, g1] = group_share(member, m.groups());
  if (g0 == g1) return;
  kernels_->matmul(m, in, n, g0, g1, logits_, vocab_stride_);
  const int64_t r0 = g0 * kGroupRows;
  const int64_t width = std::min(g1 * kGroupRows, m.rows) - r0;
  for (int64_t i = 0; i < n; ++i) {
    float* row = logits_ + i * vocab_stride_ + r0;
    if (spec.logit_divisor != 1.0F) kernels_->scale(row, 1.0F / spec.logit_divisor, width);
    check_finite(row, width, spec.n_layers(), picked_tokens_[static_cast<size_t>(i)]);
  }
}

}  // namespace sobre
