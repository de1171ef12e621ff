// The hub's commands without a network: what the caches hold, names of the user's own, and what is said when there is no hub.
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/file.h"
#include "base/json.h"
#include "cli/command_testing.h"
#include "cli/names.h"
#include "cli/pull_bars.h"
#include "digest/sha256.h"
#include "hub/hub_cache.h"

namespace sobre {
namespace {

namespace fs = std::filesystem;

/// A home of its own, whose hub's cache holds one quantised model, and no network.
class HubCommands : public testing::Test {
 protected:
  HubCommands()
      : home_("HOME", folder_.path()),
        cache_home_("XDG_CACHE_HOME", folder_ / "cache"),
        config_("XDG_CONFIG_HOME", folder_ / "config"),
        state_("XDG_STATE_HOME", folder_ / "state"),
        hub_("HF_HUB_CACHE", folder_ / "hub"),
        offline_("HF_HUB_OFFLINE", "1") {}

  void SetUp() override {
    const std::string model = make_model(folder_, "model", tiny_config(64));
    const std::string file = folder_ / "tiny.gguf";
    ASSERT_EQ(run_sobre({"quantize", model, file, "--type", "Q8_0"}).status, 0);
    put("acme/tiny", kCommit, "main", "tiny-Q8_0.gguf", read_text(file));
  }

  void put(const std::string& repo, const std::string& commit, const std::string& revision, const std::string& path,
           const std::string& bytes) {
    const HubCache cache(folder_ / "hub");
    const std::string digest = hex(sha256(bytes));
    ASSERT_TRUE(cache.prepare(repo));
    write_text(cache.partial_path(repo, digest), bytes);
    ASSERT_TRUE(cache.commit_blob(repo, digest));
    ASSERT_TRUE(cache.link(repo, commit, path, digest));
    ASSERT_TRUE(cache.set_ref(repo, revision, commit));
  }

  const std::string kCommit = std::string(40, 'a');
  TemporaryFolder folder_;
  EnvironmentVariable home_, cache_home_, config_, state_, hub_, offline_;
};

TEST_F(HubCommands, AModelOfTheCacheIsNamedByItsRepository) {
  const Outcome o = run_sobre({"show", "acme/tiny"});
  ASSERT_EQ(o.status, 0) << o.err;
  EXPECT_NE(o.out.find("tiny-Q8_0.gguf"), std::string::npos) << o.out;
  EXPECT_EQ(run_sobre({"show", "acme/tiny:q8_0"}).status, 0);
  EXPECT_EQ(run_sobre({"show", "acme/tiny@" + kCommit + ":Q8_0"}).status, 0);
  const Outcome pulled = run_sobre({"pull", "acme/tiny"});
  ASSERT_EQ(pulled.status, 0) << pulled.err;
  EXPECT_TRUE(pulled.out.ends_with("/snapshots/" + kCommit + "/tiny-Q8_0.gguf\n")) << pulled.out;
}

TEST_F(HubCommands, WithoutANetworkWhatIsNotThereIsSaid) {
  for (const char* name : {"acme/other", "acme/tiny:Q4_K_M", "acme/tiny@v2"})
    expect_failure({"show", name}, 1, "is no file or folder here, and as a repository of the hub: ");
  expect_failure({"search", "smollm2"}, 1, "HF_HUB_OFFLINE");
  expect_failure({"show", "acme/../x"}, 1, "acme/../x");
}

TEST_F(HubCommands, ListNamesWhatIsHere) {
  const Outcome table = run_sobre({"list"});
  ASSERT_EQ(table.status, 0) << table.err;
  const size_t at = table.out.find("\nacme/tiny ");
  ASSERT_NE(at, std::string::npos) << table.out;
  EXPECT_NE(table.out.find(" hub  ", at), std::string::npos) << table.out;
  const Outcome rows = run_sobre({"list", "--json"});
  bool found = false;
  std::istringstream lines(rows.out);
  for (std::string line; std::getline(lines, line);) {
    const auto row = Json::parse(line);
    ASSERT_TRUE(row) << line;
    if (*row->find("name")->as_string() != "acme/tiny") continue;
    found = true;
    EXPECT_EQ(*row->find("form")->as_string(), "Q8_0");
    EXPECT_EQ(*row->find("bytes")->as_int(), static_cast<int64_t>(fs::file_size(folder_ / "tiny.gguf")));
  }
  EXPECT_TRUE(found) << rows.out;
}

TEST_F(HubCommands, WhatListNamesCanBeRemoved) {
  const std::string commit(40, 'c');
  const HubCache cache(folder_ / "hub");
  put("acme/other", commit, commit, "other-Q8_0.gguf", "eight by");  // a commit that no branch names, as the catalogue's
  const Outcome table = run_sobre({"list"});
  const std::string name = "acme/other@" + commit;
  ASSERT_NE(table.out.find("\n" + name + " "), std::string::npos) << table.out;
  EXPECT_NE(run_sobre({"verify", name}).out.find(name + ": right"), std::string::npos);
  EXPECT_EQ(run_sobre({"rm", name}).out, name + ": removed, 8 bytes freed\n");
  EXPECT_FALSE(fs::exists(cache.repo_folder("acme/other")));
}

TEST_F(HubCommands, VerifyFindsAFlippedByte) {
  const Outcome right = run_sobre({"verify", "acme/tiny"});
  EXPECT_EQ(right.status, 0) << right.err;
  EXPECT_NE(right.out.find("acme/tiny: right"), std::string::npos) << right.out;
  std::string bytes = read_text(folder_ / "tiny.gguf");
  const std::string digest = hex(sha256(bytes));
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  write_text(HubCache(folder_ / "hub").blob_path("acme/tiny", digest), bytes);
  const Outcome wrong = run_sobre({"verify"});
  EXPECT_EQ(wrong.status, 1);
  EXPECT_NE(wrong.out.find("acme/tiny: WRONG: tiny-Q8_0.gguf"), std::string::npos) << wrong.out;
  EXPECT_NE(wrong.err.find("pull it again"), std::string::npos) << wrong.err;
}

TEST_F(HubCommands, RmFreesWhatNothingElseRefersTo) {
  const std::string bytes = read_text(folder_ / "tiny.gguf"), other(40, 'b');
  put("acme/tiny", other, "v2", "tiny-Q8_0.gguf", bytes);
  put("acme/tiny", other, "v2", "tiny-F16.gguf", "some other bytes");
  const Outcome one = run_sobre({"rm", "acme/tiny@v2"});
  ASSERT_EQ(one.status, 0) << one.err;
  EXPECT_NE(one.out.find("16 bytes freed"), std::string::npos) << one.out;
  EXPECT_EQ(run_sobre({"show", "acme/tiny"}).status, 0);
  const Outcome all = run_sobre({"rm", "acme/tiny"});
  ASSERT_EQ(all.status, 0) << all.err;
  EXPECT_FALSE(fs::exists(HubCache(folder_ / "hub").repo_folder("acme/tiny")));
  expect_failure({"rm", "acme/tiny"}, 1, "acme/tiny");
  expect_failure({"rm", "office-medium"}, 1, "comes with the program");
}

TEST_F(HubCommands, AQuantisationGoesAlone) {
  put("acme/tiny", kCommit, "main", "tiny-F16.gguf", "some other bytes");
  const Outcome o = run_sobre({"rm", "acme/tiny:f16"});
  ASSERT_EQ(o.status, 0) << o.err;
  EXPECT_NE(o.out.find("16 bytes freed"), std::string::npos) << o.out;
  EXPECT_EQ(run_sobre({"show", "acme/tiny:q8_0"}).status, 0);
}

TEST_F(HubCommands, AnAliasIsANameEverywhere) {
  ASSERT_EQ(run_sobre({"alias", "mine", "acme/tiny:Q8_0"}).status, 0);
  EXPECT_EQ(run_sobre({"show", "mine"}).status, 0);
  EXPECT_EQ(run_sobre({"alias"}).out, "mine = acme/tiny:Q8_0\n");
  EXPECT_EQ(run_sobre({"alias", "mine"}).out, "mine = acme/tiny:Q8_0\n");
  const Outcome path = run_sobre({"alias", "file", folder_ / "tiny.gguf"});
  ASSERT_EQ(path.status, 0) << path.err;
  EXPECT_EQ(run_sobre({"show", "file"}).status, 0);
  expect_failure({"alias", "smollm2", "acme/tiny"}, 1, "'smollm2' stands for a model of the catalogue already");
  expect_failure({"alias", "a/b", "acme/tiny"}, 1, "'a/b' is no alias");
  expect_failure({"alias", "again", "mine"}, 1, "'mine' is an alias itself");
  expect_failure({"alias", "gone", folder_ / "nothing.gguf"}, 1, "no such file");
  ASSERT_EQ(run_sobre({"alias", "mine", "--remove"}).status, 0);
  expect_failure({"alias", "mine"}, 1, "'mine' is no alias");
  expect_failure({"alias", "--remove"}, 2, "--remove needs the NAME");
  write_text(folder_ / "config/sobre/aliases.toml", "a = 3\n");
  expect_failure({"show", "a"}, 1, "'a' is no text");
}

/// Puts the working folder somewhere else until it ends.
class WorkingFolder {
 public:
  explicit WorkingFolder(const std::string& path) : before_(fs::current_path()) { fs::current_path(path); }
  ~WorkingFolder() { fs::current_path(before_); }
  WorkingFolder(const WorkingFolder&) = delete;
  WorkingFolder& operator=(const WorkingFolder&) = delete;

 private:
  fs::path before_;
};

TEST_F(HubCommands, AnAliasOfAPathMeansItFromEverywhere) {
  fs::create_directories(folder_ / "runs");
  fs::copy_file(folder_ / "tiny.gguf", folder_ / "runs/tiny");  // a name that a repository could have
  const std::string path = fs::canonical(folder_ / "runs/tiny").string();
  {
    const WorkingFolder inside(folder_.path());
    EXPECT_EQ(run_sobre({"alias", "mine", "runs/tiny"}).out, "mine = " + path + "\n");
  }
  EXPECT_EQ(run_sobre({"show", "mine"}).status, 0);
}

TEST_F(HubCommands, OfflineModelsOfTheCatalogueAreNotFetchedByPipEither) {
  const std::string pip = folder_ / "bin/python3";
  fs::create_directories(folder_ / "bin");
  write_text(pip, "#!/bin/sh\necho asked >>" + folder_ / "asked" + "\nexit 1\n");
  fs::permissions(pip, fs::perms::owner_all);
  const EnvironmentVariable path("PATH", folder_ / "bin" + ":" + std::getenv("PATH"));
  const Outcome o = run_sobre({"pull", "smollm2"});
  EXPECT_EQ(o.status, 1);
  EXPECT_NE(o.err.find("smollm2 is not here, and HF_HUB_OFFLINE is set; unset it"), std::string::npos) << o.err;
  EXPECT_FALSE(fs::exists(folder_ / "asked"));
}

TEST(PullBars, LinesFitAndCount) {
  for (const int width : {20, 60, 79, 120, 300}) {
    const std::string line =
        bar_line("model-00001-of-00002.safetensors-with-a-long-name", 250'000'000, 1'000'000'000, 50e6, width);
    EXPECT_LE(line.size(), static_cast<size_t>(width));
  }
  const std::string line = bar_line("a.gguf", 250'000'000, 1'000'000'000, 50e6, 120);
  EXPECT_NE(line.find(" 25 %  250 MB of 1.00 GB  50.0 MB/s  15 s left"), std::string::npos) << line;
  EXPECT_EQ(bar_line("empty", 0, 0, 0, 60).find("100 %") == std::string::npos, false);
}

TEST(PullBars, TheRateIsThatOfTheLastSeconds) {
  RecentRate rate;
  EXPECT_EQ(rate.per_second(), 0);
  rate.add(0, 900);  // there from an earlier run
  EXPECT_EQ(rate.per_second(), 0);
  for (int second = 1; second <= 20; ++second) rate.add(second, 900 + 10 * static_cast<uint64_t>(std::min(second, 10)));
  EXPECT_EQ(rate.per_second(), 0) << "nothing came in the last five seconds";
}

}  // namespace
}  // namespace sobre
