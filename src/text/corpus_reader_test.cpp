// Training files: what a line may be, where long texts are cut, what is refused and how it is named.
#include "text/corpus_reader.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <vector>

#include "base/random.h"
#include "base/utf8.h"
#include "text/piece_counts.h"

namespace sobre {
namespace {

class Corpus : public testing::Test {
 protected:
  Corpus() {
    std::string pattern = (std::filesystem::temp_directory_path() / "sobre-corpus-XXXXXX").string();
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  ~Corpus() override {
    std::error_code error;
    std::filesystem::remove_all(folder_, error);
  }

  std::string file(const std::string& name, const std::string& text) {
    std::ofstream(folder_ + "/" + name, std::ios::binary) << text;
    return folder_ + "/" + name;
  }

  /// The texts of a file; what went wrong is in `error_`.
  std::vector<std::string> read(const std::string& path, const CorpusReader::Limits& limits = {}) {
    std::vector<std::string> texts;
    CorpusReader reader(limits, [&texts](std::string_view text) -> Result<void> {
      texts.emplace_back(text);
      return {};
    });
    const auto result = reader.read(path, {});
    error_ = result ? "" : result.error().message;
    bytes_ = reader.bytes();
    return texts;
  }

  void expect_error(const std::string& path, const std::string& words, const CorpusReader::Limits& limits = {}) {
    read(path, limits);
    EXPECT_TRUE(error_.starts_with(path)) << error_;
    EXPECT_NE(error_.find(words), std::string::npos) << error_ << "\nexpected: " << words;
    EXPECT_EQ(error_.find('\n'), std::string::npos) << error_;
  }

  std::string folder_, error_;
  uint64_t bytes_ = 0;
};

using Texts = std::vector<std::string>;

TEST_F(Corpus, LinesAreTextsOrMessages) {
  const std::string path = file("a.jsonl",
                                "\xEF\xBB\xBF{\"text\": \"one\\ntwo\", \"messages\": 3}\r\n"
                                "\n \t\r\n"
                                "{\"messages\": [{\"role\": \"user\", \"content\": \"\xC3\xA9\"}, {\"content\": \"\"},"
                                " {\"content\": \"b\"}], \"more\": [1]}\n"
                                "{\"messages\": []}\n"
                                "{\"text\": \"last\"}");
  EXPECT_EQ(read(path), (Texts{"one\ntwo", "user", "\xC3\xA9", "b", "last"}));
  EXPECT_EQ(error_, "");
  EXPECT_EQ(bytes_, 7U + 4 + 2 + 1 + 4);
}

TEST_F(Corpus, WrongLinesAreNamed) {
  const std::string good = "{\"text\": \"a\"}\n\n";
  const std::pair<std::string, std::string> cases[] = {
      {"{\"text\": \"a\"", ":3: "},
      {"[1]", ":3: no JSON object"},
      {"{\"text\": 5}", ":3: \"text\" is no string"},
      {"{\"texts\": \"a\"}", ":3: neither \"text\" nor \"messages\""},
      {"{\"messages\": {}}", ":3: \"messages\" is no list"},
      {"{\"messages\": [{\"content\": \"a\"}, {\"role\": \"user\"}]}", ":3: message 2: its \"content\" is missing"},
      {"{\"messages\": [\"a\"]}", ":3: message 1: its \"content\""},
      {"{\"text\": \"\xFF\"}", ":3: "},
      {"{\"text\": \"\\ud800\"}", ":3: "},
      {"{\"text\": \"a\", \"text\": \"b\"}", ":3: "},
  };
  for (const auto& [line, words] : cases) expect_error(file("a.jsonl", good + line + "\n" + good), words);
}

TEST_F(Corpus, LinesHaveALimit) {
  const std::string line = "{\"text\": \"" + std::string(20, 'a') + "\"}";
  CorpusReader::Limits limits;
  limits.max_line_bytes = line.size();
  EXPECT_EQ(read(file("a.jsonl", line + "\n" + line), limits).size(), 2U);
  EXPECT_EQ(error_, "");
  limits.max_line_bytes = line.size() - 1;
  expect_error(file("a.jsonl", "\n" + line), ":2: a line of 32 bytes, the limit is 31", limits);
}

TEST_F(Corpus, OtherFilesAreRefused) {
  expect_error(folder_ + "/absent.txt", "No such file");
  expect_error(folder_ + "/a.csv", "ends in .txt (plain text) or .jsonl");
  std::filesystem::create_directory(folder_ + "/d.txt");
  expect_error(folder_ + "/d.txt", "not a regular file");
  EXPECT_EQ(read(file("empty.txt", "")), Texts{});
  EXPECT_EQ(read(file("empty.jsonl", "")), Texts{});
  EXPECT_EQ(error_, "");
}

TEST_F(Corpus, BytesThatAreNoUtf8AreNamed) {
  CorpusReader::Limits limits;
  limits.part_bytes = 6;
  expect_error(file("a.txt", "line one\nline two\nl\xC3( three"), ":3: byte 19 of the file is not UTF-8", limits);
  expect_error(file("a.txt", "cut off \xE2\x82"), ":1: byte 8 of the file");
}

TEST_F(Corpus, PartsAreCutWhereThePiecesAre) {
  const std::vector<std::string> words = {"a",   "word", " ",    "  ", "\n", "\n\n", "\t",       "'s",
                                          "12 ", ". ",   "\r\n", "!",  " x", "y\n",  "\xC2\xA0", "\xE4\xBD\xA0 "};
  for (uint64_t seed = 0; seed < 200; ++seed) {
    std::string text;
    for (uint64_t i = 0; i < 60; ++i)
      text += words[static_cast<size_t>(random_unit(seed, 0, i) * static_cast<double>(words.size()))];
    CorpusReader::Limits limits;
    limits.part_bytes = 1 + seed % 20;
    const std::string path = file("a.txt", text);
    auto whole = PieceCounts::create(), parts = PieceCounts::create();
    ASSERT_TRUE(whole && parts && whole->add_text(text));
    std::string joined;
    for (const std::string& part : read(path, limits)) {
      joined += part;
      ASSERT_TRUE(parts->add_text(part));
    }
    ASSERT_EQ(joined, text);
    ASSERT_EQ(whole->size(), parts->size()) << seed;
    for (size_t i = 0; i < whole->size(); ++i) {
      ASSERT_EQ(whole->piece(i), parts->piece(i)) << seed;
      ASSERT_EQ(whole->count(i), parts->count(i)) << seed;
    }
  }
}

TEST_F(Corpus, PartsAreAboutAsLongAsAsked) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "word ";
  CorpusReader::Limits limits;
  limits.part_bytes = 100;
  for (const std::string& part : read(file("a.txt", text), limits)) EXPECT_LE(part.size(), 100U);
  // Nowhere to cut: between characters, after the longest part that is allowed.
  limits.max_part_bytes = 200;
  text.clear();
  for (int i = 0; i < 500; ++i) text += "\xE4\xBD\xA0";
  const Texts parts = read(file("a.txt", text), limits);
  ASSERT_EQ(parts.size(), 8U);
  for (const std::string& part : parts) {
    EXPECT_LE(part.size(), 200U);
    EXPECT_TRUE(is_valid_utf8(part));
  }
}

TEST_F(Corpus, StopsAtTheLimitBetweenCharacters) {
  CorpusReader::Limits limits;
  for (limits.max_bytes = 1; limits.max_bytes < 9; ++limits.max_bytes) {
    const std::string text = "a\xC3\xA9 \xE4\xBD\xA0 b";
    const Texts one = read(file("a.txt", text), limits);
    const std::string got = one.empty() ? "" : one[0];
    EXPECT_EQ(one.size(), 1U);
    EXPECT_TRUE(text.starts_with(got) && is_valid_utf8(got) && got.size() <= limits.max_bytes);
    EXPECT_GE(got.size() + 3, limits.max_bytes);
  }
  limits.max_bytes = 5;
  EXPECT_EQ(read(file("a.jsonl", "{\"text\": \"abc\"}\n{\"text\": \"def\"}\nnot read"), limits), (Texts{"abc", "de"}));
  EXPECT_EQ(error_, "");
  EXPECT_EQ(bytes_, 5U);
}

TEST_F(Corpus, WhatTheSinkRefusesIsNamed) {
  const std::string path = file("a.jsonl", "\n{\"text\": \"a\"}\n");
  CorpusReader reader({}, [](std::string_view) -> Result<void> { return fail("too much"); });
  const auto result = reader.read(path, {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, path + ":2: too much");
}

}  // namespace
}  // namespace sobre
