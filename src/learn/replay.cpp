#include "learn/replay.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "learn/adamw.h"
#include "learn/example.h"
#include "learn/network.h"
#include "model/model.h"

namespace sobre {

namespace {

constexpr uint64_t kMaxStepsBytes = 1ull << 30;
constexpr int kMaxTokens = 1 << 20;

Result<double> number(const Json& object, const char* key) {
  const Json* value = object.find(key);
  const std::optional<double> x = value == nullptr ? std::nullopt : value->as_double();
  if (!x || !std::isfinite(*x)) return fail("\"{}\" is missing or no number", key);
  return *x;
}

// How much of a moment a step keeps.
Result<double> decay(const Json& object, const char* key) {
  TRY(const double x, number(object, key));
  if (x < 0 || x >= 1) return fail("\"{}\" is {}, it must be at least 0 and less than 1", key, x);
  return x;
}

// A list of rows of integers in [0, most].
Result<std::vector<std::vector<int32_t>>> integer_rows(const Json& step, const char* key, int64_t most) {
  const Json* rows = step.find(key);
  if (rows == nullptr || rows->as_array() == nullptr || rows->as_array()->empty())
    return fail("\"{}\" is missing or no list", key);
  std::vector<std::vector<int32_t>> out;
  for (const Json& row : *rows->as_array()) {
    if (row.as_array() == nullptr || row.as_array()->empty())
      return fail("\"{}\" holds something that is no list of numbers", key);
    std::vector<int32_t>& list = out.emplace_back();
    for (const Json& value : *row.as_array()) {
      const std::optional<int64_t> x = value.as_int();
      if (!x || *x < 0 || *x > most) return fail("\"{}\" holds a value that is no integer from 0 to {}", key, most);
      list.push_back(static_cast<int32_t>(*x));
    }
  }
  return out;
}

bool same_shape(const std::vector<std::vector<int32_t>>& a, const std::vector<std::vector<int32_t>>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) { return x.size() == y.size(); });
}

// Every row of a step is a document, or several where "documents" says so.
Result<TrainBatch> read_step(const Json& step, int vocab_size) {
  TRY(const auto ids, integer_rows(step, "ids", vocab_size - 1));
  TRY(const auto mask, integer_rows(step, "loss_mask", 1));
  std::vector<std::vector<int32_t>> documents;
  const Json* given = step.find("documents");
  if (given != nullptr && !given->is_null()) {
    TRY(documents, integer_rows(step, "documents", kMaxTokens));
  } else {
    for (const auto& row : ids) documents.emplace_back(row.size(), 0);
  }
  if (!same_shape(ids, mask) || !same_shape(ids, documents))
    return fail("\"ids\", \"loss_mask\" and \"documents\" are not of the same shape");
  TrainBatch batch;
  for (size_t r = 0; r < ids.size(); ++r) {
    for (size_t t = 0; t < ids[r].size(); ++t) {
      if (t == 0 || documents[r][t] != documents[r][t - 1]) batch.starts.push_back(static_cast<int32_t>(batch.ids.size()));
      batch.ids.push_back(ids[r][t]);
      batch.targets.push_back(t + 1 < ids[r].size() && mask[r][t + 1] == 1 ? ids[r][t + 1] : -1);
    }
  }
  if (batch.ids.size() > kMaxTokens) return fail("{} tokens are more than {}", batch.ids.size(), kMaxTokens);
  batch.starts.push_back(static_cast<int32_t>(batch.ids.size()));
  return batch;
}

struct Recording {
  AdamWOptions adamw;
  double clip_norm = 0;
  std::vector<double> learning_rates;
  std::vector<TrainBatch> batches;
  std::vector<ReplayStep> steps;
};

Result<Recording> parse_recording(const Json& json, int vocab_size) {
  Recording r;
  const Json* hyper = json.find("hyper");
  const Json* steps = json.find("steps");
  if (hyper == nullptr || steps == nullptr || steps->as_array() == nullptr) return fail("\"hyper\" or \"steps\" is missing");
  TRY(r.adamw.beta1, decay(*hyper, "beta1"));
  TRY(r.adamw.beta2, decay(*hyper, "beta2"));
  TRY(r.adamw.eps, number(*hyper, "eps"));
  TRY(r.adamw.weight_decay, number(*hyper, "weight_decay"));
  TRY(r.clip_norm, number(*hyper, "clip_norm"));
  const Json* rates = hyper->find("lr");
  if (rates == nullptr || rates->as_array() == nullptr || rates->as_array()->size() < steps->as_array()->size())
    return fail("\"hyper\".\"lr\" does not list a learning rate for every step");
  for (const Json& rate : *rates->as_array()) {
    const std::optional<double> x = rate.as_double();
    if (!x || !std::isfinite(*x)) return fail("\"hyper\".\"lr\" holds something that is no number");
    r.learning_rates.push_back(*x);
  }
  for (const Json& step : *steps->as_array()) {
    const std::string where = fmt::format("step {}", r.batches.size());
    auto batch = read_step(step, vocab_size);
    if (!batch) return fail_in(where, batch.error());
    ReplayStep recorded;
    recorded.step = static_cast<int>(r.batches.size());
    if (const auto loss = number(step, "loss")) recorded.recorded_loss = *loss;
    if (const auto norm = number(step, "grad_norm")) recorded.recorded_grad_norm = *norm;
    r.batches.push_back(std::move(*batch));
    r.steps.push_back(recorded);
  }
  return r;
}

Result<Recording> read_recording(const std::string& folder, int vocab_size) {
  const std::string path = folder + "/steps.json";
  TRY(const std::string text, read_file(path, kMaxStepsBytes));
  auto json = Json::parse(text);
  if (!json) return fail_in(path, json.error());
  auto recording = parse_recording(*json, vocab_size);
  if (!recording) return fail_in(path, recording.error());
  return std::move(*recording);
}

}  // namespace

Result<Parameters> replay_training(const std::string& folder, const Kernels& kernels,
                                   const std::shared_ptr<ThreadPool>& threads,
                                   const std::function<void(const ReplayStep&, const Parameters&)>& report) {
  TRY(const Checkpoint checkpoint, Checkpoint::open(folder));
  if (checkpoint.kind() != CheckpointKind::kHfFolder)
    return fail("{}: runs are replayed from a Hugging Face folder (config.json, model.safetensors), this is {}", folder,
                checkpoint.kind() == CheckpointKind::kGguf ? "a GGUF file" : "Mistral's own layout");
  const CheckpointPlan& plan = checkpoint.plan();
  TRY(Recording recording, read_recording(folder, plan.spec.vocab_size));
  LoadOptions options;
  options.weights = WeightMode::kF32;
  options.isa = kernels.isa;
  options.threads = threads->size();
  TRY(const std::shared_ptr<const Model> model, Model::load(checkpoint, options));
  TRY(Parameters parameters, Parameters::create(plan, {}));
  TRY_VOID(parameters.copy_from(*model));
  size_t most = 1;
  for (const TrainBatch& batch : recording.batches) most = std::max(most, batch.ids.size());
  TRY(const auto network, Network::create(plan.spec, parameters, kernels, threads, static_cast<int>(most), ProductType::kF32));
  for (size_t i = 0; i < recording.batches.size(); ++i) {
    const TrainBatch& batch = recording.batches[i];
    const auto counted = std::count_if(batch.targets.begin(), batch.targets.end(), [](int32_t target) { return target >= 0; });
    if (counted == 0) return fail("{}: step {} has no token that counts", folder, i);
    parameters.clear_gradients(*threads);
    TRY(const Network::Loss loss, network->learn(batch, 1.0F / static_cast<float>(counted)));
    ReplayStep& step = recording.steps[i];
    step.loss = loss.sum / static_cast<double>(counted);
    step.grad_norm = gradient_norm(parameters, kernels, *threads);
    report(step, parameters);
    adamw_step(parameters, recording.adamw, recording.learning_rates[i], clip_factor(step.grad_norm, recording.clip_norm),
               static_cast<int64_t>(i) + 1, kernels, *threads);
  }
  return parameters;
}

}  // namespace sobre
