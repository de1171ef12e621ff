// API keys: a file of hashes, one line per key: `ID sha256:HEX`. Comments begin with #. Keys are 256 random bits made by
// new_api_key(), so that plain SHA-256 is enough: there is nothing to guess that a salt or a slow hash would protect.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sobre {

struct ApiKeyHash {
  std::string id;  // letters, digits and . _ - @, at most 64
  std::array<uint8_t, 32> sha256{};
};

/// Reads the text of a keys file; `where` begins the messages. Errors name the line: a bad id or hash, an id or a key that
/// occurs twice.
[[nodiscard]] Result<std::vector<ApiKeyHash>> parse_api_keys(std::string_view text, const std::string& where);

struct NewApiKey {
  std::string key;   // for the client, shown once: "sk-sobre-" and 43 characters
  std::string line;  // for the keys file, without a line end
};
/// Errors: a bad id, no random bytes.
[[nodiscard]] Result<NewApiKey> new_api_key(std::string_view id);

/// The keys of one file. check() may be called from any thread, also during reload().
class KeyStore {
 public:
  /// Errors: those of parse_api_keys, a file that cannot be read.
  [[nodiscard]] static Result<std::unique_ptr<KeyStore>> load(const std::string& path);

  /// Reads the file again and returns how many keys it has. After an error the old keys stay.
  [[nodiscard]] Result<size_t> reload();
  /// The id of a key as a client sent it (without "Bearer "); nothing when it is unknown. Takes the same time wherever the key
  /// stands and however much of a hash agrees.
  [[nodiscard]] std::optional<std::string> check(std::string_view key) const;
  [[nodiscard]] size_t size() const;

 private:
  explicit KeyStore(std::string path) : path_(std::move(path)) {}
  [[nodiscard]] std::shared_ptr<const std::vector<ApiKeyHash>> keys() const;

  const std::string path_;
  mutable std::mutex mutex_;
  std::shared_ptr<const std::vector<ApiKeyHash>> keys_;
};

}  // namespace sobre
