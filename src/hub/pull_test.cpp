#include "hub/pull.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <future>

#include "base/file.h"
#include "digest/sha256.h"
#include "hub/hub_names.h"
#include "hub/stand_in_hub_testing.h"

namespace sobre {
namespace {

namespace fs = std::filesystem;
using stand_in::Fault;

constexpr const char* kCommit = "0123456789abcdef0123456789abcdef01234567";

class PullTest : public ::testing::Test {
 protected:
  PullTest() {
    std::string pattern = (fs::temp_directory_path() / "sobre-pull-XXXXXX").string();
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    add_model("org/model");
    hub_.repo("org/model").card = Json::Object{{"license", Json("apache-2.0")}};
    hub_.repo("org/model").config = Json::Object{{"architectures", Json(Json::Array{Json("LlamaForCausalLM")})}};
    hub_.add("org/gguf", "model-Q4_K_M.gguf", std::string(50'000, '4'), true);
    hub_.add("org/gguf", "model-Q8_0.gguf", std::string(90'000, '8'), true);
    hub_.add("org/gguf", "README.md", "words", false);
    settings_ = hub_.settings(folder_ + "/hub");
    options_.manifest_folder = folder_ + "/manifests";
    options_.update = true;
    options_.note = [this](const std::string& line) {
      const std::lock_guard lock(notes_mutex_);
      notes_ += line + "\n";
    };
  }
  ~PullTest() override { fs::remove_all(folder_); }

  void add_model(const std::string& id) {
    hub_.add(id, "config.json", R"({"architectures": ["LlamaForCausalLM"]})", false);
    hub_.add(id, "tokenizer.json", "{\"tokens\": []}", false);
    hub_.add(id, "tokenizer_config.json", "{}", false);
    hub_.add(id, "model.safetensors", weights_, true);
    hub_.add(id, "pytorch_model.bin", "pickle", true);
    hub_.add(id, "README.md", "words", false);
  }
  Result<Pulled> pull(const std::string& name) {
    const auto parsed = parse_hub_name(name);
    EXPECT_TRUE(parsed) << name;
    return pull_model(settings_, *parsed, options_);
  }
  std::string error_of(const std::string& name) {
    const auto pulled = pull(name);
    EXPECT_FALSE(pulled) << name;
    return pulled ? std::string() : pulled.error().message;
  }
  [[nodiscard]] std::optional<Pulled> find(const std::string& name) const {
    return find_pulled(HubCache(settings_.cache), options_.manifest_folder, *parse_hub_name(name));
  }
  [[nodiscard]] std::string blobs(const std::string& id = "org--model") const {
    return settings_.cache + "/models--" + id + "/blobs";
  }
  [[nodiscard]] std::string read(const std::string& path) const { return read_file(path, 1 << 30).value_or("(none)"); }
  [[nodiscard]] size_t requests() const { return hub_.hub().seen().size() + hub_.cdn().seen().size(); }
  /// Every file below the cache with its bytes.
  [[nodiscard]] std::map<std::string, std::string> everything() const {
    std::map<std::string, std::string> out;
    for (const auto& entry : fs::recursive_directory_iterator(settings_.cache)) {
      if (entry.is_regular_file()) out[entry.path().string()] = read(entry.path().string());
    }
    return out;
  }

  const std::string weights_ = std::string(700'000, 'w') + "end";
  std::string folder_;
  mutable stand_in::Hub hub_;
  HubSettings settings_;
  PullOptions options_;
  std::mutex notes_mutex_;
  std::string notes_;
};

TEST_F(PullTest, SafetensorsRepository) {
  settings_.token = "hf_good";
  std::map<std::string, uint64_t> done;
  std::string licence;
  uint64_t announced = 0;
  options_.progress = [&](const HubFile& file, uint64_t bytes) {
    EXPECT_GE(bytes, done[file.path]);
    done[file.path] = bytes;
  };
  options_.chosen = [&](const HubRepo& repo, const ChosenFiles& chosen) {
    licence = repo.licence;
    announced = chosen.bytes;
  };
  const auto pulled = pull("org/model");
  ASSERT_TRUE(pulled) << pulled.error().message;
  EXPECT_EQ(pulled->path, settings_.cache + "/models--org--model/snapshots/" + kCommit);
  EXPECT_FALSE(pulled->from_cache);
  EXPECT_EQ(pulled->fetched_bytes, announced);
  EXPECT_EQ(licence, "apache-2.0");
  EXPECT_EQ(read(pulled->path + "/model.safetensors"), weights_);
  EXPECT_TRUE(fs::is_symlink(pulled->path + "/model.safetensors"));
  EXPECT_EQ(read(pulled->path + "/tokenizer.json"), "{\"tokens\": []}");
  EXPECT_FALSE(fs::exists(pulled->path + "/pytorch_model.bin"));
  EXPECT_EQ(read(settings_.cache + "/models--org--model/refs/main"), kCommit);
  EXPECT_EQ(done["model.safetensors"], weights_.size());
  EXPECT_EQ(pulled->manifest.licence, "apache-2.0");
  EXPECT_EQ(pulled->manifest.architecture, "LlamaForCausalLM");
  EXPECT_EQ(read_manifest(options_.manifest_folder, "org/model", kCommit, ""), pulled->manifest);
  for (const stand_in::Request& request : hub_.cdn().seen()) EXPECT_EQ(request.header("authorization"), "");
  for (const auto& entry : fs::directory_iterator(blobs())) EXPECT_EQ(entry.path().extension(), "") << "left behind";
}

TEST_F(PullTest, LockFilesOfARepositoryAreNoHindrance) {
  hub_.add("org/model", "uv.lock", "version = 1", false);
  const auto pulled = pull("org/model");
  ASSERT_TRUE(pulled) << pulled.error().message;
  EXPECT_FALSE(fs::exists(pulled->path + "/uv.lock"));
}

TEST_F(PullTest, WithoutAPlaceForItsManifestAModelIsPulledAllTheSame) {
  ASSERT_TRUE(write_text_file(folder_ + "/file", "x"));
  options_.manifest_folder = folder_ + "/file/manifests";
  const auto pulled = pull("org/model");
  ASSERT_TRUE(pulled) << pulled.error().message;
  EXPECT_NE(notes_.find("its manifest is not kept: "), std::string::npos) << notes_;
  EXPECT_TRUE(find("org/model"));
}

TEST_F(PullTest, WhatIsThereIsNotFetchedAgain) {
  ASSERT_TRUE(pull("org/model"));
  const uint64_t bytes = hub_.cdn().body_bytes();
  const size_t before = hub_.hub().seen().size();
  const auto again = pull("org/model");
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->fetched_bytes, 0u);
  EXPECT_EQ(hub_.cdn().body_bytes(), bytes);
  EXPECT_EQ(hub_.hub().seen().size(), before + 2);  // what main is, and its files
  fs::remove(again->path + "/model.safetensors");
  ASSERT_TRUE(pull("org/model"));  // the blob is there: only linked
  EXPECT_EQ(hub_.cdn().body_bytes(), bytes);
  EXPECT_EQ(read(again->path + "/model.safetensors"), weights_);
}

TEST_F(PullTest, NewCommitSharesWhatDidNotChange) {
  const auto before = pull("org/model");
  ASSERT_TRUE(before);
  hub_.add("org/model", "config.json", R"({"architectures": ["Other"]})", false);
  hub_.repo("org/model").commit = std::string(40, 'c');
  const auto after = pull("org/model");
  ASSERT_TRUE(after) << after.error().message;
  EXPECT_EQ(after->fetched_bytes, 28u);
  EXPECT_NE(after->path, before->path);
  EXPECT_EQ(read(settings_.cache + "/models--org--model/refs/main"), std::string(40, 'c'));
  EXPECT_TRUE(find(std::string("org/model@") + kCommit));
}

TEST_F(PullTest, AModelOfAnEarlierCommitStaysUsable) {
  ASSERT_TRUE(pull("org/gguf:Q8_0"));
  hub_.add("org/gguf", "model-Q4_K_M.gguf", std::string(50'000, '5'), true);
  hub_.repo("org/gguf").commit = std::string(40, 'c');
  ASSERT_TRUE(pull("org/gguf:Q4_K_M"));
  const auto earlier = find("org/gguf:Q8_0");
  ASSERT_TRUE(earlier) << "whole, though main is another commit now";
  EXPECT_TRUE(earlier->guessed);
  EXPECT_NE(earlier->path.find(kCommit), std::string::npos);
  EXPECT_FALSE(find("org/gguf@" + std::string(40, 'c') + ":Q8_0")) << "a commit is that commit";
  settings_.offline = true;
  const auto offline = pull("org/gguf:Q8_0");
  ASSERT_TRUE(offline) << offline.error().message;
  EXPECT_EQ(offline->path, earlier->path);
  EXPECT_NE(notes_.find(std::string("HF_HUB_OFFLINE is set; the copy in the cache is used (commit ") + kCommit),
            std::string::npos)
      << notes_;
  settings_.offline = false;
  options_.update = false;
  const auto newest = pull("org/gguf:Q8_0");
  ASSERT_TRUE(newest) << newest.error().message;
  EXPECT_NE(newest->path, earlier->path);
}

TEST_F(PullTest, AnotherCommitThanTheOneAskedForIsRefused) {
  const std::string other(40, 'd');
  hub_.hub().add_fault(
      {.target = "/revision/", .skip = 0, .status = 200, .body = R"({"id": "org/model", "sha": ")" + other + "\"}"});
  const std::string error = error_of(std::string("org/model@") + kCommit);
  EXPECT_NE(error.find("answers with commit " + other), std::string::npos) << error;
  EXPECT_FALSE(fs::exists(settings_.cache + "/models--org--model/refs/" + kCommit));
}

TEST_F(PullTest, WhatSeveralFilesHoldComesOnce) {
  hub_.add("org/model", "special_tokens_map.json", "{}", false);  // as tokenizer_config.json
  const auto pulled = pull("org/model");
  ASSERT_TRUE(pulled) << pulled.error().message;
  EXPECT_EQ(read(pulled->path + "/special_tokens_map.json"), "{}");
  EXPECT_EQ(read(pulled->path + "/tokenizer_config.json"), "{}");
  EXPECT_EQ(notes_.find("another pull"), std::string::npos) << notes_;
  uint64_t bytes = 0;
  for (const HubFile& file : pulled->manifest.files) bytes += file.size;
  EXPECT_EQ(pulled->fetched_bytes, bytes - 2);
}

TEST_F(PullTest, AnotherToolsGgufIsNotTheUsualOneForGood) {
  ASSERT_TRUE(pull("org/gguf:Q8_0"));
  options_.manifest_folder = folder_ + "/others";  // which know nothing of it
  options_.update = false;
  EXPECT_TRUE(find("org/gguf")->guessed);
  EXPECT_FALSE(find("org/gguf:Q8_0")->guessed);
  EXPECT_TRUE(pull("org/gguf")->path.ends_with("/model-Q4_K_M.gguf"));
}

TEST_F(PullTest, OneGgufOfMany) {
  const auto pulled = pull("org/gguf:q8_0");
  ASSERT_TRUE(pulled) << pulled.error().message;
  EXPECT_TRUE(pulled->path.ends_with("/model-Q8_0.gguf"));
  EXPECT_EQ(read(pulled->path), std::string(90'000, '8'));
  EXPECT_FALSE(find("org/gguf:Q4_K_M"));
  const auto standard = pull("org/gguf");
  ASSERT_TRUE(standard);
  EXPECT_TRUE(standard->path.ends_with("/model-Q4_K_M.gguf"));
  const std::string error = error_of("org/gguf:Q2_K");
  EXPECT_NE(error.find("Q8_0"), std::string::npos) << error;
}

TEST_F(PullTest, WithoutAQuantisationItDoesNotMatterWhatWasPulledBefore) {
  options_.update = false;
  ASSERT_TRUE(pull("org/gguf:Q8_0"));
  ASSERT_TRUE(find("org/gguf"));
  EXPECT_TRUE(find("org/gguf")->guessed);
  hub_.hub().add_fault({.status = 503});
  const auto guessed = pull("org/gguf");
  ASSERT_TRUE(guessed) << guessed.error().message;
  EXPECT_TRUE(guessed->path.ends_with("/model-Q8_0.gguf"));
  EXPECT_NE(notes_.find("the copy in the cache is used"), std::string::npos) << notes_;
  hub_.hub().clear_faults();
  const auto usual = pull("org/gguf");
  ASSERT_TRUE(usual) << usual.error().message;
  EXPECT_TRUE(usual->path.ends_with("/model-Q4_K_M.gguf"));
  const size_t asked = requests();
  EXPECT_EQ(pull("org/gguf")->path, usual->path);
  EXPECT_EQ(requests(), asked);

  hub_.add("org/model", "model-Q8_0.gguf", "eight", true);
  ASSERT_TRUE(pull("org/model:Q8_0"));
  settings_.offline = true;
  EXPECT_TRUE(pull("org/model")->path.ends_with(".gguf"));
  settings_.offline = false;
  const auto folder = pull("org/model");
  ASSERT_TRUE(folder) << folder.error().message;
  EXPECT_EQ(read(folder->path + "/model.safetensors"), weights_);
}

TEST_F(PullTest, WhatAnotherToolFetchedHasTheSameIdentity) {
  const auto pulled = pull("org/model");
  ASSERT_TRUE(pulled);
  const std::string identity = pulled_digest(options_.manifest_folder, pulled->path);
  EXPECT_NE(identity, "");
  options_.manifest_folder = folder_ + "/others";
  options_.update = false;
  EXPECT_EQ(pulled_digest(options_.manifest_folder, pulled->path), "");
  ASSERT_TRUE(pull("org/model"));
  EXPECT_EQ(pulled_digest(options_.manifest_folder, pulled->path), identity);
  // A plain file's digest is not known.
  options_.manifest_folder = folder_ + "/none";
  fs::remove(pulled->path + "/config.json");
  ASSERT_TRUE(write_text_file(pulled->path + "/config.json", "{}"));
  ASSERT_TRUE(pull("org/model"));
  EXPECT_EQ(pulled_digest(options_.manifest_folder, pulled->path), "");
}

TEST_F(PullTest, ShardsAreThoseThatTheIndexNames) {
  for (const char* path : {"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model_extra.safetensors",
                           "model-00001-of-00001.safetensors"})
    hub_.add("org/shards", path, path, true);
  hub_.add("org/shards", "config.json", "{}", false);
  hub_.add("org/shards", "tokenizer.json", "{\"tokens\": []}", false);
  hub_.add("org/shards", "model.safetensors.index.json",
           R"({"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors",
               "c": "model_extra.safetensors"}})",
           false);
  uint64_t announced = 0;
  options_.chosen = [&](const HubRepo&, const ChosenFiles& chosen) { announced = chosen.bytes; };
  const auto pulled = pull("org/shards");
  ASSERT_TRUE(pulled) << pulled.error().message;
  EXPECT_EQ(pulled->fetched_bytes, announced);
  EXPECT_EQ(pulled->manifest.files.size(), 6u);
  EXPECT_EQ(read(pulled->path + "/model_extra.safetensors"), "model_extra.safetensors");
  EXPECT_FALSE(fs::exists(pulled->path + "/model-00001-of-00001.safetensors"));
  options_.manifest_folder = folder_ + "/none";
  ASSERT_TRUE(find("org/shards"));
  fs::remove(pulled->path + "/model_extra.safetensors");
  EXPECT_FALSE(find("org/shards"));
}

TEST_F(PullTest, AFileThatIsKnownIsFetchedWithoutTheApi) {
  const std::string bytes(90'000, '8'), commit = hub_.repo("org/gguf").commit;
  const HubFile file{"model-Q8_0.gguf", bytes.size(), hex(sha256(bytes))};
  options_.tries = 1;
  const auto pulled = pull_file(settings_, "org/gguf", commit, file, options_);
  ASSERT_TRUE(pulled) << pulled.error().message;
  EXPECT_EQ(read(pulled->path), bytes);
  EXPECT_EQ(pulled->fetched_bytes, bytes.size());
  const size_t asked = requests();
  const auto again = pull_file(settings_, "org/gguf", commit, file, options_);
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->from_cache);
  EXPECT_EQ(again->path, pulled->path);
  EXPECT_EQ(requests(), asked);
  // Another digest than the catalogue's is refused, and a hub that is down is told after one attempt.
  const HubFile other{"model-Q4_K_M.gguf", 50'000, std::string(64, 'a')};
  const auto wrong = pull_file(settings_, "org/gguf", commit, other, options_);
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().message.find("nothing of it was kept"), std::string::npos) << wrong.error().message;
  settings_.endpoint = "http://127.0.0.1:9";
  const auto down = pull_file(settings_, "org/gguf", commit, other, options_);
  ASSERT_FALSE(down);
  EXPECT_NE(down.error().message.find("check the network"), std::string::npos) << down.error().message;
  settings_.offline = true;
  EXPECT_NE(pull_file(settings_, "org/gguf", commit, other, options_).error().message.find("HF_HUB_OFFLINE"),
            std::string::npos);
}

TEST_F(PullTest, WhatIsInTheCacheNeedsNoNetworkUnlessTold) {
  options_.update = false;
  ASSERT_TRUE(pull("org/model"));
  const size_t before = requests();
  const auto again = pull("org/model");
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->from_cache);
  EXPECT_EQ(requests(), before);
  options_.update = true;
  ASSERT_TRUE(pull("org/model"));
  EXPECT_GT(requests(), before);
}

TEST_F(PullTest, CommitInTheCacheNeedsNoNetwork) {
  ASSERT_TRUE(pull("org/model"));
  const size_t before = requests();
  const auto pulled = pull(std::string("org/model@") + kCommit);
  ASSERT_TRUE(pulled);
  EXPECT_TRUE(pulled->from_cache);
  EXPECT_EQ(requests(), before);
}

TEST_F(PullTest, ModelThatIsGoneFromTheHubStaysInTheCache) {
  ASSERT_TRUE(pull("org/model"));
  const auto before = everything();
  for (const int status : {401, 403, 404}) {
    hub_.hub().clear_faults();
    hub_.hub().add_fault(Fault{.status = status});
    const std::string message = error_of("org/model");
    EXPECT_NE(message.find("the copy in the cache stays"), std::string::npos) << message;
    EXPECT_EQ(error_of("org/gguf").find("cache"), std::string::npos);
    EXPECT_TRUE(find("org/model"));
  }
  options_.update = false;
  EXPECT_TRUE(pull("org/model"));
  EXPECT_EQ(everything(), before);
}

TEST_F(PullTest, HubInTroubleLeavesTheCacheUsable) {
  ASSERT_TRUE(pull("org/model"));
  ASSERT_TRUE(pull("org/gguf"));
  const auto before = everything();
  settings_.metadata_timeout_s = 0.3;
  for (const Fault& fault :
       {Fault{.status = 500}, Fault{.status = 429, .headers = "Retry-After: 60\r\n"}, Fault{.silent = true},
        Fault{.cut_after = 10}, Fault{.status = 200, .body = "<html>"}, Fault{.target = "/tree/", .status = 503}}) {
    hub_.hub().clear_faults();
    hub_.hub().add_fault(fault);
    for (const char* name : {"org/model", "org/gguf"}) {
      notes_.clear();
      const auto pulled = pull(name);
      ASSERT_TRUE(pulled) << pulled.error().message;
      EXPECT_TRUE(pulled->from_cache);
      EXPECT_TRUE(fs::exists(pulled->path));
      EXPECT_NE(notes_.find("the copy in the cache is used"), std::string::npos) << notes_;
    }
  }
  hub_.stop();
  ASSERT_TRUE(pull("org/model"));
  EXPECT_NE(error_of("org/other").find("cannot connect"), std::string::npos);
  EXPECT_EQ(everything(), before);
}

TEST_F(PullTest, Offline) {
  ASSERT_TRUE(pull("org/model"));
  const size_t before = requests();
  settings_.offline = true;
  const auto pulled = pull("org/model");
  ASSERT_TRUE(pulled);
  EXPECT_TRUE(pulled->from_cache);
  const std::string error = error_of("org/gguf:Q8_0");
  EXPECT_NE(error.find("org/gguf:Q8_0 is not in"), std::string::npos) << error;
  EXPECT_NE(error.find("HF_HUB_OFFLINE"), std::string::npos) << error;
  EXPECT_EQ(requests(), before);
}

TEST_F(PullTest, WithdrawnRepositoryStaysInTheCache) {
  ASSERT_TRUE(pull("org/model"));
  hub_.repo("org/model").is_private = true;
  EXPECT_NE(error_of("org/model").find("does not exist"), std::string::npos);
  EXPECT_TRUE(find("org/model"));
}

TEST_F(PullTest, GatedRepository) {
  hub_.repo("org/model").gated = true;
  const std::string error = error_of("org/model");
  EXPECT_NE(error.find("accept its licence at " + hub_.url() + "/org/model"), std::string::npos) << error;
  EXPECT_FALSE(find("org/model"));
  settings_.token = "hf_good";
  EXPECT_TRUE(pull("org/model"));
}

TEST_F(PullTest, RenamedRepositoryKeepsTheNameItWasAskedBy) {
  hub_.repo("org/old").renamed_to = "org/model";
  const auto pulled = pull("org/old");
  ASSERT_TRUE(pulled) << pulled.error().message;
  EXPECT_NE(notes_.find("org/old is now called org/model"), std::string::npos) << notes_;
  EXPECT_NE(pulled->path.find("models--org--old"), std::string::npos);
  hub_.stop();
  EXPECT_TRUE(find("org/old"));
  EXPECT_TRUE(pull("org/old"));
}

TEST_F(PullTest, OneBadFileIsAnErrorAndTheRestIsKept) {
  options_.parallel = 1;  // the small files first
  hub_.cdn().add_fault({.flip_byte = true});
  const std::string error = error_of("org/model");
  EXPECT_NE(error.find("model.safetensors: what"), std::string::npos) << error;
  EXPECT_FALSE(fs::exists(settings_.cache + "/models--org--model/refs/main"));
  EXPECT_FALSE(find("org/model"));
  for (const auto& entry : fs::directory_iterator(blobs())) {
    EXPECT_EQ(entry.path().filename().string().size(), 40u) << "a blob that is wrong, or a part of one";
  }
  hub_.cdn().clear_faults();
  const auto pulled = pull("org/model");
  ASSERT_TRUE(pulled) << pulled.error().message;
  EXPECT_EQ(pulled->fetched_bytes, weights_.size());
}

TEST_F(PullTest, CancelledPullGoesOnWhereItWas) {
  std::atomic<bool> cancelled = false;
  options_.cancelled = [&] { return cancelled.load(); };
  options_.progress = [&](const HubFile& file, uint64_t bytes) { cancelled = file.path == "model.safetensors" && bytes > 0; };
  hub_.cdn().limit_rate(2'000'000);
  const std::string error = error_of("org/model");
  EXPECT_NE(error.find("org/model: cancelled; what has arrived is kept"), std::string::npos) << error;
  options_.progress = {};
  cancelled = false;
  const uint64_t before = hub_.cdn().body_bytes();
  hub_.cdn().limit_rate(0);
  const auto pulled = pull("org/model");
  ASSERT_TRUE(pulled) << pulled.error().message;
  EXPECT_LT(hub_.cdn().body_bytes() - before, weights_.size());
  EXPECT_EQ(read(pulled->path + "/model.safetensors"), weights_);
}

TEST_F(PullTest, TwoPullsOfOneModelFetchItOnce) {
  hub_.cdn().limit_rate(2'000'000);
  auto other = std::async(std::launch::async, [&] { return pull("org/model"); });
  const auto pulled = pull("org/model");
  const auto others = other.get();
  ASSERT_TRUE(pulled) << pulled.error().message;
  ASSERT_TRUE(others) << others.error().message;
  EXPECT_EQ(hub_.cdn().body_bytes(), weights_.size());
  EXPECT_NE(notes_.find("another pull fetches model.safetensors"), std::string::npos) << notes_;
}

TEST_F(PullTest, HostilePathsAreRefused) {
  for (const char* path : {"../../../escaped.json", "/tmp/escaped.json", "a\\\\..\\\\x.json", "x/../../escaped.json"}) {
    hub_.hub().clear_faults();
    hub_.hub().add_fault({.target = "/tree/",
                          .status = 200,
                          .body = fmt::format(R"([{{"type": "file", "path": "{}", "size": 2,
      "oid": "{}"}}])",
                                              path, kCommit)});
    const std::string error = error_of("org/model");
    EXPECT_NE(error.find("refused"), std::string::npos) << error;
  }
  EXPECT_FALSE(fs::exists(settings_.cache));
}

TEST_F(PullTest, NoRoomOnTheDisk) {
  hub_.hub().add_fault({.target = "/tree/",
                        .status = 200,
                        .body = fmt::format(R"([{{"type": "file", "path": "big-Q4_K_M.gguf",
      "size": 4398046511104, "oid": "{}", "lfs": {{"oid": "{}", "size": 4398046511104}}}}])",
                                            kCommit, std::string(64, 'a'))});
  const std::string error = error_of("org/model");
  EXPECT_NE(error.find("4398046511104 bytes are still to come"), std::string::npos) << error;
  EXPECT_NE(error.find("HF_HUB_CACHE"), std::string::npos) << error;
  EXPECT_EQ(hub_.cdn().seen().size(), 0u);
}

TEST_F(PullTest, ManyFilesAtOnce) {
  Json map = Json::Object{};
  for (int i = 1; i <= 40; ++i) {
    const std::string shard = fmt::format("model-{:05}-of-00040.safetensors", i);
    hub_.add("org/shards", shard, std::string(10'000, static_cast<char>('a' + i % 20)) + std::to_string(i / 21), true);
    map.set("tensor" + std::to_string(i), shard);
  }
  Json index = Json::Object{};
  index.set("weight_map", std::move(map));
  hub_.add("org/shards", "model.safetensors.index.json", index.dump(), false);
  hub_.add("org/shards", "config.json", "{}", false);
  hub_.add("org/shards", "tokenizer.json", "{}", false);
  hub_.cdn().add_fault({.times = 30, .cut_after = 2'000});
  options_.parallel = 16;
  const auto pulled = pull("org/shards");
  ASSERT_TRUE(pulled) << pulled.error().message;
  EXPECT_EQ(pulled->manifest.files.size(), 43u);
  for (const HubFile& file : pulled->manifest.files)
    EXPECT_EQ(read(pulled->path + "/" + file.path).size(), file.size) << file.path;

  // The same as if another tool had left it: without a manifest, and then without one of the shards.
  options_.manifest_folder = folder_ + "/none";
  const auto found = find("org/shards");
  ASSERT_TRUE(found);
  EXPECT_EQ(manifest_digest(found->manifest), manifest_digest(pulled->manifest));
  fs::remove(pulled->path + "/model-00007-of-00040.safetensors");
  EXPECT_FALSE(find("org/shards"));
}

TEST_F(PullTest, PartsOfAModelAreNoModel) {
  const auto pulled = pull("org/model");
  ASSERT_TRUE(pulled);
  options_.manifest_folder = folder_ + "/none";
  ASSERT_TRUE(find("org/model"));
  for (const char* file : {"config.json", "tokenizer.json", "model.safetensors"}) {
    const std::string path = pulled->path + "/" + file;
    fs::rename(path, folder_ + "/away");
    EXPECT_FALSE(find("org/model")) << file;
    fs::rename(folder_ + "/away", path);
  }
  EXPECT_TRUE(find("org/model"));
}

}  // namespace
}  // namespace sobre
