// What the tests of the cache share: a cache of its own for each test, and files in it.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "digest/git_blob.h"
#include "digest/sha256.h"
#include "hub/cache_files.h"
#include "hub/hub_cache.h"

namespace sobre::testing_hub {

inline std::string sha(std::string_view content) { return hex(sha256(content)); }

class CacheTest : public testing::Test {
 protected:
  using Paths = std::vector<std::string>;

  CacheTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "sobre-cache-XXXXXX").string();
    outer_ = ::mkdtemp(pattern.data());
    folder_ = outer_ + "/hub";
    cache_ = HubCache(folder_);
  }
  ~CacheTest() override { std::filesystem::remove_all(outer_); }

  static void write(const std::string& path, std::string_view content) {
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    ASSERT_TRUE(file << content) << path;
  }
  static std::string text(const std::string& path) { return read_file(path, 1 << 20).value_or("(unreadable)"); }
  static Paths entries(const std::string& folder) {
    Paths names;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
  }

  // A blob as a download leaves it.
  void blob(const std::string& repo, std::string_view content, std::string digest = "") const {
    if (digest.empty()) digest = sha(content);
    ASSERT_TRUE(cache_.prepare(repo));
    const auto lock = cache_.lock(repo, digest, {}, {});
    ASSERT_TRUE(lock) << lock.error().message;
    write(cache_.partial_path(repo, digest), content);
    const auto done = cache_.commit_blob(repo, digest);
    ASSERT_TRUE(done) << done.error().message;
  }
  // A file of a snapshot, by its SHA-256 or by git's SHA-1.
  void put(const std::string& repo, const std::string& commit, const std::string& path, std::string_view content) const {
    blob(repo, content);
    const auto linked = cache_.link(repo, commit, path, sha(content));
    ASSERT_TRUE(linked) << linked.error().message;
  }
  void put_git(const std::string& repo, const std::string& commit, const std::string& path, std::string_view content) const {
    blob(repo, content, git_blob(content));
    ASSERT_TRUE(cache_.link(repo, commit, path, git_blob(content)));
  }

  const std::string kA = std::string(40, 'a'), kB = std::string(40, 'b');
  std::string outer_, folder_;
  HubCache cache_{""};
};

}  // namespace sobre::testing_hub
