// Removing from the cache, and looking at all of it again.
#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>
#include <system_error>

#include "digest/git_blob.h"
#include "digest/sha256.h"
#include "hub/cache_files.h"
#include "hub/choose_files.h"
#include "hub/hub_cache.h"
#include "hub/hub_names.h"
#include "hub/shared_blobs.h"

namespace sobre {

namespace fs = std::filesystem;

namespace {

// One removal from one repository. The order is such that a kill in between leaves no ref without its snapshot and no snapshot
// without its blobs: refs, snapshots (each by a rename), then blobs.
class Removing {
 public:
  Removing(const std::string& cache, std::string_view repo) : cache_(cache), repo_(cache, repo) {}

  [[nodiscard]] Result<CacheRemoval> run(const std::set<std::string>& going) {
    const std::vector<std::string> commits = repo_.commits();
    std::vector<std::string> staying;
    std::set_difference(commits.begin(), commits.end(), going.begin(), going.end(), std::back_inserter(staying));
    TRY_VOID(remove_refs(going, staying.empty()));
    for (const std::string& commit : commits) {
      if (going.contains(commit)) TRY_VOID(remove_snapshot(commit));
    }
    TRY_VOID(remove_blobs(blobs_of(staying)));
    if (staying.empty() && !busy_) TRY_VOID(remove_tree(repo_.folder(), removal_.freed_bytes));
    return removal_;
  }

  /// A ref alone, whose commit stays for others.
  [[nodiscard]] Result<CacheRemoval> run_ref(std::string_view revision, std::vector<std::string> others) {
    TRY_VOID(remove_ref(revision));
    removal_.kept_by = std::move(others);
    return removal_;
  }

  /// Files of one snapshot, by path.
  [[nodiscard]] Result<CacheRemoval> run_files(const std::string& commit, const std::vector<std::string>& paths) {
    if (paths.size() == repo_.paths(commit).size()) return run({commit});
    for (const std::string& path : paths) {
      fs::path place = repo_.below(fmt::format("snapshots/{}/{}", commit, path));
      struct stat info{};
      if (::lstat(place.c_str(), &info) == 0 && S_ISREG(info.st_mode) && info.st_nlink == 1)
        removal_.freed_bytes += static_cast<uint64_t>(info.st_size);
      TRY_VOID(unlink(place.string()));
      for (place = place.parent_path(); place.filename() != commit; place = place.parent_path()) {
        if (::rmdir(place.c_str()) != 0) break;  // not empty
      }
    }
    TRY_VOID(remove_blobs(blobs_of(repo_.commits())));
    return removal_;
  }

 private:
  // The blobs that snapshots refer to.
  [[nodiscard]] std::set<std::string> blobs_of(const std::vector<std::string>& commits) const {
    std::set<std::string> blobs;
    for (const std::string& commit : commits) {
      for (const std::string& path : repo_.paths(commit)) blobs.insert(repo_.entry(commit, path).blob);
    }
    return blobs;
  }

  [[nodiscard]] Result<void> remove_refs(const std::set<std::string>& going, bool all) {
    if (!is_real_folder(repo_.below("refs"))) return {};
    for (const std::string& revision : paths_below(repo_.below("refs"))) {
      if (all || going.contains(repo_.ref(revision))) TRY_VOID(remove_ref(revision));
    }
    return {};
  }

  [[nodiscard]] Result<void> remove_ref(std::string_view revision) {
    fs::path path = repo_.below(fmt::format("refs/{}", revision));
    TRY_VOID(unlink(path.string()));
    for (path = path.parent_path(); path.filename() != "refs" || path.parent_path() != repo_.folder();
         path = path.parent_path()) {
      if (::rmdir(path.c_str()) != 0) break;  // not empty
    }
    return {};
  }

  [[nodiscard]] Result<void> remove_snapshot(const std::string& commit) {
    const std::string place = repo_.below("snapshots/" + commit);
    TRY(const std::string aside, repo_.temporary([&](const std::string& name) {
      // A rename replaces what is there, so the name is taken first.
      if (::mkdir(name.c_str(), 0777) != 0) return errno;
      if (::rename(place.c_str(), name.c_str()) == 0) return 0;
      const int error = errno;
      ::rmdir(name.c_str());
      return error;
    }));
    ++removal_.snapshots;
    TRY_VOID(remove_tree(aside, removal_.freed_bytes));
    TRY_VOID(remove_tree(repo_.below(".no_exist/" + commit), removal_.freed_bytes));
    return remove_tree(repo_.below("trees/" + commit + ".json"), removal_.freed_bytes);
  }

  // Blobs that no snapshot which stays refers to, and partial files, less what another process is working on.
  [[nodiscard]] Result<void> remove_blobs(const std::set<std::string>& kept) {
    const std::string folder = repo_.below("blobs");
    if (!is_real_folder(folder)) return {};
    std::error_code error;
    std::vector<std::string> names;
    fs::directory_iterator entries(folder, error);
    for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
      names.push_back(entries->path().filename().string());
    }
    for (const std::string& name : names) {
      if (!kept.contains(name)) TRY_VOID(remove_blob(fmt::format("{}/{}", folder, name), name));
    }
    return {};
  }

  [[nodiscard]] Result<void> remove_blob(const std::string& path, const std::string& name) {
    struct stat info{};
    if (::lstat(path.c_str(), &info) != 0 || S_ISDIR(info.st_mode)) return {};
    // Held while the file goes. A lock that no process ever took has no file, and none is made here.
    const int lock = ::open(repo_.lock_path(name.substr(0, name.find('.'))).c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (lock >= 0 && ::flock(lock, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
      busy_ = true;
      ::close(lock);
      return {};
    }
    const std::string shared = repo_.blob(name).shared;
    const auto done = unlink(path);
    if (done && S_ISREG(info.st_mode) && info.st_nlink == 1) removal_.freed_bytes += static_cast<uint64_t>(info.st_size);
    if (done && !shared.empty()) removal_.freed_bytes += sweep_shared_blob(cache_, shared);
    if (done && name.find('.') == name.npos) ++removal_.blobs;
    if (lock >= 0) ::close(lock);
    return done;
  }

  [[nodiscard]] static Result<void> unlink(const std::string& path) {
    if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
    return fail("{}: cannot be removed: {}; check who may write there", path, std::strerror(errno));
  }

  std::string cache_;
  CacheRepo repo_;
  CacheRemoval removal_;
  bool busy_ = false;
};

// Revisions other than one that name a commit.
std::vector<std::string> other_revisions(const CacheRepo& at, const std::string& commit, std::string_view revision) {
  std::vector<std::string> others;
  for (const auto& [name, of] : at.refs()) {
    if (of == commit && name != revision) others.push_back(name);
  }
  return others;
}

// What lies at a commit.
HubRepo files_there(const CacheRepo& at, std::string_view repo, const std::string& commit) {
  HubRepo list;
  list.id = repo;
  list.commit = commit;
  for (const std::string& path : at.paths(commit)) {
    const SnapshotEntry entry = at.entry(commit, path);
    if (entry.kind != EntryKind::kNone && entry.kind != EntryKind::kForeign)
      list.files.push_back({path, entry.file.size, entry.blob});
  }
  return list;
}

// The one commit that no ref names and that has this quantisation; empty: there is none.
Result<std::string> commit_without_ref(const CacheRepo& at, std::string_view repo, std::string_view quant) {
  std::string found;
  for (const std::string& commit : at.commits()) {
    if (!other_revisions(at, commit, "").empty()) continue;
    TRY(const auto paths, paths_of_quant(files_there(at, repo, commit), quant));
    if (paths.empty()) continue;
    if (!found.empty())
      return fail("{}: {} is there at {} and at {}; write which, as {}@{}:{}", repo, quant, found, commit, repo, found, quant);
    found = commit;
  }
  return found;
}

// One verification: hashes each file once, whatever number of paths lead to it.
class Verifying {
 public:
  Verifying(const CacheRepo& repo, const CachedSnapshot& snapshot, const std::function<bool(uint64_t)>& progress)
      : repo_(repo), snapshot_(snapshot), progress_(progress) {}

  [[nodiscard]] Result<std::vector<CacheFault>> run() {
    std::map<std::string, HubFile> files;
    for (const HubFile& file : snapshot_.files) files.emplace(file.path, file);
    for (const std::string& path : repo_.paths(snapshot_.commit)) files.emplace(path, HubFile{path, 0, ""});
    for (const auto& [path, file] : files) {
      if (!check_hub_path(path)) {
        fault(fmt::format("{} bytes that are no name", path.size()), "its name is none that the hub allows");
        continue;
      }
      TRY_VOID(look_at(file));
    }
    return std::move(faults_);
  }

 private:
  void fault(const std::string& path, std::string what) { faults_.push_back({snapshot_.repo, path, std::move(what)}); }

  [[nodiscard]] Result<void> look_at(const HubFile& file) {
    const SnapshotEntry entry = repo_.entry(snapshot_.commit, file.path);
    switch (entry.kind) {
      case EntryKind::kNone:
        fault(file.path, "it is not there");
        return {};
      case EntryKind::kMissing:
        fault(file.path, "its blob is not there");
        return {};
      case EntryKind::kForeign:
        fault(file.path, "it is a link out of its repository, or no file");
        return {};
      case EntryKind::kPlain:
      case EntryKind::kBlob:
        return hash(file, entry);
    }
    return {};
  }

  [[nodiscard]] Result<void> hash(const HubFile& file, const SnapshotEntry& entry) {
    if (file.size != 0 && entry.file.size != file.size) {
      fault(file.path, fmt::format("{} of {} bytes", entry.file.size, file.size));
      return {};
    }
    // What the caller knows counts more than the blob's name: a link may lead to another file of the repository.
    const std::string& expected = !file.digest.empty() ? file.digest : entry.blob;
    if (!is_hub_digest(expected)) return {};
    TRY(const Sum* sum, sum_of(entry.file, expected.size()));
    if (!sum->problem.empty()) {
      fault(file.path, "it cannot be read: " + sum->problem);
    } else if (sum->digest != expected) {
      fault(file.path,
            fmt::format("{} is {}, not {}", expected.size() == 64 ? "SHA-256" : "git's SHA-1", sum->digest, expected));
    }
    return {};
  }

  struct Sum {
    std::string digest, problem;  // one of them
  };

  // Of a file's bytes, as SHA-256 (64 digits) or git's SHA-1 (40). Error: cancelled.
  [[nodiscard]] Result<const Sum*> sum_of(const BlobFile& file, size_t digits) {
    Sum& known = sums_[{file.path, digits}];
    if (!known.digest.empty() || !known.problem.empty()) return &known;
    bool go_on = true;
    const auto tell = [&](uint64_t bytes) { return go_on = !progress_ || progress_(done_ + bytes); };
    auto sum = digits == 64 ? file_sha256(file.path, tell) : file_git_blob(file.path, tell);
    if (!go_on) return fail("cancelled");
    done_ += file.size;
    if (sum) {
      known.digest = std::move(*sum);
    } else {
      known.problem = sum.error().message;
    }
    return &known;
  }

  const CacheRepo& repo_;
  const CachedSnapshot& snapshot_;
  const std::function<bool(uint64_t)>& progress_;
  std::map<std::pair<std::string, size_t>, Sum> sums_;
  std::vector<CacheFault> faults_;
  uint64_t done_ = 0;
};

}  // namespace

Result<CacheRemoval> HubCache::remove(std::string_view repo, std::string_view revision) const {
  const CacheRepo at(folder_, repo);
  struct stat info{};
  const int error = ::lstat(at.folder().c_str(), &info) == 0 ? 0 : errno;
  if (error != 0 && error != ENOENT) return fail("{}: cannot be read: {}", at.folder(), std::strerror(error));
  if (error != 0 || (!S_ISDIR(info.st_mode) && !S_ISLNK(info.st_mode))) {
    return fail("{} is not in the cache {}; `sobre list` shows what is", repo, folder_);
  }
  if (S_ISLNK(info.st_mode)) return fail("{}: it is a link; remove it and what it leads to by hand", at.folder());
  std::set<std::string> going;
  if (revision.empty()) {
    const std::vector<std::string> commits = at.commits();
    going.insert(commits.begin(), commits.end());
  } else if (const auto commit = commit_of(repo, revision)) {
    std::vector<std::string> others = *commit == revision ? std::vector<std::string>() : other_revisions(at, *commit, revision);
    if (!others.empty()) return Removing(folder_, repo).run_ref(revision, std::move(others));
    going.insert(*commit);
  } else {
    return fail("{}@{} is not in the cache {}; `sobre list` shows what is", repo, revision, folder_);
  }
  return Removing(folder_, repo).run(going);
}

Result<CacheRemoval> HubCache::remove_quant(std::string_view repo, std::string_view revision, std::string_view quant) const {
  const CacheRepo at(folder_, repo);
  const auto commit = commit_of(repo, revision);
  std::vector<std::string> paths;
  HubRepo there;
  if (commit) {
    there = files_there(at, repo, *commit);
    TRY(paths, paths_of_quant(there, quant));
    if (!paths.empty()) return Removing(folder_, repo).run_files(*commit, paths);
  }
  if (revision == HubName().revision) {
    TRY(const std::string unnamed, commit_without_ref(at, repo, quant));
    if (!unnamed.empty()) {
      TRY(paths, paths_of_quant(files_there(at, repo, unnamed), quant));
      return Removing(folder_, repo).run_files(unnamed, paths);
    }
  }
  if (!commit) return fail("{}@{} is not in the cache {}; `sobre list` shows what is", repo, revision, folder_);
  const std::vector<std::string> quants = quants_of(there);
  return fail("{}: no {} there; there is {}", repo, quant,
              quants.empty() ? "no GGUF" : fmt::format("{}", fmt::join(quants, ", ")));
}

Result<CacheRemoval> HubCache::remove_file(std::string_view repo, std::string_view commit, std::string_view path) const {
  return Removing(folder_, repo).run_files(std::string(commit), {std::string(path)});
}

Result<std::vector<CacheFault>> HubCache::verify(const CachedSnapshot& snapshot,
                                                 const std::function<bool(uint64_t)>& progress) const {
  return Verifying(CacheRepo(folder_, snapshot.repo), snapshot, progress).run();
}

}  // namespace sobre
