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
#include "hub/manifest.h"

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

  std::string path_of(const std::string& repo, const std::string& commit, const std::string& path) {
    return HubCache(folder_ / "hub").snapshot_folder(repo, commit) + "/" + path;
  }

  const std::string kCommit = std::string(40, 'a');
  TemporaryFolder folder_;
  const std::string manifests_ = folder_ / "state/sobre/manifests";
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

TEST_F(HubCommands, VerifyComparesWithTheManifest) {
  put("acme/tiny", kCommit, "main", "tiny-F16.gguf", "some other bytes");
  Manifest manifest;
  manifest.repo = "acme/tiny", manifest.commit = kCommit, manifest.quant = "Q8_0", manifest.model = "tiny-Q8_0.gguf";
  const std::string bytes = read_text(folder_ / "tiny.gguf"), link = path_of("acme/tiny", kCommit, "tiny-Q8_0.gguf");
  manifest.files = {{"tiny-Q8_0.gguf", bytes.size(), hex(sha256(bytes))}};
  ASSERT_TRUE(write_manifest(manifests_, manifest));
  EXPECT_EQ(run_sobre({"verify", "acme/tiny:q8_0"}).out, "acme/tiny: right, 2 files\n");
  expect_failure({"verify", "acme/tiny:Q9_K"}, 1, "acme/tiny:Q9_K is not here");
  // A link to another blob of the repository.
  fs::remove(link);
  fs::create_symlink("../../blobs/" + hex(sha256("some other bytes")), link);
  EXPECT_NE(run_sobre({"verify"}).out.find("acme/tiny: WRONG: tiny-Q8_0.gguf: 16 of "), std::string::npos);
  // No link.
  fs::remove(link);
  EXPECT_NE(run_sobre({"verify"}).out.find("acme/tiny: WRONG: tiny-Q8_0.gguf: it is not there"), std::string::npos);
  // A plain file in its place.
  write_text(link, bytes);
  EXPECT_EQ(run_sobre({"verify", "acme/tiny"}).out, "acme/tiny: right, 2 files\n");
  write_text(link, std::string(bytes.size(), 'x'));
  EXPECT_NE(run_sobre({"verify"}).out.find("acme/tiny: WRONG: tiny-Q8_0.gguf: SHA-256 is "), std::string::npos);
  // What is removed is missed no more, and without a digest nothing is claimed.
  ASSERT_EQ(run_sobre({"rm", "acme/tiny:Q8_0"}).status, 0);
  EXPECT_TRUE(read_manifests(manifests_, "acme/tiny", "").empty());
  EXPECT_EQ(run_sobre({"verify", "acme/tiny"}).out, "acme/tiny: right, 1 file\n");
  write_text(path_of("acme/tiny", kCommit, "tiny-Q8_0.gguf"), "anything");
  EXPECT_NE(run_sobre({"verify", "acme/tiny"}).out.find("acme/tiny: right, 1 file\nacme/tiny: 1 file not checked: "),
            std::string::npos);
}

TEST_F(HubCommands, AManifestOfAnotherCacheSaysNothingOfThisOne) {
  Manifest manifest;
  manifest.repo = "acme/tiny", manifest.commit = kCommit, manifest.quant = "Q4_0", manifest.model = "tiny-Q4_0.gguf";
  manifest.files = {{"tiny-Q4_0.gguf", 9, std::string(64, 'f')}};
  ASSERT_TRUE(write_manifest(manifests_, manifest));
  EXPECT_EQ(run_sobre({"verify", "acme/tiny"}).out, "acme/tiny: right, 1 file\n");
  ASSERT_EQ(run_sobre({"rm", "acme/tiny"}).status, 0);
  EXPECT_EQ(read_manifests(manifests_, "acme/tiny", "").size(), 1u);
}

TEST_F(HubCommands, ARepositoryWithoutAnOrganisationIsNamedAsListed) {
  const std::string old = folder_ / "hub/models--gpt2";
  fs::create_directories(old + "/snapshots/" + kCommit);
  fs::create_directories(old + "/blobs");
  fs::create_directories(old + "/refs");
  write_text(old + "/blobs/" + hex(sha256("weights")), "weights");
  write_text(old + "/refs/main", kCommit);
  fs::create_symlink("../../blobs/" + hex(sha256("weights")), old + "/snapshots/" + kCommit + "/model.safetensors");
  EXPECT_NE(run_sobre({"list"}).out.find("\ngpt2 "), std::string::npos);
  EXPECT_EQ(run_sobre({"verify", "gpt2"}).out, "gpt2: right, 1 file\n");
  EXPECT_EQ(run_sobre({"rm", "gpt2@" + kCommit}).out, "gpt2@" + kCommit + ": removed, 7 bytes freed\n");
  EXPECT_FALSE(fs::exists(old));
  expect_failure({"rm", "gpt2"}, 1, "no repository of the hub");
}

TEST_F(HubCommands, ARevisionOfACommitThatAnotherNamesGoesAlone) {
  ASSERT_TRUE(HubCache(folder_ / "hub").set_ref("acme/tiny", "v1", kCommit));
  EXPECT_EQ(run_sobre({"rm", "acme/tiny@v1"}).out, "acme/tiny@v1: removed; its files stay, main is the same commit\n");
  EXPECT_EQ(run_sobre({"show", "acme/tiny"}).status, 0);
  EXPECT_EQ(run_sobre({"show", "acme/tiny@v1"}).status, 1);
}

TEST_F(HubCommands, ACatalogueModelInTheHubsCacheIsKnownByItsName) {
  const std::string bytes = read_text(folder_ / "tiny.gguf"), commit(40, 'd');
  fs::create_directories(folder_ / "config/sobre");
  write_text(folder_ / "config/sobre/catalogue.toml",
             "[[model]]\nname = \"own\"\ntitle = \"Own\"\nlicence = \"MIT\"\norigin = \"here\"\nfile = \"own.gguf\"\nbytes = " +
                 std::to_string(bytes.size()) + "\nsha256 = \"" + hex(sha256(bytes)) +
                 "\"\n[[model.sources]]\nkind = \"hub\"\nrepo = \"acme/own\"\ncommit = \"" + commit +
                 "\"\npath = \"own-Q8_0.gguf\"\n");
  expect_failure({"verify", "own"}, 1, "own is not here");
  put("acme/own", commit, commit, "own-Q8_0.gguf", bytes);
  const std::string list = run_sobre({"list"}).out;
  EXPECT_NE(list.find("\nown "), std::string::npos) << list;
  EXPECT_NE(list.find("MIT\n", list.find("\nown ")), std::string::npos) << list;
  EXPECT_EQ(list.find("acme/own"), std::string::npos) << list;
  EXPECT_EQ(run_sobre({"verify", "own"}).out, "own: right\n");
  const std::string all = run_sobre({"verify"}).out;
  EXPECT_NE(all.find("own: right\n"), std::string::npos) << all;
  EXPECT_EQ(all.find("acme/own"), std::string::npos) << all;
  std::string wrong = bytes;
  wrong[100] = static_cast<char>(wrong[100] ^ 1);
  write_text(HubCache(folder_ / "hub").blob_path("acme/own", hex(sha256(bytes))), wrong);
  EXPECT_NE(run_sobre({"verify", "own"}).out.find("own: WRONG: "), std::string::npos);
  EXPECT_EQ(run_sobre({"rm", "own"}).status, 0);
  EXPECT_FALSE(fs::exists(HubCache(folder_ / "hub").repo_folder("acme/own")));
  expect_failure({"rm", "own"}, 1, "own is not here");
}

TEST_F(HubCommands, ALicenceThatForbidsIsSaidOfWhatIsHereToo) {
  Manifest manifest;
  manifest.repo = "acme/tiny", manifest.commit = kCommit, manifest.quant = "Q8_0", manifest.model = "tiny-Q8_0.gguf";
  manifest.licence = "cc-by-nc-4.0";
  const std::string bytes = read_text(folder_ / "tiny.gguf");
  manifest.files = {{"tiny-Q8_0.gguf", bytes.size(), hex(sha256(bytes))}};
  ASSERT_TRUE(write_manifest(manifests_, manifest));
  for (const char* name : {"acme/tiny:Q8_0", "acme/tiny"})
    EXPECT_NE(run_sobre({"pull", name}).err.find("non-commercial"), std::string::npos) << name;
}

TEST_F(HubCommands, PullSaysWhatIsWrongWithAName) {
  for (const auto& [name, words] : std::vector<std::pair<std::string, std::string>>{
           {"https://huggingface.co/org/name", "an address; write the repository alone, org/name"},
           {"org/name.git", "leave \".git\" away"},
           {"org/name:", "no quantisation after the ':'"},
           {"org/name@a..b", "the revision \"a..b\""}}) {
    expect_failure({"pull", name}, 1, words);
    EXPECT_EQ(run_sobre({"pull", name}).err.find("no such file"), std::string::npos) << name;
    expect_failure({"show", name}, 1, "no such file or folder, and no repository of the hub: ");
    expect_failure({"show", name}, 1, words);
  }
  expect_failure({"show", "/nowhere/x"}, 1, "sobre: /nowhere/x: no such file or folder\n");
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
