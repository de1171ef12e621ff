// The processor's name, for reports. Any thread.
#pragma once

#include <string>

namespace sobre {

/// The CPU's name as the kernel tells it; the kind of machine where it does not (many ARM systems).
[[nodiscard]] std::string cpu_name();

}  // namespace sobre
