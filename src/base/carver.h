// Carver: hands out the parts of one block of memory, so that what lays a work space out also says how large it is.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sobre {

/// Parts of a zeroed buffer, each on cache lines of its own; with a null base it gives null pointers and only counts.
class Carver {
 public:
  explicit Carver(std::byte* base) : base_(base) {}
  template <class T>
  T* take(int64_t n) {
    std::byte* p = base_ == nullptr ? nullptr : base_ + used_;
    used_ += (static_cast<uint64_t>(n) * sizeof(T) + 127) / 128 * 128;
    return reinterpret_cast<T*>(p);
  }
  [[nodiscard]] uint64_t used() const { return used_; }  // bytes so far

 private:
  std::byte* base_;
  uint64_t used_ = 0;
};

}  // namespace sobre
