#include "model/kv_cache.h"

#include "base/checked.h"

namespace sobre {

namespace {

struct HeadBytes {
  uint64_t keys, values;
};

// The layout that kernels/isa/attention.inc reads: values padded to 16 dims, keys not; q8 adds an f32 scale per position and 32
// dims.
HeadBytes head_bytes(KvType type, int head_dim) {
  const auto dim = static_cast<uint64_t>(head_dim);
  const auto padded = static_cast<uint64_t>(round_up(head_dim, 16));
  const uint64_t size = type == KvType::kF32 ? 4 : type == KvType::kF16 ? 2 : 1;
  const uint64_t scales = type == KvType::kQ8 ? static_cast<uint64_t>(div_up(head_dim, 32)) * kPagePositions * 4 : 0;
  const auto align = [](uint64_t n) { return (n + 63) / 64 * 64; };
  return {align(dim * kPagePositions * size + scales), align(padded * kPagePositions * size + scales)};
}

}  // namespace

std::string_view kv_type_name(KvType type) { return type == KvType::kF32 ? "f32" : type == KvType::kF16 ? "f16" : "q8"; }

uint64_t kv_page_bytes(const DecoderSpec& spec, KvType type) {
  uint64_t bytes = 0;
  for (const LayerSpec& layer : spec.layers) {
    const HeadBytes h = head_bytes(type, layer.head_dim);
    bytes += static_cast<uint64_t>(layer.n_kv_heads) * (h.keys + h.values);
  }
  return bytes;
}

Result<KvPool> KvPool::create(const DecoderSpec& spec, KvType type, int n_pages) {
  KvPool pool;
  pool.type_ = type;
  uint64_t offset = 0;
  for (const LayerSpec& layer : spec.layers) {
    const HeadBytes h = head_bytes(type, layer.head_dim);
    pool.layers_.push_back({offset, h.keys + h.values, h.keys});
    offset += static_cast<uint64_t>(layer.n_kv_heads) * (h.keys + h.values);
  }
  pool.page_bytes_ = offset;
  TRY(pool.data_, Buffer::create(offset * static_cast<uint64_t>(n_pages)));
  for (int i = n_pages - 1; i >= 0; --i) pool.free_.push_back(i);
  return pool;
}

int KvPool::acquire() {
  if (free_.empty()) return -1;
  const int page = free_.back();
  free_.pop_back();
  return page;
}

void KvPool::release(int page) { free_.push_back(page); }

uint8_t* KvPool::keys(int page, int layer, int kv_head) {
  const LayerLayout& l = layers_[static_cast<size_t>(layer)];
  return data_.as<uint8_t>() + static_cast<uint64_t>(page) * page_bytes_ + l.offset +
         static_cast<uint64_t>(kv_head) * l.head_bytes;
}

uint8_t* KvPool::values(int page, int layer, int kv_head) {
  return keys(page, layer, kv_head) + layers_[static_cast<size_t>(layer)].value_offset;
}

}  // namespace sobre
