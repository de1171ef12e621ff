#include "task/office_route.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "task/office_makers.h"
#include "task/office_words.h"

namespace sobre::office {

namespace {

void add_sentence(std::string& text, const std::string& sentence) {
  if (!text.empty()) text += ' ';
  text += sentence;
}

// Another thing, device and number in each sentence.
std::string with_slots(Draw& draw, Language language, const std::string& text) {
  const auto has = [&](std::string_view name) { return text.find(name) != std::string::npos; };
  std::vector<Slot> slots;
  if (has("item")) add_thing_slots(slots, draw_thing(draw, language, draw.chance(30)), false, language);
  if (has("dev")) add_thing_slots(slots, draw_thing(draw, language, true), true, language);
  if (has("town}")) {
    const std::string town = draw_town(draw);
    slots.push_back({"de_town", (begins_with_vowel(town) ? "d'" : "de ") + town});  // French
    slots.push_back({"town", town});
  }
  const int paid = draw.between(12, 480);
  slots.push_back({"n", std::to_string(draw.between(1000, 99999))});
  slots.push_back({"p", std::to_string(paid)});
  slots.push_back({"m", std::to_string(paid + draw.between(3, 60))});
  slots.push_back({"k", std::to_string(draw.between(2, 60))});
  return fill(text, slots);
}

// A sentence without some of its words.
std::string thinned(Draw& draw, const std::string& text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(' ', at), text.size());
    if (!draw.chance(15)) add_sentence(out, text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

std::string sentence(Draw& draw, Language language, Lines lines) {
  std::string text = draw.even_template(lines);
  // While training, words are left out of some: what is left must be enough, so that the model learns what words mean and not
  // the few hundred sentences by heart. What is left may be a template that is held out: then none are left out.
  if (draw.split() == Split::kTrain && draw.chance(35)) {
    std::string left = thinned(draw, text);
    if (!left.empty() && draw.owns(left)) {
      draw.note(left);
      text = std::move(left);
    }
  }
  return with_slots(draw, language, text);
}

// Something beside the point. While training it is at times about anything at all, so that it is told by what it does not say.
std::string small_talk(Draw& draw, Language language, const RouteWords& words) {
  static constexpr std::string_view kText[] = {"{text}"};
  if (draw.split() == Split::kTrain && draw.chance(25)) return draw_passage(draw, language, kText, 1);
  return sentence(draw, language, words.small_talk);
}

}  // namespace

std::string draw_message(Draw& draw, Language language, int level, size_t queue) {
  const RouteWords& words = language == Language::kFrench ? french_route() : english_route();
  const QueueWords& asked = words.queues[queue];
  std::string text;
  if (draw.chance(level == 1 ? 35 : 60)) add_sentence(text, draw.even_template(words.greetings));
  const auto talk = [&](int percent) {
    if (draw.chance(percent)) add_sentence(text, small_talk(draw, language, words));
  };
  if (level == 1) {
    talk(10);
    add_sentence(text, sentence(draw, language, asked.plain));
  } else if (level == 2) {
    talk(70);
    add_sentence(text, sentence(draw, language, draw.chance(80) ? asked.indirect : asked.plain));
    talk(35);
  } else {
    talk(30);
    size_t first = queue, second = queue;
    while (first == queue) first = draw.index_of(words.queues.size());
    while (second == queue || second == first) second = draw.index_of(words.queues.size());
    std::vector<Lines> before = {words.queues[first].background};
    if (draw.chance(50)) before.push_back(words.queues[second].background);
    before.push_back(words.turns);
    add_sentence(text, with_slots(draw, language, draw.joined_template(before)));
    add_sentence(text, sentence(draw, language, draw.chance(50) ? asked.indirect : asked.plain));
  }
  if (draw.chance(level == 1 ? 15 : 35)) add_sentence(text, draw.even_template(words.closings));
  return text;
}

Made make_route(Draw& draw, Language language, int level) {
  const RouteWords& words = language == Language::kFrench ? french_route() : english_route();
  const size_t queue = draw.index_of(std::size(kQueues));
  const std::string text = draw_message(draw, language, level, queue);
  return {draw.phrase(words.instructions, {{"text", text}}), "", std::string(kQueues[queue])};
}

}  // namespace sobre::office
