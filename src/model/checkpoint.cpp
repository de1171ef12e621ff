#include "model/checkpoint.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include "format/gguf.h"
#include "format/safetensors.h"
#include "format/tensor_bytes.h"
#include "model/text_assets.h"

namespace sobre {

namespace fs = std::filesystem;

struct Checkpoint::Impl final : TensorDirectory {
  CheckpointKind kind = CheckpointKind::kHfFolder;
  std::string path;
  Json config;  // config.json or params.json
  std::optional<SafetensorsFile> safetensors;
  std::optional<GgufFile> gguf;
  CheckpointPlan plan;

  [[nodiscard]] const TensorView* find(std::string_view name) const {
    return gguf ? gguf->find_tensor(name) : safetensors->find_tensor(name);
  }
  [[nodiscard]] const std::vector<int64_t>* shape(const std::string& name) const override {
    const TensorView* t = find(name);
    return t == nullptr ? nullptr : &t->shape;
  }
};

namespace {

bool exists(const std::string& path) {
  std::error_code error;
  return fs::exists(path, error);
}

bool is_folder(const std::string& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

// A message that names the checkpoint, once.
template <class T>
Result<T> named(const std::string& path, Result<T> result) {
  if (result || result.error().message.starts_with(path)) return result;
  return fail_in(path, result.error());
}

Result<void> open_gguf(Checkpoint::Impl& c, const std::string& file) {
  c.kind = CheckpointKind::kGguf;
  TRY(c.gguf, GgufFile::open(file));
  TRY(c.plan, named(c.path, plan_from_gguf(*c.gguf)));
  return {};
}

Result<void> open_hf(Checkpoint::Impl& c) {
  c.kind = CheckpointKind::kHfFolder;
  TRY(c.config, read_folder_json(c.path, "config.json"));
  TRY(c.safetensors, SafetensorsFile::open_folder(c.path));
  TRY(c.plan, named(c.path, plan_from_hf_config(c.config, c)));
  return {};
}

Result<void> open_mistral(Checkpoint::Impl& c) {
  c.kind = CheckpointKind::kMistralFolder;
  TRY(c.config, read_folder_json(c.path, "params.json"));
  TRY(c.safetensors, SafetensorsFile::open(c.path + "/consolidated.safetensors"));
  TRY(c.plan, named(c.path, plan_from_mistral_params(c.config, c)));
  return {};
}

std::vector<std::string> gguf_files_in(const std::string& folder) {
  std::vector<std::string> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".gguf") found.push_back(entry.path().string());
  }
  std::sort(found.begin(), found.end());
  return found;
}

// The layout is known by the files that are there; a folder with both sets is read as Hugging Face lays it out.
Result<void> open_folder(Checkpoint::Impl& c) {
  const bool hf_weights = exists(c.path + "/model.safetensors") || exists(c.path + "/model.safetensors.index.json");
  if (exists(c.path + "/config.json") && hf_weights) return open_hf(c);
  if (exists(c.path + "/params.json") && exists(c.path + "/consolidated.safetensors")) return open_mistral(c);
  const std::vector<std::string> ggufs = gguf_files_in(c.path);
  if (ggufs.size() == 1) return open_gguf(c, ggufs.front());
  if (ggufs.size() > 1) {
    return fail("{}: {} GGUF files are in this folder; name one of them, such as {}", c.path, ggufs.size(), ggufs.front());
  }
  return fail(
      "{}: no checkpoint here; looked for config.json with model.safetensors or model.safetensors.index.json, for params.json "
      "with consolidated.safetensors, and for one .gguf file",
      c.path);
}

}  // namespace

Checkpoint::Checkpoint(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Checkpoint::Checkpoint(Checkpoint&&) noexcept = default;
Checkpoint& Checkpoint::operator=(Checkpoint&&) noexcept = default;
Checkpoint::~Checkpoint() = default;

Result<Checkpoint> Checkpoint::open(const std::string& path) {
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  if (is_folder(path)) {
    TRY_VOID(open_folder(*impl));
  } else if (!exists(path)) {
    return fail("{}: no such file or folder; a model is a folder of a checkpoint or a .gguf file", path);
  } else if (path.ends_with(".safetensors")) {
    return fail("{}: a single weight file has no configuration; name the folder that holds it with its config.json", path);
  } else {
    TRY_VOID(open_gguf(*impl, path));
  }
  return Checkpoint(std::move(impl));
}

CheckpointKind Checkpoint::kind() const { return impl_->kind; }
const std::string& Checkpoint::path() const { return impl_->path; }
const CheckpointPlan& Checkpoint::plan() const { return impl_->plan; }
const TensorView* Checkpoint::find_tensor(std::string_view name) const { return impl_->find(name); }

const std::vector<TensorView>& Checkpoint::tensors() const {
  return impl_->gguf ? impl_->gguf->tensors() : impl_->safetensors->tensors();
}

void Checkpoint::release(const TensorView& tensor) const {
  const auto inside = [&](const MappedFile& file) {
    const std::span<const std::byte> all = file.bytes();
    return tensor.data.data() >= all.data() && tensor.data.data() + tensor.data.size() <= all.data() + all.size();
  };
  for (const MappedFile& file : impl_->gguf ? impl_->gguf->mappings() : impl_->safetensors->mappings()) {
    if (inside(file)) file.release(tensor.data);
  }
}

std::vector<std::string> Checkpoint::unused_tensors() const {
  std::set<std::string, std::less<>> used;
  for (PlannedTensor& t : planned_tensors(impl_->plan)) used.insert(std::move(t.name));
  const auto is_scale = [&](std::string_view name) {
    return std::any_of(impl_->plan.fp8_scale_suffixes.begin(), impl_->plan.fp8_scale_suffixes.end(),
                       [&](const std::string& suffix) {
                         if (!name.ends_with(suffix)) return false;
                         return used.contains(std::string(name.substr(0, name.size() - suffix.size())) + "weight");
                       });
  };
  std::vector<std::string> names;
  for (const TensorView& t : tensors()) {
    if (!used.contains(t.name) && !is_scale(t.name) && !is_ignorable(impl_->plan, t.name)) names.push_back(t.name);
  }
  return names;
}

Result<const TensorView*> fp8_scale_of(const Checkpoint& checkpoint, const std::string& name, const TensorView& weight) {
  const std::string base = name.substr(0, name.rfind('.') + 1);
  const auto& block = checkpoint.plan().fp8_block;
  for (const std::string& suffix : checkpoint.plan().fp8_scale_suffixes) {
    const TensorView* s = checkpoint.find_tensor(base + suffix);
    if (s == nullptr) continue;
    if (s->dtype != DType::kF32 && s->dtype != DType::kBF16 && s->dtype != DType::kF16)
      return fail("{}: the scale {} has the type {}, expected F32, F16 or BF16", checkpoint.path(), s->name,
                  dtype_info(s->dtype).name);
    if (s->elements() == 1) return s;
    if (!block)
      return fail("{}: the scale {} has the shape {}, and the configuration names no weight_block_size", checkpoint.path(),
                  s->name, shape_text(s->shape));
    const auto [rows, cols] = *block;
    const bool divides = weight.shape[0] % rows == 0 && weight.shape[1] % cols == 0;
    if (divides && s->shape == std::vector<int64_t>{weight.shape[0] / rows, weight.shape[1] / cols}) return s;
    return fail("{}: the scale {} has the shape {}, which is not that of blocks of {} x {} of the weight {}", checkpoint.path(),
                s->name, shape_text(s->shape), rows, cols, shape_text(weight.shape));
  }
  if (weight.dtype == DType::kF8E5M2) return nullptr;
  return fail("{}: the 8-bit weight {} has no scale beside it", checkpoint.path(), name);
}

Result<TextAssets> Checkpoint::text_assets() const {
  if (impl_->gguf) return gguf_text_assets(*impl_->gguf);
  return folder_text_assets(impl_->path, impl_->config, impl_->kind == CheckpointKind::kMistralFolder);
}

Result<Tokenizer> open_tokenizer(const std::string& path) {
  std::optional<TextAssets> assets;
  if (is_folder(path)) {
    TRY(assets, folder_text_assets(path, Json(), !exists(path + "/config.json") && exists(path + "/params.json")));
  } else if (path.ends_with(".gguf")) {
    TRY(const GgufFile file, GgufFile::open(path));
    TRY(assets, gguf_text_assets(file));
  } else {
    return Tokenizer::from_file(path);
  }
  if (!assets->tokenizer) {
    return fail("{}: no tokenizer here; looked for tokenizer.json, tekken.json, tokenizer.model and a GGUF's vocabulary", path);
  }
  return std::move(*assets->tokenizer);
}

}  // namespace sobre
