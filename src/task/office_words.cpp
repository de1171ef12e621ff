#include "task/office_words.h"

#include <array>

namespace sobre::office {

namespace {

// Names are put together so that there are thousands: a model has to copy them, it cannot know them.
constexpr std::array<std::string_view, 48> kStems = {
    "Bar", "Bel", "Bran", "Cal", "Car", "Cor", "Dal", "Del", "Dor", "El",  "Fal", "Fen", "Gar", "Gol", "Hal", "Har",
    "Hol", "Is",  "Jan",  "Jor", "Kel", "Kor", "Lan", "Lar", "Lom", "Mal", "Mar", "Mel", "Mor", "Nar", "Nor", "Or",
    "Pal", "Per", "Ral",  "Ran", "Ros", "Sal", "Sor", "Tal", "Tor", "Tul", "Val", "Var", "Vel", "Wal", "Wes", "Zan"};
constexpr std::array<std::string_view, 12> kMiddles = {"", "", "", "a", "e", "i", "o", "den", "en", "er", "il", "on"};
constexpr std::array<std::string_view, 24> kSurnameEnds = {"ton", "man",  "son", "ley", "wick", "ard", "eau",  "in",
                                                           "ot",  "ier",  "et",  "ini", "ova",  "sky", "berg", "ner",
                                                           "mer", "land", "ker", "del", "rez",  "nez", "sen",  "lin"};
constexpr std::array<std::string_view, 16> kTownEnds = {"ville",  "bourg",   "mont",  "burg",  "stead", "port",
                                                        "field",  "haven",   "mouth", "dale",  "ford",  "court",
                                                        "bridge", "minster", "val",   "cester"};
constexpr std::array<std::string_view, 14> kFirmEnds = {"ix",  "ora", "tec", "lab", "via", "ium", "ex",
                                                        "eon", "net", "ara", "ica", "max", "ync", "ola"};
constexpr std::array<std::string_view, 10> kRiverEnds = {"ne", "ra", "sse", "ve", "dre", "le", "ga", "mme", "the", "que"};

constexpr std::array<std::string_view, 16> kWomensEnds = {"a",   "ia",  "ine", "elle", "ette", "ina", "y",   "issa",
                                                          "ora", "ika", "ène", "ane",  "ise",  "ita", "lyn", "ana"};
constexpr std::array<std::string_view, 16> kMensEnds = {"o",  "us",  "en",  "an",   "ic",  "as", "el",  "ir",
                                                        "is", "ius", "ald", "bert", "iel", "uc", "vin", "mond"};

// Letters of names that are spelled out at random.
constexpr std::array<std::string_view, 44> kOnsets = {"b",  "c",  "d",  "f",  "g",  "h",  "j",  "k",  "l",  "m",  "n",
                                                      "p",  "q",  "r",  "s",  "t",  "v",  "w",  "x",  "y",  "z",  "bl",
                                                      "br", "ch", "cl", "cr", "dr", "fl", "fr", "gl", "gr", "gu", "ph",
                                                      "pl", "pr", "qu", "sh", "st", "th", "tr", "vr", "",   "",   ""};
constexpr std::array<std::string_view, 26> kVowels = {"a",  "a",  "e",  "e",  "i",  "i",  "o",  "o",  "u",
                                                      "y",  "é",  "è",  "ë",  "ï",  "ô",  "ai", "au", "ea",
                                                      "ei", "eo", "ie", "io", "oe", "ou", "ua", "ê"};
constexpr std::array<std::string_view, 24> kCodas = {"",  "",  "",  "",  "",  "",  "b", "c",  "ck", "d",  "f",  "g",
                                                     "l", "m", "n", "p", "r", "s", "t", "th", "x",  "rd", "nd", "ss"};

// While training, some names are spelled out at random: letters that only held-out names begin with would never be copied.
std::string spelled(Draw& draw) {
  std::string name;
  for (int syllables = draw.between(1, 3); syllables > 0 || name.size() < 3; --syllables) {
    name.append(kOnsets[draw.index_of(kOnsets.size())]).append(kVowels[draw.index_of(kVowels.size())]);
    name.append(kCodas[draw.index_of(kCodas.size())]);
  }
  return capitalized(name);
}

template <size_t N>
std::string compound(Draw& draw, const std::array<std::string_view, N>& ends) {
  if (draw.split() == Split::kTrain && draw.chance(12)) return spelled(draw);
  std::string name(kStems[draw.index_of(kStems.size())]);
  name.append(kMiddles[draw.index_of(kMiddles.size())]);
  return name.append(ends[draw.index_of(N)]);
}

// Half of the first names are put together as well: of a short list each would be learned by heart, not copied.
std::string first_name(Draw& draw, bool feminine, Language language) {
  const WordTables& words = words_of(language);
  return draw.entity([&](Draw& d) {
    if (d.chance(50)) return std::string(d.pick(feminine ? words.women : words.men));
    if (d.split() == Split::kTrain && d.chance(30)) return spelled(d);
    return compound(d, feminine ? kWomensEnds : kMensEnds);
  });
}

}  // namespace

bool begins_with_vowel(std::string_view text) {
  if (text.empty()) return false;
  if (text.starts_with("\xC5\x93")) return true;
  if (text[0] == '\xC3' && text.size() > 1 && text[1] != '\xA7' && text[1] != '\x87')  // accented, and no c with a cedilla
    return true;
  return std::string_view("aeiouAEIOU").find(text[0]) != std::string_view::npos;
}

std::string draw_surname(Draw& draw) {
  return draw.entity([](Draw& d) { return compound(d, kSurnameEnds); });
}
std::string draw_town(Draw& draw) {
  return draw.entity([](Draw& d) { return compound(d, kTownEnds); });
}
std::string draw_firm(Draw& draw) {
  return draw.entity([](Draw& d) { return compound(d, kFirmEnds); });
}
std::string draw_river(Draw& draw) {
  return draw.entity([](Draw& d) { return compound(d, kRiverEnds); });
}

Person draw_person(Draw& draw, Language language) {
  Person p;
  p.feminine = draw.chance(50);
  p.first = first_name(draw, p.feminine, language);
  p.last = draw_surname(draw);
  return p;
}

Thing draw_thing(Draw& draw, Language language, bool device) {
  const WordTables& words = words_of(language);
  const auto list = device ? words.devices : words.goods;
  return draw.entity([&](Draw& d) {
    const Noun& noun = list[d.index_of(list.size())];
    const Colour& colour = words.colours[d.index_of(words.colours.size())];
    Thing t;
    t.feminine = noun.feminine;
    if (language == Language::kFrench) {
      t.key = std::string(noun.singular) + " " + std::string(noun.feminine ? colour.f : colour.m);
      t.plural = std::string(noun.plural) + " " + std::string(noun.feminine ? colour.f_plural : colour.m_plural);
    } else {
      t.key = std::string(colour.m) + " " + std::string(noun.singular);
      t.plural = std::string(colour.m) + " " + std::string(noun.plural);
    }
    t.vowel = begins_with_vowel(t.key);
    return t;
  });
}

void add_thing_slots(std::vector<Slot>& slots, const Thing& t, bool device, Language language) {
  static constexpr std::array<std::array<std::string_view, 5>, 2> kNames = {
      {{"item", "a_item", "the_item", "my_item", "items"}, {"dev", "a_dev", "the_dev", "my_dev", "devs"}}};
  const auto& names = kNames[device ? 1 : 0];
  const bool french = language == Language::kFrench;
  const bool mine_f = t.feminine && !t.vowel;
  slots.push_back({names[0], t.key});
  slots.push_back({names[1], (french ? (t.feminine ? "une " : "un ") : (t.vowel ? "an " : "a ")) + t.key});
  slots.push_back({names[2], (french ? (t.vowel ? "l'" : t.feminine ? "la " : "le ") : "the ") + t.key});
  slots.push_back({names[3], (french ? (mine_f ? "ma " : "mon ") : "my ") + t.key});
  slots.push_back({names[4], t.plural});
}

}  // namespace sobre::office
