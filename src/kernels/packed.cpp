#include "kernels/packed.h"

#include <cstring>

#include "base/checked.h"

namespace sobre {

namespace {

// What a form consists of; one row per form, in the order of the enumeration.
struct FormInfo {
  std::string_view name;
  int bits;         // 0: float
  int float_bytes;  // float forms
  int zero;         // added to every weight below 8 bits
  bool super;       // scales per super-block
  int subs;         // sub-scales per block: 0, 1, 2
  int minima;       // per block: 0, 1 (or per super-block with one sub-minimum a block), 2
};
constexpr FormInfo kForms[kFormCount] = {
    {"f32", 0, 4, 0, false, 0, 0}, {"f16", 0, 2, 0, false, 0, 0}, {"bf16", 0, 2, 0, false, 0, 0}, {"q4", 4, 0, 8, false, 0, 0},
    {"q4m", 4, 0, 0, false, 0, 1}, {"q5", 5, 0, 16, false, 0, 0}, {"q5m", 5, 0, 0, false, 0, 1},  {"q8", 8, 0, 0, false, 0, 0},
    {"q8e", 8, 0, 0, false, 0, 0}, {"q4k", 4, 0, 0, true, 1, 1},  {"q5k", 5, 0, 0, true, 1, 1},   {"q6k", 6, 0, 32, true, 2, 0},
    {"q3k", 4, 0, 4, true, 2, 0},  {"q2k", 4, 0, 0, true, 2, 2},  {"q8k", 8, 0, 0, true, 1, 0},
};

const FormInfo& info(Form form) { return kForms[static_cast<int>(form)]; }

void put16(uint8_t* p, uint16_t v) { std::memcpy(p, &v, sizeof v); }
uint16_t get16(const uint8_t* p) {
  uint16_t v = 0;
  std::memcpy(&v, p, sizeof v);
  return v;
}

// The minima of a super-block as stored: dmin's bits and eight (or, for Q2_K, sixteen) multipliers. Block formats: GGML K
// types.
struct SuperMinima {
  uint16_t dmin;
  uint8_t m[16];
};
SuperMinima super_minima(DType type, const uint8_t* b) {
  SuperMinima s{};
  if (type == DType::kQ2_K) {
    s.dmin = get16(b + 82);
    for (int j = 0; j < 16; ++j) s.m[j] = static_cast<uint8_t>(b[j] >> 4);
    return s;
  }
  s.dmin = get16(b + 2);
  const uint8_t* k = b + 4;
  for (int j = 0; j < 8; ++j) s.m[j] = static_cast<uint8_t>(j < 4 ? k[j + 4] & 63 : (k[j + 4] >> 4) | ((k[j] >> 6) << 4));
  return s;
}

// One block of 16 rows: values [8 groups of k][16 rows x 4] to nibbles and planes of high bits.
void pack_values(int bits, const uint8_t (&u)[8][64], uint8_t* out) {
  if (bits == 8) {
    std::memcpy(out, u, sizeof u);
    return;
  }
  for (int j = 0; j < 4; ++j) {
    for (int i = 0; i < 64; ++i) out[64 * j + i] = static_cast<uint8_t>((u[j][i] & 15) | (u[j + 4][i] << 4));
  }
  if (bits == 5) {
    for (int i = 0; i < 64; ++i) {
      int plane = 0;
      for (int g = 0; g < 8; ++g) plane |= (u[g][i] >> 4) << g;
      out[256 + i] = static_cast<uint8_t>(plane);
    }
  }
  if (bits == 6) {
    for (int half = 0; half < 2; ++half) {
      for (int i = 0; i < 64; ++i) {
        int plane = 0;
        for (int j = 0; j < 4; ++j) plane |= (u[4 * half + j][i] >> 4) << (2 * j);
        out[256 + 64 * half + i] = static_cast<uint8_t>(plane);
      }
    }
  }
}

void unpack_values(int bits, const uint8_t* in, int row, uint8_t (&u)[32]) {
  for (int k = 0; k < 32; ++k) {
    const int g = k / 4;
    const int at = row * 4 + k % 4;
    int v = bits == 8 ? in[64 * g + at] : (in[64 * (g % 4) + at] >> (g < 4 ? 0 : 4)) & 15;
    if (bits == 5) v |= ((in[256 + at] >> g) & 1) << 4;
    if (bits == 6) v |= ((in[256 + 64 * (g / 4) + at] >> (2 * (g % 4))) & 3) << 4;
    u[k] = static_cast<uint8_t>(v);
  }
}

void pack_float_group(PackedMatrix& m, uint8_t* out, DType type, std::span<const std::byte* const> rows, PackScratch& scratch) {
  const auto cols = static_cast<size_t>(m.cols);
  scratch.row.assign(cols * kGroupRows, 0.0F);
  for (size_t r = 0; r < rows.size(); ++r) {
    if (rows[r] != nullptr) dequantize_row(type, rows[r], m.cols, scratch.row.data() + r * cols);
  }
  for (size_t k = 0; k < cols; ++k) {
    for (size_t r = 0; r < kGroupRows; ++r) {
      const float x = scratch.row[r * cols + k];
      if (m.form == Form::kF32) {
        std::memcpy(out + (k * 16 + r) * 4, &x, 4);
      } else {
        put16(out + (k * 16 + r) * 2, m.form == Form::kF16 ? f32_to_f16(x) : f32_to_bf16(x));
      }
    }
  }
}

void pack_minima(const PackedMatrix& m, uint8_t* out, DType type, const std::byte* row, int r) {
  const FormInfo& f = info(m.form);
  const auto* bytes = reinterpret_cast<const uint8_t*>(row);
  for (int64_t s = 0; s < m.cols / kSuperBlock; ++s) {
    const SuperMinima min = super_minima(type, bytes + s * dtype_info(type).block_bytes);
    put16(out + m.layout.minima + static_cast<uint64_t>(s * 32 + r * 2), static_cast<uint16_t>(min.dmin ^ 0x8000));
    for (int j = 0; j < 8 * f.minima; ++j)
      out[m.layout.sub_minima + static_cast<uint64_t>((s * 8 * f.minima + j) * 16 + r)] = min.m[j];
  }
}

void pack_row_scales(const PackedMatrix& m, uint8_t* out, const Block32* blocks, int r) {
  const FormInfo& f = info(m.form);
  for (int64_t b = 0; b < m.blocks(); ++b) {
    const Block32& x = blocks[b];
    const int64_t at = f.super ? b / 8 : b;
    put16(out + m.layout.scales + static_cast<uint64_t>(at * 32 + r * 2),
          m.form == Form::kQ8E ? f32_to_bf16(x.d) : f32_to_f16(x.d));
    if (!f.super && f.minima == 1) put16(out + m.layout.minima + static_cast<uint64_t>(b * 32 + r * 2), f32_to_f16(x.m[0]));
    for (int j = 0; j < f.subs; ++j)
      out[m.layout.sub_scales + static_cast<uint64_t>((b * f.subs + j) * 16 + r)] = static_cast<uint8_t>(x.sub_scale[j]);
  }
}

}  // namespace

std::string_view form_name(Form form) { return info(form).name; }
bool is_float(Form form) { return info(form).bits == 0; }

Form form_of(DType type) {
  switch (type) {
    case DType::kF16:
      return Form::kF16;
    case DType::kBF16:
      return Form::kBF16;
    case DType::kQ4_0:
    case DType::kTQ1_0:
    case DType::kTQ2_0:
      return Form::kQ4;
    case DType::kQ4_1:
      return Form::kQ4M;
    case DType::kQ5_0:
      return Form::kQ5;
    case DType::kQ5_1:
      return Form::kQ5M;
    case DType::kQ8_0:
    case DType::kIQ4_NL:
      return Form::kQ8;
    case DType::kMXFP4:
      return Form::kQ8E;
    case DType::kQ4_K:
      return Form::kQ4K;
    case DType::kQ5_K:
      return Form::kQ5K;
    case DType::kQ6_K:
      return Form::kQ6K;
    case DType::kQ3_K:
      return Form::kQ3K;
    case DType::kQ2_K:
      return Form::kQ2K;
    case DType::kIQ4_XS:
      return Form::kQ8K;
    default:
      return Form::kF32;
  }
}

GroupLayout group_layout(Form form, int64_t cols) {
  const FormInfo& f = info(form);
  GroupLayout l;
  if (f.bits == 0) {
    l.stride = static_cast<uint64_t>(round_up(cols * kGroupRows * f.float_bytes, 64));
    return l;
  }
  const auto blocks = static_cast<uint64_t>(div_up(cols, kBlock));
  const uint64_t scaled = f.super ? static_cast<uint64_t>(cols / kSuperBlock) : blocks;
  l.block_bytes = static_cast<uint64_t>(f.bits) * 64;
  l.scales = blocks * l.block_bytes;
  l.minima = l.scales + scaled * 32;
  l.sub_scales = l.minima + (f.minima > 0 ? scaled * 32 : 0);
  l.sub_minima = l.sub_scales + blocks * 16 * static_cast<uint64_t>(f.subs);
  const uint64_t end = l.sub_minima + (f.super ? blocks * 16 * static_cast<uint64_t>(f.minima) : 0);
  l.stride = (end + 63) / 64 * 64;
  return l;
}

uint64_t packed_bytes(Form form, int64_t rows, int64_t cols) {
  return static_cast<uint64_t>(div_up(rows, kGroupRows)) * group_layout(form, cols).stride;
}

Result<PackedMatrix> make_packed(Form form, int64_t rows, int64_t cols, uint8_t zero8) {
  CHECK(!info(form).super || cols % kSuperBlock == 0);
  PackedMatrix m;
  m.form = form;
  m.zero8 = zero8;
  m.rows = rows;
  m.cols = cols;
  m.layout = group_layout(form, cols);
  TRY(m.data, Buffer::create(packed_bytes(form, rows, cols)));
  return m;
}

void pack_group(PackedMatrix& m, int64_t group, DType type, std::span<const std::byte* const> rows, PackScratch& scratch) {
  uint8_t* out = reinterpret_cast<uint8_t*>(m.data.data()) + static_cast<uint64_t>(group) * m.layout.stride;
  if (is_float(m.form)) return pack_float_group(m, out, type, rows, scratch);
  CHECK(m.form == form_of(type));
  const FormInfo& f = info(m.form);
  const int64_t n = m.blocks();
  scratch.blocks.resize(static_cast<size_t>(n * kGroupRows));
  for (int r = 0; r < kGroupRows; ++r) {
    Block32* blocks = scratch.blocks.data() + r * n;
    const std::byte* row = static_cast<size_t>(r) < rows.size() ? rows[static_cast<size_t>(r)] : nullptr;
    if (row == nullptr) {
      for (int64_t b = 0; b < n; ++b) blocks[b] = Block32{};
      continue;
    }
    explode_row(type, row, n * kBlock, blocks);
    pack_row_scales(m, out, blocks, r);
    if (f.super && f.minima > 0) pack_minima(m, out, type, row, r);
  }
  const int zero = f.bits == 8 ? m.zero8 : f.zero;
  for (int64_t b = 0; b < n; ++b) {
    alignas(64) uint8_t u[8][64];
    for (int r = 0; r < kGroupRows; ++r) {
      const int8_t* q = scratch.blocks[static_cast<size_t>(r * n + b)].q;
      for (int g = 0; g < 8; ++g) {
        for (int i = 0; i < 4; ++i) u[g][r * 4 + i] = static_cast<uint8_t>(q[4 * g + i] + zero);
      }
    }
    pack_values(f.bits, u, out + static_cast<uint64_t>(b) * m.layout.block_bytes);
  }
}

void unpack_row(const PackedMatrix& m, int64_t row, float* out) {
  const FormInfo& f = info(m.form);
  const uint8_t* g = m.group(row / kGroupRows);
  const int r = static_cast<int>(row % kGroupRows);
  if (f.bits == 0) {
    for (int64_t k = 0; k < m.cols; ++k) {
      if (m.form == Form::kF32)
        std::memcpy(out + k, g + (k * 16 + r) * 4, 4);
      else
        out[k] = m.form == Form::kF16 ? f16_to_f32(get16(g + (k * 16 + r) * 2)) : bf16_to_f32(get16(g + (k * 16 + r) * 2));
    }
    return;
  }
  for (int64_t b = 0; b < m.blocks(); ++b) {
    uint8_t u[32];
    unpack_values(f.bits, g + static_cast<uint64_t>(b) * m.layout.block_bytes, r, u);
    const int64_t at = f.super ? b / 8 : b;
    const uint16_t bits = get16(g + m.layout.scales + static_cast<uint64_t>(at * 32 + r * 2));
    const float d = m.form == Form::kQ8E ? bf16_to_f32(bits) : f16_to_f32(bits);
    const float dmin = f.minima > 0 ? f16_to_f32(get16(g + m.layout.minima + static_cast<uint64_t>(at * 32 + r * 2))) : 0.0F;
    for (int k = 0; k < kBlock && b * kBlock + k < m.cols; ++k) {
      const int j = k / 16;
      float scale = d;
      if (f.subs > 0) {
        const uint8_t s = g[m.layout.sub_scales + static_cast<uint64_t>((b * f.subs + (f.subs == 2 ? j : 0)) * 16 + r)];
        scale = d * (m.form == Form::kQ2K ? static_cast<float>(s) : static_cast<float>(static_cast<int8_t>(s)));
      }
      float min = dmin;
      if (f.super && f.minima > 0)
        min = dmin * static_cast<float>(
                         g[m.layout.sub_minima + static_cast<uint64_t>((b * f.minima + (f.minima == 2 ? j : 0)) * 16 + r)]);
      const int q = f.bits == 8 ? static_cast<int8_t>(u[k] - m.zero8) : u[k] - f.zero;
      out[b * kBlock + k] = scale * static_cast<float>(q) + min;
    }
  }
}

}  // namespace sobre
