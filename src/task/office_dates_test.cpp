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

std::optional<std::smatch> found(const std::string& text, const char* pattern) {
  std::smatch match;
  if (!std::regex_search(text, match, std::regex(pattern))) return std::nullopt;
  return match;
}

// What the prompt asks for, where its wording is one of those read here.
std::optional<ch::sys_days> read_prompt(const std::string& text, ch::sys_days today) {
  const std::string weekday = "(monday|tuesday|wednesday|thursday|friday|saturday|sunday)";
  if (text.find("yesterday") != std::string::npos) {
    return today - ch::days(found(text, "the day .*yesterday") ? 2 : 1);
  }
  if (text.find("tomorrow") != std::string::npos) {
    return today + ch::days(found(text, "the day .*tomorrow") ? 2 : 1);
  }
  if (const auto m = found(text, "in (\\d+) (day|week)s")) {
    return today + ch::days(std::stoi((*m)[1]) * ((*m)[2] == "week" ? 7 : 1));
  }
  if (const auto m = found(text, "(\\d+) (day|week)s ago")) {
    return today - ch::days(std::stoi((*m)[1]) * ((*m)[2] == "week" ? 7 : 1));
  }
  if (const auto m = found(text, ("(first|last) " + weekday + " (?:of|in) ([a-z]+) (\\d{4})").c_str())) {
    const ch::weekday day(place_of(kWeekdays, (*m)[2]));
    const auto month = ch::year(std::stoi((*m)[4])) / ch::month(place_of(kMonths, (*m)[3]) + 1);
    return (*m)[1] == "first" ? ch::sys_days(month / day[1]) : ch::sys_days(month / day[ch::last]);
  }
  if (const auto m = found(text, ("next " + weekday + " after today").c_str())) {
    ch::sys_days at = today + ch::days(1);
    while (ch::weekday(at) != ch::weekday(place_of(kWeekdays, (*m)[1]))) at += ch::days(1);
    return at;
  }
  if (const auto m = found(text, ("(?:most recent|last) " + weekday + " before today").c_str())) {
    ch::sys_days at = today - ch::days(1);
    while (ch::weekday(at) != ch::weekday(place_of(kWeekdays, (*m)[1]))) at -= ch::days(1);
    return at;
  }
  if (const auto m = found(text, "last day of february (\\d{4})")) {
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
    const auto today = found(text, "\\d{4}-\\d\\d-\\d\\d");
    if (!today) continue;
    const ch::sys_days day = date_of((*today)[0]);
    // The weekday that stands beside the date is the calendar's.
    if (const auto m = found(text, "(monday|tuesday|wednesday|thursday|friday|saturday|sunday),? \\d{4}-")) {
      ASSERT_EQ(ch::weekday(day), ch::weekday(place_of(kWeekdays, (*m)[1]))) << text;
    }
    const std::optional<ch::sys_days> asked = read_prompt(text, day);
    if (!asked) continue;
    ++read;
    ASSERT_EQ(date_of(made->expected), *asked) << text << "\n" << made->answer;
  }
  EXPECT_GT(read, 1000);
}

TEST(OfficeDates, AreDatesOfTheCalendarInBothLanguages) {
  const std::array<int, 3> levels = {1, 2, 3};
  const std::array<std::string, 2> languages = {"en", "fr"};
  for (uint64_t i = 0; i < 4000; ++i) {
    const Result<TaskItem> made = office_item("dates", Split::kTest, 2, i, levels, languages);
    ASSERT_TRUE(made);
    const std::string& d = made->expected;
    ASSERT_TRUE(std::regex_match(d, std::regex("20\\d\\d-\\d\\d-\\d\\d"))) << d;
    ASSERT_TRUE((ch::year(std::stoi(d.substr(0, 4))) / std::stoi(d.substr(5, 2)) / std::stoi(d.substr(8, 2))).ok()) << d;
  }
}

}  // namespace
}  // namespace sobre
