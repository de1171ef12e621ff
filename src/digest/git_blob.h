// The name git gives a file's content: SHA-1 over "blob SIZE\0" and the bytes, by OpenSSL. The hub names small files by it; it
// finds damage, while what must withstand malice goes by SHA-256. Any thread; an object belongs to one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sobre {

/// Sums up the bytes of one file.
class GitBlobSum {
 public:
  /// `size`: of the whole file in bytes, which git sums first. Fewer or more bytes than that give another sum.
  explicit GitBlobSum(uint64_t size);
  ~GitBlobSum();
  GitBlobSum(const GitBlobSum&) = delete;
  GitBlobSum& operator=(const GitBlobSum&) = delete;
  void update(std::span<const std::byte> bytes);
  void update(std::string_view text) { update(std::as_bytes(std::span(text))); }
  [[nodiscard]] std::string hex();  // 40 lower-case digits; once, at the end

 private:
  void* context_;
};

/// Of a text.
[[nodiscard]] std::string git_blob(std::string_view text);
/// Of a file; its pages are given back as they are done. `go_on` (may be empty) gets the bytes read so far; false ends it with
/// the error "cancelled".
[[nodiscard]] Result<std::string> file_git_blob(const std::string& path, const std::function<bool(uint64_t)>& go_on = {});

}  // namespace sobre
