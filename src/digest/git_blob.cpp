#include "digest/git_blob.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "base/file.h"

namespace sobre {

namespace {

constexpr size_t kSha1Bytes = 20;

}  // namespace

GitBlobSum::GitBlobSum(uint64_t size) : context_(EVP_MD_CTX_new()) {
  CHECK(context_ != nullptr && EVP_DigestInit_ex(static_cast<EVP_MD_CTX*>(context_), EVP_sha1(), nullptr) == 1);
  const std::string header = fmt::format("blob {}", size);
  update(std::string_view(header.c_str(), header.size() + 1));  // with the zero byte at its end
}

GitBlobSum::~GitBlobSum() { EVP_MD_CTX_free(static_cast<EVP_MD_CTX*>(context_)); }

void GitBlobSum::update(std::span<const std::byte> bytes) {
  CHECK(EVP_DigestUpdate(static_cast<EVP_MD_CTX*>(context_), bytes.data(), bytes.size()) == 1);
}

std::string GitBlobSum::hex() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  CHECK(EVP_DigestFinal_ex(static_cast<EVP_MD_CTX*>(context_), digest.data(), &size) == 1 && size == kSha1Bytes);
  std::string out;
  for (size_t i = 0; i < kSha1Bytes; ++i) out += fmt::format("{:02x}", digest[i]);
  return out;
}

std::string git_blob(std::string_view text) {
  GitBlobSum sum(text.size());
  sum.update(text);
  return sum.hex();
}

Result<std::string> file_git_blob(const std::string& path, const std::function<bool(uint64_t)>& go_on) {
  constexpr size_t kBlock = 1 << 20;
  TRY(const MappedFile file, MappedFile::open(path));
  const std::span<const std::byte> bytes = file.bytes();
  GitBlobSum sum(bytes.size());
  for (size_t done = 0; done < bytes.size();) {
    const std::span<const std::byte> block = bytes.subspan(done, std::min(kBlock, bytes.size() - done));
    sum.update(block);
    file.release(block);
    done += block.size();
    if (go_on && !go_on(done)) return fail("cancelled");
  }
  return sum.hex();
}

}  // namespace sobre
