// The weights of a model that learns: plain f32, with gradients and AdamW's moments beside what is trained. Owned by whoever
// trains; written by one team of threads at a time. Rows of q and k are in half-split order and norms in effect form (1 + w
// already added), as everywhere behind a checkpoint; what is written to a file is turned back.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "base/result.h"
#include "base/threads.h"
#include "model/families.h"
#include "model/model.h"

namespace sobre {

/// A matrix [rows, cols] without gaps, or a vector (rows 1) padded with zeros to whole blocks of 32. Null pointers where
/// nothing is trained.
struct Parameter {
  std::string name;       // of the tensor that holds it in a Hugging Face export
  int64_t first_row = 0;  // of that tensor (fused projections hold several parameters)
  int64_t rows = 0, cols = 0;
  bool is_matrix = false;  // weight decay is for these
  bool plus_one = false;   // files hold the value minus one
  bool trained = true;
  bool by_muon = false;  // moved by Muon's steps, not by AdamW's
  float* value = nullptr;
  float* gradient = nullptr;
  float* first_moment = nullptr;
  float* second_moment = nullptr;
  [[nodiscard]] int64_t size() const { return rows * cols; }
};

/// The parameters of one layer by their role; null where the model has none.
struct LayerParameters {
  Parameter *attn_norm = nullptr, *attn_post_norm = nullptr, *ffn_norm = nullptr, *ffn_post_norm = nullptr;
  Parameter *q_norm = nullptr, *k_norm = nullptr;
  Parameter *q = nullptr, *k = nullptr, *v = nullptr, *o = nullptr;
  Parameter *q_bias = nullptr, *k_bias = nullptr, *v_bias = nullptr, *o_bias = nullptr;
  Parameter *gate = nullptr, *up = nullptr, *down = nullptr;
};

/// Which parameters are trained; the rest stays as it is and costs no gradient.
struct Trainable {
  bool embedding = true, head = true, final_norm = true;
  std::vector<bool> layers;  // empty: all
};

class Parameters {
 public:
  /// Space for a model's parameters, all zero. `plan`: plan_new_checkpoint() of the config the result is to be written with.
  /// Errors: too little memory, parts that name a layer beyond the last.
  [[nodiscard]] static Result<Parameters> create(const CheckpointPlan& plan, const Trainable& parts);
  Parameters(Parameters&&) = default;
  Parameters& operator=(Parameters&&) = default;

  /// Random values for a start from nothing: matrices normal with deviation 1 / sqrt(cols), those that end a branch divided by
  /// sqrt(2 layers) more (Radford et al., "Language models are unsupervised multitask learners", 2019), embeddings 0.02, norms
  /// one, biases zero. The same on every machine.
  void fill_random(uint64_t seed);
  /// The values of a model held in f32 (WeightMode::kF32). Error: its shapes or parts differ from these.
  [[nodiscard]] Result<void> copy_from(const Model& model);
  /// Writes the values as one safetensors file of f32, whole or not at all.
  [[nodiscard]] Result<void> write(const std::string& path) const;
  /// A tensor as a file holds it, from the values (or from the gradients: zeros for what is not trained).
  enum class Kind { kValues, kGradients };
  [[nodiscard]] std::vector<float> tensor(const PlannedTensor& tensor, Kind kind) const;
  [[nodiscard]] const std::vector<PlannedTensor>& tensors() const { return tensors_; }

  void clear_gradients(ThreadPool& threads);

  [[nodiscard]] std::span<Parameter> all() { return all_; }
  [[nodiscard]] std::span<const Parameter> all() const { return all_; }
  [[nodiscard]] uint64_t count() const;          // of values
  [[nodiscard]] uint64_t trained_count() const;  // of those that are trained
  /// Bytes that create() would take.
  [[nodiscard]] static uint64_t memory_bytes(const CheckpointPlan& plan, const Trainable& parts);

  Parameter* embedding = nullptr;
  Parameter* head = nullptr;  // null: the embedding is the head too
  Parameter* final_norm = nullptr;
  std::vector<LayerParameters> layers;

 private:
  Parameters() = default;

  std::vector<PlannedTensor> tensors_;
  std::vector<Parameter> all_;  // in the order of a fresh export; never grows after create()
  Buffer values_, gradients_, moments_;
};

}  // namespace sobre
