// Regular expressions in the syntax of ECMA-262 with its u flag, without back-references, look-around and word boundaries,
// which are refused by name. The result is a tree; regex_dfa.h makes an automaton of it. Patterns are untrusted.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/regex_set.h"

namespace sobre {

struct RegexNode {
  enum class Kind : uint8_t { kEmpty, kSet, kConcat, kAlternate, kRepeat, kBegin, kEnd };
  Kind kind = Kind::kEmpty;
  uint32_t set = 0;                // kSet: which of the tree's sets
  std::vector<uint32_t> children;  // kConcat, kAlternate: any number; kRepeat: one
  uint32_t min = 0;                // kRepeat
  uint32_t max = 0;                // kRepeat; kNoBound: none
  static constexpr uint32_t kNoBound = UINT32_MAX;
};

struct RegexTree {
  std::vector<RegexNode> nodes;
  std::vector<CodeSet> sets;
  uint32_t root = 0;
};

/// Errors name the byte offset and what is not supported. `max_depth`: nesting of groups.
[[nodiscard]] Result<RegexTree> parse_regex(std::string_view pattern, int max_depth);

}  // namespace sobre
