// `sobre list`, `rm`, `verify`: what this machine holds of models.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <optional>

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
  HubRepo repo;
  repo.files = snapshot.files;
  std::vector<std::string> quants = quants_of(repo);
  quants.emplace_back();
  for (const std::string& quant : quants) {
    const auto manifest = read_manifest(manifest_folder(), snapshot.repo, snapshot.commit, quant);
    if (manifest) return manifest->licence == "other" ? manifest->licence_name : manifest->licence;
  }
  return "";
}

std::string name_of(const CachedSnapshot& snapshot) {
  const auto& revisions = snapshot.revisions;
  if (std::find(revisions.begin(), revisions.end(), "main") != revisions.end()) return snapshot.repo;
  return snapshot.repo + "@" + (revisions.empty() ? snapshot.commit : revisions.front());
}

Result<std::vector<Held>> catalogue_models() {
  std::vector<Held> held;
  TRY(const Catalogue catalogue, known_models());
  const Result<std::string> cache = cache_folder();
  for (const CatalogueEntry& entry : catalogue.entries) {
    if (const auto path = bundled_path(entry)) {
      held.push_back({entry.name, "bundled", "GGUF", entry.licence, *path, entry.bytes});
    } else if (cache && is_cached(entry, *cache)) {
      held.push_back({entry.name, "catalogue", "GGUF", entry.licence, cached_path(entry, *cache), entry.bytes});
    }
  }
  return held;
}

Result<std::vector<Held>> hub_models() {
  TRY(const HubSettings settings, hub_environment());
  const HubCache cache(settings.cache);
  TRY(const std::vector<CachedSnapshot> snapshots, cache.list());
  std::vector<Held> held;
  held.reserve(snapshots.size());
  for (const CachedSnapshot& s : snapshots) {
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

Result<uint64_t> remove_catalogue_model(const CatalogueEntry& entry) {
  if (bundled_path(entry)) return fail("{} comes with the program and stays; it takes {}", entry.name, bytes_text(entry.bytes));
  TRY(const std::string cache, cache_folder());
  if (!is_cached(entry, cache)) return fail("{} is not here; `sobre list` shows what is", entry.name);
  std::error_code error;
  const fs::path folder = fs::path(cached_path(entry, cache)).parent_path();
  fs::remove_all(folder, error);
  if (error) return fail("{}: cannot be removed: {}", folder.string(), error.message());
  return entry.bytes;
}

Result<uint64_t> remove_model(const std::string& text) {
  TRY(const std::string target, alias_target(text));
  TRY(const Catalogue catalogue, known_models());
  if (const CatalogueEntry* entry = catalogue.find(target)) return remove_catalogue_model(*entry);
  TRY(const HubName name, parse_hub_name(target));
  TRY(const HubSettings settings, hub_environment());
  const HubCache cache(settings.cache);
  const bool one_revision = target.find('@') != std::string::npos;
  if (!name.quant.empty()) {
    TRY(const CacheRemoval removed, cache.remove_quant(name.repo, name.revision, name.quant));
    return removed.freed_bytes;
  }
  TRY(const CacheRemoval removed, cache.remove(name.repo, one_revision ? name.revision : ""));
  return removed.freed_bytes;
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

Result<int> verify_snapshot(const HubCache& cache, const CachedSnapshot& s) {
  ProgressBar bar("hashing " + s.repo, s.bytes);
  TRY(const std::vector<CacheFault> faults, cache.verify(s, [&](uint64_t done) {
    bar.update(done);
    return !interrupted();
  }));
  bar.finish();
  for (const CacheFault& f : faults)
    fmt::print("{}: WRONG: {}: {}\n", terminal_safe(name_of(s)), terminal_safe(f.path), terminal_safe(f.what));
  if (faults.empty()) fmt::print("{}: right, {} files\n", terminal_safe(name_of(s)), s.files.size());
  return static_cast<int>(faults.size());
}

// Everything that the names mean; no names: everything there is.
struct ToVerify {
  std::vector<const CatalogueEntry*> entries;
  std::vector<CachedSnapshot> snapshots;
};

Result<ToVerify> to_verify(const Catalogue& catalogue, const HubCache& cache, const std::vector<std::string>& names) {
  TRY(const std::vector<CachedSnapshot> all, cache.list());
  const Result<std::string> own = cache_folder();
  const auto here = [&](const CatalogueEntry& e) { return bundled_path(e) || (own && is_cached(e, *own)); };
  ToVerify out;
  if (names.empty()) {
    out.snapshots = all;
    for (const CatalogueEntry& entry : catalogue.entries) {
      if (here(entry)) out.entries.push_back(&entry);
    }
    return out;
  }
  for (const std::string& text : names) {
    TRY(const std::string target, alias_target(text));
    if (const CatalogueEntry* entry = catalogue.find(target)) {
      if (!here(*entry)) return fail("{} is not here; `sobre list` shows what is", text);
      out.entries.push_back(entry);
      continue;
    }
    TRY(const HubName name, parse_hub_name(target));
    const bool one_revision = target.find('@') != std::string::npos;
    const auto commit = cache.commit_of(name.repo, name.revision);
    const size_t before = out.snapshots.size();
    for (const CachedSnapshot& s : all) {
      if (s.repo == name.repo && (!one_revision || (commit && s.commit == *commit))) out.snapshots.push_back(s);
    }
    if (out.snapshots.size() == before) return fail("{} is not here; `sobre list` shows what is", text);
  }
  return out;
}

}  // namespace

Result<void> list_command(const ListFlags& flags) {
  TRY(std::vector<Held> held, catalogue_models());
  TRY(const std::vector<Held> from_hub, hub_models());
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
    TRY(const uint64_t freed, remove_model(name));
    fmt::print("{}: removed, {} freed\n", terminal_safe(name), bytes_text(freed));
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
  for (const CatalogueEntry* entry : todo.entries) {
    std::string path;
    if (const auto bundled = bundled_path(*entry)) {
      path = *bundled;
    } else {
      TRY(const std::string own, cache_folder());
      path = cached_path(*entry, own);
    }
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
