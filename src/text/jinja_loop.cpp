#include "text/jinja_loop.h"

namespace sobre::jinja {

Result<bool> has_item(Loop& loop, size_t index) {
  while (loop.items->size() <= index && loop.read_more) {
    TRY(const bool more, loop.read_more());
    if (!more) loop.read_more = nullptr;
  }
  return index < loop.items->size();
}

Result<std::optional<Value>> loop_attribute(Runtime& rt, Loop& loop, std::string_view name) {
  const auto index = static_cast<int64_t>(loop.index);
  const auto integer = [](int64_t i) { return std::optional<Value>(Value::integer(i)); };
  if (name == "index") return integer(index + 1);
  if (name == "index0") return integer(index);
  if (name == "depth") return integer(loop.depth + 1);
  if (name == "depth0") return integer(loop.depth);
  if (name == "first") return std::optional<Value>(Value::boolean(index == 0));
  if (name == "previtem")
    return std::optional<Value>(index > 0 ? (*loop.items)[loop.index - 1] : rt.heap.undefined("there is no previous item"));
  if (name == "last" || name == "nextitem") {
    TRY(const bool more, has_item(loop, loop.index + 1));
    if (name == "last") return std::optional<Value>(Value::boolean(!more));
    return std::optional<Value>(more ? (*loop.items)[loop.index + 1] : rt.heap.undefined("there is no next item"));
  }
  if (name == "length" || name == "revindex" || name == "revindex0") {
    TRY([[maybe_unused]] const bool never, has_item(loop, SIZE_MAX));
    const auto size = static_cast<int64_t>(loop.items->size());
    return integer(name == "length" ? size : name == "revindex" ? size - index : size - index - 1);
  }
  return std::optional<Value>();
}

}  // namespace sobre::jinja
