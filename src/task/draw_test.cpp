// The notation of the tables, the splits, and what noise may not touch.
#include "task/draw.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "task/noise.h"

namespace sobre::office {
namespace {

constexpr std::string_view kLines[] = {"[a|b[c|d|]] {thing}", "{Thing}[.|!]"};

TEST(Draw, MakesEveryChoiceAndFillsSlots) {
  std::set<std::string> seen;
  for (uint64_t i = 0; i < 200; ++i) {
    Draw draw(Split::kTrain, 1, 0, i);
    seen.insert(fill(draw.choose(kLines), std::array<Slot, 1>{{{"thing", "été"}}}));
  }
  EXPECT_EQ(seen, (std::set<std::string>{"a été", "bc été", "bd été", "b été", "Été.", "Été!"}));
}

TEST(Draw, NumberedSlotsComeBeforePlainOnes) {
  const std::array<Slot, 2> slots = {{{"x", "plain"}, {"x#1", "own"}}};
  EXPECT_EQ(fill("{x#0} {x#1} {X#1}", slots), "plain own Own");
}

TEST(Draw, CountsTheTemplatesOfALine) {
  EXPECT_EQ(templates_of("none"), 1u);
  EXPECT_EQ(templates_of("[a|b|] {x} [c|d]"), 6u);
  EXPECT_EQ(templates_of("[a|b [c|d|e] [f|g]|h]!"), 8u);
}

TEST(Draw, AnEvenTemplateIsAsLikelyAsAnyOther) {
  const std::array<std::string_view, 2> lines = {"one", "[a|b|c|d|e|f] [u|v|w|x|y|z]"};
  std::map<std::string, int> counts;
  for (uint64_t i = 0; i < 37'000; ++i) {
    Draw draw(Split::kTrain, 1, 0, i);
    ++counts[draw.even_template(lines)];
  }
  const double each = 37'000.0 / static_cast<double>(counts.size());
  ASSERT_GT(counts.size(), 20u);
  for (const auto& [text, count] : counts) EXPECT_NEAR(count, each, each * 0.15) << text;
}

// Part of every data set: a change of the hash or of the random numbers is a change of the splits.
TEST(Draw, SplitsAreAboutEightyTenTen) {
  std::map<Split, int> counts;
  for (int i = 0; i < 20'000; ++i) ++counts[split_of("part " + std::to_string(i))];
  EXPECT_NEAR(counts[Split::kTrain], 16'000, 300);
  EXPECT_NEAR(counts[Split::kValidation], 2'000, 200);
  EXPECT_NEAR(counts[Split::kTest], 2'000, 200);
}

TEST(Draw, IsInRangeAndReachesBothEnds) {
  Draw draw(Split::kTrain, 5, 0, 0);
  std::set<int> seen;
  for (int i = 0; i < 500; ++i) seen.insert(draw.between(-2, 3));
  EXPECT_EQ(seen, (std::set<int>{-2, -1, 0, 1, 2, 3}));
}

TEST(Noise, KeepsWhatIsMarkedAndEveryDigit) {
  bool changed = false;
  for (uint64_t i = 0; i < 2000; ++i) {
    Draw draw(Split::kTrain, 3, 0, i);
    const std::string text = typed("déjà quelques lettres " + exact("Élise Barton") + " 4821 " + no_typos("février") + ".",
                                   draw, 3, Language::kFrench);
    EXPECT_NE(text.find(" Élise Barton 4821 "), std::string::npos) << text;
    const std::string month = lower_case(text.substr(text.find("4821") + 5));
    EXPECT_TRUE(month.starts_with("février") || month.starts_with("fevrier")) << text;
    changed = changed || !text.starts_with("déjà quelques lettres");
  }
  EXPECT_TRUE(changed);
}

TEST(Noise, SmallLettersOfLatin1) { EXPECT_EQ(lower_case("ÉÀÇÔ × ÷ ß Abc1"), "éàçô × ÷ ß abc1"); }

}  // namespace
}  // namespace sobre::office
