// `sobre list`, `rm`, `verify`: what this machine holds of models.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <iterator>
#include <optional>
#include <utility>

#include "base/json.h"
#include "cli/catalogue.h"
#include "cli/chat_interrupt.h"
#include "cli/chat_text.h"
#include "cli/fetch.h"
#include "cli/hub.h"
#include "cli/names.h"
#include "cli/terminal.h"
#include "digest/sha256.h"
#include "hub/choose_files.h"
#include "hub/hub_names.h"

namespace sobre {

namespace {

namespace fs = std::filesystem;

// A model that is here, whatever it came by.
struct Held {
  std::string name, from, form, licence, path;
  uint64_t bytes = 0;
};

// The form of what a snapshot holds: its quantisations, else what its weights are.
std::string form_of(const CachedSnapshot& snapshot) {
  HubRepo repo;
  repo.files = snapshot.files;
  std::string quants;
  for (const std::string& quant : quants_of(repo)) quants += (quants.empty() ? "" : ", ") + quant;
  if (!quants.empty()) return quants;
  const bool safe = std::any_of(snapshot.files.begin(), snapshot.files.end(),
                                [](const HubFile& f) { return f.path.ends_with(".safetensors"); });
  return safe ? "safetensors" : "other files";
}

std::string licence_of(const CachedSnapshot& snapshot) {
  const std::vector<Manifest> manifests = read_manifests(manifest_folder(), snapshot.repo, snapshot.commit);
  for (const Manifest& manifest : manifests) {
    if (!manifest.licence.empty()) return manifest.licence == "other" ? manifest.licence_name : manifest.licence;
  }
  return "";
}

std::string name_of(const CachedSnapshot& snapshot) {
  const auto& revisions = snapshot.revisions;
  if (std::find(revisions.begin(), revisions.end(), "main") != revisions.end()) return snapshot.repo;
  return snapshot.repo + "@" + (revisions.empty() ? snapshot.commit : revisions.front());
}

bool is_there(const CatalogueSource& source, const CatalogueEntry& entry, const HubCache& cache) {
  return !source.repo.empty() && cache.find_file(source.repo, source.commit, source.path, entry.bytes).has_value();
}

// The file of a catalogue's entry that came over the network: in Sobre's own cache, or in the hub's.
std::optional<std::string> fetched_path(const CatalogueEntry& entry, const HubCache& cache) {
  const Result<std::string> own = cache_folder();
  if (own && is_cached(entry, *own)) return cached_path(entry, *own);
  for (const CatalogueSource& source : entry.sources) {
    if (is_there(source, entry, cache)) return cache.find_file(source.repo, source.commit, source.path);
  }
  return std::nullopt;
}

// Whether a snapshot holds nothing but files that catalogue models are made of: those have their own names.
bool is_of_catalogue(const CachedSnapshot& s, const Catalogue& catalogue) {
  const auto is_entry = [&](const HubFile& file) {
    return std::any_of(catalogue.entries.begin(), catalogue.entries.end(), [&](const CatalogueEntry& entry) {
      return file.size == entry.bytes &&
             std::any_of(entry.sources.begin(), entry.sources.end(), [&](const CatalogueSource& source) {
               return source.repo == s.repo && source.commit == s.commit && source.path == file.path;
             });
    });
  };
  return s.revisions.empty() && !s.files.empty() && std::all_of(s.files.begin(), s.files.end(), is_entry);
}

std::vector<Held> catalogue_models(const Catalogue& catalogue, const HubCache& cache) {
  std::vector<Held> held;
  for (const CatalogueEntry& entry : catalogue.entries) {
    if (const auto bundled = bundled_path(entry)) {
      held.push_back({entry.name, "bundled", "GGUF", entry.licence, *bundled, entry.bytes});
    } else if (const auto fetched = fetched_path(entry, cache)) {
      held.push_back({entry.name, "catalogue", "GGUF", entry.licence, *fetched, entry.bytes});
    }
  }
  return held;
}

Result<std::vector<Held>> hub_models(const Catalogue& catalogue, const HubCache& cache) {
  TRY(const std::vector<CachedSnapshot> snapshots, cache.list());
  std::vector<Held> held;
  for (const CachedSnapshot& s : snapshots) {
    if (is_of_catalogue(s, catalogue)) continue;
    held.push_back({name_of(s), "hub", form_of(s), licence_of(s), cache.snapshot_folder(s.repo, s.commit), s.bytes});
  }
  return held;
}

void print_table(const std::vector<Held>& held) {
  size_t name = 4, form = 4;
  for (const Held& h : held) {
    name = std::max(name, h.name.size());
    form = std::max(form, h.form.size());
  }
  fmt::print("{:<{}}  {:<9}  {:<{}}  {:>8}  {}\n", "name", name, "from", "form", form, "size", "licence");
  for (const Held& h : held) {
    fmt::print("{:<{}}  {:<9}  {:<{}}  {:>8}  {}\n", terminal_safe(h.name), name, h.from, terminal_safe(h.form), form,
               bytes_text(h.bytes), h.licence.empty() ? "not stated" : terminal_safe(h.licence));
  }
}

// Files of a manifest that are in the cache.
std::ptrdiff_t files_there(const HubCache& cache, const Manifest& manifest) {
  return std::count_if(manifest.files.begin(), manifest.files.end(), [&](const HubFile& file) {
    return cache.find_file(manifest.repo, manifest.commit, file.path).has_value();
  });
}

// One removal from the hub's cache, with the manifests of what goes: else `sobre verify` would miss it.
Result<CacheRemoval> remove_with_manifests(const HubCache& cache, const std::string& repo,
                                           const std::function<Result<CacheRemoval>()>& removal) {
  const std::vector<Manifest> manifests = read_manifests(manifest_folder(), repo, "");
  std::vector<std::ptrdiff_t> before;
  before.reserve(manifests.size());
  for (const Manifest& manifest : manifests) before.push_back(files_there(cache, manifest));
  TRY(CacheRemoval removed, removal());
  for (size_t i = 0; i < manifests.size(); ++i) {
    if (files_there(cache, manifests[i]) == before[i]) continue;
    const auto gone = remove_manifest(manifest_folder(), manifests[i]);
    if (!gone) say("sobre: {}\n", terminal_safe(gone.error().message));
  }
  return removed;
}

std::string freed_text(uint64_t bytes) { return fmt::format("removed, {} freed", bytes_text(bytes)); }

Result<std::string> remove_catalogue_model(const CatalogueEntry& entry, const HubCache& cache) {
  if (bundled_path(entry)) return fail("{} comes with the program and stays; it takes {}", entry.name, bytes_text(entry.bytes));
  if (!fetched_path(entry, cache)) return fail("{} is not here; `sobre list` shows what is", entry.name);
  uint64_t freed = 0;
  const Result<std::string> own = cache_folder();
  if (own && is_cached(entry, *own)) {
    std::error_code error;
    const fs::path folder = fs::path(cached_path(entry, *own)).parent_path();
    fs::remove_all(folder, error);
    if (error) return fail("{}: cannot be removed: {}", folder.string(), error.message());
    freed += entry.bytes;
  }
  for (const CatalogueSource& source : entry.sources) {
    if (!is_there(source, entry, cache)) continue;
    TRY(const CacheRemoval removed,
        remove_with_manifests(cache, source.repo, [&] { return cache.remove_file(source.repo, source.commit, source.path); }));
    freed += removed.freed_bytes;
  }
  return freed_text(freed);
}

// A repository's name as `sobre list` prints it: those of the hub's first years have no organisation.
Result<HubName> listed_name(const std::string& text, const HubCache& cache) {
  const std::string repo = text.substr(0, text.find_first_of("@:"));
  if (repo.find('/') != repo.npos) return parse_hub_name(text);
  TRY(const std::vector<CachedSnapshot> all, cache.list());
  const bool listed = std::any_of(all.begin(), all.end(), [&](const CachedSnapshot& s) { return s.repo == repo; });
  if (!listed) return parse_hub_name(text);
  constexpr std::string_view kAny = "org/";
  TRY(HubName name, parse_hub_name(std::string(kAny) + text));
  name.repo.erase(0, kAny.size());
  return name;
}

// Returns what to say of it.
Result<std::string> remove_model(const std::string& text) {
  TRY(const std::string target, alias_target(text));
  TRY(const Catalogue catalogue, known_models());
  TRY(const HubSettings settings, hub_environment());
  const HubCache cache(settings.cache);
  if (const CatalogueEntry* entry = catalogue.find(target)) return remove_catalogue_model(*entry, cache);
  TRY(const HubName name, listed_name(target, cache));
  const bool one_revision = target.find('@') != std::string::npos;
  TRY(const CacheRemoval removed, remove_with_manifests(cache, name.repo, [&] {
        return name.quant.empty() ? cache.remove(name.repo, one_revision ? name.revision : "")
                                  : cache.remove_quant(name.repo, name.revision, name.quant);
      }));
  if (removed.kept_by.empty()) return freed_text(removed.freed_bytes);
  return fmt::format("removed; its files stay, {} is the same commit", fmt::join(removed.kept_by, ", "));
}

// Faults of one model are told as they are found; the number of them.
Result<int> verify_file(const std::string& name, const std::string& path, uint64_t bytes, const std::string& digest) {
  ProgressBar bar("hashing " + name, bytes);
  TRY(const std::string found, file_sha256(path, [&](uint64_t done) {
        bar.update(done);
        return !interrupted();
      }));
  bar.finish();
  if (found == digest) {
    fmt::print("{}: right\n", name);
    return 0;
  }
  fmt::print("{}: WRONG: {}: its SHA-256 is {}, the catalogue says {}\n", name, path, found, digest);
  return 1;
}

Result<int> verify_snapshot(const HubCache& cache, CachedSnapshot s) {
  add_manifests(cache, manifest_folder(), s);
  ProgressBar bar("hashing " + s.repo, s.bytes);
  TRY(const std::vector<CacheFault> faults, cache.verify(s, [&](uint64_t done) {
    bar.update(done);
    return !interrupted();
  }));
  bar.finish();
  for (const CacheFault& f : faults)
    fmt::print("{}: WRONG: {}: {}\n", terminal_safe(name_of(s)), terminal_safe(f.path), terminal_safe(f.what));
  const auto unknown = std::count_if(s.files.begin(), s.files.end(), [](const HubFile& file) { return file.digest.empty(); });
  const auto known = static_cast<std::ptrdiff_t>(s.files.size()) - unknown;
  const std::string name = terminal_safe(name_of(s));
  const auto files = [](std::ptrdiff_t n) { return fmt::format("{} file{}", n, n == 1 ? "" : "s"); };
  if (faults.empty() && (known > 0 || unknown == 0)) fmt::print("{}: right, {}\n", name, files(known));
  if (unknown > 0)
    fmt::print("{}: {} not checked: no digest is known; `sobre pull --update` asks the hub for it\n", name, files(unknown));
  return static_cast<int>(faults.size());
}

// Everything that the names mean; no names: everything there is.
struct ToVerify {
  std::vector<std::pair<const CatalogueEntry*, std::string>> entries;  // with the files' paths
  std::vector<CachedSnapshot> snapshots;
};

// Whether a quantisation is there, in whatever part: all of its snapshot is looked at.
bool has_quant(const CachedSnapshot& snapshot, const std::string& quant) {
  if (quant.empty()) return true;
  HubRepo repo;
  repo.files = snapshot.files;
  const auto paths = paths_of_quant(repo, quant);
  return !paths || !paths->empty();  // the error: more than one
}

Result<ToVerify> to_verify(const Catalogue& catalogue, const HubCache& cache, const std::vector<std::string>& names) {
  TRY(const std::vector<CachedSnapshot> all, cache.list());
  const auto path_of = [&](const CatalogueEntry& e) {
    auto bundled = bundled_path(e);
    return bundled ? bundled : fetched_path(e, cache);
  };
  ToVerify out;
  if (names.empty()) {
    std::copy_if(all.begin(), all.end(), std::back_inserter(out.snapshots),
                 [&](const CachedSnapshot& s) { return !is_of_catalogue(s, catalogue); });
    for (const CatalogueEntry& entry : catalogue.entries) {
      if (auto path = path_of(entry)) out.entries.emplace_back(&entry, std::move(*path));
    }
    return out;
  }
  for (const std::string& text : names) {
    TRY(const std::string target, alias_target(text));
    if (const CatalogueEntry* entry = catalogue.find(target)) {
      auto path = path_of(*entry);
      if (!path) return fail("{} is not here; `sobre list` shows what is", text);
      out.entries.emplace_back(entry, std::move(*path));
      continue;
    }
    TRY(const HubName name, listed_name(target, cache));
    const bool one_revision = target.find('@') != std::string::npos;
    const auto commit = cache.commit_of(name.repo, name.revision);
    const size_t before = out.snapshots.size();
    for (const CachedSnapshot& s : all) {
      const bool meant = s.repo == name.repo && (!one_revision || (commit && s.commit == *commit));
      if (meant && has_quant(s, name.quant)) out.snapshots.push_back(s);
    }
    if (out.snapshots.size() == before) return fail("{} is not here; `sobre list` shows what is", text);
  }
  return out;
}

}  // namespace

Result<void> list_command(const ListFlags& flags) {
  TRY(const Catalogue catalogue, known_models());
  TRY(const HubSettings settings, hub_environment());
  const HubCache cache(settings.cache);
  std::vector<Held> held = catalogue_models(catalogue, cache);
  TRY(const std::vector<Held> from_hub, hub_models(catalogue, cache));
  held.insert(held.end(), from_hub.begin(), from_hub.end());
  if (!flags.json) {
    print_table(held);
    return {};
  }
  for (const Held& h : held) {
    Json row{Json::Object{}};
    row.set("name", h.name);
    row.set("from", h.from);
    row.set("form", h.form);
    row.set("bytes", static_cast<int64_t>(h.bytes));
    row.set("licence", h.licence);
    row.set("path", h.path);
    fmt::print("{}\n", row.dump());
  }
  return {};
}

Result<void> remove_command(const RemoveFlags& flags) {
  for (const std::string& name : flags.names) {
    TRY(const std::string done, remove_model(name));
    fmt::print("{}: {}\n", terminal_safe(name), terminal_safe(done));
  }
  return {};
}

Result<void> verify_command(const VerifyFlags& flags) {
  TRY(const Catalogue catalogue, known_models());
  TRY(const HubSettings settings, hub_environment());
  const HubCache cache(settings.cache);
  TRY(const ToVerify todo, to_verify(catalogue, cache, flags.names));
  const InterruptScope scope;
  int faults = 0;
  for (const auto& [entry, path] : todo.entries) {
    TRY(const int found, verify_file(entry->name, path, entry->bytes, entry->sha256));
    faults += found;
  }
  for (const CachedSnapshot& s : todo.snapshots) {
    TRY(const int found, verify_snapshot(cache, s));
    faults += found;
  }
  if (faults > 0) return fail("{} file{} wrong; `sobre rm` the model and pull it again", faults, faults == 1 ? " is" : "s are");
  return {};
}

}  // namespace sobre
