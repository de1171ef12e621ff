// What tests of this layer share: files of their own, the text side of the tiny model, examples that name themselves.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "engine/tiny_model_testing.h"
#include "learn/documents.h"
#include "learn/example.h"
#include "model/text_assets.h"

namespace sobre {

/// A folder with files, removed at the end of the test.
class TestFiles {
 public:
  [[nodiscard]] std::string operator/(const std::string& name) const { return folder_.path() + "/" + name; }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(*this / name, std::ios::binary) << text;
    return *this / name;
  }

 private:
  TemporaryFolder folder_{"learn"};
};

inline std::string file_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

template <class T>
std::string message_of(const Result<T>& result) {
  return result ? std::string() : result.error().message;
}

/// The tiny model's tokenizer and template; `chat_template` in place of it where it is given.
inline TextAssets tiny_text(const std::string& chat_template = {}) {
  const TemporaryFolder folder("learn-text");
  const auto written = write_tiny_model(folder.path(), SOBRE_SOURCE_DIR);
  EXPECT_TRUE(written) << message_of(written);
  auto assets = folder_text_assets(folder.path(), Json(Json::Object()), false);
  EXPECT_TRUE(assets) << message_of(assets);
  if (!chat_template.empty()) assets->chat_template = ChatTemplate::parse(chat_template).value();
  return std::move(*assets);
}

/// Rows of one document each. The ids of document i are base + i and then counts, so that a batch tells what is in it.
class NumberedDocuments final : public DocumentSource {
 public:
  NumberedDocuments(uint64_t rows, int32_t base) : rows_(rows), base_(base) {}
  [[nodiscard]] uint64_t size() const override { return rows_; }
  [[nodiscard]] Result<std::vector<Example>> documents(uint64_t row) const override {
    EXPECT_LT(row, rows_);
    std::vector<Example> out;
    for (uint64_t piece = 0; piece < pieces(row); ++piece) {
      Example e;
      e.ids.assign(2 + (row * 7 + piece * 3) % 9, static_cast<int32_t>(piece));
      e.ids[0] = base_ + static_cast<int32_t>(row);
      e.learned.assign(e.ids.size(), 1);
      e.learned[0] = 0;
      out.push_back(std::move(e));
    }
    return out;
  }
  /// Every fifth row is too long to be used, every third of the others is cut in three.
  [[nodiscard]] static uint64_t pieces(uint64_t row) { return row % 5 == 4 ? 0 : row % 3 == 0 ? 3 : 1; }

 private:
  uint64_t rows_;
  int32_t base_;
};

}  // namespace sobre
