#include "task/office_dates.h"

namespace sobre::office {

namespace {

using Text = std::string_view;

constexpr Text kQuestions[] = {
    "{today} [What|Which] [date|day] is {when}? [Answer|Write it] [as YYYY-MM-DD|in ISO form|as an ISO date].",
    "{today} [Give|Write|Tell me] the [ISO date|date as YYYY-MM-DD|date in ISO form] [for|of]: {when}.",
    "{today} [Date|ISO date|The date|Which date]: {when}[?|.|]",
    "{today} [The meeting|The visit|The delivery|The deadline|The call|The training|The audit] is {when}. [Which date is "
    "that|What date is it|Date|ISO date]?",
    "[What|Which] date is {when}? {today}",
    "{today} [Convert|Turn] \"{when}\" [to|into] [a date|an ISO date|YYYY-MM-DD].",
    "[Write|Give|Find] the date: {when}. {today}",
    "{today} {When}[:| =|, as a date:| as a date?| as YYYY-MM-DD?]",
    "{today} [Payment|Arrival|Start|Inspection|Report|Order|Departure]: {when}. [Which date|What date|On what date] [is "
    "that|do you note|goes in the calendar]?",
};
constexpr Text kTodayForms[] = {"[Today is|Today:|It is|Today's date is] {wd}, {iso}.",
                                "[Today is|It is|Today:] {wd}, {day} {month} {year}.",
                                "[Today is|It is|Today:] {wd}, {month} {day}, {year}.", "[Today is|Today:] {iso}, a {wd}.",
                                "[Today is|Today:|Now:] {wd} {iso}."};
constexpr Text kBareForms[] = {"[Today is|Today:|It is|Today's date is|Now:] {iso}.",
                               "[Today is|It is|Today:] {day} {month} {year}.",
                               "[Today is|It is|Today:] {month} {day}, {year}."};
constexpr Text kToday[] = {"today", "[this very day|the current day]"};
constexpr Text kTomorrow[] = {"tomorrow", "tomorrow [morning|evening|at noon|afternoon]",
                              "[the day after today|one day from now|one day from today|a day from now|in one day]"};
constexpr Text kYesterday[] = {"yesterday", "yesterday [morning|evening|at noon|afternoon]",
                               "[the day before today|one day ago|a day ago|one day before today]"};
constexpr Text kAfterTomorrow[] = {"the day after tomorrow[| morning| evening| at noon]",
                                   "[two days from now|two days from today|in two days|two days after today]"};
constexpr Text kBeforeYesterday[] = {"the day before yesterday[| morning| evening| at noon]",
                                     "[two days ago|two days before today]"};
constexpr Text kInDays[] = {"in {n} days", "{n} days from [now|today]", "{n} days after today", "{n} days later than today",
                            "after {n} days from [now|today]"};
constexpr Text kDaysAgo[] = {"{n} days ago", "{n} days before today", "{n} days earlier than today",
                             "{n} days back from [now|today]"};
constexpr Text kInWeeks[] = {"in {n} weeks", "{n} weeks from [now|today]", "{n} weeks after today",
                             "{n} weeks later than today"};
constexpr Text kWeeksAgo[] = {"{n} weeks ago", "{n} weeks before today", "{n} weeks earlier than today"};
constexpr Text kInMonths[] = {"in {n} months", "{n} months from [now|today]", "{n} months after today"};
constexpr Text kThisMonth[] = {"the {d} of this month", "this month's {d}", "the {d} of the current month",
                               "day {dn} of this month"};
constexpr Text kNextMonth[] = {"the {d} of next month", "next month's {d}", "the {d} of the following month",
                               "day {dn} of next month"};
constexpr Text kMonthEnd[] = {"the last day of [this|the current] month", "the end of [this|the current] month",
                              "this month's last day"};
constexpr Text kNextMonthEnd[] = {"the last day of [next|the following] month", "the end of next month",
                                  "next month's last day"};
constexpr Text kNextMonthStart[] = {"the first day of [next|the following] month", "the first of next month",
                                    "next month's first day"};
constexpr Text kComing[] = {"the first {w} after today", "the next {w} after today", "the {w} that comes first after today",
                            "the very next {w} from today"};
constexpr Text kNext[] = {"next {w}", "next {w} [morning|evening|at noon|afternoon]", "the {w} of next week",
                          "{w} [of next week|next week]"};
constexpr Text kPast[] = {"the last {w} before today", "the most recent {w} before today", "the {w} just before today",
                          "the latest {w} before today"};
constexpr Text kWeekAfter[] = {"{w} next week", "next week on {w}", "{w} of next week", "the {w} of next week",
                               "next week, {w}"};
constexpr Text kLastOf[] = {"the last {w} of {mo} {y}", "the last {w} in {mo} {y}", "{mo} {y}'s last {w}",
                            "the final {w} of {mo} {y}"};
constexpr Text kFirstOf[] = {"the first {w} of {mo} {y}", "the first {w} in {mo} {y}", "{mo} {y}'s first {w}",
                             "the very first {w} of {mo} {y}"};
constexpr Text kFebruary[] = {"the last day of February {y}", "at the end of February {y}", "the end of February {y}",
                              "February {y}'s last day", "the final day of February {y}"};

constexpr DateWords kWords = {
    kQuestions, kTodayForms, kBareForms, kToday,     kTomorrow,  kYesterday, kAfterTomorrow, kBeforeYesterday, kInDays,
    kDaysAgo,   kInWeeks,    kWeeksAgo,  kInMonths,  kThisMonth, kNextMonth, kMonthEnd,      kNextMonthEnd,    kNextMonthStart,
    kComing,    kNext,       kPast,      kWeekAfter, kLastOf,    kFirstOf,   kFebruary};

}  // namespace

const DateWords& english_dates() { return kWords; }

}  // namespace sobre::office
