// Word problems of one to four steps: a chain of operations told as a story.
#include "task/office_problems.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "task/office_makers.h"
#include "task/office_words.h"
#include "task/working.h"

namespace sobre::office {

namespace {

enum class Part : uint8_t { kHas, kBoxes, kTogether, kGains, kLoses, kDoubled, kCount, kTotal, kShare, kPrice };

struct Step {
  Part part;
  int64_t a = 0, b = 0;
};

struct Story {
  std::vector<Step> parts;
  std::vector<Operation> operations;
};

Lines lines_of(const ProblemWords& w, Part part) {
  switch (part) {
    case Part::kHas:
      return w.has;
    case Part::kBoxes:
      return w.boxes;
    case Part::kTogether:
      return w.together;
    case Part::kGains:
      return w.gains;
    case Part::kLoses:
      return w.loses;
    case Part::kDoubled:
      return w.doubled;
    case Part::kCount:
      return w.count;
    case Part::kTotal:
      return w.total;
    case Part::kShare:
      return w.share;
    default:
      return w.price;
  }
}

// Tells a story of `steps` operations; nothing where the numbers drawn do not work out.
std::optional<Story> try_story(Draw& draw, int level, int steps) {
  const int largest = level == 1 ? 60 : level == 2 ? 150 : 400, small = level == 1 ? 20 : level == 2 ? 60 : 200;
  Story story;
  int64_t value = 0;
  const auto apply = [&](Part part, char sign, int64_t n) {
    story.operations.push_back({value, n, sign});
    story.parts.push_back({part, n, 0});
    value = result_of(story.operations.back());
  };
  const uint32_t end = draw.below(steps > 1 ? 4 : 3);  // 0, 3: only asked for; 1: shared; 2: paid
  int left = steps - (end == 1 || end == 2 ? 1 : 0);
  const uint32_t start = left > 0 ? draw.below(3) : 0;
  if (start == 0) {
    value = draw.between(3, small);
    story.parts.push_back({Part::kHas, value, 0});
  } else if (start == 1) {
    const int boxes = draw.between(2, 9), each = draw.between(2, level == 1 ? 9 : 40);
    story.parts.push_back({Part::kBoxes, boxes, each});
    story.operations.push_back({each, boxes, 'x'});
    value = int64_t{boxes} * each;
    --left;
  } else {
    const int a = draw.between(3, small), b = draw.between(3, small);
    story.parts.push_back({Part::kTogether, a, b});
    story.operations.push_back({a, b, '+'});
    value = a + b;
    --left;
  }
  for (; left > 0; --left) {
    const uint32_t kind = draw.below(5);
    if (kind < 2) {
      apply(Part::kGains, '+', draw.between(2, small));
    } else if (kind < 4) {
      if (value < 4) return std::nullopt;
      apply(Part::kLoses, '-', draw.between(2, static_cast<int>(std::min<int64_t>(value - 1, small))));
    } else {
      apply(Part::kDoubled, 'x', draw.between(2, 4));
    }
  }
  if (value > largest) return std::nullopt;
  if (end == 1) {
    const int shares = draw.between(2, 9);
    if (value % shares != 0 || value / shares < 2) return std::nullopt;
    apply(Part::kShare, '/', shares);
  } else if (end == 2) {
    apply(Part::kPrice, 'x', draw.between(2, level == 1 ? 5 : 9));
  } else {
    story.parts.push_back({story.parts.size() == 1 ? Part::kTotal : Part::kCount});
  }
  return story;
}

Story draw_story(Draw& draw, int level) {
  const int steps = level < 3 ? level : draw.between(3, 4);
  // What arithmetic tests, no problem of the training split works out.
  const auto allowed = [&](const Operation& op) {
    return draw.split() != Split::kTrain || split_of(operation_key(op)) != Split::kTest;
  };
  for (;;) {
    std::optional<Story> story = try_story(draw, level, steps);
    if (story && std::all_of(story->operations.begin(), story->operations.end(), allowed)) return *std::move(story);
  }
}

std::string number(int64_t n) { return exact(std::to_string(n)); }

}  // namespace

Made make_problems(Draw& draw, Language language, int level) {
  const bool french = language == Language::kFrench;
  const ProblemWords& words = french ? french_problems() : english_problems();
  const Story story = draw_story(draw, level);
  const Person person = draw_person(draw, language);
  Person other = draw_person(draw, language);
  while (other.first == person.first) other = draw_person(draw, language);
  const auto& countables = words_of(language).countables;
  const std::string goods(countables[draw.index_of(countables.size())].plural);
  const auto de = [](const std::string& name) { return (begins_with_vowel(name) ? "d'" : "de ") + exact(name); };
  std::vector<Slot> slots = {{"name", exact(person.first)},
                             {"other", exact(other.first)},
                             {"de_name", de(person.first)},
                             {"de_other", de(other.first)},
                             {"goods", no_typos(goods)},
                             {"de_goods", de(goods)},
                             {"he", french ? (person.feminine ? "elle" : "il") : (person.feminine ? "she" : "he")},
                             {"him", person.feminine ? "her" : "him"}};
  std::vector<Lines> tables;
  std::vector<std::string> names;
  names.reserve(story.parts.size() * 3);
  for (size_t i = 0; i < story.parts.size(); ++i) {
    const Step& step = story.parts[i];
    const auto own = [&](const char* name, std::string value) {
      names.push_back(std::string(name) + "#" + std::to_string(i));
      slots.push_back({names.back(), std::move(value)});
    };
    tables.push_back(lines_of(words, step.part));
    own("a", number(step.a));
    own("b", number(step.b));
    if (step.part == Part::kDoubled) own("times", no_typos(words.times[static_cast<size_t>(step.a - 2)]));
  }
  // The whole problem with what stands around it is one template.
  const std::string text = draw.owned_template([&](std::string& out) {
    std::string question;
    draw.append_sentences(tables, question);
    out = draw.choose(words.frames);
    out.replace(out.find("{q}"), 3, question);
  });
  std::string work;
  for (const Operation& op : story.operations) work.append(work.empty() ? "" : "\n").append(working(op));
  const size_t last = work.rfind('\n');
  return {fill(text, slots), work.substr(0, last), work.substr(last + 1)};
}

}  // namespace sobre::office
