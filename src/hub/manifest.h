// What was pulled, in a file: repository, commit, files with digests, licence, architecture. The digest over its files is the
// model's identity in the ledger and in certificates. Plain values; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "hub/hub_types.h"

namespace sobre {

struct Manifest {
  std::string repo, commit, licence, licence_name, architecture, quant;
  std::string model;           // what Sobre opens below the snapshot ("" for the folder)
  std::vector<HubFile> files;  // by path

  friend bool operator==(const Manifest&, const Manifest&) = default;
};

/// SHA-256, in hexadecimal digits, over "DIGEST SIZE PATH\n" of the files by path: the same wherever the files came from.
[[nodiscard]] std::string manifest_digest(const Manifest& manifest);

/// As JSON, and back. The reader trusts nothing: names, digests and paths pass hub_names.h, sizes and counts have limits.
[[nodiscard]] std::string manifest_to_json(const Manifest& manifest);
[[nodiscard]] Result<Manifest> manifest_from_json(std::string_view json);

/// Where a manifest lies: FOLDER/ORG--NAME/COMMIT[-QUANT].json (FOLDER is Sobre's own, beside the shared cache).
[[nodiscard]] std::string manifest_path(const std::string& folder, const Manifest& manifest);
/// Writes it there through a rename.
[[nodiscard]] Result<void> write_manifest(const std::string& folder, const Manifest& manifest);
/// That of a repository, commit and quantisation; nothing when there is none or it cannot be read.
[[nodiscard]] std::optional<Manifest> read_manifest(const std::string& folder, std::string_view repo, std::string_view commit,
                                                    std::string_view quant);

/// All of a repository's, of one commit or (empty) of every one, in no order; what cannot be read is passed over. An empty
/// folder has none.
[[nodiscard]] std::vector<Manifest> read_manifests(const std::string& folder, std::string_view repo, std::string_view commit);
/// Removes the file of this one, if it is there.
[[nodiscard]] Result<void> remove_manifest(const std::string& folder, const Manifest& manifest);

/// The identity of a model by its path in the shared cache (a snapshot's folder, or a file of it): "sha256:" and the digest of
/// the manifest that was written when it was pulled. Empty for every other path, and where there is no such manifest.
[[nodiscard]] std::string pulled_digest(const std::string& folder, const std::string& path);

/// Why commercial use is forbidden, in words for a user, from the licence's identifier and name ("cc-by-nc-4.0", "other" with
/// "mistral-research-license", ...); empty when it is not known to be.
[[nodiscard]] std::string forbids_commercial_use(std::string_view licence, std::string_view licence_name);

}  // namespace sobre
