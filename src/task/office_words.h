// Names, things and other words that several tasks use, by language. Constant tables and entities made from them.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "task/draw.h"

namespace sobre::office {

/// A thing that can be bought: "blue lamp", "lampe bleue".
struct Thing {
  std::string key;  // the singular
  std::string plural;
  bool feminine = false;  // French
  bool vowel = false;     // begins with a vowel: an, l'
};

struct Noun {
  std::string_view singular, plural;
  bool feminine = false;
};

/// A colour: in English one form; in French masculine, feminine and their plurals.
struct Colour {
  std::string_view m = {}, f = {}, m_plural = {}, f_plural = {};
};

struct WordTables {
  std::span<const Noun> goods, devices;
  std::span<const Colour> colours;
  Lines women, men;                  // first names
  std::span<const Noun> countables;  // for word problems
  Lines months;                      // January to December
  Lines weekdays;                    // Monday to Sunday
  Lines numbers;                     // words for 0 to 12
};

[[nodiscard]] const WordTables& english_words();
[[nodiscard]] const WordTables& french_words();
[[nodiscard]] inline const WordTables& words_of(Language language) {
  return language == Language::kFrench ? french_words() : english_words();
}

struct Person {
  std::string first, last;
  bool feminine = false;
  [[nodiscard]] std::string full() const { return first + " " + last; }
};

/// New entities of the draw's split.
[[nodiscard]] Person draw_person(Draw& draw, Language language);
[[nodiscard]] std::string draw_surname(Draw& draw);
[[nodiscard]] std::string draw_town(Draw& draw);
[[nodiscard]] std::string draw_firm(Draw& draw);
[[nodiscard]] std::string draw_river(Draw& draw);
[[nodiscard]] Thing draw_thing(Draw& draw, Language language, bool device);

/// The thing with its article and the like, as slots: {NAME} "blue lamp", {a_NAME}, {the_NAME}, {my_NAME}, {NAMEs}.
void add_thing_slots(std::vector<Slot>& slots, const Thing& thing, bool device, Language language);

/// "d'" before a vowel, else "de ": for French plurals ("de pommes", "d'oranges").
[[nodiscard]] bool begins_with_vowel(std::string_view text);

}  // namespace sobre::office
