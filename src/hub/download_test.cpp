#include "hub/download.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "base/random.h"
#include "hub/stand_in_hub_testing.h"

namespace sobre {
namespace {

using stand_in::Fault;

std::string noise(size_t size) {
  std::string out(size, '\0');
  for (size_t i = 0; i < size; i += 4) {
    const uint32_t word = philox4x32({static_cast<uint32_t>(i), 0, 0, 0}, {7, 7})[0];
    for (size_t k = 0; k < 4 && i + k < size; ++k) out[i + k] = static_cast<char>(word >> (8 * k));
  }
  return out;
}

class DownloadTest : public ::testing::Test {
 protected:
  static constexpr size_t kSize = 3'000'000;

  DownloadTest() {
    static const std::string made = noise(kSize);
    bytes_ = made;
    std::string pattern = (std::filesystem::temp_directory_path() / "sobre-hub-XXXXXX").string();
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    hub_.add("org/model", "model.gguf", bytes_, true);
    hub_.add("org/model", "config.json", "{\"small\": true}", false);
    hub_.add("org/model", "empty", "", false);
    settings_ = hub_.settings("");
    what_.repo = "org/model";
    choose("model.gguf");
  }
  ~DownloadTest() override { std::filesystem::remove_all(folder_); }

  void choose(const std::string& path) {
    const stand_in::StoredFile& file = hub_.repo("org/model").files.at(path);
    what_.url = hub_.url() + "/org/model/resolve/main/" + path;
    what_.file = {path, file.bytes.size(), file.digest()};
    what_.partial = folder_ + "/partial";
  }
  Result<uint64_t> download() {
    HubHttp http(settings_, [this] { return cancelled_.load(); });
    return download_file(http, what_);
  }
  /// The file must arrive, whatever goes wrong on the way.
  uint64_t must_arrive() {
    const auto fetched = download();
    EXPECT_TRUE(fetched) << fetched.error().message;
    EXPECT_TRUE(partial() == hub_.repo("org/model").files.at(what_.file.path).bytes);
    return fetched.value_or(0);
  }
  std::string error_of() {
    const auto fetched = download();
    EXPECT_FALSE(fetched);
    return fetched ? std::string() : fetched.error().message;
  }
  [[nodiscard]] std::string partial() const { return read_file(what_.partial, 1 << 30).value_or("(none)"); }
  void write_partial(std::string_view bytes) const { std::ofstream(what_.partial, std::ios::binary) << bytes; }
  [[nodiscard]] bool partial_exists() const { return std::filesystem::exists(what_.partial); }
  /// Ranges of the requests that a server saw.
  static std::vector<std::string> ranges(const stand_in::HttpServer& server) {
    std::vector<std::string> out;
    for (const stand_in::Request& request : server.seen()) out.push_back(request.header("range"));
    return out;
  }

  std::string bytes_, folder_;
  stand_in::Hub hub_;
  HubSettings settings_;
  Download what_;
  std::atomic<bool> cancelled_ = false;
};

TEST_F(DownloadTest, WholeFiles) {
  settings_.token = "hf_good";
  std::vector<uint64_t> told;
  what_.progress = [&](uint64_t bytes) { told.push_back(bytes); };
  EXPECT_EQ(must_arrive(), kSize);
  EXPECT_TRUE(std::is_sorted(told.begin(), told.end()));
  EXPECT_EQ(told.front(), 0u);
  EXPECT_EQ(told.back(), kSize);
  EXPECT_EQ(hub_.cdn().seen()[0].header("authorization"), "");
  what_.partial += "2";
  for (const char* path : {"config.json", "empty"}) {
    choose(path);
    std::filesystem::remove(what_.partial);
    EXPECT_EQ(must_arrive(), what_.file.size);
  }
}

TEST_F(DownloadTest, CutAtEveryTenth) {
  for (int tenth = 0; tenth < 10; ++tenth) {
    std::filesystem::remove(what_.partial);
    hub_.cdn().add_fault({.times = 1, .cut_after = static_cast<int64_t>(kSize * static_cast<size_t>(tenth) / 10)});
    EXPECT_EQ(must_arrive(), kSize) << tenth;  // not a byte twice
  }
}

TEST_F(DownloadTest, EveryAnswerIsCut) {
  hub_.cdn().add_fault({.cut_after = kSize / 10});
  EXPECT_EQ(must_arrive(), kSize);
  EXPECT_EQ(hub_.cdn().seen().size(), 10u);
  EXPECT_EQ(hub_.hub().seen().size(), 1u);  // the signed link serves them all
  EXPECT_EQ(ranges(hub_.cdn())[3], "bytes=900000-");
}

TEST_F(DownloadTest, ConnectionThatEndsWithoutALengthIsCutToo) {
  hub_.cdn().add_fault({.times = 2, .cut_after = 1000, .no_length = true});
  EXPECT_EQ(must_arrive(), kSize);
  EXPECT_EQ(ranges(hub_.cdn()), (std::vector<std::string>{"", "bytes=1000-", "bytes=2000-"}));
}

TEST_F(DownloadTest, EarlierRunsBytesAreKept) {
  for (const size_t kept : {size_t{1}, kSize / 2, kSize - 1}) {
    write_partial(std::string_view(bytes_).substr(0, kept));
    EXPECT_EQ(must_arrive(), kSize - kept);
  }
  hub_.cdn().clear_faults();
  const size_t before = hub_.cdn().seen().size();
  write_partial(bytes_);  // all came, and the name was not given yet
  EXPECT_EQ(must_arrive(), 0u);
  EXPECT_EQ(hub_.cdn().seen().size(), before);
}

TEST_F(DownloadTest, EarlierRunsWrongBytesAreFetchedAnew) {
  std::string wrong = bytes_.substr(0, kSize / 2);
  wrong[77] = static_cast<char>(wrong[77] ^ 1);
  write_partial(wrong);
  EXPECT_EQ(must_arrive(), kSize - kSize / 2 + kSize);
  write_partial(bytes_ + "more than there is");
  EXPECT_EQ(must_arrive(), kSize);
}

TEST_F(DownloadTest, LinksExpire) {
  hub_.links_live(1);
  hub_.cdn().add_fault({.times = 3, .cut_after = 1'000'000});
  // Each link serves one request: the second with it is refused, and the hub is asked again.
  EXPECT_EQ(must_arrive(), kSize);
  EXPECT_GE(hub_.hub().seen().size(), 2u);
  EXPECT_EQ(hub_.cdn().seen()[1].header("range"), "bytes=1000000-");
}

TEST_F(DownloadTest, WhatHasBegunIsNotGivenUpAtTheFirstFault) {
  what_.tries = 1;
  hub_.links_live(1);
  hub_.cdn().add_fault({.times = 1, .cut_after = 1'000'000});
  hub_.hub().add_fault({.times = 1, .skip = 1, .status = 503});
  EXPECT_EQ(must_arrive(), kSize);  // the link has expired, the hub is busy, the next link brings the rest
  std::filesystem::remove(what_.partial);
  hub_.cdn().add_fault({.status = 403});
  const size_t before = hub_.cdn().seen().size();
  EXPECT_FALSE(download());
  EXPECT_EQ(hub_.cdn().seen().size(), before + 1);
}

TEST_F(DownloadTest, WrongHashIsFetchedAnewOnceAndThenRefused) {
  hub_.cdn().add_fault({.times = 1, .flip_byte = true});
  EXPECT_EQ(must_arrive(), 2 * kSize);
  std::filesystem::remove(what_.partial);
  hub_.cdn().add_fault({.flip_byte = true});
  const std::string error = error_of();
  EXPECT_NE(error.find("SHA-256 is "), std::string::npos) << error;
  EXPECT_NE(error.find("use another mirror"), std::string::npos) << error;
  EXPECT_FALSE(partial_exists());
  choose("config.json");
  hub_.hub().add_fault({.flip_byte = true});
  EXPECT_NE(error_of().find("git's SHA-1 is "), std::string::npos);
  EXPECT_FALSE(partial_exists());
}

TEST_F(DownloadTest, WrongLengthIsRefused) {
  hub_.cdn().add_fault({.times = 1, .length_error = 5});
  hub_.cdn().add_fault({.times = 1, .length_error = -5});
  EXPECT_EQ(must_arrive(), kSize);
  std::filesystem::remove(what_.partial);
  hub_.cdn().add_fault({.length_error = -5});
  const std::string error = error_of();
  EXPECT_NE(error.find("sends 2999995 bytes where its list says 3000000"), std::string::npos) << error;
  EXPECT_NE(error.find("use another mirror"), std::string::npos) << error;
  hub_.cdn().clear_faults();
  hub_.cdn().add_fault({.endless_body = true});
  const std::string endless = error_of();
  EXPECT_NE(endless.find("more than the 3000000 bytes"), std::string::npos) << endless;
}

TEST_F(DownloadTest, ServersWithoutRangesKeepWhatIsKnown) {
  write_partial(std::string_view(bytes_).substr(0, 1'000'000));
  hub_.cdn().add_fault({.times = 1, .cut_after = 2'000'000, .no_ranges = true});
  EXPECT_EQ(must_arrive(), kSize + 1'000'000 - 1'000'000);  // 2 MB of which 1 MB was known, then the last one
}

TEST_F(DownloadTest, OtherRangesAreRefused) {
  write_partial(std::string_view(bytes_).substr(0, 1000));
  for (const char* range : {"bytes 0-2999999/3000000", "bytes 1000-2999999/3000001", "bytes", "bytes 1000-2999999/", ""}) {
    hub_.cdn().clear_faults();
    hub_.cdn().add_fault({.status = 206, .headers = fmt::format("Content-Range: {}\r\n", range), .body = "wrong"});
    const std::string error = error_of();
    EXPECT_NE(error.find("answers the range from 1000"), std::string::npos) << range << ": " << error;
    EXPECT_EQ(partial().size(), 1000u);
  }
}

TEST_F(DownloadTest, AServerWhoseRangesAreBadIsAskedForTheWholeFile) {
  for (const char* range : {"bytes", "bytes 1000-1004/3000000"}) {
    write_partial(std::string_view(bytes_).substr(0, 1000));
    hub_.cdn().clear_faults();
    hub_.cdn().add_fault({.times = 2, .status = 206, .headers = fmt::format("Content-Range: {}\r\n", range), .body = "wrong"});
    const size_t before = hub_.cdn().seen().size();
    EXPECT_EQ(must_arrive(), kSize) << "and what is known of it is skipped";
    const std::vector<std::string> asked = ranges(hub_.cdn());
    ASSERT_EQ(asked.size(), before + 3);
    EXPECT_EQ(asked[before + 1], "bytes=1000-");
    EXPECT_EQ(asked[before + 2], "");
    std::filesystem::remove(what_.partial);
  }
}

TEST_F(DownloadTest, RangeBeyondTheEnd) {
  write_partial(std::string_view(bytes_).substr(0, 1000));
  hub_.cdn().add_fault({.times = 1, .status = 416});
  EXPECT_EQ(must_arrive(), kSize);  // from the start
  std::filesystem::remove(what_.partial);
  hub_.cdn().clear_faults();
  hub_.cdn().add_fault({.status = 416});
  EXPECT_NE(error_of().find("use another mirror"), std::string::npos);
}

TEST_F(DownloadTest, BurstsOfFaultsPass) {
  hub_.cdn().add_fault({.times = 2, .status = 500});
  hub_.hub().add_fault({.times = 2, .status = 503});
  EXPECT_EQ(must_arrive(), kSize);
  std::filesystem::remove(what_.partial);
  hub_.hub().add_fault({.times = 3, .status = 429, .headers = "Retry-After: 0\r\n"});
  EXPECT_EQ(must_arrive(), kSize);
}

TEST_F(DownloadTest, FiveAttemptsWithoutAByteAreAnError) {
  write_partial(std::string_view(bytes_).substr(0, 1000));
  for (const Fault& fault : {Fault{.status = 500}, Fault{.status = 429, .headers = "Retry-After: 0\r\n"}, Fault{.cut_after = 0},
                             Fault{.status = 403}}) {
    const size_t before = hub_.cdn().seen().size();
    hub_.cdn().clear_faults();
    hub_.cdn().add_fault(fault);
    const std::string error = error_of();
    EXPECT_NE(error.find("given up after 5 attempts; the 1000 of 3000000 bytes that came are kept"), std::string::npos)
        << error;
    EXPECT_NE(error.find("try again"), std::string::npos) << error;
    EXPECT_EQ(error.find("secret"), std::string::npos) << error;
    EXPECT_EQ(hub_.cdn().seen().size(), before + 5);
    EXPECT_EQ(partial(), bytes_.substr(0, 1000));
  }
}

TEST_F(DownloadTest, WhatNoPatienceHelpsIsSaidAtOnce) {
  struct Case {
    Fault fault;
    std::string words;
  };
  const std::vector<Case> cases = {
      {{.status = 401, .headers = "X-Error-Code: GatedRepo\r\n"}, "accept its licence"},
      {{.status = 403, .headers = "X-Error-Code: GatedRepo\r\n"}, "accept its licence"},
      {{.status = 403}, "lacks a permission"},
      {{.status = 404, .headers = "X-Error-Code: EntryNotFound\r\n"}, "has no model.gguf"},
      {{.status = 401}, "does not exist"},
  };
  for (const Case& c : cases) {
    const size_t before = hub_.hub().seen().size();
    hub_.hub().clear_faults();
    hub_.hub().add_fault(c.fault);
    const std::string error = error_of();
    EXPECT_NE(error.find(c.words), std::string::npos) << error;
    EXPECT_EQ(hub_.hub().seen().size(), before + 1);
  }
}

TEST_F(DownloadTest, StalledStreamGoesOn) {
  settings_.stall_timeout_s = 0.3;
  hub_.cdn().add_fault({.times = 1, .stall_after = 1'500'000});
  EXPECT_EQ(must_arrive(), kSize);
  EXPECT_EQ(ranges(hub_.cdn()), (std::vector<std::string>{"", "bytes=1500000-"}));
}

TEST_F(DownloadTest, CompressedAnswersAreNotWritten) {
  hub_.cdn().add_fault({.headers = "Content-Encoding: gzip\r\n"});
  const std::string error = error_of();
  EXPECT_NE(error.find("compressed"), std::string::npos) << error;
  EXPECT_EQ(partial(), "");
}

TEST_F(DownloadTest, CancellingKeepsWhatCame) {
  hub_.cdn().limit_rate(6'000'000);  // half a second for the file
  what_.progress = [this](uint64_t bytes) { cancelled_ = bytes > 0; };
  EXPECT_EQ(error_of(), "cancelled");
  const std::string kept = partial();
  EXPECT_GT(kept.size(), 0u);
  EXPECT_TRUE(bytes_.starts_with(kept));
  cancelled_ = false;
  what_.progress = {};
  EXPECT_EQ(must_arrive(), kSize - kept.size());
}

TEST_F(DownloadTest, FolderThatCannotBeWritten) {
  what_.partial = folder_ + "/none/partial";
  EXPECT_NE(error_of().find("/none/partial: No such file"), std::string::npos);
  what_.partial = folder_ + "/link";
  std::filesystem::create_symlink("/etc/passwd", what_.partial);
  EXPECT_NE(error_of().find("remove it"), std::string::npos);  // never through a link
}

TEST_F(DownloadTest, FullDiskKeepsWhatCame) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{1'000'000, before.rlim_max};
  const auto old = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::string error = error_of();
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, old);
  EXPECT_NE(error.find("free some space or set HF_HUB_CACHE"), std::string::npos) << error;
  EXPECT_EQ(hub_.cdn().seen().size(), 1u);  // trying again would help nobody
  EXPECT_EQ(partial().size(), 1'000'000u);
  EXPECT_EQ(must_arrive(), kSize - 1'000'000);
}

}  // namespace
}  // namespace sobre
