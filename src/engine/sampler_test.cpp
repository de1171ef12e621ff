#include "engine/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <set>

namespace sobre {
namespace {

std::vector<float> random_logits(int n, unsigned seed, float spread = 3.0F) {
  std::mt19937 rng(seed);
  std::normal_distribution<float> normal(0, spread);
  std::vector<float> x(static_cast<size_t>(n));
  for (float& v : x) v = normal(rng);
  return x;
}

// Probabilities by the definition, in double, over the candidates that top-k, top-p and min-p leave.
std::map<int32_t, double> definition(const std::vector<float>& logits, const SamplingOptions& o) {
  std::vector<std::pair<double, int32_t>> all;
  for (size_t i = 0; i < logits.size(); ++i)
    all.emplace_back(static_cast<double>(logits[i]) / o.temperature, static_cast<int32_t>(i));
  std::sort(all.begin(), all.end(),
            [](auto a, auto b) { return a.first != b.first ? a.first > b.first : a.second < b.second; });
  if (o.top_k > 0 && static_cast<size_t>(o.top_k) < all.size()) all.resize(static_cast<size_t>(o.top_k));
  const double top = all[0].first;
  double total = 0;
  for (auto& [v, id] : all) total += v = std::exp(v - top);
  std::map<int32_t, double> kept;
  double sum = 0, mass = 0;
  for (const auto& [v, id] : all) {
    if (sum >= o.top_p * total && o.top_p < 1) break;
    sum += v;
    if (v >= o.min_p) mass += kept[id] = v;
  }
  for (auto& [id, p] : kept) p /= mass;
  return kept;
}

TEST(Sampler, DrawsFollowTheDefinition) {
  for (const auto& [k, p, m, t] : std::vector<std::tuple<int, double, double, double>>{{0, 1.0, 0.0, 1.0},
                                                                                       {5, 1.0, 0.0, 0.7},
                                                                                       {0, 0.8, 0.0, 1.3},
                                                                                       {0, 1.0, 0.1, 1.0},
                                                                                       {20, 0.9, 0.05, 0.9},
                                                                                       {300, 0.99, 0, 4}}) {
    SamplingOptions o;
    o.top_k = k, o.top_p = p, o.min_p = m, o.temperature = t;
    const auto logits = random_logits(200, 3);
    const auto expected = definition(logits, o);
    std::map<int32_t, int> drawn;
    constexpr int kDraws = 20000;
    Sampler sampler(o, 200);
    for (uint64_t i = 0; i < kDraws; ++i) ++drawn[sampler.sample(logits, i)];
    double chi2 = 0;
    int cells = 0;
    for (const auto& [id, n] : drawn) ASSERT_TRUE(expected.contains(id)) << id << " should have been cut, top_k " << k;
    for (const auto& [id, probability] : expected) {
      const double mean = probability * kDraws;
      if (mean < 5) continue;
      chi2 += (drawn[id] - mean) * (drawn[id] - mean) / mean;
      ++cells;
    }
    EXPECT_LT(chi2, cells + 5 * std::sqrt(2.0 * cells) + 5) << "top_k " << k << " top_p " << p << " min_p " << m;
  }
}

TEST(Sampler, SameNumbersSameDrawsAndSeedsDiffer) {
  const auto logits = random_logits(1000, 4);
  const auto draw = [&](uint64_t seed, uint32_t choice) {
    SamplingOptions o;
    o.seed = seed, o.choice = choice, o.top_p = 0.95;
    Sampler s(o, 1000);
    std::vector<int32_t> ids;
    for (uint64_t i = 0; i < 50; ++i) ids.push_back(s.sample(logits, i));
    return ids;
  };
  EXPECT_EQ(draw(1, 0), draw(1, 0));
  EXPECT_NE(draw(1, 0), draw(2, 0));
  EXPECT_NE(draw(1, 0), draw(1, 1));
}

TEST(Sampler, GreedyTakesTheLowerIdOnTies) {
  SamplingOptions o;
  o.temperature = 0;
  Sampler s(o, 4);
  EXPECT_EQ(s.sample(std::vector<float>{1, 3, 3, 2}, 0), 1);
  EXPECT_EQ(argmax(std::vector<float>{-5, -1, -1}), 1);
}

TEST(Sampler, TheLeastTemperaturesAreGreedy) {
  const auto logits = random_logits(300, 8);
  for (const double temperature : {4.9e-324, 1e-310, 1e-40, 1e-38, 1e-7}) {
    for (const double top_p : {1.0, 0.9}) {
      SamplingOptions o;
      o.temperature = temperature, o.top_p = top_p, o.min_p = top_p < 1 ? 0.1 : 0;
      ASSERT_TRUE(check_sampling(o, 300));
      Sampler s(o, 300);
      for (uint64_t i = 0; i < 20; ++i) EXPECT_EQ(s.sample(logits, i), argmax(logits)) << temperature;
    }
  }
}

TEST(Sampler, PenaltiesAndBias) {
  SamplingOptions o;
  o.temperature = 0;
  o.repetition_penalty = 2.0;
  o.penalty_window = 2;
  const std::vector<float> logits = {4, 3, 2.5F, -1};
  Sampler s(o, 4);
  s.observe_prompt(std::vector<int32_t>{0});
  EXPECT_EQ(s.sample(logits, 0), 1);  // 4 / 2 < 3
  EXPECT_EQ(s.sample(logits, 1), 2);  // both 0 and 1 are within the window
  EXPECT_EQ(s.sample(logits, 2), 0);  // 0 has left it

  SamplingOptions f;
  f.temperature = 0;
  f.presence_penalty = 0.6;
  f.frequency_penalty = 0.5;
  Sampler t(f, 4);
  t.observe_prompt(std::vector<int32_t>{0, 0, 0});  // prompts do not count here
  EXPECT_EQ(t.sample(logits, 0), 0);
  EXPECT_EQ(t.sample(logits, 1), 1);  // 4 - 1.1 < 3
  EXPECT_EQ(t.sample(logits, 2), 0);  // 2.9 against 1.9 and 2.5

  SamplingOptions b;
  b.temperature = 0;
  b.logit_bias = {{3, 100.0F}, {0, -100.0F}};
  Sampler u(b, 4);
  EXPECT_EQ(u.sample(logits, 0), 3);
}

TEST(Sampler, UnboundedWindowRemembersTheWholePrompt) {
  SamplingOptions o;
  o.temperature = 0, o.repetition_penalty = 2.0, o.penalty_window = -1;
  Sampler s(o, 4);
  s.observe_prompt(std::vector<int32_t>{0, 3, 3, 3, 3, 3, 3, 3, 3, 3});
  EXPECT_EQ(s.sample(std::vector<float>{4, 3, 2, 1}, 0), 1);
}

TEST(Sampler, WrongOptionsAreNamedWithTheirRange) {
  const auto message = [](auto change) {
    SamplingOptions o;
    change(o);
    const auto r = check_sampling(o, 100);
    return r ? std::string() : r.error().message;
  };
  EXPECT_EQ(message([](SamplingOptions&) {}), "");
  EXPECT_EQ(message([](SamplingOptions& o) { o.temperature = -1; }), "temperature is -1; allowed are 0 to 100");
  EXPECT_NE(message([](SamplingOptions& o) { o.temperature = std::nan(""); }), "");
  EXPECT_NE(message([](SamplingOptions& o) { o.top_p = 0; }), "");
  EXPECT_NE(message([](SamplingOptions& o) { o.min_p = 1.5; }), "");
  EXPECT_NE(message([](SamplingOptions& o) { o.top_k = -1; }), "");
  EXPECT_NE(message([](SamplingOptions& o) { o.penalty_window = -2; }), "");
  EXPECT_EQ(message([](SamplingOptions& o) { o.logit_bias = {{100, 1.0F}}; }),
            "logit_bias names the token id 100, outside the vocabulary of 100 entries");
}

}  // namespace
}  // namespace sobre
