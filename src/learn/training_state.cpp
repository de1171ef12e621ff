#include "learn/training_state.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <span>
#include <vector>

#include "format/safetensors.h"

namespace sobre {

namespace {

constexpr const char* kStateKey = "sobre.training";

// One tensor of a checkpoint: the values of a parameter, or one of its moments.
struct Part {
  std::string name;
  float* data;
  int64_t size;
};

std::vector<Part> parts_of(const Parameters& parameters) {
  std::vector<Part> parts;
  for (const Parameter& p : parameters.all()) {
    const std::string name = fmt::format("{}@{}", p.name, p.first_row);
    parts.push_back({"value/" + name, p.value, p.size()});
    if (!p.trained) continue;
    parts.push_back({"first/" + name, p.first_moment, p.size()});
    parts.push_back({"second/" + name, p.second_moment, p.size()});
  }
  return parts;
}

Json state_to_json(const TrainingState& s) {
  Json json{Json::Object{}};
  json.set("step", s.step);
  json.set("tokens", s.tokens);
  json.set("elapsed_s", s.elapsed_s);
  json.set("operations", s.operations);
  json.set("feed", s.feed.to_json());
  json.set("recipe", s.run_digest);
  json.set("environment", s.environment);
  return json;
}

Result<TrainingState> state_from_json(const Json& json) {
  const auto member = [&](const char* key) { return json.find(key) == nullptr ? Json() : *json.find(key); };
  const auto step = member("step").as_uint(), tokens = member("tokens").as_uint();
  const auto elapsed = member("elapsed_s").as_double(), operations = member("operations").as_double();
  const Json recipe = member("recipe"), environment = member("environment");
  if (!step || !tokens || !elapsed || !operations || recipe.as_string() == nullptr || environment.as_string() == nullptr)
    return fail("its state lacks a part or has one of the wrong type");
  TrainingState s;
  s.step = *step;
  s.tokens = *tokens;
  s.elapsed_s = *elapsed;
  s.operations = *operations;
  s.run_digest = *recipe.as_string();
  s.environment = *environment.as_string();
  TRY(s.feed, FeedState::from_json(member("feed")));
  return s;
}

Result<TrainingState> state_of(const SafetensorsFile& file, const std::string& path) {
  TRY(const SafetensorsHeader header, parse_safetensors(file.mappings().front().bytes(), path));
  const auto found = header.metadata.find(kStateKey);
  if (found == header.metadata.end()) return fail("{}: no checkpoint of a training run", path);
  const Result<Json> json = Json::parse(found->second);
  if (!json) return fail_in(path, json.error());
  Result<TrainingState> state = state_from_json(*json);
  if (!state) return fail_in(path, state.error());
  return state;
}

}  // namespace

Result<void> write_training_state(const std::string& path, const Parameters& parameters, const TrainingState& state) {
  const std::vector<Part> parts = parts_of(parameters);
  std::vector<SafetensorsEntry> entries;
  for (const Part& p : parts) entries.push_back({p.name, DType::kF32, {p.size}});
  return write_safetensors(path, entries, {{kStateKey, state_to_json(state).dump()}}, [&](size_t i) {
    return Result<std::span<const float>>(std::span<const float>(parts[i].data, static_cast<size_t>(parts[i].size)));
  });
}

Result<TrainingState> peek_training_state(const std::string& path) {
  TRY(const SafetensorsFile file, SafetensorsFile::open(path));
  return state_of(file, path);
}

Result<TrainingState> read_training_state(const std::string& path, Parameters& parameters) {
  TRY(const SafetensorsFile file, SafetensorsFile::open(path));
  TRY(TrainingState state, state_of(file, path));
  const std::vector<Part> parts = parts_of(parameters);
  // Everything is looked at before anything is changed.
  for (const Part& p : parts) {
    const TensorView* t = file.find_tensor(p.name);
    if (t == nullptr || t->dtype != DType::kF32 || t->elements() != p.size)
      return fail("{}: {} is missing or of another size: the checkpoint is of another model", path, p.name);
  }
  if (parts.size() != file.tensors().size())
    return fail("{}: {} tensors where this run has {}: the checkpoint is of another run", path, file.tensors().size(),
                parts.size());
  for (const Part& p : parts)
    std::memcpy(p.data, file.find_tensor(p.name)->data.data(), static_cast<size_t>(p.size) * sizeof(float));
  return state;
}

}  // namespace sobre
