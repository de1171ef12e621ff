#include "cli/names.h"

#include <sys/stat.h>

#include <cstdlib>

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
  TRY(const std::string cache, cache_folder());
  if (is_cached(*entry, cache)) return cached_path(*entry, cache);
  return fetch_model(*entry, cache);
}

Json recommended_sampling(const std::string& name) {
  Json none{Json::Object()};
  if (exists(name)) return none;
  const Result<Catalogue> catalogue = load_catalogue(user_catalogue());
  const CatalogueEntry* entry = catalogue ? catalogue->find(name) : nullptr;
  return entry == nullptr ? none : entry->sampling;
}

}  // namespace sobre
