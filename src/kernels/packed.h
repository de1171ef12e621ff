// Packed matrices: weights in the layout the kernels read. Rows go in groups of 16; inside a group the rows are interleaved so
// that each SIMD lane owns one row, and no sum is ever split. Packing never changes an integer weight or a scale, so it never
// changes a bit of any result. A PackedMatrix is made while loading and const afterwards.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "base/result.h"
#include "tensor/dtype.h"

namespace sobre {

inline constexpr int kGroupRows = 16;
inline constexpr int kBlock = 32;        // activations and integer weights come in blocks of 32
inline constexpr int kSuperBlock = 256;  // the K types share a scale among eight blocks

/// What a group holds. Integer forms store unsigned u = q + zero in `bits` bits.
///   float forms: w[k][16]
///   blocks:      per block of 32, k in groups of 4 (a lane's 4 bytes are 4 consecutive k): nibbles [4][64] (low: k 0..15,
///   high: 16..31),
///                then for 5 bits one and for 6 bits two planes of high bits; or 8-bit values [8][64]
///   scales:      u16 [blocks or super-blocks][16], then minima likewise, then 8-bit sub-scales, then 8-bit sub-minima
enum class Form : uint8_t {
  kF32,
  kF16,
  kBF16,
  kQ4,   // Q4_0, TQ1_0, TQ2_0: 4 bits, f16 scale per block
  kQ4M,  // Q4_1: and an f16 minimum
  kQ5,
  kQ5M,
  kQ8,
  kQ8E,  // MXFP4: 8 bits, bf16 scale per block
  kQ4K,
  kQ5K,  // Q4_K, Q5_K: f16 scale and minimum per super-block, 8-bit sub-scale and sub-minimum per block
  kQ6K,  // 6 bits, f16 per super-block, signed 8-bit sub-scale per 16
  kQ3K,  // Q3_K: as kQ6K with 4 bits
  kQ2K,  // Q2_K: 4 bits, sub-scale and sub-minimum per 16
  kQ8K,  // IQ4_XS: 8 bits, f16 per super-block, signed 8-bit sub-scale per block
};
inline constexpr int kFormCount = static_cast<int>(Form::kQ8K) + 1;

/// Where the parts of a group lie, in bytes.
struct GroupLayout {
  uint64_t block_bytes = 0;  // one block of integer weights
  uint64_t scales = 0, minima = 0, sub_scales = 0, sub_minima = 0;
  uint64_t stride = 0;  // one group
};

[[nodiscard]] std::string_view form_name(Form form);
[[nodiscard]] bool is_float(Form form);
/// The form in which a type's rows are held as they are.
[[nodiscard]] Form form_of(DType type);
/// `cols` must be a multiple of the form's block for K forms; others are padded with zeros.
[[nodiscard]] GroupLayout group_layout(Form form, int64_t cols);
/// Bytes of a packed matrix.
[[nodiscard]] uint64_t packed_bytes(Form form, int64_t rows, int64_t cols);

struct PackedMatrix {
  Form form = Form::kF32;
  uint8_t zero8 = 0;  // added to 8-bit values: 128 for instruction sets whose dot product takes unsigned weights, else 0
  int64_t rows = 0, cols = 0;
  GroupLayout layout;
  Buffer data;

  [[nodiscard]] bool empty() const { return rows == 0; }
  [[nodiscard]] int64_t groups() const { return (rows + kGroupRows - 1) / kGroupRows; }
  [[nodiscard]] int64_t blocks() const { return (cols + kBlock - 1) / kBlock; }
  [[nodiscard]] const uint8_t* group(int64_t g) const {
    return reinterpret_cast<const uint8_t*>(data.data()) + static_cast<uint64_t>(g) * layout.stride;
  }
};

/// An empty matrix of this shape, to be filled group by group.
[[nodiscard]] Result<PackedMatrix> make_packed(Form form, int64_t rows, int64_t cols, uint8_t zero8);

/// Packs one group from up to 16 rows of `type` (null pointers: rows of zeros). The form must be form_of(type), or a float form
/// (then rows are dequantised). `scratch` is one thread's own.
struct PackScratch {
  std::vector<Block32> blocks;
  std::vector<float> row;
};
void pack_group(PackedMatrix& m, int64_t group, DType type, std::span<const std::byte* const> rows, PackScratch& scratch);

/// Reads row r back as f32: exactly the values that were packed (embedding look-up, tests).
void unpack_row(const PackedMatrix& m, int64_t row, float* out);

}  // namespace sobre
