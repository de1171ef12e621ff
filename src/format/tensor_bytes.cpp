#include "format/tensor_bytes.h"

#include "base/checked.h"
#include "format/names.h"

namespace sobre {

Result<uint64_t> tensor_bytes(std::string_view name, DType type, std::span<const int64_t> shape) {
  uint64_t elements = 1;
  for (const int64_t dim : shape) {
    if (dim < 0) return fail("tensor {}: dimension {} of shape {} is negative", in_quotes(name), dim, shape_text(shape));
    const auto product = checked_mul(elements, static_cast<uint64_t>(dim));
    if (!product || *product > static_cast<uint64_t>(INT64_MAX)) {
      return fail("tensor {}: shape {} has more than 2^63 - 1 elements", in_quotes(name), shape_text(shape));
    }
    elements = *product;
  }
  const DTypeInfo& info = dtype_info(type);
  const int64_t row = shape.empty() ? 1 : shape.back();
  if (row % info.block_elements != 0) {
    return fail("tensor {}: rows of {} elements, but {} is stored in blocks of {}", in_quotes(name), row, info.name,
                info.block_elements);
  }
  const auto bytes = dtype_bytes(type, elements);
  if (!bytes)
    return fail("tensor {}: shape {} of {} has more bytes than 64 bits count", in_quotes(name), shape_text(shape), info.name);
  return *bytes;
}

std::string shape_text(std::span<const int64_t> shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) {
    if (i > 0) text += ", ";
    text += std::to_string(shape[i]);
  }
  return text + "]";
}

}  // namespace sobre
