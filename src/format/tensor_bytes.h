// The checked size of a tensor, for the readers and writers of this layer and whoever lays out tensors for them.
// Pure functions, any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "tensor/dtype.h"

namespace sobre {

/// Bytes of a tensor; shape outermost first, empty for a single element. Errors (naming the tensor): a negative dimension, a
/// product beyond int64, rows that are no multiple of the type's block.
[[nodiscard]] Result<uint64_t> tensor_bytes(std::string_view name, DType type, std::span<const int64_t> shape);

/// "[3, 4]", for messages.
[[nodiscard]] std::string shape_text(std::span<const int64_t> shape);

}  // namespace sobre
