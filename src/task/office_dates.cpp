// Dates: an expression and a day that is today, to a date. Every expression has one reading (see the conditions of each kind).
#include "task/office_dates.h"

#include <fmt/format.h>

#include <array>
#include <chrono>

#include "task/office_makers.h"
#include "task/office_words.h"

namespace sobre::office {

namespace {

namespace ch = std::chrono;

std::string iso(ch::year_month_day d) {
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(d.year()), static_cast<unsigned>(d.month()),
                     static_cast<unsigned>(d.day()));
}

int weekday_of(ch::year_month_day d) { return static_cast<int>(ch::weekday(ch::sys_days(d)).iso_encoding()); }

int month_length(ch::year_month_day d) {
  return static_cast<int>(static_cast<unsigned>((d.year() / d.month() / ch::last).day()));
}

// What is asked, with the steps that lead to it.
struct Asked {
  Lines lines;
  ch::year_month_day date;
  std::string work;
  std::vector<Slot> slots;
};

struct Context {
  Draw& draw;
  const DateWords& words;
  const WordTables& names;
  Language language;
  ch::year_month_day today;
  [[nodiscard]] int day() const { return static_cast<int>(static_cast<unsigned>(today.day())); }
  [[nodiscard]] int weekday() const { return weekday_of(today); }
};

// Adds or takes days, month by month: "10+45=55 55-31=24".
Asked shifted(const Context& c, int days, Lines lines, std::vector<Slot> slots, std::string work = {}) {
  const auto step = [&](const std::string& text) { work.append(work.empty() ? "" : " ").append(text); };
  ch::year_month_day at = c.today;
  int day = c.day() + days;
  step(days < 0 ? fmt::format("{}-{}={}", c.day(), -days, day) : fmt::format("{}+{}={}", c.day(), days, day));
  while (day > month_length(at)) {
    step(fmt::format("{}-{}={}", day, month_length(at), day - month_length(at)));
    day -= month_length(at);
    at = at.year() / at.month() / 1 + ch::months(1);
  }
  while (day < 1) {
    at = at.year() / at.month() / 1 - ch::months(1);
    step(fmt::format("{}+{}={}", day, month_length(at), day + month_length(at)));
    day += month_length(at);
  }
  return {lines, at.year() / at.month() / day, std::move(work), std::move(slots)};
}

// The first weekday after today (forward) or the last one before: "Tue 2 Fri 5 5-2=3", then days. `extra`: a week more.
Asked to_weekday(const Context& c, int target, bool forward, Lines lines) {
  const int from = c.weekday();
  const std::string names = fmt::format("{} {} {} {}", c.names.weekdays[static_cast<size_t>(from - 1)], from,
                                        c.names.weekdays[static_cast<size_t>(target - 1)], target);
  const int high = forward ? target : from, low = forward ? from : target;
  const int distance = high > low ? high - low : high + 7 - low;
  std::string work = high > low ? fmt::format("{} {}-{}={}", names, high, low, distance)
                                : fmt::format("{} {}+7-{}={}", names, high, low, distance);
  return shifted(c, forward ? distance : -distance, lines, {{"w", no_typos(c.names.weekdays[static_cast<size_t>(target - 1)])}},
                 std::move(work));
}

Asked fixed(ch::year_month_day date, Lines lines, std::vector<Slot> slots = {}, std::string work = {}) {
  return {lines, date, std::move(work), std::move(slots)};
}

std::string ordinal(int day, Language language) {
  if (language == Language::kFrench) return day == 1 ? "1er" : std::to_string(day);
  const int last = day % 10;
  const bool teen = day / 10 == 1;
  return std::to_string(day) + (teen || last > 3 || last == 0 ? "th" : last == 1 ? "st" : last == 2 ? "nd" : "rd");
}

Asked day_of_month(const Context& c, int months, Lines lines) {
  const int day = c.draw.between(2, 28);
  const auto month = c.today.year() / c.today.month() / 1 + ch::months(months);
  return fixed(month.year() / month.month() / day, lines, {{"d", ordinal(day, c.language)}, {"dn", std::to_string(day)}});
}

Asked month_end(ch::year_month_day month, Lines lines) {
  return fixed(month.year() / month.month() / month_length(month), lines);
}

std::vector<Slot> count_slot(const Context& c, int n, bool in_words) {
  return {{"n", in_words && n <= 12 ? no_typos(c.names.numbers[static_cast<size_t>(n)]) : std::to_string(n)}};
}

ch::year_month_day next_month(const Context& c) { return c.today.year() / c.today.month() / 1 + ch::months(1); }

Asked easy(const Context& c) {
  const bool in_words = c.draw.chance(25);
  switch (c.draw.below(12)) {
    case 0:
      return fixed(c.today, c.words.today);
    case 1:
      return shifted(c, 1, c.words.tomorrow, {});
    case 2:
      return shifted(c, -1, c.words.yesterday, {});
    case 3:
      return shifted(c, 2, c.words.after_tomorrow, {});
    case 4:
      return shifted(c, -2, c.words.before_yesterday, {});
    case 5:
    case 6: {
      const int n = c.draw.between(3, 9);
      return shifted(c, n, c.words.in_days, count_slot(c, n, in_words));
    }
    case 7: {
      const int n = c.draw.between(3, 9);
      return shifted(c, -n, c.words.days_ago, count_slot(c, n, in_words));
    }
    case 8:
      return day_of_month(c, 0, c.words.this_month_day);
    case 9:
      return day_of_month(c, 1, c.words.next_month_day);
    case 10:
      return fixed(next_month(c), c.words.next_month_start);
    default:
      return month_end(c.today, c.words.month_end);
  }
}

// "next Friday": the coming one and the one of next week are the same day when the weekday has passed (weeks from Monday), and
// Sundays are left out because weeks begin with them in some places.
Asked next_weekday(const Context& c) {
  const int from = c.weekday();
  if (from == 7) return to_weekday(c, c.draw.between(1, 6), true, c.words.coming_weekday);
  return to_weekday(c, c.draw.between(1, from), true, c.words.next_weekday);
}

// "Monday next week", asked from Monday to Saturday.
Asked week_after(const Context& c) {
  const int from = c.weekday(), target = c.draw.between(1, 6);
  if (from == 7 || target <= from) return next_weekday(c);
  const std::string name(c.names.weekdays[static_cast<size_t>(target - 1)]);
  return shifted(c, target - from + 7, c.words.week_after_weekday, {{"w", no_typos(name)}},
                 fmt::format("{} {} {} {} {}-{}+7={}", c.names.weekdays[static_cast<size_t>(from - 1)], from, name, target,
                             target, from, target - from + 7));
}

Asked middle(const Context& c) {
  const bool in_words = c.draw.chance(25);
  switch (c.draw.below(11)) {
    case 0:
    case 1:
      return to_weekday(c, c.draw.between(1, 7), true, c.words.coming_weekday);
    case 2:
      return next_weekday(c);
    case 3:
      return to_weekday(c, c.draw.between(1, 7), false, c.words.past_weekday);
    case 4:
      return week_after(c);
    case 5: {
      const int n = c.draw.between(10, 20);
      return shifted(c, n, c.words.in_days, count_slot(c, n, in_words));
    }
    case 6: {
      const int n = c.draw.between(10, 20);
      return shifted(c, -n, c.words.days_ago, count_slot(c, n, in_words));
    }
    case 7: {
      const int n = c.draw.between(2, 4);
      return shifted(c, 7 * n, c.words.in_weeks, count_slot(c, n, in_words), fmt::format("7x{}={}", n, 7 * n));
    }
    case 8: {
      const int n = c.draw.between(2, 3);
      return shifted(c, -7 * n, c.words.weeks_ago, count_slot(c, n, in_words), fmt::format("7x{}={}", n, 7 * n));
    }
    case 9: {
      if (c.day() > 28) return day_of_month(c, 1, c.words.next_month_day);
      const int n = c.draw.between(2, 5), sum = static_cast<int>(static_cast<unsigned>(c.today.month())) + n;
      std::string work = fmt::format("{}+{}={}", sum - n, n, sum);
      if (sum > 12) work += fmt::format(" {}-12={}", sum, sum - 12);
      return fixed(c.today + ch::months(n), c.words.in_months, count_slot(c, n, in_words), work);
    }
    default:
      return month_end(next_month(c), c.words.next_month_end);
  }
}

// The weekday of a date from 2000 to 2099 by its digits: years, leap days, a number for the month, the day; the rest by 7.
std::string weekday_work(const Context& c, ch::year_month_day d, int& weekday) {
  static constexpr std::array<int, 12> kMonth = {6, 2, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4};  // so that the rest is 0 on Sundays
  const int year = static_cast<int>(d.year()) - 2000;
  const auto month = static_cast<size_t>(static_cast<unsigned>(d.month()));
  const int day = static_cast<int>(static_cast<unsigned>(d.day()));
  const int shift = kMonth[month - 1] - (d.year().is_leap() && month <= 2 ? 1 : 0);
  const int sum = year + year / 4 + shift + day;
  weekday = sum % 7 == 0 ? 7 : sum % 7;
  return fmt::format("{}/4={} {}+{}+{}+{}={} {}/7={}r{} {}", year, year / 4, year, year / 4, shift, day, sum, sum, sum / 7,
                     sum % 7, c.names.weekdays[static_cast<size_t>(weekday - 1)]);
}

// The last or first of a weekday in a month.
Asked end_of_month_weekday(const Context& c, bool last) {
  const int year = static_cast<int>(c.today.year()) + c.draw.between(0, 1);
  const auto month = static_cast<unsigned>(c.draw.between(1, 12));
  const ch::year_month_day first = ch::year(year) / ch::month(month) / 1;
  const ch::year_month_day from = last ? first.year() / first.month() / month_length(first) : first;
  int at = 0;
  std::string work = iso(from) + " " + weekday_work(c, from, at);
  const int target = c.draw.between(1, 7);
  const int distance = last ? (at - target + 7) % 7 : (target - at + 7) % 7;
  const int day = static_cast<int>(static_cast<unsigned>(from.day())) + (last ? -distance : distance);
  const std::string_view name = c.names.weekdays[static_cast<size_t>(target - 1)];
  work += fmt::format(" {} {} {}{}{}={}", name, target, static_cast<unsigned>(from.day()), last ? '-' : '+', distance, day);
  const std::string month_name(c.names.months[month - 1]);
  return fixed(first.year() / first.month() / day, last ? c.words.last_of_month : c.words.first_of_month,
               {{"w", no_typos(name)},
                {"mo", no_typos(month_name)},
                {"de_mo", (begins_with_vowel(month_name) ? "d'" : "de ") + no_typos(month_name)},
                {"y", std::to_string(year)}},
               std::move(work));
}

Asked hard_weekday(const Context& c, bool forward) {
  int from = 0;
  const std::string work = weekday_work(c, c.today, from);
  Asked asked = to_weekday(c, c.draw.between(1, 7), forward, forward ? c.words.coming_weekday : c.words.past_weekday);
  asked.work = work + " " + asked.work;
  return asked;
}

Asked hard(const Context& c) {
  switch (c.draw.below(8)) {
    case 0:
      return hard_weekday(c, true);
    case 1:
      return hard_weekday(c, false);
    case 2: {
      const int n = c.draw.between(21, 99);
      return shifted(c, n, c.words.in_days, count_slot(c, n, false));
    }
    case 3: {
      const int n = c.draw.between(21, 99);
      return shifted(c, -n, c.words.days_ago, count_slot(c, n, false));
    }
    case 4: {
      const int n = c.draw.between(5, 12);
      return shifted(c, 7 * n, c.words.in_weeks, count_slot(c, n, c.draw.chance(25)), fmt::format("7x{}={}", n, 7 * n));
    }
    case 5: {
      const int year = c.draw.between(2020, 2039);
      const ch::year_month_day february = ch::year(year) / ch::February / 1;
      Asked asked = month_end(february, c.words.february_end);
      asked.slots = {{"y", std::to_string(year)}};
      asked.work = fmt::format("{}/4={}r{}", year - 2000, (year - 2000) / 4, year % 4);
      return asked;
    }
    case 6:
      return end_of_month_weekday(c, true);
    default:
      return end_of_month_weekday(c, false);
  }
}

std::string today_text(const Context& c, int level) {
  const Lines forms = level == 3 ? c.words.bare_today_forms : c.words.today_forms;
  std::string day = std::to_string(c.day());
  if (c.language == Language::kFrench && c.day() == 1) day = "1er";
  const auto month = static_cast<size_t>(static_cast<unsigned>(c.today.month()));
  const std::array<Slot, 5> slots = {{{"wd", std::string(c.names.weekdays[static_cast<size_t>(c.weekday() - 1)])},
                                      {"iso", iso(c.today)},
                                      {"day", day},
                                      {"month", std::string(c.names.months[month - 1])},
                                      {"year", std::to_string(static_cast<int>(c.today.year()))}}};
  return no_typos(fill(c.draw.choose(forms), slots));
}

}  // namespace

Made make_dates(Draw& draw, Language language, int level) {
  const ch::sys_days start = ch::sys_days(ch::year(2020) / 1 / 1);
  const std::string today = draw.entity([&](Draw& d) { return iso(ch::year_month_day(start + ch::days(d.below(7300)))); });
  const auto number = [&](size_t at, size_t size) { return std::stoi(today.substr(at, size)); };
  const ch::year_month_day date =
      ch::year(number(0, 4)) / ch::month(static_cast<unsigned>(number(5, 2))) / ch::day(static_cast<unsigned>(number(8, 2)));
  const Context c{draw, language == Language::kFrench ? french_dates() : english_dates(), words_of(language), language, date};
  Asked asked = level == 1 ? easy(c) : level == 2 ? middle(c) : hard(c);
  std::vector<Slot> slots = std::move(asked.slots);
  slots.push_back({"today", today_text(c, level)});
  return {fill(draw.framed_template(c.words.questions, "when", asked.lines), slots), asked.work, iso(asked.date)};
}

}  // namespace sobre::office
