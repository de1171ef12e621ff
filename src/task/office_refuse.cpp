#include "task/office_refuse.h"

#include <vector>

#include "task/office_makers.h"
#include "task/office_words.h"

namespace sobre::office {

Made make_refuse(Draw& draw, Language language, int level) {
  const RefuseWords& words = language == Language::kFrench ? french_refuse() : english_refuse();
  const std::string refusal(words.refusal);
  if (level == 3) {
    if (draw.chance(40))
      return {draw_passage(draw, language, words.on_message, static_cast<size_t>(draw.between(2, 3))), "", refusal};
    const size_t queue = draw.index_of(std::size(kQueues));
    const std::string text = draw_message(draw, language, draw.between(1, 2), queue);
    return {draw.phrase(words.on_message, {{"text", text}}), "", refusal};
  }
  std::vector<Lines> tables = {words.requests};
  if (level == 2) tables.insert(draw.chance(60) ? tables.begin() : tables.end(), words.small_talk);
  const std::string text = draw.joined_template(tables);
  std::vector<Slot> slots;
  if (text.find("{town}") != std::string::npos) slots.push_back({"town", draw_town(draw)});
  if (text.find("{name}") != std::string::npos) slots.push_back({"name", draw_person(draw, language).first});
  return {fill(text, slots), "", refusal};
}

}  // namespace sobre::office
