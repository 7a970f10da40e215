// The AVX-512 variant, with VNNI. Float kernels are those of dot_float.inc with registers of
// sixteen lanes.
//
// Quantized kernels take a quad (four blocks) of four rows of w at a time, straight from GGUF's
// row-major blocks: byte products are summed into four 32-bit lanes a block, four rows are folded
// and transposed together, and lane 4 l + r of one accumulator is partial sum l of row r. So no
// lane is ever added across before the row's end, sixteen integer sums cost six to nine operations,
// and the sixteen scales come out of one permutation: every row is loaded one word further down,
// under a mask, so that the scales of the four rows lie side by side in one register.
#include "lib/rt/dot_part.h"

#if OI_DOT_X86
#include <immintrin.h>

#define V(name) name##_avx512
#define vf V(floats)
#define vi V(integers)
#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,f16c")))
#define WIDTH 16
#define LANES 1
#define TILE_M 4
#define TILE_N 4
#define STREAMS 8
#define AHEAD 256
#define MIX_M 4
#define MIX_N 4
#define PANEL_C 12
#define PANEL_FEW 4
typedef int32_t vi __attribute__((vector_size(64)));
typedef float vf __attribute__((vector_size(64)));

TARGET static inline __attribute__((always_inline)) vf V(widen)(const uint8_t *p,
                                                                oi_dot_type type) {
  if (type == OI_DOT_F32) return (vf)_mm512_loadu_ps(p);
  __m256i half = _mm256_loadu_si256((const __m256i *)(const void *)p);
  if (type == OI_DOT_F16) return (vf)_mm512_cvtph_ps(half);
  return (vf)_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16);
}

#define WIDEN_SOME
TARGET static inline __attribute__((always_inline)) vf V(widen_some)(const uint8_t *p, int64_t n,
                                                                     oi_dot_type type) {
  const __mmask16 some = (__mmask16)(n >= 16 ? 0xffff : (1 << n) - 1);
  if (type == OI_DOT_F32) return (vf)_mm512_maskz_loadu_ps(some, p);
  __m256i half = _mm256_maskz_loadu_epi16(some, p);
  if (type == OI_DOT_F16) return (vf)_mm512_cvtph_ps(half);
  return (vf)_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16);
}

// Halves of two sums side by side, then quarters of four: lane 4 i of the last vector is sum i.
TARGET static inline __attribute__((always_inline)) __m512 V(join)(__m512 a, __m512 b) {
  return _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(a, b, 0xee));
}
TARGET static inline __attribute__((always_inline)) float4 V(fold_four)(vf p[4][LANES]) {
  __m512 a = V(join)((__m512)p[0][0], (__m512)p[1][0]),
         b = V(join)((__m512)p[2][0], (__m512)p[3][0]);
  a = _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x88), _mm512_shuffle_f32x4(a, b, 0xdd));
  a = _mm512_add_ps(a, _mm512_permute_ps(a, 0x4e));
  a = _mm512_add_ps(a, _mm512_permute_ps(a, 0xb1));
  const __m512i firsts = _mm512_setr_epi32(0, 4, 8, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  return (float4)_mm512_castps512_ps128(_mm512_permutexvar_ps(firsts, a));
}

TARGET static inline __attribute__((always_inline)) void V(transpose)(float4 r[4]) {
  __m128 a = (__m128)r[0], b = (__m128)r[1], c = (__m128)r[2], d = (__m128)r[3];
  _MM_TRANSPOSE4_PS(a, b, c, d);
  r[0] = (float4)a, r[1] = (float4)b, r[2] = (float4)c, r[3] = (float4)d;
}

static void V(mix_rest)(const oi_mix *a, oi_dot_type type) { oi_mix_of(oi_dots_avx2(), type)(a); }

#include "lib/rt/dot_float.inc"

enum {
  DOT_X_ROWS = 8,
  DOT_FAR = 256,
  DOT_FIRST_CACHE = 1 << 15
};

INLINE __m128i V(load16)(const void *p) { return _mm_loadu_si128((const __m128i *)p); }

// Sixteen bytes of each of four blocks that lie `size` apart.
INLINE __m512i V(gather)(const uint8_t *p, int size) {
  __m512i v = _mm512_castsi128_si512(V(load16)(p));
  v = _mm512_inserti32x4(v, V(load16)(p + size), 1);
  v = _mm512_inserti32x4(v, V(load16)(p + 2 * size), 2);
  return _mm512_inserti32x4(v, V(load16)(p + 3 * size), 3);
}

typedef struct V(weights) {
  __m512i lo[DOT_ROWS], hi[DOT_ROWS];  // unsigned: the value and 128 or 8
  __m512 scale;                        // lane 4 l + r: of block l of row r
} V(weights);

INLINE void V(load_q4)(V(weights) * q, const uint8_t *const w[DOT_ROWS]) {
  const __m512i low = _mm512_set1_epi8(15);
  EACH(r, DOT_ROWS) {
    __m512i v = V(gather)(w[r] + 2, Q4_BYTES);
    q->lo[r] = _mm512_and_si512(v, low);
    q->hi[r] = _mm512_and_si512(_mm512_srli_epi16(v, 4), low);
  }
  // Word 9 l of row r is the scale of block l; it lands in word 9 l + r.
  __m512i words = _mm512_setzero_si512();
  EACH(r, DOT_ROWS) words = _mm512_mask_loadu_epi16(words, 0x08040201u << r, w[r] - 2 * r);
  const __m512i order = _mm512_castsi256_si512(
      _mm256_setr_epi16(0, 1, 2, 3, 9, 10, 11, 12, 18, 19, 20, 21, 27, 28, 29, 30));
  q->scale = _mm512_cvtph_ps(_mm512_castsi512_si256(_mm512_permutexvar_epi16(order, words)));
}

INLINE void V(load_q8)(V(weights) * q, const uint8_t *const w[DOT_ROWS]) {
  const __m512i top = _mm512_set1_epi8(-128);
  EACH(r, DOT_ROWS) {
    q->lo[r] = _mm512_xor_si512(V(gather)(w[r] + 2, Q8_BYTES), top);
    q->hi[r] = _mm512_xor_si512(V(gather)(w[r] + 18, Q8_BYTES), top);
  }
  // Words 0 and 17 of a row are the scales of blocks 0 and 1, and of blocks 2 and 3 two blocks
  // further on.
  __m512i words = _mm512_setzero_si512();
  EACH(r, DOT_ROWS) {
    words = _mm512_mask_loadu_epi16(words, 0x00020001u << r, w[r] - 2 * r);
    words =
        _mm512_mask_loadu_epi16(words, 0x00020001u << (4 + r), w[r] + 2 * Q8_BYTES - 2 * (4 + r));
  }
  const __m512i order = _mm512_castsi256_si512(
      _mm256_setr_epi16(0, 1, 2, 3, 17, 18, 19, 20, 4, 5, 6, 7, 21, 22, 23, 24));
  q->scale = _mm512_cvtph_ps(_mm512_castsi512_si256(_mm512_permutexvar_epi16(order, words)));
}

// Four lanes a block in each of four rows, into lane 4 l + r; the sums of two lanes of q4_0 fit
// into 16 bits.
INLINE __m512i V(fold_q4)(const __m512i s[DOT_ROWS]) {
  const __m512i one = _mm512_set1_epi16(1);
  __m512i a = _mm512_madd_epi16(_mm512_packs_epi32(s[0], s[1]), one);
  __m512i b = _mm512_madd_epi16(_mm512_packs_epi32(s[2], s[3]), one);
  return _mm512_madd_epi16(_mm512_packs_epi32(a, b), one);
}

INLINE __m512i V(fold_q8)(const __m512i s[DOT_ROWS]) {
  __m512i a =
      _mm512_add_epi32(_mm512_unpacklo_epi32(s[0], s[1]), _mm512_unpackhi_epi32(s[0], s[1]));
  __m512i b =
      _mm512_add_epi32(_mm512_unpacklo_epi32(s[2], s[3]), _mm512_unpackhi_epi32(s[2], s[3]));
  return _mm512_add_epi32(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
}

INLINE __m512 V(quad_values)(const V(weights) * q, const oi_quad *x, bool q8) {
  const __m512i lo = _mm512_loadu_si512(x->lo), hi = _mm512_loadu_si512(x->hi),
                fix = _mm512_loadu_si512(x->fix);
  __m512i s[DOT_ROWS];
  EACH(r, DOT_ROWS)
  s[r] = _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(fix, q->lo[r], lo), q->hi[r], hi);
  const __m512i spread = _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
  __m512 dx = _mm512_permutexvar_ps(spread, _mm512_castps128_ps512(_mm_loadu_ps(x->d)));
  __m512 scale = _mm512_mul_ps(q->scale, dx);
  return _mm512_mul_ps(scale, _mm512_cvtepi32_ps(q8 ? V(fold_q8)(s) : V(fold_q4)(s)));
}

INLINE void V(add_quad)(const oi_dot *d, int64_t i, int64_t quad, const uint8_t *const w[DOT_ROWS],
                        bool q8, __m512 *p, int mr) {
  V(weights) q;
  if (q8) V(load_q8)(&q, w);
  else V(load_q4)(&q, w);
  EACH(r, mr) {
    const oi_quad *x =
        (const oi_quad *)(const void *)((const uint8_t *)d->x + (i + r) * d->x_pitch) + quad;
    p[r] = _mm512_add_ps(p[r], V(quad_values)(&q, x, q8));
  }
}

// The blocks behind the last whole quad, with zeros up to it.
INLINE void V(add_rest)(const oi_dot *d, int64_t i, const uint8_t *const w[DOT_ROWS], bool q8,
                        __m512 *p, int mr) {
  const int64_t blocks = d->k / 32, size = q8 ? Q8_BYTES : Q4_BYTES;
  if (blocks % 4 == 0) return;
  uint8_t some[DOT_ROWS][4 * Q8_BYTES] = {{0}};
  const uint8_t *at[DOT_ROWS];
  for (int r = 0; r < DOT_ROWS; r++) {
    at[r] = memcpy(some[r], w[r], (size_t)(blocks % 4 * size));
  }
  V(add_quad)(d, i, blocks / 4, at, q8, p, mr);
}

INLINE void V(store_rows)(const oi_dot *d, int64_t i, int64_t j, int64_t apart, int64_t rows,
                          __m512 p) {
  __m256 even_odd = _mm256_add_ps(_mm512_castps512_ps256(p), _mm512_extractf32x8_ps(p, 1));
  __m128 sum = _mm_add_ps(_mm256_castps256_ps128(even_odd), _mm256_extractf128_ps(even_odd, 1));
  float r[DOT_ROWS];
  _mm_storeu_ps(r, sum);
  for (int64_t c = 0; c < rows; c++)
    d->out[i * d->out_pitch + j + c * apart] = dot_positive_zero(r[c]);
}

// Up to four rows of w that lie `apart` rows apart (the last one again where there are fewer), by
// `mr` rows of x.
INLINE void V(tile_q)(const oi_dot *d, int64_t i, int64_t j, int64_t apart, int64_t rows, bool q8,
                      int mr) {
  const int64_t step = 4 * (q8 ? Q8_BYTES : Q4_BYTES);
  const uint8_t *w[DOT_ROWS];
  for (int64_t r = 0; r < DOT_ROWS; r++)
    w[r] = (const uint8_t *)d->w + (j + (r < rows ? r : rows - 1) * apart) * d->w_pitch;
  __m512 p[DOT_X_ROWS];
  EACH(r, mr) p[r] = _mm512_setzero_ps();
  for (int64_t quad = 0; quad < d->k / OI_QUAD; quad++) {
    EACH(r, DOT_ROWS)
    EACH(line, (step + 63) / 64) __builtin_prefetch(w[r] + DOT_FAR + 64 * line, 0, 3);
    V(add_quad)(d, i, quad, w, q8, p, mr);
    EACH(r, DOT_ROWS) w[r] += step;
  }
  V(add_rest)(d, i, w, q8, p, mr);
  EACH(r, mr) V(store_rows)(d, i + r, j, apart, rows, p[r]);
}

INLINE void V(run_rows)(const oi_dot *d, int64_t i, bool q8, int mr) {
  for (int64_t j = 0; j < d->n; j += DOT_ROWS)
    V(tile_q)(d, i, j, 1, d->n - j < DOT_ROWS ? d->n - j : DOT_ROWS, q8, mr);
}

INLINE void V(run_q)(const oi_dot *d, bool q8) {
  if (d->m == 1 && d->n >= DOT_ROWS) {
    int64_t part = d->n / DOT_ROWS;
    for (int64_t j = 0; j < part; j++) V(tile_q)(d, 0, j, part, DOT_ROWS, q8, 1);
    if (d->n % DOT_ROWS) V(tile_q)(d, 0, part * DOT_ROWS, 1, d->n % DOT_ROWS, q8, 1);
    return;
  }
  // Rows of x stay in the first cache while the rows of w pass by.
  const bool few = DOT_X_ROWS * d->x_pitch > DOT_FIRST_CACHE;
  int64_t i = 0;
  for (; !few && i + DOT_X_ROWS <= d->m; i += DOT_X_ROWS) V(run_rows)(d, i, q8, DOT_X_ROWS);
  for (; i + 4 <= d->m; i += 4) V(run_rows)(d, i, q8, 4);
  for (; i < d->m; i++) V(run_rows)(d, i, q8, 1);
}

TARGET static void V(dot_q8_0)(const oi_dot *d) { V(run_q)(d, true); }
TARGET static void V(dot_q4_0)(const oi_dot *d) { V(run_q)(d, false); }

// Four products of bytes for each row of w, straight into its sum.
INLINE void V(block_sums)(vi s[PANEL_C][LANES], const oi_block *at, int columns, bool q8) {
  const __m512i low = _mm512_set1_epi8(15);
  EACH (j, 8) {
    __m512i q = _mm512_loadu_si512(at->q + 64 * (q8 ? j : j % 4));
    if (!q8) q = _mm512_and_si512(j < 4 ? q : _mm512_srli_epi16(q, 4), low);
    EACH (c, columns) {
      int32_t x;
      memcpy(&x, at->x + 4 * (j * at->width + c), sizeof x);
      s[c][0] = (vi)_mm512_dpbusd_epi32((__m512i)s[c][0], q, _mm512_set1_epi32(x));
    }
  }
}

INLINE void V(walk_bytes)(vi s[DOT_GROUPS][LANES], const uint8_t *const q[DOT_GROUPS],
                          const uint8_t *x, int64_t width, int groups) {
  EACH (j, 8) {
    int32_t some;
    memcpy(&some, x + 4 * j * width, sizeof some);
    const __m512i xs = _mm512_set1_epi32(some);
    EACH (t, groups)
      s[t][0] = (vi)_mm512_dpbusd_epi32((__m512i)s[t][0], _mm512_loadu_si512(q[t] + 64 * j), xs);
  }
}

// High halves are multiplied where they stand, and their sum is shifted down.
INLINE void V(walk_nibbles)(vi s[DOT_GROUPS][LANES], const uint8_t *const q[DOT_GROUPS],
                            const uint8_t *x, int64_t width, int groups) {
  const __m512i low = _mm512_set1_epi8(15);
  __m512i high[DOT_GROUPS];
  EACH (t, groups) high[t] = _mm512_setzero_si512();
  EACH (j, 4) {
    int32_t lo, hi;
    memcpy(&lo, x + 4 * j * width, sizeof lo);
    memcpy(&hi, x + 4 * (j + 4) * width, sizeof hi);
    const __m512i xl = _mm512_set1_epi32(lo), xh = _mm512_set1_epi32(hi);
    EACH (t, groups) {
      const __m512i w = _mm512_loadu_si512(q[t] + 64 * j);
      s[t][0] = (vi)_mm512_dpbusd_epi32((__m512i)s[t][0], _mm512_and_si512(w, low), xl);
      high[t] = _mm512_dpbusd_epi32(high[t], _mm512_andnot_si512(low, w), xh);
    }
  }
  EACH (t, groups) s[t][0] += (vi)_mm512_srai_epi32(high[t], 4);
}

#define WALK_SUMS
INLINE void V(walk_sums)(vi s[DOT_GROUPS][LANES], const uint8_t *const q[DOT_GROUPS],
                         const uint8_t *x, int64_t width, int groups, bool q8) {
  if (q8) V(walk_bytes)(s, q, x, width, groups);
  else V(walk_nibbles)(s, q, x, width, groups);
}

#include "lib/rt/dot_panel.inc"

OI_RT const oi_dots *oi_dots_avx512(void) {
  static const oi_dots dots = DOT_TABLE;
  return &dots;
}

OI_RT const oi_dots *oi_dots_amx(void) {
  static const oi_dots dots = DOT_TABLE_OF(oi_amx_q8_0, oi_amx_q4_0, NULL, NULL, NULL);
  return &dots;
}

#if OI_FAST && OI_DOT_TYPES & 4
#include "lib/rt/dot_bf16.inc"
#else
OI_RT const oi_dots *oi_dots_bf16(void) { return NULL; }
#endif

#include "lib/rt/dot_end.inc"
#endif
