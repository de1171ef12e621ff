// The hub as commands use it: settings from the environment, a pull with its bars, the names that users give. Main thread.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "cli/catalogue.h"
#include "hub/hub_cache.h"
#include "hub/pull.h"

namespace sobre {

/// The hub's settings from the environment of this process.
[[nodiscard]] Result<HubSettings> hub_environment();
/// Where manifests of pulled models lie: `manifests` in the state folder; empty when there is no home.
[[nodiscard]] std::string manifest_folder();

struct PullFlags {
  std::vector<std::string> names;
  int parallel = 4;
  bool update = false;  // ask the hub also for what is here
};

/// Pulls one name with bars on stderr, its licence and what was chosen, and returns what is there now. Ctrl-C ends it: what has
/// arrived is kept for the next time.
[[nodiscard]] Result<Pulled> pull_shown(const HubName& name, const PullFlags& flags);

/// The same for a catalogue's file that `source`, one of the entry's, has on the hub. Where another source is left to try, one
/// attempt that brings nothing is enough; what has begun to arrive is given up as late as any pull.
[[nodiscard]] Result<Pulled> pull_file_shown(const CatalogueEntry& entry, const CatalogueSource& source);

/// `sobre pull`: hub names, catalogue names and aliases; prints the path of each.
[[nodiscard]] Result<void> pull_command(const PullFlags& flags);

struct ListFlags {
  bool json = false;
};
/// `sobre list`: bundled models, fetched ones of the catalogue, and every snapshot of the hub's cache.
[[nodiscard]] Result<void> list_command(const ListFlags& flags);

struct RemoveFlags {
  std::vector<std::string> names;
};
/// `sobre rm`: removes pulled or fetched models, says how much that frees.
[[nodiscard]] Result<void> remove_command(const RemoveFlags& flags);

struct VerifyFlags {
  std::vector<std::string> names;  // none: everything in the caches
};
/// `sobre verify`: hashes files anew. Error when one is wrong, after all have been looked at.
[[nodiscard]] Result<void> verify_command(const VerifyFlags& flags);

struct SearchFlags {
  std::vector<std::string> words;
  int limit = 20;
  bool gguf = false, json = false;
};
[[nodiscard]] Result<void> search_command(const SearchFlags& flags);

struct AliasFlags {
  std::string name, target;  // both: set; one: print; none: print all
  bool remove = false;
};
[[nodiscard]] Result<void> alias_command(const AliasFlags& flags);

}  // namespace sobre
