// How much memory this process may still take. Reads the kernel's files; any thread, no state.
#pragma once

#include <cstdint>
#include <optional>

namespace sobre {

/// MemAvailable bounded by the control group's limit (v2 and v1). Nothing when neither can be read.
[[nodiscard]] std::optional<uint64_t> available_memory();

}  // namespace sobre
