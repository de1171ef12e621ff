// Helpers for reading and writing the fields of GGML blocks, and the tables some of them index. Used by explode.cpp and the
// quantisers of this layer only. Little-endian byte by byte: blocks lie at any address. Pure functions, any thread.
#pragma once

#include <cstdint>

#include "tensor/dtype.h"

namespace sobre::block_bytes {

/// The most 32-element parts a block of any type has.
inline constexpr int kMaxParts = 8;
/// Elements of a super-block (the K types, IQ4_XS, TQ1_0, TQ2_0).
inline constexpr int kSuperBlock = 256;

/// The 16 values that a nibble of IQ4_NL and IQ4_XS stands for.
inline constexpr int8_t kIq4Values[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
/// The 16 values of an E2M1 nibble (MXFP4), doubled to be integers.
inline constexpr int8_t kE2m1Doubled[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

inline uint32_t load_u16(const uint8_t* b) { return static_cast<uint32_t>(b[0]) | (static_cast<uint32_t>(b[1]) << 8); }
inline uint32_t load_u32(const uint8_t* b) { return load_u16(b) | (load_u16(b + 2) << 16); }
inline float load_f16(const uint8_t* b) { return f16_to_f32(static_cast<uint16_t>(load_u16(b))); }

inline void store_u16(uint8_t* b, uint32_t v) {
  b[0] = static_cast<uint8_t>(v);
  b[1] = static_cast<uint8_t>(v >> 8);
}
inline void store_u32(uint8_t* b, uint32_t v) {
  store_u16(b, v);
  store_u16(b + 2, v >> 16);
}

}  // namespace sobre::block_bytes
