// The sentences of the route task.
#pragma once

#include <array>

#include "task/draw.h"

namespace sobre::office {

/// Of one queue.
struct QueueWords {
  Lines plain;       // the request with its cue in plain words: level 1
  Lines indirect;    // the request in other words: level 2
  Lines background;  // the topic mentioned, with nothing asked: level 3
};

struct RouteWords {
  Lines instructions;  // {text}
  Lines greetings, small_talk, turns, closings;
  std::array<QueueWords, 8> queues;  // in the order of kQueues
};

[[nodiscard]] const RouteWords& english_route();
[[nodiscard]] const RouteWords& french_route();

}  // namespace sobre::office
