// The plan of every golden checkpoint and real model at hand: what it names exists with the shape that the spec implies, and
// nothing of the language model is left over. (That the plans mean the right thing is shown by the logits' tests.)
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "model/families.h"
#include "model/families_testing.h"

namespace sobre {
namespace {

namespace fs = std::filesystem;

const fs::path kShared = fs::path(SOBRE_SOURCE_DIR) / "../shared";

std::string slurp(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Names and shapes of every safetensors file of a folder, read without the project's own reader.
MapDirectory directory_of(const fs::path& folder) {
  MapDirectory files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() != ".safetensors") continue;
    const std::string bytes = slurp(entry.path());
    size_t length = 0;
    for (size_t i = 0; i < 8; ++i) length |= static_cast<size_t>(static_cast<unsigned char>(bytes.at(i))) << (8 * i);
    const Json header = parse_json(bytes.substr(8, length));
    for (const auto& [name, tensor] : *header.as_object()) {
      if (name == "__metadata__") continue;
      for (const Json& d : *tensor.find("shape")->as_array()) files.shapes[name].push_back(d.as_int().value_or(-1));
      files.shapes.try_emplace(name);
    }
  }
  return files;
}

Result<CheckpointPlan> plan_of(const fs::path& folder, const MapDirectory& files) {
  const bool hf = fs::exists(folder / "config.json");
  const Json config = parse_json(slurp(folder / (hf ? "config.json" : "params.json")));
  return hf ? plan_from_hf_config(config, files) : plan_from_mistral_params(config, files);
}

bool is_scale_of(const CheckpointPlan& plan, const std::string& name) {
  return std::any_of(plan.fp8_scale_suffixes.begin(), plan.fp8_scale_suffixes.end(),
                     [&](const std::string& s) { return name.ends_with(s); });
}

void expect_complete(const CheckpointPlan& plan, const MapDirectory& files, const std::string& where) {
  std::set<std::string> read;
  for (const PlannedTensor& t : planned_tensors(plan)) {
    ASSERT_TRUE(files.shapes.contains(t.name)) << where << ": " << t.name;
    EXPECT_EQ(files.shapes.at(t.name), t.shape) << where << ": " << t.name;
    read.insert(t.name);
  }
  for (const auto& [name, shape] : files.shapes) {
    EXPECT_TRUE(read.contains(name) || is_ignorable(plan, name) || is_scale_of(plan, name))
        << where << ": " << name << " is not read";
  }
}

TEST(FamiliesGolden, EveryFolder) {
  const fs::path root = kShared / "goldens/families";
  if (!fs::exists(root)) GTEST_SKIP() << root << " is not here";
  int folders = 0;
  for (const auto& entry : fs::directory_iterator(root)) {
    const std::string name = entry.path().filename().string();
    const MapDirectory files = directory_of(entry.path());
    const Result<CheckpointPlan> plan = plan_of(entry.path(), files);
    ASSERT_TRUE(plan) << name << ": " << plan.error().message;
    expect_complete(*plan, files, name);
    EXPECT_EQ(plan->spec.vocab_size, 384) << name;
    EXPECT_EQ(plan->spec.tied_head, plan->head.name.empty()) << name;
    ++folders;
  }
  EXPECT_GE(folders, 20);
}

// What each folder is about.
TEST(FamiliesGolden, MechanismsOfEachFolder) {
  const fs::path root = kShared / "goldens/families";
  if (!fs::exists(root)) GTEST_SKIP() << root << " is not here";
  const auto check = [&](const std::string& name, const std::function<bool(const CheckpointPlan&)>& holds) {
    const Result<CheckpointPlan> plan = plan_of(root / name, directory_of(root / name));
    ASSERT_TRUE(plan) << name;
    EXPECT_TRUE(holds(*plan)) << name;
  };
  const auto windows_are = [](const CheckpointPlan& p, const std::vector<int>& period) {
    for (size_t i = 0; i < p.spec.layers.size(); ++i) {
      if (p.spec.layers[i].window != period[i % period.size()]) return false;
    }
    return true;
  };
  check("smollm2",
        [](const auto& p) { return p.spec.tied_head && p.spec.layers[0].n_heads == 9 && p.spec.layers[0].n_kv_heads == 3; });
  check("llama3.2", [](const auto& p) { return p.spec.ropes[0].inv_freq.back() < 2e-7F && p.spec.ropes[0].magnitude == 1.0F; });
  check("mistral-small",
        [](const auto& p) { return p.spec.layers[0].head_dim == 16 && p.spec.d_model == 96 && !p.spec.tied_head; });
  check("mistral-window", [&](const auto& p) { return windows_are(p, {16}); });
  check("ministral-8b-2410", [&](const auto& p) { return windows_are(p, {0, 16, 16, 16}); });
  check("ministral-consolidated",
        [&](const auto& p) { return windows_are(p, {0, 16, 16, 16}) && p.qk_order == QkOrder::kInterleaved; });
  check("ministral3-3b", [](const auto& p) { return p.spec.query_scale_context == 32 && p.spec.tied_head; });
  check("ministral3-fp8",
        [](const auto& p) { return !p.spec.tied_head && p.embedding.name == "language_model.model.embed_tokens.weight"; });
  check("smollm3",
        [](const auto& p) { return p.spec.layers[3].rope == -1 && p.spec.layers[7].rope == -1 && p.spec.layers[4].rope == 0; });
  check("qwen2.5", [](const auto& p) { return !p.layers[1].v_bias.name.empty() && p.layers[1].o_bias.name.empty(); });
  check("qwen3", [](const auto& p) { return p.spec.layers[0].qk_norm && p.layers[0].q_bias.name.empty(); });
  check("gemma3-text",
        [](const auto& p) { return p.spec.norm_plus_one && p.spec.layers[5].window == 0 && p.spec.layers[6].rope == 1; });
  check("granite", [](const auto& p) { return p.spec.residual_scale == 0.22F && p.spec.layers[0].score_scale == 0.0625F; });
  check("granite4-dense", [](const auto& p) { return p.layers[0].up.first_row == 192 && p.spec.logit_divisor == 4.0F; });
}

TEST(FamiliesGolden, TinyStoriesKeepsItsSharedMatrixAsTheHead) {
  const fs::path folder = kShared / "models/tinystories-656k/hf";
  if (!fs::exists(folder)) GTEST_SKIP() << folder << " is not here";
  const MapDirectory files = directory_of(folder);
  const Result<CheckpointPlan> plan = plan_of(folder, files);
  ASSERT_TRUE(plan) << plan.error().message;
  expect_complete(*plan, files, "tinystories");
  EXPECT_EQ(plan->embedding.name, "lm_head.weight");
  EXPECT_TRUE(plan->spec.tied_head);
}

}  // namespace
}  // namespace sobre
