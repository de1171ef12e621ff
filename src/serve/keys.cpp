#include "serve/keys.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <algorithm>
#include <unordered_map>

#include "base/file.h"
#include "digest/sha256.h"

namespace sobre {

namespace {

constexpr uint64_t kMaxFileBytes = 16 << 20;
constexpr size_t kMaxIdBytes = 64, kKeyBytes = 32;
constexpr std::string_view kHashForm = "sha256:";
constexpr std::string_view kPrefix = "sk-sobre-";

bool is_id(std::string_view s) {
  return !s.empty() && s.size() <= kMaxIdBytes && std::all_of(s.begin(), s.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' || c == '-' ||
           c == '@';
  });
}

Error bad_id(std::string_view id) {
  std::string shown;
  for (const char c : id.substr(0, kMaxIdBytes)) shown += c >= 0x20 && c < 0x7F ? c : '?';
  return {fmt::format("\"{}\" is no id of a key: letters, digits and . _ - @ are allowed, at most {}", shown, kMaxIdBytes)};
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

std::optional<std::array<uint8_t, 32>> parse_hash(std::string_view text) {
  std::array<uint8_t, 32> hash{};
  if (!text.starts_with(kHashForm) || text.size() != kHashForm.size() + 2 * hash.size()) return std::nullopt;
  text.remove_prefix(kHashForm.size());
  for (size_t i = 0; i < hash.size(); ++i) {
    const int high = hex_value(text[2 * i]), low = hex_value(text[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    hash[i] = static_cast<uint8_t>(high * 16 + low);
  }
  return hash;
}

/// Takes the next word off a line.
std::string_view take_word(std::string_view& line) {
  constexpr std::string_view kSpace = " \t\r";
  line.remove_prefix(std::min(line.find_first_not_of(kSpace), line.size()));
  const std::string_view word = line.substr(0, std::min(line.find_first_of(kSpace), line.size()));
  line.remove_prefix(word.size());
  return word;
}

/// base64url without padding.
std::string encode_key(const std::array<uint8_t, kKeyBytes>& bytes) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string out;
  uint32_t bits = 0;
  int n_bits = 0;
  for (const uint8_t byte : bytes) {
    bits = (bits << 8 | byte) & 0xFFFF;
    for (n_bits += 8; n_bits >= 6; n_bits -= 6) out += kAlphabet[bits >> (n_bits - 6) & 63];
  }
  if (n_bits > 0) out += kAlphabet[bits << (6 - n_bits) & 63];
  return out;
}

}  // namespace

Result<std::vector<ApiKeyHash>> parse_api_keys(std::string_view text, const std::string& where) {
  std::vector<ApiKeyHash> keys;
  std::unordered_map<std::string, int> ids, hashes;  // where they stand
  for (int number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::string_view id = take_word(line);
    if (id.empty() || id[0] == '#') continue;
    if (!is_id(id)) return fail("{}:{}: {}", where, number, bad_id(id).message);
    const auto hash = parse_hash(take_word(line));
    if (!hash) {
      return fail("{}:{}: after the id \"{}\" stands no hash; the form is sha256: and 64 hexadecimal digits", where, number,
                  id);
    }
    const std::string_view rest = take_word(line);
    if (!rest.empty() && rest[0] != '#') return fail("{}:{}: something follows the hash of \"{}\"", where, number, id);
    if (const auto [at, fresh] = ids.emplace(id, number); !fresh) {
      return fail("{}:{}: the id \"{}\" stands in line {} already", where, number, id, at->second);
    }
    const std::string bytes(reinterpret_cast<const char*>(hash->data()), hash->size());
    if (const auto [at, fresh] = hashes.emplace(bytes, number); !fresh) {
      return fail("{}:{}: the key of \"{}\" stands in line {} already", where, number, id, at->second);
    }
    keys.push_back({std::string(id), *hash});
  }
  return keys;
}

Result<NewApiKey> new_api_key(std::string_view id) {
  if (!is_id(id)) return std::unexpected(bad_id(id));
  std::array<uint8_t, kKeyBytes> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) return fail("the system gives no random bytes");
  NewApiKey out;
  out.key = std::string(kPrefix) + encode_key(bytes);
  OPENSSL_cleanse(bytes.data(), bytes.size());
  out.line = fmt::format("{} {}", id, kHashForm);
  out.line += hex(sha256(out.key));
  return out;
}

Result<std::unique_ptr<KeyStore>> KeyStore::load(const std::string& path) {
  std::unique_ptr<KeyStore> store(new KeyStore(path));
  TRY([[maybe_unused]] const size_t n, store->reload());
  return store;
}

Result<size_t> KeyStore::reload() {
  TRY(const std::string text, read_file(path_, kMaxFileBytes));
  TRY(std::vector<ApiKeyHash> keys, parse_api_keys(text, path_));
  auto fresh = std::make_shared<const std::vector<ApiKeyHash>>(std::move(keys));
  const size_t n = fresh->size();
  const std::lock_guard lock(mutex_);
  keys_ = std::move(fresh);
  return n;
}

std::shared_ptr<const std::vector<ApiKeyHash>> KeyStore::keys() const {
  const std::lock_guard lock(mutex_);
  return keys_;
}

std::optional<std::string> KeyStore::check(std::string_view key) const {
  const auto all = keys();
  const auto hash = sha256(key);
  size_t found = all->size();
  for (size_t i = 0; i < all->size(); ++i) {
    // Without a branch: found = equal ? i : found.
    const auto differs = static_cast<size_t>(CRYPTO_memcmp((*all)[i].sha256.data(), hash.data(), hash.size()) != 0);
    const size_t mask = size_t{0} - differs;
    found = (found & mask) | (i & ~mask);
  }
  if (found == all->size()) return std::nullopt;
  return (*all)[found].id;
}

size_t KeyStore::size() const { return keys()->size(); }

}  // namespace sobre
