// The bundled models: the files, the commands that use them without being told, `sobre demo`.
#include "cli/demo.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/json.h"
#include "cli/catalogue.h"
#include "cli/command_testing.h"
#include "cli/commands.h"
#include "cli/names.h"
#include "digest/sha256.h"
#include "task/task.h"

namespace sobre {
namespace {

constexpr uint64_t kMostBytes = 16'000'000;  // what a clone of the repository may carry

TEST(Bundled, FilesAreThoseOfTheCatalogue) {
  const auto catalogue = load_catalogue("");
  ASSERT_TRUE(catalogue);
  const auto entries = catalogue->bundled();
  ASSERT_EQ(entries.size(), 3u);
  uint64_t total = 0;
  for (const CatalogueEntry* entry : entries) {
    const auto path = resolve_model(entry->name);
    ASSERT_TRUE(path) << path.error().message;
    const auto digest = file_sha256(*path, [](uint64_t) { return true; });
    ASSERT_TRUE(digest);
    EXPECT_EQ(*digest, entry->sha256) << *path;
    total += entry->bytes;
  }
  EXPECT_LE(total, kMostBytes);
  EXPECT_EQ(bundled_models(), (std::vector<std::string>{"office-large", "office-medium", "office-small"}));
  EXPECT_EQ(default_model().value_or(""), "office-large");
}

TEST(Bundled, AMissingFileIsNamed) {
  const TemporaryFolder home;
  std::filesystem::create_directories(home / "sobre");
  write_text(home / "sobre/catalogue.toml",
             "[[model]]\nname = \"gone\"\ntitle = \"t\"\nlicence = \"MIT\"\norigin = \"o\"\nfile = \"gone.gguf\"\nbytes = 5\n"
             "sha256 = \"b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53\"\n"
             "[[model.sources]]\nkind = \"bundled\"\n");
  const EnvironmentVariable config("XDG_CONFIG_HOME", home.path());
  expect_failure({"show", "gone"}, 1, "gone comes with the program, but no gone.gguf of 5 bytes is in ");
  EXPECT_EQ(bundled_models().size(), 3u);
}

TEST(Bundled, RunWithoutAModelAsksTheLargest) {
  const Outcome none = run_sobre({"run"}, "What is 12 + 30?");
  ASSERT_EQ(none.status, 0) << none.err;
  EXPECT_TRUE(none.out.ends_with("\n42\n")) << none.out;
  const Outcome named = run_sobre({"run", "office-large"}, "What is 12 + 30?");
  EXPECT_EQ(named.out, none.out);
}

TEST(Bundled, ARepeatableFlagTakesOneWordAndAPromptMayBeInBrackets) {
  const Outcome stop = run_sobre({"run", "--stop", "[END]", "office-large", "What is 12 + 30?"});
  EXPECT_EQ(stop.status, 0) << stop.err;
  EXPECT_TRUE(stop.out.ends_with("42\n")) << stop.out;
  for (const char* prompt : {"[]", "[1, 2, 3]", "[Question] What is 12 + 30?"}) {
    const Outcome o = run_sobre({"run", "office-large", prompt});
    EXPECT_EQ(o.status, 0) << o.err;
    EXPECT_FALSE(o.out.empty()) << prompt;  // without a prompt there is a conversation, which ends at once
  }
  std::vector<std::string> words = {"sobre", "run", "m", "[1, 2]"}, marked;
  std::vector<char*> argv;
  argv.reserve(words.size());
  for (std::string& w : words) argv.push_back(w.data());
  EXPECT_EQ(marked_brackets(4, argv.data(), marked).size(), 5U);
  EXPECT_EQ(marked[2], "m");
  EXPECT_FALSE(marked[3].starts_with('['));
  EXPECT_TRUE(marked[3].ends_with("[1, 2]"));
  const Outcome list =
      run_sobre({"eval", "--task", "route,dates", "office-small", "--level", "1", "--language", "en", "--count", "1"});
  EXPECT_EQ(list.status, 0) << list.err;
  EXPECT_NE(list.out.find("dates"), std::string::npos);
}

TEST(Demo, EveryModelAnswersEveryTask) {
  const Outcome o = run_sobre({"demo", "--count", "2", "--json"});
  ASSERT_EQ(o.status, 0) << o.err;
  std::map<std::string, int> answers;
  std::set<std::string> tasks;
  std::istringstream lines(o.out);
  for (std::string line; std::getline(lines, line);) {
    const auto row = Json::parse(line);
    ASSERT_TRUE(row) << line;
    const std::string task = *row->find("task")->as_string(), answer = *row->find("answer")->as_string();
    tasks.insert(task);
    ++answers[*row->find("model")->as_string()];
    EXPECT_EQ(*row->find("right")->as_bool(), score(task, *row->find("expected")->as_string(), answer)) << line;
  }
  const int each = 2 * static_cast<int>(office_tasks().size());
  EXPECT_EQ(answers, (std::map<std::string, int>{{"office-large", each}, {"office-medium", each}, {"office-small", each}}));
  EXPECT_EQ(tasks.size(), office_tasks().size());
}

TEST(Demo, TheTableCountsWhatIsShown) {
  const Outcome o = run_sobre({"demo", "--count", "1", "--seed", "3"});
  ASSERT_EQ(o.status, 0) << o.err;
  const auto count = [&](const std::string& words) {
    int n = 0;
    for (size_t at = o.out.find(words); at != std::string::npos; at = o.out.find(words, at + 1)) ++n;
    return n;
  };
  const int right = count(" right ") - 1, wrong = count(" wrong ");  // less the table's heading
  EXPECT_EQ(right + wrong, 3 * static_cast<int>(office_tasks().size())) << o.out;
  EXPECT_EQ(count(" of " + std::to_string(office_tasks().size())), 3) << o.out;
}

TEST(Demo, WrongFlagsAreOneLine) {
  expect_failure({"demo", "--count", "0"}, 2, "--count");
  expect_failure({"demo", "--count", "101"}, 2, "--count");
  expect_failure({"demo", "--seed", "-1"}, 2, "--seed");
}

}  // namespace
}  // namespace sobre
