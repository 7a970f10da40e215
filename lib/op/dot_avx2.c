// The AVX2 variant. Float kernels are those of dot_float.inc with registers of eight lanes;
// quantized ones take the four blocks of a quad of one row of w at a time, so that lane i of a
// 128-bit accumulator is partial sum i. Without VNNI q8_0 is widened to 16 bits (an unsigned times
// signed byte product saturates), q4_0 is not: its sums of eight products fit into 16 bits.
#include "lib/op/dot.h"
#include "lib/rt/strict.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#define TARGET __attribute__((target("avx2,f16c")))
#define WIDTH 8
#define LANES 2
#define TILE_M 2
#define TILE_N 2
#define STREAMS 4
#define AHEAD 2048
#define MIX_M 2
#define MIX_N 4
typedef float vf __attribute__((vector_size(32)));
typedef float four __attribute__((vector_size(16)));

TARGET static inline __attribute__((always_inline)) vf widen(const uint8_t *p, oinf_dtype type) {
  if (type == OINF_F32) return (vf)_mm256_loadu_ps((const float *)(const void *)p);
  __m128i half = _mm_loadu_si128((const __m128i *)(const void *)p);
  if (type == OINF_F16) return (vf)_mm256_cvtph_ps(half);
  return (vf)_mm256_slli_epi32(_mm256_cvtepu16_epi32(half), 16);
}

TARGET static inline __attribute__((always_inline)) four fold_four(vf p[4][LANES]) {
  __m128 q[4];
  for (int i = 0; i < 4; i++) {
    __m256 a = _mm256_add_ps((__m256)p[i][0], (__m256)p[i][1]);
    q[i] = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  }
  _MM_TRANSPOSE4_PS(q[0], q[1], q[2], q[3]);
  return (four)_mm_add_ps(_mm_add_ps(q[0], q[2]), _mm_add_ps(q[1], q[3]));
}

static void mix_rest(const oi_mix *a, oinf_dtype type) { oi_mix_of(&oi_dots_plain, type)(a); }

#include "lib/op/dot_float.inc"

enum { Q8_BYTES = 34, Q4_BYTES = 18, ROWS = 4 };

INLINE __m128i load16(const void *p) { return _mm_loadu_si128((const __m128i *)p); }
INLINE __m256i load32(const void *p) { return _mm256_loadu_si256((const __m256i *)p); }
INLINE __m256i pair16(const void *low, const void *high) {
  return _mm256_inserti128_si256(_mm256_castsi128_si256(load16(low)), load16(high), 1);
}

// Eight lanes of four blocks, two a register with four lanes each, into one lane a block.
INLINE __m128i fold_pairs(__m256i blocks01, __m256i blocks23) {
  __m256i h = _mm256_hadd_epi32(blocks01, blocks23);  // 0 0 2 2 | 1 1 3 3
  h = _mm256_hadd_epi32(h, h);                        // 0 2 0 2 | 1 3 1 3
  return _mm_unpacklo_epi32(_mm256_castsi256_si128(h), _mm256_extracti128_si256(h, 1));
}

INLINE __m256i nibbles_sum(__m256i v, const int8_t *lo, const int8_t *hi, const int32_t *fix) {
  const __m256i low = _mm256_set1_epi8(15);
  __m256i a = _mm256_maddubs_epi16(_mm256_and_si256(v, low), load32(lo));
  __m256i b = _mm256_maddubs_epi16(_mm256_and_si256(_mm256_srli_epi16(v, 4), low), load32(hi));
  __m256i sum = _mm256_madd_epi16(_mm256_add_epi16(a, b), _mm256_set1_epi16(1));
  return _mm256_add_epi32(sum, load32(fix));
}

INLINE __m128i sums_q4(const oi_quad *x, const uint8_t *w) {
  __m256i v01 = pair16(w + 2, w + 2 + Q4_BYTES),
          v23 = pair16(w + 2 + 2 * Q4_BYTES, w + 2 + 3 * Q4_BYTES);
  return fold_pairs(nibbles_sum(v01, x->lo[0], x->hi[0], x->fix[0]),
                    nibbles_sum(v23, x->lo[2], x->hi[2], x->fix[2]));
}

INLINE __m256i bytes_sum(const uint8_t *w, const int8_t *x) {
  return _mm256_madd_epi16(_mm256_cvtepi8_epi16(load16(w)), _mm256_cvtepi8_epi16(load16(x)));
}

INLINE __m128i sums_q8(const oi_quad *x, const uint8_t *w) {
  __m256i s[4];
  EACH (b, 4) {
    const uint8_t *q = w + 2 + b * Q8_BYTES;
    s[b] = _mm256_add_epi32(bytes_sum(q, x->lo[b]), bytes_sum(q + 16, x->hi[b]));
  }
  __m256i h = _mm256_hadd_epi32(_mm256_hadd_epi32(s[0], s[1]), _mm256_hadd_epi32(s[2], s[3]));
  return _mm_add_epi32(_mm256_castsi256_si128(h), _mm256_extracti128_si256(h, 1));
}

INLINE __m128 scales(const uint8_t *w, int64_t size) {
  uint16_t h[8] = {0};
  EACH (b, 4) memcpy(&h[b], w + b * size, 2);
  return _mm_cvtph_ps(load16(h));
}

// One quad of one row of w by `mr` rows of x, into their accumulators.
INLINE void add_quad(const oi_dot *d, int64_t i, int64_t quad, const uint8_t *w, bool q8, __m128 *p,
                     int mr) {
  const __m128 dw = scales(w, q8 ? Q8_BYTES : Q4_BYTES);
  EACH (r, mr) {
    const oi_quad *x =
        (const oi_quad *)(const void *)((const uint8_t *)d->x + (i + r) * d->x_pitch) + quad;
    __m128 sum = _mm_cvtepi32_ps(q8 ? sums_q8(x, w) : sums_q4(x, w));
    __m128 scale = _mm_mul_ps(dw, _mm_loadu_ps(x->d));
    p[r] = _mm_add_ps(p[r], _mm_mul_ps(scale, sum));
  }
}

INLINE float fold_blocks(__m128 p) {
  float q[4];
  _mm_storeu_ps(q, p);
  float even = q[0] + q[2], odd = q[1] + q[3];
  return positive_zero(even + odd);
}

// `nr` rows of w that lie `apart` rows apart, by `mr` rows of x.
INLINE void tile_q(const oi_dot *d, int64_t i, int64_t j, int64_t apart, bool q8, int mr, int nr) {
  const int64_t size = q8 ? Q8_BYTES : Q4_BYTES, blocks = d->k / 32;
  const uint8_t *w = (const uint8_t *)d->w + j * d->w_pitch;
  __m128 p[ROWS][ROWS];
  EACH (c, nr)
    EACH (r, mr) p[c][r] = _mm_setzero_ps();
  for (int64_t b = 0; b + 4 <= blocks; b += 4)
    EACH (c, nr) {
      const uint8_t *at = w + c * apart * d->w_pitch + b * size;
      __builtin_prefetch(at + AHEAD, 0, 3);
      __builtin_prefetch(at + AHEAD + 64, 0, 3);
      add_quad(d, i, b / 4, at, q8, p[c], mr);
    }
  if (blocks % 4)
    EACH (c, nr) {
      uint8_t some[4 * Q8_BYTES] = {0};
      memcpy(some, w + c * apart * d->w_pitch + (blocks & ~3) * size, (size_t)(blocks % 4 * size));
      add_quad(d, i, blocks / 4, some, q8, p[c], mr);
    }
  EACH (c, nr)
    EACH (r, mr) d->out[(i + r) * d->out_pitch + j + c * apart] = fold_blocks(p[c][r]);
}

INLINE void run_q(const oi_dot *d, bool q8) {
  if (d->m == 1) {
    int64_t part = d->n / ROWS;
    for (int64_t j = 0; j < part; j++) tile_q(d, 0, j, part, q8, 1, ROWS);
    for (int64_t j = part * ROWS; j < d->n; j++) tile_q(d, 0, j, 1, q8, 1, 1);
    return;
  }
  for (int64_t j = 0; j < d->n; j++) {
    int64_t i = 0;
    for (; i + ROWS <= d->m; i += ROWS) tile_q(d, i, j, 1, q8, ROWS, 1);
    for (; i < d->m; i++) tile_q(d, i, j, 1, q8, 1, 1);
  }
}

TARGET static void dot_q8_0(const oi_dot *d) { run_q(d, true); }
TARGET static void dot_q4_0(const oi_dot *d) { run_q(d, false); }

const oi_dots oi_dots_avx2 = {dot_f32, dot_f16, dot_bf16, dot_q8_0, dot_q4_0,
                              mix_f32, mix_f16, mix_bf16, mixed,    exp_row};
#endif
