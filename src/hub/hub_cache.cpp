// Where things are in the cache, and what is there.
#include "hub/hub_cache.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>
#include <system_error>

#include "hub/cache_files.h"
#include "hub/hub_names.h"

namespace sobre {

namespace fs = std::filesystem;

namespace {

CachedSnapshot snapshot_of(const CacheRepo& at, const std::string& repo, const std::string& commit) {
  CachedSnapshot out;
  out.repo = repo, out.commit = commit;
  std::set<std::string> counted;
  for (const std::string& path : at.paths(commit)) {
    if (!check_hub_path(path)) continue;
    SnapshotEntry entry = at.entry(commit, path);
    if (entry.kind != EntryKind::kPlain && entry.kind != EntryKind::kBlob) continue;
    out.last_used = std::max(out.last_used, entry.file.used);
    if (counted.insert(entry.file.path).second) out.bytes += entry.file.size;
    // A name that is no digest says nothing of the content.
    out.files.push_back({path, entry.file.size, is_hub_digest(entry.blob) ? std::move(entry.blob) : std::string()});
  }
  return out;
}

}  // namespace

HubCache::HubCache(std::string folder) : folder_(std::move(folder)) {}

std::string HubCache::repo_folder(std::string_view repo) const { return CacheRepo(folder_, repo).folder(); }

std::string HubCache::blob_path(std::string_view repo, std::string_view digest) const {
  return fmt::format("{}/blobs/{}", repo_folder(repo), digest);
}

std::string HubCache::partial_path(std::string_view repo, std::string_view digest) const {
  return blob_path(repo, digest) + ".sobre-partial";
}

std::string HubCache::snapshot_folder(std::string_view repo, std::string_view commit) const {
  return fmt::format("{}/snapshots/{}", repo_folder(repo), commit);
}

std::optional<std::string> HubCache::commit_of(std::string_view repo, std::string_view revision) const {
  const CacheRepo at(folder_, repo);
  if (is_commit(revision) && is_real_folder(snapshot_folder(repo, revision))) return std::string(revision);
  std::string commit = at.ref(revision);
  return commit.empty() ? std::nullopt : std::optional(std::move(commit));
}

std::optional<std::string> HubCache::find_file(std::string_view repo, std::string_view commit, std::string_view path,
                                               uint64_t size) const {
  const SnapshotEntry entry = CacheRepo(folder_, repo).entry(commit, path);
  if (entry.kind != EntryKind::kPlain && entry.kind != EntryKind::kBlob) return std::nullopt;
  if (size != 0 && entry.file.size != size) return std::nullopt;
  return fmt::format("{}/{}", snapshot_folder(repo, commit), path);
}

bool HubCache::has_blob(std::string_view repo, std::string_view digest, uint64_t size) const {
  const BlobFile blob = CacheRepo(folder_, repo).blob(digest);
  return blob.there && blob.size == size;
}

Result<std::vector<CachedSnapshot>> HubCache::list() const {
  std::vector<CachedSnapshot> out;
  struct stat info{};
  if (::stat(folder_.c_str(), &info) != 0 && errno == ENOENT) return out;
  std::error_code error;
  std::vector<std::string> repos;
  fs::directory_iterator entries(folder_, error);
  for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
    const auto repo = repo_of_folder(entries->path().filename().string());
    if (repo) repos.push_back(*repo);
  }
  if (error) return fail("{}: cannot be read: {}; set HF_HUB_CACHE to the folder of the models", folder_, error.message());
  std::sort(repos.begin(), repos.end());
  for (const std::string& repo : repos) {
    const CacheRepo at(folder_, repo);
    const auto refs = at.refs();
    for (const std::string& commit : at.commits()) {
      CachedSnapshot snapshot = snapshot_of(at, repo, commit);
      for (const auto& [revision, of] : refs) {
        if (of == commit) snapshot.revisions.push_back(revision);
      }
      out.push_back(std::move(snapshot));
    }
  }
  return out;
}

}  // namespace sobre
