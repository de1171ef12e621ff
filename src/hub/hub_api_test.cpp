#include "hub/hub_api.h"

#include <gtest/gtest.h>

#include "hub/stand_in_hub_testing.h"

namespace sobre {
namespace {

constexpr const char* kCommit = "0123456789abcdef0123456789abcdef01234567";

HubName name_of(const std::string& repo, const std::string& revision = "main") {
  HubName name;
  name.repo = repo;
  name.revision = revision;
  return name;
}

class HubApiTest : public ::testing::Test {
 protected:
  HubApiTest() {
    hub_.add("org/model", "config.json", "{}", false);
    hub_.add("org/model", "onnx/model 1.onnx", "onnx", true);
    hub_.add("org/model", "model.safetensors", "weights", true);
    stand_in::Repo& repo = hub_.repo("org/model");
    repo.card = Json::Object{{"license", Json("other")}, {"license_name", Json("some-licence")}};
    repo.config = Json::Object{{"architectures", Json(Json::Array{Json("LlamaForCausalLM")})}};
    settings_ = hub_.settings("");
  }
  Result<HubRepo> fetch(const HubName& name, bool* unreachable = nullptr) {
    HubHttp http(settings_, {});
    return fetch_hub_repo(http, name, 2, unreachable);
  }
  std::string error_of(const HubName& name, bool* unreachable = nullptr) {
    const auto repo = fetch(name, unreachable);
    EXPECT_FALSE(repo);
    return repo ? std::string() : repo.error().message;
  }

  stand_in::Hub hub_;
  HubSettings settings_;
};

TEST_F(HubApiTest, Repository) {
  const auto repo = fetch(name_of("org/model"));
  ASSERT_TRUE(repo) << repo.error().message;
  EXPECT_EQ(repo->id, "org/model");
  EXPECT_EQ(repo->commit, kCommit);
  EXPECT_EQ(repo->licence, "other");
  EXPECT_EQ(repo->licence_name, "some-licence");
  EXPECT_EQ(repo->architecture, "LlamaForCausalLM");
  const std::vector<HubFile> expected = {{"config.json", 2, git_blob("{}")},
                                         {"model.safetensors", 7, hex(sha256("weights"))},
                                         {"onnx/model 1.onnx", 4, hex(sha256("onnx"))}};
  EXPECT_EQ(repo->files, expected);
}

TEST_F(HubApiTest, PagesAreFollowed) {
  hub_.set_page_size(3);
  for (int i = 0; i < 10; ++i) hub_.add("org/many", "file" + std::to_string(i), std::to_string(i), i % 2 == 0);
  const auto repo = fetch(name_of("org/many"));
  ASSERT_TRUE(repo) << repo.error().message;
  ASSERT_EQ(repo->files.size(), 10u);
  for (size_t i = 0; i < 10; ++i) EXPECT_EQ(repo->files[i].path, "file" + std::to_string(i));
  EXPECT_EQ(hub_.hub().seen().size(), 5u);
}

TEST_F(HubApiTest, LinksToOtherHostsBecomeTheEndpoints) {
  // A mirror passes on what the hub wrote; the token must not follow.
  settings_.token = "hf_good";
  hub_.hub().add_fault({.target = "/tree/",
                        .times = 1,
                        .headers = "Link: <" + hub_.cdn().url() + "/api/models/org/model/tree/" + kCommit +
                                   "?recursive=true&cursor=3>; rel=\"next\"\r\n"});
  const auto repo = fetch(name_of("org/model"));
  ASSERT_TRUE(repo) << repo.error().message;
  EXPECT_EQ(hub_.cdn().seen().size(), 0u);
  EXPECT_EQ(hub_.hub().seen().size(), 3u);
}

TEST_F(HubApiTest, RevisionsAndNewNames) {
  EXPECT_TRUE(fetch(name_of("org/model", "refs/pr/1")));
  EXPECT_TRUE(fetch(name_of("org/model", kCommit)));
  EXPECT_EQ(hub_.hub().seen()[0].target, "/api/models/org/model/revision/refs%2Fpr%2F1");
  hub_.repo("org/old").renamed_to = "org/model";
  const auto repo = fetch(name_of("org/old"));
  ASSERT_TRUE(repo) << repo.error().message;
  EXPECT_EQ(repo->id, "org/model");
}

TEST_F(HubApiTest, ErrorsSayWhatToDo) {
  bool unreachable = true;
  EXPECT_NE(error_of(name_of("org/none"), &unreachable).find("does not exist"), std::string::npos);
  EXPECT_FALSE(unreachable);
  const std::string revision = error_of(name_of("org/model", "v9"), &unreachable);
  EXPECT_NE(revision.find("org/model has no revision \"v9\""), std::string::npos) << revision;
  EXPECT_FALSE(unreachable);
  settings_.token = "hf_wrong";
  EXPECT_NE(error_of(name_of("org/model"), &unreachable).find("does not accept the token"), std::string::npos);
  EXPECT_FALSE(unreachable);
  settings_.token = "";
  hub_.repo("org/model").disabled = true;
  EXPECT_NE(error_of(name_of("org/model"), &unreachable).find("disabled"), std::string::npos);
  EXPECT_FALSE(unreachable);
}

TEST_F(HubApiTest, WhatIsNoFaultOfTheRepository) {
  struct Case {
    stand_in::Fault fault;
    std::string words;
  };
  const std::vector<Case> cases = {
      {{.status = 500}, "a fault on its side"},
      {{.status = 429, .headers = "Retry-After: 0\r\n"}, "too many requests"},
      {{.target = "/tree/", .status = 503}, "a fault on its side"},
      {{.status = 200, .body = "<html>Log in to the hotel's network</html>"}, "org/model: "},
      {{.cut_after = 5}, "cut in the middle"},
      {{.target = "/tree/", .status = 200, .body = "{}"}, "is this a hub?"},
  };
  for (const Case& c : cases) {
    hub_.hub().clear_faults();
    hub_.hub().add_fault(c.fault);
    bool unreachable = false;
    const std::string error = error_of(name_of("org/model"), &unreachable);
    EXPECT_NE(error.find(c.words), std::string::npos) << error;
    EXPECT_TRUE(unreachable) << error;
  }
  hub_.stop();
  bool unreachable = false;
  EXPECT_NE(error_of(name_of("org/model"), &unreachable).find("cannot connect"), std::string::npos);
  EXPECT_TRUE(unreachable);
}

TEST_F(HubApiTest, Search) {
  for (int i = 0; i < 25; ++i) {
    const std::string id = "org/smol-" + std::to_string(i);
    hub_.add(id, "config.json", "{}", false);
    stand_in::Repo& repo = hub_.repo(id);
    repo.downloads = static_cast<uint64_t>(i) * 100;
    repo.tags = {"license:apache-2.0"};
    repo.gated = i == 24;
    if (i % 2 == 0) repo.tags.push_back("gguf");
  }
  hub_.set_page_size(10);
  HubHttp http(settings_, {});
  const auto hits = search_hub(http, "smol-", 22, false);
  ASSERT_TRUE(hits) << hits.error().message;
  ASSERT_EQ(hits->size(), 22u);
  EXPECT_EQ(hits->front().id, "org/smol-24");
  EXPECT_EQ(hits->front().licence, "apache-2.0");
  EXPECT_EQ(hits->front().downloads, 2400u);
  EXPECT_EQ(hits->front().likes, 7u);
  EXPECT_EQ(hits->front().parameters, 361'821'120u);
  EXPECT_TRUE(hits->front().gated);
  EXPECT_FALSE(hits->back().gated);
  EXPECT_EQ(hits->back().id, "org/smol-3");
  const auto gguf = search_hub(http, "smol-1", 100, true);
  ASSERT_TRUE(gguf);
  EXPECT_EQ(gguf->size(), 5u);  // 10, 12, 14, 16, 18
  const auto nothing = search_hub(http, "a b&limit=1", 5, false);
  ASSERT_TRUE(nothing);
  EXPECT_TRUE(nothing->empty());
  EXPECT_NE(hub_.hub().seen().back().target.find("search=a%20b%26limit%3D1&"), std::string::npos);
}

/// The message with which a reader refuses a body.
std::string repo_error(std::string_view body) {
  const auto repo = read_repo_json(body);
  EXPECT_FALSE(repo) << body;
  return repo ? std::string() : repo.error().message;
}

TEST(HubApiJson, RepositoryMembers) {
  const auto repo = read_repo_json(R"({"id": "a/b", "sha": "0123456789abcdef0123456789abcdef01234567",
    "cardData": {"license": ["mit", "x"]}, "gguf": {"architecture": "llama"}, "config": null})");
  ASSERT_TRUE(repo) << repo.error().message;
  EXPECT_EQ(repo->licence, "mit");
  EXPECT_EQ(repo->architecture, "llama");
  const auto tagged = read_repo_json(R"({"id": "a/b", "sha": "0123456789abcdef0123456789abcdef01234567",
    "tags": ["x", 3, "license:\u001b[31mgpl"]})");
  ASSERT_TRUE(tagged);
  EXPECT_EQ(tagged->licence, "?[31mgpl");
  for (const char* body : {"[]", "{}", R"({"id": "../b"})", R"({"id": "a/b@c"})", R"({"id": "a/b:c"})", R"({"id": 3})"})
    EXPECT_NE(repo_error(body).find("is this a hub?"), std::string::npos);
  EXPECT_NE(repo_error(R"({"id": "a/b", "sha": "main"})").find("'sha'"), std::string::npos);
  EXPECT_NE(repo_error(R"({"id": "a/b", "sha": "../../../../../../../../../../../../../.."})").find("'sha'"),
            std::string::npos);
}

/// One entry of a tree with a member changed.
std::string entry_with(const std::string& path, const std::string& rest) {
  return R"([{"type": "file", "path": )" + path + ", " + rest + "}]";
}

TEST(HubApiJson, TreesAreNotTrusted) {
  const std::string good = R"("size": 1, "oid": "0123456789abcdef0123456789abcdef01234567")";
  std::vector<HubFile> files;
  ASSERT_TRUE(read_tree_json(entry_with("\"a/b\"", good), files));
  ASSERT_EQ(files.size(), 1u);
  for (const char* path : {R"("../x")", R"("/etc/passwd")", R"("a/../../x")", R"("a\\b")", R"("a\u0000")", R"("a\u001b")",
                           R"("")", R"("a//b")", R"("C:x")", R"("./a")", R"("a/")", "3", "null"}) {
    EXPECT_FALSE(read_tree_json(entry_with(path, good), files)) << path;
  }
  for (
      const char* rest : {
          R"("size": -1, "oid": "0123456789abcdef0123456789abcdef01234567")",
          R"("size": 1e3, "oid": "0123456789abcdef0123456789abcdef01234567")",
          R"("size": 18446744073709551615, "oid": "0123456789abcdef0123456789abcdef01234567")",
          R"("oid": "0123456789abcdef0123456789abcdef01234567")",
          R"("size": 1, "oid": "../../x")",
          R"("size": 1, "oid": "0123456789ABCDEF0123456789abcdef01234567")",
          R"("size": 1, "oid": "0123456789abcdef0123456789abcdef01234567", "lfs": {"oid": "0123456789abcdef0123456789abcdef01234567"})",
          R"("size": 1, "oid": "0123456789abcdef0123456789abcdef01234567", "lfs": {})",
          R"("size": 1)",
      }) {
    EXPECT_FALSE(read_tree_json(entry_with("\"a\"", rest), files)) << rest;
  }
  for (const char* body : {"{}", "[1]", "[{}]", "[[]]", "", "[", "nul"}) EXPECT_FALSE(read_tree_json(body, files)) << body;
  EXPECT_EQ(files.size(), 1u);
  ASSERT_TRUE(read_tree_json(R"([{"type": "directory", "path": "../x"}, {"type": "submodule"}])", files));
  EXPECT_EQ(files.size(), 1u);
}

TEST(HubApiJson, SizeOfLargeFilesIsTheContents) {
  std::vector<HubFile> files;
  const std::string sha(64, 'a');
  ASSERT_TRUE(read_tree_json(
      R"([{"type": "file", "path": "m", "size": 134, "oid": "0123456789abcdef0123456789abcdef01234567", "lfs": {"size": 5000, "oid": ")" +
          sha + "\"}}]",
      files));
  EXPECT_EQ(files[0], (HubFile{"m", 5000, sha}));
}

TEST(HubApiJson, HitsNoPullCouldUseAreLeftOut) {
  std::vector<HubHit> hits;
  ASSERT_TRUE(read_search_json(
      R"([{"id": "gpt2"}, {"id": "../x"}, 3, {"id": "a/b", "downloads": -1, "gated": false}, {"id": "c/d"}])", 1, hits));
  ASSERT_EQ(hits.size(), 1u);
  EXPECT_EQ(hits[0].id, "a/b");
  EXPECT_EQ(hits[0].downloads, 0u);
  EXPECT_FALSE(read_search_json("{}", 1, hits));
}

}  // namespace
}  // namespace sobre
