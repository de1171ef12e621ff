#include "model/export_gguf.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cctype>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <memory>
#include <span>
#include <system_error>
#include <utility>

#include "base/checked.h"
#include "base/threads.h"
#include "format/tensor_bytes.h"
#include "model/text_assets.h"
#include "tensor/dtype.h"

namespace sobre {

namespace {

struct RecipeRow {
  std::string_view name;
  DType type;
  uint32_t file_type;  // general.file_type, a label only
};

// In the order of the enumeration. The plain K types carry the label of llama.cpp's smallest mix of that type.
constexpr std::array<RecipeRow, 16> kRecipes = {{
    {"F32", DType::kF32, 0},
    {"F16", DType::kF16, 1},
    {"BF16", DType::kBF16, 32},
    {"Q4_0", DType::kQ4_0, 2},
    {"Q4_1", DType::kQ4_1, 3},
    {"Q5_0", DType::kQ5_0, 8},
    {"Q5_1", DType::kQ5_1, 9},
    {"Q8_0", DType::kQ8_0, 7},
    {"Q2_K", DType::kQ2_K, 10},
    {"Q3_K", DType::kQ3_K, 11},
    {"Q4_K", DType::kQ4_K, 14},
    {"Q5_K", DType::kQ5_K, 16},
    {"Q6_K", DType::kQ6_K, 18},
    {"IQ4_NL", DType::kIQ4_NL, 25},
    {"Q4_K_M", DType::kQ4_K, 15},
    {"Q5_K_M", DType::kQ5_K, 17},
}};

const RecipeRow& row_of(QuantRecipe recipe) { return kRecipes[static_cast<size_t>(recipe)]; }

// The layers whose value and down projections a mix raises: the first and last eighth and every third between them, as
// llama.cpp's mixes do (the ends of a model suffer most from coarse weights).
bool is_raised_layer(int layer, int layers) {
  const int eighth = layers / 8;
  return layer < eighth || layer >= 7 * layers / 8 || (layer - eighth) % 3 == 2;
}

DType fallback_type(DType type, int64_t cols) {
  if (cols % dtype_info(type).block_elements == 0) return type;
  DType smaller = DType::kF16;
  if (type == DType::kQ2_K || type == DType::kQ3_K) smaller = DType::kQ4_0;
  if (type == DType::kQ4_K) smaller = DType::kQ5_0;
  if (type == DType::kQ5_K) smaller = DType::kQ5_1;
  if (type == DType::kQ6_K) smaller = DType::kQ8_0;
  return cols % dtype_info(smaller).block_elements == 0 ? smaller : DType::kF16;
}

// The type a recipe wants before the length of the rows is looked at.
DType wanted_type(QuantRecipe recipe, MatrixRole role, bool tied_embedding, int layer, int layers) {
  const DType base = row_of(recipe).type;
  if (!is_quantized(base)) return base;
  const bool is_head = role == MatrixRole::kHead || (role == MatrixRole::kEmbedding && tied_embedding);
  if (is_head) return base == DType::kQ8_0 ? base : DType::kQ6_K;
  const bool is_mix = recipe == QuantRecipe::kQ4_K_M || recipe == QuantRecipe::kQ5_K_M;
  const bool sensitive = role == MatrixRole::kAttentionValue || role == MatrixRole::kFfnDown;
  return is_mix && sensitive && is_raised_layer(layer, layers) ? DType::kQ6_K : base;
}

// One tensor of the file to write, and where its rows come from.
struct ExportTensor {
  std::string name;
  std::vector<int64_t> shape;
  DType type = DType::kF32;
  const TensorView* source = nullptr;  // null: `values` holds everything
  const TensorView* fp8_scale = nullptr;
  int64_t first_row = 0;
  int split_head = 0;  // head_dim when half-split rows of each head are to become interleaved pairs, else 0
  float add = 0, multiply = 1;
  std::vector<float> values;

  [[nodiscard]] int64_t rows() const { return shape.size() < 2 ? 1 : shape.front(); }
  [[nodiscard]] int64_t cols() const { return shape.back(); }
};

// The source row of an output row: pairs (2i, 2i + 1) of a head come from (i, i + half).
int64_t source_row(const ExportTensor& t, int64_t row) {
  if (t.split_head == 0) return t.first_row + row;
  const int64_t at = row % t.split_head;
  return t.first_row + row - at + at % 2 * (t.split_head / 2) + at / 2;
}

float read_scale(const TensorView& scale, int64_t index) {
  float value = 0;
  const auto bytes = static_cast<size_t>(dtype_info(scale.dtype).block_bytes);
  dequantize_row(scale.dtype, scale.data.data() + static_cast<size_t>(index) * bytes, 1, &value);
  return value;
}

// 8-bit floats: one factor per tensor, or per block of rows and columns.
void apply_fp8_scale(const ExportTensor& t, int64_t row, std::vector<float>& x) {
  const TensorView& s = *t.fp8_scale;
  const bool one = s.elements() == 1;
  const int64_t across = one ? 1 : s.shape[1];
  const int64_t row_block = one ? 1 : t.source->shape[0] / s.shape[0];
  const int64_t col_block = t.cols() / across;
  for (int64_t c = 0; c < t.cols(); c += col_block) {
    const float scale = read_scale(s, one ? 0 : row / row_block * across + c / col_block);
    const int64_t end = std::min(t.cols(), c + col_block);
    for (int64_t i = c; i < end; ++i) x[static_cast<size_t>(i)] *= scale;
  }
}

// A vector of q or k (a bias) in the row order of its matrix.
std::vector<float> whole_vector(const ExportTensor& t) {
  std::vector<float> all(static_cast<size_t>(t.source->elements()));
  dequantize_row(t.source->dtype, t.source->data.data(), t.source->elements(), all.data());
  std::vector<float> out(static_cast<size_t>(t.cols()));
  for (int64_t i = 0; i < t.cols(); ++i) {
    const float value = all[static_cast<size_t>(source_row(t, i))];
    out[static_cast<size_t>(i)] = (value + t.add) * t.multiply;
  }
  return out;
}

// What rounds to the largest F16 (65504) is below this; the rest becomes infinite.
constexpr float kF16End = 65520.0F;

bool all_below(std::span<const float> x, float end) {
  return std::all_of(x.begin(), x.end(), [end](float v) { return std::fabs(v) < end; });
}

class Converter {
 public:
  explicit Converter(int threads) : pool_(threads) {}

  /// The bytes of a tensor: a part of the mapping where nothing changes, else this object's own until the next call.
  Result<std::span<const std::byte>> bytes(const ExportTensor& t) {
    TRY(const uint64_t size, tensor_bytes(t.name, t.type, t.shape));
    const bool unchanged = t.source != nullptr && t.source->dtype == t.type && t.fp8_scale == nullptr && t.split_head == 0 &&
                           t.add == 0 && t.multiply == 1;
    if (unchanged) {
      const auto row_bytes = static_cast<size_t>(size) / static_cast<size_t>(t.rows());
      const size_t first = t.shape.size() < 2
                               ? static_cast<size_t>(t.first_row) * static_cast<size_t>(dtype_info(t.type).block_bytes)
                               : static_cast<size_t>(t.first_row) * row_bytes;
      return t.source->data.subspan(first, static_cast<size_t>(size));
    }
    out_.resize(static_cast<size_t>(size));
    if (t.source == nullptr || t.shape.size() < 2) {
      const std::vector<float> values = t.source == nullptr ? t.values : whole_vector(t);
      quantize_row(t.type, values.data(), t.cols(), out_.data());
    } else {
      TRY_VOID(convert_rows(t));
    }
    return std::span<const std::byte>(out_);
  }

 private:
  // Errors: a row that holds NaN or an infinity, or would as the type wanted.
  Result<void> convert_rows(const ExportTensor& t) {
    std::atomic<bool> finite{true}, fits{true};
    const size_t in_bytes = static_cast<size_t>(*dtype_bytes(t.source->dtype, static_cast<uint64_t>(t.cols())));
    const size_t out_bytes = out_.size() / static_cast<size_t>(t.rows());
    pool_.run([&](int member) {
      std::vector<float> x(static_cast<size_t>(t.cols()));
      const auto [begin, end] = share(t.rows(), member, pool_.size());
      for (int64_t r = begin; r < end; ++r) {
        const int64_t from = source_row(t, r);
        dequantize_row(t.source->dtype, t.source->data.data() + static_cast<size_t>(from) * in_bytes, t.cols(), x.data());
        if (t.fp8_scale != nullptr) apply_fp8_scale(t, from, x);
        if (!all_finite(x)) finite = false;
        if (t.type == DType::kF16 && !all_below(x, kF16End)) fits = false;
        quantize_row(t.type, x.data(), t.cols(), out_.data() + static_cast<size_t>(r) * out_bytes);
      }
    });
    if (!finite)
      return fail("the tensor {} holds values that are no numbers (NaN or infinite): the file is damaged, or its training was",
                  t.source->name);
    if (!fits)
      return fail("the tensor {} holds values beyond 65504, the largest of F16; BF16 and F32 have room for them",
                  t.source->name);
    return {};
  }

  ThreadPool pool_;
  std::vector<std::byte> out_;
};

// Collects the tensors of a folder's plan under GGUF's names.
class FolderTensors {
 public:
  FolderTensors(const Checkpoint& checkpoint, QuantRecipe recipe, const GgufArchitecture& architecture,
                const GgufAdjustments& adjustments, ExportReport& report)
      : checkpoint_(checkpoint),
        plan_(checkpoint.plan()),
        recipe_(recipe),
        adjustments_(adjustments),
        report_(report),
        splits_(plan_.qk_order == QkOrder::kHalfSplit && architecture.qk_order == QkOrder::kInterleaved) {}

  Result<std::vector<ExportTensor>> collect() {
    const DecoderSpec& spec = plan_.spec;
    TRY_VOID(matrix("token_embd.weight", plan_.embedding, spec.vocab_size, spec.d_model, MatrixRole::kEmbedding, -1, 0));
    TRY_VOID(vector("output_norm.weight", plan_.final_norm, spec.d_model, norm_add(), 1, 0));
    if (!plan_.head.name.empty())
      TRY_VOID(matrix("output.weight", plan_.head, spec.vocab_size, spec.d_model, MatrixRole::kHead, -1, 0));
    if (!adjustments_.rope_divisors.empty()) {
      ExportTensor t;
      t.name = "rope_freqs.weight";
      t.values = adjustments_.rope_divisors;
      t.shape = {static_cast<int64_t>(t.values.size())};
      tensors_.push_back(std::move(t));
    }
    for (size_t i = 0; i < plan_.layers.size(); ++i) TRY_VOID(add_layer(static_cast<int>(i)));
    return std::move(tensors_);
  }

 private:
  [[nodiscard]] float norm_add() const { return plan_.spec.norm_plus_one ? 1.0F : 0.0F; }

  Result<void> add_layer(int index) {
    const LayerSpec& l = plan_.spec.layers[static_cast<size_t>(index)];
    const LayerNames& n = plan_.layers[static_cast<size_t>(index)];
    const std::string prefix = fmt::format("blk.{}.", index);
    const int64_t width = plan_.spec.d_model;
    const int64_t q_rows = int64_t{l.n_heads} * l.head_dim, kv_rows = int64_t{l.n_kv_heads} * l.head_dim;
    const int split = splits_ ? l.head_dim : 0;
    TRY_VOID(vector(prefix + "attn_norm.weight", n.attn_norm, width, norm_add(), 1, 0));
    TRY_VOID(matrix(prefix + "attn_q.weight", n.q, q_rows, width, MatrixRole::kOther, index, split));
    TRY_VOID(matrix(prefix + "attn_k.weight", n.k, kv_rows, width, MatrixRole::kOther, index, split));
    TRY_VOID(matrix(prefix + "attn_v.weight", n.v, kv_rows, width, MatrixRole::kAttentionValue, index, 0));
    TRY_VOID(matrix(prefix + "attn_output.weight", n.o, width, q_rows, MatrixRole::kOther, index, 0));
    TRY_VOID(vector(prefix + "attn_q.bias", n.q_bias, q_rows, 0, 1, split));
    TRY_VOID(vector(prefix + "attn_k.bias", n.k_bias, kv_rows, 0, 1, split));
    TRY_VOID(vector(prefix + "attn_v.bias", n.v_bias, kv_rows, 0, 1, 0));
    TRY_VOID(vector(prefix + "attn_output.bias", n.o_bias, width, 0, 1, 0));
    TRY_VOID(vector(prefix + "attn_q_norm.weight", n.q_norm, l.head_dim, norm_add(), adjustments_.q_norm_factor, 0));
    TRY_VOID(vector(prefix + "attn_k_norm.weight", n.k_norm, l.head_dim, norm_add(), 1, 0));
    TRY_VOID(vector(prefix + "post_attention_norm.weight", n.attn_post_norm, width, norm_add(), 1, 0));
    TRY_VOID(vector(prefix + "ffn_norm.weight", n.ffn_norm, width, norm_add(), 1, 0));
    TRY_VOID(matrix(prefix + "ffn_gate.weight", n.gate, l.ffn_dim, width, MatrixRole::kOther, index, 0));
    TRY_VOID(matrix(prefix + "ffn_up.weight", n.up, l.ffn_dim, width, MatrixRole::kOther, index, 0));
    TRY_VOID(matrix(prefix + "ffn_down.weight", n.down, width, l.ffn_dim, MatrixRole::kFfnDown, index, 0));
    return vector(prefix + "post_ffw_norm.weight", n.ffn_post_norm, width, norm_add(), 1, 0);
  }

  Result<const TensorView*> find(const TensorSource& source) const {
    const TensorView* t = checkpoint_.find_tensor(source.name);
    if (t == nullptr) return fail("{}: the tensor {} is missing", checkpoint_.path(), source.name);
    if (!is_quantized(t->dtype) && !can_quantize(t->dtype) && t->dtype != DType::kF64 && t->dtype != DType::kF8E4M3) {
      return fail("{}: the tensor {} has the type {}; weights may have {}", checkpoint_.path(), source.name,
                  dtype_info(t->dtype).name, supported_weight_types());
    }
    return t;
  }

  Result<void> vector(std::string name, const TensorSource& source, int64_t size, float add, float multiply, int split) {
    if (source.name.empty()) return {};
    ExportTensor t;
    TRY(t.source, find(source));
    if (t.source->elements() < source.first_row + size)
      return fail("{}: the tensor {} has {} values, expected {}", checkpoint_.path(), source.name, t.source->elements(), size);
    t.name = std::move(name);
    t.shape = {size};
    t.first_row = source.first_row;
    t.split_head = split;
    t.add = add;
    t.multiply = multiply;
    tensors_.push_back(std::move(t));
    return {};
  }

  Result<void> matrix(std::string name, const TensorSource& source, int64_t rows, int64_t cols, MatrixRole role, int layer,
                      int split) {
    ExportTensor t;
    TRY(t.source, find(source));
    if (t.source->shape.size() != 2 || t.source->shape[1] != cols || t.source->shape[0] < source.first_row + rows)
      return fail("{}: the tensor {} is not [{}, {}]", checkpoint_.path(), source.name, rows, cols);
    if (t.source->dtype == DType::kF8E4M3) {
      TRY(t.fp8_scale, fp8_scale_of(checkpoint_, source.name, *t.source));
    }
    t.name = std::move(name);
    t.shape = {rows, cols};
    t.first_row = source.first_row;
    t.split_head = split;
    t.type = recipe_type(recipe_, role, plan_.spec.tied_head, layer, plan_.spec.n_layers(), cols);
    const DType wanted = wanted_type(recipe_, role, plan_.spec.tied_head, layer, plan_.spec.n_layers());
    if (wanted != t.type) {
      report_.fallbacks.push_back(
          fmt::format("{}: {} instead of {}, for rows of {}", t.name, dtype_info(t.type).name, dtype_info(wanted).name, cols));
    }
    tensors_.push_back(std::move(t));
    return {};
  }

  const Checkpoint& checkpoint_;
  const CheckpointPlan& plan_;
  QuantRecipe recipe_;
  const GgufAdjustments& adjustments_;
  ExportReport& report_;
  bool splits_;
  std::vector<ExportTensor> tensors_;
};

// "blk.12.ffn_down.weight": 12; -1 without a layer.
int layer_of(std::string_view name) {
  if (!name.starts_with("blk.")) return -1;
  int layer = -1;
  std::from_chars(name.data() + 4, name.data() + name.size(), layer);
  return layer;
}

MatrixRole role_of(std::string_view name) {
  if (name == "token_embd.weight") return MatrixRole::kEmbedding;
  if (name == "output.weight") return MatrixRole::kHead;
  if (name.ends_with(".attn_v.weight")) return MatrixRole::kAttentionValue;
  if (name.ends_with(".ffn_down.weight")) return MatrixRole::kFfnDown;
  return MatrixRole::kOther;
}

// The tensors of a GGUF, matrices in the recipe's types, all else as it is.
std::vector<ExportTensor> gguf_tensors(const Checkpoint& checkpoint, QuantRecipe recipe, ExportReport& report) {
  const DecoderSpec& spec = checkpoint.plan().spec;
  std::vector<ExportTensor> list;
  size_t requantized = 0;
  for (const TensorView& t : checkpoint.tensors()) {
    ExportTensor out;
    out.name = t.name;
    out.shape = t.shape;
    out.source = &t;
    out.type = t.dtype;
    const bool is_float = t.dtype == DType::kF32 || t.dtype == DType::kF16 || t.dtype == DType::kBF16;
    if (t.shape.size() == 2 && t.name.ends_with(".weight") && (is_float || is_quantized(t.dtype))) {
      const MatrixRole role = role_of(t.name);
      const int layer = layer_of(t.name);
      out.type = recipe_type(recipe, role, spec.tied_head, layer, spec.n_layers(), t.shape[1]);
      const DType wanted = wanted_type(recipe, role, spec.tied_head, layer, spec.n_layers());
      if (wanted != out.type) {
        report.fallbacks.push_back(fmt::format("{}: {} instead of {}, for rows of {}", t.name, dtype_info(out.type).name,
                                               dtype_info(wanted).name, t.shape[1]));
      }
      if (is_quantized(t.dtype) && is_quantized(out.type) && out.type != t.dtype) ++requantized;
    }
    list.push_back(std::move(out));
  }
  if (requantized > 0) {
    report.warnings.push_back(fmt::format(
        "{} matrices were quantised already and are rounded a second time; the original checkpoint gives a better file",
        requantized));
  }
  return list;
}

Result<void> write_file(GgufWriter& writer, const std::vector<ExportTensor>& tensors, const Checkpoint& checkpoint,
                        const std::string& out, const ExportOptions& options, ExportReport& report) {
  uint64_t total = 0;
  for (const ExportTensor& t : tensors) {
    TRY(const uint64_t size, tensor_bytes(t.name, t.type, t.shape));
    total += size;
    writer.add_tensor(t.name, t.type, t.shape);
  }
  Converter converter(options.threads);
  uint64_t done = 0;
  const auto data = [&](size_t i) -> Result<std::span<const std::byte>> {
    if (i > 0 && tensors[i - 1].source != nullptr) checkpoint.release(*tensors[i - 1].source);
    if (options.progress) options.progress(done, total);
    TRY(const std::span<const std::byte> bytes, converter.bytes(tensors[i]));
    done += bytes.size();
    return bytes;
  };
  TRY_VOID(writer.write(out, data));
  if (options.progress) options.progress(total, total);
  report.bytes = total;
  return {};
}

// "/models/SmolLM2-135M/" -> "SmolLM2-135M"
std::string name_of_path(const std::string& path) {
  std::filesystem::path p(path);
  if (!p.has_filename()) p = p.parent_path();
  return p.filename().string();
}

}  // namespace

std::string gguf_path(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) return path;
  for (const auto& entry : std::filesystem::directory_iterator(path, error)) {
    if (entry.path().extension() == ".gguf") return entry.path().string();
  }
  return path;
}

std::optional<QuantRecipe> quant_recipe_from_name(std::string_view name) {
  const auto same = [](char a, char b) { return std::toupper(static_cast<unsigned char>(a)) == b; };
  for (size_t i = 0; i < kRecipes.size(); ++i) {
    if (std::equal(name.begin(), name.end(), kRecipes[i].name.begin(), kRecipes[i].name.end(), same))
      return static_cast<QuantRecipe>(i);
  }
  return std::nullopt;
}

std::string_view quant_recipe_name(QuantRecipe recipe) { return row_of(recipe).name; }

std::vector<std::string> quant_recipe_names() {
  std::vector<std::string> names;
  for (const RecipeRow& row : kRecipes) names.emplace_back(row.name);
  return names;
}

DType recipe_type(QuantRecipe recipe, MatrixRole role, bool tied_embedding, int layer, int layers, int64_t cols) {
  return fallback_type(wanted_type(recipe, role, tied_embedding, layer, layers), cols);
}

Result<ExportReport> export_gguf(const Checkpoint& checkpoint, const std::string& out, const ExportOptions& options) {
  ExportReport report;
  GgufWriter writer;
  std::vector<ExportTensor> tensors;
  if (checkpoint.kind() == CheckpointKind::kGguf) {
    std::optional<GgufFile> file;
    TRY(file, GgufFile::open(gguf_path(checkpoint.path())));
    writer.add_metadata_of(*file);
    tensors = gguf_tensors(checkpoint, options.recipe, report);
  } else {
    const bool mistral = checkpoint.kind() == CheckpointKind::kMistralFolder;
    TRY(const Json config, read_folder_json(checkpoint.path(), mistral ? "params.json" : "config.json"));
    TRY(const GgufArchitecture architecture, gguf_architecture(checkpoint.plan().spec));
    TRY(const GgufAdjustments adjustments,
        add_gguf_keys(checkpoint.plan(), checkpoint.kind(), config, name_of_path(checkpoint.path()), writer, report));
    TRY(const TextAssets text, checkpoint.text_assets());
    TRY_VOID(add_gguf_vocab(checkpoint, text, writer, report));
    TRY(tensors, FolderTensors(checkpoint, options.recipe, architecture, adjustments, report).collect());
  }
  writer.add_u32("general.file_type", row_of(options.recipe).file_type);
  writer.add_u32("general.quantization_version", 2);
  TRY_VOID(write_file(writer, tensors, checkpoint, out, options, report));
  return report;
}

}  // namespace sobre
