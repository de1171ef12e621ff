#include "learn/shuffle.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/random.h"
#include "base/result.h"

namespace sobre {

namespace {

// Twice what a Feistel network needs to look random: domains of a few bits mix slowly.
constexpr uint32_t kRounds = 8;

}  // namespace

Permutation::Permutation(uint64_t n, uint64_t seed, uint32_t use, uint64_t number)
    : n_(n), seed_(seed), number_(number), use_(use) {
  half_bits_ = n <= 4 ? 1 : (static_cast<int>(std::bit_width(n - 1)) + 1) / 2;
}

uint64_t Permutation::network(uint64_t x) const {
  const uint64_t mask = (uint64_t{1} << half_bits_) - 1;
  uint64_t left = x >> half_bits_, right = x & mask;
  const std::array<uint32_t, 2> key = {static_cast<uint32_t>(seed_), static_cast<uint32_t>(seed_ >> 32)};
  for (uint32_t round = 0; round < kRounds; ++round) {
    const auto words = philox4x32(
        {static_cast<uint32_t>(right), use_ << 3 | round, static_cast<uint32_t>(number_), static_cast<uint32_t>(number_ >> 32)},
        key);
    const uint64_t next = (left ^ words[0]) & mask;
    left = right;
    right = next;
  }
  return left << half_bits_ | right;
}

uint64_t Permutation::operator()(uint64_t index) const {
  CHECK(index < n_);
  // The network permutes [0, 4^half_bits), which is less than four times n (n above 4): few steps lead back into [0, n).
  uint64_t x = index;
  do x = network(x);
  while (x >= n_);
  return x;
}

RowSplit::RowSplit(uint64_t rows, double held_back, uint64_t seed)
    : order_(rows, seed, static_cast<uint32_t>(ShuffleUse::kSplit), 0) {
  if (held_back <= 0 || rows < 2) return;
  const auto wanted = static_cast<uint64_t>(std::llround(static_cast<double>(rows) * held_back));
  held_ = std::clamp<uint64_t>(wanted, 1, rows - 1);
}

uint64_t RowSplit::trained_row(uint64_t index) const {
  CHECK(index < trained());
  // Nothing held back: the file's own numbers, one permutation less.
  return held_ == 0 ? index : order_(held_ + index);
}

uint64_t RowSplit::held_row(uint64_t index) const {
  CHECK(index < held_);
  return order_(index);
}

}  // namespace sobre
