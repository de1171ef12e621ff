#include "learn/curves.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>

#include "learn/learn_testing.h"
#include "learn/schedule.h"

namespace sobre {
namespace {

/// A run as it could be: a loss that falls and is noisy, with validations.
std::vector<TrainLogRow> run(uint64_t steps, double noise = 0.1) {
  std::mt19937 random(3);
  Schedule schedule;
  schedule.steps = steps;
  schedule.warmup_steps = steps / 20;
  std::vector<TrainLogRow> rows;
  for (uint64_t i = 1; i <= steps; ++i) {
    TrainLogRow row;
    row.step = i;
    row.tokens = i * 8192;
    row.elapsed_s = 0.4 * static_cast<double>(i);
    const double fall = 0.9 + 8 / (1 + static_cast<double>(i) / (static_cast<double>(steps) / 30));
    row.loss = fall * (1 + noise * (static_cast<double>(random()) / 4294967296.0 - 0.5));
    row.learning_rate = learning_rate(schedule, i - 1);
    rows.push_back(row);
    if (i % (steps / 12 + 1) != 0) continue;
    row.validation = true;
    row.loss = fall * 1.05;
    rows.push_back(row);
  }
  return rows;
}

size_t count(const std::string& text, const std::string& part) {
  size_t n = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

/// Every tag closes and no attribute holds what is no number.
void expect_sound(const std::string& svg) {
  EXPECT_TRUE(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
  EXPECT_EQ(count(svg, "nan"), 0u);
  EXPECT_EQ(count(svg, "inf"), 0u);
  EXPECT_EQ(count(svg, ">-0<"), 0u);
  EXPECT_EQ(count(svg, "<text"), count(svg, "</text>"));
  EXPECT_EQ(count(svg, "<script"), 0u);
  EXPECT_LT(svg.size(), 100'000u);
}

TEST(Curves, ShowBothLossesAndTheRate) {
  const std::string svg = curves_svg(run(300), "a <small> run & more");
  expect_sound(svg);
  EXPECT_NE(svg.find("a &lt;small&gt; run &amp; more"), std::string::npos);
  for (const char* css :
       {"class=\"raw\"", "class=\"train\"", "class=\"valid\"", "class=\"rate\"", "prefers-color-scheme: dark"})
    EXPECT_NE(svg.find(css), std::string::npos) << css;
  EXPECT_EQ(count(svg, "class=\"band\""), 0u);
  EXPECT_NE(svg.find("2.46M tokens in 300 steps, 2 min; validation loss "), std::string::npos);
  EXPECT_NE(svg.find("(logarithmic)"), std::string::npos);
}

TEST(Curves, LongRunsAreGathered) {
  const std::string svg = curves_svg(run(50'000), "long");
  expect_sound(svg);
  EXPECT_EQ(count(svg, "class=\"band\""), 1u);
}

TEST(Curves, OddRunsAreDrawnToo) {
  expect_sound(curves_svg({}, "none"));
  expect_sound(curves_svg(run(1), "one"));
  expect_sound(curves_svg(run(2), "two"));
  std::vector<TrainLogRow> flat(5);
  for (size_t i = 0; i < flat.size(); ++i) flat[i].step = i + 1;
  expect_sound(curves_svg(flat, "zero"));
  for (TrainLogRow& row : flat) row.loss = 2;
  expect_sound(curves_svg(flat, "flat"));
  flat[2].loss = std::numeric_limits<double>::quiet_NaN();
  flat[3].elapsed_s = std::numeric_limits<double>::quiet_NaN();
  flat[4].loss = 1e30;
  EXPECT_NE(curves_svg(flat, "diverged").find("1 losses were not finite"), std::string::npos);
  expect_sound(curves_svg(flat, "diverged"));
  std::vector<TrainLogRow> only(1);
  only[0].validation = true;
  only[0].loss = 3;
  expect_sound(curves_svg(only, "validation alone"));
}

TEST(Curves, LessLossIsFurtherDown) {
  std::vector<TrainLogRow> rows(2);
  rows[0].step = 1;
  rows[0].loss = 2;
  rows[1].step = 2;
  rows[1].loss = 1;
  const std::string svg = curves_svg(rows, "x");
  const size_t at = svg.find("class=\"train\" d=\"");
  ASSERT_NE(at, std::string::npos);
  double x1 = 0, y1 = 0, x2 = 0, y2 = 0;
  ASSERT_EQ(std::sscanf(svg.c_str() + at, "class=\"train\" d=\"M%lf %lfL%lf %lf", &x1, &y1, &x2, &y2), 4);
  EXPECT_LT(x1, x2);
  EXPECT_LT(y1, y2);
}

}  // namespace
}  // namespace sobre
