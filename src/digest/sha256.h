// SHA-256 (FIPS 180-4) by OpenSSL: rows of the ledger, digests of models and downloads, API keys. This is the lowest layer that
// OpenSSL is linked to. Any thread; an object belongs to one at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sobre {

using Sha256Digest = std::array<unsigned char, 32>;

/// Sums bytes up.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256& begun);  // goes on from where that one is
  Sha256& operator=(const Sha256&) = delete;
  void update(std::span<const std::byte> bytes);
  void update(std::string_view text) { update(std::as_bytes(std::span(text))); }
  [[nodiscard]] Sha256Digest digest();  // once, at the end

 private:
  void* context_;
};

/// Of a text.
[[nodiscard]] Sha256Digest sha256(std::string_view text);
/// 64 lower-case hexadecimal digits.
[[nodiscard]] std::string hex(const Sha256Digest& digest);
/// Of a file, in hexadecimal digits; its pages are given back as they are done. `go_on` (may be empty) gets the bytes read so
/// far; false ends it with the error "cancelled".
[[nodiscard]] Result<std::string> file_sha256(const std::string& path, const std::function<bool(uint64_t)>& go_on = {});

}  // namespace sobre
