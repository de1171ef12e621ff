// The sentences of the extract task. Values stand in slots; keys are asked for by name in the instruction.
#pragma once

#include "task/draw.h"

namespace sobre::office {

struct OrderWords {
  Lines intro;           // {name}
  Lines short_order;     // level 1: {name} {quantity} {item}
  Lines order;           // {quantity} {item}
  Lines corrected;       // {quantity0} {item} and then {quantity}
  Lines date;            // {date}
  Lines corrected_date;  // {date0} and then {date}
  Lines city;            // {city}
};

struct AppointmentWords {
  Lines short_request;  // level 1: {name} {date} {time}
  Lines request;        // {date} {time}
  Lines corrected;      // {date} {time0} and then {time}
  Lines place;          // {place}
  Lines with;           // {with}
};

struct ExtractWords {
  Lines order_instructions, appointment_instructions;  // {keys} {text}
  Lines phone;                                         // {phone}
  Lines distractors;                                   // {number} {other}: nothing that is asked for
  OrderWords order;
  AppointmentWords appointment;
};

[[nodiscard]] const ExtractWords& english_extract();
[[nodiscard]] const ExtractWords& french_extract();

}  // namespace sobre::office
