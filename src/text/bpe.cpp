#include "text/bpe.h"

#include <algorithm>

#include "text/unicode.h"

namespace sobre {
namespace {

constexpr uint32_t kNoSymbol = ~uint32_t{0};
constexpr size_t kShort = 40;            // symbols; above this the heap is faster
constexpr size_t kMaxPiece = 1u << 30;   // bytes; longer pieces are cut, for offsets are 32 bits wide
constexpr size_t kMaxResegmented = 512;  // bytes of a token that is taken apart
constexpr std::string_view kSpaceMark = "\xE2\x96\x81";

uint64_t pair_key(int32_t left, int32_t right) {
  return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
}

/// Whether a token has U+2581 after another character.
bool has_inner_mark(std::string_view token) {
  for (size_t at = token.find(kSpaceMark); at != std::string_view::npos; at = token.find(kSpaceMark, at + kSpaceMark.size())) {
    if (at > 0 && !token.substr(0, at).ends_with(kSpaceMark)) return true;
  }
  return false;
}

}  // namespace

Bpe::Bpe(const TokenTable& table, const std::vector<uint8_t>& special, BpeOptions options)
    : table_(&table), special_(&special), options_(std::move(options)) {
  fallback_ = find_byte_tokens(table);
  for (size_t b = 0; b < single_.size(); ++b) {
    const char byte = static_cast<char>(static_cast<unsigned char>(b));
    single_[b] = find_text(std::string_view(&byte, 1));
  }
}

Result<std::unique_ptr<Bpe>> Bpe::from_merges(const TokenTable& table, const std::vector<uint8_t>& special,
                                              const std::vector<BpeMerge>& merges, BpeOptions options) {
  std::unique_ptr<Bpe> bpe(new Bpe(table, special, std::move(options)));
  bpe->pairs_.reserve(merges.size());
  for (size_t n = 0; n < merges.size(); ++n) {
    // Of a pair that is listed twice the one inserted first counts.
    const size_t i = bpe->options_.last_merge_counts ? merges.size() - 1 - n : n;
    const BpeMerge& m = merges[i];
    if (special[static_cast<size_t>(m.result)]) continue;
    if (!bpe->pairs_.insert(pair_key(m.left, m.right), {static_cast<uint32_t>(i), m.result})) {
      return fail("the vocabulary's merges collide in the index: made on purpose?");
    }
  }
  bpe->splits_words_ =
      !bpe->options_.byte_symbols && bpe->options_.continuing_prefix.empty() && bpe->options_.word_suffix.empty() &&
      !bpe->options_.whole_words && table.find(kSpaceMark) != kNoToken &&
      std::none_of(merges.begin(), merges.end(), [&](const BpeMerge& m) { return has_inner_mark(table[m.result]); });
  return bpe;
}

std::unique_ptr<Bpe> Bpe::from_ranks(const TokenTable& table, const std::vector<uint8_t>& special, std::vector<uint32_t> ranks,
                                     std::vector<uint8_t> resegment, BpeOptions options) {
  std::unique_ptr<Bpe> bpe(new Bpe(table, special, std::move(options)));
  bpe->by_rank_ = true;
  bpe->ranks_ = std::move(ranks);
  for (size_t i = 0; i < bpe->ranks_.size(); ++i) {
    if (special[i]) bpe->ranks_[i] = kNoRank;
  }
  for (int32_t& id : bpe->single_) {
    if (id != kNoToken && bpe->ranks_[static_cast<size_t>(id)] == kNoRank) id = kNoToken;
  }
  bpe->resegment_ = std::move(resegment);
  bpe->splits_words_ = !bpe->options_.byte_symbols && !bpe->options_.whole_words && table.find(kSpaceMark) != kNoToken;
  for (int32_t id = 0; bpe->splits_words_ && id < table.size(); ++id) {
    if (bpe->ranks_[static_cast<size_t>(id)] != kNoRank && has_inner_mark(table[id])) bpe->splits_words_ = false;
  }
  return bpe;
}

/// The id of a text that running text may become.
int32_t Bpe::find_text(std::string_view text) const {
  const int32_t id = table_->find(text);
  return id != kNoToken && (*special_)[static_cast<size_t>(id)] != 0 ? kNoToken : id;
}

void Bpe::encode(std::string_view piece, EncodeScratch& scratch, std::vector<int32_t>& out) const {
  for (size_t begin = 0; begin < piece.size();) {
    const size_t end = word_end(piece, begin);
    encode_word(piece.substr(begin, end - begin), scratch, out);
    begin = end;
  }
}

/// The end of the part that can be encoded on its own.
size_t Bpe::word_end(std::string_view piece, size_t begin) const {
  size_t end = piece.size();
  if (splits_words_) {
    size_t at = begin;
    while (piece.substr(at).starts_with(kSpaceMark)) at += kSpaceMark.size();
    end = std::min(piece.find(kSpaceMark, at), piece.size());
  }
  if (end - begin <= kMaxPiece) return end;
  end = begin + kMaxPiece;
  while (!options_.byte_symbols && (static_cast<unsigned char>(piece[end]) & 0xC0) == 0x80) --end;
  return end;
}

void Bpe::encode_word(std::string_view word, EncodeScratch& scratch, std::vector<int32_t>& out) const {
  if (options_.whole_words) {
    const int32_t id = find_text(word);
    if (id != kNoToken) return out.push_back(id);
  }
  auto& symbols = scratch.symbols;
  symbols.clear();
  if (options_.byte_symbols) {
    start_bytes(word, symbols);
  } else {
    start_chars(word, scratch);
  }
  if (symbols.empty()) return;
  if (symbols.size() <= kShort) {
    merge_short(word, symbols, 1);
    bool after_unk = false;
    for (const Symbol& s : symbols) emit(word, s, out, after_unk);
    return;
  }
  merge_long(word, scratch);
  bool after_unk = false;
  for (uint32_t i = 0; i != kNoSymbol; i = symbols[i].next) emit(word, symbols[i], out, after_unk);
}

void Bpe::start_bytes(std::string_view word, std::vector<Symbol>& symbols) const {
  bool after_unknown = false;
  for (uint32_t i = 0; i < word.size(); ++i) {
    int32_t id = single_[static_cast<unsigned char>(word[i])];
    const bool unknown = id == kNoToken && !by_rank_;
    if (unknown) id = options_.unk;
    if (unknown && after_unknown && options_.fuse_unk) continue;
    after_unknown = unknown;
    if (id != kNoToken || by_rank_) symbols.push_back({id, i, i + 1, 0, 0, kNoRank, kNoToken});
  }
}

/// The id of one character of a word, with the prefix or suffix that its place asks for.
int32_t Bpe::find_char(std::string_view word, size_t begin, size_t end, std::string& buffer) const {
  const bool prefixed = begin > 0 && !options_.continuing_prefix.empty();
  const bool suffixed = end == word.size() && !options_.word_suffix.empty();
  if (!prefixed && !suffixed) {
    if (end - begin == 1) return single_[static_cast<unsigned char>(word[begin])];
    const int32_t id = find_text(word.substr(begin, end - begin));
    return id != kNoToken && by_rank_ && ranks_[static_cast<size_t>(id)] == kNoRank ? kNoToken : id;
  }
  buffer.clear();
  if (prefixed) buffer.append(options_.continuing_prefix);
  buffer.append(word.substr(begin, end - begin));
  if (suffixed) buffer.append(options_.word_suffix);
  return find_text(buffer);
}

/// The characters of a word as symbols. With merge lists unknown ones become bytes or unk here and take part in merges (their
/// begin and end merely count); with ranks a symbol is its text, and what stays unknown is settled in emit().
void Bpe::start_chars(std::string_view word, EncodeScratch& scratch) const {
  auto& symbols = scratch.symbols;
  const auto put = [&symbols, this](int32_t id, size_t begin, size_t end) {
    if (!by_rank_) end = (begin = symbols.size()) + 1;
    symbols.push_back({id, static_cast<uint32_t>(begin), static_cast<uint32_t>(end), 0, 0, kNoRank, kNoToken});
  };
  bool unk_open = false;  // an unk that further unknown characters may join, not yet written
  const auto close_unk = [&] {
    if (unk_open) put(options_.unk, 0, 0);
    unk_open = false;
  };
  for (size_t begin = 0, end = 0; begin < word.size(); begin = end) {
    end = begin + utf8_size(word[begin]);
    const int32_t id = find_char(word, begin, end, scratch.text);
    if (by_rank_ || id != kNoToken) {
      close_unk();
      put(id, begin, end);
      continue;
    }
    // With the prefix or suffix that find_char() looked for.
    const bool affixed =
        (begin > 0 && !options_.continuing_prefix.empty()) || (end == word.size() && !options_.word_suffix.empty());
    const std::string_view bytes = affixed ? std::string_view(scratch.text) : word.substr(begin, end - begin);
    const auto byte_id = [this](char c) { return fallback_[static_cast<unsigned char>(c)]; };
    if (options_.byte_fallback && std::all_of(bytes.begin(), bytes.end(), [&](char c) { return byte_id(c) != kNoToken; })) {
      for (const char c : bytes) put(byte_id(c), 0, 0);
      continue;
    }
    if (options_.unk == kNoToken) continue;
    if (!options_.fuse_unk) close_unk();
    unk_open = true;
  }
  close_unk();
}

Bpe::Merge Bpe::find_merge(std::string_view word, const Symbol& left, const Symbol& right) const {
  if (by_rank_) {
    if (right.end - left.begin > table_->longest()) return {};
    const int32_t id = table_->find(word.substr(left.begin, right.end - left.begin));
    return id == kNoToken ? Merge{} : Merge{ranks_[static_cast<size_t>(id)], id};
  }
  const Merge* found = pairs_.find(pair_key(left.id, right.id));
  return found == nullptr ? Merge{} : *found;
}

/// Notes with the symbol at index `left` how it would merge with the one after it.
void Bpe::rank_pair(std::string_view word, std::vector<Symbol>& symbols, size_t left) const {
  const Merge merge = left + 1 < symbols.size() ? find_merge(word, symbols[left], symbols[left + 1]) : Merge{};
  symbols[left].rank = merge.rank;
  symbols[left].merged = merge.result;
}

/// Merges until nothing is left to merge, or `stop` symbols are left. Quadratic: for short pieces.
void Bpe::merge_short(std::string_view word, std::vector<Symbol>& symbols, size_t stop) const {
  for (size_t i = 0; i < symbols.size(); ++i) rank_pair(word, symbols, i);
  while (symbols.size() > stop) {
    size_t best = 0;
    for (size_t i = 1; i < symbols.size(); ++i) {
      if (symbols[i].rank < symbols[best].rank) best = i;
    }
    if (symbols[best].rank == kNoRank) return;
    symbols[best].id = symbols[best].merged;
    symbols[best].end = symbols[best + 1].end;
    symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(best) + 1);
    rank_pair(word, symbols, best);
    if (best > 0) rank_pair(word, symbols, best - 1);
  }
}

void Bpe::merge_long(std::string_view word, EncodeScratch& scratch) const {
  auto& symbols = scratch.symbols;
  auto& heap = scratch.heap;
  const auto later = [](const EncodeScratch::Candidate& a, const EncodeScratch::Candidate& b) { return a.order > b.order; };
  const auto candidate = [&](uint32_t left, uint32_t right, bool push) {
    const Merge merge = find_merge(word, symbols[left], symbols[right]);
    if (merge.rank == kNoRank) return;
    heap.push_back({static_cast<uint64_t>(merge.rank) << 32 | left, symbols[right].end, merge.result});
    if (push) std::push_heap(heap.begin(), heap.end(), later);
  };
  heap.clear();
  const auto n = static_cast<uint32_t>(symbols.size());
  for (uint32_t i = 0; i < n; ++i) {
    symbols[i].previous = i == 0 ? kNoSymbol : i - 1;
    symbols[i].next = i + 1 == n ? kNoSymbol : i + 1;
    if (i + 1 < n) candidate(i, i + 1, false);
  }
  std::make_heap(heap.begin(), heap.end(), later);
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), later);
    const EncodeScratch::Candidate top = heap.back();
    heap.pop_back();
    const auto left = static_cast<uint32_t>(top.order);
    const uint32_t right = symbols[left].next;
    // Symbols only grow, so the same start and end mean the same pair; an absorbed symbol has lost its neighbours.
    if (right == kNoSymbol || symbols[left].begin == symbols[left].end || symbols[right].end != top.end) continue;
    symbols[left].id = top.merged;
    symbols[left].end = symbols[right].end;
    symbols[left].next = symbols[right].next;
    if (symbols[left].next != kNoSymbol) symbols[symbols[left].next].previous = left;
    symbols[right].end = symbols[right].begin;
    symbols[right].next = kNoSymbol;
    if (symbols[left].next != kNoSymbol) candidate(left, symbols[left].next, true);
    if (symbols[left].previous != kNoSymbol) candidate(symbols[left].previous, left, true);
  }
}

void Bpe::emit(std::string_view word, const Symbol& symbol, std::vector<int32_t>& out, bool& after_unk) const {
  if (symbol.id != kNoToken) {
    if (!resegment_.empty() && resegment_[static_cast<size_t>(symbol.id)]) return emit_parts(word, symbol, out, after_unk);
    after_unk = false;
    return out.push_back(symbol.id);
  }
  const std::string_view bytes = word.substr(symbol.begin, symbol.end - symbol.begin);
  const auto byte_id = [this](char c) { return fallback_[static_cast<unsigned char>(c)]; };
  if (options_.byte_fallback && std::all_of(bytes.begin(), bytes.end(), [&](char c) { return byte_id(c) != kNoToken; })) {
    after_unk = false;
    for (const char c : bytes) out.push_back(byte_id(c));
  } else if (options_.unk != kNoToken) {
    if (!after_unk || !options_.fuse_unk) out.push_back(options_.unk);
    after_unk = true;
  }
}

/// Takes a token that must not stay apart again, into the two parts that were merged last, and these likewise. A part of a
/// text merges by itself as it did within the text, so merging it once more up to two symbols finds them.
void Bpe::emit_parts(std::string_view word, Symbol symbol, std::vector<int32_t>& out, bool& after_unk) const {
  std::vector<Symbol> stack{symbol}, parts;
  std::string buffer;
  while (!stack.empty()) {
    const Symbol part = stack.back();
    stack.pop_back();
    parts.clear();
    const bool apart =
        part.id != kNoToken && resegment_[static_cast<size_t>(part.id)] && part.end - part.begin <= kMaxResegmented;
    for (uint32_t begin = part.begin, end = begin; apart && begin < part.end; begin = end) {
      end = begin + utf8_size(word[begin]);
      parts.push_back({find_char(word, begin, end, buffer), begin, end, 0, 0, kNoRank, kNoToken});
    }
    if (parts.size() >= 2) {
      merge_short(word, parts, 2);
      stack.insert(stack.end(), parts.rbegin(), parts.rend());
    } else if (apart) {  // an unused character is as good as unknown
      emit(word, {kNoToken, part.begin, part.end, 0, 0, kNoRank, kNoToken}, out, after_unk);
    } else if (part.id != kNoToken) {
      after_unk = false;
      out.push_back(part.id);
    } else {
      emit(word, part, out, after_unk);
    }
  }
}

}  // namespace sobre
