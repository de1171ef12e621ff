#include "hub/cache_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "base/file.h"
#include "hub/hub_names.h"
#include "hub/shared_blobs.h"

namespace sobre {

namespace fs = std::filesystem;

namespace {

constexpr size_t kMaxPaths = 100'000;
constexpr uint64_t kMaxRefBytes = 256;

// A name that may be a blob's: the hub names them by digests, other servers by tags of theirs.
bool is_blob_name(std::string_view name) {
  if (name.empty() || name.size() > 255 || name.front() == '.' || name.find('/') != name.npos) return false;
  return !name.ends_with(".incomplete") && !name.ends_with(".sobre-partial");
}

void set_file(BlobFile& file, const std::string& path, const struct stat& info) {
  file.there = true, file.path = path;
  file.size = static_cast<uint64_t>(info.st_size);
  file.used = std::max<int64_t>(info.st_atime, info.st_mtime);
}

constexpr std::string_view kModels = "models--";

std::string folder_name(std::string_view repo) {
  std::string name = std::string(kModels) + std::string(repo);
  if (const size_t slash = name.find('/'); slash != name.npos) name.replace(slash, 1, "--");
  return name;
}

Result<void> copy_file(const std::string& from, const std::string& to) {
  TRY(const MappedFile source, MappedFile::open(from));
  TRY(AtomicFile out, AtomicFile::create(to));
  constexpr size_t kBlock = 1 << 20;
  const std::span<const std::byte> bytes = source.bytes();
  for (size_t done = 0; done < bytes.size(); done += kBlock) {
    const auto block = bytes.subspan(done, std::min(kBlock, bytes.size() - done));
    TRY_VOID(out.write(block));
    source.release(block);
  }
  return out.commit();
}

std::string link_at(const std::string& path) {
  std::array<char, 4097> text{};
  const ssize_t size = ::readlink(path.c_str(), text.data(), text.size() - 1);
  return size < 0 ? std::string() : std::string(text.data(), static_cast<size_t>(size));
}

}  // namespace

bool is_real_folder(const std::string& path) {
  struct stat info{};
  return ::lstat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

std::vector<std::string> paths_below(const std::string& folder) {
  std::vector<std::string> found, waiting = {""};
  while (!waiting.empty() && found.size() < kMaxPaths) {
    const std::string at = std::move(waiting.back());
    waiting.pop_back();
    std::error_code error;
    fs::directory_iterator entries(fmt::format("{}/{}", folder, at), error);
    for (; !error && entries != fs::directory_iterator() && found.size() < kMaxPaths; entries.increment(error)) {
      const std::string path = at + entries->path().filename().string();
      if (is_real_folder(fmt::format("{}/{}", folder, path))) {
        if (waiting.size() < kMaxPaths) waiting.push_back(path + "/");
      } else {
        found.push_back(path);
      }
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::optional<std::string> repo_of_folder(std::string_view folder) {
  if (!folder.starts_with(kModels)) return std::nullopt;
  std::string repo(folder.substr(kModels.size()));
  const size_t cut = repo.find("--");
  if (cut != repo.npos) repo.replace(cut, 2, "/");
  if (!looks_like_hub_name(cut == repo.npos ? "org/" + repo : repo)) return std::nullopt;
  return repo;
}

std::optional<CachePlace> place_in_cache(const std::string& path) {
  std::error_code error;
  std::vector<std::string> parts;  // .../models--ORG--NAME/snapshots/COMMIT/PATH
  for (const fs::path& part : fs::absolute(path, error).lexically_normal()) {
    if (!part.empty()) parts.push_back(part.string());
  }
  const auto at = std::find(parts.rbegin(), parts.rend(), "snapshots");
  const auto snapshots = static_cast<size_t>(parts.rend() - at);  // of the part after it
  if (snapshots < 2 || snapshots >= parts.size()) return std::nullopt;
  auto repo = repo_of_folder(parts[snapshots - 2]);
  if (!repo) return std::nullopt;
  CachePlace place{std::move(*repo), parts[snapshots], {}};
  for (size_t i = snapshots + 1; i < parts.size(); ++i) place.path += (place.path.empty() ? "" : "/") + parts[i];
  return place;
}

CacheRepo::CacheRepo(const std::string& cache, std::string_view repo)
    : cache_(cache), name_(folder_name(repo)), folder_(cache + "/" + name_) {}

std::string CacheRepo::lock_path(std::string_view digest) const {
  return fmt::format("{}/.locks/{}/{}.lock", cache_, name_, digest);
}

BlobFile CacheRepo::blob(std::string_view name) const {
  BlobFile file;
  if (!is_blob_name(name) || !is_real_folder(below("blobs"))) return file;
  std::string path = fmt::format("{}/blobs/{}", folder_, name);
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) return file;
  if (S_ISLNK(info.st_mode)) {
    file.shared = shared_blob_of_link(link_at(path));
    if (file.shared.empty()) return file;
    path = shared_blob_path(cache_, file.shared);
    if (::lstat(path.c_str(), &info) != 0) return file;
  }
  if (S_ISREG(info.st_mode)) set_file(file, path, info);
  return file;
}

SnapshotEntry CacheRepo::entry(std::string_view commit, std::string_view path) const {
  SnapshotEntry out;
  const std::string snapshot = fmt::format("{}/snapshots/{}", folder_, commit), place = fmt::format("{}/{}", snapshot, path);
  if (!is_real_folder(below("snapshots")) || !is_real_folder(snapshot)) return out;
  for (size_t at = path.find('/'); at != path.npos; at = path.find('/', at + 1)) {
    if (!is_real_folder(fmt::format("{}/{}", snapshot, path.substr(0, at)))) return out;
  }
  struct stat info{};
  if (::lstat(place.c_str(), &info) != 0 || S_ISDIR(info.st_mode)) return out;
  out.kind = EntryKind::kForeign;
  if (S_ISREG(info.st_mode)) {
    out.kind = EntryKind::kPlain;
    set_file(out.file, place, info);
  } else if (S_ISLNK(info.st_mode)) {
    const std::string text = link_at(place);
    std::string name = text.substr(text.find_last_of('/') + 1);
    if (!is_blob_name(name) || text != link_text(path, name)) return out;
    out.file = blob(name);
    out.kind = out.file.there ? EntryKind::kBlob : EntryKind::kMissing;
    out.blob = std::move(name);
  }
  return out;
}

std::vector<std::string> CacheRepo::commits() const {
  std::vector<std::string> found;
  if (!is_real_folder(below("snapshots"))) return found;
  std::error_code error;
  fs::directory_iterator entries(below("snapshots"), error);
  for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
    std::string name = entries->path().filename().string();
    if (is_commit(name) && is_real_folder(entries->path().string())) found.push_back(std::move(name));
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::vector<std::string> CacheRepo::paths(std::string_view commit) const {
  const std::string snapshot = fmt::format("{}/snapshots/{}", folder_, commit);
  if (!is_real_folder(below("snapshots")) || !is_real_folder(snapshot)) return {};
  return paths_below(snapshot);
}

std::map<std::string, std::string> CacheRepo::refs() const {
  std::map<std::string, std::string> found;
  if (!is_real_folder(below("refs"))) return found;
  for (const std::string& revision : paths_below(below("refs"))) {
    if (std::string commit = ref(revision); !commit.empty()) found.emplace(revision, std::move(commit));
  }
  return found;
}

std::string CacheRepo::ref(std::string_view revision) const {
  const std::string path = fmt::format("{}/refs/{}", folder_, revision);
  struct stat info{};
  for (size_t at = path.find('/', folder_.size() + 1); at != path.npos; at = path.find('/', at + 1)) {
    if (!is_real_folder(path.substr(0, at))) return "";
  }
  if (::lstat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return "";
  std::string text = read_file(path, kMaxRefBytes).value_or("");
  text.erase(text.find_last_not_of(" \t\r\n") + 1);  // as an editor or echo may have left it
  return is_commit(text) ? text : "";
}

std::string CacheRepo::link_text(std::string_view path, std::string_view blob) {
  std::string text = "../../";
  for (const char c : path) text += c == '/' ? "../" : "";
  return text + "blobs/" + std::string(blob);
}

Result<std::string> CacheRepo::temporary(const std::function<int(const std::string&)>& make) const {
  constexpr int kMaxLeftOver = 1000;
  std::string name;
  int error = EEXIST;
  for (int i = 0; i < kMaxLeftOver && error == EEXIST; ++i) {
    name = fmt::format("{}/.sobre-tmp-{}-{}", folder_, ::gettid(), i);  // threads of one process must not meet either
    error = make(name);
  }
  if (error == 0) return name;
  return fail("{}: cannot be written: {}", folder_, std::strerror(error));
}

Result<void> place_link(const CacheRepo& repo, const std::string& place, const std::string& text, const BlobFile& blob,
                        bool symlinks) {
  auto made = repo.temporary([&](const std::string& name) {
    if (symlinks) {
      if (::symlink(text.c_str(), name.c_str()) == 0) return 0;
      if (errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS) return errno;
    }
    if (::link(blob.path.c_str(), name.c_str()) == 0) return 0;
    if (errno == EEXIST) return EEXIST;
    const auto copied = copy_file(blob.path, name);
    return copied ? 0 : errno != 0 ? errno : EIO;
  });
  if (!made) return std::unexpected(made.error());
  const int renamed = ::rename(made->c_str(), place.c_str()) == 0 ? 0 : errno;
  ::unlink(made->c_str());  // a rename between two names of one file does nothing and leaves both
  if (renamed == 0) return {};
  return fail("{}: cannot be written: {}; remove what is there, or pull to another HF_HUB_CACHE", place,
              std::strerror(renamed));
}

Result<void> remove_tree(const std::string& path, uint64_t& freed) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) return {};
  if (S_ISDIR(info.st_mode)) {
    for (const std::string& below : paths_below(path)) {
      if (::lstat(fmt::format("{}/{}", path, below).c_str(), &info) == 0 && S_ISREG(info.st_mode) && info.st_nlink == 1) {
        freed += static_cast<uint64_t>(info.st_size);
      }
    }
  } else if (S_ISREG(info.st_mode) && info.st_nlink == 1) {
    freed += static_cast<uint64_t>(info.st_size);
  }
  std::error_code error;
  fs::remove_all(path, error);
  if (error) return fail("{}: cannot be removed: {}; check who may write there", path, error.message());
  return {};
}

}  // namespace sobre
