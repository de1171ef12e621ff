// The digest of a file while it is being written: a thread of its own reads what is there already, so that neither the network
// nor an earlier run's bytes wait for the hash.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/result.h"
#include "digest/git_blob.h"
#include "digest/sha256.h"
#include "hub/hub_types.h"

namespace sobre {

class FollowingSum {
 public:
  /// Starts the thread. `fd` stays the caller's and must outlive this; it is read by position. The digest is SHA-256 or git's,
  /// by the length of `file.digest`.
  FollowingSum(int fd, const HubFile& file);
  /// Ends the thread, wherever it is.
  ~FollowingSum();
  FollowingSum(const FollowingSum&) = delete;
  FollowingSum& operator=(const FollowingSum&) = delete;

  /// The first `bytes` bytes of the file are written and will not change. From one thread, rising.
  void advance(uint64_t bytes);
  /// Waits until all of `file.size` bytes are read, and gives the digest in hexadecimal digits. Once, after advance() to the
  /// size. Errors: the file cannot be read; "cancelled".
  [[nodiscard]] Result<std::string> finish(const HubCancelled& cancelled);

 private:
  void follow();
  [[nodiscard]] uint64_t wait_beyond(uint64_t read);

  const int fd_;
  const uint64_t size_;
  std::optional<Sha256> sha256_;  // one of the two
  std::optional<GitBlobSum> git_;
  std::mutex mutex_;  // of what follows
  std::condition_variable changed_;
  uint64_t written_ = 0;
  bool ended_ = false;    // the thread has read all, or cannot
  bool stopped_ = false;  // the thread shall end
  std::string error_;
  uint64_t announced_ = 0;  // of advance() alone: what the thread was told last
  std::thread thread_;
};

}  // namespace sobre
