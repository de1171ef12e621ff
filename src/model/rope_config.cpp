#include "model/rope_config.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "base/detmath.h"

namespace sobre {

namespace {

constexpr double kMaxBeta = 1e6;
constexpr double kMaxMscale = 100;

// YaRN's growth of attention with the context: 1 for factors up to 1.
double yarn_growth(double factor, double mscale) { return factor <= 1 ? 1.0 : 0.1 * mscale * detmath::log(factor) + 1.0; }

double yarn_magnitude(const RopeConfig& c) {
  if (c.attention_factor) return *c.attention_factor;
  if (c.mscale != 0 && c.mscale_all_dim != 0) return yarn_growth(c.factor, c.mscale) / yarn_growth(c.factor, c.mscale_all_dim);
  return yarn_growth(c.factor, 1);
}

// The dimension whose frequency turns `rotations` times within the original context.
double yarn_dimension(const RopeConfig& c, double rotations) {
  const double wavelength = static_cast<double>(c.original_context) / (rotations * 2 * std::numbers::pi);
  return c.head_dim * detmath::log(wavelength) / (2 * detmath::log(c.theta));
}

void scale_yarn(const RopeConfig& c, std::vector<double>& inv_freq) {
  double low = yarn_dimension(c, c.beta_fast);
  double high = yarn_dimension(c, c.beta_slow);
  if (c.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, static_cast<double>(c.head_dim - 1));
  if (low == high) high += 0.001;
  for (size_t i = 0; i < inv_freq.size(); ++i) {
    const double ramp = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
    inv_freq[i] = inv_freq[i] / c.factor * ramp + inv_freq[i] * (1 - ramp);
  }
}

void scale_llama3(const RopeConfig& c, std::vector<double>& inv_freq) {
  const auto original = static_cast<double>(c.original_context);
  for (double& f : inv_freq) {
    const double wavelength = 2 * std::numbers::pi / f;
    if (wavelength < original / c.high_freq_factor) continue;
    if (wavelength > original / c.low_freq_factor) {
      f /= c.factor;
    } else {
      const double smooth = (original / wavelength - c.low_freq_factor) / (c.high_freq_factor - c.low_freq_factor);
      f = (1 - smooth) * f / c.factor + smooth * f;
    }
  }
}

// Ranges are checked here and not only where keys are read, so that every way into the table passes them.
Result<void> check(const RopeConfig& c) {
  if (c.head_dim < 2 || c.head_dim % 2 != 0) return fail("rope: head size {} is not a positive even number", c.head_dim);
  if (!(c.theta >= kMinTheta && c.theta <= kMaxTheta))
    return fail("rope: theta {} is outside {} to {}", c.theta, kMinTheta, kMaxTheta);
  if (!(c.factor >= 1 && c.factor <= kMaxRopeFactor))
    return fail("rope: factor {} is outside 1 to {}", c.factor, kMaxRopeFactor);
  const bool needs_context = c.kind == RopeConfig::Kind::kLlama3 || c.kind == RopeConfig::Kind::kYarn;
  if (needs_context && (c.original_context < 1 || c.original_context > kMaxRopeContext)) {
    return fail("rope: original context {} is outside 1 to {}", c.original_context, kMaxRopeContext);
  }
  if (c.kind == RopeConfig::Kind::kLlama3 && !(c.low_freq_factor > 0 && c.high_freq_factor > c.low_freq_factor)) {
    return fail("rope: llama3 needs 0 < low_freq_factor ({}) < high_freq_factor ({})", c.low_freq_factor, c.high_freq_factor);
  }
  if (c.kind != RopeConfig::Kind::kYarn) return {};
  if (!(c.beta_slow > 0 && c.beta_fast >= c.beta_slow && c.beta_fast <= kMaxBeta)) {
    return fail("rope: yarn needs 0 < beta_slow ({}) <= beta_fast ({}) <= {}", c.beta_slow, c.beta_fast, kMaxBeta);
  }
  const double magnitude = yarn_magnitude(c);
  if (!(magnitude > 0 && magnitude <= kMaxMscale))
    return fail("rope: yarn attention factor {} is outside 0 to {}", magnitude, kMaxMscale);
  return {};
}

Result<RopeConfig::Kind> read_kind(const ConfigReader& rope) {
  const std::string_view key = rope.find("rope_type") != nullptr ? "rope_type" : "type";
  TRY(const std::string name, rope.text(key, "default"));
  if (name == "default") return RopeConfig::Kind::kDefault;
  if (name == "linear") return RopeConfig::Kind::kLinear;
  if (name == "llama3") return RopeConfig::Kind::kLlama3;
  if (name == "yarn") return RopeConfig::Kind::kYarn;
  return fail("{}: {} \"{}\" is not supported; supported are default, linear, llama3 and yarn", rope.where(), key, name);
}

Result<void> read_yarn(const ConfigReader& rope, int64_t context, RopeConfig& out) {
  TRY(out.original_context, rope.integer("original_max_position_embeddings", 1, kMaxRopeContext, context));
  // A null factor means: from the trained to the present context.
  const double ratio = static_cast<double>(context) / static_cast<double>(out.original_context);
  TRY(out.factor, rope.number("factor", 1, kMaxRopeFactor, std::max(1.0, ratio)));
  TRY(out.beta_fast, rope.number("beta_fast", 0, kMaxBeta, 32));
  TRY(out.beta_slow, rope.number("beta_slow", 0, kMaxBeta, 1));
  if (out.beta_fast == 0) out.beta_fast = 32;  // the reference takes 0 for "not given"
  if (out.beta_slow == 0) out.beta_slow = 1;
  TRY(out.mscale, rope.number("mscale", 0, kMaxMscale, 0));
  TRY(out.mscale_all_dim, rope.number("mscale_all_dim", 0, kMaxMscale, 0));
  if (rope.find("attention_factor") != nullptr) {
    TRY(out.attention_factor, rope.number("attention_factor", 0, kMaxMscale));
  }
  TRY(out.truncate, rope.flag("truncate", true));
  return {};
}

Result<void> read_scaling(const ConfigReader& rope, int64_t context, RopeConfig& out) {
  TRY(out.kind, read_kind(rope));
  switch (out.kind) {
    case RopeConfig::Kind::kDefault:
      return {};
    case RopeConfig::Kind::kLinear: {
      TRY(out.factor, rope.number("factor", 1, kMaxRopeFactor));
      return {};
    }
    case RopeConfig::Kind::kLlama3: {
      TRY(out.factor, rope.number("factor", 1, kMaxRopeFactor));
      TRY(out.low_freq_factor, rope.number("low_freq_factor", 0, kMaxBeta));
      TRY(out.high_freq_factor, rope.number("high_freq_factor", 0, kMaxBeta));
      TRY(out.original_context, rope.integer("original_max_position_embeddings", 1, kMaxRopeContext, context));
      return {};
    }
    case RopeConfig::Kind::kYarn:
      return read_yarn(rope, context, out);
  }
  return {};
}

Result<void> refuse_partial_rotation(const ConfigReader& reader) {
  TRY(const double share, reader.number("partial_rotary_factor", 0, 1, 1));
  if (share != 1) return fail("{}: partial_rotary_factor {} is not supported; only 1 is", reader.where(), share);
  return {};
}

}  // namespace

Result<RopeSpec> make_rope(const RopeConfig& config) { return make_rope(config, {}); }

Result<RopeSpec> make_rope(const RopeConfig& config, std::span<const float> divisors) {
  TRY_VOID(check(config));
  const auto half = static_cast<size_t>(config.head_dim / 2);
  if (!divisors.empty() && divisors.size() != half) {
    return fail("rope: {} frequency divisors for a head of {}; {} are needed", divisors.size(), config.head_dim, half);
  }
  std::vector<double> inv_freq(half);
  for (size_t i = 0; i < half; ++i) inv_freq[i] = 1 / detmath::pow(config.theta, 2 * static_cast<double>(i) / config.head_dim);
  if (config.kind == RopeConfig::Kind::kYarn) {
    scale_yarn(config, inv_freq);
  } else if (config.kind == RopeConfig::Kind::kLlama3) {
    scale_llama3(config, inv_freq);
  } else if (config.kind == RopeConfig::Kind::kLinear) {
    for (double& f : inv_freq) f /= config.factor;
  }
  for (size_t i = 0; i < divisors.size(); ++i) {
    const auto divisor = static_cast<double>(divisors[i]);
    if (!(divisor >= 1 / kMaxRopeFactor && divisor <= kMaxRopeFactor))
      return fail("rope: frequency divisor {} is {}", i, divisor);
    inv_freq[i] /= divisor;
  }
  RopeSpec rope;
  for (const double f : inv_freq) rope.inv_freq.push_back(static_cast<float>(f));
  rope.magnitude = config.kind == RopeConfig::Kind::kYarn ? static_cast<float>(yarn_magnitude(config)) : 1.0F;
  return rope;
}

int64_t scaled_context(const RopeConfig& config, int64_t context) {
  if (config.kind != RopeConfig::Kind::kYarn) return context;
  const double reach = std::floor(config.factor * static_cast<double>(config.original_context));
  return std::max(context, static_cast<int64_t>(std::min(reach, static_cast<double>(kMaxRopeContext))));
}

Result<std::optional<ConfigReader>> hf_rope_object(const ConfigReader& config, std::string_view layer_type) {
  // The older key wins where both are set, as in the reference.
  TRY(std::optional<ConfigReader> older, config.object("rope_scaling"));
  TRY(std::optional<ConfigReader> newer, config.object("rope_parameters"));
  if (newer && !layer_type.empty() && newer->find(layer_type) != nullptr) return newer->object(layer_type);
  return older ? older : newer;
}

Result<RopeConfig> read_hf_rope(const ConfigReader& config, double default_theta, int head_dim, int64_t context,
                                std::string_view layer_type) {
  RopeConfig rope;
  rope.head_dim = head_dim;
  TRY_VOID(refuse_partial_rotation(config));
  TRY(const std::optional<ConfigReader> nested, hf_rope_object(config, layer_type));
  if (nested) {
    TRY_VOID(refuse_partial_rotation(*nested));
    TRY_VOID(read_scaling(*nested, context, rope));
  }
  const bool inside = nested && nested->find("rope_theta") != nullptr;
  const std::optional<double> fallback = default_theta > 0 ? std::optional<double>(default_theta) : std::nullopt;
  TRY(rope.theta, (inside ? *nested : config).number("rope_theta", kMinTheta, kMaxTheta, fallback));
  return rope;
}

}  // namespace sobre
