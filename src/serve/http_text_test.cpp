// Runs tests/http/**/*.http, each file as a test of its own. The format: tests/http/README.md.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "base/file.h"
#include "serve/http_text_testing.h"

namespace sobre {

namespace {

std::map<std::string, TestServerFactory>& factories() {
  static std::map<std::string, TestServerFactory> all;
  return all;
}

std::vector<std::string> text_files() {
  std::vector<std::string> paths;
  const std::filesystem::path root = std::filesystem::path(SOBRE_SOURCE_DIR) / "tests/http";
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    if (entry.path().extension() == ".http") paths.push_back(entry.path().lexically_relative(root).string());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::string test_name(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param.substr(0, info.param.size() - std::string_view(".http").size());
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  }
  return name;
}

class HttpText : public testing::TestWithParam<std::string> {};

TEST_P(HttpText, File) {
  const std::string shown = "tests/http/" + GetParam();
  const auto text = read_file((std::filesystem::path(SOBRE_SOURCE_DIR) / shown).string(), 16 << 20);
  ASSERT_TRUE(text) << text.error().message;
  const auto file = parse_http_text(*text, shown);
  ASSERT_TRUE(file) << file.error().message;
  const TestServerFactory* factory = find_test_server(file->server);
  ASSERT_NE(factory, nullptr) << shown << ": there is no server \"" << file->server << "\"";
  const auto server = (*factory)(file->options);
  ASSERT_TRUE(server) << shown << ": " << server.error().message;
  for (const HttpTextCase& test : file->cases) {
    const auto done = run_http_text_case(*file, test, server->port);
    EXPECT_TRUE(done) << done.error().message << "\nin case: " << test.name;
  }
}

INSTANTIATE_TEST_SUITE_P(All, HttpText, testing::ValuesIn(text_files()), test_name);

}  // namespace

bool register_test_server(const std::string& name, TestServerFactory factory) {
  return factories().emplace(name, std::move(factory)).second;
}

const TestServerFactory* find_test_server(std::string_view name) {
  const auto at = factories().find(std::string(name));
  return at == factories().end() ? nullptr : &at->second;
}

}  // namespace sobre
