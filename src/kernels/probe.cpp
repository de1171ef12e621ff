#include "kernels/probe.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>

#include "base/buffer.h"

namespace sobre {

namespace {

constexpr uint64_t kProbeBytes = 512ULL << 20;
constexpr int kPasses = 5;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Eight independent sums: the loads, not the additions, are what is timed.
uint64_t read_all(const uint64_t* p, uint64_t n) {
  uint64_t sums[8] = {};
  for (uint64_t i = 0; i + 8 <= n; i += 8) {
    for (uint64_t j = 0; j < 8; ++j) sums[j] += p[i + j];
  }
  uint64_t total = 0;
  for (const uint64_t s : sums) total += s;
  return total;
}

}  // namespace

Result<double> measure_read_bandwidth(ThreadPool& pool) {
  TRY(Buffer buffer, Buffer::create(kProbeBytes));
  const auto words = static_cast<int64_t>(kProbeBytes / sizeof(uint64_t));
  pool.run([&](int member) {
    const auto [begin, end] = share(words, member, pool.size(), 512);
    std::fill(buffer.as<uint64_t>() + begin, buffer.as<uint64_t>() + end, 1);
  });
  std::atomic<uint64_t> sink{0};
  double best = 0;
  for (int pass = 0; pass < kPasses; ++pass) {
    const auto start = std::chrono::steady_clock::now();
    pool.run([&](int member) {
      const auto [begin, end] = share(words, member, pool.size(), 512);
      sink.fetch_add(read_all(buffer.as<uint64_t>() + begin, static_cast<uint64_t>(end - begin)), std::memory_order_relaxed);
    });
    best = std::max(best, static_cast<double>(kProbeBytes) / seconds_since(start));
  }
  return best;
}

double measure_int8_peak(const Kernels& kernels, ThreadPool& pool) {
  // One round is 8 sums of 8 groups of 4 products in each of a register's lanes; the lanes follow from the instruction set.
  const int lanes = kernels.isa == Isa::kScalar || kernels.isa == Isa::kAvx512 ? 16 : kernels.isa == Isa::kNeon ? 4 : 8;
  const int64_t rounds = kernels.isa == Isa::kScalar ? 3'000 : 300'000;
  const double products = static_cast<double>(rounds) * 8 * 32 * lanes * pool.size();
  std::atomic<int32_t> sink{0};
  double best = 0;
  for (int pass = 0; pass < kPasses; ++pass) {
    const auto start = std::chrono::steady_clock::now();
    pool.run([&](int) { sink.fetch_xor(kernels.dot_peak(rounds), std::memory_order_relaxed); });
    best = std::max(best, products / seconds_since(start));
  }
  return best;
}

}  // namespace sobre
