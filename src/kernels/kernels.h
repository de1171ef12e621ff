// Kernels: the table of numeric operations, one implementation per instruction set, all giving the same bits.
// The scalar implementation is the definition (ARCHITECTURE.md, "One answer, everywhere"). Every function is pure on its
// arguments and may be called from any thread; buffers belong to the caller. Float rows are padded to a multiple of 16 with
// zeros; strides count elements.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "kernels/packed.h"
#include "kernels/plain.h"

namespace sobre {

enum class Isa : uint8_t { kScalar, kAvx2, kAvxVnni, kAvx512, kNeon };
[[nodiscard]] std::string_view isa_name(Isa isa);
[[nodiscard]] std::optional<Isa> isa_from_name(std::string_view name);
/// Instruction sets that this build has and this CPU runs, best last.
[[nodiscard]] std::vector<Isa> available_isas();

/// One block of 32 activations as 8-bit integers, x ~ d * q, with the sums that zero points and minima need.
using ActBlock = PlainActBlock;
static_assert(sizeof(ActBlock) == 32);

/// Rows of activations in both shapes a matrix may want: f32 at x + t * x_stride, and for row t, term s, block b the integers
/// at q + ((t * terms + s) * blocks + b) * 32 with meta likewise. A term beyond the first holds the rounding error of the one
/// before.
using ActRows = PlainActs;

/// One query of one head: `q` [head_dim] with RoPE and score scale applied, `out` [head_dim rounded up to 16], visible
/// positions first..last.
using AttentionQuery = PlainQuery;

/// One kv head of one layer: per page of 64 positions its keys and values; `type` is a KvType (0 f32, 1 f16, 2 q8).
using KvView = PlainKv;

/// The operations of one instruction set. Function pointers of PlainKernels (plain.h says what each computes) and the joined
/// calls below.
struct Kernels : PlainKernels {
  Isa isa;

  /// out[t][r] = sum over k of w[r][k] * a[t][k] for the rows of groups [group_begin, group_end) and n activation rows; writes
  /// 16 values per group at out + t * out_stride + 16 * group (rows beyond the matrix come out as zeros).
  void matmul(const PackedMatrix& w, const ActRows& a, int64_t n, int64_t group_begin, int64_t group_end, float* out,
              int64_t out_stride) const {
    const PlainMatrix m{reinterpret_cast<const uint8_t*>(w.data.data()),
                        w.cols,
                        w.blocks(),
                        w.layout.block_bytes,
                        w.layout.scales,
                        w.layout.minima,
                        w.layout.sub_scales,
                        w.layout.sub_minima,
                        w.layout.stride,
                        static_cast<int>(w.form)};
    gemm(&m, &a, n, group_begin, group_end, out, out_stride);
  }
};

/// Floats of scratch that attend() needs.
[[nodiscard]] constexpr int64_t attention_scratch(int head_dim) { return 8 * (64 + 2 * ((head_dim + 15) / 16 * 16) + 16); }

/// The table of one instruction set; nothing when this build or CPU lacks it.
[[nodiscard]] const Kernels* kernels_for(Isa isa);
[[nodiscard]] const Kernels& best_kernels();

}  // namespace sobre
