// Helpers of the family tests: a directory of tensors held in a map, and JSON from text.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "model/families.h"

namespace sobre {

class MapDirectory final : public TensorDirectory {
 public:
  MapDirectory() = default;
  /// Everything the plan reads.
  explicit MapDirectory(const CheckpointPlan& plan) {
    for (PlannedTensor& t : planned_tensors(plan)) shapes[t.name] = std::move(t.shape);
  }
  [[nodiscard]] const std::vector<int64_t>* shape(const std::string& name) const override {
    const auto found = shapes.find(name);
    return found == shapes.end() ? nullptr : &found->second;
  }
  std::map<std::string, std::vector<int64_t>> shapes;
};

inline Json parse_json(const std::string& text) {
  const Result<Json> json = Json::parse(text);
  EXPECT_TRUE(json) << text;
  return json.value_or(Json());
}

/// A small config with the given members added (or replaced): "\"head_dim\": 16, ...".
inline Json small_config(const std::string& model_type, const std::string& members = "") {
  Json config = parse_json(R"({"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 8, "num_attention_heads": 4,
                               "num_key_value_heads": 2, "vocab_size": 100, "max_position_embeddings": 256, "rope_theta": 10000})");
  config.set("model_type", Json(model_type));
  const Json added = parse_json("{" + members + "}");
  for (const auto& [key, value] : *added.as_object()) config.set(key, value);
  return config;
}

template <class T>
void expect_error(const Result<T>& result, const std::string& words) {
  ASSERT_FALSE(result) << "expected: " << words;
  EXPECT_NE(result.error().message.find(words), std::string::npos) << result.error().message;
  EXPECT_EQ(result.error().message.find('\n'), std::string::npos);
}

}  // namespace sobre
