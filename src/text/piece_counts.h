// PieceCounts: how often each distinct piece occurs in a text, cut as the byte-level BPE form of hf_json_writer.h cuts it
// before encoding: what BpeTrainer learns from. One owner, one thread. Memory depends on the distinct pieces alone, which are
// bounded (about 8 bytes of tables per byte of them while training).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/pre_tokenizer.h"

namespace sobre {

class PieceCounts {
 public:
  struct Limits {
    uint64_t max_pieces = 16'000'000;  // distinct ones
    uint64_t max_bytes = 256 << 20;    // of the distinct ones together
    size_t max_piece_bytes = 1024;     // longer ones are no words but data; they are left out and counted
  };

  /// The pre-tokenizer is the one that tokenizer.json will name.
  [[nodiscard]] static Result<PieceCounts> create(const Limits& limits);
  [[nodiscard]] static Result<PieceCounts> create() { return create(Limits{}); }

  /// Counts the pieces of a valid UTF-8 text. Error: more distinct pieces than the limits allow; what was counted before stays.
  [[nodiscard]] Result<void> add_text(std::string_view text);

  /// Distinct pieces, in the order of their first occurrence.
  [[nodiscard]] size_t size() const { return counts_.size(); }
  [[nodiscard]] std::string_view piece(size_t i) const {
    const size_t begin = i == 0 ? 0 : ends_[i - 1];
    return std::string_view(arena_).substr(begin, ends_[i] - begin);
  }
  /// How often piece `i` occurs, at least once.
  [[nodiscard]] uint64_t count(size_t i) const { return counts_[i]; }
  /// Bytes of all distinct pieces together.
  [[nodiscard]] size_t distinct_bytes() const { return arena_.size(); }
  /// Pieces (not distinct ones) that were too long to count.
  [[nodiscard]] uint64_t left_out() const { return left_out_; }

 private:
  struct Slot {
    uint32_t tag = 0;
    uint32_t index = kFree;
  };
  static constexpr uint32_t kFree = ~uint32_t{0};

  explicit PieceCounts(const Limits& limits) : limits_(limits), slots_(1024) {}
  [[nodiscard]] Result<void> add_piece(std::string_view piece);
  void grow();

  Limits limits_;
  PreTokenizer pre_tokenizer_;
  PieceList list_;  // kept for its memory
  std::string arena_;
  std::vector<uint64_t> ends_, counts_;
  std::vector<Slot> slots_;  // a power of two, at most half full
  uint64_t left_out_ = 0;
};

}  // namespace sobre
