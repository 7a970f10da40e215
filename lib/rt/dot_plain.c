// The portable variant: GCC vector extensions of four floats, which are SSE2 on x86-64 and NEON on
// AArch64, and plain loops over quantized blocks. It is always there, and the one that the others
// are held against in reading. Vectors of 16 floats would read better, but gcc lowers what is wider
// than a register element by element.
#include "lib/rt/dot_part.h"
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#define V(name) name##_plain
#define vf V(floats)
#define vi V(integers)
#define TARGET
#define WIDTH 4
#define LANES 4
#define TILE_M 2
#define TILE_N 2
#define STREAMS 4
#define AHEAD 256
#define MIX_M 2
#define MIX_N 4
#define PANEL_C 2
#define PANEL_FEW 1
typedef int32_t vi __attribute__((vector_size(16)));
typedef float vf __attribute__((vector_size(16)));
typedef uint32_t word4 __attribute__((vector_size(16)));
typedef int32_t int4 __attribute__((vector_size(16)));
typedef int16_t short8 __attribute__((vector_size(16)));
typedef uint16_t word8 __attribute__((vector_size(16)));
typedef uint16_t half4 __attribute__((vector_size(8)));

// Exact: the exponent is rescaled by a product with 2^112, which turns subnormal halves into normal
// floats too; infinities and NaN, which that leaves at 2^16 and more, get the largest exponent.
static inline vf V(widen_f16)(word4 h) {
  const word4 sign = (h & 0x8000u) << 16, rest = (h & 0x7fffu) << 13;
  vf f = (vf)rest * 0x1p112f;
  word4 special = (word4)((int4)f >= 0x47800000);
  return (vf)((word4)f | (special & 0x7f800000u) | sign);
}

static inline vf V(widen)(const uint8_t *p, oi_dot_type type) {
  vf v;
  half4 half;
  if (type == OI_DOT_F32) return memcpy(&v, p, sizeof v), v;
  memcpy(&half, p, sizeof half);
  word4 bits = __builtin_convertvector(half, word4);
  return type == OI_DOT_BF16 ? (vf)(bits << 16) : V(widen_f16)(bits);
}

static float V(widen_one)(const uint8_t *p, oi_dot_type type) {
  uint8_t some[16] = {0};
  memcpy(some, p, type == OI_DOT_F32 ? 4 : 2);
  return V(widen)(some, type)[0];
}

static inline void V(transpose)(float4 r[4]) {
  float4 q[4];
  memcpy(q, r, sizeof q);
  for (int i = 0; i < 4; i++) r[i] = (float4){q[0][i], q[1][i], q[2][i], q[3][i]};
}

static inline float4 V(fold_four)(vf p[4][LANES]) {
  float4 r[4];
  for (int i = 0; i < 4; i++) {
    float4 a = p[i][0] + p[i][2], b = p[i][1] + p[i][3];
    r[i] = a + b;
  }
  V(transpose)(r);
  float4 even = r[0] + r[2], odd = r[1] + r[3];
  return even + odd;
}

static void V(mix_rest)(const oi_mix *a, oi_dot_type type) {
  const int64_t size = type == OI_DOT_F32 ? 4 : 2, each = a->sides ? a->m / a->sides : a->m;
  for (int64_t j = a->begin; j < a->end; j++) {
    if ((a->seen && !a->seen[j]) || a->without >> (j & 15) & 1) continue;
    for (int64_t i = 0; i < a->m; i++) {
      const uint8_t *v = (const uint8_t *)a->v + j * a->v_pitch + i / each * a->side;
      float *part = a->part + (i * 16 + j % 16) * a->part_pitch, e = a->e[i * a->e_pitch + j];
      for (int64_t c = 0; c < a->columns; c++) {
        float product = V(widen_one)(v + c * size, type) * e;
        part[c] = part[c] + product;
      }
    }
  }
}

#include "lib/rt/dot_float.inc"

// ---- quantized blocks: a scale in f16, then 32 bytes, or 16 bytes with element j low and j + 16
// high ----

static int32_t V(sum_q8)(const uint8_t *block, const int8_t *lo, const int8_t *hi) {
  const int8_t *q = (const int8_t *)block + 2;
  int32_t sum = 0;
  for (int i = 0; i < 16; i++) sum += q[i] * lo[i];
  for (int i = 0; i < 16; i++) sum += q[16 + i] * hi[i];
  return sum;
}

static int32_t V(sum_q4)(const uint8_t *block, const int8_t *lo, const int8_t *hi) {
  const uint8_t *q = block + 2;
  int32_t sum = 0;
  for (int i = 0; i < 16; i++) sum += ((q[i] & 15) - 8) * lo[i];
  for (int i = 0; i < 16; i++) sum += ((q[i] >> 4) - 8) * hi[i];
  return sum;
}

INLINE float V(dot_row)(const oi_quad *x, const uint8_t *w, int64_t blocks, bool q8) {
  float p[4] = {0};
  for (int64_t b = 0; b < blocks; b++, w += q8 ? Q8_BYTES : Q4_BYTES) {
    const oi_quad *quad = &x[b / 4];
    int32_t sum = (q8 ? V(sum_q8) : V(sum_q4))(w, quad->lo[b % 4], quad->hi[b % 4]);
    float scale = V(widen_one)(w, OI_DOT_F16) * quad->d[b % 4];
    float value = scale * (float)sum;
    p[b % 4] = p[b % 4] + value;
  }
  float even = p[0] + p[2], odd = p[1] + p[3];
  return dot_positive_zero(even + odd);
}

INLINE void V(dot_blocks)(const oi_dot *d, bool q8) {
  for (int64_t j = 0; j < d->n; j++)
    for (int64_t i = 0; i < d->m; i++) {
      const void *x = (const uint8_t *)d->x + i * d->x_pitch;
      d->out[i * d->out_pitch + j] =
          V(dot_row)(x, (const uint8_t *)d->w + j * d->w_pitch, d->k / 32, q8);
    }
}

static void V(dot_q8_0)(const oi_dot *d) { V(dot_blocks)(d, true); }
static void V(dot_q4_0)(const oi_dot *d) { V(dot_blocks)(d, false); }

// Four rows of w in a register, an element of each at a time.
INLINE void V(block_sums)(vi s[PANEL_C][LANES], const oi_block *at, int columns, bool q8) {
  for (int j = 0; j < 8; j++) EACH (l, LANES) {
      word4 q;
      memcpy(&q, at->q + 64 * (q8 ? j : j % 4) + 16 * l, sizeof q);
      if (!q8) q = (j < 4 ? q : q >> 4) & 0x0f0f0f0fu;
      EACH (i, 4) {
        const vi w = (vi)(q >> 8 * i & 255u);
        EACH (c, columns) s[c][l] += w * (int8_t)at->x[4 * (j * at->width + c) + i];
      }
    }
}

// Pairs of 16-bit products, added; one instruction of every x86-64.
INLINE vi V(add_pairs)(short8 a, short8 b) {
#if defined(__SSE2__)
  return (vi)_mm_madd_epi16((__m128i)a, (__m128i)b);
#else
  const vi x = (vi)a, y = (vi)b;
  return (x << 16 >> 16) * (y << 16 >> 16) + (x >> 16) * (y >> 16);
#endif
}

// Even and odd elements of four at a time, as 16 bits.
INLINE void V(walk_sums)(vi s[DOT_GROUPS][LANES], const uint8_t *const q[DOT_GROUPS],
                         const uint8_t *x, int64_t width, int groups, bool q8) {
  short8 even[8], odd[8];
  EACH (j, 8) {
    int8_t e[4];
    memcpy(e, x + 4 * j * width, sizeof e);
    even[j] = (short8){e[0], e[2], e[0], e[2], e[0], e[2], e[0], e[2]};
    odd[j] = (short8){e[1], e[3], e[1], e[3], e[1], e[3], e[1], e[3]};
  }
  for (int t = 0; t < groups; t++)
    for (int j = 0; j < (q8 ? 8 : 4); j++) EACH (l, LANES) {
        word8 w;
        memcpy(&w, q[t] + 64 * j + 16 * l, sizeof w);
        if (q8) {
          s[t][l] += V(add_pairs)((short8)(w & 255), even[j]);
          s[t][l] += V(add_pairs)((short8)(w >> 8), odd[j]);
          continue;
        }
        s[t][l] += V(add_pairs)((short8)(w & 15), even[j]);
        s[t][l] += V(add_pairs)((short8)(w >> 8 & 15), odd[j]);
        s[t][l] += V(add_pairs)((short8)(w >> 4 & 15), even[j + 4]);
        s[t][l] += V(add_pairs)((short8)(w >> 12), odd[j + 4]);
      }
}
#define WALK_SUMS

#include "lib/rt/dot_panel.inc"

OI_RT const oi_dots *oi_dots_plain(void) {
  static const oi_dots dots = DOT_TABLE;
  return &dots;
}

#include "lib/rt/dot_end.inc"
