// A picture of a run: training and validation loss above, the learning rate below, as one SVG without scripts, light or dark as
// its reader prefers. Pure function; any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "learn/train_log.h"

namespace sobre {

/// The curves of a log's rows, in their order. The axis of the loss is logarithmic where it spans much. Long runs are gathered:
/// the size of the picture is bounded whatever their length. Losses that are not finite are left out and counted.
[[nodiscard]] std::string curves_svg(std::span<const TrainLogRow> rows, std::string_view title);

}  // namespace sobre
