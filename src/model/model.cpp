#include "model/model.h"

#include <utility>

#include "base/threads.h"

namespace sobre {

Result<std::shared_ptr<const Model>> Model::load(const std::string& path, const LoadOptions& options) {
  TRY(const Checkpoint checkpoint, Checkpoint::open(path));
  return load(checkpoint, options);
}

Result<std::shared_ptr<const Model>> Model::load(const Checkpoint& checkpoint, const LoadOptions& options) {
  const Kernels* kernels = options.isa ? kernels_for(*options.isa) : &best_kernels();
  if (kernels == nullptr) {
    std::string have;
    for (const Isa isa : available_isas()) have += (have.empty() ? "" : ", ") + std::string(isa_name(isa));
    return fail("the instruction set {} is not available on this machine; it has {}", isa_name(*options.isa), have);
  }
  auto model = std::shared_ptr<Model>(new Model());
  model->path_ = checkpoint.path();
  model->kernels_ = kernels;
  model->spec_ = checkpoint.plan().spec;
  TRY(model->text_, checkpoint.text_assets());
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
