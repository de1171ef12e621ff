#include "text/added_tokens.h"

#include <algorithm>

#include "text/unicode.h"

namespace sobre {
namespace {

constexpr uint32_t kNone = ~uint32_t{0};
constexpr uint32_t kRoot = 0;

uint64_t edge_key(uint32_t state, uint8_t byte) { return static_cast<uint64_t>(state) << 8 | byte; }

bool is_word_at(std::string_view text, size_t pos) {
  uint32_t size = 0;
  return (char_classes(decode_valid_utf8(text.data() + pos, size)) & kClassWord) != 0;
}

bool stands_alone(std::string_view text, size_t begin, size_t end) {
  if (begin > 0 && is_word_at(text, previous_utf8(text, begin))) return false;
  return end == text.size() || !is_word_at(text, end);
}

bool is_space_at(std::string_view text, size_t pos, uint32_t& size) {
  return (char_classes(decode_valid_utf8(text.data() + pos, size)) & kClassSpace) != 0;
}

size_t skip_space_left(std::string_view text, size_t from, size_t lowest) {
  uint32_t size = 0;
  while (from > lowest) {
    const size_t before = previous_utf8(text, from);
    if (before < lowest || !is_space_at(text, before, size)) break;
    from = before;
  }
  return from;
}

size_t skip_space_right(std::string_view text, size_t from) {
  uint32_t size = 0;
  while (from < text.size() && is_space_at(text, from, size)) from += size;
  return from;
}

}  // namespace

Result<AddedTokens> AddedTokens::build(std::vector<AddedToken> tokens) {
  AddedTokens added;
  // A content that is not UTF-8 cannot occur in a repaired text, but could match within one of its characters.
  std::erase_if(tokens, [](const AddedToken& t) { return t.content.empty() || !is_valid_utf8(t.content); });
  size_t total = 0;
  for (const AddedToken& t : tokens) {
    if (t.content.size() > kMaxContent) {
      return fail("added token {}: {} bytes long; at most {} are supported", t.id, t.content.size(), kMaxContent);
    }
    total += t.content.size();
    added.has_special_ = added.has_special_ || t.special;
  }
  if (total > kMaxTotal) return fail("added tokens of {} bytes altogether; at most {} are supported", total, kMaxTotal);
  added.tokens_ = std::move(tokens);
  added.root_.fill(kRoot);
  added.edges_.reserve(total);
  added.fail_.push_back(kRoot);
  added.longest_.push_back(kNone);
  std::vector<uint8_t> label{0};  // by state: the byte that leads to it
  std::vector<uint32_t> parent{kRoot}, depth{0};
  for (uint32_t index = 0; index < added.tokens_.size(); ++index) {
    uint32_t state = kRoot;
    const std::string& content = added.tokens_[index].content;
    for (auto c = content.rbegin(); c != content.rend(); ++c) {
      const auto byte = static_cast<uint8_t>(*c);
      const uint64_t key = edge_key(state, byte);
      if (const uint32_t* next = added.edges_.find(key); next != nullptr) {
        state = *next;
        continue;
      }
      const auto created = static_cast<uint32_t>(added.fail_.size());
      if (!added.edges_.insert(key, created)) return fail("the added tokens collide in their index: made on purpose?");
      if (state == kRoot) added.root_[byte] = created;
      added.fail_.push_back(kRoot);
      added.longest_.push_back(kNone);
      label.push_back(byte);
      parent.push_back(state);
      depth.push_back(depth[state] + 1);
      state = created;
    }
    if (state != kRoot && added.longest_[state] == kNone) added.longest_[state] = index;
  }
  // Failure links, shallow states first.
  std::vector<uint32_t> order(added.fail_.size());
  for (uint32_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return depth[a] < depth[b]; });
  for (const uint32_t state : order) {
    if (depth[state] > 1) added.fail_[state] = added.step(added.fail_[parent[state]], label[state]);
    if (added.longest_[state] == kNone) added.longest_[state] = added.longest_[added.fail_[state]];
  }
  return added;
}

uint32_t AddedTokens::step(uint32_t state, uint8_t byte) const {
  while (state != kRoot) {
    if (const uint32_t* next = edges_.find(edge_key(state, byte)); next != nullptr) return *next;
    state = fail_[state];
  }
  return root_[byte];
}

void AddedTokens::find_longest(std::string_view text, std::span<const TextSpan> plain, std::vector<Hit>& hits) const {
  uint32_t state = kRoot;
  size_t wall = text.size();  // where the next plain stretch begins
  for (size_t i = text.size(); i-- > 0;) {
    state = step(state, static_cast<uint8_t>(text[i]));
    while (!plain.empty() && plain.back().begin > i) {
      wall = plain.back().begin;
      plain = plain.first(plain.size() - 1);
    }
    const bool is_plain = !plain.empty() && i < plain.back().end;
    uint32_t token = longest_[state];
    // A special token that would run into a plain stretch gives way to a shorter one that does not.
    for (uint32_t at = state; !is_plain && token != kNone && tokens_[token].special;) {
      if (tokens_[token].content.size() <= wall - i) break;
      const uint32_t refused = token;
      while (at != kRoot && longest_[at] == refused) at = fail_[at];
      token = longest_[at];
    }
    if (token != kNone) hits.push_back({i, token});
  }
}

void AddedTokens::split(std::string_view text, bool special, std::vector<Segment>& out) const { split(text, special, {}, out); }

void AddedTokens::split(std::string_view text, std::span<const TextSpan> plain, std::vector<Segment>& out) const {
  split(text, true, plain, out);
}

void AddedTokens::split(std::string_view text, bool special, std::span<const TextSpan> plain, std::vector<Segment>& out) const {
  if (text.empty()) return;
  std::vector<Hit> hits;
  if (!empty()) find_longest(text, plain, hits);
  size_t written = 0, searched = 0, space_end = 0;  // space_end: end of the last white space taken on the right
  for (auto hit = hits.rbegin(); hit != hits.rend(); ++hit) {
    if (hit->begin < searched) continue;
    const AddedToken& token = tokens_[hit->token];
    size_t begin = hit->begin, end = begin + token.content.size();
    searched = end;
    while (!plain.empty() && plain.front().end <= begin) plain = plain.subspan(1);
    if (token.special && !plain.empty() && plain.front().begin <= begin) {
      searched = std::min(end, plain.front().end);
      continue;
    }
    if (token.special && !special) continue;
    if (token.single_word && !stands_alone(text, begin, end)) continue;
    if (token.strip_left) begin = written > begin ? written : skip_space_left(text, begin, written);
    if (token.strip_right) end = space_end = skip_space_right(text, std::max(end, std::min(space_end, text.size())));
    if (begin >= end) continue;  // white space that another token has taken
    if (written < begin) out.push_back({{written, begin}, kNoToken});
    out.push_back({{begin, end}, token.id});
    written = end;
  }
  if (written < text.size()) out.push_back({{written, text.size()}, kNoToken});
}

}  // namespace sobre
