// The sentences of the passage task: facts about invented people, firms and towns.
#pragma once

#include "task/draw.h"

namespace sobre::office {

enum class Subject : uint8_t { kPerson, kFirm, kTown };

/// Where a fact's value comes from: invented names, numbers, or words of a table.
enum class ValueKind : uint8_t { kTown, kPerson, kFirm, kRiver, kYear, kCount, kLarge, kWord };

struct Fact {
  Subject subject;
  ValueKind kind;
  Lines values;      // of kWord; entries "masculine|feminine" where the form follows the subject
  Lines statements;  // {s} the subject, {v} the value; {an} before a value: "a" or "an"
  Lines pronoun;     // {He} for the subject that the sentence before was about
  Lines questions;   // {s}
};

struct PassageWords {
  std::span<const Fact> facts;
  Lines frames;                  // {text} {question}
  std::string_view he, she, it;  // it: of firms; towns have their own
  std::string_view it_town;
};

[[nodiscard]] const PassageWords& english_passage();
[[nodiscard]] const PassageWords& french_passage();

}  // namespace sobre::office
