// `sobre data`: rows, defaults and what is refused.
#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "base/json.h"
#include "cli/command_testing.h"

namespace sobre {
namespace {

std::vector<Json> rows_of(const std::vector<std::string>& args) {
  const Outcome o = run_sobre(args);
  EXPECT_EQ(o.status, 0) << o.err;
  std::vector<Json> rows;
  std::istringstream in(o.out);
  for (std::string line; std::getline(in, line);) {
    const Result<Json> row = Json::parse(line);
    EXPECT_TRUE(row) << line;
    if (row) rows.push_back(*row);
  }
  return rows;
}

TEST(Data, RowsOfTrainingEndWithTheAnswerAndThoseOfTestWithTheQuestion) {
  const std::vector<Json> train = rows_of({"data", "arithmetic"});
  ASSERT_EQ(train.size(), 10u);
  for (const Json& row : train) {
    const Json::Array& messages = *row.find("messages")->as_array();
    ASSERT_EQ(messages.size(), 2u);
    EXPECT_EQ(*messages[1].find("role")->as_string(), "assistant");
    EXPECT_TRUE(messages[1].find("content")->as_string()->ends_with("\n" + *row.find("expected")->as_string()));
    EXPECT_EQ(*row.find("task")->as_string(), "arithmetic");
  }
  for (const Json& row : rows_of({"data", "arithmetic", "--split", "test"})) {
    ASSERT_EQ(row.find("messages")->as_array()->size(), 1u);
  }
}

TEST(Data, LevelLanguageCountAndAllTasks) {
  const std::vector<Json> rows = rows_of({"data", "all", "--count", "21", "--level", "2", "--language", "fr", "--seed", "9"});
  ASSERT_EQ(rows.size(), 21u);
  for (const Json& row : rows) {
    EXPECT_EQ(row.find("difficulty")->as_int(), 2);
    EXPECT_EQ(*row.find("language")->as_string(), "fr");
  }
  EXPECT_EQ(*rows[0].find("task")->as_string(), "route");
  EXPECT_EQ(*rows[6].find("task")->as_string(), "refuse");
}

TEST(Data, TheListNamesEveryTaskAndWhatIsUnknownIsRefused) {
  const Outcome o = run_sobre({"data", "--list"});
  EXPECT_EQ(o.status, 0);
  for (const char* name : {"route", "extract", "dates", "passage", "arithmetic", "problems", "refuse"})
    EXPECT_NE(o.out.find(name), std::string::npos) << name;
  expect_failure({"data", "rout"}, 1, "'rout' is no office task");
  expect_failure({"data"}, 1, "a task is needed");
  expect_failure({"data", "route", "--level", "4"}, 2, "from 1 to 3");
  expect_failure({"data", "route", "--split", "tests"}, 2, "train, validation, test");
}

}  // namespace
}  // namespace sobre
