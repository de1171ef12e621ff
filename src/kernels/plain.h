// What the sources built for one instruction set may see: plain structs and the layout of packed groups, nothing of the
// standard library (an inline function of it compiled for AVX-512 could replace the baseline copy at link time and crash older
// CPUs). dispatch.cpp converts.
#pragma once

#include <stdint.h>

struct PlainMatrix {
  const uint8_t* data;
  int64_t cols, blocks;
  uint64_t block_bytes, scales, minima, sub_scales, sub_minima, stride;
  int form;  // sobre::Form
};

struct PlainActBlock {
  float d, d_sum, d_sum16[2];
  int32_t neg_sum, neg_sum16[2], pad;
};

struct PlainActs {
  const float* x;
  int64_t x_stride;
  const int8_t* q;
  const PlainActBlock* meta;
  int terms;
  int64_t blocks;
};

struct PlainQuery {
  const float* q;
  float* out;
  int first, last;
};

struct PlainKv {
  const uint8_t* const* keys;
  const uint8_t* const* values;
  int type;
  int head_dim;
};

// One step of AdamW (Loshchilov and Hutter, "Decoupled weight decay regularization", 2019) with its bias corrections worked
// out.
struct PlainAdamW {
  float gradient_scale;  // multiplies the gradient (clipping)
  float beta1, beta2, eps;
  float step_size;          // learning rate / (1 - beta1^t)
  float second_correction;  // 1 / sqrt(1 - beta2^t)
  float decay;              // learning rate * weight decay
};

// Float rows are padded with zeros to a multiple of 16; n counts the values that matter. Pointers may not overlap unless said.
struct PlainKernels {
  int zero8;  // PackedMatrix::zero8 that gemm wants
  // Use Kernels::matmul.
  void (*gemm)(const PlainMatrix* w, const PlainActs* a, int64_t n, int64_t group_begin, int64_t group_end, float* out,
               int64_t out_stride);
  // rounds * 256 * (lanes of a register) exact 8-bit products from registers and the nearest cache, for measuring the machine's
  // peak.
  int32_t (*dot_peak)(int64_t rounds);
  // Quantises one row of blocks * 32 values into `terms` terms.
  void (*quantize)(const float* x, int64_t blocks, int terms, int8_t* q, struct PlainActBlock* meta);
  // y = x * (1 / sqrt(mean(x^2) + eps)) * w; x may be y.
  void (*rms_norm)(const float* x, const float* w, int64_t n, float eps, float* y);
  // Half-split rotation of one head in place: x [head_dim], cos and sin [head_dim / 2].
  void (*rope)(float* x, const float* cos, const float* sin, int head_dim);
  void (*scale)(float* x, float factor, int64_t n);                       // x *= factor
  void (*add)(float* x, const float* y, int64_t n);                       // x += y
  void (*add_scaled)(float* x, const float* y, float factor, int64_t n);  // x += y * factor, two roundings
  void (*silu_mul)(const float* gate, const float* up, float* out, int64_t n);
  void (*gelu_mul)(const float* gate, const float* up, float* out, int64_t n);  // tanh form
  void (*exp)(const float* x, float* y, int64_t n);  // the exp inside attention and the activations; x may be y
  // Writes one position of one kv head: the key into column `cell` of the page's [head_dim][64], the value into row `cell`.
  void (*kv_store)(int type, uint8_t* keys, uint8_t* values, int cell, const float* k, const float* v, int head_dim);
  // Softmax attention of n queries that share a kv head; scratch: attention_scratch(head_dim) floats, 64-byte aligned.
  void (*attend)(const PlainKv* kv, const PlainQuery* queries, int n, float* scratch);

  // For training. The gradients with a plus are added to: dx += ..., dw += ...
  void (*rms_norm_backward)(const float* x, const float* w, const float* dy, int64_t n, float eps, float* dx_plus,
                            float* dw_plus);
  void (*silu_mul_backward)(const float* gate, const float* up, const float* dout, float* dgate, float* dup, int64_t n);
  void (*gelu_mul_backward)(const float* gate, const float* up, const float* dout, float* dgate, float* dup, int64_t n);
  float (*row_max)(const float* x, int64_t n);                             // n > 0; any alignment, no padding needed
  float (*exp_shifted)(const float* x, float shift, float* y, int64_t n);  // y = e^(x - shift), returns their sum; x may be y
  float (*dot)(const float* x, const float* y, int64_t n);
  // dx = p * (dp - delta); dx may be p or dp.
  void (*softmax_backward)(const float* p, const float* dp, float delta, float* dx, int64_t n);
  // Weights, first and second moments in place.
  void (*adamw)(float* w, float* m, float* v, const float* g, int64_t n, const struct PlainAdamW* a);
};

enum PlainForm {
  kPlainF32,
  kPlainF16,
  kPlainBF16,
  kPlainQ4,
  kPlainQ4M,
  kPlainQ5,
  kPlainQ5M,
  kPlainQ8,
  kPlainQ8E,
  kPlainQ4K,
  kPlainQ5K,
  kPlainQ6K,
  kPlainQ3K,
  kPlainQ2K,
  kPlainQ8K,
};
