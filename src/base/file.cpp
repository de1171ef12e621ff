#include "base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <utility>

namespace sobre {

namespace {

struct Fd {
  int fd;
  explicit Fd(int f) : fd(f) {}
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() {
    if (fd >= 0) ::close(fd);
  }
};

// A file of this process by its number, for files without a name.
std::string own_link(int fd) { return fmt::format("/proc/self/fd/{}", fd); }

// Tries names beside `path` until `make` makes one of them; returns it. Empty: `make` failed for another reason than that a
// name is taken, which errno tells.
std::string take_name(const std::string& path, const std::function<bool(const char*)>& make) {
  constexpr int kMaxLeftOver = 1000;
  for (int i = 0; i < kMaxLeftOver; ++i) {
    std::string name = fmt::format("{}.tmp{}-{}", path, ::getpid(), i);
    if (make(name.c_str())) return name;
    if (errno != EEXIST) break;
  }
  return {};
}

// O_NONBLOCK: a pipe without a writer is refused below like everything that is no regular file, not waited for.
int open_for_reading(const std::string& path) { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK); }

FileVersion version_from(const struct stat& st) {
  return {st.st_dev, st.st_ino, st.st_size, int64_t{st.st_mtim.tv_sec} * 1'000'000'000 + st.st_mtim.tv_nsec};
}

Result<FileVersion> regular_version(int fd, const std::string& path) {
  struct stat st{};
  if (::fstat(fd, &st) != 0) return fail("{}: {}", path, std::strerror(errno));
  if (!S_ISREG(st.st_mode)) return fail("{}: not a regular file", path);
  return version_from(st);
}

}  // namespace

Result<MappedFile> MappedFile::open(const std::string& path) {
  const Fd file(open_for_reading(path));
  if (file.fd < 0) return fail("{}: {}", path, std::strerror(errno));
  MappedFile m;
  TRY(m.version_, regular_version(file.fd, path));
  const auto size = static_cast<size_t>(m.version_.bytes);
  m.path_ = path;
  m.size_ = size;
  if (size > 0) {
    void* p = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.fd, 0);
    if (p == MAP_FAILED) return fail("{}: cannot map {} bytes: {}", path, size, std::strerror(errno));
    m.data_ = static_cast<const std::byte*>(p);
  }
  return m;
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      path_(std::move(other.path_)),
      version_(other.version_) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(path_, other.path_);
  std::swap(version_, other.version_);
  return *this;
}

bool MappedFile::was_rewritten() const {
  struct stat st{};
  if (::stat(path_.c_str(), &st) != 0) return false;
  const FileVersion now = version_from(st);
  const bool same_file = now.device == version_.device && now.number == version_.number;
  return same_file && (now.bytes != version_.bytes || now.changed_ns != version_.changed_ns);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

void MappedFile::release(std::span<const std::byte> part) const {
  const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const uintptr_t begin = (reinterpret_cast<uintptr_t>(part.data()) + page - 1) / page * page;
  const uintptr_t end = reinterpret_cast<uintptr_t>(part.data() + part.size()) / page * page;
  if (end > begin) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

Result<std::string> read_file(const std::string& path, uint64_t max_bytes) {
  const Fd file(open_for_reading(path));
  if (file.fd < 0) return fail("{}: {}", path, std::strerror(errno));
  TRY(const FileVersion version, regular_version(file.fd, path));
  const auto size = static_cast<uint64_t>(version.bytes);
  if (size > max_bytes) return fail("{}: {} bytes, the limit is {}", path, size, max_bytes);
  std::string text(size, '\0');
  size_t done = 0;
  while (done < size) {
    const ssize_t n = ::read(file.fd, text.data() + done, size - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail("{}: {}", path, std::strerror(errno));
    if (n == 0) break;
    done += static_cast<size_t>(n);
  }
  text.resize(done);
  return text;
}

Result<AtomicFile> AtomicFile::create(const std::string& path) {
  // Put in the place of a device or a pipe, a file would be the end of it.
  struct stat there{};
  if (::stat(path.c_str(), &there) == 0 && !S_ISREG(there.st_mode))
    return fail("{}: cannot write: what is there is not a regular file", path);
  AtomicFile f;
  f.path_ = path;
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  f.fd_ = ::open(folder.c_str(), O_WRONLY | O_TMPFILE | O_CLOEXEC, 0644);
  if (f.fd_ >= 0 && ::access(own_link(f.fd_).c_str(), F_OK) != 0) ::close(std::exchange(f.fd_, -1));
  if (f.fd_ >= 0) return f;  // has no name: a killed process leaves nothing
  // Where the file system has no such files. O_EXCL: never a file of someone else's, nor one of ours of another thread.
  f.temporary_ = take_name(path, [&](const char* name) {
    f.fd_ = ::open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    return f.fd_ >= 0;
  });
  if (f.fd_ < 0) return fail("{}: cannot write: {}", path, std::strerror(errno));
  return f;
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)), temporary_(std::move(other.temporary_)) {}

AtomicFile::~AtomicFile() {
  if (fd_ < 0) return;
  ::close(fd_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Result<void> AtomicFile::write(std::span<const std::byte> bytes) {
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = ::write(fd_, bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail("{}: cannot write: {}; nothing was changed", path_, std::strerror(errno));
    done += static_cast<size_t>(n);
  }
  return {};
}

Result<void> AtomicFile::write(std::string_view text) { return write(std::as_bytes(std::span(text))); }

Result<void> AtomicFile::commit() {
  if (::fsync(fd_) != 0) return fail("{}: cannot sync: {}; nothing was changed", path_, std::strerror(errno));
  if (temporary_.empty()) {
    // A link cannot take the place of another file, a rename can.
    temporary_ = take_name(path_, [this](const char* name) {
      return ::linkat(AT_FDCWD, own_link(fd_).c_str(), AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0;
    });
    if (temporary_.empty()) return fail("{}: cannot write: {}; nothing was changed", path_, std::strerror(errno));
  }
  if (::rename(temporary_.c_str(), path_.c_str()) != 0)
    return fail("{}: cannot rename into place: {}", path_, std::strerror(errno));
  ::close(std::exchange(fd_, -1));
  return {};
}

Result<void> write_text_file(const std::string& path, std::string_view text) {
  TRY(AtomicFile file, AtomicFile::create(path));
  TRY_VOID(file.write(text));
  return file.commit();
}

}  // namespace sobre
