#include "text/charsmap.h"

#include <algorithm>
#include <cstring>

#include "text/trie.h"

namespace sobre {
namespace {

// A unit of the double array (darts-clone): bit 8: a value follows; bits 0-7 and 31: the label; the rest: the offset of the
// children, in units of 256 where bit 9 is set.
bool has_leaf(uint32_t unit) { return (unit >> 8 & 1) != 0; }
uint32_t label(uint32_t unit) { return unit & (1u << 31 | 0xFF); }
uint32_t offset(uint32_t unit) { return (unit >> 10) << ((unit & 1u << 9) >> 6); }
uint32_t value(uint32_t unit) { return unit & ~(1u << 31); }

constexpr size_t kMaxReplacement = 256;  // bytes; the longest known one has 33

}  // namespace

Result<Charsmap> Charsmap::parse(std::string_view bytes) {
  uint32_t size = 0;
  if (bytes.size() < sizeof size) return fail("precompiled_charsmap: {} bytes, too short for its header", bytes.size());
  std::memcpy(&size, bytes.data(), sizeof size);
  bytes.remove_prefix(sizeof size);
  if (size == 0 || size % 4 != 0 || size > bytes.size()) {
    return fail("precompiled_charsmap: a trie of {} bytes in {} bytes", size, bytes.size());
  }
  Charsmap map;
  map.units_.resize(size / 4);
  std::memcpy(map.units_.data(), bytes.data(), size);
  map.replacements_.assign(bytes.substr(size));
  map.replacements_.push_back('\0');  // so that every replacement ends
  for (size_t begin = 0; begin < map.replacements_.size();) {
    const size_t end = map.replacements_.find('\0', begin);
    map.longest_ = std::max(map.longest_, end - begin);
    begin = end + 1;
  }
  if (map.longest_ > kMaxReplacement) {
    return fail("precompiled_charsmap: a replacement of {} bytes; at most {} are supported", map.longest_, kMaxReplacement);
  }
  return map;
}

std::optional<Charsmap::Match> Charsmap::match(std::string_view text, bool longest) const {
  std::optional<Match> found;
  size_t node = offset(units_[0]);
  // A damaged map may lead in a circle: no key is as long as that.
  const size_t longest_key = std::min(text.size(), Trie::kMaxLength);
  for (size_t i = 0; i < longest_key; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    node ^= byte;
    if (node >= units_.size() || label(units_[node]) != byte) break;
    const uint32_t unit = units_[node];
    node ^= offset(unit);
    if (!has_leaf(unit)) continue;
    if (node >= units_.size() || value(units_[node]) >= replacements_.size()) break;
    found = Match{i + 1, std::string_view(replacements_.c_str() + value(units_[node]))};
    if (!longest) break;
  }
  return found;
}

}  // namespace sobre
