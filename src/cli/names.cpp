#include "cli/names.h"

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <optional>

#include "cli/catalogue.h"
#include "cli/fetch.h"

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

std::string user_catalogue() {
  const std::string folder = xdg_folder("XDG_CONFIG_HOME", ".config");
  return folder.empty() ? folder : folder + "/catalogue.toml";
}

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

/// The entry's file where it came with the program, whole by its size.
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

}  // namespace

Result<std::string> cache_folder() {
  std::string folder = xdg_folder("XDG_CACHE_HOME", ".cache");
  if (folder.empty()) return fail("no place for fetched models: set XDG_CACHE_HOME (or HOME) to an absolute path");
  return folder;
}

std::string state_folder() { return xdg_folder("XDG_STATE_HOME", ".local/state"); }

Result<std::string> resolve_model(const std::string& name) {
  if (name.empty()) return fail("the model's name is empty");
  if (exists(name)) return name;
  TRY(const Catalogue catalogue, load_catalogue(user_catalogue()));
  const CatalogueEntry* entry = catalogue.find(name);
  if (entry == nullptr) {
    if (looks_like_a_path(name)) return fail("{}: no such file or folder", name);
    return fail("'{}' is no file, no folder and no known model; known are {}", name, catalogue.names());
  }
  if (const std::optional<std::string> path = bundled_path(*entry)) return *path;
  if (entry->sources.size() == 1 && entry->bundled()) return not_bundled(*entry);
  TRY(const std::string cache, cache_folder());
  if (is_cached(*entry, cache)) return cached_path(*entry, cache);
  return fetch_model(*entry, cache);
}

std::vector<std::string> bundled_models() {
  std::vector<std::string> names;
  const Result<Catalogue> catalogue = load_catalogue(user_catalogue());
  if (!catalogue) return names;
  for (const CatalogueEntry* entry : catalogue->bundled()) {
    if (bundled_path(*entry)) names.push_back(entry->name);
  }
  return names;
}

Result<std::string> default_model() {
  const std::vector<std::string> names = bundled_models();
  if (!names.empty()) return names.front();
  TRY(const Catalogue catalogue, load_catalogue(user_catalogue()));
  const auto bundled = catalogue.bundled();
  if (bundled.empty()) return fail("no model is named and none is bundled; known are {}", catalogue.names());
  return not_bundled(*bundled.front());
}

Json recommended_sampling(const std::string& name) {
  Json none{Json::Object()};
  if (exists(name)) return none;
  const Result<Catalogue> catalogue = load_catalogue(user_catalogue());
  const CatalogueEntry* entry = catalogue ? catalogue->find(name) : nullptr;
  return entry == nullptr ? none : entry->sampling;
}

}  // namespace sobre
