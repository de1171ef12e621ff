// Small files of the kernel (/proc, /sys): read whole although their size says nothing, or kept open and read again and again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sobre {

/// Reads a file of /proc or /sys to its end, at most `max_bytes`. Errors: cannot be opened or read, or is longer.
[[nodiscard]] Result<std::string> read_system_file(const std::string& path, size_t max_bytes);

/// A whole number, spaces and line ends around it allowed; nothing where the text is anything else or does not fit.
[[nodiscard]] std::optional<uint64_t> parse_whole_number(std::string_view text);

/// A file kept open and read from its beginning each time, without heap calls. Moves, does not copy. One thread at a time.
class KeptFile {
 public:
  KeptFile() = default;
  explicit KeptFile(const std::string& path);
  KeptFile(KeptFile&& other) noexcept;
  KeptFile& operator=(KeptFile&& other) noexcept;
  ~KeptFile();

  [[nodiscard]] bool is_open() const { return fd_ >= 0; }
  /// Why opening or the last reading failed, as errno has it; 0: it did not.
  [[nodiscard]] int error() const { return error_; }
  /// The first bytes of the file, as many as `buffer` takes; empty where nothing can be read (error() says why, 0: it is
  /// empty).
  [[nodiscard]] std::string_view read(std::span<char> buffer);
  /// Opens it anew.
  void reopen();

 private:
  std::string path_;
  int fd_ = -1;
  int error_ = 0;
};

}  // namespace sobre
