// What the cache holds and is whole (pull.h), whoever pulled it.
#include <algorithm>
#include <map>

#include "base/file.h"
#include "base/json.h"
#include "hub/gguf_names.h"
#include "hub/hub_names.h"
#include "hub/pull.h"

namespace sobre {

namespace {

constexpr uint64_t kMaxConfigBytes = 4 << 20;

bool has(const HubRepo& repo, std::string_view path) {
  return std::any_of(repo.files.begin(), repo.files.end(), [&](const HubFile& f) { return f.path == path; });
}

/// A JSON file of the snapshot; nothing when it is absent or no JSON.
std::optional<Json> read_json(const std::string& path, uint64_t max_bytes) {
  const auto text = read_file(path, max_bytes);
  if (!text) return std::nullopt;
  auto json = Json::parse(*text);
  return json ? std::optional(std::move(*json)) : std::nullopt;
}

/// Whether a file's name says that it is one part of several, of which only an index tells how many there are.
bool has_loose_shards(const HubRepo& repo) {
  return !has(repo, "model.safetensors.index.json") && std::any_of(repo.files.begin(), repo.files.end(), [](const HubFile& f) {
    return f.path.ends_with(".safetensors") && f.path.find('/') == std::string::npos &&
           f.path.find("-of-") != std::string::npos;
  });
}

/// What of these files makes the model, all shards that an index names among it.
Result<ChosenFiles> choose_there(const HubRepo& repo, const std::string& folder, const std::string& quant) {
  const HubFile* index = index_of_choice(repo, quant);
  if (index == nullptr) return choose_files(repo, quant);
  TRY(const std::string text, read_file(folder + "/" + index->path, kMaxIndexBytes));
  TRY(const std::vector<std::string> shards, shards_of_index(text));
  return choose_files(repo, quant, shards);
}

bool has_tokenizer(const HubRepo& repo) {
  return std::any_of(repo.files.begin(), repo.files.end(), [](const HubFile& f) {
    if (f.path == "tokenizer_config.json") return false;
    return f.path.starts_with("tokenizer") || f.path.starts_with("tekken") || f.path.starts_with("vocab.");
  });
}

std::string architecture_of(const std::string& folder) {
  const auto config = read_json(folder + "/config.json", kMaxConfigBytes);
  const Json* names = config ? config->find("architectures") : nullptr;
  const Json::Array* list = names == nullptr ? nullptr : names->as_array();
  return list != nullptr && !list->empty() && list->front().as_string() != nullptr ? *list->front().as_string() : std::string();
}

std::optional<Pulled> by_manifest(const HubCache& cache, Manifest manifest, const HubName& name) {
  if (manifest.files.empty()) return std::nullopt;
  for (const HubFile& file : manifest.files) {
    if (!cache.find_file(name.repo, manifest.commit, file.path, file.size)) return std::nullopt;
  }
  Pulled pulled;
  pulled.path = cache.snapshot_folder(name.repo, manifest.commit);
  if (!manifest.model.empty()) pulled.path += "/" + manifest.model;
  pulled.manifest = std::move(manifest);
  pulled.from_cache = true;
  return pulled;
}

/// Of a snapshot that other tools made there is no list; what lies there must make a model by itself.
std::optional<Pulled> by_files(const HubCache& cache, const std::string& commit, const HubName& name) {
  const auto snapshots = cache.list();
  if (!snapshots) return std::nullopt;
  const auto found = std::find_if(snapshots->begin(), snapshots->end(),
                                  [&](const CachedSnapshot& s) { return s.repo == name.repo && s.commit == commit; });
  if (found == snapshots->end()) return std::nullopt;
  const std::string folder = cache.snapshot_folder(name.repo, commit);
  HubRepo repo;
  repo.id = name.repo;
  repo.commit = commit;
  repo.files = found->files;
  std::sort(repo.files.begin(), repo.files.end(), [](const HubFile& a, const HubFile& b) { return a.path < b.path; });
  auto chosen = choose_there(repo, folder, name.quant);
  if (!chosen) return std::nullopt;
  if (chosen->model.empty()) {
    const bool configured = has(repo, "config.json") || has(repo, "params.json");
    if (!configured || !has_tokenizer(repo) || has_loose_shards(repo)) return std::nullopt;
  }
  Manifest manifest;
  manifest.repo = name.repo;
  manifest.commit = commit;
  manifest.architecture = architecture_of(folder);
  manifest.quant = name.quant;
  manifest.model = chosen->model;
  manifest.files = std::move(chosen->files);
  std::sort(manifest.files.begin(), manifest.files.end(), [](const HubFile& a, const HubFile& b) { return a.path < b.path; });
  return by_manifest(cache, std::move(manifest), name);
}

/// A whole model of a commit that no ref names any more: what a branch was before somebody moved it. The one used last.
std::optional<Pulled> of_an_earlier_commit(const HubCache& cache, const std::string& manifest_folder, const HubName& name) {
  if (is_commit(name.revision)) return std::nullopt;
  auto snapshots = cache.list();
  if (!snapshots) return std::nullopt;
  std::sort(snapshots->begin(), snapshots->end(), [](const CachedSnapshot& a, const CachedSnapshot& b) {
    return a.last_used != b.last_used ? a.last_used > b.last_used : a.commit < b.commit;
  });
  for (const CachedSnapshot& snapshot : *snapshots) {
    if (snapshot.repo != name.repo || !snapshot.revisions.empty()) continue;
    auto manifest = read_manifest(manifest_folder, name.repo, snapshot.commit, name.quant);
    if (!manifest) continue;
    if (auto pulled = by_manifest(cache, std::move(*manifest), name)) {
      pulled->guessed = true;
      return pulled;
    }
  }
  return std::nullopt;
}

/// Without a quantisation Q4_K_M is meant, or the only one there is: which of these another one is, the hub alone knows.
bool may_be_another(const Pulled& pulled) {
  const std::string& model = pulled.manifest.model;
  if (!model.ends_with(".gguf")) return false;
  const auto part = split_name(model, ".gguf");
  return quant_of_stem(part ? part->base : model.substr(0, model.size() - 5)) != "Q4_K_M";
}

}  // namespace

void add_manifests(const HubCache& cache, const std::string& manifest_folder, CachedSnapshot& snapshot) {
  if (manifest_folder.empty()) return;
  std::map<std::string, HubFile> files;
  for (const HubFile& file : snapshot.files) files.emplace(file.path, file);
  const std::map<std::string, HubFile> there = files;
  for (const Manifest& manifest : read_manifests(manifest_folder, snapshot.repo, snapshot.commit)) {
    const bool here = std::any_of(manifest.files.begin(), manifest.files.end(), [&](const HubFile& file) {
      return there.contains(file.path) || cache.has_blob(snapshot.repo, file.digest, file.size);
    });
    if (!here) continue;
    for (const HubFile& file : manifest.files) files[file.path] = file;
  }
  snapshot.files.clear();
  for (auto& [path, file] : files) snapshot.files.push_back(std::move(file));
}

std::optional<Pulled> find_pulled(const HubCache& cache, const std::string& manifest_folder, const HubName& name) {
  const auto commit = cache.commit_of(name.repo, name.revision);
  if (!commit) return std::nullopt;
  if (manifest_folder.empty()) return by_files(cache, *commit, name);
  if (auto manifest = read_manifest(manifest_folder, name.repo, *commit, name.quant)) {
    if (auto pulled = by_manifest(cache, std::move(*manifest), name)) return pulled;
  }
  auto pulled = by_files(cache, *commit, name);
  if (!pulled) return of_an_earlier_commit(cache, manifest_folder, name);
  const std::vector<Manifest> others = read_manifests(manifest_folder, name.repo, *commit);
  pulled->guessed = name.quant.empty() && (!others.empty() || may_be_another(*pulled));
  for (const Manifest& other : others) {  // the card is one for all of them
    if (pulled->manifest.licence.empty()) pulled->manifest.licence = other.licence;
    if (pulled->manifest.licence_name.empty()) pulled->manifest.licence_name = other.licence_name;
  }
  return pulled;
}

Result<void> keep_found(const std::string& manifest_folder, const Pulled& found) {
  const Manifest& manifest = found.manifest;
  if (manifest_folder.empty() || found.guessed) return {};
  const bool known =
      std::none_of(manifest.files.begin(), manifest.files.end(), [](const HubFile& f) { return f.digest.empty(); });
  if (!known || read_manifest(manifest_folder, manifest.repo, manifest.commit, manifest.quant)) return {};
  return write_manifest(manifest_folder, manifest);
}

}  // namespace sobre
