#include "text/constraint_tree.h"

#include <algorithm>

#include "text/unicode.h"

namespace sobre {

static constexpr size_t kMaxTokenBytes = 1024;  // longer ones are never offered

TokenTree::TokenTree(std::vector<std::pair<std::string_view, int32_t>> tokens) {
  std::sort(tokens.begin(), tokens.end());
  std::vector<uint32_t> open;  // nodes on the way to the last token
  std::string_view last;
  for (const auto& [bytes, id] : tokens) {
    if (bytes.empty()) {
      root_tokens_.push_back(id);
      continue;
    }
    size_t common = 0;
    while (common < last.size() && common < bytes.size() && last[common] == bytes[common]) ++common;
    while (open.size() > common) {
      nodes_[open.back()].end = static_cast<uint32_t>(nodes_.size());
      open.pop_back();
    }
    for (size_t i = common; i < bytes.size(); ++i) {
      open.push_back(static_cast<uint32_t>(nodes_.size()));
      nodes_.push_back(
          {0, static_cast<uint32_t>(tokens_.size()), 0, static_cast<uint16_t>(i + 1), static_cast<uint8_t>(bytes[i])});
    }
    ++nodes_[open.back()].own_tokens;
    tokens_.push_back(id);
    depth_ = std::max(depth_, static_cast<uint16_t>(bytes.size()));
    last = bytes;
  }
  for (const uint32_t node : open) nodes_[node].end = static_cast<uint32_t>(nodes_.size());
}

int32_t TokenTree::longest(std::string_view text, size_t& size) const {
  int32_t best = -1;
  uint32_t at = 0, end = static_cast<uint32_t>(nodes_.size());
  for (size_t i = 0; i < text.size() && at < end; ++i) {
    while (at < end && nodes_[at].byte != static_cast<uint8_t>(text[i])) at = nodes_[at].end;
    if (at >= end) break;
    if (nodes_[at].own_tokens > 0) best = tokens_[nodes_[at].first_token], size = i + 1;
    end = nodes_[at].end;
    ++at;
  }
  return best;
}

bool TokenIndex::Impl::is_stop(int32_t id) const { return std::find(stops.begin(), stops.end(), id) != stops.end(); }

namespace {

struct FreeState {
  Encoding enc;
  uint32_t count = 0;
};

}  // namespace

std::shared_ptr<const StringMask> TokenIndex::Impl::free_string(const Encoding& enc, uint32_t min, uint32_t max) const {
  constexpr size_t kMaxEntries = 1024;
  const std::string key =
      fmt::format("{},{},{},{},{},{},{}", static_cast<int>(enc.kind), enc.left, enc.size, enc.high, enc.partial, min, max);
  {
    const std::lock_guard lock(mutex);
    const auto found = free_strings.find(key);
    if (found != free_strings.end()) return found->second;
  }
  const auto step = [min, max](FreeState& s, uint8_t byte) {
    if (s.enc.between() && byte == '"') return s.count >= min ? StringStep::kClosed : StringStep::kDead;
    if (s.count >= max) return StringStep::kDead;
    char32_t code = 0;
    const EncodingStep result = read_code(s.enc, byte, true, code);
    if (result == EncodingStep::kFail) return StringStep::kDead;
    if (result == EncodingStep::kCode) ++s.count;
    return StringStep::kStay;
  };
  auto mask = make_string_mask(*this, FreeState{enc, 0}, step);
  const std::lock_guard lock(mutex);
  if (free_strings.size() >= kMaxEntries) free_strings.clear();
  return free_strings.try_emplace(key, std::move(mask)).first->second;
}

std::shared_ptr<const TokenIndex> TokenIndex::build(const Tokenizer& tokenizer, std::span<const int32_t> stop_ids,
                                                    int32_t vocab_size) {
  auto impl = std::make_unique<Impl>();
  impl->tokenizer = &tokenizer;
  impl->vocab_size = std::max(vocab_size, 0);
  for (const int32_t id : stop_ids) {
    if (id >= 0 && id < vocab_size && !impl->is_stop(id)) impl->stops.push_back(id);
  }
  std::vector<std::pair<std::string_view, int32_t>> tokens;
  for (int32_t id = 0; id < std::min(vocab_size, tokenizer.vocab_size()); ++id) {
    if (tokenizer.is_special(id) || impl->is_stop(id)) continue;
    const std::string_view bytes = tokenizer.token_bytes(id);
    if (bytes.empty() || bytes.size() > kMaxTokenBytes) continue;
    tokens.emplace_back(bytes, id);
    const auto codes = std::count_if(bytes.begin(), bytes.end(), [](char c) { return (c & 0xC0) != 0x80; });
    impl->max_codes = std::max(impl->max_codes, static_cast<uint32_t>(codes));
    // A quote that closes a name, two of a value at least or a value without, and two of another name.
    impl->two_names |= std::count(bytes.begin(), bytes.end(), '"') >= 3 && bytes.find(',') != std::string_view::npos;
  }
  impl->tree = TokenTree(std::move(tokens));
  return std::shared_ptr<const TokenIndex>(new TokenIndex(std::move(impl)));
}

TokenIndex::TokenIndex(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
TokenIndex::~TokenIndex() = default;
int32_t TokenIndex::vocab_size() const { return impl_->vocab_size; }

/// The tokenizer's ids of `anchor` + `bytes` from where the anchor's own bytes end, if they spell `bytes`.
static bool encode_after(const TokenIndex::Impl& index, std::string_view anchor, std::string_view bytes,
                         std::vector<int32_t>& ids) {
  const std::string text = std::string(anchor) + std::string(bytes);
  const std::vector<int32_t> all = index.tokenizer->encode(text, {.add_special = false, .parse_special = false});
  std::string before;
  size_t from = 0;
  while (!anchor.empty() && from < all.size() && !before.ends_with(anchor)) before += index.bytes_of(all[from++]);
  if (!anchor.empty() && (!before.ends_with(anchor) || before.size() > anchor.size() + 1)) return false;
  std::string written;
  for (size_t i = from; i < all.size(); ++i) {
    if (all[i] >= index.vocab_size || index.tokenizer->is_special(all[i]) || index.is_stop(all[i])) return false;
    written += index.bytes_of(all[i]);
  }
  if (written != bytes) return false;
  ids.assign(all.begin() + static_cast<std::ptrdiff_t>(from), all.end());
  return true;
}

std::vector<int32_t> tokens_of_bytes(const TokenIndex::Impl& index, std::string_view bytes) {
  std::vector<int32_t> ids;
  if (bytes.empty()) return ids;
  for (const std::string_view anchor : {"", "\n", "."}) {
    if (encode_after(index, anchor, bytes, ids)) return ids;
  }
  ids.clear();
  for (size_t pos = 0; pos < bytes.size();) {
    size_t size = 0;
    const int32_t id = index.tree.longest(bytes.substr(pos), size);
    if (id < 0) break;
    ids.push_back(id);
    pos += size;
  }
  return ids;
}

}  // namespace sobre
