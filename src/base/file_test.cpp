#include "base/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

namespace sobre {
namespace {

namespace fs = std::filesystem;

// A folder of its own for each test, removed at the end.
class FileTest : public testing::Test {
 protected:
  FileTest() {
    std::string pattern = (fs::temp_directory_path() / "sobre-file-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~FileTest() override { fs::remove_all(folder_); }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  std::string make(const std::string& name, std::string_view text) const {
    std::ofstream(path(name), std::ios::binary) << text;
    return path(name);
  }
  size_t entries() const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }

  fs::path folder_;
};

std::string contents(const std::string& path) { return read_file(path, 1 << 20).value_or("(unreadable)"); }

TEST_F(FileTest, MapsAFile) {
  const auto file = MappedFile::open(make("a", "hello"));
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->text(), "hello");
  EXPECT_EQ(file->bytes().size(), 5u);
  EXPECT_EQ(file->path(), path("a"));
}

TEST_F(FileTest, MapsAnEmptyFile) {
  const auto file = MappedFile::open(make("empty", ""));
  ASSERT_TRUE(file);
  EXPECT_EQ(file->text(), "");
  file->release(file->bytes());
}

TEST_F(FileTest, AMappingMovesWithItsObject) {
  auto a = MappedFile::open(make("a", "first"));
  auto b = MappedFile::open(make("b", "second"));
  ASSERT_TRUE(a && b);
  MappedFile c = std::move(*a);
  EXPECT_EQ(c.text(), "first");
  c = std::move(*b);
  EXPECT_EQ(c.text(), "second");
  EXPECT_EQ(c.path(), path("b"));
}

TEST_F(FileTest, AMappingOutlivesTheFilesName) {
  const auto file = MappedFile::open(make("a", "kept"));
  ASSERT_TRUE(file);
  fs::remove(path("a"));
  EXPECT_EQ(file->text(), "kept");
}

TEST_F(FileTest, ReleasedPagesAreReadAgain) {
  std::string text(100'000, 'x');
  text.back() = 'y';
  const auto file = MappedFile::open(make("a", text));
  ASSERT_TRUE(file);
  EXPECT_EQ(file->text(), text);
  file->release(file->bytes());
  file->release(file->bytes().subspan(5000, 1));  // less than a page: nothing happens
  EXPECT_EQ(file->text(), text);
}

TEST_F(FileTest, OpeningNamesThePathAndTheReason) {
  const auto missing = MappedFile::open(path("missing"));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().message, path("missing") + ": No such file or directory");
  const auto folder = MappedFile::open(folder_.string());
  ASSERT_FALSE(folder);
  EXPECT_NE(folder.error().message.find("not a regular file"), std::string::npos);
  EXPECT_FALSE(MappedFile::open("/dev/zero"));
}

TEST_F(FileTest, ReadsUpToTheLimit) {
  const std::string a = make("a", "12345");
  EXPECT_EQ(read_file(a, 5).value(), "12345");
  const auto over = read_file(a, 4);
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().message, a + ": 5 bytes, the limit is 4");
  EXPECT_EQ(read_file(make("empty", ""), 0).value(), "");
  EXPECT_FALSE(read_file(path("missing"), 5));
  EXPECT_FALSE(read_file(folder_.string(), 5));
}

TEST_F(FileTest, AtomicFileAppearsOnCommitOnly) {
  {
    auto file = AtomicFile::create(path("out"));
    ASSERT_TRUE(file);
    ASSERT_TRUE(file->write("hello "));
    ASSERT_TRUE(file->write(std::as_bytes(std::span("world", 5))));
    EXPECT_FALSE(fs::exists(path("out")));
    ASSERT_TRUE(file->commit());
  }
  EXPECT_EQ(contents(path("out")), "hello world");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(FileTest, AtomicFileReplacesWhole) {
  make("out", "the old and longer text");
  auto file = AtomicFile::create(path("out"));
  ASSERT_TRUE(file);
  ASSERT_TRUE(file->write("new"));
  EXPECT_EQ(contents(path("out")), "the old and longer text");
  ASSERT_TRUE(file->commit());
  EXPECT_EQ(contents(path("out")), "new");
}

TEST_F(FileTest, AnAbandonedAtomicFileLeavesNothing) {
  make("out", "old");
  {
    auto file = AtomicFile::create(path("out"));
    ASSERT_TRUE(file);
    AtomicFile moved = std::move(*file);
    ASSERT_TRUE(moved.write("half"));
  }
  EXPECT_EQ(contents(path("out")), "old");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(FileTest, AtomicFileSaysWhyItCannotWrite) {
  const auto file = AtomicFile::create(path("no/such/folder/out"));
  ASSERT_FALSE(file);
  EXPECT_NE(file.error().message.find("cannot write"), std::string::npos);
  // Neither a folder nor what stands for a device is put away for a file.
  fs::create_directory(path("folder"));
  ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0);
  fs::create_symlink(path("fifo"), path("link"));
  for (const char* name : {"folder", "fifo", "link"}) {
    const auto onto = AtomicFile::create(path(name));
    ASSERT_FALSE(onto) << name;
    EXPECT_EQ(onto.error().message, path(name) + ": cannot write: what is there is not a regular file");
  }
}

TEST_F(FileTest, AFileThatIsWrittenInPlaceIsTold) {
  make("data", "abcdef");
  auto mapped = MappedFile::open(path("data"));
  ASSERT_TRUE(mapped);
  EXPECT_FALSE(mapped->was_rewritten());
  ASSERT_TRUE(write_text_file(path("data"), "another file of this name"));
  EXPECT_FALSE(mapped->was_rewritten());
  EXPECT_EQ(mapped->text(), "abcdef");
  mapped = MappedFile::open(path("data"));
  ASSERT_TRUE(mapped);
  fs::resize_file(path("data"), 3);
  EXPECT_TRUE(mapped->was_rewritten());
}

TEST_F(FileTest, APipeIsRefusedAndNotWaitedFor) {
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  const auto mapped = MappedFile::open(path("pipe"));
  ASSERT_FALSE(mapped);
  EXPECT_EQ(mapped.error().message, path("pipe") + ": not a regular file");
  EXPECT_FALSE(read_file(path("pipe"), 5));
}

TEST_F(FileTest, AFullDiskChangesNothing) {
  make("out", "old");
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{1000, before.rlim_max};  // files end here, as on a full disk
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  std::string error = "(written)";
  {
    auto file = AtomicFile::create(path("out"));
    if (file) {
      const auto written = file->write(std::string(1500, 'x'));  // the first 1000 bytes go through
      if (!written) error = written.error().message;
    }
  }
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(error, path("out") + ": cannot write: File too large; nothing was changed");
  EXPECT_EQ(contents(path("out")), "old");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(FileTest, AKilledWriterChangesNothing) {
  make("out", "old");
  const pid_t child = ::fork();
  if (child == 0) {
    auto file = AtomicFile::create(path("out"));
    if (file && file->write("half")) ::raise(SIGKILL);
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(contents(path("out")), "old");
  // Where the file system has files without a name, nothing is left.
  const int nameless = ::open(path("").c_str(), O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600);
  if (nameless >= 0) {
    EXPECT_EQ(entries(), 1u);
    ::close(nameless);
  }
}

TEST_F(FileTest, WritersOfOneFileDoNotMeet) {
  auto a = AtomicFile::create(path("out"));
  auto b = AtomicFile::create(path("out"));
  ASSERT_TRUE(a && b);
  ASSERT_TRUE(a->write("aaaa"));
  ASSERT_TRUE(b->write("bb"));
  ASSERT_TRUE(a->commit());
  EXPECT_EQ(contents(path("out")), "aaaa");
  ASSERT_TRUE(b->commit());
  EXPECT_EQ(contents(path("out")), "bb");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(FileTest, ATemporaryFileNeverFollowsALink) {
  make("other", "untouched");
  fs::create_symlink(path("other"), path("out") + ".tmp" + std::to_string(::getpid()) + "-0");
  auto file = AtomicFile::create(path("out"));
  ASSERT_TRUE(file);
  ASSERT_TRUE(file->write("new"));
  ASSERT_TRUE(file->commit());
  EXPECT_EQ(contents(path("other")), "untouched");
  EXPECT_EQ(contents(path("out")), "new");
}

}  // namespace
}  // namespace sobre
