// Orders by seed that are computed, not held: any position of a permutation of any length in constant time and memory. Counter-
// based (base/random.h): the same bits on every machine. Plain values; pure functions; any thread.
#pragma once

#include <cstdint>

namespace sobre {

/// What an order is for: orders under the same seed differ by it.
enum class ShuffleUse : uint32_t { kSplit = 1, kValidation = 2, kAllSources = 3, kSource = 16 };

/// A pseudo-random permutation of [0, n): a Feistel network over the next power of four, walked until it falls into [0, n).
class Permutation {
 public:
  /// `number`: which one of those under this seed and use (the epoch, for example). Sources number themselves from kSource on.
  Permutation(uint64_t n, uint64_t seed, uint32_t use, uint64_t number);
  [[nodiscard]] uint64_t size() const { return n_; }
  /// index < size(). Each value below size() comes exactly once.
  [[nodiscard]] uint64_t operator()(uint64_t index) const;

 private:
  [[nodiscard]] uint64_t network(uint64_t x) const;

  uint64_t n_, seed_, number_;
  uint32_t use_;
  int half_bits_ = 1;
};

/// The rows of a source, cut by seed into those to train on and those held back. Depends on the number of rows, the part and
/// the seed alone, so that it is the same in every run, epoch and command.
class RowSplit {
 public:
  /// held_back in [0, 1): the part to hold back, rounded to rows; at least one row and never all, unless it is 0.
  RowSplit(uint64_t rows, double held_back, uint64_t seed);
  [[nodiscard]] uint64_t trained() const { return order_.size() - held_; }
  [[nodiscard]] uint64_t held() const { return held_; }
  /// The row that is number `index` of the trained, or of the held-back ones (which come in an order by seed).
  [[nodiscard]] uint64_t trained_row(uint64_t index) const;
  [[nodiscard]] uint64_t held_row(uint64_t index) const;

 private:
  Permutation order_;
  uint64_t held_ = 0;
};

}  // namespace sobre
