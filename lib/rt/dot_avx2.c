// The AVX2 variant. Float kernels are those of dot_float.inc with registers of eight lanes;
// quantized ones take two blocks of four rows of w at a time and fold and transpose the rows
// together, as dot_avx512.c does. Without VNNI q8_0 is widened to 16 bits (an unsigned times signed
// byte product saturates), q4_0 is not: its sums of sixteen products fit into 16 bits.
#include "lib/rt/dot_part.h"

#if OI_DOT_X86
#include <immintrin.h>

#define V(name) name##_avx2
#define vf V(floats)
#define vi V(integers)
#if OI_FAST
#define TARGET __attribute__((target("avx2,f16c,fma")))
#else
#define TARGET __attribute__((target("avx2,f16c")))
#endif
#define WIDTH 8
#define LANES 2
#define TILE_M 2
#define TILE_N 2
#define STREAMS 4
#define AHEAD 256
#define MIX_M 2
#define MIX_N 4
#define PANEL_C 6
#define PANEL_FEW 3
typedef int32_t vi __attribute__((vector_size(32)));
typedef float vf __attribute__((vector_size(32)));

TARGET static inline __attribute__((always_inline)) vf V(widen)(const uint8_t *p,
                                                                oi_dot_type type) {
  if (type == OI_DOT_F32) return (vf)_mm256_loadu_ps((const float *)(const void *)p);
  __m128i half = _mm_loadu_si128((const __m128i *)(const void *)p);
  if (type == OI_DOT_F16) return (vf)_mm256_cvtph_ps(half);
  return (vf)_mm256_slli_epi32(_mm256_cvtepu16_epi32(half), 16);
}

TARGET static inline __attribute__((always_inline)) float4 V(fold_four)(vf p[4][LANES]) {
  __m128 q[4];
  for (int i = 0; i < 4; i++) {
    __m256 a = _mm256_add_ps((__m256)p[i][0], (__m256)p[i][1]);
    q[i] = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  }
  _MM_TRANSPOSE4_PS(q[0], q[1], q[2], q[3]);
  return (float4)_mm_add_ps(_mm_add_ps(q[0], q[2]), _mm_add_ps(q[1], q[3]));
}

TARGET static inline __attribute__((always_inline)) void V(transpose)(float4 r[4]) {
  __m128 a = (__m128)r[0], b = (__m128)r[1], c = (__m128)r[2], d = (__m128)r[3];
  _MM_TRANSPOSE4_PS(a, b, c, d);
  r[0] = (float4)a, r[1] = (float4)b, r[2] = (float4)c, r[3] = (float4)d;
}

static void V(mix_rest)(const oi_mix *a, oi_dot_type type) { oi_mix_of(oi_dots_plain(), type)(a); }

#include "lib/rt/dot_float.inc"

INLINE __m128i V(load16)(const void *p) { return _mm_loadu_si128((const __m128i *)p); }
INLINE __m256i V(load32)(const void *p) { return _mm256_loadu_si256((const __m256i *)p); }
INLINE __m256i V(pair16)(const void *low, const void *high) {
  return _mm256_inserti128_si256(_mm256_castsi128_si256(V(load16)(low)), V(load16)(high), 1);
}

// Sixteen products of 8 bits with eight sums of 16 bits: at most 4 * 15 * 128.
INLINE __m256i V(nibble_sums)(const uint8_t *low_block, const int8_t *lo, const int8_t *hi) {
  const __m256i low = _mm256_set1_epi8(15), v = V(pair16)(low_block + 2, low_block + 2 + Q4_BYTES);
  __m256i a = _mm256_maddubs_epi16(_mm256_and_si256(v, low), V(load32)(lo));
  __m256i b = _mm256_maddubs_epi16(_mm256_and_si256(_mm256_srli_epi16(v, 4), low), V(load32)(hi));
  return _mm256_madd_epi16(_mm256_add_epi16(a, b), _mm256_set1_epi16(1));
}

// Blocks b and b + 1 of four rows: lane r of each half is the sum of row r.
INLINE __m256i V(sums_q4)(const oi_quad *x, const uint8_t *const w[DOT_ROWS], int b) {
  const __m256i one = _mm256_set1_epi16(1);
  __m256i s[DOT_ROWS];
  EACH(r, DOT_ROWS) s[r] = V(nibble_sums)(w[r] + b * Q4_BYTES, x->lo[b], x->hi[b]);
  __m256i a = _mm256_madd_epi16(_mm256_packs_epi32(s[0], s[1]), one);
  __m256i c = _mm256_madd_epi16(_mm256_packs_epi32(s[2], s[3]), one);
  return _mm256_madd_epi16(_mm256_packs_epi32(a, c), one);
}

INLINE __m256i V(byte_sums)(const uint8_t *w, const int8_t *x) {
  return _mm256_madd_epi16(_mm256_cvtepi8_epi16(V(load16)(w)), _mm256_cvtepi8_epi16(V(load16)(x)));
}

INLINE __m256i V(rows_q8)(const oi_quad *x, const uint8_t *const w[DOT_ROWS], int b) {
  __m256i s[DOT_ROWS];
  EACH(r, DOT_ROWS) {
    const uint8_t *q = w[r] + b * Q8_BYTES + 2;
    s[r] = _mm256_add_epi32(V(byte_sums)(q, x->lo[b]), V(byte_sums)(q + 16, x->hi[b]));
  }
  return _mm256_hadd_epi32(_mm256_hadd_epi32(s[0], s[1]), _mm256_hadd_epi32(s[2], s[3]));
}

INLINE __m256i V(sums_q8)(const oi_quad *x, const uint8_t *const w[DOT_ROWS], int b) {
  const __m256i low = V(rows_q8)(x, w, b), high = V(rows_q8)(x, w, b + 1);
  return _mm256_add_epi32(_mm256_permute2x128_si256(low, high, 0x20),
                          _mm256_permute2x128_si256(low, high, 0x31));
}

// The scales of one block of four rows, in the low half.
INLINE __m128i V(block_scales)(const uint8_t *const w[DOT_ROWS], int64_t at) {
  __m128i a = _mm_unpacklo_epi16(V(load16)(w[0] + at), V(load16)(w[1] + at));
  return _mm_unpacklo_epi32(a, _mm_unpacklo_epi16(V(load16)(w[2] + at), V(load16)(w[3] + at)));
}

// Values of blocks b and b + 1 of four rows, added to the partial sums of these blocks.
INLINE __m256 V(add_pair)(__m256 p, const oi_quad *x, const uint8_t *const w[DOT_ROWS], int b,
                          bool q8) {
  const int64_t size = q8 ? Q8_BYTES : Q4_BYTES;
  __m128i halves =
      _mm_unpacklo_epi64(V(block_scales)(w, b * size), V(block_scales)(w, (b + 1) * size));
  const __m256i spread = _mm256_setr_epi32(b, b, b, b, b + 1, b + 1, b + 1, b + 1);
  __m256i sum = q8 ? V(sums_q8)(x, w, b) : V(sums_q4)(x, w, b);
  if (!q8) {
    __m256i total = _mm256_castsi128_si256(V(load16)(x->total));
    sum = _mm256_add_epi32(sum, _mm256_permutevar8x32_epi32(total, spread));
  }
  __m256 dx = _mm256_permutevar8x32_ps(_mm256_castps128_ps256(_mm_loadu_ps(x->d)), spread);
  __m256 scale = _mm256_mul_ps(_mm256_cvtph_ps(halves), dx);
  return _mm256_add_ps(p, _mm256_mul_ps(scale, _mm256_cvtepi32_ps(sum)));
}

// Up to four rows of w that lie `apart` rows apart (the last one again where there are fewer), by
// row i of x. Half h of p[l] is partial sum 2 l + h.
INLINE void V(tile_q)(const oi_dot *d, int64_t i, int64_t j, int64_t apart, int64_t rows, bool q8) {
  const int64_t size = q8 ? Q8_BYTES : Q4_BYTES, blocks = d->k / 32;
  const oi_quad *x = (const oi_quad *)(const void *)((const uint8_t *)d->x + i * d->x_pitch);
  const uint8_t *w[DOT_ROWS];
  uint8_t some[DOT_ROWS][4 * Q8_BYTES] = {{0}};
  __m256 p[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
  for (int64_t r = 0; r < DOT_ROWS; r++)
    w[r] = (const uint8_t *)d->w + (j + (r < rows ? r : rows - 1) * apart) * d->w_pitch;
  for (int64_t b = 0; b + 4 <= blocks; b += 4, x++) {
    EACH(r, DOT_ROWS) {
      __builtin_prefetch(w[r] + AHEAD, 0, 3);
      __builtin_prefetch(w[r] + AHEAD + 64, 0, 3);
    }
    EACH(l, 2) p[l] = V(add_pair)(p[l], x, w, 2 * l, q8);
    EACH(r, DOT_ROWS) w[r] += 4 * size;
  }
  if (blocks % 4) {
    for (int r = 0; r < DOT_ROWS; r++) w[r] = memcpy(some[r], w[r], (size_t)(blocks % 4 * size));
    EACH(l, 2) p[l] = V(add_pair)(p[l], x, w, 2 * l, q8);
  }
  __m256 even_odd = _mm256_add_ps(p[0], p[1]);
  float sum[DOT_ROWS];
  _mm_storeu_ps(sum,
                _mm_add_ps(_mm256_castps256_ps128(even_odd), _mm256_extractf128_ps(even_odd, 1)));
  for (int64_t r = 0; r < rows; r++)
    d->out[i * d->out_pitch + j + r * apart] = dot_positive_zero(sum[r]);
}

INLINE void V(run_q)(const oi_dot *d, bool q8) {
  if (d->m == 1 && d->n >= DOT_ROWS) {
    int64_t part = d->n / DOT_ROWS;
    for (int64_t j = 0; j < part; j++) V(tile_q)(d, 0, j, part, DOT_ROWS, q8);
    if (d->n % DOT_ROWS) V(tile_q)(d, 0, part * DOT_ROWS, 1, d->n % DOT_ROWS, q8);
    return;
  }
  for (int64_t j = 0; j < d->n; j += DOT_ROWS)
    for (int64_t i = 0; i < d->m; i++)
      V(tile_q)(d, i, j, 1, d->n - j < DOT_ROWS ? d->n - j : DOT_ROWS, q8);
}

TARGET static void V(dot_q8_0)(const oi_dot *d) { V(run_q)(d, true); }
TARGET static void V(dot_q4_0)(const oi_dot *d) { V(run_q)(d, false); }

// Even and odd bytes apart, in 16 bits: unsigned times signed bytes would saturate.
INLINE void V(sums_bytes)(vi s[PANEL_C][LANES], const oi_block *at, int columns) {
  EACH (j, 8) {
    __m256i even[LANES], odd[LANES];
    EACH (l, LANES) {
      const __m256i q = V(load32)(at->q + 64 * j + 32 * l);
      even[l] = _mm256_and_si256(q, _mm256_set1_epi16(255)), odd[l] = _mm256_srli_epi16(q, 8);
    }
    EACH (c, columns) {
      int32_t x;
      memcpy(&x, at->x + 4 * (j * at->width + c), sizeof x);
      const __m256i both = _mm256_set1_epi32(x), xo = _mm256_srai_epi16(both, 8),
                    xe = _mm256_srai_epi16(_mm256_slli_epi16(both, 8), 8);
      EACH (l, LANES)
      s[c][l] +=
          (vi)_mm256_add_epi32(_mm256_madd_epi16(even[l], xe), _mm256_madd_epi16(odd[l], xo));
    }
  }
}

// Eight pairs of products of nibbles fit into 16 bits: 16 * 15 * 128.
INLINE void V(sums_nibbles)(vi s[PANEL_C][LANES], const oi_block *at, int columns) {
  const __m256i low = _mm256_set1_epi8(15);
  EACH (l, LANES) {
    __m256i pairs[PANEL_C];
    EACH (c, columns) pairs[c] = _mm256_setzero_si256();
    EACH (j, 8) {
      __m256i q = V(load32)(at->q + 64 * (j % 4) + 32 * l);
      q = _mm256_and_si256(j < 4 ? q : _mm256_srli_epi16(q, 4), low);
      EACH (c, columns) {
        int32_t x;
        memcpy(&x, at->x + 4 * (j * at->width + c), sizeof x);
        pairs[c] = _mm256_add_epi16(pairs[c], _mm256_maddubs_epi16(q, _mm256_set1_epi32(x)));
      }
    }
    EACH (c, columns) s[c][l] += (vi)_mm256_madd_epi16(pairs[c], _mm256_set1_epi16(1));
  }
}

INLINE void V(block_sums)(vi s[PANEL_C][LANES], const oi_block *at, int columns, bool q8) {
  if (q8) V(sums_bytes)(s, at, columns);
  else V(sums_nibbles)(s, at, columns);
}

INLINE void V(walk_bytes)(vi s[DOT_GROUPS][LANES], const uint8_t *const q[DOT_GROUPS],
                          const uint8_t *x, int64_t width, int groups) {
  ROLLED for (int j = 0; j < 8; j++) {
    int32_t some;
    memcpy(&some, x + 4 * j * width, sizeof some);
    const __m256i both = _mm256_set1_epi32(some), odd = _mm256_srai_epi16(both, 8),
                  even = _mm256_srai_epi16(_mm256_slli_epi16(both, 8), 8);
    EACH (t, groups)
      EACH (l, LANES) {
        const __m256i w = V(load32)(q[t] + 64 * j + 32 * l);
        s[t][l] += (vi)_mm256_madd_epi16(_mm256_and_si256(w, _mm256_set1_epi16(255)), even);
        s[t][l] += (vi)_mm256_madd_epi16(_mm256_srli_epi16(w, 8), odd);
      }
  }
}

INLINE void V(walk_nibbles)(vi s[DOT_GROUPS][LANES], const uint8_t *const q[DOT_GROUPS],
                            const uint8_t *x, int64_t width, int groups) {
  const __m256i low = _mm256_set1_epi8(15);
  __m256i pairs[DOT_GROUPS][LANES];
  EACH (t, groups)
    EACH (l, LANES) pairs[t][l] = _mm256_setzero_si256();
  ROLLED for (int j = 0; j < 4; j++) {
    int32_t lo, hi;
    memcpy(&lo, x + 4 * j * width, sizeof lo);
    memcpy(&hi, x + 4 * (j + 4) * width, sizeof hi);
    const __m256i xl = _mm256_set1_epi32(lo), xh = _mm256_set1_epi32(hi);
    EACH (t, groups)
      EACH (l, LANES) {
        const __m256i w = V(load32)(q[t] + 64 * j + 32 * l),
                      wh = _mm256_and_si256(_mm256_srli_epi16(w, 4), low);
        pairs[t][l] = _mm256_add_epi16(pairs[t][l],
                                       _mm256_maddubs_epi16(_mm256_and_si256(w, low), xl));
        pairs[t][l] = _mm256_add_epi16(pairs[t][l], _mm256_maddubs_epi16(wh, xh));
      }
  }
  EACH (t, groups)
    EACH (l, LANES) s[t][l] += (vi)_mm256_madd_epi16(pairs[t][l], _mm256_set1_epi16(1));
}

#define WALK_SUMS
INLINE void V(walk_sums)(vi s[DOT_GROUPS][LANES], const uint8_t *const q[DOT_GROUPS],
                         const uint8_t *x, int64_t width, int groups, bool q8) {
  if (q8) V(walk_bytes)(s, q, x, width, groups);
  else V(walk_nibbles)(s, q, x, width, groups);
}

#include "lib/rt/dot_panel.inc"

OI_RT const oi_dots *oi_dots_avx2(void) {
  static const oi_dots dots = DOT_TABLE;
  return &dots;
}

#include "lib/rt/dot_end.inc"
#endif
