// Passages: sentences about one to three subjects, and a question about one of the facts.
#include "task/office_passage.h"

#include <algorithm>
#include <vector>

#include "task/office_makers.h"
#include "task/office_words.h"

namespace sobre::office {

namespace {

struct Someone {
  Subject kind = Subject::kPerson;
  std::string name;
  bool feminine = false;
};

// One sentence of a passage.
struct Statement {
  const Fact* fact;
  size_t subject;  // index into the passage's subjects
  std::string value;
  bool pronoun = false;
};

struct Passage {
  std::vector<Someone> subjects;
  std::vector<Statement> statements;
};

Someone draw_subject(Draw& draw, Language language, Subject kind) {
  if (kind == Subject::kFirm) return {kind, draw_firm(draw), true};
  if (kind == Subject::kTown) return {kind, draw_town(draw), true};
  const Person p = draw_person(draw, language);
  return {kind, draw.chance(50) ? p.first : p.full(), p.feminine};
}

std::string draw_value(Draw& draw, Language language, const Fact& fact, bool feminine) {
  switch (fact.kind) {
    case ValueKind::kTown:
      return draw_town(draw);
    case ValueKind::kPerson:
      return draw_person(draw, language).full();
    case ValueKind::kFirm:
      return draw_firm(draw);
    case ValueKind::kRiver:
      return draw_river(draw);
    case ValueKind::kYear:
      return std::to_string(fact.subject == Subject::kPerson ? draw.between(1940, 2004) : draw.between(1820, 2019));
    case ValueKind::kCount:
      return std::to_string(draw.between(12, 980));
    case ValueKind::kLarge:
      return std::to_string(draw.between(11, 989) * 100);
    default: {
      const std::string_view value = draw.pick(fact.values);
      const size_t bar = value.find('|');
      if (bar == std::string_view::npos) return std::string(value);
      return std::string(feminine ? value.substr(bar + 1) : value.substr(0, bar));
    }
  }
}

std::string de(const std::string& name) { return (begins_with_vowel(name) ? "d'" : "de ") + exact(name); }

// Slots of one statement or of the question about it.
std::vector<Slot> slots_of(const PassageWords& words, const Someone& who, const std::string& value) {
  const std::string_view pronoun = who.kind == Subject::kPerson ? (who.feminine ? words.she : words.he)
                                   : who.kind == Subject::kFirm ? words.it
                                                                : words.it_town;
  return {{"s", exact(who.name)},
          {"v", exact(value)},
          {"de_s", de(who.name)},
          {"de_v", de(value)},
          {"he", std::string(pronoun)},
          {"e", who.feminine ? "e" : ""},
          {"ne_v", value.starts_with("une ") ? "ne" : ""},
          {"an", begins_with_vowel(value) ? "an" : "a"}};
}

// No two subjects share a name, and no value is a subject's: so every answer has one place in the passage.
bool is_new(const Passage& passage, const std::string& text) {
  const auto same = [&](const std::string& other) {
    return other.find(text) != std::string::npos || text.find(other) != std::string::npos;
  };
  return std::none_of(passage.subjects.begin(), passage.subjects.end(), [&](const Someone& s) { return same(s.name); }) &&
         std::none_of(passage.statements.begin(), passage.statements.end(), [&](const Statement& s) { return same(s.value); });
}

void add_subjects(Passage& passage, Draw& draw, Language language, size_t count, bool mixed) {
  auto kind = static_cast<Subject>(draw.below(3));
  while (passage.subjects.size() < count) {
    if (mixed) kind = static_cast<Subject>(draw.below(3));
    Someone s = draw_subject(draw, language, kind);
    if (is_new(passage, s.name)) passage.subjects.push_back(std::move(s));
  }
}

// `sentences` facts, none twice for a subject, the sentences of a subject together.
void add_statements(Passage& passage, Draw& draw, Language language, const PassageWords& words, size_t sentences,
                    bool pronouns) {
  for (size_t subject = 0; subject < passage.subjects.size(); ++subject) {
    const Someone& who = passage.subjects[subject];
    const size_t end = sentences * (subject + 1) / passage.subjects.size();
    bool first = true;
    while (passage.statements.size() < end) {
      const Fact& fact = words.facts[draw.index_of(words.facts.size())];
      const auto known = [&](const Statement& s) { return s.subject == subject && s.fact == &fact; };
      if (fact.subject != who.kind || std::any_of(passage.statements.begin(), passage.statements.end(), known)) continue;
      std::string value = draw_value(draw, language, fact, who.feminine);
      if (!is_new(passage, value)) continue;
      passage.statements.push_back({&fact, subject, std::move(value), !first && draw.chance(pronouns ? 70 : 15)});
      first = false;
    }
  }
}

// The prompt: all sentences of the passage, and the frame around them, are one template; the slots of sentences are numbered.
// `questions` (may be empty) take the place of {question} in the frame, about statement `asked`.
std::string write_prompt(const Passage& passage, Draw& draw, const PassageWords& words, Lines frames, Lines questions,
                         size_t asked) {
  std::vector<Lines> tables;
  for (const Statement& s : passage.statements) tables.push_back(s.pronoun ? s.fact->pronoun : s.fact->statements);
  const auto put = [](std::string& out, std::string_view slot, const std::string& value) {
    const size_t at = out.find(slot);
    CHECK(at != std::string::npos);
    out.replace(at, slot.size(), value);
  };
  const std::string text = draw.owned_template([&](std::string& out) {
    std::string sentences;
    draw.append_sentences(tables, sentences);
    out = draw.choose(frames);
    if (!questions.empty()) put(out, "{question}", draw.choose(questions));
    put(out, "{text}", sentences);
  });
  std::vector<std::string> names;
  std::vector<Slot> slots;
  names.reserve(passage.statements.size() * 9);
  for (size_t i = 0; i < passage.statements.size(); ++i) {
    const Statement& s = passage.statements[i];
    for (Slot& slot : slots_of(words, passage.subjects[s.subject], s.value)) {
      if (i == asked) slots.push_back(slot);
      names.push_back(std::string(slot.name) + "#" + std::to_string(i));
      slots.push_back({names.back(), std::move(slot.value)});
    }
  }
  return fill(text, slots);
}

Passage make_text(Draw& draw, Language language, const PassageWords& words, size_t subjects, size_t sentences, bool hard) {
  Passage passage;
  add_subjects(passage, draw, language, subjects, draw.chance(hard ? 60 : 40));
  add_statements(passage, draw, language, words, sentences, hard);
  return passage;
}

// The statement that is asked about. While training more often one whose fact is told of another subject too: which subject is
// meant is what is learned last.
size_t draw_asked(Draw& draw, const Passage& passage) {
  const auto& all = passage.statements;
  const auto told_twice = [&](size_t i) {
    return std::count_if(all.begin(), all.end(), [&](const Statement& s) { return s.fact == all[i].fact; }) > 1;
  };
  const size_t asked = draw.index_of(all.size());
  if (draw.split() != Split::kTrain || draw.chance(50)) return asked;
  for (size_t i = 0; i < all.size(); ++i) {
    const size_t other = (asked + i) % all.size();
    if (told_twice(other)) return other;
  }
  return asked;
}

}  // namespace

std::string draw_passage(Draw& draw, Language language, Lines frames, size_t sentences) {
  const PassageWords& words = language == Language::kFrench ? french_passage() : english_passage();
  const Passage passage = make_text(draw, language, words, 1, sentences, false);
  return write_prompt(passage, draw, words, frames, {}, 0);
}

Made make_passage(Draw& draw, Language language, int level) {
  const PassageWords& words = language == Language::kFrench ? french_passage() : english_passage();
  const auto n = [&](int low, int high) { return static_cast<size_t>(draw.between(low, high)); };
  const size_t subjects = level == 1 ? 1 : level == 2 ? 2 : n(2, 3);
  const size_t sentences = level == 1 ? n(2, 3) : level == 2 ? n(4, 5) : n(6, 8);
  const Passage passage = make_text(draw, language, words, subjects, sentences, level == 3);
  const size_t asked = draw_asked(draw, passage);
  const Statement& about = passage.statements[asked];
  return {write_prompt(passage, draw, words, words.frames, about.fact->questions, asked), "", about.value};
}

}  // namespace sobre::office
