#include "learn/trainer.h"

#include <algorithm>
#include <chrono>

#include "base/checked.h"
#include "learn/adamw.h"

namespace sobre {

Result<std::unique_ptr<Trainer>> Trainer::create(const DecoderSpec& spec, Parameters& parameters, Feed& feed,
                                                 const RecipeTraining& recipe, uint64_t total_steps, const Kernels& kernels,
                                                 std::shared_ptr<ThreadPool> threads) {
  std::unique_ptr<Trainer> t(new Trainer());
  t->parameters_ = &parameters;
  t->feed_ = &feed;
  t->recipe_ = recipe;
  t->schedule_ = recipe.schedule_of(total_steps);
  t->kernels_ = &kernels;
  t->threads_ = std::move(threads);
  TRY(t->network_, Network::create(spec, parameters, kernels, t->threads_, recipe.micro_tokens, product_type(recipe.products)));
  if (recipe.optimizer == OptimizerKind::kMuon) {
    give_matrices_to_muon(parameters);
    for (int member = 0; member < t->threads_->size(); ++member) t->muon_.emplace_back(parameters.all());
  }
  return t;
}

ProductType product_type(ProductChoice choice) {
  const bool rounded = choice == ProductChoice::kBf16 || (choice == ProductChoice::kAuto && has_bf16_products());
  return rounded ? ProductType::kBf16 : ProductType::kF32;
}

// The batch of one step in the parts that are computed at once; none at the end of the data.
Result<std::vector<TrainBatch>> Trainer::read_parts() {
  std::vector<TrainBatch> parts;
  for (int tokens = 0; tokens + recipe_.micro_tokens <= recipe_.batch_tokens; tokens += recipe_.micro_tokens) {
    TRY(TrainBatch part, feed_->next(recipe_.micro_tokens));
    if (part.ids.empty()) break;
    parts.push_back(std::move(part));
  }
  return parts;
}

Result<Trainer::Step> Trainer::step(uint64_t number) {
  const auto start = std::chrono::steady_clock::now();
  TRY(const std::vector<TrainBatch> parts, read_parts());
  Step step;
  step.step = number;
  for (const TrainBatch& part : parts) {
    step.tokens += static_cast<int64_t>(part.ids.size());
    step.counted += std::count_if(part.targets.begin(), part.targets.end(), [](int32_t target) { return target >= 0; });
  }
  if (step.counted == 0)
    return fail("step {}: nothing in its batch counts; look whether the data has answers, or raise training.batch_tokens",
                number);
  parameters_->clear_gradients(*threads_);
  for (const TrainBatch& part : parts) {
    const auto learned = network_->learn(part, 1.0F / static_cast<float>(step.counted));
    if (!learned) return fail_in(fmt::format("step {}", number), learned.error());
    const Network::Loss& loss = *learned;
    step.loss += loss.sum / static_cast<double>(step.counted);
    step.operations += network_->operations(part);
  }
  step.grad_norm = gradient_norm(*parameters_, *kernels_, *threads_);
  // Applied, such a gradient would leave nothing of the weights, and the next checkpoint would take the last good one's place.
  if (!std::isfinite(step.grad_norm))
    return fail("step {}: the gradient is not finite: lower the learning rate, or set clip_norm", number);
  step.learning_rate = learning_rate(schedule_, number - 1);
  update(step);
  step.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return step;
}

void Trainer::update(const Step& step) {
  const AdamWOptions options{recipe_.beta1, recipe_.beta2, recipe_.eps, recipe_.weight_decay};
  adamw_step(*parameters_, options, step.learning_rate, clip_factor(step.grad_norm, recipe_.clip_norm),
             static_cast<int64_t>(step.step), *kernels_, *threads_);
  if (muon_.empty()) return;
  muon_step(*parameters_, {.weight_decay = recipe_.weight_decay}, step.learning_rate, product_type(recipe_.products), muon_,
            *threads_);
}

Result<double> Trainer::evaluate(std::span<const TrainBatch> batches) {
  double sum = 0;
  int64_t counted = 0;
  for (const TrainBatch& batch : batches) {
    TRY(const Network::Loss loss, network_->evaluate(batch));
    sum += loss.sum;
    counted += loss.counted;
  }
  if (counted == 0) return fail("nothing in the validation data counts; look whether it has answers");
  return sum / static_cast<double>(counted);
}

Result<uint64_t> total_steps(const RecipeTraining& recipe, const Feed& feed) {
  if (recipe.steps > 0) return recipe.steps;
  const auto parts = static_cast<uint64_t>(recipe.batch_tokens / recipe.micro_tokens);
  if (recipe.tokens > 0) return std::max<uint64_t>(1, recipe.tokens / static_cast<uint64_t>(recipe.batch_tokens));
  TRY(const uint64_t batches, feed.count_batches(recipe.micro_tokens));
  if (batches == 0) return fail("no row of the training data is short enough; make data.max_tokens larger");
  return (batches + parts - 1) / parts;
}

}  // namespace sobre
