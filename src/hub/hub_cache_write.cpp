// Bringing files into the cache. Whatever a killed process leaves half done is below names that no reader looks at.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <thread>
#include <utility>

#include "base/file.h"
#include "digest/git_blob.h"
#include "digest/sha256.h"
#include "hub/cache_files.h"
#include "hub/hub_cache.h"
#include "hub/hub_names.h"

namespace sobre {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kTag =
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# This folder is a cache of models (bford.info/cachedir); backups may leave it out.\n";

Result<void> make_folder(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (!error && fs::is_directory(path, error)) return {};
  const std::string reason = error ? error.message() : "something else is there";
  return fail("{}: cannot be made: {}; set HF_HUB_CACHE to a folder that can be written", path, reason);
}

// What to do about a place that cannot be written.
std::string_view advice(int error) {
  const bool taken = error == EEXIST || error == ENOTDIR || error == EISDIR || error == ENOTEMPTY;
  return taken ? "remove what is there and try again" : "set HF_HUB_CACHE to a folder that can be written";
}

// The folders of a path below `base`, each of them a folder and no link to one.
Result<void> make_folders_below(const std::string& base, std::string_view path) {
  for (size_t at = path.find('/'); at != path.npos; at = path.find('/', at + 1)) {
    const std::string folder = fmt::format("{}/{}", base, path.substr(0, at));
    if (::mkdir(folder.c_str(), 0777) == 0 || (errno == EEXIST && is_real_folder(folder))) continue;
    const int error = errno;
    return fail("{}: cannot be made: {}; {}", folder, std::strerror(error), advice(error));
  }
  return {};
}

// Whether the file that is open is still the one of that name: who held the lock may have removed it.
bool is_at(int fd, const std::string& path) {
  struct stat here{}, there{};
  return ::fstat(fd, &here) == 0 && ::stat(path.c_str(), &there) == 0 && here.st_ino == there.st_ino &&
         here.st_dev == there.st_dev;
}

// File systems of some networks have no locks; there each process fetches for itself, and the renames keep the cache whole.
bool has_no_locks(int error) { return error == ENOSYS || error == EOPNOTSUPP || error == ENOLCK || error == EINVAL; }

// The mode that a new file of the folder gets from the umask (asking for the umask would set it for other threads).
Result<mode_t> mode_of_new_files(const CacheRepo& repo) {
  mode_t mode = 0;
  TRY(const std::string name, repo.temporary([&](const std::string& path) {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0) return errno;
    struct stat info{};
    const int error = ::fstat(fd, &info) == 0 ? 0 : errno;
    mode = info.st_mode & 0777;
    ::close(fd);
    return error;
  }));
  ::unlink(name.c_str());
  return mode;
}

void sync_folder(const std::string& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  ::fsync(fd);  // best effort: some file systems cannot
  ::close(fd);
}

bool has_content(const std::string& path, std::string_view digest) {
  const auto sum = digest.size() == 64 ? file_sha256(path) : file_git_blob(path);
  return sum && *sum == digest;
}

}  // namespace

BlobLock::BlobLock(BlobLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

BlobLock::~BlobLock() {
  if (fd_ >= 0) ::close(fd_);
}

Result<void> HubCache::prepare(std::string_view repo) const {
  const CacheRepo at(folder_, repo);
  for (const char* name : {"blobs", "refs", "snapshots"}) TRY_VOID(make_folder(at.below(name)));
  TRY_VOID(make_folder(fs::path(at.lock_path("x")).parent_path().string()));
  const std::string tag = folder_ + "/CACHEDIR.TAG";
  struct stat info{};
  if (::lstat(tag.c_str(), &info) != 0) TRY_VOID(write_text_file(tag, kTag));
  return {};
}

Result<BlobLock> HubCache::lock(std::string_view repo, std::string_view digest, const std::function<void()>& waiting,
                                const HubCancelled& cancelled) const {
  constexpr auto kPause = std::chrono::milliseconds(50);
  const std::string path = CacheRepo(folder_, repo).lock_path(digest);
  for (bool told = false;;) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0664);
    if (fd < 0)
      return fail("{}: cannot be opened: {}; set HF_HUB_CACHE to a folder that can be written", path, std::strerror(errno));
    BlobLock held(fd);
    const int error = ::flock(fd, LOCK_EX | LOCK_NB) == 0 ? 0 : errno;
    if ((error == 0 && is_at(fd, path)) || has_no_locks(error)) return held;
    if (error != 0 && error != EWOULDBLOCK && error != EINTR)
      return fail("{}: cannot be locked: {}", path, std::strerror(error));
    if (cancelled && cancelled()) return fail("cancelled");
    if (error != EWOULDBLOCK) continue;
    if (!std::exchange(told, true) && waiting) waiting();
    std::this_thread::sleep_for(kPause);
  }
}

Result<void> HubCache::commit_blob(std::string_view repo, std::string_view digest) const {
  const std::string partial = partial_path(repo, digest), blob = blob_path(repo, digest);
  TRY(const mode_t mode, mode_of_new_files(CacheRepo(folder_, repo)));
  const int fd = ::open(partial.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return fail("{}: {}", partial, std::strerror(errno));
  const int error = ::fsync(fd) != 0 || ::fchmod(fd, mode) != 0 ? errno : 0;
  ::close(fd);
  if (error != 0) return fail("{}: cannot be written: {}", partial, std::strerror(error));
  if (::rename(partial.c_str(), blob.c_str()) != 0) return fail("{}: cannot be written: {}", blob, std::strerror(errno));
  sync_folder(repo_folder(repo) + "/blobs");
  return {};
}

Result<void> HubCache::link(std::string_view repo, std::string_view commit, std::string_view path,
                            std::string_view digest) const {
  const CacheRepo at(folder_, repo);
  const BlobFile blob = at.blob(digest);
  const SnapshotEntry entry = at.entry(commit, path);
  if (entry.kind == EntryKind::kBlob && entry.blob == digest) return {};
  if (entry.kind == EntryKind::kPlain && has_content(entry.file.path, digest)) return {};
  if (!blob.there)
    return fail("{}: it is not there any more; another program may have removed it, pull again", blob_path(repo, digest));
  const std::string folders = fmt::format("snapshots/{}/{}", commit, path);
  TRY_VOID(make_folders_below(at.folder(), folders));
  return place_link(at, at.below(folders), CacheRepo::link_text(path, digest), blob, true);
}

Result<void> HubCache::set_ref(std::string_view repo, std::string_view revision, std::string_view commit) const {
  const CacheRepo at(folder_, repo);
  if (revision == commit || at.ref(revision) == commit) return {};
  const std::string place = fmt::format("refs/{}", revision);
  TRY_VOID(make_folders_below(at.folder(), place));
  // Not beside the ref: whatever lies below refs/ is a ref to every tool, half written or not.
  TRY(const std::string name, at.temporary([&](const std::string& path) {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0) return errno;
    const bool whole = ::write(fd, commit.data(), commit.size()) == static_cast<ssize_t>(commit.size()) && ::fsync(fd) == 0;
    const int error = whole ? 0 : errno != 0 ? errno : EIO;
    ::close(fd);
    if (error != 0) ::unlink(path.c_str());
    return error;
  }));
  if (::rename(name.c_str(), at.below(place).c_str()) == 0) return {};
  const int error = errno;
  ::unlink(name.c_str());
  return fail("{}: cannot be written: {}; {}", at.below(place), std::strerror(error), advice(error));
}

}  // namespace sobre
