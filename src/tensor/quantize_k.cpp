// How a super-block of 256 is quantised: x ~ d * scale_j * q - dmin * minimum_j, parts j of 16 or 32 elements.
//   1. per part, the real-valued line (scale, minimum) of least weighted squared error, from several first guesses;
//   2. d and dmin so that the largest scale and minimum take the largest integers;
//   3. per part, the integers near scale / d and minimum / dmin of least error, with q rounded anew for each try.
// Measured on Gaussian rows: several guesses gain 1.5 % of the error, step 3's neighbours 1.5 %; least squares of d and dmin
// once the integers are known would gain only 0.2 %. Sums run in double, in one fixed order.
#include <algorithm>
#include <cmath>

#include "tensor/block_bytes.h"
#include "tensor/quantize_blocks.h"

namespace sobre::quantize_blocks {
namespace {

using namespace block_bytes;

constexpr int kMaxSubBlocks = 16;
constexpr int kMaxLength = 32;

struct Form {
  int length;  // elements of a part
  int q_low, q_high;
  int scale_low, scale_high;
  int minimum_high;  // 0: the type has no minimum
};
constexpr Form kQ2K = {16, 0, 3, 0, 15, 15};
constexpr Form kQ3K = {16, -4, 3, -32, 31, 0};
constexpr Form kQ4K = {32, 0, 15, 0, 63, 63};
constexpr Form kQ5K = {32, 0, 31, 0, 63, 63};
constexpr Form kQ6K = {16, -32, 31, -128, 127, 0};

struct Line {
  float scale = 0.0f;
  float minimum = 0.0f;  // x ~ scale * q - minimum; never negative
};

struct Integers {
  int scale = 0;
  int minimum = 0;
};

// A super-block as it will be stored.
struct Coded {
  uint16_t d = 0, dmin = 0;
  Integers parts[kMaxSubBlocks] = {};
  int8_t q[kSuperBlock] = {};
  double error = 0.0;
};

// Elements of one part with their weights.
struct Part {
  const float* x;
  int length;
  double w[kMaxLength], wx[kMaxLength];
};

// Errors on large weights matter more to the output than their number says: weight = |x| + RMS of the super-block.
void set_weights(const float* x, int length, double rms, Part* part) {
  part->x = x;
  part->length = length;
  for (int i = 0; i < length; ++i) {
    part->w[i] = rms + static_cast<double>(magnitude(x[i]));
    part->wx[i] = part->w[i] * static_cast<double>(x[i]);
  }
}

double rms_of(const float* x) {
  double sum = 0.0;
  for (int i = 0; i < kSuperBlock; ++i) sum += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  return std::sqrt(sum / kSuperBlock);
}

// Step 1 without a minimum: guesses put the value farthest from zero on and around the lowest level.
Line fit_symmetric(const Part& part, const Form& form) {
  float extreme = 0.0f;
  for (int i = 0; i < part.length; ++i) {
    if (magnitude(part.x[i]) > magnitude(extreme)) extreme = part.x[i];
  }
  if (magnitude(extreme) < kNegligible) return {};
  Line best = {extreme / static_cast<float>(form.q_low), 0.0f};
  double best_gain = 0.0;
  for (int step = -4; step <= 4; ++step) {
    const float inverse = (static_cast<float>(form.q_low) + 0.25f * static_cast<float>(step)) / extreme;
    double xq = 0.0;
    double qq = 0.0;
    for (int i = 0; i < part.length; ++i) {
      const double q = round_within(part.x[i] * inverse, form.q_low, form.q_high);
      xq += part.wx[i] * q;
      qq += part.w[i] * q * q;
    }
    // For fixed q the error is least at scale = xq / qq, where it is a constant minus xq^2 / qq.
    if (qq > 0.0 && xq * xq > best_gain * qq) {
      best_gain = xq * xq / qq;
      best.scale = static_cast<float>(xq / qq);
    }
  }
  return best;
}

// Weighted sums of one assignment of q, and the line that fits it best.
struct LineSums {
  double w = 0.0, x = 0.0, q = 0.0, qq = 0.0, xq = 0.0;

  // False when the assignment does not determine a line with scale > 0.
  bool solve(double* scale, double* offset) const {
    const double det = w * qq - q * q;
    if (det > 1e-9 * w * qq) {
      *scale = (w * xq - q * x) / det;
      *offset = (qq * x - q * xq) / det;
    }
    if (!(det > 1e-9 * w * qq) || *offset > 0.0) {  // minimum_j cannot be negative
      *offset = 0.0;
      *scale = xq / qq;
    }
    return *scale > 0.0;
  }
  // The weighted squared error, less the constant sum of w x^2.
  double error(double scale, double offset) const {
    return scale * scale * qq + offset * offset * w + 2.0 * (scale * offset * q - scale * xq - offset * x);
  }
};

LineSums assign(const Part& part, int top, double scale, double offset) {
  LineSums sums;
  const auto inverse = static_cast<float>(1.0 / scale);
  const auto shift = static_cast<float>(offset);
  for (int i = 0; i < part.length; ++i) {
    const double q = round_within((part.x[i] - shift) * inverse, 0, top);
    sums.w += part.w[i];
    sums.x += part.wx[i];
    sums.q += part.w[i] * q;
    sums.qq += part.w[i] * q * q;
    sums.xq += part.wx[i] * q;
  }
  return sums;
}

// Step 1 with a minimum: guesses let the levels span somewhat less or more than the values, and are improved twice.
Line fit_affine(const Part& part, const Form& form) {
  float least = 0.0f;
  float greatest = part.x[0];
  for (int i = 0; i < part.length; ++i) {
    least = std::min(least, part.x[i]);
    greatest = std::max(greatest, part.x[i]);
  }
  const double span = static_cast<double>(greatest) - static_cast<double>(least);
  if (!(span >= static_cast<double>(kNegligible))) return {0.0f, -least};
  Line best = {static_cast<float>(span / form.q_high), -least};
  double best_error = 0.0;
  for (int step = -3; step <= 6; ++step) {
    double scale = span / (form.q_high + 0.5 * step);
    double offset = static_cast<double>(least) + 0.5 * std::max(0.0, span - scale * form.q_high);
    for (int round = 0; round < 2; ++round) {
      const LineSums sums = assign(part, form.q_high, scale, std::min(offset, 0.0));
      if (!sums.solve(&scale, &offset)) break;
      const double error = sums.error(scale, offset);
      if (error < best_error) {
        best_error = error;
        best = {static_cast<float>(scale), static_cast<float>(-offset)};
      }
    }
  }
  return best;
}

int nearest_level(const Form& form, float x, float inverse, float minimum) {
  return round_within((x + minimum) * inverse, form.q_low, form.q_high);
}

double error_of(const Part& part, const Form& form, float scale, float minimum) {
  const float inverse = scale == 0.0f ? 0.0f : 1.0f / scale;
  double sum = 0.0;
  for (int i = 0; i < part.length; ++i) {
    const auto q = static_cast<float>(nearest_level(form, part.x[i], inverse, minimum));
    const double e = static_cast<double>(part.x[i] - (scale * q - minimum));
    sum += part.w[i] * e * e;
  }
  return sum;
}

// Step 3 for one part: the integers nearest the line and their neighbours. Returns the least error.
double choose_integers(const Part& part, const Form& form, const Line& line, float d, float dmin, Integers* best) {
  const int scale = d == 0.0f ? 0 : round_within(line.scale / d, form.scale_low, form.scale_high);
  const int minimum = dmin == 0.0f ? 0 : round_within(line.minimum / dmin, 0, form.minimum_high);
  const int scale_reach = d == 0.0f ? 0 : 1;
  const int minimum_reach = dmin == 0.0f ? 0 : 1;
  double best_error = error_of(part, form, d * static_cast<float>(scale), dmin * static_cast<float>(minimum));
  *best = {scale, minimum};
  for (int s = std::max(scale - scale_reach, form.scale_low); s <= std::min(scale + scale_reach, form.scale_high); ++s) {
    for (int m = std::max(minimum - minimum_reach, 0); m <= std::min(minimum + minimum_reach, form.minimum_high); ++m) {
      if (s == scale && m == minimum) continue;
      const double error = error_of(part, form, d * static_cast<float>(s), dmin * static_cast<float>(m));
      if (error < best_error) {
        best_error = error;
        *best = {s, m};
      }
    }
  }
  return best_error;
}

// Step 3 for all parts, given the stored d and dmin.
Coded code_with(const Part* parts, const Line* lines, const Form& form, uint16_t d16, uint16_t dmin16) {
  Coded coded;
  coded.d = d16;
  coded.dmin = dmin16;
  const float d = f16_to_f32(d16);
  const float dmin = f16_to_f32(dmin16);
  for (int j = 0; j < kSuperBlock / form.length; ++j) {
    Integers& chosen = coded.parts[j];
    coded.error += choose_integers(parts[j], form, lines[j], d, dmin, &chosen);
    const float scale = d * static_cast<float>(chosen.scale);
    const float inverse = scale == 0.0f ? 0.0f : 1.0f / scale;
    const float minimum = dmin * static_cast<float>(chosen.minimum);
    for (int i = 0; i < form.length; ++i) {
      coded.q[j * form.length + i] = static_cast<int8_t>(nearest_level(form, parts[j].x[i], inverse, minimum));
    }
  }
  return coded;
}

// Small weights have subnormal f16 scales, so coarse that rounding d down can put the largest part out of reach of its integer
// (Q6_K of weights around 0.01 has d near 100 * 2^-24); the next larger d is then worth a try.
bool is_subnormal(uint16_t h) { return (h & 0x7fff) != 0 && (h & 0x7c00) == 0; }
uint16_t away_from_zero(uint16_t h) { return static_cast<uint16_t>(h + 1); }

Coded quantize_super_block(const float* x, const Form& form) {
  Part parts[kMaxSubBlocks];
  Line lines[kMaxSubBlocks];
  float scale = 0.0f;  // of largest magnitude, with its sign
  float minimum = 0.0f;
  const double rms = rms_of(x);
  for (int j = 0; j < kSuperBlock / form.length; ++j) {
    set_weights(x + j * form.length, form.length, rms, &parts[j]);
    lines[j] = form.minimum_high > 0 ? fit_affine(parts[j], form) : fit_symmetric(parts[j], form);
    if (magnitude(lines[j].scale) > magnitude(scale)) scale = lines[j].scale;
    minimum = std::max(minimum, lines[j].minimum);
  }
  if (minimum < kNegligible) minimum = 0.0f;
  // The negative side of a signed range reaches one farther.
  const int scale_end = form.scale_low < 0 ? form.scale_low : form.scale_high;
  const int minimum_end = std::max(form.minimum_high, 1);
  const uint16_t d = scale_to_f16(scale / static_cast<float>(scale_end));
  const uint16_t dmin = scale_to_f16(minimum / static_cast<float>(minimum_end));
  Coded coded = code_with(parts, lines, form, d, dmin);
  if (is_subnormal(d) || is_subnormal(dmin)) {
    const Coded larger = code_with(parts, lines, form, is_subnormal(d) ? away_from_zero(d) : d,
                                   is_subnormal(dmin) ? away_from_zero(dmin) : dmin);
    if (larger.error < coded.error) coded = larger;
  }
  return coded;
}

// Two-bit codes of Q2_K and Q3_K: four parts of 32 share 32 bytes.
void store_two_bits(const uint8_t* codes, uint8_t* qs) {
  for (int i = 0; i < kSuperBlock / 4; ++i) {
    const uint8_t* c = codes + 128 * (i / 32) + i % 32;
    qs[i] = static_cast<uint8_t>((c[0] & 3) | ((c[32] & 3) << 2) | ((c[64] & 3) << 4) | ((c[96] & 3) << 6));
  }
}

// Nibbles of Q4_K and Q5_K: two parts of 32 share 32 bytes.
void store_nibble_planes(const int8_t* q, uint8_t* qs) {
  for (int i = 0; i < kSuperBlock / 2; ++i) {
    const int8_t* c = q + 64 * (i / 32) + i % 32;
    qs[i] = static_cast<uint8_t>((c[0] & 15) | ((c[32] & 15) << 4));
  }
}

// The 12 bytes of Q4_K and Q5_K: eight six-bit scales and minima; those of parts 4..7 are split over two places.
void store_six_bit_pairs(const Integers* parts, uint8_t* s) {
  for (int j = 0; j < 4; ++j) {
    const Integers& near = parts[j];
    const Integers& far = parts[j + 4];
    s[j] = static_cast<uint8_t>(near.scale | ((far.scale >> 4) << 6));
    s[j + 4] = static_cast<uint8_t>(near.minimum | ((far.minimum >> 4) << 6));
    s[j + 8] = static_cast<uint8_t>((far.scale & 15) | ((far.minimum & 15) << 4));
  }
}

}  // namespace

void quantize_q2_k(const float* x, uint8_t* b) {
  const Coded coded = quantize_super_block(x, kQ2K);
  uint8_t codes[kSuperBlock];
  for (int i = 0; i < kSuperBlock; ++i) codes[i] = static_cast<uint8_t>(coded.q[i]);
  for (int j = 0; j < 16; ++j) b[j] = static_cast<uint8_t>(coded.parts[j].scale | (coded.parts[j].minimum << 4));
  store_two_bits(codes, b + 16);
  store_u16(b + 80, coded.d);
  store_u16(b + 82, coded.dmin);
}

void quantize_q3_k(const float* x, uint8_t* b) {
  const Coded coded = quantize_super_block(x, kQ3K);
  uint8_t codes[kSuperBlock];
  std::fill(b, b + 32, uint8_t{0});
  for (int i = 0; i < kSuperBlock; ++i) {
    codes[i] = static_cast<uint8_t>(coded.q[i] + 4);  // bit 2 goes to the mask
    b[i % 32] = static_cast<uint8_t>(b[i % 32] | ((codes[i] >> 2) << (i / 32)));
  }
  store_two_bits(codes, b + 32);
  uint8_t* s = b + 96;
  std::fill(s, s + 12, uint8_t{0});
  for (int j = 0; j < 16; ++j) {
    const int biased = coded.parts[j].scale + 32;
    s[j % 8] = static_cast<uint8_t>(s[j % 8] | ((biased & 15) << (j < 8 ? 0 : 4)));
    s[8 + j % 4] = static_cast<uint8_t>(s[8 + j % 4] | ((biased >> 4) << (2 * (j / 4))));
  }
  store_u16(b + 108, coded.d);
}

void quantize_q4_k(const float* x, uint8_t* b) {
  const Coded coded = quantize_super_block(x, kQ4K);
  store_u16(b, coded.d);
  store_u16(b + 2, coded.dmin);
  store_six_bit_pairs(coded.parts, b + 4);
  store_nibble_planes(coded.q, b + 16);
}

void quantize_q5_k(const float* x, uint8_t* b) {
  const Coded coded = quantize_super_block(x, kQ5K);
  store_u16(b, coded.d);
  store_u16(b + 2, coded.dmin);
  store_six_bit_pairs(coded.parts, b + 4);
  std::fill(b + 16, b + 48, uint8_t{0});
  for (int i = 0; i < kSuperBlock; ++i) {
    b[16 + i % 32] = static_cast<uint8_t>(b[16 + i % 32] | ((coded.q[i] >> 4) << (i / 32)));
  }
  store_nibble_planes(coded.q, b + 48);
}

void quantize_q6_k(const float* x, uint8_t* b) {
  const Coded coded = quantize_super_block(x, kQ6K);
  std::fill(b, b + 192, uint8_t{0});
  for (int i = 0; i < kSuperBlock; ++i) {
    const int code = coded.q[i] + 32;
    const int half = i / 128;
    const int r = i % 128;
    uint8_t& low = b[64 * half + r % 64];
    uint8_t& high = b[128 + 32 * half + r % 32];
    low = static_cast<uint8_t>(low | ((code & 15) << (r < 64 ? 0 : 4)));
    high = static_cast<uint8_t>(high | ((code >> 4) << (2 * (r / 32))));
  }
  for (int j = 0; j < 16; ++j) b[192 + j] = static_cast<uint8_t>(coded.parts[j].scale);
  store_u16(b + 208, coded.d);
}

}  // namespace sobre::quantize_blocks
