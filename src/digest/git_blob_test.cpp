// Sums against what `git hash-object` prints.
#include "digest/git_blob.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/file.h"

namespace sobre {
namespace {

TEST(GitBlob, KnownVectors) {
  EXPECT_EQ(git_blob(""), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
  EXPECT_EQ(git_blob("hello\n"), "ce013625030ba8dba906f756967f9e9ca394464a");
  EXPECT_EQ(git_blob("what is up, doc?"), "bd9dbf5aae1a3862dd1526723246b20206e5fc37");
  EXPECT_EQ(git_blob(std::string("\0\0", 2)), "09f370e38f498a462e1ca0faa724559b6630c04f");
}

TEST(GitBlob, PiecesGiveTheSumOfTheWhole) {
  const std::string text(100'003, 'x');
  GitBlobSum sum(text.size());
  for (size_t i = 0; i < text.size(); i += 777) sum.update(std::string_view(text).substr(i, 777));
  EXPECT_EQ(sum.hex(), git_blob(text));
}

TEST(GitBlob, TheSizeIsPartOfTheSum) {
  GitBlobSum sum(7);
  sum.update("hello\n");
  EXPECT_NE(sum.hex(), git_blob("hello\n"));
}

TEST(GitBlob, OfAFile) {
  std::string folder = (std::filesystem::temp_directory_path() / "sobre-git-blob-XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::string path = folder + "/file", text((3 << 20) + 17, 'q');
  ASSERT_TRUE(write_text_file(path, text));
  std::vector<uint64_t> seen;
  EXPECT_EQ(file_git_blob(path, [&](uint64_t done) { return seen.push_back(done), true; }).value_or("?"), git_blob(text));
  EXPECT_EQ(seen, (std::vector<uint64_t>{1 << 20, 2 << 20, 3 << 20, (3 << 20) + 17}));
  const auto ended = file_git_blob(path, [](uint64_t) { return false; });
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().message, "cancelled");
  ASSERT_TRUE(write_text_file(path, ""));
  EXPECT_EQ(file_git_blob(path).value_or("?"), git_blob(""));
  EXPECT_FALSE(file_git_blob(folder + "/none"));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace sobre
