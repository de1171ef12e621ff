#include "model/weights.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <optional>
#include <string>

#include "base/checked.h"
#include "format/tensor_bytes.h"
#include "kernels/kernels.h"
#include "model/model.h"

namespace sobre {

namespace {

// How the rows of a tensor become rows of a packed matrix.
struct MatrixJob {
  PackedMatrix* out = nullptr;
  const TensorView* tensor = nullptr;
  const TensorView* fp8_scale = nullptr;
  DType target = DType::kF32;  // the type whose form is packed
  int64_t first_row = 0;
  int interleaved_head = 0;  // head_dim when the source rows of each head are interleaved pairs, else 0
};

struct MatrixShape {
  int64_t rows, cols;
};

int64_t source_row(const MatrixJob& job, int64_t row) {
  if (job.interleaved_head == 0) return job.first_row + row;
  const int64_t half = job.interleaved_head / 2;
  const int64_t head = row / job.interleaved_head;
  const int64_t at = row % job.interleaved_head;
  return job.first_row + head * job.interleaved_head + at % half * 2 + at / half;
}

bool is_float_type(DType t) {
  return t == DType::kF32 || t == DType::kF16 || t == DType::kBF16 || t == DType::kF64 || t == DType::kF8E4M3 ||
         t == DType::kF8E5M2;
}

// The type a matrix is held in. The embedding (usually also the head) keeps 8 bits where the rest has 4: it is read once per
// token and small models feel its rounding most.
DType target_type(DType source, WeightMode mode, CheckpointKind kind, bool is_embedding, int64_t cols) {
  switch (mode) {
    case WeightMode::kF32:
      return DType::kF32;
    case WeightMode::kBF16:
      return DType::kBF16;
    case WeightMode::kQ8:
      return DType::kQ8_0;
    case WeightMode::kQ4:
      return is_embedding ? DType::kQ8_0 : DType::kQ4_1;
    case WeightMode::kAuto:
      break;
  }
  if (is_float_type(source)) {
    const bool wide = source == DType::kF64 || source == DType::kF8E4M3 || source == DType::kF8E5M2;
    return kind != CheckpointKind::kGguf || wide ? DType::kQ8_0 : source;
  }
  // A super-block must lie within a row; a file that cuts it otherwise is refused by its reader, rows of other lengths cannot
  // occur.
  return dtype_info(source).block_elements > 1 && cols % dtype_info(source).block_elements == 0 ? source : DType::kF32;
}

float fp8_scale_at(const MatrixJob& job, int64_t row, int64_t col) {
  const TensorView& s = *job.fp8_scale;
  float value = 0;
  if (s.elements() == 1) {
    dequantize_row(s.dtype, s.data.data(), 1, &value);
    return value;
  }
  const int64_t row_block = job.tensor->shape[0] / s.shape[0], col_block = job.tensor->shape[1] / s.shape[1];
  const int64_t at = row / row_block * s.shape[1] + col / col_block;
  const auto bytes = static_cast<size_t>(dtype_info(s.dtype).block_bytes);
  dequantize_row(s.dtype, s.data.data() + static_cast<size_t>(at) * bytes, 1, &value);
  return value;
}

struct RowReader {
  PackScratch pack;
  std::vector<float> floats;
  std::vector<std::byte> converted;  // 16 rows in the target type
};

// Packs one group; rows whose type differs from the target go through f32. False: such a row holds NaN or an infinity, which
// rounding to 8 or 4 bits would hide.
bool pack_job_group(const MatrixJob& job, int64_t group, RowReader& reader) {
  PackedMatrix& m = *job.out;
  const TensorView& t = *job.tensor;
  const auto row_bytes = static_cast<size_t>(*dtype_bytes(t.dtype, static_cast<uint64_t>(m.cols)));
  const int64_t row0 = group * kGroupRows;
  const int64_t n = std::min<int64_t>(kGroupRows, m.rows - row0);
  const bool direct = job.fp8_scale == nullptr && (is_float(m.form) ? true : t.dtype == job.target);
  const std::byte* rows[kGroupRows] = {};
  const int64_t padded = round_up(m.cols, kBlock);
  const size_t out_bytes =
      direct ? 0 : static_cast<size_t>(*dtype_bytes(job.target, static_cast<uint64_t>(is_float(m.form) ? m.cols : padded)));
  if (!direct) {
    reader.floats.assign(static_cast<size_t>(padded), 0.0F);
    reader.converted.resize(out_bytes * kGroupRows);
  }
  for (int64_t r = 0; r < n; ++r) {
    const int64_t from = source_row(job, row0 + r);
    const std::byte* src = t.data.data() + static_cast<size_t>(from) * row_bytes;
    if (direct) {
      rows[r] = src;
      continue;
    }
    dequantize_row(t.dtype, src, m.cols, reader.floats.data());
    if (job.fp8_scale != nullptr) {
      for (int64_t c = 0; c < m.cols; ++c) reader.floats[static_cast<size_t>(c)] *= fp8_scale_at(job, from, c);
    }
    if (!all_finite(reader.floats)) return false;
    std::byte* out = reader.converted.data() + static_cast<size_t>(r) * out_bytes;
    quantize_row(job.target, reader.floats.data(), is_float(m.form) ? m.cols : padded, out);
    rows[r] = out;
  }
  pack_group(m, group, direct ? t.dtype : job.target, std::span(rows, static_cast<size_t>(n)), reader.pack);
  return true;
}

std::unexpected<Error> not_finite(const Checkpoint& checkpoint, const TensorView& t) {
  return fail("{}: the tensor {} holds values that are no numbers (NaN or infinite): the file is damaged, or its training was",
              checkpoint.path(), t.name);
}

class Planner {
 public:
  Planner(const Checkpoint& checkpoint, WeightMode mode) : checkpoint_(checkpoint), mode_(mode) {}

  /// Checks shape and type; fills `job` except for its output.
  Result<MatrixShape> matrix(const TensorSource& source, int64_t rows, int64_t cols, bool embedding, MatrixJob& job) const {
    const TensorView* t = checkpoint_.find_tensor(source.name);
    if (t == nullptr) return fail("{}: the tensor {} is missing", checkpoint_.path(), source.name);
    const int64_t have = source.rows >= 0 ? source.rows : (t->shape.empty() ? 0 : t->shape[0] - source.first_row);
    if (t->shape.size() != 2 || t->shape[1] != cols || have != rows || source.first_row + rows > t->shape[0]) {
      return fail("{}: the tensor {} has the shape {}, expected [{}, {}]", checkpoint_.path(), source.name,
                  shape_text(t->shape), rows, cols);
    }
    if (!is_float_type(t->dtype) && !is_quantized(t->dtype)) {
      return fail("{}: the tensor {} has the type {}; weights may have {}", checkpoint_.path(), source.name,
                  dtype_info(t->dtype).name, supported_weight_types());
    }
    job.tensor = t;
    job.first_row = source.first_row;
    job.target = target_type(t->dtype, mode_, checkpoint_.kind(), embedding, cols);
    if (t->dtype == DType::kF8E4M3 || t->dtype == DType::kF8E5M2) {
      TRY(job.fp8_scale, fp8_scale_of(checkpoint_, source.name, *t));
    }
    return MatrixShape{rows, cols};
  }

  Result<std::vector<float>> vector(const TensorSource& source, int64_t n) const {
    if (source.name.empty()) return std::vector<float>();
    const TensorView* t = checkpoint_.find_tensor(source.name);
    if (t == nullptr) return fail("{}: the tensor {} is missing", checkpoint_.path(), source.name);
    const int64_t have = source.rows >= 0 ? source.rows : t->elements() - source.first_row;
    if (have != n || source.first_row + n > t->elements()) {
      return fail("{}: the tensor {} has {} values, expected {}", checkpoint_.path(), source.name, t->elements(), n);
    }
    if (!is_float_type(t->dtype))
      return fail("{}: the tensor {} has the type {}, expected F32, F16 or BF16", checkpoint_.path(), source.name,
                  dtype_info(t->dtype).name);
    std::vector<float> all(static_cast<size_t>(t->elements()));
    dequantize_row(t->dtype, t->data.data(), t->elements(), all.data());
    std::vector<float> v(static_cast<size_t>(round_up(n, kBlock)), 0.0F);  // kernels read whole vectors
    std::copy_n(all.begin() + source.first_row, n, v.begin());
    if (!all_finite(v)) return not_finite(checkpoint_, *t);
    return v;
  }

 private:
  const Checkpoint& checkpoint_;
  WeightMode mode_;
};

void add_one(std::vector<float>& w, int64_t n) {
  for (int64_t i = 0; i < n && !w.empty(); ++i) w[static_cast<size_t>(i)] += 1.0F;
}

void deinterleave(std::vector<float>& v, int64_t rows, int head_dim) {
  if (v.empty()) return;
  const std::vector<float> old = v;
  MatrixJob job;
  job.interleaved_head = head_dim;
  for (int64_t r = 0; r < rows; ++r) v[static_cast<size_t>(r)] = old[static_cast<size_t>(source_row(job, r))];
}

// Lists every matrix of the model with the shape it must have.
Result<std::vector<std::pair<MatrixJob, MatrixShape>>> list_matrices(const Checkpoint& checkpoint, WeightMode mode,
                                                                     Weights& w) {
  const CheckpointPlan& plan = checkpoint.plan();
  const DecoderSpec& spec = plan.spec;
  const Planner planner(checkpoint, mode);
  std::vector<std::pair<MatrixJob, MatrixShape>> jobs;
  const auto add = [&](const TensorSource& source, PackedMatrix& out, int64_t rows, int64_t cols, bool embedding,
                       int interleaved) -> Result<void> {
    MatrixJob job;
    TRY(const MatrixShape shape, planner.matrix(source, rows, cols, embedding, job));
    job.out = &out;
    job.interleaved_head = interleaved;
    jobs.emplace_back(job, shape);
    return {};
  };
  TRY_VOID(add(plan.embedding, w.embedding, spec.vocab_size, spec.d_model, true, 0));
  if (!plan.head.name.empty()) TRY_VOID(add(plan.head, w.head, spec.vocab_size, spec.d_model, true, 0));
  w.layers.resize(spec.layers.size());
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    const LayerSpec& l = spec.layers[i];
    const LayerNames& names = plan.layers[i];
    LayerWeights& out = w.layers[i];
    const int64_t q_rows = static_cast<int64_t>(l.n_heads) * l.head_dim;
    const int64_t kv_rows = static_cast<int64_t>(l.n_kv_heads) * l.head_dim;
    const int swap = plan.qk_order == QkOrder::kInterleaved ? l.head_dim : 0;
    TRY_VOID(add(names.q, out.q, q_rows, spec.d_model, false, swap));
    TRY_VOID(add(names.k, out.k, kv_rows, spec.d_model, false, swap));
    TRY_VOID(add(names.v, out.v, kv_rows, spec.d_model, false, 0));
    TRY_VOID(add(names.o, out.o, spec.d_model, q_rows, false, 0));
    TRY_VOID(add(names.gate, out.gate, l.ffn_dim, spec.d_model, false, 0));
    TRY_VOID(add(names.up, out.up, l.ffn_dim, spec.d_model, false, 0));
    TRY_VOID(add(names.down, out.down, spec.d_model, l.ffn_dim, false, 0));
  }
  return jobs;
}

Result<void> load_vectors(const Checkpoint& checkpoint, WeightMode mode, Weights& w) {
  const CheckpointPlan& plan = checkpoint.plan();
  const DecoderSpec& spec = plan.spec;
  const Planner planner(checkpoint, mode);
  TRY(w.final_norm, planner.vector(plan.final_norm, spec.d_model));
  if (spec.norm_plus_one) add_one(w.final_norm, spec.d_model);
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    const LayerSpec& l = spec.layers[i];
    const LayerNames& names = plan.layers[i];
    LayerWeights& out = w.layers[i];
    const int64_t q_rows = static_cast<int64_t>(l.n_heads) * l.head_dim;
    const int64_t kv_rows = static_cast<int64_t>(l.n_kv_heads) * l.head_dim;
    TRY(out.attn_norm, planner.vector(names.attn_norm, spec.d_model));
    TRY(out.ffn_norm, planner.vector(names.ffn_norm, spec.d_model));
    if (l.attn_post_norm) {
      TRY(out.attn_post_norm, planner.vector(names.attn_post_norm, spec.d_model));
    }
    if (l.ffn_post_norm) {
      TRY(out.ffn_post_norm, planner.vector(names.ffn_post_norm, spec.d_model));
    }
    if (l.qk_norm) {
      TRY(out.q_norm, planner.vector(names.q_norm, l.head_dim));
    }
    if (l.qk_norm) {
      TRY(out.k_norm, planner.vector(names.k_norm, l.head_dim));
    }
    TRY(out.q_bias, planner.vector(names.q_bias, q_rows));
    TRY(out.k_bias, planner.vector(names.k_bias, kv_rows));
    TRY(out.v_bias, planner.vector(names.v_bias, kv_rows));
    TRY(out.o_bias, planner.vector(names.o_bias, spec.d_model));
    if (plan.qk_order == QkOrder::kInterleaved) {
      deinterleave(out.q_bias, q_rows, l.head_dim);
      deinterleave(out.k_bias, kv_rows, l.head_dim);
      deinterleave(out.q_norm, l.head_dim, l.head_dim);
      deinterleave(out.k_norm, l.head_dim, l.head_dim);
    }
    if (spec.norm_plus_one) {
      for (std::vector<float>* n : {&out.attn_norm, &out.ffn_norm, &out.attn_post_norm, &out.ffn_post_norm})
        add_one(*n, spec.d_model);
      for (std::vector<float>* n : {&out.q_norm, &out.k_norm}) add_one(*n, l.head_dim);
    }
  }
  return {};
}

// A run of groups of one matrix: about a quarter of a megabyte of source.
struct PackTask {
  size_t job;
  int64_t begin, end;
};

std::vector<PackTask> split_tasks(const std::vector<std::pair<MatrixJob, MatrixShape>>& jobs) {
  std::vector<PackTask> tasks;
  for (size_t j = 0; j < jobs.size(); ++j) {
    const int64_t groups = jobs[j].first.out->groups();
    const int64_t step = std::max<int64_t>(1, (1 << 18) / (jobs[j].second.cols * kGroupRows));
    for (int64_t g = 0; g < groups; g += step) tasks.push_back({j, g, std::min(groups, g + step)});
  }
  return tasks;
}

void release_rows(const Checkpoint& checkpoint, const MatrixJob& job, int64_t begin, int64_t end) {
  const auto row_bytes = static_cast<size_t>(*dtype_bytes(job.tensor->dtype, static_cast<uint64_t>(job.out->cols)));
  TensorView part = *job.tensor;
  const int64_t first = job.first_row + begin * kGroupRows;
  const int64_t last = std::min(job.first_row + job.out->rows, job.first_row + end * kGroupRows);
  part.data = job.tensor->data.subspan(static_cast<size_t>(first) * row_bytes, static_cast<size_t>(last - first) * row_bytes);
  checkpoint.release(part);
}

}  // namespace

std::string_view weight_mode_name(WeightMode mode) {
  constexpr std::string_view kNames[] = {"auto", "f32", "bf16", "q8", "q4"};
  return kNames[static_cast<size_t>(mode)];
}

Result<Weights> load_weights(const Checkpoint& checkpoint, WeightMode mode, const Kernels& kernels, ThreadPool& pool,
                             const std::function<void(double)>& progress) {
  Weights w;
  TRY(auto jobs, list_matrices(checkpoint, mode, w));
  TRY_VOID(load_vectors(checkpoint, mode, w));
  for (auto& [job, shape] : jobs) {
    TRY(*job.out, make_packed(form_of(job.target), shape.rows, shape.cols, static_cast<uint8_t>(kernels.zero8)));
  }
  const std::vector<PackTask> tasks = split_tasks(jobs);
  std::atomic<size_t> next{0};
  std::atomic<size_t> done{0};
  std::atomic<const TensorView*> bad_tensor{nullptr};
  pool.run([&](int member) {
    RowReader reader;
    for (size_t i = next.fetch_add(1); i < tasks.size(); i = next.fetch_add(1)) {
      const PackTask& t = tasks[i];
      const MatrixJob& job = jobs[t.job].first;
      for (int64_t g = t.begin; g < t.end; ++g) {
        if (!pack_job_group(job, g, reader)) bad_tensor = job.tensor;
      }
      release_rows(checkpoint, job, t.begin, t.end);
      const size_t finished = done.fetch_add(1) + 1;
      if (member == 0 && progress) progress(static_cast<double>(finished) / static_cast<double>(tasks.size()));
    }
  });
  if (const TensorView* t = bad_tensor; t != nullptr) return not_finite(checkpoint, *t);
  if (progress) progress(1.0);
  return w;
}

namespace {

template <class Visit>
void each_matrix(const Weights& w, Visit visit) {
  for (const LayerWeights& l : w.layers) {
    for (const PackedMatrix* m : {&l.q, &l.k, &l.v, &l.o, &l.gate, &l.up, &l.down}) visit(*m);
  }
}

}  // namespace

uint64_t Weights::bytes() const {
  uint64_t n = embedding.data.size() + head.data.size() + final_norm.size() * 4;
  each_matrix(*this, [&](const PackedMatrix& m) { n += m.data.size(); });
  return n;
}

uint64_t Weights::bytes_per_token() const {
  uint64_t n = head.empty() ? embedding.data.size() : head.data.size();
  each_matrix(*this, [&](const PackedMatrix& m) { n += m.data.size(); });
  return n;
}

Result<uint64_t> packed_bytes(const Checkpoint& checkpoint, WeightMode mode) {
  Weights w;
  TRY(const auto jobs, list_matrices(checkpoint, mode, w));
  uint64_t n = 0;
  for (const auto& [job, shape] : jobs) n += packed_bytes(form_of(job.target), shape.rows, shape.cols);
  return n;
}

}  // namespace sobre
