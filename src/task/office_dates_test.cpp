// Dates of the generator against the calendar of the standard library, by what the English prompts say.
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <optional>
#include <regex>
#include <string>

#include "task/noise.h"
#include "task/task.h"

namespace sobre {
namespace {

namespace ch = std::chrono;

constexpr std::array<const char*, 12> kMonths = {"january", "february", "march",     "april",   "may",      "june",
                                                 "july",    "august",   "september", "october", "november", "december"};
constexpr std::array<const char*, 7> kWeekdays = {"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"};

template <size_t N>
unsigned place_of(const std::array<const char*, N>& names, const std::string& name) {
  for (unsigned i = 0; i < N; ++i) {
    if (name == names[i]) return i;
  }
  ADD_FAILURE() << name;
  return 0;
}

ch::sys_days date_of(const std::string& iso) {
  return ch::sys_days(ch::year(std::stoi(iso.substr(0, 4))) / std::stoi(iso.substr(5, 2)) / std::stoi(iso.substr(8, 2)));
}

#define WEEKDAY "(monday|tuesday|wednesday|thursday|friday|saturday|sunday)"

std::optional<std::smatch> found(const std::string& text, const std::regex& pattern) {
  std::smatch match;
  if (!std::regex_search(text, match, pattern)) return std::nullopt;
  return match;
}

const std::regex kDayYesterday("the day .*yesterday");
const std::regex kDayTomorrow("the day .*tomorrow");
const std::regex kInCount("in (\\d+) (day|week)s");
const std::regex kCountAgo("(\\d+) (day|week)s ago");
const std::regex kInMonth("(first|last) " WEEKDAY " (?:of|in) ([a-z]+) (\\d{4})");
const std::regex kComing("next " WEEKDAY " after today");
const std::regex kPast("(?:most recent|last) " WEEKDAY " before today");
const std::regex kFebruaryEnd("last day of february (\\d{4})");
const std::regex kIsoDate("\\d{4}-\\d\\d-\\d\\d");
const std::regex kWeekdayOfToday("(monday|tuesday|wednesday|thursday|friday|saturday|sunday),? \\d{4}-");

// What the prompt asks for, where its wording is one of those read here.
std::optional<ch::sys_days> read_prompt(const std::string& text, ch::sys_days today) {
  if (text.find("yesterday") != std::string::npos) {
    return today - ch::days(found(text, kDayYesterday) ? 2 : 1);
  }
  if (text.find("tomorrow") != std::string::npos) {
    return today + ch::days(found(text, kDayTomorrow) ? 2 : 1);
  }
  if (const auto m = found(text, kInCount)) {
    return today + ch::days(std::stoi((*m)[1]) * ((*m)[2] == "week" ? 7 : 1));
  }
  if (const auto m = found(text, kCountAgo)) {
    return today - ch::days(std::stoi((*m)[1]) * ((*m)[2] == "week" ? 7 : 1));
  }
  if (const auto m = found(text, kInMonth)) {
    const ch::weekday day(place_of(kWeekdays, (*m)[2]));
    const auto month = ch::year(std::stoi((*m)[4])) / ch::month(place_of(kMonths, (*m)[3]) + 1);
    return (*m)[1] == "first" ? ch::sys_days(month / day[1]) : ch::sys_days(month / day[ch::last]);
  }
  if (const auto m = found(text, kComing)) {
    ch::sys_days at = today + ch::days(1);
    while (ch::weekday(at) != ch::weekday(place_of(kWeekdays, (*m)[1]))) at += ch::days(1);
    return at;
  }
  if (const auto m = found(text, kPast)) {
    ch::sys_days at = today - ch::days(1);
    while (ch::weekday(at) != ch::weekday(place_of(kWeekdays, (*m)[1]))) at -= ch::days(1);
    return at;
  }
  if (const auto m = found(text, kFebruaryEnd)) {
    return ch::sys_days(ch::year(std::stoi((*m)[1])) / ch::February / ch::last);
  }
  return std::nullopt;
}

TEST(OfficeDates, AgreeWithTheCalendar) {
  const std::array<int, 3> levels = {1, 2, 3};
  const std::array<std::string, 1> languages = {"en"};
  int read = 0;
  for (uint64_t i = 0; i < 6000; ++i) {
    const Result<TaskItem> made = office_item("dates", Split::kTrain, 1, i, levels, languages);
    ASSERT_TRUE(made) << made.error().message;
    const std::string text = office::lower_case(made->messages.front().content);
    const auto today = found(text, kIsoDate);
    if (!today) continue;
    const ch::sys_days day = date_of((*today)[0]);
    // The weekday that stands beside the date is the calendar's.
    if (const auto m = found(text, kWeekdayOfToday)) {
      ASSERT_EQ(ch::weekday(day), ch::weekday(place_of(kWeekdays, (*m)[1]))) << text;
    }
    const std::optional<ch::sys_days> asked = read_prompt(text, day);
    if (!asked) continue;
    ++read;
    ASSERT_EQ(date_of(made->expected), *asked) << text << "\n" << made->answer;
  }
  EXPECT_GT(read, 400);
}

TEST(OfficeDates, AreDatesOfTheCalendarInBothLanguages) {
  const std::array<int, 3> levels = {1, 2, 3};
  const std::array<std::string, 2> languages = {"en", "fr"};
  for (uint64_t i = 0; i < 4000; ++i) {
    const Result<TaskItem> made = office_item("dates", Split::kTest, 2, i, levels, languages);
    ASSERT_TRUE(made);
    const std::string& d = made->expected;
    ASSERT_TRUE(d.size() == 10 && d.starts_with("20") && d[4] == '-' && d[7] == '-') << d;
    ASSERT_TRUE((ch::year(std::stoi(d.substr(0, 4))) / std::stoi(d.substr(5, 2)) / std::stoi(d.substr(8, 2))).ok()) << d;
  }
}

}  // namespace
}  // namespace sobre
