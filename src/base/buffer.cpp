#include "base/buffer.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace sobre {

Result<Buffer> Buffer::create(uint64_t bytes) {
  Buffer b;
  if (bytes == 0) return b;
  void* p = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) return fail("cannot get {} bytes of memory: {}", bytes, std::strerror(errno));
  // Streams of hundreds of megabytes: with 4 KiB pages the TLB misses cost more than a tenth of the bandwidth.
  if (bytes >= (4U << 20)) ::madvise(p, bytes, MADV_HUGEPAGE);
  b.data_ = static_cast<std::byte*>(p);
  b.size_ = bytes;
  return b;
}

Buffer::Buffer(Buffer&& other) noexcept : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

Buffer::~Buffer() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

}  // namespace sobre
