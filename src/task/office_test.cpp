// The generator against independent computations: dates by the calendar, sums by integers, values by where they stand in the
// text; and the splits against each other.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/json.h"
#include "task/draw.h"
#include "task/noise.h"
#include "task/task.h"
#include "task/working.h"
#include "text/tokenizer.h"

namespace sobre {
namespace {

constexpr std::array<int, 3> kLevels = {1, 2, 3};
const std::array<std::string, 2> kLanguages = {"en", "fr"};
constexpr std::array<Split, 3> kSplits = {Split::kTrain, Split::kValidation, Split::kTest};

TaskItem item(std::string_view task, Split split, uint64_t index, uint64_t seed = 1) {
  Result<TaskItem> made = office_item(task, split, seed, index, kLevels, kLanguages);
  EXPECT_TRUE(made) << made.error().message;
  return made ? *std::move(made) : TaskItem{};
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

const std::string& prompt_of(const TaskItem& made) { return made.messages.front().content; }

TEST(OfficeItem, IsTheSameEachTimeAndAnotherByIndexSeedAndSplit) {
  for (const TaskInfo& task : office_tasks()) {
    const TaskItem a = item(task.name, Split::kTrain, 7);
    EXPECT_EQ(a.messages, item(task.name, Split::kTrain, 7).messages);
    EXPECT_EQ(a.answer, item(task.name, Split::kTrain, 7).answer);
    EXPECT_NE(prompt_of(a), prompt_of(item(task.name, Split::kTrain, 13)));
    EXPECT_NE(prompt_of(a), prompt_of(item(task.name, Split::kTrain, 7, 2)));
    EXPECT_NE(prompt_of(a), prompt_of(item(task.name, Split::kTest, 7)));
  }
}

TEST(OfficeItem, LevelsAndLanguagesTakeTurns) {
  for (uint64_t i = 0; i < 12; ++i) {
    const TaskItem made = item("route", Split::kTrain, i);
    EXPECT_EQ(made.difficulty, static_cast<int>(i % 3) + 1);
    EXPECT_EQ(made.language, i / 3 % 2 == 0 ? "en" : "fr");
    EXPECT_EQ(made.task, "route");
    ASSERT_EQ(made.messages.size(), 1u);
    EXPECT_EQ(made.messages[0].role, "user");
  }
}

TEST(OfficeItem, WhatIsUnknownIsAnErrorThatNamesIt) {
  const auto message = [](std::string_view task, std::vector<int> levels, std::vector<std::string> languages) {
    const Result<TaskItem> made = office_item(task, Split::kTrain, 1, 0, levels, languages);
    return made ? std::string("no error") : made.error().message;
  };
  EXPECT_NE(message("rout", {1}, {"en"}).find("rout: no office task"), std::string::npos);
  EXPECT_NE(message("route", {4}, {"en"}).find("level 4"), std::string::npos);
  EXPECT_NE(message("route", {0}, {"en"}).find("level 0"), std::string::npos);
  EXPECT_NE(message("route", {1}, {"de"}).find("language de"), std::string::npos);
  EXPECT_NE(message("route", {}, {"en"}).find("no level"), std::string::npos);
  EXPECT_NE(message("route", {1}, {}).find("no language"), std::string::npos);
}

TEST(OfficeForms, AreALessonOfTheTrainingSplit) {
  const std::string_view forms = office_lesson().name;
  for (uint64_t i = 0; i < 600; ++i) {
    const TaskItem made = item(forms, Split::kTrain, i);
    EXPECT_TRUE(score(forms, made.expected, made.answer));
    const auto json = Json::parse(made.expected);
    ASSERT_TRUE(json) << made.expected;
    ASSERT_FALSE(json->as_object()->empty());
    std::string small = prompt_of(made);  // keys may be written in capitals, values never
    std::transform(small.begin(), small.end(), small.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    for (const auto& [key, value] : *json->as_object()) {
      EXPECT_NE(small.find(key), std::string::npos) << prompt_of(made);
      EXPECT_NE(prompt_of(made).find(*value.as_string()), std::string::npos) << prompt_of(made);
    }
  }
  for (const Split split : {Split::kValidation, Split::kTest}) {
    const auto made = office_item(forms, split, 1, 0, kLevels, kLanguages);
    ASSERT_FALSE(made);
    EXPECT_NE(made.error().message.find("the training split alone has"), std::string::npos) << made.error().message;
  }
  for (const TaskInfo& task : office_tasks()) EXPECT_NE(task.name, forms);
}

TEST(OfficeItem, EveryAnswerIsRightByItsScorerAndPlain) {
  for (const TaskInfo& task : office_tasks()) {
    for (const Split split : kSplits) {
      for (uint64_t i = 0; i < 600; ++i) {
        const TaskItem made = item(task.name, split, i);
        ASSERT_TRUE(score(task.name, made.expected, made.answer)) << made.answer;
        ASSERT_TRUE(made.answer.ends_with(made.expected));
        ASSERT_EQ(made.expected.find('\n'), std::string::npos);
        for (const std::string& text : {prompt_of(made), made.answer}) {
          ASSERT_FALSE(text.empty());
          ASSERT_TRUE(std::all_of(text.begin(), text.end(), [](char c) {
            return static_cast<unsigned char>(c) >= 32 || c == '\n';
          })) << text;
          ASSERT_EQ(text.find("  "), std::string::npos) << text;
          ASSERT_EQ(text.find_first_of("[]|#"), std::string::npos) << text;
        }
      }
    }
  }
}

// 20,000 items of each split: no template, name, thing, town or pair of operands of test in train.
TEST(OfficeSplits, ShareNoPart) {
  for (const TaskInfo& task : office_tasks()) {
    std::array<std::unordered_set<std::string>, 3> parts;
    for (size_t s = 0; s < 3; ++s) {
      for (uint64_t i = 0; i < 20'000 / office_tasks().size(); ++i) {
        for (std::string& part : item(task.name, kSplits[s], i).parts) parts[s].insert(std::move(part));
      }
      ASSERT_GT(parts[s].size(), 100u) << task.name;
    }
    for (const std::string& part : parts[2]) {
      ASSERT_FALSE(parts[0].contains(part)) << task.name << ": " << part;
      ASSERT_FALSE(parts[1].contains(part)) << task.name << ": " << part;
    }
    for (const std::string& part : parts[1]) ASSERT_FALSE(parts[0].contains(part)) << task.name << ": " << part;
  }
}

// The same seen from outside, in the answers: people of the test split are nobody's name in training.
TEST(OfficeSplits, NamesOfTestAreNotInTrainingAnswers) {
  std::array<std::set<std::string>, 3> words;
  for (size_t s = 0; s < 3; s += 2) {
    for (uint64_t i = 0; i < 6000; ++i) {
      const TaskItem made = item("extract", kSplits[s], i);
      const Result<Json> json = Json::parse(made.expected);
      ASSERT_TRUE(json);
      std::istringstream name(*json->find("name")->as_string());
      for (std::string word; name >> word;) words[s].insert(word);
    }
  }
  for (const std::string& word : words[2]) EXPECT_FALSE(words[0].contains(word)) << word;
  EXPECT_GT(words[0].size(), 1500u);
}

// A letter that only held-out names begin with would never be copied while training.
TEST(OfficeSplits, NamesOfTrainingBeginWithEveryLetter) {
  std::map<std::string, int> beginnings;  // the letters of ASCII, and those with accents that French names begin with
  for (char c = 'A'; c <= 'Z'; ++c) beginnings[std::string(1, c)] = 0;
  beginnings["\xC3\x89"] = 0;
  for (uint64_t i = 0; i < 6000; ++i) {
    const Result<Json> json = Json::parse(item("extract", Split::kTrain, i).expected);
    ASSERT_TRUE(json);
    const std::string& name = *json->find("name")->as_string();
    const auto at = beginnings.find(name.substr(0, name[0] == '\xC3' ? 2 : 1));
    if (at != beginnings.end()) ++at->second;
  }
  for (const auto& [letter, count] : beginnings) EXPECT_GE(count, 10) << letter;
}

TEST(OfficeExtract, ValuesStandInTheText) {
  for (uint64_t i = 0; i < 3000; ++i) {
    const TaskItem made = item("extract", Split::kTrain, i);
    const Result<Json> json = Json::parse(made.expected);
    ASSERT_TRUE(json);
    const Json::Object& object = *json->as_object();
    ASSERT_EQ(object.size(), made.difficulty == 1 ? 3u : made.difficulty == 3 ? 6u : object.size());
    for (const auto& [key, value] : object) {
      ASSERT_NE(office::lower_case(prompt_of(made)).find(key), std::string::npos) << prompt_of(made);
      std::string text = value.as_string() != nullptr ? *value.as_string() : value.dump();
      if (key == "date" && made.difficulty == 3) {
        // Day and year stand there, whatever the month is called.
        ASSERT_NE(prompt_of(made).find(text.substr(0, 4)), std::string::npos);
        text = std::to_string(std::stoi(text.substr(8)));
      }
      ASSERT_NE(prompt_of(made).find(text), std::string::npos) << key << ": " << text << "\n" << prompt_of(made);
    }
  }
}

TEST(OfficePassage, TheAnswersWordsStandInTheText) {
  for (const Split split : kSplits) {
    for (uint64_t i = 0; i < 2000; ++i) {
      const TaskItem made = item("passage", split, i);
      ASSERT_EQ(made.answer, made.expected);
      ASSERT_NE(prompt_of(made).find(made.expected), std::string::npos) << prompt_of(made) << " " << made.expected;
    }
  }
}

// Reads the equation on a line of its own, as "384+259", and computes it.
bool is_equation(const std::string& line, int64_t& result) {
  const size_t sign = line.find_first_of("+-x/");
  if (sign == std::string::npos || sign == 0 || line.find_first_not_of("0123456789+-x/") != std::string::npos) return false;
  if (line.find_first_of("+-x/", sign + 1) != std::string::npos) return false;
  const int64_t a = std::stoll(line.substr(0, sign)), b = std::stoll(line.substr(sign + 1));
  result = line[sign] == '+' ? a + b : line[sign] == '-' ? a - b : line[sign] == 'x' ? a * b : a / b;
  return line[sign] != '/' || a % b == 0;
}

TEST(OfficeArithmetic, ResultsAreRightAndOperandsStandInTheQuestion) {
  for (uint64_t i = 0; i < 4000; ++i) {
    const TaskItem made = item("arithmetic", Split::kTrain, i);
    const std::string first = lines_of(made.answer).front();
    int64_t result = 0;
    ASSERT_TRUE(is_equation(first, result)) << first;
    ASSERT_EQ(made.expected, std::to_string(result)) << first;
    const size_t sign = first.find_first_of("+-x/");
    ASSERT_NE(prompt_of(made).find(first.substr(0, sign)), std::string::npos) << prompt_of(made);
    ASSERT_NE(prompt_of(made).find(first.substr(sign + 1)), std::string::npos) << prompt_of(made);
    if (made.difficulty < 3) {
      ASSERT_GE(result, 0);
    }
  }
}

// Every step uses the result before it, and the last result is what is expected.
TEST(OfficeProblems, StepsFollowFromEachOther) {
  for (uint64_t i = 0; i < 3000; ++i) {
    const TaskItem made = item("problems", Split::kTrain, i);
    std::vector<std::string> numbers;
    int steps = 0;
    std::string before;
    const std::vector<std::string> lines = lines_of(made.answer);
    for (size_t k = 0; k < lines.size(); ++k) {
      int64_t result = 0;
      if (!is_equation(lines[k], result)) continue;
      if (steps++ > 0) {
        ASSERT_TRUE(lines[k].starts_with(before)) << made.answer;
      }
      before = std::to_string(result);
      ASSERT_EQ(lines[k + 2], before) << made.answer;
    }
    ASSERT_EQ(before, made.expected);
    ASSERT_TRUE(steps == made.difficulty || (made.difficulty == 3 && steps == 4)) << made.answer;
  }
}

TEST(OfficeProblems, TrainingWorksOutNothingThatArithmeticTests) {
  for (uint64_t i = 0; i < 2000; ++i) {
    for (const std::string& line : lines_of(item("problems", Split::kTrain, i).answer)) {
      int64_t result = 0;
      if (!is_equation(line, result)) continue;
      const size_t sign = line.find_first_of("+-x/");
      const office::Operation op{std::stoll(line.substr(0, sign)), std::stoll(line.substr(sign + 1)), line[sign]};
      ASSERT_NE(office::split_of(office::operation_key(op)), Split::kTest) << line;
    }
  }
}

TEST(OfficeLengths, FitIntoTheContext) {
  const std::string path = std::string(SOBRE_SOURCE_DIR) + "/../shared/tokenizers/smollm2/tokenizer.json";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is absent: lengths in tokens not checked";
  const Result<Tokenizer> tokenizer = Tokenizer::from_file(path);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  for (const TaskInfo& task : office_tasks()) {
    for (uint64_t i = 0; i < 300; ++i) {
      const TaskItem made = item(task.name, Split::kTrain, i);
      ASSERT_LE(tokenizer->encode(prompt_of(made) + made.answer).size(), 480u) << prompt_of(made) << made.answer;
    }
  }
}

}  // namespace
}  // namespace sobre
