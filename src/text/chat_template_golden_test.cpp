// The reference's renderings, reproduced exactly: ../shared/goldens/templates.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/json.h"
#include "text/chat_template.h"

namespace sobre {
namespace {

const std::string kShared = std::string(SOBRE_SOURCE_DIR) + "/../shared/";
constexpr LocalTime kNow = {2026, 3, 9, 14, 5, 6};  // of the goldens

std::string file_text(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

/// The variables as transformers gives them: tools and documents are there, and none, when the caller has none.
Json variables_of(const Json& row) {
  Json out(Json::Object{});
  out.set("tools", nullptr);
  out.set("documents", nullptr);
  for (const auto& [name, value] : *row.as_object())
    if (name != "case" && name != "rendered" && name != "raises" && name != "raises_type" && name != "special_tokens")
      out.set(name, value);
  for (const auto& [name, value] : *row.find("special_tokens")->as_object()) out.set(name, value);
  return out;
}

void check_row(const ChatTemplate& chat, const Json& row) {
  SCOPED_TRACE(*row.find("case")->as_string());
  const Result<RenderedText> got = chat.render(variables_of(row), kNow);
  if (const Json* raises = row.find("raises")) {
    ASSERT_FALSE(got.has_value()) << got->text;
    // With a type these are Python's own words; without, the template's or Jinja's.
    if (row.find("raises_type") == nullptr) {
      EXPECT_TRUE(got.error().message.starts_with(*raises->as_string())) << got.error().message;
    }
    EXPECT_EQ(got.error().message.find('\n'), std::string::npos);
    return;
  }
  ASSERT_TRUE(got.has_value()) << got.error().message;
  EXPECT_EQ(got->text, *row.find("rendered")->as_string());
}

TEST(ChatTemplateGolden, EveryRowOfEveryTemplateIsEqual) {
  const std::filesystem::path folder = kShared + "goldens/templates";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is absent";
  size_t files = 0, rows = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".jsonl") continue;
    const std::string name = entry.path().stem().string();
    SCOPED_TRACE(name);
    const auto chat = ChatTemplate::parse(file_text(kShared + "templates/" + name + ".jinja"));
    ASSERT_TRUE(chat.has_value()) << chat.error().message;
    ++files;
    std::istringstream lines(file_text(entry.path()));
    for (std::string line; std::getline(lines, line);) {
      if (line.empty()) continue;
      const auto row = Json::parse(line);
      ASSERT_TRUE(row.has_value()) << row.error().message;
      check_row(*chat, *row);
      ++rows;
    }
  }
  EXPECT_GE(files, 18U);
  EXPECT_GE(rows, 22 * files);
}

}  // namespace
}  // namespace sobre
