// Right answers in other spellings, and near-misses.
#include <gtest/gtest.h>

#include "task/task.h"

namespace sobre {
namespace {

TEST(Score, ReadsTheLastLineThatIsNotBlank) {
  EXPECT_TRUE(score("arithmetic", "643", "384+259\n4+9+0=13\n643"));
  EXPECT_TRUE(score("arithmetic", "643", "643\n \n\n"));
  EXPECT_TRUE(score("arithmetic", "643", "643\r\n"));
  EXPECT_FALSE(score("arithmetic", "643", "643\nor 644"));
  EXPECT_FALSE(score("arithmetic", "643", ""));
  EXPECT_TRUE(same_text("one\ntwo", " One  two.\n"));
  EXPECT_FALSE(same_text("one\ntwo", "two"));
  EXPECT_FALSE(same_text("", "two"));
  EXPECT_FALSE(score("arithmetic", "643", " \n\t\n"));
}

TEST(Score, NumbersAreRightOrWrong) {
  EXPECT_TRUE(score("problems", "12", " 12. "));
  EXPECT_TRUE(score("arithmetic", "-125", "- 125"));
  for (const char* wrong : {"13", "1", "112", "12.5", "-12", "12 apples", "0.12", "12,"}) {
    EXPECT_FALSE(score("problems", "12", wrong)) << wrong;
  }
}

TEST(Score, NamesAndDates) {
  EXPECT_TRUE(score("route", "billing", "Billing."));
  EXPECT_TRUE(score("route", "billing", "  BILLING"));
  EXPECT_FALSE(score("route", "billing", "bill"));
  EXPECT_FALSE(score("route", "billing", "billing, shipping"));
  EXPECT_TRUE(score("dates", "2026-03-09", "2026-03-09."));
  EXPECT_FALSE(score("dates", "2026-03-09", "2026-03-08"));
  EXPECT_FALSE(score("dates", "2026-03-09", "2026-3-9"));
}

TEST(Score, WordsOfAPassageWithoutRegardToCaseAndSpaces) {
  EXPECT_TRUE(score("passage", "green tea", "Green  Tea."));
  EXPECT_TRUE(score("passage", "Élise Barton", "élise barton"));
  EXPECT_FALSE(score("passage", "green tea", "greentea"));
  EXPECT_FALSE(score("passage", "green tea", "tea"));
  EXPECT_FALSE(score("passage", "Élise Barton", "Elise Barton"));
}

TEST(Score, JsonByItsValues) {
  const char* expected = R"({"name":"Élise Barton","item":"blue lamps","quantity":3})";
  for (const char* right : {R"({"name":"Élise Barton","item":"blue lamps","quantity":3})",
                            R"({ "quantity": 3, "item": "Blue  lamps", "name": "élise barton." })",
                            R"({"NAME":"ÉLISE BARTON","ITEM":"BLUE LAMPS","QUANTITY":3.0}.)"}) {
    EXPECT_TRUE(score("extract", expected, right)) << right;
  }
  for (const char* wrong :
       {R"({"name":"Élise Barton","item":"blue lamps","quantity":4})", R"({"name":"Élise Barton","item":"blue lamps"})",
        R"({"name":"Élise Barton","item":"blue lamps","quantity":3,"date":""})",
        R"({"name":"Élise Barton","item":"blue lamps","quantity":"3"})",
        R"({"name":"Élise Barton","item":"blue lamp","quantity":3})",
        R"({"name":"Élise Barton","item":"blue lamps","quantity":3)",
        R"({"name":"Élise Barton","Name":"x","item":"blue lamps","quantity":3})",
        R"([{"name":"Élise Barton","item":"blue lamps","quantity":3}])", "Élise Barton, blue lamps, 3"}) {
    EXPECT_FALSE(score("extract", expected, wrong)) << wrong;
  }
}

TEST(Score, TheRefusalWordForWord) {
  EXPECT_TRUE(score("refuse", "Sorry, I cannot do that.", "sorry, I cannot do that"));
  EXPECT_FALSE(score("refuse", "Sorry, I cannot do that.", "Sorry, I can do that."));
}

}  // namespace
}  // namespace sobre
