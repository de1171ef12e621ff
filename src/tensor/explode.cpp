#include <array>
#include <bit>

#include "tensor/block_bytes.h"
#include "tensor/dtype.h"

namespace sobre {
namespace {

using namespace block_bytes;

void set_scales(Block32& o, float d, int scale0, int scale1, float m0 = 0.0f, float m1 = 0.0f) {
  o.d = d;
  o.sub_scale[0] = static_cast<int8_t>(scale0);
  o.sub_scale[1] = static_cast<int8_t>(scale1);
  o.m[0] = m0;
  o.m[1] = m1;
}

// 16 bytes hold 32 nibbles: elements 0..15 in the low halves, 16..31 in the high ones.
void nibbles(const uint8_t* qs, int offset, int8_t* q) {
  for (int i = 0; i < 16; ++i) {
    q[i] = static_cast<int8_t>((qs[i] & 15) + offset);
    q[i + 16] = static_cast<int8_t>((qs[i] >> 4) + offset);
  }
}

void nibbles_through_table(const uint8_t* qs, const int8_t* table, int8_t* q) {
  for (int i = 0; i < 16; ++i) {
    q[i] = table[qs[i] & 15];
    q[i + 16] = table[qs[i] >> 4];
  }
}

// Adds bit i of qh, as 16, to element i.
void add_fifth_bit(uint32_t qh, int8_t* q) {
  for (int i = 0; i < 32; ++i) q[i] = static_cast<int8_t>(q[i] + static_cast<int>(((qh >> i) & 1u) << 4));
}

// The two-bit planes of Q2_K, Q3_K and TQ2_0: 32 bytes hold four parts of 32 elements, part p in bits 2p and 2p+1.
void two_bits(const uint8_t* qs, int part, int offset, int8_t* q) {
  const uint8_t* plane = qs + 32 * (part / 4);
  const int shift = 2 * (part % 4);
  for (int i = 0; i < 32; ++i) q[i] = static_cast<int8_t>(((plane[i] >> shift) & 3) + offset);
}

// Q4_K and Q5_K: 32 bytes hold two parts, the even one in the low halves.
void nibble_plane(const uint8_t* qs, int part, int8_t* q) {
  const uint8_t* plane = qs + 32 * (part / 2);
  const int shift = 4 * (part % 2);
  for (int i = 0; i < 32; ++i) q[i] = static_cast<int8_t>((plane[i] >> shift) & 15);
}

void explode_q4_0(const uint8_t* b, Block32* o) {
  set_scales(*o, load_f16(b), 1, 1);
  nibbles(b + 2, -8, o->q);
}

void explode_q4_1(const uint8_t* b, Block32* o) {
  const float m = load_f16(b + 2);
  set_scales(*o, load_f16(b), 1, 1, m, m);
  nibbles(b + 4, 0, o->q);
}

void explode_q5_0(const uint8_t* b, Block32* o) {
  set_scales(*o, load_f16(b), 1, 1);
  nibbles(b + 6, -16, o->q);
  add_fifth_bit(load_u32(b + 2), o->q);
}

void explode_q5_1(const uint8_t* b, Block32* o) {
  const float m = load_f16(b + 2);
  set_scales(*o, load_f16(b), 1, 1, m, m);
  nibbles(b + 8, 0, o->q);
  add_fifth_bit(load_u32(b + 4), o->q);
}

void explode_q8_0(const uint8_t* b, Block32* o) {
  set_scales(*o, load_f16(b), 1, 1);
  for (int i = 0; i < 32; ++i) o->q[i] = static_cast<int8_t>(b[2 + i]);
}

void explode_q2_k(const uint8_t* b, Block32* o) {
  const float d = load_f16(b + 80);
  const float dmin = load_f16(b + 82);
  for (int p = 0; p < 8; ++p) {
    const int s0 = b[2 * p];
    const int s1 = b[2 * p + 1];
    // f16 times a small integer is exact in f32, here and below.
    set_scales(o[p], d, s0 & 15, s1 & 15, -(dmin * static_cast<float>(s0 >> 4)), -(dmin * static_cast<float>(s1 >> 4)));
    two_bits(b + 16, p, 0, o[p].q);
  }
}

// Sub-scale j of Q3_K: four low bits in the first 8 bytes, two high bits in the last 4; biased by 32.
int q3_k_scale(const uint8_t* s, int j) {
  const int low = j < 8 ? s[j] & 15 : s[j - 8] >> 4;
  const int high = (s[8 + j % 4] >> (2 * (j / 4))) & 3;
  return (low | (high << 4)) - 32;
}

void explode_q3_k(const uint8_t* b, Block32* o) {
  const float d = load_f16(b + 108);
  for (int p = 0; p < 8; ++p) {
    set_scales(o[p], d, q3_k_scale(b + 96, 2 * p), q3_k_scale(b + 96, 2 * p + 1));
    two_bits(b + 32, p, -4, o[p].q);
    for (int i = 0; i < 32; ++i) o[p].q[i] = static_cast<int8_t>(o[p].q[i] + 4 * ((b[i] >> p) & 1));
  }
}

// Q4_K and Q5_K: scale and minimum of part j, six bits each, packed into 12 bytes.
struct SixBitPair {
  int scale, minimum;
};
SixBitPair q4_k_scale(const uint8_t* s, int j) {
  if (j < 4) return {s[j] & 63, s[j + 4] & 63};
  return {(s[j + 4] & 15) | ((s[j - 4] >> 6) << 4), (s[j + 4] >> 4) | ((s[j] >> 6) << 4)};
}

void explode_q4_k(const uint8_t* b, Block32* o) {
  const float d = load_f16(b);
  const float dmin = load_f16(b + 2);
  for (int p = 0; p < 8; ++p) {
    const SixBitPair s = q4_k_scale(b + 4, p);
    const float m = -(dmin * static_cast<float>(s.minimum));
    set_scales(o[p], d, s.scale, s.scale, m, m);
    nibble_plane(b + 16, p, o[p].q);
  }
}

void explode_q5_k(const uint8_t* b, Block32* o) {
  const float d = load_f16(b);
  const float dmin = load_f16(b + 2);
  for (int p = 0; p < 8; ++p) {
    const SixBitPair s = q4_k_scale(b + 4, p);
    const float m = -(dmin * static_cast<float>(s.minimum));
    set_scales(o[p], d, s.scale, s.scale, m, m);
    nibble_plane(b + 48, p, o[p].q);
    for (int i = 0; i < 32; ++i) o[p].q[i] = static_cast<int8_t>(o[p].q[i] + 16 * ((b[16 + i] >> p) & 1));
  }
}

void explode_q6_k(const uint8_t* b, Block32* o) {
  const float d = load_f16(b + 208);
  for (int p = 0; p < 8; ++p) {
    set_scales(o[p], d, static_cast<int8_t>(b[192 + 2 * p]), static_cast<int8_t>(b[193 + 2 * p]));
    // Each half of the block: 64 bytes of low nibbles for four parts, 32 bytes of high bit pairs.
    const uint8_t* low = b + 64 * (p / 4) + 32 * (p % 2);
    const uint8_t* high = b + 128 + 32 * (p / 4);
    const int low_shift = p % 4 < 2 ? 0 : 4;
    const int high_shift = 2 * (p % 4);
    for (int i = 0; i < 32; ++i) {
      o[p].q[i] = static_cast<int8_t>((((low[i] >> low_shift) & 15) | (((high[i] >> high_shift) & 3) << 4)) - 32);
    }
  }
}

void explode_iq4_nl(const uint8_t* b, Block32* o) {
  set_scales(*o, load_f16(b), 1, 1);
  nibbles_through_table(b + 2, kIq4Values, o->q);
}

void explode_iq4_xs(const uint8_t* b, Block32* o) {
  const float d = load_f16(b);
  const uint32_t scales_high = load_u16(b + 2);
  for (int p = 0; p < 8; ++p) {
    const int low = (b[4 + p / 2] >> (4 * (p % 2))) & 15;
    const int scale = (low | static_cast<int>(((scales_high >> (2 * p)) & 3u) << 4)) - 32;
    set_scales(o[p], d, scale, scale);
    nibbles_through_table(b + 8 + 16 * p, kIq4Values, o[p].q);
  }
}

// Digit t of the `count` bytes at b, each holding five base-3 digits as a fraction of 256; -1, 0 or 1.
void trits(const uint8_t* b, int count, int t, int8_t* q) {
  static constexpr int kPowerOf3[5] = {1, 3, 9, 27, 81};
  for (int i = 0; i < count; ++i) q[i] = static_cast<int8_t>(((((b[i] * kPowerOf3[t]) & 255) * 3) >> 8) - 1);
}

void explode_tq1_0(const uint8_t* b, Block32* o) {
  int8_t q[kSuperBlock];
  for (int t = 0; t < 5; ++t) trits(b, 32, t, q + 32 * t);
  for (int t = 0; t < 5; ++t) trits(b + 32, 16, t, q + 160 + 16 * t);
  for (int t = 0; t < 4; ++t) trits(b + 48, 4, t, q + 240 + 4 * t);
  const float d = load_f16(b + 52);
  for (int p = 0; p < 8; ++p) {
    set_scales(o[p], d, 1, 1);
    for (int i = 0; i < 32; ++i) o[p].q[i] = q[32 * p + i];
  }
}

void explode_tq2_0(const uint8_t* b, Block32* o) {
  const float d = load_f16(b + 64);
  for (int p = 0; p < 8; ++p) {
    set_scales(o[p], d, 1, 1);
    two_bits(b, p, -1, o[p].q);
  }
}

void explode_mxfp4(const uint8_t* b, Block32* o) {
  // 2^(e - 127) is the format's scale; the doubled values take half of it, 2^(e - 128), subnormal for e < 2.
  const uint32_t e = b[0];
  set_scales(*o, std::bit_cast<float>(e < 2 ? 0x00200000u << e : (e - 1) << 23), 1, 1);
  nibbles_through_table(b + 1, kE2m1Doubled, o->q);
}

using ExplodeBlock = void (*)(const uint8_t*, Block32*);

ExplodeBlock explode_block(DType type) {
  switch (type) {
    case DType::kQ4_0:
      return explode_q4_0;
    case DType::kQ4_1:
      return explode_q4_1;
    case DType::kQ5_0:
      return explode_q5_0;
    case DType::kQ5_1:
      return explode_q5_1;
    case DType::kQ8_0:
      return explode_q8_0;
    case DType::kQ2_K:
      return explode_q2_k;
    case DType::kQ3_K:
      return explode_q3_k;
    case DType::kQ4_K:
      return explode_q4_k;
    case DType::kQ5_K:
      return explode_q5_k;
    case DType::kQ6_K:
      return explode_q6_k;
    case DType::kIQ4_NL:
      return explode_iq4_nl;
    case DType::kIQ4_XS:
      return explode_iq4_xs;
    case DType::kTQ1_0:
      return explode_tq1_0;
    case DType::kTQ2_0:
      return explode_tq2_0;
    case DType::kMXFP4:
      return explode_mxfp4;
    default:
      return nullptr;
  }
}

}  // namespace

void explode_row(DType type, const std::byte* src, int64_t n, Block32* out) {
  const ExplodeBlock explode = explode_block(type);
  const DTypeInfo& info = dtype_info(type);
  CHECK(explode != nullptr && n >= 0 && n % info.block_elements == 0);
  const auto* bytes = reinterpret_cast<const uint8_t*>(src);
  for (int64_t i = 0; i < n; i += info.block_elements) {
    explode(bytes, out);
    bytes += info.block_bytes;
    out += info.block_elements / 32;
  }
}

}  // namespace sobre
