// How much memory this process may still take. Reads the kernel's files; any thread, no state.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sobre {

/// Bytes: MemAvailable bounded by what the control groups leave. Nothing when neither can be read.
[[nodiscard]] std::optional<uint64_t> available_memory();

/// Bytes that the limits of control groups (v2 and v1) leave, of those that `groups` (the text of /proc/self/cgroup) names and
/// all above them, below `root`. Nothing without a limit.
[[nodiscard]] std::optional<uint64_t> group_memory(std::string_view groups, const std::string& root);

}  // namespace sobre
