// Filled-in forms to JSON: not a task of the models but a lesson. Every token of such an answer is copied from beside its key,
// often out of one field alone, so that copying, which small models learn late from the tasks themselves, is learned early.
#include <fmt/format.h>

#include <array>
#include <utility>
#include <vector>

#include "base/json.h"
#include "task/office_extract.h"
#include "task/office_makers.h"
#include "task/office_words.h"

namespace sobre::office {

namespace {

using Text = std::string_view;

enum class Kind : uint8_t { kPerson, kTown, kFirm, kThing, kNumber };

struct Key {
  Text name;
  Kind kind;
};

constexpr std::array<Key, 18> kKeys = {{{"name", Kind::kPerson},
                                        {"with", Kind::kPerson},
                                        {"contact", Kind::kPerson},
                                        {"sender", Kind::kPerson},
                                        {"driver", Kind::kPerson},
                                        {"guest", Kind::kPerson},
                                        {"city", Kind::kTown},
                                        {"place", Kind::kTown},
                                        {"from", Kind::kTown},
                                        {"branch", Kind::kTown},
                                        {"firm", Kind::kFirm},
                                        {"shop", Kind::kFirm},
                                        {"client", Kind::kFirm},
                                        {"item", Kind::kThing},
                                        {"gift", Kind::kThing},
                                        {"stock", Kind::kThing},
                                        {"room", Kind::kNumber},
                                        {"number", Kind::kNumber}}};

constexpr Text kEnglish[] = {
    "[Give|Write|Put] [{keys} as JSON|JSON with {keys}] [of|from|for] this [form|list|note|card]: {text}",
    "[Form|List|Note|Card|Entry]: {text}\n[JSON|Give JSON|As JSON|Now JSON] [with|of|for] {keys}[.|]",
    "[Copy|Take|Read] {keys} [into|as] JSON[:|.] {text}",
    "{text}\n[Which|What] [are|is] {keys}? [JSON|As JSON|Answer in JSON][.|, please.|]",
};
constexpr Text kFrench[] = {
    "[Donne|Écris|Mets] [{keys} en JSON|le JSON de {keys}] [de|pour] [cette fiche|cette liste|cette note] : {text}",
    "[Fiche|Liste|Note|Carte|Saisie] : {text}\n[JSON|En JSON|Donne le JSON|Le JSON] [avec|de|pour] {keys}[.|]",
    "[Copie|Prends|Lis] {keys} en JSON[ :|.] {text}",
    "{text}\n[Que valent|Quels sont|Donne-moi] {keys}[ ?|, merci.] [JSON|En JSON|Réponds en JSON][.|]",
};
constexpr std::array<Text, 3> kAssign = {": ", " = ", " "};
constexpr std::array<Text, 4> kBetween = {"; ", ", ", "\n", ". "};

std::string draw_value(Draw& draw, Language language, Kind kind) {
  switch (kind) {
    case Kind::kPerson:
      return draw_person(draw, language).full();
    case Kind::kTown:
      return draw_town(draw);
    case Kind::kFirm:
      return draw_firm(draw);
    case Kind::kThing:
      return draw_thing(draw, language, draw.chance(40)).plural;
    default:
      return std::to_string(draw.between(2, 9999));
  }
}

template <class T>
void shuffle(Draw& draw, std::vector<T>& list) {
  for (size_t i = list.size(); i > 1; --i) std::swap(list[i - 1], list[draw.index_of(i)]);
}

}  // namespace

Made make_form(Draw& draw, Language language, int) {
  std::vector<size_t> keys(kKeys.size());
  for (size_t i = 0; i < keys.size(); ++i) keys[i] = i;
  shuffle(draw, keys);
  keys.resize(static_cast<size_t>(draw.between(1, draw.between(1, 7))));
  const std::string assign(kAssign[draw.index_of(kAssign.size())]), between(kBetween[draw.index_of(kBetween.size())]);
  std::vector<std::pair<Text, std::string>> fields;
  std::string text;
  for (const size_t k : keys) {
    fields.emplace_back(kKeys[k].name, draw_value(draw, language, kKeys[k].kind));
    text += fmt::format("{}{}{}{}", text.empty() ? "" : between, no_typos(fields.back().first), assign,
                        exact(fields.back().second));
  }
  shuffle(draw, fields);
  fields.resize(static_cast<size_t>(draw.between(1, static_cast<int>(fields.size()))));
  Json object{Json::Object{}};
  std::string asked;
  for (const auto& [key, value] : fields) {
    object.set(std::string(key), value);
    asked.append(asked.empty() ? "" : ", ").append(key);
  }
  const Lines lines = language == Language::kFrench ? Lines(kFrench) : Lines(kEnglish);
  return {draw.phrase(lines, {{"keys", no_typos(asked)}, {"text", text}}), "",
          object.dump({.item_separator = ",", .key_separator = ":"})};
}

}  // namespace sobre::office
