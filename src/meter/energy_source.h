// Where joules come from: a counter of the machine, or a model of its processor. A source is read by one thread at a time.
#pragma once

#include <memory>

#include "meter/energy.h"

namespace sobre {

class EnergySource {
 public:
  virtual ~EnergySource() = default;
  /// The energy since the previous call (the first: since the source was opened). `now_s`: monotonic seconds, never falling.
  /// Costs microseconds and no heap call after the first. What fails to be read is a fault in the result and an estimate with a
  /// wide interval, never an error.
  [[nodiscard]] virtual EnergyDelta read(double now_s) = 0;
  [[nodiscard]] virtual const EnergyMethod& method() const = 0;
};

}  // namespace sobre
