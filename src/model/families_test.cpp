#include "model/families.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "model/families_testing.h"

namespace sobre {
namespace {

CheckpointPlan plan_of(const Json& config) {
  Result<CheckpointPlan> plan = plan_new_checkpoint(config);
  EXPECT_TRUE(plan) << plan.error().message;
  return plan ? *std::move(plan) : CheckpointPlan{};
}

CheckpointPlan made(const std::string& model_type, const std::string& members = "") {
  return plan_of(small_config(model_type, members));
}

std::vector<int> windows(const CheckpointPlan& plan) {
  std::vector<int> list;
  for (const LayerSpec& l : plan.spec.layers) list.push_back(l.window);
  return list;
}

std::vector<int> ropes(const CheckpointPlan& plan) {
  std::vector<int> list;
  for (const LayerSpec& l : plan.spec.layers) list.push_back(l.rope);
  return list;
}

int64_t parameters(const CheckpointPlan& plan) {
  int64_t sum = 0;
  for (const PlannedTensor& t : planned_tensors(plan)) {
    int64_t n = 1;
    for (const int64_t d : t.shape) n *= d;
    sum += n;
  }
  return sum;
}

// Shapes of released checkpoints, and the parameter counts that follow from them (equal to the published ones).
TEST(Families, ParametersOfReleasedModels) {
  struct Case {
    const char* config;
    int64_t parameters;
    int64_t kv_values;  // per token: 2 * layers * kv_heads * head_dim
  };
  const Case cases[] = {
      {R"({"model_type": "llama", "hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30, "num_attention_heads": 9,
           "num_key_value_heads": 3, "vocab_size": 49152, "max_position_embeddings": 8192, "rope_theta": 100000, "tie_word_embeddings": true})",
       134515008, 11520},
      {R"({"model_type": "llama", "hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 24, "num_attention_heads": 32,
           "num_key_value_heads": 32, "vocab_size": 49152, "rope_theta": 130000, "tie_word_embeddings": true})",
       1711376384, 98304},
      {R"({"model_type": "smollm3", "hidden_size": 2048, "intermediate_size": 11008, "num_hidden_layers": 36, "num_attention_heads": 16,
           "num_key_value_heads": 4, "vocab_size": 128256, "rope_theta": 5000000.0})",
       3075098624, 36864},
      {R"({"model_type": "ministral", "hidden_size": 4096, "intermediate_size": 12288, "num_hidden_layers": 36, "num_attention_heads": 32,
           "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 131072, "rope_theta": 100000000.0})",
       8019808256, 73728},
      {R"({"model_type": "mistral", "hidden_size": 5120, "intermediate_size": 14336, "num_hidden_layers": 40, "num_attention_heads": 32,
           "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 131072, "rope_theta": 1000000.0, "sliding_window": null})",
       12247782400, 81920},
      {R"({"model_type": "qwen2", "hidden_size": 896, "intermediate_size": 4864, "num_hidden_layers": 24, "num_attention_heads": 14,
           "num_key_value_heads": 2, "vocab_size": 151936, "rope_theta": 1000000.0, "tie_word_embeddings": true})",
       494032768, 6144},
      {R"({"model_type": "qwen3", "hidden_size": 1024, "intermediate_size": 3072, "num_hidden_layers": 28, "num_attention_heads": 16,
           "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 151936, "rope_theta": 1000000, "tie_word_embeddings": true})",
       596049920, 57344},
      {R"({"model_type": "gemma3_text", "hidden_size": 640, "intermediate_size": 2048, "num_hidden_layers": 18, "num_attention_heads": 4,
           "num_key_value_heads": 1, "head_dim": 256, "vocab_size": 262144, "sliding_window": 512})",
       268098176, 9216},
      {R"({"model_type": "granitemoehybrid", "hidden_size": 2560, "shared_intermediate_size": 8192, "num_hidden_layers": 2,
           "num_attention_heads": 40, "num_key_value_heads": 8, "vocab_size": 100352, "num_local_experts": 0, "tie_word_embeddings": true,
           "position_embedding_type": "rope", "layer_types": ["attention", "attention"]})",
       2560 + 100352LL * 2560 + 2 * (2LL * 2560 + 2560 * 2560 * 2 + 2 * 512 * 2560 + 3LL * 8192 * 2560), 2048},
  };
  for (const Case& k : cases) {
    const CheckpointPlan plan = plan_of(parse_json(k.config));
    EXPECT_EQ(parameters(plan), k.parameters) << k.config;
    int64_t kv = 0;
    for (const LayerSpec& l : plan.spec.layers) kv += 2 * l.n_kv_heads * l.head_dim;
    EXPECT_EQ(kv, k.kv_values) << k.config;
  }
}

TEST(Families, DefaultsOfTheClass) {
  const CheckpointPlan llama = made("llama");
  EXPECT_FALSE(llama.spec.tied_head);
  EXPECT_EQ(llama.head.name, "lm_head.weight");
  EXPECT_EQ(llama.spec.layers[0].head_dim, 16);
  EXPECT_FLOAT_EQ(llama.spec.layers[0].score_scale, 0.25F);
  EXPECT_FLOAT_EQ(llama.spec.norm_eps, 1e-6F);
  EXPECT_EQ(llama.qk_order, QkOrder::kHalfSplit);
  EXPECT_TRUE(made("smollm3").spec.tied_head);
  EXPECT_TRUE(made("gemma3_text").spec.tied_head);
  EXPECT_FALSE(made("gemma3_text", R"("tie_word_embeddings": false)").spec.tied_head);
  EXPECT_EQ(made("qwen3").spec.layers[0].head_dim, 128);
  EXPECT_EQ(made("qwen3", R"("head_dim": null)").spec.layers[0].head_dim, 16);
  EXPECT_EQ(made("llama", R"("num_key_value_heads": null)").spec.layers[0].n_kv_heads, 4);
  EXPECT_EQ(made("mistral", R"("num_key_value_heads": null)").spec.layers[0].n_kv_heads, 4);
  // The class's theta of SmolLM3 is not the released one, so a config must state it.
  expect_error(plan_new_checkpoint(small_config("smollm3", R"("rope_theta": null)")), "rope_theta is missing");
}

TEST(Families, MistralWindows) {
  EXPECT_EQ(windows(made("mistral", R"("sliding_window": null)")), std::vector<int>(8, 0));
  EXPECT_EQ(windows(made("mistral", R"("sliding_window": 16)")), std::vector<int>(8, 16));
  EXPECT_EQ(windows(made("mistral")), std::vector<int>(8, 4096));
  EXPECT_EQ(windows(made("mistral", R"("sliding_window": [null, 16, 17, 18])")),
            (std::vector<int>{0, 16, 17, 18, 0, 16, 17, 18}));
  const std::string types = R"("layer_types": ["full_attention", "sliding_attention", "sliding_attention", "sliding_attention",
                                "full_attention", "sliding_attention", "sliding_attention", "sliding_attention"])";
  EXPECT_EQ(windows(made("ministral", types + R"(, "sliding_window": 32)")), (std::vector<int>{0, 32, 32, 32, 0, 32, 32, 32}));
  EXPECT_EQ(windows(made("ministral", types + R"(, "sliding_window": null)")), std::vector<int>(8, 0));
  EXPECT_EQ(windows(made("ministral", R"("sliding_window": 7)")), std::vector<int>(8, 7));
}

TEST(Families, QwenWindowsNeedTheirSwitch) {
  EXPECT_EQ(windows(made("qwen2", R"("sliding_window": 32, "max_window_layers": 2, "use_sliding_window": false)")),
            std::vector<int>(8, 0));
  EXPECT_EQ(windows(made("qwen2", R"("sliding_window": 32, "max_window_layers": 6, "use_sliding_window": true)")),
            (std::vector<int>{0, 0, 0, 0, 0, 0, 32, 32}));
  EXPECT_EQ(windows(made("qwen3", R"("sliding_window": 32, "use_sliding_window": true)")), std::vector<int>(8, 0));
}

TEST(Families, QwenBiasesAndNorms) {
  const CheckpointPlan qwen2 = made("qwen2");
  EXPECT_EQ(qwen2.layers[3].k_bias.name, "model.layers.3.self_attn.k_proj.bias");
  EXPECT_TRUE(qwen2.layers[3].o_bias.name.empty());
  EXPECT_FALSE(qwen2.spec.layers[0].qk_norm);
  const CheckpointPlan qwen3 = made("qwen3");
  EXPECT_TRUE(qwen3.layers[0].q_bias.name.empty());
  EXPECT_TRUE(qwen3.spec.layers[7].qk_norm);
  EXPECT_EQ(qwen3.layers[7].q_norm.name, "model.layers.7.self_attn.q_norm.weight");
  const CheckpointPlan biased = made("llama", R"("attention_bias": true)");
  EXPECT_EQ(biased.layers[0].o_bias.name, "model.layers.0.self_attn.o_proj.bias");
}

TEST(Families, SmolLm3LayersWithoutRope) {
  EXPECT_EQ(ropes(made("smollm3")), (std::vector<int>{0, 0, 0, -1, 0, 0, 0, -1}));
  EXPECT_EQ(ropes(made("smollm3", R"("no_rope_layer_interval": 3)")), (std::vector<int>{0, 0, -1, 0, 0, -1, 0, 0}));
  // 1 means that rope is applied.
  EXPECT_EQ(ropes(made("smollm3", R"("no_rope_layers": [1, 0, 1, 1, 1, 1, 0, 1])")),
            (std::vector<int>{0, -1, 0, 0, 0, 0, -1, 0}));
  EXPECT_EQ(windows(made("smollm3", R"("sliding_window": 9, "use_sliding_window": true)")),
            (std::vector<int>{0, 0, 0, 9, 0, 0, 0, 9}));
  EXPECT_EQ(windows(made("smollm3", R"("sliding_window": 9)")), std::vector<int>(8, 0));
}

TEST(Families, Ministral3) {
  const std::string rope =
      R"("rope_parameters": {"rope_type": "yarn", "type": "yarn", "rope_theta": 1e6, "factor": 16, "beta_fast": 32,
    "original_max_position_embeddings": 16384, "beta_slow": 1, "mscale": 1, "mscale_all_dim": 1, "llama_4_scaling_beta": 0.1})";
  const CheckpointPlan plan = made("ministral3", rope);
  EXPECT_FLOAT_EQ(plan.spec.query_scale_beta, 0.1F);
  EXPECT_EQ(plan.spec.query_scale_context, 16384);
  EXPECT_EQ(plan.spec.max_context, 262144);
  EXPECT_EQ(plan.spec.ropes.at(0).magnitude, 1.0F);
  EXPECT_FALSE(plan.spec.tied_head);
  EXPECT_EQ(windows(plan), std::vector<int>(8, 0));
  // Devstral 2: a beta of 0 switches the query scale off; mscale_all_dim 0 leaves the attention factor.
  const CheckpointPlan devstral =
      made("ministral3", R"("rope_parameters": {"type": "yarn", "rope_theta": 1e6, "factor": 64, "beta_fast": 4,
    "original_max_position_embeddings": 4096, "mscale": 1, "mscale_all_dim": 0, "llama_4_scaling_beta": 0.0})");
  EXPECT_EQ(devstral.spec.query_scale_beta, 0.0F);
  EXPECT_NEAR(devstral.spec.ropes.at(0).magnitude, 1.4159, 1e-4);
  expect_error(plan_new_checkpoint(small_config("ministral3", R"("rope_parameters": null)")), "rope_parameters is missing");
}

TEST(Families, Gemma3LocalAndGlobalLayers) {
  const CheckpointPlan plan =
      made("gemma3_text", R"("rope_theta": 1e6, "rope_local_base_freq": 5000, "sliding_window": 12, "head_dim": 8,
    "query_pre_attn_scalar": 64, "rope_scaling": {"rope_type": "linear", "factor": 8})");
  EXPECT_EQ(windows(plan), (std::vector<int>{12, 12, 12, 12, 12, 0, 12, 12}));
  EXPECT_EQ(ropes(plan), (std::vector<int>{1, 1, 1, 1, 1, 0, 1, 1}));
  EXPECT_NEAR(plan.spec.ropes.at(0).inv_freq.at(2), 1e-3 / 8, 1e-9);
  EXPECT_NEAR(plan.spec.ropes.at(1).inv_freq.at(2), std::pow(5000, -0.5), 1e-8);  // local layers are not scaled
  EXPECT_FLOAT_EQ(plan.spec.layers[0].score_scale, 0.125F);
  EXPECT_FLOAT_EQ(plan.spec.embedding_scale, 8.0F);
  EXPECT_TRUE(plan.spec.norm_plus_one);
  EXPECT_EQ(plan.spec.layers[0].activation, Activation::kGeluTanh);
  EXPECT_EQ(plan.layers[0].attn_post_norm.name, "model.layers.0.post_attention_layernorm.weight");
  EXPECT_EQ(plan.layers[0].ffn_norm.name, "model.layers.0.pre_feedforward_layernorm.weight");
  EXPECT_EQ(plan.layers[0].ffn_post_norm.name, "model.layers.0.post_feedforward_layernorm.weight");
  const CheckpointPlan newer =
      made("gemma3_text", R"("rope_theta": null, "head_dim": 8, "_sliding_window_pattern": 2, "sliding_window": 4,
    "rope_parameters": {"full_attention": {"rope_type": "default", "rope_theta": 4e6}, "sliding_attention": {"rope_theta": 2e4}})");
  EXPECT_EQ(windows(newer), (std::vector<int>{4, 0, 4, 0, 4, 0, 4, 0}));
  EXPECT_NEAR(newer.spec.ropes.at(0).inv_freq.at(2), 1 / 2000.0, 1e-9);
  EXPECT_NEAR(newer.spec.ropes.at(1).inv_freq.at(2), std::pow(2e4, -0.5), 1e-8);
}

// The text part of a released 4B wrapper states only what differs from the class.
TEST(Families, Gemma3WrapperLeavesDefaultsOut) {
  const CheckpointPlan plan =
      plan_of(parse_json(R"({"model_type": "gemma3", "architectures": ["Gemma3ForConditionalGeneration"],
    "text_config": {"hidden_size": 2560, "intermediate_size": 10240, "model_type": "gemma3_text", "num_hidden_layers": 34, "vocab_size": 262208,
                    "rope_scaling": {"factor": 8.0, "rope_type": "linear"}, "sliding_window": 1024}})"));
  EXPECT_EQ(plan.spec.n_layers(), 34);
  EXPECT_EQ(plan.spec.layers[5].n_heads, 8);
  EXPECT_EQ(plan.spec.layers[5].n_kv_heads, 4);
  EXPECT_EQ(plan.spec.layers[5].head_dim, 256);
  EXPECT_EQ(plan.spec.max_context, 131072);
  EXPECT_TRUE(plan.spec.tied_head);
  EXPECT_EQ(plan.spec.ropes.at(0).inv_freq.at(0), 0.125F);
  EXPECT_EQ(plan.spec.ropes.at(1).inv_freq.at(0), 1.0F);
}

TEST(Families, GraniteMultipliers) {
  const CheckpointPlan plan =
      made("granite", R"("embedding_multiplier": 12, "residual_multiplier": 0.22, "attention_multiplier": 0.0078125,
    "logits_scaling": 8)");
  EXPECT_EQ(plan.spec.embedding_scale, 12.0F);
  EXPECT_EQ(plan.spec.residual_scale, 0.22F);
  EXPECT_EQ(plan.spec.layers[0].score_scale, 0.0078125F);
  EXPECT_EQ(plan.spec.logit_divisor, 8.0F);
}

TEST(Families, Granite4FusedFeedForward) {
  const std::string dense =
      R"("num_local_experts": 0, "shared_intermediate_size": 80, "layer_types": ["attention", "attention", "attention",
    "attention", "attention", "attention", "attention", "full_attention"])";
  const CheckpointPlan plan = made("granitemoehybrid", dense + R"(, "position_embedding_type": "rope")");
  const LayerNames& names = plan.layers[2];
  EXPECT_EQ(names.gate.name, "model.layers.2.shared_mlp.input_linear.weight");
  EXPECT_EQ(names.up.name, names.gate.name);
  EXPECT_EQ(names.gate.first_row, 0);
  EXPECT_EQ(names.gate.rows, 80);
  EXPECT_EQ(names.up.first_row, 80);
  EXPECT_EQ(names.up.rows, 80);
  EXPECT_EQ(MapDirectory(plan).shapes.at(names.gate.name), (std::vector<int64_t>{160, 64}));
  EXPECT_EQ(ropes(plan), std::vector<int>(8, 0));
  EXPECT_EQ(ropes(made("granitemoehybrid", dense)), std::vector<int>(8, -1));
  expect_error(
      plan_new_checkpoint(small_config("granitemoehybrid", R"("num_local_experts": 64, "shared_intermediate_size": 80)")),
      "num_local_experts is 64");
  expect_error(
      plan_new_checkpoint(small_config("granitemoehybrid", R"("num_local_experts": 0, "shared_intermediate_size": 80)")),
      "Mamba");
  expect_error(plan_new_checkpoint(small_config("granitemoehybrid", R"("num_hidden_layers": 1, "shared_intermediate_size": 80,
    "num_local_experts": 0, "layer_types": ["mamba"])")),
               "\"mamba\"");
}

// ---- names found in a file

TEST(Families, FollowsThePrefixesOfExports) {
  const Json config = small_config("llama");
  const CheckpointPlan fresh = plan_of(config);
  for (const std::string body : {"model.", "language_model.model.", "model.language_model.", ""}) {
    for (const std::string head : {"lm_head.weight", "language_model.lm_head.weight"}) {
      MapDirectory files;
      for (const auto& [name, shape] : MapDirectory(fresh).shapes) {
        files.shapes[name == "lm_head.weight" ? head : body + name.substr(6)] = shape;
      }
      const Result<CheckpointPlan> plan = plan_from_hf_config(config, files);
      ASSERT_TRUE(plan) << body << ": " << plan.error().message;
      EXPECT_EQ(plan->head.name, head);
      EXPECT_EQ(plan->layers[1].down.name, body + "layers.1.mlp.down_proj.weight");
    }
  }
}

TEST(Families, HeadsThatAreTied) {
  const Json untied = small_config("llama");
  MapDirectory files(plan_of(untied));
  // Stated as tied: a head in the file is ignored, and not reported as unused.
  Result<CheckpointPlan> plan = plan_from_hf_config(small_config("llama", R"("tie_word_embeddings": true)"), files);
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_TRUE(plan->spec.tied_head);
  EXPECT_TRUE(plan->head.name.empty());
  EXPECT_TRUE(is_ignorable(*plan, "lm_head.weight"));
  EXPECT_EQ(plan->embedding.name, "model.embed_tokens.weight");
  // Tied, and the shared matrix stands under the head's name alone.
  MapDirectory only_head = files;
  only_head.shapes.erase("model.embed_tokens.weight");
  plan = plan_from_hf_config(small_config("llama", R"("tie_word_embeddings": true)"), only_head);
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->embedding.name, "lm_head.weight");
  EXPECT_TRUE(plan->spec.tied_head);
  EXPECT_FALSE(is_ignorable(*plan, "lm_head.weight"));
  expect_error(plan_from_hf_config(untied, only_head), "model.embed_tokens.weight");
  // No head in the file: tied, whatever the config says.
  files.shapes.erase("lm_head.weight");
  plan = plan_from_hf_config(untied, files);
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_TRUE(plan->spec.tied_head);
}

TEST(Families, EveryPlannedTensorMustBeThereInItsShape) {
  for (const Json& config : {small_config("llama", R"("attention_bias": true)"), small_config("qwen2"), small_config("qwen3"),
                             small_config("gemma3_text", R"("num_hidden_layers": 2)")}) {
    const MapDirectory whole(plan_of(config));
    ASSERT_TRUE(plan_from_hf_config(config, whole));
    for (const auto& [name, shape] : whole.shapes) {
      MapDirectory files = whole;
      files.shapes[name].back() += 2;
      expect_error(plan_from_hf_config(config, files), name);
      files.shapes[name] = {};
      expect_error(plan_from_hf_config(config, files), name);
      files.shapes.erase(name);
      // Without its first norm a checkpoint has no known prefix; without its head it is tied.
      if (name != "lm_head.weight") expect_error(plan_from_hf_config(config, files), "is missing");
    }
  }
}

TEST(Families, VocabularyFromTheEmbeddingWhenNotStated) {
  MapDirectory files(made("llama"));
  Json config = small_config("llama", R"("vocab_size": null)");
  files.shapes["model.embed_tokens.weight"] = files.shapes["lm_head.weight"] = {123, 64};
  const Result<CheckpointPlan> plan = plan_from_hf_config(config, files);
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->spec.vocab_size, 123);
  expect_error(plan_from_hf_config(small_config("llama"), files), "[123, 64]");
  for (const std::vector<int64_t>& shape : {std::vector<int64_t>{}, {0, 64}, {int64_t{1} << 40, 64}, {123}}) {
    files.shapes["model.embed_tokens.weight"] = shape;
    expect_error(plan_from_hf_config(config, files), "model.embed_tokens.weight");
  }
}

TEST(Families, Fp8Scales) {
  const std::string quant =
      R"("quantization_config": {"quant_method": "fp8", "activation_scheme": "static", "weight_block_size": )";
  const Json config = small_config("llama", quant + "null}");
  MapDirectory files(plan_of(config));
  files.shapes["model.layers.0.self_attn.q_proj.weight_scale_inv"] = {};
  files.shapes["model.layers.1.self_attn.q_proj.weight_scale_inv"] = {1};
  const Result<CheckpointPlan> plan = plan_from_hf_config(config, files);
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->fp8_scale_suffixes, std::vector<std::string>{"weight_scale_inv"});
  EXPECT_TRUE(is_ignorable(*plan, "model.layers.0.self_attn.q_proj.activation_scale"));
  EXPECT_FALSE(is_ignorable(*plan, "model.layers.0.self_attn.q_proj.weight_scale_inv"));
  EXPECT_TRUE(is_ignorable(*plan, "vision_tower.ln_pre.weight"));
  EXPECT_TRUE(is_ignorable(*plan, "model.layers.0.self_attn.rotary_emb.inv_freq"));
  EXPECT_FALSE(is_ignorable(*plan, "model.layers.0.mlp.gate_proj.bias"));
  files.shapes["model.layers.0.self_attn.q_proj.weight_scale_inv"] = {2, 4};
  expect_error(plan_from_hf_config(config, files), "one scale per weight");
  const Json blocks = small_config("llama", quant + "[32, 16]}");
  files.shapes.erase("model.layers.1.self_attn.q_proj.weight_scale_inv");
  EXPECT_TRUE(plan_from_hf_config(blocks, files));
  files.shapes["model.layers.0.self_attn.q_proj.weight_scale_inv"] = {4, 2};
  expect_error(plan_from_hf_config(blocks, files), "expected is [2, 4]");
  expect_error(plan_from_hf_config(small_config("llama", quant + "[48, 16]}"), files), "no multiple");
  for (const char* bad : {"[0, 16]", "[16]", "5", "[16, \"x\"]", "[1e3, 1]"}) {
    expect_error(plan_from_hf_config(small_config("llama", quant + bad + "}"), files), "weight_block_size");
  }
}

// ---- what is refused

TEST(Families, UnknownValuesAreNamedWithWhatIsSupported) {
  const auto refuses = [](const std::string& type, const std::string& members, const std::string& words) {
    expect_error(plan_new_checkpoint(small_config(type, members)), words);
  };
  refuses("mamba", "",
          "model_type \"mamba\" is not supported; supported are llama, mistral, ministral, ministral3, smollm3, qwen2, qwen3");
  refuses("llama", R"("model_type": null)", "model_type \"\"");
  refuses("llama", R"("model_type": 7)", "model_type is 7");
  refuses("mistral3", "", "text_config is missing");
  refuses("llava", R"("text_config": {"model_type": "llama"})", "\"llava\"");
  refuses("mistral3", R"("text_config": {"model_type": "qwen9"})", "\"qwen9\"");
  refuses("mistral3", R"("text_config": [])", "text_config is a list");
  refuses("llama", R"("hidden_act": "relu")", "hidden_act \"relu\" is not supported; supported are silu and gelu_pytorch_tanh");
  refuses("llama", R"("rope_scaling": {"rope_type": "dynamic", "factor": 2})", "\"dynamic\"");
  refuses("llama", R"("quantization_config": {"quant_method": "awq"})",
          "quant_method \"awq\" is not supported; supported is fp8");
  refuses("llama", R"("quantization_config": {"group_size": 64})", "quant_method \"\"");
  refuses("llama", R"("mlp_bias": true)", "mlp_bias");
  refuses("gemma3_text", R"("final_logit_softcapping": 30.0)", "final_logit_softcapping");
  refuses("gemma3_text", R"("use_bidirectional_attention": true)", "use_bidirectional_attention");
  refuses("mistral", R"("num_hidden_layers": 1, "layer_types": ["chunked_attention"])", "chunked_attention");
}

TEST(Families, NumbersOutOfRange) {
  const auto refuses = [](const std::string& members, const std::string& words) {
    expect_error(plan_new_checkpoint(small_config("llama", members)), words);
  };
  refuses(R"("num_attention_heads": 5, "head_dim": 16)", "5 heads are no multiple of 2");
  refuses(R"("num_attention_heads": 6)", "no multiple of num_attention_heads 6");
  refuses(R"("head_dim": 15)", "head size 15");
  for (const std::string key :
       {"hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim",
        "vocab_size", "max_position_embeddings", "rope_theta", "rms_norm_eps"}) {
    const bool number = key == "rope_theta" || key == "rms_norm_eps";
    for (const std::string value :
         {"0", "-1", "9223372036854775807", "18446744073709551615", "1e400", "1e99", "\"8\"", "true", "[8]", "{}", "0.5"}) {
      if (value == "1e400" || (number && value == "0.5" && key == "rope_theta")) continue;
      const Result<CheckpointPlan> plan = plan_new_checkpoint(small_config("llama", "\"" + key + "\": " + value));
      ASSERT_FALSE(plan) << key << " " << value;
      EXPECT_NE(plan.error().message.find(key), std::string::npos) << plan.error().message;
    }
  }
  for (const std::string key : {"hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads"}) {
    refuses("\"" + key + "\": null", key + " is missing");
  }
  expect_error(plan_new_checkpoint(small_config("llama", R"("vocab_size": null)")), "vocabulary size");
  refuses(R"("num_hidden_layers": 1025)", "num_hidden_layers is 1025; allowed are whole numbers from 1 to 1024");
  refuses(R"("max_position_embeddings": 16777217)", "16777216");
}

TEST(Families, ListsOfTheWrongLength) {
  expect_error(plan_new_checkpoint(small_config("smollm3", R"("no_rope_layers": [1, 1, 1])")),
               "no_rope_layers has 3 entries for 8 layers");
  expect_error(plan_new_checkpoint(small_config("smollm3", R"("no_rope_layers": [1, 1, 1, 2, 1, 1, 1, 1])")),
               "allowed are 0 and 1");
  expect_error(plan_new_checkpoint(small_config("smollm3", R"("no_rope_layers": [1, 1, 1, "x", 1, 1, 1, 1])")),
               "no_rope_layers");
  expect_error(plan_new_checkpoint(small_config("ministral", R"("layer_types": ["full_attention"])")),
               "layer_types has 1 entries for 8 layers");
  expect_error(plan_new_checkpoint(small_config("mistral", R"("sliding_window": [4, 4, 4])")), "sliding_window has 3 entries");
  expect_error(plan_new_checkpoint(small_config("mistral", R"("sliding_window": [])")), "sliding_window has 0 entries");
  expect_error(plan_new_checkpoint(small_config("mistral", R"("sliding_window": [0])")), "allowed are null");
  expect_error(plan_new_checkpoint(small_config("mistral", R"("sliding_window": ["a"])")), "allowed are null");
}

TEST(Families, ConfigsThatAreNoObjects) {
  for (const char* text : {"[]", "null", "3", "\"llama\""}) {
    expect_error(plan_new_checkpoint(parse_json(text)), "config.json");
    expect_error(plan_from_mistral_params(parse_json(text), MapDirectory()), "params.json");
  }
}

// ---- Mistral's params.json

constexpr const char* kParams = R"({"dim": 64, "n_layers": 4, "head_dim": 32, "hidden_dim": 128, "n_heads": 4, "n_kv_heads": 2,
                                    "norm_eps": 1e-05, "vocab_size": 384, "rope_theta": 1000000.0)";

MapDirectory consolidated(bool head) {
  MapDirectory files;
  files.shapes = {{"tok_embeddings.weight", {384, 64}}, {"norm.weight", {64}}};
  if (head) files.shapes["output.weight"] = {384, 64};
  for (int i = 0; i < 4; ++i) {
    const std::string p = "layers." + std::to_string(i) + ".";
    for (const char* norm : {"attention_norm", "ffn_norm"}) files.shapes[p + norm + ".weight"] = {64};
    files.shapes[p + "attention.wq.weight"] = {128, 64};
    files.shapes[p + "attention.wk.weight"] = {64, 64};
    files.shapes[p + "attention.wv.weight"] = {64, 64};
    files.shapes[p + "attention.wo.weight"] = {64, 128};
    files.shapes[p + "feed_forward.w1.weight"] = {128, 64};
    files.shapes[p + "feed_forward.w2.weight"] = {64, 128};
    files.shapes[p + "feed_forward.w3.weight"] = {128, 64};
  }
  return files;
}

Result<CheckpointPlan> from_params(const std::string& members, bool head = true) {
  return plan_from_mistral_params(parse_json(kParams + members + "}"), consolidated(head));
}

TEST(MistralParams, PlainModel) {
  const Result<CheckpointPlan> plan = from_params("");
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->qk_order, QkOrder::kInterleaved);
  EXPECT_EQ(plan->layers[3].gate.name, "layers.3.feed_forward.w1.weight");
  EXPECT_EQ(plan->layers[3].down.name, "layers.3.feed_forward.w2.weight");
  EXPECT_EQ(plan->layers[3].up.name, "layers.3.feed_forward.w3.weight");
  EXPECT_EQ(plan->head.name, "output.weight");
  EXPECT_EQ(plan->spec.family, "mistral");
  EXPECT_EQ(plan->spec.max_context, 32768);
  EXPECT_EQ(planned_tensors(*plan).size(), consolidated(true).shapes.size());
  EXPECT_TRUE(is_ignorable(*plan, "vision_encoder.ln_pre.weight"));
  EXPECT_TRUE(is_ignorable(*plan, "layers.0.attention.wq.fake_quantizer.qscale_act"));
}

TEST(MistralParams, Windows) {
  EXPECT_EQ(windows(*from_params(R"(, "_sliding_window": [null, 16])")), (std::vector<int>{0, 16, 0, 16}));
  EXPECT_EQ(windows(*from_params(R"(, "sliding_window": [null, 16, 8, 4])")), (std::vector<int>{0, 16, 8, 4}));
  EXPECT_EQ(windows(*from_params(R"(, "sliding_window": 4096)")), std::vector<int>(4, 4096));
  EXPECT_EQ(windows(*from_params(R"(, "sliding_window": null)")), std::vector<int>(4, 0));
  expect_error(from_params(R"(, "sliding_window": [1, 2, 3])"), "sliding_window has 3 entries");
}

TEST(MistralParams, ThetaOfFilesThatStateNone) {
  const auto theta_of = [](const std::string& members) {
    Json params = parse_json(kParams + members + "}");
    params.set("rope_theta", Json());
    const Result<CheckpointPlan> plan = plan_from_mistral_params(params, consolidated(true));
    EXPECT_TRUE(plan);
    return plan ? std::pow(static_cast<double>(plan->spec.ropes.at(0).inv_freq.at(8)), -2.0) : 0;
  };
  EXPECT_NEAR(theta_of(""), 1e6, 1);
  EXPECT_NEAR(theta_of(R"(, "sliding_window": 4096)"), 1e4, 0.01);
}

TEST(MistralParams, Ministral3) {
  const std::string yarn =
      R"(, "tied_embeddings": true, "llama_4_scaling": {"original_max_position_embeddings": 16384, "beta": 0.1},
    "quantization": {"qformat_weight": "fp8_e4m3", "qscheme_act": "TENSOR"}, "moe": null,
    "yarn": {"original_max_position_embeddings": 16384, "factor": 16, "apply_scale": )";
  const Result<CheckpointPlan> plan = from_params(yarn + R"(false, "beta": 32, "alpha": 1})", false);
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->spec.family, "ministral3");
  EXPECT_TRUE(plan->spec.tied_head);
  EXPECT_EQ(plan->spec.ropes.at(0).magnitude, 1.0F);
  EXPECT_EQ(plan->spec.query_scale_context, 16384);
  EXPECT_FLOAT_EQ(plan->spec.query_scale_beta, 0.1F);
  EXPECT_EQ(plan->spec.max_context, 262144);
  EXPECT_EQ(plan->fp8_scale_suffixes, std::vector<std::string>{"qscale_weight"});
  EXPECT_NEAR(from_params(yarn + R"(true, "beta": 32, "alpha": 1})", false)->spec.ropes.at(0).magnitude, 1 + 0.1 * std::log(16),
              1e-6);
}

TEST(MistralParams, Refused) {
  expect_error(from_params(R"(, "moe": {"num_experts": 8})"), "moe is not supported");
  expect_error(from_params(R"(, "model_type": "mamba")"), "\"mamba\"");
  expect_error(from_params(R"(, "q_lora_rank": 512)"), "q_lora_rank");
  expect_error(from_params(R"(, "use_biases": true)"), "use_biases");
  expect_error(from_params(R"(, "quantization": {"qformat_weight": "int4"})"),
               "\"int4\" is not supported; supported is fp8_e4m3");
  expect_error(from_params(R"(, "yarn": {"factor": 16})"), "original_max_position_embeddings is missing");
  expect_error(from_params(R"(, "yarn": 16)"), "yarn is 16");
}

TEST(Families, ListedForMessages) {
  EXPECT_EQ(supported_families(),
            "llama, mistral, ministral, ministral3, smollm3, qwen2, qwen3, gemma3, granite, granitemoehybrid");
}

}  // namespace
}  // namespace sobre
