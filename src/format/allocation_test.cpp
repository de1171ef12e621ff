#include "format/allocation_testing.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>
#include <vector>

namespace {

std::atomic<size_t> g_in_use{0}, g_peak{0};

void* take(size_t bytes, size_t alignment) {
  void* p = alignment > 0 ? std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment) : std::malloc(bytes);
  if (p == nullptr) throw std::bad_alloc();
  const size_t now = g_in_use.fetch_add(malloc_usable_size(p)) + malloc_usable_size(p);
  size_t peak = g_peak.load();
  while (now > peak && !g_peak.compare_exchange_weak(peak, now)) {
  }
  return p;
}

void give(void* p) {
  if (p == nullptr) return;
  g_in_use.fetch_sub(malloc_usable_size(p));
  std::free(p);
}

}  // namespace

void* operator new(size_t bytes) { return take(bytes, 0); }
void* operator new[](size_t bytes) { return take(bytes, 0); }
void* operator new(size_t bytes, std::align_val_t alignment) { return take(bytes, static_cast<size_t>(alignment)); }
void* operator new[](size_t bytes, std::align_val_t alignment) { return take(bytes, static_cast<size_t>(alignment)); }
void operator delete(void* p) noexcept { give(p); }
void operator delete[](void* p) noexcept { give(p); }
void operator delete(void* p, size_t) noexcept { give(p); }
void operator delete[](void* p, size_t) noexcept { give(p); }
void operator delete(void* p, std::align_val_t) noexcept { give(p); }
void operator delete[](void* p, std::align_val_t) noexcept { give(p); }
void operator delete(void* p, size_t, std::align_val_t) noexcept { give(p); }
void operator delete[](void* p, size_t, std::align_val_t) noexcept { give(p); }

namespace sobre {

size_t heap_in_use() { return g_in_use.load(); }
size_t heap_peak() { return g_peak.load(); }
void reset_heap_peak() { g_peak.store(g_in_use.load()); }

namespace {

TEST(HeapCount, SeesWhatIsTaken) {
  reset_heap_peak();
  const size_t before = heap_in_use();
  {
    const std::vector<char> block(1 << 20);
  }
  EXPECT_EQ(heap_in_use(), before);
  EXPECT_GE(heap_peak(), before + (1 << 20));
  EXPECT_LT(heap_peak(), before + (1 << 20) + 8192);
}

}  // namespace
}  // namespace sobre
