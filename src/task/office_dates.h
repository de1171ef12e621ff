// The sentences of the dates task. Expressions stand inside questions: {when}; their own slots are {n} a number, {d} a day of
// the month, {w} a weekday, {mo} a month, {y} a year.
#pragma once

#include "task/draw.h"

namespace sobre::office {

struct DateWords {
  Lines questions;         // {today} and {when}
  Lines today_forms;       // level 1 and 2: {wd} {iso} {day} {month} {year}
  Lines bare_today_forms;  // level 3: without {wd}
  Lines today, tomorrow, yesterday, after_tomorrow, before_yesterday;
  Lines in_days, days_ago, in_weeks, weeks_ago, in_months;
  Lines this_month_day, next_month_day, month_end, next_month_end, next_month_start;
  Lines coming_weekday;                 // the first one after today
  Lines next_weekday;                   // only where both readings of "next" agree
  Lines past_weekday;                   // the last one before today
  Lines week_after_weekday;             // that weekday of next week
  Lines last_of_month, first_of_month;  // the last or first {w} of {mo} {y}
  Lines february_end;
};

[[nodiscard]] const DateWords& english_dates();
[[nodiscard]] const DateWords& french_dates();

}  // namespace sobre::office
