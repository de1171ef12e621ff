#include "learn/model_files.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <system_error>

#include "base/file.h"
#include "format/gguf.h"
#include "learn/documents.h"
#include "model/export_gguf.h"
#include "model/export_hf.h"
#include "model/model.h"
#include "model/text_assets.h"

namespace sobre {

namespace fs = std::filesystem;

namespace {

constexpr uint64_t kMaxFileBytes = 256 << 20;

Result<std::map<std::string, std::string>> tokenizer_files(const std::string& folder) {
  std::map<std::string, std::string> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (!is_text_file(name) || !entry.is_regular_file(error)) continue;
    TRY(files[name], read_file(entry.path().string(), kMaxFileBytes));
  }
  if (error) return fail("{}: the folder cannot be read: {}", folder, error.message());
  return files;
}

// A folder, or the folder of a tokenizer's file.
Result<std::string> folder_of(const std::string& path) {
  std::error_code error;
  if (!fs::exists(path, error)) return fail("{}: no such folder (model.tokenizer)", path);
  if (fs::is_directory(path, error)) return path;
  const std::string parent = fs::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

// The text files of an earlier run that this one does not write: a chat template left there would come before the model's.
Result<void> remove_other_text_files(const std::string& folder, const TrainedModel& model) {
  std::error_code error;
  std::vector<fs::path> others;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (is_text_file(name) && !model.files.contains(name)) others.push_back(entry.path());
  }
  for (const fs::path& path : others) {
    fs::remove(path, error);
    if (error) return fail("{}: of an earlier run, and cannot be removed: {}", path.string(), error.message());
  }
  return {};
}

Result<TrainedModel> from_nothing(const Recipe& recipe) {
  TrainedModel m;
  m.config = plain_config(recipe.model.config, "float32");
  auto plan = plan_new_checkpoint(m.config);
  if (!plan) return fail_in(recipe.file + ": model.config", plan.error());
  m.plan = std::move(*plan);
  TRY(const std::string folder, folder_of(recipe.model.tokenizer));
  TRY(m.files, tokenizer_files(folder));
  TRY(m.text, folder_text_assets(folder, m.config, false));
  return m;
}

Result<TrainedModel> from_model(const std::string& init) {
  TRY(const Checkpoint checkpoint, Checkpoint::open(init));
  TrainedModel m;
  TRY(m.text, checkpoint.text_assets());
  if (checkpoint.kind() == CheckpointKind::kMistralFolder)
    return fail("{}: training starts from a Hugging Face folder or a GGUF file, this is Mistral's own layout", init);
  if (checkpoint.kind() == CheckpointKind::kGguf) {
    TRY(const GgufFile file, GgufFile::open(gguf_path(checkpoint.path())));
    TRY(m.config, hf_config_from_gguf(file, checkpoint.plan()));
    TRY(m.files, hf_tokenizer_from_gguf(file));
    TRY(m.plan, plan_new_checkpoint(m.config));
    return m;
  }
  TRY(const Json config, read_folder_json(checkpoint.path(), "config.json"));
  m.config = plain_config(config, "float32");
  m.plan = checkpoint.plan();
  TRY(m.files, tokenizer_files(checkpoint.path()));
  return m;
}

}  // namespace

Result<TrainedModel> open_trained_model(const Recipe& recipe, const std::string& init) {
  TRY(TrainedModel m, init.empty() ? from_nothing(recipe) : from_model(init));
  if (!m.text.tokenizer) return fail("{}: no tokenizer there", init.empty() ? recipe.model.tokenizer : init);
  if (m.text.tokenizer->vocab_size() > m.plan.spec.vocab_size)
    return fail("{}: the tokenizer has {} ids, the model a vocabulary of {}", recipe.file, m.text.tokenizer->vocab_size(),
                m.plan.spec.vocab_size);
  if (!recipe.data.chat_template.empty()) {
    TRY_VOID(replace_chat_template(m.text, recipe.data.chat_template));
    TRY(m.files["chat_template.jinja"], read_file(recipe.data.chat_template, kMaxFileBytes));
  }
  return m;
}

Result<Trainable> trainable_parts(const TrainedParts& parts, const DecoderSpec& spec) {
  Trainable t;
  if (parts.all) return t;
  for (const auto& [first, last] : parts.layers) {
    if (last >= spec.n_layers()) return fail("model.train names layer {}, the last one is {}", last, spec.n_layers() - 1);
  }
  if (parts.head && spec.tied_head)
    return fail("model.train names the head, which is the embedding in this model (tie_word_embeddings): name \"embedding\"");
  t.embedding = parts.embedding;
  t.head = parts.head;
  t.final_norm = parts.final_norm;
  for (int i = 0; i < spec.n_layers(); ++i) t.layers.push_back(parts.layer(i));
  return t;
}

Result<Parameters> initial_parameters(const Recipe& recipe, const TrainedModel& model, const std::string& init,
                                      const Kernels& kernels, int threads) {
  TRY(const Trainable parts, trainable_parts(recipe.model.train, model.plan.spec));
  TRY(Parameters parameters, Parameters::create(model.plan, parts));
  if (init.empty()) {
    parameters.fill_random(recipe.training.seed);
    return parameters;
  }
  LoadOptions options;
  options.weights = WeightMode::kF32;
  options.isa = kernels.isa;
  options.threads = threads;
  TRY(const std::shared_ptr<const Model> loaded, Model::load(init, options));
  TRY_VOID(parameters.copy_from(*loaded));
  return parameters;
}

Result<std::string> write_trained_model(const std::string& folder, const TrainedModel& model, const Parameters& parameters,
                                        const std::optional<QuantRecipe>& gguf) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return fail("{}: the folder cannot be made: {}", folder, error.message());
  TRY_VOID(parameters.write(folder + "/model.safetensors"));
  TRY_VOID(remove_other_text_files(folder, model));
  const std::string inside = folder + "/";
  for (const auto& [file, text] : model.files) TRY_VOID(write_text_file(std::string(inside).append(file), text));
  TRY_VOID(write_text_file(folder + "/config.json", model.config.dump({.indent = 2, .item_separator = ","}) + "\n"));
  if (!gguf) return std::string();
  TRY(const Checkpoint checkpoint, Checkpoint::open(folder));
  const fs::path whole = fs::absolute(folder).lexically_normal();
  std::string name = whole.filename().string();
  if (name.empty()) name = whole.parent_path().filename().string();
  std::string path = folder + "/" + name + "-" + std::string(quant_recipe_name(*gguf)) + ".gguf";
  ExportOptions options;
  options.recipe = *gguf;
  const auto report = export_gguf(checkpoint, path, options);
  if (!report) return fail("{} (the model itself is complete: {})", report.error().message, folder);
  return path;
}

}  // namespace sobre
