// Gradients against finite differences, for every mechanism of a DecoderSpec; the same bits again, and the same gradients for
// any number of threads and any order of documents.
#include "learn/network.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>

#include "base/json.h"
#include "learn/adamw.h"
#include "model/families.h"

namespace sobre {
namespace {

// A small model's config, and what is changed in it.
CheckpointPlan plan_of(const std::string& type, const std::string& members) {
  const std::string text = R"({"model_type": ")" + type +
                           R"(", "hidden_size": 20, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
      "head_dim": 6, "intermediate_size": 28, "vocab_size": 50, "max_position_embeddings": 512, "rms_norm_eps": 1e-5,
      "rope_theta": 10000.0, "hidden_act": "silu")" +
                           (members.empty() ? "" : ", " + members) + "}";
  const Result<Json> config = Json::parse(text);
  EXPECT_TRUE(config.has_value()) << text;
  Result<CheckpointPlan> plan = plan_new_checkpoint(*config);
  EXPECT_TRUE(plan.has_value()) << (plan ? "" : plan.error().message);
  return std::move(*plan);
}

TrainBatch small_batch() {
  TrainBatch b;
  b.starts = {0, 13, 14, 90};
  for (int t = 0; t < b.starts.back(); ++t) b.ids.push_back((t * t * 7 + 3 * t) % 50);
  for (int t = 0; t < b.starts.back(); ++t) {
    const bool last = t == 12 || t == 13 || t == 89;
    b.targets.push_back(last || t % 5 == 1 ? -1 : b.ids[static_cast<size_t>(t) + 1]);
  }
  return b;
}

// Values around zero (norms around one) that make every part of the model matter.
void shake(Parameters& p) {
  p.fill_random(5);
  uint32_t x = 12345;
  for (Parameter& each : p.all()) {
    for (int64_t i = 0; i < each.size(); ++i) {
      x = x * 1664525U + 1013904223U;
      each.value[i] += static_cast<float>(x >> 8) / static_cast<float>(1 << 24) * 0.4F - 0.2F;
    }
  }
}

struct Trial {
  Parameters parameters;
  std::unique_ptr<Network> network;
};

Trial make_trial(const CheckpointPlan& plan, int threads, const Trainable& parts = {},
                 ProductType products = ProductType::kF32) {
  Trial t{std::move(*Parameters::create(plan, parts)), nullptr};
  shake(t.parameters);
  t.network =
      std::move(*Network::create(plan.spec, t.parameters, best_kernels(), std::make_shared<ThreadPool>(threads), 96, products));
  return t;
}

double loss_of(Trial& t, const TrainBatch& batch) {
  const auto loss = t.network->evaluate(batch);
  EXPECT_TRUE(loss.has_value());
  return loss->sum;
}

// The slope of the loss along a random direction of one parameter (or a few of its values), against the gradient's projection
// on it. Directions make the change of the loss large beside f32's rounding.
void expect_gradients(const CheckpointPlan& plan, const std::string& what) {
  Trial t = make_trial(plan, 2);
  const TrainBatch batch = small_batch();
  const auto learned = t.network->learn(batch, 1.0F);
  ASSERT_TRUE(learned.has_value()) << what;
  EXPECT_NEAR(learned->sum, loss_of(t, batch), 1e-4) << what;
  uint32_t x = 99;
  for (Parameter& p : t.parameters.all()) {
    for (int direction = 0; direction < 4; ++direction) {
      std::vector<float> step(static_cast<size_t>(p.size()));
      double along = 0, size = 0;
      for (size_t i = 0; i < step.size(); ++i) {
        x = x * 1664525U + 1013904223U;
        // Directions 2 and 3 lean on the gradient, so that a wrong sign or factor anywhere shows.
        const float random = static_cast<float>(x >> 8) / static_cast<float>(1 << 23) - 1;
        step[i] = direction < 2 ? random : p.gradient[i] * (1.5F + random);
        along += static_cast<double>(step[i]) * static_cast<double>(p.gradient[i]);
        size += static_cast<double>(step[i]) * static_cast<double>(step[i]);
      }
      if (size == 0) continue;
      const double length = 3e-3 / std::sqrt(size);
      const std::vector<float> kept(p.value, p.value + p.size());
      const auto moved = [&](double times) {
        for (size_t i = 0; i < step.size(); ++i)
          p.value[i] = kept[i] + static_cast<float>(times * length * static_cast<double>(step[i]));
        return loss_of(t, batch);
      };
      const double slope = (8 * (moved(1) - moved(-1)) - (moved(2) - moved(-2))) / (12 * length);
      std::copy(kept.begin(), kept.end(), p.value);
      EXPECT_NEAR(slope * length, along * length, 1e-3 * std::fabs(along) * length + 4e-5)
          << what << ", " << p.name << ", direction " << direction;
    }
  }
}

TEST(Network, GradientsEqualFiniteDifferences) {
  expect_gradients(plan_of("llama", ""), "llama, head of its own");
  expect_gradients(plan_of("llama", R"("tie_word_embeddings": true, "attention_bias": true)"), "tied, biases");
  expect_gradients(plan_of("mistral", R"("sliding_window": 9)"), "window");
  expect_gradients(plan_of("qwen2", ""), "biases of q, k, v");
  expect_gradients(plan_of("qwen3", ""), "norms of q and k");
  expect_gradients(plan_of("smollm3", R"("no_rope_layers": [1, 0])"), "a layer without RoPE");
  expect_gradients(plan_of("granite", R"("embedding_multiplier": 3.0, "attention_multiplier": 0.3, "residual_multiplier": 0.4,
      "logits_scaling": 2.5)"),
                   "multipliers");
  expect_gradients(
      plan_of("gemma3_text", R"("hidden_activation": "gelu_pytorch_tanh", "query_pre_attn_scalar": 7, "sliding_window": 8,
      "layer_types": ["sliding_attention", "full_attention"], "rope_local_base_freq": 1000.0, "tie_word_embeddings": true)"),
      "post-norms, GELU, embedding scale");
}

// Query scaling grows with positions: a spec with a context of 8 so that it matters within the batch.
TEST(Network, ScaledQueriesAndRopeMagnitudeAreDifferentiated) {
  CheckpointPlan plan = plan_of("llama", "");
  plan.spec.query_scale_beta = 0.3F;
  plan.spec.query_scale_context = 8;
  plan.spec.ropes[0].magnitude = 1.2F;
  expect_gradients(plan, "scaled queries");
}

std::vector<float> gradients_of(const CheckpointPlan& plan, int threads, const TrainBatch& batch) {
  Trial t = make_trial(plan, threads);
  EXPECT_TRUE(t.network->learn(batch, 0.25F).has_value());
  std::vector<float> all;
  for (const Parameter& p : t.parameters.all()) all.insert(all.end(), p.gradient, p.gradient + p.size());
  return all;
}

double distance(const std::vector<float>& a, const std::vector<float>& b) {
  double off = 0, size = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    off += std::pow(static_cast<double>(a[i]) - static_cast<double>(b[i]), 2);
    size += std::pow(static_cast<double>(b[i]), 2);
  }
  return std::sqrt(off / size);
}

TEST(Network, TheSameBitsAgainAndNearlyTheSameForOtherTeams) {
  const CheckpointPlan plan = plan_of("qwen3", "");
  const TrainBatch batch = small_batch();
  const std::vector<float> two = gradients_of(plan, 2, batch);
  for (int i = 0; i < 5; ++i) {
    const std::vector<float> again = gradients_of(plan, 2, batch);
    ASSERT_EQ(std::memcmp(two.data(), again.data(), two.size() * sizeof(float)), 0);
  }
  for (const int threads : {1, 3, 7}) EXPECT_LT(distance(gradients_of(plan, threads, batch), two), 1e-5) << threads;
}

TEST(Network, DocumentsDoNotSeeEachOther) {
  const CheckpointPlan plan = plan_of("llama", "");
  const TrainBatch batch = small_batch();
  std::vector<float> sum;
  for (size_t d = 0; d + 1 < batch.starts.size(); ++d) {
    TrainBatch alone;
    const int32_t from = batch.starts[d], to = batch.starts[d + 1];
    alone.ids.assign(batch.ids.begin() + from, batch.ids.begin() + to);
    alone.targets.assign(batch.targets.begin() + from, batch.targets.begin() + to);
    alone.starts = {0, to - from};
    const std::vector<float> part = gradients_of(plan, 2, alone);
    sum.resize(part.size(), 0.0F);
    for (size_t i = 0; i < part.size(); ++i) sum[i] += part[i];
  }
  EXPECT_LT(distance(sum, gradients_of(plan, 2, batch)), 1e-5);
}

TEST(Network, OnlyChosenPartsLearn) {
  const CheckpointPlan plan = plan_of("llama", "");
  const TrainBatch batch = small_batch();
  Trial whole = make_trial(plan, 2);
  ASSERT_TRUE(whole.network->learn(batch, 1).has_value());
  Trainable parts;
  parts.embedding = false;
  parts.layers = {false, true};
  Trial some = make_trial(plan, 2, parts);
  ASSERT_TRUE(some.network->learn(batch, 1).has_value());
  EXPECT_LT(some.parameters.trained_count(), whole.parameters.trained_count());
  for (size_t i = 0; i < whole.parameters.all().size(); ++i) {
    const Parameter &a = whole.parameters.all()[i], &b = some.parameters.all()[i];
    const bool chosen =
        a.name.find("layers.1.") != std::string::npos || a.name == "model.norm.weight" || a.name == "lm_head.weight";
    ASSERT_EQ(b.trained, chosen) << a.name;
    EXPECT_EQ(b.gradient != nullptr, chosen) << a.name;
    if (!chosen) continue;
    EXPECT_EQ(std::memcmp(a.gradient, b.gradient, static_cast<size_t>(a.size()) * 4), 0) << a.name;
  }
  ThreadPool threads(2);
  const std::vector<float> frozen(some.parameters.embedding->value, some.parameters.embedding->value + 1000);
  adamw_step(some.parameters, {}, 0.1, 1, 1, best_kernels(), threads);
  EXPECT_TRUE(std::equal(frozen.begin(), frozen.end(), some.parameters.embedding->value));
}

TEST(Network, RefusesWhatDoesNotFit) {
  const CheckpointPlan plan = plan_of("llama", "");
  Trial t = make_trial(plan, 1);
  TrainBatch batch = small_batch();
  batch.ids[3] = 50;
  EXPECT_EQ(t.network->evaluate(batch).error().message, "the token id 50 is outside the vocabulary of 50 entries");
  batch = small_batch();
  batch.ids.resize(200, 1);
  batch.targets.resize(200, -1);
  batch.starts.push_back(200);
  EXPECT_EQ(t.network->evaluate(batch).error().message, "a batch of 200 tokens does not fit a work space for 96");
  t.parameters.final_norm->value[2] = NAN;
  EXPECT_NE(t.network->evaluate(small_batch()).error().message.find("not finite"), std::string::npos);
}

// Eight bits of each factor are left: gradients point the same way, a percent or two apart.
TEST(Network, Bf16GradientsAreCloseToThoseOfF32) {
  if (!has_bf16_products()) GTEST_SKIP() << "this processor or its oneDNN does not multiply bfloat16";
  const CheckpointPlan plan = plan_of("llama", R"("tie_word_embeddings": true)");
  Trial exact = make_trial(plan, 2), rounded = make_trial(plan, 2, {}, ProductType::kBf16);
  const TrainBatch batch = small_batch();
  const auto a = exact.network->learn(batch, 1.0F), b = rounded.network->learn(batch, 1.0F);
  ASSERT_TRUE(a && b);
  EXPECT_NE(a->sum, b->sum);
  EXPECT_NEAR(a->sum, b->sum, 0.02 * a->sum);
  for (size_t i = 0; i < exact.parameters.all().size(); ++i) {
    const Parameter &p = exact.parameters.all()[i], &q = rounded.parameters.all()[i];
    double both = 0, first = 0, second = 0;
    for (int64_t j = 0; j < p.size(); ++j) {
      both += static_cast<double>(p.gradient[j]) * static_cast<double>(q.gradient[j]);
      first += static_cast<double>(p.gradient[j]) * static_cast<double>(p.gradient[j]);
      second += static_cast<double>(q.gradient[j]) * static_cast<double>(q.gradient[j]);
    }
    EXPECT_GT(both, 0.999 * std::sqrt(first * second)) << p.name;
    EXPECT_NEAR(std::sqrt(first), std::sqrt(second), 0.03 * std::sqrt(first)) << p.name;
  }
}

}  // namespace
}  // namespace sobre
