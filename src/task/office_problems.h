// The sentences of word problems. A problem is a start, some events and an end, each with its operation on the number so far.
#pragma once

#include "task/draw.h"

namespace sobre::office {

/// Slots: {name}, {he}, {him} the person; {other} somebody else; {goods} and {de_goods} what is counted; {a}, {b} numbers.
struct ProblemWords {
  Lines has;       // start, no step: {a} goods
  Lines boxes;     // start, a x b: {a} boxes of {b} goods
  Lines together;  // start, a + b: two people's goods put together
  Lines gains;     // event, + a
  Lines loses;     // event, - a
  Lines doubled;   // event, x {times}: the number is multiplied
  Lines count;     // end, no step: how many there are after events
  Lines total;     // end, no step: how many there are where nothing happened
  Lines share;     // end, / a
  Lines price;     // end, x a: what they cost
  Lines frames;    // around it all: {q}
  Lines times;     // words for x 2, x 3, x 4 in `doubled`
};

[[nodiscard]] const ProblemWords& english_problems();
[[nodiscard]] const ProblemWords& french_problems();

}  // namespace sobre::office
