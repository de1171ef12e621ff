// A place in a text. A plain value, shared by chat templates and tokenizers.
#pragma once

#include <cstddef>

namespace sobre {

/// A half-open range of bytes of a text.
struct TextSpan {
  size_t begin = 0, end = 0;
};

}  // namespace sobre
