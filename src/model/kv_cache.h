// The KV cache: pages of 64 positions. A page holds, for each layer and kv head, 64 keys dim-major ([head_dim][64]: keys in
// lanes) and 64 values key-major ([64][head_dim]), in one type. Pages belong to a pool; a sequence is a list of page numbers.
// Used by one forward at a time. Cells of positions that were never written, or were given up, are never read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "base/result.h"
#include "model/spec.h"

namespace sobre {

enum class KvType : uint8_t { kF32, kF16, kQ8 };
[[nodiscard]] std::string_view kv_type_name(KvType type);

inline constexpr int kPagePositions = 64;

/// Pages that hold this many positions.
[[nodiscard]] constexpr int pages_for(int64_t positions) {
  return static_cast<int>((positions + kPagePositions - 1) / kPagePositions);
}

class KvPool {
 public:
  /// Room for n_pages pages (allocated lazily by the system: untouched pages cost nothing).
  [[nodiscard]] static Result<KvPool> create(const DecoderSpec& spec, KvType type, int n_pages);

  /// A page, or -1 when none is free.
  [[nodiscard]] int acquire();
  void release(int page);
  [[nodiscard]] int free_pages() const { return static_cast<int>(free_.size()); }
  [[nodiscard]] KvType type() const { return type_; }

  /// Keys / values of one kv head in one page. For kQ8: int8 values, followed by f32 scales per 32 dims
  /// ([ceil(head_dim/32)][64] for keys, [64][ceil(head_dim/32)] for values).
  [[nodiscard]] uint8_t* keys(int page, int layer, int kv_head);
  [[nodiscard]] uint8_t* values(int page, int layer, int kv_head);
  [[nodiscard]] uint64_t page_bytes() const { return page_bytes_; }

 private:
  struct LayerLayout {
    uint64_t offset, head_bytes, value_offset;
  };
  KvType type_ = KvType::kF16;
  uint64_t page_bytes_ = 0;
  std::vector<LayerLayout> layers_;
  Buffer data_;
  std::vector<int> free_;
};

/// Bytes of one page.
[[nodiscard]] uint64_t kv_page_bytes(const DecoderSpec& spec, KvType type);

}  // namespace sobre
