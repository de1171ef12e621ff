// The store of a machine's states: equal blobs are one, so that states compare by address.
#include <algorithm>
#include <cstring>

#include "text/grammar_machine.h"

namespace sobre {

StateStore::StateStore() : table_(256, nullptr) {}

static uint64_t hash_bytes(const void* bytes, size_t size) {
  const auto* p = static_cast<const unsigned char*>(bytes);
  uint64_t h = 0x9E3779B97F4A7C15 ^ size;
  for (; size >= 8; size -= 8, p += 8) {
    uint64_t word;
    std::memcpy(&word, p, 8);
    h = (h ^ word) * 0xFF51AFD7ED558CCD;
    h ^= h >> 32;
  }
  for (; size > 0; --size) h = (h ^ *p++) * 0x100000001B3;
  return h ^ h >> 29;
}

const Blob* StateStore::blob(const void* bytes, size_t size) {
  const uint64_t hash = hash_bytes(bytes, size);
  size_t slot = hash & (table_.size() - 1);
  for (; table_[slot] != nullptr; slot = (slot + 1) & (table_.size() - 1)) {
    const Blob* b = table_[slot];
    if (b->hash == hash && b->size == size && std::memcmp(b->data(), bytes, size) == 0) return b;
  }
  const size_t need = (sizeof(Blob) + size + 15) / 16 * 16;
  if (chunk_used_ + need > chunk_size_) {
    chunk_size_ = std::max<size_t>(need, 16 << 10);
    chunks_.push_back(std::make_unique<char[]>(chunk_size_));
    chunk_used_ = 0;
  }
  char* place = chunks_.back().get() + chunk_used_;
  chunk_used_ += need;
  used_ += need;
  auto* blob = new (place) Blob{hash, static_cast<uint32_t>(size)};
  std::memcpy(place + sizeof(Blob), bytes, size);
  table_[slot] = blob;
  if (++entries_ * 2 > table_.size()) grow();
  return blob;
}

void StateStore::grow() {
  std::vector<const Blob*> bigger(table_.size() * 2, nullptr);
  for (const Blob* b : table_) {
    if (b == nullptr) continue;
    size_t slot = b->hash & (bigger.size() - 1);
    while (bigger[slot] != nullptr) slot = (slot + 1) & (bigger.size() - 1);
    bigger[slot] = b;
  }
  table_ = std::move(bigger);
}

}  // namespace sobre
