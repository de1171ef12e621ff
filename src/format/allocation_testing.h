// Counts what the test program takes from the heap: operator new and delete are replaced in allocation_test.cpp. Test programs
// of this layer only; counted over all threads.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sobre {

/// Bytes of heap in use now, and the most since the last reset_heap_peak().
[[nodiscard]] size_t heap_in_use();
[[nodiscard]] size_t heap_peak();
void reset_heap_peak();

}  // namespace sobre
