// Charsmap: SentencePiece's precompiled normalisation, a double-array trie from byte strings to replacements. Comes from model
// files: every index is checked. Const after parsing, shared by threads.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sobre {

class Charsmap {
 public:
  /// What precompiled_charsmap holds: the size of the trie (u32), the trie (u32 units), replacements ended by NUL.
  [[nodiscard]] static Result<Charsmap> parse(std::string_view bytes);

  struct Match {
    size_t size = 0;               // bytes of the text it stands for
    std::string_view replacement;  // view into this object
  };
  /// The shortest or the longest prefix of `text` that has a replacement.
  [[nodiscard]] std::optional<Match> match(std::string_view text, bool longest) const;
  /// Bytes of the longest replacement.
  [[nodiscard]] size_t longest_replacement() const { return longest_; }

 private:
  std::vector<uint32_t> units_;
  std::string replacements_;
  size_t longest_ = 0;
};

}  // namespace sobre
