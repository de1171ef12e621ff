#include "hub/manifest.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "digest/sha256.h"

namespace sobre {
namespace {

namespace fs = std::filesystem;

const std::string kCommit = "a10cc1512eabd3dde888204e902eca88bddb4951";

Manifest example() {
  Manifest m;
  m.repo = "HuggingFaceTB/SmolLM2-360M-Instruct";
  m.commit = kCommit;
  m.licence = "apache-2.0";
  m.architecture = "LlamaForCausalLM";
  m.files = {{"config.json", 861, std::string(40, 'c')},
             {"model.safetensors", 723'674'912, std::string(64, 'd')},
             {"tokenizer.json", 0, std::string(40, 'e')}};
  return m;
}

std::string error_of(const std::string& json) {
  const auto manifest = manifest_from_json(json);
  return manifest ? "" : manifest.error().message;
}

// The example's JSON with one text in place of another.
std::string with(const std::string& from, const std::string& to) {
  std::string json = manifest_to_json(example());
  const size_t at = json.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return json.replace(at, from.size(), to);
}

TEST(Manifest, ReadsBackWhatItWrote) {
  Manifest m = example();
  EXPECT_EQ(manifest_from_json(manifest_to_json(m)).value(), m);
  m.quant = "Q4_K_M", m.model = "tokenizer.json", m.licence = "other", m.licence_name = "caf\xc3\xa9-\"licence\"";
  EXPECT_EQ(manifest_from_json(manifest_to_json(m)).value(), m);
  m.files.clear(), m.model.clear();
  EXPECT_EQ(manifest_from_json(manifest_to_json(m)).value(), m);
}

TEST(Manifest, TheDigestIsOverFilesByPath) {
  Manifest m = example();
  std::string lines;
  for (const HubFile& f : m.files) lines += f.digest + " " + std::to_string(f.size) + " " + f.path + "\n";
  EXPECT_EQ(manifest_digest(m), hex(sha256(lines)));
  const std::string digest = manifest_digest(m);
  std::reverse(m.files.begin(), m.files.end());
  EXPECT_EQ(manifest_digest(m), digest);
  EXPECT_EQ(manifest_to_json(m), manifest_to_json(example()));
  m.repo = "a/mirror", m.commit = std::string(40, '0'), m.licence = "mit";
  EXPECT_EQ(manifest_digest(m), digest);
  for (HubFile& f : m.files) {
    const HubFile kept = f;
    f.size += 1;
    EXPECT_NE(manifest_digest(m), digest);
    f = kept, f.path += "x";
    EXPECT_NE(manifest_digest(m), digest);
    f = kept, f.digest[0] = '0';
    EXPECT_NE(manifest_digest(m), digest);
    f = kept;
  }
}

TEST(Manifest, TheReaderTrustsNothing) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "byte 1"},
      {"[]", "no manifest of version 1"},
      {with("\"version\": 1", "\"version\": 2"), "no manifest of version 1"},
      {with("HuggingFaceTB/SmolLM2", "../../SmolLM2"), "more than one '/'"},
      {with("HuggingFaceTB/SmolLM2-360M-Instruct", "a/b@v1"), "more than a repository"},
      {with("HuggingFaceTB/SmolLM2-360M-Instruct", "a/b:Q8_0"), "more than a repository"},
      {with(kCommit, "main"), "\"commit\" is not of 40"},
      {with("\"quant\": \"\"", "\"quant\": \"../x\""), "quantisation"},
      {with("\"path\": \"config.json\"", "\"path\": \"../config.json\""), "part \"..\""},
      {with("\"path\": \"config.json\"", "\"path\": \"/config.json\""), "absolute"},
      {with("\"path\": \"config.json\"", "\"path\": 7"), "\"path\" is not a string"},
      {with("\"path\": \"config.json\"", "\"path\": \"model.safetensors\""), "out of order or twice"},
      {with("\"path\": \"config.json\"", "\"path\": \"z.json\""), "out of order or twice"},
      {with("861", "-1"), "no whole number"},
      {with("861", "861.5"), "no whole number"},
      {with("861", "1125899906842625"), "no whole number"},
      {with("861", "862"), "\"digest\" is not that of its files"},
      {with(std::string(40, 'c'), "abc"), "40 or 64"},
      {with("\"model\": \"\"", "\"model\": \"other.gguf\""), "none of its files"},
      {with("\"apache-2.0\"", "\"a\\u001b[31m\""), "control character"},
      {with("\"LlamaForCausalLM\"", "\"" + std::string(257, 'x') + "\""), "more than 256 bytes"},
      {with("\"LlamaForCausalLM\"", "null"), "\"architecture\" is not a string"},
      {with("\"files\": [", "\"file\": ["), "\"files\" is not a list"},
  };
  for (const auto& [json, reason] : cases) {
    EXPECT_NE(error_of(json).find(reason), std::string::npos) << reason << ": " << error_of(json);
    EXPECT_EQ(error_of(json).find_first_of("\n\x1b"), std::string::npos);
  }
}

TEST(Manifest, WhatACardSaysIsMadePlain) {
  Manifest m = example();
  m.licence_name = "my\x1b[31m licence\n\xc2\x9b!\xff" + std::string(400, 'x');
  const Manifest back = manifest_from_json(manifest_to_json(m)).value();
  EXPECT_TRUE(back.licence_name.starts_with("my[31m licence!\xef\xbf\xbdxxx")) << back.licence_name;
  EXPECT_EQ(back.licence_name.size(), 256u);
}

class ManifestFile : public testing::Test {
 protected:
  ManifestFile() {
    std::string folder = (fs::temp_directory_path() / "sobre-manifest-XXXXXX").string();
    folder_ = ::mkdtemp(folder.data());
  }
  ~ManifestFile() override { fs::remove_all(folder_); }

  std::string folder_;
};

TEST_F(ManifestFile, LiesByRepositoryCommitAndQuantisation) {
  Manifest m = example();
  EXPECT_EQ(manifest_path("/m", m), "/m/HuggingFaceTB--SmolLM2-360M-Instruct/" + kCommit + ".json");
  m.quant = "q4_k_m";
  EXPECT_EQ(manifest_path("/m", m), "/m/HuggingFaceTB--SmolLM2-360M-Instruct/" + kCommit + "-Q4_K_M.json");
}

TEST_F(ManifestFile, IsWrittenAndFound) {
  Manifest m = example();
  const std::string folder = folder_ + "/deep/er";
  EXPECT_FALSE(read_manifest(folder, m.repo, m.commit, ""));
  ASSERT_TRUE(write_manifest(folder, m));
  EXPECT_EQ(read_manifest(folder, m.repo, m.commit, "").value(), m);
  EXPECT_FALSE(read_manifest(folder, m.repo, m.commit, "Q8_0"));
  EXPECT_FALSE(read_manifest(folder, m.repo, std::string(40, '0'), ""));
  m.quant = "Q8_0";
  ASSERT_TRUE(write_manifest(folder, m));
  EXPECT_EQ(read_manifest(folder, m.repo, m.commit, "q8_0").value(), m);
  EXPECT_EQ(read_manifest(folder, m.repo, m.commit, "").value(), example());
}

TEST_F(ManifestFile, AllOfACommitOrOfARepository) {
  Manifest one = example(), two = example(), old = example();
  two.quant = "Q8_0", old.commit = std::string(40, '1');
  for (const Manifest* m : {&one, &two, &old}) ASSERT_TRUE(write_manifest(folder_, *m));
  EXPECT_EQ(read_manifests(folder_, one.repo, one.commit).size(), 2u);
  EXPECT_EQ(read_manifests(folder_, one.repo, old.commit), (std::vector<Manifest>{old}));
  EXPECT_EQ(read_manifests(folder_, one.repo, "").size(), 3u);
  EXPECT_TRUE(read_manifests(folder_, "a/b", "").empty());
  ASSERT_TRUE(remove_manifest(folder_, one) && remove_manifest(folder_, one)) << "twice is as good as once";
  EXPECT_EQ(read_manifests(folder_, one.repo, one.commit), (std::vector<Manifest>{two}));
}

TEST_F(ManifestFile, DamagedOrOfAnotherModelIsNone) {
  const Manifest m = example();
  ASSERT_TRUE(write_manifest(folder_, m));
  const std::string path = manifest_path(folder_, m);
  ASSERT_TRUE(write_text_file(path, "{"));
  EXPECT_FALSE(read_manifest(folder_, m.repo, m.commit, ""));
  Manifest other = m;
  other.commit = std::string(40, '1');
  ASSERT_TRUE(write_text_file(path, manifest_to_json(other)));
  EXPECT_FALSE(read_manifest(folder_, m.repo, m.commit, ""));
}

TEST_F(ManifestFile, NamesAModelOfTheCacheByItsPath) {
  Manifest whole = example(), part = example();
  part.quant = "Q8_0", part.model = "sub/m-Q8_0.gguf";
  part.files = {{"sub/m-Q8_0.gguf", 9, std::string(64, 'f')}};
  ASSERT_TRUE(write_manifest(folder_, whole));
  ASSERT_TRUE(write_manifest(folder_, part));
  const std::string snapshot = "/hub/models--HuggingFaceTB--SmolLM2-360M-Instruct/snapshots/" + kCommit;
  EXPECT_EQ(pulled_digest(folder_, snapshot), "sha256:" + manifest_digest(whole));
  EXPECT_EQ(pulled_digest(folder_, snapshot + "/"), "sha256:" + manifest_digest(whole));
  EXPECT_EQ(pulled_digest(folder_, snapshot + "/sub/m-Q8_0.gguf"), "sha256:" + manifest_digest(part));
  EXPECT_EQ(pulled_digest(folder_, snapshot + "/x/../sub/m-Q8_0.gguf"), "sha256:" + manifest_digest(part));
  std::string other_commit = snapshot;
  other_commit.back() = '0';
  for (const std::string& none :
       {snapshot + "/config.json", other_commit, std::string("/hub/snapshots/" + kCommit), std::string("snapshots"),
        std::string("/models--HuggingFaceTB--SmolLM2-360M-Instruct/snapshots"),
        std::string("/models--a--b/snapshots/" + kCommit), std::string("/models/x.gguf"), std::string("/"), std::string()})
    EXPECT_EQ(pulled_digest(folder_, none), "") << none;
}

TEST_F(ManifestFile, AFolderThatCannotBeMadeIsAnError) {
  ASSERT_TRUE(write_text_file(folder_ + "/file", "x"));
  const auto written = write_manifest(folder_ + "/file", example());
  ASSERT_FALSE(written);
  EXPECT_NE(written.error().message.find("cannot be made"), std::string::npos) << written.error().message;
}

TEST(Licence, KnownToForbidCommercialUse) {
  for (const char* licence : {"cc-by-nc-4.0", "cc-by-nc-sa-3.0", "CC-BY-NC-ND-4.0", "cc-by-nc-2.0", "mrl", "mnpl", "mnpl-0.1",
                              "intel-research", "apple-amlr", "fair-noncommercial-research-license"}) {
    EXPECT_NE(forbids_commercial_use(licence, ""), "") << licence;
  }
  for (const char* name : {"mistral-research-license",
                           "mistral-ai-research-licence",
                           "mrl-0.1",
                           "Mistral AI Research License",
                           "mistral-ai-non-production-license",
                           "mnpl",
                           "qwen-research",
                           "Qwen RESEARCH LICENSE AGREEMENT",
                           "c4ai-cc-by-nc-4.0",
                           "cohere-labs-non-commercial",
                           "llama-research-only",
                           "LLaMA research use",
                           "research-only",
                           "research-purposes",
                           "non-commercial",
                           "noncommercial",
                           "custom-nc",
                           "nvidia-nc-1",
                           "stabilityai-nc-research-community",
                           "no-commercial-use",
                           "microsoft-research-license",
                           "exaone"}) {
    EXPECT_NE(forbids_commercial_use("other", name), "") << name;
  }
  EXPECT_EQ(forbids_commercial_use("cc-by-nc-4.0", ""), "it is a Creative Commons licence for non-commercial use");
  EXPECT_EQ(forbids_commercial_use("other", "mistral-research-license"), "it is Mistral's research licence (MRL)");
}

TEST(Licence, NothingIsClaimedOfTheOthers) {
  for (const char* licence : {"",          "apache-2.0",   "mit",          "llama2",   "llama3",
                              "llama3.1",  "llama3.2",     "gemma",        "other",    "unknown",
                              "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nd-4.0", "openrail", "bigscience-openrail-m",
                              "gpl-3.0",   "ncsa",         "bsd-3-clause", "deepseek", "zlib"}) {
    EXPECT_EQ(forbids_commercial_use(licence, ""), "") << licence;
  }
  for (const char* name : {"research-and-commercial-use", "commercial-and-non-commercial-use", "google-research-bert", "lfm1.0",
                           "stabilityai-ai-community", "tongyi-qianwen", "function-calling", "openresearch", "k-exaone",
                           "research-and-development-model-license", "llama3.2", "gemma"}) {
    EXPECT_EQ(forbids_commercial_use("other", name), "") << name;
  }
}

}  // namespace
}  // namespace sobre
