#include "cli/names.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include "cli/aliases.h"
#include "cli/catalogue.h"
#include "cli/chat_interrupt.h"
#include "cli/fetch.h"
#include "cli/hub.h"
#include "cli/terminal.h"
#include "hub/hub_names.h"
#include "hub/manifest.h"
#include "serve/accounting.h"

namespace sobre {

namespace {

/// A folder of the XDG specification: relative values do not count. Empty when there is neither the variable nor a home.
std::string xdg_folder(const char* variable, const char* below_home) {
  const char* value = std::getenv(variable);
  if (value != nullptr && value[0] == '/') return fmt::format("{}/sobre", value);
  const char* home = std::getenv("HOME");
  if (home == nullptr || home[0] != '/') return {};
  return fmt::format("{}/{}/sobre", home, below_home);
}

std::string user_catalogue() { return config_folder().empty() ? "" : config_folder() + "/catalogue.toml"; }

bool exists(const std::string& path) {
  struct stat info{};
  return ::stat(path.c_str(), &info) == 0;
}

/// Where bundled files may lie, from the program's own place: installed beside it, installed as Debian does, in the source
/// tree.
std::vector<std::string> bundled_folders() {
  std::error_code error;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return {};
  std::vector<std::string> folders;
  for (const char* place : {"models", "../share/sobre/models", "../../models"})
    folders.push_back((program.parent_path() / place).lexically_normal().string());
  return folders;
}

/// Of a bundled model whose file was looked for in vain.
std::unexpected<Error> not_bundled(const CatalogueEntry& entry) {
  std::string folders;
  for (const std::string& folder : bundled_folders()) folders += (folders.empty() ? "" : ", ") + folder;
  return fail("{} comes with the program, but no {} of {} bytes is in {}; copy the folder models of the source there",
              entry.name, entry.file, entry.bytes, folders);
}

bool looks_like_a_path(const std::string& name) {
  return name.find('/') != std::string::npos || name.ends_with(".gguf") || name == "." || name == "..";
}

/// Of what looks like a path: whether it cannot be meant as a repository of the hub.
bool is_plainly_a_path(const std::string& name) {
  return name.starts_with('/') || name.starts_with('.') || name.starts_with('~') || name.ends_with(".gguf");
}

// An entry's file: bundled, fetched before, or fetched now.
Result<std::string> entry_path(const CatalogueEntry& entry) {
  if (const std::optional<std::string> path = bundled_path(entry)) return *path;
  if (entry.sources.size() == 1 && entry.bundled()) return not_bundled(entry);
  TRY(const std::string cache, cache_folder());
  if (is_cached(entry, cache)) return cached_path(entry, cache);
  std::string reason;
  for (const CatalogueSource& source : entry.sources) {
    if (source.repo.empty()) continue;
    const Result<Pulled> pulled = pull_file_shown(entry, source);
    if (pulled) return pulled->path;
    if (interrupted()) return std::unexpected(pulled.error());
    reason = pulled.error().message;
  }
  const bool others = std::any_of(entry.sources.begin(), entry.sources.end(), [](const auto& s) { return !s.parts.empty(); });
  if (!others) return fail("{} cannot be fetched: {}", entry.name, reason);
  TRY(const HubSettings settings, hub_environment());
  if (settings.offline) {
    return fail("{} is not here, and HF_HUB_OFFLINE is set; unset it, or copy {} of a machine that has it to {}", entry.name,
                entry.file, cached_path(entry, cache));
  }
  if (!reason.empty()) say("sobre: not from the hub: {}\n", reason);
  return fetch_model(entry, cache);
}

// A repository's model: what is here without asking the hub, else pulled now.
Result<std::string> hub_path(const std::string& text) {
  TRY(const HubName name, parse_hub_name(text));
  TRY(const HubSettings settings, hub_environment());
  const auto here = find_pulled(HubCache(settings.cache), manifest_folder(), name);
  if (here && (settings.offline || !here->guessed)) {
    // Where it cannot be kept the model is named by its bytes, which are then read for it; no reason to hold up a run.
    [[maybe_unused]] const auto kept = keep_found(manifest_folder(), *here);
    return here->path;
  }
  const Result<Pulled> pulled = pull_shown(name, PullFlags());
  if (!pulled) return fail("{} is no file or folder here, and as a repository of the hub: {}", text, pulled.error().message);
  return pulled->path;
}

}  // namespace

std::optional<std::string> bundled_path(const CatalogueEntry& entry) {
  if (!entry.bundled()) return std::nullopt;
  for (const std::string& folder : bundled_folders()) {
    std::string path = folder + "/" + entry.file;
    struct stat info{};
    if (::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && static_cast<uint64_t>(info.st_size) == entry.bytes)
      return path;
  }
  return std::nullopt;
}

std::string aliases_path() { return config_folder().empty() ? "" : config_folder() + "/aliases.toml"; }

Result<Catalogue> known_models() { return load_catalogue(user_catalogue()); }

Result<std::string> alias_target(const std::string& name) {
  TRY(const auto aliases, read_aliases(aliases_path()));
  const auto found = aliases.find(name);
  return found == aliases.end() ? name : found->second;
}

Result<std::string> cache_folder() {
  std::string folder = xdg_folder("XDG_CACHE_HOME", ".cache");
  if (folder.empty()) return fail("no place for fetched models: set XDG_CACHE_HOME (or HOME) to an absolute path");
  return folder;
}

std::string config_folder() { return xdg_folder("XDG_CONFIG_HOME", ".config"); }
std::string state_folder() { return xdg_folder("XDG_STATE_HOME", ".local/state"); }

Result<std::string> resolve_model(const std::string& name) {
  if (name.empty()) return fail("the model's name is empty");
  if (exists(name)) return name;
  TRY(std::string target, alias_target(name));
  if (target != name && exists(target)) return target;
  TRY(const Catalogue catalogue, known_models());
  if (const CatalogueEntry* entry = catalogue.find(target)) return entry_path(*entry);
  if (looks_like_hub_name(target) && !target.ends_with(".gguf")) return hub_path(target);
  if (looks_like_a_path(target)) {
    const auto as_repo = parse_hub_name(target);
    if (as_repo || is_plainly_a_path(target)) return fail("{}: no such file or folder", target);
    return fail("{}: no such file or folder, and no repository of the hub: {}", target, as_repo.error().message);
  }
  return fail(
      "'{}' is no file, no folder and no known model; known are {}, aliases (`sobre alias`) and repositories of the hub "
      "(ORG/NAME)",
      name, catalogue.names());
}

Result<std::string> model_identity(const std::string& path) {
  std::string pulled = pulled_digest(manifest_folder(), path);
  if (!pulled.empty()) return pulled;
  return model_digest(path);
}

std::vector<std::string> bundled_models() {
  std::vector<std::string> names;
  const Result<Catalogue> catalogue = known_models();
  if (!catalogue) return names;
  for (const CatalogueEntry* entry : catalogue->bundled()) {
    if (bundled_path(*entry)) names.push_back(entry->name);
  }
  return names;
}

Result<std::string> default_model() {
  const std::vector<std::string> names = bundled_models();
  if (!names.empty()) return names.front();
  TRY(const Catalogue catalogue, known_models());
  const auto bundled = catalogue.bundled();
  if (bundled.empty()) return fail("no model is named and none is bundled; known are {}", catalogue.names());
  return not_bundled(*bundled.front());
}

Json recommended_sampling(const std::string& name) {
  Json none{Json::Object()};
  if (exists(name)) return none;
  const Result<std::string> target = alias_target(name);
  const Result<Catalogue> catalogue = known_models();
  const CatalogueEntry* entry = catalogue && target ? catalogue->find(*target) : nullptr;
  return entry == nullptr ? none : entry->sampling;
}

}  // namespace sobre
