// Buffer: a block of zeroed, page-aligned memory that may ask for huge pages. Move-only; owned by whoever made it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/result.h"

namespace sobre {

class Buffer {
 public:
  Buffer() = default;
  /// `bytes` zeroed bytes (taken from the system page by page, as they are touched). Error: no address space or memory.
  [[nodiscard]] static Result<Buffer> create(uint64_t bytes);
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;
  ~Buffer();

  [[nodiscard]] std::byte* data() { return data_; }
  [[nodiscard]] const std::byte* data() const { return data_; }
  [[nodiscard]] uint64_t size() const { return size_; }
  template <class T>
  [[nodiscard]] T* as() {
    return reinterpret_cast<T*>(data_);
  }
  template <class T>
  [[nodiscard]] const T* as() const {
    return reinterpret_cast<const T*>(data_);
  }

 private:
  std::byte* data_ = nullptr;
  uint64_t size_ = 0;
};

}  // namespace sobre
