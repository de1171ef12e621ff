#include "digest/sha256.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>

#include "base/file.h"

namespace sobre {

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  CHECK(context_ != nullptr && EVP_DigestInit_ex(static_cast<EVP_MD_CTX*>(context_), EVP_sha256(), nullptr) == 1);
}

Sha256::Sha256(const Sha256& begun) : context_(EVP_MD_CTX_new()) {
  CHECK(context_ != nullptr &&
        EVP_MD_CTX_copy_ex(static_cast<EVP_MD_CTX*>(context_), static_cast<const EVP_MD_CTX*>(begun.context_)) == 1);
}

Sha256::~Sha256() { EVP_MD_CTX_free(static_cast<EVP_MD_CTX*>(context_)); }

void Sha256::update(std::span<const std::byte> bytes) {
  CHECK(EVP_DigestUpdate(static_cast<EVP_MD_CTX*>(context_), bytes.data(), bytes.size()) == 1);
}

Sha256Digest Sha256::digest() {
  Sha256Digest out{};
  CHECK(EVP_DigestFinal_ex(static_cast<EVP_MD_CTX*>(context_), out.data(), nullptr) == 1);
  return out;
}

Sha256Digest sha256(std::string_view text) {
  Sha256Digest out{};
  unsigned size = 0;
  CHECK(EVP_Digest(text.data(), text.size(), out.data(), &size, EVP_sha256(), nullptr) == 1 && size == out.size());
  return out;
}

std::string hex(const Sha256Digest& digest) {
  std::string out;
  for (const unsigned char byte : digest) out += fmt::format("{:02x}", byte);
  return out;
}

Result<std::string> file_sha256(const std::string& path, const std::function<bool(uint64_t)>& go_on) {
  constexpr size_t kBlock = 1 << 20;
  TRY(const MappedFile file, MappedFile::open(path));
  Sha256 sum;
  const std::span<const std::byte> bytes = file.bytes();
  for (size_t done = 0; done < bytes.size();) {
    const std::span<const std::byte> block = bytes.subspan(done, std::min(kBlock, bytes.size() - done));
    sum.update(block);
    file.release(block);
    done += block.size();
    if (go_on && !go_on(done)) return fail("cancelled");
  }
  return hex(sum.digest());
}

}  // namespace sobre
