// The metadata of a folder's checkpoint as GGUF has it. What a reader of the file would make of the keys is computed here and
// compared with the spec: a model that GGUF cannot express is refused, never written differently.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/detmath.h"
#include "model/config_reader.h"
#include "model/export_gguf.h"
#include "model/family_common.h"
#include "model/rope_config.h"

namespace sobre {

namespace {

struct Row {
  std::string_view family;
  GgufArchitecture architecture;
};

constexpr Row kRows[] = {
    {"llama", {"llama", QkOrder::kInterleaved}},     {"mistral", {"llama", QkOrder::kInterleaved}},
    {"ministral", {"llama", QkOrder::kInterleaved}}, {"ministral3", {"mistral3", QkOrder::kInterleaved}},
    {"smollm3", {"smollm3", QkOrder::kInterleaved}}, {"qwen2", {"qwen2", QkOrder::kHalfSplit}},
    {"qwen3", {"qwen3", QkOrder::kHalfSplit}},       {"gemma3", {"gemma3", QkOrder::kHalfSplit}},
    {"granite", {"granite", QkOrder::kInterleaved}}, {"granitemoehybrid", {"granite", QkOrder::kInterleaved}},
};

bool close(double a, double b, double tolerance) { return std::abs(a - b) <= tolerance * std::max(std::abs(a), std::abs(b)); }

bool same_rope(const RopeSpec& a, const RopeSpec& b) {
  constexpr double kTolerance = 3e-7;  // two roundings to f32
  if (a.inv_freq.size() != b.inv_freq.size()) return false;
  for (size_t i = 0; i < a.inv_freq.size(); ++i) {
    if (!close(static_cast<double>(a.inv_freq[i]), static_cast<double>(b.inv_freq[i]), kTolerance)) return false;
  }
  return close(static_cast<double>(a.magnitude), static_cast<double>(b.magnitude), kTolerance);
}

Result<RopeConfig> mistral_rope(const ConfigReader& params, int head_dim) {
  RopeConfig rope;
  rope.head_dim = head_dim;
  const bool windowed = params.find("sliding_window") != nullptr || params.find("_sliding_window") != nullptr;
  TRY(rope.theta, params.number("rope_theta", kMinTheta, kMaxTheta, windowed ? 1e4 : 1e6));
  TRY(const std::optional<ConfigReader> yarn, params.object("yarn"));
  if (!yarn) return rope;
  rope.kind = RopeConfig::Kind::kYarn;
  TRY(rope.factor, yarn->number("factor", 1, kMaxRopeFactor));
  TRY(rope.original_context, yarn->integer("original_max_position_embeddings", 1, kMaxContext));
  TRY(rope.beta_fast, yarn->number("beta", 0.001, 1e6, 32));
  TRY(rope.beta_slow, yarn->number("alpha", 0.001, 1e6, 1));
  return rope;
}

class KeyWriter {
 public:
  KeyWriter(const CheckpointPlan& plan, CheckpointKind kind, const Json& config, std::string_view architecture,
            GgufWriter& writer, ExportReport& report)
      : spec_(plan.spec),
        kind_(kind),
        config_(config),
        architecture_(architecture),
        writer_(writer),
        report_(report),
        first_(plan.spec.layers.front()) {}

  Result<GgufAdjustments> run() {
    TRY_VOID(check_uniform());
    add_sizes();
    TRY_VOID(add_windows());
    TRY_VOID(add_ropes());
    TRY_VOID(add_query_scale());
    TRY_VOID(add_multipliers());
    writer_.add_u32(key("context_length"), static_cast<uint32_t>(context_));
    return std::move(adjustments_);
  }

 private:
  [[nodiscard]] std::string key(std::string_view name) const { return fmt::format("{}.{}", architecture_, name); }
  void u32(std::string_view name, int64_t value) { writer_.add_u32(key(name), static_cast<uint32_t>(value)); }
  void f32(std::string_view name, double value) { writer_.add_f32(key(name), static_cast<float>(value)); }

  [[nodiscard]] std::unexpected<Error> cannot(const std::string& what) const {
    return fail("a {} model with {} cannot be written as GGUF: its {} architecture has no way to say so", spec_.family, what,
                architecture_);
  }

  Result<void> check_uniform() {
    for (const LayerSpec& l : spec_.layers) {
      const bool same = l.n_heads == first_.n_heads && l.n_kv_heads == first_.n_kv_heads && l.head_dim == first_.head_dim &&
                        l.ffn_dim == first_.ffn_dim && l.score_scale == first_.score_scale;
      if (!same) return cannot("layers of different shapes");
      const Activation expected = spec_.family == "gemma3" ? Activation::kGeluTanh : Activation::kSilu;
      if (l.activation != expected) return cannot("this activation");
    }
    return {};
  }

  void add_sizes() {
    context_ = spec_.max_context;
    u32("vocab_size", spec_.vocab_size);
    u32("embedding_length", spec_.d_model);
    u32("block_count", spec_.n_layers());
    u32("feed_forward_length", first_.ffn_dim);
    u32("attention.head_count", first_.n_heads);
    u32("attention.head_count_kv", first_.n_kv_heads);
    u32("attention.key_length", first_.head_dim);
    u32("attention.value_length", first_.head_dim);
    u32("rope.dimension_count", first_.head_dim);
    f32("attention.layer_norm_rms_epsilon", static_cast<double>(spec_.norm_eps));
  }

  // Gemma has a window and a pattern. Other architectures have at most one window for all layers; where the layers differ, the
  // file is limited to the positions at which the windows do not matter yet.
  Result<void> add_windows() {
    int smallest = 0;
    bool uniform = true;
    for (const LayerSpec& l : spec_.layers) {
      if (l.window > 0) smallest = smallest == 0 ? l.window : std::min(smallest, l.window);
      uniform = uniform && l.window == first_.window;
    }
    if (spec_.family == "gemma3") return add_gemma_pattern(smallest);
    if (smallest == 0 || smallest >= context_) return {};
    const bool has_key = architecture_ != "smollm3" && architecture_ != "granite";
    if (uniform && has_key) {
      u32("attention.sliding_window", smallest);
      report_.warnings.push_back(
          fmt::format("llama.cpp ignores the sliding window of {} positions in a file of the {} architecture: its answers "
                      "differ from there on",
                      smallest, architecture_));
      return {};
    }
    context_ = smallest;
    report_.warnings.push_back(
        fmt::format("the {} architecture has no windows that differ by layer: the file's context is limited to {} positions, "
                    "up to which they make no difference",
                    architecture_, smallest));
    return {};
  }

  Result<void> add_gemma_pattern(int window) {
    if (window == 0) {
      const bool plain = std::all_of(spec_.layers.begin(), spec_.layers.end(), [](const LayerSpec& l) { return l.rope == 0; });
      return plain ? Result<void>() : cannot("ropes by layer and no windows");
    }
    constexpr int kImplied = 6;  // every sixth layer is full where the file says nothing
    u32("attention.sliding_window", window);
    bool implied = true;
    GgufArray pattern;
    for (size_t i = 0; i < spec_.layers.size(); ++i) {
      const LayerSpec& l = spec_.layers[i];
      const bool slides = l.window > 0;
      if (slides && l.window != window) return cannot("windows of different widths");
      if ((l.rope == 1) != slides) return cannot("ropes that do not follow the windows");
      implied = implied && slides == ((i + 1) % kImplied != 0);
      pattern.ints.push_back(slides ? 1 : 0);
    }
    if (!implied) writer_.add(key("attention.sliding_window_pattern"), std::move(pattern), GgufType::kBool);
    return {};
  }

  // The rope settings in the config; the spec has the frequencies alone.
  Result<RopeConfig> read_config(std::string_view layer_type) const {
    if (kind_ == CheckpointKind::kMistralFolder) {
      return mistral_rope(ConfigReader(config_, "params.json"), first_.head_dim);
    }
    const Json* inner = config_.find("text_config");
    const bool wrapped = inner != nullptr && inner->is_object();
    const ConfigReader config(wrapped ? *inner : config_, wrapped ? "config.json: text_config" : "config.json");
    TRY(const int64_t context, config.integer("max_position_embeddings", 1, kMaxContext, spec_.max_context));
    if (layer_type == "sliding_attention") {
      TRY(const std::optional<ConfigReader> nested, config.object("rope_parameters"));
      if (nested && nested->find(layer_type) != nullptr)
        return read_hf_rope(config, 10000, first_.head_dim, context, layer_type);
      RopeConfig local;
      local.head_dim = first_.head_dim;
      TRY(local.theta, config.number("rope_local_base_freq", kMinTheta, kMaxTheta, 10000));
      return local;
    }
    return read_hf_rope(config, spec_.family == "gemma3" ? 1e6 : 10000, first_.head_dim, context, layer_type);
  }

  Result<void> check_rope(const RopeConfig& written, size_t index, double magnitude = 1) const {
    TRY(RopeSpec read, make_rope(written, adjustments_.rope_divisors));
    read.magnitude = static_cast<float>(static_cast<double>(read.magnitude) * magnitude);
    if (!same_rope(read, spec_.ropes[index])) return cannot("these rotary frequencies");
    return {};
  }

  Result<void> add_ropes() {
    TRY_VOID(check_rope_layers());
    if (spec_.ropes.empty()) return {};
    TRY(const RopeConfig config, read_config(spec_.family == "gemma3" ? "full_attention" : ""));
    RopeConfig written;
    written.head_dim = config.head_dim;
    written.theta = static_cast<double>(static_cast<float>(config.theta));
    f32("rope.freq_base", config.theta);
    if (config.kind == RopeConfig::Kind::kLlama3) {
      adjustments_.rope_divisors = llama3_divisors(config);
    } else if (config.kind == RopeConfig::Kind::kLinear) {
      written.kind = RopeConfig::Kind::kLinear;
      written.factor = static_cast<double>(static_cast<float>(config.factor));
      writer_.add_string(key("rope.scaling.type"), "linear");
      f32("rope.scaling.factor", config.factor);
    } else if (config.kind == RopeConfig::Kind::kYarn) {
      return add_yarn(config, written);
    }
    TRY_VOID(check_rope(written, 0));
    return spec_.family == "gemma3" ? add_local_rope() : Result<void>();
  }

  Result<void> add_local_rope() {
    TRY(const RopeConfig local, read_config("sliding_attention"));
    if (local.kind != RopeConfig::Kind::kDefault) return cannot("scaled rotary frequencies in its sliding layers");
    f32("rope.freq_base_swa", local.theta);
    if (!adjustments_.rope_divisors.empty()) return cannot("llama3 rotary scaling");
    return check_rope(local, 1);
  }

  // Readers imply which layers have rope: all but every fourth of SmolLM3, all or none of Granite, all of the others.
  Result<void> check_rope_layers() {
    for (size_t i = 0; i < spec_.layers.size(); ++i) {
      const int rope = spec_.layers[i].rope;
      const bool without = spec_.family == "smollm3" ? (i + 1) % 4 == 0 : architecture_ == "granite" && first_.rope < 0;
      if ((rope < 0) != without) return cannot("rotary positions in these layers only");
    }
    if (architecture_ == "granite" && first_.rope < 0) writer_.add_bool(key("rope.scaling.finetuned"), false);
    return {};
  }

  // Divisors of the unscaled frequencies, one per pair: 1 for short waves, the factor for long ones, between them a blend.
  static std::vector<float> llama3_divisors(const RopeConfig& c) {
    std::vector<float> divisors;
    const auto original = static_cast<double>(c.original_context);
    for (int i = 0; i < c.head_dim / 2; ++i) {
      const double wave = 2 * std::numbers::pi * detmath::pow(c.theta, 2.0 * i / c.head_dim);
      double divisor = 1;
      if (wave > original / c.low_freq_factor) {
        divisor = c.factor;
      } else if (wave >= original / c.high_freq_factor) {
        const double smooth = (original / wave - c.low_freq_factor) / (c.high_freq_factor - c.low_freq_factor);
        divisor = 1 / ((1 - smooth) / c.factor + smooth);
      }
      divisors.push_back(static_cast<float>(divisor));
    }
    return divisors;
  }

  // Readers take mscale for 1 and the log multiplier for mscale_all_dim; whatever the magnitude then lacks is attn_factor.
  Result<void> add_yarn(const RopeConfig& config, RopeConfig written) {
    if (spec_.family == "gemma3") return cannot("YaRN");
    written.kind = RopeConfig::Kind::kYarn;
    written.factor = static_cast<double>(static_cast<float>(config.factor));
    written.original_context = config.original_context;
    written.beta_fast = static_cast<double>(static_cast<float>(config.beta_fast));
    written.beta_slow = static_cast<double>(static_cast<float>(config.beta_slow));
    written.mscale = 1;
    // A magnitude of exactly 1 is what a multiplier of 1 means; else both scales of the config must be there to count.
    const bool both = config.mscale != 0 && config.mscale_all_dim != 0;
    const bool is_one = spec_.ropes.front().magnitude == 1.0F;
    written.mscale_all_dim = is_one ? 1 : (both ? config.mscale_all_dim : 0);
    writer_.add_string(key("rope.scaling.type"), "yarn");
    f32("rope.scaling.factor", config.factor);
    u32("rope.scaling.original_context_length", config.original_context);
    f32("rope.scaling.yarn_beta_fast", config.beta_fast);
    f32("rope.scaling.yarn_beta_slow", config.beta_slow);
    f32("rope.scaling.yarn_log_multiplier", written.mscale_all_dim);
    TRY(const RopeSpec read, make_rope(written));
    const double rest = static_cast<double>(spec_.ropes.front().magnitude) / static_cast<double>(read.magnitude);
    const bool needs_factor = !close(rest, 1, 1e-7);
    if (needs_factor) f32("rope.scaling.attn_factor", rest);
    return check_rope(written, 0, needs_factor ? static_cast<double>(static_cast<float>(rest)) : 1);
  }

  Result<void> add_query_scale() {
    if (spec_.query_scale_beta == 0) return {};
    if (architecture_ != "mistral3") return cannot("queries scaled by position");
    TRY(const RopeConfig config, read_config(""));
    if (config.kind == RopeConfig::Kind::kYarn && config.original_context != spec_.query_scale_context)
      return cannot("a query scale and a YaRN of different original contexts");
    u32("rope.scaling.original_context_length", spec_.query_scale_context);
    f32("attention.temperature_scale", static_cast<double>(spec_.query_scale_beta));
    return {};
  }

  Result<void> add_multipliers() {
    const double usual = 1 / std::sqrt(static_cast<double>(first_.head_dim));
    const auto score = static_cast<double>(first_.score_scale);
    if (architecture_ == "granite") {
      f32("embedding_scale", static_cast<double>(spec_.embedding_scale));
      f32("residual_scale", static_cast<double>(spec_.residual_scale));
      f32("attention.scale", score);
      f32("logit_scale", static_cast<double>(spec_.logit_divisor));
      return {};
    }
    const double embedding = architecture_ == "gemma3" ? std::sqrt(static_cast<double>(spec_.d_model)) : 1;
    const bool implied = close(static_cast<double>(spec_.embedding_scale), embedding, 1e-6) && spec_.residual_scale == 1 &&
                         spec_.logit_divisor == 1;
    if (!implied) return cannot("these multipliers");
    if (architecture_ == "gemma3") {
      const bool is_27b = spec_.n_layers() == 62;  // readers scale this one by width / heads
      const int width_per_head = spec_.d_model / first_.n_heads;
      const double read = is_27b ? 1 / std::sqrt(static_cast<double>(width_per_head)) : usual;
      if (!close(score, read, 1e-6)) adjustments_.q_norm_factor = static_cast<float>(score / read);
    } else if (!close(score, usual, 1e-6)) {
      return cannot("this attention scale");
    }
    return {};
  }

  const DecoderSpec& spec_;
  CheckpointKind kind_;
  const Json& config_;
  std::string architecture_;
  GgufWriter& writer_;
  ExportReport& report_;
  const LayerSpec& first_;
  int context_ = 0;
  GgufAdjustments adjustments_;
};

}  // namespace

Result<GgufArchitecture> gguf_architecture(const DecoderSpec& spec) {
  for (const Row& row : kRows) {
    if (row.family == spec.family) return row.architecture;
  }
  return fail("a {} model cannot be written as GGUF: the format has no architecture for it", spec.family);
}

Result<GgufAdjustments> add_gguf_keys(const CheckpointPlan& plan, CheckpointKind kind, const Json& config,
                                      const std::string& name, GgufWriter& writer, ExportReport& report) {
  TRY(const GgufArchitecture architecture, gguf_architecture(plan.spec));
  writer.add_string("general.architecture", std::string(architecture.name));
  writer.add_string("general.type", "model");
  if (!name.empty()) writer.add_string("general.name", name);
  return KeyWriter(plan, kind, config, architecture.name, writer, report).run();
}

}  // namespace sobre
