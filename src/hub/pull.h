// Bringing a model into the cache: list, choose, fetch what is missing, verify, link.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/result.h"
#include "hub/choose_files.h"
#include "hub/hub_cache.h"
#include "hub/hub_types.h"
#include "hub/manifest.h"

namespace sobre {

struct PullOptions {
  int parallel = 4;             // files at a time, 1 to 16
  bool update = false;          // ask the hub for a branch's newest commit also where the cache has one that is whole
  int tries = 5;                // attempts in a row without the first byte of a file before it is given up (download.h)
  std::string manifest_folder;  // where the manifest goes; empty: none is written. One that cannot be written is a note
  HubProgress progress;         // may be empty
  /// The repository and what was chosen, before the first byte (but of the index that names the weights): for the licence and
  /// the sizes. May be empty.
  std::function<void(const HubRepo& repo, const ChosenFiles& chosen)> chosen;
  /// Something worth telling that is no error ("another process fetches model.safetensors; waiting"). May be empty; any thread.
  std::function<void(const std::string& line)> note;
  HubCancelled cancelled;  // may be empty
};

struct Pulled {
  std::string path;  // what Sobre opens: the snapshot's folder, or a .gguf in it
  Manifest manifest;
  uint64_t fetched_bytes = 0;  // over the network in this call
  bool from_cache = false;     // the network was not asked, or could not be
  /// What is here is a model, but the hub may mean another: no quantisation was asked for, and which one this commit has for
  /// that is not known here; or the branch has moved on since it was pulled, and of the newer commit the model is not here.
  /// Set by find_pulled().
  bool guessed = false;
};

/// Files that are there already are not asked for again. A partial file of an earlier run, killed or not, is continued with a
/// range; its bytes are hashed again first. Each file is verified (SHA-256 or git's SHA-1, and its size) before it gets its
/// name in the cache; a wrong one is fetched anew once, then it is an error and nothing of it stays. A signed link that expired
/// is asked for again. A cut connection goes on from where it was; five attempts without a byte are an error. The ref is
/// written last, when every chosen file is there.
/// A model that is whole in the cache is the answer without the network, unless it is guessed, or `update` is set and the
/// revision is no commit; then too where the hub cannot be reached, answers 429 or 5xx, or HF_HUB_OFFLINE is set, with a note.
/// Errors: one line, with what to do.
[[nodiscard]] Result<Pulled> pull_model(const HubSettings& settings, const HubName& name, const PullOptions& options);

/// One file of a commit whose size and SHA-256 are known already, as of a catalogue: nothing is asked of the hub's API, no ref
/// and no manifest are written.
[[nodiscard]] Result<Pulled> pull_file(const HubSettings& settings, const std::string& repo, const std::string& commit,
                                       const HubFile& file, const PullOptions& options);

/// Puts what the manifests of a snapshot's commit say of its files (sizes, digests, files that are gone) in place of what lies
/// there, for HubCache::verify(). A manifest of which neither a file nor a blob is there tells of another cache and does not
/// count.
void add_manifests(const HubCache& cache, const std::string& manifest_folder, CachedSnapshot& snapshot);

/// The same without the network ever: what is in the cache and whole, or nothing. "whole": every file that the manifest names,
/// or (pulled by other tools) a config with all shards that its index names, or the GGUF asked for.
[[nodiscard]] std::optional<Pulled> find_pulled(const HubCache& cache, const std::string& manifest_folder, const HubName& name);

/// Writes the manifest of what find_pulled() found and another tool fetched, so that it has the same identity as if it had been
/// pulled: where there is none yet, it is not guessed, and every file's digest is known by its blob's name; else does nothing.
/// Error: it cannot be written.
[[nodiscard]] Result<void> keep_found(const std::string& manifest_folder, const Pulled& found);

}  // namespace sobre
