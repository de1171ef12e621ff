// The files of one repository in the cache, as they lie on disk: what is what, without following a link that the layout does
// not know. The steps that HubCache is made of; const, any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sobre {

/// The bytes of a blob: a regular file, or the file of the store that all repositories of the cache share, which newer Python
/// packages keep in CACHE/blobs/XX/HASH and link to from a repository's blobs.
struct BlobFile {
  bool there = false;
  std::string path;    // of the regular file with the bytes
  std::string shared;  // its name in the shared store, when it is there
  uint64_t size = 0;   // bytes
  int64_t used = 0;    // newest access or change, seconds since 1970
};

/// What a path of a snapshot is.
enum class EntryKind : uint8_t {
  kNone,     // nothing is there, or a folder
  kPlain,    // a regular file
  kBlob,     // a link to a blob of its repository
  kMissing,  // a link to a blob that is not there
  kForeign   // anything else: a link that leads elsewhere, a pipe; never opened
};
struct SnapshotEntry {
  EntryKind kind = EntryKind::kNone;
  std::string blob;  // the blob's name (kBlob, kMissing)
  BlobFile file;     // of the bytes (kPlain, kBlob)
};

class CacheRepo {
 public:
  /// `cache`: the cache's folder; `repo`: "org/name".
  CacheRepo(const std::string& cache, std::string_view repo);

  [[nodiscard]] const std::string& folder() const { return folder_; }
  [[nodiscard]] std::string below(std::string_view path) const { return folder_ + "/" + std::string(path); }
  [[nodiscard]] std::string lock_path(std::string_view digest) const;

  /// A blob by its name.
  [[nodiscard]] BlobFile blob(std::string_view name) const;
  /// What a snapshot has at a path; no folder on the way may be a link.
  [[nodiscard]] SnapshotEntry entry(std::string_view commit, std::string_view path) const;
  /// Commits of its snapshots' folders, sorted.
  [[nodiscard]] std::vector<std::string> commits() const;
  /// Paths below a snapshot that are no folders, sorted, at most 100,000; whatever their form.
  [[nodiscard]] std::vector<std::string> paths(std::string_view commit) const;
  /// The commit of each revision below refs/ that is well formed, by revision.
  [[nodiscard]] std::map<std::string, std::string> refs() const;
  /// The commit that refs/REVISION holds; empty when there is none.
  [[nodiscard]] std::string ref(std::string_view revision) const;

  /// The text of a link at a snapshot's path to a blob: "../../blobs/DIGEST", one more ".." for each folder of the path.
  [[nodiscard]] static std::string link_text(std::string_view path, std::string_view blob);

  /// Makes a thing under a name of its own in the repository's folder, where no reader looks, for it to be renamed into place.
  /// `make(name)` gives 0 or what errno says. Returns the name.
  [[nodiscard]] Result<std::string> temporary(const std::function<int(const std::string&)>& make) const;

 private:
  std::string cache_, name_, folder_;
};

/// The repository of a folder's name in a cache: "models--org--name", or "models--gpt2" of the hub's first years.
[[nodiscard]] std::optional<std::string> repo_of_folder(std::string_view folder);

/// What a path in the layout stands for, whichever the cache: a snapshot's folder (path: empty) or something below it.
struct CachePlace {
  std::string repo, commit, path;
};
/// Nothing for paths outside the layout. Looks at the path's text alone, made absolute; no link is followed.
[[nodiscard]] std::optional<CachePlace> place_in_cache(const std::string& path);

/// Whether a path is a folder itself, not a link to one.
[[nodiscard]] bool is_real_folder(const std::string& path);

/// Paths of what is below a folder and is no folder itself, "/" between parts, sorted, at most 100,000; links are not followed.
[[nodiscard]] std::vector<std::string> paths_below(const std::string& folder);

/// Puts a link to a blob at a place by a rename; without `symlinks` (or where the file system has none) a hard link or a copy
/// of the blob's file.
[[nodiscard]] Result<void> place_link(const CacheRepo& repo, const std::string& place, const std::string& text,
                                      const BlobFile& blob, bool symlinks);

/// Removes a thing and all below it, links as links; adds the sizes of regular files that had no other name to `freed`.
[[nodiscard]] Result<void> remove_tree(const std::string& path, uint64_t& freed);

}  // namespace sobre
