#include "text/piece_counts.h"

#include <utility>

#include "text/hf_json_parts.h"
#include "text/hf_json_writer.h"
#include "text/token_table.h"

namespace sobre {

Result<PieceCounts> PieceCounts::create(const Limits& limits) {
  PieceCounts counts(limits);
  const Json form = byte_level_pre_tokenizer();
  TRY(hf::PreTokenizerPlan plan, hf::read_pre_tokenizer(&form));
  counts.pre_tokenizer_ = std::move(plan.steps);
  return counts;
}

Result<void> PieceCounts::add_text(std::string_view text) {
  list_.text.assign(text);
  list_.pieces.assign(1, {0, text.size()});
  list_.at_start = true;
  pre_tokenizer_.run(list_);
  for (const Span span : list_.pieces) {
    if (span.end - span.begin > limits_.max_piece_bytes) {
      ++left_out_;
      continue;
    }
    TRY_VOID(add_piece(std::string_view(list_.text).substr(span.begin, span.end - span.begin)));
  }
  return {};
}

Result<void> PieceCounts::add_piece(std::string_view piece) {
  const uint64_t hash = hash_bytes(piece.data(), piece.size());
  const auto tag = static_cast<uint32_t>(hash >> 32);
  size_t i = hash & (slots_.size() - 1);
  for (; slots_[i].index != kFree; i = (i + 1) & (slots_.size() - 1)) {
    if (slots_[i].tag != tag || this->piece(slots_[i].index) != piece) continue;
    ++counts_[slots_[i].index];
    return {};
  }
  if (counts_.size() >= limits_.max_pieces || arena_.size() + piece.size() > limits_.max_bytes) {
    return fail("more than {} distinct pieces or {} bytes of them, the limits of a tokenizer's training; train it on a part",
                limits_.max_pieces, limits_.max_bytes);
  }
  slots_[i] = {tag, static_cast<uint32_t>(counts_.size())};
  arena_.append(piece);
  ends_.push_back(arena_.size());
  counts_.push_back(1);
  if (counts_.size() * 2 > slots_.size()) grow();
  return {};
}

void PieceCounts::grow() {
  std::vector<Slot> larger(slots_.size() * 2);
  for (size_t n = 0; n < counts_.size(); ++n) {
    const std::string_view text = piece(n);
    const uint64_t hash = hash_bytes(text.data(), text.size());
    size_t i = hash & (larger.size() - 1);
    while (larger[i].index != kFree) i = (i + 1) & (larger.size() - 1);
    larger[i] = {static_cast<uint32_t>(hash >> 32), static_cast<uint32_t>(n)};
  }
  slots_ = std::move(larger);
}

}  // namespace sobre
