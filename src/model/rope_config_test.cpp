#include "model/rope_config.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"

namespace sobre {
namespace {

using Kind = RopeConfig::Kind;

void expect_close(float actual, double expected) { EXPECT_NEAR(actual, expected, std::abs(expected) * 2e-7) << actual; }

RopeConfig llama3(int head_dim) {
  RopeConfig c;
  c.kind = Kind::kLlama3;
  c.theta = 5e5;
  c.head_dim = head_dim;
  c.factor = 32;
  c.low_freq_factor = 1;
  c.high_freq_factor = 4;
  c.original_context = 8192;
  return c;
}

RopeConfig yarn(double theta, double factor, int64_t original) {
  RopeConfig c;
  c.kind = Kind::kYarn;
  c.theta = theta;
  c.head_dim = 128;
  c.factor = factor;
  c.original_context = original;
  return c;
}

RopeSpec made(const RopeConfig& c) {
  const Result<RopeSpec> rope = make_rope(c);
  EXPECT_TRUE(rope) << rope.error().message;
  return rope.value_or(RopeSpec{});
}

Json parsed(const std::string& text) {
  const Result<Json> json = Json::parse(text);
  EXPECT_TRUE(json) << text;
  return json.value_or(Json());
}

Result<RopeConfig> read(const std::string& text, double theta = 0) {
  const Json json = parsed(text);
  return read_hf_rope(ConfigReader(json, "config.json"), theta, 64, 4096);
}

TEST(RopeConfig, UnscaledFrequenciesArePowersOfTheta) {
  RopeConfig c;
  c.theta = 1e4;
  c.head_dim = 64;
  const RopeSpec rope = made(c);
  ASSERT_EQ(rope.inv_freq.size(), 32U);
  EXPECT_EQ(rope.inv_freq[0], 1.0F);
  for (int i = 0; i < 32; ++i) expect_close(rope.inv_freq[static_cast<size_t>(i)], std::pow(1e4, -2.0 * i / 64));
  EXPECT_EQ(rope.magnitude, 1.0F);
}

TEST(RopeConfig, LinearDividesEveryFrequency) {
  RopeConfig c;
  c.theta = 1e6;
  c.head_dim = 16;
  const RopeSpec plain = made(c);
  c.kind = Kind::kLinear;
  c.factor = 8;
  const RopeSpec scaled = made(c);
  for (size_t i = 0; i < plain.inv_freq.size(); ++i) EXPECT_EQ(scaled.inv_freq[i], plain.inv_freq[i] / 8);
}

// Divisors of the released Llama 3.2 models, as their GGUF conversions store them.
TEST(RopeConfig, Llama3DivisorsOfReleasedModels) {
  struct Case {
    int head_dim;
    size_t last_kept, first_full;
    std::map<size_t, double> between;
    double last;
  };
  for (const Case& k : {Case{64, 14, 18, {{15, 1.65133}, {17, 9.66673}}, 9.41830673e-08},
                        Case{128, 28, 35, {{29, 1.23494}, {34, 9.66673}}, 7.67231497e-08}}) {
    const RopeSpec rope = made(llama3(k.head_dim));
    RopeConfig c = llama3(k.head_dim);
    c.kind = Kind::kDefault;
    const RopeSpec plain = made(c);
    for (size_t i = 0; i < plain.inv_freq.size(); ++i) {
      const double divisor = static_cast<double>(plain.inv_freq[i]) / static_cast<double>(rope.inv_freq[i]);
      if (i <= k.last_kept) {
        EXPECT_EQ(divisor, 1) << i;
      }
      if (i >= k.first_full) {
        EXPECT_NEAR(divisor, 32, 1e-5) << i;
      }
      if (k.between.contains(i)) {
        EXPECT_NEAR(divisor, k.between.at(i), 1e-5) << i;
      }
    }
    expect_close(rope.inv_freq.back(), k.last);
  }
}

TEST(RopeConfig, DivisorsOfAFileGiveTheSameAsTheRule) {
  const RopeSpec rule = made(llama3(64));
  RopeConfig c;
  c.theta = 5e5;
  c.head_dim = 64;
  const RopeSpec plain = made(c);
  std::vector<float> divisors;
  for (size_t i = 0; i < 32; ++i) divisors.push_back(plain.inv_freq[i] / rule.inv_freq[i]);
  const Result<RopeSpec> rope = make_rope(c, divisors);
  ASSERT_TRUE(rope);
  for (size_t i = 0; i < 32; ++i) EXPECT_NEAR(rope->inv_freq[i], rule.inv_freq[i], rule.inv_freq[i] * 3e-7F);
}

TEST(RopeConfig, YarnOfMinistral3) {
  RopeConfig c = yarn(1e6, 16, 16384);
  c.mscale = c.mscale_all_dim = 1;
  const RopeSpec rope = made(c);
  expect_close(rope.inv_freq[1], 0.805842188);
  expect_close(rope.inv_freq[20], 0.0133352143);
  expect_close(rope.inv_freq[28], 0.00132517942);
  expect_close(rope.inv_freq[37], 2.12388021e-05);
  expect_close(rope.inv_freq[63], 7.755861e-08);
  EXPECT_EQ(rope.magnitude, 1.0F);
  const RopeSpec large = made(yarn(1e9, 16, 16384));
  expect_close(large.inv_freq[19], 0.00113089932);
  expect_close(large.inv_freq[25], 1.90657993e-05);
}

TEST(RopeConfig, YarnRampEnds) {
  struct Case {
    RopeConfig config;
    size_t low, high;
    double magnitude;
  };
  for (const Case& k : {Case{yarn(5e6, 2, 65536), 24, 39, 1.0693147}, Case{yarn(1e6, 4, 32768), 23, 40, 1.1386294}}) {
    const RopeSpec rope = made(k.config);
    RopeConfig c = k.config;
    c.kind = Kind::kDefault;
    const RopeSpec plain = made(c);
    const auto factor = static_cast<float>(k.config.factor);
    EXPECT_EQ(rope.inv_freq[k.low], plain.inv_freq[k.low]);
    EXPECT_LT(rope.inv_freq[k.low + 1], plain.inv_freq[k.low + 1]);
    EXPECT_GT(rope.inv_freq[k.high - 1], plain.inv_freq[k.high - 1] / factor);
    expect_close(rope.inv_freq[k.high], static_cast<double>(plain.inv_freq[k.high] / factor));
    EXPECT_NEAR(rope.magnitude, k.magnitude, 1e-6);
  }
}

TEST(RopeConfig, YarnMagnitude) {
  RopeConfig c = yarn(1e6, 64, 4096);
  EXPECT_NEAR(made(c).magnitude, 1.4158883, 1e-6);  // Devstral 2: mscale_all_dim 0
  c.mscale = 1;
  EXPECT_NEAR(made(c).magnitude, 1.4158883, 1e-6);  // one of the two alone does not count
  c.mscale_all_dim = 0.5;
  EXPECT_NEAR(made(c).magnitude, 1.4158883 / (1 + 0.05 * std::log(64)), 1e-6);
  c.attention_factor = 1.25;
  EXPECT_EQ(made(c).magnitude, 1.25F);
  c = yarn(1e6, 1, 4096);
  EXPECT_EQ(made(c).magnitude, 1.0F);
}

TEST(RopeConfig, YarnWithoutTruncationHasBrokenRampEnds) {
  RopeConfig c = yarn(1e6, 16, 16384);
  c.truncate = false;
  const double low = 20.3850;
  const double high = 36.4399;
  const RopeSpec rope = made(c);
  c.kind = Kind::kDefault;
  const RopeSpec plain = made(c);
  const double ramp = (28 - low) / (high - low);
  EXPECT_NEAR(rope.inv_freq[28] / plain.inv_freq[28], ramp / 16 + 1 - ramp, 1e-5);
  EXPECT_LT(rope.inv_freq[21], plain.inv_freq[21]);
  EXPECT_EQ(rope.inv_freq[20], plain.inv_freq[20]);
}

TEST(RopeConfig, RefusesValuesOutOfRange) {
  const auto refuses = [](RopeConfig c, const std::string& word) {
    const Result<RopeSpec> rope = make_rope(c);
    ASSERT_FALSE(rope) << word;
    EXPECT_NE(rope.error().message.find(word), std::string::npos) << rope.error().message;
  };
  RopeConfig c = yarn(1e6, 16, 16384);
  c.head_dim = 63;
  refuses(c, "head size 63");
  c = yarn(1, 16, 16384);
  refuses(c, "theta");
  c = yarn(std::nan(""), 16, 16384);
  refuses(c, "theta");
  c = yarn(1e6, 0.5, 16384);
  refuses(c, "factor");
  c = yarn(1e6, 16, 0);
  refuses(c, "original context");
  c = yarn(1e6, 16, 16384);
  c.beta_fast = 0.5;
  refuses(c, "beta");
  c = yarn(1e6, 16, 16384);
  c.attention_factor = 0;
  refuses(c, "attention factor");
  c = llama3(64);
  c.high_freq_factor = 1;
  refuses(c, "high_freq_factor");
  c.kind = Kind::kDefault;
  EXPECT_FALSE(make_rope(c, std::vector<float>(31, 1.0F)));
  EXPECT_FALSE(make_rope(c, std::vector<float>(32, 0.0F)));
  EXPECT_FALSE(make_rope(c, std::vector<float>(32, std::nanf(""))));
  EXPECT_TRUE(make_rope(c, std::vector<float>(32, 1.0F)));
}

TEST(RopeConfig, ContextOfAScaledModel) {
  EXPECT_EQ(scaled_context(yarn(1e6, 4, 32768), 32768), 131072);
  EXPECT_EQ(scaled_context(yarn(1e6, 16, 16384), 262144), 262144);
  EXPECT_EQ(scaled_context(yarn(1e6, 65536, 1 << 24), 4096), int64_t{1} << 24);
  EXPECT_EQ(scaled_context(llama3(64), 131072), 131072);
}

TEST(RopeConfig, ReadsOlderAndNewerKeys) {
  const auto older = read(R"({"rope_theta": 5e5, "rope_scaling": {"type": "linear", "factor": 4}})");
  ASSERT_TRUE(older);
  EXPECT_EQ(older->theta, 5e5);
  EXPECT_EQ(older->kind, Kind::kLinear);
  EXPECT_EQ(older->factor, 4);
  const auto newer = read(R"({"rope_theta": 1e4, "rope_parameters": {"rope_type": "default", "rope_theta": 1e8}})");
  ASSERT_TRUE(newer);
  EXPECT_EQ(newer->theta, 1e8);
  EXPECT_EQ(newer->kind, Kind::kDefault);
  const auto null_scaling = read(R"({"rope_theta": 7, "rope_scaling": null})");
  ASSERT_TRUE(null_scaling);
  EXPECT_EQ(null_scaling->theta, 7);
  EXPECT_EQ(null_scaling->kind, Kind::kDefault);
  const auto mixed = read(R"({"rope_theta": 1e6, "rope_parameters": {"rope_type": "yarn", "type": "yarn", "factor": 2}})");
  ASSERT_TRUE(mixed);
  EXPECT_EQ(mixed->theta, 1e6);
  EXPECT_EQ(mixed->original_context, 4096);
  const auto ratio = read(
      R"({"rope_parameters": {"rope_type": "yarn", "rope_theta": 1e6, "factor": null, "original_max_position_embeddings": 1024}})");
  ASSERT_TRUE(ratio);
  EXPECT_EQ(ratio->factor, 4);
  EXPECT_EQ(read("{}", 1e4)->theta, 1e4);
}

TEST(RopeConfig, RefusesWhatItDoesNotKnow) {
  for (const char* text :
       {R"({"rope_theta": 1e4, "rope_scaling": {"rope_type": "longrope"}})",
        R"({"rope_theta": 1e4, "rope_scaling": {"type": "dynamic"}})", R"({"rope_theta": 1e4, "rope_scaling": {"type": 5}})",
        R"({"rope_theta": 1e4, "rope_scaling": 5})", R"({"rope_theta": 1e4, "partial_rotary_factor": 0.5})",
        R"({"rope_parameters": {"rope_theta": 1e4, "partial_rotary_factor": 0.75}})", R"({"rope_theta": "x"})",
        R"({"rope_theta": 1e4, "rope_scaling": {"type": "linear"}})", R"({"rope_theta": 0})", "{}",
        R"({"rope_theta": 1e4, "rope_scaling": {"type": "linear", "factor": 1e300}})"}) {
    const auto rope = read(text);
    EXPECT_FALSE(rope) << text;
    if (!rope) {
      EXPECT_NE(rope.error().message.find("config.json"), std::string::npos) << rope.error().message;
    }
  }
  const auto rope = read(R"({"rope_theta": 1e4, "rope_scaling": {"rope_type": "longrope"}})");
  EXPECT_EQ(
      rope.error().message,
      "config.json: rope_scaling: rope_type \"longrope\" is not supported; supported are default, linear, llama3 and yarn");
}

}  // namespace
}  // namespace sobre
