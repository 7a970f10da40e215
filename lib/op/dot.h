// Inner kernels of matmul and attention: blocks of dot products and weighted sums in the one
// reduction order, in variants for the processor at hand. Every variant gives the same bits,
// whatever the block's shape.
//
// A float dot product: element k goes to partial k mod 16 (the product is rounded, then added),
// then for s = 8, 4, 2, 1 p[i] = p[i] + p[i + s], and -0 becomes +0. A register of 16 lanes along k
// *is* that order, so it costs nothing. A quantized one: a block's value (dw * dx) * f32(isum) goes
// to partial (block mod 4), then s = 2, 1.
#ifndef OINF_LIB_OP_DOT_H
#define OINF_LIB_OP_DOT_H
#include <oinf/oinf.h>
#include "lib/rt/cpu.h"

// out[i * out_pitch + j] = dot(row i of x, row j of w), i < m, j < n.
typedef struct oi_dot {
  float *out;
  int64_t out_pitch;  // floats
  const void *x;      // rows of floats, or of oi_quad
  int64_t x_pitch;    // bytes
  const void *w;      // rows of f32, f16, bf16, q8_0 or q4_0
  int64_t w_pitch;    // bytes
  int64_t m, n, k;
} oi_dot;
typedef void oi_dot_fn(const oi_dot *d);

// out[i] = sum over j in begin .. end of e[j] * v[j][i], i < d, j counted from the start of the sum
// whatever `begin`.
typedef struct oi_mix {
  float *out;
  const float *e;
  const void *v;    // row j stands at v + j * v_pitch, f32, f16 or bf16
  int64_t v_pitch;  // bytes
  const uint8_t
      *seen;  // a row with seen[j] == 0 counts as +0 whatever it holds; NULL: all are seen
  int64_t begin, end, d;
} oi_mix;
typedef void oi_mix_fn(const oi_mix *a);

// e[i] = exp(e[i] - most) for n elements, n a multiple of 16.
typedef void oi_exp_fn(float *e, int64_t n, float most);

// Four blocks of a quantized row of x, as the block kernels read them. A row is padded with zeros
// to whole quads. `fix` undoes the offset of stored weights (128 or 8): -offset * the sum of the
// four low and four high values of x that meet in a 32-bit lane.
typedef struct oi_quad {
  int8_t lo[4][16], hi[4][16];  // elements 0 .. 15 and 16 .. 31 of each block
  int32_t fix[4][4];
  float d[4];
  int32_t zero[12];
} oi_quad;
enum { OI_QUAD = 128 };  // elements of x in a quad
static inline int64_t oi_quads(int64_t k) { return (k + OI_QUAD - 1) / OI_QUAD; }
// One row: k (a multiple of 32) values and their scales into oi_quads(k) quads, for weights of the
// given dtype.
void oi_quad_row(oi_quad *out, const int8_t *x, const float *d, int64_t k, oinf_dtype weights);

typedef struct oi_dots {
  oi_dot_fn *f32, *f16, *bf16, *q8_0, *q4_0;
  oi_mix_fn *mix_f32, *mix_f16, *mix_bf16;
  oi_exp_fn *exp;
} oi_dots;
extern const oi_dots oi_dots_plain;
#if defined(__x86_64__)
extern const oi_dots oi_dots_avx2, oi_dots_avx512;
#endif
const oi_dots *oi_dots_of(oi_cpu cpu);                          // OI_CPU_UNKNOWN: asks
oi_dot_fn *oi_dot_of(const oi_dots *dots, oinf_dtype weights);  // NULL: none for it
oi_mix_fn *oi_mix_of(const oi_dots *dots, oinf_dtype values);
#endif
