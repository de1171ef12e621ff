// What this machine can do at most, measured: the yardsticks of `sobre bench`. Called by one thread; takes about half a second
// each.
#pragma once

#include "base/result.h"
#include "base/threads.h"
#include "kernels/kernels.h"

namespace sobre {

/// Bytes per second that all members of `pool` read together from memory (blocks far larger than the caches), the best of
/// several passes.
[[nodiscard]] Result<double> measure_read_bandwidth(ThreadPool& pool);

/// Exact 8-bit multiply-adds per second of all members together, the best of several passes.
[[nodiscard]] double measure_int8_peak(const Kernels& kernels, ThreadPool& pool);

}  // namespace sobre
