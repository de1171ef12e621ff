// The cache of Hugging Face's tools on disk, shared with them in both directions:
//   CACHE/CACHEDIR.TAG
//   CACHE/.locks/models--ORG--NAME/DIGEST.lock
//   CACHE/models--ORG--NAME/blobs/DIGEST                     contents
//                           refs/REVISION                    a commit, 40 digits, no line end
//                           snapshots/COMMIT/PATH            relative symlink to the blob
// (layout: huggingface_hub, src/huggingface_hub/file_download.py.) Every step that others could see half done is a rename.
// Symlinks are followed only to where the layout puts blobs; a snapshot may hold plain files (machines without symlinks).
// Const methods may run on any thread; those that write, on one at a time per blob (BlobLock).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "hub/hub_types.h"

namespace sobre {

/// One commit of a repository that the cache holds, wholly or in part.
struct CachedSnapshot {
  std::string repo, commit;
  std::vector<std::string> revisions;  // refs that name this commit
  std::vector<HubFile> files;          // what is there; digest: the blob's name, empty for plain files
  uint64_t bytes = 0;                  // of its files, each once
  int64_t last_used = 0;               // newest access or change of its files, seconds since 1970
};

struct CacheRemoval {
  uint64_t freed_bytes = 0;
  int blobs = 0, snapshots = 0;      // removed
  std::vector<std::string> kept_by;  // other revisions of the same commit: only the ref went, its files stay for them
};

/// A file whose bytes are not what its name says.
struct CacheFault {
  std::string repo, path, what;  // "3 of 5 bytes", "SHA-256 is ...", "its blob is not there"
};

/// An exclusive lock on one blob, among processes, until this object ends.
class BlobLock {
 public:
  BlobLock(BlobLock&& other) noexcept;
  BlobLock& operator=(BlobLock&&) = delete;
  ~BlobLock();

 private:
  friend class HubCache;
  explicit BlobLock(int fd) : fd_(fd) {}
  int fd_;
};

class HubCache {
 public:
  /// `folder`: HF_HUB_CACHE. Nothing is made before the first write.
  explicit HubCache(std::string folder);
  [[nodiscard]] const std::string& folder() const { return folder_; }

  /// Where things are, whether they exist or not. The arguments have passed the checks of hub_names.h.
  [[nodiscard]] std::string repo_folder(std::string_view repo) const;
  [[nodiscard]] std::string blob_path(std::string_view repo, std::string_view digest) const;
  /// Our own partial file, kept over runs and resumed under the lock; other tools do not look at its name (.sobre-partial).
  [[nodiscard]] std::string partial_path(std::string_view repo, std::string_view digest) const;
  [[nodiscard]] std::string snapshot_folder(std::string_view repo, std::string_view commit) const;

  /// The commit of a revision without the network: the revision itself when it is a commit that is there, else what refs/ says.
  [[nodiscard]] std::optional<std::string> commit_of(std::string_view repo, std::string_view revision) const;
  /// The path of a snapshot's file, when it is there with all its blob (a size of 0: whatever its size).
  [[nodiscard]] std::optional<std::string> find_file(std::string_view repo, std::string_view commit, std::string_view path,
                                                     uint64_t size = 0) const;
  /// Whether the blob is there with this size.
  [[nodiscard]] bool has_blob(std::string_view repo, std::string_view digest, uint64_t size) const;

  /// Makes the folders of a repository and CACHEDIR.TAG. Errors: the folder, and what the system says.
  [[nodiscard]] Result<void> prepare(std::string_view repo) const;
  /// Takes the lock of a blob; `waiting` is called once when another process has it. Error: cancelled, the system's.
  [[nodiscard]] Result<BlobLock> lock(std::string_view repo, std::string_view digest, const std::function<void()>& waiting,
                                      const HubCancelled& cancelled) const;
  /// Makes the partial file the blob: syncs, sets the mode as the umask wants it, renames.
  [[nodiscard]] Result<void> commit_blob(std::string_view repo, std::string_view digest) const;
  /// Points a snapshot's path at a blob (a relative symlink, made beside and renamed; where the file system has no symlinks, a
  /// hard link or a copy). What is there already and right stays.
  [[nodiscard]] Result<void> link(std::string_view repo, std::string_view commit, std::string_view path,
                                  std::string_view digest) const;
  /// Writes refs/REVISION; nothing to do when the revision is the commit.
  [[nodiscard]] Result<void> set_ref(std::string_view repo, std::string_view revision, std::string_view commit) const;

  /// Every snapshot of every model, by repository and commit. Folders that are not of the layout are passed over. Error: the
  /// cache folder exists and cannot be read.
  [[nodiscard]] Result<std::vector<CachedSnapshot>> list() const;
  /// Removes snapshots of a repository: the one that `revision` names (of a branch or tag whose commit others name too, the
  /// ref alone), or all when it is empty. Frees the blobs (and partial
  /// files) that no other snapshot refers to, and the repository's folder with its last snapshot. Never touches what lies
  /// outside the repository's folder. Errors: nothing of that name; what cannot be removed.
  [[nodiscard]] Result<CacheRemoval> remove(std::string_view repo, std::string_view revision) const;
  /// The same for the one GGUF of a repository that has this quantisation (all its parts that are there), at one revision; for
  /// "main" else at the one commit with it that no ref names, as a pull that was stopped leaves it.
  [[nodiscard]] Result<CacheRemoval> remove_quant(std::string_view repo, std::string_view revision,
                                                  std::string_view quant) const;
  /// The same for one file of a commit, and the commit with its last file.
  [[nodiscard]] Result<CacheRemoval> remove_file(std::string_view repo, std::string_view commit, std::string_view path) const;
  /// Hashes every file of a snapshot anew, those of `files` and what else lies there, and compares with the digests in `files`
  /// (add_manifests() puts there what was published), else with the blobs' names; of a plain file without a digest only the
  /// size can be compared. `progress` gets the bytes done, false ends it. Returns what is wrong.
  [[nodiscard]] Result<std::vector<CacheFault>> verify(const CachedSnapshot& snapshot,
                                                       const std::function<bool(uint64_t)>& progress) const;

 private:
  std::string folder_;
};

}  // namespace sobre
