// A decoder that learns: the loss of a batch and its gradients, for any DecoderSpec. The layers are those of model/forward.h in
// f32 throughout; forward and backward of each part stand side by side in network_attention.cpp, network_ffn.cpp and
// network_head.cpp. A team of threads divides the tokens of the batch for everything that acts on a token, and the rows of a
// weight's gradient for the sums over tokens, so no sum is added up in an order that depends on timing: the same batch,
// threads, instruction set and library of products give the same bits. One call at a time per object.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/buffer.h"
#include "base/result.h"
#include "base/threads.h"
#include "kernels/kernels.h"
#include "learn/example.h"
#include "learn/parameters.h"
#include "learn/products.h"
#include "model/spec.h"

namespace sobre {

class Network {
 public:
  /// Negative log-likelihoods of the targets that count: their sum in nats, and how many they are.
  struct Loss {
    double sum = 0;
    int64_t counted = 0;
  };

  /// Work space for batches of at most max_tokens tokens. The parameters must outlive it; `spec` is copied. `products`: of
  /// weights with activations and gradients; attention's are f32. Error: too little memory.
  [[nodiscard]] static Result<std::unique_ptr<Network>> create(const DecoderSpec& spec, Parameters& parameters,
                                                               const Kernels& kernels, std::shared_ptr<ThreadPool> threads,
                                                               int max_tokens, ProductType products);

  /// The loss alone. Errors: ids outside the vocabulary, more tokens than fit, a loss that is not finite.
  [[nodiscard]] Result<Loss> evaluate(const TrainBatch& batch);
  /// The loss, and `weight` times its gradient added to the gradients of what is trained.
  [[nodiscard]] Result<Loss> learn(const TrainBatch& batch, float weight);

  [[nodiscard]] int max_tokens() const { return max_tokens_; }
  /// Multiplications and additions of the matrix products in one learn() of such a batch.
  [[nodiscard]] double operations(const TrainBatch& batch) const;
  /// Bytes of work space for these sizes.
  [[nodiscard]] static uint64_t work_bytes(const DecoderSpec& spec, int threads, int max_tokens, ProductType products);

 private:
  /// What the forward pass of a layer leaves for its backward pass; rows of a token, padded to 16 floats.
  struct Saved {
    float *x = nullptr, *middle = nullptr;                // [tokens, d]: the layer's input, and between attention and FFN
    float *q = nullptr, *k = nullptr, *v = nullptr;       // as attention sees them
    float *q_raw = nullptr, *k_raw = nullptr;             // before their norms; null without
    float *attention = nullptr, *log_sums = nullptr;      // [tokens, q], [tokens, heads]
    float *attn_branch = nullptr, *ffn_branch = nullptr;  // before the post-norms; null without
    float *gate = nullptr, *up = nullptr;                 // [tokens, ffn]
  };
  /// One member's own space.
  struct Private {
    float* scores = nullptr;  // [kQueryBlock, tokens]
    float* score_gradients = nullptr;
    float* vectors = nullptr;  // gradients of norms and biases: sums over this member's tokens
    float *head_x = nullptr, *head_y = nullptr, *head_dx = nullptr;  // one head, padded (q/k norms)
    float* spare = nullptr;                                          // where gradients of what is not trained go
    float* head_rows = nullptr;                                      // [kHeadRows, this member's part of the vocabulary]
    float* head_gradient = nullptr;                                  // [kHeadRows, d]
    double loss = 0;
  };
  struct Rows {
    int64_t begin, end;
    [[nodiscard]] int64_t size() const { return end - begin; }
  };
  Network() = default;

  void set_sizes(const DecoderSpec& spec, int members, int max_tokens);
  uint64_t carve(std::byte* base);
  void place_vectors();
  [[nodiscard]] Result<Loss> run(const TrainBatch& batch, float weight, bool backward);
  [[nodiscard]] Result<void> check(const TrainBatch& batch);
  void run_member(int member, bool backward);
  void embed(int member);
  void embed_backward(int member);
  void sum_vectors(int member);

  // network_attention.cpp
  void attention_block(int member, int layer);
  void attention_backward(int member, int layer);
  void attend_units(int member, int layer, bool backward);
  void attend(Private& mine, int layer, int document, int kv_head);
  void attend_backward(Private& mine, int layer, int document, int kv_head);
  void finish_heads(int member, int layer);
  void finish_heads_backward(int member, int layer);
  // network_ffn.cpp
  void ffn_block(int member, int layer);
  void ffn_backward(int member, int layer);
  void add_branch(const float* branch, const Parameter* post_norm, int64_t t, const float* x, float* out);
  void branch_gradient(Private& mine, const float* saved, const Parameter* post_norm, int64_t t, float* out);
  // network_head.cpp
  void head(int member, bool backward);
  void head_chunk(int member, int64_t first, int64_t n, bool backward);

  /// out[rows] = in[rows] * w^T (+ bias), the rows of a member's tokens.
  void project(Rows rows, const float* in, int64_t in_stride, const Parameter& w, const Parameter* bias, float* out,
               int64_t out_stride);
  /// in_gradient[rows] = beta * in_gradient + gradient[rows] * w.
  void project_backward(Rows rows, const float* gradient, int64_t stride, const Parameter& w, float beta, float* in_gradient,
                        int64_t in_stride);
  /// The member's rows of w's gradient += gradient^T * in, over all tokens.
  void weight_gradient(int member, const float* gradient, int64_t stride, const float* in, int64_t in_stride, Parameter& w);
  void bias_gradient(Private& mine, Rows rows, const float* gradient, int64_t stride, const Parameter* bias);

  [[nodiscard]] Rows own_rows(int member) const;
  /// Where this member adds the gradient of a norm or a bias.
  [[nodiscard]] float* vector_gradient(Private& mine, const Parameter& p) const;

  DecoderSpec spec_;
  Parameters* parameters_ = nullptr;
  const Kernels* kernels_ = nullptr;
  std::shared_ptr<ThreadPool> threads_;
  int max_tokens_ = 0;
  ProductType products_ = ProductType::kF32;  // of weights with activations and gradients; attention's own are f32
  int64_t d_stride_ = 0, q_stride_ = 0, kv_stride_ = 0, ffn_stride_ = 0, head_stride_ = 0;
  int lowest_ = 0;  // the layer at which the backward pass may stop; -1: it goes down to the embedding

  Buffer memory_;
  std::vector<Saved> saved_;
  std::vector<Private> private_;
  std::vector<int64_t> vector_offsets_;  // of each parameter in Private::vectors; -1: none there
  int64_t vector_floats_ = 0;
  float *last_ = nullptr, *hidden_ = nullptr;                 // [tokens, d]: the last layer's output, and normed
  float *dx_ = nullptr, *dnorm_ = nullptr;                    // [tokens, d]
  float *ffn_norm_ = nullptr, *ffn_gradient_ = nullptr;       // [tokens, d]: of the FFN's backward pass
  float *act_ = nullptr, *dgate_ = nullptr, *dup_ = nullptr;  // [tokens, ffn]
  float *attn_norm_ = nullptr, *attn_gradient_ = nullptr;     // [tokens, d]: of attention's backward pass
  float *dattention_ = nullptr, *deltas_ = nullptr;           // [tokens, q], [tokens, heads]
  float *dq_ = nullptr, *dk_ = nullptr, *dv_ = nullptr;
  float *cos_ = nullptr, *sin_ = nullptr, *minus_sin_ = nullptr;  // [ropes][tokens][half of a head, padded]
  float* picked_ = nullptr;                                       // [kHeadRows, d]
  float *row_max_ = nullptr, *row_sum_ = nullptr;                 // [members, kHeadRows]
  int64_t rope_half_ = 0;
  std::vector<float> query_scale_;           // [tokens]
  std::vector<int32_t> positions_;           // [tokens]
  std::vector<int32_t> counted_;             // tokens with a target
  std::vector<std::atomic<int>> next_unit_;  // [2 layers]: attention forward, backward

  // of the call in progress
  const TrainBatch* batch_ = nullptr;
  float weight_ = 0;
  int64_t n_ = 0;
};

}  // namespace sobre
