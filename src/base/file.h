// Files: read-only mappings, whole small files, and writes that are all or nothing.
// Owned by whoever opens them; a MappedFile may be shared among threads (it never changes).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sobre {

/// Which file it is, and when it was written last.
struct FileVersion {
  uint64_t device = 0, number = 0;
  int64_t bytes = 0, changed_ns = 0;
};

/// A file mapped read-only for as long as this object lives. Views into it must not outlive it.
class MappedFile {
 public:
  /// Maps a regular file. Errors: missing, not a regular file, unreadable.
  [[nodiscard]] static Result<MappedFile> open(const std::string& path);

  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  [[nodiscard]] std::span<const std::byte> bytes() const { return {data_, size_}; }
  [[nodiscard]] std::string_view text() const { return {reinterpret_cast<const char*>(data_), size_}; }
  [[nodiscard]] const std::string& path() const { return path_; }

  /// Whether the file was written in place since it was opened: its bytes may be others then, or gone (a read ends the program
  /// where it became shorter). One put in its place under the same name changes nothing here.
  [[nodiscard]] bool was_rewritten() const;

  /// Gives the pages of a part of the mapping back to the system (they are read again when touched).
  void release(std::span<const std::byte> part) const;

 private:
  MappedFile() = default;
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
  std::string path_;
  FileVersion version_;
};

/// Reads a whole file of at most `max_bytes` bytes.
[[nodiscard]] Result<std::string> read_file(const std::string& path, uint64_t max_bytes);

/// Writes a new file without a name beside `path`, syncs it and puts it there: readers see the old bytes or the new ones. A
/// link is replaced, not followed; what is there and is no regular file (a device, a pipe, a folder) is an error.
class AtomicFile {
 public:
  [[nodiscard]] static Result<AtomicFile> create(const std::string& path);
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;
  ~AtomicFile();  // without commit() the temporary file is removed

  [[nodiscard]] Result<void> write(std::span<const std::byte> bytes);
  [[nodiscard]] Result<void> write(std::string_view text);
  [[nodiscard]] Result<void> commit();

 private:
  AtomicFile() = default;
  int fd_ = -1;
  std::string path_, temporary_;
};

/// Writes a whole file through AtomicFile.
[[nodiscard]] Result<void> write_text_file(const std::string& path, std::string_view text);

}  // namespace sobre
