#include "hub/following_sum.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <vector>

namespace sobre {

namespace {

constexpr size_t kBlock = 256 << 10;  // read at once; the thread is woken as often

}  // namespace

FollowingSum::FollowingSum(int fd, const HubFile& file) : fd_(fd), size_(file.size) {
  if (file.digest.size() == 64) {
    sha256_.emplace();
  } else {
    git_.emplace(file.size);
  }
  thread_ = std::thread([this] { follow(); });
}

FollowingSum::~FollowingSum() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void FollowingSum::advance(uint64_t bytes) {
  CHECK(bytes <= size_ && bytes >= announced_);
  if (bytes < size_ && bytes - announced_ < kBlock) return;
  announced_ = bytes;
  {
    const std::lock_guard lock(mutex_);
    written_ = bytes;
  }
  changed_.notify_all();
}

uint64_t FollowingSum::wait_beyond(uint64_t read) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return stopped_ || written_ > read; });
  return stopped_ ? read : written_;
}

void FollowingSum::follow() {
  std::vector<std::byte> block(kBlock);
  std::string error;
  for (uint64_t read = 0; read < size_ && error.empty();) {
    const uint64_t end = wait_beyond(read);
    if (end == read) return;  // stopped
    const ssize_t got = pread(fd_, block.data(), std::min<uint64_t>(kBlock, end - read), static_cast<off_t>(read));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      error = got < 0 ? std::strerror(errno) : "it became shorter while it was read";
      break;
    }
    const std::span<const std::byte> bytes(block.data(), static_cast<size_t>(got));
    if (sha256_) {
      sha256_->update(bytes);
    } else {
      git_->update(bytes);
    }
    read += static_cast<uint64_t>(got);
  }
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    error_ = std::move(error);
  }
  changed_.notify_all();
}

Result<std::string> FollowingSum::finish(const HubCancelled& cancelled) {
  std::unique_lock lock(mutex_);
  CHECK(written_ == size_);
  while (!changed_.wait_for(lock, std::chrono::milliseconds(50), [&] { return ended_; })) {
    if (cancelled && cancelled()) return fail("cancelled");
  }
  if (!error_.empty()) return fail("cannot be read: {}", error_);
  return sha256_ ? hex(sha256_->digest()) : git_->hex();
}

}  // namespace sobre
