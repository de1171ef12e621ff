// Requests that are none of the six tasks.
#pragma once

#include "task/draw.h"

namespace sobre::office {

struct RefuseWords {
  Lines requests;    // level 1 and 2: {name}, {town}, {item}
  Lines small_talk;  // level 2, before or after
  Lines on_message;  // level 3: something else to do with a customer's message or a passage, {text}
  std::string_view refusal;
};

[[nodiscard]] const RefuseWords& english_refuse();
[[nodiscard]] const RefuseWords& french_refuse();

}  // namespace sobre::office
