// What people do to a text while typing it: slips, missing accents and capitals, no full stop. Pure function of the draw.
#pragma once

#include <string>

#include "task/draw.h"

namespace sobre::office {

/// The prompt as somebody typed it, with the marks of draw.h taken away. More slips at higher levels; digits never change.
[[nodiscard]] std::string typed(std::string_view marked, Draw& draw, int level, Language language);

/// In small letters, ASCII and Latin-1.
[[nodiscard]] std::string lower_case(std::string_view text);

}  // namespace sobre::office
