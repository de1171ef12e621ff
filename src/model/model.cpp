#include "model/model.h"

#include <utility>

#include "base/threads.h"

namespace sobre {

Result<const Kernels*> chosen_kernels(Isa isa) {
  if (const Kernels* kernels = kernels_for(isa); kernels != nullptr) return kernels;
  std::string have;
  for (const Isa other : available_isas()) have += (have.empty() ? "" : ", ") + std::string(isa_name(other));
  return fail("the instruction set {} is not available on this machine; it has {}", isa_name(isa), have);
}

Result<std::shared_ptr<const Model>> Model::load(const std::string& path, const LoadOptions& options) {
  TRY(const Checkpoint checkpoint, Checkpoint::open(path));
  return load(checkpoint, options);
}

Result<std::shared_ptr<const Model>> Model::load(const Checkpoint& checkpoint, const LoadOptions& options) {
  const Kernels* kernels = &best_kernels();
  if (options.isa) {
    TRY(kernels, chosen_kernels(*options.isa));
  }
  auto model = std::shared_ptr<Model>(new Model());
  model->path_ = checkpoint.path();
  model->kernels_ = kernels;
  model->spec_ = checkpoint.plan().spec;
  TRY(model->text_, checkpoint.text_assets());
  // A tokenizer may know more ids than the embedding has rows: those the model can never say.
  std::erase_if(model->text_.stop_ids, [&](int32_t id) { return id >= model->spec_.vocab_size; });
  for (const std::string& name : checkpoint.unused_tensors())
    model->warnings_.push_back(fmt::format("{}: the tensor {} is not used", checkpoint.path(), name));
  ThreadPool pool(options.threads);
  TRY(model->weights_, load_weights(checkpoint, options.weights, *kernels, pool, options.progress));
  return std::shared_ptr<const Model>(std::move(model));
}

std::shared_ptr<const Model> Model::from_parts(DecoderSpec spec, Weights weights, const Kernels& kernels) {
  auto model = std::shared_ptr<Model>(new Model());
  model->path_ = "(in memory)";
  model->kernels_ = &kernels;
  model->spec_ = std::move(spec);
  model->weights_ = std::move(weights);
  return model;
}

}  // namespace sobre
