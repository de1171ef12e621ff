#include "text/bpe_trainer.h"

#include <algorithm>
#include <queue>
#include <unordered_map>
#include <utility>

#include "base/utf8.h"
#include "text/byte_level.h"
#include "text/token_table.h"

namespace sobre {
namespace {

constexpr uint64_t kProgressEvery = 64;  // merges

/// Two neighbouring ids as one number: its order is that of (left, right).
uint64_t pair_key(int32_t left, int32_t right) {
  return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
}
int32_t left_of(uint64_t key) { return static_cast<int32_t>(key >> 32); }
int32_t right_of(uint64_t key) { return static_cast<int32_t>(key & 0xFFFFFFFF); }

struct PairHash {
  size_t operator()(uint64_t key) const { return mix_hash(key, 0x9E3779B97F4A7C15u); }
};

/// Bytes in the order of their ids: by the code points of the characters they are written as.
std::vector<std::string> byte_tokens() {
  std::vector<std::pair<char32_t, std::string>> bytes;
  for (int b = 0; b < 256; ++b) {
    const std::string byte(1, static_cast<char>(b));
    std::string written;
    append_byte_chars(written, byte);
    bytes.emplace_back(decode_utf8(written, 0).code, byte);
  }
  std::sort(bytes.begin(), bytes.end());
  std::vector<std::string> out;
  out.reserve(bytes.size());
  for (auto& [code, byte] : bytes) out.push_back(std::move(byte));
  return out;
}

class Trainer {
 public:
  Trainer(const PieceCounts& counts, const BpeTrainerOptions& options);
  TrainedBpe run();

 private:
  /// A pair that occurs somewhere.
  struct Pair {
    uint64_t count = 0;
    uint64_t step = 0;             // the last merge that made more of it
    std::vector<uint32_t> pieces;  // all that hold it, perhaps some that did once
  };
  /// What a pair was worth when it was queued: never less than now.
  struct Candidate {
    uint64_t count, key;
    bool operator<(const Candidate& other) const { return count != other.count ? count < other.count : key > other.key; }
  };

  [[nodiscard]] bool barred(int32_t left, int32_t right) const;
  void lay_out(const PieceCounts& counts);
  void count_pairs();
  void merge(uint64_t key);
  void replace_pair(uint32_t piece, int32_t result);
  void more(int32_t left, int32_t right, uint32_t piece);
  void less(int32_t left, int32_t right, uint32_t piece);
  [[nodiscard]] int32_t* begin_of(uint32_t piece) { return symbols_.data() + starts_[piece]; }

  const BpeTrainerOptions& options_;
  TrainedBpe out_;
  std::vector<int32_t> symbols_;  // of all pieces; each keeps its place while it gets shorter
  std::vector<uint64_t> starts_, counts_;
  std::vector<uint32_t> lengths_;
  std::unordered_map<uint64_t, Pair, PairHash> pairs_;
  std::priority_queue<Candidate> queue_;
  std::vector<uint64_t> risen_;  // pairs that the merge at work made more of
  uint64_t merging_ = 0;         // its own pair, which is not counted down
  uint64_t step_ = 0;
};

Trainer::Trainer(const PieceCounts& counts, const BpeTrainerOptions& options) : options_(options) {
  out_.tokens.assign(kChatMlTokens.begin(), kChatMlTokens.end());
  for (std::string& byte : byte_tokens()) out_.tokens.push_back(std::move(byte));
  lay_out(counts);
  count_pairs();
}

bool Trainer::barred(int32_t left, int32_t right) const {
  if (!options_.split_capitals) return false;
  const char next = out_.tokens[static_cast<size_t>(right)].front();
  return next >= 'A' && next <= 'Z' && out_.tokens[static_cast<size_t>(left)].back() == ' ';
}

void Trainer::lay_out(const PieceCounts& counts) {
  std::array<int32_t, 256> id_of_byte{};
  for (size_t id = kChatMlTokens.size(); id < out_.tokens.size(); ++id)
    id_of_byte[static_cast<unsigned char>(out_.tokens[id][0])] = static_cast<int32_t>(id);
  symbols_.reserve(counts.distinct_bytes());
  for (size_t i = 0; i < counts.size(); ++i) {
    const std::string_view piece = counts.piece(i);
    starts_.push_back(symbols_.size());
    lengths_.push_back(static_cast<uint32_t>(piece.size()));
    counts_.push_back(counts.count(i));
    for (const char c : piece) symbols_.push_back(id_of_byte[static_cast<unsigned char>(c)]);
    out_.pieces_bytes += counts.count(i) * piece.size();
  }
}

void Trainer::count_pairs() {
  for (uint32_t piece = 0; piece < counts_.size(); ++piece) {
    const int32_t* s = begin_of(piece);
    for (uint32_t i = 0; i + 1 < lengths_[piece]; ++i) more(s[i], s[i + 1], piece);
  }
  for (const auto& [key, pair] : pairs_) queue_.push({pair.count, key});
}

void Trainer::more(int32_t left, int32_t right, uint32_t piece) {
  if (barred(left, right)) return;
  const uint64_t key = pair_key(left, right);
  Pair& pair = pairs_[key];
  pair.count += counts_[piece];
  if (pair.pieces.empty() || pair.pieces.back() != piece) pair.pieces.push_back(piece);
  if (step_ == 0 || pair.step == step_) return;
  pair.step = step_;
  risen_.push_back(key);
}

void Trainer::less(int32_t left, int32_t right, uint32_t piece) {
  const uint64_t key = pair_key(left, right);
  if (key == merging_ || barred(left, right)) return;
  const auto found = pairs_.find(key);
  CHECK(found != pairs_.end() && found->second.count >= counts_[piece]);
  found->second.count -= counts_[piece];
  if (found->second.count == 0) pairs_.erase(found);  // its places in the queue are recognised as old
}

/// Puts `result` wherever the pair at work stands in a piece.
void Trainer::replace_pair(uint32_t piece, int32_t result) {
  const int32_t left = left_of(merging_), right = right_of(merging_);
  int32_t* s = begin_of(piece);
  const uint32_t length = lengths_[piece];
  uint32_t to = 0;
  for (uint32_t from = 0; from < length; ++to) {
    if (s[from] != left || from + 1 == length || s[from + 1] != right) {
      s[to] = s[from++];
      continue;
    }
    if (to > 0) {
      less(s[to - 1], left, piece);
      more(s[to - 1], result, piece);
    }
    if (from + 2 < length) {
      less(right, s[from + 2], piece);
      more(result, s[from + 2], piece);
    }
    s[to] = result;
    from += 2;
  }
  lengths_[piece] = to;
}

// The new token's text is no token yet. A stretch of text that is one token now was crossed by no merge; so every such stretch
// of the same bytes went through the same merges, the last one included, and became that token at the same time.
void Trainer::merge(uint64_t key) {
  ++step_;
  merging_ = key;
  const auto result = static_cast<int32_t>(out_.tokens.size());
  out_.tokens.push_back(out_.tokens[static_cast<size_t>(left_of(key))] + out_.tokens[static_cast<size_t>(right_of(key))]);
  out_.merges.push_back({left_of(key), right_of(key), result});
  const auto found = pairs_.find(key);
  const std::vector<uint32_t> pieces = std::move(found->second.pieces);
  pairs_.erase(found);
  risen_.clear();
  for (const uint32_t piece : pieces) replace_pair(piece, result);
  for (const uint64_t risen : risen_) {
    const auto pair = pairs_.find(risen);
    if (pair != pairs_.end()) queue_.push({pair->second.count, risen});
  }
}

TrainedBpe Trainer::run() {
  const auto wanted = static_cast<size_t>(options_.vocab_size);
  const uint64_t enough = std::max<uint64_t>(options_.min_frequency, 1);
  while (out_.tokens.size() < wanted && !queue_.empty()) {
    const Candidate top = queue_.top();
    queue_.pop();
    const auto pair = pairs_.find(top.key);
    if (pair == pairs_.end()) continue;
    if (pair->second.count != top.count) {
      queue_.push({pair->second.count, top.key});
      continue;
    }
    if (top.count < enough) break;
    merge(top.key);
    if (options_.progress && step_ % kProgressEvery == 0) options_.progress(out_.tokens.size(), wanted);
  }
  for (size_t i = 0; i < counts_.size(); ++i) out_.pieces_tokens += counts_[i] * lengths_[i];
  return std::move(out_);
}

}  // namespace

TrainedBpe train_bpe(const PieceCounts& counts, const BpeTrainerOptions& options) {
  CHECK(options.vocab_size >= kSmallestBpeVocabulary && options.vocab_size <= kLargestBpeVocabulary);
  return Trainer(counts, options).run();
}

}  // namespace sobre
