#include "hub/hub_cache.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/file.h"
#include "hub/hub_cache_testing.h"

namespace sobre {
namespace {

namespace fs = std::filesystem;
using testing_hub::CacheTest;
using testing_hub::sha;

TEST_F(CacheTest, LaysFilesOutAsOtherToolsDo) {
  EXPECT_EQ(cache_.repo_folder("org/name"), folder_ + "/models--org--name");
  EXPECT_EQ(cache_.blob_path("org/name", "abc"), folder_ + "/models--org--name/blobs/abc");
  EXPECT_EQ(cache_.partial_path("org/name", "abc"), folder_ + "/models--org--name/blobs/abc.sobre-partial");
  EXPECT_EQ(cache_.snapshot_folder("org/name", kA), folder_ + "/models--org--name/snapshots/" + kA);
  EXPECT_FALSE(fs::exists(folder_)) << "nothing is made before the first write";

  put("org/name", kA, "config.json", "{}");
  put("org/name", kA, "1_Pooling/deep/config.json", "[]");
  ASSERT_TRUE(cache_.set_ref("org/name", "main", kA));
  ASSERT_TRUE(cache_.set_ref("org/name", "refs/pr/1", kA));
  const std::string repo = folder_ + "/models--org--name/";
  EXPECT_EQ(text(repo + "blobs/" + sha("{}")), "{}");
  EXPECT_EQ(fs::read_symlink(repo + "snapshots/" + kA + "/config.json"), "../../blobs/" + sha("{}"));
  EXPECT_EQ(fs::read_symlink(repo + "snapshots/" + kA + "/1_Pooling/deep/config.json"), "../../../../blobs/" + sha("[]"));
  EXPECT_EQ(text(repo + "snapshots/" + kA + "/1_Pooling/deep/config.json"), "[]");
  EXPECT_EQ(text(repo + "refs/main"), kA);
  EXPECT_EQ(text(repo + "refs/refs/pr/1"), kA);
  EXPECT_TRUE(text(folder_ + "/CACHEDIR.TAG").starts_with("Signature: 8a477f597d28d172789f06886806bc55"));
  EXPECT_TRUE(fs::is_regular_file(folder_ + "/.locks/models--org--name/" + sha("{}") + ".lock"));
  EXPECT_EQ(entries(repo), (Paths{"blobs", "refs", "snapshots"})) << "nothing temporary is left";
}

TEST_F(CacheTest, FindsByRevisionCommitAndSize) {
  put("org/name", kA, "a/b.txt", "hello");
  ASSERT_TRUE(cache_.set_ref("org/name", "v1", kA));
  ASSERT_TRUE(cache_.set_ref("org/name", kA, kA)) << "a commit needs no ref";
  EXPECT_FALSE(fs::exists(cache_.repo_folder("org/name") + "/refs/" + kA));
  EXPECT_EQ(cache_.commit_of("org/name", "v1"), kA);
  EXPECT_EQ(cache_.commit_of("org/name", kA), kA);
  EXPECT_FALSE(cache_.commit_of("org/name", "main"));
  EXPECT_FALSE(cache_.commit_of("org/name", kB));
  EXPECT_FALSE(cache_.commit_of("org/other", "v1"));
  const std::string path = cache_.snapshot_folder("org/name", kA) + "/a/b.txt";
  EXPECT_EQ(cache_.find_file("org/name", kA, "a/b.txt"), path);
  EXPECT_EQ(cache_.find_file("org/name", kA, "a/b.txt", 5), path);
  EXPECT_FALSE(cache_.find_file("org/name", kA, "a/b.txt", 6));
  EXPECT_FALSE(cache_.find_file("org/name", kA, "a"));
  EXPECT_FALSE(cache_.find_file("org/name", kA, "b.txt"));
  EXPECT_FALSE(cache_.find_file("org/name", kB, "a/b.txt"));
  EXPECT_TRUE(cache_.has_blob("org/name", sha("hello"), 5));
  EXPECT_FALSE(cache_.has_blob("org/name", sha("hello"), 4));
  EXPECT_FALSE(cache_.has_blob("org/name", sha("other"), 5));
}

TEST_F(CacheTest, ARefMayHaveALineEndButNothingElse) {
  put("org/name", kA, "f", "x");
  const std::string ref = cache_.repo_folder("org/name") + "/refs/main";
  write(ref, kA + "\n");
  EXPECT_EQ(cache_.commit_of("org/name", "main"), kA);
  for (const std::string& content : {std::string(), kA.substr(1), "../" + kA, kA + " " + kA, std::string(1000, 'a')}) {
    write(ref, content);
    EXPECT_FALSE(cache_.commit_of("org/name", "main")) << content;
  }
  fs::remove(ref);
  write(folder_ + "/elsewhere", kA);
  fs::create_symlink(folder_ + "/elsewhere", ref);
  EXPECT_FALSE(cache_.commit_of("org/name", "main"));
}

TEST_F(CacheTest, CommittingABlobSetsTheModeThatTheUmaskWants) {
  ASSERT_TRUE(cache_.prepare("org/name"));
  write(cache_.partial_path("org/name", sha("x")), "x");
  fs::permissions(cache_.partial_path("org/name", sha("x")), fs::perms::owner_read | fs::perms::owner_write);
  const mode_t before = ::umask(027);
  const auto done = cache_.commit_blob("org/name", sha("x"));
  ::umask(before);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(static_cast<unsigned>(fs::status(cache_.blob_path("org/name", sha("x"))).permissions()), 0640u);
  EXPECT_FALSE(fs::exists(cache_.partial_path("org/name", sha("x"))));
  const auto none = cache_.commit_blob("org/name", sha("none"));
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().message.find("No such file"), std::string::npos);
}

TEST_F(CacheTest, LinkingAgainChangesNothingAndAMovedFileIsPutRight) {
  put("org/name", kA, "f", "one");
  const std::string place = cache_.snapshot_folder("org/name", kA) + "/f";
  struct stat before{}, after{};
  ASSERT_EQ(::lstat(place.c_str(), &before), 0);
  ASSERT_TRUE(cache_.link("org/name", kA, "f", sha("one")));
  ASSERT_EQ(::lstat(place.c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino);

  blob("org/name", "two");
  ASSERT_TRUE(cache_.link("org/name", kA, "f", sha("two")));
  EXPECT_EQ(text(place), "two");
  // A plain file with the content stays, one with another makes way for the link.
  fs::remove(place), write(place, "two");
  ASSERT_TRUE(cache_.link("org/name", kA, "f", sha("two")));
  EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(place)));
  write(place, "edited");
  ASSERT_TRUE(cache_.link("org/name", kA, "f", sha("two")));
  EXPECT_TRUE(fs::is_symlink(place));
  EXPECT_EQ(text(place), "two");
  // A link out of the repository is replaced, not written through.
  write(folder_ + "/outside", "kept");
  fs::remove(place), fs::create_symlink(folder_ + "/outside", place);
  ASSERT_TRUE(cache_.link("org/name", kA, "f", sha("two")));
  EXPECT_EQ(text(place), "two");
  EXPECT_EQ(text(folder_ + "/outside"), "kept");
}

TEST_F(CacheTest, LinkingSaysWhatIsInTheWay) {
  put("org/name", kA, "a/b", "x");
  auto linked = cache_.link("org/name", kA, "a", sha("x"));  // a folder
  ASSERT_FALSE(linked);
  EXPECT_NE(linked.error().message.find("/a: cannot be written"), std::string::npos) << linked.error().message;
  put("org/name", kA, "f", "x");
  linked = cache_.link("org/name", kA, "f/g", sha("x"));  // below a file
  ASSERT_FALSE(linked);
  EXPECT_NE(linked.error().message.find("/f: cannot be made"), std::string::npos) << linked.error().message;
  linked = cache_.link("org/name", kA, "new", sha("none"));
  ASSERT_FALSE(linked);
  EXPECT_NE(linked.error().message.find("pull again"), std::string::npos) << linked.error().message;
  // A folder on the way that is a link would put the file elsewhere.
  fs::create_directories(folder_ + "/elsewhere");
  fs::create_directory_symlink(folder_ + "/elsewhere", cache_.snapshot_folder("org/name", kA) + "/sub");
  linked = cache_.link("org/name", kA, "sub/f", sha("x"));
  ASSERT_FALSE(linked);
  EXPECT_TRUE(fs::is_empty(folder_ + "/elsewhere"));
  EXPECT_EQ(entries(cache_.repo_folder("org/name")), (Paths{"blobs", "refs", "snapshots"}));
}

TEST_F(CacheTest, WithoutSymlinksTheFileItselfIsPut) {
  ASSERT_TRUE(cache_.prepare("org/name"));
  blob("org/name", "hello");
  const CacheRepo repo(folder_, "org/name");
  fs::create_directories(repo.below("snapshots/" + kA));
  const std::string place = repo.below("snapshots/" + kA + "/f");
  for (int i = 0; i < 2; ++i) {
    const auto placed = place_link(repo, place, CacheRepo::link_text("f", sha("hello")), repo.blob(sha("hello")), false);
    ASSERT_TRUE(placed) << placed.error().message;
    EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(place)));
    EXPECT_EQ(text(place), "hello");
  }
  EXPECT_EQ(entries(repo.folder()), (Paths{"blobs", "refs", "snapshots"}));
  EXPECT_EQ(cache_.find_file("org/name", kA, "f", 5), place);
  // Freed once, though two names have it.
  EXPECT_EQ(cache_.remove("org/name", "")->freed_bytes, 5u);
}

TEST_F(CacheTest, WhatIsNoLinkOfTheLayoutIsNeverOpened) {
  put("org/name", kA, "good", "good");
  put("org/other", kA, "f", "other's");
  write(folder_ + "/secret", "secret");
  const std::string snapshot = cache_.snapshot_folder("org/name", kA);
  const std::vector<std::pair<std::string, std::string>> links = {
      {"absolute", folder_ + "/secret"},
      {"traversal", "../../../../secret"},
      {"neighbour", "../../../models--org--other/blobs/" + sha("other's")},
      {"detour", "../../blobs/../blobs/" + sha("good")},
      {"dots", "../../blobs/.."},
      {"folder", "../../blobs"},
      {"hop", "good"},
      {"gone", "../../blobs/" + sha("never")}};
  for (const auto& [name, target] : links) {
    fs::create_symlink(target, fmt::format("{}/{}", snapshot, name));
    EXPECT_FALSE(cache_.find_file("org/name", kA, name)) << name;
  }
  fs::create_directory_symlink(folder_, snapshot + "/way");
  EXPECT_FALSE(cache_.find_file("org/name", kA, "way/secret"));
  ASSERT_EQ(::mkfifo((snapshot + "/pipe").c_str(), 0600), 0);
  EXPECT_FALSE(cache_.find_file("org/name", kA, "pipe"));
  // A blob that is itself a link out.
  blob("org/name", "swapped");
  ASSERT_TRUE(cache_.link("org/name", kA, "swapped", sha("swapped")));
  fs::remove(cache_.blob_path("org/name", sha("swapped")));
  fs::create_symlink(folder_ + "/secret", cache_.blob_path("org/name", sha("swapped")));
  EXPECT_FALSE(cache_.find_file("org/name", kA, "swapped"));
  EXPECT_FALSE(cache_.has_blob("org/name", sha("swapped"), 6));

  const auto list = cache_.list().value();
  ASSERT_EQ(list.size(), 2u);
  ASSERT_EQ(list[0].files.size(), 1u);
  EXPECT_EQ(list[0].files[0].path, "good");

  const auto faults = cache_.verify(list[0], {}).value();
  std::map<std::string, std::string> said;
  for (const CacheFault& fault : faults) said[fault.path] = fault.what;
  EXPECT_EQ(said.size(), links.size() + 3);
  for (const char* name : {"absolute", "traversal", "neighbour", "detour", "dots", "folder", "hop", "way", "pipe"}) {
    EXPECT_EQ(said[name], "it is a link out of its repository, or no file") << name;
  }
  EXPECT_EQ(said["gone"], "its blob is not there");
  EXPECT_EQ(said["swapped"], "its blob is not there");

  ASSERT_TRUE(cache_.remove("org/name", ""));
  EXPECT_FALSE(fs::exists(cache_.repo_folder("org/name")));
  EXPECT_EQ(text(folder_ + "/secret"), "secret");
  EXPECT_EQ(text(cache_.snapshot_folder("org/other", kA) + "/f"), "other's");
}

TEST_F(CacheTest, ListsWhatIsThereAndPassesOverTheRest) {
  EXPECT_TRUE(cache_.list().value().empty());
  put("org/name", kB, "config.json", "{}");
  put("org/name", kA, "config.json", "{}");
  put("org/name", kA, "copy.json", "{}");
  put("org/name", kA, "model.gguf", "12345");
  write(cache_.snapshot_folder("org/name", kA) + "/plain.txt", "plain");
  put("a/first", kA, "f", "x");
  ASSERT_TRUE(cache_.set_ref("org/name", "main", kB));
  ASSERT_TRUE(cache_.set_ref("org/name", "v1", kB));
  // Of others, or damaged.
  fs::create_directories(folder_ + "/datasets--org--data/snapshots/" + kA);
  fs::create_directories(folder_ + "/spaces--org--space");
  fs::create_directories(folder_ + "/models--org--empty");
  fs::create_directories(folder_ + "/models--..--x/snapshots/" + kA);
  fs::create_directories(folder_ + "/models--gpt2/snapshots/" + kA);
  fs::create_directories(cache_.repo_folder("org/name") + "/snapshots/main");
  write(folder_ + "/models--org--file", "x");
  write(folder_ + "/stray", "x");
  write(cache_.repo_folder("org/name") + "/snapshots/.DS_Store", "x");
  write(cache_.repo_folder("org/name") + "/refs/.DS_Store", "x");
  write(cache_.snapshot_folder("org/name", kA) + "/bad\nname", "x");

  const auto list = cache_.list().value();
  ASSERT_EQ(list.size(), 4u);
  EXPECT_EQ(list[0].repo, "a/first");
  EXPECT_EQ(list[1].repo, "gpt2");
  EXPECT_EQ(list[1].files.size(), 0u);
  EXPECT_EQ(list[2].repo, "org/name");
  EXPECT_EQ(list[2].commit, kA);
  EXPECT_TRUE(list[2].revisions.empty());
  EXPECT_EQ(
      list[2].files,
      (std::vector<HubFile>{
          {"config.json", 2, sha("{}")}, {"copy.json", 2, sha("{}")}, {"model.gguf", 5, sha("12345")}, {"plain.txt", 5, ""}}));
  EXPECT_EQ(list[2].bytes, 2u + 5 + 5);
  EXPECT_NEAR(static_cast<double>(list[2].last_used), static_cast<double>(::time(nullptr)), 60);
  EXPECT_EQ(list[3].commit, kB);
  EXPECT_EQ(list[3].revisions, (std::vector<std::string>{"main", "v1"}));

  write(folder_ + "x", "no folder");
  EXPECT_FALSE(HubCache(folder_ + "x").list());
  fs::remove(folder_ + "x");
}

TEST_F(CacheTest, VerifyFindsWhatIsWrong) {
  put("org/name", kA, "good.bin", std::string(100'000, 'g'));
  put("org/name", kA, "same.bin", std::string(100'000, 'g'));
  put_git("org/name", kA, "small.txt", "hello\n");
  put("org/name", kA, "short.bin", "12345");
  put("org/name", kA, "flipped.bin", "abc");
  put_git("org/name", kA, "flipped.txt", "abc");
  write(cache_.snapshot_folder("org/name", kA) + "/plain.txt", "plain");
  CachedSnapshot snapshot = cache_.list()->at(0);
  std::vector<uint64_t> seen;
  EXPECT_TRUE(cache_.verify(snapshot, [&](uint64_t n) { return seen.push_back(n), true; })->empty());
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
  EXPECT_EQ(seen.back(), 100'000u + 6 + 5 + 3 + 3) << "each blob once";

  const auto cancelled = cache_.verify(snapshot, [](uint64_t) { return false; });
  ASSERT_FALSE(cancelled);
  EXPECT_EQ(cancelled.error().message, "cancelled");

  write(cache_.blob_path("org/name", sha("12345")), "123");
  write(cache_.blob_path("org/name", sha("abc")), "abd");
  write(cache_.blob_path("org/name", git_blob("abc")), "abd");
  fs::remove(cache_.snapshot_folder("org/name", kA) + "/small.txt");
  for (HubFile& f : snapshot.files) {
    if (f.path == "plain.txt") f.digest = git_blob("other");  // as a manifest says it
  }
  std::map<std::string, std::string> said;
  const std::vector<CacheFault> faults = cache_.verify(snapshot, {}).value();
  for (const CacheFault& fault : faults) said[fault.path] = fault.what;
  EXPECT_EQ(said.size(), 5u);
  EXPECT_EQ(said["short.bin"], "3 of 5 bytes");
  EXPECT_EQ(said["flipped.bin"], "SHA-256 is " + sha("abd") + ", not " + sha("abc"));
  EXPECT_EQ(said["flipped.txt"], "git's SHA-1 is " + git_blob("abd") + ", not " + git_blob("abc"));
  EXPECT_EQ(said["plain.txt"], "git's SHA-1 is " + git_blob("plain") + ", not " + git_blob("other"));
  EXPECT_EQ(said["small.txt"], "it is not there");
}

}  // namespace
}  // namespace sobre
