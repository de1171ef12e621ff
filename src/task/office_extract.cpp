// Orders and appointments to JSON. Values are copied as they are written; only level 3 asks for dates in ISO form.
#include "task/office_extract.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "base/json.h"
#include "task/office_makers.h"
#include "task/office_words.h"

namespace sobre::office {

namespace {

struct Day {
  std::string written, iso;
};

Day draw_day(Draw& draw, Language language, int level) {
  const int day = draw.between(2, 28), month = draw.between(1, 12), year = draw.between(2025, 2032);
  const std::string_view name = words_of(language).months[static_cast<size_t>(month - 1)];
  Day d;
  const bool month_first = language == Language::kEnglish && draw.chance(50);
  d.written = month_first ? fmt::format("{} {}", name, day) : fmt::format("{} {}", day, name);
  if (level == 3) d.written += fmt::format("{} {}", month_first ? "," : "", year);
  d.iso = level == 3 ? fmt::format("{:04}-{:02}-{:02}", year, month, day) : d.written;
  return d;
}

std::string draw_time(Draw& draw, Language language) {
  const int hour = draw.between(8, 19), minute = 5 * draw.between(0, 11);
  return fmt::format("{}{}{:02}", hour, language == Language::kFrench ? "h" : ":", minute);
}

std::string draw_phone(Draw& draw, Language language) {
  if (language == Language::kFrench)
    return fmt::format("0{} {:02} {:02} {:02} {:02}", draw.between(1, 7), draw.between(0, 99), draw.between(0, 99),
                       draw.between(0, 99), draw.between(0, 99));
  return fmt::format("{:03}-{:04}", draw.between(200, 999), draw.between(0, 9999));
}

// The sentences of one message, and the JSON that is read out of them.
class Message {
 public:
  Message(Draw& draw, Language language) : draw_(draw), language_(language) {}

  void slot(std::string_view name, const std::string& value) { slots_.push_back({name, exact(value)}); }
  void field(const char* key, Json value) {
    object_.set(key, std::move(value));
    keys_.append(keys_.empty() ? "" : ", ").append(key);
  }
  void date_field(const Day& day, int level) {
    field("date", day.iso);
    if (level == 3) keys_ += language_ == Language::kFrench ? " (AAAA-MM-JJ)" : " (YYYY-MM-DD)";
  }
  void say(Lines lines) { sentences_.push_back(lines); }
  // In a random order, but that the first `fixed` stay where they are.
  void shuffle(size_t fixed) {
    for (size_t i = sentences_.size(); i > fixed + 1; --i)
      std::swap(sentences_[i - 1], sentences_[fixed + draw_.index_of(i - fixed)]);
  }
  [[nodiscard]] Made made(Lines instructions) {
    const std::string text = fill(draw_.joined_template(sentences_), slots_);
    return {draw_.phrase(instructions, {{"keys", no_typos(keys_)}, {"text", text}}), "",
            object_.dump({.item_separator = ",", .key_separator = ":"})};
  }

 private:
  Draw& draw_;
  Language language_;
  std::vector<Slot> slots_;
  std::vector<Lines> sentences_;
  Json object_ = Json(Json::Object{});
  std::string keys_;
};

void add_distractor(Message& m, Draw& draw, Language language, const ExtractWords& words) {
  m.slot("other", draw_person(draw, language).full());
  m.slot("number", std::to_string(draw.between(10000, 99999)));
  m.say(words.distractors);
}

Made make_order(Draw& draw, Language language, int level, const ExtractWords& words) {
  const OrderWords& order = words.order;
  Message m(draw, language);
  const std::string name = draw_person(draw, language).full();
  const Thing thing = draw_thing(draw, language, draw.chance(40));
  const int quantity = draw.between(2, level == 1 ? 30 : 60);
  int before = quantity;
  while (before == quantity) before = draw.between(2, 60);
  const Day day = draw_day(draw, language, level);
  Day day_before = day;
  while (day_before.iso == day.iso) day_before = draw_day(draw, language, level);
  const std::string city = draw_town(draw), phone = draw_phone(draw, language);
  m.slot("name", name);
  m.slot("item", thing.plural);
  m.slot("quantity", std::to_string(quantity));
  m.slot("quantity0", std::to_string(before));
  m.slot("date", day.written);
  m.slot("date0", day_before.written);
  m.slot("city", city);
  m.slot("phone", phone);
  m.field("name", name);
  m.field("item", thing.plural);
  m.field("quantity", quantity);
  if (level == 1) {
    m.say(order.short_order);
    return m.made(words.order_instructions);
  }
  // Level 2: the date, the town or both; level 3 all of them, with something put right.
  const uint32_t choice = level == 3 ? 2 : draw.below(3);
  const bool date = choice != 1, town = choice != 0;
  const uint32_t corrected = level == 3 ? draw.below(3) : 3;
  m.say(order.intro);
  m.say(corrected == 0 || corrected == 2 ? order.corrected : order.order);
  if (date) m.say(corrected == 1 || corrected == 2 ? order.corrected_date : order.date);
  if (town) m.say(order.city);
  if (date) m.date_field(day, level);
  if (town) m.field("city", city);
  if (level == 3) {
    m.field("phone", phone);
    m.say(words.phone);
  }
  if (draw.chance(60)) add_distractor(m, draw, language, words);
  m.shuffle(2);
  return m.made(words.order_instructions);
}

Made make_appointment(Draw& draw, Language language, int level, const ExtractWords& words) {
  const AppointmentWords& visit = words.appointment;
  Message m(draw, language);
  const std::string name = draw_person(draw, language).full(), with = draw_person(draw, language).full();
  const Day day = draw_day(draw, language, level);
  const std::string time = draw_time(draw, language), place = draw_town(draw), phone = draw_phone(draw, language);
  std::string time_before = time;
  while (time_before == time) time_before = draw_time(draw, language);
  m.slot("name", name);
  m.slot("date", day.written);
  m.slot("time", time);
  m.slot("time0", time_before);
  m.slot("place", place);
  m.slot("with", with);
  m.slot("phone", phone);
  m.field("name", name);
  m.date_field(day, level);
  m.field("time", time);
  if (level == 1) {
    m.say(visit.short_request);
    return m.made(words.appointment_instructions);
  }
  const uint32_t choice = level == 3 ? 2 : draw.below(3);
  const bool where = choice != 1, whom = choice != 0;
  m.say(words.order.intro);
  m.say(level == 3 ? visit.corrected : visit.request);
  if (where) m.say(visit.place);
  if (where) m.field("place", place);
  if (whom) m.say(visit.with);
  if (whom) m.field("with", with);
  if (level == 3) {
    m.field("phone", phone);
    m.say(words.phone);
  }
  if (draw.chance(60)) add_distractor(m, draw, language, words);
  m.shuffle(2);
  return m.made(words.appointment_instructions);
}

}  // namespace

Made make_extract(Draw& draw, Language language, int level) {
  const ExtractWords& words = language == Language::kFrench ? french_extract() : english_extract();
  return draw.chance(50) ? make_order(draw, language, level, words) : make_appointment(draw, language, level, words);
}

}  // namespace sobre::office
