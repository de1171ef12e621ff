// Rotary frequencies from a checkpoint's rope settings: no scaling, linear, llama3 and YaRN. Formulas: the reference
// implementation in huggingface/transformers (modeling_rope_utils.py); all arithmetic in double through detmath, one rounding
// to f32 at the end, so that the table is the same bits on every machine. Called by the families while loading; pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/result.h"
#include "model/config_reader.h"
#include "model/spec.h"

namespace sobre {

struct RopeConfig {
  enum class Kind : uint8_t { kDefault, kLinear, kLlama3, kYarn };
  Kind kind = Kind::kDefault;
  double theta = 0;                                  // base; must be set
  int head_dim = 0;                                  // even
  double factor = 1;                                 // of every scaling
  int64_t original_context = 0;                      // llama3, yarn: positions the model was trained on before scaling
  double low_freq_factor = 1, high_freq_factor = 4;  // llama3
  double beta_fast = 32, beta_slow = 1;              // yarn
  double mscale = 0, mscale_all_dim = 0;             // yarn; 0: not given
  std::optional<double> attention_factor;            // yarn; given instead of derived
  bool truncate = true;                              // yarn: the ramp's ends are whole dimensions
};

/// inv_freq[i] for i in 0..head_dim / 2 - 1 and the magnitude of cos and sin. Errors: a value out of range.
[[nodiscard]] Result<RopeSpec> make_rope(const RopeConfig& config);

/// The same with every frequency divided by its own divisor, as GGUF stores llama3 scaling (`divisors`: [head_dim / 2],
/// positive).
[[nodiscard]] Result<RopeSpec> make_rope(const RopeConfig& config, std::span<const float> divisors);

/// Positions that the scaling is made for: factor * original_context for YaRN when that is more than `context`, else `context`.
[[nodiscard]] int64_t scaled_context(const RopeConfig& config, int64_t context);

/// Reads the settings of an HF config: `rope_parameters` (newer; per layer type where `layer_type` names a member of it) or
/// `rope_theta` and `rope_scaling` (older). `default_theta`: the class's value when the config gives none; 0 makes it an error.
/// Errors: unknown rope type (lists those supported), partial rotation, values out of range.
[[nodiscard]] Result<RopeConfig> read_hf_rope(const ConfigReader& config, double default_theta, int head_dim, int64_t context,
                                              std::string_view layer_type = {});

/// The object that holds the scaling of an HF config, wherever it stands; nothing when there is none.
[[nodiscard]] Result<std::optional<ConfigReader>> hf_rope_object(const ConfigReader& config, std::string_view layer_type = {});

// Ranges of rope settings in any file.
inline constexpr double kMinTheta = 2, kMaxTheta = 1e15;
inline constexpr double kMaxRopeFactor = 65536;
inline constexpr int64_t kMaxRopeContext = int64_t{1} << 24;

}  // namespace sobre
