#include "learn/parameters.h"

#include <algorithm>
#include <cmath>

#include "base/checked.h"
#include "base/detmath.h"
#include "base/random.h"
#include "format/safetensors.h"

namespace sobre {

namespace {

constexpr int64_t kPadding = 32;  // floats: kernels read whole vectors

int64_t padded(const Parameter& p) { return round_up(p.size(), kPadding); }

// Every parameter of a plan in the order of a fresh export, each with the place that is to point at it.
class Lister {
 public:
  explicit Lister(const CheckpointPlan& plan) : plan_(plan) {}

  template <class Visit>
  void visit(Visit&& take) const {
    const DecoderSpec& s = plan_.spec;
    take(plan_.embedding, s.vocab_size, s.d_model, true, -1, [](Parameters& p) { return &p.embedding; });
    for (size_t i = 0; i < s.layers.size(); ++i) visit_layer(i, take);
    take(plan_.final_norm, 1, s.d_model, false, -1, [](Parameters& p) { return &p.final_norm; });
    take(plan_.head, s.vocab_size, s.d_model, true, -1, [](Parameters& p) { return &p.head; });
  }

 private:
  template <class Visit>
  void visit_layer(size_t i, Visit&& take) const {
    const int64_t d = plan_.spec.d_model;
    const LayerSpec& l = plan_.spec.layers[i];
    const LayerNames& n = plan_.layers[i];
    const int64_t q = static_cast<int64_t>(l.n_heads) * l.head_dim, kv = static_cast<int64_t>(l.n_kv_heads) * l.head_dim;
    const auto one = [&](const TensorSource& source, int64_t rows, int64_t cols, bool matrix,
                         Parameter* LayerParameters::* at) {
      take(source, rows, cols, matrix, static_cast<int>(i), [i, at](Parameters& p) { return &(p.layers[i].*at); });
    };
    using P = LayerParameters;
    one(n.attn_norm, 1, d, false, &P::attn_norm);
    one(n.q, q, d, true, &P::q);
    one(n.k, kv, d, true, &P::k);
    one(n.v, kv, d, true, &P::v);
    one(n.o, d, q, true, &P::o);
    one(n.q_bias, 1, q, false, &P::q_bias);
    one(n.k_bias, 1, kv, false, &P::k_bias);
    one(n.v_bias, 1, kv, false, &P::v_bias);
    one(n.o_bias, 1, d, false, &P::o_bias);
    if (l.qk_norm) one(n.q_norm, 1, l.head_dim, false, &P::q_norm);
    if (l.qk_norm) one(n.k_norm, 1, l.head_dim, false, &P::k_norm);
    if (l.attn_post_norm) one(n.attn_post_norm, 1, d, false, &P::attn_post_norm);
    one(n.ffn_norm, 1, d, false, &P::ffn_norm);
    one(n.gate, l.ffn_dim, d, true, &P::gate);
    one(n.up, l.ffn_dim, d, true, &P::up);
    one(n.down, d, l.ffn_dim, true, &P::down);
    if (l.ffn_post_norm) one(n.ffn_post_norm, 1, d, false, &P::ffn_post_norm);
  }

  const CheckpointPlan& plan_;
};

bool is_trained(const Trainable& parts, int layer, bool is_embedding, bool is_norm) {
  if (layer >= 0) return parts.layers.empty() || parts.layers[static_cast<size_t>(layer)];
  return is_embedding ? parts.embedding : is_norm ? parts.final_norm : parts.head;
}

struct Sizes {
  int64_t values = 0, trained = 0;
};

// Lists the parameters without giving them memory.
std::vector<Parameter> list_parameters(const CheckpointPlan& plan, const Trainable& parts, Sizes& sizes) {
  std::vector<Parameter> all;
  Lister(plan).visit([&](const TensorSource& source, int64_t rows, int64_t cols, bool matrix, int layer, auto) {
    if (source.name.empty()) return;
    Parameter p;
    p.name = source.name;
    p.first_row = source.first_row;
    p.rows = rows;
    p.cols = cols;
    p.is_matrix = matrix;
    const bool is_bias = source.name.ends_with(".bias");
    p.plus_one = plan.spec.norm_plus_one && !matrix && !is_bias;
    p.trained = is_trained(parts, layer, all.empty(), !matrix);
    sizes.values += padded(p);
    if (p.trained) sizes.trained += padded(p);
    all.push_back(std::move(p));
  });
  return all;
}

// Two nearly independent normal numbers out of 64 random bits (Box and Muller, 1958).
float normal(uint64_t seed, uint32_t stream, uint64_t index) {
  const double u = random_unit(seed, stream, 2 * index), v = random_unit(seed, stream, 2 * index + 1);
  return static_cast<float>(std::sqrt(-2 * detmath::log(1 - u)) * detmath::cos(2 * 3.14159265358979323846 * v));
}

}  // namespace

Result<Parameters> Parameters::create(const CheckpointPlan& plan, const Trainable& parts) {
  const size_t n_layers = plan.spec.layers.size();
  if (!parts.layers.empty() && parts.layers.size() != n_layers)
    return fail("the parts to train name {} layers, the model has {}", parts.layers.size(), n_layers);
  CHECK(plan.qk_order == QkOrder::kHalfSplit);
  Parameters p;
  Sizes sizes;
  p.all_ = list_parameters(plan, parts, sizes);
  p.tensors_ = planned_tensors(plan);
  const auto bytes = [](int64_t floats) { return static_cast<uint64_t>(floats) * sizeof(float); };
  TRY(p.values_, Buffer::create(bytes(sizes.values)));
  TRY(p.gradients_, Buffer::create(bytes(sizes.trained)));
  TRY(p.moments_, Buffer::create(bytes(2 * sizes.trained)));
  float* value = p.values_.as<float>();
  float* gradient = p.gradients_.as<float>();
  float* moment = p.moments_.as<float>();
  for (Parameter& each : p.all_) {
    const int64_t size = padded(each);
    each.value = value;
    value += size;
    if (!each.trained) continue;
    each.gradient = gradient;
    gradient += size;
    each.first_moment = moment;
    each.second_moment = moment + size;
    moment += 2 * size;
  }
  p.layers.resize(n_layers);
  size_t next = 0;
  Lister(plan).visit([&](const TensorSource& source, int64_t, int64_t, bool, int, auto place) {
    if (!source.name.empty()) *place(p) = &p.all_[next++];
  });
  return p;
}

uint64_t Parameters::memory_bytes(const CheckpointPlan& plan, const Trainable& parts) {
  Sizes sizes;
  (void)list_parameters(plan, parts, sizes);
  return static_cast<uint64_t>(sizes.values + 3 * sizes.trained) * sizeof(float);
}

void Parameters::fill_random(uint64_t seed) {
  const double branch = 1 / std::sqrt(2.0 * static_cast<double>(layers.size()));
  for (size_t i = 0; i < all_.size(); ++i) {
    Parameter& p = all_[i];
    if (!p.is_matrix) {
      std::fill_n(p.value, p.size(), p.name.ends_with(".bias") ? 0.0F : 1.0F);
      continue;
    }
    double deviation = 1 / std::sqrt(static_cast<double>(p.cols));
    if (&p == embedding) deviation = 0.02;
    const bool ends_branch =
        std::any_of(layers.begin(), layers.end(), [&](const LayerParameters& l) { return &p == l.o || &p == l.down; });
    if (ends_branch) deviation *= branch;
    for (int64_t k = 0; k < p.size(); ++k)
      p.value[k] = static_cast<float>(deviation) * normal(seed, static_cast<uint32_t>(i), static_cast<uint64_t>(k));
  }
}

namespace {

Result<void> copy_matrix(const PackedMatrix& from, Parameter* to) {
  if (to == nullptr || from.rows != to->rows || from.cols != to->cols)
    return fail("a matrix of [{}, {}] has no place in the model to be trained", from.rows, from.cols);
  std::vector<float> row(static_cast<size_t>(round_up(from.cols, kPadding)));
  for (int64_t r = 0; r < from.rows; ++r) {
    unpack_row(from, r, row.data());
    std::copy_n(row.begin(), from.cols, to->value + r * from.cols);
  }
  return {};
}

Result<void> copy_vector(const std::vector<float>& from, Parameter* to) {
  if (from.empty() && to == nullptr) return {};
  if (to == nullptr || static_cast<int64_t>(from.size()) < to->cols)
    return fail("a vector of {} values has no place in the model to be trained", from.size());
  std::copy_n(from.begin(), to->cols, to->value);
  return {};
}

}  // namespace

Result<void> Parameters::copy_from(const Model& model) {
  const Weights& w = model.weights();
  if (w.layers.size() != layers.size())
    return fail("{}: {} layers do not fit a model of {}", model.path(), w.layers.size(), layers.size());
  TRY_VOID(copy_matrix(w.embedding, embedding));
  if (head != nullptr) TRY_VOID(copy_matrix(w.head.empty() ? w.embedding : w.head, head));
  TRY_VOID(copy_vector(w.final_norm, final_norm));
  for (size_t i = 0; i < layers.size(); ++i) {
    const LayerWeights& from = w.layers[i];
    const LayerParameters& to = layers[i];
    const std::pair<const PackedMatrix*, Parameter*> matrices[] = {
        {&from.q, to.q},   {&from.k, to.k},       {&from.v, to.v},      {&from.o, to.o},
        {&from.up, to.up}, {&from.gate, to.gate}, {&from.down, to.down}};
    for (const auto& [source, target] : matrices) TRY_VOID(copy_matrix(*source, target));
    const std::pair<const std::vector<float>*, Parameter*> vectors[] = {
        {&from.attn_norm, to.attn_norm}, {&from.attn_post_norm, to.attn_post_norm},
        {&from.ffn_norm, to.ffn_norm},   {&from.ffn_post_norm, to.ffn_post_norm},
        {&from.q_norm, to.q_norm},       {&from.k_norm, to.k_norm},
        {&from.q_bias, to.q_bias},       {&from.k_bias, to.k_bias},
        {&from.v_bias, to.v_bias},       {&from.o_bias, to.o_bias}};
    for (const auto& [source, target] : vectors) TRY_VOID(copy_vector(*source, target));
  }
  return {};
}

std::vector<float> Parameters::tensor(const PlannedTensor& tensor, Kind kind) const {
  int64_t size = 1;
  for (const int64_t n : tensor.shape) size *= n;
  std::vector<float> out(static_cast<size_t>(size), 0.0F);
  for (const Parameter& p : all_) {
    if (p.name != tensor.name) continue;
    const float* from = kind == Kind::kValues ? p.value : p.gradient;
    if (from == nullptr) continue;
    float* to = out.data() + p.first_row * (p.is_matrix ? p.cols : 1);
    std::copy_n(from, p.size(), to);
    if (p.plus_one && kind == Kind::kValues) std::for_each_n(to, p.size(), [](float& x) { x -= 1.0F; });
  }
  return out;
}

Result<void> Parameters::write(const std::string& path) const {
  std::vector<SafetensorsEntry> entries;
  for (const PlannedTensor& t : tensors_) entries.push_back({t.name, DType::kF32, t.shape});
  return write_safetensors(path, entries, {{"format", "pt"}},
                           [&](size_t i) -> Result<std::vector<float>> { return tensor(tensors_[i], Kind::kValues); });
}

void Parameters::clear_gradients(ThreadPool& threads) {
  const auto n = static_cast<int64_t>(gradients_.size() / sizeof(float));
  threads.run([&](int member) {
    const auto [begin, end] = share(n, member, threads.size(), 1024);
    std::fill(gradients_.as<float>() + begin, gradients_.as<float>() + end, 0.0F);
  });
}

uint64_t Parameters::count() const {
  uint64_t n = 0;
  for (const Parameter& p : all_) n += static_cast<uint64_t>(p.size());
  return n;
}

uint64_t Parameters::trained_count() const {
  uint64_t n = 0;
  for (const Parameter& p : all_) n += p.trained ? static_cast<uint64_t>(p.size()) : 0;
  return n;
}

}  // namespace sobre
