// Opening: one file, or the parts of a split model as one.
#include <cstdint>
#include <iterator>
#include <utility>

#include "format/gguf.h"
#include "format/names.h"

namespace sobre {
namespace {

/// The end of the name of part `number` (counted from 1) of `count`.
std::string part_suffix(int64_t number, int64_t count) { return fmt::format("-{:05}-of-{:05}.gguf", number, count); }

std::string_view name_of(const TensorView& tensor) { return tensor.name; }

}  // namespace

Result<void> GgufFile::sort_tensors() {
  tensor_order_ = order_by_name(tensors_, name_of);
  if (const auto twice = find_repeated(tensors_, tensor_order_, name_of)) {
    return fail("the tensor name {} occurs twice", in_quotes(tensors_[*twice].name));
  }
  return {};
}

Result<GgufFile> GgufFile::open_one(const std::string& path) {
  TRY(MappedFile mapped, MappedFile::open(path));
  TRY(GgufFile file, parse(mapped.bytes(), path));
  file.files_.push_back(std::move(mapped));  // the mapping does not move with its object, so the views stay
  return file;
}

Result<void> GgufFile::add_part(const std::string& path, int64_t number, int64_t count) {
  TRY(GgufFile part, open_one(path));
  TRY(const auto part_count, part.get_int("split.count", 0, UINT16_MAX));
  TRY(const auto part_number, part.get_int("split.no", 0, UINT16_MAX));
  if (part_count != count || part_number != number - 1) {
    return fail("{}: not part {} of {}: its split.no is {} and its split.count {}, expected {} and {}", path, number, count,
                part_number ? std::to_string(*part_number) : "missing", part_count ? std::to_string(*part_count) : "missing",
                number - 1, count);
  }
  tensors_.insert(tensors_.end(), std::make_move_iterator(part.tensors_.begin()), std::make_move_iterator(part.tensors_.end()));
  files_.push_back(std::move(part.files_.front()));
  return {};
}

Result<void> GgufFile::add_parts(int64_t count) {
  const std::string suffix = part_suffix(1, count);
  TRY(const auto number, get_int("split.no", 0, UINT16_MAX));
  if (number.value_or(0) != 0) {
    return fail("{}: part {} of {} of a split model; open its first part, whose name ends in {}", name_, *number + 1, count,
                suffix);
  }
  if (!name_.ends_with(suffix)) {
    return fail("{}: the first of {} parts of a split model; its name must end in {}, for the others are found by it", name_,
                count, suffix);
  }
  const std::string prefix = name_.substr(0, name_.size() - suffix.size());
  for (int64_t i = 2; i <= count; ++i) TRY_VOID(add_part(prefix + part_suffix(i, count), i, count));
  TRY(const auto expected, get_int("split.tensors.count", 0, INT32_MAX));
  if (expected && std::cmp_not_equal(*expected, tensors_.size())) {
    return fail("{}: the {} parts hold {} tensors together, but split.tensors.count is {}", name_, count, tensors_.size(),
                *expected);
  }
  if (auto sorted = sort_tensors(); !sorted) return fail_in(name_, sorted.error());
  return {};
}

Result<GgufFile> GgufFile::open(const std::string& path) {
  TRY(GgufFile file, open_one(path));
  TRY(const auto parts, file.get_int("split.count", 0, UINT16_MAX));
  if (parts.value_or(0) > 1) TRY_VOID(file.add_parts(*parts));
  return file;
}

}  // namespace sobre
