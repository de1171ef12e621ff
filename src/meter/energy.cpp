#include "meter/energy.h"

namespace sobre {

std::string_view meter_fault_name(MeterFault fault) {
  switch (fault) {
    case MeterFault::kMissedWrap:
      return "missed_wrap";
    case MeterFault::kMissingDomain:
      return "missing_domain";
    case MeterFault::kUnreadable:
      return "unreadable";
    case MeterFault::kJump:
      return "counter_jump";
    case MeterFault::kStopped:
      return "counter_stopped";
    case MeterFault::kSharedHost:
      return "shared_host";
  }
  return "";
}

std::string MeterFaults::names() const {
  std::string out;
  for (int i = 0; i < kMeterFaults; ++i) {
    const auto fault = static_cast<MeterFault>(i);
    if (!has(fault)) continue;
    if (!out.empty()) out += ',';
    out += meter_fault_name(fault);
  }
  return out;
}

}  // namespace sobre
