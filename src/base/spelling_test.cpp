#include "base/spelling.h"

#include <gtest/gtest.h>

namespace sobre {
namespace {

TEST(Spelling, NamesTheNearest) {
  const std::vector<std::string_view> known = {"learning_rate", "schedule", "seed"};
  EXPECT_EQ(nearest_name("learning_rates", known), "; did you mean \"learning_rate\"?");
  EXPECT_EQ(nearest_name("shedule", known), "; did you mean \"schedule\"?");
  EXPECT_EQ(nearest_name("folder", known), "");
  EXPECT_EQ(nearest_name(std::string(65, 's'), known), "");
}

TEST(Spelling, PrintsOneLine) {
  EXPECT_EQ(printable("a\nb\x7F"), "a b ");
  EXPECT_EQ(printable(std::string(101, 'x')), std::string(100, 'x') + "...");
}

}  // namespace
}  // namespace sobre
