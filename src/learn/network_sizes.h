// Sizes of the blocks in which a Network works. Private to learn/.
#pragma once

#include <cstdint>

namespace sobre {

inline constexpr int64_t kQueryBlock = 64;  // queries whose scores are held at once
inline constexpr int64_t kHeadRows = 256;   // positions whose logits are held at once

}  // namespace sobre
