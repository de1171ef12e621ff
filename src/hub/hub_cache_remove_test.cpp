// Removing, locks, what a kill leaves behind, and caches that cannot be written.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <thread>

#include "hub/hub_cache_testing.h"
#include "hub/shared_blobs.h"

namespace sobre {
namespace {

namespace fs = std::filesystem;
using testing_hub::CacheTest;
using testing_hub::sha;

using RemoveTest = CacheTest;
using LockTest = CacheTest;
using KillTest = CacheTest;
using UnwritableTest = CacheTest;
using SharedStoreTest = CacheTest;

TEST_F(RemoveTest, ASharedBlobStaysWithItsOtherSnapshot) {
  put("org/name", kA, "config.json", "{}");
  put("org/name", kA, "old.gguf", "12345");
  put("org/name", kB, "config.json", "{}");
  put("org/name", kB, "new.gguf", "1234567");
  write(cache_.partial_path("org/name", sha("never finished")), "123");
  write(cache_.blob_path("org/name", sha("python's")) + ".0a1b2c3d.incomplete", "1234");
  write(cache_.repo_folder("org/name") + "/refs/v1", kA);
  ASSERT_TRUE(cache_.set_ref("org/name", "refs/pr/1", kA));
  ASSERT_TRUE(cache_.set_ref("org/name", "main", kB));
  fs::create_directories(cache_.repo_folder("org/name") + "/.no_exist/" + kA);
  write(cache_.repo_folder("org/name") + "/.no_exist/" + kA + "/added_tokens.json", "");
  fs::create_directories(cache_.repo_folder("org/name") + "/trees");
  write(cache_.repo_folder("org/name") + "/trees/" + kA + ".json", "{\"a\":1}");
  write(cache_.repo_folder("org/name") + "/trees/" + kB + ".json", "{}");

  // Another ref names that commit: its files are that one's too.
  const auto of_two = cache_.remove("org/name", "refs/pr/1");
  ASSERT_TRUE(of_two) << of_two.error().message;
  EXPECT_EQ(of_two->kept_by, (Paths{"v1"}));
  EXPECT_EQ(of_two->snapshots, 0);
  EXPECT_EQ(of_two->freed_bytes, 0u);
  EXPECT_FALSE(cache_.commit_of("org/name", "refs/pr/1"));
  EXPECT_EQ(entries(cache_.repo_folder("org/name") + "/refs"), (Paths{"main", "v1"}));
  EXPECT_TRUE(cache_.find_file("org/name", kA, "old.gguf", 5));

  const auto removal = cache_.remove("org/name", "v1");
  ASSERT_TRUE(removal) << removal.error().message;
  EXPECT_TRUE(removal->kept_by.empty());
  EXPECT_EQ(removal->snapshots, 1);
  EXPECT_EQ(removal->blobs, 1);
  EXPECT_EQ(removal->freed_bytes, 5u + 3 + 4 + 7);
  EXPECT_FALSE(cache_.commit_of("org/name", "v1"));
  EXPECT_FALSE(cache_.commit_of("org/name", kA));
  EXPECT_EQ(entries(cache_.repo_folder("org/name") + "/refs"), (Paths{"main"}));
  EXPECT_EQ(entries(cache_.repo_folder("org/name") + "/trees"), (Paths{kB + ".json"}));
  EXPECT_EQ(entries(cache_.repo_folder("org/name") + "/blobs").size(), 2u);
  EXPECT_EQ(entries(cache_.repo_folder("org/name")), (Paths{".no_exist", "blobs", "refs", "snapshots", "trees"}));
  EXPECT_TRUE(cache_.verify(cache_.list()->at(0), {})->empty());
  EXPECT_TRUE(cache_.find_file("org/name", kB, "config.json", 2));

  const auto last = cache_.remove("org/name", kB);
  ASSERT_TRUE(last) << last.error().message;
  EXPECT_EQ(last->freed_bytes, 2u + 7 + 2);
  EXPECT_EQ(last->blobs, 2);
  EXPECT_FALSE(fs::exists(cache_.repo_folder("org/name")));
  EXPECT_TRUE(cache_.list()->empty());
}

TEST_F(RemoveTest, AllOfARepositoryAndNoOther) {
  put("org/name", kA, "f", "one");
  put("org/name", kB, "f", "two");
  put("org/name-b", kA, "f", "one");
  write(cache_.snapshot_folder("org/name", kA) + "/plain", "plain");
  const auto removal = cache_.remove("org/name", "");
  ASSERT_TRUE(removal) << removal.error().message;
  EXPECT_EQ(removal->snapshots, 2);
  EXPECT_EQ(removal->blobs, 2);
  EXPECT_EQ(removal->freed_bytes, 3u + 3 + 5);
  EXPECT_FALSE(fs::exists(cache_.repo_folder("org/name")));
  EXPECT_TRUE(cache_.find_file("org/name-b", kA, "f", 3));
}

TEST_F(RemoveTest, WhatIsNotThereIsAnError) {
  auto removal = cache_.remove("org/name", "");
  ASSERT_FALSE(removal);
  EXPECT_NE(removal.error().message.find("org/name is not in the cache"), std::string::npos) << removal.error().message;
  put("org/name", kA, "f", "one");
  for (const std::string& revision : {std::string("main"), kB}) {
    removal = cache_.remove("org/name", revision);
    ASSERT_FALSE(removal);
    EXPECT_NE(removal.error().message.find("org/name@" + revision + " is not in the cache"), std::string::npos);
  }
  EXPECT_TRUE(cache_.find_file("org/name", kA, "f", 3));
}

TEST_F(RemoveTest, AQuantisationWhosePullWasStopped) {
  // Main is another commit; of the new one, which no ref names yet, two parts of three are there.
  put("org/name", kA, "m-Q4_0.gguf", "four");
  ASSERT_TRUE(cache_.set_ref("org/name", "main", kA));
  put("org/name", kB, "m-Q8_0-00001-of-00003.gguf", "eight");
  put("org/name", kB, "m-Q8_0-00003-of-00003.gguf", "and more");
  put("org/name", kB, "m-Q4_0.gguf", "four again");
  write(cache_.partial_path("org/name", sha("the second")), "the");
  EXPECT_NE(cache_.remove_quant("org/name", "main", "Q2_K").error().message.find("no Q2_K there; there is Q4_0"),
            std::string::npos);
  EXPECT_FALSE(cache_.remove_quant("org/name", "v1", "Q8_0"));
  const auto removal = cache_.remove_quant("org/name", "main", "q8_0");
  ASSERT_TRUE(removal) << removal.error().message;
  EXPECT_EQ(removal->freed_bytes, 5u + 8 + 3);
  EXPECT_EQ(CacheRepo(folder_, "org/name").paths(kB), (Paths{"m-Q4_0.gguf"}));
  // What main has is what is meant by its name alone.
  ASSERT_TRUE(cache_.remove_quant("org/name", "main", "Q4_0"));
  EXPECT_FALSE(cache_.find_file("org/name", kA, "m-Q4_0.gguf"));
  EXPECT_TRUE(cache_.find_file("org/name", kB, "m-Q4_0.gguf"));
  // Two models are two, and nothing is guessed.
  put("org/two", kA, "a-Q8_0.gguf", "one");
  put("org/two", kA, "b-Q8_0.gguf", "two");
  ASSERT_TRUE(cache_.set_ref("org/two", "main", kA));
  EXPECT_NE(cache_.remove_quant("org/two", "main", "Q8_0").error().message.find("2 models end with Q8_0"), std::string::npos);
  put("org/three", kA, "a-Q8_0.gguf", "one");
  put("org/three", kB, "a-Q8_0.gguf", "two");
  EXPECT_NE(cache_.remove_quant("org/three", "main", "Q8_0").error().message.find("org/three@" + kA + ":Q8_0"),
            std::string::npos);
}

TEST_F(RemoveTest, OneFileOfACommit) {
  put("org/name", kA, "f", "one");
  put("org/name", kA, "g", "four");
  const auto removal = cache_.remove_file("org/name", kA, "f");
  ASSERT_TRUE(removal) << removal.error().message;
  EXPECT_EQ(removal->freed_bytes, 3u);
  EXPECT_TRUE(cache_.find_file("org/name", kA, "g", 4));
  ASSERT_TRUE(cache_.remove_file("org/name", kA, "g"));
  EXPECT_FALSE(fs::exists(cache_.repo_folder("org/name")));
}

TEST_F(RemoveTest, NothingIsRemovedThroughLinks) {
  put("org/real", kA, "f", "one");
  fs::create_directory_symlink(cache_.repo_folder("org/real"), cache_.repo_folder("org/link"));
  const auto removal = cache_.remove("org/link", "");
  ASSERT_FALSE(removal);
  EXPECT_NE(removal.error().message.find("it is a link"), std::string::npos);
  // Folders inside that lead out.
  fs::create_directories(outer_ + "/outside/x");
  write(outer_ + "/outside/x/precious", "precious");
  put("org/name", kA, "f", "one");
  const std::string repo = cache_.repo_folder("org/name");
  fs::create_directory_symlink(outer_ + "/outside", repo + "/snapshots/" + kB);
  fs::create_directory_symlink(outer_ + "/outside", repo + "/trees");
  fs::create_directory_symlink(outer_ + "/outside", repo + "/snapshots/" + kA + "/sub");
  fs::create_directory_symlink(outer_ + "/outside", repo + "/refs/sub");
  fs::create_directory_symlink(outer_ + "/outside", repo + "/blobs/" + std::string(64, '0'));
  const auto all = cache_.remove("org/name", "");
  ASSERT_TRUE(all) << all.error().message;
  EXPECT_EQ(all->freed_bytes, 3u);
  EXPECT_FALSE(fs::exists(repo));
  EXPECT_EQ(text(outer_ + "/outside/x/precious"), "precious");
  // The folders of a repository themselves.
  put("org/moved", kA, "f", "one");
  for (const char* name : {"refs", "blobs", "snapshots"}) {
    fs::remove_all(cache_.repo_folder("org/moved") + "/" + name);
    fs::create_directory_symlink(outer_ + "/outside", cache_.repo_folder("org/moved") + "/" + name);
  }
  EXPECT_TRUE(cache_.remove("org/moved", ""));
  EXPECT_EQ(text(outer_ + "/outside/x/precious"), "precious");
}

TEST_F(RemoveTest, WhatAnotherProcessFetchesStays) {
  put("org/name", kA, "f", "one");
  const std::string digest = sha("being fetched"), partial = cache_.partial_path("org/name", digest);
  {
    const auto lock = cache_.lock("org/name", digest, {}, {});
    ASSERT_TRUE(lock);
    write(partial, "being");
    const auto removal = cache_.remove("org/name", "");
    ASSERT_TRUE(removal) << removal.error().message;
    EXPECT_EQ(removal->freed_bytes, 3u);
    EXPECT_EQ(text(partial), "being");
    ASSERT_TRUE(cache_.commit_blob("org/name", digest));
    ASSERT_TRUE(cache_.link("org/name", kB, "g", digest));
  }
  EXPECT_TRUE(cache_.find_file("org/name", kB, "g", 5));
}

TEST_F(LockTest, KeepsOthersOutUntilItEnds) {
  ASSERT_TRUE(cache_.prepare("org/name"));
  auto first = std::make_unique<BlobLock>(std::move(*cache_.lock("org/name", "x", [] { FAIL(); }, {})));
  EXPECT_TRUE(cache_.lock("org/name", "y", [] { FAIL(); }, {})) << "one lock per blob";
  std::atomic<int> told = 0, inside = 0;
  std::thread other([&] {
    const auto second = cache_.lock("org/name", "x", [&] { ++told; }, {});
    EXPECT_TRUE(second);
    ++inside;
  });
  while (told == 0) std::this_thread::yield();
  EXPECT_EQ(inside, 0);
  first.reset();
  other.join();
  EXPECT_EQ(inside, 1);
  EXPECT_EQ(told, 1);
}

TEST_F(LockTest, WaitingCanBeCancelled) {
  ASSERT_TRUE(cache_.prepare("org/name"));
  const auto first = cache_.lock("org/name", "x", {}, {});
  ASSERT_TRUE(first);
  int asked = 0;
  const auto second = cache_.lock("org/name", "x", {}, [&] { return ++asked == 3; });
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().message, "cancelled");
  EXPECT_EQ(asked, 3);
}

TEST_F(LockTest, EndsWithAKilledProcess) {
  ASSERT_TRUE(cache_.prepare("org/name"));
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto held = cache_.lock("org/name", "x", {}, {});
    const char byte = held ? 'y' : 'n';
    (void)!::write(ready[1], &byte, 1);
    ::pause();
    ::_exit(0);
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  ASSERT_EQ(byte, 'y');
  std::atomic<bool> told = false;
  const auto lock = cache_.lock("org/name", "x", [&] { told = true, ::kill(child, SIGKILL); }, {});
  EXPECT_TRUE(lock);
  EXPECT_TRUE(told);
  ::waitpid(child, nullptr, 0);
  ::close(ready[0]), ::close(ready[1]);
}

TEST_F(LockTest, OfAFileThatWasRemovedMeanwhileIsTakenAnew) {
  ASSERT_TRUE(cache_.prepare("org/name"));
  auto first = std::make_unique<BlobLock>(std::move(*cache_.lock("org/name", "x", {}, {})));
  std::atomic<bool> told = false;
  std::thread other([&] {
    const auto second = cache_.lock("org/name", "x", [&] { told = true; }, {});
    EXPECT_TRUE(second);
    // Held on the file that others find, not on the removed one.
    EXPECT_FALSE(cache_.lock("org/name", "x", {}, [] { return true; }));
  });
  while (!told) std::this_thread::yield();
  fs::remove(folder_ + "/.locks/models--org--name/x.lock");
  first.reset();
  other.join();
}

// Each state that a kill between two steps of a pull leaves.
TEST_F(KillTest, LeavesACacheThatReadsRight) {
  ASSERT_TRUE(cache_.prepare("org/name"));
  ASSERT_TRUE(cache_.prepare("org/name")) << "twice is as good as once";
  EXPECT_TRUE(cache_.list()->empty());
  EXPECT_FALSE(cache_.commit_of("org/name", "main"));
  // Within a download.
  write(cache_.partial_path("org/name", sha("whole")), "who");
  EXPECT_FALSE(cache_.has_blob("org/name", sha("whole"), 5));
  EXPECT_TRUE(cache_.list()->empty());
  // A partial file never stands for the blob, whatever links to it.
  fs::create_directories(cache_.snapshot_folder("org/name", kA));
  fs::create_symlink("../../blobs/" + sha("whole") + ".sobre-partial", cache_.snapshot_folder("org/name", kA) + "/f");
  EXPECT_FALSE(cache_.find_file("org/name", kA, "f"));
  fs::remove(cache_.snapshot_folder("org/name", kA) + "/f");
  // Between the blob and its link.
  write(cache_.partial_path("org/name", sha("whole")), "whole");
  ASSERT_TRUE(cache_.commit_blob("org/name", sha("whole")));
  EXPECT_TRUE(cache_.has_blob("org/name", sha("whole"), 5));
  EXPECT_FALSE(cache_.find_file("org/name", kA, "f"));
  // Within link() and set_ref(): a temporary file in the repository's folder.
  write(cache_.repo_folder("org/name") + "/.sobre-tmp-" + std::to_string(::getpid()) + "-0", "left over");
  fs::create_symlink("../../blobs/" + sha("whole"), cache_.repo_folder("org/name") + "/.sobre-tmp-1-0");
  ASSERT_TRUE(cache_.link("org/name", kA, "f", sha("whole")));
  EXPECT_EQ(cache_.list()->size(), 1u);
  EXPECT_TRUE(cache_.list()->at(0).revisions.empty());
  // Between the links and the ref: the commit is known, the revision is not.
  EXPECT_FALSE(cache_.commit_of("org/name", "main"));
  EXPECT_TRUE(cache_.find_file("org/name", kA, "f", 5));
  ASSERT_TRUE(cache_.set_ref("org/name", "main", kA));
  EXPECT_EQ(cache_.commit_of("org/name", "main"), kA);
  EXPECT_TRUE(cache_.verify(cache_.list()->at(0), {})->empty());
  ASSERT_TRUE(cache_.remove("org/name", ""));
  EXPECT_FALSE(fs::exists(cache_.repo_folder("org/name"))) << "with what was left over";
}

TEST_F(KillTest, WithinARemovalLeavesNoRefWithoutItsSnapshot) {
  put("org/name", kA, "f", "one");
  put("org/name", kB, "f", "two");
  ASSERT_TRUE(cache_.set_ref("org/name", "main", kA));
  // After the rename of the snapshot, before the rest.
  fs::remove(cache_.repo_folder("org/name") + "/refs/main");
  fs::rename(cache_.snapshot_folder("org/name", kA), cache_.repo_folder("org/name") + "/.sobre-tmp-1-0");
  ASSERT_EQ(cache_.list()->size(), 1u);
  EXPECT_TRUE(cache_.verify(cache_.list()->at(0), {})->empty());
  // A ref to a snapshot that another tool lost can be removed.
  ASSERT_TRUE(cache_.set_ref("org/name", "lost", std::string(40, 'c')));
  const auto removal = cache_.remove("org/name", "lost");
  ASSERT_TRUE(removal) << removal.error().message;
  EXPECT_EQ(removal->snapshots, 0);
  EXPECT_EQ(removal->freed_bytes, 3u) << "the blob of the snapshot that is gone";
  EXPECT_FALSE(cache_.commit_of("org/name", "lost"));
  EXPECT_TRUE(cache_.find_file("org/name", kB, "f", 3));
}

TEST_F(UnwritableTest, AFileInTheWayIsOneClearLine) {
  write(folder_, "a file");
  auto done = cache_.prepare("org/name");
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message.find("set HF_HUB_CACHE to a folder that can be written"), std::string::npos)
      << done.error().message;
  fs::remove(folder_);
  put("org/name", kA, "f", "one");
  ASSERT_TRUE(cache_.set_ref("org/name", "v1", kA));
  done = cache_.set_ref("org/name", "v1/x", kA);
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message.find("refs/v1: cannot be made"), std::string::npos) << done.error().message;
  ASSERT_TRUE(cache_.set_ref("org/name", "v2/x", kA));
  done = cache_.set_ref("org/name", "v2", kA);
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message.find("refs/v2: cannot be written"), std::string::npos) << done.error().message;
  EXPECT_EQ(entries(cache_.repo_folder("org/name")), (Paths{"blobs", "refs", "snapshots"}));
}

// Runs `work` in a process of its own and returns what it printed there.
template <class Work>
std::string in_child(const Work& work) {
  int pipe[2];
  if (::pipe(pipe) != 0) return "no pipe";
  const pid_t child = ::fork();
  if (child == 0) {
    const std::string said = work();
    (void)!::write(pipe[1], said.data(), said.size());
    ::_exit(0);
  }
  ::close(pipe[1]);
  std::string said(4096, '\0');
  const ssize_t size = ::read(pipe[0], said.data(), said.size());
  said.resize(size > 0 ? static_cast<size_t>(size) : 0);
  ::close(pipe[0]);
  ::waitpid(child, nullptr, 0);
  return said;
}

TEST_F(UnwritableTest, AFullDiskKeepsTheOldRef) {
  put("org/name", kA, "f", "one");
  ASSERT_TRUE(cache_.set_ref("org/name", "main", kA));
  const std::string said = in_child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_FSIZE, &none);
    const auto done = cache_.set_ref("org/name", "main", kB);
    return done ? std::string("done") : done.error().message;
  });
  EXPECT_NE(said.find("cannot be written: File too large"), std::string::npos) << said;
  EXPECT_EQ(cache_.commit_of("org/name", "main"), kA);
  EXPECT_EQ(entries(cache_.repo_folder("org/name")), (Paths{"blobs", "refs", "snapshots"}));
}

TEST_F(UnwritableTest, AnotherUsersCacheIsReadAndSaysWhyItIsNotWritten) {
  const mode_t before = ::umask(022);
  put("org/name", kA, "f", "one");
  ASSERT_TRUE(cache_.set_ref("org/name", "main", kA));
  ::umask(before);
  fs::permissions(outer_, fs::perms::owner_all | fs::perms::others_read | fs::perms::others_exec);
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  const std::string said = in_child([&] {
    if (::setgid(65534) != 0 || ::setuid(65534) != 0) return std::string("cannot become another user");
    std::string out = cache_.find_file("org/name", kA, "f", 3) ? "found\n" : "not found\n";
    const auto add = [&](const auto& result) { out += (result ? "done" : result.error().message) + "\n"; };
    add(cache_.set_ref("org/name", "main", kA));
    add(cache_.link("org/name", kA, "f", sha("one")));
    add(cache_.set_ref("org/name", "main", kB));
    add(cache_.prepare("org/new"));
    add(cache_.remove("org/name", ""));
    add(cache_.lock("org/name", sha("new"), {}, {}));
    return out;
  });
  EXPECT_TRUE(said.starts_with("found\ndone\ndone\n")) << said;
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 7) << said;
  EXPECT_NE(said.find("models--org--name: cannot be written: Permission denied"), std::string::npos) << said;
  EXPECT_NE(said.find("models--org--new/blobs: cannot be made: Permission denied; set HF_HUB_CACHE"), std::string::npos)
      << said;
  EXPECT_NE(said.find("refs/main: cannot be removed: Permission denied"), std::string::npos) << said;
  EXPECT_NE(said.find(".lock: cannot be opened: Permission denied"), std::string::npos) << said;
  EXPECT_EQ(cache_.commit_of("org/name", "main"), kA);
}

// --- the store that newer Python packages share among repositories ---

constexpr std::string_view kHash = "ab00000000000000000000000000000000000000000000000000000000000000";

// A blob of two repositories as that package leaves it.
void share(const std::string& folder, const std::vector<std::string>& blobs, std::string_view content) {
  const std::string store = folder + "/blobs/ab";
  fs::create_directories(store);
  std::ofstream(folder + "/blobs/.huggingface-shared-blobs") << "1\n";
  std::ofstream(store + "/" + std::string(kHash)) << content;
  std::ofstream list(store + "/" + std::string(kHash) + ".refs");
  for (const std::string& blob : blobs) {
    list << blob << '\n';
    fs::create_symlink("../../blobs/ab/" + std::string(kHash), fmt::format("{}/{}", folder, blob));
  }
}

TEST_F(SharedStoreTest, IsReadThroughAndFreedWithItsLastLink) {
  const std::string digest = sha("shared"), in_one = "models--org--one/blobs/" + digest,
                    in_two = "models--org--two/blobs/" + digest;
  ASSERT_TRUE(cache_.prepare("org/one") && cache_.prepare("org/two"));
  share(folder_, {in_one, in_two}, "shared");
  for (const char* repo : {"org/one", "org/two"}) {
    EXPECT_TRUE(cache_.has_blob(repo, digest, 6));
    ASSERT_TRUE(cache_.link(repo, kA, "f", digest));
    EXPECT_TRUE(cache_.find_file(repo, kA, "f", 6));
  }
  const auto list = cache_.list().value();
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[0].files, (std::vector<HubFile>{{"f", 6, digest}}));
  EXPECT_TRUE(cache_.verify(list[0], {})->empty());

  const std::string stored = shared_blob_path(folder_, std::string(kHash));
  EXPECT_EQ(cache_.remove("org/one", "")->freed_bytes, 0u);
  EXPECT_EQ(text(stored), "shared");
  EXPECT_TRUE(cache_.find_file("org/two", kA, "f", 6));
  EXPECT_EQ(cache_.remove("org/two", "")->freed_bytes, 6u);
  EXPECT_FALSE(fs::exists(stored) || fs::exists(stored + ".refs"));
}

TEST_F(SharedStoreTest, StaysInDoubt) {
  const std::string digest = sha("shared"), blob = "models--org--one/blobs/" + digest;
  const std::string stored = shared_blob_path(folder_, std::string(kHash));
  ASSERT_TRUE(cache_.prepare("org/one"));
  share(folder_, {blob}, "shared");
  EXPECT_EQ(sweep_shared_blob(folder_, std::string(kHash)), 0u) << "a link leads to it";
  fs::remove(folder_ + "/" + blob);
  const int lock = ::open((stored + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  ASSERT_EQ(::flock(lock, LOCK_EX), 0);
  EXPECT_EQ(sweep_shared_blob(folder_, std::string(kHash)), 0u) << "another process has it";
  ::close(lock);
  fs::rename(stored + ".refs", stored + ".kept");
  EXPECT_EQ(sweep_shared_blob(folder_, std::string(kHash)), 0u) << "no list of its links";
  fs::rename(stored + ".kept", stored + ".refs");
  fs::remove(folder_ + "/blobs/.huggingface-shared-blobs");
  EXPECT_EQ(sweep_shared_blob(folder_, std::string(kHash)), 0u) << "no store of that package";
  EXPECT_EQ(text(stored), "shared");
  write(folder_ + "/blobs/.huggingface-shared-blobs", "1\n");
  EXPECT_EQ(sweep_shared_blob(folder_, std::string(kHash)), 6u);
  EXPECT_FALSE(fs::exists(stored));
}

TEST(SharedBlobs, LinksToTheStoreHaveOneForm) {
  const std::string name(kHash);
  EXPECT_EQ(shared_blob_of_link("../../blobs/ab/" + name), name);
  for (const std::string& text :
       {std::string(), name, "../../blobs/ac/" + name, "../blobs/ab/" + name, "/blobs/ab/" + name,
        "../../blobs/ab/../ab/" + name, "../../blobs/ab/" + name.substr(1), "../../blobs/ab/" + name + "/"}) {
    EXPECT_EQ(shared_blob_of_link(text), "") << text;
  }
}

}  // namespace
}  // namespace sobre
