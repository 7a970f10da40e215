// Rows in f32, in the one reduction order: what softmax, rmsnorm and layernorm share.
//
// A row is read in chunks of up to OI_ROW_RUN elements, each but the last a multiple of 16 long, so
// that element k of a row always meets partial k mod 16.
#ifndef OINF_LIB_OP_ROW_H
#define OINF_LIB_OP_ROW_H
#include "lib/op.h"
#include "lib/rt/strict.h"

enum { OI_ROW_RUN = 1024, OI_LANES = 16 };

// Loops of a fixed inner length become vector code at every level; rows are padded to it.
#define OI_ROW_EACH(i, n)                                 \
  for (int64_t i##_0 = 0; i##_0 < (n); i##_0 += OI_LANES) \
    for (int64_t i = i##_0; i < i##_0 + OI_LANES; i++)

// Elements base + (begin + i) * step of v for i = 0 .. n - 1, and zeros up to a multiple of 16.
static inline void oi_row_load(const oi_view *v, int64_t base, int64_t step, int64_t begin,
                               int64_t n, float *out) {
  if (step == 1) {
    oi_load_f32(out, v, base + begin, n);
  } else {
    for (int64_t i = 0; i < n; i++) oi_load_f32(&out[i], v, base + (begin + i) * step, 1);
  }
  for (int64_t i = n; i % OI_LANES != 0; i++) out[i] = 0.0f;
}

// part[k mod 16] += x[k]
static inline void oi_row_add(float *restrict part, const float *x, int64_t n) {
  int64_t i = 0;
  for (; i + OI_LANES <= n; i += OI_LANES)
    for (int j = 0; j < OI_LANES; j++) part[j] = part[j] + x[i + j];
  for (int j = 0; i < n; i++, j++) part[j] = part[j] + x[i];
}

// The sum of the partials; never -0.
static inline float oi_row_sum(float *part) {
  for (int half = OI_LANES / 2; half > 0; half /= 2)
    for (int j = 0; j < half; j++) part[j] = part[j] + part[j + half];
  return oi_plus_zero(part[0]);
}

static inline int64_t oi_row_take(int64_t left) { return left < OI_ROW_RUN ? left : OI_ROW_RUN; }

// rows into pieces of threads: about 16 thousand elements each
static inline int64_t oi_row_share(int64_t n) { return n > 16384 ? 1 : 16384 / (n + 1) + 1; }
#endif
