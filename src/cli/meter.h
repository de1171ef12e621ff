// `sobre meter`: where this machine's joules can be read, watts as they are drawn, and calibrating with a wall meter. Main
// thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "meter/calibration.h"

namespace sobre {

struct MeterOptions {
  std::string method;  // empty: the best
  std::string file;    // the calibration; empty: the default
  bool once = false;   // the table of sources and nothing else
  bool json = false;
  int seconds = 0;  // of watching; 0: until Ctrl-C
  bool calibrate = false;
  std::vector<double> wall_w;  // readings of a wall meter, one for each load
  double seconds_per_level = 20;
  /// How a load is held and measured; empty: by running it. For tests, whose machine is not idle.
  std::function<Result<CalibrationLevel>(double load)> measure;
};

/// Loads at which a calibration measures.
[[nodiscard]] const std::vector<double>& calibration_loads();

/// Shows or calibrates. Errors: as open_energy_source(), fit_wall() and write_calibration() have them; readings whose number is
/// not that of the loads; nothing that could be calibrated.
[[nodiscard]] Result<void> meter_command(const MeterOptions& options);
[[nodiscard]] Result<void> calibrate_command(const MeterOptions& options);

/// "43 W (40 to 46 W)", with no digit that the interval does not carry: rounded to the power of ten below half its width.
[[nodiscard]] std::string watts_text(double value, double low, double high);
/// "62.5" typed by a person, also "62,5" and "62.5 W"; nothing: not a number above 0.
[[nodiscard]] std::optional<double> parse_watts(const std::string& text);

}  // namespace sobre
