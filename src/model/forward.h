// The forward pass: one for every family. A step takes a batch of tokens of one or more sequences through all layers and gives
// logits for those that ask. The logits of a token are the same bits whatever shares its batch, however its prompt was cut, on
// any number of threads. One step at a time per object; after construction a step allocates nothing.
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
#include "model/kv_cache.h"
#include "model/model.h"

namespace sobre {

struct BatchToken {
  int32_t id = 0;
  int32_t position = 0;
  int32_t sequence = 0;  // index into the step's sequences
  bool wants_logits = false;
};

/// The pages of one sequence, position 64 * i onwards in pages[i]. Pages must be there for every position of the step.
using SequencePages = std::span<const int>;

class Forward {
 public:
  /// Work space for steps of at most max_tokens tokens, max_logits of which want logits, over sequences of at most max_pages
  /// pages.
  [[nodiscard]] static Result<std::unique_ptr<Forward>> create(std::shared_ptr<const Model> model,
                                                               std::shared_ptr<ThreadPool> threads, int max_tokens,
                                                               int max_logits, int max_pages);

  /// Runs one step. Tokens of one sequence must come in ascending positions; keys and values go into `kv`. Errors: an id
  /// outside the vocabulary; a value that is not finite, naming the layer.
  [[nodiscard]] Result<void> step(std::span<const BatchToken> tokens, std::span<const SequencePages> sequences, KvPool& kv);

  /// Whether token i of the last step had a value that is not finite: its sequence is lost, the others' results stand. False
  /// for all where step() failed in another way.
  [[nodiscard]] bool is_bad(int i) const { return bad_tokens_[static_cast<size_t>(i)] != 0; }

  /// Logits of the i-th token that wanted them, in batch order: [vocab]. Valid until the next step.
  [[nodiscard]] std::span<const float> logits(int i) const;
  [[nodiscard]] int max_tokens() const { return max_tokens_; }
  [[nodiscard]] uint64_t memory_bytes() const;

  /// Bytes of work space for these sizes.
  [[nodiscard]] static uint64_t work_bytes(const DecoderSpec& spec, int threads, int max_tokens, int max_logits);

 private:
  struct Step;  // one step's inputs, shared by its members
  /// One member's own space: a single token is normed and quantised by every member for itself, which saves a barrier each
  /// time.
  struct Private {
    float* norm = nullptr;
    int8_t* acts = nullptr;
    ActBlock* meta = nullptr;
    float* attention = nullptr;
    float* head_in = nullptr;   // one head, padded (q/k norms)
    float* head_out = nullptr;  // [queries of a unit][padded head]
    const uint8_t** keys = nullptr;
    const uint8_t** values = nullptr;
    AttentionQuery* queries = nullptr;
  };
  Forward() = default;

  void run_member(int member, const Step& s);
  void embed(int member, const Step& s);
  void attention_block(int member, const Step& s, int layer);
  void ffn_block(int member, const Step& s, int layer);
  void project_heads(int member, const Step& s, int layer, const ActRows& a);
  void rotate_and_store(int member, const Step& s, int layer);
  void attend(int member, const Step& s, int layer);
  void attend_unit(int member, const Step& s, int layer, int kv_head, int64_t t0, int64_t t1);
  void add_branch(int member, const Step& s, const PackedMatrix& w, const ActRows& a, const std::vector<float>& bias,
                  const std::vector<float>& post_norm, int layer);
  void head(int member, const Step& s);
  void clear_padding(int member, float* rows, int64_t stride, int64_t n, int64_t written) const;
  void check_finite(const float* x, int64_t n, int layer, int64_t token);
  ActRows prepare(int member, const float* x, int64_t stride, int64_t n, int64_t dim, const std::vector<float>* norm,
                  bool integers, int terms);
  [[nodiscard]] std::pair<int64_t, int64_t> group_share(int member, int64_t groups) const;

  std::shared_ptr<const Model> model_;
  std::shared_ptr<ThreadPool> threads_;
  const Kernels* kernels_ = nullptr;
  int max_tokens_ = 0, max_logits_ = 0, max_pages_ = 0;
  int64_t d_stride_ = 0, q_stride_ = 0, kv_stride_ = 0, ffn_stride_ = 0, vocab_stride_ = 0, widest_ = 0, rope_half_ = 0;

  Buffer memory_;
  float *x_ = nullptr, *norm_ = nullptr, *q_ = nullptr, *k_ = nullptr, *v_ = nullptr, *attn_ = nullptr, *gate_ = nullptr,
        *up_ = nullptr;
  float *branch_ = nullptr, *picked_ = nullptr, *logits_ = nullptr, *cos_ = nullptr, *sin_ = nullptr;
  int8_t* acts_ = nullptr;
  ActBlock* acts_meta_ = nullptr;
  std::vector<float> query_scale_;      // [max_tokens]
  std::vector<int32_t> picked_tokens_;  // [max_logits]
  std::vector<Private> private_;
  std::atomic<int> bad_layer_{0};    // first layer with a value that is not finite, plus one; 0: none
  std::vector<uint8_t> bad_tokens_;  // [max_tokens]
  int n_logits_ = 0;
};

}  // namespace sobre
