#include "hub/choose_files.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>

#include "base/checked.h"
#include "base/json.h"
#include "hub/gguf_names.h"
#include "hub/hub_names.h"

namespace sobre {

namespace {

bool is_top(std::string_view path) { return path.find('/') == path.npos; }

const HubFile* find(const HubRepo& repo, std::string_view path) {
  const auto found = std::find_if(repo.files.begin(), repo.files.end(), [&](const HubFile& f) { return f.path == path; });
  return found == repo.files.end() ? nullptr : &*found;
}

// Small ones first, so that what a folder is can be told before its weights are there.
Result<ChosenFiles> finished(std::vector<HubFile> files, std::string model) {
  ChosenFiles chosen;
  std::sort(files.begin(), files.end(),
            [](const HubFile& a, const HubFile& b) { return a.size != b.size ? a.size < b.size : a.path < b.path; });
  for (const HubFile& file : files) {
    const auto sum = checked_add(chosen.bytes, file.size);
    if (!sum) return fail("{}: {} bytes, with the others more than a number holds", file.path, file.size);
    chosen.bytes = *sum;
  }
  chosen.files = std::move(files);
  chosen.model = std::move(model);
  return chosen;
}

// --- folders of safetensors ---

constexpr std::string_view kWhole = "model.safetensors", kIndex = "model.safetensors.index.json";

Result<std::vector<HubFile>> named_weights(const HubRepo& repo, const HubFile& index, const std::vector<std::string>& shards) {
  std::vector<HubFile> files = {index};
  for (const std::string& shard : shards) {
    const HubFile* file = find(repo, shard);
    if (file == nullptr)
      return fail("{}: {} names {}, which is not there; another revision may be whole", repo.id, kIndex, shard);
    files.push_back(*file);
  }
  return files;
}

// The weights of Hugging Face's layout that a folder is opened with: the one file, else the shards of the index. As long as
// what it names is not known, shards are told by their numbers; an index may name them otherwise, then all that could be meant
// are taken.
Result<std::vector<HubFile>> hf_weights(const HubRepo& repo, const std::optional<std::vector<std::string>>& named) {
  if (const HubFile* single = find(repo, kWhole)) return std::vector<HubFile>{*single};
  const HubFile* index = find(repo, kIndex);
  if (index == nullptr) return std::vector<HubFile>();
  if (named) return named_weights(repo, *index, *named);
  std::map<uint64_t, std::map<uint64_t, HubFile>> sets;  // by the count of parts, then by the part's number
  std::vector<HubFile> files, others;
  for (const HubFile& file : repo.files) {
    if (!is_top(file.path) || !file.path.ends_with(".safetensors")) continue;
    if (file.path.starts_with("consolidated") || file.path.starts_with("adapter_")) continue;
    const std::optional<SplitName> split = split_name(file.path, ".safetensors");
    if (split && split->base == "model") {
      sets[split->count].emplace(split->number, file);
    } else {
      others.push_back(file);
    }
  }
  for (auto& [count, shards] : sets) {
    if (shards.size() != count) continue;  // numbers are 1 to count, so all are there or some are missing
    for (auto& [number, file] : shards) files.push_back(std::move(file));
    break;  // another splitting would be the same weights again
  }
  if (files.empty() && !sets.empty()) {
    return fail("{}: it has {} of the {} parts of model.safetensors; another revision may be whole", repo.id,
                sets.rbegin()->second.size(), sets.rbegin()->first);
  }
  if (files.empty()) files = std::move(others);
  if (files.empty()) return fail("{}: it has model.safetensors.index.json but none of the files that it names", repo.id);
  files.push_back(*index);
  return files;
}

// What a folder is opened with beside its weights. A tokenizer is large in every form; the one that is not read stays away.
bool belongs_to_folder(const HubRepo& repo, std::string_view path, bool mistral_layout) {
  constexpr std::array<std::string_view, 12> kNames = {"config.json",
                                                       "params.json",
                                                       "generation_config.json",
                                                       "tokenizer_config.json",
                                                       "special_tokens_map.json",
                                                       "chat_template.jinja",
                                                       "chat_template.json",
                                                       "added_tokens.json",
                                                       "vocab.json",
                                                       "merges.txt",
                                                       "tokenizer.json",
                                                       "tekken.json"};
  if (path == "tekken.json" && !mistral_layout && find(repo, "tokenizer.json") != nullptr) return false;
  if (path == "tokenizer.json" && mistral_layout && find(repo, "tekken.json") != nullptr) return false;
  if (std::find(kNames.begin(), kNames.end(), path) != kNames.end()) return true;
  // Mistral's versions: tokenizer.model.v3, tokenizer.model.v7m1.
  static constexpr std::string_view kVersioned = "tokenizer.model.v";
  const auto is_version = [](std::string_view text) {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z'); });
  };
  return path == "tokenizer.model" || (path.starts_with(kVersioned) && is_version(path.substr(kVersioned.size())));
}

Result<ChosenFiles> folder_of(const HubRepo& repo, std::vector<HubFile> weights, bool mistral_layout) {
  for (const HubFile& file : repo.files) {
    if (belongs_to_folder(repo, file.path, mistral_layout)) weights.push_back(file);
  }
  return finished(std::move(weights), "");
}

// The folder of the repository, if it can be opened; nothing when it has none.
Result<std::optional<ChosenFiles>> choose_folder(const HubRepo& repo, const std::optional<std::vector<std::string>>& shards) {
  if (find(repo, "config.json") != nullptr) {
    TRY(std::vector<HubFile> weights, hf_weights(repo, shards));
    if (!weights.empty()) {
      TRY(ChosenFiles chosen, folder_of(repo, std::move(weights), false));
      return std::optional(std::move(chosen));
    }
  }
  const HubFile* consolidated = find(repo, "consolidated.safetensors");
  if (consolidated == nullptr || find(repo, "params.json") == nullptr) return std::nullopt;
  TRY(ChosenFiles chosen, folder_of(repo, {*consolidated}, true));
  return std::optional(std::move(chosen));
}

// --- GGUF ---

// One model of a repository in one quantisation: a file, or the parts of a split one.
struct GgufModel {
  std::string quant;  // "" when its name has none
  std::string stem;   // its path without the number of the part and ".gguf"
  std::map<uint64_t, HubFile> parts;
  uint64_t count = 1;
  uint64_t bytes = 0;  // saturating; for order alone

  [[nodiscard]] const std::string& path() const { return parts.begin()->second.path; }
};

std::vector<GgufModel> gguf_models(const HubRepo& repo) {
  std::map<std::pair<std::string, uint64_t>, GgufModel> models;  // two splittings of one model are two
  for (const HubFile& file : repo.files) {
    if (!is_gguf_model(file.path)) continue;
    const std::optional<SplitName> split = split_name(file.path, ".gguf");
    const std::string stem = split ? split->base : file.path.substr(0, file.path.size() - 5);
    const uint64_t count = split ? split->count : 0;
    GgufModel& model = models[{stem, count}];
    model.stem = stem, model.quant = quant_of_stem(stem), model.count = split ? count : 1;
    model.parts.emplace(split ? split->number : 1, file);
    model.bytes = checked_add(model.bytes, file.size).value_or(UINT64_MAX);
  }
  std::vector<GgufModel> out;
  out.reserve(models.size());
  for (auto& [key, model] : models) out.push_back(std::move(model));
  return out;
}

Result<ChosenFiles> chosen_gguf(const HubRepo& repo, const GgufModel& model) {
  for (uint64_t i = 1; i <= model.count; ++i) {
    if (model.parts.contains(i)) continue;
    return fail("{}: {} is part {} of {}, but part {} is not there; choose another quantisation ({})", repo.id, model.path(),
                model.parts.begin()->first, model.count, i, fmt::join(quants_of(repo), ", "));
  }
  std::vector<HubFile> files;
  files.reserve(model.parts.size());
  for (const auto& [number, file] : model.parts) files.push_back(file);
  return finished(std::move(files), model.path());
}

// What can be asked for: the quantisations, or the files where names have none.
std::string choices(const HubRepo& repo, const std::vector<GgufModel>& models) {
  constexpr size_t kShown = 40;
  std::vector<std::string> names = quants_of(repo);
  if (names.empty()) {
    for (const GgufModel& model : models) names.push_back(model.path());
  }
  const bool all = names.size() <= kShown;
  names.resize(std::min(names.size(), kShown));
  return fmt::format("{}{}", fmt::join(names, ", "), all ? "" : ", ...");
}

// The models that a quantisation means. The best way in which any name agrees decides, so that Q4_K_M is not also UD-Q4_K_M
// where both are there.
std::vector<const GgufModel*> matching(const std::vector<GgufModel>& models, std::string_view wanted) {
  QuantMatch best = QuantMatch::kNone;
  for (const GgufModel& model : models) best = std::max(best, match_quant(model.stem, wanted));
  std::vector<const GgufModel*> found;
  if (best == QuantMatch::kNone) return found;
  for (const GgufModel& model : models) {
    if (match_quant(model.stem, wanted) == best) found.push_back(&model);
  }
  return found;
}

std::unexpected<Error> several_models(const HubRepo& repo, const std::vector<const GgufModel*>& found, std::string_view quant) {
  std::vector<std::string> paths;
  paths.reserve(found.size());
  for (const GgufModel* model : found) paths.push_back(model->path());
  paths.resize(std::min<size_t>(paths.size(), 10));
  return fail("{}: {} models end with {}: {}; write more of the end of the name that is meant after the ':'", repo.id,
              found.size(), quant, fmt::join(paths, ", "));
}

Result<ChosenFiles> choose_among(const HubRepo& repo, const std::vector<const GgufModel*>& found, std::string_view quant) {
  if (found.size() == 1) return chosen_gguf(repo, *found.front());
  return several_models(repo, found, quant);
}

Result<ChosenFiles> choose_gguf(const HubRepo& repo, const std::vector<GgufModel>& models, std::string_view quant) {
  constexpr std::string_view kUsual = "Q4_K_M";
  if (quant.empty() && models.size() == 1) return chosen_gguf(repo, models.front());
  const std::string_view wanted = quant.empty() ? kUsual : quant;
  const std::vector<const GgufModel*> found = matching(models, wanted);
  if (found.empty()) {
    if (quant.empty()) {
      return fail("{}: {} GGUF models and none is {}; name one as {}:QUANT, of {}", repo.id, models.size(), kUsual, repo.id,
                  choices(repo, models));
    }
    return fail("{}: no {} there; there is {}", repo.id, quant, choices(repo, models));
  }
  return choose_among(repo, found, wanted);
}

// Why there is nothing to choose: what was looked for, and what is there in its place.
std::unexpected<Error> no_model(const HubRepo& repo) {
  const auto any = [&](const auto& test) { return std::any_of(repo.files.begin(), repo.files.end(), test); };
  std::string there;
  if (any([](const HubFile& f) { return f.path.ends_with(".bin") || f.path.ends_with(".pt") || f.path.ends_with(".pth"); })) {
    there = "; it has weights as pickles (.bin, .pt), which can run code and are never fetched";
  } else if (any([](const HubFile& f) { return f.path.starts_with("adapter_"); })) {
    there = "; it holds an adapter, not a model of its own";
  }
  return fail(
      "{}: no model that can be run; looked for config.json with model.safetensors or its parts, params.json with "
      "consolidated.safetensors, and .gguf files{}",
      repo.id, there);
}

}  // namespace

const HubFile* index_of_choice(const HubRepo& repo, std::string_view quant) {
  const bool is_folder = quant.empty() && find(repo, "config.json") != nullptr && find(repo, kWhole) == nullptr;
  return is_folder ? find(repo, kIndex) : nullptr;
}

Result<std::vector<std::string>> shards_of_index(std::string_view text) {
  JsonLimits limits;
  limits.max_bytes = kMaxIndexBytes;
  const auto json = Json::parse(text, limits);
  if (!json) return fail_in(std::string(kIndex), json.error());
  const Json* map = json->find("weight_map");
  const Json::Object* weights = map == nullptr ? nullptr : map->as_object();
  if (weights == nullptr || weights->empty())
    return fail("{}: it has no \"weight_map\" that names files; another revision may be whole", kIndex);
  std::set<std::string> shards;
  for (const auto& [tensor, value] : *weights) {
    const std::string* shard = value.as_string();
    if (shard == nullptr) return fail("{}: a file of its \"weight_map\" is no text", kIndex);
    if (const auto good = check_hub_path(*shard); !good) return fail_in(std::string(kIndex), good.error());
    if (!shard->ends_with(".safetensors")) return fail("{}: it names {}, which is no .safetensors", kIndex, *shard);
    shards.insert(*shard);
  }
  return std::vector<std::string>(shards.begin(), shards.end());
}

Result<ChosenFiles> choose_files(const HubRepo& repo, std::string_view quant,
                                 const std::optional<std::vector<std::string>>& shards) {
  const std::vector<GgufModel> models = gguf_models(repo);
  if (quant.empty()) {
    TRY(std::optional<ChosenFiles> folder, choose_folder(repo, shards));
    if (folder) return std::move(*folder);
    if (models.empty()) return no_model(repo);
  } else if (models.empty()) {
    TRY(const std::optional<ChosenFiles> folder, choose_folder(repo, shards));
    if (!folder) return no_model(repo);
    return fail("{}: no GGUF files there, so no {}; leave \":{}\" away for its safetensors", repo.id, quant, quant);
  }
  return choose_gguf(repo, models, quant);
}

Result<std::vector<std::string>> paths_of_quant(const HubRepo& repo, std::string_view quant) {
  const std::vector<GgufModel> models = gguf_models(repo);
  const std::vector<const GgufModel*> found = matching(models, quant);
  std::vector<std::string> paths;
  for (const GgufModel* model : found) {
    if (model->stem != found.front()->stem) return several_models(repo, found, quant);
    for (const auto& [number, file] : model->parts) paths.push_back(file.path);
  }
  return paths;
}

std::vector<std::string> quants_of(const HubRepo& repo) {
  std::vector<GgufModel> models = gguf_models(repo);
  std::sort(models.begin(), models.end(),
            [](const GgufModel& a, const GgufModel& b) { return a.bytes != b.bytes ? a.bytes < b.bytes : a.stem < b.stem; });
  std::vector<std::string> quants;
  std::set<std::string> seen;
  for (const GgufModel& model : models) {
    if (!model.quant.empty() && seen.insert(model.quant).second) quants.push_back(model.quant);
  }
  return quants;
}

}  // namespace sobre
